#include "accounting/refund.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/post.h"
#include "common/cbor.h"
#include "common/log.h"

static const char *const state_names[] = {"asked", "posting", "posted", "withdrawn"};

const char *aic_refund_state_name(aic_refund_state s)
{
	return (unsigned)s < sizeof(state_names) / sizeof(state_names[0]) ? state_names[s] : "unknown";
}

/* --- reading --- */

#define SELECT "SELECT f.id, f.line, coalesce(r.job, 0), l.batch, l.payer, l.payee, b.period, b.number, l.kind, f.amount, f.reason, f.uid," \
               " f.at, f.evidence, f.state, f.height FROM refund f JOIN line l ON l.id=f.line JOIN batch b ON b.id=l.batch LEFT JOIN record r" \
               " ON r.id=l.record WHERE "

static aic_code read_refund(aic_store *s, aic_refund *f, sqlite3_stmt *st, aic_error *err)
{
	memset(f, 0, sizeof(*f));
	f->id = sqlite3_column_int64(st, 0);
	f->line = sqlite3_column_int64(st, 1);
	f->job = sqlite3_column_int64(st, 2);
	f->batch = sqlite3_column_int64(st, 3);
	f->payer = sqlite3_column_int64(st, 4);
	f->payee = sqlite3_column_int64(st, 5);
	aic_str_copy(f->period, sizeof(f->period), aic_sql_text(st, 6));
	f->number = (uint64_t)sqlite3_column_int64(st, 7);
	f->kind = (aic_line_kind)sqlite3_column_int(st, 8);
	f->amount = aic_sql_amount(st, 9);
	aic_str_copy(f->reason, sizeof(f->reason), aic_sql_text(st, 10));
	f->uid = sqlite3_column_int64(st, 11);
	f->at = sqlite3_column_int64(st, 12);
	if (sqlite3_column_bytes(st, 13) == AIC_HASH_LEN)
		memcpy(f->evidence.b, sqlite3_column_blob(st, 13), AIC_HASH_LEN);
	f->state = (aic_refund_state)sqlite3_column_int(st, 14);
	f->height = (uint64_t)sqlite3_column_int64(st, 15);
	return aic_approved_count(s, &f->evidence, &f->approved, err);
}

aic_code aic_refund_find(aic_store *s, int64_t id, aic_refund *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, SELECT "f.id=?1", "i", id);

	if (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		rc = read_refund(s, out, st, err);
		aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? aic_fail(err, AIC_NOT_FOUND, "there is no refund %lld: `aic batch refunds` lists them", (long long)id) : rc;
}

aic_code aic_refund_list(aic_store *s, int64_t line, aic_refund **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, SELECT "?1=0 OR f.line=?1 ORDER BY f.id DESC", "i", line);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (*n == cap) {
			cap = cap ? 2 * cap : 16;
			*out = aic_xrealloc(*out, cap * sizeof(**out));
		}
		rc = read_refund(s, &(*out)[*n], st, err);
		if (rc == AIC_OK)
			++*n;
		else
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* --- asking --- */

typedef struct {
	aic_amount gross, refunded;
} posted_line;

static aic_code find_line(aic_store *s, int64_t line, posted_line *l, aic_error *err)
{
	sqlite3_stmt *st;
	int state = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT l.gross, coalesce(b.state, 0) FROM line l LEFT JOIN batch b ON b.id=l.batch WHERE"
	                                             " l.id=?1", "i", line);

	memset(l, 0, sizeof(*l));
	if (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		l->gross = aic_sql_amount(st, 0);
		state = sqlite3_column_int(st, 1);
		aic_sql_done(st);
	}
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "there is no line %lld: `aic batch lines` shows their numbers", (long long)line);
	if (rc == AIC_OK && state < AIC_BATCH_POSTED)
		return aic_fail(err, AIC_REFUSED, "line %lld is not posted: `aic batch adjust` or `aic batch void` changes it", (long long)line);
	if (rc == AIC_OK)
		rc = aic_sql_start(s->db, &st, err, "SELECT amount FROM refund WHERE line=?1 AND state<>3", "i", line);
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK)
		l->refunded += aic_sql_amount(st, 0);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code check(const posted_line *l, int64_t line, aic_amount amount, const char *reason, aic_error *err)
{
	char gross[AIC_AMOUNT_TEXT], done[AIC_AMOUNT_TEXT], wanted[AIC_AMOUNT_TEXT];

	if (!reason[0])
		return aic_fail(err, AIC_USAGE, "say why: --reason TEXT; it is kept with the line");
	if (!amount)
		return aic_fail(err, AIC_USAGE, "a refund gives something back: its amount is 0");
	if (amount > l->gross - l->refunded)
		return aic_fail(err, AIC_REFUSED, "line %lld was charged %s AIC, of which %s are refunded: %s more would be too much",
		                (long long)line, aic_amount_format(gross, l->gross), aic_amount_format(done, l->refunded),
		                aic_amount_format(wanted, amount));
	return AIC_OK;
}

static aic_hash evidence_of(const aic_batches *b, const aic_refund *f)
{
	aic_bytes body = {0};

	aic_cbor_put_array(&body, 10);
	aic_cbor_put_text(&body, "aic/refund/v1");
	aic_cbor_put_text(&body, b->config->site);
	aic_cbor_put_text(&body, f->period);
	aic_cbor_put_uint(&body, f->number);
	aic_cbor_put_int(&body, f->id);
	aic_cbor_put_int(&body, f->line);
	aic_cbor_put_amount(&body, f->amount);
	aic_cbor_put_text(&body, f->reason);
	aic_cbor_put_int(&body, f->uid);
	aic_cbor_put_int(&body, f->at);
	aic_hash hash = aic_hmac_sha256(b->key.b, sizeof(b->key.b), body.data, body.len);
	aic_bytes_free(&body);
	return hash;
}

static aic_code ask_inside(const aic_batches *b, int64_t line, aic_amount amount, const char *reason, uid_t uid, int64_t now, aic_refund *out,
                           aic_error *err)
{
	char text[AIC_AMOUNT_TEXT];
	posted_line l;
	aic_code rc = find_line(b->store, line, &l, err);

	if (rc == AIC_OK)
		rc = check(&l, line, amount, reason, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(b->store->db, err, "INSERT INTO refund(line, amount, reason, uid, at, evidence, state) VALUES(?1, ?2, ?3, ?4, ?5,"
		                                    " x'', 0)", "iatii", line, &amount, reason, (int64_t)uid, now);
	if (rc == AIC_OK)
		rc = aic_refund_find(b->store, aic_sql_last_id(b->store->db), out, err);
	if (rc != AIC_OK)
		return rc;
	out->evidence = evidence_of(b, out);
	rc = aic_sql_run(b->store->db, err, "UPDATE refund SET evidence=?2 WHERE id=?1", "ih", out->id, &out->evidence);
	return rc == AIC_OK ? aic_audit_add(b->store, uid, now, err, "asks for refund %lld of %s AIC of line %lld of job %lld: %.200s",
	                                    (long long)out->id, aic_amount_format(text, amount), (long long)line, (long long)out->job, reason)
	                    : rc;
}

aic_code aic_refund_ask(const aic_batches *b, int64_t line, aic_amount amount, const char *reason, uid_t uid, int64_t now, aic_refund *out,
                        aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = ask_inside(b, line, amount, reason, uid, now, out, err);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

/* --- posting --- */

static aic_code set_state(const aic_batches *b, int64_t id, aic_refund_state from, aic_refund_state to, uint64_t height, const aic_hash *tx,
                          aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_sql_run(b->store->db, err, "UPDATE refund SET state=?3, height=?4, tx=?5 WHERE id=?1 AND state=?2", "iiiih", id, (int64_t)from,
	                 (int64_t)to, (int64_t)height, tx);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

static aic_code post(const aic_batches *b, aic_ledger *l, const aic_refund *f, aic_error *err)
{
	aic_approvers who;
	uint64_t line, height = 0;
	aic_hash tx;
	aic_code rc = aic_batch_place_of(b, l, f->period, f->number, &(aic_sum){.payer = f->payer, .payee = f->payee, .kind = f->kind}, &line, err);

	if (rc == AIC_OK)
		rc = aic_approvers_get(b->store, l, &f->evidence, &who, err);
	if (rc == AIC_OK && f->state == AIC_REFUND_ASKED)
		rc = set_state(b, f->id, AIC_REFUND_ASKED, AIC_REFUND_POSTING, 0, NULL, err);
	if (rc != AIC_OK)
		return rc;
	AIC_FAILPOINT("before reversal");
	rc = aic_ledger_reverse(l, f->period, f->number, line, f->amount, &f->evidence, who.signed_by, who.n_signed, &tx, &height, err);
	AIC_FAILPOINT("after reversal");
	if (rc == AIC_REFUSED || rc == AIC_USAGE)
		set_state(b, f->id, AIC_REFUND_POSTING, AIC_REFUND_ASKED, 0, NULL, NULL);
	return rc == AIC_OK ? set_state(b, f->id, AIC_REFUND_POSTING, AIC_REFUND_POSTED, height, &tx, err) : rc;
}

static aic_code approve_inside(const aic_batches *b, const aic_refund *f, const aic_approval *sig, uid_t uid, int64_t now, aic_error *err)
{
	aic_approval_policy need = aic_batches_policy(b);
	char text[AIC_AMOUNT_TEXT];
	aic_code rc = aic_approve(b->store, &need, &f->evidence, uid, sig, now, err);

	return rc == AIC_OK ? aic_audit_add(b->store, uid, now, err, "approved refund %lld of %s AIC%s", (long long)f->id,
	                                    aic_amount_format(text, f->amount), sig ? " with a key" : "") : rc;
}

aic_code aic_refund_approve(const aic_batches *b, aic_ledger *l, int64_t id, const aic_approval *sig, uid_t uid, int64_t now, aic_refund *out,
                            aic_error *err)
{
	aic_approval_policy need = aic_batches_policy(b);
	aic_code rc = aic_refund_find(b->store, id, out, err);

	if (rc == AIC_OK && out->state == AIC_REFUND_POSTED)
		return aic_fail(err, AIC_REFUSED, "refund %lld is posted already, at height %llu", (long long)id, (unsigned long long)out->height);
	if (rc == AIC_OK && out->state == AIC_REFUND_WITHDRAWN)
		return aic_fail(err, AIC_REFUSED, "refund %lld was withdrawn: ask for another one", (long long)id);
	if (rc == AIC_OK)
		rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	rc = approve_inside(b, out, sig, uid, now, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	if (rc == AIC_OK)
		rc = aic_refund_find(b->store, id, out, err);
	if (rc == AIC_OK && aic_approved_enough(&out->approved, &need))
		rc = post(b, l, out, err);
	return rc == AIC_OK ? aic_refund_find(b->store, id, out, err) : rc;
}

static aic_code withdraw_inside(const aic_batches *b, int64_t id, const char *reason, uid_t uid, int64_t now, aic_error *err)
{
	aic_refund f;
	aic_code rc = aic_refund_find(b->store, id, &f, err);

	if (rc != AIC_OK)
		return rc;
	if (!reason[0])
		return aic_fail(err, AIC_USAGE, "say why: --reason TEXT; it is kept in the log of acts");
	if (f.state == AIC_REFUND_WITHDRAWN)
		return AIC_OK;
	if (f.state == AIC_REFUND_POSTED)
		return aic_fail(err, AIC_REFUSED, "refund %lld is posted, at height %llu: nothing posted changes", (long long)id,
		                (unsigned long long)f.height);
	if (f.state == AIC_REFUND_POSTING)
		return aic_fail(err, AIC_REFUSED, "refund %lld is being posted: look again with `aic batch refunds`", (long long)id);
	rc = aic_sql_run(b->store->db, err, "UPDATE refund SET state=3 WHERE id=?1 AND state=0", "i", id);
	return rc == AIC_OK ? aic_audit_add(b->store, uid, now, err, "withdraws refund %lld of line %lld: %.200s", (long long)id,
	                                    (long long)f.line, reason) : rc;
}

aic_code aic_refund_withdraw(const aic_batches *b, int64_t id, const char *reason, uid_t uid, int64_t now, aic_refund *out, aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = withdraw_inside(b, id, reason, uid, now, err);
	if (rc != AIC_OK) {
		aic_store_rollback(b->store);
		return rc;
	}
	rc = aic_store_commit(b->store, err);
	return rc == AIC_OK ? aic_refund_find(b->store, id, out, err) : rc;
}

aic_code aic_refund_repair(const aic_batches *b, aic_ledger *l, aic_error *err)
{
	aic_refund *f;
	size_t n;
	aic_code rc = aic_refund_list(b->store, 0, &f, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		if (f[i].state != AIC_REFUND_POSTING)
			continue;
		rc = post(b, l, &f[i], err);
		if (rc == AIC_REFUSED) {
			aic_warn("refund %lld: %s; approve it again", (long long)f[i].id, err->message);
			rc = AIC_OK;
		}
	}
	free(f);
	return rc;
}
