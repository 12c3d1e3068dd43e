/* Specifications and models: gradients against numerical ones, and what mistakes are told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "mpi-runner/model.h"
#include "mpi-runner/philox.h"

enum { SAMPLES = 5 };

typedef struct {
	aic_spec *spec;
	aic_model *model;
	aic_cpu *cpu;
	aic_pass *pass;
	float *weights, *grads;
} bench;

static aic_code build(bench *b, const char *model, aic_error *err)
{
	char text[2048];

	*b = (bench){0};
	snprintf(text, sizeof(text), "model: {%s}\ndata: {asset: none, format: idx}\ntrain: {batch: 8, seed: 5}\n", model);
	aic_code rc = aic_spec_parse(&b->spec, "test.yaml", text, strlen(text), err);
	return rc == AIC_OK ? aic_model_build(&b->model, b->spec, err) : rc;
}

static void tear_down(bench *b)
{
	free(b->weights);
	free(b->grads);
	aic_pass_free(b->pass);
	aic_cpu_close(b->cpu);
	aic_model_free(b->model);
	aic_spec_free(b->spec);
}

static float uniform(uint64_t i)
{
	aic_philox_block r = aic_random_block(9, AIC_RANDOM_SAMPLE, 0, 0, i);
	return (float)((int32_t)r.v[0] >> 8) * 0x1p-23f;
}

static void fill_samples(bench *b)
{
	aic_pass *p = b->pass;
	size_t n = SAMPLES * aic_shape_size(&b->spec->input), rows;

	p->samples = SAMPLES;
	p->training = true;
	rows = aic_pass_rows(p);
	for (size_t i = 0; i < n; i++)
		p->input[i] = b->spec->input_kind == AIC_INPUT_TEXT ? (float)(i * 7 % 11) : uniform(i);
	for (size_t i = 0; i < rows; i++)
		p->target_class[i] = (uint32_t)(i * 5 % b->spec->outputs);
	for (size_t i = 0; b->spec->output_kind == AIC_OUTPUT_VALUE && i < rows * b->spec->outputs; i++)
		p->target_value[i] = uniform(1000 + i);
}

/* Loss in double, so that its differences mean something. */
static double loss(bench *b, bool backward)
{
	float sum = 0;
	uint64_t correct = 0;
	double total = 0;

	b->pass->weights = b->weights;
	b->pass->grads = b->grads;
	aic_pass_forward(b->pass);
	aic_pass_loss(b->pass, 1.0f, &sum, &correct);
	if (backward)
		aic_pass_backward(b->pass);
	for (size_t r = 0; r < aic_pass_rows(b->pass); r++)
		total += (double)b->pass->row_loss[r];
	assert_true(fabs(total - (double)sum) < 1e-3 * fabs(total) + 1e-4);
	return total;
}

/* Slope of the loss along a random direction within one parameter, by central differences. */
static double slope_of(bench *b, const aic_parameter *p, float step)
{
	float *kept = aic_xmalloc(p->count * sizeof(float)), *w = b->weights + p->at;
	double side[2];

	memcpy(kept, w, p->count * sizeof(float));
	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < p->count; i++)
			w[i] = kept[i] + (s ? step : -step) * uniform(5000 + i);
		side[s] = loss(b, false);
	}
	memcpy(w, kept, p->count * sizeof(float));
	free(kept);
	return (side[1] - side[0]) / (2 * (double)step);
}

/* The gradient's component along that direction is the slope, at one step at least: a relu may bend within another. */
static void check_parameter(bench *b, const aic_layer *l, const aic_parameter *p)
{
	static const float steps[] = {4e-3f, 1e-3f, 4e-4f};
	double component = 0, size = 0, slope[3];

	for (size_t i = 0; i < p->count; i++) {
		component += (double)b->grads[p->at + i] * (double)uniform(5000 + i);
		size += fabs((double)b->grads[p->at + i]);
	}
	assert_true(size > 0);
	for (int s = 0; s < 3; s++) {
		slope[s] = slope_of(b, p, steps[s]);
		if (fabs(slope[s] - component) <= 0.02 * (fabs(component) + fabs(slope[s])) + 2e-3)
			return;
	}
	fail_msg("layer %zu %s.%s: gradient %g, slopes %g %g %g", l->index, l->kind->name, p->name, component, slope[0], slope[1], slope[2]);
}

static void check_gradients(const char *model)
{
	bench b;
	aic_error err;

	if (build(&b, model, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_int_equal(aic_cpu_open(&b.cpu, NULL, 2, &err), AIC_OK);
	b.pass = aic_pass_new(b.model, b.cpu, SAMPLES, true);
	b.weights = aic_xmalloc(b.model->parameters * sizeof(float));
	b.grads = aic_xcalloc(b.model->parameters, sizeof(float));
	aic_model_init(b.model, 5, b.weights);
	fill_samples(&b);
	loss(&b, true);
	for (size_t i = 0; i < b.model->layers; i++)
		for (unsigned p = 0; p < b.model->layer[i].parameters; p++)
			check_parameter(&b, &b.model->layer[i], &b.model->layer[i].parameter[p]);
	tear_down(&b);
}

static void gradients_are_the_slopes(void **state)
{
	(void)state;
	check_gradients("input: 'vector[9]', output: 'class[4]', layers: [linear 4]");
	check_gradients("input: 'image[4,3]', output: 'class[4]', layers: [linear 20, relu, linear 4]");
	check_gradients("input: 'vector[6]', output: 'value[3]', layers: [linear 10, {residual: [linear 12, relu, linear 10]}, relu, linear 3]");
	check_gradients("input: 'vector[6]', output: 'class[3]', layers: [linear 10, gelu, layernorm, linear 3]");
	check_gradients("input: 'vector[6]', output: 'class[3]', layers: [linear 40, dropout 0.3, gelu, linear 3]");
	check_gradients("input: 'image[2,7,6]', output: 'class[3]', layers: [conv2d 4 3, gelu, conv2d 3 3 2 0, gelu, linear 3]");
	check_gradients("input: 'image[7,9]', output: 'class[3]', layers: [conv2d 3 3, maxpool 2, conv2d 2 2 1 1, linear 3]");
	check_gradients("input: 'text[6]', output: 'class[11]', layers: [embedding 11 8, {residual: [layernorm, attention 2]}, layernorm, linear 11]");
	check_gradients("input: 'text[5]', output: 'class[11]', preset: gpt, depth: 2, width: 12, heads: 3");
	check_gradients("input: 'image[8,8]', output: 'class[4]', preset: cnn, depth: 2, width: 3");
	check_gradients("input: 'vector[8]', output: 'class[4]', preset: mlp, depth: 2, width: 9");
}

static void told(const char *model, const char *what)
{
	bench b;
	aic_error err = {0};

	assert_int_equal(build(&b, model, &err), AIC_USAGE);
	if (!strstr(err.message, what) || !strstr(err.message, "test.yaml:"))
		fail_msg("\"%s\" does not say \"%s\" with file and line", err.message, what);
	tear_down(&b);
}

static void mistakes_in_a_model_name_place_and_remedy(void **state)
{
	(void)state;
	told("input: 'vector[9]', output: 'class[4]', layers: [liner 4]", "\"liner\" is no layer; there are: linear");
	told("input: 'vector[9]', output: 'class[4]', layers: [linear]", "write: linear OUTPUTS");
	told("input: 'vector[9]', output: 'class[4]', layers: [linear x]", "give a whole number");
	told("input: 'vector[9]', output: 'class[4]', layers: [linear 5]", "end with linear 4");
	told("input: 'vector[9]', output: 'class[4]', layers: [relu]", "output asks for 4");
	told("input: 'vector[9]', output: 'class[9]', layers: [relu]", "none of them has weights");
	told("input: 'vector[9]', output: 'class[4]', layers: [{residual: [linear 5]}, linear 4]", "both must be equal");
	told("input: 'vector[9]', output: 'class[4]', layers: [{residul: [linear 9]}, linear 4]", "{residual: [...]}");
	told("input: 'vector[9]', output: 'class[4]', layers: [conv2d 4 3, linear 4]", "conv2d needs an image");
	told("input: 'image[9,9]', output: 'class[4]', layers: [conv2d 4 12 1 0, linear 4]", "does not fit into 9 x 9");
	told("input: 'image[9,9]', output: 'class[4]', layers: [maxpool 10, linear 4]", "whole number from 1 to 9");
	told("input: 'vector[9]', output: 'class[4]', layers: [attention 3, linear 4]", "comes after embedding");
	told("input: 'text[9]', output: 'class[4]', layers: [embedding 4 8, attention 3, linear 4]", "3 heads do not share a width of 8");
	told("input: 'text[9]', output: 'class[4]', layers: [linear 4, embedding 4 8]", "first layer");
	told("input: 'vector[9]', output: 'class[4]', layers: [dropout 1.5, linear 4]", "is no probability");
	told("input: 'vector[9]', output: 'class[4]', preset: rnn", "there are: mlp, cnn, gpt");
	told("input: 'vector[9]', output: 'class[4]', preset: mlp, layers: [linear 4]", "exclude each other");
	told("input: 'tensor[9]', output: 'class[4]', layers: [linear 4]", "is not understood");
	told("input: 'vector[9]', output: 'class[1]', layers: [linear 1]", "N at least 2");
	told("input: 'vector[9]', output: 'class[4]', layers: []", "a list of layers is needed");
	told("input: 'vector[9]', output: 'class[4]'", "layers is missing");
	told("input: 'vector[9]', output: 'class[4]', layers: [linear 4], layer: 3", "layer");
}

static void told_by_spec(const char *text, const char *what)
{
	aic_spec *spec;
	aic_error err = {0};

	assert_int_equal(aic_spec_parse(&spec, "test.yaml", text, strlen(text), &err), AIC_USAGE);
	if (!strstr(err.message, what) || !strstr(err.message, "test.yaml"))
		fail_msg("\"%s\" does not say \"%s\"", err.message, what);
}

#define MODEL "model: {input: 'vector[9]', output: 'class[4]', layers: [linear 4]}\n"
#define DATA "data: {asset: none, format: idx}\n"

static void mistakes_elsewhere_name_place_and_remedy(void **state)
{
	(void)state;
	told_by_spec("model: {", "test.yaml");
	told_by_spec(DATA "train: {}\n", "model");
	told_by_spec(MODEL "train: {}\n", "data is missing");
	told_by_spec(MODEL "data: {format: idx}\ntrain: {}\n", "data needs asset");
	told_by_spec(MODEL DATA "train: {optimizer: adam}\n", "use one of: adamw, sgd");
	told_by_spec(MODEL DATA "train: {loss: squared}\n", "output: value[N]");
	told_by_spec(MODEL DATA "train: {lr: fast}\n", "lr");
	told_by_spec(MODEL DATA "train: {batch: 0}\n", "batch");
	told_by_spec(MODEL DATA "train: {batch: 8}\nprove: {shards: 6}\n", "6 is no power of two");
	told_by_spec(MODEL DATA "train: {batch: 8}\nprove: {shards: 16}\n", "16 shards share a batch of 8");
	told_by_spec(MODEL DATA "train: {batch: 8}\nprove: {class: D7}\n", "D7");
	told_by_spec(MODEL DATA "train: {batsh: 8}\n", "batsh");
}

/* What decides bits is in the identity, what does not is not. */
static void identity(const char *train, aic_hash *out)
{
	char text[1024];
	aic_spec *spec;
	aic_error err;
	const aic_hash data = {{1}};

	snprintf(text, sizeof(text), MODEL DATA "train: {batch: 8, %s}\n", train);
	assert_int_equal(aic_spec_parse(&spec, "test.yaml", text, strlen(text), &err), AIC_OK);
	*out = aic_spec_identity(spec, &data, NULL);
	aic_spec_free(spec);
}

static void identities_tell_trainings_apart(void **state)
{
	aic_hash a, b;

	(void)state;
	identity("seed: 1, lr: 0.001", &a);
	identity("lr: 1e-3, seed: 1, micro_batch: 2", &b);
	assert_true(aic_hash_equal(&a, &b));
	identity("seed: 2, lr: 0.001", &b);
	assert_false(aic_hash_equal(&a, &b));
	identity("seed: 1, lr: 0.002", &b);
	assert_false(aic_hash_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_are_the_slopes), cmocka_unit_test(mistakes_in_a_model_name_place_and_remedy),
		cmocka_unit_test(mistakes_elsewhere_name_place_and_remedy), cmocka_unit_test(identities_tell_trainings_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
