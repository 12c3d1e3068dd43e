/* features.h: a node's features in Slurm say which data sets it holds: "aic-data-NAME", beside those that the site gave it. */
#ifndef AIC_DATASET_FEATURES_H
#define AIC_DATASET_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/error.h"

/* The list that a node should have: what it has now ("" or "(null)": nothing) without AIC's own, then those of the data sets. *out gets
 * it with a NUL. */
void aic_features_merge(aic_bytes *out, const char *now, char *const *dataset, size_t n);
/* The value of a key in scontrol's one-line form, "NodeName=n1 ... ActiveFeatures=a,b ..."; false where it is not there. */
bool aic_features_find(aic_bytes *out, const char *line, const char *key);
/* Asks slurmctld, by scontrol, what the node has, and corrects it where it differs: *changed. */
aic_code aic_features_publish(const char *node, char *const *dataset, size_t n, bool *changed, aic_error *err);

#endif
