/* cmd_reconcile.c: aic reconcile: asks slurmdbd itself, so that a slurmdbd that hangs holds nobody else up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"
#include "accounting/reconcile.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const aic_column columns[] = {
	{"job", "JOB", AIC_COLUMN_NUMBER},           {"cluster", "CLUSTER", AIC_COLUMN_TEXT},   {"difference", "DIFFERENCE", AIC_COLUMN_TEXT},
	{"start", "START", AIC_COLUMN_TIME},         {"end", "END HERE", AIC_COLUMN_TIME},      {"slurm_end", "END IN SLURM", AIC_COLUMN_TIME},
	{"state", "STATE HERE", AIC_COLUMN_TEXT},    {"slurm_state", "STATE IN SLURM", AIC_COLUMN_TEXT},
	{"action", "ACTION", AIC_COLUMN_TEXT},       {"cause", "CAUSE", AIC_COLUMN_TEXT},
};

typedef struct {
	aic_command base;
	const char *since, *cluster;
	bool fill;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->base;
		return 0;
	case 's':
		o->since = arg;
		return 0;
	case 'c':
		o->cluster = arg;
		return 0;
	case 'f':
		o->fill = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code ask(const options *o, int64_t since, const aic_slurmdb *runs, aic_grid *grid, aic_error *err)
{
	aic_question q = {.config = &o->base.config};
	aic_bytes one = {0};

	aic_rpc_begin(&q.body, "reconcile", 4);
	aic_cbor_put_int(&q.body, since);
	aic_cbor_put_bool(&q.body, o->fill);
	aic_cbor_put_array(&q.body, runs->n_clusters);
	for (size_t i = 0; i < runs->n_clusters; i++)
		aic_cbor_put_text(&q.body, runs->cluster[i]);
	aic_cbor_put_array(&q.body, runs->n);
	for (size_t i = 0; i < runs->n; i++) {
		aic_bytes_clear(&one);
		aic_job_record_encode(&one, &runs->run[i].record);
		aic_cbor_put_array(&q.body, 2);
		aic_cbor_put_bytes(&q.body, one.data, one.len);
		aic_cbor_put_bool(&q.body, runs->run[i].split);
	}
	aic_code rc = aic_ask_rows(&q, grid, columns, COUNT(columns), err);
	aic_bytes_free(&one);
	aic_question_end(&q);
	return rc;
}

static void show(const options *o, const aic_grid *grid, size_t n, const char *since)
{
	aic_table *t = aic_table_new(columns, COUNT(columns));
	size_t missing = 0;

	aic_grid_rows(grid, columns, t);
	for (size_t i = 0; i < grid->n; i++)
		missing += !strcmp(aic_grid_cell(grid, i, 2)->text, "missing here") && !aic_grid_cell(grid, i, 8)->text;
	aic_table_note(t, "%zu runs in slurmdbd since %s, %zu differences.", n, since, grid->n);
	if (missing)
		aic_table_note(t, "%zu runs are missing here: `aic reconcile --fill` takes them from slurmdbd, their nodes' shares from"
		                  " AdminComment, or as an even split.",
		               missing);
	aic_table_print(t, o->base.format, stdout);
	aic_table_free(t);
}

int aic_cmd_reconcile(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"since", 's', "TIME", 0, "runs that ended since then, as sacct's -S takes it [now-7days]", 0},
		{"cluster", 'c', "NAME", 0, "only this cluster's runs [those of aic.yaml, else all that slurmdbd has]", 0},
		{"fill", 'f', NULL, 0, "take what is missing from slurmdbd; marked as estimated where its split over nodes is not known", 0},
		{0},
	};
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {list, parse, NULL, "Compares what was charged with what slurmdbd knows, each difference with its"
	                                 " cause. The spool's record counts.", children, NULL, NULL};
	options o = {.since = "now-7days"};
	aic_slurmdb runs = {0};
	aic_grid grid = {0};
	aic_error err = {0};
	int64_t since = 0;
	int status = aic_command_begin(&o.base, &argp, argc, argv, &o);

	if (status)
		return status;
	aic_code rc = aic_time_parse(&since, o.since, &err);
	if (rc == AIC_OK)
		rc = aic_slurmdb_runs(&runs, &o.base.config, o.cluster, since, &err);
	if (rc == AIC_OK)
		rc = ask(&o, since, &runs, &grid, &err);
	if (rc == AIC_OK)
		show(&o, &grid, runs.n, o.since);
	aic_grid_clear(&grid);
	aic_slurmdb_clear(&runs);
	aic_command_end(&o.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}
