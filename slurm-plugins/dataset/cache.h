/* cache.h: a node's cache of data sets, each a folder by its content root (doc/formats/store.md).
 *
 *     CACHE/names/NAME             the content root that the name had when it was last staged
 *     CACHE/ROOT/manifest          as in the store
 *     CACHE/ROOT/state             one line: its size, when all of it was last hashed, and what its files looked like then
 *     CACHE/ROOT/files/            the data set as jobs see it
 *
 * CACHE and CACHE/ROOT are root's and AIC's group's, 0750: nobody else comes near the files below, which are read-only and
 * readable for whom they are mounted. One thread of one process changes it. */
#ifndef AIC_DATASET_CACHE_H
#define AIC_DATASET_CACHE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "slurm-plugins/dataset/manifest.h"

typedef struct {
	char dir[PATH_MAX - 2048];
	gid_t gid;              /* (gid_t)-1: leaves the group as it is */
	uint64_t limit;         /* bytes */
	int64_t recheck;        /* seconds for which a data set that did not change counts as checked */
} aic_cache;

typedef struct {
	aic_hash root;
	uint64_t bytes;         /* of its files, whole */
	int64_t checked;        /* when all of it was last hashed; 0: it is not whole */
	aic_hash look;          /* of its files' inodes, sizes and times at that time */
	int64_t used;           /* when a job last asked for it */
} aic_cache_entry;

/* Makes the folders. */
aic_code aic_cache_open(aic_cache *c, aic_error *err);
/* "CACHE/ROOT/NAME"; NAME may be "". */
aic_code aic_cache_path(char buf[PATH_MAX], const aic_cache *c, const aic_hash *root, const char *name, aic_error *err);

/* The state file's line. */
bool aic_cache_state_parse(aic_cache_entry *e, const char *line);
/* AIC_NOT_FOUND where the cache has nothing of it; an unreadable state is one that is not whole, of unknown (0) size. */
aic_code aic_cache_get(aic_cache_entry *e, const aic_cache *c, const aic_hash *root, aic_error *err);
aic_code aic_cache_put(const aic_cache *c, const aic_cache_entry *e, aic_error *err);
/* Now it was used. */
void aic_cache_touch(const aic_cache *c, const aic_hash *root);
/* All of it, whole or not; *out is malloc'ed. */
aic_code aic_cache_list(aic_cache_entry **out, size_t *n, const aic_cache *c, aic_error *err);

/* What its files look like: SHA-256 over the inode, size, and times of change of each; false where one is missing. */
bool aic_cache_look(aic_hash *look, const aic_cache *c, const aic_dataset *m);

aic_code aic_cache_evict(const aic_cache *c, const aic_hash *root, aic_error *err);
/* Evicts what was not used for longest, except `keep` and what is pinned, until `bytes` more fit. AIC_FULL says what stands in
 * the way. pinned may be NULL. */
aic_code aic_cache_room(const aic_cache *c, uint64_t bytes, const aic_hash *keep, bool (*pinned)(void *ctx, const aic_hash *root),
                        void *ctx, aic_error *err);
/* Evicts the one that was not used for longest: AIC_NOT_FOUND where there is none. */
aic_code aic_cache_evict_one(const aic_cache *c, const aic_hash *keep, bool (*pinned)(void *ctx, const aic_hash *root), void *ctx,
                             aic_error *err);

#endif
