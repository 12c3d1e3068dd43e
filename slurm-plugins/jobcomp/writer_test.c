#define _GNU_SOURCE
#include "common/testing.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/spool.h"
#include "common/time.h"
#include "slurm-plugins/jobcomp/location.h"
#include "slurm-plugins/jobcomp/writer.h"

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_error[1024];
static unsigned errors, infos;

static void note(bool is_error, const char *message)
{
	pthread_mutex_lock(&log_lock);
	if (is_error) {
		errors++;
		snprintf(last_error, sizeof(last_error), "%s", message);
	} else {
		infos++;
	}
	pthread_mutex_unlock(&log_lock);
}

static unsigned error_count(void)
{
	unsigned n;

	pthread_mutex_lock(&log_lock);
	n = errors;
	pthread_mutex_unlock(&log_lock);
	return n;
}

static int setup(void **state)
{
	errors = infos = 0;
	last_error[0] = '\0';
	return test_folder_make(state);
}

static aic_writer_options options(const char *dir)
{
	return (aic_writer_options){ .dir = dir, .sync_ms = 50, .max_bytes = 1 << 20, .drain_ms = 200, .log = note };
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static aic_code put(aic_writer *w, const char *text)
{
	aic_bytes b = { 0 };
	aic_code rc;

	aic_bytes_append_str(&b, text);
	rc = aic_writer_put(w, &b, NULL);
	assert_null(b.data);
	return rc;
}

/* Number of whole records that a reader finds, checked to be "record 0", "record 1", ... */
static unsigned readable(const char *dir)
{
	aic_spool_reader *r;
	aic_spool_place place;
	aic_bytes b = { 0 };
	char want[32];
	unsigned n = 0;

	if (aic_spool_reader_open(&r, dir, 0, NULL))
		return 0;
	while (aic_spool_read(r, &b, &place, NULL) == AIC_OK) {
		snprintf(want, sizeof(want), "record %u", n++);
		assert_int_equal(b.len, strlen(want));
		assert_memory_equal(b.data, want, b.len);
	}
	aic_bytes_free(&b);
	aic_spool_reader_close(r);
	return n;
}

static void put_many(aic_writer *w, unsigned from, unsigned to)
{
	char text[32];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "record %u", i);
		assert_int_equal(put(w, text), AIC_OK);
	}
}

static bool wait_for(const char *dir, unsigned n)
{
	for (int64_t until = aic_monotonic_ms() + 5000; aic_monotonic_ms() < until; nap())
		if (readable(dir) == n)
			return true;
	return false;
}

static void records_are_in_the_file_before_anybody_stops(void **state)
{
	aic_writer_options o = options(*state);
	aic_writer *w;

	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK);
	put_many(w, 0, 100);
	assert_true(wait_for(*state, 100));
	assert_in_range(aic_spool_heartbeat_age(*state), 0, 5);
	assert_int_equal(aic_writer_stop(w), 0);
	assert_int_equal(errors, 0);
}

/* What waits in memory dies with slurmctld: neither a first record nor one after a pause waits for the next sync. */
static void records_do_not_wait_for_the_sync(void **state)
{
	aic_writer_options o = options(*state);
	aic_writer *w;

	o.sync_ms = 60000;
	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK);
	put_many(w, 0, 1);
	assert_true(wait_for(*state, 1));
	for (int i = 0; i < 20; i++) /* the thread falls asleep */
		nap();
	put_many(w, 1, 2);
	assert_true(wait_for(*state, 2));
	assert_int_equal(aic_writer_stop(w), 0);
}

static void stopping_drains(void **state)
{
	aic_writer_options o = options(*state);
	aic_writer *w;

	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK);
	put_many(w, 0, 5000);
	assert_int_equal(aic_writer_stop(w), 0);
	assert_int_equal(readable(*state), 5000);
	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK); /* numbers go on where they were */
	put_many(w, 5000, 5010);
	assert_int_equal(aic_writer_stop(w), 0);
	assert_int_equal(readable(*state), 5010);
}

/* A full disk, made with a limit on file sizes: write(2) fails in the same place. */
static void a_full_disk_keeps_records_in_memory(void **state)
{
	struct rlimit had, tight;
	aic_writer_options o = options(*state);
	aic_writer *w;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &had);
	tight = (struct rlimit){ .rlim_cur = 300, .rlim_max = had.rlim_max };
	setrlimit(RLIMIT_FSIZE, &tight);
	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK);
	put_many(w, 0, 100);
	for (int64_t until = aic_monotonic_ms() + 5000; !error_count() && aic_monotonic_ms() < until;)
		nap();
	assert_int_equal(error_count(), 1);
	assert_non_null(strstr(last_error, "job records wait in memory"));
	assert_in_range(readable(*state), 1, 20);
	setrlimit(RLIMIT_FSIZE, &had);
	assert_true(wait_for(*state, 100)); /* nothing lost, nothing twice */
	assert_int_equal(aic_writer_stop(w), 0);
	assert_int_equal(errors, 1); /* one line, not one a second */
	assert_int_equal(infos, 1);
	assert_int_equal(readable(*state), 100);
}

static void memory_is_bounded_and_losses_are_counted(void **state)
{
	char path[256];
	aic_writer_options o = options(path);
	int64_t began;
	aic_writer *w;
	aic_error err;
	aic_bytes b = { 0 };

	snprintf(path, sizeof(path), "%s/file", (char *)*state);
	assert_int_equal(aic_file_write_atomic(path, "x", 1, 0600, NULL), AIC_OK); /* a file where the spool should be */
	o.max_bytes = 40;
	assert_int_equal(aic_writer_start(&w, &o, NULL), AIC_OK);
	put_many(w, 0, 5); /* 8 bytes each */
	aic_bytes_append_str(&b, "record 5");
	assert_int_equal(aic_writer_put(w, &b, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "1 dropped so far"));
	began = aic_monotonic_ms();
	assert_int_equal(aic_writer_stop(w), 6);
	assert_in_range(aic_monotonic_ms() - began, 0, 3000); /* slurmctld's end does not hang on a bad disk */
	assert_true(error_count() >= 1);
}

/* --- where the spool is --- */

static void location(void **state)
{
	char host[256], want[600], buf[600];

	(void)state;
	gethostname(host, sizeof(host));
	host[strcspn(host, ".")] = '\0';
	assert_int_equal(aic_jobcomp_location(buf, sizeof(buf), "/var/log/slurm_jobcomp.log", "/var/spool/slurmctld", NULL), AIC_OK);
	snprintf(want, sizeof(want), "/var/spool/slurmctld/aic/%s", host);
	assert_string_equal(buf, want);
	assert_int_equal(aic_jobcomp_location(buf, sizeof(buf), NULL, "/var/spool/slurmctld", NULL), AIC_OK);
	assert_string_equal(buf, want);
	assert_int_equal(aic_jobcomp_location(buf, sizeof(buf), "/srv/aic", "/var/spool/slurmctld", NULL), AIC_OK);
	snprintf(want, sizeof(want), "/srv/aic/%s", host);
	assert_string_equal(buf, want);
	assert_int_equal(aic_jobcomp_location(buf, sizeof(buf), "aic", "/var/spool/slurmctld", NULL), AIC_USAGE);
	assert_int_equal(aic_jobcomp_location(buf, 8, "/srv/aic", "/var/spool/slurmctld", NULL), AIC_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_in_the_file_before_anybody_stops, setup, test_folder_remove),
		cmocka_unit_test_setup_teardown(records_do_not_wait_for_the_sync, setup, test_folder_remove),
		cmocka_unit_test_setup_teardown(stopping_drains, setup, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_full_disk_keeps_records_in_memory, setup, test_folder_remove),
		cmocka_unit_test_setup_teardown(memory_is_bounded_and_losses_are_counted, setup, test_folder_remove),
		cmocka_unit_test(location),
	};

	return cmocka_run_group_tests_name("jobcomp/writer", tests, NULL, NULL);
}
