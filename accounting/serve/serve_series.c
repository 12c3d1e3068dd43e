/* serve_series.c: how payouts and usage went over the last periods, for the charts of a report. */
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"

#define PERIODS_MAX 60

typedef struct {
	char name[16];
	int64_t start, end;
} span;

/* The last n periods, oldest first; *first is where they begin in out[PERIODS_MAX]. */
static aic_code read_spans(aic_request *q, span out[PERIODS_MAX], size_t *first, aic_error *err)
{
	uint64_t n = aic_cbor_uint(q->args);
	int64_t at = aic_now();
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK && (n < 1 || n > PERIODS_MAX))
		return aic_fail(err, AIC_USAGE, "%llu periods were asked for: 1 to %d can be shown", (unsigned long long)n, PERIODS_MAX);
	for (size_t i = PERIODS_MAX; rc == AIC_OK && i-- > PERIODS_MAX - n;) {
		aic_period_of(q->d->config.period, at, out[i].name, &out[i].start, &out[i].end);
		at = out[i].start - 1;
		*first = i;
	}
	return rc;
}

/* --- payouts --- */

static const char *series_name(const char *wallet)
{
	return !strncmp(wallet, "provider/", 9) ? wallet + 9 : wallet;
}

static void put_payouts(aic_request *q, aic_rows *rows, const char *period, const aic_tally *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const aic_sum *s = &t->sum[i];
		if (!aic_viewer_sees_wallet(q->viewer, aic_store_wallet_by_id(q->d->store, s->payer)->name))
			continue;
		aic_rows_text(rows, period);
		aic_rows_text(rows, series_name(aic_viewer_payee(q->viewer, &q->d->config, aic_store_wallet_by_id(q->d->store, s->payee)->name)));
		aic_rows_amount(rows, s->gross - s->fee);
		aic_rows_amount(rows, s->reward);
		aic_rows_number(rows, s->settled);
	}
}

/* [periods] : a row for each period with nothing else in it, so that a chart has all of them; then rows of period, payee, net,
 * reward, whether settled; open lines under the running period */
aic_code aic_serve_payout_series(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 5};
	span spans[PERIODS_MAX];
	aic_batch *batch = NULL;
	size_t n = 0, first = 0;
	aic_tally t = {0};
	aic_code rc = read_spans(q, spans, &first, err);

	for (size_t i = first; i < PERIODS_MAX && rc == AIC_OK; i++) {
		aic_rows_text(&rows, spans[i].name);
		aic_rows_text(&rows, NULL);
		aic_rows_amount(&rows, 0);
		aic_rows_amount(&rows, 0);
		aic_rows_number(&rows, 0);
	}
	if (rc == AIC_OK)
		rc = aic_batch_list(q->d->store, &batch, &n, err);
	for (size_t i = n; i-- > 0 && rc == AIC_OK;) {
		if (batch[i].end <= spans[first].start)
			continue;
		rc = aic_batch_sums(q->d->store, &batch[i], &t, err);
		if (rc == AIC_OK)
			put_payouts(q, &rows, batch[i].period, &t);
		aic_tally_clear(&t);
	}
	if (rc == AIC_OK)
		rc = aic_batch_draft(&q->d->batches, spans[PERIODS_MAX - 1].end, q->d->fee_ppm, &t, err);
	if (rc == AIC_OK)
		put_payouts(q, &rows, spans[PERIODS_MAX - 1].name, &t);
	aic_tally_clear(&t);
	free(batch);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* --- usage --- */

enum { CPU_HELD, CPU_METERED, CPU_USED, GPU_HELD, GPU_METERED, GPU_USED, MEASURES };

/* Seconds held; of these, by runs that a meter watched; and used, as their receipts say. */
static aic_code add_usage(aic_request *q, const span *p, int64_t sum[MEASURES], aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err,
	                            "SELECT account, user, sum(cpu_seconds), sum(cpu_metered), sum(cpu_ms) / 1000, sum(gpu_seconds),"
	                            " sum(gpu_metered), sum(gpu_ms) / 1000 FROM usage WHERE day>=?1 AND day<?2 GROUP BY 1, 2", "ii",
	                            p->start / AIC_DAY, p->end / AIC_DAY);

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK)
		if (aic_viewer_sees_job(q->viewer, aic_sql_text(st, 0), aic_sql_text(st, 1)))
			for (int k = 0; k < MEASURES; k++)
				sum[k] += sqlite3_column_int64(st, 2 + k);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* [periods] : rows of period and six counts of seconds, oldest first */
aic_code aic_serve_usage_series(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 1 + MEASURES};
	span spans[PERIODS_MAX];
	size_t first = 0;
	aic_code rc = read_spans(q, spans, &first, err);

	for (size_t i = first; i < PERIODS_MAX && rc == AIC_OK; i++) {
		int64_t sum[MEASURES] = {0};
		rc = add_usage(q, &spans[i], sum, err);
		aic_rows_text(&rows, spans[i].name);
		for (int k = 0; k < MEASURES; k++)
			aic_rows_number(&rows, sum[k]);
	}
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}
