#include "accounting/verifier/upkeep.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "accounting/verifier/request.h"
#include "common/file.h"
#include "common/log.h"
#include "common/session_queue.h"
#include "common/session_store.h"

#define AFTER_DECISION_S 259200 /* an appeal's and a revelation's time, ledger/state/session.h */
#define ANSWER_MS 5000

int64_t aic_upkeep_needed(const aic_ledger_session *s, int64_t touched, int64_t keep)
{
	switch (s->state) {
	case AIC_SESSION_OPEN: /* by a job that died unseen, it may be for ever */
		return touched + keep + AIC_SESSION_GRACE_S;
	case AIC_SESSION_CLOSED:
	case AIC_SESSION_CHALLENGED:
	case AIC_SESSION_DOUBTED:
		return INT64_MAX;
	case AIC_SESSION_VERIFIED:
	case AIC_SESSION_REFUTED:
	case AIC_SESSION_WITHHELD:
		return s->decided_at + AFTER_DECISION_S;
	default:
		return s->decided_at;
	}
}

int64_t aic_upkeep_kept(const aic_ledger_session *s, int64_t touched, int64_t keep)
{
	int64_t needed = aic_upkeep_needed(s, touched, keep);

	return s->closed_at && s->closed_at + keep > needed ? s->closed_at + keep : needed;
}

/* --- folders --- */

typedef struct {
	char name[2 * AIC_HASH_LEN + 1];
	int64_t needed, kept;
} folder;

typedef struct {
	const aic_config *config;
	aic_ledger *ledger;
	int64_t now;
	folder *all;
	size_t n;
	aic_upkeep_round *round;
} upkeep;

static bool last_change(const char *path, int64_t *at)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	*at = st.st_mtime;
	return true;
}

static aic_code add(upkeep *u, const char *name, aic_error *err)
{
	char path[PATH_MAX];
	aic_ledger_session s;
	aic_hash id;
	int64_t touched;

	if (strlen(name) != 2 * AIC_HASH_LEN || !aic_unhex(id.b, AIC_HASH_LEN, name) ||
	    aic_path_join(path, sizeof(path), u->config->sessions.store, name, err) || !last_change(path, &touched))
		return AIC_OK;
	aic_code code = aic_ledger_session_get(u->ledger, &id, &s, err);
	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code) /* opened on no ledger that this site knows */
		s = (aic_ledger_session){.state = AIC_SESSION_OPEN};
	u->all = aic_xrealloc(u->all, (u->n + 1) * sizeof(*u->all));
	folder *f = &u->all[u->n++];
	aic_str_copy(f->name, sizeof(f->name), name);
	f->needed = aic_upkeep_needed(&s, touched, u->config->sessions.keep);
	f->kept = aic_upkeep_kept(&s, touched, u->config->sessions.keep);
	return AIC_OK;
}

static aic_code list_store(upkeep *u, aic_error *err)
{
	DIR *d = opendir(u->config->sessions.store);
	const struct dirent *e;
	aic_code code = AIC_OK;

	if (!d)
		return aic_fail_errno(err, "cannot look into %s (sessions: store)", u->config->sessions.store);
	while (!code && (e = readdir(d)))
		code = add(u, e->d_name, err);
	closedir(d);
	u->round->sessions = u->n;
	return code;
}

static int by_need(const void *a, const void *b)
{
	const folder *x = a, *y = b;

	return x->needed < y->needed ? -1 : x->needed > y->needed;
}

static aic_code remove_folder(upkeep *u, const folder *f, const char *why, aic_error *err)
{
	char path[PATH_MAX];
	aic_code code = aic_path_join(path, sizeof(path), u->config->sessions.store, f->name, err);

	if (!code)
		code = aic_dir_remove(path, err);
	if (code)
		return code;
	u->round->removed++;
	aic_info("the checkpoints of session %.16s are removed: %s", f->name, why);
	return AIC_OK;
}

static aic_code measure(upkeep *u, aic_error *err)
{
	return aic_session_store_measure(u->config->sessions.store, &u->round->bytes, err);
}

/* First what is over its time; then, while it is too much, what nobody can ask for any more, the oldest first. */
static aic_code prune(upkeep *u, aic_error *err)
{
	aic_code code = AIC_OK;
	size_t rest = 0;

	for (size_t i = 0; i < u->n && !code; i++)
		if (u->all[i].kept <= u->now)
			code = remove_folder(u, &u->all[i], "its time is over", err);
		else
			u->all[rest++] = u->all[i];
	qsort(u->all, rest, sizeof(*u->all), by_need);
	if (!code)
		code = measure(u, err);
	for (size_t i = 0; i < rest && !code && u->round->bytes > u->config->sessions.room && u->all[i].needed <= u->now; i++) {
		code = remove_folder(u, &u->all[i], "the store is full (sessions: room)", err);
		if (!code)
			code = measure(u, err);
	}
	return code;
}

/* Evidence of verdicts, which an appeal may ask for. */
static aic_code prune_requests(upkeep *u, aic_error *err)
{
	char base[PATH_MAX], path[PATH_MAX];
	const struct dirent *e;
	int64_t touched;
	aic_code code = aic_path_join(base, sizeof(base), u->config->sessions.store, AIC_REQUEST_FOLDER, err);
	DIR *d = code ? NULL : opendir(base);

	while (d && !code && (e = readdir(d)))
		if (e->d_name[0] != '.' && !aic_path_join(path, sizeof(path), base, e->d_name, err) && last_change(path, &touched) &&
		    touched + u->config->sessions.keep + AIC_SESSION_GRACE_S <= u->now)
			code = aic_dir_remove(path, err);
	if (d)
		closedir(d);
	return code;
}

/* What a training could not say; later is soon enough. */
static void deliver(upkeep *u)
{
	char address[AIC_PATH_LEN];
	aic_error err = {0};
	aic_rpc *rpc = NULL;

	aic_config_acct_socket(u->config, address);
	if (aic_rpc_open(&rpc, "acct", address, u->config->uid, ANSWER_MS, &err) ||
	    aic_session_store_deliver(u->config->sessions.store, rpc, AIC_SESSION_SETTLED_S, &u->round->left, &err))
		aic_debug("what trainings have to say waits on: %s", err.message);
	if (rpc)
		aic_rpc_close(rpc);
}

aic_code aic_upkeep(const aic_config *c, aic_ledger *l, int64_t now, aic_upkeep_round *round, aic_error *err)
{
	upkeep u = {.config = c, .ledger = l, .now = now, .round = round};

	*round = (aic_upkeep_round){.sessions = 0};
	deliver(&u);
	aic_code code = list_store(&u, err);
	if (!code)
		code = prune(&u, err);
	if (!code)
		code = prune_requests(&u, err);
	free(u.all);
	return code;
}
