/* flags.h: what in a line should make a reviewer look, each said with its figure. Flags punish nobody. */
#ifndef AIC_ACCOUNTING_FLAGS_H
#define AIC_ACCOUNTING_FLAGS_H

#include "accounting/rating.h"
#include "accounting/store.h"

typedef struct aic_flagger aic_flagger;

/* Learns what is usual: each user's mean run, and how many payers each payee of that batch has (batch 0: of the open lines). */
aic_code aic_flagger_new(aic_flagger **f, aic_store *s, int64_t batch, aic_error *err);
void aic_flagger_free(aic_flagger *f);

typedef struct {
	const char *user;
	int64_t payee;             /* wallet id; 0: nobody to look at */
	bool is_double;            /* a second record of the run was kept aside */
	bool rated;                /* useful and reason are known */
	uint64_t useful;           /* ppm */
	aic_quality_reason reason;
	int64_t cpu_seconds, gpu_seconds;
	bool charged;
} aic_flagged;

/* Sentences joined by "; ", "" for none. */
void aic_flags_of(const aic_flagger *f, const aic_flagged *l, char *out, size_t size);

#endif
