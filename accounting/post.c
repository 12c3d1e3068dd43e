#define _GNU_SOURCE
#include "accounting/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "common/log.h"

/* Another site's wallet is on the ledger already; its owner's organisation is none of ours. */
static aic_code foreign_wallet(aic_ledger *ledger, const char *name, aic_address *address, aic_error *err)
{
	aic_ledger_wallet w;
	aic_code rc = aic_ledger_wallet_get(ledger, name, &w, err);

	if (rc == AIC_OK)
		*address = w.address;
	return rc;
}

aic_code aic_wallet_register(const aic_batches *b, aic_ledger *ledger, aic_wallet_row *w, aic_address *address, aic_error *err)
{
	char organisation[AIC_NAME_LEN];
	aic_code rc = aic_wallet_organisation(b->store, b->config, w->name, organisation, err);

	if (rc == AIC_OK)
		rc = !strncmp(w->name, "0x", 2) ? foreign_wallet(ledger, w->name, address, err)
		                                : aic_ledger_wallet_ensure(ledger, w->name, organisation, address, err);
	if (rc != AIC_OK || w->registered || b->read_only)
		return rc;
	rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	w->registered = true;
	aic_str_copy(w->organisation, sizeof(w->organisation), organisation);
	w->dirty = true;
	return aic_store_commit(b->store, err);
}

static int by_address(const void *a, const void *b, void *ctx)
{
	const aic_settlement_line *line = ctx, *x = &line[*(const size_t *)a], *y = &line[*(const size_t *)b];
	int order = memcmp(x->payer.b, y->payer.b, AIC_ADDRESS_LEN);

	if (!order)
		order = memcmp(x->payee.b, y->payee.b, AIC_ADDRESS_LEN);
	return order ? order : (int)x->kind - (int)y->kind;
}

static aic_code addresses(const aic_batches *b, aic_ledger *ledger, const aic_tally *t, aic_settlement_line *line, aic_error *err)
{
	size_t n = b->store->n_wallets;
	aic_address *known = aic_xcalloc(n + 1, sizeof(*known));
	bool *have = aic_xcalloc(n + 1, sizeof(*have));
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < t->n && rc == AIC_OK; i++) {
		const int64_t ids[2] = {t->sum[i].payer, t->sum[i].payee};
		for (int k = 0; k < 2 && rc == AIC_OK; k++)
			if (!have[ids[k]]) {
				rc = aic_wallet_register(b, ledger, aic_store_wallet_by_id(b->store, ids[k]), &known[ids[k]], err);
				have[ids[k]] = true;
			}
		line[i] = (aic_settlement_line){.payer = known[ids[0]], .payee = known[ids[1]], .kind = t->sum[i].kind, .n = t->sum[i].n,
		                                .gross = t->sum[i].gross, .fee = t->sum[i].fee, .stake = t->sum[i].stake};
	}
	free(known);
	free(have);
	return rc;
}

static aic_code take_approvers(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, aic_settlement *s, aic_error *err)
{
	aic_approvers who;
	aic_code rc = aic_approvers_get(b->store, ledger, &batch->hash, &who, err);

	if (rc != AIC_OK)
		return rc;
	s->n_approvals = who.n;
	memcpy(s->approver, who.uid, sizeof(who.uid));
	s->n_signed = who.n_signed;
	memcpy(s->signed_by, who.signed_by, sizeof(who.signed_by));
	return AIC_OK;
}

aic_code aic_settlement_prepare(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, const aic_tally *tally,
                                aic_prepared *out, aic_error *err)
{
	aic_settlement_line *line = aic_xcalloc(tally->n + 1, sizeof(*line));
	aic_code rc = addresses(b, ledger, tally, line, err);

	memset(out, 0, sizeof(*out));
	if (rc != AIC_OK) {
		free(line);
		return rc;
	}
	out->order = aic_xcalloc(tally->n + 1, sizeof(*out->order));
	out->line = aic_xcalloc(tally->n + 1, sizeof(*out->line));
	for (size_t i = 0; i < tally->n; i++)
		out->order[i] = i;
	qsort_r(out->order, tally->n, sizeof(*out->order), by_address, line);
	for (size_t i = 0; i < tally->n; i++)
		out->line[i] = line[out->order[i]];
	free(line);
	aic_str_copy(out->settlement.period, sizeof(out->settlement.period), batch->period);
	out->settlement.number = batch->number;
	out->settlement.evidence = batch->evidence;
	out->settlement.batch = batch->hash;
	out->settlement.n_lines = tally->n;
	out->settlement.line = out->line;
	rc = take_approvers(b, ledger, batch, &out->settlement, err);
	if (rc != AIC_OK)
		aic_settlement_clear(out);
	return rc;
}

void aic_settlement_clear(aic_prepared *p)
{
	free(p->line);
	free(p->order);
	memset(p, 0, sizeof(*p));
}

static aic_code take_rewards(const aic_prepared *p, const aic_settlement_result *r, aic_tally *tally, aic_error *err)
{
	if (r->n_lines != tally->n)
		return aic_fail(err, AIC_CORRUPT, "the ledger answers %zu lines for a settlement of %zu: run `aic ledger verify`", r->n_lines,
		                tally->n);
	for (size_t i = 0; i < tally->n; i++) {
		tally->sum[p->order[i]].reward = r->reward[i];
		tally->sum[p->order[i]].issued = r->issued[i];
		tally->sum[p->order[i]].settled = r->posted;
	}
	return AIC_OK;
}

aic_code aic_batch_preview(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, aic_tally *tally, aic_error *err)
{
	aic_settlement_result result = {0};
	aic_prepared p;
	aic_code rc = aic_settlement_prepare(b, ledger, batch, tally, &p, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_ledger_settle_preview(ledger, &p.settlement, &result, err);
	if (rc == AIC_OK)
		rc = take_rewards(&p, &result, tally, err);
	aic_settlement_result_clear(&result);
	aic_settlement_clear(&p);
	return rc;
}

/* --- posting --- */

static aic_code set_state(const aic_batches *b, const aic_batch *batch, aic_batch_state from, aic_batch_state to, uid_t uid,
                          int64_t now, aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_sql_run(b->store->db, err, "UPDATE batch SET state=?3, posted_by=?4, posted_at=?5 WHERE id=?1 AND state=?2", "iiiii",
	                 batch->id, (int64_t)from, (int64_t)to, (int64_t)uid, now);
	if (rc == AIC_OK && aic_sql_changes(b->store->db) == 1 && to == AIC_BATCH_POSTING)
		rc = aic_audit_add(b->store, uid, now, err, "posts batch %s/%llu, hash %s", batch->period, (unsigned long long)batch->number,
		                   aic_batch_hash_text(batch, (char[65]){0}));
	else if (rc == AIC_OK && aic_sql_changes(b->store->db) != 1)
		rc = aic_fail(err, AIC_REFUSED, "batch %s/%llu is no longer %s: look again with `aic batch list`", batch->period,
		              (unsigned long long)batch->number, aic_batch_state_name(from));
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

static aic_code settle_wallets(const aic_batches *b, const aic_tally *tally, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < tally->n && rc == AIC_OK; i++)
		rc = aic_store_unowe(aic_store_wallet_by_id(b->store, tally->sum[i].payer), tally->sum[i].gross, err);
	return rc;
}

/* What the ledger said becomes ours, in one transaction. */
static aic_code note_posted(const aic_batches *b, const aic_batch *batch, const aic_tally *tally, const aic_settlement_result *r,
                            aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_sql_run(b->store->db, err, "UPDATE batch SET state=?2, height=?3, tx=?4, posted_at=coalesce(posted_at, ?5) WHERE id=?1 AND"
	                 " state<3", "iiihi", batch->id, (int64_t)(r->final ? AIC_BATCH_FINAL : AIC_BATCH_POSTED), (int64_t)r->height, &r->tx,
	                 aic_now());
	for (size_t i = 0; i < tally->n && rc == AIC_OK; i++) {
		const aic_sum *s = &tally->sum[i];
		rc = aic_sql_run(b->store->db, err, "UPDATE batch_line SET reward=?5, issued=?6 WHERE batch=?1 AND payer=?2 AND payee=?3"
		                                    " AND kind=?4", "iiiiaa", batch->id, s->payer, s->payee, (int64_t)s->kind, &s->reward,
		                 &s->issued);
	}
	if (rc == AIC_OK)
		rc = settle_wallets(b, tally, err);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

static aic_code may_post(const aic_batches *b, const aic_batch *batch, aic_error *err)
{
	unsigned long long number = batch->number;
	aic_approval_policy need = aic_batches_policy(b);
	char have[64];

	if (!b->config->enforce)
		return aic_fail(err, AIC_REFUSED, "mode is observe: batch %s/%llu is on paper only and is not posted; set `mode: enforce` in %s"
		                                  " and restart aicacctd to post", batch->period, number, b->config->path);
	if (batch->state == AIC_BATCH_CLOSING)
		return aic_batch_closed(batch, err);
	if (batch->state == AIC_BATCH_REVIEW || (batch->state == AIC_BATCH_APPROVED && !aic_approved_enough(&batch->approved, &need)))
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu has %s approvals: `aic batch approve%s %s/%llu` first", batch->period, number,
		                aic_approved_text(have, &batch->approved, &need), need.signatures ? " --key FILE" : "", batch->period, number);
	if (batch->state >= AIC_BATCH_POSTED)
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu is posted already, at height %llu", batch->period, number,
		                (unsigned long long)batch->height);
	if (!batch->lines)
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu has no line left that costs anything: there is nothing to post", batch->period,
		                number);
	return AIC_OK;
}

static aic_code settle(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, aic_tally *tally, uid_t uid, int64_t now,
                       aic_error *err)
{
	aic_settlement_result result = {0};
	aic_prepared p;
	aic_code rc = aic_settlement_prepare(b, ledger, batch, tally, &p, err);

	if (rc != AIC_OK)
		return rc;
	if (batch->state == AIC_BATCH_APPROVED)
		rc = set_state(b, batch, AIC_BATCH_APPROVED, AIC_BATCH_POSTING, uid, now, err);
	if (rc == AIC_OK) {
		AIC_FAILPOINT("before settle");
		rc = aic_ledger_settle(ledger, &p.settlement, &result, err);
		AIC_FAILPOINT("after settle");
		/* a refusal is certain: the batch can be approved, held or posted again. No answer is not: it stays "posting". */
		if (rc == AIC_REFUSED || rc == AIC_USAGE)
			set_state(b, batch, AIC_BATCH_POSTING, AIC_BATCH_APPROVED, uid, now, NULL);
	}
	if (rc == AIC_OK)
		rc = take_rewards(&p, &result, tally, err);
	if (rc == AIC_OK)
		rc = note_posted(b, batch, tally, &result, err);
	aic_settlement_result_clear(&result);
	aic_settlement_clear(&p);
	return rc;
}

aic_code aic_batch_post(const aic_batches *b, aic_ledger *ledger, aic_batch *batch, uid_t uid, int64_t now, aic_error *err)
{
	aic_tally tally = {0};
	aic_code rc = may_post(b, batch, err);

	if (rc == AIC_OK)
		rc = aic_batch_sums(b->store, batch, &tally, err);
	if (rc == AIC_OK)
		rc = settle(b, ledger, batch, &tally, uid, now, err);
	aic_tally_clear(&tally);
	return rc == AIC_OK ? aic_batch_find(b->store, batch->period, batch->number, batch, err) : rc;
}

aic_code aic_batch_place_of(const aic_batches *b, aic_ledger *l, const char *period, uint64_t number, const aic_sum *sum, uint64_t *line,
                                aic_error *err)
{
	aic_tally tally = {0};
	aic_prepared p = {0};
	aic_batch batch;
	aic_code rc = aic_batch_find(b->store, period, number, &batch, err);

	if (rc == AIC_OK)
		rc = aic_batch_sums(b->store, &batch, &tally, err);
	if (rc == AIC_OK)
		rc = aic_settlement_prepare(b, l, &batch, &tally, &p, err);
	*line = UINT64_MAX;
	for (size_t i = 0; i < tally.n && rc == AIC_OK; i++) {
		const aic_sum *s = &tally.sum[p.order[i]];
		if (s->payer == sum->payer && s->payee == sum->payee && s->kind == sum->kind)
			*line = i;
	}
	if (rc == AIC_OK && *line == UINT64_MAX)
		rc = aic_fail(err, AIC_CORRUPT, "batch %s/%llu has no sum of %s paying %s: restore accounting.db", period, (unsigned long long)number,
		              aic_store_wallet_by_id(b->store, sum->payer)->name, aic_store_wallet_by_id(b->store, sum->payee)->name);
	aic_settlement_clear(&p);
	aic_tally_clear(&tally);
	return rc;
}

/* --- repair --- */

/* The ledger has a batch of that key which is not the one here: a database from a backup, whose period was closed again. */
static aic_code note_conflict(const aic_batches *b, const aic_batch *batch, const aic_settlement_result *r, aic_error *err)
{
	char what[48];

	snprintf(what, sizeof(what), "batch %s/%llu", batch->period, (unsigned long long)batch->number);
	if (aic_store_meta(b->store, what, 0) == (int64_t)r->height)
		return AIC_OK;
	aic_warn("%s is on the ledger at height %llu with other lines, so accounting.db is older than that: restore a newer copy; or void the"
	         " lines that were paid there, and hold and release the others, which then go to the next batch", what,
	         (unsigned long long)r->height);
	return aic_store_meta_set(b->store, what, (int64_t)r->height, err);
}

static aic_code repair_one(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, int64_t now, aic_error *err)
{
	aic_settlement_result result = {0};
	aic_tally tally = {0};
	aic_prepared p = {0};
	aic_code rc = aic_ledger_settlement_get(ledger, batch->period, batch->number, &result, err);

	if (rc == AIC_NOT_FOUND) {
		if (batch->state != AIC_BATCH_POSTING)
			return AIC_OK;
		aic_info("batch %s/%llu had not reached the ledger: approved again, post it once more", batch->period,
		         (unsigned long long)batch->number);
		return set_state(b, batch, AIC_BATCH_POSTING, AIC_BATCH_APPROVED, (uid_t)batch->posted_by, now, err);
	}
	if (rc == AIC_OK && batch->state == AIC_BATCH_POSTED)
		rc = result.final ? aic_sql_run(b->store->db, err, "UPDATE batch SET state=4 WHERE id=?1 AND state=3", "i", batch->id) : AIC_OK;
	else if (rc == AIC_OK && (!aic_hash_equal(&result.batch, &batch->hash) || !aic_hash_equal(&result.evidence, &batch->evidence)))
		rc = note_conflict(b, batch, &result, err);
	else if (rc == AIC_OK) {
		rc = aic_batch_sums(b->store, batch, &tally, err);
		if (rc == AIC_OK)
			rc = aic_settlement_prepare(b, ledger, batch, &tally, &p, err);
		if (rc == AIC_OK)
			rc = take_rewards(&p, &result, &tally, err);
		if (rc == AIC_OK)
			rc = note_posted(b, batch, &tally, &result, err);
		if (rc == AIC_OK)
			aic_info("batch %s/%llu was on the ledger at height %llu already: noted", batch->period,
			         (unsigned long long)batch->number, (unsigned long long)result.height);
	}
	aic_settlement_result_clear(&result);
	aic_settlement_clear(&p);
	aic_tally_clear(&tally);
	return rc;
}

aic_code aic_batch_repair(const aic_batches *b, aic_ledger *ledger, int64_t now, aic_error *err)
{
	aic_batch *batch;
	size_t n;
	aic_code rc = aic_batch_list(b->store, &batch, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		if (batch[i].state < AIC_BATCH_FINAL)
			rc = repair_one(b, ledger, &batch[i], now, err);
	free(batch);
	return rc;
}
