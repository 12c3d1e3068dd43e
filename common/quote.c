#include "common/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

#define MARK "aic-quote: "
#define SEPARATOR "; "

enum { RULING, COST, AVAILABLE, RESERVED, SECONDS, TASKS, ACCOUNT, JOB, MESSAGE, FIELDS };
static const char *const names[FIELDS] = {"ruling", "cost", "available", "reserved", "seconds", "tasks", "account", "job", "message"};
static const char *const rulings[] = {"admit", "hold", "refuse"};

char *aic_quote_write(char *buf, const aic_quote *q)
{
	char cost[AIC_AMOUNT_TEXT], available[AIC_AMOUNT_TEXT], reserved[AIC_AMOUNT_TEXT];

	if (q->quoted)
		snprintf(buf, AIC_QUOTE_TEXT, MARK "ruling=%s; cost=%s; available=%s; reserved=%s; seconds=%" PRId64 "; tasks=%u; "
		         "account=%s; job=%s; message=%s", rulings[q->ruling], aic_amount_units(cost, q->cost),
		         aic_amount_units(available, q->available), aic_amount_units(reserved, q->reserved), q->seconds, q->tasks,
		         q->account, q->job, q->message);
	else
		snprintf(buf, AIC_QUOTE_TEXT, MARK "ruling=%s; account=%s; message=%s", rulings[q->ruling], q->account, q->message);
	return buf;
}

/* The message is the last field, and may hold anything. */
static int take_field(const char **p, char *value, size_t size)
{
	for (int f = 0; f < FIELDS; f++) {
		size_t n = strlen(names[f]), len;
		const char *text = *p + n + 1, *end;

		if (strncmp(*p, names[f], n) || (*p)[n] != '=')
			continue;
		end = f == MESSAGE ? NULL : strstr(text, SEPARATOR);
		len = end ? (size_t)(end - text) : strcspn(text, "\n");
		if (len >= size)
			return -1;
		memcpy(value, text, len);
		value[len] = '\0';
		*p = end ? end + strlen(SEPARATOR) : text + len;
		return f;
	}
	return -1;
}

static bool set_number(uint64_t *out, const char *digits, uint64_t max)
{
	char *end;

	*out = strtoull(digits, &end, 10);
	return digits[0] >= '0' && digits[0] <= '9' && !*end && *out <= max;
}

static bool set_ruling(aic_quote *q, const char *value)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(value, rulings[i])) {
			q->ruling = (aic_quote_ruling)i;
			return true;
		}
	return false;
}

static bool set_field(aic_quote *q, int field, const char *value)
{
	uint64_t n = 0;
	bool good;

	switch (field) {
	case RULING: return set_ruling(q, value);
	case COST: return aic_amount_from_units(&q->cost, value);
	case AVAILABLE: return aic_amount_from_units(&q->available, value);
	case RESERVED: return aic_amount_from_units(&q->reserved, value);
	case SECONDS:
		good = set_number(&n, value, INT64_MAX);
		q->seconds = (int64_t)n;
		return good;
	case TASKS:
		good = set_number(&n, value, UINT32_MAX);
		q->tasks = (uint32_t)n;
		return good;
	case ACCOUNT: aic_str_copy(q->account, sizeof(q->account), value); return true;
	case JOB: aic_str_copy(q->job, sizeof(q->job), value); return true;
	default: aic_str_copy(q->message, sizeof(q->message), value); return true;
	}
}

bool aic_quote_read(aic_quote *q, const char *line)
{
	const char *p = strstr(line, MARK);
	char value[640];
	unsigned seen = 0;

	memset(q, 0, sizeof(*q));
	if (!p)
		return false;
	for (p += strlen(MARK); *p && *p != '\n';) {
		int field = take_field(&p, value, sizeof(value));

		if (field < 0 || !set_field(q, field, value))
			return false;
		seen |= 1u << field;
	}
	q->quoted = seen >> COST & 1;
	return q->quoted ? seen == (1u << FIELDS) - 1 : seen == (1u << RULING | 1u << ACCOUNT | 1u << MESSAGE);
}
