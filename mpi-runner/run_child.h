/* run_child.h: a program under watch: its output goes to a log and on to this process's own output, signals go to it. */
#ifndef AIC_RUN_CHILD_H
#define AIC_RUN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct aic_child aic_child;

/* Starts argv (NULL-terminated) with this process's environment; log_path gets its stdout and stderr. From now on TERM, INT,
 * HUP, USR1, USR2 and CONT are passed on to it. */
aic_code aic_child_start(aic_child **c, char **argv, const char *log_path, aic_error *err);
/* Waits up to timeout_ms, moving output; true when the program has ended and all its output is moved. */
bool aic_child_wait(aic_child *c, int timeout_ms);
/* Whether that signal came and was passed on. */
bool aic_child_was_told(int number);
/* As a shell tells it: exit status, or 128 + signal. Valid once aic_child_wait said true. */
int aic_child_status(const aic_child *c);
/* "exited with status 3", "was killed by signal 9 (Killed), out of memory". */
void aic_child_describe(const aic_child *c, char *buf, size_t size);
/* The last lines of its output, at most size - 1 bytes. */
void aic_child_last_lines(const aic_child *c, char *buf, size_t size);
/* CPU seconds and resident MiB of the program itself, while it runs. */
bool aic_child_usage(const aic_child *c, double *cpu_seconds, double *resident_mib);
/* CPU seconds of the program and all its descendants that run. */
double aic_child_tree_cpu(const aic_child *c);
/* Bytes that it has printed so far. */
uint64_t aic_child_printed(const aic_child *c);
/* Sends it a signal, where it has not ended. */
void aic_child_signal(const aic_child *c, int number);
void aic_child_free(aic_child *c);

#endif
