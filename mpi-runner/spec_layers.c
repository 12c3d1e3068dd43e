#include "mpi-runner/spec_layers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 4096 };

static aic_code add_layer(aic_spec *s, const aic_yaml_node *where, const char *text, aic_error *err)
{
	if (s->layers == LAYERS_MAX)
		return aic_yaml_fail(where, err, "layers: more than %d", LAYERS_MAX);
	s->layer = aic_xrealloc(s->layer, (s->layers + 1) * sizeof(*s->layer));
	aic_layer_spec *l = &s->layer[s->layers];
	*l = (aic_layer_spec){.where = where};
	char copy[160], *state = NULL;
	aic_str_copy(copy, sizeof(copy), text);
	unsigned words = 0;
	for (char *word = strtok_r(copy, " \t", &state); word; word = strtok_r(NULL, " \t", &state), words++) {
		size_t size = words == 0 ? sizeof(l->kind) : sizeof(l->arg[0]);
		if (strlen(word) >= size || words > AIC_LAYER_ARGS)
			return aic_yaml_fail(where, err, "layers: \"%s\" is not understood: a layer is its name and at most %d arguments", text,
			                     AIC_LAYER_ARGS);
		aic_str_copy(words == 0 ? l->kind : l->arg[words - 1], size, word);
	}
	if (words == 0)
		return aic_yaml_fail(where, err, "layers: an empty layer; remove it");
	l->args = words - 1;
	s->layers++;
	return AIC_OK;
}

/* A list of texts and of maps {residual: [...]}. */
static aic_code read_list(aic_spec *s, const aic_yaml_node *list, int depth, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (aic_yaml_kind_of(list) != AIC_YAML_LIST || aic_yaml_count(list) == 0)
		return aic_yaml_fail(list, err, "layers: a list of layers is needed, as [linear 256, relu, linear 10]");
	if (depth > 8)
		return aic_yaml_fail(list, err, "layers: residual blocks nest at most 8 deep");
	for (size_t i = 0; rc == AIC_OK && i < aic_yaml_count(list); i++) {
		const aic_yaml_node *item = aic_yaml_item(list, i);
		if (aic_yaml_kind_of(item) == AIC_YAML_SCALAR) {
			rc = add_layer(s, item, aic_yaml_text(item), err);
			continue;
		}
		const aic_yaml_node *block = aic_yaml_kind_of(item) == AIC_YAML_MAP ? aic_yaml_get(item, "residual") : NULL;
		if (!block || aic_yaml_count(item) != 1)
			return aic_yaml_fail(item, err, "layers: an item is a layer such as \"linear 256\" or {residual: [...]}");
		rc = add_layer(s, item, "residual(", err);
		if (rc == AIC_OK)
			rc = read_list(s, block, depth + 1, err);
		if (rc == AIC_OK)
			rc = add_layer(s, item, ")residual", err);
	}
	return rc;
}

typedef struct {
	uint64_t depth, width, heads;
	char dropout[24]; /* empty: none */
} preset;

static aic_code add(aic_spec *s, const aic_yaml_node *where, aic_error *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static aic_code add(aic_spec *s, const aic_yaml_node *where, aic_error *err, const char *fmt, ...)
{
	char text[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return add_layer(s, where, text, err);
}

static aic_code add_dropout(aic_spec *s, const aic_yaml_node *at, const preset *p, aic_error *err)
{
	return p->dropout[0] ? add(s, at, err, "dropout %s", p->dropout) : AIC_OK;
}

static aic_code preset_mlp(aic_spec *s, const aic_yaml_node *at, const preset *p, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (uint64_t i = 0; rc == AIC_OK && i < p->depth; i++) {
		rc = add(s, at, err, "linear %llu", (unsigned long long)p->width);
		rc = rc == AIC_OK ? add(s, at, err, "relu") : rc;
		rc = rc == AIC_OK ? add_dropout(s, at, p, err) : rc;
	}
	return rc == AIC_OK ? add(s, at, err, "linear %zu", s->outputs) : rc;
}

/* depth times convolution, relu, pooling, each with twice the channels of the one before; then a hidden layer. */
static aic_code preset_cnn(aic_spec *s, const aic_yaml_node *at, const preset *p, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (uint64_t i = 0; rc == AIC_OK && i < p->depth; i++) {
		rc = add(s, at, err, "conv2d %llu 3", (unsigned long long)p->width << i);
		rc = rc == AIC_OK ? add(s, at, err, "relu") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "maxpool 2") : rc;
	}
	rc = rc == AIC_OK ? add_dropout(s, at, p, err) : rc;
	rc = rc == AIC_OK ? add(s, at, err, "linear %llu", (unsigned long long)(4 * p->width)) : rc;
	rc = rc == AIC_OK ? add(s, at, err, "relu") : rc;
	rc = rc == AIC_OK ? add_dropout(s, at, p, err) : rc;
	return rc == AIC_OK ? add(s, at, err, "linear %zu", s->outputs) : rc;
}

/* After GPT-2: normalisation before each block, gelu, a last normalisation. */
static aic_code preset_gpt(aic_spec *s, const aic_yaml_node *at, const preset *p, aic_error *err)
{
	unsigned long long width = p->width;
	aic_code rc = add(s, at, err, "embedding %zu %llu", s->outputs, width);

	for (uint64_t i = 0; rc == AIC_OK && i < p->depth; i++) {
		rc = add(s, at, err, "residual(");
		rc = rc == AIC_OK ? add(s, at, err, "layernorm") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "attention %llu", (unsigned long long)p->heads) : rc;
		rc = rc == AIC_OK ? add_dropout(s, at, p, err) : rc;
		rc = rc == AIC_OK ? add(s, at, err, ")residual") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "residual(") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "layernorm") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "linear %llu", 4 * width) : rc;
		rc = rc == AIC_OK ? add(s, at, err, "gelu") : rc;
		rc = rc == AIC_OK ? add(s, at, err, "linear %llu", width) : rc;
		rc = rc == AIC_OK ? add_dropout(s, at, p, err) : rc;
		rc = rc == AIC_OK ? add(s, at, err, ")residual") : rc;
	}
	rc = rc == AIC_OK ? add(s, at, err, "layernorm") : rc;
	return rc == AIC_OK ? add(s, at, err, "linear %zu", s->outputs) : rc;
}

static aic_code read_preset(aic_spec *s, const aic_yaml_node *model, const aic_yaml_node *at, aic_error *err)
{
	const char *name = aic_yaml_text(at);
	preset p = {.depth = 1, .width = 256, .heads = 4};
	aic_code (*expand)(aic_spec *, const aic_yaml_node *, const preset *, aic_error *) = NULL;

	if (name && strcmp(name, "mlp") == 0) {
		expand = preset_mlp;
	} else if (name && strcmp(name, "cnn") == 0) {
		expand = preset_cnn;
		p = (preset){.depth = 2, .width = 32};
	} else if (name && strcmp(name, "gpt") == 0) {
		expand = preset_gpt;
		p = (preset){.depth = 4, .width = 128, .heads = 4};
	}
	if (!expand)
		return aic_yaml_fail(at, err, "preset: \"%s\" is unknown; there are: mlp, cnn, gpt", name ? name : "?");
	if (aic_yaml_get_uint(model, "depth", &p.depth, 1, 256, err) != AIC_OK || aic_yaml_get_uint(model, "width", &p.width, 1, 65536, err) != AIC_OK ||
	    aic_yaml_get_uint(model, "heads", &p.heads, 1, 1024, err) != AIC_OK ||
	    aic_yaml_get_text(model, "dropout", p.dropout, sizeof(p.dropout), err) != AIC_OK)
		return AIC_USAGE;
	return expand(s, at, &p, err);
}

aic_code aic_spec_read_layers(aic_spec *s, const aic_yaml_node *model, aic_error *err)
{
	const aic_yaml_node *list = aic_yaml_get(model, "layers"), *named = aic_yaml_get(model, "preset");

	if (list && named)
		return aic_yaml_fail(named, err, "preset and layers exclude each other: give one of them");
	if (named)
		return read_preset(s, model, named, err);

	if (!list)
		return aic_yaml_fail(model, err, "layers is missing: a list such as [linear 256, relu, linear 10], or preset: mlp, cnn or gpt; see aic-spec(5)");
	return read_list(s, list, 0, err);
}

aic_code aic_layer_number(const aic_layer_spec *l, unsigned arg, const char *what, size_t min, size_t max, size_t *out, aic_error *err)
{
	char *end;
	unsigned long long v = strtoull(l->arg[arg], &end, 10);

	if (end == l->arg[arg] || *end || l->arg[arg][0] == '-' || v < min || v > max)
		return aic_yaml_fail(l->where, err, "layers: %s: %s is \"%s\"; give a whole number from %zu to %zu", l->kind, what, l->arg[arg],
		                     min, max);
	*out = (size_t)v;
	return AIC_OK;
}
