#include "accounting/batch.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"

static const char *const state_names[] = {"review", "approved", "posting", "posted", "final"};

const char *aic_batch_state_name(aic_batch_state s)
{
	if (s == AIC_BATCH_CLOSING)
		return "closing";
	return (unsigned)s < sizeof(state_names) / sizeof(state_names[0]) ? state_names[s] : "unknown";
}

const char *aic_batch_hash_text(const aic_batch *b, char out[65])
{
	aic_hash_hex(out, &b->hash);
	return out;
}

aic_code aic_batch_closed(const aic_batch *b, aic_error *err)
{
	if (b->state != AIC_BATCH_CLOSING)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "batch %s/%llu is still being closed: wait until `aic batch list` has it in review", b->period,
	                (unsigned long long)b->number);
}

/* --- reading --- */

#define COLUMNS "id, period, number, state, start, end, fee_ppm, hash, evidence, lines, gross, fee, closed_at, closed_by, posted_at," \
                " posted_by, height, tx, (SELECT count(*) FROM approved a WHERE a.hash=batch.hash), (SELECT count(key) FROM approved a WHERE" \
                " a.hash=batch.hash)"

static void read_hash(aic_hash *h, sqlite3_stmt *st, int column)
{
	memset(h, 0, sizeof(*h));
	if (sqlite3_column_bytes(st, column) == AIC_HASH_LEN)
		memcpy(h->b, sqlite3_column_blob(st, column), AIC_HASH_LEN);
}

static void read_batch(aic_batch *b, sqlite3_stmt *st)
{
	memset(b, 0, sizeof(*b));
	b->id = sqlite3_column_int64(st, 0);
	aic_str_copy(b->period, sizeof(b->period), aic_sql_text(st, 1));
	b->number = (uint64_t)sqlite3_column_int64(st, 2);
	b->state = (aic_batch_state)sqlite3_column_int(st, 3);
	b->start = sqlite3_column_int64(st, 4);
	b->end = sqlite3_column_int64(st, 5);
	b->fee_ppm = (uint64_t)sqlite3_column_int64(st, 6);
	read_hash(&b->hash, st, 7);
	read_hash(&b->evidence, st, 8);
	b->lines = (uint64_t)sqlite3_column_int64(st, 9);
	b->gross = aic_sql_amount(st, 10);
	b->fee = aic_sql_amount(st, 11);
	b->closed_at = sqlite3_column_int64(st, 12);
	b->closed_by = sqlite3_column_int64(st, 13);
	b->posted_at = sqlite3_column_int64(st, 14);
	b->posted_by = sqlite3_column_int64(st, 15);
	b->height = (uint64_t)sqlite3_column_int64(st, 16);
	read_hash(&b->tx, st, 17);
	b->approved = (aic_approved){(uint64_t)sqlite3_column_int64(st, 18), (uint64_t)sqlite3_column_int64(st, 19)};
}

aic_code aic_batch_find(aic_store *s, const char *period, uint64_t number, aic_batch *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT " COLUMNS " FROM batch WHERE (?1='' OR period=?1) AND (?2=0 OR number=?2)"
	                                             " ORDER BY id DESC LIMIT 1", "ti", period, (int64_t)number);

	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc == AIC_OK) {
		read_batch(out, st);
		aic_sql_done(st);
	}
	if (rc != AIC_NOT_FOUND)
		return rc;
	if (!period[0])
		return aic_fail(err, AIC_NOT_FOUND, "no batch was closed yet: `aic batch close` closes the running period");
	if (number)
		return aic_fail(err, AIC_NOT_FOUND, "there is no batch %s/%llu: see `aic batch list`", period, (unsigned long long)number);
	return aic_fail(err, AIC_NOT_FOUND, "no batch of period %s was closed: see `aic batch list`", period);
}

aic_code aic_batch_list(aic_store *s, aic_batch **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT " COLUMNS " FROM batch ORDER BY id DESC", "");

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (*n == cap) {
			cap = cap ? 2 * cap : 16;
			*out = aic_xrealloc(*out, cap * sizeof(**out));
		}
		read_batch(&(*out)[(*n)++], st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code add_refunds(aic_store *s, const aic_batch *b, aic_tally *t, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT l.payer, l.payee, l.kind, f.amount FROM refund f JOIN line l ON l.id=f.line WHERE"
	                                             " l.batch=?1 AND f.state=2", "i", b->id);

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK)
		for (size_t i = 0; i < t->n; i++)
			if (t->sum[i].payer == sqlite3_column_int64(st, 0) && t->sum[i].payee == sqlite3_column_int64(st, 1) &&
			    t->sum[i].kind == (aic_line_kind)sqlite3_column_int(st, 2))
				t->sum[i].refunded += aic_sql_amount(st, 3);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_batch_sums(aic_store *s, const aic_batch *b, aic_tally *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err,
	                            "SELECT l.payer, l.payee, l.kind, l.n, l.gross, l.fee, l.stake, l.note, l.reward, l.issued FROM"
	                            " batch_line l JOIN wallet p ON p.id=l.payer JOIN wallet q ON q.id=l.payee WHERE l.batch=?1"
	                            " ORDER BY p.name, q.name, l.kind", "i", b->id);

	memset(out, 0, sizeof(*out));
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (out->n == out->cap) {
			out->cap = out->cap ? 2 * out->cap : 32;
			out->sum = aic_xrealloc(out->sum, out->cap * sizeof(*out->sum));
		}
		aic_sum *sum = &out->sum[out->n++];
		memset(sum, 0, sizeof(*sum));
		sum->payer = sqlite3_column_int64(st, 0);
		sum->payee = sqlite3_column_int64(st, 1);
		sum->kind = (aic_line_kind)sqlite3_column_int(st, 2);
		sum->n = (uint64_t)sqlite3_column_int64(st, 3);
		sum->gross = aic_sql_amount(st, 4);
		sum->fee = aic_sql_amount(st, 5);
		sum->stake = aic_sql_amount(st, 6);
		aic_str_copy(sum->note, sizeof(sum->note), aic_sql_text(st, 7));
		sum->settled = sqlite3_column_type(st, 8) != SQLITE_NULL;
		sum->reward = aic_sql_amount(st, 8);
		sum->issued = aic_sql_amount(st, 9);
		out->lines += sum->n;
		out->gross += sum->gross;
		out->fee += sum->fee;
	}
	return rc == AIC_NOT_FOUND ? add_refunds(s, b, out, err) : rc;
}

/* --- approving --- */

aic_approval_policy aic_batches_policy(const aic_batches *b)
{
	return (aic_approval_policy){.people = b->config->approvals, .signatures = b->signatures, .chain = b->chain};
}

static aic_code approve_inside(const aic_batches *b, aic_batch *batch, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                               aic_error *err)
{
	aic_approval_policy need = aic_batches_policy(b);
	aic_approved have;
	aic_code rc = aic_approve(b->store, &need, hash, uid, sig, now, err);

	if (rc == AIC_OK)
		rc = aic_approved_count(b->store, hash, &have, err);
	if (rc == AIC_OK && aic_approved_enough(&have, &need))
		rc = aic_sql_run(b->store->db, err, "UPDATE batch SET state=1 WHERE id=?1 AND state=0", "i", batch->id);
	return rc == AIC_OK ? aic_audit_add(b->store, uid, now, err, "approved batch %s/%llu%s, hash %s", batch->period,
	                                    (unsigned long long)batch->number, sig ? " with a key" : "",
	                                    aic_batch_hash_text(batch, (char[65]){0})) : rc;
}

aic_code aic_batch_approve(const aic_batches *b, aic_batch *batch, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                           aic_error *err)
{
	aic_code rc = aic_batch_closed(batch, err);

	if (rc != AIC_OK)
		return rc;
	if (batch->state > AIC_BATCH_APPROVED)
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu is %s already: nothing is left to approve", batch->period,
		                (unsigned long long)batch->number, aic_batch_state_name(batch->state));
	if (!aic_hash_equal(hash, &batch->hash)) {
		char seen[65], is[65];
		aic_hash_hex(seen, hash);
		aic_hash_hex(is, &batch->hash);
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu has changed: you approve %.16s..., it is %.16s... now: look again with `aic"
		                                  " batch show %s/%llu`", batch->period, (unsigned long long)batch->number, seen, is,
		                batch->period, (unsigned long long)batch->number);
	}
	rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	rc = approve_inside(b, batch, hash, uid, sig, now, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	return rc == AIC_OK ? aic_batch_find(b->store, batch->period, batch->number, batch, err) : rc;
}
