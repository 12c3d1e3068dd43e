/* slurmdbd against the spool: each difference with its cause, estimates that give way to the real record. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"
#include "accounting/reconcile.h"
#include "common/log.h"

/* Some runs, as slurmdbd tells them of clusters lab and far. */
static size_t reconcile_runs(fixture *f, aic_slurmdb_run *run, size_t n, bool fill, aic_difference *out, size_t max)
{
	aic_slurmdb theirs = {.n_clusters = 2, .cluster = {"lab", "far"}, .n = n, .run = run};
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_difference *d;
	aic_error err = {0};
	size_t got;

	if (aic_reconcile(&in, 0, &theirs, fill, &d, &got, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_true(got <= max);
	if (got)
		memcpy(out, d, got * sizeof(*d));
	free(d);
	assert_true(aic_store_wallet_find(f->store, "account/physics") == NULL ||
	            aic_store_wallet_find(f->store, "account/physics")->unsettled == fixture_open_gross(f, "account/physics"));
	return got;
}

static size_t reconcile(fixture *f, const aic_job_record *theirs, size_t n, bool fill, aic_difference *out, size_t max)
{
	aic_slurmdb_run run[8];

	for (size_t i = 0; i < n; i++)
		run[i] = (aic_slurmdb_run){.record = theirs[i]};
	return reconcile_runs(f, run, n, fill, out, max);
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

/* With its split from AdminComment a run is what the spool would have told: its restart count, its nodes, its data set. */
static void a_split_is_no_estimate(void **state)
{
	fixture *f = *state;
	aic_slurmdb_run run = {.record = fixture_record(1, 7200), .split = true};
	aic_difference d[4];
	int64_t flags = 0, restart = 0;
	char *lines;

	fixture_node(&run.record, "n3", "", 0, 2, 1000);
	run.record.restart = 3;
	aic_str_copy(run.record.dataset, sizeof(run.record.dataset), "faces");
	assert_int_equal(reconcile_runs(f, &run, 1, true, d, 4), 1);
	assert_true(d[0].filled && d[0].split);
	assert_int_equal(aic_sql_int(f->store->db, &flags, NULL, "SELECT flags FROM record", ""), AIC_OK);
	assert_int_equal(aic_sql_int(f->store->db, &restart, NULL, "SELECT restart FROM record", ""), AIC_OK);
	assert_true(flags == (AIC_RECORD_ESTIMATED | AIC_RECORD_SPLIT) && restart == 3);
	lines = fixture_lines(f, 1);
	assert_non_null(strstr(lines, "n1 hardware account/physics provider/lab-one 4.285 open\n"));
	assert_non_null(strstr(lines, " data account/physics provider/lab-one "));
	free(lines);
	assert_int_equal(reconcile_runs(f, &run, 1, true, d, 4), 0);
	/* a later run with an earlier run's comment takes a number of its own */
	run.record.start += 10000;
	run.record.end += 10000;
	assert_int_equal(reconcile_runs(f, &run, 1, true, d, 4), 1);
	assert_int_equal(aic_sql_int(f->store->db, &restart, NULL, "SELECT max(restart) FROM record", ""), AIC_OK);
	assert_int_equal(restart, 4);
	/* and the spool's record takes the first one's place */
	run.record.start -= 10000;
	run.record.end -= 10000;
	fixture_ingest(f, &run.record);
	assert_int_equal(aic_sql_int(f->store->db, &flags, NULL, "SELECT flags FROM record WHERE restart=3", ""), AIC_OK);
	assert_int_equal(flags, 0);
	aic_job_record_clear(&run.record);
}

/* Clusters have job numbers of their own; one that was not asked for is not missed in slurmdbd. */
static void clusters_are_apart(void **state)
{
	fixture *f = *state;
	aic_job_record here = fixture_record(1, 3600), far = fixture_record(1, 7200), else_where = fixture_record(1, 60);
	aic_difference d[4];

	aic_str_copy(far.cluster, sizeof(far.cluster), "far");
	aic_str_copy(else_where.cluster, sizeof(else_where.cluster), "elsewhere");
	fixture_ingest(f, &here);
	fixture_ingest(f, &else_where);
	aic_job_record theirs[] = {here, far};
	assert_int_equal(reconcile(f, theirs, 2, true, d, 4), 1);
	assert_true(d[0].kind == AIC_DIFF_MISSING && d[0].filled && !strcmp(d[0].cluster, "far"));
	assert_int_equal(reconcile(f, theirs, 1, false, d, 4), 0);
	fixture_ingest(f, &far);
	assert_int_equal(reconcile(f, theirs, 1, false, d, 4), 1);
	assert_true(d[0].kind == AIC_DIFF_UNKNOWN_TO_SLURM && !strcmp(d[0].cluster, "far"));
	aic_job_record_clear(&here);
	aic_job_record_clear(&far);
	aic_job_record_clear(&else_where);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(equal_is_silent), T(causes), T(a_split_is_no_estimate), T(clusters_are_apart), T(an_estimate_gives_way), T(a_settled_estimate_stays), T(requeues_are_told_apart_by_their_start),
		T(a_forgotten_run_is_not_filled_in),
		T(shares_are_even),
	};

	aic_log_open("reconcile_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
