/* export_format.h: what writer and verifier of an export share.
 *
 *     segment  = record *                 ledger/archive/record.h
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

/* Name of the segment that begins with this height. */
char *aic_export_segment_name(char buf[AIC_MANIFEST_NAME_LEN], uint64_t first);

/* The journal's entries of one block, appended: the same bytes for the same events. */
aic_code aic_journal_block(aic_bytes *out, uint64_t height, int64_t time, const aic_bytes *events, aic_error *err);

#endif
