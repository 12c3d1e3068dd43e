/* publish.c: the snapshot that job_submit/aic reads: written anew every 10 s and after each change of funds. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounting/acctd.h"
#include "common/file.h"
#include "common/log.h"
#include "common/snapshot.h"

#define EVERY_MS 10000

aic_amount aic_available(const aic_wallet_row *w)
{
	return w->balance > w->unsettled ? w->balance - w->unsettled : 0;
}

static size_t gather_accounts(const aic_acctd *d, aic_snapshot_account *out)
{
	size_t n = 0;

	for (size_t i = 0; i < d->store->n_wallets; i++) {
		const aic_wallet_row *w = d->store->wallet[i];
		if (strncmp(w->name, "account/", 8))
			continue;
		aic_str_copy(out[n].name, sizeof(out[n].name), w->name + 8);
		out[n].balance = w->balance;
		out[n].rating_ppm = (uint32_t)w->rating_ppm;
		out[n++].available = aic_available(w);
	}
	return n;
}

/* Those that can be used now; what the ledger has not told yet cannot. */
static size_t gather_assets(const aic_acctd *d, int64_t now, aic_snapshot_asset *out)
{
	size_t n = 0;

	for (size_t i = 0; i < d->config.n_assets; i++) {
		const aic_asset_config *a = &d->config.asset[i];
		aic_asset_version v;
		if (!aic_registry_asset(d->registry, a->name, a->is_model, now, now, &v))
			continue;
		aic_str_copy(out[n].name, sizeof(out[n].name), a->name);
		out[n].is_model = a->is_model;
		out[n++].terms = v.terms;
	}
	return n;
}

static aic_code write_snapshot(const aic_acctd *d, aic_error *err)
{
	const aic_config *c = &d->config;
	aic_snapshot_account *account = aic_xcalloc(d->store->n_wallets + 1, sizeof(*account));
	aic_snapshot_asset *asset = aic_xcalloc(c->n_assets + 1, sizeof(*asset));
	aic_snapshot_content content = {
		.written_at = aic_now(), .enforce = c->enforce, .refuse_unfunded = c->refuse_unfunded,
		.closed_when_stale = c->closed_when_stale, .stale_after = c->stale_after, .rates = c->rates,
		.account = account, .asset = asset, .partitions = c->n_scope_partitions,
		.partition = (const char (*)[AIC_NAME_LEN])c->scope_partitions, .scope_accounts = c->n_scope_accounts,
		.scope_account = (const char (*)[AIC_NAME_LEN])c->scope_accounts,
	};
	aic_bytes out = {0};

	content.accounts = gather_accounts(d, account);
	content.assets = gather_assets(d, content.written_at, asset);
	aic_snapshot_encode(&out, &content);
	aic_code rc = aic_file_write_atomic(c->snapshot, out.data, out.len, 0640, err);
	/* the directory is setgid to Slurm's group where aicacctd may not give files away */
	if (rc == AIC_OK && chown(c->snapshot, (uid_t)-1, c->slurm_gid) && errno != EPERM)
		rc = aic_fail_errno(err, "%s: cannot give it to Slurm's group (gid %u)", c->snapshot, (unsigned)c->slurm_gid);
	aic_bytes_free(&out);
	free(account);
	free(asset);
	return rc;
}

void aic_acctd_publish(aic_acctd *d, bool due)
{
	int64_t now = aic_monotonic_ms();
	aic_error e = {0};

	if (!due && d->published_at && now - d->published_at < EVERY_MS)
		return;
	d->published_at = now;
	if (write_snapshot(d, &e) == AIC_OK) {
		d->snapshot_complained = false;
		return;
	}
	if (!d->snapshot_complained)
		aic_error_log("snapshot: %s; tried again every %d s", e.message, EVERY_MS / 1000);
	d->snapshot_complained = true;
}
