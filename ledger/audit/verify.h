/* verify.h: replays a site's copy of the ledger from genesis and compares everything that is stored with what comes out. */
#ifndef AIC_LEDGER_VERIFY_H
#define AIC_LEDGER_VERIFY_H

#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "ledger/audit/copy.h"

typedef struct {
	uint64_t blocks, transactions, rows, attestations;
	uint64_t drawn; /* blocks by nodes, whose draws have won */
	uint64_t final; /* the newest height for which enough members have attested */
	aic_hash chain, head, root;
} aic_verified;

/* Called now and then with the height reached and the last one. */
typedef void (*aic_verify_progress)(void *ctx, uint64_t height, uint64_t last);

/* Reads the copy and nothing else, beside a running daemon too; replays into a scratch file in scratch_dir, which it removes.
 * AIC_CORRUPT names the height and what differs there. */
aic_code aic_copy_verify(aic_copy *copy, const char *scratch_dir, aic_verify_progress progress, void *ctx, aic_verified *out,
                         aic_error *err);
/* The same for the copy in a directory (aic_copy_open). */
aic_code aic_ledger_verify(const char *dir, const char *scratch_dir, aic_verify_progress progress, void *ctx, aic_verified *out,
                           aic_error *err);
/* Makes and opens the scratch state of a replay in dir; *path is malloc'ed, to be unlinked and freed. */
aic_code aic_verify_scratch(aic_state **replay, char **path, const char *dir, aic_error *err);

#endif
