#include "common/session_record.h"

#include <string.h>

#include "common/file.h"

#define RECORD_VERSION 1
#define RECORD_BYTES_MAX 8192

enum {
	KEY_VERSION, KEY_STANDING, KEY_SESSION, KEY_TOKEN, KEY_ENTROPY, KEY_CLUSTER, KEY_JOB, KEY_STEP, KEY_RESTART, KEY_CLASS, KEY_DEVICE,
	KEY_SHARDS, KEY_SPEC_SEED, KEY_SEED, KEY_SPEC_SALT, KEY_DATA_SALT, KEY_CODE_SALT, KEY_SPEC, KEY_DATA, KEY_CODE, KEY_SPEC_FILE,
	KEY_EVERY, KEY_STEPS, KEY_STORE, KEY_COUNT
};

static const char *const names[KEY_COUNT] = {
	"version", "standing", "session", "token", "entropy", "cluster", "job", "step", "restart", "class", "device", "shards", "spec_seed",
	"seed", "spec_salt", "data_salt", "code_salt", "spec", "data", "code", "spec_file", "every", "steps", "store",
};

static void put_uint(aic_bytes *out, int key, uint64_t v)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_uint(out, v);
}

static void put_bytes(aic_bytes *out, int key, const void *data, size_t len)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_bytes(out, data, len);
}

static void put_text(aic_bytes *out, int key, const char *s)
{
	aic_cbor_put_uint(out, (uint64_t)key);
	aic_cbor_put_text(out, s);
}

void aic_session_record_encode(aic_bytes *out, const aic_session_record *r)
{
	aic_cbor_put_map(out, KEY_COUNT);
	put_uint(out, KEY_VERSION, RECORD_VERSION);
	put_uint(out, KEY_STANDING, r->standing);
	put_bytes(out, KEY_SESSION, r->name.session.b, AIC_HASH_LEN);
	put_bytes(out, KEY_TOKEN, r->name.token, AIC_SESSION_TOKEN_LEN);
	put_bytes(out, KEY_ENTROPY, r->entropy.b, AIC_HASH_LEN);
	put_text(out, KEY_CLUSTER, r->step.cluster);
	put_uint(out, KEY_JOB, r->step.job);
	put_uint(out, KEY_STEP, r->step.step);
	put_uint(out, KEY_RESTART, r->step.restart);
	put_uint(out, KEY_CLASS, r->determinism);
	put_text(out, KEY_DEVICE, r->device);
	put_uint(out, KEY_SHARDS, r->shards);
	put_uint(out, KEY_SPEC_SEED, r->spec_seed);
	put_uint(out, KEY_SEED, r->seed);
	put_bytes(out, KEY_SPEC_SALT, r->spec_salt, sizeof(r->spec_salt));
	put_bytes(out, KEY_DATA_SALT, r->data_salt, sizeof(r->data_salt));
	put_bytes(out, KEY_CODE_SALT, r->code_salt, sizeof(r->code_salt));
	put_bytes(out, KEY_SPEC, r->spec.b, AIC_HASH_LEN);
	put_bytes(out, KEY_DATA, r->data.b, AIC_HASH_LEN);
	put_text(out, KEY_CODE, r->code);
	put_text(out, KEY_SPEC_FILE, r->spec_file);
	put_uint(out, KEY_EVERY, r->every);
	put_uint(out, KEY_STEPS, r->steps);
	put_text(out, KEY_STORE, r->store);
}

static uint64_t get_uint(aic_cbor *c, uint64_t max)
{
	uint64_t v = aic_cbor_uint(c);

	if (v > max)
		aic_cbor_fail(c, "%llu is above %llu", (unsigned long long)v, (unsigned long long)max);
	return v;
}

static void get_shards(aic_cbor *c, aic_session_record *r)
{
	r->shards = get_uint(c, AIC_SESSION_SHARDS_MAX);
	if (aic_cbor_ok(c) && (r->shards == 0 || (r->shards & (r->shards - 1)) != 0))
		aic_cbor_fail(c, "%llu shards are no power of two", (unsigned long long)r->shards);
}

static void get_field(aic_cbor *c, int key, void *ctx)
{
	aic_session_record *r = ctx;

	switch (key) {
	case KEY_VERSION:
		if (aic_cbor_uint(c) != RECORD_VERSION)
			aic_cbor_fail(c, "the version is not %d: upgrade this AIC", RECORD_VERSION);
		break;
	case KEY_STANDING: r->standing = get_uint(c, AIC_SESSION_WITHOUT); break;
	case KEY_SESSION: aic_cbor_bytes_exact(c, r->name.session.b, AIC_HASH_LEN); break;
	case KEY_TOKEN: aic_cbor_bytes_exact(c, r->name.token, AIC_SESSION_TOKEN_LEN); break;
	case KEY_ENTROPY: aic_cbor_bytes_exact(c, r->entropy.b, AIC_HASH_LEN); break;
	case KEY_CLUSTER: aic_cbor_text(c, r->step.cluster, sizeof(r->step.cluster)); break;
	case KEY_JOB: r->step.job = (uint32_t)get_uint(c, UINT32_MAX); break;
	case KEY_STEP: r->step.step = (uint32_t)get_uint(c, UINT32_MAX); break;
	case KEY_RESTART: r->step.restart = (uint32_t)get_uint(c, UINT32_MAX); break;
	case KEY_CLASS: r->determinism = get_uint(c, AIC_CLASS_D2); break;
	case KEY_DEVICE: aic_cbor_text(c, r->device, sizeof(r->device)); break;
	case KEY_SHARDS: get_shards(c, r); break;
	case KEY_SPEC_SEED: r->spec_seed = aic_cbor_uint(c); break;
	case KEY_SEED: r->seed = aic_cbor_uint(c); break;
	case KEY_SPEC_SALT: aic_cbor_bytes_exact(c, r->spec_salt, sizeof(r->spec_salt)); break;
	case KEY_DATA_SALT: aic_cbor_bytes_exact(c, r->data_salt, sizeof(r->data_salt)); break;
	case KEY_CODE_SALT: aic_cbor_bytes_exact(c, r->code_salt, sizeof(r->code_salt)); break;
	case KEY_SPEC: aic_cbor_bytes_exact(c, r->spec.b, AIC_HASH_LEN); break;
	case KEY_DATA: aic_cbor_bytes_exact(c, r->data.b, AIC_HASH_LEN); break;
	case KEY_CODE: aic_cbor_text(c, r->code, sizeof(r->code)); break;
	case KEY_SPEC_FILE: aic_cbor_text(c, r->spec_file, sizeof(r->spec_file)); break;
	case KEY_EVERY: r->every = get_uint(c, UINT32_MAX); break;
	case KEY_STEPS: r->steps = get_uint(c, INT64_MAX); break;
	default: aic_cbor_text(c, r->store, sizeof(r->store)); break;
	}
}

aic_code aic_session_record_decode(aic_session_record *r, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	*r = (aic_session_record){0};
	aic_cbor_init(&c, data, len);
	return aic_cbor_fields(&c, "record of a session", KEY_COUNT, names, get_field, r, err);
}

aic_code aic_session_record_load(aic_session_record *r, const char *folder, aic_error *err)
{
	char path[AIC_SESSION_PATH_LEN + 64];
	aic_bytes data = {0};
	aic_code rc = aic_path_join(path, sizeof(path), folder, AIC_SESSION_RECORD_FILE, err);

	if (rc == AIC_OK)
		rc = aic_file_read_plain(&data, path, RECORD_BYTES_MAX, err);
	if (rc == AIC_OK && aic_session_record_decode(r, data.data, data.len, err) != AIC_OK)
		rc = aic_error_prefix(err, "%s", path);
	aic_bytes_free(&data);
	return rc;
}

aic_code aic_session_record_save(const aic_session_record *r, const char *folder, mode_t mode, aic_error *err)
{
	char path[AIC_SESSION_PATH_LEN + 64];
	aic_bytes data = {0};
	aic_code rc = aic_path_join(path, sizeof(path), folder, AIC_SESSION_RECORD_FILE, err);

	aic_session_record_encode(&data, r);
	if (rc == AIC_OK)
		rc = aic_file_write_atomic(path, data.data, data.len, mode, err);
	aic_bytes_free(&data);
	return rc;
}

void aic_session_record_opening(const aic_session_record *r, aic_session_opening *o)
{
	aic_hash code = aic_sha256_of(r->code, strlen(r->code));

	*o = (aic_session_opening){.step = r->step, .determinism = (uint32_t)r->determinism, .shards = (uint32_t)r->shards};
	memcpy(o->token, r->name.token, sizeof(o->token));
	o->spec = aic_session_salted(r->spec_salt, &r->spec);
	o->data = aic_session_salted(r->data_salt, &r->data);
	o->code = aic_session_salted(r->code_salt, &code);
	if (r->determinism == AIC_CLASS_D1) {
		aic_hash device = aic_sha256_of(r->device, strlen(r->device));
		memcpy(o->device, device.b, AIC_HASH_LEN);
		o->device_len = AIC_HASH_LEN;
	}
}

bool aic_session_number(uint64_t every, uint64_t steps, uint64_t step, uint64_t *number)
{
	if (every == 0 || step > steps || (step % every != 0 && step != steps))
		return false;
	*number = step / every + (step % every != 0);
	return true;
}
