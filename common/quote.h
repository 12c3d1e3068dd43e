/* quote.h: a quote as job_submit/aic says it to `aic quote`: one line of text, which Slurm carries as the message of a
 * test-only submit (doc/formats/quote.md). */
#ifndef AIC_QUOTE_H
#define AIC_QUOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/record.h"

#define AIC_QUOTE_TEXT 2048

typedef enum { AIC_QUOTE_ADMIT, AIC_QUOTE_HOLD, AIC_QUOTE_REFUSE } aic_quote_ruling;

typedef struct {
	bool quoted;                 /* the figures below are set */
	aic_amount cost;             /* the most that it can cost, all array tasks together */
	aic_amount available;        /* the account's, before any reservation */
	aic_amount reserved;         /* what its other jobs may still cost */
	int64_t seconds;             /* time limit */
	uint32_t tasks;              /* of the array; 1 */
	aic_quote_ruling ruling;     /* what would become of the job now */
	char account[AIC_NAME_LEN];  /* "" where Slurm knows none */
	char job[320];               /* "10 min x 2 a100 + 8 CPUs + 2048 MiB" */
	char message[640];           /* why it would be held or refused, or is out of AIC's scope; "" */
} aic_quote;

/* Writes the line; buf has AIC_QUOTE_TEXT bytes. Returns buf. */
char *aic_quote_write(char *buf, const aic_quote *q);
/* Finds the quote anywhere in a line of sbatch's output. False where there is none, or it is none that aic_quote_write makes. */
bool aic_quote_read(aic_quote *q, const char *line);

#endif
