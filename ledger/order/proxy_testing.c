/* proxy_testing.c: see proxy_testing.h. One connection at a time: the gateway's client has one. */
#define _GNU_SOURCE
#include "ledger/order/proxy_testing.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"

#define STEP_MS 4
#define REQUEST_MAX (4 << 20)
#define PUT "\"request_put\"" /* of a transaction */

static struct sockaddr_in loopback(int port)
{
	struct in_addr here = {htonl(INADDR_LOOPBACK)};

	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = here, .sin_port = htons((uint16_t)port)};
}

static int connect_to(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool readable(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, STEP_MS) > 0;
}

/* What the client sends until it waits for an answer; false at its end. */
static bool take_request(proxy *p, int client, char *buffer, size_t *len)
{
	*len = 0;
	while (!atomic_load(&p->stop)) {
		if (!readable(client)) {
			if (*len)
				return true;
			continue;
		}
		ssize_t n = read(client, buffer + *len, REQUEST_MAX - *len);
		if (n <= 0)
			return false;
		*len += (size_t)n;
	}
	return false;
}

static bool has_ended(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Whether the connection goes on. */
static bool carry_out(proxy *p, int client, int server, const char *request, size_t len, proxy_fault fault, char *buffer)
{
	size_t answered = 0;

	if (aic_write_all(server, request, len) != 0)
		return false;
	while (!atomic_load(&p->stop)) {
		bool more = readable(server);
		if (!more && answered && fault != PROXY_HOLD_ANSWER)
			return true;
		if (has_ended(client))
			return false;
		ssize_t n = more ? read(server, buffer, REQUEST_MAX) : 0;
		if (more && n <= 0)
			return false;
		answered += (size_t)n;
		if (fault == PROXY_LOSE_ANSWER && answered)
			return false;
		if (fault == PROXY_PASS && n > 0 && aic_write_all(client, buffer, (size_t)n) != 0)
			return false;
	}
	return false;
}

static proxy_fault next_fault(proxy *p, const char *request, size_t len)
{
	if (atomic_load(&p->times) <= 0 || !memmem(request, len, PUT, strlen(PUT)))
		return PROXY_PASS;
	if (atomic_load(&p->skip) > 0) {
		atomic_fetch_sub(&p->skip, 1);
		return PROXY_PASS;
	}
	atomic_fetch_sub(&p->times, 1);
	atomic_fetch_add(&p->done, 1);
	return (proxy_fault)atomic_load(&p->fault);
}

static void serve(proxy *p, int client, char *request, char *buffer)
{
	int server = connect_to(p->upstream);
	size_t len;
	bool on = server >= 0;

	while (on && take_request(p, client, request, &len)) {
		proxy_fault fault = next_fault(p, request, len);
		if (fault == PROXY_LOSE_REQUEST)
			break;
		if (fault == PROXY_LATE) {
			shutdown(client, SHUT_RDWR);
			poll(NULL, 0, PROXY_LATE_MS);
		}
		on = carry_out(p, client, server, request, len, fault == PROXY_LATE ? PROXY_LOSE_ANSWER : fault, buffer);
	}
	close(client);
	if (server >= 0)
		close(server);
}

static void *run(void *ctx)
{
	proxy *p = ctx;
	char *request = malloc(REQUEST_MAX), *buffer = malloc(REQUEST_MAX);

	while (!atomic_load(&p->stop)) {
		int client = readable(p->listener) ? accept(p->listener, NULL, NULL) : -1;
		if (client >= 0)
			serve(p, client, request, buffer);
	}
	free(request);
	free(buffer);
	return NULL;
}

void proxy_start(proxy *p, int upstream_port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);

	memset(p, 0, sizeof(*p));
	p->upstream = upstream_port;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(p->listener, 16) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&a, &len) != 0 || pthread_create(&p->thread, NULL, run, p) != 0) {
		perror("proxy");
		abort();
	}
	p->port = ntohs(a.sin_port);
}

void proxy_stop(proxy *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	close(p->listener);
}

void proxy_arm(proxy *p, proxy_fault fault, int times)
{
	atomic_store(&p->fault, fault);
	atomic_store(&p->done, 0);
	atomic_store(&p->times, times);
}
