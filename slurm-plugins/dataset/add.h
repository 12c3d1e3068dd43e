/* add.h: a folder's files into the store. */
#ifndef AIC_DATASET_ADD_H
#define AIC_DATASET_ADD_H

#include <stdbool.h>

#include "slurm-plugins/dataset/manifest.h"

/* Reads every file below dir, cuts it into chunks and writes those that the store lacks; store NULL: only says the content root. Links,
 * devices and the like are refused, as are files that change meanwhile. progress may be NULL. The caller clears *m. */
aic_code aic_dataset_add_folder(aic_dataset *m, const char *store, const char *dir, void (*progress)(void *ctx, const aic_dataset *m), void *ctx,
                         aic_error *err);

#endif
