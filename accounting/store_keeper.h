/* store_keeper.h: aicacctd's thread that looks after the site's store of sessions: delivers what trainings left there and measures what
 * they take (common/session_store.h). It asks aicacctd as anybody else does. */
#ifndef AIC_STORE_KEEPER_H
#define AIC_STORE_KEEPER_H

#include "common/config.h"

typedef struct aic_store_keeper aic_store_keeper;

/* NULL where aic.yaml names no store, or no thread is to be had. config must stay until stop. */
aic_store_keeper *aic_store_keeper_start(const aic_config *config);
/* Once aicacctd's sockets are closed, so that nothing is waited for. NULL is nothing. */
void aic_store_keeper_stop(aic_store_keeper *k);

#endif
