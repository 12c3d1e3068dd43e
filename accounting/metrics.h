/* metrics.h: health and usage as a text file for Prometheus's node_exporter (textfile collector), written whole each time.
 * Names and meanings: aicacctd(8). Off unless aic.yaml has paths.metrics. */
#ifndef AIC_ACCOUNTING_METRICS_H
#define AIC_ACCOUNTING_METRICS_H

#include "accounting/acctd.h"

aic_metrics *aic_metrics_new(void);
void aic_metrics_free(aic_metrics *m);

/* Appends all metrics in the text format 0.0.4. What jobs used is counted from the first call on. */
aic_code aic_metrics_text(aic_metrics *m, const aic_acctd *d, int64_t now, aic_bytes *out, aic_error *err);

#endif
