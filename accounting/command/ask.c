#include "accounting/command/ask.h"

#include <poll.h>
#include <string.h>

#include "accounting/background.h"
#include "common/time.h"
#include "ledger/client.h"

#define ANSWER_MS 120000 /* closing a period of a million lines takes seconds */
#define PAUSE_MIN_MS 4   /* between two looks whether an answer is made */
#define PAUSE_MAX_MS 200

enum { KEY_FORMAT = 0x2000, KEY_OUTPUT, KEY_ACCOUNT, KEY_PROVIDER, KEY_USER, KEY_NODE, KEY_SINCE, KEY_UNTIL, KEY_CLUSTER,
       KEY_ASSET };

static const struct argp_option report_options[] = {
	{"output", KEY_OUTPUT, "FILE", 0, "write into FILE instead of to stdout", 1},
	{"account", KEY_ACCOUNT, "NAME", 0, "only this Slurm account", 2},
	{"provider", KEY_PROVIDER, "NAME", 0, "only this provider", 2},
	{"user", KEY_USER, "NAME", 0, "only this user's jobs", 2},
	{"node", KEY_NODE, "NAME", 0, "only what this node gave, or jobs that had it", 2},
	{"since", KEY_SINCE, "TIME", 0, "what ended then or later: 2026-11-23, 2026-11-23T08:00, now-7days (UTC)", 2},
	{"until", KEY_UNTIL, "TIME", 0, "what ended before", 2},
	{"cluster", KEY_CLUSTER, "NAME", 0, "only this Slurm cluster", 2},
	{"asset", KEY_ASSET, "NAME", 0, "only what this data set or model earned, or jobs that used it", 2},
	{"format", KEY_FORMAT, "FORMAT", OPTION_HIDDEN, NULL, 2},
	{0},
};

static bool takes_option(const aic_words *w, int key)
{
	static const unsigned filter[] = {AIC_FILTER_ACCOUNT, AIC_FILTER_PROVIDER, AIC_FILTER_USER, AIC_FILTER_NODE, AIC_FILTER_TIME,
	                                  AIC_FILTER_TIME, AIC_FILTER_CLUSTER, AIC_FILTER_ASSET};

	if (key >= KEY_ACCOUNT)
		return w->takes_filters & filter[key - KEY_ACCOUNT];
	return w->takes_page || w->takes_ur2 || (w->takes_output && key == KEY_OUTPUT);
}

/* Before the shared options, which know table, parsable, csv and json alone. */
static void parse_format(aic_words *w, const char *arg, struct argp_state *state)
{
	w->page = w->takes_page && !strcmp(arg, "html");
	w->ur2 = w->takes_ur2 && !strcmp(arg, "ur2");
	if (!w->page && !w->ur2 && !aic_format_parse(&w->base.format, arg))
		argp_error(state, "--format %s is not known: table, parsable, csv, json%s%s", arg, w->takes_page ? ", html" : "",
		           w->takes_ur2 ? ", ur2" : "");
}

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	aic_words *w = state->input;
	const char **text[] = {&w->output, &w->account, &w->provider, &w->user, &w->node, &w->since, &w->until, &w->cluster, &w->asset};

	if (key == KEY_FORMAT) {
		parse_format(w, arg, state);
		return 0;
	}
	if (key < KEY_OUTPUT || key > KEY_ASSET || !takes_option(w, key))
		return ARGP_ERR_UNKNOWN;
	*text[key - KEY_OUTPUT] = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	aic_words *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->base;
		return 0;
	case 'p':
		if (!w->takes_period)
			argp_error(state, "--period does not apply here");
		w->period = arg;
		return 0;
	case 'h':
		if (!w->takes_hash)
			argp_error(state, "--hash does not apply here");
		w->hash = arg;
		return 0;
	case 'r':
		if (!w->takes_reason)
			argp_error(state, "--reason does not apply here");
		w->reason = arg;
		return 0;
	case 'm':
		if (!w->takes_model)
			argp_error(state, "--model does not apply here");
		w->model = true;
		return 0;
	case 'k':
		if (!w->takes_key)
			argp_error(state, "--key does not apply here");
		w->key = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (w->n_args == w->max_args)
			argp_error(state, "\"%s\" is one argument too many", arg);
		w->arg[w->n_args++] = arg;
		return 0;
	default:
		return parse_report(key, arg, state);
	}
}

int aic_words_begin(aic_words *w, const char *args_doc, const char *doc, int argc, char **argv)
{
	struct argp_option options[6 + sizeof(report_options) / sizeof(report_options[0])] = {
		{"period", 'p', "PERIOD", w->takes_period ? 0 : OPTION_HIDDEN, "2026-11-23, 2026-W48 or 2026-11 [the running one]", 0},
		{"hash", 'h', "HEX", w->takes_hash ? 0 : OPTION_HIDDEN, "refuse unless the batch's hash begins so", 0},
		{"reason", 'r', "TEXT", w->takes_reason ? 0 : OPTION_HIDDEN, "why; kept with the line", 0},
		{"model", 'm', NULL, w->takes_model ? 0 : OPTION_HIDDEN, "the asset is a model", 0},
		{"key", 'k', "FILE", w->takes_key ? 0 : OPTION_HIDDEN, "sign with the administrator's key in FILE", 0},
	};
	const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {options, parse, args_doc, doc, children, NULL, NULL};
	size_t n = 5;

	for (const struct argp_option *o = report_options; o->name; o++)
		if (takes_option(w, o->key)) {
			options[n] = *o;
			if (o->key == KEY_OUTPUT && w->takes_page)
				options[n].doc = "write into FILE instead of to stdout; with --format html, a page for a browser";
			n++;
		}
	return aic_command_begin(&w->base, &argp, argc, argv, w);
}

int aic_words_end(aic_words *w, char **argv, aic_code rc, const aic_error *err)
{
	aic_command_end(&w->base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, err);
}

/* Whether the answer is being made; then the next question is for it. */
static bool is_waiting(aic_question *q)
{
	char word[sizeof(AIC_BACKGROUND_WAITING)] = "";
	aic_cbor c = q->answer;

	if (aic_cbor_peek(&c) != AIC_CBOR_TEXT)
		return false;
	aic_cbor_text(&c, word, sizeof(word));
	uint64_t ticket = aic_cbor_uint(&c);
	if (!aic_cbor_ok(&c) || strcmp(word, AIC_BACKGROUND_WAITING))
		return false;
	aic_bytes_clear(&q->body);
	aic_rpc_begin(&q->body, "resume", 1);
	aic_cbor_put_uint(&q->body, ticket);
	return true;
}

static aic_code call(aic_question *q, aic_rpc *rpc, aic_error *err)
{
	int64_t until = aic_monotonic_ms() + ANSWER_MS;
	int pause = PAUSE_MIN_MS;
	aic_code rc = aic_rpc_call(rpc, &q->body, &q->keep, &q->answer, err);

	while (rc == AIC_OK && is_waiting(q)) {
		if (aic_monotonic_ms() >= until)
			return aic_fail(err, AIC_UNREACHABLE, "aicacctd has not made this answer in %d s: ask for less, or look with `aic doctor`",
			                ANSWER_MS / 1000);
		poll(NULL, 0, pause);
		pause = 2 * pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
		aic_bytes_free(&q->keep);
		rc = aic_rpc_call(rpc, &q->body, &q->keep, &q->answer, err);
	}
	return rc;
}

aic_code aic_ask(aic_question *q, aic_error *err)
{
	const aic_config *c = q->config;
	char address[AIC_PATH_LEN];
	aic_rpc *rpc = NULL;
	aic_error e = {0};

	aic_rpc_use_munge(c->munge_socket);
	aic_code rc = aic_rpc_open(&rpc, "acct", aic_config_acct_socket(c, address), c->uid, ANSWER_MS, &e);
	if (rc == AIC_UNREACHABLE)
		return aic_fail(err, AIC_UNREACHABLE, "aicacctd does not answer (%s): start it, or look with `aic doctor`", e.message);
	if (rc == AIC_OK)
		rc = call(q, rpc, &e);
	aic_rpc_close(rpc);
	if (rc != AIC_OK && err)
		*err = e;
	return rc;
}

aic_code aic_ask_rows(aic_question *q, aic_grid *g, const aic_column *columns, size_t n, aic_error *err)
{
	aic_code rc = aic_ask(q, err);

	if (rc != AIC_OK)
		return rc;
	aic_grid_read(g, &q->answer, columns, n);
	return aic_cbor_finish(&q->answer, err);
}

aic_code aic_ask_done(aic_question *q, aic_error *err)
{
	aic_code rc = aic_ask(q, err);

	aic_question_end(q);
	return rc;
}

void aic_question_end(aic_question *q)
{
	aic_bytes_free(&q->body);
	aic_bytes_free(&q->keep);
}

static aic_code sign(const aic_words *w, aic_approval *a, const aic_hash *what, aic_error *err)
{
	aic_ledger_status status;
	aic_ledger *l = NULL;
	aic_hash chain;
	aic_key key;
	aic_code rc = aic_key_load(&key, w->key, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_ledger_open(&l, &w->base.config, err);
	if (rc == AIC_OK)
		rc = aic_ledger_status_get(l, &status, err);
	if (rc == AIC_OK && !aic_unhex(chain.b, sizeof(chain.b), status.chain))
		rc = aic_fail(err, AIC_CORRUPT, "aicledgerd's answer has no chain id: it is of another version");
	if (rc == AIC_OK)
		aic_approval_sign(a, &key, &chain, what);
	aic_key_wipe(&key);
	aic_ledger_close(l);
	return rc;
}

aic_code aic_put_approval(const aic_words *w, aic_bytes *body, const aic_hash *what, aic_error *err)
{
	aic_approval a;
	aic_code rc = w->key ? sign(w, &a, what, err) : AIC_OK;

	if (rc != AIC_OK)
		return rc;
	aic_cbor_put_array(body, w->key ? 1 : 0);
	if (w->key) {
		aic_cbor_put_array(body, 2);
		aic_cbor_put_bytes(body, a.key, sizeof(a.key));
		aic_cbor_put_bytes(body, a.signature, sizeof(a.signature));
	}
	return AIC_OK;
}

void aic_show(const aic_words *w, aic_table *t)
{
	aic_table_print(t, w->base.format, stdout);
	aic_table_free(t);
}
