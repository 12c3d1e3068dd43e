/* path.h: paths from rows that get proven later to the state root of the block that wrote them, kept beside the state: the tree itself
 * knows only its newest root. No part of what sites agree on: each copy makes them while it applies blocks.
 *
 *     row_path(key, height, data)      data: the path's hashes, the root's own halves first; the newest block alone counts
 *     session(id, height)              what was opened where: the tree cannot be asked for all of a table */
#ifndef AIC_LEDGER_PATH_H
#define AIC_LEDGER_PATH_H

#include "ledger/state/state.h"

/* While a block executes: this row's path is to be kept. */
void aic_state_keep_path(aic_state *s, const aic_hash *key);
/* The path to the state root after `height`, at which the row was written; AIC_NOT_FOUND (err untouched) where this copy has none. */
aic_code aic_state_path(aic_state *s, const aic_hash *key, aic_hash path[AIC_TREE_PATH_MAX], size_t *n, uint64_t *height,
                        aic_error *err);
/* Sessions opened, newest first; a visit that does not return AIC_OK ends it with its code, AIC_NOT_FOUND as if there were no more. */
typedef aic_code (*aic_session_visit)(void *ctx, const aic_hash *id, aic_error *err);
aic_code aic_state_sessions(aic_state *s, aic_session_visit visit, void *ctx, aic_error *err);
/* state_store.c, after the tree's flush and within its transaction. */
aic_code aic_state_write_paths(aic_state *s, aic_error *err);

#endif
