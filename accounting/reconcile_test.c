/* slurmdbd against the spool: each difference with its cause, estimates that give way to the real record. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"
#include "accounting/reconcile.h"
#include "common/log.h"

static size_t reconcile(fixture *f, const aic_job_record *theirs, size_t n, bool fill, aic_difference *out, size_t max)
{
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_difference *d;
	aic_error err = {0};
	size_t got;

	if (aic_reconcile(&in, 0, theirs, n, fill, &d, &got, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_true(got <= max);
	if (got)
		memcpy(out, d, got * sizeof(*d));
	free(d);
	assert_true(aic_store_wallet_find(f->store, "account/physics") == NULL ||
	            aic_store_wallet_find(f->store, "account/physics")->unsettled == fixture_open_gross(f, "account/physics"));
	return got;
}

static void equal_is_silent(void **state)
{
	aic_job_record r = fixture_record(1, 7200);
	aic_difference d[4];

	fixture_ingest(*state, &r);
	assert_int_equal(reconcile(*state, &r, 1, true, d, 4), 0);
	r.end++; /* a second is rounding */
	assert_int_equal(reconcile(*state, &r, 1, true, d, 4), 0);
	aic_job_record_clear(&r);
}

static void causes(void **state)
{
	fixture *f = *state;
	aic_job_record r[4];
	aic_difference d[4];

	for (uint32_t i = 0; i < 4; i++)
		r[i] = fixture_record(i + 1, 3600);
	fixture_ingest(f, &r[0]);
	fixture_ingest(f, &r[1]);
	fixture_ingest(f, &r[2]);
	r[0].end += 500;                                  /* slurmctld's downtime is in sacct's end */
	r[1].end += 900;                                  /* told twice */
	r[1].state = AIC_STATE_NODE_FAIL;
	assert_int_equal(fixture_ingest(f, &r[1]), AIC_INGEST_DIFFERENT);
	aic_job_record theirs[] = {r[0], r[1], r[3]};     /* job 3 slurmdbd does not know, job 4 we do not */
	assert_int_equal(reconcile(f, theirs, 3, false, d, 4), 4);
	assert_int_equal(d[0].kind, AIC_DIFF_END);
	assert_string_equal(d[0].cause, "slurmctld was down at its end, or a finished job was requeued: slurmdbd has the later end");
	assert_int_equal(d[1].kind, AIC_DIFF_END);
	assert_string_equal(d[1].cause, "Slurm told this run twice; the record that ended first counts");
	assert_int_equal(d[2].kind, AIC_DIFF_MISSING);
	assert_false(d[2].filled);
	assert_int_equal(d[3].kind, AIC_DIFF_UNKNOWN_TO_SLURM);
	assert_int_equal(d[3].job, 3);
	for (int i = 0; i < 4; i++)
		aic_job_record_clear(&r[i]);
}

static void an_estimate_gives_way(void **state)
{
	fixture *f = *state;
	aic_job_record real = fixture_record(1, 7200), estimate = fixture_record(1, 7200);
	aic_difference d[4];
	char *lines;

	real.restart = 2; /* slurmdbd does not know that */
	estimate.node[0].cpus = 4;
	assert_int_equal(reconcile(f, &estimate, 1, true, d, 4), 1);
	assert_true(d[0].filled);
	assert_int_equal(reconcile(f, &estimate, 1, true, d, 4), 0);
	lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.205 open\n");
	free(lines);
	assert_int_equal(fixture_ingest(f, &real), AIC_INGEST_NEW);
	lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	free(lines);
	assert_int_equal(reconcile(f, &estimate, 1, true, d, 4), 0);
	aic_job_record_clear(&real);
	aic_job_record_clear(&estimate);
}

static void a_settled_estimate_stays(void **state)
{
	fixture *f = *state;
	aic_job_record real = fixture_record(1, 7200), estimate = fixture_record(1, 7200);
	aic_difference d[4];
	aic_batch b;

	estimate.node[0].cpus = 4;
	reconcile(f, &estimate, 1, true, d, 4);
	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, NULL), AIC_OK);
	assert_int_equal(fixture_ingest(f, &real), AIC_INGEST_DIFFERENT);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.205 1\n");
	free(lines);
	aic_job_record_clear(&real);
	aic_job_record_clear(&estimate);
}

static void requeues_are_told_apart_by_their_start(void **state)
{
	fixture *f = *state;
	aic_job_record runs[3];
	aic_difference d[4];

	for (int i = 0; i < 3; i++) {
		runs[i] = fixture_record(1, 600);
		runs[i].restart = (uint32_t)i;
		runs[i].start += 10000 * i;
		runs[i].end += 10000 * i;
	}
	fixture_ingest(f, &runs[0]);
	assert_int_equal(reconcile(f, runs, 3, true, d, 4), 2);
	assert_true(d[0].filled && d[1].filled);
	assert_int_equal(reconcile(f, runs, 3, true, d, 4), 0);
	for (int i = 0; i < 3; i++)
		aic_job_record_clear(&runs[i]);
}

/* slurmctld was killed, forgot the end of a run and ran the job again: slurmdbd has both, the second is not charged. */
static void a_forgotten_run_is_not_filled_in(void **state)
{
	fixture *f = *state;
	aic_job_record runs[2] = {fixture_record(1, 7200), fixture_record(1, 3600)};
	aic_difference d[4];

	runs[1].start += 10000;
	runs[1].end += 10000;
	fixture_ingest(f, &runs[0]);
	assert_int_equal(fixture_ingest(f, &runs[1]), AIC_INGEST_DIFFERENT);
	assert_int_equal(reconcile(f, runs, 2, true, d, 4), 1);
	assert_int_equal(d[0].kind, AIC_DIFF_ASIDE);
	assert_false(d[0].filled);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	free(lines);
	aic_job_record_clear(&runs[0]);
	aic_job_record_clear(&runs[1]);
}

static void shares_are_even(void **state)
{
	static const aic_gpu_tres gres[] = {{1001, ""}, {1002, "a100"}, {1003, "k80"}};
	uint64_t cpus = 0, mem = 0, a100 = 0, k80 = 0, other = 0;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		aic_node_share s = {0};
		aic_tres_share(&s, "1=8,2=64000,4=3,5=40,1001=7,1002=4,1003=2", gres, 3, 3, i);
		cpus += s.cpus;
		mem += s.mem_mib;
		assert_true(s.cpus == 2 || s.cpus == 3);
		for (uint32_t k = 0; k < s.gpu_types; k++)
			*(!strcmp(s.gpu[k].type, "a100") ? &a100 : !strcmp(s.gpu[k].type, "k80") ? &k80 : &other) += s.gpu[k].count;
	}
	assert_true(cpus == 8 && mem == 64000 && a100 == 4 && k80 == 2 && other == 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(equal_is_silent), T(causes), T(an_estimate_gives_way), T(a_settled_estimate_stays), T(requeues_are_told_apart_by_their_start),
		T(a_forgotten_run_is_not_filled_in),
		T(shares_are_even),
	};

	aic_log_open("reconcile_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
