/* What names a person goes; sums, payments and the proof of a posted batch stay. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/audit.h"
#include "accounting/erase.h"
#include "accounting/fixture.h"
#include "accounting/loopback.h"
#include "accounting/post.h"
#include "common/log.h"

static aic_ledger *ledger;

static void run_job(fixture *f, uint32_t id)
{
	aic_job_record r = fixture_record(id, 7200);

	aic_str_copy(r.name, sizeof(r.name), "annas-secret");
	fixture_ingest(f, &r);
	fixture_receipt(f, &r, "n1", 8 * 3600 * 1000, 2 * 3600 * 1000);
	aic_job_record_clear(&r);
}

static aic_batch post(fixture *f)
{
	aic_error err = {0};
	aic_batch b;

	if (aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, &err) != AIC_OK ||
	    aic_batch_approve(&f->batches, &b, &b.hash, 0, NULL, 6, &err) != AIC_OK ||
	    aic_batch_post(&f->batches, ledger, &b, 0, 7, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return b;
}

/* Jobs 1 and 2 of anna, posted; job 2 was told a second time. */
static int posted(void **state)
{
	aic_error err = {0};

	if (fixture_open(state))
		return -1;
	fixture *f = *state;
	snprintf(f->config.genesis, sizeof(f->config.genesis), "%s/genesis.yaml", f->folder);
	loopback_ledger_start(&f->config);
	run_job(f, 1);
	run_job(f, 2);
	aic_job_record twice = fixture_record(2, 9000);
	fixture_ingest(f, &twice);
	aic_job_record_clear(&twice);
	loopback_fund(&f->config, "account/physics", "science", 100 * AIC_UNIT);
	if (aic_ledger_open(&ledger, &f->config, &err) != AIC_OK)
		fail_msg("%s", err.message);
	post(f);
	return 0;
}

static int closed(void **state)
{
	aic_ledger_close(ledger);
	loopback_ledger_stop();
	return fixture_close(state);
}

static int64_t count(fixture *f, const char *sql)
{
	int64_t n = -1;

	assert_int_equal(aic_sql_int(f->store->db, &n, NULL, sql, ""), AIC_OK);
	return n;
}

/* Rows that name her, or her job; Slurm's own associations are another matter. */
static int64_t traces(fixture *f)
{
	return count(f, "SELECT (SELECT count(*) FROM record WHERE user='anna' OR instr(body, CAST('anna' AS BLOB))) + (SELECT count(*) FROM"
	                " duplicate WHERE instr(body, CAST('anna' AS BLOB))) + (SELECT count(*) FROM receipt WHERE uid=1001) + (SELECT count(*)"
	                " FROM usage WHERE user='anna' AND runs<>0) + (SELECT count(*) FROM audit WHERE instr(what, 'anna')) + (SELECT count(*) FROM"
	                " erasure)");
}

/* In slices as short as they come. */
static aic_erase_pass erase(fixture *f, const char *user)
{
	aic_erase_pass e = {.after = 0};
	aic_error err = {0};
	bool done = false;

	aic_str_copy(e.user, sizeof(e.user), user);
	while (!done)
		if (aic_erase_step(&f->batches, &e, 42, 100, 0, &done, &err) != AIC_OK)
			fail_msg("%s", err.message);
	return e;
}

/* A whole round; the number of slices. */
static int erase_due(fixture *f, int64_t expired, int64_t now)
{
	aic_erase_round r = {.day = 0};
	aic_error err = {0};
	bool done = false;
	int slices = 0;

	for (; !done; slices++)
		if (aic_erase_due(&f->batches, &r, expired, now, 0, &done, &err) != AIC_OK)
			fail_msg("%s", err.message);
	return slices;
}

static void verify(fixture *f, uint64_t number, uint64_t want_lines, uint64_t want_erased)
{
	uint64_t lines = 0, erased = 0;
	aic_error err = {0};
	aic_batch b;

	assert_int_equal(aic_batch_find(f->store, "1970-W01", number, &b, &err), AIC_OK);
	if (aic_batch_verify(&f->batches, &b, &lines, &erased, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_int_equal(lines, want_lines);
	assert_int_equal(erased, want_erased);
}

static void the_person_goes_the_proof_stays(void **state)
{
	fixture *f = *state;
	char *before = fixture_lines(f, 1), *after;
	int64_t gpu_seconds = count(f, "SELECT sum(gpu_seconds) FROM usage");

	assert_true(traces(f) >= 6);
	verify(f, 1, 2, 0);
	aic_erase_pass e = erase(f, "anna");
	assert_true(e.erased == 2 && e.waiting == 0);
	assert_int_equal(traces(f), 0);
	verify(f, 1, 2, 2);
	after = fixture_lines(f, 1);
	assert_string_equal(before, after);
	assert_int_equal(count(f, "SELECT sum(gpu_seconds) FROM usage"), gpu_seconds);
	assert_int_equal(count(f, "SELECT count(*) FROM duplicate"), 1);
	e = erase(f, "anna"); /* again: nothing is left to do */
	assert_true(e.erased == 0 && e.waiting == 0);
	assert_int_equal(aic_audit_verify(f->store, NULL, NULL, NULL), AIC_OK);
	fixture_reopen(f);
	verify(f, 1, 2, 2);
	free(before);
	free(after);
}

/* The spool read again after a crash does not bring the name back. */
static void a_replay_brings_nothing_back(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), longer = fixture_record(1, 8000);

	erase(f, "anna");
	fixture_ingest(f, &r);
	fixture_ingest(f, &longer);
	assert_int_equal(traces(f), 0);
	verify(f, 1, 2, 2);
	aic_job_record_clear(&r);
	aic_job_record_clear(&longer);
}

static void what_is_not_settled_waits(void **state)
{
	fixture *f = *state;

	run_job(f, 3);
	aic_erase_pass e = erase(f, "anna");
	assert_true(e.erased == 2 && e.waiting == 1);
	erase_due(f, 0, 101);
	assert_int_equal(count(f, "SELECT count(*) FROM record WHERE user='anna'"), 1);
	assert_int_equal(count(f, "SELECT count(*) FROM erasure"), 1);
	post(f);
	erase_due(f, 0, 102);
	assert_int_equal(traces(f), 0);
	verify(f, 2, 1, 1);
}

/* accounting.retention: what ended before goes, at most so many at a time; what ended later keeps its user. */
static void old_records_expire(void **state)
{
	fixture *f = *state;

	erase_due(f, 9200, 100); /* both end at 9200 */
	assert_int_equal(count(f, "SELECT count(*) FROM record WHERE erased IS NULL"), 2);
	erase_due(f, 9201, 100);
	assert_int_equal(count(f, "SELECT count(*) FROM record WHERE erased IS NULL"), 0);
	erase_due(f, 9201, 101); /* again: nothing is left to do */
	assert_int_equal(count(f, "SELECT count(*) FROM audit WHERE what LIKE 'erased what names a person in 2 records that were due'"), 1);
	assert_int_equal(traces(f), 0);
	verify(f, 1, 2, 2);
}

/* Ten thousand records between the user's own: some slices, each of them short, and a new one begins behind the last. */
static void in_slices(void **state)
{
	fixture *f = *state;
	aic_erase_pass e = {.user = "anna"};
	aic_error err = {0};
	bool done = false;
	int slices = 0;

	assert_int_equal(aic_sql_run(f->store->db, NULL, "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i+1 FROM n WHERE i<10009) INSERT INTO"
	                             " record(id, cluster, job, submit, restart, segment, resizing, account, user, partition, state, started, ended,"
	                             " billable, state_ppm, status, cpu_seconds, gpu_seconds, flags, body, nth, first_line, last_line, parted)"
	                             " SELECT i, 'lab', i, 1, 0, 1, 0, 'a', 'ben', 'p', 3, 1, 2, 1, 0, 3, 0, 0, 0, x'00', 0, 1000000+i, 1000000+i-1, 0"
	                             " FROM n", ""), AIC_OK);
	for (; !done; slices++)
		assert_int_equal(aic_erase_step(&f->batches, &e, 42, 100, 0, &done, &err), AIC_OK);
	assert_int_equal(slices, 3); /* of 4,096 records each */
	assert_true(e.erased == 2 && e.waiting == 0);
	assert_int_equal(count(f, "SELECT count(*) FROM audit WHERE what LIKE 'erased what names one user in 2 records%'"), 1);
	assert_int_equal(count(f, "SELECT count(*) FROM record WHERE user='ben'"), 10000);
}

static void a_changed_line_shows(void **state)
{
	fixture *f = *state;
	uint64_t lines, erased;
	aic_error err = {0};
	aic_batch b;

	erase(f, "anna");
	assert_int_equal(aic_sql_run(f->store->db, NULL, "UPDATE line SET leaf=zeroblob(32) WHERE id=1", ""), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(aic_batch_verify(&f->batches, &b, &lines, &erased, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "accounting.db was changed, restore it from a backup"));
	b.state = AIC_BATCH_REVIEW;
	assert_int_equal(aic_batch_verify(&f->batches, &b, &lines, &erased, &err), AIC_REFUSED);
	assert_string_equal(err.message, "batch 1970-W01/1 is not posted: its evidence may still change");
	aic_erase_pass nobody = {.after = 0};
	bool done;
	assert_int_equal(aic_erase_step(&f->batches, &nobody, 42, 100, 0, &done, &err), AIC_USAGE);
	assert_string_equal(err.message, "whose records? Give the user's name");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, posted, closed)
	const struct CMUnitTest tests[] = {
		T(the_person_goes_the_proof_stays), T(a_replay_brings_nothing_back), T(what_is_not_settled_waits), T(old_records_expire),
		T(in_slices), T(a_changed_line_shows),
	};

	aic_log_open("erase_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
