/* serve_erase.c: erasing what names a person, and the proof that a posted batch still stands. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/erase.h"
#include "accounting/leaf.h"
#include "common/log.h"

#define BUDGET_MS 200       /* of a request, and of a turn */
#define EVERY_MS 3600000
#define OTHER_MS 5000       /* after which an erasure that nobody goes on with gives way to another user's */
#define DAY 86400

/* A uid becomes its name where this host knows it. */
static void user_name(char user[AIC_NAME_LEN])
{
	char *rest;
	unsigned long uid = strtoul(user, &rest, 10);
	const struct passwd *pw = user[0] && !*rest ? getpwuid((uid_t)uid) : NULL;

	if (pw)
		aic_str_copy(user, AIC_NAME_LEN, pw->pw_name);
}

/* [user] : records erased and records that wait, so far; whether that is not all yet: then asked again it goes on */
aic_code aic_serve_erase(aic_request *q, aic_error *err)
{
	char user[AIC_NAME_LEN];
	aic_erase_pass *p = &q->d->erasing;
	int64_t mono = aic_monotonic_ms();
	bool done = false;

	aic_cbor_text(q->args, user, sizeof(user));
	aic_code rc = aic_cbor_finish(q->args, err);
	user_name(user);
	if (rc == AIC_OK && strcmp(p->user, user)) {
		if (p->user[0] && mono - q->d->erasing_at < OTHER_MS)
			return aic_fail(err, AIC_REFUSED, "another user's records are being erased: ask again when that is done");
		*p = (aic_erase_pass){.after = 0};
		aic_str_copy(p->user, sizeof(p->user), user);
	}
	if (rc == AIC_OK)
		rc = aic_erase_step(&q->d->batches, p, q->who->uid, aic_now(), mono + BUDGET_MS, &done, err);
	q->d->erasing_at = aic_monotonic_ms();
	aic_erase_pass now = *p;
	if (rc != AIC_OK || done)
		*p = (aic_erase_pass){.after = 0};
	if (rc != AIC_OK)
		return rc;
	if (done)
		aic_info("uid %u erased what names one user: %llu records, %llu wait", (unsigned)q->who->uid, (unsigned long long)now.erased,
		         (unsigned long long)now.waiting);
	aic_cbor_put_uint(q->out, now.erased);
	aic_cbor_put_uint(q->out, now.waiting);
	aic_cbor_put_bool(q->out, !done);
	*q->items = 3;
	return AIC_OK;
}

/* [period, number] : batch, lines, leaves of erased records, evidence; refused or corrupt where it does not stand */
aic_code aic_serve_batch_verify(aic_request *q, aic_error *err)
{
	uint64_t lines = 0, erased = 0;
	char period[16], name[48], hex[65];
	aic_batch batch;

	aic_cbor_text(q->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_batch_find(q->d->store, period, number, &batch, err);
	if (rc == AIC_OK)
		rc = aic_batch_verify(&q->d->batches, &batch, &lines, &erased, err);
	if (rc != AIC_OK)
		return rc;
	snprintf(name, sizeof(name), "%s/%llu", batch.period, (unsigned long long)batch.number);
	aic_hash_hex(hex, &batch.evidence);
	aic_cbor_put_text(q->out, name);
	aic_cbor_put_uint(q->out, lines);
	aic_cbor_put_uint(q->out, erased);
	aic_cbor_put_text(q->out, hex);
	*q->items = 4;
	return AIC_OK;
}

/* Who sees the line's job, for bytes held who sees the payer's wallet. */
static aic_code may_see(aic_request *q, int64_t line, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT coalesce(r.account, ''), coalesce(r.user, ''), l.payer, l.payee FROM line l LEFT JOIN"
	                            " record r ON r.id=l.record WHERE l.id=?1", "i", line);

	if (rc == AIC_OK)
		rc = aic_sql_step(q->d->store->db, st, err);
	if (rc != AIC_OK && rc != AIC_NOT_FOUND)
		return rc;
	bool sees = false, named = true;
	if (rc == AIC_OK) {
		const char *payee = aic_store_wallet_by_id(q->d->store, sqlite3_column_int64(st, 3))->name;
		named = !strcmp(aic_viewer_payee(q->viewer, &q->d->config, payee), payee);
		const char *account = aic_sql_text(st, 0), *payer = aic_store_wallet_by_id(q->d->store, sqlite3_column_int64(st, 2))->name;
		sees = account[0] ? aic_viewer_sees_job(q->viewer, account, aic_sql_text(st, 1)) : aic_viewer_sees_wallet(q->viewer, payer);
		aic_sql_done(st);
	}
	if (sees && !named)
		return aic_fail(err, AIC_REFUSED, "line %lld names a provider that is not named to those who pay it: ask an administrator for its proof",
		                (long long)line);
	return sees ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "you may see no line %lld: `aic batch lines` shows administrators their numbers, `aic"
	                                " explain JOB` yours", (long long)line);
}

/* [line] : site, period, number, lines, index, evidence, leaf, [* path] */
aic_code aic_serve_batch_prove(aic_request *q, aic_error *err)
{
	aic_leaf_proof p;
	int64_t line = aic_cbor_int(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = may_see(q, line, err);
	if (rc == AIC_OK)
		rc = aic_leaf_prove(&q->d->batches, line, &p, err);
	if (rc != AIC_OK)
		return rc;
	aic_cbor_put_text(q->out, p.site);
	aic_cbor_put_text(q->out, p.period);
	aic_cbor_put_uint(q->out, p.number);
	aic_cbor_put_uint(q->out, p.lines);
	aic_cbor_put_uint(q->out, p.index);
	aic_cbor_put_bytes(q->out, p.evidence.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(q->out, p.leaf.data, p.leaf.len);
	aic_cbor_put_array(q->out, p.steps);
	for (size_t i = 0; i < p.steps; i++)
		aic_cbor_put_bytes(q->out, p.path[i].b, AIC_HASH_LEN);
	*q->items = 8;
	aic_leaf_proof_clear(&p);
	return AIC_OK;
}

void aic_acctd_erase(aic_acctd *d)
{
	int64_t now = aic_now(), mono = aic_monotonic_ms();
	aic_error e = {0};
	bool done = false;

	if (d->erased_at && mono - d->erased_at < EVERY_MS)
		return;
	if (aic_erase_due(&d->batches, &d->erase_round, d->config.retention ? now - d->config.retention * DAY : 0, now, mono + BUDGET_MS, &done,
	                  &e) != AIC_OK)
		aic_error_log("erasing what is due: %s", e.message);
	else if (!done)
		return;
	d->erased_at = mono;
	d->erase_round = (aic_erase_round){.day = 0};
}
