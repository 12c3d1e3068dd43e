/* cmd_prove.c: aic batch prove LINE: a posted line against the evidence on the ledger; aic batch check FILE, which asks nobody. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/command/reports.h"
#include "accounting/command/review.h"
#include "accounting/leaf.h"

static void read_proof(aic_leaf_proof *p, aic_cbor *c)
{
	size_t len = 0;

	aic_cbor_text(c, p->site, sizeof(p->site));
	aic_cbor_text(c, p->period, sizeof(p->period));
	p->number = aic_cbor_uint(c);
	p->lines = aic_cbor_uint(c);
	p->index = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, p->evidence.b, AIC_HASH_LEN);
	const uint8_t *leaf = aic_cbor_bytes(c, &len);
	if (aic_cbor_ok(c))
		aic_bytes_append(&p->leaf, leaf, len);
	p->steps = aic_cbor_array(c, 64);
	for (size_t i = 0; i < p->steps && aic_cbor_ok(c); i++)
		aic_cbor_bytes_exact(c, p->path[i].b, AIC_HASH_LEN);
}

static aic_code write_proof(const aic_words *w, const aic_leaf_proof *p, aic_error *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	aic_bytes out = {0};

	if (!f)
		return aic_fail_errno(err, "no memory for the proof");
	aic_leaf_write(f, p);
	fclose(f);
	aic_bytes_append(&out, text, len);
	free(text);
	aic_code rc = aic_output(w, &out, err);
	aic_bytes_free(&out);
	return rc;
}

int aic_batch_prove_command(int argc, char **argv)
{
	aic_words w = {.max_args = 1, .takes_output = true};
	aic_question q = {.config = &w.base.config};
	aic_leaf_proof p = {.steps = 0};
	aic_error err = {0};
	char *rest = NULL;
	int status = aic_words_begin(&w, "LINE", "Writes what one line of a posted batch says, with the path from there to the evidence on the ledger, and nothing"
	                                         " of any other line: for whoever paid or was paid to show to an auditor.", argc, argv);

	if (status)
		return status;
	errno = 0;
	long long line = w.n_args ? strtoll(w.arg[0], &rest, 10) : 0;
	aic_code rc = errno || line <= 0 || *rest ? aic_fail(&err, AIC_USAGE, "which line? Give its number as `aic batch lines` shows it") : AIC_OK;
	if (rc == AIC_OK) {
		aic_rpc_begin(&q.body, "batch-prove", 1);
		aic_cbor_put_int(&q.body, line);
		rc = aic_ask(&q, &err);
	}
	if (rc == AIC_OK) {
		read_proof(&p, &q.answer);
		rc = aic_cbor_finish(&q.answer, &err);
	}
	if (rc == AIC_OK)
		rc = write_proof(&w, &p, &err);
	aic_leaf_proof_clear(&p);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

/* --- checking: no aic.yaml, no daemon --- */

typedef struct {
	const char *file, *evidence;
	aic_format format;
} check_options;

static error_t parse_check(int key, char *arg, struct argp_state *state)
{
	check_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->format;
		return 0;
	case 'e':
		o->evidence = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->file)
			argp_error(state, "one FILE at a time");
		o->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->file)
			argp_error(state, "which file? Give the one that `aic batch prove` wrote");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code check(const check_options *o, const aic_leaf_proof *p, aic_error *err)
{
	char hex[65];
	aic_hash wanted;

	aic_hash_hex(hex, &p->evidence);
	if (o->evidence && !aic_unhex(wanted.b, AIC_HASH_LEN, o->evidence))
		return aic_fail(err, AIC_USAGE, "--evidence %s: give %d hexadecimal digits, as `aic ledger check` prints them", o->evidence, 2 * AIC_HASH_LEN);
	if (o->evidence && !aic_hash_equal(&wanted, &p->evidence))
		return aic_fail(err, AIC_CORRUPT, "%s is of the evidence %.16s..., not of %.16s...", o->file, hex, o->evidence);
	return aic_leaf_check(p, err);
}

int aic_batch_check_command(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"evidence", 'e', "HEX", 0, "refuse unless this is the root that the line leads to", 0},
		{0},
	};
	static const struct argp_child format[] = {{&aic_format_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {list, parse_check, "FILE", "Checks a file of `aic batch prove` on any machine, and shows what its line says.", format,
	                                 NULL, NULL};
	static const aic_column columns[] = {{"field", "FIELD", AIC_COLUMN_TEXT}, {"value", "VALUE", AIC_COLUMN_TEXT}};
	check_options o = {.file = NULL};
	aic_leaf_proof p = {.steps = 0};
	aic_error err = {0};
	char hex[65];

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	aic_code rc = aic_leaf_read(&p, o.file, &err);
	if (rc == AIC_OK)
		rc = check(&o, &p, &err);
	aic_table *t = aic_table_new(columns, 2);
	if (rc == AIC_OK)
		rc = aic_leaf_rows(&p, t, &err);
	if (rc == AIC_OK) {
		aic_hash_hex(hex, &p.evidence);
		aic_table_note(t, "Line %llu of %llu of batch %s/%llu of site %s, under the evidence %s.", (unsigned long long)p.index + 1,
		               (unsigned long long)p.lines, p.period, (unsigned long long)p.number, p.site, hex);
		if (!o.evidence)
			aic_table_note(t, "`aic ledger check -P` of the payout's proof prints the evidence that stands on the ledger: give it here with --evidence.");
		aic_table_print(t, o.format, stdout);
	}
	aic_table_free(t);
	aic_leaf_proof_clear(&p);
	return rc == AIC_OK ? 0 : aic_error_report(argv[0], &err);
}
