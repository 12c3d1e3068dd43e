/* etcd_fuzz.c: an etcd that answers with any JSON: what the order asks of an answer holds or is refused. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "ledger/order/etcd_kv.h"

static void pairs(const json_t *get)
{
	size_t n = aic_etcd_found(get);

	for (size_t i = 0; i < n && i < 64; i++) {
		const json_t *pair = aic_etcd_pair(get, i);
		aic_bytes key = {0}, value = {0};

		if (pair && aic_etcd_pair_key(pair, &key) && aic_etcd_pair_value(pair, &value))
			demand(key.len + value.len < 1u << 24);
		aic_bytes_free(&key);
		aic_bytes_free(&value);
	}
	demand(aic_etcd_pair(get, n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *answer = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (!answer)
		return 0;
	if (json_is_object(answer)) {
		pairs(answer);
		(void)aic_etcd_txn_succeeded(answer);
		(void)aic_etcd_revision(answer);
		for (size_t i = 0; i < 4; i++) {
			json_t *one = aic_etcd_txn_answer(answer, i);

			if (one)
				pairs(one);
		}
	}
	json_decref(answer);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char get[] = "{\"header\":{\"revision\":\"7\"},\"kvs\":[{\"key\":\"YQ==\",\"value\":\"YmM=\",\"mod_revision\":\"3\"}],\"count\":\"1\"}";
	static const char empty[] = "{\"header\":{\"revision\":\"7\"},\"kvs\":[{\"key\":\"YQ==\",\"value\":\"\"}],\"count\":\"1\"}";
	static const char txn[] =
		"{\"header\":{\"revision\":\"7\"},\"succeeded\":true,\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"YQ==\"}]}},{\"response_put\":{}}]}";

	(void)argc, (void)argv;
	fuzz_seed("get", -1, get, sizeof(get) - 1);
	fuzz_seed("empty", -1, empty, sizeof(empty) - 1);
	fuzz_seed("txn", -1, txn, sizeof(txn) - 1);
	return 0;
}
