#include "slurm-plugins/job_submit/reserved.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

#define FIRST_SIZE 64

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h;
}

/* The account's row, or the free one where it belongs. */
static aic_reserved_row *find(const aic_reserved *t, const char *account)
{
	size_t i = hash(account) & (t->size - 1);

	while (t->row[i].account[0] && strcmp(t->row[i].account, account))
		i = (i + 1) & (t->size - 1);
	return &t->row[i];
}

static void grow(aic_reserved *t)
{
	aic_reserved bigger = { .size = t->size ? 2 * t->size : FIRST_SIZE, .used = t->used };

	bigger.row = aic_xcalloc(bigger.size, sizeof(*bigger.row));
	for (size_t i = 0; i < t->size; i++)
		if (t->row[i].account[0])
			*find(&bigger, t->row[i].account) = t->row[i];
	free(t->row);
	*t = bigger;
}

void aic_reserved_add(aic_reserved *t, const char *account, aic_amount amount)
{
	aic_reserved_row *row;

	if (!account || !*account || strlen(account) >= AIC_NAME_LEN)
		return;
	if (2 * (t->used + 1) > t->size)
		grow(t);
	row = find(t, account);
	if (!row->account[0]) {
		aic_str_copy(row->account, sizeof(row->account), account);
		t->used++;
	}
	if (!aic_amount_add(&row->sum, row->sum, amount))
		row->sum = ~(aic_amount)0;
}

void aic_reserved_take(aic_reserved *t, const char *account, aic_amount amount)
{
	aic_reserved_row *row = t->size && account && *account && strlen(account) < AIC_NAME_LEN ? find(t, account) : NULL;

	if (row && !aic_amount_sub(&row->sum, row->sum, amount))
		row->sum = 0;
}

aic_amount aic_reserved_of(const aic_reserved *t, const char *account)
{
	return t->size && account && *account && strlen(account) < AIC_NAME_LEN ? find(t, account)->sum : 0;
}

void aic_reserved_clear(aic_reserved *t)
{
	if (t->row)
		memset(t->row, 0, t->size * sizeof(*t->row));
	t->used = 0;
}

void aic_reserved_free(aic_reserved *t)
{
	free(t->row);
	*t = (aic_reserved){ 0 };
}
