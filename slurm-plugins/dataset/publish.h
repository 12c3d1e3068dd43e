/* publish.h: tells slurmctld what a node's cache holds, batched, and again where slurmctld has lost it. */
#ifndef AIC_DATASET_PUBLISH_H
#define AIC_DATASET_PUBLISH_H

#include "slurm-plugins/dataset/cache.h"

#define AIC_PUBLISH_MS 2000      /* changes of so long go to slurmctld at once, */
#define AIC_REPUBLISH_MS 30000   /* and so often it is asked whether it lost them, as after `scontrol reconfigure` */

/* Zero-initialise the rest: the first is due at once. */
typedef struct {
	const aic_cache *cache;
	const char *node;
	int64_t at_ms;           /* when slurmctld is asked next */
	bool failing;
} aic_publication;

void aic_publish_when_due(aic_publication *p);
/* Something changed. */
void aic_publish_soon(aic_publication *p);

#endif
