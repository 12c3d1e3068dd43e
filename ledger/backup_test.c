/* backup_test.c: a backup beside a writing site; what a restore keeps, brings back and refuses; SIGKILL on the way. backup.c and
 * restore.c are compiled with AIC_FAILPOINTS. */
#define _GNU_SOURCE
#include "ledger/backup.h"
#include "ledger/audit/export_testing.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "ledger/failpoint.h"
#include "ledger/service.h"

#define BLOCKS 8

static char site_dir[300], backup_dir[400], passphrase[400], other_passphrase[400];
static const char *kill_at;

void aic_failpoint(const char *place)
{
	if (kill_at && strcmp(place, kill_at) == 0)
		kill(getpid(), SIGKILL);
}

static char *in(const char *dir, const char *name)
{
	static char path[4][1200];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* A site of BLOCKS blocks, and a sealed backup of it. */
static int make(void **state)
{
	aic_backed_up done;
	aic_error err = {0};
	aic_key key;

	if (test_export_make(state, BLOCKS))
		return -1;
	snprintf(site_dir, sizeof(site_dir), "%s", (char *)*state);
	snprintf(backup_dir, sizeof(backup_dir), "%s/backup", site_dir);
	snprintf(passphrase, sizeof(passphrase), "%s/passphrase", site_dir);
	snprintf(other_passphrase, sizeof(other_passphrase), "%s/other", site_dir);
	test_site_key(&key, 1);
	if (aic_dir_make(in(site_dir, "keys"), 0700, &err) || aic_key_write(&key, in(site_dir, "keys/site.key"), NULL, &err) ||
	    aic_file_write_atomic(passphrase, "open sesame\n", 12, 0600, &err) || aic_file_write_atomic(other_passphrase, "x\n", 2, 0600, &err) ||
	    aic_ledger_backup(site_dir, backup_dir, AIC_BACKUP_SEALED_KEYS, passphrase, &done, &err))
		return -1;
	return done.height == BLOCKS && done.keys == 1 && done.files == 3 ? 0 : -1;
}

static aic_code restore(aic_restored *done, aic_error *err)
{
	return aic_ledger_restore(site_dir, backup_dir, "/tmp", passphrase, NULL, NULL, done, err);
}

/* What the site does next; the state root it then has. */
static aic_hash go_on(unsigned more, uint64_t *height)
{
	test_site s;

	assert_ok(test_site_open(&s, test_ledger_dir, err));
	for (unsigned i = 0; i < more; i++)
		assert_ok(test_transfer(&s, 0, 1, 1000 + i, err));
	*height = aic_state_head(s.state)->height;
	assert_int_equal(s.chain.final_height, *height);
	aic_hash root = aic_state_head(s.state)->root;
	test_site_close(&s);
	return root;
}

static void must_verify(uint64_t height)
{
	aic_verified v;

	assert_ok(aic_ledger_verify(test_ledger_dir, "/tmp", NULL, NULL, &v, err));
	assert_int_equal(v.blocks, height + 1);
	assert_int_equal(v.attestations, height + 1);
}

/* --- */

static void test_beside_a_writer(void **state)
{
	char *second = strdup(in(site_dir, "second"));
	aic_backed_up done;
	aic_verified v;
	test_site s;

	(void)state;
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(test_transfer(&s, 0, 1, 5, err));
	assert_ok(aic_ledger_backup(site_dir, second, AIC_BACKUP_NO_KEYS, NULL, &done, err));
	assert_ok(test_transfer(&s, 0, 1, 6, err));
	test_site_close(&s);
	assert_int_equal(done.height, BLOCKS + 1);
	assert_int_equal(done.keys, 0);
	assert_int_equal(access(in(second, "site.key"), F_OK), -1);
	assert_ok(aic_ledger_verify(second, "/tmp", NULL, NULL, &v, err));
	assert_int_equal(v.blocks, BLOCKS + 2);
	assert_fails(aic_ledger_backup(site_dir, second, AIC_BACKUP_NO_KEYS, NULL, &done, err), AIC_REFUSED, "is there already");
	assert_fails(aic_ledger_backup(second, in(site_dir, "third"), AIC_BACKUP_NO_KEYS, NULL, &done, err), AIC_NOT_FOUND, "no ledger to back up");
	free(second);
}

/* Yesterday's state, today's log: the same root, and what was attested since stays attested. */
static void test_log_outranks(void **state)
{
	aic_restored done;
	uint64_t height, again;
	aic_hash root = go_on(5, &height), back;

	(void)state;
	assert_ok(restore(&done, err));
	assert_true(done.log_kept && done.height == BLOCKS && done.log_height == height && !done.keys && !done.salvaged);
	assert_int_equal(access(in(done.aside, "state.db"), F_OK), 0);
	back = go_on(0, &again);
	assert_int_equal(again, height);
	assert_memory_equal(&back, &root, sizeof(root));
	must_verify(height);
}

/* Three within a second or two: two of them have the same time in the name of what they put aside. */
static void test_one_after_the_other(void **state)
{
	aic_restored done[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_ok(restore(&done[i], err));
	for (int i = 0; i < 3; i++)
		assert_int_equal(access(in(done[i].aside, "state.db"), F_OK), 0);
	assert_string_not_equal(done[0].aside, done[1].aside);
	assert_string_not_equal(done[1].aside, done[2].aside);
}

static void test_everything_lost(void **state)
{
	aic_restored done;
	uint64_t height;
	aic_key key;

	(void)state;
	assert_ok(aic_dir_remove(test_ledger_dir, err));
	assert_ok(aic_dir_remove(in(site_dir, "keys"), err));
	assert_fails(aic_ledger_restore(site_dir, backup_dir, "/tmp", other_passphrase, NULL, NULL, &done, err), AIC_REFUSED, "does not open with this passphrase");
	assert_fails(aic_ledger_restore(site_dir, backup_dir, "/tmp", NULL, NULL, NULL, &done, err), AIC_CORRUPT, "no unencrypted private key");
	assert_ok(restore(&done, err));
	assert_true(!done.log_kept && done.height == BLOCKS && done.log_height == BLOCKS && done.keys == 1);
	assert_ok(aic_key_load(&key, in(site_dir, "keys/site.key"), err));
	go_on(2, &height);
	assert_int_equal(height, BLOCKS + 2);
	must_verify(height);
}

/* The log is gone or damaged, the state is not: it knows which blocks were attested. */
static void test_log_lost(void **state)
{
	aic_restored done;
	uint64_t height, again;
	aic_hash root = go_on(3, &height), back;

	(void)state;
	FILE *f = fopen(in(test_ledger_dir, "order.db"), "r+");
	assert_non_null(f);
	for (int i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	assert_ok(restore(&done, err));
	assert_true(!done.log_kept && done.salvaged == 3 && done.log_height == height);
	back = go_on(0, &again);
	assert_int_equal(again, height);
	assert_memory_equal(&back, &root, sizeof(root));
}

static void test_other_history(void **state)
{
	aic_restored done;
	uint64_t height;

	(void)state;
	assert_ok(aic_dir_remove(test_ledger_dir, err));
	assert_ok(aic_dir_make(test_ledger_dir, 0750, err));
	go_on(12, &height);
	assert_fails(restore(&done, err), AIC_REFUSED, "is of another history than the backup: they differ at height 8");
	go_on(0, &height);
	assert_int_equal(height, 12);
}

static void test_daemon_runs(void **state)
{
	aic_restored done;
	int lock = -1;

	(void)state;
	assert_ok(aic_service_lock(&lock, test_ledger_dir, err));
	assert_fails(restore(&done, err), AIC_REFUSED, "stop aicledgerd first");
	close(lock);
	assert_ok(restore(&done, err));
}

static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+");

	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	int c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 4, f);
	fclose(f);
}

static void test_damaged(void **state)
{
	static const char *const files[] = {"state.db", "order.db", "site.key", "manifest"};
	uint64_t seed = 5, height;
	aic_restored done;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (int k = 0; k < 6; k++) {
			char *path = strdup(in(backup_dir, files[i]));
			struct stat st;

			assert_int_equal(stat(path, &st), 0);
			long at = (long)(test_random(&seed) % (uint64_t)st.st_size);
			flip(path, at);
			assert_fails(restore(&done, err), AIC_CORRUPT, files[i]);
			flip(path, at);
			free(path);
		}
	assert_int_equal(unlink(in(backup_dir, "state.db")), 0);
	assert_fails(restore(&done, err), AIC_SYSTEM, "nothing was changed");
	go_on(1, &height);
	assert_int_equal(height, BLOCKS + 1);
	must_verify(height);
}

static void child(void (*act)(void), const char *place)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		kill_at = place;
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void do_restore(void)
{
	aic_restored done;

	restore(&done, NULL);
}

static void do_backup(void)
{
	aic_backed_up done;

	aic_ledger_backup(site_dir, in(site_dir, "second"), AIC_BACKUP_NO_KEYS, NULL, &done, NULL);
}

static void test_killed(void **state)
{
	char *second = strdup(in(site_dir, "second"));
	aic_backed_up made;
	aic_restored done;
	uint64_t height, again;
	aic_verified v;

	(void)state;
	child(do_backup, "backup: database");
	child(do_backup, "backup: before it appears");
	assert_int_equal(access(second, F_OK), -1);
	assert_ok(aic_ledger_backup(site_dir, second, AIC_BACKUP_NO_KEYS, NULL, &made, err));
	assert_ok(aic_ledger_verify(second, "/tmp", NULL, NULL, &v, err));
	aic_hash root = go_on(2, &height);
	const char *const places[] = {"restore: built", "restore: exchanged"};
	for (size_t i = 0; i < 2; i++) {
		child(do_restore, places[i]);
		aic_hash back = go_on(0, &again);
		assert_true(again == height && aic_hash_equal(&back, &root));
		must_verify(height);
	}
	assert_ok(restore(&done, err));
	go_on(0, &again);
	assert_int_equal(again, height);
	free(second);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_beside_a_writer), TEST(test_log_outranks), TEST(test_one_after_the_other), TEST(test_everything_lost), TEST(test_log_lost),
		TEST(test_other_history),   TEST(test_daemon_runs),  TEST(test_damaged),         TEST(test_killed),
	};

	return cmocka_run_group_tests_name("ledger backups", tests, NULL, NULL);
}
