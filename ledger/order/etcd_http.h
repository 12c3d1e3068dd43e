/* etcd_http.h: one request to one endpoint of etcd; etcd_gateway.c goes from endpoint to endpoint. Internal to them. */
#ifndef AIC_LEDGER_ORDER_ETCD_HTTP_H
#define AIC_LEDGER_ORDER_ETCD_HTTP_H

#include <curl/curl.h>

#include "common/bytes.h"
#include "ledger/order/etcd_gateway.h"

#define AIC_ETCD_ANSWER_MAX (8u << 20)

struct aic_etcd {
	const aic_etcd_config *config;
	CURL *http, *stream;
	struct curl_slist *headers;
	char *token;             /* NULL: none, or not accepted any more */
	size_t endpoint;         /* the one that answered last */
	bool down, unsure;
	aic_bytes answer;
	char curl_error[CURL_ERROR_SIZE];
};

typedef enum {
	DONE,    /* answered, *answer or an error that no other endpoint would change */
	NEXT,    /* no answer: another endpoint may have one, or this one soon */
	WRONG,   /* the same, but time alone will not mend it: its certificate, or another service there */
	RENEW    /* the token is not accepted any more */
} aic_etcd_outcome;

/* e->endpoint, as text. */
const char *aic_etcd_endpoint(const aic_etcd *e);
/* As e->http is set up; the answer is in e->answer. path begins behind the endpoint's '/'. */
CURLcode aic_etcd_perform(aic_etcd *e, const char *path, long timeout_ms);
/* Where there was no answer at all. */
aic_etcd_outcome aic_etcd_explain_transport(const aic_etcd *e, CURLcode rc, long timeout_ms, aic_error *err);
/* POSTs body to /v3/PATH; *answer on a DONE without an error. */
aic_etcd_outcome aic_etcd_post(aic_etcd *e, const char *path, const char *body, size_t len, long timeout_ms, json_t **answer,
                               aic_error *err);
/* DONE with that error. */
aic_etcd_outcome aic_etcd_refuse(const aic_etcd *e, aic_code code, const char *message, const char *remedy, aic_error *err);

#endif
