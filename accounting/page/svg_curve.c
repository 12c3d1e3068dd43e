/* svg_curve.c: a curve, its limit, and the point where we are. */
#include <math.h>
#include <stdio.h>

#include "accounting/page/svg.h"

#define HEIGHT 300
#define LEFT 56
#define RIGHT (AIC_SVG_WIDTH - 16)
#define TOP 34
#define BOTTOM (HEIGHT - 48)

/* Large figures are given in thousands, millions, billions. */
static double scale_of(double largest, const char **name)
{
	static const struct { double scale; const char *name; } scales[] = {{1e9, "billion "}, {1e6, "million "}, {1e3, "thousand "}};

	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++)
		if (largest >= scales[i].scale) {
			*name = scales[i].name;
			return scales[i].scale;
		}
	*name = "";
	return 1;
}

static void put_x_axis(aic_bytes *out, const aic_axis *a, const char *title)
{
	int steps = (int)lround(a->top / a->step);
	char label[64];

	for (int i = 0; i <= steps; i++) {
		aic_svg_number(label, sizeof(label), i * a->step, a->decimals);
		aic_svg_text(out, LEFT + (double)(RIGHT - LEFT) * i / steps, BOTTOM + 18, "dim", "middle", 0, label);
	}
	aic_svg_text(out, RIGHT, BOTTOM + 38, "dim", "end", 0, title);
}

static void put_point(aic_bytes *out, double x, double y)
{
	aic_bytes_printf(out, "<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", x, y);
	aic_svg_text(out, x + 9, y - 7, "strong", "start", 0, "now");
}

void aic_svg_curve_put(aic_bytes *out, const aic_svg_curve *c)
{
	const char *x_name, *y_name;
	double x_scale = scale_of(c->n ? c->x[c->n - 1] : 1, &x_name), y_scale = scale_of(c->limit, &y_name);
	aic_axis x = aic_axis_of((c->n ? c->x[c->n - 1] : 1) / x_scale), y = aic_axis_of(c->limit / y_scale);
	char title[160];

	aic_svg_begin(out, c->id, AIC_SVG_WIDTH, HEIGHT, c->title, c->description);
	aic_svg_y_axis(out, &y, LEFT, RIGHT, TOP, BOTTOM, "");
	snprintf(title, sizeof(title), "%s, %sAIC", c->y_title, y_name);
	aic_svg_text(out, LEFT - 36, TOP - 18, "dim", "start", 0, title);
	snprintf(title, sizeof(title), "%s, %sAIC", c->x_title, x_name);
	put_x_axis(out, &x, title);
#define AT_X(v) (LEFT + (RIGHT - LEFT) * ((v) / x_scale) / x.top)
#define AT_Y(v) (BOTTOM - (BOTTOM - TOP) * ((v) / y_scale) / y.top)
	aic_svg_line(out, LEFT, AT_Y(c->limit), RIGHT, AT_Y(c->limit), "mark");
	aic_svg_text(out, LEFT + 6, AT_Y(c->limit) + 15, NULL, "start", 0, c->limit_name);
	aic_bytes_append_str(out, "<path class=\"curve\" d=\"");
	for (size_t i = 0; i < c->n; i++)
		aic_bytes_printf(out, "%c%.2f %.2f", i ? 'L' : 'M', AT_X(c->x[i]), AT_Y(c->y[i]));
	aic_bytes_append_str(out, "\"/>\n");
	put_point(out, AT_X(c->now_x), AT_Y(c->now_y));
	for (size_t i = 0; i < 3; i++) /* below the curve, which is left there */
		aic_svg_text(out, RIGHT - 8, BOTTOM - 54 + 18 * (double)i, i ? NULL : "strong", "end", 0, c->now[i]);
#undef AT_X
#undef AT_Y
	aic_svg_end(out);
}
