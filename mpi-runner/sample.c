/* sample.c: text drawn from a model, byte by byte. */
#include <stdlib.h>

#include "common/bytes.h"
#include "mpi-runner/philox.h"
#include "mpi-runner/use.h"
#include "mpi-runner/user.h"

static size_t draw(const aic_user *u, const float *logits, const aic_sample_options *o, uint64_t index)
{
	size_t n = u->file.spec->outputs, c = 0;
	float *p = aic_xmalloc(n * sizeof(float)), sum = 0.0f;
	aic_philox_block r = aic_random_block(o->seed, AIC_RANDOM_SAMPLE, 0, 0, index);
	float point = (float)(r.v[0] >> 8) * 0x1p-24f;

	u->cpu->k->softmax(n, o->temperature > 0.0f ? 1.0f / o->temperature : 1.0f, logits, p);
	if (o->temperature > 0.0f) {
		for (sum = p[0]; c + 1 < n && sum <= point; sum = sum + p[c])
			c++;
	} else {
		for (size_t i = 1; i < n; i++)
			c = p[i] > p[c] ? i : c;
	}
	free(p);
	return c;
}

aic_code aic_use_sample(const char *model, const aic_sample_options *o, FILE *out, aic_error *err)
{
	aic_user u;
	aic_bytes text = {0};
	aic_code rc = aic_user_open(&u, model, err);

	if (rc == AIC_OK && u.file.spec->input_kind != AIC_INPUT_TEXT)
		rc = aic_fail(err, AIC_USAGE, "%s is no model of text: only such a one can be sampled", model);
	if (rc == AIC_OK) {
		size_t t = u.file.spec->input.positions;
		aic_bytes_append_str(&text, o->prompt && *o->prompt ? o->prompt : "\n");
		fputs(o->prompt ? o->prompt : "", out);
		for (uint64_t i = 0; i < o->length; i++) {
			size_t used = text.len < t ? text.len : t;
			for (size_t j = 0; j < t; j++)
				u.pass->input[j] = j < used ? (float)text.data[text.len - used + j] : 0.0f;
			aic_pass_forward(u.pass);
			uint8_t next = (uint8_t)draw(&u, aic_pass_output(u.pass) + (used - 1) * u.file.spec->outputs, o, i);
			aic_bytes_append(&text, &next, 1);
			fputc(next, out);
			fflush(out);
		}
		fputc('\n', out);
	}
	aic_bytes_free(&text);
	aic_user_close(&u);
	return rc;
}
