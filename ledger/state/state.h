/* state.h: one site's copy of the ledger: the state tree, the blocks that made it, and what is looked up in them.
 *
 * A block is executed in memory (begin, execute ...) and then committed, its bytes and its effects in one SQLite
 * transaction, or discarded without trace. doc/formats/state.md draws the tables. */
#ifndef AIC_LEDGER_STATE_H
#define AIC_LEDGER_STATE_H

#include <stdint.h>

#include "common/crypto.h"
#include "common/merkle.h"
#include "ledger/db.h"
#include "ledger/state/event.h"
#include "ledger/state/row.h"
#include "ledger/transaction.h"
#include "ledger/state/tree.h"

typedef struct aic_state aic_state;

typedef struct {
	aic_hash chain;          /* SHA-256 of the canonical genesis */
	uint64_t height;         /* of the last block applied; 0: genesis alone */
	aic_hash hash;           /* of that block */
	aic_hash root;           /* state root after it */
	int64_t time;
	uint64_t transactions;   /* since genesis */
	aic_frontier blocks;     /* over blocks 0..height */
} aic_head;

/* Opens or makes the database. A new one is empty until aic_state_genesis(). */
aic_code aic_state_open(aic_state **s, const char *path, aic_db_mode mode, aic_error *err);
/* Read-only, all reads from one moment, however long the daemon goes on writing. */
aic_code aic_state_open_snapshot(aic_state **s, const char *path, aic_error *err);
/* For replays: nothing survives, and of the blocks only the newest can be asked for, without its bytes. */
aic_code aic_state_open_replay(aic_state **s, const char *path, aic_error *err);
void aic_state_close(aic_state *s);
bool aic_state_is_empty(const aic_state *s);
const aic_head *aic_state_head(const aic_state *s);
/* The connection, for queries of this room (and for tests that fill the disk). */
sqlite3 *aic_state_db(aic_state *s);
aic_tree *aic_state_tree(aic_state *s);

/* How many blocks of nodes, their draws checked, have been applied since it was opened. */
uint64_t aic_state_drawn(const aic_state *s);

/* --- making a block --- */
void aic_state_begin(aic_state *s, uint64_t height, int64_t time);
/* Which site makes it, or whose node: nobody, unless told after begin. */
void aic_state_generator(aic_state *s, const aic_id *generator);
/* The output of its draw, where it has one: likewise. */
void aic_state_draw(aic_state *s, const void *output, size_t len);
/* Executes one transaction; where it fails it leaves no trace and the block goes on without it. */
aic_code aic_state_execute(aic_state *s, const void *tx, size_t len, aic_error *err);
/* The roots of what was executed since begin. */
aic_hash aic_state_transactions_root(const aic_state *s);
aic_hash aic_state_events_root(const aic_state *s);
size_t aic_state_pending(const aic_state *s); /* transactions since begin */
/* How often this copy could not be read or written: what then fails says nothing about a block or a transaction. */
uint64_t aic_state_failures(const aic_state *s);
void aic_state_failed(aic_state *s); /* counts one */
int64_t aic_state_time(const aic_state *s);   /* that begin was given */

void aic_state_discard(aic_state *s);
/* Writes block and effects. `valid` false: an invalid candidate, which changes nothing but the height (discard first). */
aic_code aic_state_commit(aic_state *s, const aic_hash *hash, const void *block, size_t len, bool valid, aic_error *err);

/* --- what executors use --- */
typedef struct {
	aic_state *state;
	const aic_transaction *tx;
	aic_key_row signer;
	uint64_t height;
	int64_t time;            /* of the block */
	uint64_t index;          /* of the transaction in its block */
} aic_exec;

aic_code aic_state_get(aic_state *s, aic_table_id table, const void *key, size_t key_len, const uint8_t **value, size_t *len,
                       aic_error *err); /* as aic_tree_get */
aic_code aic_state_put(aic_state *s, aic_table_id table, const void *key, size_t key_len, const aic_bytes *value, aic_error *err);
aic_code aic_state_delete(aic_state *s, aic_table_id table, const void *key, size_t key_len, aic_error *err);
/* Typed rows: AIC_NOT_FOUND leaves err untouched; a row that cannot be read is AIC_CORRUPT. */
aic_code aic_state_parameters(aic_state *s, aic_parameters *p, aic_error *err);
aic_code aic_state_totals(aic_state *s, aic_totals *t, aic_error *err);
aic_code aic_state_totals_put(aic_state *s, const aic_totals *t, aic_error *err);
aic_code aic_state_member(aic_state *s, const aic_id *site, aic_member *m, aic_error *err);
aic_code aic_state_member_put(aic_state *s, const aic_id *site, const aic_member *m, aic_error *err);
aic_code aic_state_key(aic_state *s, const uint8_t *key, aic_key_row *k, aic_error *err);
aic_code aic_state_key_put(aic_state *s, const uint8_t *key, const aic_key_row *k, aic_error *err);
aic_code aic_state_wallet(aic_state *s, const aic_address *a, aic_wallet *w, aic_error *err);
aic_code aic_state_wallet_put(aic_state *s, const aic_address *a, const aic_wallet *w, aic_error *err);
/* The same by the row's key in the tree, for those who need a row more than once. */
aic_code aic_state_wallet_at(aic_state *s, const aic_hash *key, aic_wallet *w, aic_error *err);
aic_code aic_state_wallet_put_at(aic_state *s, const aic_hash *key, const aic_wallet *w, aic_error *err);
aic_code aic_state_settlement(aic_state *s, const aic_id *site, const char *period, uint64_t number, aic_settlement_row *row,
                              aic_error *err);
aic_code aic_state_settlement_put(aic_state *s, const aic_id *site, const char *period, uint64_t number,
                                  const aic_settlement_row *row, aic_error *err);
/* Records an event; that a wallet (not the zero address) was touched, which puts the block into its history; both, of a and b. */
void aic_state_log(aic_state *s, uint64_t kind, const aic_address *a, const aic_address *b, aic_u256 value, const char *note);
void aic_state_touch(aic_state *s, const aic_address *a);
void aic_state_emit(aic_state *s, uint64_t kind, const aic_address *a, const aic_address *b, aic_u256 value, const char *note);
/* Appends to the result of the transaction that executes. */
aic_bytes *aic_state_result_out(aic_state *s);
/* beacon.c: the beacon after the block that was applied last, or of the block in the making; and its next value, by the output of
 * that block's VRF (empty: it has no draw). */
aic_code aic_state_beacon(aic_state *s, aic_hash *out, aic_error *err);
aic_code aic_state_beacon_advance(aic_state *s, const void *output, size_t len, aic_error *err);

/* --- queries --- */
/* The bytes of a block as ordered, and whether it was valid; genesis at height 0. */
aic_code aic_state_block(aic_state *s, uint64_t height, aic_bytes *block, aic_hash *hash, bool *valid, aic_error *err);
/* Where a transaction is, and its result. */
aic_code aic_state_find_tx(aic_state *s, const aic_hash *id, uint64_t *height, uint64_t *index, aic_bytes *result, aic_error *err);
/* Events of a block, in order, as concatenated CBOR. */
aic_code aic_state_events(aic_state *s, uint64_t height, aic_bytes *events, int64_t *time, aic_error *err);
/* The newest height at or below `from` at which the wallet (or one that shares its first 8 bytes) was touched; AIC_NOT_FOUND
 * where there is none. */
aic_code aic_state_touched(aic_state *s, const aic_address *a, uint64_t from, uint64_t *height, aic_error *err);
aic_code aic_state_hash_at(aic_state *s, uint64_t height, aic_hash *hash, aic_error *err);
aic_code aic_state_root_at(aic_state *s, uint64_t height, aic_hash *root, aic_error *err);

/* Writes the first rows; genesis.h. */
aic_code aic_state_commit_genesis(aic_state *s, const aic_hash *chain, int64_t time, const void *genesis, size_t len,
                                  aic_error *err);

#endif
