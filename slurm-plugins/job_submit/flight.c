#include "slurm-plugins/job_submit/flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/crypto.h"

#define PREFIX "aic: up to "

static aic_flight_row *row_of(aic_flight *f, uint32_t number)
{
	return &f->row[number % AIC_FLIGHT_ROWS];
}

void aic_flight_say(char text[AIC_FLIGHT_TEXT], aic_amount cost)
{
	char figure[AIC_AMOUNT_TEXT];
	aic_amount cent = AIC_UNIT / 100, up = cost;

	aic_amount_add(&up, cost, cent - 1);
	snprintf(text, AIC_FLIGHT_TEXT, PREFIX "%s AIC", aic_amount_human(figure, up, 2));
}

bool aic_flight_said(const char *admin_comment)
{
	return admin_comment && !strncmp(admin_comment, PREFIX, sizeof(PREFIX) - 1);
}

void aic_flight_add(aic_flight *f, char text[AIC_FLIGHT_TEXT], const char *account, aic_amount cost, int64_t now_ms)
{
	aic_flight_row *row = row_of(f, f->next);
	size_t n;

	while (!f->instance)
		aic_random(&f->instance, sizeof(f->instance));
	aic_str_copy(row->account, sizeof(row->account), account);
	row->cost = cost;
	row->at_ms = now_ms;
	aic_flight_say(text, cost);
	n = strlen(text);
	snprintf(text + n, AIC_FLIGHT_TEXT - n, " [%08x.%u]", f->instance, f->next);
	f->next++;
	if (f->next - f->first > AIC_FLIGHT_ROWS) /* the oldest row was just used again */
		f->first++;
}

void aic_flight_land(aic_flight *f, const char *admin_comment)
{
	const char *mark;
	unsigned long number;
	char *end;

	if (f->first == f->next || !aic_flight_said(admin_comment))
		return;
	mark = strchr(admin_comment, '[');
	if (!mark || strtoul(mark + 1, &end, 16) != f->instance || *end != '.')
		return;
	number = strtoul(end + 1, &end, 10);
	if (*end == ']' && number <= UINT32_MAX && (uint32_t)number - f->first < f->next - f->first)
		row_of(f, (uint32_t)number)->account[0] = '\0';
}

void aic_flight_reserve(aic_flight *f, aic_reserved *t, int64_t now_ms)
{
	while (f->first != f->next) {
		const aic_flight_row *row = row_of(f, f->first);

		if (row->account[0] && now_ms - row->at_ms < AIC_FLIGHT_MS)
			break;
		f->first++;
	}
	for (uint32_t n = f->first; n != f->next; n++) {
		const aic_flight_row *row = row_of(f, n);

		if (now_ms - row->at_ms < AIC_FLIGHT_MS)
			aic_reserved_add(t, row->account, row->cost);
	}
}
