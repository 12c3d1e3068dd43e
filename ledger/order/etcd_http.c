/* etcd_http.c: see etcd_http.h. What etcd's answers, and its silence, mean. */
#define _GNU_SOURCE
#include "ledger/order/etcd_http.h"

#include <stdlib.h>
#include <string.h>

enum grpc { GRPC_INVALID = 3, GRPC_NOT_FOUND = 5, GRPC_EXISTS = 6, GRPC_DENIED = 7, GRPC_EXHAUSTED = 8, GRPC_PRECONDITION = 9,
	GRPC_RANGE = 11, GRPC_UNIMPLEMENTED = 12, GRPC_UNAUTHENTICATED = 16 };

const char *aic_etcd_endpoint(const aic_etcd *e)
{
	return e->config->endpoint[e->endpoint];
}

static size_t keep_answer(char *data, size_t size, size_t n, void *ctx)
{
	aic_etcd *e = ctx;

	if (size * n > AIC_ETCD_ANSWER_MAX - e->answer.len)
		return 0;
	aic_bytes_append(&e->answer, data, size * n);
	return size * n;
}

aic_etcd_outcome aic_etcd_explain_transport(const aic_etcd *e, CURLcode rc, long timeout_ms, aic_error *err)
{
	const char *cause = e->curl_error[0] ? e->curl_error : curl_easy_strerror(rc);

	if (rc == CURLE_WRITE_ERROR) {
		aic_fail(err, AIC_FULL, "etcd at %s: its answer is larger than %u bytes: ask for less at once", aic_etcd_endpoint(e), AIC_ETCD_ANSWER_MAX);
		return DONE;
	}
	if (rc == CURLE_PEER_FAILED_VERIFICATION) {
		aic_fail(err, AIC_UNREACHABLE, "etcd at %s shows a certificate that is not trusted (%s): check ledger.etcd.ca", aic_etcd_endpoint(e),
		         cause);
		return WRONG;
	}
	if (rc == CURLE_OPERATION_TIMEDOUT)
		aic_fail(err, AIC_UNREACHABLE, "etcd at %s gave no answer within %ld ms", aic_etcd_endpoint(e), timeout_ms);
	else
		aic_fail(err, AIC_UNREACHABLE, "etcd at %s: %s", aic_etcd_endpoint(e), cause);
	return NEXT;
}

aic_etcd_outcome aic_etcd_refuse(const aic_etcd *e, aic_code code, const char *message, const char *remedy, aic_error *err)
{
	aic_fail(err, code, "etcd at %s: %.300s%s%s", aic_etcd_endpoint(e), message, *remedy ? ": " : "", remedy);
	return DONE;
}

static aic_etcd_outcome explain_exhausted(const aic_etcd *e, const char *message, aic_error *err)
{
	if (strstr(message, "database space exceeded"))
		return aic_etcd_refuse(e, AIC_FULL, message, "its quota is used up, and nothing is written until somebody compacts and defragments "
		              "it and disarms the alarm", err);
	if (strstr(message, "larger than max"))
		return aic_etcd_refuse(e, AIC_FULL, message, "", err);
	aic_etcd_refuse(e, AIC_UNREACHABLE, message, "", err);
	return NEXT;
}

/* Where there was an answer, and it is an error. */
static aic_etcd_outcome explain_grpc(const aic_etcd *e, int grpc, const char *message, aic_error *err)
{
	bool no_user = strstr(message, "user name is empty") != NULL;

	if (grpc == GRPC_UNAUTHENTICATED || no_user || strstr(message, "revision in header is old")) {
		if (e->config->user[0])
			return RENEW;
		return aic_etcd_refuse(e, AIC_REFUSED, message, "it asks for a user: set ledger.etcd.user and password_file", err);
	}
	switch (grpc) {
	case GRPC_DENIED:
		return aic_etcd_refuse(e, AIC_REFUSED, message, "the rights that a site's user needs are in doc/formats/order-etcd.md", err);
	case GRPC_EXHAUSTED:
		return explain_exhausted(e, message, err);
	case GRPC_INVALID:
		if (strstr(message, "too large"))
			return aic_etcd_refuse(e, AIC_FULL, message, "raise its --max-request-bytes or make the block smaller", err);
		return aic_etcd_refuse(e, AIC_REFUSED, message, "", err);
	case GRPC_NOT_FOUND:
		return aic_etcd_refuse(e, AIC_NOT_FOUND, message, "", err);
	case GRPC_EXISTS:
	case GRPC_PRECONDITION:
	case GRPC_RANGE:
	case GRPC_UNIMPLEMENTED:
		return aic_etcd_refuse(e, AIC_REFUSED, message, "", err);
	default:
		aic_etcd_refuse(e, AIC_UNREACHABLE, message, "", err);
		return NEXT;
	}
}

/* Its length, as far as it is fit to be shown. */
static int first_line(const aic_etcd *e)
{
	int n = 0;

	while ((size_t)n < e->answer.len && n < 160 && e->answer.data[n] >= ' ' && e->answer.data[n] < 0x7f)
		n++;
	return n;
}

static aic_etcd_outcome judge(aic_etcd *e, json_t **answer, aic_error *err)
{
	long status = 0;
	json_error_t where;
	json_t *json = json_loadb((const char *)e->answer.data, e->answer.len, JSON_REJECT_DUPLICATES, &where);
	const char *message = json_string_value(json_object_get(json, "message"));

	curl_easy_getinfo(e->http, CURLINFO_RESPONSE_CODE, &status);
	aic_etcd_outcome result = status >= 500 ? NEXT : WRONG;
	if (status == 200 && json_is_object(json)) {
		*answer = json;
		return DONE;
	}
	if (!message)
		message = json_string_value(json_object_get(json, "error"));
	if (!json && e->answer.len && memmem(e->answer.data, e->answer.len, "CommonName", 10))
		result = aic_etcd_refuse(e, AIC_REFUSED, "its gateway takes no named certificate while authentication is on",
		                "make the client's certificate without a common name (CN)", err);
	else if (json_is_object(json) && message)
		result = explain_grpc(e, (int)json_integer_value(json_object_get(json, "code")), message, err);
	else if (status == 200)
		aic_fail(err, AIC_UNREACHABLE, "etcd at %s: its answer is no JSON (%s)", aic_etcd_endpoint(e), where.text);
	else
		aic_fail(err, AIC_UNREACHABLE, "etcd at %s answers HTTP %ld, \"%.*s\": is that etcd 3.4 or later?", aic_etcd_endpoint(e), status,
		         first_line(e), (const char *)e->answer.data);
	json_decref(json);
	return result;
}

CURLcode aic_etcd_perform(aic_etcd *e, const char *path, long timeout_ms)
{
	char *url = aic_xasprintf("%s/%s", aic_etcd_endpoint(e), path);

	aic_bytes_clear(&e->answer);
	e->curl_error[0] = '\0';
	curl_easy_setopt(e->http, CURLOPT_URL, url);
	curl_easy_setopt(e->http, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(e->http, CURLOPT_WRITEFUNCTION, keep_answer);
	curl_easy_setopt(e->http, CURLOPT_WRITEDATA, e);
	CURLcode rc = curl_easy_perform(e->http);
	free(url);
	return rc;
}

aic_etcd_outcome aic_etcd_post(aic_etcd *e, const char *path, const char *body, size_t len, long timeout_ms, json_t **answer, aic_error *err)
{
	char *v3 = aic_xasprintf("v3/%s", path);

	curl_easy_setopt(e->http, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e->http, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	CURLcode rc = aic_etcd_perform(e, v3, timeout_ms);
	free(v3);
	return rc == CURLE_OK ? judge(e, answer, err) : aic_etcd_explain_transport(e, rc, timeout_ms, err);
}
