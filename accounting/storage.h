/* storage.h: what holding a data set or model costs its owner (economics.md 1): bytes held at a storage provider from one moment to
 * another, as an administrator or a node's root declared them, become one line a period for each (asset, provider):
 *
 *     gross = floor(rate * SUM(bytes * seconds) / (2^30 * 2,592,000))        rate: AIC per GiB-month when the period began
 *
 * The line is there as soon as something is declared, and grows until a batch takes it; what is declared of that period later makes
 * another one. A declaration counts once. */
#ifndef AIC_ACCOUNTING_STORAGE_H
#define AIC_ACCOUNTING_STORAGE_H

#include "accounting/ingest.h"

typedef struct {
	char asset[AIC_NAME_LEN];
	bool is_model;
	char provider[AIC_NAME_LEN];   /* "": the one that owns the node */
	char node[AIC_NAME_LEN];       /* "": the provider's storage as a whole */
	int64_t start, end;            /* seconds since the epoch, end not included */
	uint64_t bytes;
} aic_storage;

typedef enum { AIC_STORAGE_CHARGED, AIC_STORAGE_EQUAL } aic_storage_result;

/* In a transaction of its own. Refused where the times are not in order or not past, where the asset or the provider is unknown, and
 * where another declaration for the same asset, provider and node shares a moment with it. The provider that was found is in *s. */
aic_code aic_storage_take(const aic_ingest *in, aic_storage *s, uid_t uid, int64_t now, aic_storage_result *what, aic_error *err);

/* Lines of a batch, or open ones that ended before `end` (batch 0), in the order of the evidence. */
typedef struct {
	int64_t id, payer, payee, start, end;
	char asset[AIC_NAME_LEN], act[256];
	aic_amount gross;
	aic_quality quality;
	aic_hash evidence;      /* SHA-256 of the declarations, doc/formats/batch.md */
} aic_storage_line;
aic_code aic_storage_lines(aic_store *s, int64_t batch, int64_t end, aic_storage_line **out, size_t *n, aic_error *err);

#endif
