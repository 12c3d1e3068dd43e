/* etcd_kv.c: see etcd_kv.h. The gateway writes bytes as base64 and 64-bit numbers as text, and leaves out what is zero, false
 * or empty: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/ */
#include "ledger/order/etcd_kv.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *base64(const void *data, size_t len)
{
	unsigned char *text = aic_xmalloc(4 * ((len + 2) / 3) + 1);
	json_t *json = json_stringn_nocheck((char *)text, (size_t)EVP_EncodeBlock(text, data, (int)len));

	free(text);
	return json;
}

static json_t *key_json(const char *key)
{
	return base64(key, strlen(key));
}

static bool unbase64(const json_t *json, aic_bytes *out)
{
	const char *text = json_string_value(json);
	size_t len = json_string_length(json);

	if (!json || (text && !len))
		return true; /* empty */
	if (!text || len % 4 || len > INT32_MAX)
		return false;
	aic_bytes_reserve(out, len / 4 * 3);
	int n = EVP_DecodeBlock(out->data + out->len, (const unsigned char *)text, (int)len);
	if (n < 0)
		return false;
	n -= (text[len - 1] == '=') + (text[len - 2] == '=');
	out->len += (size_t)n;
	return true;
}

static json_t *number(uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return json_string(text);
}

json_t *aic_etcd_get(const char *key, const char *end, uint64_t limit, bool keys_only)
{
	json_t *get = json_pack("{s:o}", "key", key_json(key));

	if (end)
		json_object_set_new(get, "range_end", key_json(end));
	if (limit)
		json_object_set_new(get, "limit", number(limit));
	if (keys_only)
		json_object_set_new(get, "keys_only", json_true());
	return get;
}

json_t *aic_etcd_put(const char *key, const void *value, size_t len)
{
	return json_pack("{s:o, s:o}", "key", key_json(key), "value", base64(value, len));
}

json_t *aic_etcd_delete(const char *key, const char *end)
{
	json_t *delete = json_pack("{s:o}", "key", key_json(key));

	if (end)
		json_object_set_new(delete, "range_end", key_json(end));
	return delete;
}

json_t *aic_etcd_watch(const char *key, uint64_t start_revision)
{
	return json_pack("{s:{s:o, s:o}}", "create_request", "key", key_json(key), "start_revision", number(start_revision));
}

json_t *aic_etcd_if_absent(const char *key)
{
	return json_pack("{s:s, s:s, s:o, s:s}", "target", "CREATE", "result", "EQUAL", "key", key_json(key), "create_revision", "0");
}

json_t *aic_etcd_if_value(const char *key, const void *value, size_t len)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "target", "VALUE", "result", "EQUAL", "key", key_json(key), "value",
	                 base64(value, len));
}

json_t *aic_etcd_txn(void)
{
	return json_pack("{s:[], s:[], s:[]}", "compare", "success", "failure");
}

void aic_etcd_txn_if(json_t *txn, json_t *condition)
{
	json_array_append_new(json_object_get(txn, "compare"), condition);
}

void aic_etcd_txn_get(json_t *txn, const char *branch, json_t *get)
{
	json_array_append_new(json_object_get(txn, branch), json_pack("{s:o}", "request_range", get));
}

void aic_etcd_txn_put(json_t *txn, const char *branch, json_t *put)
{
	json_array_append_new(json_object_get(txn, branch), json_pack("{s:o}", "request_put", put));
}

void aic_etcd_txn_delete(json_t *txn, const char *branch, json_t *delete)
{
	json_array_append_new(json_object_get(txn, branch), json_pack("{s:o}", "request_delete_range", delete));
}

bool aic_etcd_txn_succeeded(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "succeeded"));
}

json_t *aic_etcd_txn_answer(const json_t *answer, size_t i)
{
	json_t *response = json_array_get(json_object_get(answer, "responses"), i);
	json_t *range = json_object_get(response, "response_range"), *put = json_object_get(response, "response_put");

	return range ? range : put ? put : json_object_get(response, "response_delete_range");
}

size_t aic_etcd_found(const json_t *get)
{
	return json_array_size(json_object_get(get, "kvs"));
}

const json_t *aic_etcd_pair(const json_t *get, size_t i)
{
	return json_array_get(json_object_get(get, "kvs"), i);
}

bool aic_etcd_pair_key(const json_t *pair, aic_bytes *out)
{
	return unbase64(json_object_get(pair, "key"), out);
}

bool aic_etcd_pair_value(const json_t *pair, aic_bytes *out)
{
	return unbase64(json_object_get(pair, "value"), out);
}

uint64_t aic_etcd_revision(const json_t *answer)
{
	const char *text = json_string_value(json_object_get(json_object_get(answer, "header"), "revision"));

	return text ? strtoull(text, NULL, 10) : 0;
}
