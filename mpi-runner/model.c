#include "mpi-runner/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/philox.h"

static const size_t PARAMETERS_MAX = (size_t)1 << 34;

void aic_layer_parameter(aic_layer *l, const char *name, aic_init_kind init, float scale, unsigned rank, const size_t *dim)
{
	aic_parameter *p = &l->parameter[l->parameters++];

	*p = (aic_parameter){.name = name, .init = init, .scale = scale, .rank = rank, .count = 1};
	for (unsigned i = 0; i < rank; i++) {
		p->dim[i] = dim[i];
		p->count *= dim[i];
	}
}

static aic_code build_layer(aic_model *m, size_t i, const aic_shape *in, aic_error *err)
{
	aic_layer *l = &m->layer[i];
	const aic_layer_spec *spec = &m->spec->layer[i];

	l->index = i;
	l->spec = spec;
	l->in = l->out = *in;
	l->kind = aic_layer_find(spec->kind);
	if (!l->kind) {
		char known[256];
		aic_layer_names(known, sizeof(known));
		return aic_yaml_fail(spec->where, err, "layers: \"%s\" is no layer; there are: %s", spec->kind, known);
	}
	if (spec->args < l->kind->min_args || spec->args > l->kind->max_args)
		return aic_yaml_fail(spec->where, err, "layers: %s has %u arguments; write: %s", spec->kind, spec->args, l->kind->usage);
	if (l->kind->setup && l->kind->setup(l, err) != AIC_OK)
		return AIC_USAGE;
	for (unsigned p = 0; p < l->parameters; p++) {
		l->parameter[p].at = m->parameters;
		m->parameters += l->parameter[p].count;
	}
	if (m->parameters > PARAMETERS_MAX)
		return aic_yaml_fail(spec->where, err, "layers: with this layer the model has %zu parameters; at most %zu are possible",
		                     m->parameters, PARAMETERS_MAX);
	return AIC_OK;
}

/* The brackets of residual blocks know each other, and what goes in has the shape of what comes out. */
static aic_code match_brackets(aic_model *m, aic_error *err)
{
	size_t open[16], depth = 0;

	for (size_t i = 0; i < m->layers; i++) {
		aic_layer *l = &m->layer[i];
		if (strcmp(l->kind->name, "residual(") == 0) {
			open[depth++] = i;
		} else if (strcmp(l->kind->name, ")residual") == 0) {
			aic_layer *o = &m->layer[open[--depth]];
			o->partner = i;
			l->partner = o->index;
			if (memcmp(&o->in, &l->out, sizeof(o->in)) != 0) {
				char a[64], b[64];
				return aic_yaml_fail(l->spec->where, err, "layers: a residual block takes %s and gives %s; both must be equal",
				                     aic_shape_format(a, &o->in), aic_shape_format(b, &l->out));
			}
		}
	}
	return AIC_OK;
}

aic_code aic_model_build(aic_model **out, const aic_spec *spec, aic_error *err)
{
	aic_model *m = aic_xcalloc(1, sizeof(*m));
	aic_shape shape = spec->input;
	aic_code rc = AIC_OK;

	*out = NULL;
	m->spec = spec;
	m->layers = spec->layers;
	m->layer = aic_xcalloc(spec->layers, sizeof(*m->layer));
	for (size_t i = 0; rc == AIC_OK && i < m->layers; i++) {
		rc = build_layer(m, i, &shape, err);
		shape = m->layer[i].out;
	}
	if (rc == AIC_OK)
		rc = match_brackets(m, err);
	if (rc == AIC_OK && aic_shape_features(&shape) != spec->outputs) {
		char text[64];
		const aic_layer_spec *last = &spec->layer[spec->layers - 1];
		rc = aic_yaml_fail(last->where, err, "layers: the last layer, %s, gives %s but output asks for %zu values: end with linear %zu",
		                   last->kind, aic_shape_format(text, &shape), spec->outputs, spec->outputs);
	}
	if (rc == AIC_OK && m->parameters == 0)
		rc = aic_yaml_fail(spec->model_node, err, "layers: none of them has weights to train");
	if (rc != AIC_OK) {
		aic_model_free(m);
		return rc;
	}
	*out = m;
	return AIC_OK;
}

void aic_model_free(aic_model *m)
{
	if (!m)
		return;
	free(m->layer);
	free(m);
}

/* An integer in [-2^23, 2^23): exact as a float. */
static float centred(uint32_t word)
{
	return (float)((int32_t)(word >> 8) - (1 << 23));
}

/* The sum of a block's eight 16-bit halves, centred: nearly normal, variance 8 (2^32 - 1) / 12. */
static float nearly_normal(const aic_philox_block *r)
{
	int32_t sum = -4 * 65535;
	for (int i = 0; i < 4; i++)
		sum += (int32_t)(r->v[i] & 0xffff) + (int32_t)(r->v[i] >> 16);
	return (float)sum;
}

static void init_parameter(const aic_layer *l, unsigned which, uint64_t seed, float *w)
{
	static const float NORMAL_UNIT = 1.8688111e-05f; /* 1 / sqrt(8 (2^32 - 1) / 12) */
	const aic_parameter *p = &l->parameter[which];

	for (size_t i = 0; i < p->count; i++) {
		if (p->init == AIC_INIT_ZERO || p->init == AIC_INIT_ONE) {
			w[i] = p->init == AIC_INIT_ONE ? 1.0f : 0.0f;
		} else if (p->init == AIC_INIT_UNIFORM) {
			aic_philox_block r = aic_random_block(seed, AIC_RANDOM_INIT, (uint32_t)l->index, (uint16_t)which, i / 4);
			w[i] = centred(r.v[i % 4]) * (p->scale * 0x1p-23f);
		} else {
			aic_philox_block r = aic_random_block(seed, AIC_RANDOM_INIT, (uint32_t)l->index, (uint16_t)which, i);
			w[i] = nearly_normal(&r) * (p->scale * NORMAL_UNIT);
		}
	}
}

void aic_model_init(const aic_model *m, uint64_t seed, float *weights)
{
	for (size_t i = 0; i < m->layers; i++)
		for (unsigned p = 0; p < m->layer[i].parameters; p++)
			init_parameter(&m->layer[i], p, seed, weights + m->layer[i].parameter[p].at);
}

void aic_model_place(const aic_model *m, size_t at, char *buf, size_t size)
{
	for (size_t i = 0; i < m->layers; i++) {
		const aic_layer *l = &m->layer[i];
		for (unsigned p = 0; p < l->parameters; p++) {
			const aic_parameter *par = &l->parameter[p];
			if (at >= par->at && at < par->at + par->count) {
				snprintf(buf, size, "%zu.%s.%s[%zu]", i, l->kind->name, par->name, at - par->at);
				return;
			}
		}
	}
	snprintf(buf, size, "parameter %zu", at);
}
