/* serve_batch.c: list, show, close, approve and post batches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/period.h"
#include "accounting/post.h"
#include "common/log.h"

static void batch_row(aic_request *q, aic_rows *rows, const aic_batch *b)
{
	char name[48], approvals[64], hex[65], by[32], state[32];
	aic_approval_policy need = aic_batches_policy(&q->d->batches);
	const aic_closing *closing = q->d->closing;

	snprintf(name, sizeof(name), "%s/%llu", b->period, (unsigned long long)b->number);
	aic_approved_text(approvals, &b->approved, &need);
	snprintf(by, sizeof(by), "%lld", (long long)b->closed_by);
	aic_hash_hex(hex, &b->hash);
	aic_rows_text(rows, name);
	aic_str_copy(state, sizeof(state), aic_batch_state_name(b->state));
	if (closing && aic_closing_batch(closing) == b->id)
		snprintf(state, sizeof(state), "closing %u %%", aic_closing_percent(closing));
	aic_rows_text(rows, state);
	aic_rows_number(rows, (int64_t)b->lines);
	aic_rows_amount(rows, b->gross);
	aic_rows_amount(rows, b->fee);
	aic_rows_text(rows, approvals);
	aic_rows_number(rows, b->closed_at);
	aic_rows_text(rows, b->closed_by < 0 ? "end of period" : by);
	aic_rows_number(rows, (int64_t)b->height);
	aic_rows_text(rows, hex);
}

static void batch_rows(aic_request *q, const aic_batch *b, size_t n)
{
	aic_rows rows = {.columns = 10};

	for (size_t i = 0; i < n; i++)
		batch_row(q, &rows, &b[i]);
	aic_rows_finish(&rows, q->out);
}

/* [] : rows */
aic_code aic_serve_batch_list(aic_request *q, aic_error *err)
{
	aic_batch *batch = NULL;
	size_t n = 0;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_batch_list(q->d->store, &batch, &n, err);
	if (rc == AIC_OK)
		batch_rows(q, batch, n);
	free(batch);
	*q->items = 1;
	return rc;
}

static aic_code read_key(aic_request *q, aic_batch *batch, aic_error *err)
{
	char period[16];

	aic_cbor_text(q->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(q->args);
	if (!aic_cbor_ok(q->args))
		return aic_cbor_finish(q->args, err);
	return aic_batch_find(q->d->store, period, number, batch, err);
}

static aic_code sums_rows(aic_request *q, const aic_batch *batch, char *message, size_t size, aic_error *err)
{
	aic_rows rows = {.columns = 10};
	aic_error e = {0};
	aic_ledger *ledger;
	aic_tally t;
	aic_code rc = aic_batch_sums(q->d->store, batch, &t, err);

	if (rc == AIC_OK && batch->state < AIC_BATCH_POSTED && t.n) {
		aic_code asked = aic_acctd_ledger(q->d, &ledger, &e);
		if (asked == AIC_OK)
			asked = aic_batch_preview(&q->d->batches, ledger, batch, &t, &e);
		if (asked != AIC_OK)
			snprintf(message, size, "rewards are not shown: %.600s", e.message);
	}
	for (size_t i = 0; i < t.n && rc == AIC_OK; i++) {
		const aic_sum *s = &t.sum[i];
		char note[320];
		aic_rows_text(&rows, aic_store_wallet_by_id(q->d->store, s->payer)->name);
		aic_rows_text(&rows, aic_store_wallet_by_id(q->d->store, s->payee)->name);
		aic_rows_text(&rows, aic_line_kind_name(s->kind));
		aic_rows_number(&rows, (int64_t)s->n);
		aic_rows_amount(&rows, s->gross);
		aic_rows_amount(&rows, s->fee);
		aic_rows_amount(&rows, s->gross - s->fee);
		aic_rows_amount(&rows, s->reward - s->issued);
		aic_rows_amount(&rows, s->issued);
		aic_rows_text(&rows, aic_sum_note(s, note));
	}
	aic_tally_clear(&t);
	aic_rows_finish(&rows, q->out);
	return rc;
}

/* [period, number] : rows of one batch, rows of its sums, evidence hex, mode enforce, message */
aic_code aic_serve_batch_show(aic_request *q, aic_error *err)
{
	char message[800] = "", hex[65];
	aic_batch batch;
	aic_code rc = read_key(q, &batch, err);

	if (rc == AIC_OK)
		rc = aic_cbor_finish(q->args, err);
	if (rc != AIC_OK)
		return rc;
	batch_rows(q, &batch, 1);
	rc = sums_rows(q, &batch, message, sizeof(message), err);
	aic_hash_hex(hex, &batch.evidence);
	aic_cbor_put_text(q->out, hex);
	aic_cbor_put_bool(q->out, q->d->config.enforce);
	aic_cbor_put_text(q->out, message);
	*q->items = 5;
	return rc;
}

/* Begins to close a period and does what one answer has time for. */
static aic_code close_period(aic_request *q, const char *name, int64_t start, int64_t end, aic_batch *batch, aic_error *err)
{
	aic_acctd *d = q->d;
	int64_t now = aic_now();

	if (d->closing)
		return aic_fail(err, AIC_REFUSED, "another batch is still being closed (%u %%): wait until `aic batch list` has it in review",
		                aic_closing_percent(d->closing));
	aic_code rc = aic_closing_begin(&d->closing, &d->batches, name, start, end <= now ? end : now + 1, d->fee_ppm, (int64_t)q->who->uid, now,
	                                err);
	if (rc == AIC_OK)
		rc = aic_acctd_close_some(d, err);
	return rc == AIC_OK ? aic_batch_find(d->store, name, 0, batch, err) : rc;
}

/* [period] : rows of the new batch, still closing where it is large. The running period closes as of now. */
aic_code aic_serve_batch_close(aic_request *q, aic_error *err)
{
	char name[16];
	int64_t start, end, now = aic_now();
	aic_batch batch;

	aic_cbor_text(q->args, name, sizeof(name));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK && !name[0])
		aic_period_of(q->d->config.period, now, name, &start, &end);
	else if (rc == AIC_OK)
		rc = aic_period_bounds(name, &start, &end, err);
	if (rc == AIC_OK && start > now)
		rc = aic_fail(err, AIC_REFUSED, "period %s has not begun yet", name);
	if (rc == AIC_OK)
		rc = close_period(q, name, start, end, &batch, err);
	if (rc != AIC_OK)
		return rc;
	aic_info("uid %u closes batch %s/%llu: %llu lines", (unsigned)q->who->uid, batch.period, (unsigned long long)batch.number,
	         (unsigned long long)batch.lines);
	batch_rows(q, &batch, 1);
	*q->items = 1;
	return AIC_OK;
}

aic_code aic_read_approval(aic_request *q, aic_approval *a, bool *is_signed, aic_error *err)
{
	aic_ledger *ledger;

	*is_signed = aic_cbor_array(q->args, 1);
	if (*is_signed) {
		aic_cbor_array_exact(q->args, 2);
		aic_cbor_bytes_exact(q->args, a->key, sizeof(a->key));
		aic_cbor_bytes_exact(q->args, a->signature, sizeof(a->signature));
	}
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK && *is_signed)
		rc = aic_acctd_ledger(q->d, &ledger, err);
	return rc == AIC_OK && *is_signed ? aic_approver_check(ledger, a->key, err) : rc;
}

/* [period, number, hash, approval] : rows of the batch */
aic_code aic_serve_batch_approve(aic_request *q, aic_error *err)
{
	aic_approval sig;
	aic_batch batch;
	bool is_signed;
	aic_hash hash;
	aic_code rc = read_key(q, &batch, err);

	if (rc == AIC_OK) {
		aic_cbor_bytes_exact(q->args, hash.b, sizeof(hash.b));
		rc = aic_read_approval(q, &sig, &is_signed, err);
	}
	if (rc == AIC_OK)
		rc = aic_batch_approve(&q->d->batches, &batch, &hash, q->who->uid, is_signed ? &sig : NULL, aic_now(), err);
	if (rc != AIC_OK)
		return rc;
	aic_info("uid %u approved batch %s/%llu", (unsigned)q->who->uid, batch.period, (unsigned long long)batch.number);
	batch_rows(q, &batch, 1);
	*q->items = 1;
	return AIC_OK;
}

/* [period, number] : rows of the batch */
aic_code aic_serve_batch_post(aic_request *q, aic_error *err)
{
	aic_ledger *ledger;
	aic_batch batch;
	aic_code rc = read_key(q, &batch, err);

	if (rc == AIC_OK)
		rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_acctd_ledger(q->d, &ledger, err);
	if (rc == AIC_OK) {
		rc = aic_batch_post(&q->d->batches, ledger, &batch, q->who->uid, aic_now(), err);
		if (rc == AIC_UNREACHABLE)
			aic_acctd_unlink(q->d, err);
	}
	if (rc != AIC_OK)
		return rc;
	aic_info("uid %u posted batch %s/%llu: height %llu", (unsigned)q->who->uid, batch.period, (unsigned long long)batch.number,
	         (unsigned long long)batch.height);
	aic_acctd_link(q->d, true);
	aic_acctd_publish(q->d, true);
	batch_rows(q, &batch, 1);
	*q->items = 1;
	return AIC_OK;
}
