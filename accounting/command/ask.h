/* ask.h: what this room's subcommands share: arguments, a question to aicacctd, a table from its answer. */
#ifndef AIC_ACCOUNTING_ASK_H
#define AIC_ACCOUNTING_ASK_H

#include "accounting/rows.h"
#include "common/command.h"
#include "common/crypto.h"
#include "common/rpc.h"

#define AIC_ARGS_MAX 2

/* Which rows a report has. */
enum { AIC_FILTER_ACCOUNT = 1, AIC_FILTER_PROVIDER = 2, AIC_FILTER_USER = 4, AIC_FILTER_NODE = 8, AIC_FILTER_TIME = 16, AIC_FILTER_CLUSTER = 32,
       AIC_FILTER_ASSET = 64 };
#define AIC_FILTERS_OF_LINES (AIC_FILTER_ACCOUNT | AIC_FILTER_PROVIDER | AIC_FILTER_USER | AIC_FILTER_NODE | AIC_FILTER_CLUSTER | AIC_FILTER_ASSET)

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
	const char *key;         /* a file with an administrator's key */
	bool takes_key;
	bool takes_model, model; /* --model: the asset is a model */
	bool takes_page, page;   /* --format html */
	bool takes_ur2, ur2;     /* --format ur2 */
	bool takes_output;       /* so do takes_page and takes_ur2 */
	const char *output;      /* --output; NULL: stdout */
	unsigned takes_filters;  /* AIC_FILTER_... */
	const char *account, *provider, *user, *node, *since, *until, *cluster, *asset; /* NULL: all */
} aic_words;

/* Parses and loads aic.yaml. 0, or the exit status. doc: argp's, args_doc likewise. */
int aic_words_begin(aic_words *w, const char *args_doc, const char *doc, int argc, char **argv);

/* After the command's work: frees what the words hold, prints a failure. The exit status. */
int aic_words_end(aic_words *w, char **argv, aic_code rc, const aic_error *err);

/* One request to aicacctd and its answer: aic_rpc_begin(&q.body, ...) and the arguments, aic_ask, read q.answer to its end,
 * aic_question_end whatever came back. */
typedef struct {
	const aic_config *config;
	aic_bytes body, keep;
	aic_cbor answer;
} aic_question;
/* AIC_UNREACHABLE comes with the remedy. */
aic_code aic_ask(aic_question *q, aic_error *err);
/* Asks for what is answered by rows alone. */
aic_code aic_ask_rows(aic_question *q, aic_grid *g, const aic_column *columns, size_t n, aic_error *err);
/* Asks for what is answered by nothing or by what the caller does not read. */
aic_code aic_ask_done(aic_question *q, aic_error *err);
void aic_question_end(aic_question *q);

/* [* [key, signature]] as an approval's last argument: none without --key, else over `what` and this ledger's chain. */
aic_code aic_put_approval(const aic_words *w, aic_bytes *body, const aic_hash *what, aic_error *err);

/* Prints t and frees it. */
void aic_show(const aic_words *w, aic_table *t);

#endif
