/* background.h: answers that take long, made in threads of their own, so that aicacctd goes on meanwhile: reports over read-only
 * connections, and what waits for Slurm and for the ledger (`acts`), over connections that write what those said.
 *
 * The first answer to such a request is ["waiting", ticket]; who asked comes back with "resume" and the ticket until the answer is
 * there. A report is what the store held at one moment. An act is carried out though nobody comes back; a repeat of one that is
 * under way joins it. */
#ifndef AIC_ACCOUNTING_BACKGROUND_H
#define AIC_ACCOUNTING_BACKGROUND_H

#include "accounting/acctd.h"

#define AIC_BACKGROUND_WAITING "waiting"

typedef aic_code aic_background_serve(aic_request *q, aic_error *err);

aic_background *aic_background_new(void);
/* Waits for the threads that still run. */
void aic_background_free(aic_background *b);

/* Starts serve for the request, whose arguments are copied and whose viewer is taken over (cleared in q). AIC_REFUSED where too many run. */
aic_code aic_background_start(aic_background *b, aic_request *q, aic_background_serve *serve, bool acts, aic_error *err);
/* [ticket] : the answer, or waiting again. Each is given once, to the uid that asked. */
aic_code aic_background_resume(aic_request *q, aic_error *err);

#endif
