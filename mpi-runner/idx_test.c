/* Reading IDX files, whole and broken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "mpi-runner/data.h"

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static char folder[64];

static void write_file(const char *name, const void *data, size_t len)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void remove_file(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

/* 12 images of 2 x 3 with pixel value 10 i + position, and labels i % 4. */
static void write_whole(void)
{
	uint8_t images[16 + 72] = {0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 3}, labels[8 + 12] = {0, 0, 8, 1, 0, 0, 0, 12};

	for (int i = 0; i < 72; i++)
		images[16 + i] = (uint8_t)(i / 6 * 10 + i % 6);
	for (int i = 0; i < 12; i++)
		labels[8 + i] = (uint8_t)(i % 4);
	for (int i = 0; i < 4; i++)
		write_file(names[i], i % 2 ? labels : images, i % 2 ? sizeof(labels) : sizeof(images));
}

static aic_code open_as(const char *input, const char *output, aic_data **d, aic_spec **spec, aic_error *err)
{
	char text[512];

	snprintf(text, sizeof(text), "model: {input: '%s', output: '%s', layers: [linear 4]}\ndata: {path: %s, format: idx}\n"
	         "train: {batch: 8}\n", input, output, folder);
	assert_int_equal(aic_spec_parse(spec, "t.yaml", text, strlen(text), err), AIC_OK);
	return aic_data_open(d, *spec, err);
}

static void told(const char *input, const char *output, const char *what, const char *file)
{
	aic_data *d;
	aic_spec *spec;
	aic_error err = {0};

	assert_int_not_equal(open_as(input, output, &d, &spec, &err), AIC_OK);
	if (!strstr(err.message, what) || !strstr(err.message, file))
		fail_msg("\"%s\" does not say \"%s\" of %s", err.message, what, file);
	aic_spec_free(spec);
}

static void samples_come_as_they_are(void **state)
{
	aic_data *d;
	aic_spec *spec;
	aic_error err;
	const uint32_t index[2] = {11, 2};
	uint32_t classes[2];
	float x[12];

	(void)state;
	write_whole();
	assert_int_equal(open_as("image[2,3]", "class[4]", &d, &spec, &err), AIC_OK);
	assert_int_equal(d->count[AIC_TRAIN], 12);
	d->kind->fetch(d, AIC_TRAIN, index, 2, x, classes, NULL);
	assert_int_equal(classes[0], 3);
	assert_int_equal(classes[1], 2);
	assert_true(x[0] == 110.0f / 255.0f && x[5] == 115.0f / 255.0f && x[6] == 20.0f / 255.0f);
	aic_hash plain = d->digest;
	aic_data_close(d);
	aic_spec_free(spec);

	char path[256];
	uint8_t whole[88];
	snprintf(path, sizeof(path), "%s/%s", folder, names[0]);
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, whole, sizeof(whole)), sizeof(whole));
	close(fd);
	remove_file(names[0]);
	snprintf(path, sizeof(path), "%s/%s.gz", folder, names[0]);
	gzFile gz = gzopen(path, "wb");
	assert_int_equal(gzwrite(gz, whole, sizeof(whole)), sizeof(whole));
	gzclose(gz);
	assert_int_equal(open_as("image[2,3]", "class[4]", &d, &spec, &err), AIC_OK);
	assert_true(aic_hash_equal(&plain, &d->digest));
	aic_data_close(d);
	aic_spec_free(spec);
	unlink(path);
}

static void broken_files_are_named(void **state)
{
	char path[256];

	(void)state;
	write_whole();
	told("image[3,2]", "class[4]", "write input: image[2,3]", "t.yaml:");
	told("image[2,3]", "class[3]", "label 3 of sample 3", "train-labels");
	told("image[2,3]", "value[4]", "class", "t.yaml:");
	snprintf(path, sizeof(path), "%s/%s", folder, names[2]);
	assert_int_equal(truncate(path, 50), 0);
	told("image[2,3]", "class[4]", "34 of 72 bytes", "t10k-images");
	assert_int_equal(truncate(path, 9), 0);
	told("image[2,3]", "class[4]", "header", "t10k-images");
	assert_int_equal(truncate(path, 0), 0);
	told("image[2,3]", "class[4]", "truncated", "t10k-images");
	write_whole();
	write_file(names[1], "\0\0\10\1\0\0\0\3\0\1\2", 11);
	told("image[2,3]", "class[4]", "3 labels for the 12 images", "train-labels");
	write_whole();
	write_file(names[0], "GIF89a..", 8);
	told("image[2,3]", "class[4]", "starts with 47494638", "train-images");
	write_whole();
	remove_file(names[3]);
	told("image[2,3]", "class[4]", "cannot be read", "t10k-labels");
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/aic-idx-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		remove_file(names[i]);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(samples_come_as_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_files_are_named, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
