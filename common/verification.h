/* verification.h: what a verifier is asked and what it found (doc/formats/verification.md): files that aicledgerd's client and aic-verify
 * exchange, through a Slurm job. */
#ifndef AIC_VERIFICATION_H
#define AIC_VERIFICATION_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_VERIFICATION_SEGMENTS_MAX 64
#define AIC_VERIFICATION_NOTE 512
#define AIC_VERIFICATION_FILE_MAX 65536 /* bytes of either file */

/* The results of a verdict (doc/formats/session.md). */
typedef enum { AIC_FOUND_AGREES = 0, AIC_FOUND_DIFFERS = 1, AIC_FOUND_WITHHELD = 2, AIC_FOUND_DECLINED = 3 } aic_found;
const char *aic_found_name(uint64_t result); /* "agrees", "differs", "withheld", "declined"; "?" */

typedef struct {
	uint64_t step;
	aic_hash chain, root;
} aic_verification_point;

typedef struct {
	uint64_t number;
	aic_verification_point from, to;
} aic_verification_segment;

typedef struct {
	aic_hash session;
	uint64_t round;
	aic_hash entropy;
	uint64_t determinism;    /* 0 D0, 1 D1 */
	uint64_t shards;
	aic_hash spec, data, code; /* salted */
	size_t n;                /* 1 .. AIC_VERIFICATION_SEGMENTS_MAX, ascending by number */
	aic_verification_segment segment[AIC_VERIFICATION_SEGMENTS_MAX];
} aic_verification_question;

typedef struct {
	aic_hash session;
	uint64_t round;
	uint64_t result;         /* aic_found */
	uint64_t segment, step;  /* the first wrong step, 0 unless it differs; the segment, 0 unless it differs or was withheld */
	uint64_t steps;          /* that were computed */
	aic_hash committed, computed; /* root where it differs; else zeros */
	char note[AIC_VERIFICATION_NOTE]; /* for people: why, in a sentence; "" where it agrees */
} aic_verification_result;

void aic_verification_question_put(aic_bytes *out, const aic_verification_question *q);
aic_code aic_verification_question_get(aic_verification_question *q, const void *data, size_t len, aic_error *err);
void aic_verification_result_put(aic_bytes *out, const aic_verification_result *r);
aic_code aic_verification_result_get(aic_verification_result *r, const void *data, size_t len, aic_error *err);
/* Which verdict's evidence a result is: SHA-256 of its bytes. */
aic_hash aic_verification_evidence(const void *data, size_t len);

#endif
