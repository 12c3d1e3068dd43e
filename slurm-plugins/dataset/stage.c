#include "slurm-plugins/dataset/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/time.h"
#include "slurm-plugins/dataset/store.h"

typedef struct {
	const aic_staging *s;
	aic_dataset m;
	aic_cache_entry entry;
	bool there, was_whole;  /* in the cache, before */
	uint64_t done;
	uint8_t *buffer;        /* one chunk */
	aic_staged *did;
} staging;

/* --- sources --- */

/* Asks the nearest that has not failed. One that lacks the thing, or has it damaged, is asked for others of it again only where it
 * is the last: the store. */
static aic_code ask(staging *g, aic_code (*what)(aic_dataset_source *, staging *, uint64_t, aic_bytes *, aic_error *), uint64_t n,
                    aic_bytes *out, aic_error *err)
{
	aic_code rc = aic_fail(err, AIC_NOT_FOUND, "there is nobody to fetch the data set from: set datasets.store in aic.yaml");

	for (size_t i = 0; i < g->s->n_sources; i++) {
		aic_dataset_source *from = &g->s->source[i];

		if (from->failed)
			continue;
		aic_bytes_clear(out);
		rc = what(from, g, n, out, err);
		if (rc == AIC_OK)
			return rc;
		if (i + 1 < g->s->n_sources) {
			from->failed = true;
			if (rc != AIC_NOT_FOUND)
				aic_warn("data set: %s is not asked again: %s", from->name, err ? err->message : "it failed");
		}
	}
	return rc;
}

static aic_code ask_manifest(aic_dataset_source *from, staging *g, uint64_t n, aic_bytes *out, aic_error *err)
{
	aic_hash got;
	aic_code rc = from->manifest(from->self, &g->entry.root, out, err);

	(void)n;
	if (rc != AIC_OK)
		return rc;
	got = aic_sha256_of(out->data, out->len);
	if (!aic_hash_equal(&got, &g->entry.root))
		return aic_fail(err, AIC_CORRUPT, "%s gives a list of files that does not have the content root", from->name);
	return AIC_OK;
}

static bool chunk_is(const staging *g, uint64_t n, const void *data, size_t len)
{
	aic_hash got = aic_sha256_of(data, len);

	return aic_hash_equal(&got, &g->m.chunk[n]);
}

static aic_code ask_chunk(aic_dataset_source *from, staging *g, uint64_t n, aic_bytes *out, aic_error *err)
{
	const aic_dataset_file *f = aic_dataset_find(&g->m, n);
	aic_code rc = from->chunk(from->self, &g->m, n, out, err);

	if (rc == AIC_OK && (out->len != aic_dataset_chunk_len(&g->m, f, n - f->first) || !chunk_is(g, n, out->data, out->len)))
		rc = aic_fail(err, AIC_CORRUPT, "%s gives a damaged chunk %llu of %s: it is not used", from->name,
		              (unsigned long long)(n - f->first), f->path);
	if (rc == AIC_OK && from < g->s->source + g->s->n_sources - 1)
		g->did->near += out->len;
	return rc;
}

/* --- the list of files --- */

static aic_code keep_manifest(staging *g, const aic_bytes *bytes, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_cache_path(path, g->s->cache, &g->entry.root, "manifest", err);

	return rc ? rc : aic_file_write_atomic(path, bytes->data, bytes->len, 0640, err);
}

static aic_code own_manifest(staging *g, aic_bytes *bytes)
{
	char path[PATH_MAX];
	aic_hash got;
	aic_code rc = aic_cache_path(path, g->s->cache, &g->entry.root, "manifest", NULL);

	if (rc == AIC_OK)
		rc = aic_file_read(bytes, path, AIC_MANIFEST_MAX, NULL);
	got = aic_sha256_of(bytes->data, bytes->len);
	return rc == AIC_OK && aic_hash_equal(&got, &g->entry.root) ? AIC_OK : AIC_NOT_FOUND;
}

/* Reserves its room, too: from the state file on, its bytes count. */
static aic_code begin(staging *g, aic_error *err)
{
	aic_bytes bytes = {0};
	bool own = own_manifest(g, &bytes) == AIC_OK;
	aic_code rc = own ? AIC_OK : ask(g, ask_manifest, 0, &bytes, err);

	if (rc == AIC_OK)
		rc = aic_dataset_decode(&g->m, bytes.data, bytes.len, err);
	if (rc == AIC_OK && (!g->there || g->entry.bytes != g->m.bytes)) {
		g->entry = (aic_cache_entry){.root = g->m.root};
		if (g->there)
			aic_cache_put(g->s->cache, &g->entry, NULL); /* what lies there must not count twice */
		rc = aic_cache_room(g->s->cache, g->m.bytes, &g->m.root, g->s->pinned, g->s->ctx, err);
		g->entry.bytes = g->m.bytes;
		if (rc == AIC_OK)
			rc = aic_cache_put(g->s->cache, &g->entry, err);
	}
	if (rc == AIC_OK && !own)
		rc = keep_manifest(g, &bytes, err);
	aic_bytes_free(&bytes);
	return rc;
}

/* --- files --- */

static aic_code make_parents(const char *path, aic_error *err)
{
	char folder[PATH_MAX];

	aic_str_copy(folder, sizeof(folder), path);
	*strrchr(folder, '/') = '\0';
	return aic_dir_make(folder, 0755, err);
}

/* The file, of its size, ready to be written. *empty: nothing in it can be right. */
static int open_file(const staging *g, const char *path, const aic_dataset_file *f, bool *empty, aic_error *err)
{
	struct stat st;
	int fd, rc = 0;

	*empty = lstat(path, &st) != 0 || !S_ISREG(st.st_mode);
	if (*empty && (aic_dir_remove(path, NULL), make_parents(path, err)))
		return -1;
	if (!*empty)
		chmod(path, 0644);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0 && (*empty || (uint64_t)st.st_size != f->size)) {
		rc = ftruncate(fd, (off_t)f->size) ? errno : 0;
		if (!rc && f->size) {
			rc = posix_fallocate(fd, 0, (off_t)f->size);
			while (rc == ENOSPC && aic_cache_evict_one(g->s->cache, &g->m.root, g->s->pinned, g->s->ctx, NULL) == AIC_OK)
				rc = posix_fallocate(fd, 0, (off_t)f->size);
		}
	}
	if (fd >= 0 && !rc)
		return fd;
	if (fd >= 0) {
		close(fd);
		errno = rc;
	}
	aic_fail_errno(err, "no room for %s in the cache %s: free space on its disk, or lower datasets.size in aic.yaml", f->path,
	               g->s->cache->dir);
	return -1;
}

static bool have_chunk(const staging *g, int fd, uint64_t n, uint64_t at, uint64_t len)
{
	uint64_t got = 0;

	while (got < len) {
		ssize_t r = pread(fd, g->buffer + got, (size_t)(len - got), (off_t)(at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		got += (uint64_t)r;
	}
	return chunk_is(g, n, g->buffer, (size_t)len);
}

static aic_code put_chunk(const staging *g, int fd, const aic_dataset_file *f, uint64_t at, const aic_bytes *data, aic_error *err)
{
	for (size_t put = 0; put < data->len;) {
		ssize_t w = pwrite(fd, data->data + put, data->len - put, (off_t)(at + put));

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == ENOSPC && aic_cache_evict_one(g->s->cache, &g->m.root, g->s->pinned, g->s->ctx, NULL) == AIC_OK)
			continue;
		if (w < 0)
			return aic_fail_errno(err, "cannot write %s of the cache %s", f->path, g->s->cache->dir);
		put += (size_t)w;
	}
	return AIC_OK;
}

static aic_code fill(staging *g, int fd, const aic_dataset_file *f, bool empty, aic_error *err)
{
	aic_bytes data = {0};
	aic_code rc = AIC_OK;

	for (uint64_t i = 0; i < f->n_chunks && rc == AIC_OK; i++) {
		uint64_t at = i * g->m.chunk_size, len = aic_dataset_chunk_len(&g->m, f, i);

		if (g->s->progress && !g->s->progress(g->s->ctx, g->done, g->m.bytes))
			rc = aic_fail(err, AIC_REFUSED, "nobody wants the data set any more: what came of it stays for the next try");
		else if (!empty && have_chunk(g, fd, f->first + i, at, len))
			g->did->checked += len;
		else if ((rc = ask(g, ask_chunk, f->first + i, &data, err)) == AIC_OK &&
		         (rc = put_chunk(g, fd, f, at, &data, err)) == AIC_OK)
			g->did->fetched += len;
		g->done += len;
	}
	aic_bytes_free(&data);
	return rc;
}

static aic_code stage_file(staging *g, const char *folder, const aic_dataset_file *f, aic_error *err)
{
	char path[PATH_MAX];
	bool empty;
	aic_code rc = aic_path_join(path, sizeof(path), folder, f->path, err);
	int fd = rc ? -1 : open_file(g, path, f, &empty, err);

	if (fd < 0)
		return rc ? rc : err ? err->code : AIC_SYSTEM;
	rc = fill(g, fd, f, empty, err);
	if (rc == AIC_OK && (fchmod(fd, 0444) || fsync(fd)))
		rc = aic_fail_errno(err, "cannot sync %s", path);
	close(fd);
	return rc;
}

static aic_code stage_files(staging *g, aic_error *err)
{
	char folder[PATH_MAX];
	aic_code rc = aic_cache_path(folder, g->s->cache, &g->m.root, "files", err);

	if (rc == AIC_OK && mkdir(folder, 0755) && errno != EEXIST)
		rc = aic_fail_errno(err, "cannot make %s", folder);
	if (rc == AIC_OK && chmod(folder, 0755))
		rc = aic_fail_errno(err, "cannot set the mode of %s", folder);
	for (size_t i = 0; i < g->m.n_files && rc == AIC_OK; i++)
		rc = stage_file(g, folder, &g->m.file[i], err);
	return rc;
}

/* What was not whole is marked so before it is touched. */
static aic_code stage(staging *g, aic_error *err)
{
	int64_t began = aic_now();
	aic_code rc = AIC_OK;

	if (g->entry.checked) {
		g->entry.checked = 0;
		rc = aic_cache_put(g->s->cache, &g->entry, err);
	}
	if (rc == AIC_OK) {
		g->buffer = aic_xmalloc((size_t)g->m.chunk_size);
		rc = stage_files(g, err);
		free(g->buffer);
	}
	if (rc == AIC_OK && !aic_cache_look(&g->entry.look, g->s->cache, &g->m))
		rc = aic_fail(err, AIC_CORRUPT, "files of the cache %s went away while they were staged", g->s->cache->dir);
	if (rc == AIC_OK) {
		g->entry.checked = began > 0 ? began : 1;
		rc = aic_cache_put(g->s->cache, &g->entry, err);
	}
	return rc;
}

static bool still_good(const staging *g)
{
	aic_hash look;

	return g->entry.checked && aic_now() - g->entry.checked < g->s->cache->recheck && aic_now() >= g->entry.checked &&
	       aic_cache_look(&look, g->s->cache, &g->m) && aic_hash_equal(&look, &g->entry.look);
}

aic_code aic_stage(const aic_staging *s, const aic_hash *root, aic_staged *did, aic_error *err)
{
	staging g = {.s = s, .did = did};
	aic_error why = {0};
	aic_code rc;

	*did = (aic_staged){0};
	g.there = aic_cache_get(&g.entry, s->cache, root, NULL) == AIC_OK;
	g.was_whole = g.entry.checked != 0;
	rc = begin(&g, &why);
	if (rc == AIC_OK && still_good(&g))
		aic_cache_touch(s->cache, root);
	else if (rc == AIC_OK)
		rc = stage(&g, &why);
	if (rc == AIC_FULL && !g.was_whole)
		aic_cache_evict(s->cache, root, NULL);
	aic_dataset_clear(&g.m);
	if (rc != AIC_OK && err)
		*err = why;
	return rc;
}

/* --- the store --- */

static aic_code store_manifest(void *self, const aic_hash *root, aic_bytes *out, aic_error *err)
{
	aic_dataset m = {0};
	aic_code rc = aic_store_manifest(&m, out, self, root, err);

	aic_dataset_clear(&m);
	return rc;
}

static aic_code store_chunk(void *self, const aic_dataset *m, uint64_t number, aic_bytes *out, aic_error *err)
{
	const aic_dataset_file *f = aic_dataset_find(m, number);

	return aic_store_chunk(out, self, &m->chunk[number], aic_dataset_chunk_len(m, f, number - f->first), err);
}

void aic_dataset_source_store(aic_dataset_source *s, const char *store)
{
	*s = (aic_dataset_source){.manifest = store_manifest, .chunk = store_chunk, .self = (void *)(uintptr_t)store};
	aic_str_copy(s->name, sizeof(s->name), "the store");
}
