/* tree_store.h: the state tree on disk: pages and the log of changes; for tree*.c alone.
 *
 *     page(id, data)       a node; id = 1 followed by the nibbles of its prefix
 *     change(id, data)     what one flush changed: [key, u32 BE length, value]*, a length of 2^32 - 1 for a row that went
 *
 * A flush appends its changes to the log and writes only those pages whose prefix the cursor passes, which moves over all keys in
 * turn, the faster the more was changed. A change leaves the log once the cursor has passed everything since. What a page on disk
 * lacks is therefore always in the log, which is read into memory when the tree is opened. */
#ifndef AIC_LEDGER_TREE_STORE_H
#define AIC_LEDGER_TREE_STORE_H

#include "ledger/state/tree.h"
#include "ledger/state/tree_node.h"

typedef struct {
	aic_hash key;
	bool existed;
	size_t at, len;          /* the former value, in `former` */
} change;

struct aic_tree {
	sqlite3 *db;
	sqlite3_stmt *read, *write, *log, *trim;
	slot top;
	uint64_t flushes;
	size_t memory, memory_max;
	bool logging;            /* not in a scratch database */
	uint64_t cursor;         /* first 64 bits of the keys that it has come to */
	int64_t logged, trimmed; /* newest number in the log; up to which the next pass may forget it */
	size_t log_bytes;        /* of one flush */
	aic_bytes buf;
	change *journal;
	size_t n_journal, cap_journal;
	aic_bytes former;
	bool undoing;
};

/* The node of a slot that has one, read where it is only on disk. prefix: of any key below it. */
aic_code aic_tree_load(aic_tree *t, slot *s, const aic_hash *prefix, int depth, aic_error *err);
/* What is on disk under that place, owned by the caller and not put into the slot. */
aic_code aic_tree_read(aic_tree *t, const aic_hash *prefix, int depth, node **n, aic_error *err);
/* The top, and the changes that pages lack. */
aic_code aic_tree_load_all(aic_tree *t, aic_error *err);
/* After a refresh: appends t->buf to the log, writes the pages that are due, makes room. */
aic_code aic_tree_store(aic_tree *t, aic_error *err);

#endif
