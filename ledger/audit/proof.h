/* proof.h: a payout shown to somebody who has nothing but a hash: of a final block, of genesis, or in a checkpoint. doc/formats/proof.md
 * draws it.
 *
 *     proof  = ["aic/proof/v2", genesis: bytes, [* attestation: bytes], head: block, after: block or [], path, payout's: block,
 *               path, [site, period, number], settlement: row, line, parts: row or [], opening: bytes,
 *               number of events, [* [place, event: bytes, path]]]                                     14 items
 *     block  = [header: bytes, signature: bytes]
 *     row    = [value: bytes, path]          from the state's root downwards
 *     line   = [line from 1, leaf: bytes, path]
 *     path   = [* bytes .size 32]
 *
 * The settlement's row, in the state that its block left, holds the root over its lines. That state's root stands in the header of the
 * block after, which leads to the head's; or, while there is no such block, in the attestations of the head. */
#ifndef AIC_LEDGER_PROOF_H
#define AIC_LEDGER_PROOF_H

#include "ledger/order/order.h"
#include "ledger/state/state.h"

#define AIC_PROOF_VERSION "aic/proof/v2"
#define AIC_PROOF_MAX (4u << 20)

typedef struct {
	aic_hash chain, head;    /* head: zero where a checkpoint was trusted, which does not have it */
	uint64_t head_height, height;
	int64_t time;            /* of the payout's block */
	aic_hash tx;             /* that applied the settlement */
	aic_id site;             /* that posted it */
	char period[16];
	uint64_t number, line;   /* line from 1 */
	aic_address payer, payee;
	aic_line_kind kind;
	uint64_t n;
	aic_amount gross, fee;
	aic_amount paid;         /* what moved from payer to payee: net and first term of the reward */
	aic_amount issued;       /* newly issued to the payee */
	aic_hash evidence;       /* root of all that the settlement's lines follow from */
} aic_proven;

/* Builds the proof that line `line` (from 1) of the settlement (period, number) of that site was paid, against block `head`. board
 * (NULL: none at hand) has the head's attestations, without which the proof needs a later block than the payout's, and a checker who
 * has more than the chain id. */
aic_code aic_proof_build(aic_bytes *out, aic_state *s, aic_order *board, const aic_id *site, const char *period, uint64_t number,
                         uint64_t line, uint64_t head, aic_error *err);
/* Checks it with nothing but the head's hash. AIC_CORRUPT says what does not follow. */
aic_code aic_proof_check(aic_proven *out, const void *proof, size_t len, const aic_hash *head, aic_error *err);
/* With nothing but a checkpoint (whose signatures are the caller's to ask for), made of the proof's head: a payout at least two blocks
 * before it. */
struct aic_note;
aic_code aic_proof_check_note(aic_proven *out, const void *proof, size_t len, const struct aic_note *checkpoint, aic_error *err);
/* With nothing but the chain id, which is genesis' hash: a quorum of the members that genesis names must have attested the head. */
aic_code aic_proof_check_chain(aic_proven *out, const void *proof, size_t len, const aic_hash *chain, aic_error *err);

#endif
