/* command_backup.c: `aic ledger backup` and `aic ledger restore`. */
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/command.h"
#include "ledger/audit/offline.h"
#include "ledger/backup.h"
#include "ledger/show.h"

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct {
	aic_command cmd;
	const char *dir, *passphrase;
	bool plain;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'p':
		o->passphrase = arg;
		return 0;
	case 'k':
		o->plain = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one DIR");
		o->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir)
			argp_error(state, "give DIR");
		if (o->plain && o->passphrase)
			argp_error(state, "--plain-keys and --passphrase-file exclude each other");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define PASSPHRASE_OPTION(text) {"passphrase-file", 'p', "FILE", 0, text, 0}

static void print_backed_up(const options *o, const aic_backed_up *b)
{
	static const aic_column columns[] = {
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"files", "FILES", AIC_COLUMN_NUMBER}, {"bytes", "BYTES", AIC_COLUMN_NUMBER},
		{"keys", "KEYS", AIC_COLUMN_NUMBER}, {"chain", "CHAIN", AIC_COLUMN_TEXT}, {"head", "HEAD", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	aic_table_number(t, (int64_t)b->height);
	aic_table_number(t, b->files);
	aic_table_number(t, (int64_t)b->bytes);
	aic_table_number(t, b->keys);
	aic_show_hex(t, b->chain.b, AIC_HASH_LEN, o->cmd.format);
	aic_show_hex(t, b->head.b, AIC_HASH_LEN, o->cmd.format);
	if (!b->keys)
		aic_table_note(t, "without keys (--passphrase-file FILE, or --plain-keys): keep those of %s/keys elsewhere", o->cmd.config.state_dir);
	aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
}

int aic_cmd_ledger_backup(int argc, char **argv)
{
	static const struct argp_option list[] = {
		PASSPHRASE_OPTION("with the site's keys, sealed with the passphrase in FILE"),
		{"plain-keys", 'k', NULL, 0, "with the site's keys as they are", 0}, {0}};
	static const struct argp argp = {
		list, parse, "DIR", "Writes this site's ledger to the new directory DIR, while the daemon runs (the user of aic.yaml).", shared, 0, 0};
	options o = {.dir = NULL};
	aic_backed_up done;
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_config_check_user(&o.cmd.config, &err) ||
	    aic_ledger_backup(o.cmd.config.state_dir, o.dir,
	                      o.passphrase ? AIC_BACKUP_SEALED_KEYS : o.plain ? AIC_BACKUP_PLAIN_KEYS : AIC_BACKUP_NO_KEYS, o.passphrase, &done, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_backed_up(&o, &done);
	aic_command_end(&o.cmd);
	return rc;
}

static void print_restored(const aic_restored *r)
{
	printf("restored the state at height %llu", (unsigned long long)r->height);
	if (r->log_height > r->height)
		printf("; the log goes on to %llu, where the daemon will take it", (unsigned long long)r->log_height);
	printf("\n%s", r->log_kept ? "the log that was there is whole and stays\n" : "");
	if (r->salvaged)
		printf("the log was lost: its last %llu blocks came from the old state\n", (unsigned long long)r->salvaged);
	if (r->keys)
		printf("%u keys were missing and are back\n", r->keys);
	printf("the old directory is %s: remove it when all is well\n", r->aside);
}

int aic_cmd_ledger_restore(int argc, char **argv)
{
	static const struct argp_option list[] = {PASSPHRASE_OPTION("what the backup's keys are sealed with"), {0}};
	static const struct argp argp = {
		list, parse, "DIR",
		"Verifies the backup in DIR and puts it in the place of this site's ledger, the daemon being stopped (the user of aic.yaml).\v"
		"Nothing that this site has attested is undone: a log that is there and whole stays.", shared, 0, 0};
	options o = {.dir = NULL};
	aic_restored done;
	aic_error err = {0};
	const char *tmp = getenv("TMPDIR");
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_config_check_user(&o.cmd.config, &err) ||
	    aic_ledger_restore(o.cmd.config.state_dir, o.dir, tmp && *tmp ? tmp : "/tmp", o.passphrase, aic_show_progress, (void *)"verifying",
	                       &done, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_restored(&done);
	aic_command_end(&o.cmd);
	return rc;
}
