/* order.h: the log that puts blocks in order, and a small board of attestations. Narrow on purpose: an engine that can
 * compare-and-put and list is enough. Bytes are opaque here; whether a block is valid is for the state to say.
 *
 * The log may be a window: it holds the blocks from some height on (space.first), those below are in the sites' archives.
 *
 * The log is trusted to order, never to be honest: the caller checks what it reads. */
#ifndef AIC_LEDGER_ORDER_H
#define AIC_LEDGER_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "ledger/state/row.h"

typedef struct {
	bool empty;              /* nothing yet, not even genesis */
	uint64_t height;
	aic_hash hash;           /* name of the block there, as its appender gave it */
} aic_order_head;

/* Called for each block in ascending order; another code than AIC_OK ends the reading with it. */
typedef aic_code (*aic_order_visit)(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err);
typedef aic_code (*aic_order_attested)(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err);

/* Appends the block of that height to `block`, and says its name. */
typedef aic_code (*aic_order_source)(void *ctx, uint64_t height, aic_bytes *block, aic_hash *hash, aic_error *err);

typedef struct {
	uint64_t first;          /* lowest height that the log still holds; head + 1 where it holds no block */
	uint64_t used, in_use;   /* bytes that the engine's store takes, and of those the ones in use; of its fullest member */
	uint64_t quota;          /* bytes at which it takes no more; 0: no such bound */
	bool full;               /* that was reached, and nothing is written until somebody makes room */
} aic_order_space;

typedef struct aic_order aic_order;

/* What a backend supplies; everything behind `self`. All may fail with AIC_UNREACHABLE: then nothing is known. */
typedef struct {
	aic_code (*head)(void *self, aic_order_head *head, aic_error *err);
	aic_code (*append_if_head)(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
	                           aic_error *err);
	aic_code (*read)(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err);
	aic_code (*watch)(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err);
	aic_code (*attest)(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err);
	aic_code (*attestations)(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err);
	aic_code (*acknowledge)(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err);
	aic_code (*acknowledgements)(void *self, aic_order_attested visit, void *ctx, aic_error *err);
	aic_code (*prune)(void *self, const aic_id *site, uint64_t below, aic_error *err);
	aic_code (*space)(void *self, aic_order_space *space, aic_error *err);
	aic_code (*restore)(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
	                    aic_order_source source, void *ctx, aic_error *err);
	void (*close)(void *self);
} aic_order_backend;

struct aic_order {
	const aic_order_backend *backend;
	void *self;
};

static inline aic_code aic_order_head_get(aic_order *o, aic_order_head *head, aic_error *err)
{
	return o->backend->head(o->self, head, err);
}

/* Durable when it returns AIC_OK. AIC_REFUSED: the head is another one by now (read on and build anew). After
 * AIC_UNREACHABLE compare the log at expected + 1 with these bytes before anything else. The first append (expected empty)
 * is genesis, height 0. */
static inline aic_code aic_order_append_if_head(aic_order *o, const aic_order_head *expected, const aic_hash *hash,
                                                const void *block, size_t len, aic_error *err)
{
	return o->backend->append_if_head(o->self, expected, hash, block, len, err);
}

/* At most n blocks from height `from`; fewer where the log ends, or where it takes long: go on from there. AIC_NOT_FOUND: the log holds nothing as low as `from` any
 * more, ask an archive. AIC_CORRUPT: a block is missing in the midst of the log. */
static inline aic_code aic_order_read(aic_order *o, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	return o->backend->read(o->self, from, n, visit, ctx, err);
}

/* Waits until there is a block at `from`, at most timeout_ms. */
static inline aic_code aic_order_watch(aic_order *o, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	return o->backend->watch(o->self, from, timeout_ms, more, err);
}

/* One per site and height. Repeating the same bytes is fine; others are refused. */
static inline aic_code aic_order_attest(aic_order *o, const aic_id *site, uint64_t height, const void *bytes, size_t len,
                                        aic_error *err)
{
	return o->backend->attest(o->self, site, height, bytes, len, err);
}

static inline aic_code aic_order_attestations(aic_order *o, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	return o->backend->attestations(o->self, height, visit, ctx, err);
}

/* A site's word on how far its archive goes: one each, and a new one replaces the old one. */
static inline aic_code aic_order_acknowledge(aic_order *o, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	return o->backend->acknowledge(o->self, site, bytes, len, err);
}

static inline aic_code aic_order_acknowledgements(aic_order *o, aic_order_attested visit, void *ctx, aic_error *err)
{
	return o->backend->acknowledgements(o->self, visit, ctx, err);
}

/* Removes the blocks below that height, and this site's attestations of them, and gives their room back to the engine where
 * this site may. The head's block stays, whatever `below` says. Nothing to remove is fine. */
static inline aic_code aic_order_prune(aic_order *o, const aic_id *site, uint64_t below, aic_error *err)
{
	return o->backend->prune(o->self, site, below, err);
}

static inline aic_code aic_order_space_get(aic_order *o, aic_order_space *space, aic_error *err)
{
	return o->backend->space(o->self, space, err);
}

/* Mends a log that has lost or changed blocks: what source gives for heights from .. restored->height is put there, what stands
 * above goes, and then the head. AIC_REFUSED, with blocks put but the head as it was, where that is not `found` any more.
 * May be repeated after any failure. */
static inline aic_code aic_order_restore(aic_order *o, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                                         aic_order_source source, void *ctx, aic_error *err)
{
	return o->backend->restore(o->self, found, restored, from, source, ctx, err);
}

static inline void aic_order_close(aic_order *o)
{
	if (o && o->backend)
		o->backend->close(o->self);
	if (o)
		o->backend = NULL;
}

/* The embedded backend: one SQLite file on one machine. read_only opens it beside the daemon. */
aic_code aic_order_local(aic_order *o, const char *path, bool read_only, aic_error *err);
/* For an aic_order_local whose board gets much at once: attest and acknowledge between the two are one transaction. */
aic_code aic_order_local_begin(aic_order *o, aic_error *err);
aic_code aic_order_local_commit(aic_order *o, aic_error *err);
void aic_order_local_rollback(aic_order *o);

#endif
