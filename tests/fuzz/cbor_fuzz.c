/* cbor_fuzz.c: the CBOR reader must take any bytes without harm, and what it takes must have one encoding only.
 *
 * The input is read item by item with the typed getters and written again: if the reader accepts it, both must be equal
 * bytes, and where aic_cbor_skip() accepts it too (it also looks at the order of keys) it must end at the same place.
 * Build and run, in the root of the source:
 *
 *   clang -std=gnu17 -g -O1 -I. -fsanitize=fuzzer,address,undefined tests/fuzz/cbor_fuzz.c common/cbor.c \
 *     common/cbor_write.c common/amount.c common/u256.c common/bytes.c common/utf8.c common/error.c -lcbor -o cbor_fuzz
 *   mkdir -p corpus && ./cbor_fuzz -max_total_time=600 corpus
 *
 * common/cbor_test.c and cbor_canonical_test.c link this file too and feed it seeded mutations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"

#define DEPTH_MAX 16
#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "cbor_fuzz: %s\n", what);
	abort();
}

static void echo_text(aic_cbor *in, aic_bytes *out)
{
	char text[TEXT_MAX];

	if (aic_cbor_text(in, text, sizeof(text)))
		aic_cbor_put_text(out, text);
}

static void echo_bytes(aic_cbor *in, aic_bytes *out)
{
	size_t len;
	const uint8_t *p = aic_cbor_bytes(in, &len);

	if (aic_cbor_ok(in))
		aic_cbor_put_bytes(out, p, len);
}

static void echo_item(aic_cbor *in, aic_bytes *out, int depth)
{
	size_t n = 0;

	if (depth > DEPTH_MAX)
		aic_cbor_fail(in, "too deep");
	switch (aic_cbor_peek(in)) {
	case AIC_CBOR_UINT:
		aic_cbor_put_uint(out, aic_cbor_uint(in));
		break;
	case AIC_CBOR_NEGINT:
		aic_cbor_put_int(out, aic_cbor_int(in));
		break;
	case AIC_CBOR_BIGNUM:
		aic_cbor_put_u256(out, aic_cbor_u256(in));
		break;
	case AIC_CBOR_BYTES:
		echo_bytes(in, out);
		break;
	case AIC_CBOR_TEXT:
		echo_text(in, out);
		break;
	case AIC_CBOR_BOOL:
		aic_cbor_put_bool(out, aic_cbor_bool(in));
		break;
	case AIC_CBOR_NULL:
		aic_cbor_null_next(in);
		aic_cbor_put_null(out);
		break;
	case AIC_CBOR_ARRAY:
		n = aic_cbor_array(in, SIZE_MAX);
		aic_cbor_put_array(out, n);
		break;
	case AIC_CBOR_MAP:
		n = aic_cbor_map(in, SIZE_MAX);
		aic_cbor_put_map(out, n);
		n *= 2;
		break;
	default:
		aic_cbor_uint(in); /* fails, and says why */
	}
	for (; n > 0 && aic_cbor_ok(in); n--)
		echo_item(in, out, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_cbor echo, skip;
	aic_bytes out = {0};
	aic_error err = {0};

	aic_cbor_init(&echo, data, size);
	echo_item(&echo, &out, 1);
	bool accepted = aic_cbor_ok(&echo);
	if (accepted)
		demand(out.len == echo.pos && memcmp(out.data, data, out.len) == 0, "an accepted item has two encodings");
	demand(echo.pos <= size, "the reader went behind its input");
	demand((aic_cbor_finish(&echo, &err) == AIC_OK) == (accepted && echo.pos == size), "finish missed something");

	aic_cbor_init(&skip, data, size);
	aic_cbor_skip(&skip);
	if (aic_cbor_ok(&skip) && accepted)
		demand(skip.pos == echo.pos, "skipping and reading end at different places");
	demand(skip.pos <= size, "skipping went behind the input");
	aic_bytes_free(&out);
	return 0;
}
