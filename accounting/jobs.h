/* jobs.h: a job record as aicacctd gives it out: with its receipts, its payment lines, and why it was charged so. */
#ifndef AIC_ACCOUNTING_JOBS_H
#define AIC_ACCOUNTING_JOBS_H

#include <stdio.h>

#include "accounting/rows.h"
#include "common/receipt.h"
#include "common/record.h"

/* Columns of `lines`; a ppm is -1 while no batch has the line. */
enum { AIC_L_NODE, AIC_L_KIND, AIC_L_ASSET, AIC_L_PAYER, AIC_L_PAYEE, AIC_L_GROSS, AIC_L_FEE, AIC_L_VERIFIED, AIC_L_USEFUL,
       AIC_L_QUALITY, AIC_L_COLUMNS };
extern const aic_column aic_line_columns[AIC_L_COLUMNS];

typedef struct {
	aic_job_record record;
	size_t receipts;
	aic_receipt *receipt;        /* owned */
	aic_grid lines;
	int64_t billable, state_ppm, status;
	char reason[200];            /* why it was charged less than in full; "" */
} aic_job;

/* One job of the answer to "jobs". Failures stay in the cursor; clear it whatever comes back. */
void aic_job_read(aic_job *j, aic_cbor *c);
void aic_job_clear(aic_job *j);
aic_amount aic_job_gross(const aic_job *j);
uint64_t aic_job_cpus(const aic_job *j);
uint64_t aic_job_gpus(const aic_job *j);
/* Sum over the receipts; AIC_UNKNOWN where none has it. */
uint64_t aic_job_cpu_ms(const aic_job *j);
uint64_t aic_job_gpu_ms(const aic_job *j);
uint64_t aic_job_mem_peak_mib(const aic_job *j); /* the highest of a step on a node */

/* jobs_json_write.c: one line. */
void aic_job_json(FILE *out, const aic_job *j);

/* usage_record.c: OGF Usage Record 2.0, doc/formats/usage-record.md. */
void aic_usage_records_begin(FILE *out);
void aic_usage_record(FILE *out, const aic_job *j, const char *site, int64_t now);
void aic_usage_records_end(FILE *out);

#endif
