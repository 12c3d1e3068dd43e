/* snapshot_test.c: what aicacctd wrote is what job_submit finds, and a damaged file is refused whole. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/snapshot.h"
#include "common/testing.h"

#define HASH 32

static const aic_snapshot_account accounts[] = {
	{"physics", 3 * AIC_UNIT, 5 * AIC_UNIT, 500000}, {"biology", 0, 1, 0}, {"zoology", ~(aic_amount)0, ~(aic_amount)0, 1000000},
};
static const aic_snapshot_asset assets[] = {
	{"mnist", true, {1, 2}}, {"mnist", false, {3, 4}}, {"cifar", false, {AIC_UNIT, 0}},
};
static const char partitions[][AIC_NAME_LEN] = {"lease", "gpu"};
static const char scope_accounts[][AIC_NAME_LEN] = {"physics"};

static aic_snapshot_content sample(void)
{
	aic_snapshot_content c;
	memset(&c, 0, sizeof c);
	c.written_at = 1700000000;
	c.enforce = true;
	c.closed_when_stale = true;
	c.stale_after = 120;
	aic_rates_default(&c.rates);
	c.rates.gpu_types = 2;
	strcpy(c.rates.gpu[0].type, "h100");
	c.rates.gpu[0].per_hour = 3 * AIC_UNIT;
	strcpy(c.rates.gpu[1].type, "a100");
	c.rates.gpu[1].per_hour = AIC_UNIT;
	c.accounts = 3;
	c.account = accounts;
	c.assets = 3;
	c.asset = assets;
	c.partitions = 2;
	c.partition = partitions;
	c.scope_accounts = 1;
	c.scope_account = scope_accounts;
	return c;
}

static void path_in(char path[256], void **state)
{
	snprintf(path, 256, "%s/aic.snapshot", (char *)*state);
}

static void put(const char *path, const void *data, size_t len)
{
	assert_int_equal(aic_file_write_atomic(path, data, len, 0600, NULL), AIC_OK);
}

static aic_snapshot *open_ok(const char *path)
{
	aic_snapshot *s;
	aic_error err = {0};
	if (aic_snapshot_open(&s, path, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return s;
}

static void write_content(const char *path, const aic_snapshot_content *c)
{
	aic_bytes bytes = {0};
	aic_snapshot_encode(&bytes, c);
	put(path, bytes.data, bytes.len);
	aic_bytes_free(&bytes);
}

static void lookups(void **state)
{
	char path[256];
	aic_snapshot_content c = sample();
	aic_snapshot_account a;
	aic_snapshot_asset asset;
	path_in(path, state);
	write_content(path, &c);
	aic_snapshot *s = open_ok(path);
	assert_true(aic_snapshot_enforce(s));
	assert_false(aic_snapshot_refuse_unfunded(s));
	assert_true(aic_snapshot_closed_when_stale(s));
	for (size_t i = 0; i < 3; i++) {
		assert_true(aic_snapshot_account_find(s, accounts[i].name, &a));
		assert_string_equal(a.name, accounts[i].name);
		assert_true(a.available == accounts[i].available && a.balance == accounts[i].balance);
		assert_true(aic_snapshot_asset_find(s, assets[i].name, assets[i].is_model, &asset));
		assert_true(asset.terms.per_job == assets[i].terms.per_job && asset.is_model == assets[i].is_model);
		assert_true(asset.terms.per_gpu_hour == assets[i].terms.per_gpu_hour);
	}
	assert_false(aic_snapshot_account_find(s, "physic", &a));
	assert_false(aic_snapshot_account_find(s, "physicss", &a));
	assert_false(aic_snapshot_account_find(s, "", &a));
	assert_false(aic_snapshot_account_find(s, NULL, &a));
	assert_false(aic_snapshot_asset_find(s, "cifar", true, &asset));
	const aic_rates *r = aic_snapshot_rates(s);
	assert_int_equal(r->gpu_types, 2);
	assert_true(aic_rate_of_gpu(r, "h100") == 3 * AIC_UNIT && aic_rate_of_gpu(r, "a100") == AIC_UNIT);
	assert_true(aic_rate_of_gpu(r, "v100") == AIC_UNIT / 2 && r->cpu == AIC_UNIT / 100 && r->mem_gib == AIC_UNIT / 1000);
	aic_snapshot_close(s);
}

static void age_and_scope(void **state)
{
	char path[256], name[AIC_NAME_LEN + 10];
	aic_snapshot_content c = sample();
	path_in(path, state);
	write_content(path, &c);
	aic_snapshot *s = open_ok(path);
	assert_int_equal(aic_snapshot_age(s, 1700000060), 60);
	assert_int_equal(aic_snapshot_age(s, 1600000000), 0);
	assert_false(aic_snapshot_stale(s, 1700000120));
	assert_true(aic_snapshot_stale(s, 1700000121));
	assert_true(aic_snapshot_in_scope(s, "gpu", "physics"));
	assert_false(aic_snapshot_in_scope(s, "cpu", "physics"));
	assert_false(aic_snapshot_in_scope(s, "gpu", "biology"));
	assert_false(aic_snapshot_in_scope(s, NULL, "physics"));
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_false(aic_snapshot_in_scope(s, name, "physics"));
	aic_snapshot_close(s);
	c.partitions = c.scope_accounts = 0;
	write_content(path, &c);
	s = open_ok(path);
	assert_true(aic_snapshot_in_scope(s, "anything", "anybody"));
	aic_snapshot_close(s);
}

static void many_accounts(void **state)
{
	enum { N = 20000 };
	char path[256];
	aic_snapshot_content c = sample();
	aic_snapshot_account *many = calloc(N, sizeof *many), found;
	for (int i = 0; i < N; i++) {
		snprintf(many[i].name, sizeof many[i].name, "a%d", i * 7919 % N);
		many[i].available = (aic_amount)(i * 7919 % N);
	}
	c.accounts = N;
	c.account = many;
	path_in(path, state);
	write_content(path, &c);
	aic_snapshot *s = open_ok(path);
	for (int i = 0; i < N; i++) {
		char name[32];
		snprintf(name, sizeof name, "a%d", i);
		assert_true(aic_snapshot_account_find(s, name, &found));
		assert_true(found.available == (aic_amount)i);
	}
	assert_false(aic_snapshot_account_find(s, "a20000", &found));
	aic_snapshot_close(s);
	free(many);
}

static void expect_refused(const char *path, aic_code code)
{
	aic_snapshot *s;
	aic_error err = {0};
	assert_int_equal(aic_snapshot_open(&s, path, &err), code);
	assert_non_null(strstr(err.message, path));
}

static void every_flipped_byte(void **state)
{
	char path[256];
	aic_bytes bytes = {0};
	aic_snapshot_content c = sample();
	aic_snapshot_encode(&bytes, &c);
	path_in(path, state);
	for (size_t at = 0; at < bytes.len; at++) {
		bytes.data[at] ^= (uint8_t)(1u << at % 8);
		put(path, bytes.data, bytes.len);
		expect_refused(path, AIC_CORRUPT);
		bytes.data[at] ^= (uint8_t)(1u << at % 8);
	}
	aic_bytes_free(&bytes);
}

static void cut_and_extended(void **state)
{
	char path[256];
	aic_bytes bytes = {0};
	aic_snapshot_content c = sample();
	aic_snapshot_encode(&bytes, &c);
	path_in(path, state);
	for (size_t len = 0; len < bytes.len; len += len < 400 ? 1 : 37) {
		put(path, bytes.data, len);
		expect_refused(path, AIC_CORRUPT);
	}
	aic_bytes_append(&bytes, "", 1);
	put(path, bytes.data, bytes.len);
	expect_refused(path, AIC_CORRUPT);
	aic_bytes_free(&bytes);
}

static void seal(aic_bytes *b)
{
	aic_hash h = aic_sha256_of(b->data, b->len - HASH);
	memcpy(b->data + b->len - HASH, h.b, HASH);
}

/* A checksum is no proof of sense: tables that a wrong writer made are refused as well. */
static void senseless_tables(void **state)
{
	static const struct { size_t at; uint32_t value; } wrong[] = {
		{88, 0xffffffff}, {92, 100}, {92, 0x7fffffff}, {96, 4000}, {96, 0xffffffff}, {100, 8}, {88 + 4 * 16 + 8, 65},
		{8, 1}, {8, 3}, {12, 8},
	};
	char path[256];
	aic_bytes bytes = {0};
	aic_snapshot_content c = sample();
	path_in(path, state);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		aic_bytes_clear(&bytes);
		aic_snapshot_encode(&bytes, &c);
		aic_put_be32(bytes.data + wrong[i].at, wrong[i].value);
		seal(&bytes);
		put(path, bytes.data, bytes.len);
		expect_refused(path, AIC_CORRUPT);
	}
	aic_bytes_clear(&bytes);
	aic_snapshot_encode(&bytes, &c);
	size_t first = (size_t)aic_get_be64(bytes.data + 88);
	bytes.data[first] = 'z'; /* biology is zbiology's place: unsorted */
	seal(&bytes);
	put(path, bytes.data, bytes.len);
	expect_refused(path, AIC_CORRUPT);
	bytes.data[first] = 'b';
	memset(bytes.data + first, 'b', AIC_NAME_LEN); /* a name without an end */
	seal(&bytes);
	put(path, bytes.data, bytes.len);
	expect_refused(path, AIC_CORRUPT);
	aic_bytes_free(&bytes);
}

static void replaced_while_mapped(void **state)
{
	char path[256];
	aic_snapshot_account a;
	aic_snapshot_content c = sample();
	path_in(path, state);
	write_content(path, &c);
	aic_snapshot *s = open_ok(path), *before = s;
	assert_int_equal(aic_snapshot_refresh(&s, path, NULL), AIC_OK);
	assert_ptr_equal(s, before);
	c.accounts = 1;
	c.account = &accounts[1];
	write_content(path, &c);
	assert_true(aic_snapshot_account_find(s, "physics", &a)); /* the old mapping stands until it is refreshed */
	assert_int_equal(aic_snapshot_refresh(&s, path, NULL), AIC_OK);
	assert_false(aic_snapshot_account_find(s, "physics", &a));
	assert_true(aic_snapshot_account_find(s, "biology", &a));
	aic_snapshot_close(s);
}

static void replaced_by_damage(void **state)
{
	char path[256];
	aic_snapshot_account a;
	aic_error err = {0}, again = {0};
	aic_snapshot_content c = sample();
	path_in(path, state);
	write_content(path, &c);
	aic_snapshot *s = open_ok(path);
	put(path, "AICSNAP1 and nonsense", 21);
	assert_int_equal(aic_snapshot_refresh(&s, path, &err), AIC_CORRUPT);
	assert_int_equal(aic_snapshot_refresh(&s, path, &again), AIC_CORRUPT);
	assert_string_equal(err.message, again.message);
	assert_true(aic_snapshot_account_find(s, "physics", &a));
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(aic_snapshot_refresh(&s, path, &err), AIC_OK);
	assert_true(aic_snapshot_account_find(s, "physics", &a));
	write_content(path, &c);
	assert_int_equal(aic_snapshot_refresh(&s, path, &err), AIC_OK);
	aic_snapshot_close(s);
}

static void first_refresh_opens(void **state)
{
	char path[256];
	aic_snapshot *s = NULL;
	aic_snapshot_content c = sample();
	path_in(path, state);
	expect_refused(path, AIC_NOT_FOUND);
	assert_int_equal(aic_snapshot_refresh(&s, path, NULL), AIC_NOT_FOUND);
	assert_null(s);
	write_content(path, &c);
	assert_int_equal(aic_snapshot_refresh(&s, path, NULL), AIC_OK);
	assert_true(aic_snapshot_enforce(s));
	aic_snapshot_close(s);
}

static void same_content_same_bytes(void **state)
{
	(void)state;
	aic_snapshot_account turned[] = {accounts[2], accounts[0], accounts[1]};
	aic_snapshot_content c = sample();
	aic_bytes one = {0}, two = {0};
	aic_snapshot_encode(&one, &c);
	c.account = turned;
	aic_snapshot_encode(&two, &c);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	aic_bytes_free(&one);
	aic_bytes_free(&two);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(lookups), IN_FOLDER(age_and_scope), IN_FOLDER(many_accounts), IN_FOLDER(every_flipped_byte),
		IN_FOLDER(cut_and_extended), IN_FOLDER(senseless_tables), IN_FOLDER(replaced_while_mapped),
		IN_FOLDER(replaced_by_damage), IN_FOLDER(first_refresh_opens), cmocka_unit_test(same_content_same_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
