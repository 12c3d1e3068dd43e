#include "accounting/organisation.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

static aic_code top_account(aic_store *s, const char *account, char out[AIC_NAME_LEN], aic_error *err)
{
	char at[AIC_NAME_LEN];

	aic_str_copy(at, sizeof(at), account);
	for (int depth = 0; depth < 64; depth++) {
		sqlite3_stmt *st;
		aic_code rc = aic_sql_start(s->db, &st, err, "SELECT parent FROM association WHERE account=?1 ORDER BY cluster LIMIT 1", "t",
		                            at);
		if (rc == AIC_OK)
			rc = aic_sql_step(s->db, st, err);
		if (rc == AIC_NOT_FOUND)
			break;
		if (rc != AIC_OK)
			return rc;
		bool top = !aic_sql_text(st, 0)[0] || !strcmp(aic_sql_text(st, 0), "root");
		if (!top)
			aic_str_copy(at, sizeof(at), aic_sql_text(st, 0));
		aic_sql_done(st);
		if (top)
			break;
	}
	aic_str_copy(out, AIC_NAME_LEN, at);
	return AIC_OK;
}

aic_code aic_wallet_organisation(aic_store *s, const aic_config *c, const char *wallet, char out[AIC_NAME_LEN], aic_error *err)
{
	const aic_wallet_row *w = aic_store_wallet_find(s, wallet);

	if (w && w->registered) {
		aic_str_copy(out, AIC_NAME_LEN, w->organisation);
		return AIC_OK;
	}
	if (!strncmp(wallet, "provider/", 9)) {
		aic_str_copy(out, AIC_NAME_LEN, wallet + 9);
		for (size_t i = 0; i < c->n_providers; i++)
			if (!strcmp(c->provider[i].name, wallet + 9) && c->provider[i].organisation[0])
				aic_str_copy(out, AIC_NAME_LEN, c->provider[i].organisation);
		return AIC_OK;
	}
	if (!strncmp(wallet, "0x", 2)) { /* another site's, which the ledger has not named yet */
		aic_str_copy(out, AIC_NAME_LEN, wallet);
		return AIC_OK;
	}
	if (strncmp(wallet, "account/", 8)) {
		aic_str_copy(out, AIC_NAME_LEN, c->site);
		return AIC_OK;
	}
	for (size_t i = 0; i < c->n_accounts; i++)
		if (!strcmp(c->account[i].account, wallet + 8) && c->account[i].organisation[0]) {
			aic_str_copy(out, AIC_NAME_LEN, c->account[i].organisation);
			return AIC_OK;
		}
	return top_account(s, wallet + 8, out, err);
}

aic_code aic_organisation_of(aic_organisations *o, aic_store *s, const aic_config *c, int64_t wallet, const char **out, aic_error *err)
{
	if (o->n < s->n_wallets) {
		o->name = aic_xrealloc(o->name, s->n_wallets * sizeof(*o->name));
		memset(o->name + o->n, 0, (s->n_wallets - o->n) * sizeof(*o->name));
		o->n = s->n_wallets;
	}
	*out = o->name[wallet - 1];
	return **out ? AIC_OK : aic_wallet_organisation(s, c, s->wallet[wallet - 1]->name, o->name[wallet - 1], err);
}

aic_code aic_same_organisation(aic_organisations *o, aic_store *s, const aic_config *c, int64_t a, int64_t b, bool *same, aic_error *err)
{
	const char *x = "", *y = "";
	aic_code rc = aic_organisation_of(o, s, c, a, &x, err);

	if (rc == AIC_OK)
		rc = aic_organisation_of(o, s, c, b, &y, err);
	*same = !strcmp(x, y);
	return rc;
}

void aic_organisations_clear(aic_organisations *o)
{
	free(o->name);
	memset(o, 0, sizeof(*o));
}
