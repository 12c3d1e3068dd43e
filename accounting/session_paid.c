/* session_paid.c: once a settlement that paid for a session is final, the ledger is shown its line: what the session adds to its provider's
 * rating, and pays those who judged it. The ledger says whether it was done, so that a crash between asking and noting repeats nothing. */
#include <stdlib.h>
#include <string.h>

#include "accounting/post.h"
#include "accounting/session_watch.h"
#include "common/log.h"

enum { WAITS, RATED, NOT_RATED }; /* session_fee.state */

typedef struct {
	int64_t session;
	aic_hash id;
	uint64_t state;
	bool settled, user_run;
	char provider[AIC_NAME_LEN];
	aic_amount fee;
} unpaid;

static aic_code read_unpaid(aic_sql *db, unpaid **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT f.session, s.session, s.state, s.settled, f.provider, f.fee, s.run FROM session_fee f JOIN session s"
	                            " ON s.id=f.session WHERE f.state=0 AND s.closing=1 AND s.state>=4 ORDER BY f.session LIMIT 1024", "");

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*out = aic_xrealloc(*out, (*n ? 2 * *n : 1) * sizeof(**out));
		unpaid *u = &(*out)[(*n)++];
		memset(u, 0, sizeof(*u));
		u->session = sqlite3_column_int64(st, 0);
		memcpy(u->id.b, sqlite3_column_blob(st, 1), AIC_HASH_LEN);
		u->state = (uint64_t)sqlite3_column_int64(st, 2);
		u->settled = sqlite3_column_int(st, 3);
		aic_str_copy(u->provider, sizeof(u->provider), aic_sql_text(st, 4));
		u->fee = aic_sql_amount(st, 5);
		u->user_run = sqlite3_column_int(st, 6) == AIC_RUN_USER;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code note(aic_sql *db, const unpaid *u, int state, uint64_t height, const char *why, aic_error *err)
{
	return aic_sql_run(db, err, "UPDATE session_fee SET state=?3, height=?4, why=?5 WHERE session=?1 AND provider=?2 AND state=0", "itiit",
	                   u->session, u->provider, (int64_t)state, (int64_t)height, why);
}

typedef struct {
	size_t runs, open;     /* runs that are charged, and lines that are in no final batch */
	char period[16];
	uint64_t number;
	aic_sum sum;           /* payer 0: nothing was paid */
} payment;

/* The largest of the lines that paid the session's nodes of that provider. */
static aic_code find_payment(aic_sql *db, const unpaid *u, payment *p, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT b.period, b.number, coalesce(b.state, -1), l.payer, l.payee, l.gross FROM session_node n JOIN"
	                            " record r ON r.job=n.job AND r.cluster=n.cluster AND r.restart=n.restart AND r.ended>=n.since JOIN line l ON l.id"
	                            " BETWEEN r.first_line AND r.last_line AND l.node=n.node AND l.kind=?3 LEFT JOIN batch b ON b.id=l.batch WHERE"
	                            " n.session=?1 AND n.provider=?2 ORDER BY l.gross DESC", "iti", u->session, u->provider, (int64_t)AIC_KIND_HARDWARE);

	memset(p, 0, sizeof(*p));
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		aic_amount gross = aic_sql_amount(st, 5);
		bool final = sqlite3_column_int(st, 2) == AIC_BATCH_FINAL;
		p->runs++;
		p->open += gross && !final;
		if (!gross || !final || p->sum.payer)
			continue;
		aic_str_copy(p->period, sizeof(p->period), aic_sql_text(st, 0));
		p->number = (uint64_t)sqlite3_column_int64(st, 1);
		p->sum = (aic_sum){.payer = sqlite3_column_int64(st, 3), .payee = sqlite3_column_int64(st, 4), .kind = AIC_KIND_HARDWARE};
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static bool rated_there(const aic_ledger_session *w, const char *provider)
{
	for (size_t i = 0; i < w->n_fees; i++)
		if (!strcmp(w->fee[i].provider, provider))
			return w->fee[i].rated;
	return false;
}

static aic_code rate(aic_acctd *d, aic_ledger *l, const unpaid *u, const payment *p, aic_error *err)
{
	aic_ledger_session *w = aic_xcalloc(1, sizeof(*w));
	uint64_t line = 0, height = 0;
	aic_code rc = aic_ledger_session_get(l, &u->id, w, err);
	bool there = rc == AIC_OK && rated_there(w, u->provider);

	free(w);
	if (rc == AIC_OK && !there)
		rc = aic_batch_place_of(&d->batches, l, p->period, p->number, &p->sum, &line, err);
	if (rc == AIC_OK && !there) {
		AIC_FAILPOINT("before rating");
		rc = aic_ledger_session_rate(l, &u->id, u->provider, p->period, p->number, line, &height, err);
		AIC_FAILPOINT("after rating");
	}
	if (rc == AIC_REFUSED)
		return note(d->store->db, u, NOT_RATED, 0, err->message, err);
	if (rc == AIC_OK && u->state == AIC_SESSION_REFUTED)
		return note(d->store->db, u, NOT_RATED, height, "refuted, and charged: its fee pays those who judged it", err);
	return rc == AIC_OK ? note(d->store->db, u, RATED, height, NULL, err) : rc;
}

static aic_code take(aic_acctd *d, aic_ledger *l, const unpaid *u, aic_error *err)
{
	payment p;

	bool charged = u->state == AIC_SESSION_REFUTED && u->user_run && u->settled; /* its fee pays its judges */

	if (u->state != AIC_SESSION_VERIFIED && u->state != AIC_SESSION_UNCHALLENGED && !charged)
		return u->settled ? note(d->store->db, u, NOT_RATED, 0, aic_session_state_name(u->state), err) : AIC_OK;
	if (!u->fee)
		return note(d->store->db, u, NOT_RATED, 0, "its seconds cost nothing", err);
	aic_code rc = find_payment(d->store->db, u, &p, err);
	if (rc != AIC_OK || !p.runs || p.open)
		return rc;
	return p.sum.payer ? rate(d, l, u, &p, err) : note(d->store->db, u, NOT_RATED, 0, "nothing was paid for it", err);
}

aic_code aic_session_rate_paid(aic_acctd *d, aic_ledger *l, aic_error *err)
{
	unpaid *all;
	size_t n;
	aic_code rc = read_unpaid(d->store->db, &all, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = take(d, l, &all[i], err);
	free(all);
	return rc;
}
