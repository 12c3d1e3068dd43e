/* command_reseed.c: aic ledger reseed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/command.h"
#include "ledger/client.h"
#include "ledger/commands.h"

#define POLL_MS 200

typedef struct {
	aic_command cmd;
	bool apply;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'y':
		o->apply = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: this subcommand takes no argument", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print(const aic_ledger_reseed *r, const options *o)
{
	static const aic_column columns[] = {
		{"done", "DONE", AIC_COLUMN_TEXT}, {"log_ends", "LOG ENDS AT", AIC_COLUMN_NUMBER},
		{"copy_ends", "COPY ENDS AT", AIC_COLUMN_NUMBER}, {"from", "FROM", AIC_COLUMN_NUMBER},
		{"missing", "MISSING", AIC_COLUMN_NUMBER}, {"different", "DIFFERENT", AIC_COLUMN_NUMBER},
		{"dropped", "DROPPED", AIC_COLUMN_NUMBER},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	aic_table_text(t, !r->needed ? "nothing to do" : o->apply ? "restored" : "not yet");
	if (r->empty)
		aic_table_text(t, NULL);
	else
		aic_table_number(t, (int64_t)r->found);
	aic_table_number(t, (int64_t)r->restored);
	if (r->needed)
		aic_table_number(t, (int64_t)r->from);
	else
		aic_table_text(t, NULL);
	aic_table_number(t, (int64_t)r->missing);
	aic_table_number(t, (int64_t)r->different);
	aic_table_number(t, (int64_t)r->dropped);
	aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	if (r->needed && !o->apply)
		fprintf(stderr, "Nothing was changed. Compare `aic ledger status` at all sites: the one whose copy ends highest restores, with --apply.\n");
}

int aic_cmd_ledger_reseed(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"apply", 'y', NULL, 0, "do it; without this option nothing is changed", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		list, parse, NULL, "Puts a log that has lost or changed blocks back from this site's copy (administrators).\v"
		"Nothing that a member site has attested is ever discarded.", shared, 0, 0};
	options o = {.apply = false};
	aic_ledger *l = NULL;
	aic_ledger_reseed r = {.done = false};
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	aic_code code = aic_ledger_open(&l, &o.cmd.config, &err);
	if (!code)
		code = aic_ledger_reseed_begin(l, o.apply, &err);
	while (!code && !(code = aic_ledger_reseed_get(l, &r, &err)) && !r.done)
		poll(NULL, 0, POLL_MS);
	if (code)
		rc = aic_command_fail(argv, &err);
	else
		print(&r, &o);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}
