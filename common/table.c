/* table.c: rows of cells; what each format makes of them is in table_print.c. */
#include "common/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/table_cells.h"

bool aic_format_parse(aic_format *f, const char *text)
{
	static const char *const name[] = {
		[AIC_FORMAT_TABLE] = "table", [AIC_FORMAT_PARSABLE] = "parsable", [AIC_FORMAT_CSV] = "csv", [AIC_FORMAT_JSON] = "json"
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (strcmp(text, name[i]) == 0) {
			*f = (aic_format) i;
			return true;
		}
	}
	return false;
}

aic_table *aic_table_new(const aic_column *columns, size_t n)
{
	aic_table *t = aic_xcalloc(1, sizeof(*t));

	t->column = columns;
	t->columns = n;
	return t;
}

void aic_table_free(aic_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	for (size_t i = 0; i < t->notes; i++)
		free(t->note[i]);
	free(t->cell);
	free(t->note);
	free(t);
}

static void add(aic_table *t, aic_cell cell)
{
	if (t->cells == t->capacity) {
		t->capacity = t->capacity ? 2 * t->capacity : 64;
		t->cell = aic_xrealloc(t->cell, t->capacity * sizeof(*t->cell));
	}
	t->cell[t->cells++] = cell;
}

void aic_table_text(aic_table *t, const char *s)
{
	add(t, s ? (aic_cell) {.kind = CELL_TEXT, .text = aic_xstrdup(s)} : (aic_cell) {.kind = CELL_NONE});
}

void aic_table_number(aic_table *t, int64_t v)
{
	add(t, (aic_cell) {.kind = CELL_NUMBER, .number = v});
}

void aic_table_amount(aic_table *t, aic_amount v)
{
	add(t, (aic_cell) {.kind = CELL_AMOUNT, .amount = v});
}

void aic_table_time(aic_table *t, int64_t v)
{
	add(t, v ? (aic_cell) {.kind = CELL_TIME, .number = v} : (aic_cell) {.kind = CELL_NONE});
}

static size_t whole_rows(const aic_table *t)
{
	return t->columns ? t->cells / t->columns : 0;
}

void aic_table_rule(aic_table *t)
{
	if (t->ruled)
		return;
	t->ruled = true;
	t->rule = whole_rows(t);
}

void aic_table_note(aic_table *t, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	t->note = aic_xrealloc(t->note, (t->notes + 1) * sizeof(*t->note));
	t->note[t->notes++] = aic_xstrdup(line);
}

size_t aic_table_rows(const aic_table *t)
{
	return t->ruled ? t->rule : whole_rows(t);
}
