/* spans.h: between which job ids of each cluster the jobs of any 65,536 neighbouring lines lie. A batch walks through its jobs in the
 * order of their ids; this tells where to begin and to end without a look at each line's record. Changes are gathered in memory
 * and written with the transaction that they belong to. */
#ifndef AIC_ACCOUNTING_SPANS_H
#define AIC_ACCOUNTING_SPANS_H

#include <stdint.h>

#include "accounting/sql.h"
#include "common/record.h"

typedef struct {
	int64_t block;                   /* of lines: id / AIC_SPAN_LINES */
	char cluster[AIC_NAME_LEN];
	int64_t first, last;             /* job ids */
} aic_span;

#define AIC_SPAN_LINES 65536

/* Zeroed: none. */
typedef struct {
	size_t n;
	aic_span *span;
} aic_spans;

/* Lines `first` to `last` are of that job; none where last is lower. */
void aic_spans_add(aic_spans *s, const char *cluster, uint32_t job, int64_t first, int64_t last);
aic_code aic_spans_write(const aic_spans *s, aic_sql *db, aic_error *err); /* before a commit */
void aic_spans_forget(aic_spans *s);                                       /* after it, and after a rollback; frees */

#endif
