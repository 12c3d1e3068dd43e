#include "accounting/verifier/tick.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounting/verifier/request.h"
#include "common/file.h"
#include "common/log.h"

#define KEYS_FOLDER "verifiers"
#define KEY_SUFFIX ".key"
#define ASKED_MAX 1000

typedef struct {
	const aic_config *config;
	aic_ledger *ledger;
	aic_slurm_jobs *jobs;
	aic_verifier_round *round;
	char folder[PATH_MAX];
	aic_hash chain;
	struct verifier { char node[AIC_NAME_LEN]; aic_key key; } *verifier;
	size_t n;
} tick;

/* --- keys --- */

static aic_code load_key(tick *t, const char *folder, const char *file, aic_error *err)
{
	size_t len = strlen(file) - strlen(KEY_SUFFIX);
	char path[PATH_MAX];
	aic_code code = aic_path_join(path, sizeof(path), folder, file, err);

	if (code || len >= AIC_NAME_LEN)
		return code;
	t->verifier = aic_xrealloc(t->verifier, (t->n + 1) * sizeof(*t->verifier));
	struct verifier *v = &t->verifier[t->n];
	memcpy(v->node, file, len);
	v->node[len] = '\0';
	if (!(code = aic_key_load(&v->key, path, err)))
		t->n++;
	return code;
}

static aic_code load_keys(tick *t, aic_error *err)
{
	char folder[PATH_MAX];
	const struct dirent *e;
	aic_code code = aic_path_join(folder, sizeof(folder), t->config->state_dir, KEYS_FOLDER, err);
	DIR *d = code ? NULL : opendir(folder);

	while (d && !code && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] != '.' && len > strlen(KEY_SUFFIX) && strcmp(e->d_name + len - strlen(KEY_SUFFIX), KEY_SUFFIX) == 0)
			code = load_key(t, folder, e->d_name, err);
	}
	if (d)
		closedir(d);
	return code;
}

static const struct verifier *find_key(const tick *t, const uint8_t key[AIC_PUBLIC_LEN])
{
	for (size_t i = 0; i < t->n; i++)
		if (memcmp(t->verifier[i].key.public_key, key, AIC_PUBLIC_LEN) == 0)
			return &t->verifier[i];
	return NULL;
}

/* --- one session --- */

static aic_code post(tick *t, const aic_request_place *p, const aic_bytes *answer, aic_error *err)
{
	aic_verification_result r;
	aic_code code = aic_verification_result_get(&r, answer->data, answer->len, err);
	uint64_t height;

	if (code)
		return code;
	aic_verdict v = {.session = r.session, .round = r.round, .result = r.result, .segment = r.segment, .step = r.step,
	                 .evidence = aic_verification_evidence(answer->data, answer->len)};
	aic_verdict_sign(&v, &p->key, &t->chain);
	if ((code = aic_ledger_verdict(t->ledger, &v, &height, err)))
		return code;
	aic_info("session %.16s, round %" PRIu64 ": %s%s%s; the verdict of %s stands at height %" PRIu64, p->name, r.round, aic_found_name(r.result),
	         r.note[0] ? ", " : "", r.note, p->node, height);
	t->round->posted++;
	return AIC_OK;
}

static aic_code judge(tick *t, const aic_ledger_session *s, aic_error *err)
{
	const uint8_t *asked = s->state == AIC_SESSION_DOUBTED ? s->third : s->verifier;
	const struct verifier *v = find_key(t, asked);
	aic_request_place p = {.config = t->config, .session = s};
	aic_request_state state;
	aic_bytes answer = {0};

	aic_request_name(p.name, s);
	if (!v) {
		char hex[2 * AIC_PUBLIC_LEN + 1];

		aic_hex(hex, asked, AIC_PUBLIC_LEN);
		t->round->keyless++;
		return aic_fail(err, AIC_NOT_FOUND, "it is asked of the node with key %s, which is none of %s/" KEYS_FOLDER ": put NODE" KEY_SUFFIX
		                " there, or withdraw the node (aic session verifier NODE --withdraw)", hex, t->config->state_dir);
	}
	aic_str_copy(p.node, sizeof(p.node), v->node);
	p.key = v->key;
	aic_code code = aic_path_join(p.folder, sizeof(p.folder), t->folder, p.name, err);
	if (!code)
		code = aic_request_advance(&p, t->ledger, t->jobs, &state, &answer, err);
	if (!code && state == AIC_REQUEST_WAITS)
		t->round->waiting++;
	if (!code && state == AIC_REQUEST_ANSWERED)
		code = post(t, &p, &answer, err);
	aic_key_wipe(&p.key);
	aic_bytes_free(&answer);
	return code;
}

/* --- the round --- */

/* Held by this process and by an sbatch that outlives it, so that the next tick sees its job, or that there is none. */
static aic_code lock(const tick *t, int *fd, aic_error *err)
{
	char path[PATH_MAX];
	aic_code code = aic_path_join(path, sizeof(path), t->folder, ".lock", err);

	if (code)
		return code;
	*fd = open(path, O_RDWR | O_CREAT, 0600); /* inherited on purpose */
	if (*fd < 0)
		return aic_fail_errno(err, "cannot make %s", path);
	t->round->busy = flock(*fd, LOCK_EX | LOCK_NB) != 0;
	return AIC_OK;
}

/* The store is everybody's to write into: the folder must be this user's. */
static aic_code make_folder(tick *t, aic_error *err)
{
	const char *store = t->config->sessions.store;
	struct stat st;
	aic_code code;

	if (!store[0])
		return aic_fail(err, AIC_USAGE, "%s names no sessions: store, where verifications are kept: give one that all nodes see", t->config->path);
	if ((code = aic_path_join(t->folder, sizeof(t->folder), store, AIC_REQUEST_FOLDER, err)))
		return code;
	if (mkdir(t->folder, 0700) == 0)
		return AIC_OK;
	if (lstat(t->folder, &st) != 0)
		return aic_fail_errno(err, "cannot make %s: does the store exist?", t->folder);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return aic_fail(err, AIC_REFUSED, "%s is not a folder of uid %u, as which this runs: remove it", t->folder, (unsigned)geteuid());
	return AIC_OK;
}

static aic_code get_chain(tick *t, aic_error *err)
{
	aic_ledger_status status;
	aic_code code = aic_ledger_status_get(t->ledger, &status, err);

	if (!code && !aic_unhex(t->chain.b, AIC_HASH_LEN, status.chain))
		code = aic_fail(err, AIC_CORRUPT, "aicledgerd's chain id \"%s\" is none", status.chain);
	return code;
}

static aic_code judge_all(tick *t, aic_error *err)
{
	aic_ledger_session *s;
	aic_code code = aic_ledger_sessions(t->ledger, AIC_SESSIONS_ASKED, ASKED_MAX, &s, &t->round->asked, err);

	if (code)
		return code;
	if (t->round->asked && !(code = get_chain(t, err)))
		code = aic_slurm_jobs_load(&t->jobs, t->config, err);
	for (size_t i = 0; i < t->round->asked && !code; i++) {
		char name[AIC_REQUEST_NAME];
		aic_error why = {0};

		aic_request_name(name, &s[i]);
		if (judge(t, &s[i], &why) != AIC_OK)
			aic_warn("session %.16s, round %" PRIu64 ": %s", name, s[i].round, why.message);
	}
	free(s);
	return code;
}

aic_code aic_verifier_tick(const aic_config *c, aic_ledger *l, aic_verifier_round *round, aic_error *err)
{
	tick t = {.config = c, .ledger = l, .round = round};
	int fd = -1;

	*round = (aic_verifier_round){.asked = 0};
	aic_key_hide_process();
	aic_code code = make_folder(&t, err);
	if (!code)
		code = lock(&t, &fd, err);
	if (!code && !round->busy && !(code = load_keys(&t, err)))
		code = judge_all(&t, err);
	for (size_t i = 0; i < t.n; i++)
		aic_key_wipe(&t.verifier[i].key);
	free(t.verifier);
	aic_slurm_jobs_free(t.jobs);
	if (fd >= 0)
		close(fd);
	return code;
}
