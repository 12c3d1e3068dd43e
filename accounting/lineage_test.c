/* lineage_test.c: what the ledger says of an asset reaches the charge: terms as at submit, owner and shares as at the start. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"

#define NET 0xee
#define WEB 0xdd

/* Model "net" of account/biology on the ledger, 1 AIC a job: 20 % go to data set 0xdd.. of another site, 5 % to "faces". */
static aic_ledger_asset member[3];
static aic_ledger_family family = {3, member};

static void make_family(void)
{
	memset(member, 0, sizeof(member));
	member[0] = (aic_ledger_asset){.kind = AIC_ASSET_TRAINED, .owner = "account/biology", .licence = "MIT", .per_job = AIC_UNIT, .generation = 2,
	                               .n_parents = 2};
	memset(member[0].id, NET, sizeof(member[0].id));
	member[1] = (aic_ledger_asset){.kind = AIC_ASSET_DATA, .owner = "0x00112233445566778899aabbccddeeff00112233", .generation = 1};
	memset(member[1].id, WEB, sizeof(member[1].id));
	member[2] = (aic_ledger_asset){.kind = AIC_ASSET_DATA, .owner = "provider/lab-two", .generation = 1};
	memset(member[2].id, 1, sizeof(member[2].id));
	memset(member[0].parent[0].id, 1, AIC_ASSET_ID_LEN);
	memset(member[0].parent[1].id, WEB, AIC_ASSET_ID_LEN);
	member[0].parent[0].ppm = 50000;
	member[0].parent[1].ppm = 200000;
}

/* aic.yaml with its row "net" (1) on the ledger, and "faces" the ledger's 0x01.. too. */
static int open_family(void **state)
{
	if (fixture_open(state))
		return -1;
	fixture *f = *state;
	make_family();
	for (int i = 0; i < 2; i++) {
		f->config.asset[i].on_ledger = true;
		memset(f->config.asset[i].number, i ? NET : 1, AIC_ASSET_NUMBER_LEN);
	}
	return 0;
}

static void take(fixture *f, int64_t now)
{
	aic_error err = {0};

	if (aic_registry_take(f->registry, f->store, &f->config, 1, &family, now, &err) != AIC_OK)
		fail_msg("%s", err.message);
}

static aic_asset_version net_at(fixture *f, int64_t submit, int64_t start)
{
	aic_asset_version v;

	assert_true(aic_registry_asset(f->registry, "net", true, submit, start, &v));
	return v;
}

static void versions(void **state)
{
	fixture *f = *state;
	aic_asset_version v;
	int64_t rows;

	take(f, 5000);
	assert_true(net_at(f, 4999, 4999).terms.per_job == 2 * AIC_UNIT); /* aic.yaml's, before */
	assert_true(net_at(f, 5000, 5000).terms.per_job == AIC_UNIT);
	take(f, 5500); /* nothing new */
	assert_int_equal(aic_sql_int(f->store->db, &rows, NULL, "SELECT count(*) FROM asset WHERE name='net'", ""), AIC_OK);
	assert_int_equal(rows, 2);
	member[0].per_job = 3 * AIC_UNIT;
	aic_str_copy(member[0].owner, AIC_NAME_LEN, "provider/lab-two");
	take(f, 6000);
	v = net_at(f, 5999, 6001); /* submitted before, started after */
	assert_true(v.terms.per_job == AIC_UNIT);
	assert_string_equal(v.owner, "provider/lab-two");
	member[0].retired = 99;
	take(f, 7000);
	assert_false(aic_registry_asset(f->registry, "net", true, 7000, 7000, &v));
	assert_true(aic_registry_asset(f->registry, "net", true, 6999, 7001, &v)); /* a job that was quoted before runs on its terms */
	assert_string_equal(v.owner, "provider/lab-two");
	fixture_reopen(f);
	v = net_at(f, 6000, 6000);
	assert_true(v.lineage->n == 3 && !strcmp(v.lineage->licence, "MIT") && v.lineage->number[0] == NET);
}

static void another_kind(void **state)
{
	fixture *f = *state;
	aic_asset_version v;

	member[0].kind = AIC_ASSET_DATA; /* aic.yaml calls it a model */
	take(f, 5000);
	assert_false(aic_registry_asset(f->registry, "net", true, 5000, 5000, &v));
}

static aic_job_record job_of_net(uint32_t id)
{
	aic_job_record r = fixture_record(id, 3600);

	r.submit = 6000;
	r.start = 6001;
	r.end = 9601;
	aic_str_copy(r.model, sizeof(r.model), "net");
	return r;
}

static void shares(void **state)
{
	fixture *f = *state;
	aic_job_record r = job_of_net(1);

	take(f, 5000);
	fixture_ingest(f, &r);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, " model account/physics account/biology 0.75 open\n"
	                           " model account/physics 0x00112233445566778899aabbccddeeff00112233 0.2 open\n"
	                           " model account/physics provider/lab-two 0.05 open\n"
	                           "n1 hardware account/physics provider/lab-one 2.1425 open\n");
	free(lines);
	aic_job_record_clear(&r);
}

/* The names that tell a job's lines apart: this site's, the number of what has none here, the kind where a name is there twice. */
static void names(void **state)
{
	fixture *f = *state;
	aic_lineage l;

	aic_lineage_of_family(&l, &f->config, &family);
	assert_string_equal(l.asset[0].name, "net");
	assert_true(!strncmp(l.asset[1].name, "0xdddd", 6) && strlen(l.asset[1].name) == 66);
	assert_string_equal(l.asset[2].name, "faces");
	aic_lineage_clear(&l);
	aic_str_copy(f->config.asset[0].name, AIC_NAME_LEN, "net");
	aic_lineage_of_family(&l, &f->config, &family);
	assert_string_equal(l.asset[2].name, "net (data)");
	aic_lineage_clear(&l);
}

/* Whoever gives all away earns nothing, and is named all the same. */
static void all_given_away(void **state)
{
	fixture *f = *state;
	aic_lineage_part part[3];
	aic_error err = {0};
	aic_lineage l;
	size_t n;

	member[0].parent[0].ppm = 300001;
	member[0].parent[1].ppm = 699999;
	aic_lineage_of_family(&l, &f->config, &family);
	assert_int_equal(aic_lineage_divide(&l, 1000, part, &n, &err), AIC_OK);
	assert_true(n == 3 && part[0].asset == &l.asset[0] && part[0].amount == 0);
	assert_true(part[1].amount + part[2].amount == 1000);
	aic_lineage_clear(&l);
}

static void damaged(void **state)
{
	fixture *f = *state;
	aic_bytes b = {0};
	aic_error err = {0};
	aic_lineage l, again;

	aic_lineage_of_family(&l, &f->config, &family);
	aic_lineage_encode(&b, &l);
	assert_int_equal(aic_lineage_decode(&again, b.data, b.len, &err), AIC_OK);
	assert_true(again.n == 3 && again.asset[0].parent[1].at == 1);
	aic_lineage_clear(&again);
	for (size_t len = 0; len < b.len; len++)
		assert_int_not_equal(aic_lineage_decode(&again, b.data, len, &err), AIC_OK);
	l.asset[0].parent[0].at = 3; /* none of them */
	aic_bytes_clear(&b);
	aic_lineage_encode(&b, &l);
	assert_int_not_equal(aic_lineage_decode(&again, b.data, b.len, &err), AIC_OK);
	assert_non_null(strstr(err.message, "names number 3"));
	aic_lineage_clear(&l);
	aic_bytes_free(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_family, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {T(versions), T(another_kind), T(shares), T(names), T(all_given_away), T(damaged)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
