/* rpc_server.c: one thread, one poll loop, a buffer per connection: a slow client waits alone.
 *
 * A connection is read while it has no answer to be sent, answered one frame at a time, and dropped where it makes no
 * progress within a frame for CONNECTION_TIMEOUT_MS. Idle connections stay until their slot is needed. */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/rpc.h"
#include "common/rpc_frame.h"
#include "common/time.h"

#define LISTENERS_MAX 8
#define CONNECTIONS_MAX 512
#define CONNECTION_TIMEOUT_MS 10000
#define BACKLOG 128
#define RECEIVE_CHUNK (256u << 10)
#define KEEP_BYTES (1u << 20)        /* buffers above this are given back after use */
#define BUFFERED_MAX (256ull << 20)  /* of half-received requests, all connections together */
#define OP_LEN 64

typedef struct {
	int fd;
	char path[sizeof ((struct sockaddr_un *)NULL)->sun_path]; /* "" for TCP */
	dev_t dev;
	ino_t ino;
} listener;

typedef struct {
	int fd;
	aic_bytes in, out;
	size_t sent;          /* of out */
	int64_t progress_ms;  /* when bytes last moved */
	bool dead;
	struct waiting *waiting; /* a request whose answer comes later; NULL: none */
} connection;

struct waiting {
	aic_rpc_seal_info info;
	aic_bytes body;
	int64_t since_ms;
};

struct aic_rpc_server {
	char *service;
	aic_rpc_handler handler;
	void *ctx;
	int wake;                         /* eventfd, written by stop() */
	volatile sig_atomic_t stopping;
	listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	connection *connections[CONNECTIONS_MAX];
	size_t n_connections;
	int64_t patience_ms;
};

aic_code aic_rpc_server_new(aic_rpc_server **out, const char *service, aic_rpc_handler handler, void *ctx, aic_error *err)
{
	int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		return aic_fail_errno(err, "service \"%s\": cannot make an eventfd", service);
	aic_rpc_server *s = aic_xcalloc(1, sizeof *s);
	s->service = aic_xstrdup(service);
	s->handler = handler;
	s->ctx = ctx;
	s->wake = wake;
	s->patience_ms = CONNECTION_TIMEOUT_MS;
	*out = s;
	return AIC_OK;
}

void aic_rpc_server_set_patience(aic_rpc_server *s, int ms)
{
	s->patience_ms = ms;
}

/* --- listening --- */

/* Removes a socket that nobody listens on any more; refuses one that answers and anything that is no socket. */
static aic_code clear_stale(const struct sockaddr_un *sa, aic_error *err)
{
	struct stat st;
	if (lstat(sa->sun_path, &st) != 0)
		return errno == ENOENT ? AIC_OK : aic_fail_errno(err, "cannot look at %s", sa->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return aic_fail(err, AIC_REFUSED, "%s is there and is no socket: move it away", sa->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return aic_fail_errno(err, "cannot make a socket");
	int rc = connect(fd, (const struct sockaddr *)sa, sizeof *sa);
	int why = errno;
	close(fd);
	if (rc == 0 || why == EAGAIN)
		return aic_fail(err, AIC_REFUSED, "another daemon answers at %s: stop it first", sa->sun_path);
	if (unlink(sa->sun_path) != 0 && errno != ENOENT)
		return aic_fail_errno(err, "cannot replace the stale socket %s", sa->sun_path);
	return AIC_OK;
}

static aic_code listen_unix(aic_rpc_server *s, const char *address, aic_error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	listener *l = &s->listeners[s->n_listeners];
	if (strlen(address) >= sizeof sa.sun_path)
		return aic_fail(err, AIC_USAGE, "socket path %s has %zu bytes, %zu are the limit: shorten paths.run in aic.yaml",
		                address, strlen(address), sizeof sa.sun_path - 1);
	aic_str_copy(sa.sun_path, sizeof sa.sun_path, address);
	aic_code code = clear_stale(&sa, err);
	if (code != AIC_OK)
		return code;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || chmod(address, 0666) != 0 ||
	    lstat(address, &st) != 0 || listen(fd, BACKLOG) != 0) {
		code = aic_fail_errno(err, "cannot listen at %s", address);
		if (fd >= 0)
			close(fd);
		return code;
	}
	*l = (listener){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
	aic_str_copy(l->path, sizeof l->path, address);
	s->n_listeners++;
	return AIC_OK;
}

static aic_code listen_tcp(aic_rpc_server *s, const char *address, aic_error *err)
{
	struct addrinfo *list;
	aic_code code = aic_rpc_lookup(&list, address, true, err);
	if (code != AIC_OK)
		return code;
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		code = aic_fail_errno(err, "cannot listen at %s", address);
		if (fd >= 0)
			close(fd);
	} else {
		s->listeners[s->n_listeners++] = (listener){.fd = fd};
	}
	freeaddrinfo(list);
	return code;
}

aic_code aic_rpc_server_listen(aic_rpc_server *s, const char *address, aic_error *err)
{
	if (s->n_listeners == LISTENERS_MAX)
		return aic_fail(err, AIC_USAGE, "%s would be address %d, the limit is %d", address, LISTENERS_MAX + 1, LISTENERS_MAX);
	return aic_rpc_is_unix(address) ? listen_unix(s, address, err) : listen_tcp(s, address, err);
}

/* --- connections --- */

static bool is_sending(const connection *c)
{
	return c->sent < c->out.len;
}

static void stop_waiting(connection *c)
{
	if (c->waiting != NULL)
		aic_bytes_free(&c->waiting->body);
	free(c->waiting);
	c->waiting = NULL;
}

static void free_connection(connection *c)
{
	close(c->fd);
	stop_waiting(c);
	aic_bytes_free(&c->in);
	aic_bytes_free(&c->out);
	free(c);
}

static void remove_dead(aic_rpc_server *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_connections; i++) {
		if (s->connections[i]->dead)
			free_connection(s->connections[i]);
		else
			s->connections[kept++] = s->connections[i];
	}
	s->n_connections = kept;
}

/* The connection that has been without progress for longest gives its place. */
static void make_room(aic_rpc_server *s)
{
	connection *oldest = s->connections[0];
	for (size_t i = 1; i < s->n_connections; i++) {
		if (s->connections[i]->progress_ms < oldest->progress_ms)
			oldest = s->connections[i];
	}
	aic_warn("service %s: all %d connections are taken, the one idle for longest is closed", s->service, CONNECTIONS_MAX);
	oldest->dead = true;
	remove_dead(s);
}

static void accept_all(aic_rpc_server *s, int listening)
{
	int fd;
	while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (s->n_connections == CONNECTIONS_MAX)
			make_room(s);
		connection *c = aic_xcalloc(1, sizeof *c);
		c->fd = fd;
		c->progress_ms = aic_monotonic_ms();
		s->connections[s->n_connections++] = c;
	}
	if ((errno == EMFILE || errno == ENFILE) && s->n_connections > 0)
		make_room(s);
}

static void send_some(connection *c)
{
	while (is_sending(c)) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->dead = errno != EAGAIN;
			return;
		}
		c->sent += (size_t)n;
		c->progress_ms = aic_monotonic_ms();
	}
	c->sent = 0;
	if (c->out.cap > KEEP_BYTES)
		aic_bytes_free(&c->out);
	else
		aic_bytes_clear(&c->out);
}

static uint64_t buffered(const aic_rpc_server *s)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->n_connections; i++)
		sum += s->connections[i]->in.len;
	return sum;
}

static void receive_some(aic_rpc_server *s, connection *c)
{
	aic_bytes_reserve(&c->in, RECEIVE_CHUNK);
	ssize_t n = recv(c->fd, c->in.data + c->in.len, RECEIVE_CHUNK, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		c->dead = true;
	} else if (n > 0) {
		c->in.len += (size_t)n;
		c->progress_ms = aic_monotonic_ms();
		if (buffered(s) > BUFFERED_MAX) {
			aic_warn("service %s: requests under way hold more than %llu MiB, one of them is dropped", s->service,
			         BUFFERED_MAX >> 20);
			c->dead = true;
		}
	}
}

/* --- requests --- */

static void put_failure(aic_bytes *body, const aic_error *err)
{
	aic_cbor_put_array(body, 2);
	aic_cbor_put_uint(body, (uint64_t)(err->code != AIC_OK ? err->code : AIC_SYSTEM));
	aic_cbor_put_text(body, err->message);
}

static aic_code call_handler(aic_rpc_server *s, const aic_rpc_caller *who, const void *body, size_t len, aic_bytes *items,
                             size_t *n_items, aic_error *err)
{
	aic_cbor args;
	char op[OP_LEN] = "";
	aic_cbor_init(&args, body, len);
	size_t n = aic_cbor_array(&args, SIZE_MAX);
	aic_cbor_text(&args, op, sizeof op);
	if (!aic_cbor_ok(&args) || n == 0)
		return aic_fail(err, AIC_USAGE, "a request to service \"%s\" must be an array that starts with the operation's name",
		                s->service);
	aic_code code = s->handler(s->ctx, who, op, &args, items, n_items, err);
	if (code == AIC_OK && items->len > AIC_RPC_BODY_MAX - 1024)
		return aic_fail(err, AIC_FULL, "the answer to \"%s\" has %zu bytes, above the limit of %u: ask for less", op, items->len,
		                AIC_RPC_BODY_MAX);
	return code;
}

/* False: the answer comes later. */
static bool build_answer(aic_rpc_server *s, const aic_rpc_seal_info *info, int64_t waited_ms, const void *request, size_t len,
                         aic_bytes *body)
{
	aic_rpc_caller who = {.uid = info->uid, .gid = info->gid, .waited_ms = waited_ms};
	aic_bytes items = {0};
	size_t n_items = 0;
	aic_error err = {0};
	aic_str_copy(who.host, sizeof who.host, info->host);
	err.code = call_handler(s, &who, request, len, &items, &n_items, &err);
	bool now = err.code != AIC_OK || n_items != AIC_RPC_LATER;
	if (err.code != AIC_OK) {
		put_failure(body, &err);
	} else if (now) {
		aic_cbor_put_array(body, 2 + n_items);
		aic_cbor_put_uint(body, AIC_OK);
		aic_cbor_put_text(body, "");
		aic_bytes_append(body, items.data, items.len);
	}
	aic_bytes_free(&items);
	return now;
}

/* Who asks, and whether MUNGE and the hash stand for this very body. */
static aic_code check_request(const aic_rpc_server *s, const aic_rpc_frame *f, aic_rpc_seal_info *info, aic_error *err)
{
	aic_code code = aic_rpc_unseal(info, f->credential, f->credential_len, err);
	if (code != AIC_OK)
		return code;
	aic_hash hash = aic_rpc_request_hash(s->service, f->body, f->body_len);
	if (info->payload_len != AIC_RPC_REQUEST_PAYLOAD || memcmp(info->payload, hash.b, AIC_HASH_LEN) != 0)
		return aic_fail(err, AIC_REFUSED, "the request is not what its credential signs, or not meant for service \"%s\"",
		                s->service);
	return AIC_OK;
}

static void answer(connection *c, const aic_rpc_seal_info *info, const aic_bytes *body, const aic_rpc_server *s)
{
	aic_error err = {0};
	aic_hash hash = aic_rpc_answer_hash(info->payload, body->data, body->len);
	if (aic_rpc_seal(&c->out, hash.b, sizeof hash.b, body->data, body->len, &err) != AIC_OK) {
		aic_warn("service %s: no answer can be signed: %s", s->service, err.message);
		c->dead = true;
	}
}

static void wait_for_answer(connection *c, const aic_rpc_seal_info *info, const aic_rpc_frame *f)
{
	c->waiting = aic_xcalloc(1, sizeof *c->waiting);
	c->waiting->info = *info;
	c->waiting->since_ms = aic_monotonic_ms();
	aic_bytes_append(&c->waiting->body, f->body, f->body_len);
}

static void serve_frame(aic_rpc_server *s, connection *c, const aic_rpc_frame *f)
{
	aic_rpc_seal_info info;
	aic_error err = {0};
	aic_bytes body = {0};
	bool now = true;
	if (check_request(s, f, &info, &err) == AIC_OK) {
		now = build_answer(s, &info, 0, f->body, f->body_len, &body);
	} else {
		aic_warn("service %s: request from %s refused: %s", s->service, info.host[0] != '\0' ? info.host : "unknown host",
		         err.message);
		put_failure(&body, &err);
	}
	if (info.payload_len != AIC_RPC_REQUEST_PAYLOAD)
		c->dead = true; /* nothing to bind an answer to */
	else if (now)
		answer(c, &info, &body, s);
	else
		wait_for_answer(c, &info, f);
	aic_bytes_free(&body);
}

static void consume(connection *c, size_t size)
{
	memmove(c->in.data, c->in.data + size, c->in.len - size);
	c->in.len -= size;
	if (c->in.len == 0 && c->in.cap > KEEP_BYTES)
		aic_bytes_free(&c->in);
}

/* Serves at most one whole frame; true where another one is waiting already. */
static bool serve_one(aic_rpc_server *s, connection *c)
{
	aic_rpc_frame f;
	size_t size;
	if (c->dead || c->waiting != NULL || is_sending(c) || c->in.len == 0)
		return false;
	aic_rpc_frame_state state = aic_rpc_frame_parse(&f, c->in.data, c->in.len, &size);
	if (state == AIC_FRAME_BAD) {
		aic_warn("service %s: a client sent a frame beyond the limit of %u MiB, or no frame at all; it is cut off",
		         s->service, AIC_RPC_BODY_MAX >> 20);
		c->dead = true;
	}
	if (state != AIC_FRAME_WHOLE)
		return false;
	serve_frame(s, c, &f);
	consume(c, size);
	if (!c->dead)
		send_some(c);
	return !c->dead && c->waiting == NULL && !is_sending(c) && c->in.len > 0 &&
	       aic_rpc_frame_parse(&f, c->in.data, c->in.len, &size) != AIC_FRAME_PARTIAL;
}

/* Requests whose answer was to come later. */
static void serve_waiting(aic_rpc_server *s)
{
	int64_t now = aic_monotonic_ms();
	for (size_t i = 0; i < s->n_connections; i++) {
		connection *c = s->connections[i];
		struct waiting *w = c->waiting;
		aic_bytes body = {0};
		if (w == NULL || c->dead)
			continue;
		int64_t waited = now - w->since_ms;
		if (build_answer(s, &w->info, waited > 0 ? waited : 1, w->body.data, w->body.len, &body)) {
			answer(c, &w->info, &body, s);
			stop_waiting(c);
			if (!c->dead)
				send_some(c);
		}
		aic_bytes_free(&body);
	}
}

/* --- the loop --- */

/* Drops connections that were stuck within a frame when poll() returned at `now` (a handler's own time is not held against
 * them); returns the milliseconds until the next may be. */
static int64_t drop_stuck(aic_rpc_server *s, int64_t now)
{
	int64_t wait = s->patience_ms;
	for (size_t i = 0; i < s->n_connections; i++) {
		connection *c = s->connections[i];
		if (!is_sending(c) && (c->in.len == 0 || c->waiting != NULL))
			continue;
		int64_t left = c->progress_ms + s->patience_ms - now;
		if (left <= 0) {
			aic_warn("service %s: a client sent or took nothing for %.1f s within a frame; it is cut off", s->service,
			         (double)s->patience_ms / 1000);
			c->dead = true;
		} else if (left < wait) {
			wait = left;
		}
	}
	remove_dead(s);
	return wait;
}

static nfds_t fill_poll(const aic_rpc_server *s, struct pollfd *p)
{
	nfds_t n = 0;
	p[n++] = (struct pollfd){.fd = s->wake, .events = POLLIN};
	for (size_t i = 0; i < s->n_listeners; i++)
		p[n++] = (struct pollfd){.fd = s->listeners[i].fd, .events = POLLIN};
	for (size_t i = 0; i < s->n_connections; i++)
		p[n++] = (struct pollfd){.fd = s->connections[i]->fd, .events = is_sending(s->connections[i]) ? POLLOUT : POLLIN};
	return n;
}

/* True where a whole frame waits in a buffer, so that the next poll must not sleep. */
static bool serve_ready(aic_rpc_server *s, const struct pollfd *p)
{
	bool more = false, served = false;
	size_t n = s->n_connections; /* those that were polled; accept_all adds behind them */
	const struct pollfd *q = p + 1 + s->n_listeners;
	for (size_t i = 0; i < n; i++) {
		connection *c = s->connections[i];
		if (q[i].revents & POLLOUT)
			send_some(c);
		else if (q[i].revents != 0 && !is_sending(c))
			receive_some(s, c);
		else if (q[i].revents != 0)
			c->dead = true;
		served |= q[i].revents != 0;
		more |= serve_one(s, c);
	}
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (p[1 + i].revents != 0)
			accept_all(s, s->listeners[i].fd);
	}
	if (served)
		serve_waiting(s);
	remove_dead(s);
	return more;
}

aic_code aic_rpc_server_run(aic_rpc_server *s, int tick_ms, void (*tick)(void *ctx), aic_error *err)
{
	struct pollfd p[1 + LISTENERS_MAX + CONNECTIONS_MAX];
	int64_t next_tick = aic_monotonic_ms(), until_stuck = s->patience_ms;
	bool more = false;
	while (!s->stopping) {
		int64_t now = aic_monotonic_ms(), wait = until_stuck;
		if (tick != NULL && now >= next_tick) {
			tick(s->ctx);
			serve_waiting(s);
			now = aic_monotonic_ms();
			next_tick = now + tick_ms;
		}
		if (tick != NULL && next_tick - now < wait)
			wait = next_tick - now;
		int n = poll(p, fill_poll(s, p), more ? 0 : (int)wait);
		if (n < 0 && errno != EINTR)
			return aic_fail_errno(err, "service \"%s\": poll failed", s->service);
		now = aic_monotonic_ms();
		more = n >= 0 && serve_ready(s, p);
		until_stuck = drop_stuck(s, now);
	}
	return AIC_OK;
}

void aic_rpc_server_stop(aic_rpc_server *s)
{
	int saved = errno;
	uint64_t one = 1;
	s->stopping = 1;
	ssize_t n = write(s->wake, &one, sizeof one);
	(void)n; /* full: then it is awake anyway */
	errno = saved;
}

void aic_rpc_server_free(aic_rpc_server *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_connections; i++)
		free_connection(s->connections[i]);
	for (size_t i = 0; i < s->n_listeners; i++) {
		const listener *l = &s->listeners[i];
		struct stat st;
		if (l->path[0] != '\0' && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
			unlink(l->path);
		close(l->fd);
	}
	close(s->wake);
	free(s->service);
	free(s);
}
