/* rpc_test.c: both ends against a munged of the test's own, in a folder of its own. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/receipt.h"
#include "common/rpc.h"
#include "common/rpc_frame.h"
#include "common/testing.h"
#include "common/time.h"

#define SERVICE "test"
#define TIMEOUT_MS 10000
#define PATIENCE_MS 300 /* of the server with half-sent frames */

static char folder[64], munge_path[128], socket_path[128];
static pid_t munged = -1, server = -1;

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* --- a munged of our own --- */

static const char *find_munged(void)
{
	static const char *const places[] = {"/usr/sbin/munged", "/usr/local/sbin/munged", "/usr/bin/munged"};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

static void exec_munged(const char *program)
{
	char opt[5][160];
	snprintf(opt[0], sizeof opt[0], "--socket=%s", munge_path);
	snprintf(opt[1], sizeof opt[1], "--key-file=%s/munge.key", folder);
	snprintf(opt[2], sizeof opt[2], "--pid-file=%s/munged.pid", folder);
	snprintf(opt[3], sizeof opt[3], "--log-file=%s/munged.log", folder);
	snprintf(opt[4], sizeof opt[4], "--seed-file=%s/munged.seed", folder);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(127);
	execl(program, "munged", "--foreground", "--force", opt[0], opt[1], opt[2], opt[3], opt[4], (char *)NULL);
	_exit(127);
}

static int start_munged(void **state)
{
	uint8_t key[1024];
	char path[128];
	const char *program = find_munged();
	if (program == NULL) {
		print_message("SKIPPED: munged is not installed (apt-get install munge); nothing of RPC was tested\n");
		exit(77);
	}
	strcpy(folder, "/tmp/aic-test-XXXXXX");
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		return -1;
	*state = strdup(folder);
	snprintf(munge_path, sizeof munge_path, "%s/munge.socket", folder);
	snprintf(socket_path, sizeof socket_path, "%s/test.sock", folder);
	snprintf(path, sizeof path, "%s/munge.key", folder);
	aic_random(key, sizeof key);
	if (aic_file_write_atomic(path, key, sizeof key, 0400, NULL) != AIC_OK)
		return -1;
	munged = fork();
	if (munged == 0)
		exec_munged(program);
	aic_rpc_use_munge(munge_path);
	for (int i = 0; i < 100; i++, pause_ms(50)) {
		aic_bytes frame = {0};
		aic_code code = access(munge_path, F_OK) != 0 ? AIC_UNREACHABLE : aic_rpc_seal(&frame, "x", 1, "", 0, NULL);
		aic_bytes_free(&frame);
		if (code == AIC_OK)
			return 0;
	}
	return -1;
}

static int stop_munged(void **state)
{
	kill(munged, SIGTERM);
	waitpid(munged, NULL, 0);
	return test_folder_remove(state);
}

/* --- a server in a child process --- */

static aic_rpc_server *running;
static uint64_t handled, ticks, released;

static void on_term(int sig)
{
	(void)sig;
	aic_rpc_server_stop(running);
}

static void count_tick(void *ctx)
{
	(void)ctx;
	ticks++;
}

static aic_code handle_receipts(aic_cbor *args, aic_bytes *out, aic_error *err)
{
	aic_receipt_batch b;
	size_t len;
	const uint8_t *batch = aic_cbor_bytes(args, &len);
	aic_code code = aic_receipt_batch_decode(&b, batch, len, err);
	if (code == AIC_OK) {
		aic_cbor_put_uint(out, b.n);
		aic_receipt_batch_clear(&b);
	}
	return code;
}

static aic_code handle(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *n,
                       aic_error *err)
{
	(void)ctx;
	handled++;
	*n = 1;
	if (strcmp(op, "echo") == 0) {
		size_t len;
		const uint8_t *data = aic_cbor_bytes(args, &len);
		aic_cbor_put_bytes(out, data, len);
	} else if (strcmp(op, "who") == 0) {
		*n = 3;
		aic_cbor_put_uint(out, who->uid);
		aic_cbor_put_uint(out, who->gid);
		aic_cbor_put_text(out, who->host);
	} else if (strcmp(op, "handled") == 0) {
		aic_cbor_put_uint(out, handled);
	} else if (strcmp(op, "ticks") == 0) {
		aic_cbor_put_uint(out, ticks);
	} else if (strcmp(op, "later") == 0) { /* once the other one was asked for as often */
		uint64_t wanted = aic_cbor_uint(args);
		if (released < wanted)
			*n = AIC_RPC_LATER;
		else
			aic_cbor_put_uint(out, who->waited_ms > 0);
	} else if (strcmp(op, "release") == 0) {
		aic_cbor_put_uint(out, ++released);
	} else if (strcmp(op, "receipts") == 0) {
		return handle_receipts(args, out, err);
	} else if (strcmp(op, "huge") == 0) {
		aic_bytes_reserve(out, AIC_RPC_BODY_MAX);
		out->len = AIC_RPC_BODY_MAX;
	} else {
		return aic_fail(err, AIC_NOT_FOUND, "no operation \"%s\"", op);
	}
	return AIC_OK;
}

static void serve(const char *address)
{
	aic_error err = {0};
	char log[128];
	snprintf(log, sizeof log, "%s/server.log", folder);
	aic_log_open("server", log, AIC_LOG_INFO);
	signal(SIGTERM, on_term);
	if (aic_rpc_server_new(&running, SERVICE, handle, NULL, &err) != AIC_OK ||
	    aic_rpc_server_listen(running, address, &err) != AIC_OK)
		_exit(9);
	aic_rpc_server_set_patience(running, PATIENCE_MS);
	aic_code code = aic_rpc_server_run(running, 20, count_tick, &err);
	aic_rpc_server_free(running);
	_exit(code == AIC_OK ? 0 : 8);
}

static int raw_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	aic_str_copy(sa.sun_path, sizeof sa.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	close(fd);
	return -1;
}

static void start_at(const char *address)
{
	fflush(NULL);
	server = fork();
	assert_true(server >= 0);
	if (server == 0)
		serve(address);
}

static int start_server(void **state)
{
	(void)state;
	start_at(socket_path);
	for (int i = 0; i < 200; i++, pause_ms(10)) {
		int fd = raw_connect(socket_path);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
	}
	return -1;
}

/* It must end by itself on SIGTERM and take its socket along. */
static int stop_server(void **state)
{
	(void)state;
	int status = 0;
	kill(server, SIGTERM);
	waitpid(server, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 && access(socket_path, F_OK) != 0 ? 0 : -1;
}

/* --- calls --- */

static aic_rpc *open_client(void)
{
	aic_rpc *rpc;
	aic_error err = {0};
	if (aic_rpc_open(&rpc, SERVICE, socket_path, getuid(), TIMEOUT_MS, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return rpc;
}

static uint64_t ask_number(aic_rpc *rpc, const char *op)
{
	aic_bytes body = {0}, keep = {0};
	aic_cbor answer;
	aic_error err = {0};
	aic_rpc_begin(&body, op, 0);
	if (aic_rpc_call(rpc, &body, &keep, &answer, &err) != AIC_OK)
		fail_msg("%s", err.message);
	uint64_t v = aic_cbor_uint(&answer);
	assert_int_equal(aic_cbor_finish(&answer, NULL), AIC_OK);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	return v;
}

static aic_code call_op(aic_rpc *rpc, const char *op, aic_error *err)
{
	aic_bytes body = {0}, keep = {0};
	aic_cbor answer;
	aic_rpc_begin(&body, op, 0);
	aic_code code = aic_rpc_call(rpc, &body, &keep, &answer, err);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	return code;
}

static void echo(aic_rpc *rpc, size_t len)
{
	aic_bytes body = {0}, keep = {0};
	aic_cbor answer;
	aic_error err = {0};
	size_t back_len;
	uint8_t *data = malloc(len > 0 ? len : 1);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	aic_rpc_begin(&body, "echo", 1);
	aic_cbor_put_bytes(&body, data, len);
	if (aic_rpc_call(rpc, &body, &keep, &answer, &err) != AIC_OK)
		fail_msg("%s", err.message);
	const uint8_t *back = aic_cbor_bytes(&answer, &back_len);
	assert_int_equal(back_len, len);
	assert_memory_equal(back, data, len);
	free(data);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
}

static void calls(void **state)
{
	(void)state;
	aic_rpc *rpc = open_client();
	echo(rpc, 0);
	echo(rpc, 5);
	echo(rpc, 8u << 20);
	echo(rpc, 100);
	assert_int_equal(ask_number(rpc, "handled"), 5);
	aic_rpc_close(rpc);
}

static void knows_the_caller(void **state)
{
	(void)state;
	aic_rpc *rpc = open_client();
	aic_bytes body = {0}, keep = {0};
	aic_cbor answer;
	char host[64];
	aic_rpc_begin(&body, "who", 0);
	assert_int_equal(aic_rpc_call(rpc, &body, &keep, &answer, NULL), AIC_OK);
	assert_int_equal(aic_cbor_uint(&answer), getuid());
	assert_int_equal(aic_cbor_uint(&answer), getgid());
	assert_true(aic_cbor_text(&answer, host, sizeof host));
	assert_true(strchr(host, '.') != NULL);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	aic_rpc_close(rpc);
}

static void refusals_travel(void **state)
{
	(void)state;
	aic_rpc *rpc = open_client();
	aic_error err = {0};
	assert_int_equal(call_op(rpc, "no such", &err), AIC_NOT_FOUND);
	assert_string_equal(err.message, "no operation \"no such\"");
	assert_int_equal(call_op(rpc, "huge", &err), AIC_FULL);
	assert_non_null(strstr(err.message, "ask for less"));
	echo(rpc, 10); /* the connection goes on */
	aic_bytes large = {0}, keep = {0};
	aic_cbor answer;
	aic_bytes_reserve(&large, AIC_RPC_BODY_MAX + 1);
	large.len = AIC_RPC_BODY_MAX + 1;
	assert_int_equal(aic_rpc_call(rpc, &large, &keep, &answer, &err), AIC_FULL);
	aic_bytes_free(&large);
	aic_rpc_close(rpc);
}

static void batch_of_receipts(void **state)
{
	(void)state;
	aic_key key;
	aic_rpc *rpc = open_client();
	aic_bytes batch = {0}, body = {0}, keep = {0}, *receipts = calloc(AIC_RECEIPT_BATCH_MAX, sizeof *receipts);
	aic_cbor answer;
	aic_key_generate(&key);
	for (uint32_t i = 0; i < AIC_RECEIPT_BATCH_MAX; i++) {
		aic_receipt r = {.cluster = "c", .node = "n1", .job_id = i, .start = 1, .end = 2};
		aic_receipt_encode(&receipts[i], &r);
	}
	assert_int_equal(aic_receipt_batch_encode(&batch, "n1", &key, receipts, AIC_RECEIPT_BATCH_MAX, NULL), AIC_OK);
	aic_rpc_begin(&body, "receipts", 1);
	aic_cbor_put_bytes(&body, batch.data, batch.len);
	assert_int_equal(aic_rpc_call(rpc, &body, &keep, &answer, NULL), AIC_OK);
	assert_int_equal(aic_cbor_uint(&answer), AIC_RECEIPT_BATCH_MAX);
	for (uint32_t i = 0; i < AIC_RECEIPT_BATCH_MAX; i++)
		aic_bytes_free(&receipts[i]);
	free(receipts);
	aic_bytes_free(&batch);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	aic_rpc_close(rpc);
}

static void wrong_server_uid(void **state)
{
	(void)state;
	aic_rpc *rpc;
	aic_error err = {0};
	char expected[64];
	assert_int_equal(aic_rpc_open(&rpc, SERVICE, socket_path, getuid() + 1, TIMEOUT_MS, &err), AIC_OK);
	assert_int_equal(call_op(rpc, "handled", &err), AIC_REFUSED);
	snprintf(expected, sizeof expected, "runs as uid %u, not as %u", getuid(), getuid() + 1);
	assert_non_null(strstr(err.message, expected));
	aic_rpc_close(rpc);
}

static void other_service(void **state)
{
	(void)state;
	aic_rpc *rpc;
	aic_error err = {0};
	assert_int_equal(aic_rpc_open(&rpc, "ledger", socket_path, getuid(), TIMEOUT_MS, &err), AIC_OK);
	assert_int_equal(call_op(rpc, "handled", &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "not meant for service \"test\""));
	aic_rpc_close(rpc);
}

/* --- raw frames --- */

static void make_frame(aic_bytes *frame, const char *op, uint8_t payload[AIC_RPC_REQUEST_PAYLOAD])
{
	aic_bytes body = {0};
	aic_rpc_begin(&body, op, 0);
	aic_hash h = aic_rpc_request_hash(SERVICE, body.data, body.len);
	memcpy(payload, h.b, sizeof h.b);
	aic_random(payload + sizeof h.b, AIC_RPC_NONCE);
	assert_int_equal(aic_rpc_seal(frame, payload, AIC_RPC_REQUEST_PAYLOAD, body.data, body.len, NULL), AIC_OK);
	aic_bytes_free(&body);
}

/* The next answer on fd: its code, its first number where it is good, its message; -1 where the server hung up. */
static int read_answer(int fd, uint64_t *number, char message[768])
{
	aic_bytes in = {0};
	aic_rpc_frame f;
	size_t size;
	int code = -1;
	aic_rpc_frame_state state;
	while ((state = aic_rpc_frame_parse(&f, in.data, in.len, &size)) == AIC_FRAME_PARTIAL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint8_t byte;
		assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
		if (read(fd, &byte, 1) != 1)
			break;
		aic_bytes_append(&in, &byte, 1);
	}
	if (state == AIC_FRAME_WHOLE) {
		aic_cbor c;
		aic_cbor_init(&c, f.body, f.body_len);
		size_t items = aic_cbor_array(&c, 10);
		code = (int)aic_cbor_uint(&c);
		assert_true(aic_cbor_text(&c, message, 768));
		if (items > 2)
			*number = aic_cbor_uint(&c);
	}
	aic_bytes_free(&in);
	return code;
}

static void send_raw(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void replayed_request(void **state)
{
	(void)state;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	char message[768] = "";
	uint64_t n = 0;
	aic_bytes frame = {0};
	make_frame(&frame, "handled", payload);
	for (int round = 0; round < 2; round++) {
		int fd = raw_connect(socket_path);
		send_raw(fd, frame.data, frame.len);
		assert_int_equal(read_answer(fd, &n, message), round == 0 ? AIC_OK : AIC_REFUSED);
		close(fd);
	}
	assert_int_equal(n, 1);
	assert_non_null(strstr(message, "used before"));
	aic_rpc *rpc = open_client();
	assert_int_equal(ask_number(rpc, "handled"), 2); /* the handler never saw the replay */
	aic_rpc_close(rpc);
	aic_bytes_free(&frame);
}

static void changed_body(void **state)
{
	(void)state;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	char message[768] = "";
	uint64_t n;
	aic_bytes frame = {0};
	make_frame(&frame, "handled", payload);
	frame.data[frame.len - 1] ^= 1;
	int fd = raw_connect(socket_path);
	send_raw(fd, frame.data, frame.len);
	assert_int_equal(read_answer(fd, &n, message), AIC_REFUSED);
	assert_non_null(strstr(message, "not what its credential signs"));
	close(fd);
	aic_rpc *rpc = open_client();
	assert_int_equal(ask_number(rpc, "handled"), 1);
	aic_rpc_close(rpc);
	aic_bytes_free(&frame);
}

/* Each gets the connection cut, and the server goes on. */
static void bad_frames(void **state)
{
	(void)state;
	static const uint8_t frames[][12] = {
		{0x04, 0x00, 0x10, 0x05, 0, 0, 0, 0},       /* a total of one byte above the limit */
		{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		{0, 0, 0, 3, 0, 0, 0, 0},                   /* a total below its own field */
		{0, 0, 0, 8, 0, 0, 0, 5, 'a', 'b', 'c', 'd'}, /* a credential longer than the frame */
		{0, 0, 0x20, 0, 0, 0, 0x10, 0x01},          /* a credential above the limit */
		{0, 0, 0, 8, 0, 0, 0, 4, 'a', 'b', 'c', 'd'}, /* a credential that MUNGE never made */
		{0, 0, 0, 4, 0, 0, 0, 0},                   /* no credential */
		{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'},
	};
	char message[768];
	uint64_t n;
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		int fd = raw_connect(socket_path);
		send_raw(fd, frames[i], 12);
		assert_int_equal(read_answer(fd, &n, message), -1);
		close(fd);
	}
	aic_rpc *rpc = open_client();
	assert_int_equal(ask_number(rpc, "handled"), 1);
	aic_rpc_close(rpc);
}

static void requests_in_a_row(void **state)
{
	(void)state;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	char message[768];
	uint64_t n = 0;
	aic_bytes frames = {0};
	for (int i = 0; i < 5; i++)
		make_frame(&frames, "handled", payload);
	int fd = raw_connect(socket_path);
	send_raw(fd, frames.data, frames.len);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(read_answer(fd, &n, message), AIC_OK);
		assert_int_equal(n, i);
	}
	close(fd);
	aic_bytes_free(&frames);
}

/* One client stops within a frame, one reads no answer: a third is served at once, the first is cut off in time. */
static void slow_clients(void **state)
{
	(void)state;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	aic_bytes frame = {0};
	make_frame(&frame, "handled", payload);
	int half = raw_connect(socket_path), idle = raw_connect(socket_path);
	send_raw(half, frame.data, frame.len / 2);
	aic_rpc *rpc = open_client();
	int64_t before = aic_monotonic_ms();
	for (int i = 0; i < 20; i++)
		echo(rpc, 10000);
	char byte;
	struct pollfd p = {.fd = half, .events = POLLIN};
	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
	assert_int_equal(read(half, &byte, 1), 0);
	int64_t cut = aic_monotonic_ms() - before;
	assert_in_range(cut, PATIENCE_MS / 2, PATIENCE_MS + 2000);
	send_raw(idle, frame.data, frame.len); /* idle between frames is no offence */
	char message[768];
	uint64_t n;
	assert_int_equal(read_answer(idle, &n, message), AIC_OK);
	close(half);
	close(idle);
	aic_rpc_close(rpc);
	aic_bytes_free(&frame);
}

static void many_connections(void **state)
{
	(void)state;
	enum { N = 600 }; /* above the server's own limit: the idle ones give way */
	int fds[N];
	for (int i = 0; i < N; i++) {
		fds[i] = raw_connect(socket_path);
		assert_true(fds[i] >= 0);
	}
	aic_rpc *rpc = open_client();
	echo(rpc, 100);
	aic_rpc_close(rpc);
	for (int i = 0; i < N; i++)
		close(fds[i]);
}

static void send_later(int fd, uint64_t wanted, uint8_t payload[AIC_RPC_REQUEST_PAYLOAD])
{
	aic_bytes body = {0}, frame = {0};
	aic_error err = {0};
	aic_rpc_begin(&body, "later", 1);
	aic_cbor_put_uint(&body, wanted);
	aic_hash hash = aic_rpc_request_hash(SERVICE, body.data, body.len);
	memcpy(payload, hash.b, sizeof hash.b);
	aic_random(payload + sizeof hash.b, AIC_RPC_REQUEST_PAYLOAD - sizeof hash.b);
	assert_int_equal(aic_rpc_seal(&frame, payload, AIC_RPC_REQUEST_PAYLOAD, body.data, body.len, &err), AIC_OK);
	send_raw(fd, frame.data, frame.len);
	aic_bytes_free(&body);
	aic_bytes_free(&frame);
}

static bool is_answered(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

/* Two wait beyond the patience for half-sent frames, and are answered each in its turn, in an order of the handler's; a third that
 * goes away meanwhile harms nobody. */
static void answers_that_come_later(void **state)
{
	(void)state;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	char message[768] = "";
	uint64_t value;
	int first = raw_connect(socket_path), second = raw_connect(socket_path), gone = raw_connect(socket_path);
	send_later(first, 2, payload);
	send_later(second, 1, payload);
	send_later(gone, 9, payload);
	aic_rpc *rpc = open_client();
	pause_ms(2 * PATIENCE_MS);
	assert_int_equal(ask_number(rpc, "release"), 1);
	assert_int_equal(read_answer(second, &value, message), AIC_OK);
	assert_int_equal(value, 1);
	assert_false(is_answered(first));
	close(gone);
	assert_int_equal(ask_number(rpc, "release"), 2);
	assert_int_equal(read_answer(first, &value, message), AIC_OK);
	send_later(first, 2, payload); /* the connection goes on, and what is ready is answered at once */
	assert_int_equal(read_answer(first, &value, message), AIC_OK);
	assert_int_equal(value, 0);
	aic_rpc_close(rpc);
	close(first);
	close(second);
}

static void ticks_come(void **state)
{
	(void)state;
	aic_rpc *rpc = open_client();
	uint64_t before = ask_number(rpc, "ticks");
	assert_true(before >= 1);
	pause_ms(200);
	uint64_t after = ask_number(rpc, "ticks");
	assert_in_range(after - before, 1, 30);
	aic_rpc_close(rpc);
}

static void restarted_server(void **state)
{
	aic_rpc *rpc = open_client();
	echo(rpc, 10);
	assert_int_equal(stop_server(state), 0);
	aic_error err = {0};
	assert_int_equal(call_op(rpc, "handled", &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, socket_path));
	assert_int_equal(start_server(state), 0);
	assert_int_equal(ask_number(rpc, "handled"), 1);
	aic_rpc_close(rpc);
}

static void killed_server_leaves_a_socket(void **state)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	assert_int_equal(access(socket_path, F_OK), 0);
	aic_rpc *rpc;
	aic_error err = {0};
	assert_int_equal(aic_rpc_open(&rpc, SERVICE, socket_path, getuid(), TIMEOUT_MS, &err), AIC_UNREACHABLE);
	assert_int_equal(start_server(state), 0);
	rpc = open_client();
	assert_int_equal(ask_number(rpc, "handled"), 1);
	aic_rpc_close(rpc);
}

/* --- without the test's server --- */

static aic_code nobody(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *n,
                       aic_error *err)
{
	(void)ctx, (void)who, (void)op, (void)args, (void)out, (void)n, (void)err;
	return AIC_OK;
}

static void addresses_in_use(void **state)
{
	(void)state;
	aic_rpc_server *one, *two;
	aic_error err = {0};
	struct stat st;
	char path[128], longer[200];
	assert_int_equal(aic_rpc_server_new(&one, "a", nobody, NULL, NULL), AIC_OK);
	assert_int_equal(aic_rpc_server_new(&two, "a", nobody, NULL, NULL), AIC_OK);
	assert_int_equal(aic_rpc_server_listen(one, socket_path, NULL), AIC_OK);
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(aic_rpc_server_listen(two, socket_path, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "another daemon answers at"));
	snprintf(path, sizeof path, "%s/plain", folder);
	assert_int_equal(aic_file_write_atomic(path, "x", 1, 0600, NULL), AIC_OK);
	assert_int_equal(aic_rpc_server_listen(two, path, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "is no socket"));
	memset(longer, 'a', sizeof longer);
	longer[0] = '/';
	longer[150] = '\0';
	assert_int_equal(aic_rpc_server_listen(two, longer, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "150 bytes"));
	assert_int_equal(aic_rpc_server_listen(two, "nonsense", &err), AIC_USAGE);
	aic_rpc_server_free(two);
	assert_int_equal(access(socket_path, F_OK), 0);
	aic_rpc_server_free(one);
	assert_int_not_equal(access(socket_path, F_OK), 0);
}

static void unreachable(void **state)
{
	(void)state;
	aic_rpc *rpc;
	aic_error err = {0};
	assert_int_equal(aic_rpc_open(&rpc, SERVICE, socket_path, 0, TIMEOUT_MS, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "\"test\" does not answer at"));
	assert_non_null(strstr(err.message, socket_path));
	assert_non_null(strstr(err.message, "is its daemon running?"));
	assert_int_equal(aic_rpc_open(&rpc, SERVICE, "127.0.0.1:1", 0, TIMEOUT_MS, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "127.0.0.1:1"));
	assert_int_equal(aic_rpc_open(&rpc, SERVICE, "relative/path", 0, TIMEOUT_MS, &err), AIC_USAGE);
}

/* A port that nobody has. */
static uint16_t free_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static void over_tcp(void **state)
{
	(void)state;
	char address[64];
	aic_rpc *rpc = NULL;
	snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
	start_at(address);
	for (int i = 0; i < 200 && rpc == NULL; i++, pause_ms(10))
		aic_rpc_open(&rpc, SERVICE, address, getuid(), TIMEOUT_MS, NULL);
	assert_non_null(rpc);
	echo(rpc, 1u << 20);
	aic_rpc_close(rpc);
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
}

/* A false server that listens at the path and answers once: `how` says with what. */
enum false_answer { SILENCE, OTHER_PAYLOAD, REFLECTION };
static void answer_falsely(enum false_answer how)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	aic_str_copy(sa.sun_path, sizeof sa.sun_path, socket_path);
	int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(listening, 1) != 0)
		_exit(1);
	int fd = accept(listening, NULL, NULL);
	uint8_t request[8192];
	ssize_t n = recv(fd, request, sizeof request, 0);
	aic_bytes frame = {0}, body = {0};
	aic_cbor_put_array(&body, 3);
	aic_cbor_put_uint(&body, 0);
	aic_cbor_put_text(&body, "");
	aic_cbor_put_uint(&body, 99);
	uint8_t payload[AIC_HASH_LEN] = {0};
	if (how == OTHER_PAYLOAD && aic_rpc_seal(&frame, payload, sizeof payload, body.data, body.len, NULL) == AIC_OK)
		send(fd, frame.data, frame.len, 0);
	if (how == REFLECTION)
		send(fd, request, (size_t)n, 0); /* the client's own frame: uid right, credential genuine */
	pause_ms(how == SILENCE ? 5000 : 500);
	_exit(0);
}

static void false_servers(void **state)
{
	(void)state;
	static const struct { enum false_answer how; aic_code code; const char *within; } cases[] = {
		{SILENCE, AIC_UNREACHABLE, "no answer in time"},
		{OTHER_PAYLOAD, AIC_REFUSED, "is not signed for this request"},
		{REFLECTION, AIC_REFUSED, "is not signed for this request"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fflush(NULL);
		pid_t pid = fork();
		if (pid == 0)
			answer_falsely(cases[i].how);
		aic_rpc *rpc = NULL;
		aic_error err = {0};
		int patience = cases[i].how == SILENCE ? 300 : TIMEOUT_MS;
		for (int k = 0; k < 200 && rpc == NULL; k++, pause_ms(10))
			aic_rpc_open(&rpc, SERVICE, socket_path, getuid(), patience, NULL);
		assert_non_null(rpc);
		assert_int_equal(call_op(rpc, "handled", &err), cases[i].code);
		assert_non_null(strstr(err.message, cases[i].within));
		aic_rpc_close(rpc);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlink(socket_path);
	}
}

static void no_munged(void **state)
{
	(void)state;
	aic_bytes frame = {0};
	aic_error err = {0};
	aic_rpc_use_munge("/nowhere/munge.socket");
	aic_code code = aic_rpc_seal(&frame, "x", 1, "", 0, &err);
	aic_rpc_use_munge(munge_path);
	assert_int_equal(code, AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "munged does not answer at /nowhere/munge.socket"));
	aic_bytes_free(&frame);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(calls), WITH_SERVER(knows_the_caller), WITH_SERVER(refusals_travel), WITH_SERVER(batch_of_receipts),
		WITH_SERVER(wrong_server_uid), WITH_SERVER(other_service), WITH_SERVER(replayed_request),
		WITH_SERVER(changed_body), WITH_SERVER(bad_frames), WITH_SERVER(requests_in_a_row), WITH_SERVER(slow_clients),
		WITH_SERVER(many_connections), WITH_SERVER(ticks_come), WITH_SERVER(answers_that_come_later), WITH_SERVER(restarted_server),
		WITH_SERVER(killed_server_leaves_a_socket), cmocka_unit_test(addresses_in_use), cmocka_unit_test(unreachable),
		cmocka_unit_test(over_tcp), cmocka_unit_test(false_servers), cmocka_unit_test(no_munged),
	};
	return cmocka_run_group_tests(tests, start_munged, stop_munged);
}
