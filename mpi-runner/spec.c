#include "mpi-runner/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "mpi-runner/spec_layers.h"
#include "mpi-runner/tree.h"

enum { DIM_MAX = 1 << 20, BATCH_MAX = 1 << 24 };

size_t aic_shape_features(const aic_shape *s)
{
	size_t n = 1;
	for (unsigned i = 0; i < s->rank; i++)
		n *= s->dim[i];
	return n;
}

size_t aic_shape_size(const aic_shape *s)
{
	return s->positions * aic_shape_features(s);
}

char *aic_shape_format(char buf[64], const aic_shape *s)
{
	int n = snprintf(buf, 64, "[");
	if (s->positions > 1)
		n += snprintf(buf + n, 64 - (size_t)n, "%zu positions x ", s->positions);
	for (unsigned i = 0; i < s->rank && n < 60; i++)
		n += snprintf(buf + n, 64 - (size_t)n, i ? ",%zu" : "%zu", s->dim[i]);
	if (n < 63)
		snprintf(buf + n, 64 - (size_t)n, "]");
	return buf;
}

/* "image[1,28,28]": the word before the bracket and up to three numbers. */
static bool parse_bracket(const char *text, char word[16], size_t dim[3], unsigned *dims)
{
	const char *open = strchr(text, '[');
	if (!open || open == text || (size_t)(open - text) > 15)
		return false;
	memcpy(word, text, (size_t)(open - text));
	word[open - text] = '\0';
	*dims = 0;
	const char *p = open + 1;
	while (*dims < 3) {
		char *end;
		unsigned long long v = strtoull(p, &end, 10);
		if (end == p || v < 1 || v > DIM_MAX || *p == '-')
			return false;
		dim[(*dims)++] = (size_t)v;
		p = end + strspn(end, " ");
		if (*p == ']')
			return p[1] == '\0';
		if (*p++ != ',')
			return false;
		p += strspn(p, " ");
	}
	return false;
}

static aic_code required(const aic_yaml_node *map, const char *key, const aic_yaml_node **node, aic_error *err)
{
	*node = aic_yaml_get(map, key);
	return *node ? AIC_OK : aic_yaml_fail(map, err, "%s is missing: see aic-spec(5)", key);
}

static aic_code read_input(aic_spec *s, const aic_yaml_node *model, aic_error *err)
{
	const aic_yaml_node *node;
	char word[16] = "";
	size_t d[3];
	unsigned dims = 0;

	if (required(model, "input", &node, err) != AIC_OK)
		return AIC_USAGE;
	const char *text = aic_yaml_text(node);
	bool ok = text && parse_bracket(text, word, d, &dims);
	if (ok && strcmp(word, "image") == 0 && dims >= 2) {
		s->input_kind = AIC_INPUT_IMAGE;
		s->input = dims == 2 ? (aic_shape){1, 3, {1, d[0], d[1]}} : (aic_shape){1, 3, {d[0], d[1], d[2]}};
	} else if (ok && strcmp(word, "vector") == 0 && dims == 1) {
		s->input_kind = AIC_INPUT_VECTOR;
		s->input = (aic_shape){1, 1, {d[0]}};
	} else if (ok && strcmp(word, "text") == 0 && dims == 1) {
		s->input_kind = AIC_INPUT_TEXT;
		s->input = (aic_shape){d[0], 1, {1}};
	} else {
		return aic_yaml_fail(node, err, "input: \"%s\" is not understood; write image[HEIGHT,WIDTH], image[CHANNELS,HEIGHT,WIDTH], "
		                     "vector[N] or text[POSITIONS]", text ? text : "?");
	}
	return AIC_OK;
}

static aic_code read_output(aic_spec *s, const aic_yaml_node *model, aic_error *err)
{
	const aic_yaml_node *node;
	char word[16] = "";
	size_t d[3] = {0};
	unsigned dims = 0;

	if (required(model, "output", &node, err) != AIC_OK)
		return AIC_USAGE;
	const char *text = aic_yaml_text(node);
	bool ok = text && parse_bracket(text, word, d, &dims) && dims == 1;
	if (ok && strcmp(word, "class") == 0 && d[0] >= 2)
		s->output_kind = AIC_OUTPUT_CLASS;
	else if (ok && strcmp(word, "value") == 0)
		s->output_kind = AIC_OUTPUT_VALUE;
	else
		return aic_yaml_fail(node, err, "output: \"%s\" is not understood; write class[N] (N at least 2) or value[N]", text ? text : "?");
	s->outputs = d[0];
	return AIC_OK;
}

static aic_code read_model(aic_spec *s, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *model;

	if (required(root, "model", &model, err) != AIC_OK)
		return AIC_USAGE;
	s->model_node = model;
	strcpy(s->name, "model");
	if (aic_yaml_get_text(model, "name", s->name, sizeof(s->name), err) != AIC_OK ||
	    aic_yaml_get_text(model, "weights", s->weights, sizeof(s->weights), err) != AIC_OK || read_input(s, model, err) != AIC_OK ||
	    read_output(s, model, err) != AIC_OK || aic_spec_read_layers(s, model, err) != AIC_OK)
		return AIC_USAGE;
	if (strchr(s->name, '/') || s->name[0] == '.' || s->name[0] == '\0')
		return aic_yaml_fail(aic_yaml_get(model, "name"), err, "name: \"%s\" names the output folder: no '/' and no leading '.'", s->name);
	return aic_yaml_unknown(model, err);
}

static aic_code read_root(aic_spec *s, const aic_yaml_node *data, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 2] = "";

	if (aic_yaml_get_text(data, "root", hex, sizeof(hex), err) != AIC_OK)
		return AIC_USAGE;
	s->has_root = hex[0] != '\0';
	if (s->has_root && !aic_unhex(s->root.b, AIC_HASH_LEN, hex))
		return aic_yaml_fail(aic_yaml_get(data, "root"), err, "root: \"%s\" is no SHA-256: write 64 hexadecimal digits", hex);
	return AIC_OK;
}

static aic_code read_data(aic_spec *s, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *data;

	if (required(root, "data", &data, err) != AIC_OK)
		return AIC_USAGE;
	s->data_node = data;
	if (aic_yaml_get_text(data, "asset", s->asset, sizeof(s->asset), err) != AIC_OK ||
	    aic_yaml_get_text(data, "path", s->path, sizeof(s->path), err) != AIC_OK ||
	    aic_yaml_get_text(data, "format", s->format, sizeof(s->format), err) != AIC_OK || read_root(s, data, err) != AIC_OK)
		return AIC_USAGE;
	if (!s->asset[0] && !s->path[0])
		return aic_yaml_fail(data, err, "data needs asset: NAME (a data set of the site) or path: FOLDER");
	return aic_yaml_unknown(data, err);
}

/* One of `words` (NULL-terminated) by its index; absent leaves *out. */
static aic_code choose(const aic_yaml_node *map, const char *key, const char *const *words, int *out, aic_error *err)
{
	char text[32] = "";
	if (aic_yaml_get_text(map, key, text, sizeof(text), err) != AIC_OK)
		return AIC_USAGE;
	if (!text[0])
		return AIC_OK;
	char known[160] = "";
	for (int i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return AIC_OK;
		}
		strcat(strcat(known, i ? ", " : ""), words[i]);
	}
	return aic_yaml_fail(aic_yaml_get(map, key), err, "%s: \"%s\" is unknown; use one of: %s", key, text, known);
}

static aic_code real(const aic_yaml_node *map, const char *key, float *out, double min, double max, aic_error *err)
{
	double v = (double)*out;
	if (aic_yaml_get_double(map, key, &v, min, max, err) != AIC_OK)
		return AIC_USAGE;
	*out = (float)v;
	return AIC_OK;
}

static aic_code read_optimizer(aic_spec *s, const aic_yaml_node *t, aic_error *err)
{
	static const char *const optimizers[] = {"adamw", "sgd", NULL};
	static const char *const schedules[] = {"constant", "linear", "cosine", NULL};
	int optimizer = AIC_OPTIMIZER_ADAMW, schedule = AIC_SCHEDULE_CONSTANT;

	s->lr = 1e-3f;
	s->beta1 = 0.9f;
	s->beta2 = 0.999f;
	s->eps = 1e-8f;
	s->momentum = 0.9f;
	if (choose(t, "optimizer", optimizers, &optimizer, err) != AIC_OK || choose(t, "schedule", schedules, &schedule, err) != AIC_OK ||
	    real(t, "lr", &s->lr, 1e-12, 1e3, err) != AIC_OK || real(t, "beta1", &s->beta1, 0, 0.99999, err) != AIC_OK ||
	    real(t, "beta2", &s->beta2, 0, 0.999999, err) != AIC_OK || real(t, "eps", &s->eps, 1e-30, 1, err) != AIC_OK ||
	    real(t, "weight_decay", &s->weight_decay, 0, 10, err) != AIC_OK || real(t, "momentum", &s->momentum, 0, 0.99999, err) != AIC_OK ||
	    real(t, "clip", &s->clip, 0, 1e9, err) != AIC_OK || aic_yaml_get_uint(t, "warmup", &s->warmup, 0, UINT32_MAX, err) != AIC_OK)
		return AIC_USAGE;
	s->optimizer = (aic_optimizer_kind)optimizer;
	s->schedule = (aic_schedule_kind)schedule;
	return AIC_OK;
}

static aic_code read_train(aic_spec *s, const aic_yaml_node *root, aic_error *err)
{
	static const char *const losses[] = {"cross_entropy", "squared", NULL};
	static const char *const devices[] = {"auto", "cpu", "gpu", NULL};
	const aic_yaml_node *t;
	int device = AIC_DEVICE_AUTO;
	int loss = s->output_kind == AIC_OUTPUT_CLASS ? AIC_LOSS_CROSS_ENTROPY : AIC_LOSS_SQUARED;

	if (required(root, "train", &t, err) != AIC_OK)
		return AIC_USAGE;
	s->train_node = t;
	s->batch = 64;
	s->epochs = 1;
	if (choose(t, "loss", losses, &loss, err) != AIC_OK || choose(t, "device", devices, &device, err) != AIC_OK || read_optimizer(s, t, err) != AIC_OK ||
	    aic_yaml_get_uint(t, "batch", &s->batch, 1, BATCH_MAX, err) != AIC_OK ||
	    aic_yaml_get_uint(t, "epochs", &s->epochs, 1, 1000000, err) != AIC_OK ||
	    aic_yaml_get_uint(t, "steps", &s->steps, 1, UINT32_MAX, err) != AIC_OK ||
	    aic_yaml_get_uint(t, "micro_batch", &s->micro_batch, 1, BATCH_MAX, err) != AIC_OK ||
	    aic_yaml_get_uint(t, "seed", &s->seed, 0, UINT64_MAX, err) != AIC_OK)
		return AIC_USAGE;
	s->loss = (aic_loss_kind)loss;
	s->device = (aic_device_wish)device;
	if ((s->loss == AIC_LOSS_CROSS_ENTROPY) != (s->output_kind == AIC_OUTPUT_CLASS))
		return aic_yaml_fail(t, err, "loss: cross_entropy goes with output: class[N], squared with output: value[N]");
	return aic_yaml_unknown(t, err);
}

static aic_code read_prove(aic_spec *s, const aic_yaml_node *root, aic_error *err)
{
	static const char *const classes[] = {"D0", "D1", NULL}, *const sessions[] = {"auto", "none", NULL};
	const aic_yaml_node *p = aic_yaml_get(root, "prove");
	int class = 0, session = 0;
	uint64_t shards = 8;

	s->checkpoint_every = 100;
	s->keep = 2;
	if (choose(p, "class", classes, &class, err) != AIC_OK || choose(p, "session", sessions, &session, err) != AIC_OK || aic_yaml_get_uint(p, "shards", &shards, 1, AIC_SHARDS_MAX, err) != AIC_OK ||
	    aic_yaml_get_uint(p, "checkpoint_every", &s->checkpoint_every, 0, UINT32_MAX, err) != AIC_OK ||
	    aic_yaml_get_uint(p, "keep", &s->keep, 1, 1000000, err) != AIC_OK)
		return AIC_USAGE;
	strcpy(s->class_name, classes[class]);
	s->fast = class == 1;
	s->no_session = session == 1;
	if (s->fast && s->device == AIC_DEVICE_CPU)
		return aic_yaml_fail(aic_yaml_get(p, "class"), err, "class: D1 is arithmetic of GPUs: leave device: cpu out, or use class: D0");
	if (!aic_shards_valid(shards))
		return aic_yaml_fail(aic_yaml_get(p, "shards"), err, "shards: %llu is no power of two: use 1, 2, 4, 8, ... up to %d",
		                     (unsigned long long)shards, AIC_SHARDS_MAX);
	if (shards > s->batch)
		return aic_yaml_fail(p, err, "%llu shards share a batch of %llu: use at most as many shards as samples in a batch",
		                     (unsigned long long)shards, (unsigned long long)s->batch);
	s->shards = (uint32_t)shards;
	return p ? aic_yaml_unknown(p, err) : AIC_OK;
}

aic_code aic_spec_parse(aic_spec **out, const char *file, const char *text, size_t len, aic_error *err)
{
	aic_spec *s = aic_xcalloc(1, sizeof(*s));
	const aic_yaml_node *root = NULL;

	*out = NULL;
	aic_str_copy(s->file, sizeof(s->file), file);
	aic_code rc = aic_yaml_parse(&s->document, file, text, len, err);
	if (rc == AIC_OK) {
		root = aic_yaml_root(s->document);
		rc = read_model(s, root, err);
	}
	if (rc == AIC_OK)
		rc = read_data(s, root, err);
	if (rc == AIC_OK)
		rc = read_train(s, root, err);
	if (rc == AIC_OK)
		rc = read_prove(s, root, err);
	if (rc == AIC_OK)
		rc = aic_yaml_unknown(root, err);
	if (rc != AIC_OK) {
		aic_spec_free(s);
		return rc;
	}
	*out = s;
	return AIC_OK;
}

void aic_spec_free(aic_spec *s)
{
	if (!s)
		return;
	aic_yaml_free(s->document);
	free(s->layer);
	free(s);
}

static void put_float(aic_bytes *b, float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	aic_cbor_put_uint(b, u);
}

static void put_layers(aic_bytes *b, const aic_spec *s)
{
	aic_cbor_put_array(b, s->layers);
	for (size_t i = 0; i < s->layers; i++) {
		aic_cbor_put_array(b, 1 + s->layer[i].args);
		aic_cbor_put_text(b, s->layer[i].kind);
		for (unsigned a = 0; a < s->layer[i].args; a++)
			aic_cbor_put_text(b, s->layer[i].arg[a]);
	}
}

aic_hash aic_spec_identity(const aic_spec *s, const aic_hash *data, const aic_hash *weights)
{
	const float reals[] = {s->lr, s->beta1, s->beta2, s->eps, s->weight_decay, s->momentum, s->clip};
	const uint64_t wholes[] = {(uint64_t)s->input_kind, s->input.positions, s->input.dim[0], s->input.dim[1], s->input.dim[2],
	                           (uint64_t)s->output_kind, s->outputs, (uint64_t)s->loss, (uint64_t)s->optimizer,
	                           (uint64_t)s->schedule, s->warmup, s->batch, s->epochs, s->steps, s->seed, s->shards};
	aic_bytes b = {0};

	aic_cbor_put_array(&b, 5);
	aic_cbor_put_text(&b, "aic/spec/v1");
	put_layers(&b, s);
	aic_cbor_put_array(&b, sizeof(reals) / sizeof(reals[0]));
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
		put_float(&b, reals[i]);
	aic_cbor_put_array(&b, sizeof(wholes) / sizeof(wholes[0]));
	for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++)
		aic_cbor_put_uint(&b, wholes[i]);
	aic_cbor_put_bytes(&b, data->b, sizeof(data->b));
	if (weights) {
		aic_cbor_put_text(&b, "weights");
		aic_cbor_put_bytes(&b, weights->b, sizeof(weights->b));
	}
	if (s->fast)
		aic_cbor_put_text(&b, s->class_name);
	aic_hash h = aic_sha256_of(b.data, b.len);
	aic_bytes_free(&b);
	return h;
}

void aic_spec_path(const aic_spec *s, const char *path, char *out, size_t size)
{
	const char *slash = strrchr(s->file, '/');

	if (path[0] == '/' || !slash)
		snprintf(out, size, "%s", path);
	else
		snprintf(out, size, "%.*s/%s", (int)(slash - s->file), s->file, path);
}
