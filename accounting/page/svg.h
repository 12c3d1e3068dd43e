/* svg.h: charts as inline SVG, styled by report.css, each with a title and a description for those who do not see it. Axes start
 * at 0. Values are doubles because they become positions on paper; money that is printed is printed from integers elsewhere. */
#ifndef AIC_ACCOUNTING_SVG_H
#define AIC_ACCOUNTING_SVG_H

#include <stddef.h>

#include "common/bytes.h"

#define AIC_SVG_COLOURS 8     /* classes f0 to f7 of report.css; f7 is grey, for what is the rest or not known */
#define AIC_SVG_REST 7
#define AIC_SVG_WIDTH 560
#define AIC_SVG_WIDE 1160

/* A scale from 0 to top, in steps of 1, 2 or 5 times a power of ten, with the decimals that its labels need. */
typedef struct {
	double top, step;
	int decimals;
} aic_axis;
aic_axis aic_axis_of(double largest);

void aic_svg_begin(aic_bytes *out, const char *id, int width, int height, const char *title, const char *description);
void aic_svg_end(aic_bytes *out);
/* anchor: start, middle or end. A text of more than max characters is cut and ends in an ellipsis; max 0: never. */
void aic_svg_text(aic_bytes *out, double x, double y, const char *class_name, const char *anchor, size_t max, const char *text);
void aic_svg_line(aic_bytes *out, double x1, double y1, double x2, double y2, const char *class_name);
/* Horizontal lines with labels for a y axis in the box, and its unit above. */
void aic_svg_y_axis(aic_bytes *out, const aic_axis *a, double left, double right, double top, double bottom, const char *unit);
void aic_svg_number(char *text, size_t size, double v, int decimals); /* thousands separated */

/* Stacked columns, one for each group, in the order of the series. */
typedef struct {
	const char *id, *title, *description, *unit;
	int width;                                    /* AIC_SVG_WIDTH, or AIC_SVG_WIDE over the whole page */
	size_t groups; const char *const *group;      /* labels below the columns */
	size_t series; const char *const *name;       /* in the legend */
	const int *colour;                            /* of each series */
	const double *value;                          /* groups * series, group after group */
} aic_svg_columns;
void aic_svg_columns_put(aic_bytes *out, const aic_svg_columns *c);

/* Horizontal bars from 0 to 1, with a mark. */
typedef struct {
	const char *id, *title, *description;
	size_t n; const char *const *name;
	const double *value;
	double mark;
	const char *mark_name;
} aic_svg_shares;
void aic_svg_shares_put(aic_bytes *out, const aic_svg_shares *s);

/* A curve through points of ascending x, the point where we are, and a limit that it never passes. */
typedef struct {
	const char *id, *title, *description, *x_title, *y_title;
	size_t n; const double *x, *y;
	double now_x, now_y, limit;
	const char *now[3], *limit_name; /* lines of words about the point */
} aic_svg_curve;
void aic_svg_curve_put(aic_bytes *out, const aic_svg_curve *c);

#endif
