/* Records and receipts into the store: once, in any order, through crashes. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <glob.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/fixture.h"
#include "accounting/spools.h"
#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"

static int64_t count(fixture *f, const char *sql)
{
	int64_t n = -1;

	assert_int_equal(aic_sql_int(f->store->db, &n, NULL, sql, ""), AIC_OK);
	return n;
}

static void expect_lines(fixture *f, uint32_t job, const char *want)
{
	char *got = fixture_lines(f, job);

	assert_string_equal(got, want);
	free(got);
	/* what the wallet carries is what its lines say */
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == fixture_open_gross(f, "account/physics"));
}

static void a_record_counts_once(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200);

	assert_int_equal(fixture_ingest(f, &r), AIC_INGEST_NEW);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fixture_ingest(f, &r), AIC_INGEST_EQUAL);
	fixture_reopen(f);
	assert_int_equal(fixture_ingest(f, &r), AIC_INGEST_EQUAL);
	expect_lines(f, 1, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	aic_job_record_clear(&r);
}

/* slurmctld killed just after a completion, or a requeue of a finished job: a second record with a longer, wrong duration. */
static void slurms_double_record(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), longer = fixture_record(1, 9999);

	longer.state = AIC_STATE_NODE_FAIL;
	for (int order = 0; order < 2; order++) {
		r.job_id = longer.job_id = 10 + (uint32_t)order;
		fixture_ingest(f, order ? &longer : &r);
		assert_int_equal(fixture_ingest(f, order ? &r : &longer), AIC_INGEST_DIFFERENT);
		assert_int_equal(fixture_ingest(f, &longer), AIC_INGEST_DIFFERENT);
		expect_lines(f, r.job_id, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	}
	assert_int_equal(count(f, "SELECT count(*) FROM duplicate"), 2);
	assert_int_equal(count(f, "SELECT count(*) FROM record WHERE flags & 1"), 2);
	aic_job_record_clear(&r);
	aic_job_record_clear(&longer);
}

/* slurmctld killed before it had saved that the job had started: it runs the job again, with the same restart count. */
static void a_run_that_slurmctld_forgot(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), again = fixture_record(1, 3600);

	again.start += 10000;
	again.end += 10000;
	for (int order = 0; order < 2; order++) {
		r.job_id = again.job_id = 10 + (uint32_t)order;
		fixture_ingest(f, order ? &again : &r);
		assert_int_equal(fixture_ingest(f, order ? &r : &again), AIC_INGEST_DIFFERENT);
		assert_int_equal(fixture_ingest(f, &r), AIC_INGEST_EQUAL);
		expect_lines(f, r.job_id, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	}
	assert_int_equal(count(f, "SELECT count(*) FROM duplicate"), 2);
	aic_job_record_clear(&r);
	aic_job_record_clear(&again);
}

static void each_requeue_is_its_own_record(void **state)
{
	fixture *f = *state;
	aic_job_record first = fixture_record(1, 3600), second = fixture_record(1, 7200);

	first.state = AIC_STATE_REQUEUED;
	second.restart = 1;
	second.start = 20000;
	second.end = 27200;
	aic_str_copy(first.dataset, sizeof(first.dataset), "faces");
	aic_str_copy(second.dataset, sizeof(second.dataset), "faces");
	/* out of order: the price per job moves to the run that was first */
	fixture_ingest(f, &second);
	expect_lines(f, 1, " data account/physics provider/lab-one 3 open\n"
	                   "n1 hardware account/physics provider/lab-one 4.285 open\n");
	fixture_ingest(f, &first);
	expect_lines(f, 1, " data account/physics provider/lab-one 2 open\n"
	                   "n1 hardware account/physics provider/lab-one 2.1425 open\n"
	                   " data account/physics provider/lab-one 2 open\n"
	                   "n1 hardware account/physics provider/lab-one 4.285 open\n");
	aic_job_record_clear(&first);
	aic_job_record_clear(&second);
}

static void segments_of_a_resize_share_no_key(void **state)
{
	fixture *f = *state;
	aic_job_record a = fixture_record(1, 86400), b = fixture_record(1, 7200);

	a.state = AIC_STATE_RESIZING;
	a.resize = b.resize = 2000 + 3600;
	for (int order = 0; order < 2; order++) {
		a.job_id = b.job_id = 1 + (uint32_t)order;
		fixture_ingest(f, order ? &b : &a);
		assert_int_equal(fixture_ingest(f, order ? &a : &b), AIC_INGEST_NEW);
		expect_lines(f, a.job_id, "n1 hardware account/physics provider/lab-one 2.1425 open\n"
		                          "n1 hardware account/physics provider/lab-one 2.1425 open\n");
	}
	aic_job_record_clear(&a);
	aic_job_record_clear(&b);
}

static void scope_is_respected(void **state)
{
	static char only[1][AIC_NAME_LEN] = {"cpu"};
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200);
	char reason[200];

	f->config.scope_partitions = only;
	f->config.n_scope_partitions = 1;
	fixture_ingest(f, &r);
	assert_int_equal(count(f, "SELECT count(*) FROM line"), 0);
	assert_string_equal(fixture_reason(f, 1, reason), "not charged: partition or account outside the scope of aic.yaml");
	aic_str_copy(r.partition, sizeof(r.partition), "cpu");
	r.job_id = 2;
	fixture_ingest(f, &r);
	assert_int_equal(count(f, "SELECT count(*) FROM line"), 1);
	aic_job_record_clear(&r);
}

static void a_closed_record_stays(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), shorter = fixture_record(1, 3600);
	aic_batch batch;

	fixture_ingest(f, &r);
	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, 100000, 100000, 0, 1, &batch, NULL), AIC_OK);
	assert_int_equal(fixture_ingest(f, &shorter), AIC_INGEST_DIFFERENT);
	expect_lines(f, 1, "n1 hardware account/physics provider/lab-one 4.285 1\n");
	assert_int_equal(count(f, "SELECT count(*) FROM duplicate WHERE note LIKE 'came after its batch was closed%'"), 1);
	aic_job_record_clear(&r);
	aic_job_record_clear(&shorter);
}

/* --- receipts --- */

static aic_receipt receipt(const char *node, uint64_t cpu_ms)
{
	aic_receipt r = {.job_id = 1, .step_id = 0, .start = 2000, .end = 3000, .cpus = 8, .cpu_ms = cpu_ms, .mem_peak_mib = 10,
	                 .gpus = AIC_UNKNOWN, .gpu_ms = AIC_UNKNOWN, .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN, .determinism = 2};

	aic_str_copy(r.cluster, sizeof(r.cluster), "lab");
	aic_str_copy(r.node, sizeof(r.node), node);
	return r;
}

static aic_code take(fixture *f, const aic_receipt *r, uint8_t secret, aic_receipts_count *n, aic_error *err)
{
	uint8_t bytes[AIC_SECRET_LEN] = {secret};
	aic_bytes batch = {0};
	aic_key key;

	aic_key_from_secret(&key, bytes);
	fixture_batch_of(&batch, r, &key);
	aic_code rc = aic_receipts_ingest(f->store, batch.data, batch.len, 1, n, err);
	aic_bytes_free(&batch);
	return rc;
}

static void receipts_once_and_contradictions_aside(void **state)
{
	fixture *f = *state;
	aic_receipt r = receipt("n1", 1000), other = receipt("n1", 2000);
	aic_rated_run run = {.cluster = "lab", .job = 1, .started = 2000, .ended = 3000};
	aic_receipts_count n;
	aic_receipts stored = {0};

	assert_int_equal(take(f, &r, 1, &n, NULL), AIC_OK);
	assert_true(n.accepted == 1 && n.duplicates == 0);
	assert_int_equal(take(f, &r, 1, &n, NULL), AIC_OK);
	assert_true(n.accepted == 0 && n.duplicates == 1 && n.conflicts == 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take(f, &other, 1, &n, NULL), AIC_OK);
		assert_true(n.accepted == 0 && n.duplicates == 1 && n.conflicts == 1);
	}
	assert_int_equal(count(f, "SELECT count(*) FROM receipt_conflict"), 1);
	assert_int_equal(aic_receipts_of_life(f->store, &run, true, &stored, NULL), AIC_OK);
	assert_true(stored.n == 1 && stored.receipt->cpu_ms == 1000 && stored.receipt->gpu_ms == AIC_UNKNOWN);
	free(stored.receipt);
}

static void a_node_keeps_its_key(void **state)
{
	fixture *f = *state;
	aic_receipt r = receipt("n1", 1000), more = receipt("n1", 1);
	aic_receipts_count n;
	aic_error err = {0};

	more.step_id = 1;
	assert_int_equal(take(f, &r, 1, &n, NULL), AIC_OK);
	assert_int_equal(take(f, &more, 2, &n, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "node n1 signs with another key than the one pinned for it"));
	assert_int_equal(count(f, "SELECT count(*) FROM receipt"), 1);
	assert_int_equal(take(f, &more, 1, &n, NULL), AIC_OK);
}

/* What a node was told is kept outlives a crash before it is sorted in; of two that contradict each other in one sorting, the one
 * that came first counts. */
static void kept_receipts_are_sorted_in_later(void **state)
{
	fixture *f = *state;
	aic_receipt r = receipt("n1", 1000), other = receipt("n1", 2000);
	uint8_t bytes[AIC_SECRET_LEN] = {1};
	aic_receipts_count n;
	aic_bytes batch = {0};
	aic_key key;
	size_t kept;

	aic_key_from_secret(&key, bytes);
	for (int i = 0; i < 3; i++) {
		aic_bytes_clear(&batch);
		fixture_batch_of(&batch, i == 1 ? &other : &r, &key);
		assert_int_equal(aic_receipts_keep(f->store, batch.data, batch.len, 1, &kept, NULL), AIC_OK);
		assert_int_equal(kept, 1);
	}
	assert_int_equal(count(f, "SELECT count(*) FROM receipt"), 0);
	fixture_reopen(f);
	assert_int_equal(f->store->waiting, 3);
	assert_int_equal(aic_receipts_sort_in(f->store, &n, NULL), AIC_OK);
	assert_true(n.accepted == 1 && n.duplicates == 2 && n.conflicts == 1 && f->store->waiting == 0);
	assert_int_equal(count(f, "SELECT cpu_ms FROM receipt"), 1000);
	assert_int_equal(count(f, "SELECT count(*) FROM receipt_batch"), 0);
	aic_bytes_free(&batch);
}

static void activity_is_kept_as_it_came(void **state)
{
	aic_receipt r = receipt("n1", 1000);
	aic_receipts_count n;
	aic_error err = {0};

	r.activity = (aic_gpu_activity){.samples = 3600, .sm_ppm = 640000, .sm_sd_ppm = 31000, .tensor_ppm = 220000, .tensor_sd_ppm = 9};
	assert_int_equal(take(*state, &r, 1, &n, &err), AIC_OK);
	assert_int_equal(take(*state, &r, 1, &n, &err), AIC_OK);
	assert_true(n.accepted == 0 && n.duplicates == 1 && n.conflicts == 0);
	assert_int_equal(count(*state, "SELECT gpu_samples + sm_ppm + sm_sd_ppm + tensor_ppm + tensor_sd_ppm FROM receipt"), 894609);
	r.activity.tensor_sd_ppm = 8;
	assert_int_equal(take(*state, &r, 1, &n, &err), AIC_OK);
	assert_int_equal(n.conflicts, 1);
	r.activity.samples = INT64_MAX;
	assert_int_equal(take(*state, &r, 1, &n, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "impossible figure, 9223372036854775807"));
}

static void impossible_receipts_are_refused(void **state)
{
	aic_receipt r = receipt("n1", UINT64_MAX / 2);
	aic_receipts_count n;
	aic_error err = {0};

	assert_int_equal(take(*state, &r, 1, &n, &err), AIC_CORRUPT);
	r = receipt("n1", 5);
	r.end = r.start - 1;
	assert_int_not_equal(take(*state, &r, 1, &n, &err), AIC_OK);
	assert_int_equal(count(*state, "SELECT count(*) FROM receipt"), 0);
}

/* --- the spool --- */

#define JOBS 60

static void write_spool(fixture *f, const char *host, uint32_t from, uint32_t to)
{
	char dir[600];
	aic_spool_writer *w;
	aic_error err = {0};

	snprintf(f->config.spool, sizeof(f->config.spool), "%s/spool", f->folder);
	assert_int_equal(aic_dir_make(f->config.spool, 0700, &err), AIC_OK);
	snprintf(dir, sizeof(dir), "%s/%s", f->config.spool, host);
	if (aic_spool_writer_open(&w, dir, 0700, 0600, &err) != AIC_OK)
		fail_msg("%s", err.message);
	for (uint32_t id = from; id < to; id++) {
		aic_job_record r = fixture_record(id, 3600 + id);
		aic_bytes body = {0};
		aic_job_record_encode(&body, &r);
		assert_int_equal(aic_spool_append(w, body.data, body.len, &err), AIC_OK);
		aic_bytes_free(&body);
		aic_job_record_clear(&r);
	}
	assert_int_equal(aic_spool_sync(w, &err), AIC_OK);
	aic_spool_writer_close(w);
}

static aic_spools_count read_spools(fixture *f)
{
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_spools *s = aic_spools_new();
	aic_spools_count n = {0};
	aic_error err = {0};
	bool more = true;

	while (more)
		if (aic_spools_read(s, &in, 1000, &more, &n, &err) != AIC_OK)
			fail_msg("%s", err.message);
	aic_spools_free(s);
	return n;
}

static void two_controllers_one_truth(void **state)
{
	fixture *f = *state;

	write_spool(f, "ctl1", 1, 41);
	write_spool(f, "ctl2", 21, 61); /* half of it twice, as after a takeover */
	aic_spools_count n = read_spools(f);
	assert_true(n.fresh == 60 && n.equal == 20 && n.different == 0 && n.damaged == 0);
	n = read_spools(f);
	assert_true(n.fresh == 0 && n.equal == 0);
	write_spool(f, "ctl1", 61, 63);
	n = read_spools(f);
	assert_true(n.fresh == 2 && n.equal == 0);
}

static void damage_is_noted_and_skipped(void **state)
{
	char pattern[600];
	fixture *f = *state;
	glob_t found;

	write_spool(f, "ctl1", 1, 11);
	snprintf(pattern, sizeof(pattern), "%s/ctl1/*.spool", f->config.spool);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	FILE *file = fopen(found.gl_pathv[0], "r+");
	assert_non_null(file);
	globfree(&found);
	fseek(file, 700, SEEK_SET);
	int c = fgetc(file);
	fseek(file, 700, SEEK_SET);
	fputc(c ^ 0x40, file);
	fclose(file);
	aic_spools_count n = read_spools(f);
	assert_int_equal(n.fresh, 9);
	assert_true(n.damaged >= 1);
	int64_t noted = count(f, "SELECT count(*) FROM damage WHERE host='ctl1'");
	assert_true(noted >= 1);
	read_spools(f);
	assert_int_equal(count(f, "SELECT count(*) FROM damage"), noted);
}

static const char *die_at;
static int die_after;

static void die(const char *where)
{
	if (!strcmp(where, die_at) && die_after-- == 0)
		kill(getpid(), SIGKILL);
}

/* Killed at any of these instants, and started again, it ends with every record once. */
static void killed_between_spool_and_store(void **state)
{
	static const char *const places[] = {"before commit", "after commit", "after prune"};
	fixture *f = *state;
	char path[300];

	for (size_t k = 0; k < 3; k++) {
		uint32_t from = 1000 * (uint32_t)(k + 1);
		write_spool(f, places[k], from, from + JOBS);
		aic_registry_close(f->registry);
		f->registry = NULL;
		aic_store_close(f->store);
		f->store = NULL;
		pid_t child = fork();
		if (child == 0) {
			aic_error err = {0};
			snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
			if (aic_store_open(&f->store, path, &err) != AIC_OK || aic_registry_open(&f->registry, f->store, &f->config, 500, &err) != AIC_OK)
				_exit(9);
			die_at = places[k];
			aic_store_failpoint = die;
			read_spools(f);
			_exit(8);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
		assert_int_equal(aic_store_open(&f->store, path, NULL), AIC_OK);
		assert_int_equal(aic_registry_open(&f->registry, f->store, &f->config, 500, NULL), AIC_OK);
		read_spools(f);
		int64_t lines = 0;
		assert_int_equal(aic_sql_int(f->store->db, &lines, NULL, "SELECT count(*) FROM line JOIN record ON record=record.id WHERE job>=?1",
		                             "i", (int64_t)from), AIC_OK);
		assert_int_equal(lines, JOBS);
	}
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == fixture_open_gross(f, "account/physics"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(a_record_counts_once), T(slurms_double_record), T(a_run_that_slurmctld_forgot), T(each_requeue_is_its_own_record), T(segments_of_a_resize_share_no_key),
		T(scope_is_respected), T(a_closed_record_stays), T(receipts_once_and_contradictions_aside), T(a_node_keeps_its_key),
		T(kept_receipts_are_sorted_in_later), T(impossible_receipts_are_refused), T(activity_is_kept_as_it_came), T(two_controllers_one_truth), T(damage_is_noted_and_skipped),
		T(killed_between_spool_and_store),
	};

	aic_log_open("ingest_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
