/* sessions.h: the training sessions of this site in the store: which job, on which nodes, from when to when, and what the ledger said of
 * them last. Their ids, nodes' keys and fees stand on the ledger (doc/formats/session.md); jobs and names stay here.
 *
 * Threads that wait for the ledger write the rows over a connection of their own and set `changed`; the daemon's own thread then looks at the
 * lines of their jobs again (session_effects.c). */
#ifndef AIC_ACCOUNTING_SESSIONS_H
#define AIC_ACCOUNTING_SESSIONS_H

#include "accounting/rating.h"
#include "accounting/slurm_job.h"
#include "accounting/store.h"
#include "ledger/client.h"

#define AIC_SESSION_HELD 604800   /* seconds after a run's end for which its lines wait at most */
#define AIC_SESSION_ORPHANED 900  /* after the last run of its job, for what nobody closed */

typedef struct {
	int64_t id;
	uint8_t token[AIC_SESSION_TOKEN_LEN];
	uid_t uid;
	char account[AIC_NAME_LEN];
	uint64_t run, class;
	aic_hash spec, data, code;
	bool on_ledger;
	aic_hash session, entropy;
	int64_t asked, committed;
	uint64_t steps;
	int64_t end;                  /* aic_session_end; -1: the trainer has not said */
	bool closing;                 /* the ledger has its end */
	/* as the ledger said last */
	uint64_t state, counts_as, checkpoints, appeals;
	int64_t closed, decided;      /* times; 0: not yet */
	char segments[160];           /* that were drawn: "0 4 7"; "" */
	bool has_verifier, has_third, judged;
	uint8_t verifier[AIC_PUBLIC_LEN], third[AIC_PUBLIC_LEN];
	uint64_t result, segment, step; /* of the last verdict, where judged */
	bool settled;
	int64_t changed;              /* not 0: its lines are to be looked at */
} aic_session_row;

typedef struct {
	aic_job_step step;            /* its `step` is not kept */
	aic_node_share share;         /* what the job held there */
	uint8_t key[AIC_PUBLIC_LEN];
	char provider[AIC_NAME_LEN];  /* wallet */
	int64_t since, until;         /* until 0: it runs, or nobody said that it ended */
} aic_session_node_row;

/* AIC_NOT_FOUND where there is none. */
aic_code aic_session_by_token(aic_sql *db, const uint8_t token[AIC_SESSION_TOKEN_LEN], uint64_t class, aic_session_row *out, aic_error *err);
aic_code aic_session_by_id(aic_sql *db, const aic_hash *session, aic_session_row *out, aic_error *err);
/* *out malloc'ed. */
typedef enum { AIC_SESSIONS_UNSETTLED, AIC_SESSIONS_CHANGED, AIC_SESSIONS_OF_JOB } aic_sessions_rows;
aic_code aic_session_rows(aic_sql *db, aic_sessions_rows which, const char *cluster, uint32_t job, aic_session_row **out, size_t *n, aic_error *err);
/* Those that ran at some time from start on and before end. */
aic_code aic_session_rows_of_period(aic_sql *db, int64_t start, int64_t end, aic_session_row **out, size_t *n, aic_error *err);
aic_code aic_session_nodes_of(aic_sql *db, int64_t session, aic_session_node_row **out, size_t *n, aic_error *err);

/* In transactions of the caller's. Inserts the row; id is filled in. */
aic_code aic_session_insert(aic_sql *db, aic_session_row *s, aic_error *err);
/* Nodes of a run that joins it, from `now` on; those that it ran on before have stopped. */
aic_code aic_session_join(aic_sql *db, int64_t session, const aic_session_node_row *node, size_t n, int64_t now, aic_error *err);

/* Fees of its seconds at each provider (economics.md 1), up to the last commitment (class D2: to its end). *out malloc'ed, each provider
 * once. Rates are those of `rates`. */
aic_code aic_session_stated_fees(aic_sql *db, const aic_session_row *s, const aic_rates *rates, uint64_t fee_ppm, int64_t now, aic_ledger_session_fee **out,
                          size_t *n, aic_error *err);

/* Sessions that ran in a run, node by node: what they count there (rating.h). At most so many are looked at; *out malloc'ed. */
aic_code aic_session_covers(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, int64_t ended, aic_covered **out, size_t *n,
                            aic_error *err);

/* --- session_words.c --- */
#define AIC_SESSION_WORDS 560
/* Why it counts what it counts, or what it waits for. out may not be used. */
const char *aic_session_why(char out[AIC_SESSION_WORDS], const aic_session_row *s);
/* All of it in one line: id, class, checkpoints, state, weight, why. */
const char *aic_session_counting(char out[AIC_SESSION_WORDS], const aic_session_row *s);
/* Seconds of it on a node that count: of a proven one up to its last commitment. */
int64_t aic_session_seconds(const aic_session_row *s, const aic_session_node_row *n, int64_t now);

#endif
