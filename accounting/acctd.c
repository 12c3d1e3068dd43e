/* acctd.c: the daemon without its sockets: opening, and one turn of the regular work. */
#include "accounting/acctd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "accounting/background.h"
#include "accounting/metrics.h"
#include "accounting/period.h"
#include "accounting/release.h"
#include "accounting/session_watch.h"
#include "common/file.h"
#include "common/log.h"

#define INGEST_BUDGET_MS 300
#define ASSOCIATIONS_EVERY 60      /* seconds */
#define CLOSE_EVERY_MS 600000
#define CLOSE_BUDGET_MS 250
#define CLOSE_GRACE 3600           /* seconds after a period's end, for late records and receipts */
#define FEE_PPM_DEFAULT 100000     /* until the ledger has said */

static aic_code open_store(aic_acctd *d, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_code rc = aic_dir_make(d->config.state_dir, 0750, err);

	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), d->config.state_dir, "accounting.db", err);
	if (rc == AIC_OK)
		rc = aic_store_open(&d->store, path, err);
	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), d->config.state_dir, "evidence.key", err);
	return rc == AIC_OK ? aic_evidence_key_open(&d->batches.key, path, err) : rc;
}

static aic_code make_directories(const aic_config *c, aic_error *err)
{
	char dir[AIC_PATH_LEN];
	char *slash;

	aic_str_copy(dir, sizeof(dir), c->snapshot);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		aic_code rc = aic_dir_make(dir, 0750, err);
		if (rc != AIC_OK)
			return rc;
	}
	return aic_dir_make(c->run_dir, 0755, err);
}

aic_code aic_acctd_open(aic_acctd *d, const char *config_path, aic_error *err)
{
	memset(d, 0, sizeof(*d));
	aic_code rc = aic_config_load(&d->config, config_path, err);

	if (rc != AIC_OK)
		return rc;
	if ((rc = aic_config_check_user(&d->config, err)) != AIC_OK) {
		aic_config_free(&d->config);
		return rc;
	}
	if (d->config.slurm_conf[0])
		setenv("SLURM_CONF", d->config.slurm_conf, 1);
	aic_rpc_use_munge(d->config.munge_socket);
	rc = make_directories(&d->config, err);
	if (rc == AIC_OK)
		rc = open_store(d, err);
	if (rc == AIC_OK)
		rc = aic_registry_open(&d->registry, d->store, &d->config, aic_now(), err);
	if (rc != AIC_OK) {
		aic_acctd_close(d);
		return rc;
	}
	d->batches.store = d->store;
	d->batches.config = &d->config;
	d->fee_ppm = (uint64_t)aic_store_meta(d->store, "fee_ppm", FEE_PPM_DEFAULT);
	d->batches.signatures = (uint64_t)aic_store_meta(d->store, "signatures", 0);
	d->spools = aic_spools_new();
	d->hellos = aic_hellos_new(aic_now());
	d->assoc = aic_assoc_new();
	d->metrics = aic_metrics_new();
	d->release = aic_release_new();
	d->watch = aic_session_watch_new();
	d->job_ask = aic_slurm_job_ask;
	return AIC_OK;
}

void aic_acctd_close(aic_acctd *d)
{
	aic_background_free(d->background);
	aic_session_watch_free(d->watch);
	aic_closing_free(d->closing);
	aic_ledger_close(d->ledger);
	aic_metrics_free(d->metrics);
	aic_release_free(d->release);
	aic_assoc_free(d->assoc);
	aic_spools_free(d->spools);
	aic_hellos_free(d->hellos);
	aic_registry_close(d->registry);
	aic_store_close(d->store);
	aic_config_free(&d->config);
	memset(d, 0, sizeof(*d));
}

static bool take_records(aic_acctd *d)
{
	aic_ingest in = {.store = d->store, .registry = d->registry, .config = &d->config};
	uint64_t before = d->ingested.fresh + d->ingested.different;
	aic_error e = {0};
	bool more;

	if (aic_spools_read(d->spools, &in, INGEST_BUDGET_MS, &more, &d->ingested, &e) != AIC_OK) {
		if (!d->spool_complained)
			aic_error_log("%s", e.message);
		d->spool_complained = true;
	} else {
		d->spool_complained = false;
	}
	return d->ingested.fresh + d->ingested.different != before;
}

bool aic_acctd_sort_receipts(aic_acctd *d, aic_receipts_count *count)
{
	aic_error e = {0};
	bool sorted = aic_receipts_sort_in(d->store, count, &e) == AIC_OK;

	if (sorted) {
		d->receipts_complained = false;
	} else if (!d->receipts_complained) {
		aic_error_log("receipts: %s; tried again each second", e.message);
		d->receipts_complained = true;
	}
	return sorted;
}

/* A period that ended more than the grace ago and has open lines becomes a batch by itself. */
static void close_period(aic_acctd *d)
{
	int64_t now = aic_now(), oldest = 0, start, end, mono = aic_monotonic_ms();
	aic_error e = {0};
	char name[16];

	if (d->closed_at && mono - d->closed_at < CLOSE_EVERY_MS)
		return;
	d->closed_at = mono;
	if (aic_sql_int(d->store->db, &oldest, &e, "SELECT min(ended) FROM open_line WHERE NOT held AND gross >"
	                " zeroblob(16)", "") != AIC_OK || !oldest)
		return;
	aic_period_of(d->config.period, oldest, name, &start, &end);
	if (now < end + CLOSE_GRACE)
		return;
	if (aic_closing_begin(&d->closing, &d->batches, name, start, end, d->fee_ppm, -1, now, &e) == AIC_OK) {
		aic_info("period %s is over: closing it", name);
		d->closed_at = 0;
		d->close_complained = false;
	} else if (!d->close_complained) {
		aic_error_log("closing period %s: %s", name, e.message);
		d->close_complained = true;
	}
}

aic_code aic_acctd_close_some(aic_acctd *d, aic_error *err)
{
	bool done = false;
	aic_code rc = AIC_OK;

	if (!d->closing)
		return AIC_OK;
	int64_t id = aic_closing_batch(d->closing);
	rc = aic_closing_step(d->closing, CLOSE_BUDGET_MS, &done, err);
	if (rc == AIC_OK && !done)
		return AIC_OK;
	aic_closing_free(d->closing);
	d->closing = NULL;
	if (rc == AIC_OK)
		aic_info("batch %lld is closed and waits for review", (long long)id);
	return rc;
}

/* What a crash, a failure or an act on a large batch left half closed. */
static void close_on(aic_acctd *d)
{
	aic_error e = {0};
	aic_code rc = AIC_OK;

	if (!d->closing)
		rc = aic_closing_resume(&d->closing, &d->batches, &e);
	if (rc == AIC_OK)
		rc = aic_acctd_close_some(d, &e);
	if (rc != AIC_OK && rc != AIC_NOT_FOUND && !d->close_complained) {
		aic_error_log("closing a batch: %s; tried again", e.message);
		d->close_complained = true;
	}
}

void aic_acctd_tick(void *ctx)
{
	aic_acctd *d = ctx;
	aic_receipts_count count;
	bool changed;

	aic_acctd_sort_receipts(d, &count);
	bool fresh = take_records(d);

	aic_assoc_tick(d->assoc, d->store, &d->config, ASSOCIATIONS_EVERY, &changed);
	bool funds = aic_acctd_link(d, changed);
	aic_session_watch_tick(d->watch, d);
	if (!d->closing)
		close_period(d);
	close_on(d);
	aic_acctd_publish(d, fresh || funds);
	aic_release_tick(d->release, d->store, &d->config);
	aic_acctd_erase(d);
	aic_acctd_metrics(d);
}
