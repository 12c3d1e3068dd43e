/* tree_page.h: four levels of the state tree as they lie in memory and on disk; for tree.c alone. */
#ifndef AIC_LEDGER_TREE_PAGE_H
#define AIC_LEDGER_TREE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"

#define SLOTS 16

typedef struct page page;

typedef enum { EMPTY, LEAF, CHILD } slot_kind;

typedef struct {
	slot_kind kind;
	aic_hash hash;           /* of the leaf, or of the page below (valid unless that page is dirty) */
	union {
		struct {
			aic_hash key;
			uint8_t *value;
			uint32_t len;
		} leaf;
		struct {
			int64_t id;
			page *page; /* NULL while it is only on disk */
		} child;
	} u;
} slot;

struct page {
	int64_t id;
	uint64_t used;           /* flush during which it was last wanted */
	bool dirty;
	slot slot[SLOTS];
};

/* On disk: per slot its kind, then the hash, then key, u32 length and value, or the u64 number of the page below. */
void aic_page_encode(const page *p, aic_bytes *out);
/* Into an empty page. False for bytes that no encoder wrote; what was read by then is in the page, to be freed. */
bool aic_page_decode(page *p, const uint8_t *data, size_t len);

aic_hash aic_page_leaf_hash(const aic_hash *key, const void *value, size_t len);
/* Hash of a page whose slots' hashes are right; *rows counts leaves as 0, 1 or 2 for "more". */
aic_hash aic_page_hash(const page *p, int *rows);

#endif
