/* text.c: text as bytes: a sample is a window of the input's positions, its classes the bytes that follow each. The text is cut into
 * stretches, and the last tenth of each is held out: a book's last tenth alone is often of another kind than the rest. Windows to train on
 * overlap by half, so that a byte is seen behind two contexts; those to test on do not overlap. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "mpi-runner/data.h"

enum { HELD_OUT_BYTES = 8192, HELD_OUT_WINDOWS = 64 }; /* a stretch holds out at least so much of both, in a text that is long enough */

typedef struct {
	const uint8_t *map;
	size_t len;
	size_t stretch;           /* bytes of each of the stretches, which stand one after the other */
	size_t begin[AIC_PARTS];  /* of the part in its stretch */
	size_t windows[AIC_PARTS]; /* of the part in each stretch */
	size_t window, stride[AIC_PARTS];
} text;

static aic_code map_file(text *t, const char *path, aic_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		aic_code rc = fd >= 0 && st.st_size == 0 ? aic_fail(err, AIC_USAGE, "%s is empty", path)
		                                         : aic_fail_errno(err, "%s cannot be read: a text file is needed", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	close(fd);
	t->map = map;
	t->len = (size_t)st.st_size;
	return AIC_OK;
}

static size_t windows(size_t len, size_t window, size_t stride)
{
	return len > window ? (len - window - 1) / stride + 1 : 0;
}

static aic_code check_bytes(const aic_data *d, const text *t, const char *path, aic_error *err)
{
	for (size_t i = 0; d->spec->outputs < 256 && i < t->len; i++)
		if (t->map[i] >= d->spec->outputs)
			return aic_fail(err, AIC_USAGE, "%s: byte %zu is %u, which is no class of output: class[%zu]; write class[256]", path, i, t->map[i],
			                d->spec->outputs);
	return AIC_OK;
}

static const uint8_t *window_of(const text *t, aic_part part, uint32_t index)
{
	size_t stretch = index / t->windows[part], window = index % t->windows[part];

	return t->map + stretch * t->stretch + t->begin[part] + window * t->stride[part];
}

static void text_fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	const text *t = d->own;

	(void)values;
	for (size_t s = 0; s < n; s++) {
		const uint8_t *from = window_of(t, part, index[s]);
		for (size_t i = 0; i < t->window; i++) {
			x[s * t->window + i] = (float)from[i];
			classes[s * t->window + i] = from[i + 1];
		}
	}
}

static void text_prefetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n)
{
	const text *t = d->own;

	for (size_t s = 0; s < n; s++)
		aic_data_will_need(window_of(t, part, index[s]), t->window + 1);
}

static void text_close(aic_data *d)
{
	text *t = d->own;

	if (t->map)
		munmap((void *)(uintptr_t)t->map, t->len);
	free(t);
}

static const aic_data_kind text_kind = {text_fetch, text_prefetch, text_close};

/* Returns the number of stretches. */
static size_t cut(text *t)
{
	size_t held_out = HELD_OUT_WINDOWS * t->window, stretches;

	if (held_out < HELD_OUT_BYTES)
		held_out = HELD_OUT_BYTES;
	stretches = t->len / 10 / held_out;
	if (stretches == 0)
		stretches = 1;
	t->stretch = t->len / stretches;
	t->begin[AIC_TEST] = t->stretch - t->stretch / 10;
	t->windows[AIC_TRAIN] = windows(t->begin[AIC_TEST], t->window, t->stride[AIC_TRAIN]);
	t->windows[AIC_TEST] = windows(t->stretch / 10, t->window, t->stride[AIC_TEST]);
	return stretches;
}

aic_code aic_text_open(aic_data *d, const char *where, aic_error *err)
{
	text *t = aic_xcalloc(1, sizeof(*t));
	char path[PATH_MAX];
	struct stat st;

	d->own = t;
	d->kind = &text_kind;
	if (d->spec->input_kind != AIC_INPUT_TEXT || d->spec->output_kind != AIC_OUTPUT_CLASS)
		return aic_yaml_fail(d->spec->model_node, err, "data in text format goes with input: text[POSITIONS] and output: class[256]");
	snprintf(path, sizeof(path), stat(where, &st) == 0 && S_ISDIR(st.st_mode) ? "%s/text.txt" : "%s", where);
	if (map_file(t, path, err) != AIC_OK || check_bytes(d, t, path, err) != AIC_OK)
		return err->code;
	d->mapped = t->len;
	t->window = d->spec->input.positions;
	t->stride[AIC_TRAIN] = (t->window + 1) / 2;
	t->stride[AIC_TEST] = t->window;
	size_t stretches = cut(t);
	d->count[AIC_TRAIN] = stretches * t->windows[AIC_TRAIN];
	d->count[AIC_TEST] = stretches * t->windows[AIC_TEST];
	if (d->count[AIC_TEST] == 0)
		return aic_fail(err, AIC_USAGE, "%s: a tenth of its %zu bytes is shorter than a window of %zu: take a longer text or fewer positions",
		                path, t->len, t->window);
	d->digest = aic_sha256_of(t->map, t->len);
	return AIC_OK;
}
