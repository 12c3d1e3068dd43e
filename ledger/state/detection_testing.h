/* detection_testing.h: thousands of sessions through the real state machine, some of their segments forged, judged by verifiers who compute
 * what was drawn. Computing is a hash here: segment i is good where checkpoint i + 1 is the SHA-256 of checkpoint i. */
#ifndef AIC_LEDGER_DETECTION_TESTING_H
#define AIC_LEDGER_DETECTION_TESTING_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	size_t sessions;
	uint64_t segments;  /* of each, segment 0 beside them: it is always drawn, and who forges knows that */
	uint64_t forged;    /* of those */
	bool demanded;      /* each is challenged; else the lot decides */
	uint64_t seed;
} detection_plan;

typedef struct {
	size_t challenged, unchallenged, refuted, verified;
	size_t misplaced;   /* refuted in a segment that is good, or verified though a drawn one is bad */
} detection_result;

/* Site 0 opens, verifiers of sites 1 to 4 judge, site 5 makes blocks. */
aic_code detection_run(const char *folder, const detection_plan *plan, detection_result *out, aic_error *err);
/* 1 - C(n - f, q) / C(n, q): the chance to find one of f among n when q are looked at. */
double detection_formula(uint64_t n, uint64_t f, uint64_t q);

#endif
