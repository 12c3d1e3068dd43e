/* cbor_testing.h: for the tests of the CBOR reader. */
#ifndef AIC_CBOR_TESTING_H
#define AIC_CBOR_TESTING_H

#include "common/testing.h"

#include "common/cbor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* tests/fuzz/cbor_fuzz.c */

static inline aic_bytes from_hex(const char *hex)
{
	aic_bytes b = {0};

	aic_bytes_reserve(&b, strlen(hex) / 2 + 1);
	b.len = strlen(hex) / 2;
	assert_true(aic_unhex(b.data, b.len, hex));
	return b;
}

/* Skipping looks at every byte of an item, so it stands for the whole reader. */
static inline aic_code skip_all(const void *data, size_t len, aic_error *err)
{
	uint8_t *copy = aic_xmalloc(len); /* exactly as long, so that a sanitizer sees one byte too many */
	aic_cbor c;

	if (len > 0)
		memcpy(copy, data, len);
	aic_cbor_init(&c, copy, len);
	aic_cbor_skip(&c);
	aic_code code = aic_cbor_finish(&c, err);
	free(copy);
	return code;
}

#endif
