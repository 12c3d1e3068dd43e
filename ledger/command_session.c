/* command_session.c: `aic session`: training sessions as the ledger has them: what was committed, who judged it, what it counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/command.h"
#include "ledger/client.h"
#include "ledger/command_act.h"
#include "ledger/commands.h"
#include "ledger/show.h"

#define LIST_DEFAULT 50
#define LIST_MAX 10000
#define PREFIX_MIN 8 /* digits */

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct options options;
struct options {
	aic_command cmd;
	const char *word[2], *reason, *device;
	uint64_t segment, step;
	int words, least, most;
	bool waiting, asked, commitments, withdraw, says_segment;
	long max;
	const char *usage;
	void (*check)(const options *o, struct argp_state *state); /* of words and options together */
};

enum { WAITING = 256, ASKED, COMMITMENTS, REASON, DEVICE, WITHDRAW, SEGMENT, STEP };

static void get_number(struct argp_state *state, const char *option, const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 10);
	if (*end || !*text || *text == '-' || *out > INT64_MAX)
		argp_error(state, "%s %s: give a whole number from 0", option, text);
}

static bool is_whole(const char *text)
{
	uint8_t id[AIC_HASH_LEN];

	return aic_unhex(id, sizeof(id), text);
}

static void check_session(const options *o, struct argp_state *state)
{
	size_t len = strlen(o->word[0]);

	if (!is_whole(o->word[0]) && (len < PREFIX_MIN || strspn(o->word[0], "0123456789abcdef") != len))
		argp_error(state, "\"%s\" is no session: give %d hexadecimal digits, or at least the first %d", o->word[0], 2 * AIC_HASH_LEN, PREFIX_MIN);
}

static void check_appeal(const options *o, struct argp_state *state)
{
	check_session(o, state);
	if (!o->reason || !*o->reason)
		argp_error(state, "an appeal has a reason: give --reason TEXT");
}

static void check_verifier(const options *o, struct argp_state *state)
{
	if (o->withdraw != (o->words == 1))
		argp_error(state, "give NODE and the WALLET that is paid, or NODE with --withdraw");
	if (o->device && !is_whole(o->device))
		argp_error(state, "--device \"%s\": give %d hexadecimal digits", o->device, 2 * AIC_HASH_LEN);
}

static void check_decoy(const options *o, struct argp_state *state)
{
	if (!o->says_segment)
		argp_error(state, "which segment is bad? Give --segment N, and --step N where it is known");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case WAITING:
		o->waiting = true;
		return 0;
	case ASKED:
		o->asked = true;
		return 0;
	case COMMITMENTS:
		o->commitments = true;
		return 0;
	case REASON:
		o->reason = arg;
		return 0;
	case DEVICE:
		o->device = arg;
		return 0;
	case SEGMENT:
		get_number(state, "--segment", arg, &o->segment);
		o->says_segment = true;
		return 0;
	case STEP:
		get_number(state, "--step", arg, &o->step);
		return 0;
	case WITHDRAW:
		o->withdraw = true;
		return 0;
	case 'n':
		o->max = strtol(arg, &end, 10);
		if (*end || o->max < 1 || o->max > LIST_MAX)
			argp_error(state, "--max %s: give a number from 1 to %d", arg, LIST_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (o->words == o->most)
			argp_error(state, "%s", o->usage);
		o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->words < o->least)
			argp_error(state, "%s", o->usage);
		if (o->waiting && o->asked)
			argp_error(state, "--waiting and --asked exclude each other");
		if (o->check)
			o->check(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A whole id, or its first digits where only one of the sessions begins so. */
static aic_code find(aic_ledger *l, const char *text, aic_ledger_session *out, aic_error *err)
{
	aic_ledger_session *all;
	char hex[2 * AIC_HASH_LEN + 1];
	size_t n, found = 0, len = strlen(text);
	aic_hash id;
	aic_code code;

	if (aic_unhex(id.b, AIC_HASH_LEN, text))
		return aic_ledger_session_get(l, &id, out, err);
	if ((code = aic_ledger_sessions(l, AIC_SESSIONS_ALL, LIST_MAX, &all, &n, err)))
		return code;
	for (size_t i = 0; i < n; i++) {
		aic_hex(hex, all[i].id.b, AIC_HASH_LEN);
		if (strncmp(hex, text, len) == 0) {
			*out = all[i];
			found++;
		}
	}
	free(all);
	if (found == 1)
		return AIC_OK;
	return aic_fail(err, AIC_NOT_FOUND, "%zu of the newest %zu sessions begin with %s: `aic session list` shows them", found, n, text);
}

/* --- list --- */

static void put_counts(aic_table *t, uint64_t state)
{
	uint64_t ppm;

	if (aic_session_counts(state, &ppm))
		aic_table_number(t, (int64_t)ppm);
	else
		aic_table_text(t, NULL);
}

static aic_code list(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	static const aic_column columns[] = {
		{"session", "SESSION", AIC_COLUMN_TEXT},     {"payer", "PAYER", AIC_COLUMN_TEXT},
		{"provider", "PROVIDER", AIC_COLUMN_TEXT},   {"class", "CLASS", AIC_COLUMN_TEXT},
		{"opened", "OPENED", AIC_COLUMN_TIME},       {"checkpoints", "CHECKPOINTS", AIC_COLUMN_NUMBER},
		{"state", "STATE", AIC_COLUMN_TEXT},         {"counts", "COUNTS PPM", AIC_COLUMN_NUMBER},
	};
	aic_ledger_session *s;
	aic_table *t;
	size_t n;
	aic_code code = aic_ledger_sessions(l, o->waiting ? AIC_SESSIONS_WAITING : o->asked ? AIC_SESSIONS_ASKED : AIC_SESSIONS_ALL,
	                                    (uint64_t)o->max, &s, &n, err);

	if (code)
		return code;
	t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		char more[AIC_NAME_LEN + 24];

		snprintf(more, sizeof(more), s[i].n_fees > 1 ? "%s and %zu more" : "%s", s[i].fee[0].provider, s[i].n_fees - 1);
		aic_show_hex(t, s[i].id.b, AIC_HASH_LEN, o->cmd.format);
		aic_table_text(t, s[i].payer);
		aic_table_text(t, more);
		aic_table_text(t, aic_session_class_name(s[i].counts_as));
		aic_table_time(t, s[i].opened_at);
		aic_table_number(t, (int64_t)s[i].checkpoints);
		aic_table_text(t, aic_session_state_name(s[i].state));
		put_counts(t, s[i].state);
	}
	if (n == (size_t)o->max)
		aic_table_note(t, "the newest %ld; --max shows more", o->max);
	aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	free(s);
	return AIC_OK;
}

/* --- show --- */

static aic_code show_commitments(const options *o, aic_ledger *l, const aic_hash *id, aic_error *err)
{
	static const aic_column columns[] = {{"number", "NUMBER", AIC_COLUMN_NUMBER}, {"step", "STEP", AIC_COLUMN_NUMBER},
	                                     {"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"root", "ROOT", AIC_COLUMN_TEXT},
	                                     {"chain", "CHAIN", AIC_COLUMN_TEXT}};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	aic_ledger_commitment *c;
	uint64_t at = 0;
	size_t n = 1;
	aic_code code = AIC_OK;

	while (n && !(code = aic_ledger_session_commitments(l, id, at, AIC_SESSION_COMMIT_MAX, &c, &n, err))) {
		for (size_t i = 0; i < n; i++) {
			aic_table_number(t, (int64_t)at++);
			aic_table_number(t, (int64_t)c[i].step);
			aic_table_number(t, (int64_t)c[i].height);
			aic_show_hex(t, c[i].root.b, AIC_HASH_LEN, o->cmd.format);
			aic_show_hex(t, c[i].chain.b, AIC_HASH_LEN, o->cmd.format);
		}
		free(c);
	}
	if (!code)
		aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
	return code;
}

static aic_code show(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	static const aic_column columns[] = {{"what", "WHAT", AIC_COLUMN_TEXT}, {"value", "", AIC_COLUMN_TEXT}};
	aic_ledger_session *s = aic_xcalloc(1, sizeof(*s));
	aic_code code = find(l, o->word[0], s, err);

	if (!code && o->commitments) {
		code = show_commitments(o, l, &s->id, err);
	} else if (!code) {
		aic_table *t = aic_table_new(columns, 2);

		aic_show_session(t, s);
		aic_table_print(t, o->cmd.format, stdout);
		aic_table_free(t);
	}
	free(s);
	return code;
}

/* --- acts of administrators --- */

/* What is one session's and needs no more than its id. */
static aic_code act_on(const options *o, aic_ledger *l, aic_code (*act)(aic_ledger *, const aic_hash *, uint64_t *, aic_error *),
                       const char *said, const char *then, aic_error *err)
{
	aic_ledger_session *s = aic_xcalloc(1, sizeof(*s));
	uint64_t height;
	aic_code code = find(l, o->word[0], s, err);

	if (!code && !(code = act(l, &s->id, &height, err)))
		printf("%s at height %llu: %s.\n", said, (unsigned long long)height, then);
	free(s);
	return code;
}

static aic_code challenge(const void *input, aic_ledger *l, aic_error *err)
{
	return act_on(input, l, aic_ledger_session_challenge, "Asked for", "the session is drawn once it is closed", err);
}

static aic_code reveal(const void *input, aic_ledger *l, aic_error *err)
{
	return act_on(input, l, aic_ledger_session_reveal, "Revealed", "where somebody has passed it, others are asked about that segment", err);
}

static aic_code pay(const void *input, aic_ledger *l, aic_error *err)
{
	return act_on(input, l, aic_ledger_session_pay, "Paid", "`aic session show` says who judged", err);
}

static aic_code appeal(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	aic_ledger_session *s = aic_xcalloc(1, sizeof(*s));
	uint64_t height;
	aic_code code = find(l, o->word[0], s, err);

	if (!code) {
		aic_hash reason = aic_sha256_of(o->reason, strlen(o->reason));
		char hex[2 * AIC_HASH_LEN + 1];

		aic_hash_hex(hex, &reason);
		if (!(code = aic_ledger_session_appeal(l, &s->id, &reason, NULL, 0, &height, err)))
			printf("Appealed at height %llu: other parties are drawn. The ledger has the reason's SHA-256, %s; keep its words.\n",
			       (unsigned long long)height, hex);
	}
	free(s);
	return code;
}

static aic_code verifier(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint64_t height;
	aic_hash device;
	aic_code code;

	if (o->device)
		aic_unhex(device.b, AIC_HASH_LEN, o->device);
	code = aic_ledger_verifier(l, o->word[0], o->withdraw ? NULL : o->word[1], o->device ? device.b : NULL, &height, err);
	if (!code)
		printf("%s %s from height %llu on.\n", o->word[0], o->withdraw ? "verifies nothing" : "verifies", (unsigned long long)height);
	return code;
}

static aic_code decoy(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint64_t height;

	aic_code code = aic_ledger_session_decoy(l, o->word[0], o->segment, o->step, &height, err);
	if (!code)
		printf("Sessions that %s pays are decoys from now on, bad in segment %llu. Reveal each within three days of its verdict: "
		       "aic session reveal.\n", o->word[0], (unsigned long long)o->segment);
	return code;
}

/* --- dispatch --- */

static int cmd_list(int argc, char **argv)
{
	static const struct argp_option list_options[] = {
		{"waiting", WAITING, NULL, 0, "those alone that are not decided", 0},
		{"asked", ASKED, NULL, 0, "those alone that a node of this site is asked to judge", 0},
		{"max", 'n', "N", 0, "at most so many [50]", 0}, {0}};
	static const struct argp argp = {list_options, parse, 0, "Training sessions of all sites, newest first (administrators).", shared, 0, 0};
	options o = {.max = LIST_DEFAULT, .usage = "this takes no arguments"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, list);
}

static int cmd_show(int argc, char **argv)
{
	static const struct argp_option show_options[] = {
		{"commitments", COMMITMENTS, NULL, 0, "its checkpoints: step, root, chain of steps", 0}, {0}};
	static const struct argp argp = {show_options, parse, "SESSION",
	                                 "A session: what was said before, what came out, who judged it, what it counts and why (administrators).",
	                                 shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which session? Give its id, or its first digits", .check = check_session};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, show);
}

static int cmd_challenge(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "SESSION", "Asks that a session be challenged, whatever the draw says (administrators).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which session? Give its id, or its first digits", .check = check_session};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, challenge);
}

static int cmd_appeal(int argc, char **argv)
{
	static const struct argp_option appeal_options[] = {{"reason", REASON, "TEXT", 0, "why; the ledger gets its SHA-256", 0}, {0}};
	static const struct argp argp = {
		appeal_options, parse, "SESSION",
		"Appeals against a session's refutation, once, within three days: it is drawn again, by others (administrators).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which session? Give its id, or its first digits", .check = check_appeal};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, appeal);
}

static int cmd_verifier(int argc, char **argv)
{
	static const struct argp_option verifier_options[] = {
		{"device", DEVICE, "SHA256", 0, "it gives the same bits as others of this device: class D1", 0},
		{"withdraw", WITHDRAW, NULL, 0, "it verifies no longer", 0}, {0}};
	static const struct argp argp = {
		verifier_options, parse, "NODE [WALLET]",
		"Has a node of this site, registered with `aic key register --role node`, compute others' segments again (root).", shared, 0, 0};
	options o = {.least = 1, .most = 2, .usage = "give NODE, the name of its key, and the WALLET that is paid", .check = check_verifier};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, verifier);
}

static int cmd_decoy(int argc, char **argv)
{
	static const struct argp_option decoy_options[] = {
		{"segment", SEGMENT, "N", 0, "the segment that is bad, from 0", 0},
		{"step", STEP, "N", 0, "its first wrong step, where it is known", 0}, {0}};
	static const struct argp argp = {
		decoy_options, parse, "WALLET",
		"Makes a wallet whose sessions are decoys, to see whether verifiers compute at all (root).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which wallet is to pay for them? Give a name that nobody has yet", .check = check_decoy};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, decoy);
}

static int cmd_reveal(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "SESSION", "Says that a session which was judged is a decoy (root).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which session? Give its id, or its first digits", .check = check_session};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, reveal);
}

static int cmd_pay(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "SESSION", "Pays who judged a session, five days after (administrators).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "which session? Give its id, or its first digits", .check = check_session};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, pay);
}

int aic_cmd_session(int argc, char **argv, const aic_subcommand *more)
{
	static const aic_subcommand own[] = {
		{"list", cmd_list, "training sessions of all sites"},
		{"show", cmd_show, "one of them: what was committed, who judged it, what it counts"},
		{"challenge", cmd_challenge, "ask that it be challenged"},
		{"appeal", cmd_appeal, "against a refutation, once"},
		{"verifier", cmd_verifier, "have a node compute others' segments again"},
		{"pay", cmd_pay, "pay who judged one"},
		{"decoy", cmd_decoy, "make a wallet whose sessions have a bad segment, on purpose"},
		{"reveal", cmd_reveal, "say that a session which was judged is a decoy"},
	};
	aic_subcommand commands[2 * sizeof(own) / sizeof(own[0])] = {{NULL, NULL, NULL}}; /* as many more, less the end */
	size_t n = sizeof(own) / sizeof(own[0]);

	memcpy(commands, own, sizeof(own));
	while (more->name && n < sizeof(commands) / sizeof(commands[0]) - 1)
		commands[n++] = *more++;

	return aic_command_dispatch(commands, "Training sessions on the ledger, and what became of them.", argc, argv);
}
