/* reserved.h: how much of each account's balance its jobs may still cost. */
#ifndef AIC_JOB_SUBMIT_RESERVED_H
#define AIC_JOB_SUBMIT_RESERVED_H

#include <stddef.h>

#include "common/amount.h"
#include "common/record.h"

typedef struct {
	char account[AIC_NAME_LEN]; /* "" where the row is free */
	aic_amount sum;
} aic_reserved_row;

/* A hash table with open addressing; zero-initialise. */
typedef struct {
	aic_reserved_row *row;
	size_t size, used;          /* size is 0 or a power of two */
} aic_reserved;

/* A sum that would overflow stays at the largest amount. An empty account is not noted. */
void aic_reserved_add(aic_reserved *t, const char *account, aic_amount amount);
/* Not below 0. */
void aic_reserved_take(aic_reserved *t, const char *account, aic_amount amount);
aic_amount aic_reserved_of(const aic_reserved *t, const char *account);
void aic_reserved_clear(aic_reserved *t); /* keeps the memory */
void aic_reserved_free(aic_reserved *t);

#endif
