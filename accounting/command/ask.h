/* ask.h: what this room's subcommands share: arguments, a question to aicacctd, a table from its answer. */
#ifndef AIC_ACCOUNTING_ASK_H
#define AIC_ACCOUNTING_ASK_H

#include "accounting/rows.h"
#include "common/command.h"
#include "common/rpc.h"

#define AIC_ARGS_MAX 2

/* Which rows a report has. */
enum { AIC_FILTER_ACCOUNT = 1, AIC_FILTER_PROVIDER = 2, AIC_FILTER_USER = 4, AIC_FILTER_NODE = 8, AIC_FILTER_TIME = 16 };

/* A subcommand that takes a few words and perhaps --period. */
typedef struct {
	aic_command base;
	size_t max_args, n_args;
	const char *arg[AIC_ARGS_MAX];
	bool takes_period;
	const char *period;      /* NULL: the running one */
	const char *hash;        /* `aic batch approve --hash` */
	bool takes_hash;
	const char *reason;      /* of an act on a line */
	bool takes_reason;
	bool takes_page, page;   /* --format html */
	bool takes_ur2, ur2;     /* --format ur2 */
	const char *output;      /* --output, with takes_page or takes_ur2; NULL: stdout */
	unsigned takes_filters;  /* AIC_FILTER_... */
	const char *account, *provider, *user, *node, *since, *until; /* NULL: all */
} aic_words;

/* Parses and loads aic.yaml. 0, or the exit status. doc: argp's, args_doc likewise. */
int aic_words_begin(aic_words *w, const char *args_doc, const char *doc, int argc, char **argv);

/* One request to aicacctd and its answer; the caller frees keep. AIC_UNREACHABLE comes with the remedy. */
aic_code aic_ask(const aic_config *c, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err);

/* Prints t and frees it. */
void aic_show(const aic_words *w, aic_table *t);

#endif
