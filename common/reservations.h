/* reservations.h: the file by which job_submit/aic tells aicacctd what its jobs may still cost, and which jobs wait for funds.
 * Written anew each time (aic_file_write_atomic), drawn in doc/formats/reservations.md. */
#ifndef AIC_RESERVATIONS_H
#define AIC_RESERVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/record.h"

#define AIC_RESERVATIONS_NAME "reservations" /* in the directory of the spools */
/* Comment in aicacctd's request to release a job: job_submit/aic takes it off, and refuses where somebody else holds the job by now. */
#define AIC_RELEASE_MARK "aic release"

typedef struct {
	char account[AIC_NAME_LEN];
	aic_amount reserved;         /* what the account's jobs may still cost */
} aic_reservation;

typedef struct {
	uint32_t job;
	int64_t submitted;
	char account[AIC_NAME_LEN];
	aic_amount cost;             /* the most that it can cost */
	bool own;                    /* its user, or an operator, holds it too: not to be released for them */
} aic_held_job;

typedef struct {
	int64_t written_at, snapshot_at; /* snapshot_at: when the snapshot was written that slurmctld used */
	size_t n_rows; aic_reservation *row;
	size_t n_held; aic_held_job *held; /* in the order of slurmctld's list */
} aic_reservations;

/* Appends a row; the arrays grow by doubling. An account longer than AIC_NAME_LEN - 1 is cut. */
void aic_reservations_add(aic_reservations *r, const char *account, aic_amount reserved);
void aic_reservations_hold(aic_reservations *r, const aic_held_job *job);
void aic_reservations_encode(aic_bytes *out, const aic_reservations *r);
/* AIC_CORRUPT where the bytes are not what encode writes; the caller frees *r in either case. */
aic_code aic_reservations_decode(aic_reservations *r, const void *data, size_t len, aic_error *err);
/* AIC_NOT_FOUND where there is no file: job_submit/aic writes it once it enforces. */
aic_code aic_reservations_load(aic_reservations *r, const char *path, aic_error *err);
void aic_reservations_free(aic_reservations *r);
/* 0 for an account without a row. Only for what was decoded, whose rows are sorted. */
aic_amount aic_reservations_of(const aic_reservations *r, const char *account);

#endif
