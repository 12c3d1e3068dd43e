/* table.h: one description of rows and columns, printed as table, parsable, csv or json.
 *
 * table    aligned columns with a header, colours on a terminal only; footers and notes below
 * parsable as `sacct -P`: fields joined by '|', a header line of machine names; '?' for a '|' within a text
 * csv      RFC 4180, a header line of machine names
 * json     an array of objects; keys are the columns' machine names; numbers where the column is numeric
 *
 * A missing value (NULL text, time 0) is "-" in table, empty in parsable and csv, null in json. In table and parsable
 * '?' stands for control characters and for bytes that are not UTF-8. */
#ifndef AIC_TABLE_H
#define AIC_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/amount.h"
#include "common/error.h"

typedef enum { AIC_FORMAT_TABLE, AIC_FORMAT_PARSABLE, AIC_FORMAT_CSV, AIC_FORMAT_JSON } aic_format;
bool aic_format_parse(aic_format *f, const char *text);

typedef enum {
	AIC_COLUMN_TEXT,   /* left */
	AIC_COLUMN_NUMBER, /* right; integer */
	AIC_COLUMN_AMOUNT, /* right; AIC: the table shows a figure rounded down, the others the exact decimal as a string */
	AIC_COLUMN_TIME    /* left; epoch seconds shown as UTC */
} aic_column_kind;

typedef struct {
	const char *key;   /* machine name, lower_case: JSON key */
	const char *title; /* header for people: "GROSS AIC" */
	aic_column_kind kind;
} aic_column;

typedef struct aic_table aic_table;
aic_table *aic_table_new(const aic_column *columns, size_t n); /* columns are kept by reference */
void aic_table_free(aic_table *t);
/* Cells are given column by column, left to right; a row is complete after n cells. Any
 * kind of cell may stand in any column: a text such as "unknown" among numbers. */
void aic_table_text(aic_table *t, const char *s);
void aic_table_number(aic_table *t, int64_t v);
void aic_table_amount(aic_table *t, aic_amount v);
void aic_table_time(aic_table *t, int64_t v);
void aic_table_rule(aic_table *t);             /* the next row is a total: a rule above it, in table format only; in the
                                                  other formats the rows added after it are left out */
void aic_table_note(aic_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* below the table, table format only */
size_t aic_table_rows(const aic_table *t);
void aic_table_print(const aic_table *t, aic_format format, FILE *out);

/* Writes s as a JSON string with quotes; NULL as null, a byte that is not UTF-8 as U+FFFD. */
void aic_json_string(FILE *out, const char *s);

#endif
