/* manifest.h: which files a data set has, and the SHA-256 of each of their chunks: doc/formats/dataset.md.
 *
 *     manifest = ["aic-dataset", 1, chunk size, [* [path, size, SHA-256 of each chunk, one after the other]]]   canonical CBOR
 *
 * A data set's content root is the SHA-256 of its manifest: that is what an asset on the ledger carries. */
#ifndef AIC_DATASET_MANIFEST_H
#define AIC_DATASET_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_CHUNK_SIZE (4u << 20)       /* what `aic dataset add` cuts; all but a file's last chunk are so long */
#define AIC_CHUNK_SIZE_MAX (16u << 20)  /* of any data set */
#define AIC_MANIFEST_MAX (1u << 30)     /* bytes of a manifest: 30 million chunks */
#define AIC_DATASET_FILES_MAX 4000000u
#define AIC_DATASET_PATH_LEN 1024       /* of a file in it, with the NUL */
#define AIC_ROOT_TEXT (2 * AIC_HASH_LEN + 1)

typedef struct {
	char *path;             /* relative: no "..", ".", "//"; owned */
	uint64_t size;
	uint64_t first;         /* number of its first chunk in the data set */
	uint64_t n_chunks;      /* ceil(size / chunk size) */
} aic_dataset_file;

typedef struct {
	aic_hash root;
	uint64_t chunk_size;
	uint64_t bytes;         /* of all files */
	size_t n_files; aic_dataset_file *file;
	uint64_t n_chunks; aic_hash *chunk;
} aic_dataset;

/* A data set from its files, added in any order; encode sorts them, and sets root and each first. chunk holds n hashes. Refused
 * where the path is not one, or is there twice or as a folder. */
aic_code aic_dataset_add(aic_dataset *m, const char *path, uint64_t size, const aic_hash *chunk, uint64_t n, aic_error *err);
aic_code aic_dataset_encode(aic_dataset *m, aic_bytes *out, aic_error *err);
/* AIC_CORRUPT names what is wrong; *m is then empty. Equal data sets have equal bytes. */
aic_code aic_dataset_decode(aic_dataset *m, const void *data, size_t len, aic_error *err);
/* Whether a file of a data set may be called so. */
bool aic_dataset_is_path(const char *path);
void aic_dataset_clear(aic_dataset *m);

/* The length of a file's chunk i, from 0. */
uint64_t aic_dataset_chunk_len(const aic_dataset *m, const aic_dataset_file *f, uint64_t i);
/* The file that chunk number n of the data set belongs to. */
const aic_dataset_file *aic_dataset_find(const aic_dataset *m, uint64_t n);

#endif
