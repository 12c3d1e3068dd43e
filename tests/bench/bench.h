/* bench.h: what the programs of tests/bench share. Each measures a figure against a yardstick within one run, alternating
 * the two, and prints one row; tests/bench/run.sh gathers the rows into doc/benchmarks.md. */
#ifndef AIC_BENCH_H
#define AIC_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* CLOCK_MONOTONIC, seconds. */
static inline double bench_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median of n values; sorts them in place. */
static inline double bench_median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, bench_compare);
	return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

/* One row of the table. what: the figure in words; ratio against the yardstick; goal, such as ">= 0.9", or "" where none is
 * set; absolute: both figures with their units. */
static inline void bench_row(const char *what, double ratio, const char *goal, const char *absolute)
{
	printf("| %s | %.2f | %s | %s |\n", what, ratio, goal, absolute);
	fflush(stdout);
}

#endif
