/* session_queue_test.c: a queue that is killed at every single change of the disk, before and after aicacctd took a message, and the order in
 * which a checkpoint, its message and its acknowledgement become durable. aicacctd is the lines below, which take messages as it does. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/session_queue.h"
#include "common/session_store.h"

#define CHECKPOINTS 7
#define KILLED 9

/* --- aicacctd, which outlives the training --- */

static struct peer {
	uint64_t stand, steps[64], nodes, closings, end, calls;
	bool away;
	int kill_at, seen; /* the change at which the training is killed; -1: never */
} *peer;

static const aic_session_name name = {{{0xab, 0xcd}}, {1, 2, 3}};

static void change(void)
{
	if (peer->seen++ == peer->kill_at)
		_exit(KILLED);
}

static aic_code take(const aic_session_name *n, aic_error *err)
{
	change();
	peer->calls++;
	if (peer->away)
		return aic_fail(err, AIC_UNREACHABLE, "nobody answers");
	assert_memory_equal(n, &name, sizeof(name));
	return AIC_OK;
}

aic_code __wrap_aic_session_call_nodes(aic_rpc *rpc, const aic_session_name *n, const aic_job_step *step, aic_error *err);
aic_code __wrap_aic_session_call_commit(aic_rpc *rpc, const aic_session_commitment *m, uint64_t *stand, aic_error *err);
aic_code __wrap_aic_session_call_close(aic_rpc *rpc, const aic_session_closing *m, aic_error *err);
int __real_rename(const char *from, const char *to);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);

aic_code __wrap_aic_session_call_nodes(aic_rpc *rpc, const aic_session_name *n, const aic_job_step *step, aic_error *err)
{
	aic_code rc = take(n, err);

	(void)rpc;
	if (rc == AIC_OK)
		peer->nodes = step->restart;
	change();
	return rc;
}

aic_code __wrap_aic_session_call_commit(aic_rpc *rpc, const aic_session_commitment *m, uint64_t *stand, aic_error *err)
{
	aic_code rc = take(&m->name, err);

	(void)rpc;
	if (rc != AIC_OK)
		return rc;
	if (m->first > peer->stand)
		return aic_fail(err, AIC_REFUSED, "number %llu comes next", (unsigned long long)peer->stand);
	assert_int_equal(peer->closings, 0);
	for (size_t i = 0; i < m->n; i++)
		if (m->first + i == peer->stand)
			peer->steps[peer->stand++] = m->checkpoint[i].step;
	change();
	*stand = peer->stand;
	return AIC_OK;
}

aic_code __wrap_aic_session_call_close(aic_rpc *rpc, const aic_session_closing *m, aic_error *err)
{
	aic_code rc = take(&m->name, err);

	(void)rpc;
	if (rc == AIC_OK) {
		peer->closings = 1;
		peer->end = m->end;
		change();
	}
	return rc;
}

/* What the disk sees, one change after the other. */
int __wrap_rename(const char *from, const char *to)
{
	change();
	return __real_rename(from, to);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	change();
	return __real_unlinkat(dir, path, flags);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	change();
	return __real_renameat(from_dir, from, to_dir, to);
}

/* --- a training --- */

static char dir[AIC_SESSION_PATH_LEN];

static void path_of(char path[PATH_MAX], uint64_t number)
{
	snprintf(path, PATH_MAX, "%s/placed-%llu", dir, (unsigned long long)number);
}

/* As aic-train: queued, then placed; what the store lacks is queued again by who continues. */
static void train(uint64_t seed)
{
	aic_session_delivered done;
	char path[PATH_MAX];
	aic_error err = {0};

	for (uint64_t i = 0; i < CHECKPOINTS; i++) {
		aic_committed c = {.step = i * 100, .root = {{(uint8_t)i}}};

		path_of(path, i);
		if (access(path, F_OK) == 0)
			continue;
		if (aic_session_queue_commit(dir, i, &c, &err) != AIC_OK || aic_file_write_atomic(path, "", 0, 0600, &err) != AIC_OK)
			_exit(1);
		peer->away = test_random(&seed) % 3 == 0;
		if (aic_session_queue_deliver(dir, &name, NULL, &done, &err) != (peer->away ? AIC_UNREACHABLE : AIC_OK))
			_exit(2);
		peer->away = false;
	}
	if (aic_session_queue_close(dir, (CHECKPOINTS - 1) * 100, AIC_END_DONE, &err) != AIC_OK)
		_exit(3);
	if (aic_session_queue_deliver(dir, &name, NULL, &done, &err) != AIC_OK || done.left)
		_exit(4);
	_exit(0);
}

static int run(uint64_t seed, int kill_at)
{
	int status;

	peer->kill_at = kill_at;
	peer->seen = 0;
	peer->away = false;
	pid_t pid = fork();
	if (pid == 0)
		train(seed);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void begin(void **state)
{
	const char *store = *state;

	if (dir[0])
		assert_int_equal(aic_dir_remove(dir, NULL), AIC_OK);
	*peer = (struct peer){.kill_at = -1};
	assert_int_equal(aic_session_dir_make(dir, store, &name.session, NULL), AIC_OK);
}

static void assert_whole(void)
{
	char path[PATH_MAX];

	assert_int_equal(peer->stand, CHECKPOINTS);
	for (uint64_t i = 0; i < CHECKPOINTS; i++)
		assert_int_equal(peer->steps[i], i * 100);
	assert_int_equal(peer->closings, 1);
	snprintf(path, sizeof(path), "%s/" AIC_SESSION_CLOSED_FILE, dir);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_killed_anywhere(void **state)
{
	const char *text = getenv("AIC_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : 7;
	int at, status;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (at = 0;; at++) {
		begin(state);
		status = run(seed, at);
		if (status != KILLED)
			break;
		assert_int_equal(run(seed, -1), 0);
		assert_whole();
	}
	assert_int_equal(status, 0);
	assert_whole();
	assert_true(at > 3 * CHECKPOINTS); /* each is queued, placed, sent and removed */
}

/* The training is gone, killed before it delivered anything; AIC's own user finds it. */
static void test_delivered_by_others(void **state)
{
	aic_session_record r = {.standing = AIC_SESSION_OPENED, .name = name, .shards = 8};
	aic_job_step step = {"c", 1, 0, 3};
	aic_error err = {0};
	uint64_t left, bytes;

	begin(state);
	assert_int_equal(aic_session_record_save(&r, dir, 0640, NULL), AIC_OK);
	for (uint64_t i = 0; i < CHECKPOINTS; i++) {
		aic_committed c = {.step = i * 100};
		assert_int_equal(aic_session_queue_commit(dir, i, &c, NULL), AIC_OK);
	}
	assert_int_equal(aic_session_queue_close(dir, 650, AIC_END_STOPPED, NULL), AIC_OK);
	assert_int_equal(aic_session_queue_nodes(dir, &step, NULL), AIC_OK); /* it goes on, */
	assert_int_equal(aic_session_queue_close(dir, 700, AIC_END_FAILED, NULL), AIC_OK);
	peer->away = true;
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, &err), AIC_UNREACHABLE);
	assert_int_equal(left, 1);
	peer->away = false;
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, &err), AIC_OK);
	assert_int_equal(left, 0);
	assert_whole();
	assert_int_equal(peer->nodes, 3);
	assert_int_equal(peer->end, AIC_END_FAILED); /* and fails */
	uint64_t calls = peer->calls;
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, &err), AIC_OK);
	assert_int_equal(peer->calls, calls);
	assert_int_equal(aic_session_store_measure(*state, &bytes, NULL), AIC_OK);
	assert_true(bytes > 0);
	assert_int_equal(aic_session_store_room(*state, bytes, 0, NULL), AIC_OK);
	assert_int_equal(aic_session_store_room(*state, bytes, 1, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "sessions: room of aic.yaml"));
}

/* What users may leave in a folder of theirs: nothing of it is believed, and none of it stops the others. */
static void test_hostile_folders(void **state)
{
	aic_session_record r = {.standing = AIC_SESSION_OPENED, .name = name, .shards = 8};
	char path[PATH_MAX], other[AIC_SESSION_PATH_LEN];
	aic_hash squat = {{0xee}};
	aic_committed c = {.step = 0};
	uint64_t left;

	begin(state);
	assert_int_equal(aic_session_record_save(&r, dir, 0640, NULL), AIC_OK);
	assert_int_equal(aic_session_queue_commit(dir, 0, &c, NULL), AIC_OK);
	/* another's record under an id of its own */
	assert_int_equal(aic_session_dir_make(other, *state, &squat, NULL), AIC_OK);
	assert_int_equal(aic_session_record_save(&r, other, 0640, NULL), AIC_OK);
	assert_int_equal(aic_session_queue_close(other, 0, AIC_END_FAILED, NULL), AIC_OK);
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, NULL), AIC_OK);
	assert_int_equal(left, 1);
	assert_int_equal(peer->stand, 1);
	assert_int_equal(peer->closings, 0);
	/* a message that is a link, and one that lies about its number */
	snprintf(path, sizeof(path), "%s/queue/commit-0000000001", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, NULL), AIC_OK);
	assert_int_equal(left, 2);
	unlink(path);
	char from[PATH_MAX];
	assert_int_equal(aic_session_queue_commit(dir, 5, &c, NULL), AIC_OK);
	snprintf(from, sizeof(from), "%s/queue/commit-0000000005", dir);
	assert_int_equal(rename(from, path), 0);
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, NULL), AIC_OK);
	assert_int_equal(left, 2);
	assert_int_equal(peer->stand, 1);
	/* a queue that is a link */
	unlink(path);
	snprintf(path, sizeof(path), "%s/queue", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(aic_session_store_deliver(*state, NULL, 0, &left, NULL), AIC_OK);
	assert_int_equal(peer->stand, 1);
	unlink(path);
}

static void test_numbers(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(aic_session_number(100, 250, 0, &n) && n == 0);
	assert_true(aic_session_number(100, 250, 200, &n) && n == 2);
	assert_true(aic_session_number(100, 250, 250, &n) && n == 3);
	assert_true(aic_session_number(100, 200, 200, &n) && n == 2);
	assert_false(aic_session_number(100, 250, 150, &n)); /* a signal's */
	assert_false(aic_session_number(0, 250, 250, &n));
	assert_false(aic_session_number(100, 250, 300, &n));
}

static void test_record(void **state)
{
	aic_session_record r = {.standing = AIC_SESSION_OPENED, .name = name, .step = {"cluster", 7, 1, 2}, .determinism = AIC_CLASS_D1,
	                        .device = "NVIDIA H100", .shards = 16, .spec_seed = 7, .seed = UINT64_MAX, .code = "aic 0.1", .spec_file = "/home/a/x.yaml",
	                        .every = 100, .steps = 1000, .store = "/srv/aic"}, got;
	aic_session_opening o;
	aic_error err = {0};
	aic_bytes b = {0};

	(void)state;
	aic_session_record_encode(&b, &r);
	assert_int_equal(aic_session_record_decode(&got, b.data, b.len, &err), AIC_OK);
	assert_memory_equal(&got, &r, sizeof(r));
	aic_session_record_opening(&got, &o);
	assert_int_equal(o.device_len, 32);
	assert_memory_equal(o.token, name.token, sizeof(o.token));
	assert_int_equal(aic_session_record_decode(&got, b.data, b.len - 1, &err), AIC_CORRUPT);
	r.shards = 3;
	aic_bytes_clear(&b);
	aic_session_record_encode(&b, &r);
	assert_int_equal(aic_session_record_decode(&got, b.data, b.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "3 shards are no power of two"));
	aic_bytes_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_anywhere, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(test_delivered_by_others, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(test_hostile_folders, test_folder_make, test_folder_remove),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_record),
	};

	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return peer == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
