/* rpc.c: the client. */
#include "common/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/rpc_frame.h"
#include "common/time.h"

#define RECEIVE_CHUNK (256u << 10)
#define BUSY_PAUSE_MS 10 /* between tries where the server's queue of connections is full */

struct aic_rpc {
	char *service;
	char *address;
	uid_t server_uid;
	int timeout_ms;
	int fd; /* -1 after a failure: the next call connects anew */
};

static int left(int64_t deadline)
{
	int64_t ms = deadline - aic_monotonic_ms();
	return ms > 0 ? (int)ms : 0;
}

static aic_code fail_unreachable(const aic_rpc *rpc, const char *why, aic_error *err)
{
	return aic_fail(err, AIC_UNREACHABLE, "AIC's service \"%s\" does not answer at %s: %s; is its daemon running?",
	                rpc->service, rpc->address, why);
}

/* Waits for events on fd. False with errno ETIMEDOUT after the deadline. */
static bool wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	for (;;) {
		int n = poll(&p, 1, left(deadline));
		if (n > 0)
			return true;
		if (n == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (errno != EINTR)
			return false;
	}
}

static int connect_to(int family, const struct sockaddr *sa, socklen_t len, int64_t deadline)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int rc;
	while ((rc = connect(fd, sa, len)) != 0 && (errno == EAGAIN || errno == EINTR) && left(deadline) > 0)
		nanosleep(&(struct timespec){.tv_nsec = BUSY_PAUSE_MS * 1000000L}, NULL);
	int why = rc == 0 ? 0 : errno;
	if (why == EINPROGRESS) {
		socklen_t size = sizeof why;
		if (!wait_for(fd, POLLOUT, deadline) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0)
			why = errno;
	}
	if (why == 0)
		return fd;
	close(fd);
	errno = why;
	return -1;
}

static aic_code connect_unix(aic_rpc *rpc, int64_t deadline, aic_error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if (strlen(rpc->address) >= sizeof sa.sun_path)
		return aic_fail(err, AIC_USAGE, "socket path %s has %zu bytes, %zu are the limit: shorten paths.run in aic.yaml",
		                rpc->address, strlen(rpc->address), sizeof sa.sun_path - 1);
	aic_str_copy(sa.sun_path, sizeof sa.sun_path, rpc->address);
	rpc->fd = connect_to(AF_UNIX, (struct sockaddr *)&sa, sizeof sa, deadline);
	return rpc->fd >= 0 ? AIC_OK : fail_unreachable(rpc, strerror(errno), err);
}

static aic_code connect_tcp(aic_rpc *rpc, int64_t deadline, aic_error *err)
{
	struct addrinfo *list;
	aic_code code = aic_rpc_lookup(&list, rpc->address, false, err);
	if (code != AIC_OK)
		return code;
	for (struct addrinfo *a = list; a != NULL && rpc->fd < 0; a = a->ai_next)
		rpc->fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, deadline);
	int why = errno;
	freeaddrinfo(list);
	return rpc->fd >= 0 ? AIC_OK : fail_unreachable(rpc, strerror(why), err);
}

static aic_code open_connection(aic_rpc *rpc, aic_error *err)
{
	int64_t deadline = aic_monotonic_ms() + rpc->timeout_ms;
	return aic_rpc_is_unix(rpc->address) ? connect_unix(rpc, deadline, err) : connect_tcp(rpc, deadline, err);
}

aic_code aic_rpc_open(aic_rpc **out, const char *service, const char *address, uid_t server_uid, int timeout_ms, aic_error *err)
{
	aic_rpc *rpc = aic_xcalloc(1, sizeof *rpc);
	rpc->service = aic_xstrdup(service);
	rpc->address = aic_xstrdup(address);
	rpc->server_uid = server_uid;
	rpc->timeout_ms = timeout_ms;
	rpc->fd = -1;
	aic_code code = open_connection(rpc, err);
	if (code != AIC_OK)
		aic_rpc_close(rpc);
	else
		*out = rpc;
	return code;
}

static void drop(aic_rpc *rpc)
{
	if (rpc->fd >= 0)
		close(rpc->fd);
	rpc->fd = -1;
}

void aic_rpc_set_timeout(aic_rpc *rpc, int timeout_ms)
{
	rpc->timeout_ms = timeout_ms;
}

int aic_rpc_timeout(const aic_rpc *rpc)
{
	return rpc->timeout_ms;
}

void aic_rpc_close(aic_rpc *rpc)
{
	if (rpc == NULL)
		return;
	drop(rpc);
	free(rpc->service);
	free(rpc->address);
	free(rpc);
}

void aic_rpc_begin(aic_bytes *body, const char *op, size_t args)
{
	aic_cbor_put_array(body, 1 + args);
	aic_cbor_put_text(body, op);
}

/* A server that was restarted has closed our end: nothing was sent yet, so connecting anew repeats nothing. */
static aic_code ensure_connection(aic_rpc *rpc, aic_error *err)
{
	struct pollfd p = {.fd = rpc->fd, .events = POLLIN};
	if (rpc->fd >= 0 && poll(&p, 1, 0) > 0)
		drop(rpc); /* closed, or bytes that nobody asked for */
	return rpc->fd >= 0 ? AIC_OK : open_connection(rpc, err);
}

static aic_code send_all(aic_rpc *rpc, const aic_bytes *frame, int64_t deadline, aic_error *err)
{
	for (size_t sent = 0; sent < frame->len;) {
		ssize_t n = send(rpc->fd, frame->data + sent, frame->len - sent, MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(rpc->fd, POLLOUT, deadline)))
			return fail_unreachable(rpc, errno == ETIMEDOUT ? "it took no request in time" : strerror(errno), err);
	}
	return AIC_OK;
}

/* One frame into keep. */
static aic_code receive(aic_rpc *rpc, aic_bytes *keep, aic_rpc_frame *frame, int64_t deadline, aic_error *err)
{
	aic_bytes_clear(keep);
	for (;;) {
		size_t size;
		aic_rpc_frame_state state = aic_rpc_frame_parse(frame, keep->data, keep->len, &size);
		if (state == AIC_FRAME_WHOLE)
			return AIC_OK;
		if (state == AIC_FRAME_BAD)
			return aic_fail(err, AIC_CORRUPT, "what answers at %s does not speak AIC's protocol", rpc->address);
		size_t want = size > 8 ? size - keep->len : 8 - keep->len;
		if (want > RECEIVE_CHUNK)
			want = RECEIVE_CHUNK;
		aic_bytes_reserve(keep, want);
		ssize_t n = recv(rpc->fd, keep->data + keep->len, want, 0);
		if (n > 0)
			keep->len += (size_t)n;
		else if (n == 0)
			return fail_unreachable(rpc, "it closed the connection without an answer (its log says why)", err);
		else if (errno != EINTR && (errno != EAGAIN || !wait_for(rpc->fd, POLLIN, deadline)))
			return fail_unreachable(rpc, errno == ETIMEDOUT ? "no answer in time" : strerror(errno), err);
	}
}

static aic_code check_answer(const aic_rpc *rpc, const aic_rpc_frame *f, const uint8_t *request, aic_error *err)
{
	aic_rpc_seal_info info;
	aic_code code = aic_rpc_unseal(&info, f->credential, f->credential_len, err);
	if (code != AIC_OK) {
		aic_error_prefix(err, "answer from %s", rpc->address);
		return code;
	}
	if (info.uid != rpc->server_uid)
		return aic_fail(err, AIC_REFUSED, "what answers at %s runs as uid %u, not as %u: a false server, or another user in "
		                "aic.yaml than the daemon's", rpc->address, (unsigned)info.uid, (unsigned)rpc->server_uid);
	aic_hash expected = aic_rpc_answer_hash(request, f->body, f->body_len);
	if (info.payload_len != AIC_HASH_LEN || memcmp(info.payload, expected.b, AIC_HASH_LEN) != 0)
		return aic_fail(err, AIC_REFUSED, "the answer from %s is not signed for this request: it is not taken", rpc->address);
	return AIC_OK;
}

static aic_code open_answer(const aic_rpc *rpc, const aic_rpc_frame *f, aic_cbor *answer, aic_error *err)
{
	char message[sizeof err->message];
	aic_cbor_init(answer, f->body, f->body_len);
	size_t items = aic_cbor_array(answer, SIZE_MAX);
	uint64_t code = aic_cbor_uint(answer);
	aic_cbor_text(answer, message, sizeof message);
	if (!aic_cbor_ok(answer) || items < 2 || code > AIC_SYSTEM)
		return aic_fail(err, AIC_CORRUPT, "the answer from %s cannot be read: are both programs of the same version?",
		                rpc->address);
	if (code != AIC_OK)
		return aic_fail(err, (aic_code)code, "%s", message);
	return AIC_OK;
}

static aic_code exchange(aic_rpc *rpc, const aic_bytes *frame, const uint8_t *payload, aic_bytes *keep, aic_rpc_frame *answer,
                         aic_error *err)
{
	int64_t deadline = aic_monotonic_ms() + rpc->timeout_ms;
	aic_code code = send_all(rpc, frame, deadline, err);
	if (code == AIC_OK)
		code = receive(rpc, keep, answer, deadline, err);
	if (code == AIC_OK)
		code = check_answer(rpc, answer, payload, err);
	if (code != AIC_OK)
		drop(rpc);
	return code;
}

aic_code aic_rpc_call(aic_rpc *rpc, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	if (body->len > AIC_RPC_BODY_MAX)
		return aic_fail(err, AIC_FULL, "a request of %zu bytes is above the limit of %u: send it in parts", body->len,
		                AIC_RPC_BODY_MAX);
	aic_code code = ensure_connection(rpc, err);
	if (code != AIC_OK)
		return code;
	uint8_t payload[AIC_RPC_REQUEST_PAYLOAD];
	aic_hash hash = aic_rpc_request_hash(rpc->service, body->data, body->len);
	memcpy(payload, hash.b, AIC_HASH_LEN);
	aic_random(payload + AIC_HASH_LEN, AIC_RPC_NONCE);
	aic_bytes frame = {0};
	aic_rpc_frame received;
	code = aic_rpc_seal(&frame, payload, sizeof payload, body->data, body->len, err);
	if (code == AIC_OK)
		code = exchange(rpc, &frame, payload, keep, &received, err);
	aic_bytes_free(&frame);
	return code == AIC_OK ? open_answer(rpc, &received, answer, err) : code;
}
