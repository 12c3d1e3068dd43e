#include "accounting/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/batch.h"
#include "accounting/ingest.h"
#include "accounting/jobs_json.h"
#include "accounting/receipts.h"
#include "ledger/state/reward.h"

typedef struct {
	aic_simulation *s;
	aic_ingest in;
} feeding;

static aic_code take_record(void *ctx, const aic_job_record *r, aic_error *err)
{
	feeding *f = ctx;
	aic_bytes body = {0};
	aic_ingest_result what;

	aic_job_record_encode(&body, r);
	aic_code rc = aic_ingest_record(&f->in, body.data, body.len, &what, err);
	aic_bytes_free(&body);
	f->s->records += rc == AIC_OK && what == AIC_INGEST_NEW;
	f->s->doubles += rc == AIC_OK && what == AIC_INGEST_DIFFERENT;
	return rc;
}

static aic_code take_receipt(void *ctx, const aic_receipt *r, aic_error *err)
{
	feeding *f = ctx;
	aic_receipts_count count = {0};
	aic_code rc = aic_receipt_take(f->s->store, r, r->end, &count, err);

	f->s->receipts += count.accepted;
	return rc;
}

static aic_code feed(aic_simulation *s, const aic_registry *g, const aic_config *c, const char *records, const char *receipts,
                     aic_error *err)
{
	feeding f = {.s = s, .in = {.store = s->store, .registry = g, .config = c}};
	aic_jobs_reader reader = {take_record, take_receipt, &f};
	aic_code rc = aic_store_begin(s->store, err);

	if (rc == AIC_OK)
		rc = aic_jobs_json_read(records, &reader, err);
	if (rc == AIC_OK && receipts)
		rc = aic_jobs_json_read(receipts, &reader, err);
	if (rc == AIC_OK)
		rc = aic_rate_all(s->store, err);
	if (rc == AIC_OK)
		return aic_store_commit(s->store, err);
	aic_store_rollback(s->store);
	return rc;
}

static aic_code pay(aic_simulation *s, const aic_policy *p, aic_error *err)
{
	aic_reward_line *line = aic_xcalloc(s->tally.n + 1, sizeof(*line));
	aic_reward_sums sums;
	aic_amount fees;
	aic_code rc = aic_amount_add(&fees, p->fees_total, s->tally.fee)
	                  ? AIC_OK : aic_fail(err, AIC_REFUSED, "the sum of all fees does not fit 128 bits");

	for (size_t i = 0; i < s->tally.n; i++) {
		line[i].stake = s->tally.sum[i].stake;
		line[i].rating_ppm = aic_policy_rating(p, aic_store_wallet_by_id(s->store, s->tally.sum[i].payee)->name);
	}
	if (rc == AIC_OK)
		rc = aic_rewards(&p->parameters, fees, p->issued, line, s->tally.n, &sums, err);
	for (size_t i = 0; i < s->tally.n && rc == AIC_OK; i++) {
		s->tally.sum[i].issued = line[i].second;
		s->tally.sum[i].reward = line[i].first + line[i].second;
	}
	free(line);
	return rc;
}

aic_code aic_simulate(aic_simulation *s, const aic_policy *p, const char *records, const char *receipts, aic_error *err)
{
	aic_batches b = {.config = &p->config};
	aic_registry *g = NULL;
	aic_code rc;

	memset(s, 0, sizeof(*s));
	rc = aic_store_open(&s->store, ":memory:", err);
	if (rc == AIC_OK)
		rc = aic_registry_open(&g, s->store, &p->config, 0, err);
	if (rc == AIC_OK)
		rc = feed(s, g, &p->config, records, receipts, err);
	if (rc == AIC_OK) {
		b.store = s->store;
		rc = aic_batch_draft(&b, INT64_MAX, p->parameters.fee_ppm, &s->tally, err);
	}
	if (rc == AIC_OK)
		rc = pay(s, p, err);
	aic_registry_close(g);
	if (rc != AIC_OK)
		aic_simulation_clear(s);
	return rc;
}

void aic_simulation_clear(aic_simulation *s)
{
	aic_tally_clear(&s->tally);
	aic_store_close(s->store);
	memset(s, 0, sizeof(*s));
}
