/* receipt_fuzz.c: receipts and batches come from nodes that the site does not own. The input is read as a receipt, as a batch,
 * and, signed with a key of the fuzzer's own, as what a batch signs: so that the decoder behind the signature is reached. */
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/receipt.h"

#define DOMAIN "aic/receipts/v1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_receipt(const uint8_t *data, size_t size)
{
	aic_receipt r;
	aic_bytes again = {0};
	if (aic_receipt_decode(&r, data, size, NULL) != AIC_OK)
		return;
	aic_receipt_encode(&again, &r);
	if (again.len != size || memcmp(again.data, data, size) != 0)
		abort();
	aic_bytes_free(&again);
}

static void as_batch(const uint8_t *data, size_t size)
{
	aic_receipt_batch b;
	aic_error err = {0};
	if (aic_receipt_batch_decode(&b, data, size, &err) == AIC_OK) {
		for (size_t i = 0; i < b.n; i++) {
			if (strcmp(b.receipt[i].node, b.node) != 0)
				abort();
		}
		aic_receipt_batch_clear(&b);
	} else if (err.message[0] == '\0' || b.receipt != NULL) {
		abort();
	}
}

/* The input stands for the receipts of a batch: a head for its node and key before it, a true signature behind. */
static void as_signed(const uint8_t *data, size_t size)
{
	static const uint8_t secret[AIC_SECRET_LEN] = {1};
	aic_key key;
	aic_bytes body = {0}, batch = {0};
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_key_from_secret(&key, secret);
	aic_cbor_put_array(&body, 3);
	aic_cbor_put_text(&body, "n1");
	aic_cbor_put_bytes(&body, key.public_key, AIC_PUBLIC_LEN);
	aic_bytes_append(&body, data, size);
	aic_sign(signature, &key, DOMAIN, body.data, body.len);
	aic_cbor_put_array(&batch, 2);
	aic_cbor_put_bytes(&batch, body.data, body.len);
	aic_cbor_put_bytes(&batch, signature, sizeof signature);
	as_batch(batch.data, batch.len);
	aic_bytes_free(&body);
	aic_bytes_free(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_receipt(data, size);
	as_batch(data, size);
	as_signed(data, size);
	return 0;
}
