/* detection_bench.c: how often forged segments are found, and how often a session is challenged, by the ledger's own state machine and draws,
 * against what the formulas say; the goal is the interval that holds 95 of 100 such measurements. Exits 1 where four sigma are not enough. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/state/detection_testing.h"
#include "ledger/state/draw.h"
#include "tests/bench/bench.h"

#define SESSIONS 4000
#define SEED 20261123

static detection_result run(const detection_plan *plan)
{
	char folder[] = "/tmp/detection-bench.XXXXXX", path[64];
	detection_result r;
	aic_error err = {0};

	if (!mkdtemp(folder) || detection_run(folder, plan, &r, &err)) {
		fprintf(stderr, "detection_bench: %s\n", err.message);
		exit(1);
	}
	static const char *const left[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s/state.db%s", folder, left[i]);
		unlink(path);
	}
	rmdir(folder);
	return r;
}

static void row(const char *what, size_t found, double p)
{
	double expected = p * SESSIONS, sigma = sqrt(expected * (1 - p));
	char goal[64], absolute[128];

	snprintf(goal, sizeof(goal), "%.2f to %.2f", 1 - 1.96 * sigma / expected, 1 + 1.96 * sigma / expected);
	snprintf(absolute, sizeof(absolute), "%zu of %d sessions, %.4f; the formula says %.4f", found, SESSIONS, (double)found / SESSIONS, p);
	bench_row(what, (double)found / expected, goal, absolute);
	if (fabs((double)found - expected) > 4 * sigma)
		exit(1);
}

int main(void)
{
	detection_plan forged = {.sessions = SESSIONS, .segments = 100, .forged = 10, .demanded = true, .seed = SEED};
	detection_plan lot = {.sessions = SESSIONS, .segments = 100, .seed = SEED};
	detection_result r = run(&forged);

	row("forged sessions found: 10 of 100 segments forged, 10 drawn", r.refuted, detection_formula(100, 10, AIC_SESSION_Q));
	if (r.misplaced || r.challenged != SESSIONS) {
		fprintf(stderr, "detection_bench: %zu verdicts in the wrong place, %zu of %d challenged\n", r.misplaced, r.challenged, SESSIONS);
		return 1;
	}
	r = run(&lot);
	row("sessions challenged by lot: 101 segments, default policy", r.challenged,
	    (double)aic_draw_probability(&aic_parameters_default, 101) / AIC_PPM);
	return r.refuted ? 1 : 0;
}
