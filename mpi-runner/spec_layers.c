#include "mpi-runner/spec_layers.h"

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

aic_code aic_spec_read_layers(aic_spec *s, const aic_yaml_node *model, aic_error *err)
{
	const aic_yaml_node *list = aic_yaml_get(model, "layers");

	if (!list)
		return aic_yaml_fail(model, err, "layers is missing: a list such as [linear 256, relu, linear 10]; see aic-spec(5)");
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
