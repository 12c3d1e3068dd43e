/* Batches: rated, summed and approved. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"
#include "accounting/post.h"
#include "common/log.h"

/* --- rating --- */

static aic_job_record cpu_job(uint32_t id, int64_t seconds)
{
	aic_job_record r = fixture_record(id, seconds);

	r.node[0].gpu_types = 0;
	return r;
}

static void expect_quality(fixture *f, uint32_t job, uint64_t verified, uint64_t useful, uint64_t quality,
                           aic_quality_reason reason)
{
	sqlite3_stmt *st;

	assert_int_equal(aic_sql_start(f->store->db, &st, NULL, "SELECT verified, useful, quality, quality_reason FROM"
	                               " line JOIN record r ON r.id=record WHERE r.job=?1 ORDER BY node DESC", "i",
	                               (int64_t)job), AIC_OK);
	assert_int_equal(aic_sql_step(f->store->db, st, NULL), AIC_OK);
	assert_int_equal(sqlite3_column_int64(st, 0), verified);
	assert_int_equal(sqlite3_column_int64(st, 1), useful);
	assert_int_equal(sqlite3_column_int64(st, 2), quality);
	assert_int_equal(sqlite3_column_int64(st, 3), reason);
	aic_sql_done(st);
}

static void quality_from_receipts(void **state)
{
	fixture *f = *state;
	aic_job_record busy = cpu_job(1, 1000), idle = cpu_job(2, 1000), none = cpu_job(3, 1000), gpu = fixture_record(4,
	                                                                                                               1000), unknown = cpu_job(5, 1000), other = cpu_job(6, 1000), lazy = cpu_job(7, 1000), metered = fixture_record(8, 1000),
	               failed = cpu_job(9, 1000);

	failed.state = AIC_STATE_NODE_FAIL;
	fixture_receipt(f, &busy, "n1", 8 * 1000 * 1000, AIC_UNKNOWN);    /* all 8 CPUs all the time */
	fixture_receipt(f, &idle, "n1", 0, AIC_UNKNOWN);
	fixture_receipt(f, &gpu, "n1", 8 * 1000 * 1000, AIC_UNKNOWN);
	fixture_receipt(f, &unknown, "n1", AIC_UNKNOWN, AIC_UNKNOWN);
	fixture_receipt(f, &other, "n2", 1, AIC_UNKNOWN);                 /* of another node of the job */
	fixture_receipt(f, &lazy, "n1", 8 * 1000 * 125, AIC_UNKNOWN);     /* an eighth: useful is a quarter */
	fixture_receipt(f, &metered, "n1", 0, 2 * 1000 * 400);            /* 40 % of 2 GPUs: useful 80 % */
	fixture_receipt(f, &failed, "n1", 8 * 1000 * 1000, AIC_UNKNOWN);
	aic_job_record *all[] = {&busy, &idle, &none, &gpu, &unknown, &other, &lazy, &metered, &failed};
	for (size_t i = 0; i < 9; i++)
		fixture_ingest(f, all[i]);
	fixture_close_batch(f);
	expect_quality(f, 1, 500000, 1000000, 500000, AIC_QUALITY_OK);
	expect_quality(f, 2, 500000, 0, 0, AIC_QUALITY_IDLE);
	expect_quality(f, 3, 0, 0, 0, AIC_QUALITY_NO_RECEIPT);
	expect_quality(f, 4, 500000, 0, 0, AIC_QUALITY_GPU_UNKNOWN);
	expect_quality(f, 5, 500000, 0, 0, AIC_QUALITY_CPU_UNKNOWN);
	expect_quality(f, 6, 500000, 0, 0, AIC_QUALITY_NO_NODE_RECEIPT);
	expect_quality(f, 7, 500000, 250000, 125000, AIC_QUALITY_OK);
	expect_quality(f, 8, 500000, 800000, 400000, AIC_QUALITY_OK);
	expect_quality(f, 9, 0, 0, 0, AIC_QUALITY_NO_CHARGE);
	for (size_t i = 0; i < 9; i++)
		aic_job_record_clear(all[i]);
}

static void one_organisation_earns_nothing(void **state)
{
	fixture *f = *state;
	aic_job_record r = cpu_job(1, 1000);
	char organisation[AIC_NAME_LEN];

	assert_int_equal(aic_wallet_organisation(f->store, &f->config, "account/physics", organisation, NULL), AIC_OK);
	assert_string_equal(organisation, "science"); /* its top-level account */
	assert_int_equal(aic_wallet_organisation(f->store, &f->config, "account/biology", organisation, NULL), AIC_OK);
	assert_string_equal(organisation, "faculty-bio");
	aic_str_copy(f->config.provider[0].organisation, AIC_NAME_LEN, "science");
	fixture_receipt(f, &r, "n1", 8 * 1000 * 1000, AIC_UNKNOWN);
	fixture_ingest(f, &r);
	aic_batch b = fixture_close_batch(f);
	expect_quality(f, 1, 500000, 1000000, 0, AIC_QUALITY_SAME_ORGANISATION);
	aic_tally t = fixture_sums(f, &b);
	assert_string_equal(t.sum[0].note, "no reward: payer and payee are one organisation");
	assert_true(t.sum[0].stake == 0);
	aic_tally_clear(&t);
	aic_job_record_clear(&r);
}

static void data_lines_are_weighted(void **state)
{
	fixture *f = *state;
	aic_job_record r = cpu_job(1, 1000);

	fixture_node(&r, "n3", "", 0, 24, 0);
	aic_str_copy(r.dataset, sizeof(r.dataset), "faces");
	aic_str_copy(r.account, sizeof(r.account), "biology");
	fixture_receipt(f, &r, "n1", 8 * 1000 * 500, AIC_UNKNOWN);  /* 50 % of 8 CPUs */
	fixture_receipt(f, &r, "n3", 24 * 1000 * 100, AIC_UNKNOWN); /* 10 % of 24 */
	fixture_ingest(f, &r);
	fixture_close_batch(f);
	sqlite3_stmt *st;
	assert_int_equal(aic_sql_start(f->store->db, &st, NULL, "SELECT useful, quality FROM line WHERE kind=1", ""),
	                 AIC_OK);
	assert_int_equal(aic_sql_step(f->store->db, st, NULL), AIC_OK);
	assert_int_equal(sqlite3_column_int64(st, 0), 400000); /* mean (8 * 50 % + 24 * 10 %) / 32 = 20 %, twice */
	assert_int_equal(sqlite3_column_int64(st, 1), 200000);
	aic_sql_done(st);
	aic_job_record_clear(&r);
}

/* --- approving --- */

static void approvals_m_of_n(void **state)
{
	fixture *f = *state;
	aic_job_record r = cpu_job(1, 7200);
	aic_error err = {0};
	aic_hash wrong = {{1}};

	f->config.approvals = 2;
	fixture_ingest(f, &r);
	aic_batch b = fixture_close_batch(f);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &wrong, 11, NULL, 6, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "batch 1970-W01/1 has changed"));
	for (int i = 0; i < 2; i++)
		assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 11, NULL, 6, &err), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_REVIEW);
	assert_int_equal(b.approved.people, 1);
	assert_int_equal(aic_batch_post(&f->batches, NULL, &b, 11, 7, &err), AIC_REFUSED);
	assert_string_equal(err.message, "batch 1970-W01/1 has 1 of 2 approvals: `aic batch approve 1970-W01/1` first");
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 12, NULL, 6, &err), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_APPROVED);
	/* any act on a line voids them */
	aic_store_begin(f->store, NULL);
	assert_int_equal(aic_batch_reopen(&f->batches, b.id, &err), AIC_OK);
	aic_store_commit(f->store, NULL);
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_true(b.state == AIC_BATCH_REVIEW && b.approved.people == 0);
	aic_job_record_clear(&r);
}

static void nothing_open_nothing_closed(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	aic_batch b;

	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, FIXTURE_END, FIXTURE_FEE_PPM, 0, 5, &b, &err),
	                 AIC_REFUSED);
	assert_string_equal(err.message, "period 1970-W01 has no open line that costs anything: there is nothing to close");
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, &err), AIC_NOT_FOUND);
}

static void what_comes_later_is_the_next_batch(void **state)
{
	fixture *f = *state;
	aic_job_record a = cpu_job(1, 7200), late = cpu_job(2, 3600);

	fixture_ingest(f, &a);
	aic_batch first = fixture_close_batch(f);
	fixture_ingest(f, &late);
	aic_batch second = fixture_close_batch(f);
	assert_true(first.number == 1 && second.number == 2 && first.lines == 1 && second.lines == 1);
	aic_job_record_clear(&a);
	aic_job_record_clear(&late);
}

/* A line that the walk through the jobs does not come by is not left out in silence. */
static void a_lost_span_is_noticed(void **state)
{
	fixture *f = *state;
	aic_job_record a = cpu_job(1, 7200), b = cpu_job(2, 3600);
	aic_error err = {0};
	aic_batch batch;

	fixture_ingest(f, &a);
	fixture_ingest(f, &b);
	assert_int_equal(aic_sql_run(f->store->db, NULL, "UPDATE job_span SET last=1", ""), AIC_OK);
	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, FIXTURE_END, FIXTURE_FEE_PPM, 0, 5, &batch, &err),
	                 AIC_CORRUPT);
	assert_string_equal(err.message, "batch 1970-W01/1 took 2 lines, and 1 of them are in the order of their jobs:"
	                                 " accounting.db is damaged, restore it from a backup");
	aic_job_record_clear(&a);
	aic_job_record_clear(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(quality_from_receipts), T(one_organisation_earns_nothing), T(data_lines_are_weighted),
		T(approvals_m_of_n), T(nothing_open_nothing_closed), T(what_comes_later_is_the_next_batch), T(a_lost_span_is_noticed),
	};

	aic_log_open("batch_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
