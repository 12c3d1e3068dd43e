/* cbor.c: reading deterministic CBOR; libcbor takes heads apart, this file refuses what is not canonical. */
#include "common/cbor.h"

#include <cbor.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

#define BIGNUM_TAG 2
#define SKIP_DEPTH 16
#define NULL_BYTE 0xf6
#define TINY_END 24 /* bytes below it are whole unsigned integers */

/* --- one head, by libcbor's callbacks --- */

typedef struct {
	aic_cbor_type type;
	uint64_t value;       /* the integer, length, count or tag */
	const uint8_t *data;  /* of a string */
	size_t size;          /* bytes of head and string */
	const char *refused;  /* why, where type is AIC_CBOR_INVALID */
} item;

#define ON_INTEGER(name, c_type, kind) \
	static void name(void *ctx, c_type v) \
	{ \
		*(item *) ctx = (item) {.type = (kind), .value = v}; \
	}

ON_INTEGER(on_uint8, uint8_t, AIC_CBOR_UINT)
ON_INTEGER(on_uint16, uint16_t, AIC_CBOR_UINT)
ON_INTEGER(on_uint32, uint32_t, AIC_CBOR_UINT)
ON_INTEGER(on_uint64, uint64_t, AIC_CBOR_UINT)
ON_INTEGER(on_negint8, uint8_t, AIC_CBOR_NEGINT)
ON_INTEGER(on_negint16, uint16_t, AIC_CBOR_NEGINT)
ON_INTEGER(on_negint32, uint32_t, AIC_CBOR_NEGINT)
ON_INTEGER(on_negint64, uint64_t, AIC_CBOR_NEGINT)
ON_INTEGER(on_array, size_t, AIC_CBOR_ARRAY)
ON_INTEGER(on_map, size_t, AIC_CBOR_MAP)
ON_INTEGER(on_bool, bool, AIC_CBOR_BOOL)

static void on_bytes(void *ctx, cbor_data data, size_t len)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_BYTES, .value = len, .data = data};
}

static void on_text(void *ctx, cbor_data data, size_t len)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_TEXT, .value = len, .data = data};
}

static void on_null(void *ctx)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_NULL};
}

static void on_tag(void *ctx, uint64_t tag)
{
	*(item *) ctx = (item) {.type = tag == BIGNUM_TAG ? AIC_CBOR_BIGNUM : AIC_CBOR_INVALID, .value = tag,
	                        .refused = "a tag other than 2 (bignum)"};
}

static void on_indefinite(void *ctx)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_INVALID, .refused = "an indefinite length"};
}

static void on_break(void *ctx)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_INVALID, .refused = "a break outside of an item"};
}

static void on_undefined(void *ctx)
{
	*(item *) ctx = (item) {.type = AIC_CBOR_INVALID, .refused = "the value undefined"};
}

static void on_float(void *ctx, float v)
{
	(void) v;
	*(item *) ctx = (item) {.type = AIC_CBOR_INVALID, .refused = "a floating-point number"};
}

static void on_double(void *ctx, double v)
{
	(void) v;
	on_float(ctx, 0);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8, .uint16 = on_uint16, .uint32 = on_uint32, .uint64 = on_uint64,
	.negint8 = on_negint8, .negint16 = on_negint16, .negint32 = on_negint32, .negint64 = on_negint64,
	.byte_string = on_bytes, .byte_string_start = on_indefinite,
	.string = on_text, .string_start = on_indefinite,
	.array_start = on_array, .indef_array_start = on_indefinite,
	.map_start = on_map, .indef_map_start = on_indefinite,
	.tag = on_tag, .float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_undefined, .null = on_null, .boolean = on_bool, .indef_break = on_break,
};

static size_t shortest_head(const item *it)
{
	uint64_t v = it->value;

	if (it->type == AIC_CBOR_BOOL || it->type == AIC_CBOR_NULL || v < 24)
		return 1;
	return v <= 0xff ? 2 : v <= 0xffff ? 3 : v <= 0xffffffff ? 5 : 9;
}

/* The item at the cursor, whose type is AIC_CBOR_INVALID, with the reason, where it is not canonical. */
static item next_item(const aic_cbor *c)
{
	item it = {.type = AIC_CBOR_END};
	size_t left = c->len - c->pos;

	if (left == 0)
		return it;
	struct cbor_decoder_result got = cbor_stream_decode(c->data + c->pos, left, &callbacks, &it);
	if (got.status == CBOR_DECODER_NEDATA)
		return (item) {.type = AIC_CBOR_INVALID, .refused = "an item that ends behind the data"};
	if (got.status != CBOR_DECODER_FINISHED)
		return (item) {.type = AIC_CBOR_INVALID, .refused = "a reserved head"};
	it.size = got.read;
	if (it.type == AIC_CBOR_INVALID)
		return it;
	size_t head = it.data ? it.size - (size_t) it.value : it.size;
	if (head != shortest_head(&it))
		return (item) {.type = AIC_CBOR_INVALID, .refused = "a head that is longer than necessary"};
	if (it.type == AIC_CBOR_TEXT && aic_utf8_valid(it.data, (size_t) it.value) != it.value)
		return (item) {.type = AIC_CBOR_INVALID, .refused = "text that is not UTF-8"};
	return it;
}

/* --- reading --- */

static const char *type_name(aic_cbor_type type)
{
	static const char *const name[] = {
		[AIC_CBOR_UINT] = "an unsigned integer", [AIC_CBOR_NEGINT] = "a negative integer",
		[AIC_CBOR_BYTES] = "a byte string", [AIC_CBOR_TEXT] = "a text", [AIC_CBOR_ARRAY] = "an array",
		[AIC_CBOR_MAP] = "a map", [AIC_CBOR_BIGNUM] = "a bignum", [AIC_CBOR_BOOL] = "a boolean",
		[AIC_CBOR_NULL] = "null", [AIC_CBOR_END] = "the end of the data", [AIC_CBOR_INVALID] = "an invalid item"
	};

	return name[type];
}

void aic_cbor_init(aic_cbor *c, const void *data, size_t len)
{
	c->data = data;
	c->len = len;
	c->pos = 0;
	c->err.code = AIC_OK;
	c->err.message[0] = '\0';
}

bool aic_cbor_ok(const aic_cbor *c)
{
	return c->err.code == AIC_OK;
}

void aic_cbor_fail(aic_cbor *c, const char *fmt, ...)
{
	char text[sizeof(c->err.message)];
	va_list ap;

	if (!aic_cbor_ok(c))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	aic_fail(&c->err, AIC_CORRUPT, "CBOR byte %zu of %zu: %s", c->pos, c->len, text);
}

aic_cbor_type aic_cbor_peek(const aic_cbor *c)
{
	return aic_cbor_ok(c) ? next_item(c).type : AIC_CBOR_INVALID;
}

static void fail_item(aic_cbor *c, const item *it, const char *wanted)
{
	aic_cbor_fail(c, "expected %s, found %s", wanted,
	              it->type == AIC_CBOR_INVALID ? it->refused : type_name(it->type));
}

/* Takes the next item if it is of this type. */
static bool take(aic_cbor *c, aic_cbor_type type, item *it)
{
	if (!aic_cbor_ok(c))
		return false;
	*it = next_item(c);
	if (it->type != type) {
		fail_item(c, it, type_name(type));
		return false;
	}
	c->pos += it->size;
	return true;
}

uint64_t aic_cbor_uint(aic_cbor *c)
{
	item it;

	if (aic_cbor_ok(c) && c->pos < c->len && c->data[c->pos] < TINY_END)
		return c->data[c->pos++];
	return take(c, AIC_CBOR_UINT, &it) ? it.value : 0;
}

int64_t aic_cbor_int(aic_cbor *c)
{
	if (!aic_cbor_ok(c))
		return 0;
	item it = next_item(c);
	if (it.type != AIC_CBOR_NEGINT && it.type != AIC_CBOR_UINT) {
		fail_item(c, &it, type_name(AIC_CBOR_UINT));
		return 0;
	}
	if (it.value > INT64_MAX) {
		aic_cbor_fail(c, "an integer that needs more than 64 bits with its sign");
		return 0;
	}
	c->pos += it.size;
	return it.type == AIC_CBOR_NEGINT ? -1 - (int64_t) it.value : (int64_t) it.value;
}

bool aic_cbor_bool(aic_cbor *c)
{
	item it;

	return take(c, AIC_CBOR_BOOL, &it) && it.value;
}

/* Integer or bignum of at most max bytes, right-aligned into be. */
static void take_number(aic_cbor *c, uint8_t be[32], size_t max)
{
	size_t start = c->pos;
	item it;

	memset(be, 0, 32);
	if (aic_cbor_peek(c) != AIC_CBOR_BIGNUM) {
		aic_put_be64(be + 24, aic_cbor_uint(c));
		return;
	}
	if (!take(c, AIC_CBOR_BIGNUM, &it) || !take(c, AIC_CBOR_BYTES, &it))
		return;
	if (it.value > max || it.value <= 8 || it.data[0] == 0) {
		c->pos = start;
		aic_cbor_fail(c, it.value > max ? "a bignum of %llu bytes, more than %zu" :
		              "a bignum of %llu bytes that has a shorter form", (unsigned long long) it.value, max);
		return;
	}
	memcpy(be + 32 - it.value, it.data, (size_t) it.value);
}

aic_amount aic_cbor_amount(aic_cbor *c)
{
	uint8_t be[32];

	take_number(c, be, 16);
	return aic_amount_from_be(be + 16);
}

aic_u256 aic_cbor_u256(aic_cbor *c)
{
	uint8_t be[32];

	take_number(c, be, 32);
	return aic_u256_from_be(be);
}

const uint8_t *aic_cbor_bytes(aic_cbor *c, size_t *len)
{
	item it;

	*len = 0;
	if (!take(c, AIC_CBOR_BYTES, &it))
		return NULL;
	*len = (size_t) it.value;
	return it.data;
}

bool aic_cbor_bytes_exact(aic_cbor *c, void *out, size_t len)
{
	size_t start = c->pos, got;
	const uint8_t *data = aic_cbor_bytes(c, &got);

	if (aic_cbor_ok(c) && got != len) {
		c->pos = start;
		aic_cbor_fail(c, "expected %zu bytes, found %zu", len, got);
	}
	if (!aic_cbor_ok(c)) {
		memset(out, 0, len);
		return false;
	}
	if (len > 0)
		memcpy(out, data, len);
	return true;
}

bool aic_cbor_text(aic_cbor *c, char *buf, size_t size)
{
	size_t start = c->pos;
	item it;

	buf[0] = '\0';
	if (!take(c, AIC_CBOR_TEXT, &it))
		return false;
	if (it.value >= size || memchr(it.data, '\0', (size_t) it.value)) {
		c->pos = start;
		if (it.value >= size)
			aic_cbor_fail(c, "a text of %llu bytes, more than %zu", (unsigned long long) it.value, size - 1);
		else
			aic_cbor_fail(c, "a text that holds a NUL");
		return false;
	}
	memcpy(buf, it.data, (size_t) it.value);
	buf[it.value] = '\0';
	return true;
}

/* A count is also refused where the bytes that are left cannot hold so many items, at one byte each. */
static size_t take_count(aic_cbor *c, aic_cbor_type type, size_t bytes_each, size_t max)
{
	size_t start = c->pos;
	item it;

	if (!take(c, type, &it))
		return 0;
	if (it.value > max || it.value > (c->len - c->pos) / bytes_each) {
		size_t left = c->len - c->pos;
		c->pos = start;
		if (it.value > max)
			aic_cbor_fail(c, "%s of %llu items, more than %zu", type_name(type), (unsigned long long) it.value, max);
		else
			aic_cbor_fail(c, "%s of %llu items with %zu bytes left", type_name(type),
			              (unsigned long long) it.value, left);
		return 0;
	}
	return (size_t) it.value;
}

size_t aic_cbor_array(aic_cbor *c, size_t max)
{
	return take_count(c, AIC_CBOR_ARRAY, 1, max);
}

size_t aic_cbor_map(aic_cbor *c, size_t max)
{
	return take_count(c, AIC_CBOR_MAP, 2, max);
}

bool aic_cbor_array_exact(aic_cbor *c, size_t n)
{
	size_t start = c->pos, got = aic_cbor_array(c, SIZE_MAX);

	if (aic_cbor_ok(c) && got != n) {
		c->pos = start;
		aic_cbor_fail(c, "expected an array of %zu items, found %zu", n, got);
	}
	return aic_cbor_ok(c);
}

static void skip_item(aic_cbor *c, int depth);

static void skip_map(aic_cbor *c, size_t pairs, int depth)
{
	const uint8_t *last = NULL;
	size_t last_len = 0;

	for (size_t i = 0; i < pairs && aic_cbor_ok(c); i++) {
		const uint8_t *key = c->data + c->pos;
		size_t start = c->pos;
		skip_item(c, depth);
		size_t len = c->pos - start;
		int order = last ? memcmp(last, key, len < last_len ? len : last_len) : -1;
		if (aic_cbor_ok(c) && order >= 0) {
			c->pos = start;
			aic_cbor_fail(c, "a map whose keys are not in ascending order");
		}
		last = key;
		last_len = len;
		skip_item(c, depth);
	}
}

static void skip_item(aic_cbor *c, int depth)
{
	aic_cbor_type type = aic_cbor_peek(c);
	item it;

	if (depth > SKIP_DEPTH) {
		aic_cbor_fail(c, "items nested more than %d deep", SKIP_DEPTH);
		return;
	}
	switch (type) {
	case AIC_CBOR_ARRAY:
		for (size_t n = aic_cbor_array(c, SIZE_MAX); n > 0 && aic_cbor_ok(c); n--)
			skip_item(c, depth + 1);
		break;
	case AIC_CBOR_MAP:
		skip_map(c, aic_cbor_map(c, SIZE_MAX), depth + 1);
		break;
	case AIC_CBOR_BIGNUM:
		aic_cbor_u256(c);
		break;
	case AIC_CBOR_END:
	case AIC_CBOR_INVALID:
		if (aic_cbor_ok(c)) {
			it = next_item(c);
			fail_item(c, &it, "an item");
		}
		break;
	default:
		take(c, type, &it);
	}
}

void aic_cbor_skip(aic_cbor *c)
{
	skip_item(c, 1);
}

bool aic_cbor_null_next(aic_cbor *c)
{
	if (!aic_cbor_ok(c) || c->pos == c->len || c->data[c->pos] != NULL_BYTE)
		return false;
	c->pos++;
	return true;
}

aic_code aic_cbor_fields(aic_cbor *c, const char *what, int n, const char *const *names,
                         void (*get)(aic_cbor *c, int key, void *ctx), void *ctx, aic_error *err)
{
	size_t fields = aic_cbor_map(c, (size_t)n);
	if (aic_cbor_ok(c) && fields != (size_t)n)
		aic_cbor_fail(c, "a %s has %d fields, this one %zu", what, n, fields);
	int key = 0;
	for (; key < n && aic_cbor_ok(c); key++) {
		uint64_t found = aic_cbor_uint(c);
		if (aic_cbor_ok(c) && found != (uint64_t)key)
			aic_cbor_fail(c, "key %llu stands where %d must", (unsigned long long)found, key);
		get(c, key, ctx);
	}
	bool complete = aic_cbor_ok(c);
	aic_error why = {0};
	if (aic_cbor_finish(c, &why) == AIC_OK)
		return AIC_OK;
	if (complete || key == 0)
		return aic_fail(err, AIC_CORRUPT, "%s: %s", what, why.message);
	return aic_fail(err, AIC_CORRUPT, "%s, field %s: %s", what, names[key - 1], why.message);
}

aic_code aic_cbor_finish(aic_cbor *c, aic_error *err)
{
	if (aic_cbor_ok(c) && c->pos != c->len)
		aic_cbor_fail(c, "%zu bytes left over behind the last item", c->len - c->pos);
	if (err && !aic_cbor_ok(c))
		*err = c->err;
	return c->err.code;
}
