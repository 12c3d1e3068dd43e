/* Model files, infer, sample and plot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/model_file.h"
#include "mpi-runner/use.h"

static char folder[64];

static char *in_folder(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	aic_error err;
	assert_int_equal(aic_file_write_atomic(in_folder(name), data, len, 0644, &err), AIC_OK);
}

/* A linear model whose weights are given; written to model.safetensors. */
static void write_model(const char *model, const float *weights, size_t n)
{
	char text[512];
	aic_spec *spec;
	aic_model *m;
	aic_error err;

	snprintf(text, sizeof(text), "model: {%s}\ndata: {asset: none, format: idx}\ntrain: {batch: 8}\n", model);
	assert_int_equal(aic_spec_parse(&spec, "t.yaml", text, strlen(text), &err), AIC_OK);
	assert_int_equal(aic_model_build(&m, spec, &err), AIC_OK);
	assert_int_equal(m->parameters, n);
	assert_int_equal(aic_model_file_write(in_folder("model.safetensors"), m, weights, text, strlen(text), &err), AIC_OK);
	aic_model_free(m);
	aic_spec_free(spec);
}

static char *captured(aic_code (*use)(FILE *out, aic_error *err), aic_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	aic_code rc = use(out, err);
	fclose(out);
	if (rc == AIC_OK)
		return text;
	free(text);
	return NULL;
}

static char model_path[256], input_path[256];

static aic_code do_infer(FILE *out, aic_error *err)
{
	return aic_use_infer(model_path, input_path, out, err);
}

static aic_sample_options sample_options;

static aic_code do_sample(FILE *out, aic_error *err)
{
	return aic_use_sample(model_path, &sample_options, out, err);
}

static aic_code do_plot(FILE *out, aic_error *err)
{
	return aic_use_plot(folder, out, err);
}

static void weights_come_back_with_their_names(void **state)
{
	static const float w[] = {1, 2, 3, 4, 5, 6, 0.5f, -0.5f};
	aic_model_file f;
	aic_error err;
	char name[96];

	(void)state;
	write_model("input: 'vector[3]', output: 'value[2]', layers: [linear 2]", w, 8);
	assert_int_equal(aic_model_file_read(&f, model_path, &err), AIC_OK);
	assert_memory_equal(f.weights, w, sizeof(w));
	aic_parameter_name(&f.model->layer[0], 0, name, sizeof(name));
	assert_string_equal(name, "0.linear.weight");
	aic_model_file_free(&f);
}

static void values_are_inferred_from_rows(void **state)
{
	static const float w[] = {1, 2, 3, 4, 5, 6, 0.5f, -0.5f};
	aic_error err = {0};

	(void)state;
	write_model("input: 'vector[3]', output: 'value[2]', layers: [linear 2]", w, 8);
	put("rows.csv", "1,0,0\n1 1 1\n", 12);
	strcpy(input_path, in_folder("rows.csv"));
	char *text = captured(do_infer, &err);
	assert_non_null(text);
	assert_string_equal(text, "1.5 3.5\n6.5 14.5\n");
	free(text);
	put("rows.csv", "1,0,0\n1,x,1\n", 12);
	assert_null(captured(do_infer, &err));
	assert_non_null(strstr(err.message, "rows.csv:2: 1 numbers, the model takes 3"));
}

static void classes_are_inferred_from_images(void **state)
{
	static const float w[] = {1, 0, 0, 1, 0, 0};
	const uint8_t idx[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 255, 0, 0, 255};
	aic_error err = {0};

	(void)state;
	write_model("input: 'image[1,2]', output: 'class[2]', layers: [linear 2]", w, 6);
	put("images", idx, sizeof(idx));
	strcpy(input_path, in_folder("images"));
	char *text = captured(do_infer, &err);
	assert_string_equal(text, "0 0.7311  1 0.2689\n1 0.7311  0 0.2689\n");
	free(text);
	put("images", "P5 2 1 255\n\377\0", 13);
	text = captured(do_infer, &err);
	assert_string_equal(text, "0 0.7311  1 0.2689\n");
	free(text);
	put("images", "P5 3 1 255\n\377\0\0", 14);
	assert_null(captured(do_infer, &err));
	assert_non_null(strstr(err.message, "the model takes 1 x 2"));
}

/* A model of text that says: after byte b comes b + 1. */
static void text_is_foreseen_and_sampled(void **state)
{
	enum { V = 128, T = 4, N = V * V + T * V + V * V + V };
	float *w = aic_xcalloc(N, sizeof(float));
	aic_error err = {0};

	(void)state;
	for (int b = 0; b < V; b++) {
		w[b * V + b] = 1.0f;                                      /* embedding: the byte itself */
		w[V * V + T * V + (b + 1) % V * V + b] = 30.0f;           /* linear: the next one */
	}
	write_model("input: 'text[4]', output: 'class[128]', layers: [embedding 128 128, linear 128]", w, N);
	sample_options = (aic_sample_options){.prompt = "a", .length = 6, .temperature = 0.8f, .seed = 1};
	char *text = captured(do_sample, &err);
	assert_string_equal(text, "abcdefg\n");
	free(text);
	put("text", "ABCDEFGHI", 9);
	strcpy(input_path, in_folder("text"));
	text = captured(do_infer, &err);
	assert_string_equal(text, "0.0000 bits per byte, 100.00 % of 8 bytes foreseen\n");
	free(text);
	free(w);
}

static void damaged_model_files_are_told(void **state)
{
	static const float w[] = {1, 0, 0, 1, 0, 0};
	aic_bytes b = {0};
	aic_error err = {0};
	aic_model_file f;

	(void)state;
	write_model("input: 'vector[2]', output: 'class[2]', layers: [linear 2]", w, 6);
	assert_int_equal(aic_file_read(&b, model_path, 1 << 20, &err), AIC_OK);
	for (size_t len = 0; len < b.len; len += 7) {
		put("model.safetensors", b.data, len);
		assert_int_equal(aic_model_file_read(&f, model_path, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, "model.safetensors"));
	}
	aic_bytes_free(&b);
	write_model("input: 'vector[2]', output: 'class[2]', layers: [linear 2]", w, 6);
	put("rows.csv", "1,2\n", 4);
	strcpy(input_path, in_folder("rows.csv"));
	assert_null(captured(do_sample, &err));
	assert_non_null(strstr(err.message, "no model of text"));
}

static void a_run_is_drawn(void **state)
{
	static const char lines[] =
		"{\"event\": \"start\", \"step\": 0}\n{\"event\": \"step\", \"step\": 10, \"loss\": 2}\n{\"event\": \"step\", \"step\": 20, \"loss\": 9}\n{\"event\": \"ste\n"
		"{\"event\": \"start\", \"step\": 10}\n{\"event\": \"step\", \"step\": 20, \"loss\": 1}\n"
		"{\"event\": \"test\", \"step\": 20, \"test_loss\": 1.5, \"test_accuracy\": 0.75}\n{\"event\": \"st";
	aic_bytes svg = {0};
	aic_error err = {0};

	(void)state;
	put("metrics.jsonl", lines, sizeof(lines) - 1);
	char *text = captured(do_plot, &err);
	assert_non_null(text);
	assert_non_null(strstr(text, "loss, steps 10 to 20"));
	assert_non_null(strstr(text, "       2 |*"));
	free(text);
	assert_int_equal(aic_file_read(&svg, in_folder("metrics.svg"), 1 << 20, &err), AIC_OK);
	aic_bytes_append(&svg, "", 1);
	assert_non_null(strstr((char *)svg.data, "<polyline"));
	assert_null(strstr((char *)svg.data, "nan"));
	aic_bytes_free(&svg);
	put("metrics.jsonl", "{\"event\"\n{}\n", 12);
	assert_null(captured(do_plot, &err));
	assert_non_null(strstr(err.message, "metrics.jsonl holds no steps yet"));
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/aic-use-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	strcpy(model_path, in_folder("model.safetensors"));
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"model.safetensors", "rows.csv", "images", "text", "metrics.jsonl", "metrics.svg", "spec.yaml"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_folder(names[i]));
	return rmdir(folder);
}

static aic_code files(FILE *out, aic_error *err)
{
	return aic_use_files(in_folder("spec.yaml"), out, err);
}

static void a_specification_says_what_it_reads(void **state)
{
	static const char text[] = "model: {name: net, input: \"vector[2]\", output: \"class[2]\", weights: old.safetensors, layers: [linear 2]}\n"
				   "data: {path: table.csv, format: csv}\ntrain: {batch: 8}\n";
	aic_error err = {0};
	char *said;

	(void)state;
	assert_int_equal(aic_file_write_atomic(in_folder("spec.yaml"), text, strlen(text), 0600, &err), AIC_OK);
	said = captured(files, &err);
	assert_non_null(said);
	assert_string_equal(said, "name net\npath table.csv\npath old.safetensors\n");
	free(said);
	assert_int_equal(aic_file_write_atomic(in_folder("spec.yaml"), "model: 3\n", 9, 0600, &err), AIC_OK);
	assert_null(captured(files, &err));
	assert_non_null(strstr(err.message, "spec.yaml:1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(weights_come_back_with_their_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(values_are_inferred_from_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(classes_are_inferred_from_images, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_is_foreseen_and_sampled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_model_files_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_run_is_drawn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_specification_says_what_it_reads, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
