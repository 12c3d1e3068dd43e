/* command_read.c: `aic ledger blocks`, `tx`, `export` and `prove`: they read this site's files, beside the daemon too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/command.h"
#include "common/file.h"
#include "ledger/chain.h"
#include "ledger/audit/export.h"
#include "ledger/state/member.h"
#include "ledger/audit/offline.h"
#include "ledger/state/evidence.h"
#include "ledger/audit/proof.h"
#include "ledger/show.h"

#define LATEST 20 /* blocks that are shown where nothing is asked for */

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct {
	aic_command cmd;
	const char *state;
	int64_t from, to, head; /* -1: not given */
	const char *output;
	const char *word[2];
	int words, wanted;      /* wanted: exactly so many arguments */
	const char *usage;
} options;

static int64_t height_of(const char *text, struct argp_state *state)
{
	char *end;
	long long v = strtoll(text, &end, 10);

	if (!*text || *end || v < 0)
		argp_error(state, "\"%s\" is no height", text);
	return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 's':
		o->state = arg;
		return 0;
	case 'f':
		o->from = height_of(arg, state);
		return 0;
	case 't':
		o->to = height_of(arg, state);
		return 0;
	case 'h':
		o->head = height_of(arg, state);
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->words == o->wanted)
			argp_error(state, "%s", o->usage);
		o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->words != o->wanted)
			argp_error(state, "%s", o->usage);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define STATE_OPTION {"state", 's', "DIR", 0, "the directory of the ledger's files, in place of the one that aic.yaml names", 0}

/* --- blocks --- */

/* An invalid block whose generator is proven to have signed it for this place. */
static bool is_proven(aic_state *s, const aic_block *b, uint64_t height)
{
	aic_evidence_row row;

	return aic_state_evidence(s, &b->header.generator, AIC_EVIDENCE_BLOCK, height, &row, NULL) == AIC_OK;
}

static aic_code add_block(aic_table *t, aic_state *s, uint64_t height, aic_format format, aic_error *err)
{
	aic_bytes bytes = {0};
	aic_block b = {.n_tx = 0};
	aic_hash hash;
	bool valid;
	aic_code code = aic_state_block(s, height, &bytes, &hash, &valid, err);

	if (!code && height && aic_block_decode(&b, bytes.data, bytes.len, err) && valid)
		code = AIC_CORRUPT;
	bool proven = !code && height && !valid && is_proven(s, &b, height);
	if (!code && !valid && !proven) { /* whatever it says of itself */
		aic_block_clear(&b);
		b = (aic_block){.n_tx = 0};
	}
	if (!code) {
		aic_table_number(t, (int64_t)height);
		aic_table_time(t, b.header.time);
		aic_table_number(t, (int64_t)b.n_tx);
		aic_table_number(t, (int64_t)bytes.len);
		aic_table_text(t, !height ? "genesis" : valid ? "valid" : proven ? "proven invalid" : "invalid");
		aic_show_hex(t, b.header.generator.b, sizeof(b.header.generator.b), format);
		if (b.header.session_len)
			aic_show_hex(t, b.header.session, b.header.session_len, format);
		else
			aic_table_text(t, NULL);
		aic_show_hex(t, hash.b, AIC_HASH_LEN, format);
	}
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	return code;
}

static aic_code list_blocks(const options *o, aic_state *s, aic_error *err)
{
	static const aic_column columns[] = {
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"time", "TIME", AIC_COLUMN_TIME},
		{"transactions", "TRANSACTIONS", AIC_COLUMN_NUMBER}, {"bytes", "BYTES", AIC_COLUMN_NUMBER},
		{"is", "IS", AIC_COLUMN_TEXT}, {"generator", "GENERATOR", AIC_COLUMN_TEXT},
		{"session", "SESSION", AIC_COLUMN_TEXT}, {"hash", "HASH", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	int64_t last = (int64_t)aic_state_head(s)->height, to = o->to < 0 || o->to > last ? last : o->to;
	int64_t from = o->from >= 0 ? o->from : to >= LATEST ? to - LATEST + 1 : 0;
	aic_code code = AIC_OK;

	for (int64_t h = from; h <= to && !code; h++)
		code = add_block(t, s, (uint64_t)h, o->cmd.format, err);
	if (!code)
		aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	return code;
}

int aic_cmd_ledger_blocks(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"from", 'f', "HEIGHT", 0, "first block [the latest 20]", 0}, {"to", 't', "HEIGHT", 0, "last block", 0}, STATE_OPTION, {0}};
	static const struct argp argp = {list, parse, 0, "Lists blocks of this site's copy.", shared, 0, 0};
	options o = {.from = -1, .to = -1, .usage = "no arguments, only options"};
	aic_copy copy = {.dir = NULL};
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_copy_open_own(&copy, &o.cmd.config, o.state, &err) || list_blocks(&o, copy.state, &err))
		rc = aic_command_fail(argv, &err);
	aic_copy_close(&copy);
	aic_command_end(&o.cmd);
	return rc;
}

/* --- tx --- */

static aic_code show_tx(const options *o, aic_state *s, aic_error *err)
{
	static const aic_column columns[] = {
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"place", "PLACE", AIC_COLUMN_NUMBER}, {"time", "TIME", AIC_COLUMN_TIME},
		{"kind", "KIND", AIC_COLUMN_TEXT}, {"nonce", "NONCE", AIC_COLUMN_NUMBER}, {"bytes", "BYTES", AIC_COLUMN_NUMBER},
		{"signer", "SIGNER", AIC_COLUMN_TEXT}, {"id", "ID", AIC_COLUMN_TEXT},
	};
	aic_bytes result = {0}, bytes = {0};
	aic_block b = {.n_tx = 0};
	aic_transaction tx;
	aic_hash id, hash;
	uint64_t height, index;
	bool valid;
	aic_code code;

	if (!aic_unhex(id.b, AIC_HASH_LEN, o->word[0]))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no transaction id: give %d hexadecimal digits", o->word[0], 2 * AIC_HASH_LEN);
	code = aic_state_find_tx(s, &id, &height, &index, &result, err);
	if (code == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_NOT_FOUND, "no transaction with that id is on this ledger");
	if (!code && !(code = aic_state_block(s, height, &bytes, &hash, &valid, err)) &&
	    !(code = aic_block_decode(&b, bytes.data, bytes.len, err)) &&
	    !(code = aic_tx_decode(&tx, b.tx[index].data, b.tx[index].len, err))) {
		aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

		aic_table_number(t, (int64_t)height);
		aic_table_number(t, (int64_t)index);
		aic_table_time(t, b.header.time);
		aic_table_text(t, aic_tx_kind_name(tx.kind));
		aic_table_number(t, (int64_t)tx.nonce);
		aic_table_number(t, (int64_t)b.tx[index].len);
		aic_show_hex(t, tx.signer, sizeof(tx.signer), o->cmd.format);
		aic_show_hex(t, tx.id.b, AIC_HASH_LEN, o->cmd.format);
		aic_table_print(t, o->cmd.format, stdout);
		aic_table_free(t);
	}
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	aic_bytes_free(&result);
	return code;
}

int aic_cmd_ledger_tx(int argc, char **argv)
{
	static const struct argp_option list[] = {STATE_OPTION, {0}};
	static const struct argp argp = {list, parse, "ID", "Looks a transaction up in this site's copy.", shared, 0, 0};
	options o = {.wanted = 1, .usage = "give the transaction's ID"};
	aic_copy copy = {.dir = NULL};
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_copy_open_own(&copy, &o.cmd.config, o.state, &err) || show_tx(&o, copy.state, &err))
		rc = aic_command_fail(argv, &err);
	aic_copy_close(&copy);
	aic_command_end(&o.cmd);
	return rc;
}

/* --- export --- */

static void print_exported(const aic_verified *v, aic_format format)
{
	static const aic_column columns[] = {
		{"blocks", "BLOCKS", AIC_COLUMN_NUMBER}, {"transactions", "TRANSACTIONS", AIC_COLUMN_NUMBER},
		{"chain", "CHAIN", AIC_COLUMN_TEXT}, {"head", "HEAD", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	aic_table_number(t, (int64_t)v->blocks);
	aic_table_number(t, (int64_t)v->transactions);
	aic_show_hex(t, v->chain.b, AIC_HASH_LEN, format);
	aic_show_hex(t, v->head.b, AIC_HASH_LEN, format);
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

int aic_cmd_ledger_export(int argc, char **argv)
{
	static const struct argp_option list[] = {STATE_OPTION, {0}};
	static const struct argp argp = {
		list, parse, "DIR",
		"Writes blocks, attestations and an hledger journal to the new directory DIR.\v"
		"`aic ledger verify --export DIR` checks it on any machine; no name of this site is in it.", shared, 0, 0};
	options o = {.wanted = 1, .usage = "give the new DIR"};
	aic_copy copy = {.dir = NULL};
	aic_verified v;
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_copy_open_own(&copy, &o.cmd.config, o.state, &err) ||
	    aic_ledger_export(&copy, o.word[0], aic_show_progress, (void *)"exporting", &v, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_exported(&v, o.cmd.format);
	aic_copy_close(&copy);
	aic_command_end(&o.cmd);
	return rc;
}

/* --- prove --- */

/* "2026-W48/1" */
static aic_code parse_key(const char *text, char period[16], uint64_t *number, aic_error *err)
{
	const char *slash = strrchr(text, '/');
	char *end = NULL;

	if (slash && (size_t)(slash - text) < 16) {
		memcpy(period, text, (size_t)(slash - text));
		period[slash - text] = '\0';
		*number = strtoull(slash + 1, &end, 10);
	}
	if (!end || *end || !slash[1])
		return aic_fail(err, AIC_USAGE, "\"%s\" is no settlement: give PERIOD/NUMBER, 2026-W48/1 say", text);
	return AIC_OK;
}

/* The one member that posted it: mostly there is only one. */
static aic_code find_site(aic_state *s, const char *period, uint64_t number, aic_id *site, aic_error *err)
{
	aic_settlement_row row;
	aic_id *all;
	size_t n, found = 0;
	aic_code code = aic_members_all(s, &all, &n, err);

	for (size_t i = 0; i < n && !code; i++) {
		code = aic_state_settlement(s, &all[i], period, number, &row, err);
		if (!code) {
			*site = all[i];
			found++;
		}
		code = code == AIC_NOT_FOUND ? AIC_OK : code;
	}
	free(all);
	if (!code && found != 1)
		return aic_fail(err, found ? AIC_REFUSED : AIC_NOT_FOUND, "%zu member sites have posted a settlement %s/%llu", found, period,
		                (unsigned long long)number);
	return code;
}

static aic_code final_height(aic_copy *copy, uint64_t *height, aic_error *err)
{
	aic_chain chain = {.state = copy->state, .order = &copy->order};
	aic_code code = copy->order.backend ? aic_chain_finality(&chain, err)
	                                    : aic_fail(err, AIC_USAGE, "%s has no log that says what is final: give --head HEIGHT", copy->dir);

	*height = chain.final_height;
	return code;
}

static aic_code prove(const options *o, aic_copy *copy, aic_error *err)
{
	aic_state *s = copy->state;
	char period[16], *file, hex[2 * AIC_HASH_LEN + 1];
	aic_bytes proof = {0};
	uint64_t number = 0, line = strtoull(o->word[1], NULL, 10), head = (uint64_t)o->head;
	aic_hash hash;
	aic_id site;
	aic_code code;

	if ((code = parse_key(o->word[0], period, &number, err)) || (code = find_site(s, period, number, &site, err)) ||
	    (o->head < 0 && (code = final_height(copy, &head, err))))
		return code;
	file = o->output ? aic_xstrdup(o->output) : aic_xasprintf("%s-%llu-%llu.proof", period, (unsigned long long)number, (unsigned long long)line);
	if (!(code = aic_proof_build(&proof, s, copy->order.backend ? &copy->order : NULL, &site, period, number, line, head, err)) &&
	    !(code = aic_file_write_atomic(file, proof.data, proof.len, 0644, err)) && !(code = aic_state_hash_at(s, head, &hash, err))) {
		aic_hash_hex(hex, &hash);
		printf("%s: %zu bytes\ncheck it anywhere: aic ledger check %s --head %s\n", file, proof.len, file, hex);
	}
	aic_bytes_free(&proof);
	free(file);
	return code;
}

int aic_cmd_ledger_prove(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"head", 'h', "HEIGHT", 0, "prove against this block [the last final one]", 0},
		{"output", 'o', "FILE", 0, "write the proof there [PERIOD-NUMBER-LINE.proof]", 0}, STATE_OPTION, {0}};
	static const struct argp argp = {
		list, parse, "PERIOD/NUMBER LINE",
		"Proves that a line of a posted settlement was paid, to somebody who has nothing but the hash of a final block, a checkpoint or the "
		"chain id.", shared, 0, 0};
	options o = {.head = -1, .wanted = 2, .usage = "give PERIOD/NUMBER and LINE"};
	aic_copy copy = {.dir = NULL};
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_copy_open_own(&copy, &o.cmd.config, o.state, &err) || prove(&o, &copy, &err))
		rc = aic_command_fail(argv, &err);
	aic_copy_close(&copy);
	aic_command_end(&o.cmd);
	return rc;
}
