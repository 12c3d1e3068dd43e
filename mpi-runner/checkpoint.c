#include "mpi-runner/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/cbor.h"
#include "common/file.h"

#define MAGIC "AICCKPT1"
#define SUFFIX ".aickpt"

enum { PREFIX_LEN = 16, HEADER_MAX = 4096, ALIGN = 64, SUM_LEN = AIC_HASH_LEN };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoints hold little-endian floats as they lie in memory");

aic_hash aic_floats_hash(const float *v, size_t n)
{
	return aic_sha256_of(v, n * sizeof(float));
}

static uint32_t bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	return u;
}

static float from_bits(uint64_t u)
{
	uint32_t low = (uint32_t)u;
	float f;
	memcpy(&f, &low, sizeof(f));
	return f;
}

/* magic, length, CBOR header, SHA-256 of all that, zeros up to a multiple of 64 */
static void encode_head(aic_bytes *b, const aic_checkpoint *c)
{
	aic_bytes header = {0};
	uint8_t prefix[PREFIX_LEN];
	size_t sections = c->section[2] ? 3 : 2;

	aic_cbor_put_array(&header, 6);
	aic_cbor_put_bytes(&header, c->identity.b, AIC_HASH_LEN);
	aic_cbor_put_uint(&header, c->step);
	aic_cbor_put_uint(&header, c->parameters);
	aic_cbor_put_uint(&header, bits(c->power1));
	aic_cbor_put_uint(&header, bits(c->power2));
	aic_cbor_put_array(&header, sections);
	for (size_t i = 0; i < sections; i++) {
		aic_hash h = aic_floats_hash(c->section[i], c->parameters);
		aic_cbor_put_bytes(&header, h.b, AIC_HASH_LEN);
	}
	memcpy(prefix, MAGIC, 8);
	aic_put_be64(prefix + 8, header.len);
	aic_bytes_append(b, prefix, sizeof(prefix));
	aic_bytes_append(b, header.data, header.len);
	aic_hash sum = aic_sha256_of(b->data, b->len);
	aic_bytes_append(b, sum.b, AIC_HASH_LEN);
	while (b->len % ALIGN)
		aic_bytes_append(b, "", 1);
	aic_bytes_free(&header);
}

static aic_code write_whole(const aic_checkpoint *c, const char *path, aic_error *err)
{
	aic_bytes head = {0};
	aic_code rc = AIC_OK;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return aic_fail_errno(err, "checkpoint %s cannot be created: give another --run-dir or make room", path);
	encode_head(&head, c);
	int bad = aic_write_all(fd, head.data, head.len);
	for (size_t i = 0; !bad && i < AIC_CHECKPOINT_SECTIONS && c->section[i]; i++)
		bad = aic_write_all(fd, c->section[i], c->parameters * sizeof(float));
	if (bad || fsync(fd) != 0)
		rc = aic_fail_errno(err, "checkpoint %s of %llu bytes cannot be written: make room there or give another --run-dir", path,
		                    (unsigned long long)(head.len + c->parameters * sizeof(float) * (c->section[2] ? 3 : 2)));
	if (close(fd) != 0 && rc == AIC_OK)
		rc = aic_fail_errno(err, "checkpoint %s cannot be closed", path);
	aic_bytes_free(&head);
	return rc;
}

/* The step in "step-0000000100.aickpt", or -1. */
static int64_t step_of(const char *name)
{
	char *end;

	if (strncmp(name, "step-", 5) != 0)
		return -1;
	long long step = strtoll(name + 5, &end, 10);
	return end != name + 5 && strcmp(end, SUFFIX) == 0 ? step : -1;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* Steps of the checkpoints in folder, newest first; the caller frees. */
static size_t list_steps(const char *folder, int64_t **steps)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	*steps = NULL;
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		int64_t step = step_of(e->d_name);
		if (step < 0)
			continue;
		*steps = aic_xrealloc(*steps, (n + 1) * sizeof(**steps));
		(*steps)[n++] = step;
	}
	closedir(dir);
	if (n > 1)
		qsort(*steps, n, sizeof(**steps), newest_first);
	return n;
}

static void path_of(char path[PATH_MAX], const char *folder, int64_t step)
{
	snprintf(path, PATH_MAX, "%s/step-%010lld" SUFFIX, folder, (long long)step);
}

static void remove_old(const char *folder, uint64_t keep)
{
	int64_t *steps;
	size_t n = list_steps(folder, &steps);

	for (size_t i = keep; i < n; i++) {
		char path[PATH_MAX];
		path_of(path, folder, steps[i]);
		unlink(path);
	}
	free(steps);
}

void aic_checkpoint_clear(const char *folder)
{
	remove_old(folder, 0);
}

aic_code aic_checkpoint_save(const aic_checkpoint *c, const char *folder, uint64_t keep, aic_error *err)
{
	char path[PATH_MAX], temporary[PATH_MAX];

	aic_code rc = aic_dir_make(folder, 0755, err);
	if (rc != AIC_OK)
		return rc;
	path_of(path, folder, (int64_t)c->step);
	if (snprintf(temporary, sizeof(temporary), "%s/.saving", folder) >= (int)sizeof(temporary))
		return aic_fail(err, AIC_USAGE, "%s: the path of a checkpoint is too long: give a shorter --run-dir", folder);
	rc = write_whole(c, temporary, err);
	if (rc == AIC_OK && rename(temporary, path) != 0)
		rc = aic_fail_errno(err, "checkpoint %s cannot be put in place", path);
	if (rc != AIC_OK) {
		unlink(temporary);
		return rc;
	}
	rc = aic_dir_sync(folder, err);
	if (rc == AIC_OK)
		remove_old(folder, keep);
	return rc;
}

/* --- loading --- */

typedef struct {
	aic_checkpoint found;
	size_t sections;
	aic_hash hash[AIC_CHECKPOINT_SECTIONS];
	off_t data_at;
} head;

static aic_code read_all(int fd, const char *path, void *to, size_t len, aic_error *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)to + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return aic_fail_errno(err, "%s cannot be read", path);
		if (n == 0)
			return aic_fail(err, AIC_CORRUPT, "%s is truncated: %zu bytes are missing", path, len - got);
		got += (size_t)n;
	}
	return AIC_OK;
}

static aic_code decode_header(head *h, const char *path, const uint8_t *data, size_t len, aic_error *err)
{
	aic_cbor in;

	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, 6);
	aic_cbor_bytes_exact(&in, h->found.identity.b, AIC_HASH_LEN);
	h->found.step = aic_cbor_uint(&in);
	h->found.parameters = aic_cbor_uint(&in);
	h->found.power1 = from_bits(aic_cbor_uint(&in));
	h->found.power2 = from_bits(aic_cbor_uint(&in));
	h->sections = aic_cbor_array(&in, AIC_CHECKPOINT_SECTIONS);
	for (size_t i = 0; i < h->sections; i++)
		aic_cbor_bytes_exact(&in, h->hash[i].b, AIC_HASH_LEN);
	aic_code rc = aic_cbor_finish(&in, err);
	return rc == AIC_OK ? AIC_OK : aic_error_prefix(err, "%s", path);
}

static aic_code read_head(head *h, int fd, const char *path, aic_error *err)
{
	uint8_t b[PREFIX_LEN + HEADER_MAX + SUM_LEN];

	if (read_all(fd, path, b, PREFIX_LEN, err) != AIC_OK)
		return err->code;
	uint64_t len = aic_get_be64(b + 8);
	if (memcmp(b, MAGIC, 8) != 0 || len > HEADER_MAX)
		return aic_fail(err, AIC_CORRUPT, "%s is no checkpoint of this version: it does not start with " MAGIC, path);
	if (read_all(fd, path, b + PREFIX_LEN, (size_t)len + SUM_LEN, err) != AIC_OK)
		return err->code;
	aic_hash sum = aic_sha256_of(b, PREFIX_LEN + (size_t)len);
	if (memcmp(sum.b, b + PREFIX_LEN + len, SUM_LEN) != 0)
		return aic_fail(err, AIC_CORRUPT, "%s is damaged: its header does not have the checksum that it says", path);
	h->data_at = (off_t)((PREFIX_LEN + len + SUM_LEN + ALIGN - 1) / ALIGN * ALIGN);
	return decode_header(h, path, b + PREFIX_LEN, (size_t)len, err);
}

static aic_code check_head(const head *h, const aic_checkpoint *c, const char *path, aic_error *err)
{
	char a[9], b[9];

	if (aic_hash_equal(&h->found.identity, &c->identity) && h->found.parameters == c->parameters &&
	    h->sections == (c->section[2] ? 3 : 2))
		return AIC_OK;
	aic_hex(a, h->found.identity.b, 4);
	aic_hex(b, c->identity.b, 4);
	return aic_fail(err, AIC_REFUSED, "%s is a checkpoint of another model, data or training (identity %s.. with %llu weights, the spec has "
	                "%s.. with %llu): give another --run-dir, or --fresh to start over", path, a, (unsigned long long)h->found.parameters,
	                b, (unsigned long long)c->parameters);
}

static aic_code load_file(aic_checkpoint *c, const char *path, aic_error *err)
{
	head h = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return aic_fail_errno(err, "%s cannot be opened", path);
	aic_code rc = read_head(&h, fd, path, err);
	if (rc == AIC_OK)
		rc = check_head(&h, c, path, err);
	if (rc == AIC_OK && lseek(fd, h.data_at, SEEK_SET) < 0)
		rc = aic_fail_errno(err, "%s cannot be read", path);
	for (size_t i = 0; rc == AIC_OK && i < h.sections; i++) {
		rc = read_all(fd, path, c->section[i], c->parameters * sizeof(float), err);
		aic_hash have = aic_floats_hash(c->section[i], c->parameters);
		if (rc == AIC_OK && !aic_hash_equal(&have, &h.hash[i]))
			rc = aic_fail(err, AIC_CORRUPT, "%s is damaged: section %zu does not have the checksum that its header says", path, i);
	}
	close(fd);
	if (rc == AIC_OK) {
		c->step = h.found.step;
		c->power1 = h.found.power1;
		c->power2 = h.found.power2;
	}
	return rc;
}

aic_code aic_checkpoint_load(aic_checkpoint *c, const char *folder, aic_error *damaged, aic_error *err)
{
	int64_t *steps;
	size_t n = list_steps(folder, &steps);
	aic_code rc = AIC_NOT_FOUND;

	if (damaged)
		*damaged = (aic_error){0};
	aic_fail(err, AIC_NOT_FOUND, "%s holds no checkpoint", folder);
	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];
		path_of(path, folder, steps[i]);
		rc = load_file(c, path, err);
		if (rc != AIC_CORRUPT)
			break;
		if (damaged && !damaged->message[0])
			*damaged = *err;
	}
	free(steps);
	return rc;
}
