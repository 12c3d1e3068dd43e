#include "slurm-plugins/dataset/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#define MARK "aic-store"
#define MARK_TEXT "aic-store 1\n"

static aic_code join(char path[PATH_MAX], const char *store, const char *folder, const char *name, aic_error *err)
{
	if ((size_t)snprintf(path, PATH_MAX, "%s/%s/%s", store, folder, name) >= PATH_MAX)
		return aic_fail(err, AIC_USAGE, "the path of the store %.64s... is too long", store);
	return AIC_OK;
}

static aic_code chunk_path(char path[PATH_MAX], const char *store, const aic_hash *hash, aic_error *err)
{
	char hex[AIC_ROOT_TEXT], name[AIC_ROOT_TEXT + 3];

	aic_hash_hex(hex, hash);
	snprintf(name, sizeof(name), "%.2s/%s", hex, hex);
	return join(path, store, "chunks", name, err);
}

aic_code aic_store_check(const char *store, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = join(path, store, ".", MARK, err);

	if (rc != AIC_OK || access(path, R_OK) == 0)
		return rc;
	return aic_fail(err, AIC_UNREACHABLE, "the store of data sets %s is not there (%s/" MARK ": %s): mount it, or make it with "
	                "`aic dataset add --init`", store, store, strerror(errno));
}

aic_code aic_store_init(const char *store, aic_error *err)
{
	static const char *const folders[] = {"names", "manifests", "chunks"};
	char path[PATH_MAX];
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < 3 && rc == AIC_OK; i++) {
		rc = join(path, store, ".", folders[i], err);
		if (rc == AIC_OK && mkdir(path, 0755) && errno != EEXIST)
			rc = aic_fail_errno(err, "cannot make %s", path);
	}
	if (rc == AIC_OK)
		rc = join(path, store, ".", MARK, err);
	if (rc == AIC_OK && access(path, F_OK))
		rc = aic_file_write_atomic(path, MARK_TEXT, strlen(MARK_TEXT), 0644, err);
	return rc;
}

/* A store that went away while it was read gives other failures than one that lacks a file. */
static aic_code explain(aic_code rc, const char *store, aic_error *err)
{
	aic_error gone;

	if (rc == AIC_OK || rc == AIC_CORRUPT || aic_store_check(store, &gone) == AIC_OK)
		return rc == AIC_SYSTEM && err ? (err->code = AIC_UNREACHABLE) : rc;
	if (err)
		*err = gone;
	return gone.code;
}

static aic_code names_folder(char path[PATH_MAX], const char *store, aic_error *err)
{
	return aic_path_join(path, PATH_MAX, store, "names", err);
}

aic_code aic_store_name(aic_hash *root, const char *store, const char *name, aic_error *err)
{
	char folder[PATH_MAX];
	aic_code rc = names_folder(folder, store, err);

	if (rc == AIC_OK)
		rc = explain(aic_name_get(root, folder, name, err), store, err);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "the store %s has no data set %s: `aic dataset list` shows what it has", store, name);
	return rc;
}

aic_code aic_store_name_put(const char *store, const char *name, const aic_hash *root, aic_error *err)
{
	char folder[PATH_MAX];
	aic_code rc = names_folder(folder, store, err);

	return rc ? rc : aic_name_put(folder, name, root, err);
}

aic_code aic_store_manifest(aic_dataset *m, aic_bytes *bytes, const char *store, const aic_hash *root, aic_error *err)
{
	char hex[AIC_ROOT_TEXT], path[PATH_MAX];
	aic_hash got;
	aic_code rc;

	aic_hash_hex(hex, root);
	rc = join(path, store, "manifests", hex, err);
	if (rc == AIC_OK)
		rc = explain(aic_file_read(bytes, path, AIC_MANIFEST_MAX, err), store, err);
	if (rc != AIC_OK)
		return rc;
	got = aic_sha256_of(bytes->data, bytes->len);
	if (!aic_hash_equal(&got, root))
		return aic_fail(err, AIC_CORRUPT, "%s does not have the hash that is its name: it is not used; add the data set again", path);
	return aic_dataset_decode(m, bytes->data, bytes->len, err);
}

aic_code aic_store_manifest_put(const char *store, const aic_dataset *m, const aic_bytes *bytes, aic_error *err)
{
	char hex[AIC_ROOT_TEXT], path[PATH_MAX];
	aic_code rc;

	aic_hash_hex(hex, &m->root);
	rc = join(path, store, "manifests", hex, err);
	return rc ? rc : aic_file_write_atomic(path, bytes->data, bytes->len, 0644, err);
}

aic_code aic_store_chunk(aic_bytes *out, const char *store, const aic_hash *hash, uint64_t len, aic_error *err)
{
	size_t start = out->len;
	char path[PATH_MAX];
	aic_hash got;
	aic_code rc = chunk_path(path, store, hash, err);

	if (rc == AIC_OK)
		rc = explain(aic_file_read(out, path, len, err), store, err);
	if (rc != AIC_OK && rc != AIC_FULL)
		return rc;
	got = aic_sha256_of(out->data + start, out->len - start);
	if (rc == AIC_OK && aic_hash_equal(&got, hash) && out->len - start == len)
		return AIC_OK;
	out->len = start;
	return aic_fail(err, AIC_CORRUPT, "chunk %s of the store is damaged: it is not used; `aic dataset add` the data set again from "
	                "its source", path);
}

aic_code aic_store_chunk_put(const char *store, const aic_hash *hash, const void *data, size_t len, aic_error *err)
{
	char path[PATH_MAX], folder[PATH_MAX];
	aic_bytes there = {0};
	aic_code rc = chunk_path(path, store, hash, err);

	if (rc != AIC_OK)
		return rc;
	if (aic_store_chunk(&there, store, hash, len, NULL) == AIC_OK) {
		aic_bytes_free(&there);
		return AIC_OK;
	}
	aic_bytes_free(&there);
	aic_str_copy(folder, sizeof(folder), path);
	*strrchr(folder, '/') = '\0';
	if (mkdir(folder, 0755) && errno != EEXIST)
		return aic_fail_errno(err, "cannot make %s", folder);
	return aic_file_write_atomic(path, data, len, 0644, err);
}

aic_code aic_store_names(char ***names, size_t *n, const char *store, aic_error *err)
{
	char folder[PATH_MAX];
	aic_code rc = aic_store_check(store, err);

	*names = NULL;
	*n = 0;
	if (rc == AIC_OK)
		rc = names_folder(folder, store, err);
	return rc ? rc : aic_names_list(names, n, folder, err);
}
