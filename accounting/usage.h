/* usage.h: running sums of what was used and charged, by (day, account, user): a report adds up days instead of records.
 * Changes are gathered in memory and written with the transaction that they belong to. */
#ifndef AIC_ACCOUNTING_USAGE_H
#define AIC_ACCOUNTING_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/rating.h"
#include "accounting/sql.h"

#define AIC_DAY 86400

typedef struct {
	int64_t runs, cpu_seconds, gpu_seconds;  /* held */
	int64_t cpu_runs, cpu_metered, cpu_ms;   /* runs whose CPU use is known, the seconds that they held, and what they used */
	int64_t gpu_runs, gpu_metered, gpu_ms;
	aic_amount charge;
} aic_usage_sums;

/* What a record adds. status: aic_charge_status; what is out of scope adds nothing. */
aic_usage_sums aic_usage_of_record(int status, int64_t cpu_seconds, int64_t gpu_seconds, const aic_use *use, aic_amount charge);

typedef struct aic_usage aic_usage;
aic_usage *aic_usage_new(void);
void aic_usage_free(aic_usage *u);
/* ended: when the record's segment did, its day counts. add false takes away. */
void aic_usage_add(aic_usage *u, int64_t ended, const char *account, const char *user, const aic_usage_sums *sums, bool add);
aic_code aic_usage_write(aic_usage *u, aic_sql *db, aic_error *err); /* before a commit */
void aic_usage_forget(aic_usage *u);                                 /* after it, and after a rollback */

/* Adds a stored record with its lines, or takes it away before it changes. */
aic_code aic_usage_count(aic_usage *u, aic_sql *db, int64_t record, bool add, aic_error *err);

#endif
