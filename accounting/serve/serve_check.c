/* serve_check.c: what only the daemon knows about its health, as findings for `aic doctor`. */
#include <stdio.h>
#include <string.h>

#include "accounting/acctd.h"
#include "common/log.h"
#include "common/spool.h"

#define HEARTBEAT_LATE 120   /* seconds */
#define ASSOCIATIONS_LATE 300

static void finding(aic_rows *r, const char *level, const char *what, const char *found, const char *remedy)
{
	aic_rows_text(r, level);
	aic_rows_text(r, what);
	aic_rows_text(r, found);
	aic_rows_text(r, remedy);
}

static aic_code check_spools(aic_request *q, aic_rows *r, aic_error *err)
{
	char what[200], found[200], dir[AIC_PATH_LEN + AIC_NAME_LEN];
	sqlite3_stmt *st;
	size_t n = 0;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT host, number FROM spool ORDER BY host", "");

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		snprintf(dir, sizeof(dir), "%s/%.100s", q->d->config.spool, aic_sql_text(st, 0));
		int64_t age = aic_spool_heartbeat_age(dir);
		bool late = age < 0 || age > HEARTBEAT_LATE;
		snprintf(what, sizeof(what), "spool of %.100s", aic_sql_text(st, 0));
		snprintf(found, sizeof(found), "read up to record %lld; heartbeat %s%lld s ago", (long long)sqlite3_column_int64(st, 1),
		         late ? "last seen " : "", (long long)age);
		if (age < 0)
			snprintf(found, sizeof(found), "read up to record %lld; no heartbeat", (long long)sqlite3_column_int64(st, 1));
		finding(r, late ? "warn" : "ok", what, found,
		        late ? "if slurmctld runs on that host, look for jobcomp/aic in its log; if another controller took over, none is needed"
		             : NULL);
		n++;
	}
	if (rc == AIC_NOT_FOUND && !n)
		finding(r, "warn", "spools", "no slurmctld has written a record yet",
		        "set JobCompType=jobcomp/aic and restart slurmctld; run a job");
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code check_damage(aic_request *q, aic_rows *r, aic_error *err)
{
	char what[200];
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT host, message FROM damage ORDER BY id DESC LIMIT 20", "");

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		snprintf(what, sizeof(what), "damage in spool of %.100s", aic_sql_text(st, 0));
		finding(r, "bad", what, aic_sql_text(st, 1), "compare with sacct (`aic reconcile`), then `aic doctor --forget-damage`");
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code check_count(aic_request *q, aic_rows *r, const char *what, const char *sql, const char *text, const char *remedy,
                            aic_error *err)
{
	char found[256];
	int64_t n = 0;
	aic_code rc = aic_sql_int(q->d->store->db, &n, err, sql, "");

	if (rc == AIC_OK && n) {
		snprintf(found, sizeof(found), text, (long long)n);
		finding(r, "warn", what, found, remedy);
	}
	return rc;
}

static void say_node(void *ctx, const char *node, const char *trouble)
{
	char what[AIC_NAME_LEN + 16];

	snprintf(what, sizeof(what), "node %s", node);
	if (!trouble)
		finding(ctx, "warn", what, "its aicnoded has not said hello for 20 minutes, so it may draw for no block", "start aicnoded there, or install"
		        " the same version; a node that is gone: aic doctor --forget-node");
	else
		finding(ctx, "warn", what, trouble[0] ? trouble : "it has no VRF key, so it draws for no block", "mend that on the node, and that"
		        " ledger.address in its aic.yaml leads to aicledgerd (ledger.listen); aicnoded tries again by itself");
}

static aic_code check_nodes(aic_request *q, aic_rows *r, aic_error *err)
{
	char found[100];
	size_t drawing;
	aic_code rc = aic_hellos_look(q->d->hellos, q->d->store, aic_now(), say_node, r, &drawing, err);

	snprintf(found, sizeof(found), "%zu can draw for blocks", drawing);
	if (rc == AIC_OK && drawing)
		finding(r, "ok", "nodes", found, NULL);
	return rc;
}

static void check_links(aic_request *q, aic_rows *r)
{
	char found[900];
	int64_t age = aic_assoc_age(q->d->store, aic_now());

	if (q->d->ledger_failure[0] || !q->d->ledger)
		finding(r, "bad", "aicacctd to aicledgerd", q->d->ledger_failure[0] ? q->d->ledger_failure : "not asked yet",
		        "start aicledgerd; charging goes on meanwhile, posting waits");
	else
		finding(r, "ok", "aicacctd to aicledgerd", "connected", NULL);
	if (age < 0)
		finding(r, "bad", "associations", "slurmdbd has not answered yet, so users see no account but administrators all",
		        "start slurmdbd; aicacctd's user needs to read associations: PrivateData=accounts,users hides them from it");
	else {
		bool late = age > ASSOCIATIONS_LATE;
		snprintf(found, sizeof(found), "slurmdbd answered %lld s ago", (long long)age);
		finding(r, late ? "warn" : "ok", "associations", found, late ? "start slurmdbd; the last answer stays in force" : NULL);
	}
}

/* [] : rows of level, what, found, remedy */
aic_code aic_serve_check(aic_request *q, aic_error *err)
{
	aic_rows r = {.columns = 4};
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = check_spools(q, &r, err);
	if (rc == AIC_OK)
		rc = check_damage(q, &r, err);
	if (rc == AIC_OK)
		rc = check_count(q, &r, "double records", "SELECT count(*) FROM duplicate", "%lld later records of a run differ from the one"
		                 " that counts", "none is needed: they are kept and not charged; `aic report uncharged` lists them", err);
	if (rc == AIC_OK)
		rc = check_count(q, &r, "contradicting receipts", "SELECT count(*) FROM receipt_conflict", "%lld receipts contradict an"
		                 " earlier one of the same step", "look at the nodes: two aicnoded may share a name", err);
	if (rc == AIC_OK)
		rc = check_count(q, &r, "batches", "SELECT count(*) FROM meta WHERE key LIKE 'batch %'", "%lld batches are on the ledger with other"
		                 " lines: accounting.db was put back from an older copy", "restore a newer copy; or void the lines that were paid"
		                 " there (`aic history`), hold and release the others", err);
	if (rc == AIC_OK)
		rc = check_nodes(q, &r, err);
	if (rc == AIC_OK)
		check_links(q, &r);
	aic_rows_finish(&r, q->out);
	*q->items = 1;
	return rc;
}

/* [] : how many notes were forgotten */
aic_code aic_serve_forget_damage(aic_request *q, aic_error *err)
{
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(q->d->store->db, err, "DELETE FROM damage", "");
	if (rc == AIC_OK)
		aic_info("uid %u: damage of the spools forgotten", (unsigned)q->who->uid);
	aic_cbor_put_int(q->out, aic_sql_changes(q->d->store->db));
	*q->items = 1;
	return rc;
}
