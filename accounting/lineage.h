/* lineage.h: what an asset was made from, and what a fee that it earns comes to for each (economics.md 7). */
#ifndef AIC_ACCOUNTING_LINEAGE_H
#define AIC_ACCOUNTING_LINEAGE_H

#include "common/bytes.h"
#include "common/config.h"
#include "ledger/client.h"

typedef struct {
	char name[AIC_NAME_LEN];      /* as its payment lines name it; "0x..." where this site has no name for it */
	char owner[AIC_NAME_LEN];     /* wallet; another site's "0x..." */
	uint64_t generation;
	size_t n_parents;
	struct { size_t at; uint64_t ppm; } parent[AIC_PARENTS_MAX]; /* place in the lineage */
} aic_ancestor;

/* The asset itself first; n 1: it was made from nothing that earns. */
typedef struct {
	uint8_t number[AIC_ASSET_ID_LEN]; /* on the ledger; zeros: it is aic.yaml's */
	char licence[AIC_LICENCE_LEN];
	uint64_t verify;
	size_t n;
	aic_ancestor *asset;          /* owned */
} aic_lineage;

/* Row `row` of aic.yaml's assets. */
void aic_lineage_of_config(aic_lineage *l, const aic_config *c, size_t row);
/* What the ledger answers; the site's own names are aic.yaml's. n of f is at least 1. */
void aic_lineage_of_family(aic_lineage *l, const aic_config *c, const aic_ledger_family *f);
void aic_lineage_clear(aic_lineage *l);

/* As the store keeps it; equal lineages have equal bytes. */
void aic_lineage_encode(aic_bytes *out, const aic_lineage *l);
aic_code aic_lineage_decode(aic_lineage *l, const void *data, size_t len, aic_error *err);

typedef struct {
	const aic_ancestor *asset;    /* borrowed */
	aic_amount amount;
} aic_lineage_part;
/* The parts sum to `gross`; who gets nothing is left out, the asset itself never: it comes first. part has room for l->n. */
aic_code aic_lineage_divide(const aic_lineage *l, aic_amount gross, aic_lineage_part *part, size_t *n, aic_error *err);

#endif
