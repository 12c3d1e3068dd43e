/* etcd_hostile_test.c: answers that no etcd gives: each is refused with a sentence, none is believed, none does harm. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/testing.h"
#include "ledger/order/etcd.h"

#define HEAD_5 "MDAwMDAwMDAwMDAwMDAwMDAwMDUgMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMTAxMDEwMQ=="
#define KEY_3 "YWljL2Jsay8wMDAwMDAwMDAwMDAwMDAwMDAwMw==" /* aic/blk/..3 */
#define PAGE(kvs, head) "{\"succeeded\":true,\"responses\":[{\"response_range\":{\"kvs\":[" kvs "]}},{\"response_range\":{\"kvs\":[" head "]}}]}"
#define HEAD "{\"value\":\"" HEAD_5 "\"}"

static int listener;
static aic_etcd_config config = {.n_endpoints = 1, .prefix = "aic/"};
static _Atomic(const char *) status, body;

/* One answer to every request, then the connection ends. */
static void *serve(void *ctx)
{
	char request[65536];

	(void)ctx;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		if (read(fd, request, sizeof(request)) > 0) {
			const char *text = atomic_load(&body);
			char *head = aic_xasprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
			                           "Connection: close\r\n\r\n", atomic_load(&status), strlen(text));
			if (aic_write_all(fd, head, strlen(head)) == 0)
				(void)aic_write_all(fd, text, strlen(text));
			free(head);
		}
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof(request)) > 0)
			;
		close(fd);
	}
}

static aic_code any_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	(void)height, (void)block, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

static aic_code any_site(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)site, (void)bytes, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

static aic_code do_head(aic_order *o, aic_error *err)
{
	aic_order_head head;

	return aic_order_head_get(o, &head, err);
}

static aic_code do_append(aic_order *o, aic_error *err)
{
	aic_order_head head = {.height = 4};
	aic_hash hash = {{1}};

	return aic_order_append_if_head(o, &head, &hash, "block", 5, err);
}

static aic_code do_read(aic_order *o, aic_error *err)
{
	int count = 0;
	aic_code code = aic_order_read(o, 3, 2, any_block, &count, err);

	assert_in_range(count, 0, 2);
	return code;
}

static aic_code do_attest(aic_order *o, aic_error *err)
{
	aic_id site = {{1}};

	return aic_order_attest(o, &site, 3, "mine", 4, err);
}

static aic_code do_attestations(aic_order *o, aic_error *err)
{
	int count = 0;

	return aic_order_attestations(o, 3, any_site, &count, err);
}

static const struct {
	const char *status, *body;
	aic_code (*call)(aic_order *, aic_error *);
	aic_code code;
	const char *says;
} answers[] = {
	{"200 OK", "<html>", do_head, AIC_UNREACHABLE, "its answer is no JSON"},
	{"200 OK", "[]", do_head, AIC_UNREACHABLE, "is no JSON"},
	{"200 OK", "{\"a\":1,\"a\":2}", do_head, AIC_UNREACHABLE, "is no JSON"},
	{"302 Found", "", do_head, AIC_UNREACHABLE, "answers HTTP 302"},
	{"404 Not Found", "nothing\033[2Jhere", do_head, AIC_UNREACHABLE, "answers HTTP 404, \"nothing\": is that etcd"},
	{"400 Bad Request", "{\"code\":\"7\",\"message\":12}", do_head, AIC_UNREACHABLE, "answers HTTP 400"},
	{"200 OK", "{\"kvs\":7}", do_head, AIC_OK, ""}, /* as if empty: the own copy knows better */
	{"200 OK", "{\"kvs\":[7]}", do_head, AIC_CORRUPT, "holds no height and hash"},
	{"200 OK", "{\"kvs\":[{\"value\":{}}]}", do_head, AIC_CORRUPT, "holds no height and hash"},
	{"200 OK", "{\"kvs\":[{\"value\":\"====\"}]}", do_head, AIC_CORRUPT, "holds no height and hash"},
	{"200 OK", "{\"kvs\":[{\"value\":\"AA=A\"}]}", do_head, AIC_CORRUPT, "holds no height and hash"},
	{"200 OK", "{\"kvs\":[{\"value\":\"!!!!\"}]}", do_head, AIC_CORRUPT, "holds no height and hash"},
	{"200 OK", "{\"kvs\":[" HEAD "]}", do_head, AIC_OK, ""},
	{"200 OK", "{\"succeeded\":\"true\"}", do_append, AIC_REFUSED, "the log is empty"},
	{"200 OK", "{\"responses\":{}}", do_append, AIC_REFUSED, "the log is empty"},
	{"200 OK", "{\"responses\":[{\"response_range\":{\"kvs\":[" HEAD "]}}]}", do_append, AIC_REFUSED, "at height 5 by now"},
	{"200 OK", "{\"succeeded\":true}", do_read, AIC_OK, ""},
	{"200 OK", PAGE("", HEAD), do_read, AIC_CORRUPT, "no block at height 3, though its head"},
	{"200 OK", PAGE("{\"key\":\"" KEY_3 "\",\"value\":\"AA==\"}", HEAD), do_read, AIC_CORRUPT, "no block at height 4, though its head"},
	{"200 OK", PAGE("{\"key\":\"" KEY_3 "\"},{\"key\":\"" KEY_3 "\"}", HEAD), do_read, AIC_CORRUPT, "no block at height 4, though its head"},
	{"200 OK", PAGE("{\"key\":\"AAAA\",\"value\":\"AA==\"}", HEAD), do_read, AIC_CORRUPT, "is no height"},
	{"200 OK", PAGE("{\"key\":\"" KEY_3 "\",\"value\":[]}", HEAD), do_read, AIC_CORRUPT, "is no height"},
	{"200 OK", "{}", do_attest, AIC_REFUSED, "something else at height 3"},
	{"200 OK", "{\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"AAAA\"}]}}]}", do_attestations, AIC_CORRUPT, "is no site and height"},
	{"200 OK", "{\"responses\":[7]}", do_attestations, AIC_OK, ""},
};

static void answers_that_are_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		aic_order o;
		aic_error err = {0};

		atomic_store(&status, answers[i].status);
		atomic_store(&body, answers[i].body);
		assert_int_equal(aic_order_etcd(&o, &config, NULL), AIC_OK);
		aic_code code = answers[i].call(&o, &err);
		aic_order_close(&o);
		if (code != answers[i].code || !strstr(err.message, answers[i].says))
			fail_msg("answer %zu: code %d, \"%s\": wanted %d, \"%s\"", i, code, err.message, answers[i].code, answers[i].says);
	}
}

/* More than is ever taken, and a page that does not get smaller however little is asked for. */
static void an_answer_without_end(void **state)
{
	size_t len = 9u << 20;
	char *text = aic_xmalloc(len + 1);
	aic_order o;
	aic_error err = {0};

	(void)state;
	memset(text, ' ', len);
	text[len] = '\0';
	atomic_store(&status, "200 OK");
	atomic_store(&body, text);
	assert_int_equal(aic_order_etcd(&o, &config, NULL), AIC_OK);
	assert_int_equal(do_read(&o, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "its answer is larger than 8388608 bytes"));
	aic_order_close(&o);
	atomic_store(&body, "");
	free(text);
}

/* Every way to cut one good answer short, and every bit of it turned. */
static void damaged_answers(void **state)
{
	static const char good[] = PAGE("{\"key\":\"" KEY_3 "\",\"value\":\"AA==\"}", HEAD);
	aic_order o;
	char text[sizeof(good)];

	(void)state;
	atomic_store(&status, "200 OK");
	assert_int_equal(aic_order_etcd(&o, &config, NULL), AIC_OK);
	for (size_t i = 0; i + 1 < sizeof(good); i++) {
		memcpy(text, good, sizeof(good));
		text[i] = (char)(text[i] ^ 1 << i % 7);
		text[i] = text[i] ? text[i] : ' ';
		atomic_store(&body, text);
		do_read(&o, NULL);
		memcpy(text, good, sizeof(good));
		text[i] = '\0';
		assert_int_equal(do_read(&o, NULL), AIC_UNREACHABLE);
	}
	aic_order_close(&o);
	atomic_store(&body, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_are_none), cmocka_unit_test(an_answer_without_end), cmocka_unit_test(damaged_answers),
	};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &len) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0)
		return 1;
	snprintf(config.endpoint[0], AIC_ETCD_ENDPOINT_LEN, "http://127.0.0.1:%d", ntohs(a.sin_port));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	return failed;
}
