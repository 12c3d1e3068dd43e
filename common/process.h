/* process.h: one program, from its start to its end. */
#ifndef AIC_PROCESS_H
#define AIC_PROCESS_H

#include "common/bytes.h"
#include "common/error.h"

/* Runs argv (NULL-terminated, found in PATH) with `input` on its standard input and appends what it prints on standard output and
 * error to said. *status: its exit status, 128 + N where signal N ended it. AIC_NOT_FOUND where there is no such program. */
aic_code aic_process_run(const char *const *argv, const char *input, aic_bytes *said, int *status, aic_error *err);

#endif
