/* html_table.c: a grid as a table: caption, column heads with their scope, figures aligned on the decimal point, sums below. */
#include "accounting/page/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"

/* Two decimals for thousands, more where figures are small. */
static int decimals_of(const aic_grid *g, size_t column)
{
	aic_amount largest = 0;

	for (size_t i = 0; i < g->n; i++)
		if (aic_grid_cell(g, i, column)->amount > largest)
			largest = aic_grid_cell(g, i, column)->amount;
	return largest >= 1000 * AIC_UNIT || largest == 0 ? 2 : largest >= AIC_UNIT ? 4 : 6;
}

static bool is_money(const aic_column *c)
{
	return c->kind == AIC_COLUMN_AMOUNT && strstr(c->title, "AIC");
}

/* All money of a table has as many, so that columns can be compared. */
static int *decimals_of_all(const aic_column *columns, const aic_grid *g)
{
	int *decimals = aic_xcalloc(g->columns + 1, sizeof(*decimals)), money = 2;

	for (size_t k = 0; k < g->columns; k++) {
		decimals[k] = columns[k].kind == AIC_COLUMN_AMOUNT ? decimals_of(g, k) : 0;
		if (is_money(&columns[k]) && decimals[k] > money)
			money = decimals[k];
	}
	for (size_t k = 0; k < g->columns; k++)
		if (is_money(&columns[k]))
			decimals[k] = money;
	return decimals;
}

static bool is_digits(const char *s)
{
	return s && s[0] && strlen(s) < 19 && s[strspn(s, "0123456789")] == '\0';
}

/* Numbers, and texts that are a number or tell that there is none. */
static bool is_figure(const aic_column *c, const aic_grid *g, size_t column)
{
	bool number = false;

	if (c->kind != AIC_COLUMN_TEXT)
		return c->kind != AIC_COLUMN_TIME;
	for (size_t i = 0; i < g->n; i++) {
		const char *text = aic_grid_cell(g, i, column)->text;
		if (text && !is_digits(text) && strcmp(text, "unknown"))
			return false;
		number |= text != NULL;
	}
	return number;
}

static bool has(uint32_t set, size_t column)
{
	return column < 32 && set >> column & 1;
}

/* "GROSS AIC" is for terminals: "Gross AIC". */
static void put_title(aic_bytes *out, const char *title)
{
	char text[64];

	aic_str_copy(text, sizeof(text), title);
	for (char *p = text; *p; p++) {
		bool word = strncmp(p, "AIC", 3) == 0 || strncmp(p, "CPU", 3) == 0 || strncmp(p, "GPU", 3) == 0;
		if (word)
			p += 2;
		else if (p != text && *p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	aic_html_text(out, text);
}

static void put_head(aic_bytes *out, const aic_html_table_style *style, const aic_column *columns, const aic_grid *g)
{
	aic_bytes_append_str(out, "<thead>\n<tr>");
	for (size_t k = 0; k < g->columns; k++) {
		if (has(style->leave_out, k))
			continue;
		aic_bytes_printf(out, "<th scope=\"col\"%s data-key=\"%s\">", is_figure(&columns[k], g, k) ? " class=\"n\"" : "", columns[k].key);
		put_title(out, columns[k].title);
		aic_bytes_append_str(out, "</th>");
	}
	aic_bytes_append_str(out, "</tr>\n</thead>\n");
}

static void put_cell(aic_bytes *out, const aic_column *c, const aic_cell *cell, int decimals, bool heads_row)
{
	const char *end = heads_row ? "</th>" : "</td>", *tag = heads_row ? "th scope=\"row\"" : "td";
	char text[AIC_AMOUNT_TEXT];

	switch (c->kind) {
	case AIC_COLUMN_TEXT:
		if (!heads_row && is_digits(cell->text)) {
			aic_bytes_printf(out, "<td class=\"n\" data-v=\"%s\">", cell->text);
			aic_html_number(out, strtoll(cell->text, NULL, 10));
			break;
		}
		aic_bytes_printf(out, "<%s%s>", tag, cell->text && !strcmp(cell->text, "unknown") ? " class=\"n\"" : "");
		if (cell->text)
			aic_html_text(out, cell->text);
		else
			aic_bytes_append_str(out, "\xe2\x80\x93");
		break;
	case AIC_COLUMN_NUMBER:
		aic_bytes_printf(out, "<%s class=\"n\" data-v=\"%" PRId64 "\">", tag, cell->number);
		aic_html_number(out, cell->number);
		break;
	case AIC_COLUMN_AMOUNT:
		aic_bytes_printf(out, "<%s class=\"n\" data-v=\"%s\">", tag, aic_amount_units(text, cell->amount));
		aic_html_amount(out, cell->amount, decimals);
		break;
	case AIC_COLUMN_TIME:
		aic_bytes_printf(out, "<%s data-v=\"%" PRId64 "\"><time>%s</time>", tag, cell->number,
		                 cell->number ? aic_time_format(text, cell->number) : "\xe2\x80\x93");
		break;
	}
	aic_bytes_append_str(out, end);
}

static void put_sums(aic_bytes *out, const aic_html_table_style *style, const aic_column *columns, const aic_grid *g,
                     const int *decimals)
{
	bool named = false;

	aic_bytes_append_str(out, "<tfoot>\n<tr>");
	for (size_t k = 0; k < g->columns; k++) {
		aic_cell sum = {0};
		if (has(style->leave_out, k))
			continue;
		if (!named) {
			aic_bytes_append_str(out, "<th scope=\"row\">Sum</th>");
			named = true;
			continue;
		}
		if (!has(style->sums, k)) {
			aic_bytes_append_str(out, "<td></td>");
			continue;
		}
		for (size_t i = 0; i < g->n; i++) {
			sum.amount += aic_grid_cell(g, i, k)->amount;
			sum.number += aic_grid_cell(g, i, k)->number;
		}
		put_cell(out, &columns[k], &sum, decimals[k], false);
	}
	aic_bytes_append_str(out, "</tr>\n</tfoot>\n");
}

void aic_html_table(aic_bytes *out, const aic_html_table_style *style, const aic_column *columns, const aic_grid *g)
{
	if (!g->n) {
		aic_html_element(out, "p", "none", style->none);
		return;
	}
	int *decimals = decimals_of_all(columns, g);
	aic_bytes_printf(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-caption\">\n<table class=\"data\""
	                      " id=\"%s\">\n<caption id=\"%s-caption\">", style->id, style->id, style->id);
	aic_html_text(out, style->caption);
	aic_bytes_append_str(out, "</caption>\n");
	put_head(out, style, columns, g);
	aic_bytes_append_str(out, "<tbody>\n");
	for (size_t i = 0; i < g->n; i++) {
		bool first = true;
		aic_bytes_append_str(out, "<tr>");
		for (size_t k = 0; k < g->columns; k++)
			if (!has(style->leave_out, k)) {
				put_cell(out, &columns[k], aic_grid_cell(g, i, k), decimals[k], first && columns[k].kind == AIC_COLUMN_TEXT);
				first = false;
			}
		aic_bytes_append_str(out, "</tr>\n");
	}
	aic_bytes_append_str(out, "</tbody>\n");
	if (style->sums)
		put_sums(out, style, columns, g, decimals);
	aic_bytes_append_str(out, "</table>\n</div>\n");
	free(decimals);
}
