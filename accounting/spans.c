#include "accounting/spans.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

static aic_span *span_of(aic_spans *s, int64_t block, const char *cluster)
{
	for (size_t i = s->n; i-- > 0;) /* nearly always the last one */
		if (s->span[i].block == block && !strcmp(s->span[i].cluster, cluster))
			return &s->span[i];
	return NULL;
}

static void widen(aic_spans *s, int64_t block, const char *cluster, int64_t job)
{
	aic_span *span = span_of(s, block, cluster);

	if (!span) {
		s->span = aic_xrealloc(s->span, (s->n + 1) * sizeof(*s->span));
		span = &s->span[s->n++];
		*span = (aic_span){.block = block, .first = job, .last = job};
		aic_str_copy(span->cluster, sizeof(span->cluster), cluster);
	}
	span->first = job < span->first ? job : span->first;
	span->last = job > span->last ? job : span->last;
}

void aic_spans_add(aic_spans *s, const char *cluster, uint32_t job, int64_t first, int64_t last)
{
	if (first > last)
		return;
	for (int64_t block = first / AIC_SPAN_LINES; block <= last / AIC_SPAN_LINES; block++)
		widen(s, block, cluster, job);
}

aic_code aic_spans_write(const aic_spans *s, aic_sql *db, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < s->n && rc == AIC_OK; i++)
		rc = aic_sql_run(db, err, "INSERT INTO job_span(block, cluster, first, last) VALUES(?1, ?2, ?3, ?4) ON"
		                 " CONFLICT DO UPDATE SET first=min(first, ?3), last=max(last, ?4)", "itii", s->span[i].block,
		                 s->span[i].cluster, s->span[i].first, s->span[i].last);
	return rc;
}

void aic_spans_forget(aic_spans *s)
{
	free(s->span);
	*s = (aic_spans){0};
}
