/* command_checkpoint.c: `aic ledger checkpoint`: the newest final block as a signed note. */
#include <stdio.h>

#include "common/command.h"
#include "common/file.h"
#include "ledger/audit/offline.h"
#include "ledger/client.h"

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct {
	aic_command cmd;
	const char *output;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int aic_cmd_ledger_checkpoint(int argc, char **argv)
{
	static const struct argp_option list[] = {{"output", 'o', "FILE", 0, "write the note there [stdout]", 0}, {0}};
	static const struct argp argp = {
		list, parse, 0, "Prints the newest final block as a checkpoint that outside witnesses can cosign (administrators).", shared, 0, 0};
	options o = {.output = NULL};
	aic_ledger *l = NULL;
	aic_bytes note = {0};
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_ledger_open(&l, &o.cmd.config, &err) || aic_ledger_checkpoint(l, &note, &err) ||
	    (o.output && aic_file_write_atomic(o.output, note.data, note.len, 0644, &err)))
		rc = aic_command_fail(argv, &err);
	else if (!o.output)
		fwrite(note.data, 1, note.len, stdout);
	aic_bytes_free(&note);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}
