/* Tables, sounds and texts as data. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/testing.h"
#include "mpi-runner/data.h"

static char folder[64];

static char *in_folder(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	aic_error err;
	assert_int_equal(aic_file_write_atomic(in_folder(name), data, len, 0644, &err), AIC_OK);
}

static aic_code open_as(const char *model, const char *path, const char *format, aic_data **d, aic_spec **spec, aic_error *err)
{
	char text[512];

	snprintf(text, sizeof(text), "model: {%s, layers: [linear 2]}\ndata: {path: %s, format: %s}\ntrain: {batch: 8}\n", model, in_folder(path),
	         format);
	assert_int_equal(aic_spec_parse(spec, "t.yaml", text, strlen(text), err), AIC_OK);
	return aic_data_open(d, *spec, err);
}

static void told(const char *model, const char *path, const char *format, const char *what)
{
	aic_data *d;
	aic_spec *spec;
	aic_error err = {0};

	assert_int_not_equal(open_as(model, path, format, &d, &spec, &err), AIC_OK);
	if (!strstr(err.message, what))
		fail_msg("\"%s\" does not say \"%s\"", err.message, what);
	aic_spec_free(spec);
}

#define CLASSES "input: 'vector[2]', output: 'class[3]'"
#define VALUES "input: 'vector[1]', output: 'value[2]'"

static void tables_are_read_and_split(void **state)
{
	aic_bytes b = {0};
	aic_data *d;
	aic_spec *spec;
	aic_error err;
	uint32_t classes[2];
	float x[4], values[2];
	const uint32_t first_and_last[2] = {0, 17}, second = 1;

	(void)state;
	aic_bytes_append_str(&b, "x,y,class\n");
	for (int i = 0; i < 20; i++)
		aic_bytes_printf(&b, i % 2 ? "%d, %d.5 ,%d\r\n" : "%d\t%d.5;%d\n\n", i, -i, i % 3);
	put("table.csv", b.data, b.len);
	assert_int_equal(open_as(CLASSES, "table.csv", "csv", &d, &spec, &err), AIC_OK);
	assert_int_equal(d->count[AIC_TRAIN], 18);
	assert_int_equal(d->count[AIC_TEST], 2);
	d->kind->fetch(d, AIC_TRAIN, first_and_last, 2, x, classes, NULL);
	assert_true(x[0] == 0.0f && x[2] == 18.0f && x[3] == -18.5f && classes[1] == 0);
	d->kind->fetch(d, AIC_TEST, &second, 1, x, classes, NULL);
	assert_true(x[0] == 19.0f && classes[0] == 1);
	aic_data_close(d);
	aic_spec_free(spec);
	assert_int_equal(open_as(VALUES, "table.csv", "csv", &d, &spec, &err), AIC_OK);
	d->kind->fetch(d, AIC_TEST, &second, 1, x, NULL, values);
	assert_true(x[0] == 19.0f && values[0] == -19.5f && values[1] == 1.0f);
	aic_data_close(d);
	aic_spec_free(spec);
	aic_bytes_free(&b);
}

static void mistakes_in_tables_are_told(void **state)
{
	(void)state;
	put("table.csv", "1,2,0\n1,nan,0\n", 14);
	told(CLASSES, "table.csv", "csv", "table.csv:2: column 2 is \"nan\", no finite number");
	put("table.csv", "1,2,0\n1,x,0\n", 12);
	told(CLASSES, "table.csv", "csv", "table.csv:2: column 2 is \"x\"");
	put("table.csv", "a,b,c\n1,2\n", 10);
	told(CLASSES, "table.csv", "csv", "table.csv:2: 2 columns, 3 are needed");
	put("table.csv", "1,2,0,9\n", 8);
	told(CLASSES, "table.csv", "csv", "table.csv:1: more than 3 columns");
	put("table.csv", "1,2,3\n", 6);
	told(CLASSES, "table.csv", "csv", "table.csv:1: class 3");
	put("table.csv", "1,2,1\n", 6);
	told(CLASSES, "table.csv", "csv", "1 rows: every tenth is held out");
	told(CLASSES, "nothing.csv", "csv", "nothing.csv");
	told(CLASSES, "table.csv", "tsv", "there are: idx, text, csv, wav");
}

static void put_wav(const char *name, uint8_t channels, size_t frames, int16_t value)
{
	uint8_t b[44 + 200] = "RIFF....WAVEfmt \20\0\0\0\1\0..\200>\0\0\0}\0\0\2\0\20\0data";

	b[22] = channels;
	b[23] = 0;
	b[40] = (uint8_t)(2 * frames);
	b[41] = b[42] = b[43] = 0;
	for (size_t i = 0; i < frames; i++) {
		b[44 + 2 * i] = (uint8_t)((uint16_t)value & 255);
		b[45 + 2 * i] = (uint8_t)((uint16_t)value >> 8);
	}
	put(name, b, 44 + 2 * frames);
}

#define SOUNDS "input: 'vector[6]', output: 'class[2]'"

static void sounds_are_read_and_split(void **state)
{
	aic_data *d;
	aic_spec *spec;
	aic_error err;
	uint32_t classes[2];
	float x[12];
	const uint32_t index[2] = {0, 17};
	char name[64];

	(void)state;
	mkdir(in_folder("sounds"), 0755);
	mkdir(in_folder("sounds/no"), 0755);
	mkdir(in_folder("sounds/yes"), 0755);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "sounds/%s/%02d.wav", i % 2 ? "yes" : "no", i);
		put_wav(name, 1, i == 0 ? 4 : 9, (int16_t)(i % 2 ? 16384 : -8192));
	}
	assert_int_equal(open_as(SOUNDS, "sounds", "wav", &d, &spec, &err), AIC_OK);
	assert_int_equal(d->count[AIC_TRAIN], 18);
	assert_int_equal(d->count[AIC_TEST], 2);
	d->kind->fetch(d, AIC_TRAIN, index, 2, x, classes, NULL);
	assert_true(x[3] == -0.25f && x[4] == 0.0f && x[11] == 0.5f && classes[0] == 0 && classes[1] == 1);
	aic_data_close(d);
	aic_spec_free(spec);
	told("input: 'vector[6]', output: 'class[3]'", "sounds", "wav", "2 folders, one for each class");
	put_wav("sounds/no/00.wav", 2, 4, 1);
	told(SOUNDS, "sounds", "wav", "2 channel(s) of 16 bits");
	put("sounds/no/00.wav", "RIFF\0\0\0\0WAVEfmt \20\0\0\0", 20);
	told(SOUNDS, "sounds", "wav", "00.wav is no WAV file, or truncated");
}

static void text_is_windows_of_bytes(void **state)
{
	aic_data *d;
	aic_spec *spec;
	aic_error err;
	char text[201];
	const uint32_t second = 1;
	uint32_t classes[4];
	float x[4];

	(void)state;
	for (int i = 0; i < 200; i++)
		text[i] = (char)(i % 100 + 1);
	put("text", text, 200);
	assert_int_equal(open_as("input: 'text[4]', output: 'class[128]'", "text", "text", &d, &spec, &err), AIC_OK);
	assert_int_equal(d->count[AIC_TRAIN], 88); /* (180 - 5) / 2 + 1 */
	assert_int_equal(d->count[AIC_TEST], 4);   /* (20 - 5) / 4 + 1 */
	d->kind->fetch(d, AIC_TEST, &second, 1, x, classes, NULL);
	assert_true(x[0] == 85.0f && classes[0] == 86 && classes[3] == 89);
	assert_int_equal(d->mapped, 200);
	assert_false(d->prefetched); /* memory holds it */
	d->kind->prefetch(d, AIC_TEST, &second, 1);
	aic_data_close(d);
	aic_spec_free(spec);
	told("input: 'text[4]', output: 'class[64]'", "text", "text", "byte 63 is 64, which is no class");
	told("input: 'text[30]', output: 'class[128]'", "text", "text", "shorter than a window of 30");
	told("input: 'vector[4]', output: 'class[128]'", "text", "text", "input: text[POSITIONS]");
}

static void a_tenth_of_each_stretch_of_text_is_held_out(void **state)
{
	enum { LEN = 400000, WINDOW = 256, STRETCHES = 2 }; /* each holds out 64 windows at least */
	char *text = aic_xmalloc(LEN), *seen[AIC_PARTS] = {aic_xcalloc(LEN, 1), aic_xcalloc(LEN, 1)};
	size_t held_out[STRETCHES] = {0};
	uint64_t random = 1;
	uint32_t classes[WINDOW];
	float x[WINDOW];
	aic_data *d;
	aic_spec *spec;
	aic_error err;

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		text[i] = (char)test_random(&random);
	put("text", text, LEN);
	assert_int_equal(open_as("input: 'text[256]', output: 'class[256]'", "text", "text", &d, &spec, &err), AIC_OK);
	for (int part = AIC_TRAIN; part <= AIC_TEST; part++) {
		for (uint32_t i = 0; i < d->count[part]; i++) {
			char window[WINDOW + 1];
			d->kind->fetch(d, (aic_part)part, &i, 1, x, classes, NULL);
			for (size_t k = 0; k < WINDOW; k++)
				window[k] = (char)(uint8_t)x[k];
			window[WINDOW] = (char)classes[WINDOW - 1];
			const char *at = memmem(text, LEN, window, sizeof(window));
			assert_non_null(at);
			memset(seen[part] + (at - text), 1, sizeof(window));
		}
	}
	for (size_t i = 0; i < LEN; i++) {
		assert_false(seen[AIC_TRAIN][i] && seen[AIC_TEST][i]);
		held_out[i * STRETCHES / LEN] += (size_t)seen[AIC_TEST][i];
	}
	for (size_t i = 0; i < STRETCHES; i++)
		assert_in_range(held_out[i], LEN / STRETCHES / 10 - WINDOW, LEN / STRETCHES / 10);
	aic_data_close(d);
	aic_spec_free(spec);
	free(seen[AIC_TRAIN]);
	free(seen[AIC_TEST]);
	free(text);
}

/* data: root: is the SHA-256 that the data must have. */
static void the_root_is_checked(void **state)
{
	const char *shape = "input: 'text[4]', output: 'class[128]'";
	char hex[2 * AIC_HASH_LEN + 1], format[128], text[200];
	aic_data *d;
	aic_spec *spec;
	aic_error err;

	(void)state;
	memset(text, 'a', sizeof(text));
	put("text", text, sizeof(text));
	aic_hash right = aic_sha256_of(text, sizeof(text));
	aic_hash_hex(hex, &right);
	snprintf(format, sizeof(format), "text, root: %s", hex);
	assert_int_equal(open_as(shape, "text", format, &d, &spec, &err), AIC_OK);
	aic_data_close(d);
	aic_spec_free(spec);
	hex[0] = hex[0] == '0' ? '1' : '0';
	snprintf(format, sizeof(format), "text, root: %s", hex);
	told(shape, "text", format, "t.yaml:2: data: root: is ");
	told(shape, "text", format, "install the version that the specification means");
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/aic-data-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char name[64];

	(void)state;
	unlink(in_folder("table.csv"));
	unlink(in_folder("text"));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "sounds/%s/%02d.wav", i % 2 ? "yes" : "no", i);
		unlink(in_folder(name));
	}
	rmdir(in_folder("sounds/no"));
	rmdir(in_folder("sounds/yes"));
	rmdir(in_folder("sounds"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tables_are_read_and_split, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mistakes_in_tables_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sounds_are_read_and_split, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_is_windows_of_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tenth_of_each_stretch_of_text_is_held_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_root_is_checked, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
