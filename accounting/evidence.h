/* evidence.h: the tree over a batch's lines whose root goes to the ledger (RFC 6962). A leaf is canonical CBOR of everything
 * that a line follows from, drawn in doc/formats/batch.md, with a salt in front: HMAC-SHA-256 of the rest under the site's
 * evidence key, so that nobody can guess a leaf from its hash, and the same input gives the same root. */
#ifndef AIC_ACCOUNTING_EVIDENCE_H
#define AIC_ACCOUNTING_EVIDENCE_H

#include <stdint.h>

#include "accounting/rating.h"
#include "common/amount.h"
#include "common/bytes.h"
#include "common/crypto.h"
#include "ledger/client.h"

#define AIC_EVIDENCE_KEY_LEN 32

typedef struct {
	uint8_t b[AIC_EVIDENCE_KEY_LEN];
} aic_evidence_key;

/* Loads the key file (0600), or makes it. */
aic_code aic_evidence_key_open(aic_evidence_key *k, const char *path, aic_error *err);

typedef struct {
	const char *cluster;
	uint32_t job, restart;
	int64_t submit, segment;
	bool resizing;
	const char *node, *asset, *payer, *payee, *act;
	aic_line_kind kind;
	aic_amount gross, fee;
	int64_t billable;
	uint64_t state_ppm;
	aic_quality quality;
	aic_hash record;          /* SHA-256 of the record's bytes */
} aic_evidence_line;

/* Appends the leaf's bytes to out. salt: the evidence key, ready for use. */
void aic_evidence_leaf(aic_bytes *out, aic_hmac *salt, const aic_evidence_line *l);

#endif
