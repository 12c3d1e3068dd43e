/* idx.c: images and labels in the IDX format of the MNIST data sets, plain or gzipped. A folder holds
 * train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k- for the test, each with or without .gz. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/bytes.h"
#include "mpi-runner/data.h"

enum { IDX_BYTES = 0x08, DIMS_MAX = 3, MAGIC_LEN = 4 };
static const size_t CONTENT_MAX = (size_t)1 << 36;

/* A plain file is mapped, a gzipped one unpacked into memory. */
typedef struct {
	char path[PATH_MAX];
	unsigned dims;
	size_t dim[DIMS_MAX];
	const uint8_t *content;
	uint8_t *map, *unpacked;
	size_t map_len;
} idx_file;

typedef struct {
	idx_file images[AIC_PARTS], labels[AIC_PARTS];
	float scaled[256]; /* byte / 255 */
} idx;

static aic_code fail_truncated(const char *path, size_t got, size_t len, const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "%s: ends after %zu of %zu bytes of its %s: the file is truncated; fetch it again", path, got, len, what);
}

static aic_code read_exactly(gzFile gz, const char *path, void *to, size_t len, const char *what, aic_error *err)
{
	size_t got = 0;

	while (got < len) {
		unsigned chunk = len - got > (1u << 30) ? 1u << 30 : (unsigned)(len - got);
		int n = gzread(gz, (uint8_t *)to + got, chunk);
		if (n <= 0) {
			int code = Z_OK;
			const char *why = gzerror(gz, &code);
			if (code != Z_OK && code != Z_BUF_ERROR)
				return aic_fail(err, AIC_CORRUPT, "%s: %s; fetch the file again", path, why);
			return fail_truncated(path, got, len, what, err);
		}
		got += (size_t)n;
	}
	return AIC_OK;
}

static aic_code fail_longer(const char *path, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "%s: has more bytes than its header says; fetch it again", path);
}

static size_t head_len(unsigned dims)
{
	return MAGIC_LEN + 4 * (size_t)dims;
}

static aic_code check_magic(const idx_file *f, const uint8_t *head, unsigned dims, aic_error *err)
{
	if (head[0] != 0 || head[1] != 0 || head[2] != IDX_BYTES || head[3] != dims)
		return aic_fail(err, AIC_CORRUPT, "%s: starts with %02x%02x%02x%02x, an IDX file of bytes with %u dimensions with 000008%02x", f->path,
		                head[0], head[1], head[2], head[3], dims, dims);
	return AIC_OK;
}

static aic_code take_header(idx_file *f, const uint8_t *head, unsigned dims, aic_error *err)
{
	size_t total = 1;

	f->dims = dims;
	for (unsigned i = 0; i < dims; i++) {
		f->dim[i] = aic_get_be32(head + MAGIC_LEN + 4 * i);
		if (f->dim[i] == 0 || f->dim[i] > CONTENT_MAX / total)
			return aic_fail(err, AIC_CORRUPT, "%s: dimension %u is %zu", f->path, i, f->dim[i]);
		total *= f->dim[i];
	}
	return AIC_OK;
}

static size_t content_len(const idx_file *f)
{
	return f->dim[0] * (f->dims == 3 ? f->dim[1] * f->dim[2] : 1);
}

static aic_code unpack(idx_file *f, gzFile gz, unsigned dims, aic_error *err)
{
	uint8_t head[MAGIC_LEN + 4 * DIMS_MAX], extra;

	gzbuffer(gz, 1 << 18);
	aic_code rc = read_exactly(gz, f->path, head, MAGIC_LEN, "header", err);
	if (rc == AIC_OK)
		rc = check_magic(f, head, dims, err);
	if (rc == AIC_OK)
		rc = read_exactly(gz, f->path, head + MAGIC_LEN, head_len(dims) - MAGIC_LEN, "header", err);
	if (rc == AIC_OK)
		rc = take_header(f, head, dims, err);
	if (rc != AIC_OK)
		return rc;
	f->content = f->unpacked = aic_xmalloc(content_len(f));
	rc = read_exactly(gz, f->path, f->unpacked, content_len(f), "content", err);
	return rc == AIC_OK && gzread(gz, &extra, 1) == 1 ? fail_longer(f->path, err) : rc;
}

static bool map_whole(idx_file *f)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return false;
	f->map = map;
	f->map_len = (size_t)st.st_size;
	return true;
}

static aic_code take_map(idx_file *f, unsigned dims, aic_error *err)
{
	size_t head = head_len(dims);

	if (f->map_len >= MAGIC_LEN && check_magic(f, f->map, dims, err) != AIC_OK)
		return err->code;
	if (f->map_len < head)
		return fail_truncated(f->path, f->map_len, head, "header", err);
	if (take_header(f, f->map, dims, err) != AIC_OK)
		return err->code;
	if (f->map_len - head < content_len(f))
		return fail_truncated(f->path, f->map_len - head, content_len(f), "content", err);
	f->content = f->map + head;
	return f->map_len - head > content_len(f) ? fail_longer(f->path, err) : AIC_OK;
}

static aic_code read_file(idx_file *f, const char *folder, const char *name, unsigned dims, aic_error *err)
{
	snprintf(f->path, sizeof(f->path), "%s/%s", folder, name);
	bool plain = map_whole(f);
	if (plain && (f->map_len < 2 || f->map[0] != 0x1f || f->map[1] != 0x8b))
		return take_map(f, dims, err);
	if (!plain && access(f->path, R_OK) != 0)
		snprintf(f->path, sizeof(f->path), "%s/%s.gz", folder, name);
	gzFile gz = gzopen(f->path, "rb");
	if (!gz)
		return aic_fail_errno(err, "%s/%s[.gz] cannot be read: put the four IDX files of the data set there", folder, name);
	aic_code rc = unpack(f, gz, dims, err);
	gzclose(gz);
	return rc;
}

static void close_file(idx_file *f)
{
	free(f->unpacked);
	if (f->map)
		munmap(f->map, f->map_len);
}

static aic_code check_labels(const idx_file *labels, const idx_file *images, const aic_spec *s, aic_error *err)
{
	if (labels->dim[0] != images->dim[0])
		return aic_fail(err, AIC_CORRUPT, "%s has %zu labels for the %zu images of %s", labels->path, labels->dim[0], images->dim[0],
		                images->path);
	for (size_t i = 0; i < labels->dim[0]; i++)
		if (labels->content[i] >= s->outputs)
			return aic_fail(err, AIC_CORRUPT, "%s: label %u of sample %zu is no class of output: class[%zu]", labels->path,
			                labels->content[i], i, s->outputs);
	return AIC_OK;
}

static aic_code check_shape(const idx_file *images, const aic_spec *s, aic_error *err)
{
	const aic_shape *in = &s->input;

	if (s->output_kind != AIC_OUTPUT_CLASS)
		return aic_yaml_fail(s->model_node, err, "data in IDX format has classes: write output: class[N]");
	if (s->input_kind != AIC_INPUT_IMAGE || in->dim[0] != 1 || in->dim[1] != images->dim[1] || in->dim[2] != images->dim[2])
		return aic_yaml_fail(s->model_node, err, "input does not fit the data: %s has images of %zu x %zu; write input: image[%zu,%zu]",
		                     images->path, images->dim[1], images->dim[2], images->dim[1], images->dim[2]);
	return AIC_OK;
}

static aic_code read_part(aic_data *d, aic_part part, const char *folder, aic_sha256 *digest, aic_error *err)
{
	static const char *const prefix[AIC_PARTS] = {"train", "t10k"};
	idx *own = d->own;
	idx_file *images = &own->images[part], *labels = &own->labels[part];
	char name[64];

	snprintf(name, sizeof(name), "%s-images-idx3-ubyte", prefix[part]);
	aic_code rc = read_file(images, folder, name, 3, err);
	snprintf(name, sizeof(name), "%s-labels-idx1-ubyte", prefix[part]);
	if (rc == AIC_OK)
		rc = check_shape(images, d->spec, err);
	if (rc == AIC_OK)
		rc = read_file(labels, folder, name, 1, err);
	if (rc == AIC_OK)
		rc = check_labels(labels, images, d->spec, err);
	if (rc != AIC_OK)
		return rc;
	d->count[part] = images->dim[0];
	d->mapped += images->map_len + labels->map_len;
	aic_sha256_update(digest, images->content, content_len(images));
	aic_sha256_update(digest, labels->content, content_len(labels));
	return AIC_OK;
}

static void idx_fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	const idx *own = d->own;
	size_t pixels = aic_shape_size(&d->spec->input);

	(void)values;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *image = own->images[part].content + index[i] * pixels;
		for (size_t p = 0; p < pixels; p++)
			x[i * pixels + p] = own->scaled[image[p]];
		classes[i] = own->labels[part].content[index[i]];
	}
}

static void idx_prefetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n)
{
	const idx_file *f = &((const idx *)d->own)->images[part];
	size_t pixels = aic_shape_size(&d->spec->input);

	for (size_t i = 0; f->map && i < n; i++)
		aic_data_will_need(f->content + index[i] * pixels, pixels);
}

static void idx_close(aic_data *d)
{
	idx *own = d->own;

	for (int part = 0; part < AIC_PARTS; part++) {
		close_file(&own->images[part]);
		close_file(&own->labels[part]);
	}
	free(own);
}

static const aic_data_kind idx_kind = {idx_fetch, idx_prefetch, idx_close};

aic_code aic_idx_open(aic_data *d, const char *where, aic_error *err)
{
	idx *own = aic_xcalloc(1, sizeof(*own));
	aic_sha256 *digest = aic_sha256_new();

	d->own = own;
	d->kind = &idx_kind;
	for (int i = 0; i < 256; i++)
		own->scaled[i] = (float)i / 255.0f;
	aic_code rc = read_part(d, AIC_TRAIN, where, digest, err);
	if (rc == AIC_OK)
		rc = read_part(d, AIC_TEST, where, digest, err);
	if (rc == AIC_OK)
		d->digest = aic_sha256_final(digest);
	aic_sha256_free(digest);
	return rc;
}
