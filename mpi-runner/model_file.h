/* model_file.h: trained weights with the specification that gives them meaning, as a safetensors file that Python reads:
 *     from safetensors.torch import load_file; load_file("model.safetensors")["0.linear.weight"]
 * https://github.com/huggingface/safetensors: u64 LE length of a JSON header, the header, the tensors' bytes. The specification is in
 * the header's __metadata__, so that the file alone is enough to use the model. */
#ifndef AIC_MODEL_FILE_H
#define AIC_MODEL_FILE_H

#include "common/bytes.h"
#include "mpi-runner/model.h"

typedef struct {
	aic_spec *spec;
	aic_model *model;
	float *weights;
} aic_model_file;

/* "2.linear.weight", where residual blocks count as their brackets do. */
void aic_parameter_name(const aic_layer *l, unsigned which, char *buf, size_t size);

aic_code aic_model_file_write(const char *path, const aic_model *m, const float *weights, const char *spec_text, size_t spec_len,
                              aic_error *err);
/* Reads what aic_model_file_write wrote, or such a file written elsewhere, as long as tensors and specification fit. */
aic_code aic_model_file_read(aic_model_file *f, const char *path, aic_error *err);
/* Only the weights, of a file with or without a specification, whose tensors have the names and shapes that m gives them. */
aic_code aic_model_file_weights(const char *path, const aic_model *m, float *weights, aic_error *err);
void aic_model_file_free(aic_model_file *f);

#endif
