/* service_testing.h: an aicledgerd without its process, for tests of what it answers. */
#ifndef AIC_LEDGER_SERVICE_TESTING_H
#define AIC_LEDGER_SERVICE_TESTING_H

#include "common/cbor.h"
#include "ledger/service.h"
#include "ledger/testing.h"

#define TEST_SERVICE_UID 900
#define TEST_ADMIN_UID 901
#define TEST_USER_UID 902

extern aic_config test_config;
extern aic_service test_service;

/* cmocka set-up and tear-down: a new folder, a genesis of two wallets of this site alone, an open service. */
int test_service_open(void **state);
int test_service_close(void **state);
/* One request; args are CBOR items, freed here. The answer's cursor reads from `out`, which the caller frees. */
aic_code test_ask(uid_t uid, const char *op, aic_bytes *args, aic_bytes *out, aic_cbor *answer, aic_error *err);

#endif
