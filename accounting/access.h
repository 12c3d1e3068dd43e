/* access.h: who may see what. A user sees the own jobs and the accounts that slurmdbd associates with the user; a
 * coordinator all of an account; an administrator everything. */
#ifndef AIC_ACCOUNTING_ACCESS_H
#define AIC_ACCOUNTING_ACCESS_H

#include "accounting/store.h"
#include "common/config.h"

typedef struct {
	uid_t uid;
	bool admin;
	char user[AIC_NAME_LEN];       /* "" where the uid has no name here */
	size_t n; struct { char account[AIC_NAME_LEN]; bool coordinator; } *member; /* owned */
} aic_viewer;

aic_code aic_viewer_load(aic_viewer *v, aic_store *s, const aic_config *c, uid_t uid, gid_t gid, aic_error *err);
void aic_viewer_clear(aic_viewer *v);

bool aic_viewer_sees_account(const aic_viewer *v, const char *account); /* its balance and sums */
bool aic_viewer_sees_job(const aic_viewer *v, const char *account, const char *user);
/* The wallet of an account that the viewer sees; every wallet for an administrator. */
bool aic_viewer_sees_wallet(const aic_viewer *v, const char *wallet);
/* How the viewer is told of a payee: "a provider" where it is one that does not want to be named, and the viewer is no administrator. */
const char *aic_viewer_payee(const aic_viewer *v, const aic_config *c, const char *wallet);
/* AIC_REFUSED with the sentence for people, unless the viewer is an administrator. */
aic_code aic_viewer_needs_admin(const aic_viewer *v, const char *what, aic_error *err);

#endif
