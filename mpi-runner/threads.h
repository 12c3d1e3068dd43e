/* threads.h: a pool whose threads split outputs, never sums, so that their number does not show in a result. */
#ifndef AIC_THREADS_H
#define AIC_THREADS_H

#include <stddef.h>

#include "common/error.h"

#define AIC_THREADS_MAX 256

typedef struct aic_threads aic_threads;

/* count threads, the caller's included; each sets up D0's floating-point environment. */
aic_code aic_threads_new(aic_threads **t, unsigned count, aic_error *err);
void aic_threads_free(aic_threads *t);
unsigned aic_threads_count(const aic_threads *t);

/* Calls work(ctx, begin, end, thread) so that the ranges cover [0, items); boundaries are multiples of `grain`.
 * Returns when all have returned. Small work (items <= grain) runs in the caller. */
void aic_threads_run(aic_threads *t, size_t items, size_t grain,
                     void (*work)(void *ctx, size_t begin, size_t end, unsigned thread), void *ctx);

/* AIC_THREADS where set; else SLURM_CPUS_PER_TASK, at most the processors of the affinity mask; else 1. */
unsigned aic_threads_default(void);

#endif
