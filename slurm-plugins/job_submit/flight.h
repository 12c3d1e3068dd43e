/* flight.h: jobs that were admitted and that slurmctld has not yet put into its list. Each carries a mark in its
 * AdminComment, "aic: up to 0.52 AIC [1a2b3c4d.17]": until a job with that mark is seen, what it may cost is reserved here;
 * after AIC_FLIGHT_MS it will not come any more (--test-only, a submit that failed later). One caller at a time. */
#ifndef AIC_JOB_SUBMIT_FLIGHT_H
#define AIC_JOB_SUBMIT_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "slurm-plugins/job_submit/reserved.h"

#define AIC_FLIGHT_MS 15000
#define AIC_FLIGHT_ROWS 8192     /* 500 submits a second, and some */
#define AIC_FLIGHT_TEXT 160

typedef struct {
	char account[AIC_NAME_LEN]; /* "" where the job has landed */
	aic_amount cost;
	int64_t at_ms;
} aic_flight_row;

typedef struct {
	uint32_t instance;          /* tells this slurmctld's marks from an earlier one's */
	uint32_t first, next;       /* numbers in use: first <= n < next */
	aic_flight_row row[AIC_FLIGHT_ROWS];
} aic_flight;

/* "aic: up to 0.52 AIC", rounded up. */
void aic_flight_say(char text[AIC_FLIGHT_TEXT], aic_amount cost);
/* Whether it is such a text, with a mark or without. */
bool aic_flight_said(const char *admin_comment);
/* Notes the job and writes its mark. */
void aic_flight_add(aic_flight *f, char text[AIC_FLIGHT_TEXT], const char *account, aic_amount cost, int64_t now_ms);
/* A job with this AdminComment (may be NULL) is in the list. */
void aic_flight_land(aic_flight *f, const char *admin_comment);
/* Reserves what is still in flight. */
void aic_flight_reserve(aic_flight *f, aic_reserved *t, int64_t now_ms);

#endif
