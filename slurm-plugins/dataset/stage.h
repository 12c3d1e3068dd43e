/* stage.h: brings a data set into a node's cache, whole and checked. */
#ifndef AIC_DATASET_STAGE_H
#define AIC_DATASET_STAGE_H

#include "slurm-plugins/dataset/cache.h"

/* Where a data set may come from; what it gives is checked. Codes: AIC_NOT_FOUND, it has not got it; AIC_UNREACHABLE, it does not
 * answer now; AIC_CORRUPT, it is damaged there. */
typedef struct {
	char name[300];         /* for messages */
	aic_code (*manifest)(void *self, const aic_hash *root, aic_bytes *out, aic_error *err); /* appends its bytes */
	aic_code (*chunk)(void *self, const aic_dataset *m, uint64_t number, aic_bytes *out, aic_error *err); /* appends one */
	void *self;
	bool failed;            /* not asked again during this staging */
} aic_dataset_source;

typedef struct {
	const aic_cache *cache;
	aic_dataset_source *source; size_t n_sources;   /* nearest first; the last one that fails says why */
	bool (*pinned)(void *ctx, const aic_hash *root);        /* may be NULL */
	/* Called for each chunk; false: nobody wants it any more, and the staging ends with AIC_REFUSED. May be NULL. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t bytes);
	void *ctx;
} aic_staging;

typedef struct {
	uint64_t checked, fetched;  /* bytes that were hashed here, and that came from a source, */
	uint64_t near;              /* of them from others than the last */
} aic_staged;

/* On AIC_OK CACHE/ROOT/files is the data set whose content root that is, every byte checked, or unchanged since it was, at most
 * `recheck` seconds ago. AIC_FULL: no room, and nothing of it is left. Otherwise what came stays for the next try. */
aic_code aic_stage(const aic_staging *s, const aic_hash *root, aic_staged *did, aic_error *err);

/* The site's store as a source; store is borrowed. */
void aic_dataset_source_store(aic_dataset_source *s, const char *store);

#endif
