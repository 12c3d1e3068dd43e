/* service.h: what aicledgerd answers; operations are in doc/formats/rpc-ledger.md. */
#ifndef AIC_LEDGER_SERVICE_H
#define AIC_LEDGER_SERVICE_H

#include "common/config.h"
#include "common/rpc.h"
#include "ledger/archive/keep.h"
#include "ledger/chain.h"
#include "ledger/custody.h"
#include "ledger/generator.h"
#include "ledger/window.h"

typedef struct {
	const aic_config *config;
	aic_custody *custody;
	aic_state *state;
	aic_order order;
	aic_chain chain;
	aic_generator *generator; /* of the chain, once that is open */
	aic_archive archive; /* open where the log is not a file of this site */
	size_t peer;         /* of ledger.archive.peers: whom to ask next */
	bool started;        /* there is a copy to answer from; until then every request is told why not */
	aic_error log;       /* why the log is not followed; code AIC_OK: it is */
	aic_order_space space;   /* of a shared log, as far as is known */
	aic_window window;
	struct aic_service_reseed *reseed; /* service_reseed.c; NULL: nobody has asked */
	int64_t claimed;     /* monotonic ms: when verifiers' pay was looked for last */
	int64_t kept;        /* monotonic ms: when window and room were looked at last */
	struct { uint8_t key[AIC_PUBLIC_LEN]; uint64_t height; int64_t at_ms; } given; /* which node was asked last to sign a header */
	int lock; /* descriptor of ledger/lock, held while this process lives; -1: none */
} aic_service;

/* Opens all that lies under config.state_dir (keys, names, log, state), making what is missing from genesis.yaml. A log that does
 * not answer, or that has lost blocks, is no failure: aic_service_tick follows it as soon as that is possible. */
aic_code aic_service_open(aic_service *s, const aic_config *config, aic_error *err);
void aic_service_close(aic_service *s);
/* Holds dir/lock while *fd is open: one process at a time writes there. */
aic_code aic_service_lock(int *fd, const char *dir, aic_error *err);
/* What is due now and then: follows the log, or the peers' archives where the log begins above this site's copy; attests; keeps what
 * has become final, and the log's window; watches the log's room. Logs what has changed, once. Every second or more often. */
void aic_service_tick(aic_service *s);
/* Where the ledger has named a successor of the site key, its file takes the place of the old one. */
aic_code aic_service_take_over(aic_service *s, aic_error *err);
/* An aic_rpc_handler; ctx is an aic_service. */
aic_code aic_service_handle(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out,
                            size_t *out_items, aic_error *err);

/* Wire forms that daemon and client share. */
void aic_wire_put_settlement(aic_bytes *out, const aic_settlement *s);
/* Lines are malloc'ed: free((void *)s->line). */
void aic_wire_get_settlement(aic_cbor *c, aic_settlement *s);
void aic_wire_put_result(aic_bytes *out, const aic_settlement_result *r);
void aic_wire_get_result(aic_cbor *c, aic_settlement_result *r);

#endif
