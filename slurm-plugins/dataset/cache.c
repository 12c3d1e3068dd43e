#include "slurm-plugins/dataset/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/size.h"

#define STATE "state"
#define STATE_MAX 256

static aic_code make_folder(const char *path, mode_t mode, gid_t gid, aic_error *err)
{
	struct stat st;

	if (mkdir(path, mode) && errno != EEXIST)
		return aic_fail_errno(err, "cannot make %s", path);
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return aic_fail(err, AIC_REFUSED, "%s is no folder of this user's: move it away, or set datasets.cache in aic.yaml", path);
	if (chmod(path, mode) || (gid != (gid_t)-1 && chown(path, (uid_t)-1, gid)))
		return aic_fail_errno(err, "cannot set mode and group of %s", path);
	return AIC_OK;
}

aic_code aic_cache_open(aic_cache *c, aic_error *err)
{
	char names[PATH_MAX], parent[PATH_MAX];
	aic_code rc = aic_path_join(names, sizeof(names), c->dir, "names", err);

	aic_str_copy(parent, sizeof(parent), c->dir);
	if (rc == AIC_OK && strrchr(parent, '/') > parent) {
		*strrchr(parent, '/') = '\0';
		rc = aic_dir_make(parent, 0755, err);
	}
	if (rc == AIC_OK)
		rc = make_folder(c->dir, 0750, c->gid, err);
	return rc ? rc : make_folder(names, 0750, c->gid, err);
}

aic_code aic_cache_path(char buf[PATH_MAX], const aic_cache *c, const aic_hash *root, const char *name, aic_error *err)
{
	char hex[AIC_ROOT_TEXT];

	aic_hash_hex(hex, root);
	if ((size_t)snprintf(buf, PATH_MAX, "%s/%s%s%s", c->dir, hex, *name ? "/" : "", name) >= PATH_MAX)
		return aic_fail(err, AIC_USAGE, "the path of the cache %.64s... is too long", c->dir);
	return AIC_OK;
}

/* --- state --- */

bool aic_cache_state_parse(aic_cache_entry *e, const char *line)
{
	char hex[AIC_ROOT_TEXT];
	unsigned long long bytes;
	long long checked;
	int end = 0;

	if (strlen(line) > STATE_MAX || sscanf(line, "aic-cached 1 %20llu %19lld %64[0-9a-f]%n", &bytes, &checked, hex, &end) != 3 ||
	    strcmp(line + end, "\n") || bytes > INT64_MAX || checked < 0 || !aic_unhex(e->look.b, AIC_HASH_LEN, hex))
		return false;
	e->bytes = bytes;
	e->checked = checked;
	return true;
}

aic_code aic_cache_get(aic_cache_entry *e, const aic_cache *c, const aic_hash *root, aic_error *err)
{
	char path[PATH_MAX];
	aic_bytes line = {0};
	struct stat st;
	aic_code rc = aic_cache_path(path, c, root, "", err);

	*e = (aic_cache_entry){.root = *root};
	if (rc != AIC_OK)
		return rc;
	if (stat(path, &st))
		return aic_fail(err, AIC_NOT_FOUND, "the cache %s has no such data set", c->dir);
	aic_cache_path(path, c, root, STATE, NULL);
	if (stat(path, &st) == 0)
		e->used = st.st_mtime;
	if (aic_file_read(&line, path, STATE_MAX, NULL) == AIC_OK) {
		aic_bytes_append(&line, "", 1);
		if (!aic_cache_state_parse(e, (char *)line.data))
			*e = (aic_cache_entry){.root = *root, .used = e->used};
	}
	aic_bytes_free(&line);
	return AIC_OK;
}

aic_code aic_cache_put(const aic_cache *c, const aic_cache_entry *e, aic_error *err)
{
	char path[PATH_MAX], line[STATE_MAX], hex[AIC_ROOT_TEXT];
	aic_code rc = aic_cache_path(path, c, &e->root, "", err);

	if (rc == AIC_OK)
		rc = make_folder(path, 0750, c->gid, err);
	if (rc == AIC_OK)
		rc = aic_cache_path(path, c, &e->root, STATE, err);
	aic_hash_hex(hex, &e->look);
	int n = snprintf(line, sizeof(line), "aic-cached 1 %llu %lld %s\n", (unsigned long long)e->bytes, (long long)e->checked, hex);

	return rc ? rc : aic_file_write_atomic(path, line, (size_t)n, 0640, err);
}

void aic_cache_touch(const aic_cache *c, const aic_hash *root)
{
	char path[PATH_MAX];

	if (aic_cache_path(path, c, root, STATE, NULL) == AIC_OK)
		utimensat(AT_FDCWD, path, NULL, 0);
}

aic_code aic_cache_list(aic_cache_entry **out, size_t *n, const aic_cache *c, aic_error *err)
{
	struct dirent *d;
	aic_hash root;
	DIR *dir = opendir(c->dir);

	*out = NULL;
	*n = 0;
	if (!dir)
		return aic_fail_errno(err, "cannot read the cache %s", c->dir);
	while ((d = readdir(dir))) {
		if (!aic_unhex(root.b, AIC_HASH_LEN, d->d_name))
			continue;
		*out = aic_xrealloc(*out, (*n + 1) * sizeof(**out));
		*n += aic_cache_get(&(*out)[*n], c, &root, NULL) == AIC_OK;
	}
	closedir(dir);
	return AIC_OK;
}

bool aic_cache_look(aic_hash *look, const aic_cache *c, const aic_dataset *m)
{
	aic_sha256 *sum = aic_sha256_new();
	char folder[PATH_MAX], path[PATH_MAX];
	bool there = aic_cache_path(folder, c, &m->root, "files", NULL) == AIC_OK;

	for (size_t i = 0; there && i < m->n_files; i++) {
		struct stat st;
		uint8_t seen[5 * 8];

		there = aic_path_join(path, sizeof(path), folder, m->file[i].path, NULL) == AIC_OK && lstat(path, &st) == 0 &&
		        S_ISREG(st.st_mode) && (uint64_t)st.st_size == m->file[i].size;
		if (!there)
			break;
		aic_put_be64(seen, st.st_ino);
		aic_put_be64(seen + 8, (uint64_t)st.st_mtim.tv_sec);
		aic_put_be64(seen + 16, (uint64_t)st.st_mtim.tv_nsec);
		aic_put_be64(seen + 24, (uint64_t)st.st_ctim.tv_sec);
		aic_put_be64(seen + 32, (uint64_t)st.st_ctim.tv_nsec);
		aic_sha256_update(sum, seen, sizeof(seen));
	}
	*look = aic_sha256_final(sum);
	aic_sha256_free(sum);
	return there;
}

/* --- room --- */

/* First it is no longer whole, then it is gone: a kill in between leaves what the next staging takes up. */
aic_code aic_cache_evict(const aic_cache *c, const aic_hash *root, aic_error *err)
{
	char path[PATH_MAX], state[PATH_MAX];
	aic_code rc = aic_cache_path(path, c, root, "", err);

	if (rc == AIC_OK)
		rc = aic_cache_path(state, c, root, STATE, err);
	if (rc == AIC_OK && unlink(state) && errno != ENOENT)
		rc = aic_fail_errno(err, "cannot remove %s", state);
	return rc ? rc : aic_dir_remove(path, err);
}

static uint64_t bytes_held(const aic_cache_entry *e, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += e[i].bytes;
	return sum;
}

static const aic_cache_entry *oldest(const aic_cache_entry *e, size_t n, const aic_hash *keep,
                                     bool (*pinned)(void *ctx, const aic_hash *root), void *ctx)
{
	const aic_cache_entry *best = NULL;

	for (size_t i = 0; i < n; i++)
		if ((!keep || !aic_hash_equal(&e[i].root, keep)) && !(pinned && pinned(ctx, &e[i].root)) &&
		    (!best || e[i].used < best->used))
			best = &e[i];
	return best;
}

static aic_code evict(const aic_cache *c, const aic_cache_entry *e, aic_error *err)
{
	char hex[AIC_ROOT_TEXT], size[AIC_SIZE_TEXT];

	aic_hash_hex(hex, &e->root);
	aic_info("data set %.12s gives up its %s of the cache", hex, aic_size_format(size, e->bytes));
	return aic_cache_evict(c, &e->root, err);
}

aic_code aic_cache_evict_one(const aic_cache *c, const aic_hash *keep, bool (*pinned)(void *ctx, const aic_hash *root), void *ctx,
                             aic_error *err)
{
	const aic_cache_entry *e;
	aic_cache_entry *all;
	size_t n;
	aic_code rc = aic_cache_list(&all, &n, c, err);

	if (rc == AIC_OK) {
		e = oldest(all, n, keep, pinned, ctx);
		rc = e ? evict(c, e, err) : aic_fail(err, AIC_NOT_FOUND, "nothing in the cache %s can go", c->dir);
	}
	free(all);
	return rc;
}

static aic_code no_room(const aic_cache *c, uint64_t bytes, uint64_t held, aic_error *err)
{
	char need[AIC_SIZE_TEXT], used[AIC_SIZE_TEXT], limit[AIC_SIZE_TEXT];

	aic_size_format(need, bytes);
	aic_size_format(used, held);
	aic_size_format(limit, c->limit);
	if (bytes > c->limit)
		return aic_fail(err, AIC_FULL, "the data set has %s, the cache %s holds %s at most: raise datasets.size in aic.yaml, or take "
		                "a smaller one", need, c->dir, limit);
	return aic_fail(err, AIC_FULL, "the data set has %s, and running jobs use %s of the %s that the cache %s may hold: wait for them, "
	                "or raise datasets.size in aic.yaml", need, used, limit, c->dir);
}

aic_code aic_cache_room(const aic_cache *c, uint64_t bytes, const aic_hash *keep, bool (*pinned)(void *ctx, const aic_hash *root),
                        void *ctx, aic_error *err)
{
	for (;;) {
		const aic_cache_entry *e;
		aic_cache_entry *all;
		uint64_t held;
		size_t n;
		aic_code rc = aic_cache_list(&all, &n, c, err);

		if (rc != AIC_OK)
			return rc;
		held = bytes_held(all, n);
		if (bytes <= c->limit && held <= c->limit - bytes) {
			free(all);
			return AIC_OK;
		}
		e = oldest(all, n, keep, pinned, ctx);
		rc = bytes <= c->limit && e ? evict(c, e, err) : no_room(c, bytes, held, err);
		free(all);
		if (rc != AIC_OK)
			return rc;
	}
}
