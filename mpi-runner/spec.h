/* spec.h: a training specification as aic-spec(5) describes it, read from YAML; mistakes name file, line, key and remedy.
 *
 * What decides bits is in the identity (a SHA-256 over the meaning, not the text): a checkpoint belongs to one identity. */
#ifndef AIC_SPEC_H
#define AIC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/yaml.h"

#define AIC_SPEC_TEXT 256
#define AIC_LAYER_ARGS 6

/* What one sample looks like. An image has dims channels, height, width; a vector one dim; a sequence has positions,
 * each with its own features. */
typedef struct {
	size_t positions; /* 1 where the sample is no sequence */
	unsigned rank;    /* dims in use */
	size_t dim[3];
} aic_shape;

size_t aic_shape_features(const aic_shape *s);     /* product of dims */
size_t aic_shape_size(const aic_shape *s);         /* positions * features */
char *aic_shape_format(char buf[64], const aic_shape *s);

typedef enum { AIC_INPUT_IMAGE, AIC_INPUT_VECTOR, AIC_INPUT_TEXT } aic_input_kind;
typedef enum { AIC_OUTPUT_CLASS, AIC_OUTPUT_VALUE } aic_output_kind;
typedef enum { AIC_OPTIMIZER_ADAMW, AIC_OPTIMIZER_SGD } aic_optimizer_kind;
typedef enum { AIC_SCHEDULE_CONSTANT, AIC_SCHEDULE_LINEAR, AIC_SCHEDULE_COSINE } aic_schedule_kind;
typedef enum { AIC_DEVICE_AUTO, AIC_DEVICE_CPU, AIC_DEVICE_GPU } aic_device_wish;
typedef enum { AIC_LOSS_CROSS_ENTROPY, AIC_LOSS_SQUARED } aic_loss_kind;

/* One layer as written: "linear 256". Residual blocks are flattened: "residual(" ... ")residual". */
typedef struct {
	const aic_yaml_node *where;
	char kind[24];
	unsigned args;
	char arg[AIC_LAYER_ARGS][24];
} aic_layer_spec;

typedef struct {
	aic_yaml *document; /* kept for the line numbers of later messages */
	char file[AIC_SPEC_TEXT];

	char name[64];
	aic_input_kind input_kind;
	aic_shape input;
	aic_output_kind output_kind;
	size_t outputs; /* classes or values per position */
	char weights[AIC_SPEC_TEXT]; /* safetensors to begin with; empty: initial weights from the seed */
	aic_layer_spec *layer;
	size_t layers;
	const aic_yaml_node *model_node, *data_node, *train_node;

	char asset[64], path[AIC_SPEC_TEXT], format[16];
	bool has_root;
	aic_hash root; /* SHA-256 that the data must have */

	aic_device_wish device; /* does not decide bits */
	aic_loss_kind loss;
	aic_optimizer_kind optimizer;
	aic_schedule_kind schedule;
	float lr, beta1, beta2, eps, weight_decay, momentum, clip; /* clip 0: none */
	uint64_t warmup;                                           /* steps */
	uint64_t batch, epochs, steps, micro_batch, seed;          /* steps 0: by epochs; micro_batch 0: whole shards */

	char class_name[4]; /* D0, D1 */
	bool fast;          /* D1: other bits than D0 */
	uint32_t shards;
	uint64_t checkpoint_every; /* steps; 0: at the end and on signals only */
	uint64_t keep;             /* checkpoints */
	bool no_session;           /* the run opens none, and trains with its own seed */
} aic_spec;

/* text is the file's content; file its name for messages and for paths relative to it. */
aic_code aic_spec_parse(aic_spec **spec, const char *file, const char *text, size_t len, aic_error *err);
void aic_spec_free(aic_spec *spec);

/* SHA-256 over canonical CBOR of all that decides bits, the digest of the data and of the weights to begin with (NULL: by the seed). */
aic_hash aic_spec_identity(const aic_spec *spec, const aic_hash *data, const aic_hash *weights);
/* A path of the spec, which is relative to the spec's file. */
void aic_spec_path(const aic_spec *spec, const char *path, char *out, size_t size);

/* A whole number from an argument of a layer, between min and max; fails with the layer's line. */
aic_code aic_layer_number(const aic_layer_spec *l, unsigned arg, const char *what, size_t min, size_t max, size_t *out, aic_error *err);

#endif
