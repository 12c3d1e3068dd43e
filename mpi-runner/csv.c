/* csv.c: tables of numbers: each row a sample, its first columns the input, its last the class (one whole number) or the values. Fields
 * are separated by commas, semicolons, tabs or spaces; a first line that does not start with a number is a header. Every tenth row is
 * held out. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/data.h"

enum { HELD_OUT_EVERY = 10 };
static const size_t TABLE_MAX = (size_t)1 << 34;

typedef struct {
	size_t inputs, targets, columns, rows;
	float *value; /* rows x columns */
} table;

static bool at_end(const char *p)
{
	return *p == '\0' || *p == '\n' || *p == '\r';
}

static bool is_header(const char *line)
{
	char *end;
	(void)strtof(line, &end);
	return end == line;
}

/* One row at p into to; p moves to the next line. */
static aic_code read_row(const table *t, const char **p, const char *path, size_t line, float *to, aic_error *err)
{
	for (size_t c = 0; c < t->columns; c++) {
		char *end;
		*p += strspn(*p, " \t");
		if (at_end(*p))
			return aic_fail(err, AIC_CORRUPT, "%s:%zu: %zu columns, %zu are needed: %zu of input and %zu of output", path, line, c, t->columns,
			                t->inputs, t->targets);
		to[c] = strtof(*p, &end);
		if (end == *p || !isfinite(to[c]))
			return aic_fail(err, AIC_CORRUPT, "%s:%zu: column %zu is \"%.*s\", no finite number: mend or remove the row", path, line, c + 1,
			                (int)strcspn(*p, ",; \t\r\n"), *p);
		*p = end + strspn(end, " \t");
		*p += **p == ',' || **p == ';';
	}
	*p += strspn(*p, " \t\r");
	if (**p != '\0' && **p != '\n')
		return aic_fail(err, AIC_CORRUPT, "%s:%zu: more than %zu columns: %zu of input and %zu of output are asked for", path, line, t->columns,
		                t->inputs, t->targets);
	return AIC_OK;
}

static aic_code check_class(const aic_data *d, const float *row, const char *path, size_t line, aic_error *err)
{
	float class = row[((const table *)d->own)->inputs];

	if (d->spec->output_kind == AIC_OUTPUT_CLASS && (class < 0 || class >= (float)d->spec->outputs || class != floorf(class)))
		return aic_fail(err, AIC_CORRUPT, "%s:%zu: class %g is no whole number below %zu, as output: class[%zu] says", path, line, (double)class,
		                d->spec->outputs, d->spec->outputs);
	return AIC_OK;
}

static aic_code read_rows(aic_data *d, const char *text, const char *path, aic_error *err)
{
	table *t = d->own;
	size_t room = 0, line = 1;
	const char *p = text;

	if (is_header(p))
		p += strcspn(p, "\n");
	for (;; p += strcspn(p, "\n")) {
		if (*p == '\n') {
			p++;
			line++;
		}
		if (*p == '\0')
			return AIC_OK;
		if (at_end(p + strspn(p, " \t\r")))
			continue;
		if (t->rows == room) {
			room = room ? 2 * room : 1024;
			t->value = aic_xrealloc(t->value, room * t->columns * sizeof(float));
		}
		float *row = t->value + t->rows * t->columns;
		if (read_row(t, &p, path, line, row, err) != AIC_OK || check_class(d, row, path, line, err) != AIC_OK)
			return AIC_CORRUPT;
		t->rows++;
	}
}

/* Row of a part's sample: the tenth of each ten is for the test. */
static size_t row_of(aic_part part, size_t index)
{
	return part == AIC_TEST ? index * HELD_OUT_EVERY + HELD_OUT_EVERY - 1 : index + index / (HELD_OUT_EVERY - 1);
}

static void csv_fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	const table *t = d->own;

	for (size_t i = 0; i < n; i++) {
		const float *row = t->value + row_of(part, index[i]) * t->columns;
		memcpy(x + i * t->inputs, row, t->inputs * sizeof(float));
		if (d->spec->output_kind == AIC_OUTPUT_CLASS)
			classes[i] = (uint32_t)row[t->inputs];
		else
			memcpy(values + i * t->targets, row + t->inputs, t->targets * sizeof(float));
	}
}

static void csv_close(aic_data *d)
{
	table *t = d->own;
	free(t->value);
	free(t);
}

static const aic_data_kind csv_kind = {csv_fetch, NULL, csv_close};

aic_code aic_csv_open(aic_data *d, const char *where, aic_error *err)
{
	table *t = aic_xcalloc(1, sizeof(*t));
	aic_bytes text = {0};

	d->own = t;
	d->kind = &csv_kind;
	t->inputs = aic_shape_size(&d->spec->input);
	t->targets = d->spec->output_kind == AIC_OUTPUT_CLASS ? 1 : d->spec->outputs;
	t->columns = t->inputs + t->targets;
	if (d->spec->input_kind == AIC_INPUT_TEXT)
		return aic_yaml_fail(d->spec->model_node, err, "data in csv format goes with input: vector[N] or image[...]");
	aic_code rc = aic_file_read(&text, where, TABLE_MAX, err);
	if (rc == AIC_OK) {
		d->digest = aic_sha256_of(text.data, text.len);
		aic_bytes_append(&text, "", 1);
		rc = read_rows(d, (const char *)text.data, where, err);
	}
	aic_bytes_free(&text);
	d->count[AIC_TEST] = t->rows / HELD_OUT_EVERY;
	d->count[AIC_TRAIN] = t->rows - d->count[AIC_TEST];
	if (rc == AIC_OK && d->count[AIC_TEST] == 0)
		rc = aic_fail(err, AIC_USAGE, "%s has %zu rows: every tenth is held out, so at least %d are needed", where, t->rows, HELD_OUT_EVERY);
	return rc;
}
