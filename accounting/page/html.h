/* html.h: the pieces of a self-contained page: escaped text, head with style and script, tables of a grid. Everything is readable
 * without the script, which adds sorting and filtering; nothing is fetched from anywhere. */
#ifndef AIC_ACCOUNTING_HTML_H
#define AIC_ACCOUNTING_HTML_H

#include "accounting/rows.h"

/* Appends s as text of HTML or XML, fit for an attribute in double quotes too: & < > " ' are escaped, control characters and
 * what is no UTF-8 become U+FFFD. NULL appends nothing. */
void aic_html_text(aic_bytes *out, const char *s);
/* `<tag class="...">text</tag>`; class NULL for none. tag and class are the caller's own words. */
void aic_html_element(aic_bytes *out, const char *tag, const char *class_name, const char *text);

/* From the doctype to <main>. A policy in the head lets nothing but the page's own style and script run. */
void aic_html_begin(aic_bytes *out, const char *title);
void aic_html_end(aic_bytes *out);

typedef struct {
	const char *id;          /* of the element; a plain word */
	const char *caption;
	const char *none;        /* said in place of a table without rows */
	uint32_t sums;           /* bit k: the last line has the sum of column k */
	uint32_t leave_out;      /* bit k: column k is not shown */
} aic_html_table_style;

/* Figures are rounded down and aligned; data-v of a cell is the exact value (units of an amount), by which it is sorted. */
void aic_html_table(aic_bytes *out, const aic_html_table_style *style, const aic_column *columns, const aic_grid *g);

/* The amount with that many decimals, "<0.01" for one that would be shown as nothing. */
void aic_html_amount(aic_bytes *out, aic_amount v, int decimals);
void aic_html_number(aic_bytes *out, int64_t v); /* thousands separated */

/* html_look.c: report.css and report.js, as they were when this was built. */
void aic_html_style(aic_bytes *out);
void aic_html_script(aic_bytes *out);

#endif
