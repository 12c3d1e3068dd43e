/* charged.h: payment lines of job records in the store: charged (charge.h), rated (rated.h), written, and taken out again. All
 * inside the caller's transaction. */
#ifndef AIC_ACCOUNTING_CHARGED_H
#define AIC_ACCOUNTING_CHARGED_H

#include "accounting/ingest.h"
#include "accounting/rated.h"

/* A record's charge with the qualities of its lines; of up to so many lines without memory of its own. */
#define AIC_RATED_FEW 8
typedef struct {
	aic_charge charge;
	aic_use use;
	aic_rated_line *line, few[AIC_RATED_FEW];
} aic_rated_charge;

/* What a record costs, or that it is out of scope. Clear out with aic_rated_clear, after a failure too. */
aic_code aic_charge_and_rate(const aic_ingest *in, const aic_job_record *r, const aic_segment *s,
                             aic_rated_charge *out, aic_error *err);
void aic_rated_clear(aic_rated_charge *r);

/* Writes them as record id's, the job's, from the store's next_line on, and what the payer owes. */
aic_code aic_lines_add(const aic_ingest *in, int64_t id, const aic_job_record *job, const aic_rated_charge *r,
                       const aic_segment *s, aic_error *err);
/* Takes a record's lines out. */
aic_code aic_lines_drop(const aic_ingest *in, int64_t record, aic_error *err);

#endif
