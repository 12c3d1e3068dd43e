#define _GNU_SOURCE
#include "common/testing.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/receipt.h"
#include "common/rpc.h"
#include "common/time.h"
#include "slurm-plugins/node/delivery.h"
#include "slurm-plugins/node/node_dir.h"

/* --- a munged and an acct service of the test's own --- */

/* What the server process saw, and what it is told to do. */
typedef struct {
	size_t batches, receipts;
	uint64_t cpu_ms, gpu_ms; /* gpu_ms: of the last receipt */
	uint8_t public_key[AIC_PUBLIC_LEN];
	aic_code refuse;
	size_t forget;          /* acknowledge that many fewer */
	bool all_duplicates;
	uid_t caller;
} seen;

typedef struct {
	char dir[128], munge[256], socket[256], node_dir[256];
	pid_t munged, server;
	seen *seen;
} world;

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static bool appears(const char *path)
{
	for (int64_t until = aic_monotonic_ms() + 10000; aic_monotonic_ms() < until; nap())
		if (!access(path, F_OK))
			return true;
	return false;
}

static aic_code take_receipts(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *out_items,
                              aic_error *err)
{
	seen *s = ctx;
	aic_receipt_batch batch;
	const uint8_t *data;
	size_t len;

	if (strcmp(op, "receipts"))
		return aic_fail(err, AIC_USAGE, "operation %s is unknown", op);
	if (s->refuse)
		return aic_fail(err, s->refuse, "not today");
	data = aic_cbor_bytes(args, &len);
	if (!aic_cbor_ok(args) || aic_receipt_batch_decode(&batch, data, len, err))
		return err->code;
	s->caller = who->uid;
	s->batches++;
	s->receipts += batch.n;
	for (size_t i = 0; i < batch.n; i++) {
		s->cpu_ms += batch.receipt[i].cpu_ms;
		s->gpu_ms = batch.receipt[i].gpu_ms;
	}
	memcpy(s->public_key, batch.public_key, sizeof(s->public_key));
	aic_cbor_put_uint(out, s->all_duplicates ? 0 : batch.n - s->forget);
	aic_cbor_put_uint(out, s->all_duplicates ? batch.n : 0);
	*out_items = 2;
	aic_receipt_batch_clear(&batch);
	return AIC_OK;
}

static void start_server(world *w)
{
	w->server = fork();
	if (w->server == 0) {
		aic_rpc_server *s;

		if (aic_rpc_server_new(&s, "acct", take_receipts, w->seen, NULL) || aic_rpc_server_listen(s, w->socket, NULL))
			_exit(1);
		aic_rpc_server_run(s, 1000, NULL, NULL);
		_exit(0);
	}
	assert_true(appears(w->socket));
}

static void stop(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void stop_server(world *w)
{
	stop(&w->server);
	unlink(w->socket);
}

static int start_munged(world *w)
{
	char key[256], args[6][320];
	uint8_t random[64];

	snprintf(key, sizeof(key), "%s/munge.key", w->dir);
	aic_random(random, sizeof(random));
	if (aic_file_write_atomic(key, random, sizeof(random), 0600, NULL))
		return -1;
	snprintf(args[0], sizeof(args[0]), "--socket=%s", w->munge);
	snprintf(args[1], sizeof(args[1]), "--key-file=%s", key);
	snprintf(args[2], sizeof(args[2]), "--pid-file=%s/munge.pid", w->dir);
	snprintf(args[3], sizeof(args[3]), "--log-file=%s/munge.log", w->dir);
	snprintf(args[4], sizeof(args[4]), "--seed-file=%s/munge.seed", w->dir);
	w->munged = fork();
	if (w->munged == 0) {
		execl("/usr/sbin/munged", "munged", "--foreground", "--force", "--num-threads=1", args[0], args[1], args[2], args[3], args[4],
		      (char *)NULL);
		_exit(127);
	}
	return appears(w->munge) ? 0 : -1;
}

static int setup(void **state)
{
	world *w = calloc(1, sizeof(*w));
	void *folder;

	if (test_folder_make(&folder))
		return -1;
	snprintf(w->dir, sizeof(w->dir), "%s", (char *)folder);
	free(folder);
	chmod(w->dir, 0755); /* munged wants its directories closed to others' writing, the socket's open to all */
	snprintf(w->munge, sizeof(w->munge), "%s/munge.sock", w->dir);
	snprintf(w->socket, sizeof(w->socket), "%s/acct.sock", w->dir);
	snprintf(w->node_dir, sizeof(w->node_dir), "%s/node", w->dir);
	w->seen = mmap(NULL, sizeof(*w->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->seen == MAP_FAILED || start_munged(w))
		return -1;
	aic_rpc_use_munge(w->munge);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world *w = *state;
	void *folder = strdup(w->dir);

	stop(&w->server);
	stop(&w->munged);
	munmap(w->seen, sizeof(*w->seen));
	free(w);
	return test_folder_remove(&folder);
}

/* --- receipts --- */

static void write_gpu_receipt(const world *w, const char *node, uint32_t job, uint64_t cpu_ms, uint64_t gpus)
{
	aic_receipt r = { .gpus = gpus, .job_id = job, .start = 1000, .end = 1010, .cpus = 2, .cpu_ms = cpu_ms, .mem_peak_mib = 5, .gpu_ms = AIC_UNKNOWN,
	                  .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN, .determinism = 2 };
	aic_bytes b = { 0 };
	char path[512];

	strcpy(r.cluster, "test");
	strcpy(r.node, node);
	aic_receipt_encode(&b, &r);
	assert_int_equal(aic_receipt_path(path, sizeof(path), w->node_dir, &r, NULL), AIC_OK);
	assert_int_equal(aic_file_write_atomic(path, b.data, b.len, 0600, NULL), AIC_OK);
	aic_bytes_free(&b);
}

static void write_receipt(const world *w, const char *node, uint32_t job, uint64_t cpu_ms)
{
	write_gpu_receipt(w, node, job, cpu_ms, 0);
}

static unsigned files_in(const world *w, const char *sub)
{
	char path[512];
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", w->node_dir, sub);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static aic_delivery *opened(const world *w)
{
	aic_delivery *d;
	aic_error err;

	if (aic_delivery_open(&d, w->node_dir, "n1", w->socket, getuid(), &err))
		fail_msg("%s", err.message);
	return d;
}

static void receipts_are_signed_sent_and_deleted(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	aic_delivery_result result;
	char key_path[512];
	aic_error err;
	aic_key key;

	start_server(w);
	for (uint32_t i = 1; i <= 20; i++)
		write_receipt(w, "n1", i, i);
	if (aic_delivery_round(d, &result, &err))
		fail_msg("%s", err.message);
	assert_int_equal(result.accepted, 20);
	assert_int_equal(result.duplicates, 0);
	assert_int_equal(w->seen->batches, 1);
	assert_int_equal(w->seen->cpu_ms, 210);
	assert_int_equal(w->seen->caller, getuid());
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 0);
	snprintf(key_path, sizeof(key_path), "%s/" AIC_NODE_KEY, w->node_dir);
	assert_int_equal(aic_key_load(&key, key_path, NULL), AIC_OK);
	assert_memory_equal(key.public_key, w->seen->public_key, AIC_PUBLIC_LEN);
	aic_delivery_close(d);
	d = opened(w); /* the same key again */
	write_receipt(w, "n1", 21, 1);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_memory_equal(key.public_key, w->seen->public_key, AIC_PUBLIC_LEN);
	aic_delivery_close(d);
}

static void a_daemon_that_is_down_loses_nothing(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	aic_delivery_result result;
	aic_error err;

	write_receipt(w, "n1", 1, 7);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, w->socket));
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 1);
	start_server(w);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(result.accepted, 1);
	stop_server(w); /* killed between two rounds: the open connection is dead */
	write_receipt(w, "n1", 2, 7);
	assert_int_not_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 1);
	start_server(w);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(w->seen->receipts, 2);
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 0);
	aic_delivery_close(d);
}

static void only_what_is_acknowledged_is_deleted(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	aic_delivery_result result;
	aic_error err;

	start_server(w);
	write_receipt(w, "n1", 1, 7);
	write_receipt(w, "n1", 2, 7);
	w->seen->refuse = AIC_REFUSED;
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "not today"));
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 2);
	w->seen->refuse = AIC_OK;
	w->seen->forget = 1;
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "1 of 2 receipts"));
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 2);
	w->seen->forget = 0;
	w->seen->all_duplicates = true; /* the first try had arrived after all */
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(result.duplicates, 2);
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 0);
	aic_delivery_close(d);
}

static void damaged_and_foreign_receipts_are_set_aside(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	aic_delivery_result result;
	char path[512];
	aic_error err;

	start_server(w);
	write_receipt(w, "n1", 1, 7);
	write_receipt(w, "n2", 2, 7);
	snprintf(path, sizeof(path), "%s/" AIC_RECEIPTS_DIR "/3.0.0" AIC_RECEIPT_SUFFIX, w->node_dir);
	assert_int_equal(aic_file_write_atomic(path, "\x84\x01garbage", 9, 0600, NULL), AIC_OK);
	snprintf(path, sizeof(path), "%s/" AIC_RECEIPTS_DIR "/4.0.0" AIC_RECEIPT_SUFFIX, w->node_dir);
	assert_int_equal(aic_file_write_atomic(path, "", 0, 0600, NULL), AIC_OK);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(result.accepted, 1);
	assert_int_equal(result.damaged, 3);
	assert_int_equal(w->seen->receipts, 1);
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 0);
	assert_int_equal(files_in(w, AIC_DAMAGED_DIR), 3);
	aic_delivery_close(d);
}

typedef struct {
	uint64_t next;
	unsigned completed, forgotten;
} meter_stand_in;

static void complete(void *ctx, aic_receipt *r)
{
	meter_stand_in *m = ctx;

	m->completed++;
	r->gpu_ms = m->next;
	m->next += 1000; /* measured again, it would be something else */
}

static void forget(void *ctx, const aic_receipt *r)
{
	meter_stand_in *m = ctx;

	(void)r;
	m->forgotten++;
}

static void gpu_use_is_written_down_before_it_is_sent(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	meter_stand_in m = { .next = 5000 };
	aic_delivery_meter meter = { complete, forget, &m };
	aic_delivery_result result;
	aic_error err;

	aic_delivery_measure(d, &meter);
	start_server(w);
	w->seen->refuse = AIC_REFUSED;
	write_gpu_receipt(w, "n1", 1, 7, 2);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_REFUSED);
	w->seen->refuse = AIC_OK;
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(w->seen->gpu_ms, 5000); /* what was measured the first time, sent the second */
	assert_int_equal(m.completed, 1);
	assert_int_equal(m.forgotten, 1);
	write_receipt(w, "n1", 2, 7);               /* no GPU */
	write_gpu_receipt(w, "n1", 3, 7, AIC_UNKNOWN);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(m.completed, 1);
	m.next = AIC_UNKNOWN;                       /* not measured: sent as it is */
	write_gpu_receipt(w, "n1", 4, 7, 1);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_true(w->seen->gpu_ms == AIC_UNKNOWN);
	assert_int_equal(m.forgotten, 2);
	aic_delivery_close(d);
}

static void a_backlog_goes_in_several_batches(void **state)
{
	world *w = *state;
	aic_delivery *d = opened(w);
	aic_delivery_result result;
	aic_error err;

	start_server(w);
	for (uint32_t i = 0; i < AIC_DELIVERY_BATCH + 10; i++)
		write_receipt(w, "n1", i + 1, 1);
	assert_int_equal(aic_delivery_round(d, &result, &err), AIC_OK);
	assert_int_equal(result.accepted, AIC_DELIVERY_BATCH + 10);
	assert_int_equal(w->seen->batches, 2);
	assert_int_equal(w->seen->cpu_ms, AIC_DELIVERY_BATCH + 10);
	assert_int_equal(files_in(w, AIC_RECEIPTS_DIR), 0);
	aic_delivery_close(d);
}

static void the_node_directory(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(aic_node_dir_expand(buf, sizeof(buf), "/x/%n/y%n", "n1", NULL), AIC_OK);
	assert_string_equal(buf, "/x/n1/yn1");
	assert_int_equal(aic_node_dir_expand(buf, sizeof(buf), "/x/%d%", "n1", NULL), AIC_OK);
	assert_string_equal(buf, "/x/%d%");
	assert_int_equal(aic_node_dir_expand(buf, 4, "/x/%n", "n1", NULL), AIC_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(receipts_are_signed_sent_and_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_daemon_that_is_down_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_acknowledged_is_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_and_foreign_receipts_are_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(gpu_use_is_written_down_before_it_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(a_backlog_goes_in_several_batches, setup, teardown),
		cmocka_unit_test(the_node_directory),
	};

	return cmocka_run_group_tests_name("node/delivery", tests, NULL, NULL);
}
