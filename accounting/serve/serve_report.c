/* serve_report.c: payouts, usage and uncharged records of a period. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/filter.h"
#include "accounting/period.h"
#include "accounting/post.h"

typedef aic_asked_period period;

/* After the last argument: the bounds of the period that was named. */
static aic_code finish_period(aic_request *q, period *p, aic_error *err)
{
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK && !p->name[0]) {
		aic_period_of(q->d->config.period, aic_now(), p->name, &p->start, &p->end);
		return AIC_OK;
	}
	return rc == AIC_OK ? aic_period_bounds(p->name, &p->start, &p->end, err) : rc;
}

/* Else asking for each name in turn would tell who lends. */
static aic_code may_filter(aic_request *q, const aic_filter *f, aic_error *err)
{
	char wallet[AIC_NAME_LEN];

	snprintf(wallet, sizeof(wallet), "%s%.*s", strchr(f->provider, '/') ? "" : "provider/", AIC_NAME_LEN - 10, f->provider);
	if (!f->provider[0] || !strcmp(aic_viewer_payee(q->viewer, &q->d->config, wallet), wallet))
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "only administrators select by a provider that is not named to those who pay it: leave %s out", f->provider);
}

/* [period, account, provider, user, node, cluster, asset]; the six may be left out. */
aic_code aic_read_period(aic_request *q, aic_asked_period *p, aic_filter *f, aic_error *err)
{
	aic_cbor_text(q->args, p->name, sizeof(p->name));
	aic_filter_read(f, q->args);
	aic_code rc = finish_period(q, p, err);
	return rc == AIC_OK ? may_filter(q, f, err) : rc;
}

/* --- payouts --- */

static const char *account_of(const char *wallet)
{
	return !strncmp(wallet, "account/", 8) ? wallet + 8 : wallet;
}

static void payout_rows(aic_request *q, aic_rows *rows, const aic_tally *t, const char *state, aic_amount *charge)
{
	for (size_t i = 0; i < t->n; i++) {
		const aic_sum *s = &t->sum[i];
		char note[320];
		const aic_wallet_row *payer = aic_store_wallet_by_id(q->d->store, s->payer);
		const aic_wallet_row *payee = aic_store_wallet_by_id(q->d->store, s->payee);
		if (q->wallet ? payer != q->wallet && payee != q->wallet : !aic_viewer_sees_wallet(q->viewer, payer->name))
			continue;
		aic_rows_text(rows, aic_viewer_payee(q->viewer, &q->d->config, payee->name));
		aic_rows_text(rows, account_of(payer->name));
		aic_rows_text(rows, aic_line_kind_name(s->kind));
		aic_rows_number(rows, (int64_t)s->n);
		aic_rows_amount(rows, s->gross);
		aic_rows_amount(rows, s->fee);
		aic_rows_amount(rows, s->gross - s->fee);
		aic_rows_amount(rows, s->reward);
		aic_rows_amount(rows, s->gross - s->fee + s->reward);
		aic_rows_text(rows, state);
		aic_rows_text(rows, aic_sum_note(s, note));
		*charge += s->gross;
	}
}

/* Rewards as the ledger would pay them now; without a ledger they stay 0 and the message says so. */
static void preview(aic_request *q, const aic_batch *batch, aic_tally *t, char *message, size_t size)
{
	aic_error e = {0};
	aic_ledger *ledger;
	aic_code rc = AIC_OK;

	if (!t->n)
		return;
	rc = aic_acctd_ledger(q->d, &ledger, &e);
	if (rc == AIC_OK)
		rc = aic_batch_preview(&q->d->batches, ledger, batch, t, &e);
	if (rc == AIC_UNREACHABLE && q->d->ledger)
		aic_acctd_unlink(q->d, &e);
	if (message[0])
		return;
	if (rc != AIC_OK)
		snprintf(message, size, "rewards are not shown: %.600s", e.message);
	else
		snprintf(message, size, "rewards of what is not posted yet are \"up to\": the issued part is divided when the batch is posted");
}

/* Of what a filter leaves of t, batch NULL: of the open lines; else of all of it. */
static aic_code put_payouts(aic_request *q, aic_rows *rows, const aic_filter *f, const aic_batch *batch, int64_t end, const aic_tally *t,
                            const char *state, aic_amount *charge, aic_error *err)
{
	aic_tally part;

	if (!f || !f->any) {
		payout_rows(q, rows, t, state, charge);
		return AIC_OK;
	}
	aic_code rc = aic_filter_tally(f, &q->d->batches, q->viewer, batch, end, batch ? batch->fee_ppm : q->d->fee_ppm, t, &part, err);
	if (rc == AIC_OK) {
		payout_rows(q, rows, &part, state, charge);
		aic_tally_clear(&part);
	}
	return rc;
}

static aic_code payouts_of_batches(aic_request *q, aic_rows *rows, const period *p, const aic_filter *f, aic_amount *charge, char *message,
                                   size_t size, aic_error *err)
{
	aic_batch *batch;
	size_t n;
	aic_code rc = aic_batch_list(q->d->store, &batch, &n, err);

	for (size_t i = n; i-- > 0 && rc == AIC_OK;) {
		aic_tally t;
		char state[64];
		if (strcmp(batch[i].period, p->name))
			continue;
		rc = aic_batch_sums(q->d->store, &batch[i], &t, err);
		if (rc != AIC_OK)
			break;
		if (batch[i].state == AIC_BATCH_CLOSING)
			snprintf(message, size, "batch %s/%llu is being closed (%u %%): its lines show when it is in review", batch[i].period,
			         (unsigned long long)batch[i].number, q->d->closing ? aic_closing_percent(q->d->closing) : q->d->closing_percent);
		else if (batch[i].state < AIC_BATCH_POSTED)
			preview(q, &batch[i], &t, message, size);
		snprintf(state, sizeof(state), "%s/%llu %s", batch[i].period, (unsigned long long)batch[i].number,
		         aic_batch_state_name(batch[i].state));
		rc = put_payouts(q, rows, f, &batch[i], p->end, &t, state, charge, err);
		aic_tally_clear(&t);
	}
	free(batch);
	return rc;
}

/* f NULL: everything that the caller sees. */
static aic_code payouts(aic_request *q, const period *p, const aic_filter *f, aic_error *err)
{
	aic_rows rows = {.columns = 11};
	char message[800] = "";
	aic_amount charge = 0;
	aic_tally open = {0};
	aic_code rc = payouts_of_batches(q, &rows, p, f, &charge, message, sizeof(message), err);

	if (rc == AIC_OK)
		rc = aic_batch_draft(&q->d->batches, p->end, q->d->fee_ppm, &open, err);
	if (rc == AIC_OK) {
		aic_batch draft = {.start = p->start, .end = p->end, .fee_ppm = q->d->fee_ppm, .number = UINT32_MAX};
		aic_str_copy(draft.period, sizeof(draft.period), p->name);
		preview(q, &draft, &open, message, sizeof(message));
		rc = put_payouts(q, &rows, f, NULL, p->end, &open, "open", &charge, err);
	}
	aic_tally_clear(&open);
	aic_cbor_put_text(q->out, p->name);
	aic_rows_finish(&rows, q->out);
	aic_cbor_put_amount(q->out, charge);
	aic_cbor_put_text(q->out, message);
	*q->items = 4;
	return rc;
}

/* [period, filter] : period text, rows, charge amount, message text */
aic_code aic_serve_payouts(aic_request *q, aic_error *err)
{
	aic_filter f;
	period p;
	aic_code rc = aic_read_period(q, &p, &f, err);

	return rc == AIC_OK ? payouts(q, &p, &f, err) : rc;
}

/* [period, wallet] : as payouts, of the rows in which the wallet pays or is paid */
aic_code aic_serve_statement(aic_request *q, aic_error *err)
{
	char wallet[AIC_NAME_LEN];
	period p;

	aic_cbor_text(q->args, p.name, sizeof(p.name));
	aic_cbor_text(q->args, wallet, sizeof(wallet));
	aic_code rc = finish_period(q, &p, err);
	if (rc != AIC_OK)
		return rc;
	if (!aic_viewer_sees_wallet(q->viewer, wallet))
		return aic_fail(err, AIC_REFUSED, "%s: you see statements of the accounts that Slurm associates you with, this is none of them; those"
		                                  " of providers are for administrators", wallet);
	q->wallet = aic_store_wallet_find(q->d->store, wallet);
	if (!q->wallet)
		return aic_fail(err, AIC_NOT_FOUND, "no wallet is called %s: `aic report wallets` lists those that you see", wallet);
	return payouts(q, &p, NULL, err);
}

/* --- usage --- */

static aic_filter_usage *usage_row(aic_filter_usage **out, size_t *n, size_t *cap, const char *account, const char *user)
{
	if (*n && !strcmp((*out)[*n - 1].account, account) && !strcmp((*out)[*n - 1].user, user))
		return &(*out)[*n - 1];
	return aic_filter_usage_add(out, n, cap, account, user);
}

/* Days of the period, added up by account and user. */
static aic_code gather_usage(aic_request *q, const period *p, aic_filter_usage **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT account, user, runs, cpu_seconds, gpu_seconds, cpu_runs, cpu_ms, gpu_runs,"
	                            " gpu_ms, charge FROM usage WHERE day>=?1 AND day<?2 AND runs>0 ORDER BY 1, 2", "ii", p->start / AIC_DAY,
	                            p->end / AIC_DAY);

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		aic_usage_sums *u = &usage_row(out, n, &cap, aic_sql_text(st, 0), aic_sql_text(st, 1))->sums;
		u->runs += sqlite3_column_int64(st, 2);
		u->cpu_seconds += sqlite3_column_int64(st, 3);
		u->gpu_seconds += sqlite3_column_int64(st, 4);
		u->cpu_runs += sqlite3_column_int64(st, 5);
		u->cpu_ms += sqlite3_column_int64(st, 6);
		u->gpu_runs += sqlite3_column_int64(st, 7);
		u->gpu_ms += sqlite3_column_int64(st, 8);
		u->charge += aic_sql_amount(st, 9);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void put_used(aic_rows *rows, int64_t runs, int64_t ms)
{
	char used[32];

	snprintf(used, sizeof(used), "%lld", (long long)(ms / 1000));
	aic_rows_text(rows, runs ? used : "unknown");
}

/* [period, filter] : period text, rows */
aic_code aic_serve_usage(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 8};
	aic_filter_usage *u = NULL;
	aic_filter f;
	size_t n = 0;
	period p;
	aic_code rc = aic_read_period(q, &p, &f, err);

	if (rc == AIC_OK)
		rc = f.any ? aic_filter_use(&f, q->d->store, q->viewer, p.start, p.end, &u, &n, err) : gather_usage(q, &p, &u, &n, err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		const aic_usage_sums *s = &u[i].sums;
		if (!aic_viewer_sees_job(q->viewer, u[i].account, u[i].user))
			continue;
		aic_rows_text(&rows, u[i].account);
		aic_rows_text(&rows, u[i].user);
		aic_rows_number(&rows, s->runs);
		aic_rows_number(&rows, s->cpu_seconds);
		put_used(&rows, s->cpu_runs, s->cpu_ms);
		aic_rows_number(&rows, s->gpu_seconds);
		put_used(&rows, s->gpu_runs, s->gpu_ms);
		aic_rows_amount(&rows, s->charge);
	}
	free(u);
	aic_cbor_put_text(q->out, p.name);
	aic_rows_finish(&rows, q->out);
	*q->items = 2;
	return rc;
}

/* --- uncharged --- */

#define RECORDS "SELECT r.job, r.cluster, r.restart, r.account, r.user, r.state, r.started, r.ended, r.billable, "

static aic_code uncharged_row(aic_request *q, aic_rows *rows, const aic_filter *f, sqlite3_stmt *st, aic_error *err)
{
	char job[64];
	bool passes = aic_viewer_sees_job(q->viewer, aic_sql_text(st, 3), aic_sql_text(st, 4));
	aic_code rc = AIC_OK;

	if (passes && f->any)
		rc = aic_filter_record(f, q->d->store, sqlite3_column_int64(st, 10), sqlite3_column_int64(st, 11), &passes, err);
	if (rc != AIC_OK || !passes)
		return rc;
	snprintf(job, sizeof(job), "%lld", (long long)sqlite3_column_int64(st, 0));
	aic_rows_text(rows, job);
	aic_rows_text(rows, aic_sql_text(st, 1));
	aic_rows_number(rows, sqlite3_column_int64(st, 2));
	aic_rows_text(rows, aic_sql_text(st, 3));
	aic_rows_text(rows, aic_sql_text(st, 4));
	aic_rows_text(rows, aic_job_state_name((aic_job_state)sqlite3_column_int(st, 5)));
	aic_rows_number(rows, sqlite3_column_int64(st, 6));
	aic_rows_number(rows, sqlite3_column_int64(st, 7));
	aic_rows_number(rows, sqlite3_column_int64(st, 8));
	aic_rows_text(rows, aic_sql_text(st, 9));
	return AIC_OK;
}

/* [period, filter] : period text, rows; records charged less than in full, and records that were kept aside */
aic_code aic_serve_uncharged(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 10};
	sqlite3_stmt *st;
	aic_filter f;
	period p;
	aic_code rc = aic_read_period(q, &p, &f, err);

	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, RECORDS "r.reason, r.first_line, r.last_line FROM record r WHERE r.ended>=?1 AND r.ended<?2 AND"
		                   " r.status IN (1, 2) UNION ALL "
		                   RECORDS "'a second record of this run is kept, not charged: it ' || d.note, r.first_line, r.last_line FROM duplicate d JOIN record r"
		                   " ON r.id=d.record WHERE r.ended>=?1 AND r.ended<?2 ORDER BY 8, 1", "ii", p.start, p.end);
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK)
		if ((rc = uncharged_row(q, &rows, &f, st, err)) != AIC_OK)
			aic_sql_done(st);
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	aic_cbor_put_text(q->out, p.name);
	aic_rows_finish(&rows, q->out);
	*q->items = 2;
	return rc;
}
