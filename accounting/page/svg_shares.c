/* svg_shares.c: horizontal bars from 0 to 1. */
#include <stdio.h>

#include "accounting/page/html.h"
#include "accounting/page/svg.h"

#define LEFT 180
#define RIGHT 500
#define TOP 26
#define ROW 26
#define BAR 15
#define NAME_MAX_CHARS 24

static double x_of(double share)
{
	return LEFT + (RIGHT - LEFT) * (share < 0 ? 0 : share > 1 ? 1 : share);
}

void aic_svg_shares_put(aic_bytes *out, const aic_svg_shares *s)
{
	double bottom = TOP + (double)s->n * ROW;
	char figure[32];

	aic_svg_begin(out, s->id, AIC_SVG_WIDTH, (int)bottom + 26, s->title, s->description);
	for (int i = 0; i <= 4; i++) {
		aic_svg_line(out, x_of(i / 4.0), TOP, x_of(i / 4.0), bottom, i ? "grid" : "axis");
		snprintf(figure, sizeof(figure), "%.2f", i / 4.0);
		aic_svg_text(out, x_of(i / 4.0), bottom + 18, "dim", "middle", 0, figure);
	}
	for (size_t i = 0; i < s->n; i++) {
		double y = TOP + (double)i * ROW + (ROW - BAR) / 2.0;
		snprintf(figure, sizeof(figure), "%.3f", s->value[i]);
		aic_svg_text(out, LEFT - 8, y + BAR - 3, NULL, "end", NAME_MAX_CHARS, s->name[i]);
		aic_bytes_printf(out, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" class=\"f0\"><title>", LEFT, y,
		                 x_of(s->value[i]) - LEFT, BAR);
		aic_html_text(out, s->name[i]);
		aic_bytes_printf(out, ": %s</title></rect>\n", figure);
		aic_svg_text(out, RIGHT + 8, y + BAR - 3, "strong", "start", 0, figure);
	}
	aic_svg_line(out, x_of(s->mark), TOP - 6, x_of(s->mark), bottom, "mark");
	aic_svg_text(out, x_of(s->mark), TOP - 11, "dim", "middle", 0, s->mark_name);
	aic_svg_end(out);
}
