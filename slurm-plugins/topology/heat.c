/* heat.c: the matrix of links as a heat map, for a terminal and as SVG. Colours go by the logarithm: what is twice as slow is one
 * step further everywhere. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "slurm-plugins/topology/show.h"

#define CELL 14
#define LABEL 92

typedef struct {
	const aic_topology *t;
	size_t *order, n;        /* of nodes; where there are too many of them, of leaves */
	bool leaves;
	double least, most;
} map;

typedef double (*figure)(const aic_link *x);
static double latency_of(const aic_link *x) { return x->latency_ns; }
static double slowness_of(const aic_link *x) { return 1e9 / x->bytes_per_s; }

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median of the links between two leaves; 0 for none. */
static double between_leaves(const map *m, size_t a, size_t b, figure f)
{
	const aic_links *l = &m->t->links;
	const uint32_t *leaf = m->t->switches.levels ? m->t->switches.of[0] : NULL;
	double *x = aic_xcalloc(l->n * l->n, sizeof(*x)), middle;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = i + 1; k < l->n; k++)
			if (aic_links_at(l, i, k)->weight > 0 && (!leaf || (leaf[i] == a && leaf[k] == b) || (leaf[i] == b && leaf[k] == a)))
				x[n++] = f(aic_links_at(l, i, k));
	qsort(x, n, sizeof(*x), by_value);
	middle = n ? x[n / 2] : 0;
	free(x);
	return middle;
}

/* 0: not measured. */
static double value(const map *m, size_t row, size_t column, figure f)
{
	const aic_link *x;

	if (m->leaves)
		return between_leaves(m, row, column, f);
	x = aic_links_at(&m->t->links, m->order[row], m->order[column]);
	return row != column && x->weight > 0 ? f(x) : 0;
}

static void map_make(map *m, const aic_topology *t, size_t most, figure f)
{
	*m = (map){.t = t, .n = t->links.n, .least = INFINITY, .order = aic_xcalloc(t->links.n + 1, sizeof(size_t))};
	aic_switches_order(m->order, &t->switches);
	if (m->n > most) {
		m->leaves = true;
		m->n = t->switches.levels ? t->switches.count[0] : 1;
	}
	for (size_t a = 0; a < m->n; a++)
		for (size_t b = a; b < m->n; b++) {
			double v = value(m, a, b, f);

			if (v > 0) {
				m->least = fmin(m->least, v);
				m->most = fmax(m->most, v);
			}
		}
}

static const char *row_name(char buf[AIC_NAME_LEN], const map *m, size_t row)
{
	char name[32];

	if (m->leaves)
		return aic_str_copy(buf, AIC_NAME_LEN, aic_switch_name(name, m->t, 0, (uint32_t)row));
	return aic_str_copy(buf, AIC_NAME_LEN, m->t->links.name[m->order[row]]);
}

/* 0 to 1; matrices that vary by less than a quarter are of one colour. */
static double heat_of(const map *m, double v)
{
	double range = log(fmax(m->most / m->least, 1.25));

	return fmin(1, log(v / m->least) / range);
}

/* --- terminal --- */

static void put_cell(aic_bytes *out, const map *m, double v, bool colours)
{
	static const char shades[] = ".:-=+*#%@";
	static const int colour[] = {22, 28, 34, 70, 106, 142, 178, 172, 166, 160, 124}; /* green to red of the 256 */
	double heat = v > 0 ? heat_of(m, v) : 0;

	if (v <= 0)
		aic_bytes_append_str(out, "  ");
	else if (colours)
		aic_bytes_printf(out, "\033[48;5;%dm  \033[0m", colour[(int)(heat * 10 + 0.5)]);
	else
		aic_bytes_printf(out, "%c ", shades[(int)(heat * 8 + 0.5)]);
}

void aic_topology_heat(aic_bytes *out, const aic_topology *t, bool colours)
{
	char name[AIC_NAME_LEN];
	size_t width = 0;
	map m;

	map_make(&m, t, AIC_HEAT_NODES, latency_of);
	for (size_t row = 0; row < m.n; row++)
		width = strlen(row_name(name, &m, row)) > width ? strlen(name) : width;
	for (size_t row = 0; row < m.n; row++) {
		aic_bytes_printf(out, "%-*s ", (int)width, row_name(name, &m, row));
		for (size_t column = 0; column < m.n; column++)
			put_cell(out, &m, value(&m, row, column, latency_of), colours);
		aic_bytes_append_str(out, "\n");
	}
	if (m.most > 0) {
		aic_bytes_printf(out, "%-*s ", (int)width, "");
		put_cell(out, &m, m.least, colours);
		aic_bytes_printf(out, "%.2f us   ", m.least / 1000);
		put_cell(out, &m, m.most, colours);
		aic_bytes_printf(out, "%.2f us%s\n", m.most / 1000, m.leaves ? "   (medians between leaf switches)" : "");
	}
	free(m.order);
}

/* --- SVG --- */

static void put_colour(aic_bytes *out, double heat)
{
	/* green, yellow, red */
	int r = heat < 0.5 ? (int)(46 + 2 * heat * 190) : 236 - (int)((heat - 0.5) * 2 * 40), g = heat < 0.5 ? 160 + (int)(2 * heat * 30) : 190 - (int)((heat - 0.5) * 2 * 150);

	aic_bytes_printf(out, "#%02x%02x3c", r, g);
}

static void put_map(aic_bytes *out, const aic_topology *t, const char *title, const char *unit, double per, bool inverse, figure f)
{
	char row[AIC_NAME_LEN], column[AIC_NAME_LEN];
	map m;

	map_make(&m, t, 256, f);
	aic_bytes_printf(out, "<h2>%s</h2>\n<svg viewBox=\"0 0 %zu %zu\" width=\"%zu\" role=\"img\" aria-label=\"%s\">\n", title, LABEL + m.n * CELL,
	                 LABEL + m.n * CELL, LABEL + m.n * CELL, title);
	for (size_t a = 0; a < m.n; a++) {
		row_name(row, &m, a);
		aic_bytes_printf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>", LABEL - 4, LABEL + a * CELL + CELL - 3, row);
		aic_bytes_printf(out, "<text transform=\"translate(%zu %d) rotate(-90)\">%s</text>\n", LABEL + a * CELL + CELL - 3, LABEL - 4, row);
		for (size_t b = 0; b < m.n; b++) {
			double v = value(&m, a, b, f);

			if (v <= 0)
				continue;
			aic_bytes_printf(out, "<rect x=\"%zu\" y=\"%zu\" fill=\"", LABEL + b * CELL, LABEL + a * CELL);
			put_colour(out, heat_of(&m, v));
			aic_bytes_printf(out, "\"%s><title>%s, %s: %.2f %s</title></rect>\n",
			                 !m.leaves && aic_link_is_worse(aic_links_at(&t->links, m.order[a], m.order[b]),
			                                                &t->usual[aic_link_class(&t->switches, m.order[a], m.order[b])]) ? " class=\"worse\"" : "",
			                 row, row_name(column, &m, b), inverse ? per / v : v / per, unit);
		}
	}
	aic_bytes_append_str(out, "</svg>\n");
	free(m.order);
}

static void put_worse(aic_bytes *out, const aic_topology *t)
{
	char name[32];
	size_t n = 0;

	aic_bytes_append_str(out, "<h2>Worse than their class</h2>\n");
	for (size_t a = 0; a < t->links.n; a++)
		for (size_t b = a + 1; b < t->links.n; b++) {
			size_t level = aic_link_class(&t->switches, a, b);
			const aic_link *x = aic_links_at(&t->links, a, b);

			if (!aic_link_is_worse(x, &t->usual[level]))
				continue;
			aic_bytes_printf(out, "%s<tr><td>%s</td><td>%s</td><td>%s</td><td>%.2f</td><td>%.2f</td><td>%.0f</td><td>%.0f</td></tr>\n",
			                 n++ ? "" : "<table><tr><th>node</th><th>node</th><th>switch</th><th>latency us</th><th>usual</th><th>MiB/s</th><th>usual</th></tr>\n",
			                 t->links.name[a], t->links.name[b],
			                 aic_switch_name(name, t, level, level < t->switches.levels ? t->switches.of[level][a] : 0), x->latency_ns / 1000,
			                 t->usual[level].latency_ns / 1000, x->bytes_per_s / (1 << 20), t->usual[level].bytes_per_s / (1 << 20));
		}
	aic_bytes_append_str(out, n ? "</table>\n" : "<p>None.</p>\n");
}

void aic_topology_html(aic_bytes *out, const aic_topology *t, int64_t at)
{
	char when[AIC_TIME_TEXT];

	aic_bytes_printf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
	                 "<title>Links between %zu nodes</title>\n<style>body{font:14px/1.5 system-ui,sans-serif;margin:2rem;max-width:80rem}"
	                 "svg{max-width:100%%;height:auto}svg text{font:10px sans-serif;fill:currentColor}rect{width:%dpx;height:%dpx}"
	                 "rect.worse{stroke:#000;stroke-width:2}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right}"
	                 "@media(prefers-color-scheme:dark){body{background:#16181d;color:#e8e8e8}rect.worse{stroke:#fff}}</style></head><body>\n"
	                 "<h1>Links between %zu nodes</h1>\n<p>As of %s. Nodes stand in the order of the switches that were found; a frame marks a link"
	                 " that is worse than its class.</p>\n", t->links.n, CELL - 1, CELL - 1, t->links.n, aic_time_format(when, at));
	put_map(out, t, "Latency", "us", 1000, false, latency_of);
	put_map(out, t, "Bandwidth", "MiB/s", 1e9 / (1 << 20), true, slowness_of);
	put_worse(out, t);
	aic_bytes_append_str(out, "</body></html>\n");
}
