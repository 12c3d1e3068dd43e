/* infer.c: a trained model applied to data. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/data.h"
#include "mpi-runner/use.h"
#include "mpi-runner/user.h"

enum { SHOWN = 3 }; /* likeliest classes */
static const size_t INPUT_MAX = (size_t)1 << 32;

static void print_classes(const aic_user *u, FILE *out)
{
	size_t n = u->file.spec->outputs;
	const float *y = aic_pass_output(u->pass);
	float *p = aic_xmalloc(n * sizeof(float));

	u->cpu->k->softmax(n, 1.0f, y, p);
	for (int i = 0; i < SHOWN && (size_t)i < n; i++) {
		size_t best = 0;
		for (size_t c = 1; c < n; c++)
			best = p[c] > p[best] ? c : best;
		fprintf(out, "%s%zu %.4f", i ? "  " : "", best, (double)p[best]);
		p[best] = -1.0f;
	}
	fputc('\n', out);
	free(p);
}

static void one_sample(aic_user *u, FILE *out)
{
	aic_pass_forward(u->pass);
	if (u->file.spec->output_kind == AIC_OUTPUT_CLASS) {
		print_classes(u, out);
		return;
	}
	for (size_t i = 0; i < u->file.spec->outputs; i++)
		fprintf(out, "%s%.9g", i ? " " : "", (double)aic_pass_output(u->pass)[i]);
	fputc('\n', out);
}

static void bytes_to_input(aic_user *u, const uint8_t *bytes)
{
	for (size_t i = 0; i < aic_shape_size(&u->file.spec->input); i++)
		u->pass->input[i] = (float)bytes[i] / 255.0f;
}

static aic_code infer_idx(aic_user *u, const char *path, const aic_bytes *in, FILE *out, aic_error *err)
{
	const aic_shape *s = &u->file.spec->input;
	size_t count = aic_get_be32(in->data + 4), h = aic_get_be32(in->data + 8), w = aic_get_be32(in->data + 12);

	if (s->dim[0] != 1 || h != s->dim[1] || w != s->dim[2])
		return aic_fail(err, AIC_USAGE, "%s has images of %zu x %zu, the model takes %zu x %zu", path, h, w, s->dim[1], s->dim[2]);
	if ((in->len - 16) / (h * w) < count)
		return aic_fail(err, AIC_CORRUPT, "%s is truncated: %zu bytes for %zu images", path, in->len, count);
	for (size_t i = 0; i < count; i++) {
		bytes_to_input(u, in->data + 16 + i * h * w);
		one_sample(u, out);
	}
	return AIC_OK;
}

/* Binary PGM: "P5 WIDTH HEIGHT 255" and the pixels. */
static aic_code infer_pgm(aic_user *u, const char *path, const aic_bytes *in, FILE *out, aic_error *err)
{
	const aic_shape *s = &u->file.spec->input;
	char head[64] = "";
	size_t w = 0, h = 0, most = 0;
	int at = 0;

	memcpy(head, in->data, in->len < sizeof(head) - 1 ? in->len : sizeof(head) - 1);
	if (sscanf(head, "P5 %zu %zu %zu%n", &w, &h, &most, &at) != 3 || most != 255 || !isspace((unsigned char)head[at]))
		return aic_fail(err, AIC_USAGE, "%s is no binary PGM image of 8 bits without comments (P5 WIDTH HEIGHT 255)", path);
	if (s->dim[0] != 1 || h != s->dim[1] || w != s->dim[2] || in->len - (size_t)at - 1 < h * w)
		return aic_fail(err, AIC_USAGE, "%s is %zu x %zu, the model takes %zu x %zu", path, h, w, s->dim[1], s->dim[2]);
	bytes_to_input(u, in->data + at + 1);
	one_sample(u, out);
	return AIC_OK;
}

static bool is_wav(const aic_bytes *in)
{
	return in->len >= 12 && memcmp(in->data, "RIFF", 4) == 0 && memcmp(in->data + 8, "WAVE", 4) == 0;
}

static aic_code infer_wav(aic_user *u, const char *path, FILE *out, aic_error *err)
{
	size_t n = aic_shape_size(&u->file.spec->input);
	int16_t *frames = aic_xmalloc(n * sizeof(*frames));
	aic_code rc = aic_wav_frames(path, n, frames, err);

	for (size_t i = 0; rc == AIC_OK && i < n; i++)
		u->pass->input[i] = aic_wav_value(frames[i]);
	free(frames);
	if (rc == AIC_OK)
		one_sample(u, out);
	return rc;
}

static aic_code infer_rows(aic_user *u, const char *path, aic_bytes *in, FILE *out, aic_error *err)
{
	size_t n = aic_shape_size(&u->file.spec->input), line = 0;
	char *state = NULL;

	aic_bytes_append(in, "", 1);
	for (char *row = strtok_r((char *)in->data, "\n", &state); row; row = strtok_r(NULL, "\n", &state)) {
		size_t got = 0;
		line++;
		for (char *p = row, *end; got < n; got++, p = end + strspn(end, ", \t;\r")) {
			u->pass->input[got] = strtof(p, &end);
			if (end == p)
				break;
		}
		if (got < n)
			return aic_fail(err, AIC_USAGE, "%s:%zu: %zu numbers, the model takes %zu", path, line, got, n);
		one_sample(u, out);
	}
	return AIC_OK;
}

static aic_code infer_text(aic_user *u, const char *path, const aic_bytes *in, FILE *out, aic_error *err)
{
	size_t t = u->file.spec->input.positions, windows = in->len > t ? (in->len - 1) / t : 0;
	float loss = 0;
	uint64_t correct = 0;
	double total = 0;

	if (windows == 0)
		return aic_fail(err, AIC_USAGE, "%s has %zu bytes; the model looks at %zu at a time and needs one more", path, in->len, t);
	for (size_t w = 0; w < windows; w++) {
		for (size_t i = 0; i < t; i++) {
			u->pass->input[i] = (float)in->data[w * t + i];
			u->pass->target_class[i] = in->data[w * t + i + 1];
			if (u->pass->target_class[i] >= u->file.spec->outputs)
				return aic_fail(err, AIC_USAGE, "%s: byte %zu is %u, the model knows those below %zu", path, w * t + i + 1,
				                u->pass->target_class[i], u->file.spec->outputs);
		}
		aic_pass_forward(u->pass);
		loss = 0;
		aic_pass_loss(u->pass, 1.0f, &loss, &correct);
		total += (double)loss;
	}
	double n = (double)(windows * t);
	fprintf(out, "%.4f bits per byte, %.2f %% of %.0f bytes foreseen\n", total / n * 1.4426950408889634, 100.0 * (double)correct / n, n);
	return AIC_OK;
}

aic_code aic_use_infer(const char *model, const char *input, FILE *out, aic_error *err)
{
	aic_user u;
	aic_bytes in = {0};
	aic_code rc = aic_user_open(&u, model, err);

	if (rc == AIC_OK)
		rc = aic_file_read(&in, input, INPUT_MAX, err);
	if (rc == AIC_OK) {
		aic_input_kind kind = u.file.spec->input_kind;
		if (kind == AIC_INPUT_TEXT)
			rc = infer_text(&u, input, &in, out, err);
		else if (is_wav(&in))
			rc = infer_wav(&u, input, out, err);
		else if (kind == AIC_INPUT_VECTOR)
			rc = infer_rows(&u, input, &in, out, err);
		else if (in.len > 16 && aic_get_be32(in.data) == 0x00000803)
			rc = infer_idx(&u, input, &in, out, err);
		else
			rc = infer_pgm(&u, input, &in, out, err);
	}
	aic_bytes_free(&in);
	aic_user_close(&u);
	return rc;
}
