/* wav.c: sounds as 16-bit PCM WAV files, FOLDER/CLASS/NAME.wav: classes are the subfolders in the order of their names. A sample is the
 * first N frames, N the input's size, zeros behind a shorter sound; frames become value / 32768. Every tenth file of a class, by name,
 * is held out. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/data.h"

enum { HELD_OUT_EVERY = 10, PCM = 1 };
static const size_t SOUND_MAX = (size_t)1 << 30;

typedef struct {
	int16_t *frames[AIC_PARTS]; /* samples x N */
	uint32_t *label[AIC_PARTS];
	size_t room[AIC_PARTS];
} wav;

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

float aic_wav_value(int16_t frame)
{
	return (float)frame / 32768.0f;
}

/* Chunk `id` of a RIFF file: its data and length, NULL where there is none that lies within the file. */
static const uint8_t *find_chunk(const aic_bytes *f, const char *id, size_t *len)
{
	for (size_t at = 12; at + 8 <= f->len; at += 8 + *len + *len % 2) {
		*len = le32(f->data + at + 4);
		if (memcmp(f->data + at, id, 4) == 0)
			return *len <= f->len - at - 8 ? f->data + at + 8 : NULL;
		if (*len > f->len)
			return NULL;
	}
	return NULL;
}

aic_code aic_wav_frames(const char *path, size_t n, int16_t *to, aic_error *err)
{
	aic_bytes f = {0};
	size_t format_len = 0, len = 0;
	aic_code rc = aic_file_read(&f, path, SOUND_MAX, err);

	if (rc != AIC_OK)
		return rc;
	bool riff = f.len >= 12 && memcmp(f.data, "RIFF", 4) == 0 && memcmp(f.data + 8, "WAVE", 4) == 0;
	const uint8_t *format = riff ? find_chunk(&f, "fmt ", &format_len) : NULL, *data = riff ? find_chunk(&f, "data", &len) : NULL;
	if (!riff || !format || format_len < 16 || !data)
		rc = aic_fail(err, AIC_CORRUPT, "%s is no WAV file, or truncated", path);
	else if (le16(format) != PCM || le16(format + 2) != 1 || le16(format + 14) != 16)
		rc = aic_fail(err, AIC_USAGE, "%s has %u channel(s) of %u bits in format %u: convert it to one channel of 16-bit PCM", path,
		              le16(format + 2), le16(format + 14), le16(format));
	else
		for (size_t i = 0; i < n; i++)
			to[i] = 2 * i + 1 < len ? (int16_t)le16(data + 2 * i) : 0;
	aic_bytes_free(&f);
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in a folder, sorted, those with the suffix (directories where it is NULL); the caller frees. */
static size_t list(const char *folder, const char *suffix, char ***names)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	*names = NULL;
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		char path[PATH_MAX];
		struct stat st;
		size_t len = strlen(e->d_name);
		if (e->d_name[0] == '.' || aic_path_join(path, sizeof(path), folder, e->d_name, NULL) != AIC_OK || stat(path, &st) != 0 || S_ISDIR(st.st_mode) != (suffix == NULL))
			continue;
		if (suffix && (len < strlen(suffix) || strcmp(e->d_name + len - strlen(suffix), suffix) != 0))
			continue;
		*names = aic_xrealloc(*names, (n + 1) * sizeof(**names));
		(*names)[n++] = aic_xstrdup(e->d_name);
	}
	if (dir)
		closedir(dir);
	if (n > 1)
		qsort(*names, n, sizeof(**names), compare_names);
	return n;
}

static void free_list(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static aic_code add_sound(aic_data *d, aic_part part, uint32_t label, const char *path, aic_sha256 *digest, aic_error *err)
{
	wav *w = d->own;
	size_t n = aic_shape_size(&d->spec->input), at = d->count[part];

	if (at == w->room[part]) {
		w->room[part] = at ? 2 * at : 256;
		w->frames[part] = aic_xrealloc(w->frames[part], w->room[part] * n * sizeof(int16_t));
		w->label[part] = aic_xrealloc(w->label[part], w->room[part] * sizeof(uint32_t));
	}
	aic_code rc = aic_wav_frames(path, n, w->frames[part] + at * n, err);
	if (rc != AIC_OK)
		return rc;
	w->label[part][at] = label;
	d->count[part]++;
	aic_sha256_update(digest, &label, sizeof(label));
	aic_sha256_update(digest, w->frames[part] + at * n, n * sizeof(int16_t));
	return AIC_OK;
}

static aic_code read_class(aic_data *d, uint32_t label, const char *folder, aic_sha256 *digest, aic_error *err)
{
	char **names, path[PATH_MAX];
	size_t n = list(folder, ".wav", &names);
	aic_code rc = n ? AIC_OK : aic_fail(err, AIC_USAGE, "%s holds no .wav file", folder);

	for (size_t i = 0; rc == AIC_OK && i < n; i++) {
		rc = aic_path_join(path, sizeof(path), folder, names[i], err);
		if (rc == AIC_OK)
			rc = add_sound(d, i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 ? AIC_TEST : AIC_TRAIN, label, path, digest, err);
	}
	free_list(names, n);
	return rc;
}

static void wav_fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	const wav *w = d->own;
	size_t size = aic_shape_size(&d->spec->input);

	(void)values;
	for (size_t i = 0; i < n; i++) {
		const int16_t *from = w->frames[part] + index[i] * size;
		for (size_t f = 0; f < size; f++)
			x[i * size + f] = aic_wav_value(from[f]);
		classes[i] = w->label[part][index[i]];
	}
}

static void wav_close(aic_data *d)
{
	wav *w = d->own;

	for (int part = 0; part < AIC_PARTS; part++) {
		free(w->frames[part]);
		free(w->label[part]);
	}
	free(w);
}

static const aic_data_kind wav_kind = {wav_fetch, NULL, wav_close};

aic_code aic_wav_open(aic_data *d, const char *where, aic_error *err)
{
	char **names, path[PATH_MAX];
	aic_code rc = AIC_OK;

	d->own = aic_xcalloc(1, sizeof(wav));
	d->kind = &wav_kind;
	if (d->spec->input_kind == AIC_INPUT_TEXT || d->spec->output_kind != AIC_OUTPUT_CLASS)
		return aic_yaml_fail(d->spec->model_node, err, "data in wav format goes with input: vector[FRAMES] or image[...] and output: class[N]");
	size_t n = list(where, NULL, &names);
	if (n != d->spec->outputs)
		rc = aic_fail(err, AIC_USAGE, "%s holds %zu folders, one for each class; output: class[%zu] asks for %zu", where, n, d->spec->outputs,
		              d->spec->outputs);
	aic_sha256 *digest = aic_sha256_new();
	for (size_t c = 0; rc == AIC_OK && c < n; c++) {
		rc = aic_path_join(path, sizeof(path), where, names[c], err);
		if (rc == AIC_OK)
			rc = read_class(d, (uint32_t)c, path, digest, err);
	}
	if (rc == AIC_OK && d->count[AIC_TEST] == 0)
		rc = aic_fail(err, AIC_USAGE, "%s: every tenth sound of a class is held out, so one class at least needs %d", where, HELD_OUT_EVERY);
	d->digest = aic_sha256_final(digest);
	aic_sha256_free(digest);
	free_list(names, n);
	return rc;
}
