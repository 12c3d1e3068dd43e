/* receipt.c: encodings of receipts and of a node's signed batches (doc/formats/receipt.md). */
#include "common/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "common/amount.h"
#include "common/cbor.h"

#define RECEIPT_VERSION 1  /* without activity */
#define ACTIVITY_VERSION 2 /* with it */
#define RECEIPT_BYTES_MAX 1024 /* two names and twenty numbers need under 500 */
#define RECEIPT_BYTES_MIN 34   /* 17 keys with one byte of value each: bounds a batch's count before memory is taken */
#define BATCH_DOMAIN "aic/receipts/v1"
#define DETERMINISM_MAX 2
#define SD_MAX 500000 /* ppm: half of the time nothing, half of it everything */

enum {
	KEY_VERSION, KEY_CLUSTER, KEY_NODE, KEY_JOB_ID, KEY_RESTART, KEY_STEP_ID, KEY_UID, KEY_START, KEY_END, KEY_CPUS,
	KEY_CPU_MS, KEY_MEM_PEAK_MIB, KEY_GPUS, KEY_GPU_MS, KEY_ENERGY_MJ, KEY_READ_MIB, KEY_DETERMINISM,
	KEY_SAMPLES, KEY_SM_PPM, KEY_SM_SD_PPM, KEY_TENSOR_PPM, KEY_TENSOR_SD_PPM, KEY_COUNT
};
#define KEY_COUNT_1 KEY_SAMPLES /* of version 1 */

static const char *const field_names[KEY_COUNT] = {
	"version", "cluster", "node", "job_id", "restart", "step_id", "uid", "start", "end", "cpus", "cpu_ms",
	"mem_peak_mib", "gpus", "gpu_ms", "energy_mj", "read_mib", "determinism",
	"gpu_samples", "sm_ppm", "sm_sd_ppm", "tensor_ppm", "tensor_sd_ppm",
};

/* --- one receipt --- */

static void put_uint(aic_bytes *out, int key, uint64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_uint(out, v);
}

static void put_measured(aic_bytes *out, int key, uint64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	if (v == AIC_UNKNOWN)
		aic_cbor_put_null(out);
	else
		aic_cbor_put_uint(out, v);
}

static void put_text(aic_bytes *out, int key, const char *s)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_text(out, s);
}

static void put_time(aic_bytes *out, int key, int64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_int(out, v);
}

void aic_receipt_encode(aic_bytes *out, const aic_receipt *r)
{
	const aic_gpu_activity *a = &r->activity;

	aic_cbor_put_map(out, a->samples ? KEY_COUNT : KEY_COUNT_1);
	put_uint(out, KEY_VERSION, a->samples ? ACTIVITY_VERSION : RECEIPT_VERSION);
	put_text(out, KEY_CLUSTER, r->cluster);
	put_text(out, KEY_NODE, r->node);
	put_uint(out, KEY_JOB_ID, r->job_id);
	put_uint(out, KEY_RESTART, r->restart);
	put_uint(out, KEY_STEP_ID, r->step_id);
	put_uint(out, KEY_UID, r->uid);
	put_time(out, KEY_START, r->start);
	put_time(out, KEY_END, r->end);
	put_measured(out, KEY_CPUS, r->cpus);
	put_measured(out, KEY_CPU_MS, r->cpu_ms);
	put_measured(out, KEY_MEM_PEAK_MIB, r->mem_peak_mib);
	put_measured(out, KEY_GPUS, r->gpus);
	put_measured(out, KEY_GPU_MS, r->gpu_ms);
	put_measured(out, KEY_ENERGY_MJ, r->energy_mj);
	put_measured(out, KEY_READ_MIB, r->read_mib);
	put_uint(out, KEY_DETERMINISM, r->determinism);
	if (!a->samples)
		return;
	put_uint(out, KEY_SAMPLES, a->samples);
	put_uint(out, KEY_SM_PPM, a->sm_ppm);
	put_uint(out, KEY_SM_SD_PPM, a->sm_sd_ppm);
	put_uint(out, KEY_TENSOR_PPM, a->tensor_ppm);
	put_uint(out, KEY_TENSOR_SD_PPM, a->tensor_sd_ppm);
}

static uint32_t get_u32(aic_cbor *c, uint32_t max)
{
	uint64_t v = aic_cbor_uint(c);
	if (v > max)
		aic_cbor_fail(c, "%llu is above %lu", (unsigned long long)v, (unsigned long)max);
	return (uint32_t)v;
}

static uint64_t get_measured(aic_cbor *c)
{
	if (aic_cbor_null_next(c))
		return AIC_UNKNOWN;
	uint64_t v = aic_cbor_uint(c);
	if (v == AIC_UNKNOWN)
		aic_cbor_fail(c, "2^64 - 1 stands where \"not measured\" is written as null");
	return v;
}

static void get_version(aic_cbor *c, int version)
{
	uint64_t v = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && v != (uint64_t)version)
		aic_cbor_fail(c, "version %llu is not %d, which has as many fields: upgrade this AIC", (unsigned long long)v, version);
}

static uint64_t get_samples(aic_cbor *c)
{
	uint64_t v = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && (v == 0 || v > INT64_MAX))
		aic_cbor_fail(c, "%llu samples: a receipt without any is of version %d", (unsigned long long)v, RECEIPT_VERSION);
	return v;
}

typedef struct {
	aic_receipt *receipt;
	int version;
} reading;

static void get_field(aic_cbor *c, int key, void *to)
{
	const reading *in = to;
	aic_receipt *r = in->receipt;
	switch (key) {
	case KEY_VERSION: get_version(c, in->version); break;
	case KEY_CLUSTER: aic_cbor_text(c, r->cluster, sizeof r->cluster); break;
	case KEY_NODE: aic_cbor_text(c, r->node, sizeof r->node); break;
	case KEY_JOB_ID: r->job_id = get_u32(c, UINT32_MAX); break;
	case KEY_RESTART: r->restart = get_u32(c, UINT32_MAX); break;
	case KEY_STEP_ID: r->step_id = get_u32(c, UINT32_MAX); break;
	case KEY_UID: r->uid = get_u32(c, UINT32_MAX); break;
	case KEY_START: r->start = aic_cbor_int(c); break;
	case KEY_END: r->end = aic_cbor_int(c); break;
	case KEY_CPUS: r->cpus = get_measured(c); break;
	case KEY_CPU_MS: r->cpu_ms = get_measured(c); break;
	case KEY_MEM_PEAK_MIB: r->mem_peak_mib = get_measured(c); break;
	case KEY_GPUS: r->gpus = get_measured(c); break;
	case KEY_GPU_MS: r->gpu_ms = get_measured(c); break;
	case KEY_ENERGY_MJ: r->energy_mj = get_measured(c); break;
	case KEY_READ_MIB: r->read_mib = get_measured(c); break;
	case KEY_DETERMINISM: r->determinism = get_u32(c, DETERMINISM_MAX); break;
	case KEY_SAMPLES: r->activity.samples = get_samples(c); break;
	case KEY_SM_PPM: r->activity.sm_ppm = get_u32(c, (uint32_t)AIC_PPM); break;
	case KEY_SM_SD_PPM: r->activity.sm_sd_ppm = get_u32(c, SD_MAX); break;
	case KEY_TENSOR_PPM: r->activity.tensor_ppm = get_u32(c, (uint32_t)AIC_PPM); break;
	case KEY_TENSOR_SD_PPM: r->activity.tensor_sd_ppm = get_u32(c, SD_MAX); break;
	default: break;
	}
}

aic_code aic_receipt_decode(aic_receipt *r, const void *data, size_t len, aic_error *err)
{
	memset(r, 0, sizeof *r);
	aic_cbor c;
	aic_cbor_init(&c, data, len);
	aic_cbor head = c; /* how many fields there are says which version it must be */
	bool active = aic_cbor_map(&head, KEY_COUNT) == KEY_COUNT;
	reading in = {r, active ? ACTIVITY_VERSION : RECEIPT_VERSION};
	aic_code code = aic_cbor_fields(&c, "receipt", active ? KEY_COUNT : KEY_COUNT_1, field_names, get_field, &in, err);
	if (code != AIC_OK)
		memset(r, 0, sizeof *r);
	return code;
}

/* --- batches: [ signed bytes, signature ], the signed bytes being [ node, public key, [ receipt, ... ] ] --- */

aic_code aic_receipt_batch_encode(aic_bytes *out, const char *node, const aic_key *node_key, const aic_bytes *receipts,
                                  size_t n, aic_error *err)
{
	if (n > AIC_RECEIPT_BATCH_MAX)
		return aic_fail(err, AIC_USAGE, "a batch of %zu receipts is above the limit of %d: send several", n,
		                AIC_RECEIPT_BATCH_MAX);
	aic_bytes body = {0};
	aic_cbor_put_array(&body, 3);
	aic_cbor_put_text(&body, node);
	aic_cbor_put_bytes(&body, node_key->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_array(&body, n);
	for (size_t i = 0; i < n; i++)
		aic_cbor_put_bytes(&body, receipts[i].data, receipts[i].len);
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_sign(signature, node_key, BATCH_DOMAIN, body.data, body.len);
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, body.data, body.len);
	aic_cbor_put_bytes(out, signature, sizeof signature);
	aic_bytes_free(&body);
	return AIC_OK;
}

void aic_receipt_batch_clear(aic_receipt_batch *b)
{
	free(b->receipt);
	memset(b, 0, sizeof *b);
}

static aic_code decode_receipt(aic_receipt_batch *b, size_t i, aic_cbor *c, aic_error *err)
{
	size_t len;
	const uint8_t *data = aic_cbor_bytes(c, &len);
	if (!aic_cbor_ok(c))
		return AIC_OK; /* told by the batch's aic_cbor_finish */
	if (len > RECEIPT_BYTES_MAX)
		return aic_fail(err, AIC_CORRUPT, "receipt %zu has %zu bytes, %d are the limit", i, len, RECEIPT_BYTES_MAX);
	aic_code code = aic_receipt_decode(&b->receipt[i], data, len, err);
	if (code != AIC_OK) {
		aic_error_prefix(err, "receipt %zu", i);
		return code;
	}
	if (strcmp(b->receipt[i].node, b->node) != 0)
		return aic_fail(err, AIC_REFUSED, "receipt %zu is of node %s, but node %s signed the batch", i,
		                b->receipt[i].node, b->node);
	return AIC_OK;
}

/* signature NULL: it was checked before. */
static aic_code decode_body(aic_receipt_batch *b, const void *data, size_t len, const uint8_t *signature, aic_error *err)
{
	aic_cbor c;
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_text(&c, b->node, sizeof b->node);
	aic_cbor_bytes_exact(&c, b->public_key, sizeof b->public_key);
	size_t n = aic_cbor_array(&c, AIC_RECEIPT_BATCH_MAX);
	if (n > len / RECEIPT_BYTES_MIN)
		aic_cbor_fail(&c, "%zu receipts do not fit %zu bytes", n, len);
	if (!aic_cbor_ok(&c))
		return aic_cbor_finish(&c, err);
	if (signature != NULL && !aic_verify(signature, b->public_key, BATCH_DOMAIN, data, len))
		return aic_fail(err, AIC_REFUSED, "the signature of node %s over %zu receipts does not verify", b->node, n);
	b->n = n;
	b->receipt = n == 0 ? NULL : aic_xcalloc(n, sizeof *b->receipt);
	for (size_t i = 0; i < n && aic_cbor_ok(&c); i++) {
		aic_code code = decode_receipt(b, i, &c, err);
		if (code != AIC_OK)
			return code;
	}
	return aic_cbor_finish(&c, err);
}

static aic_code decode_batch(aic_receipt_batch *b, const void *data, size_t len, bool check, aic_error *err)
{
	memset(b, 0, sizeof *b);
	aic_cbor c;
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 2);
	size_t body_len = 0;
	const uint8_t *body = aic_cbor_bytes(&c, &body_len);
	uint8_t signature[AIC_SIGNATURE_LEN] = {0};
	aic_cbor_bytes_exact(&c, signature, sizeof signature);
	aic_code code = aic_cbor_finish(&c, err);
	if (code == AIC_OK)
		code = decode_body(b, body, body_len, check ? signature : NULL, err);
	if (code != AIC_OK) {
		aic_receipt_batch_clear(b);
		aic_error_prefix(err, "receipt batch");
	}
	return code;
}

aic_code aic_receipt_batch_decode(aic_receipt_batch *b, const void *data, size_t len, aic_error *err)
{
	return decode_batch(b, data, len, true, err);
}

aic_code aic_receipt_batch_read(aic_receipt_batch *b, const void *data, size_t len, aic_error *err)
{
	return decode_batch(b, data, len, false, err);
}
