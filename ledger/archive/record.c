/* record.c: see record.h. */
#include "ledger/archive/record.h"

#include <string.h>

#include "ledger/block.h"
#include "ledger/state/member.h"

#define LENGTH 4

void aic_record_put(aic_bytes *out, uint64_t height, const void *block, size_t len, const aic_bytes *attestations, size_t n)
{
	size_t start = out->len;
	uint8_t length[LENGTH] = {0};

	aic_bytes_append(out, length, LENGTH);
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, height);
	aic_cbor_put_bytes(out, block, len);
	aic_cbor_put_array(out, n);
	aic_bytes_append(out, attestations->data, attestations->len);
	aic_put_be32(out->data + start, (uint32_t)(out->len - start - LENGTH));
	aic_hash h = aic_sha256_of(out->data + start, out->len - start);
	aic_bytes_append(out, h.b, AIC_HASH_LEN);
}

typedef struct {
	aic_bytes items;
	size_t n;
} list;

static aic_code add_attestation(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	list *l = ctx;

	(void)site, (void)err;
	aic_cbor_put_bytes(&l->items, bytes, len);
	l->n++;
	return AIC_OK;
}

aic_code aic_record_read(aic_bytes *out, aic_copy *copy, uint64_t height, aic_error *err)
{
	aic_bytes block = {0};
	list l = {.n = 0};
	aic_hash hash;
	bool valid;
	aic_code code;

	if (!(code = aic_state_block(copy->state, height, &block, &hash, &valid, err)) &&
	    !(code = aic_copy_attestations(copy, height, add_attestation, &l, err)))
		aic_record_put(out, height, block.data, block.len, &l.items, l.n);
	aic_bytes_free(&block);
	aic_bytes_free(&l.items);
	return code;
}

size_t aic_record_size(const uint8_t data[LENGTH])
{
	uint32_t len = aic_get_be32(data);

	return len > AIC_RECORD_MAX ? 0 : LENGTH + (size_t)len + AIC_HASH_LEN;
}

aic_code aic_record_get(aic_record *r, const uint8_t *data, size_t len, size_t *used, aic_error *err)
{
	size_t size = len < LENGTH ? 0 : aic_record_size(data);

	if (len >= LENGTH && !size)
		return aic_fail(err, AIC_CORRUPT, "a record's length of %u bytes is absurd: %u are the limit", aic_get_be32(data), AIC_RECORD_MAX);
	if (len < LENGTH || len < size)
		return aic_fail(err, AIC_CORRUPT, "a record is cut off after %zu bytes", len);
	aic_hash h = aic_sha256_of(data, size - AIC_HASH_LEN);
	if (memcmp(h.b, data + size - AIC_HASH_LEN, AIC_HASH_LEN) != 0)
		return aic_fail(err, AIC_CORRUPT, "a record does not match its hash");
	aic_cbor_init(&r->rest, data + LENGTH, size - LENGTH - AIC_HASH_LEN);
	aic_cbor_array_exact(&r->rest, 3);
	r->height = aic_cbor_uint(&r->rest);
	r->block = aic_cbor_bytes(&r->rest, &r->len);
	r->attestations = aic_cbor_array(&r->rest, AIC_MEMBERS_MAX);
	*used = size;
	return aic_cbor_ok(&r->rest) ? AIC_OK : aic_fail(err, AIC_CORRUPT, "a record holds something else than a block: %s", r->rest.err.message);
}

bool aic_record_attestation(aic_record *r, const uint8_t **bytes, size_t *len)
{
	if (!r->attestations)
		return false;
	r->attestations--;
	*bytes = aic_cbor_bytes(&r->rest, len);
	return aic_cbor_ok(&r->rest);
}
