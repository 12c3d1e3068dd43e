/* registry.h: who owned which node, what an asset cost and which rates held, at any moment.
 *
 * aic.yaml says how things are now; each change is kept in the store with the moment at which aicacctd read it, so that
 * a record that arrives late is charged as the day of its job says. The first configuration holds for all time before. What the ledger
 * says of an asset is kept in the same way: from the moment at which aicacctd learned it, which is what quotes showed. */
#ifndef AIC_ACCOUNTING_REGISTRY_H
#define AIC_ACCOUNTING_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/lineage.h"
#include "accounting/store.h"
#include "common/config.h"

typedef struct aic_registry aic_registry;

/* Compares aic.yaml with what the store knows, writes the changes (in a transaction of its own) and loads all. */
aic_code aic_registry_open(aic_registry **r, aic_store *s, const aic_config *c, int64_t now, aic_error *err);
void aic_registry_close(aic_registry *r);

/* Name of the provider that owned the node then; "" for none. Borrowed. */
const char *aic_registry_provider(const aic_registry *r, const char *node, int64_t at);
const aic_rates *aic_registry_rates(const aic_registry *r, int64_t at);

typedef struct {
	char owner[AIC_NAME_LEN]; /* wallet name */
	aic_asset_terms terms;
	const aic_lineage *lineage; /* borrowed; NULL: aic.yaml's, made from nothing that earns */
} aic_asset_version;
/* Terms at `submit`, owner and lineage at `start`; false where no such asset was registered at submit. */
bool aic_registry_asset(const aic_registry *r, const char *name, bool is_model, int64_t submit, int64_t start,
                        aic_asset_version *out);

/* What the ledger said of row `row` of aic.yaml's assets; a family of none, or a retired asset: nobody can use it from then on. In a
 * transaction of its own where something is new, after which all is loaded again. */
aic_code aic_registry_take(aic_registry *r, aic_store *s, const aic_config *c, size_t row, const aic_ledger_family *f, int64_t now,
                           aic_error *err);

/* Calls each(node) for every host of a Slurm host list expression; false where it cannot be read or is empty. */
bool aic_hostlist_each(const char *expression, void (*each)(void *ctx, const char *node), void *ctx);

#endif
