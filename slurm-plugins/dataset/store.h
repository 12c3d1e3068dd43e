/* store.h: the site's store of data sets: a directory that every node sees (doc/formats/store.md).
 *
 *     STORE/aic-store              says that this is one, and that it is mounted
 *     STORE/names/NAME             the content root that a name has
 *     STORE/manifests/ROOT         a data set's manifest
 *     STORE/chunks/HE/HEX          a chunk, by its SHA-256
 *
 * What it gives is not trusted: manifests must hash to their root, chunks to their hash. */
#ifndef AIC_DATASET_STORE_H
#define AIC_DATASET_STORE_H

#include "slurm-plugins/dataset/names.h"

/* AIC_UNREACHABLE where the directory is not there, or is no store. */
aic_code aic_store_check(const char *store, aic_error *err);
/* Makes an empty store of a directory that is there. An existing one is left as it is. */
aic_code aic_store_init(const char *store, aic_error *err);

/* AIC_NOT_FOUND where no data set has that name. */
aic_code aic_store_name(aic_hash *root, const char *store, const char *name, aic_error *err);
aic_code aic_store_name_put(const char *store, const char *name, const aic_hash *root, aic_error *err);
/* bytes get the manifest as it is stored; the caller clears m and frees bytes. */
aic_code aic_store_manifest(aic_dataset *m, aic_bytes *bytes, const char *store, const aic_hash *root, aic_error *err);
aic_code aic_store_manifest_put(const char *store, const aic_dataset *m, const aic_bytes *bytes, aic_error *err);
/* Appended; len is what it must have. AIC_NOT_FOUND where the store lacks it, AIC_CORRUPT where it has another hash. */
aic_code aic_store_chunk(aic_bytes *out, const char *store, const aic_hash *hash, uint64_t len, aic_error *err);
/* One that is there is left. */
aic_code aic_store_chunk_put(const char *store, const aic_hash *hash, const void *data, size_t len, aic_error *err);

/* Every name, ascending; as aic_names_list(). */
aic_code aic_store_names(char ***names, size_t *n, const char *store, aic_error *err);

#endif
