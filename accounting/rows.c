#include "accounting/rows.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX (1u << 24)
#define TEXT_MAX 4096

static void next_cell(aic_rows *r)
{
	if (r->cells % r->columns == 0)
		aic_cbor_put_array(&r->body, r->columns);
	r->cells++;
}

void aic_rows_text(aic_rows *r, const char *s)
{
	next_cell(r);
	if (s && s[0])
		aic_cbor_put_text(&r->body, s);
	else
		aic_cbor_put_null(&r->body);
}

void aic_rows_number(aic_rows *r, int64_t v)
{
	next_cell(r);
	aic_cbor_put_int(&r->body, v);
}

void aic_rows_amount(aic_rows *r, aic_amount v)
{
	next_cell(r);
	aic_cbor_put_amount(&r->body, v);
}

void aic_rows_finish(aic_rows *r, aic_bytes *out)
{
	aic_cbor_put_array(out, r->cells / r->columns);
	if (r->body.len)
		aic_bytes_append(out, r->body.data, r->body.len);
	aic_bytes_free(&r->body);
	r->cells = 0;
}

static void read_cell(aic_cell *cell, aic_cbor *c, aic_column_kind kind)
{
	char text[TEXT_MAX];

	switch (kind) {
	case AIC_COLUMN_TEXT:
		if (!aic_cbor_null_next(c) && aic_cbor_text(c, text, sizeof(text)))
			cell->text = aic_xstrdup(text);
		break;
	case AIC_COLUMN_NUMBER:
	case AIC_COLUMN_TIME:
		cell->number = aic_cbor_int(c);
		break;
	case AIC_COLUMN_AMOUNT:
		cell->amount = aic_cbor_amount(c);
		break;
	}
}

void aic_grid_read(aic_grid *g, aic_cbor *c, const aic_column *columns, size_t n_columns)
{
	size_t n = aic_cbor_array(c, ROWS_MAX);

	memset(g, 0, sizeof(*g));
	g->columns = n_columns;
	if (!aic_cbor_ok(c) || !n)
		return;
	if (n > c->len - c->pos) { /* each row takes a byte at least */
		aic_cbor_fail(c, "%zu rows do not fit the answer", n);
		return;
	}
	g->cell = aic_xcalloc(n * n_columns, sizeof(*g->cell));
	for (; g->n < n && aic_cbor_ok(c); g->n++) {
		aic_cbor_array_exact(c, n_columns);
		for (size_t k = 0; k < n_columns && aic_cbor_ok(c); k++)
			read_cell(&g->cell[g->n * n_columns + k], c, columns[k].kind);
	}
}

void aic_grid_clear(aic_grid *g)
{
	for (size_t i = 0; i < g->n * g->columns; i++)
		free(g->cell[i].text);
	free(g->cell);
	memset(g, 0, sizeof(*g));
}

const aic_cell *aic_grid_cell(const aic_grid *g, size_t row, size_t column)
{
	return &g->cell[row * g->columns + column];
}

void aic_grid_row(const aic_grid *g, size_t row, const aic_column *columns, aic_table *t)
{
	for (size_t k = 0; k < g->columns; k++) {
		const aic_cell *cell = aic_grid_cell(g, row, k);
		switch (columns[k].kind) {
		case AIC_COLUMN_TEXT:
			aic_table_text(t, cell->text);
			break;
		case AIC_COLUMN_NUMBER:
			aic_table_number(t, cell->number);
			break;
		case AIC_COLUMN_AMOUNT:
			aic_table_amount(t, cell->amount);
			break;
		case AIC_COLUMN_TIME:
			aic_table_time(t, cell->number);
			break;
		}
	}
}

void aic_grid_rows(const aic_grid *g, const aic_column *columns, aic_table *t)
{
	for (size_t i = 0; i < g->n; i++)
		aic_grid_row(g, i, columns, t);
}

aic_amount aic_grid_sum(const aic_grid *g, size_t column)
{
	aic_amount sum = 0;

	for (size_t i = 0; i < g->n; i++)
		sum += aic_grid_cell(g, i, column)->amount;
	return sum;
}
