/* service.h: aicnoded's part in data sets: a thread that brings what this node's steps want into its cache. */
#ifndef AIC_DATASET_SERVICE_H
#define AIC_DATASET_SERVICE_H

#include "common/config.h"

typedef struct aic_dataset_service aic_dataset_service;

/* Starts it where aic.yaml names a store; *out is NULL where it does not. config is borrowed. */
aic_code aic_dataset_service_start(aic_dataset_service **out, const aic_config *config, const char *node_dir, const char *node,
                                   aic_error *err);
void aic_dataset_service_stop(aic_dataset_service *s); /* NULL is allowed */

#endif
