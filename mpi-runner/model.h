/* model.h: a model as a list of layers over one vector of parameters, and a pass of samples through it.
 *
 * Layers know shapes, their place in the parameter vector, and forward and backward for a pass; gradients continue what the
 * gradient vector holds (chains over samples run on across passes). */
#ifndef AIC_MODEL_H
#define AIC_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/spec.h"

#define AIC_LAYER_PARAMS 4

typedef enum { AIC_INIT_ZERO, AIC_INIT_ONE, AIC_INIT_UNIFORM, AIC_INIT_NORMAL } aic_init_kind;

typedef struct {
	const char *name; /* "weight", "bias" */
	unsigned rank;
	size_t dim[4];
	aic_init_kind init;
	float scale;  /* half width of UNIFORM, deviation of NORMAL */
	size_t at, count;
} aic_parameter;

typedef struct aic_layer aic_layer;
typedef struct aic_pass aic_pass;

typedef struct {
	const char *name, *usage; /* usage: "linear OUTPUTS" */
	unsigned min_args, max_args;
	/* From l->spec and l->in: l->out, parameters (name, dims, init), cache, numbers. */
	aic_code (*setup)(aic_layer *l, aic_error *err);
	void (*forward)(const aic_layer *l, aic_pass *p, const float *x, float *y);
	/* dx is NULL where nobody asks for it (the first layer); gradients go to p->grads at the parameters' places. */
	void (*backward)(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx);
} aic_layer_kind;

struct aic_layer {
	const aic_layer_kind *kind;
	const aic_layer_spec *spec;
	size_t index;
	aic_shape in, out;
	size_t number[AIC_LAYER_ARGS]; /* arguments, as setup understood them */
	float real;
	unsigned parameters;
	aic_parameter parameter[AIC_LAYER_PARAMS];
	size_t cache;  /* floats per sample kept from forward to backward */
	size_t room;   /* floats of scratch per sample, for forward or backward alone */
	size_t partner; /* of a residual bracket: the other one's index */
};

typedef struct {
	const aic_spec *spec;
	size_t layers;
	aic_layer *layer;
	size_t parameters; /* length of the parameter vector */
} aic_model;

aic_code aic_model_build(aic_model **m, const aic_spec *spec, aic_error *err);
void aic_model_free(aic_model *m);
/* Initial weights: a function of the seed alone. */
void aic_model_init(const aic_model *m, uint64_t seed, float *weights);
/* "2.linear.weight[17]" for the message about the parameter at this place. */
void aic_model_place(const aic_model *m, size_t at, char *buf, size_t size);

struct aic_pass {
	const aic_model *model;
	const aic_cpu *cpu;
	const float *weights;
	float *grads;      /* NULL: forward only */
	size_t capacity, samples;
	bool training;
	uint64_t seed;     /* with step and first_sample: what dropout's numbers depend on */
	uint32_t step;
	uint64_t first_sample;
	float *input;      /* samples x input size: the caller fills it */
	float *target_value;
	uint32_t *target_class; /* samples x positions */
	float *live_input, *live_target; /* the same where layers read them: in a GPU's memory, or the very same vectors */
	uint32_t *live_class;
	float **value;     /* value[i]: output of layer i */
	float **cache;     /* cache[i] */
	float **skip;      /* gradient that jumps over a residual block, at its opening bracket */
	float *gradient[2];
	float *scratch;
	float *row_loss;
	uint32_t *row_best;
	void (*after)(void *ctx, size_t layer); /* called in backward when a layer's gradients are complete; NULL: nobody asks */
	void *after_ctx;
};

/* All but input and targets is in the GPU's memory if cpu has one; whether there was room for it, the GPU's check says. */
aic_pass *aic_pass_new(const aic_model *m, const aic_cpu *cpu, size_t capacity, bool backward);
void aic_pass_free(aic_pass *p);
void aic_pass_forward(aic_pass *p);
/* Loss over the samples: *loss continues a chain over rows, *correct counts rows whose best class is the target; the gradient of
 * the output, scaled, is prepared for aic_pass_backward. On a GPU loss and correct are in its memory. */
void aic_pass_loss(aic_pass *p, float scale, float *loss, uint64_t *correct);
void aic_pass_backward(aic_pass *p);
size_t aic_pass_rows(const aic_pass *p); /* samples x output positions */
const float *aic_pass_output(const aic_pass *p);

/* --- for layers --- */
const aic_layer_kind *aic_layer_find(const char *name);
void aic_layer_names(char *buf, size_t size); /* for messages */
void aic_layer_parameter(aic_layer *l, const char *name, aic_init_kind init, float scale, unsigned rank, const size_t *dim);

#endif
