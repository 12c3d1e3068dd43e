/* keep.h: what a site keeps for good where its log is only a window. The blocks are in state.db; to each final one belong
 * the attestations that made it so, and those are kept in archive.db, for `aic ledger verify`, `export` and `prove`, and for other sites. */
#ifndef AIC_LEDGER_ARCHIVE_KEEP_H
#define AIC_LEDGER_ARCHIVE_KEEP_H

#include "ledger/order/order.h"
#include "ledger/state/state.h"

typedef struct {
	aic_order order;   /* archive.db: the board of a log without blocks */
	uint64_t next;     /* the attestations of all heights below it are kept, as far as there were any */
} aic_archive;

aic_code aic_archive_open(aic_archive *a, const char *path, aic_error *err);
void aic_archive_close(aic_archive *a);

/* Takes from the board what member sites attest for heights next .. final, at most `most` of them, if it is what this site's
 * copy says too: durable when it returns AIC_OK. */
aic_code aic_archive_keep(aic_archive *a, aic_state *state, aic_order *board, uint64_t final, uint64_t most, aic_error *err);

/* The same for one that came with a block from another site's archive, already checked; a run of them ends with
 * aic_archive_commit, which moves `next`. */
aic_code aic_archive_begin(aic_archive *a, aic_error *err);
aic_code aic_archive_put(aic_archive *a, uint64_t height, const aic_id *site, const void *bytes, size_t len, aic_error *err);
aic_code aic_archive_commit(aic_archive *a, uint64_t next, aic_error *err);
void aic_archive_rollback(aic_archive *a);

#endif
