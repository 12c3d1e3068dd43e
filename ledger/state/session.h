/* session.h: training sessions on the ledger: what was said before and during a training, and where its proof stands. doc/formats/
 * session.md draws the transactions; draw.h says how challenges are drawn, verdict.c what follows from them. */
#ifndef AIC_LEDGER_SESSION_H
#define AIC_LEDGER_SESSION_H

#include "ledger/state/execute.h"

#define AIC_SESSION_ASSETS_MAX 16
#define AIC_SESSION_NODES_MAX 1024
#define AIC_SESSION_PROVIDERS_MAX 64
#define AIC_SESSION_BATCH_MAX 1024     /* checkpoints in one transaction */
#define AIC_SESSION_SHARDS_MAX 65536
#define AIC_SESSIONS_UNDECIDED_MAX 1024 /* of one site */
#define AIC_SESSION_Q 10               /* segments drawn beside segment 0 */
#define AIC_SESSION_ASKED_MAX 32       /* parties asked to verify one session, replacements included */
#define AIC_SESSION_JUDGES_MAX 4       /* verdicts that decided: verifier and third node, twice where it was drawn again */

#define AIC_SESSION_ANSWER 86400       /* seconds: for a verifier, from being drawn */
#define AIC_SESSION_APPEAL 259200      /* from the refutation */
#define AIC_SESSION_DEADLINE 604800    /* from closing */
#define AIC_SESSION_HOLD AIC_SESSION_APPEAL /* from the decision: for saying that it was a decoy */
#define AIC_SESSION_PAID_AFTER (AIC_SESSION_HOLD + 2 * AIC_SESSION_ANSWER) /* from the decision: till others have judged that */

/* A party: who must not judge its own cause. The site that keeps a wallet; on a ledger of one member the wallet's organisation. */
typedef aic_id aic_party;

typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	aic_address provider;
} aic_session_node;

typedef struct {
	aic_address wallet;
	aic_amount fee;          /* stated at closing */
	aic_amount paid;         /* of it, as session_rate has shown; 0: not yet */
} aic_session_provider;

typedef struct {
	bool there;
	uint64_t result;         /* aic_verdict_result */
	uint64_t segment, step;
	aic_hash evidence;
} aic_session_verdict;

/* Who gave a verdict that counted, for the pay: ledger/state/pay.c. */
typedef struct {
	aic_address wallet;
	aic_party party;
	uint64_t result;         /* AIC_VERDICT_AGREES or AIC_VERDICT_DIFFERS */
	uint64_t segments;       /* that it was asked to compute */
	bool passed;             /* said to have passed a decoy's bad segment */
	aic_amount paid;
} aic_session_judge;

typedef struct {
	aic_id site;
	aic_address payer;
	uint64_t run, class, counts_as; /* counts_as: the class, or D2 where nobody can verify it */
	uint8_t device[AIC_HASH_LEN], model[AIC_HASH_LEN];
	size_t device_len, model_len;
	uint64_t shards;
	aic_hash spec, data, code;      /* salted */
	aic_hash mark;                  /* what it says is seen where it is revealed: ledger/state/decoy.c */
	size_t n_assets;
	aic_u256 asset[AIC_SESSION_ASSETS_MAX];
	size_t n_providers;
	aic_session_provider provider[AIC_SESSION_PROVIDERS_MAX];
	uint64_t opened;
	int64_t opened_at;
	aic_hash entropy;               /* zero until the block that opened it is applied */
	uint64_t checkpoints, last_step;
	uint64_t state;                 /* aic_session_state */
	uint64_t closed, steps, end;
	int64_t closed_at;
	bool demanded;                  /* somebody asked for a challenge */
	uint64_t appeals, former;       /* former: the state that the appeal is against */
	uint64_t round, drawn;          /* of the draw, and its height */
	int64_t asked_at;               /* since when its present verifier is asked */
	size_t n_segments;
	uint64_t segment[AIC_SESSION_Q + 1];
	uint8_t verifier[AIC_PUBLIC_LEN], third[AIC_PUBLIC_LEN];
	size_t n_asked;
	aic_party asked[AIC_SESSION_ASKED_MAX];
	aic_session_verdict verdict, decision; /* the verifier's, the third node's */
	size_t n_judges;
	aic_session_judge judge[AIC_SESSION_JUDGES_MAX];
	bool revealed;                  /* said to be a decoy: of which segment */
	uint64_t bad_segment;
	aic_amount deposit;             /* of its payer, for those who judge it */
	uint64_t decided;
	int64_t decided_at;
} aic_session;

typedef struct {
	uint64_t step;
	aic_hash chain, root;
	uint64_t height;                /* of the block that brought it */
} aic_session_checkpoint;

typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	aic_address provider;
	uint8_t device[AIC_HASH_LEN];
	size_t device_len;
} aic_verifier;
#define AIC_VERIFIERS_MAX 1024

/* --- rows: session_row.c. AIC_NOT_FOUND leaves err untouched --- */
void aic_session_encode(aic_bytes *row, const aic_session *r);
aic_code aic_session_decode(aic_session *r, const void *row, size_t len, aic_error *err);
aic_code aic_state_session(aic_state *s, const aic_hash *id, aic_session *row, aic_error *err);
aic_code aic_state_session_put(aic_state *s, const aic_hash *id, const aic_session *row, aic_error *err);
/* *node is malloc'ed. */
aic_code aic_state_session_nodes(aic_state *s, const aic_hash *id, aic_session_node **node, size_t *n, aic_error *err);
aic_code aic_state_session_nodes_put(aic_state *s, const aic_hash *id, const aic_session_node *node, size_t n, aic_error *err);
aic_code aic_state_session_checkpoint(aic_state *s, const aic_hash *id, uint64_t number, aic_session_checkpoint *c, aic_error *err);
aic_code aic_state_session_checkpoint_put(aic_state *s, const aic_hash *id, uint64_t number, const aic_session_checkpoint *c,
                                          aic_error *err);
/* All verifiers, ascending by key; *v is malloc'ed, NULL for none. */
aic_code aic_state_verifiers(aic_state *s, aic_verifier **v, size_t *n, aic_error *err);
aic_code aic_state_verifiers_put(aic_state *s, const aic_verifier *v, size_t n, aic_error *err);
/* Sessions that wait for something, in order of closing; *id is malloc'ed, NULL for none. */
aic_code aic_state_queue(aic_state *s, aic_hash **id, size_t *n, aic_error *err);
aic_code aic_state_queue_put(aic_state *s, const aic_hash *id, size_t n, aic_error *err);
aic_code aic_state_queue_add(aic_state *s, const aic_hash *id, aic_error *err);
/* Small numbers by table and key: sessions of a site that are not decided (27), sessions in a row that a provider withheld (26). Absent
 * is 0, and 0 is absent. */
aic_code aic_state_count(aic_state *s, aic_table_id table, const void *key, size_t len, uint64_t *n, aic_error *err);
aic_code aic_state_count_put(aic_state *s, aic_table_id table, const void *key, size_t len, uint64_t n, aic_error *err);

/* --- bodies, for who posts them --- */
/* Of *o: payer, run, class, device, shards, spec, data, code, mark, model, assets. Nodes in any order. */
void aic_session_open_body(aic_bytes *out, const aic_session *o, const aic_session_node *node, size_t n);
void aic_session_nodes_body(aic_bytes *out, const aic_hash *session, const aic_session_node *node, size_t n);
void aic_session_commit_body(aic_bytes *out, const aic_hash *session, uint64_t first, const aic_session_checkpoint *c, size_t n);
void aic_session_close_body(aic_bytes *out, const aic_hash *session, uint64_t steps, uint64_t end, const aic_session_provider *p, size_t n);
void aic_session_id_body(aic_bytes *out, const aic_hash *session); /* session_challenge, session_pay */
void aic_session_appeal_body(aic_bytes *out, const aic_hash *session, const aic_hash *reason, const aic_approval *approval, size_t n);
void aic_session_rate_body(aic_bytes *out, const aic_hash *session, const aic_address *provider, const char *period, uint64_t number,
                           uint64_t line, const aic_settlement_line *l, const aic_hash *path, size_t path_len, aic_amount fee);
/* From the body of the settlement itself. */
aic_code aic_session_rate_body_of(aic_bytes *out, const aic_hash *session, const aic_address *provider, const void *settlement, size_t len,
                                  uint64_t line, aic_amount fee, aic_error *err);
void aic_verifier_register_body(aic_bytes *out, const aic_verifier *v);
void aic_verifier_withdraw_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN]);

/* --- shared by session.c, draw.c, verdict.c, decoy.c and pay.c --- */
/* Refused by name where there is none. */
aic_code aic_session_need(aic_state *s, const aic_hash *id, aic_session *row, aic_error *err);
/* The party of a wallet at that height. */
aic_code aic_party_of(aic_state *s, const aic_address *wallet, uint64_t height, aic_party *p, aic_error *err);
/* Decides it: state, height and time; the site's count; what follows for withheld checkpoints in a row. */
aic_code aic_session_decide(aic_state *s, aic_session *row, aic_session_state state, uint64_t height, int64_t time, aic_error *err);
bool aic_session_is_decided(uint64_t state);
/* A session that was decided is drawn once more, by parties that have not been asked; the caller writes the row. */
aic_code aic_session_draw_again(aic_exec *x, const aic_hash *id, aic_session *row, aic_error *err);
char *aic_session_text(char buf[20], const aic_hash *id); /* its first 16 digits and dots, for messages */

#endif
