/* command_verify.c: `aic ledger verify` and `aic ledger check`: what an auditor runs, on any machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/command.h"
#include "common/file.h"
#include "ledger/audit/export.h"
#include "ledger/audit/offline.h"
#include "ledger/audit/proof.h"
#include "ledger/show.h"

#define EXIT_USAGE 2

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

/* aic_command_begin without aic.yaml. */
static int begin(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = EXIT_USAGE;
	return argp_parse(argp, argc, argv, 0, NULL, input) ? EXIT_USAGE : 0;
}

static aic_code parse_hash(aic_hash *h, const char *text, const char *what, aic_error *err)
{
	if (aic_unhex(h->b, AIC_HASH_LEN, text))
		return AIC_OK;
	return aic_fail(err, AIC_USAGE, "%s \"%s\": give %d hexadecimal digits", what, text, 2 * AIC_HASH_LEN);
}

#define CHECKPOINT_OPTION(text) {"checkpoint", 'p', "FILE", 0, text, 0}
#define WITNESS_OPTION {"witness", 'w', "VKEY", 0, "which this witness must have cosigned; can be given again", 0}

/* --- verify --- */

typedef struct {
	aic_command cmd;
	const char *state, *export, *chain, *checkpoint;
	char *witness[AIC_WITNESSES_MAX];
	size_t witnesses;
} verify_options;

static void take_witness(char *witness[AIC_WITNESSES_MAX], size_t *n, char *arg, struct argp_state *state)
{
	if (*n == AIC_WITNESSES_MAX)
		argp_error(state, "at most %d witnesses", AIC_WITNESSES_MAX);
	witness[(*n)++] = arg;
}

static error_t parse_verify(int key, char *arg, struct argp_state *state)
{
	verify_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 's':
		o->state = arg;
		return 0;
	case 'e':
		o->export = arg;
		return 0;
	case 'c':
		o->chain = arg;
		return 0;
	case 'p':
		o->checkpoint = arg;
		return 0;
	case 'w':
		take_witness(o->witness, &o->witnesses, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (o->witnesses && !o->checkpoint)
			argp_error(state, "--witness goes with --checkpoint");
		if (o->checkpoint && !o->export)
			argp_error(state, "--checkpoint goes with --export");
		if (o->state && o->export)
			argp_error(state, "--state and --export exclude each other");
		if (o->chain && !o->export)
			argp_error(state, "--chain goes with --export");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_verified(const aic_verified *v, aic_format format)
{
	static const aic_column columns[] = {
		{"blocks", "BLOCKS", AIC_COLUMN_NUMBER}, {"by_nodes", "BY NODES", AIC_COLUMN_NUMBER}, {"transactions", "TRANSACTIONS", AIC_COLUMN_NUMBER},
		{"attestations", "ATTESTATIONS", AIC_COLUMN_NUMBER}, {"final", "FINAL", AIC_COLUMN_NUMBER}, {"chain", "CHAIN", AIC_COLUMN_TEXT},
		{"head", "HEAD", AIC_COLUMN_TEXT}, {"state_root", "STATE ROOT", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	aic_table_number(t, (int64_t)v->blocks);
	aic_table_number(t, (int64_t)v->drawn);
	aic_table_number(t, (int64_t)v->transactions);
	aic_table_number(t, (int64_t)v->attestations);
	aic_table_number(t, (int64_t)v->final);
	aic_show_hex(t, v->chain.b, AIC_HASH_LEN, format);
	aic_show_hex(t, v->head.b, AIC_HASH_LEN, format);
	aic_show_hex(t, v->root.b, AIC_HASH_LEN, format);
	aic_table_note(t, "every hash, signature, draw, root, event and row fits");
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static aic_code verify_copy(const verify_options *o, const char *scratch, aic_copy_opener own, aic_verified *v, aic_error *err)
{
	aic_copy copy = {.dir = NULL};
	aic_code code;

	if (!o->state && !own)
		return aic_fail(err, AIC_USAGE, "give --export DIR, or --state DIR");
	code = o->state ? aic_copy_open(&copy, o->state, err) : own(&copy, o->cmd.config_path, err);
	if (!code)
		code = aic_copy_verify(&copy, scratch, aic_show_progress, (void *)"verifying", v, err);
	if (!code && !copy.order.backend)
		fprintf(stderr, "there is no log beside %s/state.db: attestations were not looked at\n", copy.dir);
	aic_copy_close(&copy);
	return code;
}

static aic_code verify_export(const verify_options *o, const char *scratch, aic_verified *v, aic_error *err)
{
	aic_note note = {.size = 0};
	aic_hash chain;
	aic_code code = o->chain ? parse_hash(&chain, o->chain, "--chain", err) : AIC_OK;

	if (!code && o->checkpoint && !(code = aic_note_load(&note, o->checkpoint, err)))
		code = aic_note_require(&note, o->witness, o->witnesses, err);
	if (!code)
		code = aic_export_verify(o->export, scratch, o->chain ? &chain : NULL, o->checkpoint ? &note : NULL, aic_show_progress,
		                         (void *)"verifying", v, err);
	aic_note_free(&note);
	return code;
}

/* An empty root has no /tmp. */
static const char *scratch_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp && *tmp)
		return tmp;
	return access("/tmp", W_OK) == 0 ? "/tmp" : ".";
}

int aic_cmd_ledger_verify(int argc, char **argv, aic_copy_opener own)
{
	static const struct argp_option options[] = {
		{"state", 's', "DIR", 0, "the directory of the ledger's files, in place of the one that aic.yaml names", 0},
		{"export", 'e', "DIR", 0, "verify an export in place of this site's copy", 0},
		{"chain", 'c', "HASH", 0, "the chain id that the export must have: then nothing else needs to be trusted", 0},
		CHECKPOINT_OPTION("a checkpoint that the export must lead to"), WITNESS_OPTION,
		{0}};
	static const struct argp argp = {
		options, parse_verify, 0,
		"Replays the ledger from genesis and compares every hash, root, signature, event and row.\v"
		"Reads files alone, beside a running daemon too. The scratch file goes to $TMPDIR, else /tmp, else here.", shared, 0, 0};
	verify_options o = {0};
	aic_verified v;
	aic_error err = {0};
	const char *tmp = scratch_dir();
	int rc = begin(&argp, argc, argv, &o);

	if (rc)
		return rc;
	if (o.export ? verify_export(&o, tmp, &v, &err) : verify_copy(&o, tmp, own, &v, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_verified(&v, o.cmd.format);
	return rc;
}

/* --- check --- */

typedef struct {
	aic_command cmd;
	const char *proof, *head, *chain, *checkpoint, *site;
	char *witness[AIC_WITNESSES_MAX];
	size_t witnesses;
} check_options;

static error_t parse_check(int key, char *arg, struct argp_state *state)
{
	check_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'h':
		o->head = arg;
		return 0;
	case 'c':
		o->chain = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one PROOF at a time");
		o->proof = arg;
		return 0;
	case 'p':
		o->checkpoint = arg;
		return 0;
	case 's':
		o->site = arg;
		return 0;
	case 'w':
		take_witness(o->witness, &o->witnesses, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!o->proof || !!o->head + !!o->chain + !!o->checkpoint != 1)
			argp_error(state, "give PROOF and one of --head HASH, --chain HASH and --checkpoint FILE");
		if (o->checkpoint && !o->site && !o->witnesses)
			argp_error(state, "say whose signature on the checkpoint you trust: --site KEY, --witness VKEY");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void address_cell(aic_table *t, const aic_address *a)
{
	char text[AIC_ADDRESS_TEXT];

	aic_table_text(t, aic_address_text(text, a));
}

static void print_proven(const aic_proven *p, aic_format format)
{
	static const aic_column columns[] = {
		{"site", "SITE", AIC_COLUMN_TEXT}, {"settlement", "SETTLEMENT", AIC_COLUMN_TEXT}, {"line", "LINE", AIC_COLUMN_NUMBER}, {"payer", "PAYER", AIC_COLUMN_TEXT},
		{"payee", "PAYEE", AIC_COLUMN_TEXT}, {"kind", "KIND", AIC_COLUMN_TEXT}, {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT},
		{"fee", "FEE AIC", AIC_COLUMN_AMOUNT}, {"paid", "PAID AIC", AIC_COLUMN_AMOUNT}, {"issued", "ISSUED AIC", AIC_COLUMN_AMOUNT},
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"time", "TIME", AIC_COLUMN_TIME}, {"transaction", "TRANSACTION", AIC_COLUMN_TEXT},
		{"evidence", "EVIDENCE", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char key[48];

	snprintf(key, sizeof(key), "%s/%llu", p->period, (unsigned long long)p->number);
	aic_show_hex(t, p->site.b, sizeof(p->site.b), format);
	aic_table_text(t, key);
	aic_table_number(t, (int64_t)p->line);
	address_cell(t, &p->payer);
	address_cell(t, &p->payee);
	aic_table_text(t, aic_line_kind_name(p->kind));
	aic_table_amount(t, p->gross);
	aic_table_amount(t, p->fee);
	aic_table_amount(t, p->paid);
	aic_table_amount(t, p->issued);
	aic_table_number(t, (int64_t)p->height);
	aic_table_time(t, p->time);
	aic_show_hex(t, p->tx.b, AIC_HASH_LEN, format);
	aic_show_hex(t, p->evidence.b, AIC_HASH_LEN, format);
	aic_table_note(t, "the proof holds against the head at height %llu", (unsigned long long)p->head_height);
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static aic_code check_against_note(const check_options *o, const aic_bytes *proof, aic_proven *p, aic_error *err)
{
	uint8_t site[AIC_PUBLIC_LEN];
	aic_note note = {.size = 0};
	aic_code code = aic_note_load(&note, o->checkpoint, err);

	if (!code && o->site && !aic_unhex(site, AIC_PUBLIC_LEN, o->site))
		code = aic_fail(err, AIC_USAGE, "--site \"%s\": give %d hexadecimal digits, a member site's key", o->site, 2 * AIC_PUBLIC_LEN);
	if (!code && o->site && !aic_note_signed_by(&note, site))
		code = aic_fail(err, AIC_CORRUPT, "the checkpoint bears no valid signature of that site");
	if (!code && !(code = aic_note_require(&note, o->witness, o->witnesses, err)))
		code = aic_proof_check_note(p, proof->data, proof->len, &note, err);
	aic_note_free(&note);
	return code;
}

static aic_code check(const check_options *o, aic_proven *p, aic_error *err)
{
	aic_bytes proof = {0};
	aic_hash hash;
	aic_code code = o->head ? parse_hash(&hash, o->head, "--head", err) : o->chain ? parse_hash(&hash, o->chain, "--chain", err) : AIC_OK;

	if (!code && !(code = aic_file_read(&proof, o->proof, AIC_PROOF_MAX, err)))
		code = o->head    ? aic_proof_check(p, proof.data, proof.len, &hash, err)
		       : o->chain ? aic_proof_check_chain(p, proof.data, proof.len, &hash, err)
		                  : check_against_note(o, &proof, p, err);
	aic_bytes_free(&proof);
	return code;
}

int aic_cmd_ledger_check(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"head", 'h', "HASH", 0, "hash of a final block that you trust, from any member site", 0},
		{"chain", 'c', "HASH", 0, "in its place the chain id: the members that genesis names must have attested that block", 0},
		CHECKPOINT_OPTION("in its place a checkpoint made of that block"),
		{"site", 's', "KEY", 0, "which the site with this key must have signed", 0}, WITNESS_OPTION, {0}};
	static const struct argp argp = {
		options, parse_check, "PROOF",
		"Checks a proof of `aic ledger prove` with nothing but the hash of a final block, the chain id, or a checkpoint.", shared, 0, 0};
	check_options o = {.proof = NULL};
	aic_proven p;
	aic_error err = {0};
	int rc = begin(&argp, argc, argv, &o);

	if (rc)
		return rc;
	if (check(&o, &p, &err))
		return aic_command_fail(argv, &err);
	print_proven(&p, o.cmd.format);
	return 0;
}
