/* idx_make.c: writes a small data set of images in IDX format, the same on every machine, for tests:
 * aic-idx-make FOLDER TRAIN TEST SIDE CLASSES. Each class is a pattern; each image its class's pattern with noise. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/philox.h"

typedef struct {
	const char *folder;
	uint32_t side, classes;
} set;

static void put_be32(aic_bytes *b, uint32_t v)
{
	uint8_t be[4];
	aic_put_be32(be, v);
	aic_bytes_append(b, be, sizeof(be));
}

static uint32_t noise(uint32_t what, uint64_t index)
{
	return aic_random_block(1, AIC_RANDOM_SAMPLE, what, 0, index).v[0];
}

static int write_one(const set *s, const char *part, const char *kind, const aic_bytes *b)
{
	char path[512];
	aic_error err;

	snprintf(path, sizeof(path), "%s/%s-%s", s->folder, part, kind);
	if (aic_file_write_atomic(path, b->data, b->len, 0644, &err) != AIC_OK)
		return aic_error_report("aic-idx-make", &err);
	return 0;
}

static int write_part(const set *s, const char *part, uint32_t stream, uint32_t count)
{
	aic_bytes images = {0}, labels = {0};
	uint32_t pixels = s->side * s->side;

	put_be32(&images, 0x00000803);
	put_be32(&images, count);
	put_be32(&images, s->side);
	put_be32(&images, s->side);
	put_be32(&labels, 0x00000801);
	put_be32(&labels, count);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t label = (uint8_t)(noise(stream, i) % s->classes);
		aic_bytes_append(&labels, &label, 1);
		for (uint32_t p = 0; p < pixels; p++) {
			uint32_t pattern = noise(0, (uint64_t)label * pixels + p) & 127;
			uint8_t value = (uint8_t)(pattern + (noise(stream + 1, (uint64_t)i * pixels + p) & 127));
			aic_bytes_append(&images, &value, 1);
		}
	}
	int rc = write_one(s, part, "images-idx3-ubyte", &images);
	rc = rc ? rc : write_one(s, part, "labels-idx1-ubyte", &labels);
	aic_bytes_free(&images);
	aic_bytes_free(&labels);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s FOLDER TRAIN TEST SIDE CLASSES\n", argv[0]);
		return 2;
	}
	const set s = {argv[1], (uint32_t)strtoul(argv[4], NULL, 10), (uint32_t)strtoul(argv[5], NULL, 10)};
	if (s.side == 0 || s.side > 1024 || s.classes == 0 || s.classes > 256) {
		fprintf(stderr, "%s: SIDE is 1 to 1024, CLASSES 1 to 256\n", argv[0]);
		return 2;
	}
	int rc = write_part(&s, "train", 10, (uint32_t)strtoul(argv[2], NULL, 10));
	return rc ? rc : write_part(&s, "t10k", 20, (uint32_t)strtoul(argv[3], NULL, 10));
}
