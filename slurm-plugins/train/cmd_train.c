/* cmd_train.c: aic train SPEC, and aic train list | wait | fetch | log | cancel | remove. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "slurm-plugins/commands.h"
#include "slurm-plugins/train/client.h"
#include "slurm-plugins/train/serve.h"

enum { KEY_NTASKS_PER_NODE = 256, KEY_GPUS_PER_NODE, KEY_GRES, KEY_MEM, KEY_MEM_PER_CPU, KEY_RESERVATION, KEY_BEGIN, KEY_DATASET,
       KEY_CHECKPOINTS, KEY_ALL };

typedef struct {
	aic_command base;
	aic_train_client client;
	aic_train_run run;
	char dataset[AIC_NAME_LEN];
	aic_train_option option[AIC_TRAIN_OPTIONS_MAX];
	size_t n;
	const char *wants, *arg, *output;   /* wants: what arg must be; NULL: none is given */
	bool wait, checkpoints, all;
} words;

static const struct argp_option submit_options[] = {
	{"wait", 'W', NULL, 0, "follow it to its end, then fetch model, metrics and log", 0},
	{"output", 'o', "FOLDER", 0, "fetch them into it [NAME-JOB]", 0},
	{"account", 'A', "NAME", 0, "that pays [your default account]", 1},
	{"job-name", 'J', "NAME", 0, "[the model's name]", 1},
	{"dataset", KEY_DATASET, "NAME", 0, "data set that is staged and paid [the specification's data: asset]", 1},
	{NULL, 0, NULL, 0, "As for sbatch:", 2},
	{"nodes", 'N', "N", 0, NULL, 2},
	{"ntasks", 'n', "N", 0, NULL, 2},
	{"ntasks-per-node", KEY_NTASKS_PER_NODE, "N", 0, NULL, 2},
	{"cpus-per-task", 'c', "N", 0, NULL, 2},
	{"gpus-per-node", KEY_GPUS_PER_NODE, "N", 0, NULL, 2},
	{"gres", KEY_GRES, "LIST", 0, NULL, 2},
	{"mem", KEY_MEM, "SIZE", 0, NULL, 2},
	{"mem-per-cpu", KEY_MEM_PER_CPU, "SIZE", 0, NULL, 2},
	{"time", 't', "TIME", 0, NULL, 2},
	{"partition", 'p', "NAME", 0, NULL, 2},
	{"qos", 'q', "NAME", 0, NULL, 2},
	{"nodelist", 'w', "NODES", 0, NULL, 2},
	{"exclude", 'x', "NODES", 0, NULL, 2},
	{"constraint", 'C', "LIST", 0, NULL, 2},
	{"reservation", KEY_RESERVATION, "NAME", 0, NULL, 2},
	{"begin", KEY_BEGIN, "TIME", 0, NULL, 2},
	{0},
};
static const struct argp_option fetch_options[] = {
	{"output", 'o', "FOLDER", 0, "into it [NAME-JOB]", 0},
	{"checkpoints", KEY_CHECKPOINTS, NULL, 0, "the checkpoints too", 0},
	{0},
};
static const struct argp_option list_options[] = {
	{"all", KEY_ALL, NULL, 0, "everybody's (administrators)", 0},
	{0},
};

static void take_word(char *to, size_t size, const char *what, const char *arg, struct argp_state *state)
{
	if (!aic_train_value_valid(arg) || strlen(arg) >= size)
		argp_error(state, "--%s %s: at most %zu letters, digits and . _ -", what, arg, size - 1);
	aic_str_copy(to, size, arg);
}

static error_t take_option(words *w, int key, const char *arg, struct argp_state *state)
{
	for (const struct argp_option *o = submit_options; o->name || o->doc; o++) {
		if (!o->name || o->key != key || !aic_train_option_known(o->name))
			continue;
		if (w->n == AIC_TRAIN_OPTIONS_MAX)
			argp_error(state, "more than %d options are too many", AIC_TRAIN_OPTIONS_MAX);
		aic_str_copy(w->option[w->n].name, sizeof(w->option[w->n].name), o->name);
		take_word(w->option[w->n].value, sizeof(w->option[w->n].value), o->name, arg, state);
		w->n++;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	words *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &w->base; return 0;
	case 'W': w->wait = true; return 0;
	case 'o': w->output = arg; return 0;
	case 'A': take_word(w->run.account, sizeof(w->run.account), "account", arg, state); return 0;
	case 'J': take_word(w->run.name, sizeof(w->run.name), "job-name", arg, state); return 0;
	case KEY_DATASET: take_word(w->dataset, sizeof(w->dataset), "dataset", arg, state); return 0;
	case KEY_CHECKPOINTS: w->checkpoints = true; return 0;
	case KEY_ALL: w->all = true; return 0;
	case ARGP_KEY_ARG:
		if (w->arg || !w->wants)
			argp_error(state, "\"%s\" is one word too many", arg);
		w->arg = arg;
		return 0;
	case ARGP_KEY_END:
		if (!w->arg && w->wants)
			argp_error(state, "which? Give %s", w->wants);
		return 0;
	default: return take_option(w, key, arg, state);
	}
}

/* --- what follows a submit --- */

static aic_code job_of(const words *w, uint32_t *job, aic_error *err)
{
	char *end;
	unsigned long n = strtoul(w->arg, &end, 10);

	if (*end || !n || n > UINT32_MAX)
		return aic_fail(err, AIC_USAGE, "\"%s\" is no job's number: `aic train list` shows them", w->arg);
	*job = (uint32_t)n;
	return AIC_OK;
}

static aic_code fetch(words *w, const aic_train_run *r, aic_error *err)
{
	char folder[PATH_MAX];
	size_t files;

	if (w->output)
		aic_str_copy(folder, sizeof(folder), w->output);
	else
		snprintf(folder, sizeof(folder), "%s-%u", r->name, r->job);
	aic_code rc = aic_train_fetch(&w->client, r->job, folder, w->checkpoints, &files, err);
	if (rc == AIC_OK)
		printf("%zu files in %s\n", files, folder);
	return rc;
}

static aic_code wait_for(words *w, uint32_t job, int *status, aic_error *err)
{
	aic_train_run r;
	aic_code rc = aic_train_follow(&w->client, job, &r, err);

	if (rc == AIC_OK) {
		printf("job %u: %s\n", job, r.state);
		*status = strcmp(r.state, "COMPLETED") ? 1 : 0;
		rc = fetch(w, &r, err);
	}
	return rc;
}

static aic_code act_submit(words *w, int *status, aic_error *err)
{
	char *said = NULL;
	aic_code rc = aic_train_send(&w->client, w->arg, &w->run, w->dataset, err);

	if (rc == AIC_OK)
		rc = aic_train_submit(&w->client, &w->run, w->dataset, w->option, w->n, &said, err);
	if (rc == AIC_UNREACHABLE) /* whether it was submitted or not, the same token is one job */
		rc = aic_train_submit(&w->client, &w->run, w->dataset, w->option, w->n, &said, err);
	if (rc != AIC_OK)
		return rc;
	fputs(said, stderr);
	free(said);
	printf("Submitted job %u, account %s\n", w->run.job, w->run.account);
	fflush(stdout);
	return w->wait ? wait_for(w, w->run.job, status, err) : AIC_OK;
}

static aic_code act_wait(words *w, int *status, aic_error *err)
{
	uint32_t job = 0;
	aic_code rc = job_of(w, &job, err);

	return rc == AIC_OK ? wait_for(w, job, status, err) : rc;
}

static aic_code act_fetch(words *w, int *status, aic_error *err)
{
	aic_train_run r;
	uint32_t job = 0;
	aic_code rc = job_of(w, &job, err);

	(void)status;
	if (rc == AIC_OK)
		rc = aic_train_show(&w->client, job, &r, err);
	return rc == AIC_OK ? fetch(w, &r, err) : rc;
}

static aic_code act_cancel(words *w, int *status, aic_error *err)
{
	uint32_t job = 0;
	aic_code rc = job_of(w, &job, err);

	(void)status;
	return rc == AIC_OK ? aic_train_cancel(&w->client, job, err) : rc;
}

static aic_code act_remove(words *w, int *status, aic_error *err)
{
	uint32_t job = 0;
	aic_code rc = job_of(w, &job, err);

	(void)status;
	return rc == AIC_OK ? aic_train_remove(&w->client, job, err) : rc;
}

static const aic_column columns[] = {
	{"job", "JOB", AIC_COLUMN_NUMBER},        {"name", "NAME", AIC_COLUMN_TEXT},  {"user", "USER", AIC_COLUMN_TEXT},
	{"account", "ACCOUNT", AIC_COLUMN_TEXT},  {"state", "STATE", AIC_COLUMN_TEXT}, {"nodes", "NODES OR REASON", AIC_COLUMN_TEXT},
	{"submitted", "SUBMITTED", AIC_COLUMN_TIME}, {"ended", "ENDED", AIC_COLUMN_TIME},
};

static int newest_first(const void *a, const void *b)
{
	const aic_train_run *x = a, *y = b;

	return x->submitted != y->submitted ? (x->submitted < y->submitted ? 1 : -1) : (x->job < y->job) - (x->job > y->job);
}

static aic_code act_list(words *w, int *status, aic_error *err)
{
	aic_train_run *runs;
	size_t n;
	aic_code rc = aic_train_list(&w->client, w->all, &runs, &n, err);

	(void)status;
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(*columns));

		qsort(runs, n, sizeof(*runs), newest_first);
		for (size_t i = 0; i < n; i++) {
			aic_table_number(t, runs[i].job);
			aic_table_text(t, runs[i].name);
			aic_table_text(t, runs[i].user);
			aic_table_text(t, runs[i].account);
			aic_table_text(t, runs[i].state);
			aic_table_text(t, runs[i].why);
			aic_table_time(t, runs[i].submitted);
			aic_table_time(t, runs[i].ended);
		}
		aic_table_print(t, w->base.format, stdout);
		aic_table_free(t);
	}
	free(runs);
	return rc;
}

/* --- dispatch --- */

static int run(int argc, char **argv, const struct argp_option *options, const char *args, const char *doc,
               aic_code (*act)(words *w, int *status, aic_error *err))
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {options, parse, args, doc, children, NULL, NULL};
	words *w = aic_xcalloc(1, sizeof(*w));
	aic_error err = {0};
	int status;

	w->wants = args;
	status = aic_command_begin(&w->base, &argp, argc, argv, w);

	if (status == 0) {
		w->client.config = &w->base.config;
		aic_rpc_use_munge(w->base.config.munge_socket);
		if (act(w, &status, &err) != AIC_OK)
			status = aic_command_fail(argv, &err);
		aic_train_client_close(&w->client);
		aic_command_end(&w->base);
	}
	free(w);
	return status;
}

static int cmd_list(int argc, char **argv)
{
	return run(argc, argv, list_options, NULL, "Your trainings that the site runs or keeps, the newest first.", act_list);
}

static int cmd_wait(int argc, char **argv)
{
	return run(argc, argv, fetch_options, "JOB", "Follows a training to its end, and fetches model, metrics and log. Exit status 1 where it failed.",
	           act_wait);
}

static int cmd_fetch(int argc, char **argv)
{
	return run(argc, argv, fetch_options, "JOB", "Fetches model, metrics and log of a training that has ended; again, what is missing of them.", act_fetch);
}

static int cmd_cancel(int argc, char **argv)
{
	return run(argc, argv, NULL, "JOB", "Ends a training; what it held until then is charged.", act_cancel);
}

static int cmd_remove(int argc, char **argv)
{
	return run(argc, argv, NULL, "JOB", "Removes what the site keeps of a training that has ended.", act_remove);
}

static int submit(int argc, char **argv)
{
	return run(argc, argv, submit_options, "SPEC.yaml",
	           "Submits a training that the site runs under a user of its own: its specification and data are copied there first, and nobody but "
	           "the site reaches into it.\v"
	           "`aic train list`, `wait JOB`, `fetch JOB`, `cancel JOB` and `remove JOB` are for what was submitted; each has its --help.",
	           act_submit);
}

int aic_cmd_train(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"list", cmd_list, "your trainings"},
		{"wait", cmd_wait, "follow one to its end, and fetch what came out"},
		{"fetch", cmd_fetch, "model, metrics and log of one that has ended"},
		{"cancel", cmd_cancel, "end one"},
		{"remove", cmd_remove, "what the site keeps of one"},
		{NULL, NULL, NULL},
	};

	for (const aic_subcommand *c = commands; argc > 1 && c->name; c++)
		if (!strcmp(c->name, argv[1]))
			return aic_command_dispatch(commands, "", argc, argv);
	return submit(argc, argv);
}
