/* cmd_quote.c: aic quote: the most that a job can cost, by the formula that job_submit/aic uses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"
#include "common/time.h"

#define HOUR 3600

typedef struct {
	aic_command base;
	uint32_t nodes;
	aic_node_share share;
	int64_t seconds;
	const char *account, *dataset, *model;
} quote;

static bool number(const char *text, uint64_t max, uint64_t *out, const char **rest)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	*out = v;
	*rest = end;
	return !errno && end != text && text[0] >= '0' && text[0] <= '9' && v <= max;
}

/* As sbatch's --mem: MiB, or with K, M, G, T. */
static bool memory(const char *text, uint64_t *mib)
{
	const char *rest;
	uint64_t v;

	if (!number(text, UINT64_MAX >> 24, &v, &rest) || (*rest && rest[1]))
		return false;
	switch (*rest) {
	case 'k': case 'K':
		*mib = (v + 1023) / 1024;
		return true;
	case '\0': case 'm': case 'M':
		*mib = v;
		return true;
	case 'g': case 'G':
		*mib = v << 10;
		return true;
	case 't': case 'T':
		*mib = v << 20;
		return true;
	default:
		return false;
	}
}

/* [TYPE:]N, separated by commas. */
static bool gpus(aic_node_share *s, const char *text)
{
	char copy[256], *save = NULL;

	aic_str_copy(copy, sizeof(copy), text);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *colon = strrchr(word, ':');
		const char *rest;
		uint64_t n;
		if (s->gpu_types == AIC_GPU_TYPES_MAX || !number(colon ? colon + 1 : word, 1024, &n, &rest) || *rest)
			return false;
		if (colon)
			*colon = '\0';
		aic_str_copy(s->gpu[s->gpu_types].type, AIC_NAME_LEN, colon ? word : "");
		s->gpu[s->gpu_types++].count = (uint32_t)n;
	}
	return s->gpu_types > 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	quote *q = state->input;
	const char *rest = "";
	aic_error err = {0};
	uint64_t v;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &q->base;
		return 0;
	case 'N':
		if (!number(arg, AIC_RECORD_NODES_MAX, &v, &rest) || *rest || !v)
			argp_error(state, "--nodes %s: a number from 1 to %d is needed", arg, AIC_RECORD_NODES_MAX);
		q->nodes = (uint32_t)v;
		return 0;
	case 'g':
		if (!gpus(&q->share, arg))
			argp_error(state, "--gpus-per-node %s: write N or TYPE:N, as a100:4", arg);
		return 0;
	case 'c':
		if (!number(arg, 1u << 20, &v, &rest) || *rest)
			argp_error(state, "--cpus %s: a number of CPUs per node is needed", arg);
		q->share.cpus = (uint32_t)v;
		return 0;
	case 'm':
		if (!memory(arg, &q->share.mem_mib))
			argp_error(state, "--mem %s: write MiB, or a number with K, M, G or T", arg);
		return 0;
	case 't':
		if (aic_duration_parse(&q->seconds, arg, &err) != AIC_OK)
			argp_error(state, "--time %s: %s", arg, err.message);
		return 0;
	case 'A':
		q->account = arg;
		return 0;
	case 'd':
		q->dataset = arg;
		return 0;
	case 'M':
		q->model = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"nodes", 'N', "N", 0, "nodes [1]", 0},
	{"gpus-per-node", 'g', "[TYPE:]N", 0, "GPUs on each node; several types with commas [none]", 0},
	{"cpus", 'c', "N", 0, "CPUs on each node [1]", 0},
	{"mem", 'm', "SIZE", 0, "memory on each node, MiB or with K, M, G, T [0]", 0},
	{"time", 't', "TIME", 0, "time limit, as sbatch takes it [1:00:00]", 0},
	{"account", 'A', "ACCOUNT", 0, "say how long this account's balance lasts", 0},
	{"dataset", 'd', "NAME", 0, "data set that the job uses (--aic-dataset)", 0},
	{"model", 'M', "NAME", 0, "model that it uses (--aic-model)", 0},
	{0},
};

static aic_code find_asset(const aic_config *c, const char *name, bool is_model, const aic_asset_terms **out, aic_error *err)
{
	*out = NULL;
	if (!name)
		return AIC_OK;
	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].is_model == is_model && !strcmp(c->asset[i].name, name)) {
			*out = &c->asset[i].terms;
			return AIC_OK;
		}
	return aic_fail(err, AIC_REFUSED, "no %s is called %s: aic.yaml lists them under `assets`", is_model ? "model" : "data set", name);
}

static const aic_column columns[] = {
	{"nodes", "NODES", AIC_COLUMN_NUMBER},         {"time", "TIME", AIC_COLUMN_TEXT},
	{"resources", "RESOURCES", AIC_COLUMN_AMOUNT}, {"dataset", "DATA SET", AIC_COLUMN_AMOUNT},
	{"model", "MODEL", AIC_COLUMN_AMOUNT},         {"total", "TOTAL AIC", AIC_COLUMN_AMOUNT},
};

typedef struct {
	aic_amount resources, dataset, model, total, hour;
} prices;

static aic_code price(const quote *q, prices *p, aic_error *err)
{
	const aic_config *c = &q->base.config;
	const aic_asset_terms *dataset, *model;
	aic_amount with_data, with_model;
	aic_code rc = find_asset(c, q->dataset, false, &dataset, err);

	if (rc == AIC_OK)
		rc = find_asset(c, q->model, true, &model, err);
	if (rc != AIC_OK)
		return rc;
	if (!aic_price_quote(&p->resources, &c->rates, &q->share, q->nodes, q->seconds, NULL, NULL) ||
	    !aic_price_quote(&with_data, &c->rates, &q->share, q->nodes, q->seconds, dataset, NULL) ||
	    !aic_price_quote(&with_model, &c->rates, &q->share, q->nodes, q->seconds, NULL, model) ||
	    !aic_price_quote(&p->total, &c->rates, &q->share, q->nodes, q->seconds, dataset, model) ||
	    !aic_price_quote(&p->hour, &c->rates, &q->share, q->nodes, HOUR, NULL, NULL))
		return aic_fail(err, AIC_USAGE, "the price needs more than 128 bits: ask for less time or fewer resources");
	p->dataset = with_data - p->resources;
	p->model = with_model - p->resources;
	return AIC_OK;
}

static const aic_column balance_columns[] = {
	{"account", "", AIC_COLUMN_TEXT},     {"organisation", "", AIC_COLUMN_TEXT}, {"balance", "", AIC_COLUMN_AMOUNT},
	{"unsettled", "", AIC_COLUMN_AMOUNT}, {"available", "", AIC_COLUMN_AMOUNT},  {"debt", "", AIC_COLUMN_AMOUNT},
	{"as_of", "", AIC_COLUMN_TIME},
};

static void note_balance(const quote *q, const prices *p, aic_amount available, aic_table *t)
{
	char has[AIC_AMOUNT_TEXT], lasts[AIC_TIME_TEXT], per_hour[AIC_AMOUNT_TEXT];
	aic_amount seconds;

	aic_amount_human(has, available, 2);
	aic_amount_human(per_hour, p->hour, 4);
	if (!p->hour || !aic_mul_div(&seconds, available, HOUR, p->hour) || seconds > INT32_MAX)
		aic_table_note(t, "Account %s has %s AIC available: it lasts.", q->account, has);
	else
		aic_table_note(t, "Account %s has %s AIC available: at %s AIC an hour it lasts %s.", q->account, has, per_hour,
		               aic_duration_format(lasts, (int64_t)seconds));
	if (available < p->total) {
		char missing[AIC_AMOUNT_TEXT];
		aic_table_note(t, "%s AIC are missing for this job: shorten --time, or ask for a top-up.",
		               aic_amount_human(missing, p->total - available, 2));
	}
}

static aic_code ask_balance(const quote *q, const prices *p, aic_table *t, aic_error *err)
{
	aic_question balance = {.config = &q->base.config};
	aic_grid grid = {0};

	aic_rpc_begin(&balance.body, "balance", 1);
	aic_cbor_put_text(&balance.body, q->account);
	aic_code rc = aic_ask_rows(&balance, &grid, balance_columns, sizeof(balance_columns) / sizeof(balance_columns[0]), err);
	if (rc == AIC_OK && grid.n)
		note_balance(q, p, aic_grid_cell(&grid, 0, 4)->amount, t);
	aic_grid_clear(&grid);
	aic_question_end(&balance);
	return rc;
}

int aic_cmd_quote(int argc, char **argv)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options, parse, NULL, "The most that a job can cost, before submitting it.", children, NULL, NULL};
	quote q = {.nodes = 1, .share = {.cpus = 1}, .seconds = HOUR};
	aic_error err = {0};
	char text[AIC_TIME_TEXT];
	prices p;
	int status = aic_command_begin(&q.base, &argp, argc, argv, &q);

	if (status)
		return status;
	aic_code rc = price(&q, &p, &err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
		aic_table_number(t, q.nodes);
		aic_table_text(t, aic_duration_format(text, q.seconds));
		aic_table_amount(t, p.resources);
		aic_table_amount(t, p.dataset);
		aic_table_amount(t, p.model);
		aic_table_amount(t, p.total);
		if (q.account)
			rc = ask_balance(&q, &p, t, &err);
		aic_table_print(t, q.base.format, stdout);
		aic_table_free(t);
	}
	aic_command_end(&q.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}
