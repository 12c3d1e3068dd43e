/* acctd.h: the daemon's inside: what aicacctd.c, link.c, publish.c and serve*.c share. */
#ifndef AIC_ACCOUNTING_ACCTD_H
#define AIC_ACCOUNTING_ACCTD_H

#include "accounting/access.h"
#include "accounting/assoc.h"
#include "accounting/batch.h"
#include "accounting/erase.h"
#include "accounting/filter.h"
#include "accounting/hello.h"
#include "accounting/receipts.h"
#include "accounting/rows.h"
#include "accounting/sessions.h"
#include "accounting/spools.h"
#include "common/rpc.h"
#include "ledger/client.h"

typedef struct aic_metrics aic_metrics;
typedef struct aic_release aic_release;
typedef struct aic_background aic_background;
typedef struct aic_session_watch aic_session_watch;

typedef struct {
	aic_config config;
	aic_store *store;
	aic_registry *registry;
	aic_spools *spools;
	aic_assoc *assoc;
	aic_batches batches;
	aic_closing *closing;        /* the batch that is being closed; NULL: none */
	aic_ledger *ledger;          /* NULL while it does not answer */
	char ledger_failure[768];    /* why not; "" */
	uint64_t fee_ppm;            /* as the ledger said last */
	uint64_t linked_height;     /* of the ledger when balances were read */
	int64_t erased_at;           /* monotonic ms of the last look at what is due to be erased */
	aic_erase_round erase_round; /* that is under way */
	aic_erase_pass erasing;      /* of the user whom an administrator has erased; user "": nobody */
	int64_t erasing_at;          /* monotonic ms of its last slice */
	int64_t asked_at;           /* monotonic ms: when the ledger's height was last asked for */
	int64_t linked_at, published_at, closed_at; /* monotonic ms of the last round; 0: due now */
	int64_t overdue_at;          /* monotonic ms of the last look for sessions that nobody decides */
	aic_hash barred_told;        /* of the list of nodes that the allocator was told */
	bool effects_complained, spool_complained, receipts_complained, snapshot_complained, close_complained;
	aic_spools_count ingested;
	aic_metrics *metrics;
	aic_release *release;
	aic_hellos *hellos;          /* of the nodes */
	aic_background *background;  /* NULL: everything is answered at once */
	aic_session_watch *watch;    /* session_watch.h */
	aic_code (*job_ask)(aic_slurm_job *out, const aic_config *c, const aic_job_step *step, aic_error *err); /* Slurm; a test has its own */
	unsigned closing_percent;    /* where closing is another thread's */
} aic_acctd;

/* Everything but the server: opens the store and what stands on it. */
aic_code aic_acctd_open(aic_acctd *d, const char *config_path, aic_error *err);
void aic_acctd_close(aic_acctd *d);
/* One turn of all regular work; never waits long. */
void aic_acctd_tick(void *d);

/* What waits (receipts.h); false after a failure, which is logged once and tried again. */
bool aic_acctd_sort_receipts(aic_acctd *d, aic_receipts_count *count);

/* A slice of d->closing, which is NULL when it is done or has failed; a later turn resumes what failed. */
aic_code aic_acctd_close_some(aic_acctd *d, aic_error *err);

/* --- link.c: the ledger --- */
/* Asks for parameters and balances, registers wallets, repairs batches; every 10 s, within a second of a new block, or now
 * where due is set. A ledger that is down is noted and tried again. True where balances were read. */
bool aic_acctd_link(aic_acctd *d, bool due);
/* The connection, or AIC_UNREACHABLE with the remedy. */
aic_code aic_acctd_ledger(aic_acctd *d, aic_ledger **out, aic_error *err);
/* After a call failed with AIC_UNREACHABLE: drops the connection. */
void aic_acctd_unlink(aic_acctd *d, const aic_error *why);

/* --- publish.c: the snapshot for the plugins --- */
void aic_acctd_publish(aic_acctd *d, bool due);
/* Balance less what is charged and not settled, 0 at least. */
aic_amount aic_available(const aic_wallet_row *w);

/* --- serve_erase.c: what is due by accounting.retention, once an hour --- */
void aic_acctd_erase(aic_acctd *d);

/* --- metrics.c: a file for Prometheus, where aic.yaml wants one --- */
void aic_acctd_metrics(aic_acctd *d);

/* --- serve.c: operations, doc/formats/rpc-accounting.md --- */
aic_code aic_acctd_serve(void *d, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *items,
                         aic_error *err);

typedef struct {
	aic_acctd *d;
	const aic_rpc_caller *who;
	aic_viewer *viewer;
	const aic_wallet_row *wallet; /* of a statement: its rows alone; NULL otherwise */
	aic_cbor *args;
	aic_bytes *out;
	size_t *items;
} aic_request;

/* The last argument of an operation that approves, [* [key, signature]] of none or one: by a valid key of this site, else refused.
 * Ends the arguments. */
aic_code aic_read_approval(aic_request *q, aic_approval *a, bool *is_signed, aic_error *err);

typedef struct {
	char name[16];
	int64_t start, end;
} aic_asked_period;
/* [period, filter], the whole of a report's arguments; a provider that is not named to the caller is refused as a filter. */
aic_code aic_read_period(aic_request *q, aic_asked_period *p, aic_filter *f, aic_error *err);

aic_code aic_serve_payouts(aic_request *q, aic_error *err);
aic_code aic_serve_statement(aic_request *q, aic_error *err);
aic_code aic_serve_payout_series(aic_request *q, aic_error *err);
aic_code aic_serve_barred(aic_request *q, aic_error *err);
aic_code aic_serve_barred_clear(aic_request *q, aic_error *err);
aic_code aic_serve_report_sessions(aic_request *q, aic_error *err);
aic_code aic_serve_usage(aic_request *q, aic_error *err);
aic_code aic_serve_usage_series(aic_request *q, aic_error *err);
aic_code aic_serve_wallets(aic_request *q, aic_error *err);
aic_code aic_serve_ratings(aic_request *q, aic_error *err);
aic_code aic_serve_value(aic_request *q, aic_error *err);
aic_code aic_serve_curve(aic_request *q, aic_error *err);
aic_code aic_serve_jobs(aic_request *q, aic_error *err);
aic_code aic_serve_uncharged(aic_request *q, aic_error *err);
aic_code aic_serve_batch_list(aic_request *q, aic_error *err);
aic_code aic_serve_batch_show(aic_request *q, aic_error *err);
aic_code aic_serve_batch_close(aic_request *q, aic_error *err);
aic_code aic_serve_batch_approve(aic_request *q, aic_error *err);
aic_code aic_serve_batch_post(aic_request *q, aic_error *err);
aic_code aic_serve_batch_lines(aic_request *q, aic_error *err);
aic_code aic_serve_line_act(aic_request *q, aic_error *err);
aic_code aic_serve_session_open(aic_request *q, aic_error *err);
aic_code aic_serve_session_nodes(aic_request *q, aic_error *err);
aic_code aic_serve_session_commit(aic_request *q, aic_error *err);
aic_code aic_serve_session_close(aic_request *q, aic_error *err);
aic_code aic_serve_refunds(aic_request *q, aic_error *err);
aic_code aic_serve_refund_ask(aic_request *q, aic_error *err);
aic_code aic_serve_refund_approve(aic_request *q, aic_error *err);
aic_code aic_serve_refund_withdraw(aic_request *q, aic_error *err);
aic_code aic_serve_audit(aic_request *q, aic_error *err);
aic_code aic_serve_reconcile(aic_request *q, aic_error *err);
aic_code aic_serve_erase(aic_request *q, aic_error *err);
aic_code aic_serve_batch_verify(aic_request *q, aic_error *err);
aic_code aic_serve_batch_prove(aic_request *q, aic_error *err);
aic_code aic_serve_storage_held(aic_request *q, aic_error *err);
aic_code aic_serve_storage_list(aic_request *q, aic_error *err);
aic_code aic_serve_explain(aic_request *q, aic_error *err);
aic_code aic_serve_check(aic_request *q, aic_error *err);
aic_code aic_serve_forget_damage(aic_request *q, aic_error *err);
/* serve_hello.c */
aic_code aic_serve_node_hello(aic_request *q, aic_error *err);
aic_code aic_serve_forget_node(aic_request *q, aic_error *err);

#endif
