/* metrics.h: a file of JSON objects, one a line (JSONL), appended to; each says its event and time. */
#ifndef AIC_METRICS_H
#define AIC_METRICS_H

#include <stdint.h>

#include "common/error.h"

typedef struct aic_metrics aic_metrics;

aic_code aic_metrics_open(aic_metrics **m, const char *path, aic_error *err);
aic_code aic_metrics_close(aic_metrics *m, aic_error *err); /* NULL is fine; says whether all was written */

/* One line: begin, fields, end (which hands it to the system). Numbers that are not finite become null. NULL m: nothing. */
void aic_metrics_begin(aic_metrics *m, const char *event);
void aic_metrics_text(aic_metrics *m, const char *key, const char *value);
void aic_metrics_count(aic_metrics *m, const char *key, uint64_t value);
void aic_metrics_real(aic_metrics *m, const char *key, double value);
void aic_metrics_end(aic_metrics *m);

#endif
