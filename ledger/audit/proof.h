/* proof.h: a payout shown to somebody who has nothing but the hash of a final block. doc/formats/proof.md draws it.
 *
 *     proof = ["aic/proof/v1", head: [header, signature], payout's block: [header, signature], path to the head,
 *              line, place of the transaction, number of transactions, transaction, its path,
 *              number of events, [* [place, event, path]]]        11 items
 *     path  = [* bytes .size 32]
 *
 * The head's hash is what the checker trusts. Its header holds the root of all blocks before it, that leads to the payout's
 * block, whose header holds the roots of its transactions and events. Where the payout is in the head itself the two are equal and
 * the path is empty. */
#ifndef AIC_LEDGER_PROOF_H
#define AIC_LEDGER_PROOF_H

#include "ledger/state/state.h"

#define AIC_PROOF_VERSION "aic/proof/v1"
#define AIC_PROOF_MAX (4u << 20)

typedef struct {
	aic_hash chain, head;
	uint64_t head_height, height;
	int64_t time;            /* of the payout's block */
	aic_hash tx;
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

/* Builds the proof that line `line` (from 1) of the settlement (period, number) of that site was paid, against block `head`. */
aic_code aic_proof_build(aic_bytes *out, aic_state *s, const aic_id *site, const char *period, uint64_t number, uint64_t line,
                         uint64_t head, aic_error *err);
/* Checks it with nothing but the head's hash. AIC_CORRUPT says what does not follow. */
aic_code aic_proof_check(aic_proven *out, const void *proof, size_t len, const aic_hash *head, aic_error *err);
/* The same with nothing but a checkpoint (whose signatures are the caller's to ask for), made of the proof's head: a payout before it. */
struct aic_note;
aic_code aic_proof_check_note(aic_proven *out, const void *proof, size_t len, const struct aic_note *checkpoint, aic_error *err);

#endif
