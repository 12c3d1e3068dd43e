/* serve_explain.c: every number of a job from its record to the payout, each with the rule that it comes from. */
#include <slurm/slurm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/charge.h"
#include "accounting/receipts.h"
#include "accounting/refund.h"

typedef struct {
	aic_request *q;
	aic_rows rows;
	const char *dataset, *model; /* of the record at hand */
} explanation;

static void say(explanation *e, const char *what, const char *rule, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void say(explanation *e, const char *what, const char *rule, const char *fmt, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	aic_rows_text(&e->rows, what);
	aic_rows_text(&e->rows, value);
	aic_rows_text(&e->rows, rule);
}

static void say_node(explanation *e, const aic_job_record *r, const aic_node_share *n)
{
	const aic_rates *rates = aic_registry_rates(e->q->d->registry, r->submit);
	char rate[AIC_AMOUNT_TEXT], cpu[AIC_AMOUNT_TEXT], mem[AIC_AMOUNT_TEXT];

	for (uint32_t i = 0; i < n->gpu_types; i++)
		say(e, "held", "rate of the GPU's type at submit", "%s: %u x GPU %s at %s AIC/h", n->name, n->gpu[i].count,
		    n->gpu[i].type[0] ? n->gpu[i].type : "(no type)", aic_amount_format(rate, aic_rate_of_gpu(rates, n->gpu[i].type)));
	say(e, "held", "rates at submit", "%s: %u x CPU at %s AIC/h, %llu MiB at %s AIC per GiB and hour", n->name, n->cpus,
	    aic_amount_format(cpu, rates->cpu), (unsigned long long)n->mem_mib, aic_amount_format(mem, rates->mem_gib));
}

/* Slurm's numbers for steps that are none of the user's. */
static const char *step_name(char out[16], uint32_t step)
{
	if (step == SLURM_BATCH_SCRIPT)
		return "batch";
	if (step == SLURM_EXTERN_CONT)
		return "extern";
	if (step == SLURM_INTERACTIVE_STEP)
		return "interactive";
	snprintf(out, 16, "%u", step);
	return out;
}

static void say_receipt(explanation *e, const aic_receipt *r)
{
	char gpu[120] = "not measured", cpu[32] = "not measured", step[16];

	if (r->gpu_ms != AIC_UNKNOWN)
		snprintf(gpu, sizeof(gpu), "%llu ms", (unsigned long long)r->gpu_ms);
	if (r->gpu_ms != AIC_UNKNOWN && r->activity.samples)
		snprintf(gpu + strlen(gpu), sizeof(gpu) - strlen(gpu), " (SM activity %.1f %%, deviation %.2f %%; tensor cores %.1f %%)",
		         r->activity.sm_ppm / 1e4, r->activity.sm_sd_ppm / 1e4, r->activity.tensor_ppm / 1e4);
	if (r->cpu_ms != AIC_UNKNOWN)
		snprintf(cpu, sizeof(cpu), "%llu ms", (unsigned long long)r->cpu_ms);
	say(e, "receipt", "signed by the node", "%s step %s: CPU time %s, GPU time %s, %lld s", r->node, step_name(step, r->step_id), cpu, gpu,
	    (long long)(r->end - r->start));
}

static aic_code say_receipts(explanation *e, const aic_job_record *r, int64_t started, int64_t ended, aic_error *err)
{
	aic_receipts *all = &e->q->d->store->receipts;
	aic_rated_run run = {.cluster = r->cluster, .job = r->job_id, .restart = r->restart, .started = started, .ended = ended};
	aic_code rc = aic_receipts_of_life(e->q->d->store, &run, true, all, err);

	for (size_t i = 0; i < all->n && rc == AIC_OK; i++)
		say_receipt(e, &all->receipt[i]);
	if (rc == AIC_OK && !all->n)
		say(e, "receipt", "no proof, no reward", "none came");
	return rc;
}

/* Its sessions, and their seconds on the nodes of this run. */
static aic_code say_sessions(explanation *e, const aic_job_record *r, aic_error *err)
{
	aic_sql *db = e->q->d->store->db;
	char words[AIC_SESSION_WORDS];
	aic_session_row *row;
	size_t n;
	aic_code rc = aic_session_rows(db, AIC_SESSIONS_OF_JOB, r->cluster, r->job_id, &row, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		aic_session_node_row *node;
		size_t nodes;
		say(e, "session", "what others computed again of it; `aic session show`", "%s", aic_session_counting(words, &row[i]));
		rc = aic_session_nodes_of(db, row[i].id, &node, &nodes, err);
		for (size_t k = 0; k < nodes && rc == AIC_OK; k++)
			if (node[k].step.job == r->job_id && node[k].step.restart == r->restart)
				say(e, "session", "from its opening to its last commitment, where it is proven; else to its end", "%s: %lld s of it",
				    node[k].share.name, (long long)aic_session_seconds(&row[i], &node[k], aic_now()));
		free(node);
	}
	free(row);
	return rc;
}

/* Who gets which part of what an asset earns. */
static void say_shares(explanation *e, const aic_lineage *l)
{
	char text[400];

	for (size_t i = 0; i < l->n && l->n > 1; i++) {
		const aic_ancestor *a = &l->asset[i];
		uint64_t own = AIC_PPM;
		size_t at = 0;
		text[0] = '\0';
		for (size_t k = 0; k < a->n_parents; k++) {
			own -= a->parent[k].ppm;
			if (at < sizeof(text) - 1)
				at += (size_t)snprintf(text + at, sizeof(text) - at, ", %llu ppm to %s", (unsigned long long)a->parent[k].ppm,
				                       l->asset[a->parent[k].at].name);
		}
		say(e, "share", "what it was made from, floor(amount x ppm / 10^6), largest remainders one unit more", "%s, of %s: keeps %llu ppm%s",
		    a->name, aic_viewer_payee(e->q->viewer, &e->q->d->config, a->owner), (unsigned long long)own, text);
	}
}

static void say_asset(explanation *e, const aic_job_record *r, int64_t started, const char *name, bool is_model)
{
	char per_job[AIC_AMOUNT_TEXT], per_gpu_hour[AIC_AMOUNT_TEXT], number[2 * AIC_ASSET_ID_LEN + 1] = "", rule[160] = "aic.yaml's terms at submit";
	const char *what = is_model ? "model" : "data set";
	aic_asset_version v;

	if (!name[0])
		return;
	if (!aic_registry_asset(e->q->d->registry, name, is_model, r->submit, started, &v)) {
		say(e, "terms", "who registers it after the submission is not paid", "%s %s was not registered at submit", what, name);
		return;
	}
	bool on_ledger = v.lineage && memcmp(v.lineage->number, (uint8_t[AIC_ASSET_ID_LEN]){0}, AIC_ASSET_ID_LEN) != 0;
	if (on_ledger) {
		aic_hex(number, v.lineage->number, sizeof(v.lineage->number));
		snprintf(rule, sizeof(rule), "the ledger's terms at submit, asset 0x%s", number);
	}
	say(e, "terms", rule, "%s %s: %s AIC per job, once a job, and %s AIC per GPU hour, to %s%s%s%s%s", what, name,
	    aic_amount_format(per_job, v.terms.per_job), aic_amount_format(per_gpu_hour, v.terms.per_gpu_hour), aic_viewer_payee(e->q->viewer, &e->q->d->config, v.owner),
	    on_ledger && v.lineage->licence[0] ? "; licence " : "", on_ledger ? v.lineage->licence : "", on_ledger ? "; to verify by: " : "",
	    on_ledger ? aic_verify_terms_name(v.lineage->verify) : "");
	if (v.lineage)
		say_shares(e, v.lineage);
}

/* A line's own numbers, and what its batch made of it. */
static void say_line(explanation *e, sqlite3_stmt *st)
{
	char gross[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT], net[AIC_AMOUNT_TEXT];
	uint64_t fee_ppm = sqlite3_column_type(st, 5) == SQLITE_NULL ? e->q->d->fee_ppm : (uint64_t)sqlite3_column_int64(st, 5);
	aic_amount g = aic_sql_amount(st, 4), f = aic_fee_of(g, fee_ppm);
	const char *node = aic_sql_text(st, 0), *asset = aic_sql_text(st, 17);
	char rule[120];
	aic_line_kind kind = (aic_line_kind)sqlite3_column_int(st, 1);
	bool divided = kind != AIC_KIND_HARDWARE && strcmp(asset, kind == AIC_KIND_MODEL ? e->model : e->dataset) != 0;

	say(e, "charge", node[0] ? "floor(seconds x state ppm x SUM(rate x held) / (3600 x 10^6))" : divided ? "its share of what the asset "
	    "above earned" : "per job + floor(GPU seconds x price / 3600), less the shares of what it was made from", "%s %s: %s AIC from %s to %s",
	    aic_line_kind_name(kind), node[0] ? node : asset, aic_amount_format(gross, g), aic_sql_text(st, 2),
	    aic_viewer_payee(e->q->viewer, &e->q->d->config, aic_sql_text(st, 3)));
	if (aic_sql_text(st, 6)[0])
		say(e, "act", "an administrator's; `aic batch log`", "%s", aic_sql_text(st, 6));
	say(e, "fee", "floor(gross x fee ppm / 10^6)", "%s AIC at %llu ppm, net %s AIC", aic_amount_format(fee, f), (unsigned long long)fee_ppm,
	    aic_amount_format(net, g - f));
	const char *why = aic_quality_reason_text((aic_quality_reason)sqlite3_column_int(st, 10));
	say(e, "quality", "floor(verified x useful / 10^6)", "%lld ppm: verified %lld, useful %lld%s%s", (long long)sqlite3_column_int64(st, 9),
	    (long long)sqlite3_column_int64(st, 7), (long long)sqlite3_column_int64(st, 8), why[0] ? "; " : "", why);
	if (sqlite3_column_type(st, 5) == SQLITE_NULL) {
		int held = sqlite3_column_int(st, 18);
		say(e, "batch", held & AIC_HELD_SESSION ? "for seven days after the run's end at most; then its seconds count as metered"
		                                        : "what receipts may still change",
		    held & AIC_HELD_SESSION ? "held: it waits for its session, above" : held ? "held by an administrator" : "open");
		return;
	}
	snprintf(rule, sizeof(rule), "one settlement a batch; once posted, `aic batch prove %lld` proves this line", (long long)sqlite3_column_int64(st, 16));
	say(e, "batch", rule, "%s/%lld %s", aic_sql_text(st, 11), (long long)sqlite3_column_int64(st, 12),
	    aic_batch_state_name((aic_batch_state)sqlite3_column_int(st, 13)));
	if (sqlite3_column_type(st, 14) != SQLITE_NULL) {
		aic_amount part, stake = aic_sql_amount(st, 15), reward = aic_sql_amount(st, 14), own;
		char share[AIC_AMOUNT_TEXT], all[AIC_AMOUNT_TEXT];
		bool known = stake && aic_mul_div(&own, f, (uint64_t)sqlite3_column_int64(st, 9), 1) && aic_mul_div(&part, reward, own, stake);
		say(e, "reward", "the settlement's reward by stake (fee x quality)", "%s of the %s AIC that all lines of these two earned",
		    known ? aic_amount_format(share, part) : "0", aic_amount_format(all, reward));
	}
}

static aic_code say_refunds(explanation *e, int64_t line, aic_error *err)
{
	aic_refund *f;
	size_t n;
	char text[AIC_AMOUNT_TEXT];
	aic_code rc = aic_refund_list(e->q->d->store, line, &f, &n, err);

	for (size_t i = n; i-- > 0;)
		say(e, "refund", "a reversal on the ledger; the fee is not returned", "%s AIC from %s to %s, %s: %s",
		    aic_amount_format(text, f[i].amount), aic_viewer_payee(e->q->viewer, &e->q->d->config, aic_store_wallet_by_id(e->q->d->store, f[i].payee)->name),
		    aic_store_wallet_by_id(e->q->d->store, f[i].payer)->name, aic_refund_state_name(f[i].state), f[i].reason);
	free(f);
	return rc;
}

static aic_code say_lines(explanation *e, int64_t first, int64_t last, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(e->q->d->store->db, &st, err,
	                            "SELECT l.node, l.kind, p.name, q.name, l.gross, b.fee_ppm, l.act, l.verified, l.useful, l.quality,"
	                            " l.quality_reason, b.period, b.number, b.state, s.reward, s.stake, l.id, l.asset, l.held FROM line l JOIN wallet p ON"
	                            " p.id=l.payer JOIN wallet q ON q.id=l.payee LEFT JOIN batch b ON b.id=l.batch LEFT JOIN batch_line s ON"
	                            " s.batch=l.batch AND s.payer=l.payer AND s.payee=l.payee AND s.kind=l.kind WHERE l.id BETWEEN ?1 AND ?2"
	                            " ORDER BY l.node DESC, l.kind, l.id", "ii", first, last);

	while (rc == AIC_OK && (rc = aic_sql_step(e->q->d->store->db, st, err)) == AIC_OK) {
		say_line(e, st);
		rc = say_refunds(e, sqlite3_column_int64(st, 16), err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code say_record(explanation *e, const aic_job_record *r, sqlite3_stmt *st, aic_error *err)
{
	char start[AIC_TIME_TEXT], end[AIC_TIME_TEXT];
	int64_t flags = sqlite3_column_int64(st, 8);

	say(e, "record", flags & AIC_RECORD_SPLIT ? "from slurmdbd, nodes' shares from AdminComment" : flags & AIC_RECORD_ESTIMATED ?
	    "from slurmdbd, nodes' shares estimated" : "jobcomp/aic",
	    "job %u of %s, run %u, user %s, account %s, partition %s, %s", r->job_id, r->cluster, r->restart, r->user, r->account, r->partition,
	    aic_job_state_name(r->state));
	if (flags & AIC_RECORD_DOUBLE)
		say(e, "record", "the one that ended first counts", "Slurm told this run twice");
	say(e, "segment", r->resize ? "a resize divides the run" : "start to end", "%s to %s, suspended %lld s",
	    aic_time_format(start, sqlite3_column_int64(st, 2)), aic_time_format(end, sqlite3_column_int64(st, 3)), (long long)r->suspended);
	say(e, "seconds", "max(0, end - start - suspended), at most the time limit", "%lld", (long long)sqlite3_column_int64(st, 4));
	say(e, "state", "economics: what the state charges", "%lld ppm%s%s", (long long)sqlite3_column_int64(st, 5),
	    aic_sql_text(st, 7)[0] ? "; " : "", aic_sql_text(st, 7));
	for (uint32_t i = 0; i < r->nodes; i++)
		say_node(e, r, &r->node[i]);
	say_asset(e, r, sqlite3_column_int64(st, 2), r->dataset, false);
	say_asset(e, r, sqlite3_column_int64(st, 2), r->model, true);
	if (r->dataset[0] || r->model[0])
		say(e, "GPU seconds", "seconds x GPUs held, over all nodes", "%lld", (long long)sqlite3_column_int64(st, 11));
	e->dataset = r->dataset;
	e->model = r->model;
	aic_code rc = say_receipts(e, r, sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3), err);
	if (rc == AIC_OK)
		rc = say_sessions(e, r, err);
	return rc == AIC_OK ? say_lines(e, sqlite3_column_int64(st, 9), sqlite3_column_int64(st, 10), err) : rc;
}

/* [job, cluster] : rows of what, value, rule */
aic_code aic_serve_explain(aic_request *q, aic_error *err)
{
	explanation e = {.q = q, .rows = {.columns = 3}};
	char cluster[AIC_NAME_LEN];
	sqlite3_stmt *st;
	size_t seen = 0;
	int64_t job = aic_cbor_int(q->args);

	aic_cbor_text(q->args, cluster, sizeof(cluster));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, "SELECT id, body, started, ended, billable, state_ppm, status, reason, flags, first_line,"
		                   " last_line, gpu_seconds FROM record WHERE job=?1 AND (?2='' OR cluster=?2) ORDER BY cluster, submit, restart, started", "it",
		                   job, cluster);
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		aic_job_record r = {0};
		rc = aic_job_record_decode(&r, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), err);
		if (rc == AIC_OK && aic_viewer_sees_job(q->viewer, r.account, r.user)) {
			rc = say_record(&e, &r, st, err);
			seen++;
		}
		aic_job_record_clear(&r);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc == AIC_NOT_FOUND)
		rc = seen ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "no run of job %lld that you may see was charged: a run shows here once it has ended",
		                              (long long)job);
	aic_rows_finish(&e.rows, q->out);
	*q->items = 1;
	return rc;
}
