/* etcd_gateway.c: see etcd_gateway.h. */
#define _GNU_SOURCE
#include "ledger/order/etcd_http.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/time.h"

#define ATTEMPT_MS 1000        /* for an answer without a body to speak of */
#define BYTES_PER_MS 1024      /* a body gets 1 ms more for each: 1 MiB/s is the slowest link that works */
#define CALL_MS 4000           /* over all endpoints: enough for etcd to choose another leader */
#define CALL_WHILE_DOWN_MS 1000 /* once a call has failed so: who waits behind us must not wait for long */
#define PAUSE_MS 50            /* after each round over the endpoints */
#define PASSWORD_MAX 1024

/* --- set-up --- */

static aic_code check_private(const char *path, aic_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return aic_fail_errno(err, "ledger.etcd: cannot look at %s", path);
	if (geteuid() != 0 && st.st_uid != geteuid())
		return aic_fail(err, AIC_REFUSED, "ledger.etcd: %s belongs to uid %u, this program runs as uid %u: chown it to %u", path,
		                (unsigned)st.st_uid, (unsigned)geteuid(), (unsigned)geteuid());
	if (st.st_mode & 077)
		return aic_fail(err, AIC_REFUSED, "ledger.etcd: %s has mode %04o, so that others could read it: chmod 0600 %s", path,
		                (unsigned)st.st_mode & 07777, path);
	return AIC_OK;
}

static CURL *new_handle(aic_etcd *e)
{
	const aic_etcd_config *c = e->config;
	CURL *http = curl_easy_init();

	if (!http)
		return NULL;
	curl_easy_setopt(http, CURLOPT_ERRORBUFFER, e->curl_error);
	curl_easy_setopt(http, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(http, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(http, CURLOPT_PROXY, ""); /* whatever the environment says: the password is for etcd alone */
	curl_easy_setopt(http, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(http, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(http, CURLOPT_CONNECTTIMEOUT_MS, (long)ATTEMPT_MS);
	curl_easy_setopt(http, CURLOPT_TCP_KEEPALIVE, 1L);
	if (c->ca[0])
		curl_easy_setopt(http, CURLOPT_CAINFO, c->ca);
	if (c->cert[0]) {
		curl_easy_setopt(http, CURLOPT_SSLCERT, c->cert);
		curl_easy_setopt(http, CURLOPT_SSLKEY, c->key);
	}
	return http;
}

static void set_headers(aic_etcd *e)
{
	char *authorization = e->token ? aic_xasprintf("Authorization: %s", e->token) : NULL;

	curl_slist_free_all(e->headers);
	e->headers = curl_slist_append(NULL, "Content-Type: application/json");
	e->headers = curl_slist_append(e->headers, "Expect:"); /* no round trip before a large body */
	if (authorization)
		e->headers = curl_slist_append(e->headers, authorization);
	free(authorization);
	curl_easy_setopt(e->http, CURLOPT_HTTPHEADER, e->headers);
	curl_easy_setopt(e->stream, CURLOPT_HTTPHEADER, e->headers);
}

aic_code aic_etcd_open(aic_etcd **out, const aic_etcd_config *config, aic_error *err)
{
	aic_etcd *e;
	aic_code code;

	*out = NULL;
	if (config->password_file[0] && (code = check_private(config->password_file, err)))
		return code;
	if (config->key[0] && (code = check_private(config->key, err)))
		return code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return aic_fail(err, AIC_SYSTEM, "libcurl cannot be started");
	e = aic_xcalloc(1, sizeof(*e));
	e->config = config;
	e->http = new_handle(e);
	e->stream = new_handle(e);
	if (!e->http || !e->stream) {
		aic_etcd_close(e);
		return aic_fail(err, AIC_SYSTEM, "libcurl has no memory for a connection");
	}
	set_headers(e);
	*out = e;
	return AIC_OK;
}

static void drop_token(aic_etcd *e)
{
	if (e->token)
		OPENSSL_cleanse(e->token, strlen(e->token));
	free(e->token);
	e->token = NULL;
}

void aic_etcd_close(aic_etcd *e)
{
	if (!e)
		return;
	curl_easy_cleanup(e->http);
	curl_easy_cleanup(e->stream);
	curl_slist_free_all(e->headers);
	drop_token(e);
	aic_bytes_free(&e->answer);
	free(e);
	curl_global_cleanup();
}

bool aic_etcd_unsure(const aic_etcd *e)
{
	return e->unsure;
}

/* --- the token --- */

/* Read anew each time, so that a changed password needs no restart. */
static aic_code read_password(const aic_etcd *e, aic_bytes *password, aic_error *err)
{
	const char *path = e->config->password_file;
	aic_code code = check_private(path, err);

	if (!code)
		code = aic_file_read(password, path, PASSWORD_MAX, err);
	while (!code && password->len && strchr("\r\n", password->data[password->len - 1]))
		password->len--;
	if (!code && !password->len)
		code = aic_fail(err, AIC_USAGE, "ledger.etcd: %s is empty: write the password of etcd's user %s into it", path,
		                e->config->user);
	return code;
}

static void wipe(aic_bytes *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	aic_bytes_free(b);
}

static char *authentication(const aic_etcd *e, const aic_bytes *password)
{
	json_t *request = json_pack("{s:s, s:s%}", "name", e->config->user, "password", (const char *)password->data, password->len);
	char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	return body;
}

static aic_etcd_outcome renew(aic_etcd *e, aic_error *err)
{
	aic_bytes password = {0};
	json_t *answer = NULL;

	drop_token(e);
	set_headers(e);
	if (read_password(e, &password, err)) {
		wipe(&password);
		return DONE;
	}
	char *body = authentication(e, &password);
	wipe(&password);
	if (!body) {
		aic_fail(err, AIC_USAGE, "ledger.etcd: %s is not UTF-8, as etcd's passwords are", e->config->password_file);
		return DONE;
	}
	aic_etcd_outcome result = aic_etcd_post(e, "auth/authenticate", body, strlen(body), ATTEMPT_MS, &answer, err);
	OPENSSL_cleanse(body, strlen(body));
	free(body);
	const char *token = json_string_value(json_object_get(answer, "token"));
	if (answer && token)
		e->token = aic_xstrdup(token);
	else if (answer)
		result = aic_etcd_refuse(e, AIC_REFUSED, "it gives no token", "", err);
	else if (result == DONE)
		aic_error_prefix(err, "user %s cannot sign in", e->config->user);
	wipe(&e->answer);
	json_decref(answer);
	set_headers(e);
	return result;
}

/* --- a request, until an endpoint answers --- */

static aic_etcd_outcome attempt(aic_etcd *e, const char *path, const char *body, long timeout_ms, json_t **answer, aic_error *err)
{
	aic_etcd_outcome result = RENEW;

	for (int tries = 0; tries < 2 && result == RENEW; tries++) {
		if (e->config->user[0] && !e->token && ((result = renew(e, err)) != DONE || !e->token))
			return result;
		result = aic_etcd_post(e, path, body, strlen(body), timeout_ms, answer, err);
		if (result == RENEW)
			drop_token(e);
		e->unsure |= result == NEXT || result == WRONG;
	}
	if (result != RENEW)
		return result;
	aic_fail(err, AIC_UNREACHABLE, "etcd at %s gives user %s tokens that it does not accept", aic_etcd_endpoint(e), e->config->user);
	return NEXT;
}

static aic_code give_up(const aic_etcd *e, int64_t ms, aic_error *err)
{
	if (e->config->n_endpoints > 1)
		aic_error_prefix(err, "none of %zu endpoints of etcd did it in %lld ms; the last", e->config->n_endpoints, (long long)ms);
	return AIC_UNREACHABLE;
}

static aic_code call(aic_etcd *e, const char *path, const char *body, size_t expect, json_t **answer, aic_error *err)
{
	int64_t start = aic_monotonic_ms(), limit = e->down ? CALL_WHILE_DOWN_MS : CALL_MS;
	long timeout = (long)(ATTEMPT_MS + (strlen(body) + expect) / BYTES_PER_MS);
	size_t wrong = 0; /* in a row */

	for (size_t tries = 1;; tries++) {
		aic_error why = {0};
		aic_etcd_outcome result = attempt(e, path, body, timeout, answer, &why);
		int64_t ms = aic_monotonic_ms() - start;

		wrong = result == WRONG ? wrong + 1 : 0;
		if (result != DONE)
			e->endpoint = (e->endpoint + 1) % e->config->n_endpoints;
		if (result == DONE || ms >= limit || wrong >= e->config->n_endpoints) {
			if (why.code && err)
				*err = why;
			e->down = result != DONE;
			return result == DONE ? why.code : give_up(e, ms, err);
		}
		if (tries % e->config->n_endpoints == 0)
			poll(NULL, 0, PAUSE_MS);
	}
}

aic_code aic_etcd_call(aic_etcd *e, const char *path, json_t *request, size_t expect, json_t **answer, aic_error *err)
{
	char *body = json_dumps(request, JSON_COMPACT);

	json_decref(request);
	*answer = NULL;
	e->unsure = false;
	if (!body)
		return aic_fail(err, AIC_SYSTEM, "a request to etcd cannot be written as JSON");
	aic_code code = call(e, path, body, expect, answer, err);
	free(body);
	return code;
}

/* --- one member --- */

aic_code aic_etcd_call_member(aic_etcd *e, size_t member, const char *path, json_t *request, int timeout_ms, json_t **answer,
                              aic_error *err)
{
	char *body = json_dumps(request, JSON_COMPACT);
	size_t before = e->endpoint;
	aic_error why = {0};

	json_decref(request);
	*answer = NULL;
	if (!body)
		return aic_fail(err, AIC_SYSTEM, "a request to etcd cannot be written as JSON");
	e->endpoint = member;
	attempt(e, path, body, timeout_ms, answer, &why);
	e->endpoint = before;
	free(body);
	if (why.code && err)
		*err = why;
	return why.code;
}

aic_code aic_etcd_metric(aic_etcd *e, size_t member, const char *name, double *value, aic_error *err)
{
	size_t before = e->endpoint;
	char *line = aic_xasprintf("\n%s ", name);
	aic_code code = AIC_OK;

	e->endpoint = member;
	curl_easy_setopt(e->http, CURLOPT_HTTPGET, 1L);
	CURLcode rc = aic_etcd_perform(e, "metrics", ATTEMPT_MS);
	aic_bytes_append(&e->answer, "", 1);
	const char *found = rc == CURLE_OK ? strstr((const char *)e->answer.data, line) : NULL;
	if (found)
		*value = strtod(found + strlen(line), NULL);
	else if (rc == CURLE_OK)
		code = aic_fail(err, AIC_NOT_FOUND, "etcd at %s has no %s among its metrics", aic_etcd_endpoint(e), name);
	else
		aic_etcd_explain_transport(e, rc, ATTEMPT_MS, err), code = AIC_UNREACHABLE;
	e->endpoint = before;
	free(line);
	return code;
}

/* --- waiting --- */

/* The stream begins with {"result": {.., "created": true}}; whatever comes after that has happened. */
static size_t stop_at_event(char *data, size_t size, size_t n, void *ctx)
{
	aic_bytes *seen = ctx;

	if (seen->len > AIC_ETCD_ANSWER_MAX)
		return 0;
	aic_bytes_append(seen, data, size * n);
	return memmem(seen->data, seen->len, "\"events\"", 8) || memmem(seen->data, seen->len, "\"canceled\"", 10) ||
	                       memmem(seen->data, seen->len, "\"error\"", 7)
	               ? 0
	               : size * n;
}

void aic_etcd_wait(aic_etcd *e, json_t *watch, int timeout_ms)
{
	char *url = aic_xasprintf("%s/v3/watch", aic_etcd_endpoint(e)), *body = json_dumps(watch, JSON_COMPACT);
	aic_bytes seen = {0};

	json_decref(watch);
	if (body) {
		curl_easy_setopt(e->stream, CURLOPT_URL, url);
		curl_easy_setopt(e->stream, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(e->stream, CURLOPT_TIMEOUT_MS, (long)(timeout_ms > 0 ? timeout_ms : 1));
		curl_easy_setopt(e->stream, CURLOPT_WRITEFUNCTION, stop_at_event);
		curl_easy_setopt(e->stream, CURLOPT_WRITEDATA, &seen);
		curl_easy_perform(e->stream);
	}
	aic_bytes_free(&seen);
	free(body);
	free(url);
}
