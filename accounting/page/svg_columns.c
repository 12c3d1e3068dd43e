/* svg_columns.c: stacked columns with a legend below. */
#include <stdio.h>
#include <string.h>

#include "accounting/page/html.h"
#include "accounting/page/svg.h"

#define PLOT_TOP 28
#define PLOT_HEIGHT 190
#define LEFT 70
#define RIGHT(c) ((c)->width - 26)
#define LABEL_WIDTH 66  /* "2026-11-23" in 12 px */
#define TOTAL_WIDTH 44
#define LEGEND_LINE 20
#define LEGEND_ENTRY 176
#define NAME_MAX_CHARS 22

static double total(const aic_svg_columns *c, size_t group)
{
	double sum = 0;

	for (size_t k = 0; k < c->series; k++)
		sum += c->value[group * c->series + k];
	return sum;
}

static void put_column(aic_bytes *out, const aic_svg_columns *c, const aic_axis *a, size_t group, double x, double width)
{
	double y = PLOT_TOP + PLOT_HEIGHT;
	char figure[64];

	for (size_t k = 0; k < c->series; k++) {
		double v = c->value[group * c->series + k], height = PLOT_HEIGHT * v / a->top;
		if (!(v > 0))
			continue;
		y -= height;
		aic_svg_number(figure, sizeof(figure), v, a->decimals + 2);
		aic_bytes_printf(out, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\" class=\"f%d\"><title>", x, y, width, height,
		                 c->colour[k]);
		aic_html_text(out, c->name[k]);
		aic_bytes_append_str(out, ", ");
		aic_html_text(out, c->group[group]);
		aic_bytes_printf(out, ": %s ", figure);
		aic_html_text(out, c->unit);
		aic_bytes_append_str(out, "</title></rect>\n");
	}
}

static void put_groups(aic_bytes *out, const aic_svg_columns *c, const aic_axis *a)
{
	double slot = (double)(RIGHT(c) - LEFT) / (double)(c->groups ? c->groups : 1), width = slot * 0.62 < 72 ? slot * 0.62 : 72;
	size_t every = slot >= LABEL_WIDTH ? 1 : (size_t)(LABEL_WIDTH / slot) + 1;
	char figure[64];

	for (size_t g = 0; g < c->groups; g++) {
		double middle = LEFT + slot * ((double)g + 0.5), sum = total(c, g);
		put_column(out, c, a, g, middle - width / 2, width);
		if (sum > 0 && slot >= TOTAL_WIDTH) {
			aic_svg_number(figure, sizeof(figure), sum, a->decimals + 1);
			aic_svg_text(out, middle, PLOT_TOP + PLOT_HEIGHT * (1 - sum / a->top) - 5, "strong", "middle", 0, figure);
		}
		if ((c->groups - 1 - g) % every == 0)
			aic_svg_text(out, middle, PLOT_TOP + PLOT_HEIGHT + 18, NULL, "middle", 12, c->group[g]);
	}
}

static void put_legend(aic_bytes *out, const aic_svg_columns *c)
{
	size_t across = (size_t)RIGHT(c) / LEGEND_ENTRY;

	for (size_t k = 0; k < c->series; k++) {
		double x = 12 + (double)(k % across) * LEGEND_ENTRY, y = PLOT_TOP + PLOT_HEIGHT + 36 + (double)(k / across) * LEGEND_LINE;
		aic_bytes_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" class=\"f%d\"/>\n", x, y, c->colour[k]);
		aic_svg_text(out, x + 18, y + 10, NULL, "start", NAME_MAX_CHARS, c->name[k]);
	}
}

void aic_svg_columns_put(aic_bytes *out, const aic_svg_columns *c)
{
	size_t across = (size_t)RIGHT(c) / LEGEND_ENTRY, lines = (c->series + across - 1) / across;
	double largest = 0;

	for (size_t g = 0; g < c->groups; g++)
		if (total(c, g) > largest)
			largest = total(c, g);
	aic_axis a = aic_axis_of(largest);
	aic_svg_begin(out, c->id, c->width, PLOT_TOP + PLOT_HEIGHT + 36 + (int)lines * LEGEND_LINE, c->title, c->description);
	aic_svg_y_axis(out, &a, LEFT, RIGHT(c), PLOT_TOP, PLOT_TOP + PLOT_HEIGHT, c->unit);
	put_groups(out, c, &a);
	put_legend(out, c);
	aic_svg_end(out);
}
