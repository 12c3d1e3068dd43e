/* transaction.h: what changes the ledger: a signed request of one kind. doc/formats/transaction.md draws it.
 *
 *     transaction = [payload: bytes, signature: bytes .size 64]
 *     payload     = [version, kind, signer: bytes .size 32, nonce, body: bytes]
 *
 * Signed is "aic/tx/v1" || 0x00 || chain id || payload; the id is SHA-256(payload). */
#ifndef AIC_LEDGER_TRANSACTION_H
#define AIC_LEDGER_TRANSACTION_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_TX_VERSION 1
#define AIC_TX_MAX (512u * 1024)

/* Numbers on the wire: never reused. */
typedef enum {
	AIC_TX_TRANSFER = 1,
	AIC_TX_APPROVE = 2,
	AIC_TX_TRANSFER_FROM = 3,
	AIC_TX_INCREASE_ALLOWANCE = 4,
	AIC_TX_DECREASE_ALLOWANCE = 5,
	AIC_TX_BURN = 6,
	AIC_TX_BURN_FROM = 7,
	AIC_TX_WALLET_REGISTER = 10,
	AIC_TX_ASSET_REGISTER = 16,
	AIC_TX_ASSET_TRANSFER = 17,
	AIC_TX_ASSET_APPROVE = 18,
	AIC_TX_ASSET_APPROVE_FOR_ALL = 19,
	AIC_TX_ASSET_TERMS = 20,
	AIC_TX_ASSET_RETIRE = 21,
	AIC_TX_REQUEST_OPEN = 24,
	AIC_TX_REQUEST_OFFER = 25,
	AIC_TX_REQUEST_ACCEPT = 26,
	AIC_TX_REQUEST_WITHDRAW = 27,
	AIC_TX_SITE_ADMIT = 32,
	AIC_TX_SITE_RETIRE = 33,
	AIC_TX_KEY_REGISTER = 34,
	AIC_TX_KEY_ROTATE = 35,
	AIC_TX_KEY_REVOKE = 36,
	AIC_TX_SITE_KEY_REPLACE = 37,
	AIC_TX_SITE_POLICY = 38,
	AIC_TX_NODE_VRF = 39,
	AIC_TX_SETTLEMENT = 48,
	AIC_TX_SETTLEMENT_PART = 49,
	AIC_TX_REVERSAL = 50,
	AIC_TX_SESSION_OPEN = 64,
	AIC_TX_SESSION_COMMIT = 65,
	AIC_TX_SESSION_CLOSE = 66,
	AIC_TX_SESSION_NODES = 67,
	AIC_TX_SESSION_CHALLENGE = 68,
	AIC_TX_SESSION_APPEAL = 69,
	AIC_TX_SESSION_RATE = 70,
	AIC_TX_SESSION_REVEAL = 71,
	AIC_TX_VERIFIER_REGISTER = 72,
	AIC_TX_VERIFIER_WITHDRAW = 73,
	AIC_TX_SESSION_PAY = 74,
	AIC_TX_VERDICT = 80,
	AIC_TX_PARAMETERS = 96,
	AIC_TX_RATES = 97,
	AIC_TX_PAUSE = 98,
	AIC_TX_EVIDENCE = 112
} aic_tx_kind;

/* "transfer", "settlement", ...; "unknown" for a number that no release uses. */
const char *aic_tx_kind_name(uint64_t kind);

/* Pointers borrow the bytes that were decoded. */
typedef struct {
	uint64_t kind;
	uint8_t signer[AIC_PUBLIC_LEN];
	uint64_t nonce;
	const uint8_t *body;
	size_t body_len;
	const uint8_t *payload;
	size_t payload_len;
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_hash id;
} aic_transaction;

/* Appends the signed transaction to out. */
void aic_tx_build(aic_bytes *out, uint64_t kind, const aic_key *signer, const aic_hash *chain, uint64_t nonce, const void *body,
                  size_t body_len);
/* The form alone: the signature is checked by aic_tx_verify. */
aic_code aic_tx_decode(aic_transaction *tx, const void *data, size_t len, aic_error *err);
aic_code aic_tx_verify(const aic_transaction *tx, const aic_hash *chain, aic_error *err);

#endif
