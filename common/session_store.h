/* session_store.h: the site's store of sessions as a whole (doc/formats/session-dir.md). All but the first is for AIC's own user, who alone can
 * look around in it. */
#ifndef AIC_SESSION_STORE_H
#define AIC_SESSION_STORE_H

#include <stdint.h>

#include "common/config.h"
#include "common/error.h"
#include "common/rpc.h"

/* Whether `bytes` more find room: below `room` together with what the last measurement found (aic_session_store_measure), and on the disk. */
aic_code aic_session_store_room(const char *store, uint64_t room, uint64_t bytes, aic_error *err);
/* By AIC's own user: sums what the sessions take and leaves it in STORE/.used for the others, who cannot look. */
aic_code aic_session_store_measure(const char *store, uint64_t *bytes, aic_error *err);
/* By AIC's own user, now and then: the same for each session of the store. Damaged folders are named in the log and passed over. *left:
 * sessions with something that waits; one whose queue has changed within `settled` seconds is left to its training. */
aic_code aic_session_store_deliver(const char *store, aic_rpc *rpc, int64_t settled, uint64_t *left, aic_error *err);
#define AIC_SESSION_SETTLED_S 20 /* a training that is at work delivers by itself */
/* Delivers and measures: now and then. AIC_OK where there is no store. */
aic_code aic_session_store_tend(const aic_config *c, aic_error *err);

#endif
