#include "slurm-plugins/dataset/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"

#define MAGIC "aic-dataset"
#define VERSION 1

uint64_t aic_dataset_chunk_len(const aic_dataset *m, const aic_dataset_file *f, uint64_t i)
{
	uint64_t from = i * m->chunk_size;

	return f->size - from < m->chunk_size ? f->size - from : m->chunk_size;
}

const aic_dataset_file *aic_dataset_find(const aic_dataset *m, uint64_t n)
{
	size_t low = 0, high = m->n_files;

	if (n >= m->n_chunks)
		return NULL;
	while (high - low > 1) { /* the last file whose first chunk is at or before n: behind files without any */
		size_t mid = low + (high - low) / 2;

		if (m->file[mid].first <= n)
			low = mid;
		else
			high = mid;
	}
	return &m->file[low];
}

bool aic_dataset_is_path(const char *path)
{
	size_t len = strlen(path);

	if (!len || len >= AIC_DATASET_PATH_LEN || path[len - 1] == '/')
		return false;
	for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
		size_t n = strcspn(p, "/");

		if (!n || n > 255 || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

/* Bytewise with '/' below all others, so that what lies in a folder follows the folder's own name. */
static int compare_paths(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	int x = *a == '/' ? 1 : (unsigned char)*a ? (unsigned char)*a + 1 : 0, y = *b == '/' ? 1 : (unsigned char)*b ? (unsigned char)*b + 1 : 0;

	return x - y;
}

static bool lies_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && path[n] == '/';
}

static bool follows(const char *path, const char *before)
{
	return compare_paths(before, path) < 0 && !lies_in(path, before);
}

static void grow_chunks(aic_dataset *m, uint64_t n)
{
	m->chunk = aic_xrealloc(m->chunk, (size_t)(m->n_chunks + n + 1) * sizeof(*m->chunk));
}

static aic_dataset_file *grow_files(aic_dataset *m)
{
	if ((m->n_files & (m->n_files - 1)) == 0)
		m->file = aic_xrealloc(m->file, (m->n_files ? 2 * m->n_files : 1) * sizeof(*m->file));
	return &m->file[m->n_files];
}

aic_code aic_dataset_add(aic_dataset *m, const char *path, uint64_t size, const aic_hash *chunk, uint64_t n, aic_error *err)
{
	if (!aic_dataset_is_path(path))
		return aic_fail(err, AIC_USAGE, "\"%.64s\" cannot be a file of a data set: paths have at most %d bytes, 255 a part", path,
		                AIC_DATASET_PATH_LEN - 1);
	if (m->n_files == AIC_DATASET_FILES_MAX)
		return aic_fail(err, AIC_FULL, "a data set has at most %u files: pack them (tar, a database)", AIC_DATASET_FILES_MAX);
	m->chunk_size = AIC_CHUNK_SIZE;
	grow_chunks(m, n);
	for (uint64_t i = 0; i < n; i++)
		m->chunk[m->n_chunks + i] = chunk[i];
	*grow_files(m) = (aic_dataset_file){aic_xstrdup(path), size, m->n_chunks, n};
	m->n_files++;
	m->n_chunks += n;
	m->bytes += size;
	return AIC_OK;
}

static int by_path(const void *a, const void *b)
{
	return compare_paths(((const aic_dataset_file *)a)->path, ((const aic_dataset_file *)b)->path);
}

static void sort_files(aic_dataset *m)
{
	aic_hash *sorted = aic_xcalloc((size_t)m->n_chunks + 1, sizeof(*sorted));
	uint64_t at = 0;

	qsort(m->file, m->n_files, sizeof(*m->file), by_path);
	for (size_t i = 0; i < m->n_files; i++) {
		memcpy(sorted + at, m->chunk + m->file[i].first, (size_t)m->file[i].n_chunks * sizeof(*sorted));
		m->file[i].first = at;
		at += m->file[i].n_chunks;
	}
	free(m->chunk);
	m->chunk = sorted;
}

aic_code aic_dataset_encode(aic_dataset *m, aic_bytes *out, aic_error *err)
{
	size_t start = out->len;

	if (!m->n_files)
		return aic_fail(err, AIC_USAGE, "a data set without a file is none");
	sort_files(m);
	for (size_t i = 1; i < m->n_files; i++)
		if (!follows(m->file[i].path, m->file[i - 1].path))
			return aic_fail(err, AIC_USAGE, "%s is in the data set twice, or as a file and a folder", m->file[i - 1].path);
	aic_cbor_put_array(out, 4);
	aic_cbor_put_text(out, MAGIC);
	aic_cbor_put_uint(out, VERSION);
	aic_cbor_put_uint(out, m->chunk_size);
	aic_cbor_put_array(out, m->n_files);
	for (size_t i = 0; i < m->n_files; i++) {
		aic_cbor_put_array(out, 3);
		aic_cbor_put_text(out, m->file[i].path);
		aic_cbor_put_uint(out, m->file[i].size);
		aic_cbor_put_bytes(out, m->chunk + m->file[i].first, (size_t)m->file[i].n_chunks * AIC_HASH_LEN);
	}
	if (out->len - start > AIC_MANIFEST_MAX)
		return aic_fail(err, AIC_FULL, "the list of the data set's chunks has %zu bytes, %u are the limit: split the data set",
		                out->len - start, AIC_MANIFEST_MAX);
	m->root = aic_sha256_of(out->data + start, out->len - start);
	return AIC_OK;
}

/* --- reading --- */

static void read_file(aic_dataset *m, aic_cbor *c)
{
	char path[AIC_DATASET_PATH_LEN];
	const uint8_t *hashes;
	uint64_t size, n;
	size_t len = 0;

	aic_cbor_array_exact(c, 3);
	aic_cbor_text(c, path, sizeof(path));
	size = aic_cbor_uint(c);
	hashes = aic_cbor_bytes(c, &len);
	if (!aic_cbor_ok(c))
		return;
	n = size / m->chunk_size + (size % m->chunk_size != 0);
	if (!aic_dataset_is_path(path) || (m->n_files && !follows(path, m->file[m->n_files - 1].path)))
		aic_cbor_fail(c, "file %zu of the data set has no path that may follow", m->n_files + 1);
	else if (len % AIC_HASH_LEN || len / AIC_HASH_LEN != n || size > INT64_MAX - m->bytes)
		aic_cbor_fail(c, "file %zu of the data set has %zu bytes of hashes, not those of its size", m->n_files + 1, len);
	if (!aic_cbor_ok(c))
		return;
	memcpy(m->chunk + m->n_chunks, hashes, len);
	*grow_files(m) = (aic_dataset_file){aic_xstrdup(path), size, m->n_chunks, n};
	m->n_files++;
	m->n_chunks += n;
	m->bytes += size;
}

static void read_head(aic_dataset *m, aic_cbor *c)
{
	char magic[sizeof(MAGIC)];

	aic_cbor_array_exact(c, 4);
	aic_cbor_text(c, magic, sizeof(magic));
	if (aic_cbor_uint(c) != VERSION || strcmp(magic, MAGIC))
		aic_cbor_fail(c, "this is no list of a data set's files");
	m->chunk_size = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && (!m->chunk_size || m->chunk_size > AIC_CHUNK_SIZE_MAX))
		aic_cbor_fail(c, "chunks of %llu bytes: 1 to %u are possible", (unsigned long long)m->chunk_size, AIC_CHUNK_SIZE_MAX);
}

aic_code aic_dataset_decode(aic_dataset *m, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;
	size_t n;

	*m = (aic_dataset){.n_files = 0};
	aic_cbor_init(&c, data, len);
	read_head(m, &c);
	n = aic_cbor_array(&c, AIC_DATASET_FILES_MAX);
	if (aic_cbor_ok(&c) && !n)
		aic_cbor_fail(&c, "a data set without a file is none");
	m->chunk = aic_xmalloc(len + sizeof(*m->chunk)); /* more hashes than bytes there are not */
	for (size_t i = 0; i < n && aic_cbor_ok(&c); i++)
		read_file(m, &c);
	if (aic_cbor_finish(&c, err)) {
		aic_dataset_clear(m);
		return AIC_CORRUPT;
	}
	m->root = aic_sha256_of(data, len);
	return AIC_OK;
}

void aic_dataset_clear(aic_dataset *m)
{
	for (size_t i = 0; i < m->n_files; i++)
		free(m->file[i].path);
	free(m->file);
	free(m->chunk);
	*m = (aic_dataset){.n_files = 0};
}
