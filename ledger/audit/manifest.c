/* manifest.c: see manifest.h. */
#include "ledger/audit/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define MANIFEST_MAX (64u << 20)
#define READ_SIZE 65536

void aic_manifest_clear(aic_manifest *m)
{
	free(m->file);
	*m = (aic_manifest){.file = NULL};
}

void aic_manifest_add(aic_manifest *m, const aic_manifest_file *file)
{
	m->file = aic_xrealloc(m->file, (m->n_files + 1) * sizeof(*m->file));
	m->file[m->n_files++] = *file;
}

/* --- writing --- */

static void put_hash(aic_bytes *out, const char *word, const aic_hash *h)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, h);
	aic_bytes_printf(out, "%s %s\n", word, hex);
}

static void put_file(aic_bytes *out, const aic_manifest_file *f)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, &f->hash);
	aic_bytes_printf(out, "file %s %llu %s\n", f->name, (unsigned long long)f->bytes, hex);
}

static void put_all(aic_bytes *out, const aic_manifest *m, const char *kind)
{
	aic_bytes_printf(out, "aic-%s 1\n", kind);
	put_hash(out, "chain", &m->chain);
	aic_bytes_printf(out, "height %llu\n", (unsigned long long)m->height);
	put_hash(out, "head", &m->head);
	put_hash(out, "state", &m->state);
	for (size_t i = 0; i < m->n_files; i++)
		put_file(out, &m->file[i]);
	aic_hash end = aic_sha256_of(out->data, out->len);
	put_hash(out, "end", &end);
}

aic_code aic_manifest_write(const aic_manifest *m, const char *kind, const char *dir, mode_t mode, aic_error *err)
{
	char *path = aic_xasprintf("%s/%s", dir, AIC_MANIFEST);
	aic_bytes text = {0};

	put_all(&text, m, kind);
	aic_code code = aic_file_write_atomic(path, text.data, text.len, mode, err);
	aic_bytes_free(&text);
	free(path);
	return code;
}

/* --- reading: each line is read, and must be what would be written --- */

static bool read_hash(const char *line, const char *word, aic_hash *h)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && line[n] == ' ' && aic_unhex(h->b, AIC_HASH_LEN, line + n + 1);
}

static bool read_file_line(aic_manifest *m, const char *line)
{
	aic_manifest_file f = {.bytes = 0};
	char hex[2 * AIC_HASH_LEN + 2];
	unsigned long long bytes;

	if (sscanf(line, "file %31s %llu %65s", f.name, &bytes, hex) != 3 || !aic_unhex(f.hash.b, AIC_HASH_LEN, hex) || strchr(f.name, '/'))
		return false;
	f.bytes = bytes;
	aic_manifest_add(m, &f);
	return true;
}

static bool read_line(aic_manifest *m, const char *kind, const char *line, int number)
{
	char first[64];
	unsigned long long height;

	switch (number) {
	case 1:
		snprintf(first, sizeof(first), "aic-%s 1", kind);
		return strcmp(line, first) == 0;
	case 2:
		return read_hash(line, "chain", &m->chain);
	case 3:
		if (sscanf(line, "height %llu", &height) != 1)
			return false;
		m->height = height;
		return true;
	case 4:
		return read_hash(line, "head", &m->head);
	case 5:
		return read_hash(line, "state", &m->state);
	default:
		return read_file_line(m, line);
	}
}

/* The first line in which they differ, from 1. */
static int first_difference(const aic_bytes *a, const aic_bytes *b)
{
	int line = 1;

	for (size_t i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		line += a->data[i] == '\n';
	return line;
}

static aic_code parse(aic_manifest *m, const char *kind, aic_bytes *text, aic_error *err)
{
	aic_bytes again = {0};
	int number = 0;

	for (size_t at = 0; at < text->len;) {
		uint8_t *newline = memchr(text->data + at, '\n', text->len - at);
		char *line = newline ? strndup((char *)text->data + at, (size_t)(newline - text->data) - at) : NULL;
		bool last = line && strncmp(line, "end ", 4) == 0, good = line && (last || read_line(m, kind, line, number + 1));

		free(line);
		number++;
		if (!good)
			return aic_fail(err, AIC_CORRUPT, "manifest, line %d: it is not what an %s writes", number, kind);
		if (last)
			break;
		at = (size_t)(newline - text->data) + 1;
	}
	if (number < 7)
		return aic_fail(err, AIC_CORRUPT, "manifest: it ends before its last line");
	put_all(&again, m, kind);
	int differs = again.len == text->len && memcmp(again.data, text->data, text->len) == 0 ? 0 : first_difference(&again, text);
	aic_bytes_free(&again);
	if (differs == number)
		return aic_fail(err, AIC_CORRUPT, "manifest: its last line is not the hash of those before it");
	if (differs)
		return aic_fail(err, AIC_CORRUPT, "manifest, line %d: it is not what an %s writes", differs, kind);
	return AIC_OK;
}

aic_code aic_manifest_read(aic_manifest *m, const char *kind, const char *dir, aic_error *err)
{
	char *path = aic_xasprintf("%s/%s", dir, AIC_MANIFEST);
	aic_bytes text = {0};

	*m = (aic_manifest){.file = NULL};
	aic_code code = aic_file_read(&text, path, MANIFEST_MAX, err);
	if (!code && (code = parse(m, kind, &text, err)))
		aic_manifest_clear(m);
	aic_bytes_free(&text);
	free(path);
	return code;
}

/* --- the files --- */

aic_code aic_manifest_measure(aic_manifest_file *f, const char *dir, const char *name, aic_error *err)
{
	char *path = aic_xasprintf("%s/%s", dir, name);
	FILE *in = fopen(path, "re");
	aic_sha256 *hash = aic_sha256_new();
	uint8_t buf[READ_SIZE];
	aic_code code = in ? AIC_OK : aic_fail_errno(err, "cannot open %s", path);

	aic_str_copy(f->name, sizeof(f->name), name);
	f->bytes = 0;
	for (size_t n; !code && (n = fread(buf, 1, sizeof(buf), in)) > 0; f->bytes += n)
		aic_sha256_update(hash, buf, n);
	if (!code && ferror(in))
		code = aic_fail_errno(err, "cannot read %s", path);
	f->hash = aic_sha256_final(hash);
	aic_sha256_free(hash);
	if (in)
		fclose(in);
	free(path);
	return code;
}

aic_code aic_manifest_check(const aic_manifest_file *f, const char *dir, aic_error *err)
{
	aic_manifest_file there;
	aic_code code = aic_manifest_measure(&there, dir, f->name, err);

	if (code)
		return code;
	if (there.bytes != f->bytes)
		return aic_fail(err, AIC_CORRUPT, "%s has %llu bytes, the manifest says %llu", f->name, (unsigned long long)there.bytes,
		                (unsigned long long)f->bytes);
	if (!aic_hash_equal(&there.hash, &f->hash))
		return aic_fail(err, AIC_CORRUPT, "%s: its hash is not the manifest's", f->name);
	return AIC_OK;
}
