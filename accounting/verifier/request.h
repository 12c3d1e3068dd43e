/* request.h: what a node of this site is asked to judge, on its way from the ledger through a Slurm job to a verdict.
 *
 * Its folder, STORE/.verify/SESSION.ROUND, is all that is remembered, so that a tick may be killed at any moment:
 *
 *     question   what is asked; written first
 *     job        id of the Slurm job, once it was submitted
 *     claim      which job does the work; the job makes it, so that of two of the same request only one does
 *     result     what aic-verify found
 *     log        what the job printed
 *     tries      how many jobs ended without a result
 *     posted     the height at which the verdict stands */
#ifndef AIC_VERIFIER_REQUEST_H
#define AIC_VERIFIER_REQUEST_H

#include <limits.h>

#include "accounting/verifier/slurm_job.h"
#include "common/bytes.h"
#include "common/verification.h"
#include "ledger/client.h"

#define AIC_REQUEST_FOLDER ".verify"
#define AIC_REQUEST_NAME 96
#define AIC_REQUEST_TRIES 3

typedef struct {
	const aic_config *config;
	const aic_ledger_session *session;
	char folder[PATH_MAX];
	char name[AIC_REQUEST_NAME];       /* of the folder and, behind "aic-verify-", of the job */
	char node[AIC_NAME_LEN];           /* that is asked */
	aic_key key;                       /* its key for verdicts */
} aic_request_place;

/* What the ledger says of the session and of the segments that are asked for now: of the third node the one in doubt. */
aic_code aic_request_question(aic_ledger *l, const aic_ledger_session *s, aic_verification_question *q, aic_error *err);

typedef enum { AIC_REQUEST_WAITS, AIC_REQUEST_ANSWERED } aic_request_state;
/* Does what can be done now; *answer is the result's bytes once it is there. */
aic_code aic_request_advance(const aic_request_place *p, aic_ledger *l, const aic_slurm_jobs *jobs, aic_request_state *state, aic_bytes *answer,
                             aic_error *err);

/* The folder's name: of the session, the round, and who is asked: the third node computes by itself. */
void aic_request_name(char name[AIC_REQUEST_NAME], const aic_ledger_session *s);

#endif
