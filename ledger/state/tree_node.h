/* tree_node.h: the state tree as it lies in memory; for tree*.c alone.
 *
 * A bucket holds up to BUCKET_MAX rows that share a prefix of whole nibbles; one that overflows becomes a branch over 16 buckets.
 * Hashes are kept beside what they cover and renewed only along what changed. */
#ifndef AIC_LEDGER_TREE_NODE_H
#define AIC_LEDGER_TREE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"

#define FANOUT 16
#define BUCKET_MAX 32 /* rows; bits of a bucket's masks */
#define DEPTH_MAX 15  /* nibbles that a page's number can hold */

typedef struct node node;
typedef struct bucket bucket;
typedef struct branch branch;

/* What stands above a node: in its branch, or at the top of the tree. */
typedef struct {
	aic_hash hash;           /* of the rows below, where not stale */
	node *node;              /* NULL while it is only on disk, or where nothing is there */
	bool there;              /* there is a page, be it an empty one */
	bool stale;
	bool changed;            /* rows below changed since the last flush */
	uint8_t rows;            /* 0, 1, or 2 for more; where not stale */
} slot;

struct node {
	bool is_branch;
	bool unsaved;            /* differs from its page on disk */
	bool fresh;              /* has never had a page at all */
	uint64_t used;           /* flush during which it was last wanted */
};

/* In the heap a row lies as it is hashed: 0x00, key, value. */
typedef struct {
	aic_hash leaf;           /* hash of the row, where the bucket's mask `hashed` says so */
	aic_hash gap;            /* hash of the node at which this row and the next one part, where all rows under it are hashed */
	uint32_t at, len;        /* in the heap; len is the value's */
} row;

#define ROW_HEAD (1 + AIC_HASH_LEN)

struct bucket {
	node head;
	uint32_t hashed;         /* rows whose leaf counts */
	uint32_t changed;        /* rows changed since the last flush */
	uint32_t n, cap;
	uint64_t first[BUCKET_MAX]; /* first 64 bits of each key: a search reads these alone */
	row *row;                /* keys ascending */
	uint8_t *heap;
	uint32_t heap_len, heap_cap, wasted;
};

struct branch {
	node head;
	uint16_t stale;          /* slots whose hash `inner` does not know yet */
	slot slot[FANOUT];
	aic_hash inner[FANOUT];  /* 1: over all slots, 2 and 3 over halves ... 8 to 15 over pairs */
	uint8_t rows[FANOUT];    /* below those: 0, 1, or 2 for more */
};

/* memory counts the bytes of all nodes. */
bucket *aic_bucket_new(size_t *memory);
branch *aic_branch_new(size_t *memory);
/* Its children go too, as far as they are in memory. */
void aic_node_free(node *n, size_t *memory);

/* Position of the key, or of the first greater one. */
uint32_t aic_bucket_find(const bucket *b, const aic_hash *key, bool *found);
const aic_hash *aic_bucket_key(const bucket *b, uint32_t i);
const uint8_t *aic_bucket_value(const bucket *b, uint32_t i, size_t *len);
void aic_bucket_replace(bucket *b, uint32_t i, const void *value, size_t len, size_t *memory);
/* b->n must be below BUCKET_MAX. */
void aic_bucket_insert(bucket *b, uint32_t i, const aic_hash *key, const void *value, size_t len, size_t *memory);
void aic_bucket_remove(bucket *b, uint32_t i);
/* The branch that takes its place, at that depth; b is freed. */
branch *aic_bucket_split(bucket *b, int depth, size_t *memory);

/* Renews the hashes under the slot where they are stale. log, if given, gets each row that changed since the last call with a log,
 * keys ascending: key, u32 BE length, value. */
void aic_slot_refresh(slot *s, int depth, aic_bytes *log);
/* The hash of a node and its rows (0, 1, 2), computed from rows and from the slots' hashes, nothing taken from memory. */
aic_hash aic_node_hash(const node *n, int depth, uint8_t *rows);

/* Of a node that is fresh (aic_slot_refresh) and below which that key's row is: the hashes beside the way to it, from the node's own
 * bit down to where the row stands alone, or to the next node. Returns their number, at most 256 - 4 * depth. */
size_t aic_node_path(node *n, const aic_hash *key, int depth, aic_hash *path);

/* On disk: 'B', u16 BE rows, each key, u32 BE length, value; or 'T', and per slot 0 for nothing, or 1, rows (0 to 2), hash. */
void aic_node_encode(const node *n, aic_bytes *out);
/* NULL for bytes that no encoder wrote. */
node *aic_node_decode(const uint8_t *data, size_t len, size_t *memory);

int aic_key_nibble(const aic_hash *key, int depth);

#endif
