#include "accounting/ask.h"

#include <string.h>

#define ANSWER_MS 120000 /* closing a period of a million lines takes seconds */

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
	case ARGP_KEY_ARG:
		if (w->n_args == w->max_args)
			argp_error(state, "\"%s\" is one argument too many", arg);
		w->arg[w->n_args++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int aic_words_begin(aic_words *w, const char *args_doc, const char *doc, int argc, char **argv)
{
	struct argp_option options[] = {
		{"period", 'p', "PERIOD", w->takes_period ? 0 : OPTION_HIDDEN, "2026-11-23, 2026-W48 or 2026-11 [the running one]", 0},
		{"hash", 'h', "HEX", w->takes_hash ? 0 : OPTION_HIDDEN, "refuse unless the batch's hash begins so", 0},
		{"reason", 'r', "TEXT", w->takes_reason ? 0 : OPTION_HIDDEN, "why; kept with the line", 0},
		{0},
	};
	const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {options, parse, args_doc, doc, children, NULL, NULL};

	return aic_command_begin(&w->base, &argp, argc, argv, w);
}

aic_code aic_ask(const aic_config *c, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	char address[AIC_PATH_LEN];
	aic_rpc *rpc = NULL;
	aic_error e = {0};

	aic_rpc_use_munge(c->munge_socket);
	aic_code rc = aic_rpc_open(&rpc, "acct", aic_config_acct_socket(c, address), c->uid, ANSWER_MS, &e);
	if (rc == AIC_UNREACHABLE)
		return aic_fail(err, AIC_UNREACHABLE, "aicacctd does not answer (%s): start it, or look with `aic doctor`", e.message);
	if (rc == AIC_OK)
		rc = aic_rpc_call(rpc, body, keep, answer, &e);
	aic_rpc_close(rpc);
	if (rc != AIC_OK && err)
		*err = e;
	return rc;
}

void aic_show(const aic_words *w, aic_table *t)
{
	aic_table_print(t, w->base.format, stdout);
	aic_table_free(t);
}
