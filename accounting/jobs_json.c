#define _GNU_SOURCE
#include "accounting/jobs_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

/* --- members of an object --- */

typedef struct {
	const json_t *object;
	aic_error *err;
	aic_code rc;
} fields;

static void get_name(fields *f, const char *key, char out[AIC_NAME_LEN])
{
	const json_t *v = json_object_get(f->object, key);

	out[0] = '\0';
	if (!v || json_is_null(v) || f->rc != AIC_OK)
		return;
	if (!json_is_string(v) || json_string_length(v) >= AIC_NAME_LEN)
		f->rc = aic_fail(f->err, AIC_CORRUPT, "\"%s\" is no text of at most %d bytes", key, AIC_NAME_LEN - 1);
	else
		aic_str_copy(out, AIC_NAME_LEN, json_string_value(v));
}

/* Absent and null leave `absent`. */
static int64_t get_int(fields *f, const char *key, int64_t min, int64_t max, int64_t absent)
{
	const json_t *v = json_object_get(f->object, key);

	if (!v || json_is_null(v) || f->rc != AIC_OK)
		return absent;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		f->rc = aic_fail(f->err, AIC_CORRUPT, "\"%s\" is no whole number from %lld to %lld", key, (long long)min, (long long)max);
		return absent;
	}
	return json_integer_value(v);
}

static uint32_t get_u32(fields *f, const char *key)
{
	return (uint32_t)get_int(f, key, 0, UINT32_MAX, 0);
}

static int64_t get_time(fields *f, const char *key)
{
	return get_int(f, key, 0, INT64_MAX, 0);
}

static uint64_t get_measured(fields *f, const char *key)
{
	return (uint64_t)get_int(f, key, 0, INT64_MAX / 1000000, -1); /* -1 is AIC_UNKNOWN */
}

/* --- a record --- */

static aic_code read_gpus(aic_node_share *n, const json_t *gpus, aic_error *err)
{
	size_t i;
	json_t *one;

	json_array_foreach(gpus, i, one) {
		fields f = {one, err, AIC_OK};
		if (n->gpu_types == AIC_GPU_TYPES_MAX)
			return aic_fail(err, AIC_CORRUPT, "node %s has more than %d types of GPUs", n->name, AIC_GPU_TYPES_MAX);
		get_name(&f, "type", n->gpu[n->gpu_types].type);
		n->gpu[n->gpu_types++].count = get_u32(&f, "count");
		if (f.rc != AIC_OK)
			return f.rc;
	}
	return AIC_OK;
}

static aic_code read_nodes(aic_job_record *r, const json_t *nodes, aic_error *err)
{
	size_t n = json_array_size(nodes);

	if (!json_is_array(nodes) || n > AIC_RECORD_NODES_MAX)
		return aic_fail(err, AIC_CORRUPT, "\"nodes\" is no list of at most %d", AIC_RECORD_NODES_MAX);
	r->node = aic_xcalloc(n + 1, sizeof(*r->node));
	for (size_t i = 0; i < n; i++) {
		aic_node_share *share = &r->node[r->nodes++];
		fields f = {json_array_get(nodes, i), err, AIC_OK};
		get_name(&f, "name", share->name);
		share->cpus = get_u32(&f, "cpus");
		share->mem_mib = (uint64_t)get_int(&f, "mem_mib", 0, INT64_MAX, 0);
		if (f.rc == AIC_OK)
			f.rc = read_gpus(share, json_object_get(f.object, "gpus"), err);
		if (f.rc != AIC_OK)
			return f.rc;
	}
	return AIC_OK;
}

static void read_times(fields *f, aic_job_record *r)
{
	r->submit = get_time(f, "submit");
	r->eligible = get_time(f, "eligible");
	r->start = get_time(f, "start");
	r->end = get_time(f, "end");
	r->resize = get_time(f, "resize");
	r->preempt = get_time(f, "preempt");
	r->suspended = get_time(f, "suspended");
	r->suspend_time = get_time(f, "suspend_time");
	r->time_limit = get_int(f, "time_limit", 0, INT64_MAX, INT64_MAX);
}

static aic_code read_record(aic_job_record *r, const json_t *object, aic_error *err)
{
	fields f = {object, err, AIC_OK};
	char state[AIC_NAME_LEN];

	memset(r, 0, sizeof(*r));
	get_name(&f, "cluster", r->cluster);
	get_name(&f, "user", r->user);
	get_name(&f, "account", r->account);
	get_name(&f, "partition", r->partition);
	get_name(&f, "qos", r->qos);
	get_name(&f, "name", r->name);
	get_name(&f, "dataset", r->dataset);
	get_name(&f, "model", r->model);
	get_name(&f, "state", state);
	r->job_id = get_u32(&f, "job_id");
	r->array_job_id = get_u32(&f, "array_job_id");
	r->array_task_id = (uint32_t)get_int(&f, "array_task_id", 0, UINT32_MAX, 0xfffffffe);
	r->het_job_id = get_u32(&f, "het_job_id");
	r->het_offset = get_u32(&f, "het_offset");
	r->restart = get_u32(&f, "restart");
	r->uid = get_u32(&f, "uid");
	r->gid = get_u32(&f, "gid");
	r->state_raw = get_u32(&f, "state_raw");
	r->exit_code = get_u32(&f, "exit_code");
	read_times(&f, r);
	if (f.rc == AIC_OK && !aic_job_state_parse(&r->state, state))
		f.rc = aic_fail(err, AIC_CORRUPT, "\"state\": \"%s\" is none of AIC's states", state);
	if (f.rc == AIC_OK)
		f.rc = read_nodes(r, json_object_get(object, "nodes"), err);
	if (f.rc != AIC_OK)
		aic_job_record_clear(r);
	return f.rc;
}

/* A receipt within a record takes the job's identity from it. */
static aic_code read_receipt(aic_receipt *r, const json_t *object, const aic_job_record *job, aic_error *err)
{
	fields f = {object, err, AIC_OK};

	memset(r, 0, sizeof(*r));
	if (job) {
		aic_str_copy(r->cluster, sizeof(r->cluster), job->cluster);
		r->job_id = job->job_id;
		r->restart = job->restart;
		r->uid = job->uid;
	} else {
		get_name(&f, "cluster", r->cluster);
		r->job_id = get_u32(&f, "job_id");
		r->restart = get_u32(&f, "restart");
		r->uid = get_u32(&f, "uid");
	}
	get_name(&f, "node", r->node);
	r->step_id = get_u32(&f, "step_id");
	r->start = get_time(&f, "start");
	r->end = get_time(&f, "end");
	r->cpus = get_measured(&f, "cpus");
	r->cpu_ms = get_measured(&f, "cpu_ms");
	r->mem_peak_mib = get_measured(&f, "mem_peak_mib");
	r->gpus = get_measured(&f, "gpus");
	r->gpu_ms = get_measured(&f, "gpu_ms");
	r->energy_mj = get_measured(&f, "energy_mj");
	r->read_mib = get_measured(&f, "read_mib");
	r->determinism = (uint32_t)get_int(&f, "determinism", 0, 2, 2);
	r->activity.samples = (uint64_t)get_int(&f, "gpu_samples", 1, INT64_MAX / 1000000, 0);
	if (r->activity.samples) {
		r->activity.sm_ppm = (uint32_t)get_int(&f, "sm_ppm", 0, 1000000, 0);
		r->activity.sm_sd_ppm = (uint32_t)get_int(&f, "sm_sd_ppm", 0, 500000, 0);
		r->activity.tensor_ppm = (uint32_t)get_int(&f, "tensor_ppm", 0, 1000000, 0);
		r->activity.tensor_sd_ppm = (uint32_t)get_int(&f, "tensor_sd_ppm", 0, 500000, 0);
	}
	return f.rc;
}

/* --- the file --- */

static aic_code take_object(const json_t *object, const aic_jobs_reader *reader, aic_error *err)
{
	aic_job_record record = {0};
	aic_receipt receipt;
	size_t i;
	json_t *one;
	bool is_record = json_object_get(object, "nodes") != NULL;
	aic_code rc;

	if (!json_is_object(object))
		return aic_fail(err, AIC_CORRUPT, "a JSON object is expected");
	if (!is_record) {
		rc = read_receipt(&receipt, object, NULL, err);
		return rc == AIC_OK && reader->receipt ? reader->receipt(reader->ctx, &receipt, err) : rc;
	}
	rc = read_record(&record, object, err);
	if (rc == AIC_OK && reader->record)
		rc = reader->record(reader->ctx, &record, err);
	json_array_foreach(json_object_get(object, "receipts"), i, one) {
		if (rc == AIC_OK)
			rc = read_receipt(&receipt, one, &record, err);
		if (rc == AIC_OK && reader->receipt)
			rc = reader->receipt(reader->ctx, &receipt, err);
	}
	aic_job_record_clear(&record);
	return rc;
}

static aic_code take_line(const char *line, size_t len, const aic_jobs_reader *reader, aic_error *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);

	if (!object)
		return aic_fail(err, AIC_CORRUPT, "no JSON: %s", why.text);
	aic_code rc = take_object(object, reader, err);
	json_decref(object);
	return rc;
}

aic_code aic_jobs_json_read(const char *path, const aic_jobs_reader *reader, aic_error *err)
{
	FILE *file = fopen(path, "r");
	size_t cap = 0, number = 0;
	char *line = NULL;
	aic_code rc = AIC_OK;
	ssize_t len;

	if (!file)
		return aic_fail_errno(err, "%s: cannot be read", path);
	while (rc == AIC_OK && (len = getline(&line, &cap, file)) >= 0) {
		number++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		rc = take_line(line, (size_t)len, reader, err);
	}
	if (rc == AIC_OK && ferror(file))
		rc = aic_fail_errno(err, "%s: reading stopped", path);
	else if (rc != AIC_OK)
		aic_error_prefix(err, "%s:%zu", path, number);
	free(line);
	fclose(file);
	return rc;
}
