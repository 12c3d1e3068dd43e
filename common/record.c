/* record.c: the job record's encoding. Every field is always written, so equal records have equal bytes. */
#include "common/record.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"

#define RECORD_VERSION 1
#define SHARE_BYTES_MIN 5 /* the shortest encoding of one node's share */

/* Keys of the map, in the order in which they are written; doc/formats/job-record.md says what each holds. */
enum {
	KEY_VERSION, KEY_CLUSTER, KEY_JOB_ID, KEY_ARRAY_JOB_ID, KEY_ARRAY_TASK_ID, KEY_HET_JOB_ID, KEY_HET_OFFSET,
	KEY_RESTART, KEY_UID, KEY_GID, KEY_USER, KEY_ACCOUNT, KEY_PARTITION, KEY_QOS, KEY_NAME, KEY_SUBMIT,
	KEY_ELIGIBLE, KEY_START, KEY_END, KEY_RESIZE, KEY_PREEMPT, KEY_SUSPENDED, KEY_SUSPEND_TIME, KEY_TIME_LIMIT,
	KEY_STATE, KEY_STATE_RAW, KEY_EXIT_CODE, KEY_DATASET, KEY_MODEL, KEY_NODES, KEY_COUNT
};

static const char *const field_names[KEY_COUNT] = {
	"version", "cluster", "job_id", "array_job_id", "array_task_id", "het_job_id", "het_offset", "restart", "uid",
	"gid", "user", "account", "partition", "qos", "name", "submit", "eligible", "start", "end", "resize", "preempt",
	"suspended", "suspend_time", "time_limit", "state", "state_raw", "exit_code", "dataset", "model", "nodes",
};

static const char *const state_names[] = {
	[AIC_STATE_COMPLETED] = "COMPLETED", [AIC_STATE_FAILED] = "FAILED", [AIC_STATE_CANCELLED] = "CANCELLED",
	[AIC_STATE_TIMEOUT] = "TIMEOUT", [AIC_STATE_NODE_FAIL] = "NODE_FAIL", [AIC_STATE_BOOT_FAIL] = "BOOT_FAIL",
	[AIC_STATE_PREEMPTED] = "PREEMPTED", [AIC_STATE_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
	[AIC_STATE_DEADLINE] = "DEADLINE", [AIC_STATE_REVOKED] = "REVOKED", [AIC_STATE_REQUEUED] = "REQUEUED",
	[AIC_STATE_RESIZING] = "RESIZING", [AIC_STATE_LAUNCH_FAILED] = "LAUNCH_FAILED",
};
#define STATE_END (sizeof state_names / sizeof state_names[0])

const char *aic_job_state_name(aic_job_state s)
{
	if ((unsigned)s < AIC_STATE_COMPLETED || (unsigned)s >= STATE_END)
		return "UNKNOWN";
	return state_names[s];
}

bool aic_job_state_parse(aic_job_state *s, const char *name)
{
	for (size_t i = AIC_STATE_COMPLETED; i < STATE_END; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*s = (aic_job_state)i;
			return true;
		}
	}
	return false;
}

void aic_job_record_clear(aic_job_record *r)
{
	free(r->node);
	memset(r, 0, sizeof *r);
}

/* --- encoding; what users and Slurm wrote that is no UTF-8 becomes '?' in aic_cbor_put_text --- */

static void put_share(aic_bytes *out, const aic_node_share *n)
{
	uint32_t types = n->gpu_types < AIC_GPU_TYPES_MAX ? n->gpu_types : AIC_GPU_TYPES_MAX;
	aic_cbor_put_array(out, 4);
	aic_cbor_put_text(out, n->name);
	aic_cbor_put_uint(out, n->cpus);
	aic_cbor_put_uint(out, n->mem_mib);
	aic_cbor_put_array(out, types);
	for (uint32_t i = 0; i < types; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_text(out, n->gpu[i].type);
		aic_cbor_put_uint(out, n->gpu[i].count);
	}
}

static void put_name_field(aic_bytes *out, int key, const char name[AIC_NAME_LEN])
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_text(out, name);
}

static void put_uint_field(aic_bytes *out, int key, uint64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_uint(out, v);
}

static void put_int_field(aic_bytes *out, int key, int64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_int(out, v);
}

void aic_job_record_encode(aic_bytes *out, const aic_job_record *r)
{
	aic_cbor_put_map(out, KEY_COUNT);
	put_uint_field(out, KEY_VERSION, RECORD_VERSION);
	put_name_field(out, KEY_CLUSTER, r->cluster);
	put_uint_field(out, KEY_JOB_ID, r->job_id);
	put_uint_field(out, KEY_ARRAY_JOB_ID, r->array_job_id);
	put_uint_field(out, KEY_ARRAY_TASK_ID, r->array_task_id);
	put_uint_field(out, KEY_HET_JOB_ID, r->het_job_id);
	put_uint_field(out, KEY_HET_OFFSET, r->het_offset);
	put_uint_field(out, KEY_RESTART, r->restart);
	put_uint_field(out, KEY_UID, r->uid);
	put_uint_field(out, KEY_GID, r->gid);
	put_name_field(out, KEY_USER, r->user);
	put_name_field(out, KEY_ACCOUNT, r->account);
	put_name_field(out, KEY_PARTITION, r->partition);
	put_name_field(out, KEY_QOS, r->qos);
	put_name_field(out, KEY_NAME, r->name);
	put_int_field(out, KEY_SUBMIT, r->submit);
	put_int_field(out, KEY_ELIGIBLE, r->eligible);
	put_int_field(out, KEY_START, r->start);
	put_int_field(out, KEY_END, r->end);
	put_int_field(out, KEY_RESIZE, r->resize);
	put_int_field(out, KEY_PREEMPT, r->preempt);
	put_int_field(out, KEY_SUSPENDED, r->suspended);
	put_int_field(out, KEY_SUSPEND_TIME, r->suspend_time);
	put_int_field(out, KEY_TIME_LIMIT, r->time_limit);
	put_uint_field(out, KEY_STATE, (uint64_t)r->state);
	put_uint_field(out, KEY_STATE_RAW, r->state_raw);
	put_uint_field(out, KEY_EXIT_CODE, r->exit_code);
	put_name_field(out, KEY_DATASET, r->dataset);
	put_name_field(out, KEY_MODEL, r->model);
	aic_cbor_put_uint(out, KEY_NODES);
	aic_cbor_put_array(out, r->nodes);
	for (uint32_t i = 0; i < r->nodes; i++)
		put_share(out, &r->node[i]);
}

/* --- decoding --- */

static uint32_t get_u32(aic_cbor *c)
{
	uint64_t v = aic_cbor_uint(c);
	if (v > UINT32_MAX)
		aic_cbor_fail(c, "the number %llu does not fit 32 bits", (unsigned long long)v);
	return (uint32_t)v;
}

static aic_job_state get_state(aic_cbor *c)
{
	uint64_t v = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && (v < AIC_STATE_COMPLETED || v >= STATE_END)) {
		aic_cbor_fail(c, "%llu is no job state (1 to %zu are)", (unsigned long long)v, STATE_END - 1);
		return 0;
	}
	return (aic_job_state)v;
}

static void get_share(aic_cbor *c, aic_node_share *n)
{
	aic_cbor_array_exact(c, 4);
	aic_cbor_text(c, n->name, sizeof n->name);
	n->cpus = get_u32(c);
	n->mem_mib = aic_cbor_uint(c);
	n->gpu_types = (uint32_t)aic_cbor_array(c, AIC_GPU_TYPES_MAX);
	for (uint32_t i = 0; i < n->gpu_types && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		aic_cbor_text(c, n->gpu[i].type, sizeof n->gpu[i].type);
		n->gpu[i].count = get_u32(c);
	}
}

static void get_shares(aic_cbor *c, aic_job_record *r)
{
	size_t nodes = aic_cbor_array(c, AIC_RECORD_NODES_MAX);
	if (nodes > (c->len - c->pos) / SHARE_BYTES_MIN) {
		aic_cbor_fail(c, "%zu nodes do not fit the %zu bytes that are left", nodes, c->len - c->pos);
		return;
	}
	if (nodes == 0)
		return;
	r->node = aic_xcalloc(nodes, sizeof *r->node);
	r->nodes = (uint32_t)nodes;
	for (size_t i = 0; i < nodes && aic_cbor_ok(c); i++)
		get_share(c, &r->node[i]);
}

static void get_version(aic_cbor *c)
{
	uint64_t v = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && v != RECORD_VERSION)
		aic_cbor_fail(c, "version %llu is not %d, the one that this AIC reads: upgrade it",
		              (unsigned long long)v, RECORD_VERSION);
}

static void get_field(aic_cbor *c, int key, void *to)
{
	aic_job_record *r = to;
	switch (key) {
	case KEY_VERSION: get_version(c); break;
	case KEY_CLUSTER: aic_cbor_text(c, r->cluster, sizeof r->cluster); break;
	case KEY_JOB_ID: r->job_id = get_u32(c); break;
	case KEY_ARRAY_JOB_ID: r->array_job_id = get_u32(c); break;
	case KEY_ARRAY_TASK_ID: r->array_task_id = get_u32(c); break;
	case KEY_HET_JOB_ID: r->het_job_id = get_u32(c); break;
	case KEY_HET_OFFSET: r->het_offset = get_u32(c); break;
	case KEY_RESTART: r->restart = get_u32(c); break;
	case KEY_UID: r->uid = get_u32(c); break;
	case KEY_GID: r->gid = get_u32(c); break;
	case KEY_USER: aic_cbor_text(c, r->user, sizeof r->user); break;
	case KEY_ACCOUNT: aic_cbor_text(c, r->account, sizeof r->account); break;
	case KEY_PARTITION: aic_cbor_text(c, r->partition, sizeof r->partition); break;
	case KEY_QOS: aic_cbor_text(c, r->qos, sizeof r->qos); break;
	case KEY_NAME: aic_cbor_text(c, r->name, sizeof r->name); break;
	case KEY_SUBMIT: r->submit = aic_cbor_int(c); break;
	case KEY_ELIGIBLE: r->eligible = aic_cbor_int(c); break;
	case KEY_START: r->start = aic_cbor_int(c); break;
	case KEY_END: r->end = aic_cbor_int(c); break;
	case KEY_RESIZE: r->resize = aic_cbor_int(c); break;
	case KEY_PREEMPT: r->preempt = aic_cbor_int(c); break;
	case KEY_SUSPENDED: r->suspended = aic_cbor_int(c); break;
	case KEY_SUSPEND_TIME: r->suspend_time = aic_cbor_int(c); break;
	case KEY_TIME_LIMIT: r->time_limit = aic_cbor_int(c); break;
	case KEY_STATE: r->state = get_state(c); break;
	case KEY_STATE_RAW: r->state_raw = get_u32(c); break;
	case KEY_EXIT_CODE: r->exit_code = get_u32(c); break;
	case KEY_DATASET: aic_cbor_text(c, r->dataset, sizeof r->dataset); break;
	case KEY_MODEL: aic_cbor_text(c, r->model, sizeof r->model); break;
	case KEY_NODES: get_shares(c, r); break;
	default: break;
	}
}

aic_code aic_job_record_decode(aic_job_record *r, const void *data, size_t len, aic_error *err)
{
	memset(r, 0, sizeof *r);
	aic_cbor c;
	aic_cbor_init(&c, data, len);
	aic_code code = aic_cbor_fields(&c, "job record", KEY_COUNT, field_names, get_field, r, err);
	if (code != AIC_OK)
		aic_job_record_clear(r);
	return code;
}
