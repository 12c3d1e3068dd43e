/* table_print.c: the four formats of a table. */
#define _GNU_SOURCE
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "common/bytes.h"
#include "common/table_cells.h"
#include "common/time.h"
#include "common/utf8.h"

#define GAP "  "
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* --- text of one cell --- */

/* What every format but `table` shows; "" for a missing value. buf has AIC_AMOUNT_TEXT bytes. */
static const char *exact_text(char buf[AIC_AMOUNT_TEXT], const aic_cell *cell)
{
	switch (cell->kind) {
	case CELL_TEXT:
		return cell->text;
	case CELL_NUMBER:
		snprintf(buf, AIC_AMOUNT_TEXT, "%lld", (long long) cell->number);
		return buf;
	case CELL_AMOUNT:
		return aic_amount_format(buf, cell->amount);
	case CELL_TIME:
		return aic_time_format(buf, cell->number);
	default:
		return "";
	}
}

/* Copies s with one visible character for each control byte and each byte that is not UTF-8: a job's name must not
 * move the cursor, and `parsable` also gives up `also`, its separator. The caller frees the result. */
static char *printable(const char *s, char also)
{
	size_t len = strlen(s), n;
	char *out = aic_xmalloc(len + 1);
	uint32_t c;

	for (size_t i = 0; i < len; i += n) {
		n = aic_utf8_next(s + i, len - i, &c);
		if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || (also && c == (uint32_t) also)) {
			n = n ? n : 1;
			memset(out + i, '?', n);
		} else {
			memcpy(out + i, s + i, n);
		}
	}
	out[len] = '\0';
	return out;
}

/* --- table --- */

/* Columns that a terminal needs for UTF-8 text, whatever the program's own locale. */
static size_t width_of(const char *s, locale_t utf8)
{
	size_t width = 0, n, len = strlen(s);
	locale_t before = utf8 ? uselocale(utf8) : (locale_t) 0;
	uint32_t c;

	for (; (n = aic_utf8_next(s, len, &c)) > 0; s += n, len -= n) {
		int w = utf8 ? wcwidth((wchar_t) c) : 1;
		width += w < 0 ? 1 : (size_t) w;
	}
	if (utf8)
		uselocale(before);
	return width;
}

/* Decimals of an amount column: enough that its largest figure has about five digits. */
static int decimals_of(const aic_table *t, size_t column)
{
	aic_amount largest = 0;

	for (size_t i = column; i < t->cells; i += t->columns)
		if (t->cell[i].kind == CELL_AMOUNT && t->cell[i].amount > largest)
			largest = t->cell[i].amount;
	return largest >= 1000 * AIC_UNIT || largest == 0 ? 2 : largest >= AIC_UNIT ? 4 : 6;
}

static char *human_text(const aic_cell *cell, int decimals)
{
	char buf[AIC_AMOUNT_TEXT];
	aic_amount smallest = AIC_UNIT;

	if (cell->kind == CELL_NONE)
		return aic_xstrdup("-");
	if (cell->kind != CELL_AMOUNT)
		return printable(exact_text(buf, cell), '\0');
	for (int i = 0; i < decimals; i++)
		smallest /= 10;
	if (cell->amount > 0 && cell->amount < smallest) {
		char least[AIC_AMOUNT_TEXT];
		return aic_xasprintf("<%s", aic_amount_human(least, smallest, decimals));
	}
	return aic_xstrdup(aic_amount_human(buf, cell->amount, decimals));
}

static void print_padding(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int) n, "");
}

static void print_line(const aic_table *t, char *const *text, const size_t *width, locale_t utf8, FILE *out)
{
	for (size_t i = 0; i < t->columns; i++) {
		bool right = t->column[i].kind == AIC_COLUMN_NUMBER || t->column[i].kind == AIC_COLUMN_AMOUNT;
		size_t padding = width[i] - width_of(text[i], utf8);
		if (right)
			print_padding(out, padding);
		fputs(text[i], out);
		if (i + 1 == t->columns)
			break;
		if (!right)
			print_padding(out, padding);
		fputs(GAP, out);
	}
}

static void print_rule(const aic_table *t, const size_t *width, bool colours, FILE *out)
{
	if (colours)
		fputs(DIM, out);
	for (size_t i = 0; i < t->columns; i++) {
		for (size_t n = width[i]; n > 0; n--)
			putc('-', out);
		if (i + 1 < t->columns)
			fputs(GAP, out);
	}
	fprintf(out, "%s\n", colours ? PLAIN : "");
}

static void print_rows(const aic_table *t, char **text, const size_t *width, locale_t utf8, FILE *out)
{
	bool colours = isatty(fileno(out)) && !getenv("NO_COLOR");
	size_t rows = t->cells / t->columns;

	if (colours)
		fputs(BOLD, out);
	print_line(t, text, width, utf8, out);
	fprintf(out, "%s\n", colours ? PLAIN : "");
	print_rule(t, width, colours, out);
	for (size_t row = 0; row < rows; row++) {
		if (t->ruled && row == t->rule)
			print_rule(t, width, colours, out);
		print_line(t, text + (row + 1) * t->columns, width, utf8, out);
		putc('\n', out);
	}
}

static void print_table(const aic_table *t, FILE *out)
{
	size_t rows = t->cells / t->columns, n = (rows + 1) * t->columns;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
	size_t *width = aic_xcalloc(t->columns, sizeof(*width));
	char **text = aic_xcalloc(n, sizeof(*text));

	for (size_t column = 0; column < t->columns; column++) {
		int decimals = decimals_of(t, column);
		for (size_t i = column; i < n; i += t->columns) {
			text[i] = i == column ? aic_xstrdup(t->column[column].title) : human_text(&t->cell[i - t->columns], decimals);
			size_t w = width_of(text[i], utf8);
			if (w > width[column])
				width[column] = w;
		}
	}
	print_rows(t, text, width, utf8, out);
	if (t->notes > 0)
		putc('\n', out);
	for (size_t i = 0; i < t->notes; i++) {
		char *note = printable(t->note[i], '\0');
		fprintf(out, "%s\n", note);
		free(note);
	}
	for (size_t i = 0; i < n; i++)
		free(text[i]);
	free(text);
	free(width);
	if (utf8)
		freelocale(utf8);
}

/* --- parsable, csv --- */

static void put_parsable(FILE *out, const char *s)
{
	char *text = printable(s, '|');

	fputs(text, out);
	free(text);
}

static void put_csv(FILE *out, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, out);
		return;
	}
	putc('"', out);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', out);
		putc(*s, out);
	}
	putc('"', out);
}

static void print_lines(const aic_table *t, void (*put)(FILE *, const char *), char separator, const char *end, FILE *out)
{
	char buf[AIC_AMOUNT_TEXT];
	size_t n = aic_table_rows(t) * t->columns;

	for (size_t i = 0; i < t->columns + n; i++) {
		if (i < t->columns)
			put(out, t->column[i].key);
		else
			put(out, exact_text(buf, &t->cell[i - t->columns]));
		if ((i + 1) % t->columns)
			putc(separator, out);
		else
			fputs(end, out);
	}
}

/* --- json --- */

void aic_json_string(FILE *out, const char *s)
{
	static const char escape[][2] = {{'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};
	size_t len = s ? strlen(s) : 0, n;
	uint32_t c;

	if (!s) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	for (; len > 0; s += n, len -= n) {
		char letter = 0;
		n = aic_utf8_next(s, len, &c);
		if (n == 0)
			c = 0xfffd;
		for (size_t i = 0; i < sizeof(escape) / sizeof(escape[0]); i++)
			if (c == (uint32_t) escape[i][0])
				letter = escape[i][1];
		if (letter)
			fprintf(out, "\\%c", letter);
		else if (n == 0 || c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", (unsigned) c);
		else
			fwrite(s, 1, n, out);
		n = n ? n : 1;
	}
	putc('"', out);
}

static void put_json_cell(FILE *out, const aic_cell *cell)
{
	char buf[AIC_AMOUNT_TEXT];

	if (cell->kind == CELL_NONE)
		fputs("null", out);
	else if (cell->kind == CELL_NUMBER)
		fputs(exact_text(buf, cell), out);
	else
		aic_json_string(out, exact_text(buf, cell));
}

static void print_json(const aic_table *t, FILE *out)
{
	size_t rows = aic_table_rows(t);

	putc('[', out);
	for (size_t row = 0; row < rows; row++) {
		fputs(row ? ",\n  {" : "\n  {", out);
		for (size_t i = 0; i < t->columns; i++) {
			if (i)
				fputs(", ", out);
			aic_json_string(out, t->column[i].key);
			fputs(": ", out);
			put_json_cell(out, &t->cell[row * t->columns + i]);
		}
		putc('}', out);
	}
	fputs(rows ? "\n]\n" : "]\n", out);
}

void aic_table_print(const aic_table *t, aic_format format, FILE *out)
{
	switch (format) {
	case AIC_FORMAT_TABLE:
		print_table(t, out);
		break;
	case AIC_FORMAT_PARSABLE:
		print_lines(t, put_parsable, '|', "\n", out);
		break;
	case AIC_FORMAT_CSV:
		print_lines(t, put_csv, ',', "\r\n", out);
		break;
	case AIC_FORMAT_JSON:
		print_json(t, out);
		break;
	}
}
