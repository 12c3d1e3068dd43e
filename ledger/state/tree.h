/* tree.h: the sparse Merkle tree that holds the state, kept in SQLite, updated only where it is touched.
 *
 * A set of (32-byte key, value) pairs, the key a SHA-256. Its root depends on the set alone:
 *
 *     H(empty)     = 32 zero bytes
 *     H(one leaf)  = SHA-256(0x00 || key || value)
 *     H(more)      = SHA-256(0x01 || H(keys whose next bit is 0) || H(keys whose next bit is 1))
 *
 * bits counted from the most significant of byte 0. In memory and on disk some 32 rows make a bucket, 16 places a branch above them
 * (tree_node.h); a flush logs what changed and writes pages little by little (tree_store.h), so that a changed row costs its own
 * bytes and not those of its page. Changes stay in memory, with a journal to undo them, until aic_tree_flush(). */
#ifndef AIC_LEDGER_TREE_H
#define AIC_LEDGER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"
#include "ledger/db.h"

typedef struct aic_tree aic_tree;

/* The database is borrowed and must outlive the tree; its tables `page` and `change` are made where they are missing and db can be
 * written. durable: what is flushed and committed is there when it is opened again; else the disk only takes what memory does not
 * hold. */
aic_code aic_tree_open(aic_tree **t, sqlite3 *db, bool durable, aic_error *err);
/* How many bytes of unchanged rows may stay in memory between flushes; an eighth of the machine's unless told. */
void aic_tree_limit(aic_tree *t, size_t bytes);
void aic_tree_close(aic_tree *t);

/* AIC_NOT_FOUND (err untouched) for an absent key. *value is borrowed until the next change of the tree. */
aic_code aic_tree_get(aic_tree *t, const aic_hash *key, const uint8_t **value, size_t *len, aic_error *err);
/* Has the processor fetch what these keys lead to, as far as it is in memory; a handful of keys at a time. */
void aic_tree_prefetch(const aic_tree *t, const aic_hash *key, size_t n);
aic_code aic_tree_put(aic_tree *t, const aic_hash *key, const void *value, size_t len, aic_error *err);
aic_code aic_tree_delete(aic_tree *t, const aic_hash *key, aic_error *err); /* absent: nothing happens */

/* A place in the journal, and the return to it. Undoing cannot fail. */
size_t aic_tree_mark(const aic_tree *t);
void aic_tree_undo(aic_tree *t, size_t mark);

/* The root of what is in memory now. */
aic_code aic_tree_root(aic_tree *t, aic_hash *root, aic_error *err);
/* Writes what changed inside the caller's transaction, empties the journal. */
aic_code aic_tree_flush(aic_tree *t, aic_hash *root, aic_error *err);
/* Forgets everything in memory: after a transaction that failed, the disk counts. */
void aic_tree_forget(aic_tree *t);

/* Proof that a row is in the set: the hashes beside the way from the root to it, the root's own two halves first. AIC_NOT_FOUND (err
 * untouched) for an absent key. */
#define AIC_TREE_PATH_MAX 256
aic_code aic_tree_prove(aic_tree *t, const aic_hash *key, aic_hash path[AIC_TREE_PATH_MAX], size_t *n, aic_error *err);
/* Whether the row and the path make that root. */
bool aic_tree_check(const aic_hash *root, const aic_hash *key, const void *value, size_t len, const aic_hash *path, size_t n);

/* Reads every page on disk and recomputes every hash: AIC_CORRUPT names the page that does not fit. The root that comes
 * out is to be compared with one that is known: what the log changed is only seen in it. */
aic_code aic_tree_audit(aic_tree *t, aic_hash *root, uint64_t *rows, aic_error *err);
/* Calls visit for each row in order of key; a visit that does not return AIC_OK ends the walk with its code. */
typedef aic_code (*aic_tree_visit)(void *ctx, const aic_hash *key, const uint8_t *value, size_t len, aic_error *err);
aic_code aic_tree_walk(aic_tree *t, aic_tree_visit visit, void *ctx, aic_error *err);

#endif
