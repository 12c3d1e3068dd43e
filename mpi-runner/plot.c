/* plot.c: loss and accuracy of a run as a picture. */
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/use.h"

enum { WIDTH = 800, HEIGHT = 360, MARGIN = 56, COLUMNS = 72, ROWS = 16 };

typedef struct {
	const char *title, *colour;
	size_t n;
	double *x, *y;
} curve;

enum { LOSS, TEST_LOSS, ACCURACY, CURVES };

static void add_point(curve *c, json_t *line, const char *key)
{
	json_t *y = json_object_get(line, key);

	if (!json_is_number(y))
		return;
	c->x = aic_xrealloc(c->x, (c->n + 1) * sizeof(*c->x));
	c->y = aic_xrealloc(c->y, (c->n + 1) * sizeof(*c->y));
	c->x[c->n] = json_number_value(json_object_get(line, "step"));
	c->y[c->n++] = json_number_value(y);
}

/* A start takes back the steps after the one that it resumes from: the run did them again. */
static void rewind_to(curve *c, double step)
{
	while (c->n > 0 && c->x[c->n - 1] > step)
		c->n--;
}

static aic_code read_curves(curve *c, const char *path, aic_error *err)
{
	aic_bytes text = {0};
	char *state = NULL;
	aic_code rc = aic_file_read(&text, path, (size_t)1 << 31, err);

	aic_bytes_append(&text, "", 1);
	for (char *line = rc == AIC_OK ? strtok_r((char *)text.data, "\n", &state) : NULL; line; line = strtok_r(NULL, "\n", &state)) {
		json_t *row = json_loads(line, 0, NULL);
		if (!row)
			continue; /* a run that was killed leaves half a line */
		const char *event = json_string_value(json_object_get(row, "event"));
		for (int i = 0; event && strcmp(event, "start") == 0 && i < CURVES; i++)
			rewind_to(&c[i], json_number_value(json_object_get(row, "step")));
		add_point(&c[LOSS], row, "loss");
		add_point(&c[TEST_LOSS], row, "test_loss");
		add_point(&c[ACCURACY], row, "test_accuracy");
		json_decref(row);
	}
	aic_bytes_free(&text);
	if (rc == AIC_OK && c[LOSS].n == 0)
		rc = aic_fail(err, AIC_USAGE, "%s holds no steps yet", path);
	return rc;
}

typedef struct {
	double left, right, low, high;
} range;

static range range_of(const curve *const *c, size_t n)
{
	range r = {HUGE_VAL, -HUGE_VAL, HUGE_VAL, -HUGE_VAL};

	for (size_t i = 0; i < n; i++) {
		for (size_t p = 0; p < c[i]->n; p++) {
			r.left = fmin(r.left, c[i]->x[p]);
			r.right = fmax(r.right, c[i]->x[p]);
			r.low = fmin(r.low, c[i]->y[p]);
			r.high = fmax(r.high, c[i]->y[p]);
		}
	}
	r.right = r.right > r.left ? r.right : r.left + 1;
	r.high = r.high > r.low ? r.high : r.low + 1;
	return r;
}

static void svg_panel(aic_bytes *out, int top, const curve *const *c, size_t n, const char *title)
{
	range r = range_of(c, n);
	int inner_w = WIDTH - 2 * MARGIN, inner_h = HEIGHT - 2 * MARGIN;

	aic_bytes_printf(out, "<g transform=\"translate(%d,%d)\">\n<text x=\"0\" y=\"-14\">%s</text>\n"
	                 "<rect width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>\n", MARGIN, top + MARGIN, title, inner_w, inner_h);
	for (int i = 0; i <= 4; i++)
		aic_bytes_printf(out, "<text x=\"-6\" y=\"%d\" text-anchor=\"end\">%.3g</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
		                 inner_h - i * inner_h / 4 + 4, r.low + (r.high - r.low) * i / 4, i * inner_w / 4, inner_h + 18,
		                 r.left + (r.right - r.left) * i / 4);
	for (size_t i = 0; i < n; i++) {
		aic_bytes_printf(out, "<polyline fill=\"none\" stroke-width=\"1.5\" stroke=\"%s\" points=\"", c[i]->colour);
		for (size_t p = 0; p < c[i]->n; p++)
			aic_bytes_printf(out, "%.1f,%.1f ", (c[i]->x[p] - r.left) / (r.right - r.left) * inner_w,
			                 (1 - (c[i]->y[p] - r.low) / (r.high - r.low)) * inner_h);
		aic_bytes_printf(out, "\"/>\n<text x=\"%d\" y=\"-14\" text-anchor=\"end\" fill=\"%s\">%s</text>\n", inner_w - (int)i * 120, c[i]->colour,
		                 c[i]->title);
	}
	aic_bytes_append_str(out, "</g>\n");
}

static void text_panel(const curve *c, FILE *out)
{
	range r = range_of(&c, 1);
	char field[ROWS][COLUMNS + 1];

	for (int row = 0; row < ROWS; row++) {
		memset(field[row], ' ', COLUMNS);
		field[row][COLUMNS] = '\0';
	}
	for (size_t p = 0; p < c->n; p++) {
		int column = (int)((c->x[p] - r.left) / (r.right - r.left) * (COLUMNS - 1) + 0.5);
		int row = (int)((1 - (c->y[p] - r.low) / (r.high - r.low)) * (ROWS - 1) + 0.5);
		field[row][column] = '*';
	}
	fprintf(out, "%s, steps %.0f to %.0f\n", c->title, r.left, r.right);
	for (int row = 0; row < ROWS; row++) {
		char label[16] = "";
		if (row % 5 == 0)
			snprintf(label, sizeof(label), "%.4g", r.high - (r.high - r.low) * row / (ROWS - 1));
		fprintf(out, "%8s |%s\n", label, field[row]);
	}
}

aic_code aic_use_plot(const char *folder, FILE *out, aic_error *err)
{
	curve c[CURVES] = {{.title = "loss", .colour = "#3366cc"}, {.title = "test loss", .colour = "#dd7711"},
	                   {.title = "test accuracy", .colour = "#118844"}};
	char path[PATH_MAX];
	aic_bytes svg = {0};

	aic_code rc = aic_path_join(path, sizeof(path), folder, "metrics.jsonl", err);
	if (rc == AIC_OK)
		rc = read_curves(c, path, err);
	if (rc == AIC_OK) {
		bool accuracy = c[ACCURACY].n > 0;
		aic_bytes_printf(&svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
		                 "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH, accuracy ? 2 * HEIGHT : HEIGHT);
		svg_panel(&svg, 0, (const curve *const[]){&c[LOSS], &c[TEST_LOSS]}, 2, "loss by step");
		if (accuracy)
			svg_panel(&svg, HEIGHT, (const curve *const[]){&c[ACCURACY]}, 1, "test accuracy by step");
		aic_bytes_append_str(&svg, "</svg>\n");
		text_panel(&c[LOSS], out);
		if (accuracy)
			text_panel(&c[ACCURACY], out);
		rc = aic_path_join(path, sizeof(path), folder, "metrics.svg", err);
	}
	if (rc == AIC_OK)
		rc = aic_file_write_atomic(path, svg.data, svg.len, 0644, err);
	if (rc == AIC_OK)
		fprintf(out, "drawn in %s\n", path);
	for (int i = 0; i < CURVES; i++) {
		free(c[i].x);
		free(c[i].y);
	}
	aic_bytes_free(&svg);
	return rc;
}
