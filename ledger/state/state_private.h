/* state_private.h: what state.c and state_store.c share. */
#ifndef AIC_LEDGER_STATE_PRIVATE_H
#define AIC_LEDGER_STATE_PRIVATE_H

#include "ledger/state/state.h"
#include "ledger/state/touch.h"

typedef struct {
	aic_hash id;
	size_t result_end; /* in results */
} pending_tx;

struct aic_state {
	sqlite3 *db;
	aic_tree *tree;
	aic_touch *touch;
	sqlite3_stmt *put_head, *put_block, *put_tx, *get_block, *get_tx;
	bool empty, replay;
	uint64_t failures;       /* to read or write a row, by this copy's own fault */
	aic_head head;
	bool last_valid;         /* of the newest block, and its events, where `replay` */
	aic_bytes last_events;
	/* the block in the making */
	uint64_t height;
	int64_t time;
	aic_frontier tx_leaves, event_leaves;
	aic_bytes events, results;
	pending_tx *tx;
	size_t n_tx, cap_tx;
	aic_address *touched;
	size_t n_touched, cap_touched;
	aic_id generator;        /* of the block */
	uint64_t drawn;          /* blocks by nodes, since it was opened */
	aic_bytes draw;          /* output of its VRF; empty: a site's block */
	aic_bytes sessions;      /* that it opened */
	aic_bytes paths;         /* keys of rows whose paths are kept */
};

#endif
