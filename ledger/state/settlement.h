/* settlement.h: the body of a settlement, and what it does (economics.md 2 and 4).
 *
 *     settlement = [period: text, number, evidence: bytes .size 32, batch: bytes .size 32, approvals,
 *                   [* approval], [* wallet: bytes .size 20], [* line]]
 *     approval   = [administrator's key: bytes .size 32, signature: bytes .size 64], keys ascending
 *     line       = [payer, payee, kind, n, gross, fee, stake]
 *
 * `approvals` is how many people approved, as the site says; the signed approvals count where the site's policy asks for some: each
 * is by a registered administrator's key of the site over "aic/approval/v1" || 0x00 || chain id || batch.
 *
 * wallets ascend, none twice, each used; payer and payee are places in that list; lines ascend by (payer, payee, kind), none
 * twice. */
#ifndef AIC_LEDGER_SETTLEMENT_H
#define AIC_LEDGER_SETTLEMENT_H

#include "common/cbor.h"
#include "ledger/state/row.h"

/* The leaf that stands for a line in the root that the state keeps: [payer, payee, kind, n, gross, fee, stake], wallets whole. */
void aic_settlement_leaf(aic_bytes *out, const aic_settlement_line *l);
void aic_settlement_leaf_get(aic_cbor *c, aic_settlement_line *l);

void aic_settlement_body(aic_bytes *out, const aic_settlement *s);
/* In any order. */
void aic_approvals_put(aic_bytes *out, const aic_approval *approval, size_t n);
/* reversal.c: taking a posted payout back (economics.md 3): paid by the payee alone, at most the line's gross in all; what its
 * balance does not cover is a debt. The fee is not returned, X and issued stay.
 *
 *     reversal = [period, number, line from 0, leaf, path: [* bytes .size 32], amount, evidence: bytes .size 32, [* approval]]
 *
 * One evidence counts once for a line, so that a repeated request reverses once. The path leads from the leaf to the settlement's
 * root of lines. Approvals are over the evidence in place of a batch. */
void aic_reversal_body(aic_bytes *out, const char *period, uint64_t number, uint64_t line, const aic_settlement_line *l,
                       const aic_hash *path, size_t path_len, aic_amount amount, const aic_hash *evidence,
                       const aic_approval *approval, size_t n);
typedef struct {
	aic_hash tx;
	uint64_t height;
	aic_amount amount;
} aic_reversal_row;
struct aic_state;
/* The reversal of that line for that evidence; AIC_NOT_FOUND leaves err untouched. */
aic_code aic_reversal_find(struct aic_state *s, const aic_hash *settlement_tx, uint64_t line, const aic_hash *evidence,
                           aic_reversal_row *row, aic_error *err);
/* From the body of the settlement itself. */
aic_code aic_reversal_body_of(aic_bytes *out, const void *settlement, size_t len, uint64_t line, aic_amount amount,
                              const aic_hash *evidence, const aic_approval *approval, size_t n, aic_error *err);

/* All lines of a body: free(*line). */
aic_code aic_settlement_lines_of(const void *body, size_t len, aic_settlement_line **line, size_t *n, aic_error *err);
/* One line (from 0) of a body, and its key; AIC_NOT_FOUND for a line that it does not have. */
aic_code aic_settlement_line_of(const void *body, size_t len, uint64_t line, aic_settlement_line *out, aic_error *err);
aic_code aic_settlement_key_of(const void *body, size_t len, char period[16], uint64_t *number, aic_error *err);
/* The same with the path from its leaf to the root of lines that the state keeps. */
aic_code aic_settlement_line_path(const void *body, size_t len, uint64_t line, aic_settlement_line *out, aic_hash path[64], size_t *path_len,
                                  aic_error *err);
/* How a body begins, which its first piece tells too: its key, and the root of what its batch follows from, as accounting's `aic batch
 * verify` computes it again. */
aic_code aic_settlement_opening_of(const void *body, size_t len, char period[16], uint64_t *number, aic_hash *evidence, aic_error *err);
/* What its evidence and batch are. */
aic_code aic_settlement_hashes_of(const void *body, size_t len, aic_hash *evidence, aic_hash *batch, aic_error *err);
/* Result of an executed settlement: [* [reward, issued]], one per line; into the arrays of *r. */
aic_code aic_settlement_result_decode(aic_settlement_result *r, const void *data, size_t len, aic_error *err);

#endif
