/* session_call.h: what a training tells aicacctd of its session, and what it is answered (doc/formats/rpc-accounting.md, "Sessions").
 *
 * Each message has a put, for who asks, and a get, for who serves; a call does the whole, for who asks. What a session is on the ledger:
 * doc/formats/session.md. */
#ifndef AIC_SESSION_CALL_H
#define AIC_SESSION_CALL_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/cbor.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/record.h"
#include "common/rpc.h"

#define AIC_SESSION_TOKEN_LEN 16
#define AIC_SESSION_ASSETS_MAX 16
#define AIC_SESSION_SHARDS_MAX 65536
#define AIC_SESSION_COMMIT_MAX 1024 /* checkpoints that one call commits */

typedef enum { AIC_CLASS_D0 = 0, AIC_CLASS_D1 = 1, AIC_CLASS_D2 = 2 } aic_session_class;
typedef enum { AIC_END_DONE = 0, AIC_END_FAILED = 1, AIC_END_STOPPED = 2 } aic_session_end;

/* SHA-256("aic/salted/v1" || salt || SHA-256 of the thing). */
aic_hash aic_session_salted(const uint8_t salt[32], const aic_hash *thing);
/* The seed that a session's training runs with. */
uint64_t aic_session_seed(uint64_t spec_seed, const aic_hash *session, const aic_hash *entropy);

/* The step that trains, as Slurm numbers it; restart counts the job's requeues. */
typedef struct {
	char cluster[AIC_NAME_LEN];
	uint32_t job, step, restart;
} aic_job_step;

typedef struct {
	uint8_t token[AIC_SESSION_TOKEN_LEN]; /* random, one for a run; a repeat is answered as the first was */
	aic_job_step step;
	uint32_t determinism;                 /* aic_session_class */
	size_t device_len;                    /* 0, or 32 for class D1 */
	uint8_t device[AIC_HASH_LEN];
	uint32_t shards;                      /* a power of two */
	aic_hash spec, data, code;            /* salted */
	char model[AIC_NAME_LEN];             /* name of the asset that the blocks carry as model; "": none */
	size_t n_assets;
	char asset[AIC_SESSION_ASSETS_MAX][AIC_NAME_LEN]; /* names of the data sets and models that are read */
} aic_session_opening;

typedef struct {
	aic_hash session, entropy;
} aic_session_opened;

typedef struct {
	uint64_t step;                        /* steps done */
	aic_hash chain, root;
} aic_committed;

/* Who speaks for a session has the token of its opening: AIC's own user, who delivers what a job left in its folder, too. */
typedef struct {
	aic_hash session;
	uint8_t token[AIC_SESSION_TOKEN_LEN];
} aic_session_name;

typedef struct {
	aic_session_name name;
	uint64_t first;                       /* number of the first */
	size_t n;                             /* 1 .. AIC_SESSION_COMMIT_MAX */
	aic_committed *checkpoint;   /* the caller's in put; owned in get, free() it */
} aic_session_commitment;

typedef struct {
	aic_session_name name;
	uint64_t steps;
	uint32_t end;                         /* aic_session_end */
} aic_session_closing;

/* --- requests: put writes operation and arguments; get reads the arguments to their end and checks them --- */
void aic_session_open_put(aic_bytes *out, const aic_session_opening *o);
aic_code aic_session_open_get(aic_session_opening *o, aic_cbor *args, aic_error *err);
void aic_session_nodes_put(aic_bytes *out, const aic_session_name *name, const aic_job_step *step);
aic_code aic_session_nodes_get(aic_session_name *name, aic_job_step *step, aic_cbor *args, aic_error *err);
void aic_session_commit_put(aic_bytes *out, const aic_session_commitment *c);
aic_code aic_session_commit_get(aic_session_commitment *c, aic_cbor *args, aic_error *err);
void aic_session_close_put(aic_bytes *out, const aic_session_closing *c);
aic_code aic_session_close_get(aic_session_closing *c, aic_cbor *args, aic_error *err);

/* The answer to session-open; its items, for aic_rpc_handler, are AIC_SESSION_OPENED_ITEMS. */
#define AIC_SESSION_OPENED_ITEMS 2
void aic_session_opened_put(aic_bytes *out, const aic_session_opened *o);

/* --- the whole call: until the answer is there, AIC_UNREACHABLE after the connection's timeout (what was asked for may still come) --- */
aic_code aic_session_call_open(aic_rpc *rpc, const aic_session_opening *o, aic_session_opened *answer, aic_error *err);
aic_code aic_session_call_nodes(aic_rpc *rpc, const aic_session_name *name, const aic_job_step *step, aic_error *err);
/* *stand: how many checkpoints stand now; those of the call that stood already are passed over. */
aic_code aic_session_call_commit(aic_rpc *rpc, const aic_session_commitment *c, uint64_t *stand, aic_error *err);
aic_code aic_session_call_close(aic_rpc *rpc, const aic_session_closing *c, aic_error *err);

#endif
