/* use.h: what aic-train does with a trained model or a finished run: infer, sample, plot, check. */
#ifndef AIC_USE_H
#define AIC_USE_H

#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

/* Prints one line for each sample of the input: images of an IDX or PGM file, a WAV file, rows of a table of numbers, or the windows of a text
 * (their mean bits per byte). */
aic_code aic_use_infer(const char *model, const char *input, FILE *out, aic_error *err);

typedef struct {
	const char *prompt;
	uint64_t length, seed;
	float temperature; /* 0: always the likeliest byte */
} aic_sample_options;

/* Continues the prompt by bytes drawn from a text model. */
aic_code aic_use_sample(const char *model, const aic_sample_options *o, FILE *out, aic_error *err);

/* Draws loss and test accuracy of FOLDER/metrics.jsonl in the terminal and as FOLDER/metrics.svg. */
aic_code aic_use_plot(const char *folder, FILE *out, aic_error *err);

/* Reads a checkpoint, or all of a folder, checks every byte and prints step, root and chain of each. root: hexadecimal, what a single one
 * must have, or NULL. AIC_CORRUPT names the first that is damaged, AIC_REFUSED one of another root. */
aic_code aic_use_check(const char *path, const char *root, FILE *out, aic_error *err);

/* Checks a specification and its model, and prints "name NAME", "asset NAME", and "path PATH" for each file or folder that it reads, as it
 * stands there. */
aic_code aic_use_files(const char *spec, FILE *out, aic_error *err);

#endif
