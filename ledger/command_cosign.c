/* command_cosign.c: what a witness does, and what its signatures are worth to an auditor; no daemon, no aic.yaml. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/file.h"
#include "common/time.h"
#include "ledger/audit/offline.h"

#define EXIT_USAGE 2

aic_code aic_note_load(aic_note *n, const char *path, aic_error *err)
{
	aic_bytes text = {0};
	aic_code code = aic_file_read(&text, path, AIC_NOTE_MAX, err);

	if (!code && (code = aic_note_parse(n, text.data, text.len, err)))
		aic_error_prefix(err, "%s", path);
	aic_bytes_free(&text);
	return code;
}

aic_code aic_note_require(const aic_note *n, char *const *vkey, size_t count, aic_error *err)
{
	aic_witness w;
	int64_t time;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < count && !code; i++)
		if (!(code = aic_witness_parse(&w, vkey[i], err)) && !aic_note_cosigned_by(n, &w, &time))
			code = aic_fail(err, AIC_CORRUPT, "the checkpoint bears no valid cosignature of %s", w.name);
	return code;
}

typedef struct {
	aic_command cmd;
	const char *note, *name, *key;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case 'n':
		o->name = arg;
		return 0;
	case 'k':
		o->key = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one CHECKPOINT at a time");
		o->note = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->note || !o->name || !o->key)
			argp_error(state, "give CHECKPOINT, --name NAME and --key FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code cosign(const options *o, aic_error *err)
{
	aic_note n;
	aic_key key;
	aic_witness w = {.name = ""};
	aic_code code = aic_note_load(&n, o->note, err);

	if (code)
		return code;
	if (!(code = aic_key_load(&key, o->key, err)) && !(code = aic_note_cosign(&n, o->name, &key, aic_now(), err)) &&
	    !(code = aic_file_write_atomic(o->note, n.note.data, n.note.len, 0644, err))) {
		aic_str_copy(w.name, sizeof(w.name), o->name);
		memcpy(w.key, key.public_key, AIC_PUBLIC_LEN);
		char *text = aic_witness_text(&w);
		printf("%s: cosigned %llu blocks; publish your key: %s\n", o->note, (unsigned long long)n.size, text);
		free(text);
	}
	aic_key_wipe(&key);
	aic_note_free(&n);
	return code;
}

int aic_cmd_ledger_cosign(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"name", 'n', "NAME", 0, "the witness's name, such as witness.example.org", 0},
		{"key", 'k', "FILE", 0, "its key (aic key new)", 0}, {0}};
	static const struct argp argp = {
		list, parse, "CHECKPOINT",
		"Adds a witness's cosignature, with the time, to a checkpoint.\v"
		"A witness says that it has seen this history and no other: first verify an export with --checkpoint, and never cosign two "
		"checkpoints of which one is not the beginning of the other.", 0, 0, 0};
	options o = {.note = NULL};
	aic_error err = {0};

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return EXIT_USAGE;
	return cosign(&o, &err) ? aic_command_fail(argv, &err) : 0;
}
