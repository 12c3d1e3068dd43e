#include "slurm-plugins/train/slurm.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/process.h"
#include "common/time.h"

#define ARGUMENTS_MAX 64
#define LOST_S 120 /* a job that neither slurmctld nor slurmdbd knows so long after its submit is gone */

static const char *const known[] = {
	"nodes", "ntasks", "ntasks-per-node", "cpus-per-task", "gpus-per-node", "gres", "mem", "mem-per-cpu", "time", "partition", "qos",
	"nodelist", "exclude", "constraint", "reservation", "begin",
};

bool aic_train_option_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

bool aic_train_value_valid(const char *value)
{
	for (const char *p = value; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-+:,=/[]@&|*%", *p))
			return false;
	return *value && *value != '-' && strlen(value) < AIC_NAME_LEN;
}

/* What the program printed, with a NUL; refused where it failed, with its words on one line. */
static aic_code ask(const char *const *argv, const char *input, aic_bytes *said, aic_error *err)
{
	int status = 0;
	aic_code rc = aic_process_run(argv, input, said, &status, err);

	aic_bytes_append(said, "", 1);
	if (rc != AIC_OK || status == 0)
		return rc;
	for (char *p = (char *)said->data; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return aic_fail(err, AIC_REFUSED, "%s: %.500s", argv[0], (const char *)said->data);
}

/* Calls each(line, ctx) for the lines of text, which it cuts. */
static void lines(char *text, void (*each)(char *line, void *ctx), void *ctx)
{
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		each(line, ctx);
}

/* --- accounts --- */

static aic_code has_association(const char *user, const char *account, bool *has, aic_error *err)
{
	char who[AIC_NAME_LEN + 8], which[AIC_NAME_LEN + 8];
	const char *argv[] = {"sacctmgr", "-nP", "show", "assoc", who, which, "format=account", NULL};
	aic_bytes said = {0};

	snprintf(who, sizeof(who), "user=%s", user);
	snprintf(which, sizeof(which), "account=%s", account);
	aic_code rc = ask(argv, "", &said, err);
	*has = rc == AIC_OK && said.data[0] != '\0';
	aic_bytes_free(&said);
	return rc;
}

static aic_code default_account(char account[AIC_NAME_LEN], const char *user, aic_error *err)
{
	const char *argv[] = {"sacctmgr", "-nP", "show", "user", user, "format=defaultaccount", NULL};
	aic_bytes said = {0};
	aic_code rc = ask(argv, "", &said, err);

	if (rc == AIC_OK)
		snprintf(account, AIC_NAME_LEN, "%.*s", (int)strcspn((char *)said.data, "\n"), (char *)said.data);
	aic_bytes_free(&said);
	if (rc == AIC_OK && !account[0])
		return aic_fail(err, AIC_REFUSED, "user %s has no default account in Slurm: give --account, or ask your administrator for an "
		                "association", user);
	return rc;
}

aic_code aic_train_account(char account[AIC_NAME_LEN], const char *user, const char *self, aic_error *err)
{
	bool has;
	aic_code rc = account[0] ? AIC_OK : default_account(account, user, err);

	if (rc != AIC_OK || (rc = has_association(user, account, &has, err)) != AIC_OK)
		return rc;
	if (!has)
		return aic_fail(err, AIC_REFUSED, "user %s may not spend for account %s, with which it has no association: name one of your own, or "
		                "ask your administrator", user, account);
	if ((rc = has_association(self, account, &has, err)) == AIC_OK && !has)
		return aic_fail(err, AIC_REFUSED, "%s, under which the site trains, may not submit for account %s yet: an administrator runs "
		                "`sacctmgr add user %s Account=%s`", self, account, self, account);
	return rc;
}

/* --- submit --- */

typedef struct {
	const char *token;
	uint32_t job;
} search;

static void match(char *line, void *ctx)
{
	search *s = ctx;
	char *bar = strchr(line, '|');

	if (bar && strstr(bar, s->token))
		s->job = (uint32_t)strtoul(line, NULL, 10);
}

aic_code aic_train_job_of(aic_train_run *r, const char *self, aic_error *err)
{
	const char *argv[] = {"squeue", "-h", "-t", "all", "-u", self, "-o", "%A|%k", NULL};
	char hex[2 * AIC_TRAIN_TOKEN_LEN + 1];
	search s = {hex, 0};
	aic_bytes said = {0};

	aic_hex(hex, r->token, sizeof(r->token));
	aic_code rc = ask(argv, "", &said, err);
	if (rc == AIC_OK)
		lines((char *)said.data, match, &s);
	aic_bytes_free(&said);
	r->job = s.job;
	return rc != AIC_OK ? rc : s.job ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "Slurm has no job of this training");
}

static char *script(const aic_train_run *r)
{
	return aic_xasprintf("#!/bin/bash\n"
	                     "srun --kill-on-bad-exit=1 aic-train --run-dir out 'spec/%s'\n"
	                     "status=$?\n"
	                     "# srun has been seen to end with 0 where it launched nothing.\n"
	                     "[ \"$status\" != 0 ] || [ -s out/model.safetensors ] || status=1\n"
	                     "# 75: the time limit or a preemption was announced; it goes on from its checkpoint.\n"
	                     "[ \"$status\" != 75 ] || scontrol requeue \"$SLURM_JOB_ID\"\n"
	                     "exit \"$status\"\n", r->spec);
}

typedef struct {
	aic_train_run *run;
	aic_bytes *words;
} answer;

/* The job's number stands alone on its line; others are what job_submit/aic says to the user. */
static void take_word(char *line, void *ctx)
{
	answer *a = ctx;

	if (isdigit((unsigned char)*line))
		a->run->job = (uint32_t)strtoul(line, NULL, 10);
	else
		aic_bytes_printf(a->words, "%s\n", line);
}

aic_code aic_train_sbatch(aic_train_run *r, const char *home, const char *self, const char *dataset, const aic_train_option *option, size_t n,
                          aic_bytes *words, aic_error *err)
{
	const char *argv[ARGUMENTS_MAX + 1] = {"sbatch", "--parsable", "--requeue", "--signal=USR2@60", "--open-mode=append", "--output=train.log"};
	char folder[PATH_MAX], hex[2 * AIC_TRAIN_TOKEN_LEN + 1], *own[ARGUMENTS_MAX], *body;
	size_t n_own = 0, at = 6;
	aic_bytes said = {0};
	aic_code rc = aic_train_job_of(r, self, err);

	if (rc != AIC_NOT_FOUND)
		return rc;
	if ((rc = aic_train_path(folder, home, r->token, NULL, err)) != AIC_OK)
		return rc;
	aic_hex(hex, r->token, sizeof(r->token));
	own[n_own++] = aic_xasprintf("--chdir=%s", folder);
	own[n_own++] = aic_xasprintf("--account=%s", r->account);
	own[n_own++] = aic_xasprintf("--job-name=%s", r->name);
	own[n_own++] = aic_xasprintf("--comment=aic train for %s %s", r->user, hex);
	if (dataset[0])
		own[n_own++] = aic_xasprintf("--aic-dataset=%s", dataset);
	for (size_t i = 0; i < n && at + n_own < ARGUMENTS_MAX; i++)
		own[n_own++] = aic_xasprintf("--%s=%s", option[i].name, option[i].value);
	for (size_t i = 0; i < n_own; i++)
		argv[at++] = own[i];
	body = script(r);
	rc = ask(argv, body, &said, err);
	if (rc == AIC_OK)
		lines((char *)said.data, take_word, &(answer){r, words});
	aic_bytes_append(words, "", 1);
	if (rc == AIC_OK && !r->job)
		rc = aic_fail(err, AIC_REFUSED, "sbatch said no job number but: %.400s", (char *)words->data);
	for (size_t i = 0; i < n_own; i++)
		free(own[i]);
	free(body);
	aic_bytes_free(&said);
	return rc;
}

/* --- states --- */

typedef struct {
	aic_train_run *runs;
	size_t n;
	bool *changed, *seen;
	int64_t now;
} states;

static bool is_over(const char *state)
{
	static const char *const live[] = {"PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "RESIZING", "STAGE_OUT",
	                                   "STOPPED", "SIGNALING", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"};

	for (size_t i = 0; i < sizeof(live) / sizeof(*live); i++)
		if (!strncmp(state, live[i], strlen(live[i])))
			return false;
	return *state != '\0';
}

static void set(states *s, size_t i, const char *state, const char *why)
{
	aic_train_run *r = &s->runs[i];

	s->seen[i] = true;
	if (!strcmp(r->state, state) && !strcmp(r->why, why))
		return;
	aic_str_copy(r->state, sizeof(r->state), state);
	aic_str_copy(r->why, sizeof(r->why), why);
	if (is_over(state))
		r->ended = s->now;
	s->changed[i] = true;
}

/* ID|STATE|REASON or nodes */
static void take_state(char *line, void *ctx)
{
	states *s = ctx;
	char *state = strchr(line, '|'), *why = state ? strchr(state + 1, '|') : NULL;
	uint32_t job = (uint32_t)strtoul(line, NULL, 10);

	if (!why)
		return;
	*state++ = *why++ = '\0';
	state[strcspn(state, " +")] = '\0'; /* sacct: "CANCELLED by 1000" */
	for (size_t i = 0; i < s->n; i++)
		if (s->runs[i].job == job && !s->runs[i].ended)
			set(s, i, state, why);
}

static void ask_database(states *s, size_t i)
{
	char id[16];
	const char *argv[] = {"sacct", "-nXP", "-j", id, "-o", "JobIDRaw,State,NodeList", NULL};
	aic_bytes said = {0};

	snprintf(id, sizeof(id), "%u", s->runs[i].job);
	if (ask(argv, "", &said, NULL) == AIC_OK)
		lines((char *)said.data, take_state, s);
	aic_bytes_free(&said);
	if (!s->seen[i] && s->now - s->runs[i].submitted > LOST_S)
		set(s, i, "LOST", "Slurm knows no such job");
}

aic_code aic_train_states(aic_train_run *runs, size_t n, bool *changed, const char *self, aic_error *err)
{
	const char *argv[] = {"squeue", "-h", "-t", "all", "-u", self, "-o", "%A|%T|%R", NULL};
	states s = {runs, n, changed, aic_xcalloc(n + 1, 1), aic_now()};
	aic_bytes said = {0};
	aic_code rc = ask(argv, "", &said, err);

	if (rc == AIC_OK)
		lines((char *)said.data, take_state, &s);
	for (size_t i = 0; rc == AIC_OK && i < n; i++)
		if (runs[i].job && !runs[i].ended && !s.seen[i])
			ask_database(&s, i);
	free(s.seen);
	aic_bytes_free(&said);
	return rc;
}

aic_code aic_train_scancel(uint32_t job, aic_error *err)
{
	char id[16];
	const char *argv[] = {"scancel", id, NULL};
	aic_bytes said = {0};

	snprintf(id, sizeof(id), "%u", job);
	aic_code rc = ask(argv, "", &said, err);
	aic_bytes_free(&said);
	return rc;
}
