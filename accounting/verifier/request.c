#include "accounting/verifier/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

#define SMALL_FILE 64
#define DATASETS_MAX 16
#define JOB_PREFIX "aic-verify-"

void aic_request_name(char name[AIC_REQUEST_NAME], const aic_ledger_session *s)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, &s->id);
	snprintf(name, AIC_REQUEST_NAME, "%s.%" PRIu64 "%s", hex, s->round, s->state == AIC_SESSION_DOUBTED ? ".third" : "");
}

/* --- the question --- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static aic_code add_segment(aic_ledger *l, const aic_ledger_session *s, uint64_t number, aic_verification_question *q, aic_error *err)
{
	aic_verification_segment *to = &q->segment[q->n];
	aic_ledger_commitment *c;
	size_t n;
	aic_code code = aic_ledger_session_commitments(l, &s->id, number, 2, &c, &n, err);

	if (code)
		return code;
	if (n == 2) {
		*to = (aic_verification_segment){number, {c[0].step, c[0].chain, c[0].root}, {c[1].step, c[1].chain, c[1].root}};
		q->n++;
	} else {
		code = aic_fail(err, AIC_CORRUPT, "the ledger has no segment %" PRIu64 " of the session, but asks for it", number);
	}
	free(c);
	return code;
}

aic_code aic_request_question(aic_ledger *l, const aic_ledger_session *s, aic_verification_question *q, aic_error *err)
{
	uint64_t number[AIC_SESSION_DRAWN_MAX] = {s->verdict.segment};
	size_t n = s->state == AIC_SESSION_DOUBTED ? 1 : s->n_segments;
	aic_code code = AIC_OK;

	if (s->state != AIC_SESSION_DOUBTED)
		memcpy(number, s->segment, n * sizeof(*number));
	qsort(number, n, sizeof(*number), by_number);
	*q = (aic_verification_question){.session = s->id, .round = s->round, .entropy = s->entropy, .determinism = s->class, .shards = s->shards,
	                                 .spec = s->spec, .data = s->data, .code = s->code};
	for (size_t i = 0; i < n && !code; i++)
		code = add_segment(l, s, number[i], q, err);
	return code;
}

/* --- small files --- */

static aic_code path_of(const aic_request_place *p, const char *name, char path[PATH_MAX], aic_error *err)
{
	return aic_path_join(path, PATH_MAX, p->folder, name, err);
}

static uint64_t read_number(const aic_request_place *p, const char *name)
{
	char path[PATH_MAX];
	aic_bytes b = {0};
	uint64_t n = 0;

	if (!path_of(p, name, path, NULL) && !aic_file_read(&b, path, SMALL_FILE, NULL)) {
		aic_bytes_append(&b, "", 1);
		n = strtoull((const char *)b.data, NULL, 10);
	}
	aic_bytes_free(&b);
	return n;
}

static aic_code write_number(const aic_request_place *p, const char *name, uint64_t n, aic_error *err)
{
	char path[PATH_MAX], text[SMALL_FILE];
	aic_code code = path_of(p, name, path, err);
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", n);

	return code ? code : aic_file_write_atomic(path, text, (size_t)len, 0600, err);
}

static void forget(const aic_request_place *p, const char *name)
{
	char path[PATH_MAX];

	if (!path_of(p, name, path, NULL))
		unlink(path);
}

static bool is_there(const aic_request_place *p, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return !path_of(p, name, path, NULL) && stat(path, &st) == 0;
}

static aic_code ask(const aic_request_place *p, aic_ledger *l, aic_error *err)
{
	aic_verification_question q;
	char path[PATH_MAX];
	aic_bytes b = {0};
	aic_code code;

	if (is_there(p, "question"))
		return AIC_OK;
	if ((code = aic_dir_make(p->folder, 0700, err)) || (code = aic_request_question(l, p->session, &q, err)) ||
	    (code = path_of(p, "question", path, err)))
		return code;
	aic_verification_question_put(&b, &q);
	code = aic_file_write_atomic(path, b.data, b.len, 0600, err);
	aic_bytes_free(&b);
	return code;
}

/* --- what this site finds without a job --- */

static aic_code answer_here(const aic_request_place *p, aic_found found, aic_error *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static aic_code answer_here(const aic_request_place *p, aic_found found, aic_error *err, const char *fmt, ...)
{
	aic_verification_result r = {.session = p->session->id, .round = p->session->round, .result = found};
	char path[PATH_MAX];
	aic_bytes b = {0};
	va_list args;
	aic_code code = path_of(p, "result", path, err);

	if (found == AIC_FOUND_WITHHELD)
		r.segment = p->session->state == AIC_SESSION_DOUBTED ? p->session->verdict.segment : p->session->segment[0];
	va_start(args, fmt);
	vsnprintf(r.note, sizeof(r.note), fmt, args);
	va_end(args);
	aic_verification_result_put(&b, &r);
	if (!code)
		code = aic_file_write_atomic(path, b.data, b.len, 0600, err);
	aic_bytes_free(&b);
	return code;
}

/* A result that is none counts as a job that failed. */
static bool read_answer(const aic_request_place *p, aic_bytes *out)
{
	aic_verification_result r;
	char path[PATH_MAX];
	aic_error err = {0};

	out->len = 0;
	if (path_of(p, "result", path, &err) || aic_file_read(out, path, AIC_VERIFICATION_FILE_MAX, &err))
		return false;
	if (!aic_verification_result_get(&r, out->data, out->len, &err) && aic_hash_equal(&r.session, &p->session->id) &&
	    r.round == p->session->round)
		return true;
	aic_warn("%s/result is none (%s): the work is done again", p->folder, err.message);
	forget(p, "result");
	return false;
}

/* Assets whose terms do not let members verify, by now. */
static aic_code check_terms(const aic_request_place *p, aic_ledger *l, bool *may, aic_error *err)
{
	const aic_ledger_session *s = p->session;
	aic_ledger_family *family = NULL;
	aic_code code;

	*may = true;
	if (!s->n_assets)
		return AIC_OK;
	if ((code = aic_ledger_assets(l, s->asset, s->n_assets, &family, err)))
		return code;
	for (size_t i = 0; i < s->n_assets; i++)
		if (!family[i].n || family[i].asset[0].verify != AIC_VERIFY_MEMBERS)
			*may = false;
	aic_ledger_families_free(family, s->n_assets);
	return AIC_OK;
}

/* --- the job --- */

static void put_quoted(aic_bytes *b, const char *text)
{
	aic_bytes_append_str(b, "'");
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			aic_bytes_append_str(b, "'\\''");
		else
			aic_bytes_append(b, p, 1);
	aic_bytes_append_str(b, "'");
}

/* A job that was requeued goes on with its own claim; what another of the same request has claimed it leaves alone. */
static void write_script(aic_bytes *b, const char *session)
{
	aic_bytes_append_str(b, "#!/bin/bash\n# by `aic session verify`\n"
	                     "(set -o noclobber; echo \"$SLURM_JOB_ID\" >claim) 2>/dev/null || [ \"$(cat claim)\" = \"$SLURM_JOB_ID\" ] || exit 0\n"
	                     "export SLURM_MPI_TYPE=${SLURM_MPI_TYPE:-pmix}\n"
	                     "srun " AIC_BINDIR "/aic-verify --result result question ");
	put_quoted(b, session);
	aic_bytes_append_str(b, "\nstatus=$?\n[ -e result ] || exit $status\n");
	aic_bytes_append(b, "", 1);
}

/* Names, at this site, of the data sets that the session reads. */
static size_t list_datasets(const aic_request_place *p, const char *name[DATASETS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < p->session->n_assets; i++)
		for (size_t j = 0; j < p->config->n_assets && n < DATASETS_MAX; j++) {
			const aic_asset_config *a = &p->config->asset[j];

			if (a->on_ledger && !a->is_model && memcmp(a->number, p->session->asset[i], AIC_ASSET_ID_LEN) == 0)
				name[n++] = a->name;
		}
	return n;
}

static aic_code submit(const aic_request_place *p, const char *session, aic_error *err)
{
	const char *dataset[DATASETS_MAX];
	char name[AIC_REQUEST_NAME + sizeof(JOB_PREFIX)];
	aic_bytes script = {0};
	uint32_t id;

	snprintf(name, sizeof(name), JOB_PREFIX "%s", p->name);
	write_script(&script, session);
	const aic_slurm_request r = {.name = name, .node = p->node, .folder = p->folder, .script = (const char *)script.data, .dataset = dataset,
	                             .n = list_datasets(p, dataset)};
	aic_code code = aic_slurm_submit(&r, p->config, &id, err);
	aic_bytes_free(&script);
	if (code)
		return code;
	aic_info("session %.16s, round %" PRIu64 ": job %u on %s", p->name, p->session->round, id, p->node);
	return write_number(p, "job", id, err);
}

/* The job that was submitted is over, without a result. */
static aic_code count_try(const aic_request_place *p, const char *state, aic_error *err)
{
	uint64_t tries = read_number(p, "tries") + 1;
	aic_code code = write_number(p, "tries", tries, err);

	if (code)
		return code;
	aic_warn("session %.16s: job %" PRIu64 " ended %s without a result, try %" PRIu64 " of %d: see %s/log", p->name, read_number(p, "job"), state,
	         tries, AIC_REQUEST_TRIES, p->folder);
	forget(p, "claim");
	forget(p, "job");
	return AIC_OK;
}

/* Wallets of other sites have no name here, but an address. */
static bool is_own(const aic_ledger_session *s)
{
	return strncmp(s->payer, "0x", 2) != 0;
}

static aic_code work(const aic_request_place *p, const aic_slurm_jobs *jobs, aic_error *err)
{
	char session[PATH_MAX], hex[2 * AIC_HASH_LEN + 1], name[AIC_REQUEST_NAME + sizeof(JOB_PREFIX)];
	struct stat st;
	aic_code code;

	snprintf(name, sizeof(name), JOB_PREFIX "%s", p->name);
	uint32_t active = aic_slurm_jobs_active(jobs, name), known = (uint32_t)read_number(p, "job");
	if (active)
		return active == known ? AIC_OK : write_number(p, "job", active, err);
	if (known && (code = count_try(p, aic_slurm_jobs_state(jobs, known), err)))
		return code;
	if (read_number(p, "tries") >= AIC_REQUEST_TRIES)
		return answer_here(p, AIC_FOUND_DECLINED, err, "%d jobs ended without a result", AIC_REQUEST_TRIES);
	aic_hash_hex(hex, &p->session->id);
	if ((code = aic_path_join(session, sizeof(session), p->config->sessions.store, hex, err)))
		return code;
	if (stat(session, &st) != 0)
		return is_own(p->session) ? answer_here(p, AIC_FOUND_WITHHELD, err, "the session's folder is not in the store")
		                          : answer_here(p, AIC_FOUND_DECLINED, err, "the checkpoints are at another site, whose store this one does not see");
	return submit(p, session, err);
}

aic_code aic_request_advance(const aic_request_place *p, aic_ledger *l, const aic_slurm_jobs *jobs, aic_request_state *state, aic_bytes *answer,
                             aic_error *err)
{
	bool may;
	aic_code code;

	*state = AIC_REQUEST_WAITS;
	if ((code = ask(p, l, err)))
		return code;
	if (!read_answer(p, answer)) {
		if ((code = check_terms(p, l, &may, err)))
			return code;
		code = may ? work(p, jobs, err) : answer_here(p, AIC_FOUND_DECLINED, err, "an asset's terms do not let members verify");
		if (code || !read_answer(p, answer))
			return code;
	}
	*state = AIC_REQUEST_ANSWERED;
	return AIC_OK;
}
