/* command_join.c: `aic ledger join`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "ledger/archive/join.h"
#include "ledger/archive/command.h"
#include "ledger/custody.h"
#include "ledger/service.h"

#define SOURCES_MAX 8
#define SHORT_HASH 16

typedef struct {
	aic_command cmd;
	const char *checkpoint, *key;
	const char *from[SOURCES_MAX];
	size_t n;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case 'h':
		o->checkpoint = arg;
		return 0;
	case 'f':
		if (o->n == SOURCES_MAX)
			argp_error(state, "at most %d times --from", SOURCES_MAX);
		o->from[o->n++] = arg;
		return 0;
	case 'k':
		o->key = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->checkpoint)
			argp_error(state, "give --checkpoint HEIGHT:HASH, from a site that you trust");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Which key must be shown there. */
static aic_code find_key(const options *o, const char *url, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	const aic_archive_config *a = &o->cmd.config.archive;

	if (o->key) {
		if (aic_unhex(key, AIC_PUBLIC_LEN, o->key))
			return AIC_OK;
		return aic_fail(err, AIC_USAGE, "--key \"%s\": give the %d hexadecimal digits of that site's key", o->key, 2 * AIC_PUBLIC_LEN);
	}
	for (size_t i = 0; i < a->n_peers; i++)
		if (strcmp(a->peer[i].url, url) == 0) {
			memcpy(key, a->peer[i].key, AIC_PUBLIC_LEN);
			return AIC_OK;
		}
	return aic_fail(err, AIC_USAGE, "which key must %s show? List it under ledger.archive.peers in aic.yaml, or give --key", url);
}

static aic_code open_source(const options *o, const char *from, aic_custody **custody, aic_source *source, aic_error *err)
{
	uint8_t key[1][AIC_PUBLIC_LEN];
	aic_code code;

	if (strncmp(from, "https://", 8) != 0)
		return aic_source_file(source, from, err);
	if ((code = find_key(o, from, key[0], err)) ||
	    (!*custody && (code = aic_custody_open(custody, o->cmd.config.state_dir, err))))
		return code;
	return aic_source_peer(source, from, aic_custody_site_key(*custody), (const uint8_t (*)[AIC_PUBLIC_LEN])key, 1, err);
}

static void show_progress(void *ctx, uint64_t height)
{
	const bool *terminal = ctx;

	if (*terminal)
		fprintf(stderr, "\rjoining: height %llu", (unsigned long long)height);
}

static void print_joined(const aic_head *head, aic_format format)
{
	static const aic_column columns[] = {
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"transactions", "TRANSACTIONS", AIC_COLUMN_NUMBER}, {"chain", "CHAIN", AIC_COLUMN_TEXT},
		{"head", "HEAD", AIC_COLUMN_TEXT}, {"state_root", "STATE ROOT", AIC_COLUMN_TEXT},
	};
	const aic_hash *hash[] = {&head->chain, &head->hash, &head->root};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	aic_table_number(t, (int64_t)head->height);
	aic_table_number(t, (int64_t)head->transactions);
	for (size_t i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
		char hex[2 * AIC_HASH_LEN + 1];

		aic_hash_hex(hex, hash[i]);
		if (format == AIC_FORMAT_TABLE)
			hex[SHORT_HASH] = '\0';
		aic_table_text(t, hex);
	}
	aic_table_note(t, "every block was replayed; start aicledgerd, which goes on from here");
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static aic_code join(options *o, const char *dir, aic_head *head, aic_error *err)
{
	const aic_config *config = &o->cmd.config;
	aic_source source[SOURCES_MAX + AIC_ARCHIVE_PEERS_MAX] = {{.read = NULL}};
	bool terminal = isatty(STDERR_FILENO);
	aic_custody *custody = NULL;
	aic_checkpoint checkpoint;
	size_t n = o->n ? o->n : config->archive.n_peers;
	aic_code code = aic_checkpoint_parse(&checkpoint, o->checkpoint, err);

	if (!code && !n)
		code = aic_fail(err, AIC_USAGE, "join from where? Give --from, or list ledger.archive.peers in aic.yaml");
	for (size_t i = 0; i < n && !code; i++)
		code = open_source(o, o->n ? o->from[i] : config->archive.peer[i].url, &custody, &source[i], err);
	if (!code)
		code = aic_ledger_join(dir, config->chain, &checkpoint, source, n, show_progress, &terminal, head, err);
	if (terminal)
		fputc('\n', stderr);
	for (size_t i = 0; i < n; i++)
		aic_source_close(&source[i]);
	aic_custody_close(custody);
	return code;
}

int aic_cmd_ledger_join(int argc, char **argv)
{
	static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp_option list[] = {
		{"checkpoint", 'h', "HEIGHT:HASH", 0, "a final block, as a site that you trust shows it; 0:CHAIN pins genesis alone", 0},
		{"from", 'f', "FROM", 0, "https://host:port of a peer, an export's directory, or a file of records; may be repeated [peers of aic.yaml]", 0},
		{"key", 'k', "KEY", 0, "the site key that the peers of --from show, where aic.yaml does not list them", 0}, {0}};
	static const struct argp argp = {
		list, parse, 0,
		"Makes this site's first copy of a ledger that other sites keep, from their archives.\v"
		"Run it as the daemons' user, before aicledgerd's first start. Interrupted, it goes on where it was.", shared, 0, 0};
	options o = {.n = 0};
	aic_head head;
	aic_error err = {0};
	int lock = -1, rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	char *dir = aic_xasprintf("%s/ledger", o.cmd.config.state_dir);
	if (strcmp(o.cmd.config.order, "local") == 0)
		aic_fail(&err, AIC_USAGE, "\"ledger.order: local\" is a ledger of this site alone: a copy that joins others follows their log, so "
		         "set \"order: etcd\" first");
	else if (!aic_config_check_user(&o.cmd.config, &err) && !aic_service_lock(&lock, dir, &err))
		join(&o, dir, &head, &err);
	if (err.code)
		rc = aic_command_fail(argv, &err);
	else
		print_joined(&head, o.cmd.format);
	if (lock >= 0)
		close(lock);
	free(dir);
	aic_command_end(&o.cmd);
	return rc;
}
