#include "mpi-runner/model_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

enum { HEAD = 8 };
static const size_t FILE_MAX = (size_t)1 << 37, HEADER_MAX = (size_t)1 << 26;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors hold little-endian floats as they lie in memory");

void aic_parameter_name(const aic_layer *l, unsigned which, char *buf, size_t size)
{
	snprintf(buf, size, "%zu.%s.%s", l->index, l->kind->name, l->parameter[which].name);
}

static json_t *describe(const aic_parameter *p)
{
	json_t *shape = json_array();

	for (unsigned i = 0; i < p->rank; i++)
		json_array_append_new(shape, json_integer((json_int_t)p->dim[i]));
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets", (json_int_t)(p->at * sizeof(float)),
	                 (json_int_t)((p->at + p->count) * sizeof(float)));
}

static char *encode_header(const aic_model *m, const char *spec, size_t spec_len)
{
	json_t *root = json_object();

	json_object_set_new(root, "__metadata__", json_pack("{s:s, s:s%}", "format", "pt", "aic_spec", spec, spec_len));
	for (size_t i = 0; i < m->layers; i++) {
		for (unsigned p = 0; p < m->layer[i].parameters; p++) {
			char name[96];
			aic_parameter_name(&m->layer[i], p, name, sizeof(name));
			json_object_set_new(root, name, describe(&m->layer[i].parameter[p]));
		}
	}
	char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

aic_code aic_model_file_write(const char *path, const aic_model *m, const float *weights, const char *spec, size_t spec_len, aic_error *err)
{
	char *header = encode_header(m, spec, spec_len);
	aic_bytes out = {0};

	if (!header)
		return aic_fail(err, AIC_USAGE, "the specification is no UTF-8 text and cannot go into %s", path);
	size_t len = strlen(header), padded = (len + 7) / 8 * 8;
	uint8_t head[HEAD];
	for (int i = 0; i < HEAD; i++)
		head[i] = (uint8_t)(padded >> 8 * i);
	aic_bytes_reserve(&out, HEAD + padded + m->parameters * sizeof(float));
	aic_bytes_append(&out, head, HEAD);
	aic_bytes_append(&out, header, len);
	for (; len < padded; len++)
		aic_bytes_append(&out, " ", 1);
	aic_bytes_append(&out, weights, m->parameters * sizeof(float));
	aic_code rc = aic_file_write_atomic(path, out.data, out.len, 0644, err);
	aic_bytes_free(&out);
	free(header);
	return rc;
}

/* A file that is read: its JSON header and where the tensors' bytes begin. */
typedef struct {
	const char *path;
	aic_bytes file;
	json_t *root;
	size_t data_at;
} opened;

static aic_code take_tensor(const opened *o, const aic_layer *l, unsigned which, float *weights, aic_error *err)
{
	const aic_parameter *p = &l->parameter[which];
	char name[96];
	const char *type = NULL;
	json_int_t from = -1, to = -1;
	json_t *shape = NULL;

	aic_parameter_name(l, which, name, sizeof(name));
	json_t *t = json_object_get(o->root, name);
	if (!t || json_unpack(t, "{s:s, s:o, s:[I, I]}", "dtype", &type, "shape", &shape, "data_offsets", &from, &to) != 0)
		return aic_fail(err, AIC_CORRUPT, "%s has no tensor %s, which the specification asks for: give a file of the same layers", o->path, name);
	bool fits = strcmp(type, "F32") == 0 && json_array_size(shape) == p->rank;
	for (unsigned i = 0; fits && i < p->rank; i++)
		fits = json_integer_value(json_array_get(shape, i)) == (json_int_t)p->dim[i];
	if (!fits)
		return aic_fail(err, AIC_CORRUPT, "%s: tensor %s is not F32 of the shape that the specification gives it: give a file of the same layers", o->path, name);
	if (from < 0 || to < from || (size_t)(to - from) != p->count * sizeof(float) || (size_t)to > o->file.len - o->data_at)
		return aic_fail(err, AIC_CORRUPT, "%s is truncated or damaged: tensor %s lies at bytes %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT
		                " of %zu", o->path, name, from, to, o->file.len - o->data_at);
	memcpy(weights + p->at, o->file.data + o->data_at + (size_t)from, p->count * sizeof(float));
	return AIC_OK;
}

static aic_code take_all(const opened *o, const aic_model *m, float *weights, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; rc == AIC_OK && i < m->layers; i++)
		for (unsigned p = 0; rc == AIC_OK && p < m->layer[i].parameters; p++)
			rc = take_tensor(o, &m->layer[i], p, weights, err);
	return rc;
}

static aic_code open_file(opened *o, const char *path, aic_error *err)
{
	uint64_t len = 0;
	json_error_t why;

	*o = (opened){.path = path};
	aic_code rc = aic_file_read(&o->file, path, FILE_MAX, err);
	for (int i = 0; rc == AIC_OK && o->file.len >= HEAD && i < HEAD; i++)
		len |= (uint64_t)o->file.data[i] << 8 * i;
	if (rc == AIC_OK && (o->file.len < HEAD || len < 2 || len > HEADER_MAX || len > o->file.len - HEAD))
		rc = aic_fail(err, AIC_CORRUPT, "%s is no safetensors file, or truncated", path);
	if (rc != AIC_OK)
		return rc;
	o->data_at = HEAD + (size_t)len;
	o->root = json_loadb((const char *)o->file.data + HEAD, (size_t)len, JSON_REJECT_DUPLICATES, &why);
	if (!o->root)
		return aic_fail(err, AIC_CORRUPT, "%s is no safetensors file: its header is no JSON (%s)", path, why.text);
	return AIC_OK;
}

static void close_file(opened *o)
{
	json_decref(o->root);
	aic_bytes_free(&o->file);
}

static aic_code build(aic_model_file *f, const opened *o, aic_error *err)
{
	json_t *spec = json_object_get(json_object_get(o->root, "__metadata__"), "aic_spec");

	if (!json_is_string(spec))
		return aic_fail(err, AIC_USAGE, "%s holds no AIC specification (__metadata__: aic_spec): only models of aic-train can be used", o->path);
	aic_code rc = aic_spec_parse(&f->spec, o->path, json_string_value(spec), json_string_length(spec), err);
	if (rc == AIC_OK)
		rc = aic_model_build(&f->model, f->spec, err);
	if (rc == AIC_OK)
		f->weights = aic_xmalloc(f->model->parameters * sizeof(float));
	return rc == AIC_OK ? take_all(o, f->model, f->weights, err) : rc;
}

aic_code aic_model_file_read(aic_model_file *f, const char *path, aic_error *err)
{
	opened o;

	*f = (aic_model_file){0};
	aic_code rc = open_file(&o, path, err);
	if (rc == AIC_OK)
		rc = build(f, &o, err);
	close_file(&o);
	if (rc != AIC_OK)
		aic_model_file_free(f);
	return rc;
}

aic_code aic_model_file_weights(const char *path, const aic_model *m, float *weights, aic_error *err)
{
	opened o;
	aic_code rc = open_file(&o, path, err);

	if (rc == AIC_OK)
		rc = take_all(&o, m, weights, err);
	close_file(&o);
	return rc;
}

void aic_model_file_free(aic_model_file *f)
{
	free(f->weights);
	aic_model_free(f->model);
	aic_spec_free(f->spec);
	*f = (aic_model_file){0};
}
