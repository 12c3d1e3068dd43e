/* cbor_write.c: writing deterministic CBOR; libcbor makes the heads. */
#include <cbor.h>
#include <string.h>

#include "common/cbor.h"
#include "common/utf8.h"

#define HEAD_MAX 9
#define BIGNUM_TAG 2

#define TINY_MAX 23 /* the largest argument that stands in the head's first byte */

#define PUT_HEAD(out, encode, value) \
	do { \
		if ((out)->cap - (out)->len < HEAD_MAX) \
			aic_bytes_reserve(out, HEAD_MAX); \
		(out)->len += encode(value, (out)->data + (out)->len, HEAD_MAX); \
	} while (0)

void aic_cbor_put_uint(aic_bytes *out, uint64_t v)
{
	if (v <= TINY_MAX && out->len < out->cap) {
		out->data[out->len++] = (uint8_t) v;
		return;
	}
	PUT_HEAD(out, cbor_encode_uint, v);
}

void aic_cbor_put_int(aic_bytes *out, int64_t v)
{
	if (v >= 0)
		PUT_HEAD(out, cbor_encode_uint, (uint64_t) v);
	else
		PUT_HEAD(out, cbor_encode_negint, ~(uint64_t) v); /* -1 - v */
}

void aic_cbor_put_bytes(aic_bytes *out, const void *data, size_t len)
{
	PUT_HEAD(out, cbor_encode_bytestring_start, len);
	aic_bytes_append(out, data, len);
}

void aic_cbor_put_text(aic_bytes *out, const char *s)
{
	size_t len = s ? strlen(s) : 0, valid;

	PUT_HEAD(out, cbor_encode_string_start, len);
	while (len > 0) {
		valid = aic_utf8_valid(s, len);
		aic_bytes_append(out, s, valid);
		s += valid;
		len -= valid;
		if (len > 0) {
			aic_bytes_append(out, "?", 1);
			s++;
			len--;
		}
	}
}

void aic_cbor_put_array(aic_bytes *out, size_t items)
{
	PUT_HEAD(out, cbor_encode_array_start, items);
}

void aic_cbor_put_map(aic_bytes *out, size_t pairs)
{
	PUT_HEAD(out, cbor_encode_map_start, pairs);
}

void aic_cbor_put_bool(aic_bytes *out, bool v)
{
	PUT_HEAD(out, cbor_encode_bool, v);
}

void aic_cbor_put_null(aic_bytes *out)
{
	aic_bytes_reserve(out, HEAD_MAX);
	out->len += cbor_encode_null(out->data + out->len, HEAD_MAX);
}

void aic_cbor_put_u256(aic_bytes *out, aic_u256 v)
{
	uint8_t be[32];
	size_t zeros = 0;

	if (!(v.limb[1] | v.limb[2] | v.limb[3])) {
		aic_cbor_put_uint(out, v.limb[0]);
		return;
	}
	aic_u256_to_be(be, v);
	while (be[zeros] == 0)
		zeros++;
	PUT_HEAD(out, cbor_encode_tag, BIGNUM_TAG);
	aic_cbor_put_bytes(out, be + zeros, sizeof(be) - zeros);
}

void aic_cbor_put_amount(aic_bytes *out, aic_amount v)
{
	aic_cbor_put_u256(out, aic_u256_from(v));
}
