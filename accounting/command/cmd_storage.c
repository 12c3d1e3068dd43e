/* cmd_storage.c: aic storage held | list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"
#include "common/size.h"

static const aic_column columns[] = {
	{"asset", "ASSET", AIC_COLUMN_TEXT}, {"kind", "KIND", AIC_COLUMN_TEXT},       {"provider", "PROVIDER", AIC_COLUMN_TEXT},
	{"node", "NODE", AIC_COLUMN_TEXT},   {"start", "FROM", AIC_COLUMN_TIME},      {"end", "TO", AIC_COLUMN_TIME},
	{"bytes", "BYTES", AIC_COLUMN_NUMBER}, {"uid", "BY UID", AIC_COLUMN_NUMBER},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static aic_code put_declaration(const aic_words *w, aic_bytes *body, aic_error *err)
{
	int64_t since = 0, until = aic_now();
	uint64_t bytes = 0;
	aic_code rc = w->n_args == 2 ? aic_size_parse(&bytes, w->arg[1], err)
	                             : aic_fail(err, AIC_USAGE, "what is held, and how much of it? `aic storage held ASSET 200GiB --since ...`");

	if (rc == AIC_OK && !w->since)
		rc = aic_fail(err, AIC_USAGE, "since when? Say --since TIME, where the declaration before this one ended");
	if (rc == AIC_OK)
		rc = aic_time_parse(&since, w->since, err);
	if (rc == AIC_OK && w->until)
		rc = aic_time_parse(&until, w->until, err);
	if (rc != AIC_OK)
		return rc;
	aic_rpc_begin(body, "storage-held", 7);
	aic_cbor_put_text(body, w->arg[0]);
	aic_cbor_put_bool(body, w->model);
	aic_cbor_put_text(body, w->provider ? w->provider : "");
	aic_cbor_put_text(body, w->node ? w->node : "");
	aic_cbor_put_int(body, since);
	aic_cbor_put_int(body, until);
	aic_cbor_put_uint(body, bytes);
	return AIC_OK;
}

static int storage_held(int argc, char **argv)
{
	aic_words w = {.max_args = 2, .takes_filters = AIC_FILTER_PROVIDER | AIC_FILTER_NODE | AIC_FILTER_TIME, .takes_model = true};
	aic_question q = {.config = &w.base.config};
	char provider[AIC_NAME_LEN];
	aic_error err = {0};
	bool fresh = false;
	int status = aic_words_begin(&w, "ASSET BYTES", "Declares that a storage provider held so many bytes of a data set, from --since to --until"
	                                                " or now. Its owner pays by GiB and month.", argc, argv);

	if (status)
		return status;
	aic_code rc = put_declaration(&w, &q.body, &err);
	if (rc == AIC_OK)
		rc = aic_ask(&q, &err);
	if (rc == AIC_OK) {
		fresh = aic_cbor_bool(&q.answer);
		aic_cbor_text(&q.answer, provider, sizeof(provider));
		rc = aic_cbor_finish(&q.answer, &err);
	}
	if (rc == AIC_OK)
		printf(fresh ? "Provider %s holds %s: declared.\n" : "Provider %s holds %s: that was declared already.\n", provider, w.arg[0]);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

static int storage_list(int argc, char **argv)
{
	aic_words w = {.takes_filters = AIC_FILTER_TIME};
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};
	int64_t since = 0;
	int status = aic_words_begin(&w, NULL, "What storage providers were declared to hold, newest first.", argc, argv);

	if (status)
		return status;
	aic_code rc = w.since ? aic_time_parse(&since, w.since, &err) : AIC_OK;
	aic_rpc_begin(&q.body, "storage-list", 1);
	aic_cbor_put_int(&q.body, since);
	if (rc == AIC_OK)
		rc = aic_ask_rows(&q, &grid, columns, COLUMNS, &err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, COLUMNS);
		aic_grid_rows(&grid, columns, t);
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

int aic_cmd_storage(int argc, char **argv)
{
	static const aic_subcommand verbs[] = {
		{"held", storage_held, "declare what a provider held"},
		{"list", storage_list, "what was declared"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(verbs, "Data sets and models at storage providers, paid by GiB and month. For administrators.", argc, argv);
}
