/* export_format.h: what writer and verifier of an export share.
 *
 *     segment  = record *
 *     record   = u32 BE length of item || item || SHA-256(length || item)
 *     item     = [height, block: bytes, [* attestation: bytes]]
 *
 * The manifest lists segments in order, then the journal. */
#ifndef AIC_LEDGER_EXPORT_FORMAT_H
#define AIC_LEDGER_EXPORT_FORMAT_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "ledger/audit/manifest.h"
#include "ledger/block.h"
#include "ledger/state/state.h"

#define AIC_EXPORT_JOURNAL "ledger.journal"
#define AIC_EXPORT_SEGMENT_BLOCKS 1024
#define AIC_EXPORT_RECORD_MAX (AIC_BLOCK_MAX + (1u << 20))

/* Name of the segment that begins with this height. */
char *aic_export_segment_name(char buf[AIC_MANIFEST_NAME_LEN], uint64_t first);

/* Whether a record stands at p, whole and unchanged: its length with hash, or 0 and, in *why, what is wrong. Nothing else of a segment
 * is looked at, so that a change is found in the record in which it was made. */
size_t aic_export_record_check(const uint8_t *p, size_t left, const char **why);

/* The journal's entries of one block, appended: the same bytes for the same events. */
aic_code aic_journal_block(aic_bytes *out, uint64_t height, int64_t time, const aic_bytes *events, aic_error *err);

#endif
