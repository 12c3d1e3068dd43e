/* etcd_kv.h: the requests of etcd's KV service that the order needs, and what is in their answers. Keys are text, values bytes. */
#ifndef AIC_LEDGER_ORDER_ETCD_KV_H
#define AIC_LEDGER_ORDER_ETCD_KV_H

#include "common/bytes.h"
#include "ledger/order/etcd_gateway.h"

/* Requests. end NULL: the one key; otherwise all of [key, end). limit 0: no limit. */
json_t *aic_etcd_get(const char *key, const char *end, uint64_t limit, bool keys_only);
json_t *aic_etcd_put(const char *key, const void *value, size_t len);
json_t *aic_etcd_delete(const char *key, const char *end);
json_t *aic_etcd_watch(const char *key, uint64_t start_revision);

/* Conditions of a transaction. */
json_t *aic_etcd_if_absent(const char *key);
json_t *aic_etcd_if_value(const char *key, const void *value, size_t len);

/* A transaction, built up and then sent by aic_etcd_call(e, "kv/txn", ..). The requests are taken over. */
json_t *aic_etcd_txn(void);
void aic_etcd_txn_if(json_t *txn, json_t *condition);
void aic_etcd_txn_get(json_t *txn, const char *branch, json_t *get);        /* branch: "success" or "failure" */
void aic_etcd_txn_put(json_t *txn, const char *branch, json_t *put);
void aic_etcd_txn_delete(json_t *txn, const char *branch, json_t *delete);
bool aic_etcd_txn_succeeded(const json_t *answer);
/* Answer of the i-th request of the branch that was taken; NULL where there is none. */
json_t *aic_etcd_txn_answer(const json_t *answer, size_t i);

/* What a get found, borrowed from its answer; i-th pair or NULL. */
size_t aic_etcd_found(const json_t *get);
const json_t *aic_etcd_pair(const json_t *get, size_t i);
/* Appended to out; false where it is no base64. */
bool aic_etcd_pair_key(const json_t *pair, aic_bytes *out);
bool aic_etcd_pair_value(const json_t *pair, aic_bytes *out);
/* Revision of the whole store when it answered; 0 where it says none. */
uint64_t aic_etcd_revision(const json_t *answer);

#endif
