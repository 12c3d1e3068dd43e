#define _GNU_SOURCE
#include "accounting/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

static size_t slot_of(const aic_tally *t, int64_t payer, int64_t payee, aic_line_kind kind)
{
	uint64_t h = ((uint64_t)payer * 0x9e3779b97f4a7c15u) ^ ((uint64_t)payee * 0xc2b2ae3d27d4eb4fu) ^ (uint64_t)kind;

	return (size_t)((h ^ (h >> 29)) * 0x165667b19e3779f9u >> 20) & (t->slots - 1);
}

static void grow(aic_tally *t)
{
	t->slots = t->slots ? 2 * t->slots : 64;
	free(t->slot);
	t->slot = aic_xcalloc(t->slots, sizeof(*t->slot));
	for (size_t i = 0; i < t->n; i++) {
		size_t at = slot_of(t, t->sum[i].payer, t->sum[i].payee, t->sum[i].kind);
		while (t->slot[at])
			at = (at + 1) & (t->slots - 1);
		t->slot[at] = (uint32_t)i + 1;
	}
}

static aic_sum *find(aic_tally *t, int64_t payer, int64_t payee, aic_line_kind kind)
{
	size_t at;

	if (2 * (t->n + 1) > t->slots)
		grow(t);
	for (at = slot_of(t, payer, payee, kind); t->slot[at]; at = (at + 1) & (t->slots - 1)) {
		aic_sum *s = &t->sum[t->slot[at] - 1];
		if (s->payer == payer && s->payee == payee && s->kind == kind)
			return s;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 32;
		t->sum = aic_xrealloc(t->sum, t->cap * sizeof(*t->sum));
	}
	t->slot[at] = (uint32_t)t->n + 1;
	aic_sum *s = &t->sum[t->n++];
	memset(s, 0, sizeof(*s));
	s->payer = payer;
	s->payee = payee;
	s->kind = kind;
	return s;
}

aic_code aic_tally_add(aic_tally *t, int64_t payer, int64_t payee, aic_line_kind kind, aic_amount gross, aic_amount fee,
                       const aic_quality *q, aic_error *err)
{
	aic_amount stake;

	if (!gross)
		return AIC_OK;
	aic_sum *s = find(t, payer, payee, kind);
	if (!aic_mul_div(&stake, fee, q->quality, 1) || !aic_amount_add(&s->stake, s->stake, stake) ||
	    !aic_amount_add(&s->gross, s->gross, gross) || !aic_amount_add(&t->gross, t->gross, gross))
		return aic_fail(err, AIC_REFUSED, "the sum of a batch needs more than 128 bits: lower the rates or close shorter periods");
	s->fee += fee;
	t->fee += fee;
	s->n++;
	t->lines++;
	s->reason[q->reason]++;
	return AIC_OK;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const aic_sum *x = a, *y = b;
	int order = strcmp(aic_store_wallet_by_id(ctx, x->payer)->name, aic_store_wallet_by_id(ctx, y->payer)->name);

	if (!order)
		order = strcmp(aic_store_wallet_by_id(ctx, x->payee)->name, aic_store_wallet_by_id(ctx, y->payee)->name);
	return order ? order : (int)x->kind - (int)y->kind;
}

static void write_note(aic_sum *s)
{
	size_t at = 0;

	s->note[0] = '\0';
	for (size_t i = 1; i < AIC_QUALITY_REASONS; i++) {
		if (!s->reason[i] || at >= sizeof(s->note) - 1)
			continue;
		at += (size_t)snprintf(s->note + at, sizeof(s->note) - at, "%s%s", at ? "; " : "no reward: ",
		                       aic_quality_reason_text((aic_quality_reason)i));
		if (s->reason[i] < s->n && at < sizeof(s->note) - 1)
			at += (size_t)snprintf(s->note + at, sizeof(s->note) - at, " (%llu of %llu lines)",
			                       (unsigned long long)s->reason[i], (unsigned long long)s->n);
	}
}

void aic_tally_finish(aic_tally *t, const aic_store *s)
{
	union { const aic_store *in; void *out; } ctx = {.in = s};

	if (t->n)
		qsort_r(t->sum, t->n, sizeof(*t->sum), by_name, ctx.out);
	for (size_t i = 0; i < t->n; i++)
		write_note(&t->sum[i]);
	free(t->slot);
	t->slot = NULL;
	t->slots = 0;
}

const char *aic_sum_note(const aic_sum *s, char out[320])
{
	char text[AIC_AMOUNT_TEXT];

	if (s->refunded)
		snprintf(out, 320, "%s%srefunded %s AIC, `aic batch refunds`", s->note, s->note[0] ? "; " : "", aic_amount_format(text, s->refunded));
	else
		aic_str_copy(out, 320, s->note);
	return out;
}

void aic_tally_clear(aic_tally *t)
{
	free(t->sum);
	free(t->slot);
	memset(t, 0, sizeof(*t));
}
