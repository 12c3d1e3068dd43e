#include "accounting/acts.h"

#include <stdio.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/rated.h"

static const char *const names[] = {"hold", "release", "adjust", "void", "penalize"};
static const char *const done[] = {"held", "released", "adjusted", "voided", "penalized"};
#define ACTS (sizeof(names) / sizeof(names[0]))

const char *aic_act_name(aic_act a)
{
	return (unsigned)a < ACTS ? names[a] : "unknown";
}

bool aic_act_parse(aic_act *a, const char *name)
{
	for (unsigned i = 0; i < ACTS; i++)
		if (!strcmp(name, names[i])) {
			*a = (aic_act)i;
			return true;
		}
	return false;
}

static bool changes_charge(aic_act a)
{
	return a == AIC_ACT_ADJUST || a == AIC_ACT_VOID;
}

typedef struct {
	int64_t id, batch, payer, job, record;
	aic_line_kind kind;
	int held;                  /* AIC_HELD_... */
	aic_amount gross, charged; /* charged: by the rates */
} acted_line;

static aic_code find_line(const aic_batches *b, int64_t id, acted_line *l, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT l.batch, l.payer, l.gross, coalesce(l.charged, l.gross), l.held, coalesce(r.job, 0),"
	                            " coalesce(b.state, 0), l.kind, l.record FROM line l LEFT JOIN record r ON r.id=l.record LEFT JOIN batch b ON b.id=l.batch"
	                            " WHERE l.id=?1", "i", id);

	if (rc == AIC_OK)
		rc = aic_sql_step(b->store->db, st, err);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "there is no line %lld: `aic batch lines` shows their numbers", (long long)id);
	if (rc != AIC_OK)
		return rc;
	*l = (acted_line){.id = id, .batch = sqlite3_column_int64(st, 0), .payer = sqlite3_column_int64(st, 1), .gross = aic_sql_amount(st, 2),
	            .charged = aic_sql_amount(st, 3), .held = sqlite3_column_int(st, 4), .job = sqlite3_column_int64(st, 5),
	            .record = sqlite3_column_int64(st, 8)};
	int state = sqlite3_column_int(st, 6);
	l->kind = (aic_line_kind)sqlite3_column_int(st, 7);
	aic_sql_done(st);
	if (state == AIC_BATCH_CLOSING)
		return aic_fail(err, AIC_REFUSED, "line %lld is in a batch that is still being closed: wait until `aic batch list` has it in review",
		                (long long)id);
	if (state >= AIC_BATCH_POSTING)
		return aic_fail(err, AIC_REFUSED, "line %lld is posted: nothing posted changes; `aic batch refund` takes back what it"
		                                  " paid", (long long)id);
	return AIC_OK;
}

static aic_code check(const acted_line *l, aic_act act, aic_amount amount, const char *reason, aic_error *err)
{
	char charged[AIC_AMOUNT_TEXT], wanted[AIC_AMOUNT_TEXT];

	if (!reason[0])
		return aic_fail(err, AIC_USAGE, "say why: --reason TEXT; it is kept with the line");
	if (act == AIC_ACT_HOLD && l->held & AIC_HELD_ADMIN)
		return aic_fail(err, AIC_REFUSED, "line %lld is held already", (long long)l->id);
	if (act == AIC_ACT_RELEASE && l->held == AIC_HELD_SESSION)
		return aic_fail(err, AIC_REFUSED, "line %lld waits for its training session, for 7 days at most: `aic explain %lld` shows which one",
		                (long long)l->id, (long long)l->job);
	if (act == AIC_ACT_RELEASE && !l->held)
		return aic_fail(err, AIC_REFUSED, "line %lld is not held", (long long)l->id);
	if (act == AIC_ACT_PENALIZE && l->kind != AIC_KIND_DATA && l->kind != AIC_KIND_MODEL)
		return aic_fail(err, AIC_REFUSED, "line %lld is %s: a penalty is for data and models; hold, adjust or void it", (long long)l->id,
		                aic_line_kind_name(l->kind));
	if (act == AIC_ACT_PENALIZE && (!amount || amount > AIC_PPM))
		return aic_fail(err, AIC_USAGE, "a penalty has 1 to 1000000 ppm");
	if (act == AIC_ACT_ADJUST && amount > l->charged)
		return aic_fail(err, AIC_REFUSED, "line %lld was charged %s AIC by the rates, %s would be more: an act can only lower it",
		                (long long)l->id, aic_amount_format(charged, l->charged), aic_amount_format(wanted, amount));
	return AIC_OK;
}

/* A line of storage is of no record. */
static aic_code count_usage(aic_store *s, const acted_line *l, bool add, aic_error *err)
{
	return l->record ? aic_usage_count(s->usage, s->db, l->record, add, err) : AIC_OK;
}

static aic_code apply(const aic_batches *b, const acted_line *l, aic_act act, aic_amount amount, const char *text, aic_error *err)
{
	aic_wallet_row *payer = aic_store_wallet_by_id(b->store, l->payer);
	aic_code rc;

	if (act == AIC_ACT_HOLD) {
		rc = aic_sql_run(b->store->db, err, "UPDATE line SET held=held|1, batch=NULL, act=?2 WHERE id=?1", "it", l->id, text);
		return rc == AIC_OK ? aic_sql_run(b->store->db, err, "INSERT OR IGNORE INTO late_line VALUES(?1)", "i", l->id) : rc;
	}
	if (act == AIC_ACT_RELEASE)
		return aic_sql_run(b->store->db, err, "UPDATE line SET held=held&~1, act=?2 WHERE id=?1", "it", l->id, text);
	if (act == AIC_ACT_PENALIZE)
		return aic_sql_run(b->store->db, err, "UPDATE line SET penalty=?2, act=?3 WHERE id=?1", "iit", l->id, (int64_t)amount, text);
	rc = count_usage(b->store, l, false, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(b->store->db, err, "UPDATE line SET gross=?2, charged=?3, act=?4 WHERE id=?1", "iaat", l->id, &amount, &l->charged,
	                 text);
	if (rc == AIC_OK)
		rc = aic_store_unowe(payer, l->gross, err);
	if (rc == AIC_OK)
		aic_store_owe(payer, amount);
	return rc == AIC_OK ? count_usage(b->store, l, true, err) : rc;
}

static aic_code act_inside(const aic_batches *b, int64_t id, aic_act act, aic_amount amount, const char *reason, uid_t uid,
                           int64_t now, aic_error *err)
{
	char text[256], was[AIC_AMOUNT_TEXT], is[AIC_AMOUNT_TEXT];
	acted_line l;
	aic_code rc = find_line(b, id, &l, err);

	if (act == AIC_ACT_VOID)
		amount = 0;
	if (rc == AIC_OK)
		rc = check(&l, act, amount, reason, err);
	if (rc != AIC_OK)
		return rc;
	snprintf(text, sizeof(text), "%s: %.200s", done[act], reason);
	if (act == AIC_ACT_PENALIZE)
		snprintf(text, sizeof(text), "penalized %llu ppm: %.200s", (unsigned long long)amount, reason);
	rc = apply(b, &l, act, amount, text, err);
	if (rc == AIC_OK)
		rc = aic_rate_line(b->store, id, err);
	if (rc == AIC_OK && l.batch)
		rc = aic_batch_reopen(b, l.batch, err);
	if (rc == AIC_OK)
		rc = aic_audit_add(b->store, uid, now, err, "line %lld of job %lld (%s -> %s AIC) %s", (long long)id, (long long)l.job,
		                   aic_amount_format(was, l.gross), aic_amount_format(is, changes_charge(act) ? amount : l.gross), text);
	return rc;
}

aic_code aic_line_act(const aic_batches *b, int64_t line, aic_act act, aic_amount amount, const char *reason, uid_t uid, int64_t now,
                      aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = act_inside(b, line, act, amount, reason, uid, now, err);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}
