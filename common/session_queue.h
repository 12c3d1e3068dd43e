/* session_queue.h: what a training has to say of its session and aicacctd has not acknowledged: small files in the session's folder of the
 * store, each whole or not there, so that they outlive the training (doc/formats/session-dir.md).
 *
 * The training delivers them as it goes; what it could not, AIC's own user delivers later. Both may try at once: what stands is
 * passed over. */
#ifndef AIC_SESSION_QUEUE_H
#define AIC_SESSION_QUEUE_H

#include "common/session_call.h"
#include "common/session_record.h"

#define AIC_SESSION_CLOSED_FILE "closed" /* there once the closing was acknowledged; its time is that of the closing */

/* STORE/ID and its queue; what is there already stays. Refused where another user's folder is in the way. */
aic_code aic_session_dir_make(char path[AIC_SESSION_PATH_LEN], const char *store, const aic_hash *session, aic_error *err);

/* --- by the training --- */
aic_code aic_session_queue_nodes(const char *dir, const aic_job_step *step, aic_error *err); /* takes back a closing that is queued */
void aic_session_queue_forget_nodes(const char *dir); /* they were refused */
aic_code aic_session_queue_commit(const char *dir, uint64_t number, const aic_committed *c, aic_error *err);
aic_code aic_session_queue_close(const char *dir, uint64_t steps, aic_session_end end, aic_error *err);

/* --- delivery --- */
typedef struct {
	uint64_t committed; /* messages acknowledged: checkpoints */
	bool closed;
	uint64_t left;      /* files that wait still */
} aic_session_delivered;
/* Everything that is queued in dir, in order; stops at the first failure. */
aic_code aic_session_queue_deliver(const char *dir, const aic_session_name *name, aic_rpc *rpc, aic_session_delivered *d, aic_error *err);

#endif
