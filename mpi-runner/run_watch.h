/* run_watch.h: the ranks of a step watch each other through files in their common folder: one that failed ends the step, and one that gives
 * no sign is named. */
#ifndef AIC_RUN_WATCH_H
#define AIC_RUN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "mpi-runner/run_child.h"
#include "mpi-runner/run_env.h"

enum { AIC_WATCH_TEXT = 1024 };

/* Rank 0, before the others begin: forgets a failure that an earlier step of the same name left. */
void aic_watch_begin(const aic_ranks *r, const char *folder);
/* Says that this rank, or the rank that text names, has failed; the first to say so stands. */
void aic_watch_fail(const aic_ranks *r, const char *folder, const char *text);
/* What was said; false where all is well. */
bool aic_watch_failed(const aic_ranks *r, const char *folder, char text[AIC_WATCH_TEXT]);
/* Another rank whose metrics file is older than this rank's own by more than limit_s: its node, its aic-run or its storage is gone. The times
 * are those of the file server. A rank that has ended is not late. */
bool aic_watch_late(const aic_ranks *r, const char *folder, int limit_s, char text[AIC_WATCH_TEXT]);

/* The program neither prints nor uses CPU time. */
typedef struct {
	double cpu;
	uint64_t printed;
	int64_t since_ms; /* 0: not looked yet */
} aic_stillness;

/* Seconds since the program and its children last printed something or used CPU time. */
int aic_watch_still(aic_stillness *s, const aic_child *c);

/* The newest file that a pattern (glob) names, with its age; false where there is none. */
bool aic_watch_newest(const char *pattern, char *path, size_t size, int64_t *age_s);

#endif
