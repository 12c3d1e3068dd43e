/* ingest.h: job records into the store, each once, charged as they come.
 *
 * A record's key is (cluster, job id, submit, restart, segment, whether a resize ended it). An equal record is
 * counted and dropped. A differing one of the same key is kept beside the one that counts and flagged: of two, the one that
 * ends first counts, which is the one that Slurm wrote first (its double records are longer, see doc/formats/batch.md). */
#ifndef AIC_ACCOUNTING_INGEST_H
#define AIC_ACCOUNTING_INGEST_H

#include "accounting/charge.h"
#include "accounting/registry.h"
#include "accounting/store.h"
#include "common/config.h"

#define AIC_RECORD_DOUBLE 1u    /* a differing record of the same key was seen */
#define AIC_RECORD_ESTIMATED 2u /* from slurmdbd, its nodes' shares even; the real record replaces it */
#define AIC_RECORD_SPLIT 4u     /* beside it: the shares are those that jobcomp/aic left in AdminComment, not estimated */

typedef enum { AIC_INGEST_NEW, AIC_INGEST_EQUAL, AIC_INGEST_DIFFERENT } aic_ingest_result;

typedef struct {
	aic_store *store;
	const aic_registry *registry;
	const aic_config *config;
} aic_ingest;

/* One encoded record, inside the caller's transaction. AIC_CORRUPT where it cannot be decoded. */
aic_code aic_ingest_record(const aic_ingest *in, const void *body, size_t len, aic_ingest_result *what, aic_error *err);

/* The same for a record that slurmdbd alone knows: kept until the real one comes, and only where there is none of that start. split: its
 * nodes' shares, restart count and assets are jobcomp/aic's own (common/split.h); else they are an estimate. */
aic_code aic_ingest_estimate(const aic_ingest *in, const void *body, size_t len, bool split, aic_ingest_result *what, aic_error *err);

/* Charges every record of a job (cluster, job id, submit) again, except those that a batch holds. */
aic_code aic_ingest_recharge(const aic_ingest *in, const char *cluster, uint32_t job, int64_t submit, aic_error *err);

/* Whether aic.yaml's scope has the record's partition and account. */
bool aic_in_scope(const aic_config *c, const char *partition, const char *account);

#endif
