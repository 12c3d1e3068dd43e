/* cmd_wallet.c: aic balance, aic history. */
#include <stdio.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"

static const aic_column balance_columns[] = {
	{"account", "ACCOUNT", AIC_COLUMN_TEXT},         {"organisation", "ORGANISATION", AIC_COLUMN_TEXT},
	{"balance", "BALANCE AIC", AIC_COLUMN_AMOUNT},   {"unsettled", "UNSETTLED AIC", AIC_COLUMN_AMOUNT},
	{"available", "AVAILABLE AIC", AIC_COLUMN_AMOUNT}, {"debt", "DEBT AIC", AIC_COLUMN_AMOUNT},
	{"reserved", "RESERVED AIC", AIC_COLUMN_AMOUNT}, {"as_of", "AS OF", AIC_COLUMN_TIME},
};
#define BALANCE_COLUMNS (sizeof(balance_columns) / sizeof(balance_columns[0]))

int aic_cmd_balance(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	int status = aic_words_begin(&w, "[ACCOUNT]", "What an account holds, what of it is charged and not settled yet, what is left, and what of that its jobs may still cost.",
	                             argc, argv);
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};

	if (status)
		return status;
	aic_rpc_begin(&q.body, "balance", 1);
	aic_cbor_put_text(&q.body, w.n_args ? w.arg[0] : "");
	aic_code rc = aic_ask_rows(&q, &grid, balance_columns, BALANCE_COLUMNS, &err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(balance_columns, BALANCE_COLUMNS);
		aic_grid_rows(&grid, balance_columns, t);
		if (!grid.n)
			aic_table_note(t, "You see the accounts that Slurm associates you with: none so far.");
		for (size_t i = 0; i < grid.n; i++)
			if (!aic_grid_cell(&grid, i, 7)->number) {
				aic_table_note(t, "\"-\" under AS OF: the ledger has not answered yet, so the balance is not known.");
				break;
			}
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

static const aic_column history_columns[] = {
	{"time", "TIME", AIC_COLUMN_TIME},       {"height", "BLOCK", AIC_COLUMN_NUMBER}, {"event", "EVENT", AIC_COLUMN_TEXT},
	{"with", "FROM / TO", AIC_COLUMN_TEXT},  {"in", "IN AIC", AIC_COLUMN_AMOUNT},    {"out", "OUT AIC", AIC_COLUMN_AMOUNT},
	{"note", "NOTE", AIC_COLUMN_TEXT},
};
#define HISTORY_COLUMNS (sizeof(history_columns) / sizeof(history_columns[0]))

int aic_cmd_history(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	int status = aic_words_begin(&w, "ACCOUNT|WALLET", "What came in and went out of an account or wallet, newest first, as it"
	                                                   " stands on the ledger.", argc, argv);
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};

	if (status)
		return status;
	if (!w.n_args) {
		aic_fail(&err, AIC_USAGE, "say which account: `aic history ACCOUNT`; `aic balance` lists those that you see");
		return aic_words_end(&w, argv, AIC_USAGE, &err);
	}
	aic_rpc_begin(&q.body, "history", 2);
	aic_cbor_put_text(&q.body, w.arg[0]);
	aic_cbor_put_uint(&q.body, 1000);
	aic_code rc = aic_ask_rows(&q, &grid, history_columns, HISTORY_COLUMNS, &err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(history_columns, HISTORY_COLUMNS);
		aic_grid_rows(&grid, history_columns, t);
		if (!grid.n)
			aic_table_note(t, "Nothing came in or went out yet.");
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}
