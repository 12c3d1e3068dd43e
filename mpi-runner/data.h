/* data.h: the samples of a data set: a part to train on and a held-out part to test on. */
#ifndef AIC_DATA_H
#define AIC_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "mpi-runner/spec.h"

typedef enum { AIC_TRAIN, AIC_TEST } aic_part;
enum { AIC_PARTS = 2 };

typedef struct aic_data aic_data;

/* Samples by index; x: input size floats each; classes: output positions each, or values: outputs each. */
typedef struct {
	void (*fetch)(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values);
	/* These samples will be fetched soon: read them from disk meanwhile. NULL where all is in memory; worth its calls where d->prefetched. */
	void (*prefetch)(const aic_data *d, aic_part part, const uint32_t *index, size_t n);
	void (*close)(aic_data *d);
} aic_data_kind;

struct aic_data {
	const aic_data_kind *kind;
	const aic_spec *spec;
	size_t count[AIC_PARTS];
	size_t mapped;   /* bytes of mapped files */
	bool prefetched; /* they are more than memory keeps: worth a prefetch */
	aic_hash digest; /* SHA-256 over the content of both parts, in order */
	void *own;       /* of the kind */
};

/* Opens what data: of the spec names: path: relative to the spec's file, or asset: looked for in the folders of
 * AIC_DATA_ROOT (colon-separated; default /var/lib/aic/data:/usr/share/datasets). Reads all of it once: against its format, and against data: root:
 * where the spec has one. */
aic_code aic_data_open(aic_data **d, const aic_spec *spec, aic_error *err);
void aic_data_close(aic_data *d);

/* --- for the formats --- */
/* Of a mapped file: the kernel begins to read the pages of these bytes. */
void aic_data_will_need(const void *at, size_t len);
/* Each fills d (kind, count, digest, own) from folder or file `where`. */
aic_code aic_idx_open(aic_data *d, const char *where, aic_error *err);
aic_code aic_csv_open(aic_data *d, const char *where, aic_error *err);
aic_code aic_wav_open(aic_data *d, const char *where, aic_error *err);
/* The first n frames of a WAV file, zeros behind a shorter one; and what a model sees of a frame. */
aic_code aic_wav_frames(const char *path, size_t n, int16_t *to, aic_error *err);
float aic_wav_value(int16_t frame);
aic_code aic_text_open(aic_data *d, const char *where, aic_error *err);

#endif
