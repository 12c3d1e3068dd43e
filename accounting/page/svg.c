/* svg.c: what every chart is made of. */
#include "accounting/page/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "accounting/page/html.h"
#include "common/utf8.h"

#define STEPS 5

aic_axis aic_axis_of(double largest)
{
	aic_axis a = {.top = 1, .step = 0.2, .decimals = 1};

	if (!(largest > 0) || !isfinite(largest))
		return a;
	double rough = largest / STEPS, power = pow(10, floor(log10(rough)));
	double digit = rough / power;
	a.step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
	a.top = a.step * ceil(largest / a.step - 1e-9);
	a.decimals = a.step >= 1 ? 0 : (int)ceil(-log10(a.step) - 1e-9);
	return a;
}

void aic_svg_begin(aic_bytes *out, const char *id, int width, int height, const char *title, const char *description)
{
	aic_bytes_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n<title id=\"%s-title\">", width,
	                 height, id, id, id);
	aic_html_text(out, title);
	aic_bytes_printf(out, "</title>\n<desc id=\"%s-desc\">", id);
	aic_html_text(out, description);
	aic_bytes_append_str(out, "</desc>\n");
}

void aic_svg_end(aic_bytes *out)
{
	aic_bytes_append_str(out, "</svg>\n");
}

void aic_svg_text(aic_bytes *out, double x, double y, const char *class_name, const char *anchor, size_t max, const char *text)
{
	char cut[256];
	size_t at = 0, n, count = 0, len = strlen(text);

	while (at < len && (!max || count < max) && at + 8 < sizeof(cut)) {
		n = aic_utf8_next(text + at, len - at, NULL);
		at += n ? n : 1;
		count++;
	}
	memcpy(cut, text, at);
	cut[at] = '\0';
	if (text[at])
		memcpy(cut + at, "\xe2\x80\xa6", 4);
	aic_bytes_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"", x, y, anchor);
	if (class_name)
		aic_bytes_printf(out, " class=\"%s\"", class_name);
	aic_bytes_append_str(out, ">");
	aic_html_text(out, cut);
	aic_bytes_append_str(out, "</text>\n");
}

void aic_svg_line(aic_bytes *out, double x1, double y1, double x2, double y2, const char *class_name)
{
	aic_bytes_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class_name);
}

void aic_svg_number(char *text, size_t size, double v, int decimals)
{
	char plain[64];
	size_t at = 0;
	int whole = snprintf(plain, sizeof(plain), "%.*f", decimals, v);
	const char *point = strchr(plain, '.');
	int digits = point ? (int)(point - plain) : whole;

	for (int i = 0; plain[i] && at + 2 < size; i++) {
		if (i && i < digits && (digits - i) % 3 == 0 && plain[i - 1] != '-')
			text[at++] = ',';
		text[at++] = plain[i];
	}
	text[at] = '\0';
}

void aic_svg_y_axis(aic_bytes *out, const aic_axis *a, double left, double right, double top, double bottom, const char *unit)
{
	char label[64];
	int steps = (int)lround(a->top / a->step);

	for (int i = 0; i <= steps; i++) {
		double y = bottom - (bottom - top) * i / steps;
		aic_svg_line(out, left, y, right, y, i ? "grid" : "axis");
		aic_svg_number(label, sizeof(label), i * a->step, a->decimals);
		aic_svg_text(out, left - 6, y + 4, "dim", "end", 0, label);
	}
	aic_svg_text(out, left - 6, top - 12, "dim", "end", 0, unit);
}
