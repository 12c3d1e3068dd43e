/* service_operation.h: what the files that hold aicledgerd's operations share. */
#ifndef AIC_LEDGER_SERVICE_OPERATION_H
#define AIC_LEDGER_SERVICE_OPERATION_H

#include "ledger/service.h"
#include "ledger/state/session.h"

typedef struct {
	aic_service *s;
	const aic_rpc_caller *who;
	aic_cbor *args;
	aic_bytes *out;
	size_t items;     /* that were written to out */
	uint64_t resume;  /* the ticket that an earlier attempt at this very request was given; 0: it is the first */
	uint64_t waiting; /* the ticket under which it waits for its block; 0: it does not */
} aic_request;

/* service_post.c: puts a transaction of this site onto the ledger. AIC_OK once it is in a block. Where that needs more time the
 * request waits: it fails with the reason, r->waiting is its ticket, and the caller is told to resume it. */
aic_code aic_service_post(aic_request *r, uint64_t kind, const aic_bytes *body, aic_posted *posted, aic_error *err);
/* The operation that `resume` names, its arguments behind it in r->args. */
aic_code aic_service_resume(aic_request *r, char op[32], aic_error *err);
/* The answer to who has to wait. */
void aic_service_say_waiting(aic_request *r, size_t start, const aic_error *why);

/* service_open.c: opens the chain, or leaves in s->log why that has to wait. A failure that waiting does not mend is returned. */
aic_code aic_service_start(aic_service *s, aic_error *err);

/* service_settle.c. */
aic_code aic_op_settlement(aic_request *r, aic_error *err);
aic_code aic_op_settle(aic_request *r, aic_error *err);
aic_code aic_op_preview(aic_request *r, aic_error *err);
aic_code aic_op_reverse(aic_request *r, aic_error *err);
/* A settlement of this site: its row, and its body appended to *body. */
aic_code aic_service_settlement(aic_service *s, const char *period, uint64_t number, aic_settlement_row *row, aic_bytes *body, aic_error *err);
/* service_reseed.c: `aic ledger reseed`. */
aic_code aic_op_reseed(aic_request *r, aic_error *err);
aic_code aic_op_reseed_result(aic_request *r, aic_error *err);
/* Waits for its thread. */
void aic_service_reseed_end(aic_service *s);

/* service_asset.c. */
aic_code aic_op_revenue(aic_request *r, aic_error *err);
aic_code aic_op_assets(aic_request *r, aic_error *err);
aic_code aic_op_asset_register(aic_request *r, aic_error *err);
aic_code aic_op_asset_terms(aic_request *r, aic_error *err);
aic_code aic_op_asset_transfer(aic_request *r, aic_error *err);
aic_code aic_op_asset_retire(aic_request *r, aic_error *err);
/* service_session.c. */
aic_code aic_op_session_open(aic_request *r, aic_error *err);
aic_code aic_op_session_nodes(aic_request *r, aic_error *err);
aic_code aic_op_session_commit(aic_request *r, aic_error *err);
aic_code aic_op_session_close(aic_request *r, aic_error *err);
aic_code aic_op_session_challenge(aic_request *r, aic_error *err);
aic_code aic_op_session_appeal(aic_request *r, aic_error *err);
aic_code aic_op_session_rate(aic_request *r, aic_error *err);
aic_code aic_op_verdict(aic_request *r, aic_error *err);
aic_code aic_op_verifier(aic_request *r, aic_error *err);
/* What follows a session's transaction: the answer, and the log's line. `session` NULL: it is the transaction's own. */
aic_code aic_service_session_post(aic_request *r, uint64_t kind, aic_bytes *body, const aic_hash *session, aic_error *err);
aic_code aic_service_session_answer(aic_request *r, const aic_hash *tx, uint64_t height);
/* service_claim.c: now and then. */
void aic_service_claim(aic_service *s);
/* service_decoy.c. */
/* The mark of a session that is about to be opened. */
aic_code aic_service_mark(aic_service *s, aic_session *o, const char *payer, aic_error *err);
aic_code aic_op_session_decoy(aic_request *r, aic_error *err);
aic_code aic_op_session_reveal(aic_request *r, aic_error *err);
aic_code aic_op_session_pay(aic_request *r, aic_error *err);
/* service_session_read.c. */
aic_code aic_op_session(aic_request *r, aic_error *err);
aic_code aic_op_sessions(aic_request *r, aic_error *err);
aic_code aic_op_session_commitments(aic_request *r, aic_error *err);
/* service_node.c */
aic_code aic_op_node_wait(aic_request *r, aic_error *err);
aic_code aic_op_node_draw(aic_request *r, aic_error *err);
aic_code aic_op_node_sign(aic_request *r, aic_error *err);

/* service_key.c: `aic key`. */
aic_code aic_op_keys(aic_request *r, aic_error *err);
aic_code aic_op_key_register(aic_request *r, aic_error *err);
aic_code aic_op_key_revoke(aic_request *r, aic_error *err);
aic_code aic_op_key_rotate(aic_request *r, aic_error *err);
aic_code aic_op_key_replace(aic_request *r, aic_error *err);
aic_code aic_op_policy(aic_request *r, aic_error *err);

/* service_checkpoint.c */
aic_code aic_op_checkpoint(aic_request *r, aic_error *err);

#endif
