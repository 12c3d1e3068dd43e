/* evidence.h: proof that a member site lied, kept on the ledger for good. Anybody can check it with the site's key and nothing else.
 *
 *     evidence = [1, key, attestation: bytes, attestation: bytes]      two of one site at one height with other content, ascending
 *
 * The other kind needs no transaction: an ordered block that its generator signed for this place, and that is invalid all the same.
 * Both leave one row for each site, kind and height. */
#ifndef AIC_LEDGER_EVIDENCE_H
#define AIC_LEDGER_EVIDENCE_H

#include "ledger/block.h"
#include "ledger/state/state.h"

typedef enum {
	AIC_EVIDENCE_ATTESTATIONS = 1, /* two different ones at one height */
	AIC_EVIDENCE_BLOCK = 2         /* an invalid block */
} aic_evidence_kind;
const char *aic_evidence_kind_name(uint64_t kind); /* "two attestations", "an invalid block" */

typedef struct {
	uint64_t recorded;  /* height */
	aic_hash proof;     /* SHA-256 of the transaction's body; name of the block */
} aic_evidence_row;

/* AIC_NOT_FOUND leaves err untouched. */
aic_code aic_state_evidence(aic_state *s, const aic_id *site, aic_evidence_kind kind, uint64_t height, aic_evidence_row *row,
                            aic_error *err);
/* key: of the site, good for both. */
void aic_evidence_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN], const aic_attestation *a, const aic_attestation *b);
/* Whom and what a body accuses; checks the signatures and that the two differ, not who the key belongs to. */
aic_code aic_evidence_read(const void *body, size_t len, const aic_hash *chain, uint8_t key[AIC_PUBLIC_LEN], aic_id *site,
                           uint64_t *height, aic_error *err);
/* For an invalid block in the place after the head: a row where its generator's signature stands under this very place. */
aic_code aic_evidence_of_block(aic_state *s, const aic_block *b, aic_error *err);

#endif
