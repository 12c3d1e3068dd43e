/* decide.h: what becomes of a job at submit: admitted, held or refused, and the sentence that says why.
 * Knows the snapshot, not Slurm. Makes no call that can block and allocates nothing. */
#ifndef AIC_JOB_SUBMIT_DECIDE_H
#define AIC_JOB_SUBMIT_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/quote.h"
#include "common/snapshot.h"
#include "slurm-plugins/job_submit/estimate.h"

typedef enum { AIC_ADMIT, AIC_HOLD, AIC_REFUSE } aic_ruling;

typedef struct {
	aic_ruling ruling;
	bool quoted;            /* cost is set */
	bool blind;             /* decided without a usable snapshot: worth a line in the log */
	aic_amount cost;        /* the most that the job, with all its array tasks, can cost */
	char message[640];      /* "" where there is nothing to say; with AIC_ADMIT, what observe mode would have said */
} aic_verdict;

typedef struct {
	const char *account;    /* NULL or "" where Slurm knows none */
	const char *dataset, *model; /* NULL where not asked for */
	const aic_request *request;
	aic_amount reserved;    /* what the account's other jobs may still cost */
	/* Name of partition number i of those that the job may run in, and what a job gets there (borrowed; unless p is NULL);
	 * NULL behind the last. */
	const char *(*partition)(void *ctx, uint32_t i, const aic_partition **p);
	void *ctx;
} aic_ask;

/* s NULL: there is no usable snapshot, `why` says why and closed decides (policy.stale is in the snapshot itself). */
/* The most that the job can cost; false where it is out of AIC's scope, or has no bound or an unknown data set or model. */
bool aic_quote_job(const aic_snapshot *s, const aic_ask *ask, aic_amount *cost);
/* What aic_decide() says, with all its figures. */
void aic_quote_say(aic_quote *out, const aic_snapshot *s, const char *why, bool closed, int64_t now, const aic_ask *ask);
void aic_decide(aic_verdict *v, const aic_snapshot *s, const char *why, bool closed, int64_t now, const aic_ask *ask);

#endif
