/* rated.h: the qualities of payment lines in the store. A line is rated when its record is charged and again when a receipt of
 * its run comes, until a batch takes it: nobody has to rate a million lines at once. What depends on the two wallets
 * (one organisation) is left to the batch. */
#ifndef AIC_ACCOUNTING_RATED_H
#define AIC_ACCOUNTING_RATED_H

#include "accounting/rating.h"
#include "accounting/store.h"
#include "ledger/client.h"

/* Which receipts belong to a record: those of its (cluster, job, restart) that touch its time. Job ids start again where
 * slurmctld lost its state, and a killed slurmctld may run a job again under the same restart count. */
typedef struct {
	const char *cluster;
	uint32_t job, restart;
	int64_t started, ended, billable;
	bool part_of_run;      /* a resize divides the run */
} aic_rated_run;

/* line.held is a sum of these: held by an administrator, and until its training session is decided. */
#define AIC_HELD_ADMIN 1
#define AIC_HELD_SESSION 2

typedef struct {
	const char *node;
	aic_line_kind kind;
	aic_amount gross;
	uint64_t cpus, gpus;
	aic_quality quality;   /* results */
	bool waits;            /* for a session that is not decided: the line is held */
} aic_rated_line;

/* Rates all lines of a record. use: what its receipts say that it used. */
aic_code aic_rate_lines(aic_store *s, const aic_rated_run *run, aic_rated_line *line, size_t n, aic_use *use, aic_error *err);

/* One record of the store again: its open lines, and its use. In a transaction of the caller's. */
aic_code aic_rate_record(aic_store *s, int64_t record, aic_error *err);
/* The record of a line that an administrator acted on, and the line itself even where a batch has it. */
aic_code aic_rate_line(aic_store *s, int64_t line, aic_error *err);
/* Every record of that run. */
aic_code aic_rate_run(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, aic_error *err);
/* Every record that there is: after receipts that were taken one by one. */
aic_code aic_rate_all(aic_store *s, aic_error *err);

#endif
