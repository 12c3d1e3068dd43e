/* Bytes held become lines: one a period, grown by each declaration, each declaration once. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/acts.h"
#include "accounting/fixture.h"
#include "accounting/storage.h"
#include "common/log.h"

#define DAY 86400
#define MONDAY (4 * DAY)  /* 1970-01-05 begins 1970-W02 */
#define GIB (1ull << 30)
#define NOW (60 * DAY)

static int priced(void **state)
{
	if (fixture_open(state))
		return -1;
	fixture *f = *state;
	f->config.rates.storage_gib_month = AIC_UNIT / 50; /* 0.02 AIC */
	fixture_reopen(f);
	assert_int_equal(aic_sql_script(f->store->db, "DELETE FROM rates WHERE since=0; UPDATE rates SET since=0", NULL), AIC_OK);
	fixture_reopen(f);
	return 0;
}

static aic_storage_result declare(fixture *f, const char *asset, const char *provider, const char *node, int64_t start, int64_t end,
                                  uint64_t bytes, aic_code want, const char *text)
{
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_storage s = {.start = start, .end = end, .bytes = bytes, .is_model = !strcmp(asset, "net")};
	aic_storage_result what = AIC_STORAGE_EQUAL;
	aic_error err = {0};

	aic_str_copy(s.asset, sizeof(s.asset), asset);
	aic_str_copy(s.provider, sizeof(s.provider), provider);
	aic_str_copy(s.node, sizeof(s.node), node);
	aic_code rc = aic_storage_take(&in, &s, 0, NOW, &what, &err);
	if (rc != want || (text && strcmp(err.message, text)))
		fail_msg("%d %s", (int)rc, err.message);
	assert_true(aic_store_wallet_find(f->store, "provider/lab-one") == NULL ||
	            aic_store_wallet_find(f->store, "provider/lab-one")->unsettled == fixture_open_gross(f, "provider/lab-one"));
	return what;
}

static char *lines(fixture *f)
{
	char amount[AIC_AMOUNT_TEXT];
	aic_storage_line *l;
	aic_bytes out = {0};
	size_t n;

	assert_int_equal(aic_storage_lines(f->store, 0, NOW, &l, &n, NULL), AIC_OK);
	for (size_t i = 0; i < n; i++)
		aic_bytes_printf(&out, "%s %s->%s days %lld-%lld %s\n", l[i].asset, aic_store_wallet_by_id(f->store, l[i].payer)->name,
		                 aic_store_wallet_by_id(f->store, l[i].payee)->name, (long long)l[i].start / DAY, (long long)l[i].end / DAY,
		                 aic_amount_format(amount, l[i].gross));
	aic_bytes_append(&out, "", 1);
	free(l);
	return (char *)out.data;
}

static void expect_lines(fixture *f, const char *want)
{
	char *got = lines(f);

	assert_string_equal(got, want);
	free(got);
}

/* 100 GiB for 3 days at 0.02 AIC per GiB and 30 days: 0.2 AIC. */
static void one_line_a_period(void **state)
{
	fixture *f = *state;

	assert_int_equal(declare(f, "faces", "lab-two", "", MONDAY, MONDAY + 3 * DAY, 100 * GIB, AIC_OK, NULL), AIC_STORAGE_CHARGED);
	expect_lines(f, "faces provider/lab-one->provider/lab-two days 4-11 0.2\n");
	assert_int_equal(declare(f, "faces", "lab-two", "", MONDAY, MONDAY + 3 * DAY, 100 * GIB, AIC_OK, NULL), AIC_STORAGE_EQUAL);
	declare(f, "faces", "lab-two", "", MONDAY + 3 * DAY, MONDAY + 9 * DAY, 100 * GIB, AIC_OK, NULL);
	declare(f, "faces", "", "n3", MONDAY, MONDAY + DAY, 30 * GIB, AIC_OK, NULL); /* n3 is lab-two's */
	expect_lines(f, "faces provider/lab-one->provider/lab-two days 4-11 0.486666666666666666\n"
	                "faces provider/lab-one->provider/lab-two days 11-18 0.133333333333333333\n");
	declare(f, "net", "lab-two", "", MONDAY, MONDAY + 3 * DAY, GIB, AIC_OK, NULL);
	declare(f, "faces", "lab-one", "", MONDAY, MONDAY + 3 * DAY, GIB, AIC_OK, NULL); /* one's own storage costs nothing */
	expect_lines(f, "faces provider/lab-one->provider/lab-two days 4-11 0.486666666666666666\n"
	                "net account/biology->provider/lab-two days 4-11 0.002\n"
	                "faces provider/lab-one->provider/lab-two days 11-18 0.133333333333333333\n");
}

static void refused_in_a_sentence(void **state)
{
	fixture *f = *state;

	declare(f, "faces", "lab-two", "", MONDAY, MONDAY + DAY, GIB, AIC_OK, NULL);
	declare(f, "faces", "lab-two", "", MONDAY, MONDAY + DAY, 2 * GIB, AIC_REFUSED,
	        "faces at lab-two is declared from 1970-01-05T00:00:00Z to 1970-01-06T00:00:00Z already: declare what follows");
	declare(f, "faces", "lab-two", "", MONDAY + DAY - 1, MONDAY + 2 * DAY, GIB, AIC_REFUSED, NULL);
	declare(f, "faces", "lab-two", "", MONDAY + DAY, MONDAY + DAY, GIB, AIC_USAGE,
	        "bytes are held from one moment to a later one that is past: --since comes before --until");
	declare(f, "faces", "lab-two", "", MONDAY, NOW + DAY, GIB, AIC_USAGE, NULL);
	declare(f, "faces", "lab-two", "", MONDAY + DAY, MONDAY + 2 * DAY, 0, AIC_USAGE, "0 bytes are nothing that is held");
	declare(f, "what", "lab-two", "", MONDAY, MONDAY + DAY, GIB, AIC_REFUSED, "data set what was not registered then: see `assets` in aic.yaml");
	declare(f, "faces", "", "n4", MONDAY, MONDAY + DAY, GIB, AIC_REFUSED, "whose storage is it? Name the provider, or a node that one owns");
	declare(f, "faces", "lab-x", "", MONDAY, MONDAY + DAY, GIB, AIC_REFUSED,
	        "no provider is called lab-x: aic.yaml lists them under `providers`");
}

static aic_batch close_week(fixture *f)
{
	aic_error err = {0};
	aic_batch b;

	if (aic_batch_close(&f->batches, "1970-W02", MONDAY, MONDAY + 7 * DAY, 100000, 0, NOW, &b, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return b;
}

/* Rated as metered, in the batch's hash and evidence, and what comes later is another line. */
static void closes_with_the_period(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	aic_tally t;

	declare(f, "faces", "lab-two", "", MONDAY, MONDAY + 7 * DAY, 100 * GIB, AIC_OK, NULL);
	aic_batch b = close_week(f);
	assert_true(b.lines == 1 && b.gross == AIC_UNIT * 7 / 15);
	assert_int_equal(aic_batch_sums(f->store, &b, &t, &err), AIC_OK);
	assert_int_equal(t.sum[0].kind, AIC_KIND_STORAGE);
	assert_true(t.sum[0].stake == t.sum[0].fee * 500000);
	aic_tally_clear(&t);
	aic_hash evidence = b.evidence;
	declare(f, "faces", "lab-two", "n3", MONDAY, MONDAY + 3 * DAY, 100 * GIB, AIC_OK, NULL);
	b = close_week(f);
	assert_true(b.number == 2 && b.gross == AIC_UNIT / 5);
	assert_memory_not_equal(&evidence, &b.evidence, sizeof(evidence));
	/* acts and hashes as for any line */
	assert_int_equal(aic_line_act(&f->batches, 2, AIC_ACT_ADJUST, AIC_UNIT / 10, "half was lost", 42, 9, &err), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "1970-W02", 2, &b, &err), AIC_OK);
	assert_true(b.gross == AIC_UNIT / 10);
	assert_true(aic_store_wallet_find(f->store, "provider/lab-one")->unsettled == fixture_open_gross(f, "provider/lab-one"));
}

/* Lines of jobs and of storage come in turns, into one batch. */
static void among_the_lines_of_jobs(void **state)
{
	fixture *f = *state;
	int64_t lines = 0, ids = 0;

	for (uint32_t id = 1; id <= 4; id++) {
		aic_job_record r = fixture_record(id, 7200);
		r.start = MONDAY + 100;
		r.end = r.start + 7200;
		fixture_ingest(f, &r);
		aic_job_record_clear(&r);
		declare(f, id % 2 ? "faces" : "net", "lab-two", "", MONDAY + id * DAY, MONDAY + (id + 1) * DAY, 30 * GIB, AIC_OK, NULL);
		if (id == 2)
			fixture_reopen(f);
	}
	assert_int_equal(aic_sql_int(f->store->db, &lines, NULL, "SELECT count(*) FROM line", ""), AIC_OK);
	assert_int_equal(aic_sql_int(f->store->db, &ids, NULL, "SELECT count(DISTINCT id) FROM line", ""), AIC_OK);
	assert_true(lines == 6 && ids == 6);
	aic_batch b = close_week(f);
	assert_true(b.lines == 6 && b.gross == 4 * (AIC_UNIT * 4285 / 1000) + 4 * (AIC_UNIT / 50));
}

/* Any order of declarations gives the same line, and the same evidence. */
static void order_does_not_matter(void **state)
{
	aic_hash evidence[2];

	for (int k = 0; k < 2; k++) {
		void *other = NULL;
		assert_int_equal(priced(&other), 0);
		for (int i = 0; i < 5; i++) {
			int day = k ? 4 - i : i;
			declare(other, "faces", "lab-two", day % 2 ? "n3" : "", MONDAY + day * DAY, MONDAY + (day + 1) * DAY, (7 + (uint64_t)day) * GIB + 1,
			        AIC_OK, NULL);
		}
		evidence[k] = close_week(other).evidence;
		fixture_close(&other);
	}
	(void)state;
	assert_memory_equal(&evidence[0], &evidence[1], sizeof(evidence[0]));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, priced, fixture_close)
	const struct CMUnitTest tests[] = {
		T(one_line_a_period), T(refused_in_a_sentence), T(closes_with_the_period), T(among_the_lines_of_jobs), cmocka_unit_test(order_does_not_matter),
	};

	aic_log_open("storage_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
