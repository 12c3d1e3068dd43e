/* cmd_simulate.c: aic simulate: what other rates or parameters would have paid. Reads files alone; no aic.yaml, no daemon. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/commands.h"
#include "accounting/simulate.h"
#include "common/command.h"

typedef struct {
	const char *policy, *against, *records, *receipts;
	aic_format format;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->format;
		return 0;
	case 'p':
		o->policy = arg;
		return 0;
	case 'a':
		o->against = arg;
		return 0;
	case 'r':
		o->records = arg;
		return 0;
	case 'e':
		o->receipts = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->policy || !o->records)
			argp_error(state, "--policy FILE and --records FILE are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const aic_column columns[] = {
	{"payee", "PAYEE", AIC_COLUMN_TEXT},        {"payer", "PAYER", AIC_COLUMN_TEXT},       {"kind", "KIND", AIC_COLUMN_TEXT},
	{"lines", "LINES", AIC_COLUMN_NUMBER},      {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT}, {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},
	{"net", "NET AIC", AIC_COLUMN_AMOUNT},      {"returned", "RETURNED AIC", AIC_COLUMN_AMOUNT},
	{"issued", "ISSUED AIC", AIC_COLUMN_AMOUNT}, {"total", "TOTAL AIC", AIC_COLUMN_AMOUNT}, {"before", "BEFORE AIC", AIC_COLUMN_AMOUNT},
	{"change", "CHANGE AIC", AIC_COLUMN_TEXT},  {"note", "NOTE", AIC_COLUMN_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define COLUMNS_ALONE 10 /* without --against */

static aic_amount total_of(const aic_sum *s)
{
	return s->gross - s->fee + s->reward;
}

/* The same (payer, payee, kind) in another simulation, by name. */
static const aic_sum *counterpart(const aic_simulation *of, const aic_sum *s, const aic_simulation *in)
{
	const aic_wallet_row *payer = aic_store_wallet_find(in->store, aic_store_wallet_by_id(of->store, s->payer)->name);
	const aic_wallet_row *payee = aic_store_wallet_find(in->store, aic_store_wallet_by_id(of->store, s->payee)->name);

	for (size_t i = 0; payer && payee && i < in->tally.n; i++)
		if (in->tally.sum[i].payer == payer->id && in->tally.sum[i].payee == payee->id && in->tally.sum[i].kind == s->kind)
			return &in->tally.sum[i];
	return NULL;
}

static void put_row(aic_table *t, const aic_simulation *of, const aic_sum *s, const aic_sum *now, const aic_sum *before, bool against)
{
	char change[AIC_AMOUNT_TEXT + 1];
	aic_amount is = now ? total_of(now) : 0, was = before ? total_of(before) : 0;

	aic_table_text(t, aic_store_wallet_by_id(of->store, s->payee)->name);
	aic_table_text(t, aic_store_wallet_by_id(of->store, s->payer)->name);
	aic_table_text(t, aic_line_kind_name(s->kind));
	aic_table_number(t, now ? (int64_t)now->n : 0);
	aic_table_amount(t, now ? now->gross : 0);
	aic_table_amount(t, now ? now->fee : 0);
	aic_table_amount(t, now ? now->gross - now->fee : 0);
	aic_table_amount(t, now ? now->reward - now->issued : 0);
	aic_table_amount(t, now ? now->issued : 0);
	aic_table_amount(t, is);
	if (!against)
		return;
	change[0] = is < was ? '-' : '+';
	aic_amount_format(change + 1, is < was ? was - is : is - was);
	aic_table_amount(t, was);
	aic_table_text(t, change);
	aic_table_text(t, now ? now->note : "no longer paid");
}

static void show(const options *o, const aic_simulation *now, const aic_simulation *before)
{
	aic_table *t = aic_table_new(columns, before ? COLUMNS : COLUMNS_ALONE);
	char gross[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT];

	for (size_t i = 0; i < now->tally.n; i++)
		put_row(t, now, &now->tally.sum[i], &now->tally.sum[i], before ? counterpart(now, &now->tally.sum[i], before) : NULL,
		        before != NULL);
	for (size_t i = 0; before && i < before->tally.n; i++)
		if (!counterpart(before, &before->tally.sum[i], now))
			put_row(t, before, &before->tally.sum[i], NULL, &before->tally.sum[i], true);
	aic_table_note(t, "%llu runs and %llu receipts, %llu second records kept aside; %s AIC gross, %s AIC of it fees.",
	               (unsigned long long)now->records, (unsigned long long)now->receipts, (unsigned long long)now->doubles,
	               aic_amount_format(gross, now->tally.gross), aic_amount_format(fee, now->tally.fee));
	aic_table_print(t, o->format, stdout);
	aic_table_free(t);
}

static aic_code run(const options *o, const char *path, aic_simulation *s, aic_error *err)
{
	aic_policy p;
	aic_code rc = aic_policy_load(&p, path, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_simulate(s, &p, o->records, o->receipts, err);
	aic_policy_clear(&p);
	return rc;
}

int aic_cmd_simulate(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"policy", 'p', "FILE", 0, "rates, providers, assets and parameters to try out (YAML)", 0},
		{"against", 'a', "FILE", 0, "compare with this policy", 0},
		{"records", 'r', "FILE", 0, "job records, one JSON object a line, as `aic report jobs --format json` writes them", 0},
		{"receipts", 'e', "FILE", 0, "receipts likewise, where the records have none in them", 0},
		{0},
	};
	static const struct argp_child format[] = {{&aic_format_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {list, parse, NULL, "What a change of rates or parameters would have paid, from files alone.", format, NULL,
	                                 NULL};
	aic_simulation now = {0}, before = {0};
	aic_error err = {0};
	options o = {0};

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	aic_code rc = run(&o, o.policy, &now, &err);
	if (rc == AIC_OK && o.against)
		rc = run(&o, o.against, &before, &err);
	if (rc == AIC_OK)
		show(&o, &now, o.against ? &before : NULL);
	aic_simulation_clear(&now);
	aic_simulation_clear(&before);
	return rc == AIC_OK ? 0 : aic_error_report(argv[0], &err);
}
