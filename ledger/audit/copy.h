/* copy.h: a site's copy of the ledger as a reader sees it: the files in a directory, and the log where there is one at hand. */
#ifndef AIC_LEDGER_COPY_H
#define AIC_LEDGER_COPY_H

#include "common/config.h"
#include "ledger/order/order.h"
#include "ledger/state/state.h"

typedef struct {
	char *dir;
	aic_state *state;  /* a snapshot, whatever the daemon does meanwhile */
	aic_order order;   /* backend NULL: none at hand; blocks and roots are then compared, attestations are not */
	bool whole;        /* the log keeps every block (SQLite); else a window of them (etcd), or attestations alone (archive.db) */
} aic_copy;

/* dir/state.db, and dir/order.db or dir/archive.db where one is there. AIC_NOT_FOUND where the copy is empty. */
aic_code aic_copy_open(aic_copy *c, const char *dir, aic_error *err);
/* The copy that aic.yaml names, with the log that it names (read only, beside the daemon); dir, where it is not NULL, in its place. */
aic_code aic_copy_open_own(aic_copy *c, const aic_config *config, const char *dir, aic_error *err);
/* The copy that the aic.yaml at that path (NULL: the default) names. One at a time. */
aic_code aic_copy_open_named(aic_copy *c, const char *config_path, aic_error *err);
void aic_copy_close(aic_copy *c);
/* Attestations of a height; none where no log is at hand. */
aic_code aic_copy_attestations(aic_copy *c, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err);

#endif
