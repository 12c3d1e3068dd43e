/* jobs_json.h: job records and receipts as JSON, one object a line, doc/formats/jobs-json.md. */
#ifndef AIC_ACCOUNTING_JOBS_JSON_H
#define AIC_ACCOUNTING_JOBS_JSON_H

#include <stdio.h>

#include "common/receipt.h"
#include "common/record.h"

/* Calls record() for each object of the file, and receipt() for each of its "receipts"; an object without "nodes" is a receipt
 * itself. Stops at the first failure, whose message names file and line. Either function may be NULL. */
typedef struct {
	aic_code (*record)(void *ctx, const aic_job_record *r, aic_error *err);
	aic_code (*receipt)(void *ctx, const aic_receipt *r, aic_error *err);
	void *ctx;
} aic_jobs_reader;
aic_code aic_jobs_json_read(const char *path, const aic_jobs_reader *reader, aic_error *err);

#endif
