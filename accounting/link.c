/* link.c: aicacctd's side of aicledgerd. While that is down everything else goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/post.h"
#include "accounting/refund.h"
#include "common/log.h"

#define EVERY_MS 10000
#define ASK_MS 1000

void aic_acctd_unlink(aic_acctd *d, const aic_error *why)
{
	if (!d->ledger_failure[0])
		aic_warn("aicledgerd: %s; charging goes on, tried again every %d s", why->message, EVERY_MS / 1000);
	aic_str_copy(d->ledger_failure, sizeof(d->ledger_failure), why->message);
	aic_ledger_close(d->ledger);
	d->ledger = NULL;
}

aic_code aic_acctd_ledger(aic_acctd *d, aic_ledger **out, aic_error *err)
{
	aic_error e = {0};

	if (!d->ledger && aic_ledger_open(&d->ledger, &d->config, &e) != AIC_OK) {
		aic_acctd_unlink(d, &e);
		return aic_fail(err, AIC_UNREACHABLE, "the ledger does not answer (%s): start aicledgerd and try again", e.message);
	}
	*out = d->ledger;
	return AIC_OK;
}

static aic_code take_parameters(aic_acctd *d, aic_error *err)
{
	aic_ledger_parameters p;
	aic_code rc = aic_ledger_parameters_get(d->ledger, &p, err);

	if (rc != AIC_OK || p.fee_ppm == d->fee_ppm)
		return rc;
	rc = aic_store_begin(d->store, err);
	if (rc == AIC_OK)
		rc = aic_store_meta_set(d->store, "fee_ppm", (int64_t)p.fee_ppm, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(d->store, err);
	if (rc == AIC_OK)
		d->fee_ppm = p.fee_ppm;
	return rc;
}

/* How many signatures the site's policy asks for, and under which chain. */
static aic_code take_policy(aic_acctd *d, aic_error *err)
{
	aic_ledger_status status;
	aic_ledger_key *key = NULL;
	uint64_t needed = 0;
	size_t n = 0;
	aic_code rc = aic_ledger_status_get(d->ledger, &status, err);

	if (rc == AIC_OK)
		rc = aic_ledger_keys(d->ledger, &key, &n, &needed, err);
	free(key);
	if (rc != AIC_OK)
		return rc;
	if (!aic_unhex(d->batches.chain.b, sizeof(d->batches.chain.b), status.chain))
		return aic_fail(err, AIC_CORRUPT, "aicledgerd's answer has no chain id: it is of another version");
	if (needed != d->batches.signatures)
		rc = aic_store_meta_set(d->store, "signatures", (int64_t)needed, err);
	d->batches.signatures = needed;
	return rc;
}

static aic_code take_balances(aic_acctd *d, aic_error *err)
{
	aic_ledger_wallet *w = NULL;
	size_t n = 0;
	aic_code rc = aic_ledger_wallets(d->ledger, &w, &n, err);

	if (rc == AIC_OK)
		rc = aic_store_begin(d->store, err);
	if (rc != AIC_OK) {
		free(w);
		return rc;
	}
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		aic_wallet_row *row;
		rc = aic_store_wallet(d->store, w[i].name, &row, err);
		if (rc != AIC_OK)
			break;
		row->dirty |= row->balance != w[i].balance || row->debt != w[i].debt || row->rating_ppm != w[i].rating_ppm ||
		              !row->registered || !row->balance_at || strcmp(row->organisation, w[i].organisation);
		row->balance = w[i].balance;
		row->debt = w[i].debt;
		row->rating_ppm = w[i].rating_ppm;
		row->registered = true;
		row->balance_at = aic_now();
		aic_str_copy(row->organisation, sizeof(row->organisation), w[i].organisation);
	}
	free(w);
	if (rc == AIC_OK)
		return aic_store_commit(d->store, err);
	aic_store_rollback(d->store);
	return rc;
}

/* What the ledger says of the assets that aic.yaml names by their numbers. */
static aic_code take_assets(aic_acctd *d, aic_error *err)
{
	const aic_config *c = &d->config;
	uint8_t (*id)[AIC_ASSET_ID_LEN] = aic_xcalloc(c->n_assets + 1, sizeof(*id));
	size_t *row = aic_xcalloc(c->n_assets + 1, sizeof(*row)), n = 0;
	aic_ledger_family *f = NULL;
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger) {
			memcpy(id[n], c->asset[i].number, AIC_ASSET_ID_LEN);
			row[n++] = i;
		}
	if (n)
		rc = aic_ledger_assets(d->ledger, (const uint8_t (*)[AIC_ASSET_ID_LEN])id, n, &f, err);
	for (size_t i = 0; f && i < n && rc == AIC_OK; i++)
		rc = aic_registry_take(d->registry, d->store, c, row[i], &f[i], aic_now(), err);
	aic_ledger_families_free(f, n);
	free(id);
	free(row);
	return rc;
}

/* Rows for the wallets that the site should have: its own, the providers', one for each account in scope. */
static aic_code want_wallets(aic_acctd *d, aic_error *err)
{
	char name[AIC_NAME_LEN];
	aic_wallet_row *row;
	sqlite3_stmt *st;
	aic_code rc = aic_store_begin(d->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_store_wallet(d->store, "site", &row, err);
	for (size_t i = 0; i < d->config.n_providers && rc == AIC_OK; i++) {
		snprintf(name, sizeof(name), "provider/%.*s", AIC_NAME_LEN - 10, d->config.provider[i].name);
		rc = aic_store_wallet(d->store, name, &row, err);
	}
	for (size_t i = 0; i < d->config.n_assets && rc == AIC_OK; i++)
		if (!d->config.asset[i].on_ledger)
			rc = aic_store_wallet(d->store, d->config.asset[i].owner, &row, err);
	if (rc == AIC_OK)
		rc = aic_sql_start(d->store->db, &st, err, "SELECT DISTINCT account FROM association WHERE account<>'root'", "");
	while (rc == AIC_OK && (rc = aic_sql_step(d->store->db, st, err)) == AIC_OK) {
		bool in_scope = d->config.n_scope_accounts == 0;
		for (size_t i = 0; i < d->config.n_scope_accounts; i++)
			in_scope |= !strcmp(d->config.scope_accounts[i], aic_sql_text(st, 0));
		snprintf(name, sizeof(name), "account/%.*s", AIC_NAME_LEN - 9, aic_sql_text(st, 0));
		rc = in_scope ? aic_store_wallet(d->store, name, &row, err) : AIC_OK;
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc == AIC_OK || rc == AIC_NOT_FOUND)
		return aic_store_commit(d->store, err);
	aic_store_rollback(d->store);
	return rc;
}

/* An account's organisation is its top-level account, unless aic.yaml names one: wait until slurmdbd has said which. */
static bool organisation_known(const aic_acctd *d, const char *wallet, bool associations)
{
	if (associations || strncmp(wallet, "account/", 8))
		return true;
	for (size_t i = 0; i < d->config.n_accounts; i++)
		if (!strcmp(d->config.account[i].account, wallet + 8))
			return true;
	return false;
}

static aic_code register_wallets(aic_acctd *d, aic_error *err)
{
	aic_address address;
	aic_code rc = AIC_OK;

	bool answered = aic_store_meta(d->store, "associations", 0) != 0;
	for (size_t i = 0; i < d->store->n_wallets && rc == AIC_OK; i++) {
		aic_wallet_row *w = d->store->wallet[i];
		if (w->registered || !organisation_known(d, w->name, answered))
			continue;
		rc = aic_wallet_register(&d->batches, d->ledger, w, &address, err);
		if (rc == AIC_REFUSED) {
			aic_warn("wallet %s: %s", w->name, err->message);
			rc = AIC_OK;
		}
	}
	return rc;
}

static aic_code refresh(aic_acctd *d, aic_error *err)
{
	aic_code rc = take_parameters(d, err);

	if (rc == AIC_OK)
		rc = take_policy(d, err);
	if (rc == AIC_OK)
		rc = take_assets(d, err);
	if (rc == AIC_OK)
		rc = want_wallets(d, err);
	if (rc == AIC_OK)
		rc = register_wallets(d, err);
	if (rc == AIC_OK)
		rc = aic_hellos_register(d->hellos, d->ledger, err);
	if (rc == AIC_OK)
		rc = aic_batch_repair(&d->batches, d->ledger, aic_now(), err);
	if (rc == AIC_OK)
		rc = aic_refund_repair(&d->batches, d->ledger, err);
	return rc == AIC_OK ? take_balances(d, err) : rc;
}

/* A new block may have moved funds: a top-up should not wait for the regular round. */
static bool ledger_moved(aic_acctd *d, int64_t now)
{
	aic_ledger_status status;
	aic_error e = {0};

	if (!d->ledger || now - d->asked_at < ASK_MS)
		return false;
	d->asked_at = now;
	if (aic_ledger_status_get(d->ledger, &status, &e) != AIC_OK) {
		aic_acctd_unlink(d, &e);
		return false;
	}
	bool moved = status.height != d->linked_height;
	d->linked_height = status.height;
	return moved;
}

bool aic_acctd_link(aic_acctd *d, bool due)
{
	aic_error e = {0};
	aic_ledger *ledger;
	int64_t now = aic_monotonic_ms();

	due |= ledger_moved(d, now);
	if (!due && d->linked_at && now - d->linked_at < EVERY_MS)
		return false;
	d->linked_at = now;
	if (aic_acctd_ledger(d, &ledger, &e) != AIC_OK)
		return false;
	if (refresh(d, &e) != AIC_OK) {
		aic_acctd_unlink(d, &e);
		return false;
	}
	if (d->ledger_failure[0])
		aic_info("aicledgerd answers again");
	d->ledger_failure[0] = '\0';
	return true;
}
