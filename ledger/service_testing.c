#define _GNU_SOURCE
#include "ledger/service_testing.h"

static const char genesis[] =
	"name: test\ntotal: 10000000000\nwallets:\n"
	"  - {wallet: genesis/operating, amount: 5000000000}\n"
	"  - {wallet: genesis/team, amount: 3000000000, locked_until: 50}\n";

aic_config test_config;
aic_service test_service;
static uid_t admins[] = {TEST_ADMIN_UID};

int test_service_open(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	memset(&test_config, 0, sizeof(test_config));
	snprintf(test_config.state_dir, sizeof(test_config.state_dir), "%s/state", (char *)*state);
	snprintf(test_config.genesis, sizeof(test_config.genesis), "%s/genesis.yaml", (char *)*state);
	aic_str_copy(test_config.order, sizeof(test_config.order), "local");
	test_config.uid = TEST_SERVICE_UID;
	test_config.admin_uids = admins;
	test_config.n_admin_uids = 1;
	FILE *f = fopen(test_config.genesis, "w");
	if (!f || fputs(genesis, f) < 0 || fclose(f))
		return -1;
	return aic_service_open(&test_service, &test_config, &err) ? -1 : 0;
}

int test_service_close(void **state)
{
	aic_service_close(&test_service);
	return test_folder_remove(state);
}

aic_code test_ask(uid_t uid, const char *op, aic_bytes *args, aic_bytes *out, aic_cbor *answer, aic_error *err)
{
	aic_rpc_caller who = {.uid = uid, .gid = uid};
	aic_cbor in;
	size_t items = 0;

	aic_bytes_clear(out);
	aic_cbor_init(&in, args->data, args->len);
	aic_code code = aic_service_handle(&test_service, &who, op, &in, out, &items, err);
	aic_cbor_init(answer, out->data, out->len);
	aic_bytes_free(args);
	return code;
}
