/* rows.h: a table's rows on their way from aicacctd to the command that prints them: a CBOR array of arrays, whose cells
 * the columns of the command describe. */
#ifndef AIC_ACCOUNTING_ROWS_H
#define AIC_ACCOUNTING_ROWS_H

#include "common/cbor.h"
#include "common/table.h"

/* --- sending --- */
typedef struct {
	aic_bytes body;
	size_t columns, cells;
} aic_rows;

void aic_rows_text(aic_rows *r, const char *s);    /* NULL: nothing there */
void aic_rows_number(aic_rows *r, int64_t v);
void aic_rows_amount(aic_rows *r, aic_amount v);
/* Appends the finished array to out and frees r. Every row must have `columns` cells. */
void aic_rows_finish(aic_rows *r, aic_bytes *out);

/* --- receiving --- */
typedef struct {
	char *text;          /* owned; NULL where there is none */
	int64_t number;
	aic_amount amount;
} aic_cell;

typedef struct {
	size_t n, columns;
	aic_cell *cell;      /* n * columns */
} aic_grid;

/* Reads rows of that many columns; failures stay in the cursor. */
void aic_grid_read(aic_grid *g, aic_cbor *c, const aic_column *columns, size_t n_columns);
void aic_grid_clear(aic_grid *g);
const aic_cell *aic_grid_cell(const aic_grid *g, size_t row, size_t column);
/* Adds row i to the table. */
void aic_grid_row(const aic_grid *g, size_t row, const aic_column *columns, aic_table *t);
/* All rows. */
void aic_grid_rows(const aic_grid *g, const aic_column *columns, aic_table *t);
aic_amount aic_grid_sum(const aic_grid *g, size_t column);

#endif
