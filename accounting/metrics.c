#include "accounting/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"

#define EVERY_MS 15000
#define MODE 0640 /* balances are not for everybody; a setgid directory gives the file to the collector's group */

typedef struct {
	char account[AIC_NAME_LEN];
	int64_t runs, cpu_seconds, gpu_seconds;
} used;

struct aic_metrics {
	int64_t written_at;    /* monotonic ms; 0: never */
	int64_t last;          /* id of the last record that is counted; -1 before the first call */
	size_t n; used *used;
	bool complained;
};

aic_metrics *aic_metrics_new(void)
{
	aic_metrics *m = aic_xcalloc(1, sizeof(*m));

	m->last = -1;
	return m;
}

void aic_metrics_free(aic_metrics *m)
{
	if (!m)
		return;
	free(m->used);
	free(m);
}

/* --- the text format --- */

static void head(aic_bytes *out, const char *name, const char *type, const char *help)
{
	aic_bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(aic_bytes *out, const char *name, const char *type, const char *help, int64_t v)
{
	head(out, name, type, help);
	aic_bytes_printf(out, "%s %" PRId64 "\n", name, v);
}

static void labelled(aic_bytes *out, const char *name, const char *label, const char *value)
{
	aic_bytes_printf(out, "%s{%s=\"", name, label);
	for (const char *p = value; *p; p++) {
		if (*p == '\n')
			aic_bytes_append_str(out, "\\n");
		else
			aic_bytes_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	}
	aic_bytes_append_str(out, "\"} ");
}

/* --- what is measured --- */

static aic_code put_spools(const aic_acctd *d, aic_bytes *out, aic_error *err)
{
	char dir[AIC_PATH_LEN + AIC_NAME_LEN];
	aic_bytes ages = {0};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(d->store->db, &st, err, "SELECT host, number FROM spool ORDER BY host", "");

	head(out, "aic_spool_records_total", "counter", "Job records read from the spool of a slurmctld host.");
	while (rc == AIC_OK && (rc = aic_sql_step(d->store->db, st, err)) == AIC_OK) {
		snprintf(dir, sizeof(dir), "%s/%.100s", d->config.spool, aic_sql_text(st, 0));
		int64_t age = aic_spool_heartbeat_age(dir);
		labelled(out, "aic_spool_records_total", "host", aic_sql_text(st, 0));
		aic_bytes_printf(out, "%" PRId64 "\n", (int64_t)sqlite3_column_int64(st, 1));
		if (age >= 0) {
			labelled(&ages, "aic_spool_heartbeat_age_seconds", "host", aic_sql_text(st, 0));
			aic_bytes_printf(&ages, "%" PRId64 "\n", age);
		}
	}
	if (ages.len) {
		head(out, "aic_spool_heartbeat_age_seconds", "gauge", "Since jobcomp/aic on that host was heard of.");
		aic_bytes_append(out, ages.data, ages.len);
	}
	aic_bytes_free(&ages);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code put_count(const aic_acctd *d, aic_bytes *out, const char *name, const char *help, const char *sql, aic_error *err)
{
	int64_t n = 0;
	aic_code rc = aic_sql_int(d->store->db, &n, err, sql, "");

	if (rc == AIC_OK)
		number(out, name, "gauge", help, n);
	return rc;
}

static aic_code put_batches(const aic_acctd *d, aic_bytes *out, aic_error *err)
{
	int64_t n[AIC_BATCH_FINAL + 1] = {0};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(d->store->db, &st, err, "SELECT state, count(*) FROM batch GROUP BY state", "");

	while (rc == AIC_OK && (rc = aic_sql_step(d->store->db, st, err)) == AIC_OK)
		if (sqlite3_column_int64(st, 0) >= 0 && sqlite3_column_int64(st, 0) <= AIC_BATCH_FINAL)
			n[sqlite3_column_int64(st, 0)] = sqlite3_column_int64(st, 1);
	head(out, "aic_batches", "gauge", "Payout batches by state.");
	for (int s = 0; s <= AIC_BATCH_FINAL; s++) {
		labelled(out, "aic_batches", "state", aic_batch_state_name((aic_batch_state)s));
		aic_bytes_printf(out, "%" PRId64 "\n", n[s]);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void put_amounts(const aic_acctd *d, aic_bytes *out, const char *name, const char *help, aic_amount (*of)(const aic_wallet_row *))
{
	char text[AIC_AMOUNT_TEXT];

	head(out, name, "gauge", help);
	for (size_t i = 0; i < d->store->n_wallets; i++) {
		const aic_wallet_row *w = d->store->wallet[i];
		if (strncmp(w->name, "account/", 8))
			continue;
		labelled(out, name, "account", w->name + 8);
		aic_bytes_printf(out, "%s\n", aic_amount_format(text, of(w)));
	}
}

static aic_amount balance_of(const aic_wallet_row *w)
{
	return w->balance;
}

static aic_amount unsettled_of(const aic_wallet_row *w)
{
	return w->unsettled;
}

/* --- usage: counted record by record since the daemon started --- */

static used *used_by(aic_metrics *m, const char *account)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->used[i].account, account))
			return &m->used[i];
	m->used = aic_xrealloc(m->used, (m->n + 1) * sizeof(*m->used));
	memset(&m->used[m->n], 0, sizeof(*m->used));
	aic_str_copy(m->used[m->n].account, AIC_NAME_LEN, account);
	return &m->used[m->n++];
}

static aic_code count_usage(aic_metrics *m, const aic_acctd *d, aic_error *err)
{
	sqlite3_stmt *st;
	int64_t newest = 0;
	aic_code rc = aic_sql_int(d->store->db, &newest, err, "SELECT coalesce(max(id), 0) FROM record", "");

	if (rc != AIC_OK || m->last < 0 || m->last == newest) {
		m->last = rc == AIC_OK ? newest : m->last;
		return rc;
	}
	rc = aic_sql_start(d->store->db, &st, err, "SELECT account, count(*), sum(cpu_seconds), sum(gpu_seconds) FROM record WHERE id>?1 AND"
	                                           " id<=?2 AND status<>3 GROUP BY account", "ii", m->last, newest);
	while (rc == AIC_OK && (rc = aic_sql_step(d->store->db, st, err)) == AIC_OK) {
		used *u = used_by(m, aic_sql_text(st, 0));
		u->runs += sqlite3_column_int64(st, 1);
		u->cpu_seconds += sqlite3_column_int64(st, 2);
		u->gpu_seconds += sqlite3_column_int64(st, 3);
	}
	if (rc == AIC_NOT_FOUND)
		m->last = newest;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void put_usage(const aic_metrics *m, aic_bytes *out)
{
	static const struct { const char *name, *help; size_t offset; } series[] = {
		{"aic_runs_total", "Runs of jobs that ended.", offsetof(used, runs)},
		{"aic_cpu_seconds_total", "CPU seconds held by runs that ended.", offsetof(used, cpu_seconds)},
		{"aic_gpu_seconds_total", "GPU seconds held by runs that ended.", offsetof(used, gpu_seconds)},
	};

	for (size_t k = 0; k < sizeof(series) / sizeof(series[0]); k++) {
		head(out, series[k].name, "counter", series[k].help);
		for (size_t i = 0; i < m->n; i++) {
			int64_t v;
			memcpy(&v, (const char *)&m->used[i] + series[k].offset, sizeof(v));
			labelled(out, series[k].name, "account", m->used[i].account);
			aic_bytes_printf(out, "%" PRId64 "\n", v);
		}
	}
}

aic_code aic_metrics_text(aic_metrics *m, const aic_acctd *d, int64_t now, aic_bytes *out, aic_error *err)
{
	int64_t associations = aic_assoc_age(d->store, now);

	number(out, "aic_written_at_seconds", "gauge", "When this file was written: old means that aicacctd does not run.", now);
	number(out, "aic_ledger_connected", "gauge", "1 while aicledgerd answers.", d->ledger != NULL);
	number(out, "aic_ledger_height", "gauge", "Height of the ledger as last read.", (int64_t)d->linked_height);
	if (associations >= 0)
		number(out, "aic_associations_age_seconds", "gauge", "Since slurmdbd answered.", associations);
	aic_code rc = put_spools(d, out, err);
	if (rc == AIC_OK)
		rc = put_count(d, out, "aic_spool_damage", "Notes of damage in spools (aic doctor).", "SELECT count(*) FROM damage", err);
	if (rc == AIC_OK)
		rc = put_count(d, out, "aic_double_records", "Later records of a run that differ from the one that counts.",
		               "SELECT count(*) FROM duplicate", err);
	if (rc == AIC_OK)
		rc = put_count(d, out, "aic_contradicting_receipts", "Receipts that contradict an earlier one.",
		               "SELECT count(*) FROM receipt_conflict", err);
	if (rc == AIC_OK)
		rc = put_batches(d, out, err);
	if (rc == AIC_OK)
		rc = count_usage(m, d, err);
	put_usage(m, out);
	put_amounts(d, out, "aic_account_balance_aic", "What an account holds on the ledger.", balance_of);
	put_amounts(d, out, "aic_account_unsettled_aic", "What it was charged and has not paid yet.", unsettled_of);
	return rc;
}

void aic_acctd_metrics(aic_acctd *d)
{
	int64_t now = aic_monotonic_ms();
	aic_metrics *m = d->metrics;
	aic_bytes out = {0};
	aic_error e = {0};

	if (!d->config.metrics[0] || (m->written_at && now - m->written_at < EVERY_MS))
		return;
	m->written_at = now;
	aic_code rc = aic_metrics_text(m, d, aic_now(), &out, &e);
	if (rc == AIC_OK)
		rc = aic_file_write_atomic(d->config.metrics, out.data, out.len, MODE, &e);
	if (rc != AIC_OK && !m->complained)
		aic_error_log("metrics: %s; tried again every %d s", e.message, EVERY_MS / 1000);
	m->complained = rc != AIC_OK;
	aic_bytes_free(&out);
}
