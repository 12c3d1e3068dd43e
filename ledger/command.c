/* command.c: `aic ledger ...` and `aic transfer`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/command.h"
#include "ledger/client.h"
#include "ledger/commands.h"
#include "ledger/archive/command.h"
#include "ledger/audit/offline.h"
#include "ledger/show.h"

static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};

/* --- aic ledger status --- */

static error_t parse_plain(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* p is NULL where the caller may not see the sums. */
static void print_status(const aic_ledger_status *s, const aic_ledger_parameters *p, aic_format format)
{
	static const aic_column columns[] = {
		{"height", "HEIGHT", AIC_COLUMN_NUMBER},        {"final", "FINAL", AIC_COLUMN_NUMBER},
		{"transactions", "TRANSACTIONS", AIC_COLUMN_NUMBER}, {"time", "LAST BLOCK", AIC_COLUMN_TIME},
		{"supply", "SUPPLY AIC", AIC_COLUMN_AMOUNT},    {"issued", "ISSUED AIC", AIC_COLUMN_AMOUNT},
		{"fees", "FEES AIC", AIC_COLUMN_AMOUNT},        {"chain", "CHAIN", AIC_COLUMN_TEXT},
		{"head", "HEAD", AIC_COLUMN_TEXT},              {"state_root", "STATE ROOT", AIC_COLUMN_TEXT},
		{"nodes", "NODES DRAWING", AIC_COLUMN_NUMBER}, {"log", "LOG", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	aic_hash chain = {{0}};

	aic_unhex(chain.b, AIC_HASH_LEN, s->chain);
	aic_table_number(t, (int64_t)s->height);
	aic_table_number(t, (int64_t)s->final_height);
	aic_table_number(t, (int64_t)s->transactions);
	aic_table_time(t, s->time);
	const aic_amount *sums[] = {p ? &p->supply : NULL, p ? &p->issued : NULL, p ? &p->fees_total : NULL};
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		if (sums[i])
			aic_table_amount(t, *sums[i]);
		else
			aic_table_text(t, NULL);
	}
	aic_show_hex(t, chain.b, AIC_HASH_LEN, format);
	aic_show_hex(t, s->head.b, AIC_HASH_LEN, format);
	aic_show_hex(t, s->state_root.b, AIC_HASH_LEN, format);
	aic_table_number(t, (int64_t)s->nodes);
	aic_table_text(t, s->log[0] ? s->log : NULL);
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static int cmd_status(int argc, char **argv)
{
	static const struct argp argp = {0, parse_plain, 0, "Where this site's copy of the ledger stands.", shared, 0, 0};
	aic_command cmd = {0};
	aic_ledger *l = NULL;
	aic_ledger_status status;
	aic_ledger_parameters p;
	aic_error err = {0};
	int rc = aic_command_begin(&cmd, &argp, argc, argv, &cmd);

	if (rc)
		return rc;
	aic_code code;
	if ((code = aic_ledger_open(&l, &cmd.config, &err)) || (code = aic_ledger_status_get(l, &status, &err)) ||
	    ((code = aic_ledger_parameters_get(l, &p, &err)) && code != AIC_REFUSED))
		rc = aic_command_fail(argv, &err);
	else
		print_status(&status, code ? NULL : &p, cmd.format);
	aic_ledger_close(l);
	aic_command_end(&cmd);
	return rc;
}

/* --- aic ledger wallets --- */

static void print_wallets(const aic_ledger_wallet *w, size_t n, aic_format format)
{
	static const aic_column columns[] = {
		{"wallet", "WALLET", AIC_COLUMN_TEXT},       {"organisation", "ORGANISATION", AIC_COLUMN_TEXT},
		{"balance", "BALANCE AIC", AIC_COLUMN_AMOUNT}, {"debt", "DEBT AIC", AIC_COLUMN_AMOUNT},
		{"rating_ppm", "RATING PPM", AIC_COLUMN_NUMBER}, {"address", "ADDRESS", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char address[2 * AIC_ADDRESS_LEN + 3] = "0x";

	for (size_t i = 0; i < n; i++) {
		aic_hex(address + 2, w[i].address.b, AIC_ADDRESS_LEN);
		aic_table_text(t, w[i].name);
		aic_table_text(t, w[i].organisation);
		aic_table_amount(t, w[i].balance);
		aic_table_amount(t, w[i].debt);
		aic_table_number(t, (int64_t)w[i].rating_ppm);
		aic_table_text(t, address);
	}
	aic_table_print(t, format, stdout);
	aic_table_free(t);
}

typedef struct {
	aic_command cmd;
	const char *wallet;
} wallets_options;

static error_t parse_wallets(int key, char *arg, struct argp_state *state)
{
	wallets_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "one WALLET at a time");
		o->wallet = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code get_wallets(const wallets_options *o, aic_ledger *l, aic_ledger_wallet **w, size_t *n, aic_error *err)
{
	if (!o->wallet)
		return aic_ledger_wallets(l, w, n, err);
	*n = 1;
	*w = aic_xcalloc(1, sizeof(**w));
	return aic_ledger_wallet_get(l, o->wallet, *w, err);
}

static int cmd_wallets(int argc, char **argv)
{
	static const struct argp argp = {
		0, parse_wallets, "[WALLET]",
		"The wallets that this site keeps, or one of any site by its name or address 0x... (administrators).", shared, 0, 0};
	wallets_options o = {.wallet = NULL};
	aic_ledger *l = NULL;
	aic_ledger_wallet *w = NULL;
	size_t n = 0;
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_ledger_open(&l, &o.cmd.config, &err) || get_wallets(&o, l, &w, &n, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_wallets(w, n, o.cmd.format);
	free(w);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}

/* With the copy that aic.yaml names, where no option names another. */
static int cmd_verify(int argc, char **argv)
{
	return aic_cmd_ledger_verify(argc, argv, aic_copy_open_named);
}

int aic_cmd_ledger(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"status", cmd_status, "height, head, finality, supply"},
		{"wallets", cmd_wallets, "the wallets that this site keeps (administrators)"},
		{"blocks", aic_cmd_ledger_blocks, "list blocks"},
		{"tx", aic_cmd_ledger_tx, "look a transaction up"},
		{"verify", cmd_verify, "replay from genesis and compare everything, an export too"},
		{"export", aic_cmd_ledger_export, "write blocks and a journal as files that anybody can verify"},
		{"join", aic_cmd_ledger_join, "make the first copy of a ledger that other sites keep"},
		{"prove", aic_cmd_ledger_prove, "prove a payout against a final block"},
		{"check", aic_cmd_ledger_check, "check such a proof, on any machine"},
		{"reseed", aic_cmd_ledger_reseed, "put a damaged log back from this site's copy (administrators)"},
		{"checkpoint", aic_cmd_ledger_checkpoint, "the newest final block as a note that witnesses can cosign"},
		{"cosign", aic_cmd_ledger_cosign, "cosign such a note, as a witness"},
		{"backup", aic_cmd_ledger_backup, "put this site's ledger aside, while the daemon runs"},
		{"restore", aic_cmd_ledger_restore, "bring a backup back"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "This site's copy of the ledger.", argc, argv);
}

/* --- aic transfer --- */

typedef struct {
	aic_command cmd;
	const char *word[3];
} transfer_options;

static error_t parse_transfer(int key, char *arg, struct argp_state *state)
{
	transfer_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cmd;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= 3)
			argp_error(state, "too many arguments: give FROM TO AMOUNT");
		o->word[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 3)
			argp_error(state, "give FROM TO AMOUNT");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_transfer(const transfer_options *o, aic_amount amount, uint64_t height, const aic_hash *tx)
{
	static const aic_column columns[] = {
		{"from", "FROM", AIC_COLUMN_TEXT}, {"to", "TO", AIC_COLUMN_TEXT}, {"amount", "AMOUNT AIC", AIC_COLUMN_AMOUNT},
		{"height", "HEIGHT", AIC_COLUMN_NUMBER}, {"transaction", "TRANSACTION", AIC_COLUMN_TEXT},
	};
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, tx);
	aic_table_text(t, o->word[0]);
	aic_table_text(t, o->word[1]);
	aic_table_amount(t, amount);
	aic_table_number(t, (int64_t)height);
	aic_table_text(t, hex);
	aic_table_print(t, o->cmd.format, stdout);
	aic_table_free(t);
}

int aic_cmd_transfer(int argc, char **argv)
{
	static const struct argp argp = {
		0, parse_transfer, "FROM TO AMOUNT",
		"Moves AMOUNT AIC between wallets of this site (administrators).\v"
		"FROM and TO are names such as account/physics, provider/lab-one or genesis/operating; TO may be an address (0x...).",
		shared, 0, 0};
	transfer_options o = {0};
	aic_ledger *l = NULL;
	aic_amount amount;
	aic_hash tx;
	uint64_t height;
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	if (aic_amount_parse(&amount, o.word[2], &err) || aic_ledger_open(&l, &o.cmd.config, &err) ||
	    aic_ledger_transfer(l, o.word[0], o.word[1], amount, &tx, &height, &err))
		rc = aic_command_fail(argv, &err);
	else
		print_transfer(&o, amount, height, &tx);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}
