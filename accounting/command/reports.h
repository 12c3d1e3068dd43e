/* reports.h: the reports of `aic report` that stand in files of their own. */
#ifndef AIC_ACCOUNTING_REPORTS_H
#define AIC_ACCOUNTING_REPORTS_H

#include "accounting/command/report.h"

/* Gathers the sections, writes the page to --output or stdout, ends w. Returns the exit status. */
int aic_page_command(aic_words *w, unsigned sections, char **argv);
/* Writes what was made to --output (a whole file or none), else to stdout. */
aic_code aic_output(const aic_words *w, const aic_bytes *made, aic_error *err);
/* Prints t in the format that was asked for, to --output or stdout, and frees it. */
aic_code aic_show_output(const aic_words *w, aic_table *t, aic_error *err);

/* A report that is one table. */
typedef struct {
	unsigned section, filters;   /* AIC_SECTION_..., AIC_FILTER_... */
	bool of_period;              /* --period applies */
	const aic_column *columns;
	size_t n_columns, grid;      /* grid: its offset in aic_report */
	const char *doc;             /* for --help */
	const char *note, *none;     /* below the table; of a period's: where it has no rows */
} aic_table_report;
int aic_report_table(int argc, char **argv, const aic_table_report *report);

int aic_report_all(int argc, char **argv);
int aic_report_wallets(int argc, char **argv);
int aic_report_ratings(int argc, char **argv);
int aic_report_value(int argc, char **argv);
int aic_report_statement_of(int argc, char **argv);
int aic_report_jobs(int argc, char **argv);

#endif
