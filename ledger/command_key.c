/* command_key.c: `aic key`: key files, which stay where they are made, and what the ledger knows of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/command.h"
#include "common/file.h"
#include "ledger/client.h"
#include "ledger/command_act.h"
#include "ledger/commands.h"

#define EXIT_USAGE 2
#define PUBLIC_FILE_MAX 256
#define SITE_LEN 16

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

typedef struct {
	aic_command cmd;
	aic_role role;
	uint64_t height; /* --until, --expires */
	const char *site, *vrf;
	const char *word[2];
	int words, least, most;
	const char *usage;
} options;

static uint64_t number_of(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end)
		argp_error(state, "\"%s\" is no number", text);
	return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'r':
		o->role = strcmp(arg, "admin") == 0 ? AIC_ROLE_ADMIN : AIC_ROLE_NODE;
		if (strcmp(arg, aic_role_name(o->role)) != 0)
			argp_error(state, "--role %s: give node or admin", arg);
		return 0;
	case 'u':
		o->height = number_of(arg, state);
		return 0;
	case 's':
		o->site = arg;
		return 0;
	case 'v':
		o->vrf = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (o->words == o->most)
			argp_error(state, "%s", o->usage);
		o->word[o->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->words < o->least)
			argp_error(state, "%s", o->usage);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- key files: no aic.yaml --- */

static int begin_plain(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = EXIT_USAGE;
	return argp_parse(argp, argc, argv, 0, NULL, input) ? EXIT_USAGE : 0;
}

static void print_public(const uint8_t key[AIC_PUBLIC_LEN])
{
	char hex[2 * AIC_PUBLIC_LEN + 1];

	aic_hex(hex, key, AIC_PUBLIC_LEN);
	printf("%s\n", hex);
}

/* FILE.pub beside it holds the public key as text, for whoever registers it. */
static aic_code write_public(const char *file, const aic_key *k, aic_error *err)
{
	char text[2 * AIC_PUBLIC_LEN + 2];
	char *path = aic_xasprintf("%s.pub", file);

	aic_hex(text, k->public_key, AIC_PUBLIC_LEN);
	strcat(text, "\n");
	aic_code code = aic_file_write_atomic(path, text, strlen(text), 0644, err);
	free(path);
	return code;
}

static int cmd_new(int argc, char **argv)
{
	static const struct argp argp = {
		0, parse, "FILE",
		"Makes a key in FILE (mode 0600), writes its public half to FILE.pub and prints it.\v"
		"FILE never leaves this machine; whoever registers the key gets FILE.pub.", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "give FILE"};
	aic_key key;
	aic_error err = {0};
	int rc = begin_plain(&argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_key_create(&key, o.word[0], &err) || write_public(o.word[0], &key, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_public(key.public_key);
	aic_key_wipe(&key);
	return rc;
}

static int show_file(const char *file, char **argv)
{
	aic_key key;
	aic_error err = {0};
	aic_code code = aic_key_load(&key, file, &err);

	if (!code)
		print_public(key.public_key);
	aic_key_wipe(&key);
	return code ? aic_command_fail(argv, &err) : 0;
}

/* 64 hexadecimal digits, or a file that holds them. */
static aic_code read_public(uint8_t key[AIC_PUBLIC_LEN], const char *text, aic_error *err)
{
	aic_bytes file = {0};
	aic_code code = AIC_OK;

	if (aic_unhex(key, AIC_PUBLIC_LEN, text))
		return AIC_OK;
	if (!(code = aic_file_read(&file, text, PUBLIC_FILE_MAX, err))) {
		aic_bytes_append(&file, "", 1);
		file.data[strcspn((char *)file.data, "\n")] = '\0';
		if (!aic_unhex(key, AIC_PUBLIC_LEN, (char *)file.data))
			code = aic_fail(err, AIC_USAGE, "%s holds no public key, %d hexadecimal digits: give the FILE.pub of `aic key new`", text,
			                2 * AIC_PUBLIC_LEN);
	} else if (code == AIC_NOT_FOUND) {
		code = aic_fail(err, AIC_USAGE, "\"%s\" is no public key, nor a file: give %d hexadecimal digits, or the FILE.pub of `aic key new`",
		                text, 2 * AIC_PUBLIC_LEN);
	}
	aic_bytes_free(&file);
	return code;
}

/* --- what the ledger knows --- */

static void print_keys(const aic_ledger_key *k, size_t n, uint64_t approvals, aic_format format)
{
	static const aic_column columns[] = {
		{"name", "NAME", AIC_COLUMN_TEXT}, {"role", "ROLE", AIC_COLUMN_TEXT}, {"is", "IS", AIC_COLUMN_TEXT},
		{"since", "SINCE", AIC_COLUMN_NUMBER}, {"until", "UNTIL", AIC_COLUMN_NUMBER}, {"key", "KEY", AIC_COLUMN_TEXT},
		{"vrf", "VRF KEY", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char hex[2 * AIC_PUBLIC_LEN + 1];

	for (size_t i = 0; i < n; i++) {
		aic_hex(hex, k[i].key, AIC_PUBLIC_LEN);
		aic_table_text(t, k[i].name);
		aic_table_text(t, aic_role_name(k[i].role));
		aic_table_text(t, k[i].valid ? "valid" : "ended");
		aic_table_number(t, (int64_t)k[i].since);
		if (k[i].until)
			aic_table_number(t, (int64_t)k[i].until);
		else
			aic_table_text(t, NULL);
		aic_table_text(t, hex);
		aic_hex(hex, k[i].vrf, AIC_PUBLIC_LEN);
		aic_table_text(t, k[i].has_vrf ? hex : NULL);
	}
	aic_table_note(t, "settlements of this site need %llu signed approvals", (unsigned long long)approvals);
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static int cmd_show(int argc, char **argv)
{
	static const struct argp argp = {
		0, parse, "[FILE]",
		"Lists the keys that this site has registered, its own first (administrators); with FILE, prints the public key of that key file.",
		shared, 0, 0};
	options o = {.most = 1, .usage = "give one FILE, or none"};
	aic_ledger *l = NULL;
	aic_ledger_key *k = NULL;
	aic_error err = {0};
	uint64_t approvals;
	size_t n;
	int rc = begin_plain(&argp, argc, argv, &o);

	if (rc || o.words)
		return rc ? rc : show_file(o.word[0], argv);
	if (aic_config_load(&o.cmd.config, o.cmd.config_path, &err) || aic_ledger_open(&l, &o.cmd.config, &err) ||
	    aic_ledger_keys(l, &k, &n, &approvals, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_keys(k, n, approvals, o.cmd.format);
	free(k);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}

static aic_code do_register(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint8_t key[AIC_PUBLIC_LEN], vrf[AIC_PUBLIC_LEN];
	uint64_t height;
	aic_code code;

	if ((code = read_public(key, o->word[1], err)) || (o->vrf && (code = read_public(vrf, o->vrf, err))) ||
	    (code = aic_ledger_key_register(l, o->word[0], o->role, key, o->height, o->vrf ? vrf : NULL, &height, err)))
		return code;
	printf("%s %s: registered at height %llu\n", aic_role_name(o->role), o->word[0], (unsigned long long)height);
	return AIC_OK;
}

#define UNTIL_OPTION {"until", 'u', "HEIGHT", 0, "the key ends at that height [never]", 0}
#define VRF_OPTION {"vrf", 'v', "PUBLIC", 0, "of a node: the key with which it draws for blocks", 0}
#define ROLE_OPTION {"role", 'r', "ROLE", 0, "admin or node [admin]", 0}

static int cmd_register(int argc, char **argv)
{
	static const struct argp_option list[] = {ROLE_OPTION, UNTIL_OPTION, VRF_OPTION, {0}};
	static const struct argp argp = {
		list, parse, "NAME PUBLIC", "Registers the key of an administrator or a node on the ledger (root).\v"
		"PUBLIC is 64 hexadecimal digits or the FILE.pub of `aic key new`. NAME stays at this site.", shared, 0, 0};
	options o = {.role = AIC_ROLE_ADMIN, .least = 2, .most = 2, .usage = "give NAME and PUBLIC"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_register);
}

static aic_code do_revoke(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint64_t height;
	aic_code code = aic_ledger_key_revoke(l, o->word[0], &height, err);

	if (!code)
		printf("%s: ended at height %llu\n", o->word[0], (unsigned long long)height);
	return code;
}

static int cmd_revoke(int argc, char **argv)
{
	static const struct argp argp = {0, parse, "NAME|PUBLIC", "Ends the key of an administrator or a node (root).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "give NAME, or the public key"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_revoke);
}

static aic_code rotate_site(aic_ledger *l, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	char hex[2 * AIC_PUBLIC_LEN + 1];
	uint64_t height;
	aic_code code = aic_ledger_key_rotate(l, key, &height, err);

	if (code)
		return code;
	aic_hex(hex, key, AIC_PUBLIC_LEN);
	printf("site: new key %s since height %llu: make a new backup\n", hex, (unsigned long long)height);
	return AIC_OK;
}

/* A node's or administrator's: the new key first, so that there is one at any time. */
static aic_code do_rotate(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	aic_ledger_key *k = NULL;
	char old[2 * AIC_PUBLIC_LEN + 1] = "";
	options new_key = *o;
	uint64_t height, approvals;
	size_t n = 0;
	aic_code code;

	if (!o->words)
		return rotate_site(l, err);
	if ((code = aic_ledger_keys(l, &k, &n, &approvals, err)))
		return code;
	for (size_t i = 0; i < n; i++)
		if (k[i].role != AIC_ROLE_SITE && k[i].valid && strcmp(k[i].name, o->word[0]) == 0) {
			aic_hex(old, k[i].key, AIC_PUBLIC_LEN);
			new_key.role = k[i].role;
		}
	free(k);
	if (o->words == 1)
		return aic_fail(err, AIC_USAGE, "give NAME and PUBLIC, or nothing for the site's own key");
	if (!old[0])
		return aic_fail(err, AIC_NOT_FOUND, "%s has no valid key: `aic key show` lists them", o->word[0]);
	if (!(code = do_register(&new_key, l, err)) && !(code = aic_ledger_key_revoke(l, old, &height, err)))
		printf("%s: the old key %.16s... ended at height %llu\n", o->word[0], old, (unsigned long long)height);
	return code;
}

static int cmd_rotate(int argc, char **argv)
{
	static const struct argp_option list[] = {VRF_OPTION, {0}};
	static const struct argp argp = {
		list, parse, "[NAME PUBLIC]",
		"Gives this site a new key, which its daemon makes, or NAME the key PUBLIC in place of its old one (root).", shared, 0, 0};
	options o = {.most = 2, .usage = "give NAME and PUBLIC, or nothing for the site's own key"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_rotate);
}

static aic_code do_replace(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	uint8_t key[AIC_PUBLIC_LEN], site[SITE_LEN];
	uint64_t height;
	bool passed;
	aic_code code;

	if (!o->site || !aic_unhex(site, SITE_LEN, o->site))
		return aic_fail(err, AIC_USAGE, "--site %s: give the member's id, %d hexadecimal digits (the generator of its blocks)",
		                o->site ? o->site : "is missing", 2 * SITE_LEN);
	if (!o->height)
		return aic_fail(err, AIC_USAGE, "give --expires HEIGHT, the same at all sites: votes count together only if they are equal");
	if ((code = read_public(key, o->word[0], err)) || (code = aic_ledger_key_replace(l, site, key, o->height, &height, &passed, err)))
		return code;
	printf("voted at height %llu: %s\n", (unsigned long long)height, passed ? "that made the quorum, the site has its new key"
	                                                                        : "the other members' votes are awaited");
	return AIC_OK;
}

static int cmd_replace(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"site", 's', "ID", 0, "the member that lost its key", 0},
		{"expires", 'u', "HEIGHT", 0, "the last height at which votes count", 0}, {0}};
	static const struct argp argp = {
		list, parse, "PUBLIC",
		"Votes that a member which has lost its key goes on with the key PUBLIC (root).\v"
		"Ask the member in person for PUBLIC: whoever holds that key speaks for it afterwards.", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "give PUBLIC"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_replace);
}

static aic_code do_policy(const void *input, aic_ledger *l, aic_error *err)
{
	const options *o = input;
	char *end;
	unsigned long long n = strtoull(o->word[0], &end, 10);
	uint64_t height;
	aic_code code;

	if (*end || o->word[0][0] < '0' || o->word[0][0] > '9')
		return aic_fail(err, AIC_USAGE, "\"%s\" is no number of signatures", o->word[0]);
	if (!(code = aic_ledger_policy_set(l, n, &height, err)))
		printf("from height %llu on settlements of this site need %llu signed approvals\n", (unsigned long long)height, n);
	return code;
}

static int cmd_policy(int argc, char **argv)
{
	static const struct argp argp = {
		0, parse, "N",
		"Says on the ledger that this site's settlements and reversals need the signatures of N administrators' keys (root).", shared, 0, 0};
	options o = {.least = 1, .most = 1, .usage = "give N"};

	return aic_ledger_command(&o.cmd, &o, &argp, argc, argv, do_policy);
}

int aic_cmd_key(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"new", cmd_new, "make a key file"},
		{"show", cmd_show, "keys of this site on the ledger, or the public half of a key file"},
		{"register", cmd_register, "put an administrator's or a node's key on the ledger"},
		{"revoke", cmd_revoke, "end such a key"},
		{"rotate", cmd_rotate, "a new key for this site, a node or an administrator"},
		{"replace", cmd_replace, "vote that another member's lost key be replaced"},
		{"policy", cmd_policy, "how many administrators must sign a settlement"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "Keys of this site, its nodes and its administrators.", argc, argv);
}
