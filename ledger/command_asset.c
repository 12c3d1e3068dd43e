/* command_asset.c: `aic asset`: data sets and models as they stand on the ledger. What this site calls them says aic.yaml alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/command.h"
#include "ledger/client.h"
#include "ledger/command_act.h"
#include "ledger/commands.h"
#include "ledger/show.h"

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct {
	aic_command cmd;
	const char *word[2], *kind, *owner, *content, *licence, *verify, *per_job, *per_gpu_hour;
	const char *parent[AIC_PARENTS_MAX];
	int words, least, most;
	size_t parents;
	const char *usage;
} options;

enum { OWNER = 256, CONTENT, LICENCE, VERIFY, PER_JOB, PER_GPU_HOUR, PARENT };

static const struct argp_option terms_options[] = {
	{"licence", LICENCE, "TEXT", 0, "name of its licence", 0},
	{"verify", VERIFY, "WHO", 0, "who may read it to verify a session: members (default), owner or none", 0},
	{"per-job", PER_JOB, "AIC", 0, "price of each job that uses it", 0},
	{"per-gpu-hour", PER_GPU_HOUR, "AIC", 0, "price of each GPU hour of such a job", 0},
	{0},
};

static const struct argp_option register_options[] = {
	{"kind", 'k', "KIND", 0, "data, model or trained (a model that a session made)", 0},
	{"owner", OWNER, "WALLET", 0, "provider/NAME, account/NAME or site", 0},
	{"content", CONTENT, "SHA256", 0, "root of its content: 64 hexadecimal digits", 0},
	{"parent", PARENT, "ASSET=PPM", 0, "what it was made from, and that one's share of what it earns; once for each", 0},
	{"licence", LICENCE, "TEXT", 0, "name of its licence", 0},
	{"verify", VERIFY, "WHO", 0, "who may read it to verify a session: members (default), owner or none", 0},
	{"per-job", PER_JOB, "AIC", 0, "price of each job that uses it", 0},
	{"per-gpu-hour", PER_GPU_HOUR, "AIC", 0, "price of each GPU hour of such a job", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'k':
		o->kind = arg;
		return 0;
	case OWNER:
		o->owner = arg;
		return 0;
	case CONTENT:
		o->content = arg;
		return 0;
	case LICENCE:
		o->licence = arg;
		return 0;
	case VERIFY:
		o->verify = arg;
		return 0;
	case PER_JOB:
		o->per_job = arg;
		return 0;
	case PER_GPU_HOUR:
		o->per_gpu_hour = arg;
		return 0;
	case PARENT:
		if (o->parents == AIC_PARENTS_MAX)
			argp_error(state, "at most %d parents", AIC_PARENTS_MAX);
		o->parent[o->parents++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->words == o->most)
			argp_error(state, "%s", o->usage);
		o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->words < o->least)
			argp_error(state, "%s", o->usage);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- names and numbers --- */

static const char *name_of(const aic_config *c, const uint8_t id[AIC_ASSET_ID_LEN])
{
	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger && !memcmp(c->asset[i].number, id, AIC_ASSET_ID_LEN))
			return c->asset[i].name;
	return NULL;
}

/* A name of aic.yaml that one asset has, or 64 hexadecimal digits. */
static aic_code find(const aic_config *c, const char *text, uint8_t id[AIC_ASSET_ID_LEN], aic_error *err)
{
	size_t found = 0;

	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger && !strcmp(c->asset[i].name, text)) {
			memcpy(id, c->asset[i].number, AIC_ASSET_ID_LEN);
			found++;
		}
	if (found == 1 || (!found && aic_unhex(id, AIC_ASSET_ID_LEN, strncmp(text, "0x", 2) ? text : text + 2)))
		return AIC_OK;
	if (found)
		return aic_fail(err, AIC_USAGE, "a data set and a model are called %s: give the number, `aic asset list` shows it", text);
	return aic_fail(err, AIC_USAGE, "%s has no asset \"%s\" with a \"ledger\" key, and it is no number of %d hexadecimal digits: `aic asset"
	                " list` shows them", c->path, text, 2 * AIC_ASSET_ID_LEN);
}

static aic_code get_family(aic_ledger *l, const uint8_t id[AIC_ASSET_ID_LEN], aic_ledger_family **f, aic_error *err)
{
	char hex[2 * AIC_ASSET_ID_LEN + 1];
	aic_code code = aic_ledger_assets(l, (const uint8_t (*)[AIC_ASSET_ID_LEN])id, 1, f, err);

	if (code || (*f)->n)
		return code;
	aic_hex(hex, id, AIC_ASSET_ID_LEN);
	aic_ledger_families_free(*f, 1);
	*f = NULL;
	return aic_fail(err, AIC_NOT_FOUND, "no asset 0x%s is registered on the ledger: compare with what `aic asset register` printed", hex);
}

/* --- reading --- */

static const aic_column columns[] = {
	{"name", "NAME", AIC_COLUMN_TEXT},       {"kind", "KIND", AIC_COLUMN_TEXT},
	{"owner", "OWNER", AIC_COLUMN_TEXT},     {"per_job", "PER JOB AIC", AIC_COLUMN_AMOUNT},
	{"per_gpu_hour", "PER GPU HOUR AIC", AIC_COLUMN_AMOUNT}, {"licence", "LICENCE", AIC_COLUMN_TEXT},
	{"verify", "VERIFY", AIC_COLUMN_TEXT},   {"state", "STATE", AIC_COLUMN_TEXT},
	{"parents", "PARENTS PPM", AIC_COLUMN_TEXT}, {"content", "CONTENT", AIC_COLUMN_TEXT}, {"number", "NUMBER", AIC_COLUMN_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* "faces=200000 0x12ab34..=100000" */
static char *parents_text(const aic_config *c, const aic_ledger_asset *a, aic_format format)
{
	char hex[2 * AIC_ASSET_ID_LEN + 1], *out = aic_xstrdup("");

	for (size_t i = 0; i < a->n_parents; i++) {
		const char *name = name_of(c, a->parent[i].id);
		aic_hex(hex, a->parent[i].id, AIC_ASSET_ID_LEN);
		char *next = aic_xasprintf("%s%s%s%.*s=%llu", out, *out ? " " : "", name ? "" : "0x", format == AIC_FORMAT_TABLE && !name ? 16 : 127,
		                           name ? name : hex, (unsigned long long)a->parent[i].ppm);
		free(out);
		out = next;
	}
	return out;
}

static void put_asset(aic_table *t, const aic_config *c, const char *name, const aic_ledger_asset *a, aic_format format)
{
	char *parents = parents_text(c, a, format);

	aic_table_text(t, name);
	aic_table_text(t, aic_asset_kind_name(a->kind));
	aic_table_text(t, a->owner);
	aic_table_amount(t, a->per_job);
	aic_table_amount(t, a->per_gpu_hour);
	aic_table_text(t, a->licence[0] ? a->licence : NULL);
	aic_table_text(t, aic_verify_terms_name(a->verify));
	aic_table_text(t, a->retired ? "retired" : "in use");
	aic_table_text(t, *parents ? parents : NULL);
	aic_show_hex(t, a->content.b, AIC_HASH_LEN, format);
	aic_show_hex(t, a->id, AIC_ASSET_ID_LEN, format);
	free(parents);
}

static void put_missing(aic_table *t, const aic_asset_config *a, aic_format format)
{
	aic_table_text(t, a->name);
	aic_table_text(t, a->is_model ? "model" : "data");
	for (int i = 0; i < 5; i++)
		aic_table_text(t, NULL);
	aic_table_text(t, "not on the ledger");
	aic_table_text(t, NULL);
	aic_table_text(t, NULL);
	aic_show_hex(t, a->number, AIC_ASSET_ID_LEN, format);
}

static aic_code list(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	aic_table *t = aic_table_new(columns, COLUMNS);
	const aic_config *c = &o->cmd.config;
	uint8_t (*id)[AIC_ASSET_ID_LEN] = aic_xcalloc(c->n_assets + 1, sizeof(*id));
	const aic_asset_config **row = aic_xcalloc(c->n_assets + 1, sizeof(*row));
	aic_ledger_family *f = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger) {
			memcpy(id[n], c->asset[i].number, AIC_ASSET_ID_LEN);
			row[n++] = &c->asset[i];
		}
	aic_code code = aic_ledger_assets(l, (const uint8_t (*)[AIC_ASSET_ID_LEN])id, n, &f, err);
	for (size_t i = 0; i < n && !code; i++) {
		if (f[i].n)
			put_asset(t, c, row[i]->name, &f[i].asset[0], o->cmd.format);
		else
			put_missing(t, row[i], o->cmd.format);
	}
	if (!n)
		aic_table_note(t, "%s names no asset by its number: `aic asset register` puts one onto the ledger.", c->path);
	if (!code)
		aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	aic_ledger_families_free(f, n);
	free(id);
	free(row);
	return code;
}

/* One asset, and all that it was made from. */
static aic_code show(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint8_t id[AIC_ASSET_ID_LEN];
	aic_ledger_family *f;
	aic_code code = find(&o->cmd.config, o->word[0], id, err);

	if (code || (code = get_family(l, id, &f, err)))
		return code;
	aic_table *t = aic_table_new(columns, COLUMNS);
	for (size_t i = 0; i < f->n; i++)
		put_asset(t, &o->cmd.config, name_of(&o->cmd.config, f->asset[i].id), &f->asset[i], o->cmd.format);
	aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	aic_ledger_families_free(f, 1);
	return AIC_OK;
}

static int cmd_list(int argc, char **argv)
{
	static const struct argp argp = {0, parse, 0, "The assets that aic.yaml names by their numbers (administrators).", shared, 0, 0};
	options o = {.usage = "this takes no arguments"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, list);
}

static int cmd_show(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "NAME|NUMBER", "One asset, then all that it was made from (administrators).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which asset? Give its name in aic.yaml, or its number"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, show);
}

/* --- writing --- */

static aic_code read_terms(const options *o, aic_ledger_asset *a, aic_error *err)
{
	aic_code code = AIC_OK;

	if (o->licence && strlen(o->licence) >= sizeof(a->licence))
		return aic_fail(err, AIC_USAGE, "--licence has %zu characters, more than %zu: give its short name", strlen(o->licence),
		                sizeof(a->licence) - 1);
	if (o->licence)
		aic_str_copy(a->licence, sizeof(a->licence), o->licence);
	for (a->verify = o->verify ? 0 : a->verify; o->verify && strcmp(o->verify, aic_verify_terms_name(a->verify)); a->verify++)
		if (a->verify == AIC_VERIFY_NONE)
			return aic_fail(err, AIC_USAGE, "--verify %s: give members, owner or none", o->verify);
	if (o->per_job)
		code = aic_amount_parse(&a->per_job, o->per_job, err);
	if (!code && o->per_gpu_hour)
		code = aic_amount_parse(&a->per_gpu_hour, o->per_gpu_hour, err);
	return code;
}

static aic_code read_parent(const options *o, const char *text, aic_ledger_asset *a, aic_error *err)
{
	const char *equals = strrchr(text, '=');
	char *end = NULL, *name = aic_xasprintf("%.*s", equals ? (int)(equals - text) : 0, text);
	unsigned long long ppm = equals ? strtoull(equals + 1, &end, 10) : 0;
	aic_code code = AIC_OK;

	if (!equals || *end || ppm < 1 || ppm > 1000000 || equals[1] < '0' || equals[1] > '9')
		code = aic_fail(err, AIC_USAGE, "--parent %s: give ASSET=PPM, the share a number from 1 to 1000000", text);
	if (!code)
		code = find(&o->cmd.config, name, a->parent[a->n_parents].id, err);
	if (!code)
		a->parent[a->n_parents++].ppm = ppm;
	free(name);
	return code;
}

static int by_number(const void *a, const void *b)
{
	return memcmp(a, b, AIC_ASSET_ID_LEN);
}

static aic_code read_asset(const options *o, aic_ledger_asset *a, aic_error *err)
{
	const aic_config *c = &o->cmd.config;
	aic_code code;

	for (a->kind = AIC_ASSET_DATA; !o->kind || strcmp(o->kind, aic_asset_kind_name(a->kind)); a->kind++)
		if (!o->kind || a->kind == AIC_ASSET_TRAINED)
			return aic_fail(err, AIC_USAGE, "what is it? Give --kind data, model or trained");
	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger && !strcmp(c->asset[i].name, o->word[0]) && c->asset[i].is_model == (a->kind != AIC_ASSET_DATA))
			return aic_fail(err, AIC_REFUSED, "%s is on the ledger already, says %s: `aic asset terms` changes its terms", o->word[0], c->path);
	if (!o->owner)
		return aic_fail(err, AIC_USAGE, "who owns it? Give --owner provider/NAME, account/NAME or site");
	aic_str_copy(a->owner, sizeof(a->owner), o->owner);
	if (o->content && !aic_unhex(a->content.b, AIC_HASH_LEN, o->content))
		return aic_fail(err, AIC_USAGE, "--content %s: give %d hexadecimal digits, as sha256sum prints them", o->content, 2 * AIC_HASH_LEN);
	if ((code = read_terms(o, a, err)))
		return code;
	for (size_t i = 0; i < o->parents && !code; i++)
		code = read_parent(o, o->parent[i], a, err);
	if (!code)
		qsort(a->parent, a->n_parents, sizeof(a->parent[0]), by_number);
	for (size_t i = 1; i < a->n_parents && !code; i++)
		if (!by_number(&a->parent[i - 1], &a->parent[i]))
			code = aic_fail(err, AIC_USAGE, "one --parent is given twice: add the shares up");
	return code;
}

static aic_code do_register(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	char hex[2 * AIC_ASSET_ID_LEN + 1];
	aic_ledger_asset a = {0};
	uint64_t height;
	aic_code code = read_asset(o, &a, err);

	if (code || (code = aic_ledger_asset_register(l, &a, &height, err)))
		return code;
	aic_hex(hex, a.id, AIC_ASSET_ID_LEN);
	printf("Registered at height %llu. Write into `assets` of %s, and restart aicacctd:\n  - {name: %s, kind: %s, ledger: \"%s\"}\n",
	       (unsigned long long)height, o->cmd.config.path, o->word[0], a.kind == AIC_ASSET_DATA ? "data" : "model", hex);
	return AIC_OK;
}

static aic_code do_terms(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	aic_ledger_family *f;
	uint64_t height = 0;
	uint8_t id[AIC_ASSET_ID_LEN];
	aic_code code = find(&o->cmd.config, o->word[0], id, err);

	if (!code && !o->licence && !o->verify && !o->per_job && !o->per_gpu_hour)
		return aic_fail(err, AIC_USAGE, "which terms? Give --licence, --verify, --per-job or --per-gpu-hour; the others stay");
	if (code || (code = get_family(l, id, &f, err)))
		return code;
	if (!(code = read_terms(o, &f->asset[0], err)) && !(code = aic_ledger_asset_terms(l, &f->asset[0], &height, err)))
		printf("%s has these terms from height %llu; jobs submitted before pay the old ones.\n", o->word[0], (unsigned long long)height);
	aic_ledger_families_free(f, 1);
	return code;
}

static aic_code do_transfer(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint64_t height;
	uint8_t id[AIC_ASSET_ID_LEN];
	aic_code code = find(&o->cmd.config, o->word[0], id, err);

	if (!code && !(code = aic_ledger_asset_transfer(l, id, o->word[1], &height, err)))
		printf("%s is %s's from height %llu; jobs started before pay the owner before.\n", o->word[0], o->word[1], (unsigned long long)height);
	return code;
}

static aic_code do_retire(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint64_t height;
	uint8_t id[AIC_ASSET_ID_LEN];
	aic_code code = find(&o->cmd.config, o->word[0], id, err);

	if (!code && !(code = aic_ledger_asset_retire(l, id, &height, err)))
		printf("%s is retired at height %llu, for good; take its row out of %s.\n", o->word[0], (unsigned long long)height, o->cmd.config.path);
	return code;
}

static int cmd_register(int argc, char **argv)
{
	static const struct argp argp = {
		register_options, parse, "NAME",
		"Puts a data set or model of one of this site's wallets onto the ledger and prints the row for aic.yaml (administrators).\v"
		"The ledger gets a number, never the name.", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "what shall it be called here? Give one NAME"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_register);
}

static int cmd_terms(int argc, char **argv)
{
	static const struct argp argp = {terms_options, parse, "NAME|NUMBER", "Changes an asset's terms; what is not named stays (administrators).",
	                                 shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which asset? Give its name in aic.yaml, or its number"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_terms);
}

static int cmd_transfer(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "NAME|NUMBER WALLET", "Gives an asset to another wallet (administrators).", shared, 0, 0};
	options o = {.least = 2, .most = 2, .usage = "give the asset and the WALLET that shall own it"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_transfer);
}

static int cmd_retire(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "NAME|NUMBER", "Takes an asset out of use, for good (administrators).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which asset? Give its name in aic.yaml, or its number"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_retire);
}

int aic_cmd_asset(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"list", cmd_list, "the assets that aic.yaml names by their numbers"},
		{"show", cmd_show, "one asset, and what it was made from"},
		{"register", cmd_register, "put a data set or model onto the ledger"},
		{"terms", cmd_terms, "change its prices, its licence, who may read it to verify"},
		{"transfer", cmd_transfer, "give it to another wallet"},
		{"retire", cmd_retire, "take it out of use, for good"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "Data sets and models that stand on the ledger.", argc, argv);
}
