#include "accounting/access.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

aic_code aic_viewer_load(aic_viewer *v, aic_store *s, const aic_config *c, uid_t uid, gid_t gid, aic_error *err)
{
	const struct passwd *pw = getpwuid(uid);
	sqlite3_stmt *st;

	memset(v, 0, sizeof(*v));
	v->uid = uid;
	v->admin = aic_config_is_admin(c, uid, gid);
	if (pw)
		aic_str_copy(v->user, sizeof(v->user), pw->pw_name);
	if (!v->user[0])
		return AIC_OK;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT account, max(coordinator) FROM member WHERE user=?1 GROUP BY account", "t",
	                            v->user);
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		v->member = aic_xrealloc(v->member, (v->n + 1) * sizeof(*v->member));
		aic_str_copy(v->member[v->n].account, AIC_NAME_LEN, aic_sql_text(st, 0));
		v->member[v->n++].coordinator = sqlite3_column_int(st, 1);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

void aic_viewer_clear(aic_viewer *v)
{
	free(v->member);
	memset(v, 0, sizeof(*v));
}

bool aic_viewer_sees_account(const aic_viewer *v, const char *account)
{
	if (v->admin)
		return true;
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->member[i].account, account))
			return true;
	return false;
}

bool aic_viewer_sees_job(const aic_viewer *v, const char *account, const char *user)
{
	if (v->admin || (v->user[0] && !strcmp(user, v->user)))
		return true;
	for (size_t i = 0; i < v->n; i++)
		if (v->member[i].coordinator && !strcmp(v->member[i].account, account))
			return true;
	return false;
}

bool aic_viewer_sees_wallet(const aic_viewer *v, const char *wallet)
{
	return v->admin || (!strncmp(wallet, "account/", 8) && aic_viewer_sees_account(v, wallet + 8));
}

const char *aic_viewer_payee(const aic_viewer *v, const aic_config *c, const char *wallet)
{
	static const char prefix[] = "provider/";
	const size_t n = sizeof(prefix) - 1;

	if (v->admin || strncmp(wallet, prefix, n))
		return wallet;
	for (size_t i = 0; i < c->n_providers; i++)
		if (c->provider[i].named && !strcmp(c->provider[i].name, wallet + n))
			return wallet;
	return "a provider";
}

aic_code aic_viewer_needs_admin(const aic_viewer *v, const char *what, aic_error *err)
{
	if (v->admin)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "only administrators may %s, and %s (uid %u) is none: aic.yaml lists them under `administrators`",
	                what, v->user[0] ? v->user : "this caller", (unsigned)v->uid);
}
