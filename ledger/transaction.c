/* transaction.c: see transaction.h. */
#include "ledger/transaction.h"

#include <string.h>

#include "common/cbor.h"

#define DOMAIN "aic/tx/v1"

const char *aic_tx_kind_name(uint64_t kind)
{
	static const char *const name[] = {
		[AIC_TX_TRANSFER] = "transfer",
		[AIC_TX_APPROVE] = "approve",
		[AIC_TX_TRANSFER_FROM] = "transfer_from",
		[AIC_TX_INCREASE_ALLOWANCE] = "increase_allowance",
		[AIC_TX_DECREASE_ALLOWANCE] = "decrease_allowance",
		[AIC_TX_BURN] = "burn",
		[AIC_TX_BURN_FROM] = "burn_from",
		[AIC_TX_WALLET_REGISTER] = "wallet_register",
		[AIC_TX_ASSET_REGISTER] = "asset_register",
		[AIC_TX_ASSET_TRANSFER] = "asset_transfer",
		[AIC_TX_ASSET_APPROVE] = "asset_approve",
		[AIC_TX_ASSET_APPROVE_FOR_ALL] = "asset_approve_for_all",
		[AIC_TX_ASSET_TERMS] = "asset_terms",
		[AIC_TX_ASSET_RETIRE] = "asset_retire",
		[AIC_TX_REQUEST_OPEN] = "request_open",
		[AIC_TX_REQUEST_OFFER] = "request_offer",
		[AIC_TX_REQUEST_ACCEPT] = "request_accept",
		[AIC_TX_REQUEST_WITHDRAW] = "request_withdraw",
		[AIC_TX_SITE_ADMIT] = "site_admit",
		[AIC_TX_SITE_RETIRE] = "site_retire",
		[AIC_TX_KEY_REGISTER] = "key_register",
		[AIC_TX_KEY_ROTATE] = "key_rotate",
		[AIC_TX_KEY_REVOKE] = "key_revoke",
		[AIC_TX_SITE_KEY_REPLACE] = "site_key_replace",
		[AIC_TX_SITE_POLICY] = "site_policy", [AIC_TX_NODE_VRF] = "node_vrf",
		[AIC_TX_SETTLEMENT] = "settlement",
		[AIC_TX_SETTLEMENT_PART] = "settlement_part",
		[AIC_TX_REVERSAL] = "reversal",
		[AIC_TX_SESSION_OPEN] = "session_open",
		[AIC_TX_SESSION_COMMIT] = "session_commit",
		[AIC_TX_SESSION_CLOSE] = "session_close",
		[AIC_TX_SESSION_NODES] = "session_nodes",
		[AIC_TX_SESSION_CHALLENGE] = "session_challenge",
		[AIC_TX_SESSION_APPEAL] = "session_appeal",
		[AIC_TX_SESSION_RATE] = "session_rate",
		[AIC_TX_SESSION_REVEAL] = "session_reveal",
		[AIC_TX_VERIFIER_REGISTER] = "verifier_register",
		[AIC_TX_VERIFIER_WITHDRAW] = "verifier_withdraw",
		[AIC_TX_SESSION_PAY] = "session_pay",
		[AIC_TX_VERDICT] = "verdict",
		[AIC_TX_PARAMETERS] = "parameters",
		[AIC_TX_RATES] = "rates",
		[AIC_TX_PAUSE] = "pause",
		[AIC_TX_EVIDENCE] = "evidence",
	};

	return kind < sizeof(name) / sizeof(name[0]) && name[kind] ? name[kind] : "unknown";
}

static void signed_bytes(aic_bytes *out, const aic_hash *chain, const void *payload, size_t len)
{
	aic_bytes_append(out, chain->b, AIC_HASH_LEN);
	aic_bytes_append(out, payload, len);
}

void aic_tx_build(aic_bytes *out, uint64_t kind, const aic_key *signer, const aic_hash *chain, uint64_t nonce, const void *body,
                  size_t body_len)
{
	aic_bytes payload = {0}, to_sign = {0};
	uint8_t signature[AIC_SIGNATURE_LEN];

	aic_cbor_put_array(&payload, 5);
	aic_cbor_put_uint(&payload, AIC_TX_VERSION);
	aic_cbor_put_uint(&payload, kind);
	aic_cbor_put_bytes(&payload, signer->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&payload, nonce);
	aic_cbor_put_bytes(&payload, body, body_len);
	signed_bytes(&to_sign, chain, payload.data, payload.len);
	aic_sign(signature, signer, DOMAIN, to_sign.data, to_sign.len);
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, payload.data, payload.len);
	aic_cbor_put_bytes(out, signature, sizeof(signature));
	aic_bytes_free(&payload);
	aic_bytes_free(&to_sign);
}

static aic_code decode_payload(aic_transaction *tx, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->payload, tx->payload_len);
	aic_cbor_array_exact(&c, 5);
	uint64_t version = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && version != AIC_TX_VERSION)
		aic_cbor_fail(&c, "version %llu is not %d: a newer release is needed", (unsigned long long)version, AIC_TX_VERSION);
	tx->kind = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, tx->signer, sizeof(tx->signer));
	tx->nonce = aic_cbor_uint(&c);
	tx->body = aic_cbor_bytes(&c, &tx->body_len);
	return aic_cbor_finish(&c, err);
}

aic_code aic_tx_decode(aic_transaction *tx, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	memset(tx, 0, sizeof(*tx));
	if (len > AIC_TX_MAX)
		return aic_fail(err, AIC_FULL, "a transaction of %zu bytes is larger than %u", len, AIC_TX_MAX);
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 2);
	tx->payload = aic_cbor_bytes(&c, &tx->payload_len);
	aic_cbor_bytes_exact(&c, tx->signature, sizeof(tx->signature));
	if ((code = aic_cbor_finish(&c, err)) || (code = decode_payload(tx, err))) {
		aic_error_prefix(err, "transaction");
		return code;
	}
	tx->id = aic_sha256_of(tx->payload, tx->payload_len);
	return AIC_OK;
}

aic_code aic_tx_verify(const aic_transaction *tx, const aic_hash *chain, aic_error *err)
{
	aic_bytes to_verify = {0};

	signed_bytes(&to_verify, chain, tx->payload, tx->payload_len);
	bool good = aic_verify(tx->signature, tx->signer, DOMAIN, to_verify.data, to_verify.len);
	aic_bytes_free(&to_verify);
	return good ? AIC_OK : aic_fail(err, AIC_REFUSED, "the signature of this %s transaction does not fit its signer's key",
	                                aic_tx_kind_name(tx->kind));
}
