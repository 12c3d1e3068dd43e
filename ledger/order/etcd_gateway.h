/* etcd_gateway.h: a thin client of etcd v3's JSON gateway (3.4 and later): HTTP by libcurl, JSON by jansson.
 *
 * A request goes from endpoint to endpoint until one answers or a few seconds are over: send only what may be carried out
 * twice. Not thread-safe: a thread opens its own. */
#ifndef AIC_LEDGER_ORDER_ETCD_GATEWAY_H
#define AIC_LEDGER_ORDER_ETCD_GATEWAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"

typedef struct aic_etcd aic_etcd;

/* Speaks to nobody yet. config is borrowed until aic_etcd_close. AIC_REFUSED where others could read the password or the key. */
aic_code aic_etcd_open(aic_etcd **e, const aic_etcd_config *config, aic_error *err);
void aic_etcd_close(aic_etcd *e); /* NULL is fine */

/* POSTs to /v3/PATH. request is taken over. *answer is an object that the caller decrefs, NULL where the call fails. An answer
 * that may hold `expect` bytes of values is waited for longer. AIC_REFUSED: rights, authentication or the request itself;
 * AIC_FULL: etcd's quota or a limit of size; AIC_UNREACHABLE: no endpoint answered, and nothing is known. */
aic_code aic_etcd_call(aic_etcd *e, const char *path, json_t *request, size_t expect, json_t **answer, aic_error *err);
/* Whether an attempt of the last call went without an answer: it may have been carried out, now or later. */
bool aic_etcd_unsure(const aic_etcd *e);

/* The same of the one endpoint with that index in the config, once, for what concerns a member instead of the store. */
aic_code aic_etcd_call_member(aic_etcd *e, size_t member, const char *path, json_t *request, int timeout_ms, json_t **answer,
                              aic_error *err);
/* A number that this endpoint gives among its metrics, without labels. AIC_NOT_FOUND where it gives none of that name. */
aic_code aic_etcd_metric(aic_etcd *e, size_t member, const char *name, double *value, aic_error *err);

/* Waits on /v3/watch until something has happened to the key at start_revision or later, at most timeout_ms. A broken
 * connection ends it early: look at the key. */
void aic_etcd_wait(aic_etcd *e, json_t *watch, int timeout_ms);

#endif
