/* client.h: what other rooms may ask of aicledgerd. Everything else about the ledger stays in its room.
 *
 * Wallets have local names at the site, "account/physics", "provider/lab-one", "site", "treasury", "genesis/operating";
 * on the ledger they are opaque 20-byte addresses with an opaque organisation id. */
#ifndef AIC_LEDGER_CLIENT_H
#define AIC_LEDGER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/config.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/session_call.h"

#define AIC_ADDRESS_LEN 20
typedef struct { uint8_t b[AIC_ADDRESS_LEN]; } aic_address;

typedef struct aic_ledger aic_ledger; /* a connection */
aic_code aic_ledger_open(aic_ledger **l, const aic_config *config, aic_error *err);
void aic_ledger_close(aic_ledger *l);

/* The wallet of that local name, registered on the ledger with that organisation if it is new (aicacctd only). Idempotent;
 * another organisation than the registered one is refused with both names. */
aic_code aic_ledger_wallet_ensure(aic_ledger *l, const char *name, const char *organisation, aic_address *out, aic_error *err);

typedef struct {
	char name[AIC_NAME_LEN];         /* local name, "" for a wallet of another site */
	char organisation[AIC_NAME_LEN]; /* local name of the organisation, likewise */
	aic_address address;
	aic_amount balance;
	aic_amount debt;
	uint64_t rating_ppm;             /* R_j now */
} aic_ledger_wallet;
/* All wallets in custody, sorted by name; *out is malloc'ed, the caller frees it. */
aic_code aic_ledger_wallets(aic_ledger *l, aic_ledger_wallet **out, size_t *n, aic_error *err);
/* One wallet, by local name or, another site's too, by address "0x...". */
aic_code aic_ledger_wallet_get(aic_ledger *l, const char *wallet, aic_ledger_wallet *out, aic_error *err);

/* Administrators (checked by MUNGE uid against aic.yaml): moves amount between wallets in custody, by local name. */
aic_code aic_ledger_transfer(aic_ledger *l, const char *from, const char *to, aic_amount amount, aic_hash *tx, uint64_t *height,
                             aic_error *err);

typedef struct {
	uint64_t fee_ppm, rho_ppm, kappa_ppm, verify_ppm;
	aic_amount fees_total;    /* X */
	aic_amount issued;        /* so far by second terms */
	aic_amount issuable;      /* S(X) at present, for the review's "up to" */
	aic_amount supply;
} aic_ledger_parameters;
aic_code aic_ledger_parameters_get(aic_ledger *l, aic_ledger_parameters *out, aic_error *err);

#define AIC_CURVE_POINTS 65
/* S(X) as it can be drawn, and where it stands now. */
typedef struct {
	aic_amount limit;         /* A_max, which S never passes */
	aic_amount fees_total, issued, issuable;
	aic_amount x[AIC_CURVE_POINTS], s[AIC_CURVE_POINTS]; /* from 0 to 5 X_scale */
} aic_ledger_curve;
aic_code aic_ledger_curve_get(aic_ledger *l, aic_ledger_curve *out, aic_error *err);

typedef enum { AIC_KIND_HARDWARE, AIC_KIND_DATA, AIC_KIND_MODEL, AIC_KIND_STORAGE } aic_line_kind;
const char *aic_line_kind_name(aic_line_kind k); /* "hardware" ... */
bool aic_line_kind_parse(aic_line_kind *k, const char *name);

/* One line of a settlement, economics.md 2: sums over n payment lines of equal (payer, payee, kind). */
typedef struct {
	aic_address payer, payee;
	aic_line_kind kind;
	uint64_t n;
	aic_amount gross, fee;
	aic_amount stake;         /* SUM fee_l * q_l, in units x ppm: at most fee * 10^6 */
} aic_settlement_line;

/* An administrator's signature under what was decided: over "aic/approval/v1" || 0x00 || chain id || what. `what` is a batch's hash, or
 * the evidence of a reversal. It counts where the key is registered for the site (`aic key register --role admin`). */
#define AIC_APPROVALS_MAX 16
typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	uint8_t signature[AIC_SIGNATURE_LEN];
} aic_approval;
void aic_approval_sign(aic_approval *a, const aic_key *administrator, const aic_hash *chain, const aic_hash *what);
bool aic_approval_verify(const aic_approval *a, const aic_hash *chain, const aic_hash *what);

typedef struct {
	char period[16];
	uint64_t number;              /* of the batch within the period, from 1 */
	aic_hash evidence;            /* Merkle root of the full evidence (accounting's batch) */
	aic_hash batch;               /* hash that the administrators approved */
	uint32_t n_approvals; uint32_t approver[16];   /* uids, kept at the site; the ledger gets their number */
	uint32_t n_signed; aic_approval signed_by[AIC_APPROVALS_MAX]; /* in any order, one a key; part of the content: a repeat has the same */
	size_t n_lines; const aic_settlement_line *line; /* ascending (payer, payee, kind), no two equal */
} aic_settlement;

typedef struct {
	bool posted;                  /* applied */
	bool final;
	uint64_t height;
	aic_hash tx;
	aic_hash evidence, batch;     /* as posted; zero in a preview */
	size_t n_lines;
	aic_amount *reward;           /* per line of the settlement, both terms; owned */
	aic_amount *issued;           /* the second term alone, per line; owned */
} aic_settlement_result;
void aic_settlement_result_clear(aic_settlement_result *r);

/* Posts (aicacctd's uid only). Exactly once by (site, period, number): a repeat with equal content answers as the first did,
 * with other content it is refused. Where payers lack funds it is refused and the message names them (local names). */
aic_code aic_ledger_settle(aic_ledger *l, const aic_settlement *s, aic_settlement_result *out, aic_error *err);
/* AIC_NOT_FOUND where nothing of that key is posted. */
aic_code aic_ledger_settlement_get(aic_ledger *l, const char *period, uint64_t number, aic_settlement_result *out, aic_error *err);
/* What the lines would earn if posted now: rewards with `issued` the "up to" part. Changes nothing. */
aic_code aic_ledger_settle_preview(aic_ledger *l, const aic_settlement *s, aic_settlement_result *out, aic_error *err);

/* Takes back `amount` of what line `line` (from 0) of a posted settlement paid (economics.md 3): the payee pays the payer, what it lacks
 * becomes a debt; at most the line's gross in all. Exactly once by (settlement, line, evidence): a repeat answers as the first did
 * (aicacctd only). approval: signed over the evidence, as many as the site's policy asks for; NULL, 0 for none. */
aic_code aic_ledger_reverse(aic_ledger *l, const char *period, uint64_t number, uint64_t line, aic_amount amount,
                            const aic_hash *evidence, const aic_approval *approval, size_t n, aic_hash *tx, uint64_t *height,
                            aic_error *err);

#define AIC_ASSET_ID_LEN 32
#define AIC_ASSETS_MAX 4096           /* that one question may name */
#define AIC_PARENTS_MAX 16
#define AIC_LICENCE_LEN 128

typedef enum { AIC_ASSET_DATA = 1, AIC_ASSET_MODEL = 2, AIC_ASSET_TRAINED = 3 } aic_asset_kind;
/* Who may read it to verify a session: training.md. */
typedef enum { AIC_VERIFY_MEMBERS = 0, AIC_VERIFY_OWNER = 1, AIC_VERIFY_NONE = 2 } aic_verify_terms;
const char *aic_asset_kind_name(uint64_t kind);     /* "data", "model", "trained" */
const char *aic_verify_terms_name(uint64_t verify); /* "members", "owner", "none" */

typedef struct {
	uint8_t id[AIC_ASSET_ID_LEN];    /* its number, big-endian */
	uint64_t kind;
	char owner[AIC_NAME_LEN];        /* local name of the wallet, else its address "0x..." */
	aic_hash content;
	char licence[AIC_LICENCE_LEN];
	uint64_t verify;
	aic_amount per_job, per_gpu_hour;
	uint64_t since, retired;         /* heights; retired 0: in use */
	uint64_t generation;             /* 1 without parents */
	size_t n_parents;
	struct { uint8_t id[AIC_ASSET_ID_LEN]; uint64_t ppm; } parent[AIC_PARENTS_MAX]; /* ascending */
} aic_ledger_asset;

typedef struct {
	size_t n;                        /* 0: nothing of that number is registered */
	aic_ledger_asset *asset;         /* owned: the asset itself, then all that it was made from */
} aic_ledger_family;
/* One family for each of the n numbers, in their order. *out is malloc'ed; free with aic_ledger_families_free. */
aic_code aic_ledger_assets(aic_ledger *l, const uint8_t (*id)[AIC_ASSET_ID_LEN], size_t n, aic_ledger_family **out, aic_error *err);
void aic_ledger_families_free(aic_ledger_family *f, size_t n);

/* Administrators, for wallets in custody. Each returns once its block is final. Registering: owner, kind, content, terms and parents
 * count, id is filled in. */
aic_code aic_ledger_asset_register(aic_ledger *l, aic_ledger_asset *a, uint64_t *height, aic_error *err);
/* Terms of a: licence, verify, per_job, per_gpu_hour. */
aic_code aic_ledger_asset_terms(aic_ledger *l, const aic_ledger_asset *a, uint64_t *height, aic_error *err);
aic_code aic_ledger_asset_transfer(aic_ledger *l, const uint8_t id[AIC_ASSET_ID_LEN], const char *to, uint64_t *height, aic_error *err);
aic_code aic_ledger_asset_retire(aic_ledger *l, const uint8_t id[AIC_ASSET_ID_LEN], uint64_t *height, aic_error *err);

/* What a fee that an asset earned comes to, for its owner and for the owners of what it was made from (economics.md 7): the amounts sum to
 * `amount`. *out is malloc'ed; one row an asset, the youngest generation first. */
typedef struct {
	uint8_t asset[AIC_ASSET_ID_LEN];
	aic_address owner;
	aic_amount amount;
} aic_ledger_share;
aic_code aic_ledger_revenue(aic_ledger *l, const uint8_t asset[32], aic_amount amount, aic_ledger_share **out, size_t *n, aic_error *err);

/* --- training sessions, doc/formats/session.md --- */

typedef enum { AIC_RUN_USER = 0, AIC_RUN_SITE = 1 } aic_session_run;
typedef enum {
	AIC_SESSION_OPEN = 0, AIC_SESSION_CLOSED = 1, AIC_SESSION_CHALLENGED = 2, AIC_SESSION_DOUBTED = 3, /* these wait */
	AIC_SESSION_UNCHALLENGED = 4, AIC_SESSION_VERIFIED = 5, AIC_SESSION_UNVERIFIABLE = 6, AIC_SESSION_UNPROVEN = 7,
	AIC_SESSION_REFUTED = 8, AIC_SESSION_WITHHELD = 9, AIC_SESSION_EXPIRED = 10, AIC_SESSION_DECOY = 11
} aic_session_state;
typedef enum { AIC_VERDICT_AGREES = 0, AIC_VERDICT_DIFFERS = 1, AIC_VERDICT_WITHHELD = 2, AIC_VERDICT_DECLINED = 3 } aic_verdict_result;
const char *aic_session_state_name(uint64_t state);   /* "open", "verified", ... */
const char *aic_verdict_result_name(uint64_t result); /* "agrees", ... */
/* What a session's seconds count in `verified` (economics.md 2), ppm; false while its lines are held. */
bool aic_session_counts(uint64_t state, uint64_t *ppm);

/* What a verifier has found. It signs all that stands before the signature, so that any site can bring it. */
typedef struct {
	aic_hash session;
	uint64_t round;
	uint8_t key[AIC_PUBLIC_LEN];
	uint64_t result, segment, step;
	aic_hash evidence;
	uint8_t signature[AIC_SIGNATURE_LEN];
} aic_verdict;
void aic_verdict_sign(aic_verdict *v, const aic_key *verifier, const aic_hash *chain);
bool aic_verdict_verify(const aic_verdict *v, const aic_hash *chain);

#define AIC_SESSION_DRAWN_MAX 11
#define AIC_SESSION_PAID_MAX 64        /* providers of one session */

typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	char provider[AIC_NAME_LEN];       /* wallet, by local name */
} aic_ledger_node;

typedef struct {
	uint64_t step;
	aic_hash chain, root;
	uint64_t height;                   /* where it stands; filled in */
} aic_ledger_commitment;

typedef struct {
	char provider[AIC_NAME_LEN];
	aic_amount fee;
	bool rated;                        /* a settlement's line was shown that pays it: session_rate */
} aic_ledger_session_fee;

typedef struct {
	bool there;
	uint64_t result, segment, step;
} aic_ledger_finding;

typedef struct {
	aic_hash id;
	char payer[AIC_NAME_LEN];          /* local name, else address */
	uint8_t site[16];
	uint64_t run, class, counts_as, shards;
	uint8_t device[32], model[32];
	size_t device_len, model_len;      /* 0 or 32; model up to 32 */
	aic_hash spec, data, code;         /* salted */
	size_t n_assets;
	uint8_t asset[16][AIC_ASSET_ID_LEN];
	/* from here on filled in by the ledger */
	aic_hash entropy;
	uint64_t opened, closed, drawn, decided; /* heights; 0: not yet */
	int64_t opened_at, closed_at, asked_at, decided_at;
	uint64_t state, checkpoints, last_step, steps, end, round, appeals;
	bool demanded;
	size_t n_segments, n_fees;
	uint64_t segment[AIC_SESSION_DRAWN_MAX];
	uint8_t verifier[AIC_PUBLIC_LEN], third[AIC_PUBLIC_LEN];
	aic_ledger_finding verdict, decision;
	aic_ledger_session_fee fee[AIC_SESSION_PAID_MAX];
} aic_ledger_session;

/* AIC's own daemons. Each returns once its block is final, so that nothing is told that could be undone, and a repeat after a failure
 * changes nothing: what stands already is answered as the first time. `s` says what is opened; id, entropy and heights come back. */
aic_code aic_ledger_session_open(aic_ledger *l, aic_ledger_session *s, const aic_ledger_node *node, size_t n, aic_error *err);
aic_code aic_ledger_session_nodes(aic_ledger *l, const aic_hash *session, const aic_ledger_node *node, size_t n, uint64_t *height, aic_error *err);
/* Checkpoints `first` and on; what stands already is skipped, and refused where it says something else. */
aic_code aic_ledger_session_commit(aic_ledger *l, const aic_hash *session, uint64_t first, const aic_ledger_commitment *c, size_t n,
                                   uint64_t *height, aic_error *err);
/* One fee for each provider that has a node in the session, in any order. */
aic_code aic_ledger_session_close(aic_ledger *l, const aic_hash *session, uint64_t steps, aic_session_end end,
                                  const aic_ledger_session_fee *fee, size_t n, uint64_t *height, aic_error *err);
/* After the settlement that pays for it: line, from 0, of (period, number); the fee is the one stated at closing, or what the line
 * has left. */
aic_code aic_ledger_session_rate(aic_ledger *l, const aic_hash *session, const char *provider, const char *period, uint64_t number,
                                 uint64_t line, uint64_t *height, aic_error *err);
aic_code aic_ledger_verdict(aic_ledger *l, const aic_verdict *v, uint64_t *height, aic_error *err);
/* Pays who judged the session, once the time is over in which a verdict can turn out to be a lie; AIC_REFUSED says why not yet or no more. */
aic_code aic_ledger_session_pay(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err);
/* Root and the user of aic.yaml. A wallet that pays for decoys, a new one, and what is bad in the sessions that it pays from now on: their
 * segment, and the first wrong step, 0 where that is not to be said. */
aic_code aic_ledger_session_decoy(aic_ledger *l, const char *wallet, uint64_t segment, uint64_t step, uint64_t *height, aic_error *err);
/* Says that a session which was judged is such a decoy. */
aic_code aic_ledger_session_reveal(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err);
/* Administrators. */
aic_code aic_ledger_session_challenge(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err);
aic_code aic_ledger_session_appeal(aic_ledger *l, const aic_hash *session, const aic_hash *reason, const aic_approval *approval, size_t n,
                                   uint64_t *height, aic_error *err);
/* A node of this site, by the name that it is registered under (aic_ledger_key_register), verifies, paid to `provider`; device: NULL for
 * class D0. provider NULL: it verifies no longer. */
aic_code aic_ledger_verifier(aic_ledger *l, const char *node, const char *provider, const uint8_t device[32], uint64_t *height, aic_error *err);

typedef enum {
	AIC_SESSIONS_ALL = 0,       /* newest first */
	AIC_SESSIONS_WAITING = 1,   /* not decided: open ones of all sites, then those closed */
	AIC_SESSIONS_ASKED = 2      /* those that a node of this site is asked to judge, once their draw is final */
} aic_sessions_which;
/* At most max; *out is malloc'ed. */
aic_code aic_ledger_sessions(aic_ledger *l, aic_sessions_which which, uint64_t max, aic_ledger_session **out, size_t *n, aic_error *err);
/* One, as it stands in this site's copy. AIC_NOT_FOUND. */
aic_code aic_ledger_session_get(aic_ledger *l, const aic_hash *session, aic_ledger_session *out, aic_error *err);
/* Its checkpoints `first` and on, at most `max` [1,024]; *out is malloc'ed. */
aic_code aic_ledger_session_commitments(aic_ledger *l, const aic_hash *session, uint64_t first, uint64_t max, aic_ledger_commitment **out,
                                        size_t *n, aic_error *err);

typedef enum { AIC_ROLE_SITE = 1, AIC_ROLE_NODE = 2, AIC_ROLE_ADMIN = 3 } aic_role;
const char *aic_role_name(aic_role role); /* "site", "node", "admin" */

typedef struct {
	char name[AIC_NAME_LEN];      /* local: it is not on the ledger */
	aic_role role;
	uint8_t key[AIC_PUBLIC_LEN];
	uint64_t since, until;        /* heights; until 0: no end */
	bool valid;                   /* at the next height */
	bool has_vrf;
	uint8_t vrf[AIC_PUBLIC_LEN];  /* of a node that draws for blocks */
} aic_ledger_key;
/* The keys that this site has registered, its own first. *approvals: how many administrators' signatures its settlements need, the
 * site's policy. *out malloc'ed. */
aic_code aic_ledger_keys(aic_ledger *l, aic_ledger_key **out, size_t *n, uint64_t *approvals, aic_error *err);
/* Root and the user of aic.yaml alone; each returns the height at which it stands. A repeat changes nothing. vrf: of a node that draws for
 * blocks, NULL for none; another one than it had takes its place. */
aic_code aic_ledger_key_register(aic_ledger *l, const char *name, aic_role role, const uint8_t key[AIC_PUBLIC_LEN], uint64_t until,
                                 const uint8_t *vrf, uint64_t *height, aic_error *err);
/* By local name or 64 hexadecimal digits. */
aic_code aic_ledger_key_revoke(aic_ledger *l, const char *name, uint64_t *height, aic_error *err);
/* The daemon makes a new site key, has the old one name it its successor, and goes on with it. */
aic_code aic_ledger_key_rotate(aic_ledger *l, uint8_t key[AIC_PUBLIC_LEN], uint64_t *height, aic_error *err);
/* This site's vote that the member `site` (its id, 16 bytes) has lost its key and goes on with another one. Equal votes add up to the
 * quorum: *passed. */
aic_code aic_ledger_key_replace(aic_ledger *l, const uint8_t site[16], const uint8_t key[AIC_PUBLIC_LEN], uint64_t expires,
                                uint64_t *height, bool *passed, aic_error *err);
aic_code aic_ledger_policy_set(aic_ledger *l, uint64_t approvals, uint64_t *height, aic_error *err);

typedef struct {
	uint64_t height;
	int64_t time;
	char event[24];               /* Transfer, Settlement, ... */
	char from[AIC_NAME_LEN], to[AIC_NAME_LEN]; /* local names, else hexadecimal addresses; "" for none */
	aic_amount amount;
	char note[AIC_NAME_LEN];      /* settlement key, transaction id's start ... */
} aic_ledger_event;
/* Events that touch the wallet (newest first, at most max); *out malloc'ed. */
aic_code aic_ledger_history(aic_ledger *l, const char *wallet, uint64_t max, aic_ledger_event **out, size_t *n, aic_error *err);

/* The newest final block as a note signed by this site (ledger-checkpoint.md), appended to note. */
aic_code aic_ledger_checkpoint(aic_ledger *l, aic_bytes *note, aic_error *err);

typedef struct {
	uint64_t height; aic_hash head; aic_hash state_root; uint64_t transactions; int64_t time; uint64_t final_height; char chain[65];
	char log[768];                /* why the log is not followed and nothing can be written; "": all is well */
	uint64_t log_first;           /* lowest height that the log still holds */
	uint64_t used, quota;         /* bytes that a shared log's store takes, and at which it takes no more; 0: not known, no bound */
	bool full;
	uint64_t nodes;               /* that draw for the next block */
} aic_ledger_status;
aic_code aic_ledger_status_get(aic_ledger *l, aic_ledger_status *out, aic_error *err);

/* Compares the log with this site's copy, and restores it from there where apply is set (administrators only); then ask for what
 * has become of it until it is done. ledger/reseed.h says what the figures mean. */
typedef struct {
	bool done, needed, empty;     /* empty: the log was, and found means nothing */
	uint64_t found, restored, from, missing, different, dropped;
} aic_ledger_reseed;
aic_code aic_ledger_reseed_begin(aic_ledger *l, bool apply, aic_error *err);
aic_code aic_ledger_reseed_get(aic_ledger *l, aic_ledger_reseed *out, aic_error *err);

#endif
