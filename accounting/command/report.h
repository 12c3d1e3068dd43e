/* report.h: a report as the commands gather it from aicacctd before they print it: grids of rows, each with its columns. */
#ifndef AIC_ACCOUNTING_REPORT_H
#define AIC_ACCOUNTING_REPORT_H

#include "accounting/command/ask.h"
#include "accounting/command/report_columns.h"
#include "ledger/client.h"

/* What a report is made of; a page can have several. */
typedef enum {
	AIC_SECTION_PAYOUTS = 1, AIC_SECTION_USAGE = 2, AIC_SECTION_UNCHARGED = 4, AIC_SECTION_WALLETS = 8, AIC_SECTION_RATINGS = 16,
	AIC_SECTION_VALUE = 32, AIC_SECTION_CURVE = 64, AIC_SECTION_SESSIONS = 128
} aic_section;
#define AIC_SECTIONS_ALL 255

#define AIC_SERIES_PERIODS 12 /* in charts over time */

typedef struct {
	unsigned sections;
	char site[AIC_NAME_LEN];
	int64_t made_at;
	bool enforce;
	char period[16];
	aic_grid payouts, sessions, usage, uncharged, wallets, ratings, value, payout_series, usage_series;
	aic_amount charge;           /* of all payouts that the caller sees, added up line by line by aicacctd */
	char message[1024];          /* its remark on payouts; "" */
	aic_ledger_curve curve;
	char no_curve[768];          /* why there is none; "" */
	bool filtered;               /* some rows were left out as the caller asked */
} aic_report;

/* Asks aicacctd for the sections; w says which period and which rows. Free with aic_report_clear whatever comes back. */
aic_code aic_report_gather(aic_report *r, const aic_words *w, unsigned sections, aic_error *err);
void aic_report_clear(aic_report *r);

/* Payouts of one wallet ("account/physics", "provider/lab-one"), as payer or payee. */
aic_code aic_report_statement(aic_report *r, const aic_words *w, const char *wallet, aic_error *err);

/* Keeps the rows whose cell in that column is `text`, or ends in "/" and text, or is empty. NULL keeps all. */
void aic_grid_keep(aic_grid *g, size_t column, const char *text);

/* html_page.c, html_statement.c */
void aic_report_page(aic_bytes *out, const aic_report *r);
void aic_report_statement_page(aic_bytes *out, const aic_report *r, const char *wallet);
/* html_charts.c: figures of a page. */
void aic_report_charts(aic_bytes *out, const aic_report *r);

#endif
