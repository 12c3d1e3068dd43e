/* What aicacctd tells whom: wallets, ratings, series, jobs, statements. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/acctd.h"
#include "accounting/fixture.h"
#include "accounting/jobs.h"
#include "accounting/command/report_columns.h"
#include "common/log.h"

#define MEMBER 1 /* daemon, whom every Debian has: of account physics */

static aic_bytes answer;

/* Asks as uid; args are CBOR behind the operation. The cursor is on the answer. */
static aic_code ask(fixture *f, uid_t uid, const char *op, const aic_bytes *args, aic_cbor *c)
{
	aic_acctd d = {.config = f->config, .store = f->store, .registry = f->registry, .batches = f->batches, .fee_ppm = 100000};
	aic_rpc_caller who = {.uid = uid, .gid = 60000};
	size_t items = 0;
	aic_cbor in;

	aic_cbor_init(&in, args->data, args->len);
	aic_bytes_clear(&answer);
	aic_code rc = aic_acctd_serve(&d, &who, op, &in, &answer, &items, NULL);
	aic_cbor_init(c, answer.data, answer.len);
	return rc;
}

static aic_grid rows(fixture *f, uid_t uid, const char *op, const aic_bytes *args, const aic_column *columns, size_t n)
{
	aic_grid g;
	aic_cbor c;

	assert_int_equal(ask(f, uid, op, args, &c), AIC_OK);
	aic_grid_read(&g, &c, columns, n);
	assert_int_equal(aic_cbor_finish(&c, NULL), AIC_OK);
	return g;
}

/* A job of the last two hours. */
static aic_job_record recent(uint32_t id, const char *user, const char *account)
{
	aic_job_record r = fixture_record(id, 0);

	r.submit = r.eligible = aic_now() - 7300;
	r.start = aic_now() - 7200;
	r.end = aic_now();
	aic_str_copy(r.user, sizeof(r.user), user);
	aic_str_copy(r.account, sizeof(r.account), account);
	return r;
}

static int open_with_jobs(void **state)
{
	if (fixture_open(state))
		return -1;
	fixture *f = *state;
	aic_job_record mine = recent(1, "daemon", "physics"), theirs = recent(2, "games", "physics"), other = recent(3, "mail", "biology");

	assert_int_equal(aic_sql_run(f->store->db, NULL, "INSERT INTO member VALUES('lab', 'daemon', 'physics', 0)", ""), AIC_OK);
	aic_str_copy(other.node[0].name, AIC_NAME_LEN, "n3");
	fixture_ingest(f, &mine);
	fixture_ingest(f, &theirs);
	fixture_ingest(f, &other);
	fixture_receipt(f, &mine, "n1", 4000000, 7200000);
	aic_job_record_clear(&mine);
	aic_job_record_clear(&theirs);
	aic_job_record_clear(&other);
	return 0;
}

static int close_all(void **state)
{
	aic_bytes_free(&answer);
	return fixture_close(state);
}

static bool has(const aic_grid *g, size_t column, const char *text)
{
	for (size_t i = 0; i < g->n; i++)
		if (aic_grid_cell(g, i, column)->text && !strcmp(aic_grid_cell(g, i, column)->text, text))
			return true;
	return false;
}

static void wallets_of_ones_own(void **state)
{
	fixture *f = *state;
	aic_bytes none = {0};
	aic_grid all = rows(f, 0, "wallets", &none, aic_wallet_columns, AIC_W_COLUMNS),
	         mine = rows(f, MEMBER, "wallets", &none, aic_wallet_columns, AIC_W_COLUMNS);

	assert_true(has(&all, AIC_W_WALLET, "account/biology") && has(&all, AIC_W_WALLET, "provider/lab-one"));
	assert_int_equal(mine.n, 1);
	assert_true(has(&mine, AIC_W_WALLET, "account/physics"));
	assert_true(aic_grid_cell(&mine, 0, AIC_W_UNSETTLED)->amount == aic_grid_sum(&mine, AIC_W_UNSETTLED));
	aic_grid_clear(&all);
	aic_grid_clear(&mine);
}

static void ratings_and_value_are_everybodys(void **state)
{
	fixture *f = *state;
	aic_bytes none = {0};
	aic_grid ratings = rows(f, MEMBER, "ratings", &none, aic_rating_columns, AIC_R_COLUMNS),
	         value = rows(f, MEMBER, "value", &none, aic_value_columns, AIC_V_COLUMNS);

	assert_int_equal(ratings.n, 2); /* the two providers that ran jobs */
	assert_true(aic_grid_cell(&ratings, 0, AIC_R_RATING)->amount == AIC_UNIT / 2);
	assert_int_equal(value.n, 4);
	assert_string_equal(aic_grid_cell(&value, 0, AIC_V_RESOURCE)->text, "gpu:a100");
	assert_true(aic_grid_cell(&value, 1, AIC_V_HOURS)->amount == 2 * AIC_UNIT);
	assert_true(aic_grid_cell(&value, 2, AIC_V_HOURS)->amount == 100 * AIC_UNIT);
	aic_grid_clear(&ratings);
	aic_grid_clear(&value);
}

static void series_add_up(void **state)
{
	fixture *f = *state;
	aic_bytes args = {0}, bad = {0};
	aic_cbor c;

	aic_cbor_put_uint(&args, 3);
	aic_cbor_put_uint(&bad, 61);
	assert_int_equal(ask(f, 0, "usage-series", &bad, &c), AIC_USAGE);
	aic_grid all = rows(f, 0, "usage-series", &args, aic_usage_series_columns, AIC_US_COLUMNS),
	         mine = rows(f, MEMBER, "usage-series", &args, aic_usage_series_columns, AIC_US_COLUMNS),
	         paid = rows(f, 0, "payout-series", &args, aic_payout_series_columns, AIC_PS_COLUMNS);
	assert_int_equal(all.n, 3);
	assert_int_equal(mine.n, 3);
	const aic_cell *today = aic_grid_cell(&all, 2, 0), *own = aic_grid_cell(&mine, 2, 0);
	assert_int_equal(today[AIC_US_GPU].number, 3 * 2 * 7200);
	assert_int_equal(today[AIC_US_GPU_METERED].number, 2 * 7200); /* one job has a receipt */
	assert_int_equal(today[AIC_US_GPU_USED].number, 7200);
	assert_int_equal(own[AIC_US_CPU].number, 8 * 7200);
	assert_int_equal(own[AIC_US_CPU_METERED].number, 8 * 7200);
	assert_int_equal(own[AIC_US_CPU_USED].number, 4000);
	assert_int_equal(paid.n, 3 + 2); /* a row for each period, and lab-one and lab-two are owed */
	aic_amount net = 0;
	assert_true(aic_amount_parse(&net, "11.5695", NULL) == AIC_OK); /* 3 x 4.285, less a tenth */
	assert_true(aic_grid_sum(&paid, AIC_PS_NET) == net);
	aic_grid_clear(&all);
	aic_grid_clear(&mine);
	aic_grid_clear(&paid);
	aic_bytes_free(&args);
	aic_bytes_free(&bad);
}

static void want(aic_bytes *args, int64_t after, const char *account, const char *node, const char *payee)
{
	aic_bytes_clear(args);
	aic_cbor_put_int(args, 0);
	aic_cbor_put_int(args, INT64_MAX);
	aic_cbor_put_int(args, after);
	aic_cbor_put_text(args, account);
	aic_cbor_put_text(args, "");
	aic_cbor_put_text(args, node);
	aic_cbor_put_text(args, payee);
	aic_cbor_put_text(args, "");
	aic_cbor_put_text(args, "");
}

static size_t jobs(fixture *f, uid_t uid, const aic_bytes *args, uint32_t *first, size_t *receipts)
{
	aic_cbor c;

	assert_int_equal(ask(f, uid, "jobs", args, &c), AIC_OK);
	assert_int_equal(aic_cbor_int(&c), 0);
	size_t n = aic_cbor_array(&c, 1000);
	*first = 0;
	*receipts = 0;
	for (size_t i = 0; i < n; i++) {
		aic_job j;
		aic_job_read(&j, &c);
		assert_true(aic_cbor_ok(&c));
		assert_int_equal(j.lines.n, 1);
		assert_true(aic_job_gross(&j) > 4 * AIC_UNIT);
		*first = *first ? *first : j.record.job_id;
		*receipts += j.receipts;
		aic_job_clear(&j);
	}
	assert_int_equal(aic_cbor_finish(&c, NULL), AIC_OK);
	return n;
}

static void jobs_by_who_asks_and_what_for(void **state)
{
	fixture *f = *state;
	aic_bytes args = {0};
	uint32_t first;
	size_t receipts;

	want(&args, 0, "", "", "");
	assert_int_equal(jobs(f, 0, &args, &first, &receipts), 3);
	assert_int_equal(receipts, 1);
	assert_int_equal(jobs(f, MEMBER, &args, &first, &receipts), 1);
	assert_int_equal(first, 1);
	want(&args, 1, "", "", "");
	assert_int_equal(jobs(f, 0, &args, &first, &receipts), 2); /* the next page */
	want(&args, 0, "biology", "", "");
	assert_int_equal(jobs(f, 0, &args, &first, &receipts), 1);
	assert_int_equal(first, 3);
	assert_int_equal(jobs(f, MEMBER, &args, &first, &receipts), 0);
	want(&args, 0, "", "n3", "");
	assert_int_equal(jobs(f, 0, &args, &first, &receipts), 1);
	want(&args, 0, "", "", "provider/lab-one");
	assert_int_equal(jobs(f, 0, &args, &first, &receipts), 2);
	aic_bytes_free(&args);
}

static aic_code statement(fixture *f, uid_t uid, const char *wallet, aic_grid *g)
{
	aic_bytes args = {0};
	char period[16];
	aic_cbor c;

	memset(g, 0, sizeof(*g));
	aic_cbor_put_text(&args, "");
	aic_cbor_put_text(&args, wallet);
	aic_code rc = ask(f, uid, "statement", &args, &c);
	aic_bytes_free(&args);
	if (rc != AIC_OK)
		return rc;
	aic_cbor_text(&c, period, sizeof(period));
	aic_grid_read(g, &c, aic_payout_columns, AIC_P_COLUMNS);
	assert_true(aic_cbor_ok(&c));
	return AIC_OK;
}

static void statements_are_of_one_wallet(void **state)
{
	fixture *f = *state;
	aic_grid g;

	assert_int_equal(statement(f, MEMBER, "account/physics", &g), AIC_OK);
	assert_int_equal(g.n, 1);
	assert_int_equal(aic_grid_cell(&g, 0, AIC_P_LINES)->number, 2);
	aic_grid_clear(&g);
	assert_int_equal(statement(f, MEMBER, "account/biology", &g), AIC_REFUSED);
	assert_int_equal(statement(f, MEMBER, "provider/lab-one", &g), AIC_REFUSED);
	assert_int_equal(statement(f, 0, "provider/lab-two", &g), AIC_OK);
	assert_int_equal(g.n, 1);
	assert_string_equal(aic_grid_cell(&g, 0, AIC_P_PAYER)->text, "biology");
	aic_grid_clear(&g);
	assert_int_equal(statement(f, 0, "account/nobody", &g), AIC_NOT_FOUND);
}

static void no_curve_without_a_ledger(void **state)
{
	aic_bytes none = {0};
	aic_cbor c;

	assert_int_equal(ask(*state, 0, "curve", &none, &c), AIC_UNREACHABLE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_with_jobs, close_all)
	const struct CMUnitTest tests[] = {
		T(wallets_of_ones_own), T(ratings_and_value_are_everybodys), T(series_add_up), T(jobs_by_who_asks_and_what_for),
		T(statements_are_of_one_wallet), T(no_curve_without_a_ledger),
	};

	aic_log_open("reports_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
