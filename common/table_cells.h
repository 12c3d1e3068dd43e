/* table_cells.h: inside of aic_table, for table.c and table_print.c alone. */
#ifndef AIC_TABLE_CELLS_H
#define AIC_TABLE_CELLS_H

#include "common/table.h"

typedef struct {
	enum { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_AMOUNT, CELL_TIME } kind;
	char *text;        /* owned */
	int64_t number;    /* also a time */
	aic_amount amount;
} aic_cell;

struct aic_table {
	const aic_column *column;
	size_t columns;
	aic_cell *cell;    /* row after row */
	size_t cells, capacity;
	bool ruled;
	size_t rule;       /* rows above the rule */
	char **note;
	size_t notes;
};

#endif
