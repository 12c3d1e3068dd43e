/* cbor.h: deterministic CBOR (RFC 8949, section 4.2.1) over libcbor's streaming interface.
 *
 * Only what AIC's formats use: unsigned integers, negative integers, byte and text strings, arrays, maps,
 * booleans, null; definite lengths; shortest heads; maps with keys in ascending bytewise order. The reader
 * refuses every other encoding, so that equal values have equal bytes. */
#ifndef AIC_CBOR_H
#define AIC_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/error.h"

/* --- writing: append one item to out --- */
void aic_cbor_put_uint(aic_bytes *out, uint64_t v);
void aic_cbor_put_int(aic_bytes *out, int64_t v);
void aic_cbor_put_bytes(aic_bytes *out, const void *data, size_t len);
void aic_cbor_put_text(aic_bytes *out, const char *s);          /* NULL writes ""; a byte that is not UTF-8, '?' */
void aic_cbor_put_array(aic_bytes *out, size_t items);          /* head only */
void aic_cbor_put_map(aic_bytes *out, size_t pairs);            /* head only; caller orders keys */
void aic_cbor_put_bool(aic_bytes *out, bool v);
void aic_cbor_put_null(aic_bytes *out);
/* An amount: an unsigned integer up to 2^64 - 1, above that tag 2 (bignum) with the shortest byte string
 * (RFC 8949, 3.4.3 and 4.2.1). The one tag that AIC uses. */
void aic_cbor_put_amount(aic_bytes *out, aic_amount v);
void aic_cbor_put_u256(aic_bytes *out, aic_u256 v);

/* --- reading: a cursor over borrowed memory; after the first failure every call fails and err stays --- */
typedef struct {
	const uint8_t *data;
	size_t len;
	size_t pos;
	aic_error err; /* code AIC_OK while all went well; the message names the byte offset */
} aic_cbor;

typedef enum {
	AIC_CBOR_UINT, AIC_CBOR_NEGINT, AIC_CBOR_BYTES, AIC_CBOR_TEXT, AIC_CBOR_ARRAY, AIC_CBOR_MAP,
	AIC_CBOR_BIGNUM, AIC_CBOR_BOOL, AIC_CBOR_NULL, AIC_CBOR_END, AIC_CBOR_INVALID
} aic_cbor_type;

void aic_cbor_init(aic_cbor *c, const void *data, size_t len);
aic_cbor_type aic_cbor_peek(const aic_cbor *c);
bool aic_cbor_ok(const aic_cbor *c);
/* Every getter returns a zero value (and sets c->err) where the next item is of another kind or malformed. */
uint64_t aic_cbor_uint(aic_cbor *c);
int64_t aic_cbor_int(aic_cbor *c);
bool aic_cbor_bool(aic_cbor *c);
aic_amount aic_cbor_amount(aic_cbor *c);
aic_u256 aic_cbor_u256(aic_cbor *c);
/* Borrowed pointer into the input, *len its length. */
const uint8_t *aic_cbor_bytes(aic_cbor *c, size_t *len);
/* Exactly len bytes copied to out. */
bool aic_cbor_bytes_exact(aic_cbor *c, void *out, size_t len);
/* Text without NUL bytes, copied with a terminating NUL; refused if longer than size - 1. */
bool aic_cbor_text(aic_cbor *c, char *buf, size_t size);
/* Number of items; refused if above max. */
size_t aic_cbor_array(aic_cbor *c, size_t max);
size_t aic_cbor_map(aic_cbor *c, size_t max);
/* Exactly n items expected. */
bool aic_cbor_array_exact(aic_cbor *c, size_t n);
void aic_cbor_skip(aic_cbor *c);                /* one whole item, nesting at most 16 deep */
bool aic_cbor_null_next(aic_cbor *c);           /* consumes a null if it is next */
/* Reads a map whose n keys are 0, 1 ... n - 1, and nothing behind it: get(c, key, ctx) reads the value of each. what is the
 * thing's name for messages ("receipt"), names[key] a field's. AIC_CORRUPT names the field where reading stopped. */
aic_code aic_cbor_fields(aic_cbor *c, const char *what, int n, const char *const *names,
                         void (*get)(aic_cbor *c, int key, void *ctx), void *ctx, aic_error *err);
/* True where all went well and nothing is left; else copies the failure to err. */
aic_code aic_cbor_finish(aic_cbor *c, aic_error *err);
/* Marks the cursor failed with a message of the caller's (a semantic check); keeps an earlier failure. */
void aic_cbor_fail(aic_cbor *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
