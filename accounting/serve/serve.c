/* serve.c: the operations of aicacctd, each with who may ask for it; doc/formats/rpc-accounting.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/background.h"
#include "accounting/release.h"

#define HISTORY_MAX 10000
#define RECEIPTS_FEW 64      /* are sorted in at once; more wait for each other */

static aic_code serve_ping(aic_request *q, aic_error *err)
{
	(void)err;
	aic_cbor_put_text(q->out, q->d->config.site);
	aic_cbor_put_int(q->out, aic_now());
	aic_cbor_put_bool(q->out, q->d->config.enforce);
	*q->items = 3;
	return AIC_OK;
}

static aic_code serve_receipts(aic_request *q, aic_error *err)
{
	aic_receipts_count count;
	size_t len = 0, n = 0;
	const uint8_t *data = aic_cbor_bytes(q->args, &len);
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc != AIC_OK)
		return rc;
	if (q->who->uid != 0)
		return aic_fail(err, AIC_REFUSED, "receipts come from a node's aicnoded as root, not from uid %u", (unsigned)q->who->uid);
	rc = aic_receipts_keep(q->d->store, data, len, aic_now(), &n, err);
	if (rc != AIC_OK)
		return rc;
	size_t all = q->d->store->waiting;
	if ((all > RECEIPTS_FEW && all < AIC_RECEIPTS_AT_ONCE) || !aic_acctd_sort_receipts(q->d, &count))
		count = (aic_receipts_count){.accepted = n};
	aic_cbor_put_uint(q->out, count.accepted);
	aic_cbor_put_uint(q->out, count.duplicates);
	*q->items = 2;
	return rc;
}

static void balance_row(aic_rows *r, const aic_acctd *d, const aic_wallet_row *w)
{
	bool account = !strncmp(w->name, "account/", 8);

	aic_rows_text(r, account ? w->name + 8 : w->name);
	aic_rows_text(r, w->organisation);
	aic_rows_amount(r, w->balance);
	aic_rows_amount(r, w->unsettled);
	aic_rows_amount(r, aic_available(w));
	aic_rows_amount(r, w->debt);
	aic_rows_amount(r, account ? aic_release_reserved(d->release, w->name + 8) : 0);
	aic_rows_number(r, w->balance_at);
}

static void wallet_name(char out[AIC_NAME_LEN], const char *given)
{
	if (strchr(given, '/') || !strcmp(given, "site") || !strcmp(given, "treasury"))
		aic_str_copy(out, AIC_NAME_LEN, given);
	else
		snprintf(out, AIC_NAME_LEN, "account/%.*s", AIC_NAME_LEN - 9, given);
}

static aic_code named_wallet(aic_request *q, const char *given, aic_wallet_row **out, char name[AIC_NAME_LEN], aic_error *err)
{
	wallet_name(name, given);
	if (!aic_viewer_sees_wallet(q->viewer, name))
		return aic_fail(err, AIC_REFUSED, "%s: you see the accounts that Slurm associates you with, this is none of them: `sacctmgr show"
		                                  " associations user=%s`", given, q->viewer->user);
	*out = aic_store_wallet_find(q->d->store, name);
	if (!*out)
		return aic_fail(err, AIC_NOT_FOUND, "no account or wallet is called %s: `aic balance` lists those that you see", given);
	return AIC_OK;
}

/* Accounts first, then by name. */
static int by_name(const void *a, const void *b)
{
	const aic_wallet_row *x = *(aic_wallet_row *const *)a, *y = *(aic_wallet_row *const *)b;
	int order = !!strncmp(x->name, "account/", 8) - !!strncmp(y->name, "account/", 8);

	return order ? order : strcmp(x->name, y->name);
}

static void all_balances(aic_request *q, aic_rows *rows)
{
	size_t n = q->d->store->n_wallets;
	aic_wallet_row **sorted = aic_xcalloc(n + 1, sizeof(aic_wallet_row *));

	if (n)
		memcpy(sorted, q->d->store->wallet, n * sizeof(aic_wallet_row *));
	qsort(sorted, n, sizeof(aic_wallet_row *), by_name);
	for (size_t i = 0; i < n; i++)
		if (aic_viewer_sees_wallet(q->viewer, sorted[i]->name))
			balance_row(rows, q->d, sorted[i]);
	free(sorted);
}

/* [name] : rows; name "" for all that the caller sees. */
static aic_code serve_balance(aic_request *q, aic_error *err)
{
	char given[AIC_NAME_LEN], name[AIC_NAME_LEN];
	aic_rows rows = {.columns = 8};
	aic_wallet_row *w;

	aic_cbor_text(q->args, given, sizeof(given));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK && given[0]) {
		rc = named_wallet(q, given, &w, name, err);
		if (rc == AIC_OK)
			balance_row(&rows, q->d, w);
	}
	if (rc == AIC_OK && !given[0])
		all_balances(q, &rows);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* [name, max] : rows */
static aic_code serve_history(aic_request *q, aic_error *err)
{
	char given[AIC_NAME_LEN], name[AIC_NAME_LEN];
	aic_rows rows = {.columns = 7};
	aic_ledger_event *event = NULL;
	aic_ledger *ledger;
	aic_wallet_row *w;
	size_t n = 0;

	aic_cbor_text(q->args, given, sizeof(given));
	uint64_t max = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = named_wallet(q, given, &w, name, err);
	if (rc == AIC_OK)
		rc = aic_acctd_ledger(q->d, &ledger, err);
	if (rc == AIC_OK) {
		rc = aic_ledger_history(ledger, name, max < HISTORY_MAX ? max : HISTORY_MAX, &event, &n, err);
		if (rc == AIC_UNREACHABLE)
			aic_acctd_unlink(q->d, err);
	}
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		bool in = !strcmp(event[i].to, name);
		aic_rows_number(&rows, event[i].time);
		aic_rows_number(&rows, (int64_t)event[i].height);
		aic_rows_text(&rows, event[i].event);
		aic_rows_text(&rows, in ? event[i].from : event[i].to);
		aic_rows_amount(&rows, in ? event[i].amount : 0);
		aic_rows_amount(&rows, in ? 0 : event[i].amount);
		aic_rows_text(&rows, event[i].note);
	}
	free(event);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

static const struct {
	const char *op;
	aic_code (*serve)(aic_request *q, aic_error *err);
	const char *admin; /* what only administrators may do; NULL: anybody, within what one sees */
	enum { AT_ONCE, REPORTS, ACTS } way; /* reports add up lines, acts wait for others: in threads of their own */
} operations[] = {
	{"ping", serve_ping, NULL, AT_ONCE},
	{"receipts", serve_receipts, NULL, AT_ONCE},
	{"node-hello", aic_serve_node_hello, NULL, AT_ONCE},
	{"balance", serve_balance, NULL, AT_ONCE},
	{"history", serve_history, NULL, AT_ONCE},
	{"payouts", aic_serve_payouts, NULL, REPORTS},
	{"statement", aic_serve_statement, NULL, REPORTS},
	{"payout-series", aic_serve_payout_series, NULL, REPORTS},
	{"barred", aic_serve_barred, NULL, AT_ONCE},
	{"barred-clear", aic_serve_barred_clear, "lend a node again", AT_ONCE},
	{"report-sessions", aic_serve_report_sessions, NULL, REPORTS},
	{"usage", aic_serve_usage, NULL, REPORTS},
	{"usage-series", aic_serve_usage_series, NULL, REPORTS},
	{"wallets", aic_serve_wallets, NULL, AT_ONCE},
	{"ratings", aic_serve_ratings, NULL, AT_ONCE},
	{"value", aic_serve_value, NULL, AT_ONCE},
	{"curve", aic_serve_curve, NULL, AT_ONCE},
	{"jobs", aic_serve_jobs, NULL, REPORTS},
	{"uncharged", aic_serve_uncharged, NULL, REPORTS},
	{"resume", aic_background_resume, NULL, AT_ONCE},
	{"explain", aic_serve_explain, NULL, AT_ONCE},
	{"batch-list", aic_serve_batch_list, "see payout batches", AT_ONCE},
	{"batch-show", aic_serve_batch_show, "see payout batches", AT_ONCE},
	{"batch-close", aic_serve_batch_close, "close a period", AT_ONCE},
	{"batch-approve", aic_serve_batch_approve, "approve a payout batch", AT_ONCE},
	{"batch-post", aic_serve_batch_post, "post a payout batch", AT_ONCE},
	{"batch-lines", aic_serve_batch_lines, "see the lines of a batch", AT_ONCE},
	{"line-act", aic_serve_line_act, "act on a payment line", AT_ONCE},
	{"session-open", aic_serve_session_open, NULL, ACTS},
	{"session-nodes", aic_serve_session_nodes, NULL, ACTS},
	{"session-commit", aic_serve_session_commit, NULL, ACTS},
	{"session-close", aic_serve_session_close, NULL, ACTS},
	{"refunds", aic_serve_refunds, NULL, AT_ONCE},
	{"refund-ask", aic_serve_refund_ask, "refund what a line paid", AT_ONCE},
	{"refund-withdraw", aic_serve_refund_withdraw, "withdraw a refund", AT_ONCE},
	{"refund-approve", aic_serve_refund_approve, "approve a refund", AT_ONCE},
	{"audit", aic_serve_audit, "see the log of acts", AT_ONCE},
	{"reconcile", aic_serve_reconcile, "compare with slurmdbd", AT_ONCE},
	{"storage-held", aic_serve_storage_held, "declare what a provider holds", AT_ONCE},
	{"storage-list", aic_serve_storage_list, "see what providers hold", AT_ONCE},
	{"erase", aic_serve_erase, "erase a user's records", AT_ONCE},
	{"batch-prove", aic_serve_batch_prove, NULL, REPORTS},
	{"batch-verify", aic_serve_batch_verify, "verify a batch's evidence", REPORTS},
	{"check", aic_serve_check, "look into the daemon's health", AT_ONCE},
	{"forget-damage", aic_serve_forget_damage, "forget damage", AT_ONCE},
	{"forget-node", aic_serve_forget_node, "forget a node's key", AT_ONCE},
};

aic_code aic_acctd_serve(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *items,
                         aic_error *err)
{
	aic_viewer viewer;
	aic_request q = {.d = ctx, .who = who, .viewer = &viewer, .args = args, .out = out, .items = items};
	aic_receipts_count count;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(op, operations[i].op))
			continue;
		aic_code rc = aic_viewer_load(&viewer, q.d->store, &q.d->config, who->uid, who->gid, err);
		if (rc == AIC_OK && operations[i].admin)
			rc = aic_viewer_needs_admin(&viewer, operations[i].admin, err);
		if (rc == AIC_OK && operations[i].serve != serve_receipts)
			aic_acctd_sort_receipts(q.d, &count);
		if (rc == AIC_OK)
			rc = operations[i].way && q.d->background
			         ? aic_background_start(q.d->background, &q, operations[i].serve, operations[i].way == ACTS, err)
			         : operations[i].serve(&q, err);
		aic_viewer_clear(&viewer);
		return rc;
	}
	return aic_fail(err, AIC_USAGE, "aicacctd knows no operation \"%s\": the caller is of another version", op);
}
