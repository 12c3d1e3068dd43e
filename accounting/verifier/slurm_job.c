#include "accounting/verifier/slurm_job.h"

#include <errno.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/process.h"

#define NICE "10000" /* behind everybody else's of the same partition */
#define WORDS_MAX 64

extern char *slurm_job_state_string(uint32_t state); /* libslurm's own, in no header */

struct aic_slurm_jobs {
	job_info_msg_t *all;
};

aic_code aic_slurm_jobs_load(aic_slurm_jobs **jobs, const aic_config *c, aic_error *err)
{
	*jobs = aic_xcalloc(1, sizeof(**jobs));
	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 1);
	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
	if (slurm_load_job_user(&(*jobs)->all, getuid(), SHOW_ALL))
		return aic_fail(err, AIC_UNREACHABLE, "slurmctld does not say which jobs there are (%s): is it running?", slurm_strerror(errno));
	return AIC_OK;
}

void aic_slurm_jobs_free(aic_slurm_jobs *jobs)
{
	if (jobs && jobs->all)
		slurm_free_job_info_msg(jobs->all);
	free(jobs);
}

uint32_t aic_slurm_jobs_active(const aic_slurm_jobs *jobs, const char *name)
{
	for (uint32_t i = 0; i < jobs->all->record_count; i++) {
		const slurm_job_info_t *j = &jobs->all->job_array[i];

		if (j->name && strcmp(j->name, name) == 0 && (j->job_state & JOB_STATE_BASE) <= JOB_SUSPENDED)
			return j->job_id;
	}
	return 0;
}

const char *aic_slurm_jobs_state(const aic_slurm_jobs *jobs, uint32_t id)
{
	for (uint32_t i = 0; i < jobs->all->record_count; i++)
		if (jobs->all->job_array[i].job_id == id)
			return slurm_job_state_string(jobs->all->job_array[i].job_state);
	return "forgotten";
}

typedef struct {
	const char *word[WORDS_MAX];
	char *own[WORDS_MAX];
	size_t n, owned;
} words;

static void add(words *w, const char *option, const char *value)
{
	if (!value || !*value || w->n + 2 > WORDS_MAX)
		return;
	w->own[w->owned] = aic_xasprintf("%s%s", option, value);
	w->word[w->n++] = w->own[w->owned++];
}

static aic_code parse_id(const aic_bytes *said, int status, uint32_t *id, aic_error *err)
{
	char *end;
	const char *text = (const char *)said->data; /* "ID" or "ID;CLUSTER", behind warnings */
	const char *line = text;

	for (const char *p = text; (p = strchr(p, '\n')) && p[1]; p++)
		line = p + 1;
	unsigned long n = strtoul(line, &end, 10);
	if (status == 0 && end != line && (*end == '\n' || *end == ';' || !*end) && n && n < UINT32_MAX) {
		*id = (uint32_t)n;
		return AIC_OK;
	}
	return aic_fail(err, AIC_REFUSED, "sbatch does not take the job that verifies (%.*s): see sessions: verify in aic.yaml, and whether its user may "
	                "submit there", (int)strcspn(line, "\n"), line);
}

aic_code aic_slurm_submit(const aic_slurm_request *r, const aic_config *c, uint32_t *id, aic_error *err)
{
	words w = {.n = 0};
	aic_bytes said = {0};
	int status;

	w.word[w.n++] = "sbatch";
	w.word[w.n++] = "--parsable";
	w.word[w.n++] = "--requeue";
	w.word[w.n++] = "--open-mode=append";
	w.word[w.n++] = "--nice=" NICE;
	add(&w, "--job-name=", r->name);
	add(&w, "--nodelist=", r->node);
	add(&w, "--chdir=", r->folder);
	w.word[w.n++] = "--output=log";
	add(&w, "--partition=", c->sessions.verify_partition);
	add(&w, "--account=", c->sessions.verify_account);
	add(&w, "--qos=", c->sessions.verify_qos);
	for (size_t i = 0; i < r->n; i++)
		add(&w, "--aic-dataset=", r->dataset[i]);
	w.word[w.n] = NULL;
	aic_code code = aic_process_run(w.word, r->script, &said, &status, err);
	aic_bytes_append(&said, "", 1);
	if (!code)
		code = parse_id(&said, status, id, err);
	while (w.owned)
		free(w.own[--w.owned]);
	aic_bytes_free(&said);
	return code;
}

void aic_slurm_cancel(uint32_t id)
{
	slurm_kill_job(id, SIGKILL, 0);
}
