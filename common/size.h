/* size.h: amounts of bytes as people write them. */
#ifndef AIC_SIZE_H
#define AIC_SIZE_H

#include <stdint.h>

#include "common/error.h"

#define AIC_SIZE_TEXT 32

/* "4096", "200GiB", "1.5TiB": bytes, from 1 to 2^63 - 1; units B, KiB, MiB, GiB, TiB, PiB, decimals only with a unit. */
aic_code aic_size_parse(uint64_t *bytes, const char *text, aic_error *err);
/* "512 B", "1.5 GiB": with the largest unit that leaves at least 1, one decimal, rounded down. */
char *aic_size_format(char buf[AIC_SIZE_TEXT], uint64_t bytes);

#endif
