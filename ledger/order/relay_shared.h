/* relay_shared.h: what relay.c and its threads, relay_follow.c and relay_work.c, share. Internal to them. */
#ifndef AIC_LEDGER_ORDER_RELAY_SHARED_H
#define AIC_LEDGER_ORDER_RELAY_SHARED_H

#include <pthread.h>

#include "common/bytes.h"
#include "ledger/order/order.h"

#define AIC_RELAY_SILENT_MS 4000  /* since the log was last heard: longer than a call that tries every endpoint */
#define AIC_RELAY_SILENT "the ledger's log does not answer, and nothing is written"
#define AIC_RELAY_UNKNOWN "what was asked for may get into the ledger all the same: look in a few seconds, before it is asked for again"
#define AIC_RELAY_READ_BYTES (8u << 20) /* of blocks, at one time */
#define AIC_RELAY_BOARDS 64       /* heights whose attestations are followed */

typedef struct {
	uint64_t height;         /* of a block */
	aic_id site;             /* of an attestation or acknowledgement */
	aic_bytes bytes;
} aic_relay_item;

typedef struct {
	aic_relay_item *item;
	size_t n, bytes;
} aic_relay_items;

void aic_relay_items_add(aic_relay_items *l, uint64_t height, const aic_id *site, const void *data, size_t len);
void aic_relay_items_free(aic_relay_items *l);
aic_code aic_relay_keep_site(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err);
aic_code aic_relay_keep_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err);

typedef struct {
	uint64_t height;
	int64_t asked;           /* 0: the place is free */
	aic_relay_items found;
} aic_relay_board;

typedef enum { AIC_RELAY_APPEND, AIC_RELAY_READ, AIC_RELAY_ATTEST, AIC_RELAY_ATTESTATIONS, AIC_RELAY_ACKNOWLEDGE,
	AIC_RELAY_ACKNOWLEDGEMENTS, AIC_RELAY_PRUNE, AIC_RELAY_RESTORE } aic_relay_kind;

typedef struct aic_relay_job {
	struct aic_relay_job *next;
	aic_relay_kind kind;
	bool done, abandoned;    /* nobody waits for it any more: the worker frees it */
	uint64_t height, n;
	aic_id site;
	aic_order_head expected, restored;
	aic_hash hash;
	aic_bytes bytes;
	aic_order_source source;
	void *ctx;
	aic_relay_items found;   /* blocks or attestations */
	aic_code code;
	aic_error err;
} aic_relay_job;

struct aic_relay_jobs {
	aic_relay_job *first, *last, *running;
	size_t n;
};

typedef struct {
	aic_order follower, worker;
	pthread_t following, working;
	int threads;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* everything below under the lock */
	bool stop;
	int64_t started, heard;  /* monotonic ms; heard 0: never yet */
	uint64_t generation;     /* goes up when the log was changed by us: what was read before that is stale */
	aic_error down;          /* why the log does not answer; code AIC_OK: it does */
	aic_order_head head;
	bool watched_read;       /* the block that was read alone: what is there now */
	uint64_t watched;
	aic_code watched_code;
	aic_error watched_err;
	aic_relay_items seen;
	aic_relay_board board[AIC_RELAY_BOARDS];
	aic_order_space space;
	int64_t space_read;      /* 0: it is not known */
	bool unsettled;          /* a block may be on its way still */
	aic_error unsettled_why, refused;
	uint64_t refused_height;
	struct aic_relay_jobs *jobs;
} aic_relay;

/* All with the lock held, but for the thread. */
void aic_relay_wait(aic_relay *r, int64_t ms);
void aic_relay_watch(aic_relay *r, uint64_t height, const aic_relay_items *found);
/* Copies to `found` and goes on following that height; false where it is not known. */
bool aic_relay_board_get(aic_relay *r, uint64_t height, aic_relay_items *found);
void aic_relay_board_set(aic_relay *r, uint64_t height, aic_relay_items *found); /* taken over */
void aic_relay_board_add(aic_relay *r, uint64_t height, const aic_id *site, const aic_bytes *bytes);
void aic_relay_forget(aic_relay *r);
void *aic_relay_follow(void *relay);
void *aic_relay_work(void *relay);
void aic_relay_job_free(aic_relay_job *j);

#endif
