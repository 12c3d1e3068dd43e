/* serve_report.c: payouts, usage and uncharged records of a period. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/period.h"
#include "accounting/post.h"

typedef struct {
	char name[16];
	int64_t start, end;
} period;

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

static aic_code read_period(aic_request *q, period *p, aic_error *err)
{
	aic_cbor_text(q->args, p->name, sizeof(p->name));
	return finish_period(q, p, err);
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
		aic_rows_text(rows, payee->name);
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

static aic_code payouts_of_batches(aic_request *q, aic_rows *rows, const period *p, aic_amount *charge, char *message, size_t size,
                                   aic_error *err)
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
			         (unsigned long long)batch[i].number, q->d->closing ? aic_closing_percent(q->d->closing) : 0);
		else if (batch[i].state < AIC_BATCH_POSTED)
			preview(q, &batch[i], &t, message, size);
		snprintf(state, sizeof(state), "%s/%llu %s", batch[i].period, (unsigned long long)batch[i].number,
		         aic_batch_state_name(batch[i].state));
		payout_rows(q, rows, &t, state, charge);
		aic_tally_clear(&t);
	}
	free(batch);
	return rc;
}

static aic_code payouts(aic_request *q, const period *p, aic_error *err)
{
	aic_rows rows = {.columns = 11};
	char message[800] = "";
	aic_amount charge = 0;
	aic_tally open = {0};
	aic_code rc = payouts_of_batches(q, &rows, p, &charge, message, sizeof(message), err);

	if (rc == AIC_OK)
		rc = aic_batch_draft(&q->d->batches, p->end, q->d->fee_ppm, &open, err);
	if (rc == AIC_OK) {
		aic_batch draft = {.start = p->start, .end = p->end, .fee_ppm = q->d->fee_ppm, .number = UINT32_MAX};
		aic_str_copy(draft.period, sizeof(draft.period), p->name);
		preview(q, &draft, &open, message, sizeof(message));
		payout_rows(q, &rows, &open, "open", &charge);
	}
	aic_tally_clear(&open);
	aic_cbor_put_text(q->out, p->name);
	aic_rows_finish(&rows, q->out);
	aic_cbor_put_amount(q->out, charge);
	aic_cbor_put_text(q->out, message);
	*q->items = 4;
	return rc;
}

/* [period] : period text, rows, charge amount, message text */
aic_code aic_serve_payouts(aic_request *q, aic_error *err)
{
	period p;
	aic_code rc = read_period(q, &p, err);

	return rc == AIC_OK ? payouts(q, &p, err) : rc;
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
	return payouts(q, &p, err);
}

/* --- usage --- */

typedef struct {
	char account[AIC_NAME_LEN], user[AIC_NAME_LEN];
	int64_t jobs, cpu_seconds, gpu_seconds, cpu_runs, cpu_ms;
	aic_amount charge;
} usage;

static usage *usage_row(usage **out, size_t *n, size_t *cap, const char *account, const char *user)
{
	if (*n && !strcmp((*out)[*n - 1].account, account) && !strcmp((*out)[*n - 1].user, user))
		return &(*out)[*n - 1];
	if (*n == *cap) {
		*cap = *cap ? 2 * *cap : 32;
		*out = aic_xrealloc(*out, *cap * sizeof(**out));
	}
	usage *u = &(*out)[(*n)++];
	memset(u, 0, sizeof(*u));
	aic_str_copy(u->account, sizeof(u->account), account);
	aic_str_copy(u->user, sizeof(u->user), user);
	return u;
}

/* Days of the period, added up by account and user. */
static aic_code gather_usage(aic_request *q, const period *p, usage **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT account, user, runs, cpu_seconds, gpu_seconds, cpu_runs, cpu_ms, charge FROM"
	                            " usage WHERE day>=?1 AND day<?2 AND runs>0 ORDER BY 1, 2", "ii", p->start / AIC_DAY, p->end / AIC_DAY);

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		usage *u = usage_row(out, n, &cap, aic_sql_text(st, 0), aic_sql_text(st, 1));
		u->jobs += sqlite3_column_int64(st, 2);
		u->cpu_seconds += sqlite3_column_int64(st, 3);
		u->gpu_seconds += sqlite3_column_int64(st, 4);
		u->cpu_runs += sqlite3_column_int64(st, 5);
		u->cpu_ms += sqlite3_column_int64(st, 6);
		u->charge += aic_sql_amount(st, 7);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* [period] : period text, rows */
aic_code aic_serve_usage(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 7};
	usage *u = NULL;
	size_t n = 0;
	period p;
	aic_code rc = read_period(q, &p, err);

	if (rc == AIC_OK)
		rc = gather_usage(q, &p, &u, &n, err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		char used[32];
		if (!aic_viewer_sees_job(q->viewer, u[i].account, u[i].user))
			continue;
		snprintf(used, sizeof(used), "%lld", (long long)(u[i].cpu_ms / 1000));
		aic_rows_text(&rows, u[i].account);
		aic_rows_text(&rows, u[i].user);
		aic_rows_number(&rows, u[i].jobs);
		aic_rows_number(&rows, u[i].cpu_seconds);
		aic_rows_text(&rows, !u[i].cpu_runs ? "unknown" : used);
		aic_rows_number(&rows, u[i].gpu_seconds);
		aic_rows_amount(&rows, u[i].charge);
	}
	free(u);
	aic_cbor_put_text(q->out, p.name);
	aic_rows_finish(&rows, q->out);
	*q->items = 2;
	return rc;
}

/* --- uncharged --- */

#define RECORDS "SELECT r.job, r.cluster, r.restart, r.account, r.user, r.state, r.started, r.ended, r.billable, "

static void uncharged_row(aic_request *q, aic_rows *rows, sqlite3_stmt *st)
{
	char job[64];

	if (!aic_viewer_sees_job(q->viewer, aic_sql_text(st, 3), aic_sql_text(st, 4)))
		return;
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
}

/* [period] : period text, rows; records charged less than in full, and records that were kept aside */
aic_code aic_serve_uncharged(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 10};
	sqlite3_stmt *st;
	period p;
	aic_code rc = read_period(q, &p, err);

	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, RECORDS "r.reason FROM record r WHERE r.ended>=?1 AND r.ended<?2 AND"
		                   " r.status IN (1, 2) UNION ALL "
		                   RECORDS "'a second record of this run is kept, not charged: it ' || d.note FROM duplicate d JOIN record r"
		                   " ON r.id=d.record WHERE r.ended>=?1 AND r.ended<?2 ORDER BY 8, 1", "ii", p.start, p.end);
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK)
		uncharged_row(q, &rows, st);
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	aic_cbor_put_text(q->out, p.name);
	aic_rows_finish(&rows, q->out);
	*q->items = 2;
	return rc;
}
