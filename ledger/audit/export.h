/* export.h: a ledger as files that anybody can check without a daemon. doc/formats/export.md draws them.
 *
 *     DIR/manifest          text: chain, head, state root, and size and SHA-256 of every other file
 *     DIR/NNNNNNNNNN.seg    blocks in order, with the attestations of each
 *     DIR/ledger.journal    what moved, for hledger */
#ifndef AIC_LEDGER_EXPORT_H
#define AIC_LEDGER_EXPORT_H

#include "ledger/audit/checkpoint.h"
#include "ledger/audit/verify.h"

/* Writes the copy to the new or empty directory `out`, up to its head. Reads beside a running daemon. */
aic_code aic_ledger_export(aic_copy *copy, const char *out, aic_verify_progress progress, void *ctx, aic_verified *done,
                           aic_error *err);

/* Replays an export into a scratch file and compares every byte: AIC_CORRUPT names file and height. chain, where it is not NULL, is
 * the chain id that the ledger must have: with it nothing else needs to be trusted. checkpoint, where it is not NULL, must be of
 * this ledger, at that size with that root, and signed by a member site's present key. */
aic_code aic_export_verify(const char *dir, const char *scratch_dir, const aic_hash *chain, const aic_note *checkpoint,
                           aic_verify_progress progress, void *ctx,
                           aic_verified *out, aic_error *err);

#endif
