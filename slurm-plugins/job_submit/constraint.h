/* constraint.h: Slurm's expressions of node features, as far as a preference can be merged into them. */
#ifndef AIC_JOB_SUBMIT_CONSTRAINT_H
#define AIC_JOB_SUBMIT_CONSTRAINT_H

#include <stdbool.h>
#include <stddef.h>

/* "a&b" and "f" give "a&b&f"; NULL and "" give "f". False, and nothing to prefer, where the constraint has alternatives or counts, has
 * the feature already, or the result does not fit. */
bool aic_constraint_merge(char *buf, size_t size, const char *constraint, const char *feature);
/* The next name of "a&b"; false at the end. *rest begins as the constraint, and may be NULL. */
bool aic_constraint_next(const char **rest, char *name, size_t size);

#endif
