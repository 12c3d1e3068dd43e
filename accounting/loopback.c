#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/loopback.h"

#include "common/file.h"

struct aic_rpc {
	bool ledger;
};

aic_service *loopback_ledger;
aic_acctd *loopback_acct;
uid_t loopback_uid;
bool loopback_lose_answer;

void aic_rpc_use_munge(const char *socket_path)
{
	(void)socket_path;
}

aic_code aic_rpc_open(aic_rpc **rpc, const char *service, const char *address, uid_t server_uid, int timeout_ms, aic_error *err)
{
	bool ledger = !strcmp(service, "ledger");

	(void)server_uid;
	(void)timeout_ms;
	if (ledger ? !loopback_ledger : !loopback_acct)
		return aic_fail(err, AIC_UNREACHABLE, "nobody listens at %s", address);
	*rpc = aic_xcalloc(1, sizeof(**rpc));
	(*rpc)->ledger = ledger;
	return AIC_OK;
}

void aic_rpc_close(aic_rpc *rpc)
{
	free(rpc);
}

int aic_rpc_timeout(const aic_rpc *rpc)
{
	(void)rpc;
	return 5000;
}

void aic_rpc_begin(aic_bytes *body, const char *op, size_t args)
{
	aic_cbor_put_array(body, 1 + args);
	aic_cbor_put_text(body, op);
}

aic_code aic_rpc_call(aic_rpc *rpc, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	aic_rpc_caller who = {.uid = rpc->ledger ? 0 : loopback_uid, .gid = 60000, .host = "127.0.0.1"};
	size_t items = 0;
	aic_cbor args;
	char op[64];
	aic_code rc;

	if (rpc->ledger ? !loopback_ledger : !loopback_acct)
		return aic_fail(err, AIC_UNREACHABLE, "the connection broke");
	aic_cbor_init(&args, body->data, body->len);
	size_t n = aic_cbor_array(&args, 64);
	assert_true(aic_cbor_text(&args, op, sizeof(op)) && n >= 1);
	aic_bytes_clear(keep);
	rc = rpc->ledger ? aic_service_handle(loopback_ledger, &who, op, &args, keep, &items, err)
	                 : aic_acctd_serve(loopback_acct, &who, op, &args, keep, &items, err);
	aic_cbor_init(answer, keep->data, rc == AIC_OK ? keep->len : 0);
	if (rpc->ledger && loopback_lose_answer && !strcmp(op, "settle")) {
		loopback_lose_answer = false;
		return aic_fail(err, AIC_UNREACHABLE, "the answer was lost");
	}
	return rc;
}

void loopback_ledger_start(const aic_config *c)
{
	static const char genesis[] = "name: test\nwallets:\n  - {wallet: genesis/operating, amount: 1000}\n"
	                              "parameters: {fee_ppm: 100000, rho_ppm: 450000, kappa_ppm: 350000, verify_ppm: 100000, x0: -2,"
	                              " x_scale: 1700000000, a_max: 2000000000}\n";
	aic_error err = {0};

	if (aic_file_write_atomic(c->genesis, genesis, sizeof(genesis) - 1, 0600, &err) != AIC_OK)
		fail_msg("%s", err.message);
	loopback_ledger = aic_xcalloc(1, sizeof(*loopback_ledger));
	if (aic_service_open(loopback_ledger, c, &err) != AIC_OK)
		fail_msg("%s", err.message);
}

void loopback_ledger_stop(void)
{
	if (!loopback_ledger)
		return;
	aic_service_close(loopback_ledger);
	free(loopback_ledger);
	loopback_ledger = NULL;
}

void loopback_fund(const aic_config *c, const char *wallet, const char *organisation, aic_amount amount)
{
	aic_ledger *l = NULL;
	aic_error err = {0};
	aic_address address;
	uint64_t height;
	aic_hash tx;

	if (aic_ledger_open(&l, c, &err) != AIC_OK || aic_ledger_wallet_ensure(l, wallet, organisation, &address, &err) != AIC_OK ||
	    aic_ledger_transfer(l, "genesis/operating", wallet, amount, &tx, &height, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_ledger_close(l);
}
