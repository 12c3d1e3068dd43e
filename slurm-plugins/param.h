/* param.h: values in slurm.conf's comma-separated parameter strings. */
#ifndef AIC_PARAM_H
#define AIC_PARAM_H

#include <stdbool.h>
#include <stddef.h>

/* Copies VALUE of "key=VALUE" (keys compare without regard to case, as Slurm does). False where params is NULL, the key
 * is absent, its value is empty or needs more than size - 1 characters. */
bool aic_param_find(const char *params, const char *key, char *value, size_t size);

#endif
