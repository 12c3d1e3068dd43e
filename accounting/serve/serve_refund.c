/* serve_refund.c: refunds of posted lines: asked for, approved, listed. */
#include <stdlib.h>

#include "accounting/acctd.h"
#include "accounting/refund.h"
#include "common/log.h"

static void refund_row(aic_request *q, aic_rows *rows, const aic_refund *f)
{
	aic_approval_policy need = aic_batches_policy(&q->d->batches);
	char approvals[64], batch[48], hex[65];

	snprintf(batch, sizeof(batch), "%s/%llu", f->period, (unsigned long long)f->number);
	aic_hash_hex(hex, &f->evidence);
	aic_rows_number(rows, f->id);
	aic_rows_text(rows, aic_refund_state_name(f->state));
	aic_rows_text(rows, batch);
	aic_rows_number(rows, f->line);
	aic_rows_number(rows, f->job);
	aic_rows_text(rows, aic_line_kind_name(f->kind));
	aic_rows_text(rows, aic_viewer_payee(q->viewer, &q->d->config, aic_store_wallet_by_id(q->d->store, f->payee)->name));
	aic_rows_text(rows, aic_store_wallet_by_id(q->d->store, f->payer)->name);
	aic_rows_amount(rows, f->amount);
	aic_rows_text(rows, aic_approved_text(approvals, &f->approved, &need));
	aic_rows_number(rows, f->at);
	aic_rows_number(rows, f->uid);
	aic_rows_number(rows, (int64_t)f->height);
	aic_rows_text(rows, f->reason);
	aic_rows_text(rows, hex);
}

static void put_refunds(aic_request *q, const aic_refund *f, size_t n)
{
	aic_rows rows = {.columns = 15};

	for (size_t i = 0; i < n; i++)
		refund_row(q, &rows, &f[i]);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
}

/* [] : rows of the refunds whose payer or payee the caller sees */
aic_code aic_serve_refunds(aic_request *q, aic_error *err)
{
	aic_refund *f = NULL;
	size_t n = 0, seen = 0;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_refund_list(q->d->store, 0, &f, &n, err);
	for (size_t i = 0; i < n; i++)
		if (aic_viewer_sees_wallet(q->viewer, aic_store_wallet_by_id(q->d->store, f[i].payer)->name) ||
		    aic_viewer_sees_wallet(q->viewer, aic_store_wallet_by_id(q->d->store, f[i].payee)->name))
			f[seen++] = f[i];
	if (rc == AIC_OK)
		put_refunds(q, f, seen);
	free(f);
	return rc;
}

/* [line, amount, reason] : the refund's row */
aic_code aic_serve_refund_ask(aic_request *q, aic_error *err)
{
	aic_refund f;
	char reason[256];
	int64_t line = aic_cbor_int(q->args);
	aic_amount amount = aic_cbor_amount(q->args);

	aic_cbor_text(q->args, reason, sizeof(reason));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_refund_ask(&q->d->batches, line, amount, reason, q->who->uid, aic_now(), &f, err);
	if (rc == AIC_OK)
		put_refunds(q, &f, 1);
	return rc;
}

/* [refund, reason] : the refund's row */
aic_code aic_serve_refund_withdraw(aic_request *q, aic_error *err)
{
	aic_refund f;
	char reason[256];
	int64_t id = aic_cbor_int(q->args);

	aic_cbor_text(q->args, reason, sizeof(reason));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_refund_withdraw(&q->d->batches, id, reason, q->who->uid, aic_now(), &f, err);
	if (rc == AIC_OK)
		put_refunds(q, &f, 1);
	return rc;
}

/* [refund, approval] : the refund's row */
aic_code aic_serve_refund_approve(aic_request *q, aic_error *err)
{
	aic_ledger *ledger;
	aic_approval sig;
	aic_refund f;
	bool is_signed;
	int64_t id = aic_cbor_int(q->args);
	aic_code rc = aic_read_approval(q, &sig, &is_signed, err);

	if (rc == AIC_OK)
		rc = aic_acctd_ledger(q->d, &ledger, err);
	if (rc != AIC_OK)
		return rc;
	rc = aic_refund_approve(&q->d->batches, ledger, id, is_signed ? &sig : NULL, q->who->uid, aic_now(), &f, err);
	if (rc == AIC_UNREACHABLE)
		aic_acctd_unlink(q->d, err);
	if (rc != AIC_OK)
		return rc;
	aic_info("uid %u approved refund %lld: %s", (unsigned)q->who->uid, (long long)id, aic_refund_state_name(f.state));
	aic_acctd_link(q->d, true);
	aic_acctd_publish(q->d, true);
	put_refunds(q, &f, 1);
	return AIC_OK;
}
