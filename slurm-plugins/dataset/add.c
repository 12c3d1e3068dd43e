#define _GNU_SOURCE
#include "slurm-plugins/dataset/add.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slurm-plugins/dataset/store.h"

typedef struct {
	aic_dataset *m;
	const char *store;
	void (*progress)(void *ctx, const aic_dataset *m);
	void *ctx;
	uint8_t *buffer;
} adding;

static ssize_t read_whole(int fd, uint8_t *buffer, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buffer + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static aic_code add_chunks(adding *a, int fd, const char *path, aic_hash **chunk, uint64_t *n, uint64_t *size, aic_error *err)
{
	ssize_t len;
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && (len = read_whole(fd, a->buffer, AIC_CHUNK_SIZE)) != 0) {
		if (len < 0)
			return aic_fail_errno(err, "cannot read %s", path);
		*chunk = aic_xrealloc(*chunk, (*n + 1) * sizeof(**chunk));
		(*chunk)[*n] = aic_sha256_of(a->buffer, (size_t)len);
		if (a->store)
			rc = aic_store_chunk_put(a->store, &(*chunk)[*n], a->buffer, (size_t)len, err);
		(*n)++;
		*size += (uint64_t)len;
	}
	return rc;
}

static aic_code add_file(adding *a, const char *path, const char *name, aic_error *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat before, after;
	aic_hash *chunk = NULL;
	uint64_t n = 0, size = 0;
	aic_code rc;

	if (fd < 0)
		return aic_fail_errno(err, "cannot open %s", path);
	rc = fstat(fd, &before) ? aic_fail_errno(err, "cannot look at %s", path) : add_chunks(a, fd, path, &chunk, &n, &size, err);
	if (rc == AIC_OK && (fstat(fd, &after) || (uint64_t)after.st_size != size || after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	                     after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
		rc = aic_fail(err, AIC_REFUSED, "%s changed while it was read: add the data set when nobody writes to it", path);
	if (rc == AIC_OK)
		rc = aic_dataset_add(a->m, name, size, chunk, n, err);
	if (rc == AIC_OK && a->progress)
		a->progress(a->ctx, a->m);
	close(fd);
	free(chunk);
	return rc;
}

static aic_code add_tree(adding *a, FTS *tree, size_t prefix, aic_error *err)
{
	aic_code rc = AIC_OK;
	FTSENT *e;

	while (rc == AIC_OK && (errno = 0, e = fts_read(tree))) {
		if (e->fts_info == FTS_F)
			rc = add_file(a, e->fts_path, e->fts_path + prefix, err);
		else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
			rc = (errno = e->fts_errno, aic_fail_errno(err, "cannot read %s", e->fts_path));
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
			rc = aic_fail(err, AIC_REFUSED, "%s is no plain file: a data set has files and folders alone; copy what a link points to, or "
			              "take it out", e->fts_path);
	}
	return rc == AIC_OK && errno ? aic_fail_errno(err, "cannot read the folder") : rc;
}

static aic_code add_folder(adding *a, const char *dir, aic_error *err)
{
	char *root = aic_xstrdup(dir);
	size_t len = strlen(root);
	char *paths[] = {root, NULL};
	struct stat st;
	FTS *tree;
	aic_code rc;

	while (len > 1 && root[len - 1] == '/')
		root[--len] = '\0';
	if (stat(root, &st) || !S_ISDIR(st.st_mode)) {
		rc = aic_fail(err, AIC_USAGE, "%s is no folder: give the one whose files are the data set", dir);
	} else if (!(tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL))) {
		rc = aic_fail_errno(err, "cannot read %s", dir);
	} else {
		rc = add_tree(a, tree, len + 1, err);
		fts_close(tree);
	}
	free(root);
	return rc;
}

aic_code aic_dataset_add_folder(aic_dataset *m, const char *store, const char *dir, void (*progress)(void *ctx, const aic_dataset *m), void *ctx,
                         aic_error *err)
{
	adding a = {m, store, progress, ctx, aic_xmalloc(AIC_CHUNK_SIZE)};
	aic_bytes bytes = {0};
	aic_code rc = store ? aic_store_check(store, err) : AIC_OK;

	*m = (aic_dataset){.n_files = 0};
	if (rc == AIC_OK)
		rc = add_folder(&a, dir, err);
	if (rc == AIC_OK)
		rc = aic_dataset_encode(m, &bytes, err);
	if (rc == AIC_OK && store)
		rc = aic_store_manifest_put(store, m, &bytes, err);
	aic_bytes_free(&bytes);
	free(a.buffer);
	return rc;
}
