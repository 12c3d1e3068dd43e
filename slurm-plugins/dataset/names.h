/* names.h: a folder of data sets' names: a file for each, that holds its content root in hexadecimal digits and a newline. */
#ifndef AIC_DATASET_NAMES_H
#define AIC_DATASET_NAMES_H

#include "common/record.h"
#include "slurm-plugins/dataset/manifest.h"

/* AIC_NOT_FOUND where there is no such name, AIC_CORRUPT where its file holds something else. */
aic_code aic_name_get(aic_hash *root, const char *folder, const char *name, aic_error *err);
aic_code aic_name_put(const char *folder, const char *name, const aic_hash *root, aic_error *err);
aic_code aic_name_remove(const char *folder, const char *name, aic_error *err);
/* Every name, ascending; *names is an array of n strings, each and itself malloc'ed. */
aic_code aic_names_list(char ***names, size_t *n, const char *folder, aic_error *err);
void aic_names_free(char **names, size_t n);

#endif
