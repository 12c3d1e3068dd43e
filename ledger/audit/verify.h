/* verify.h: replays a site's copy of the ledger from genesis and compares everything that is stored with what comes out. */
#ifndef AIC_LEDGER_VERIFY_H
#define AIC_LEDGER_VERIFY_H

#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"

typedef struct {
	uint64_t blocks, transactions, rows, attestations;
	aic_hash chain, head, root;
} aic_verified;

/* Called now and then with the height reached and the last one. */
typedef void (*aic_verify_progress)(void *ctx, uint64_t height, uint64_t last);

/* Reads state.db and order.db of the directory and nothing else, beside a running daemon too; replays into a scratch file in
 * scratch_dir, which it removes. AIC_CORRUPT names the height and what differs there. */
aic_code aic_ledger_verify(const char *dir, const char *scratch_dir, aic_verify_progress progress, void *ctx, aic_verified *out,
                           aic_error *err);

#endif
