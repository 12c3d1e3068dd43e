/* block.c: see block.h. */
#include "ledger/block.h"

#include <stdlib.h>
#include <string.h>

#include "common/block_call.h"
#include "common/cbor.h"
#include "common/merkle.h"
#include "ledger/transaction.h"


/* --- header --- */

void aic_header_put(aic_bytes *out, const aic_header *h)
{
	aic_cbor_put_array(out, 13);
	aic_cbor_put_uint(out, h->version);
	aic_cbor_put_bytes(out, h->chain.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, h->height);
	aic_cbor_put_bytes(out, h->previous.b, AIC_HASH_LEN);
	aic_cbor_put_int(out, h->time);
	aic_cbor_put_bytes(out, h->transactions.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, h->events.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, h->state.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, h->blocks.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, h->generator.b, sizeof(h->generator.b));
	aic_cbor_put_bytes(out, h->model, h->model_len);
	aic_cbor_put_bytes(out, h->session, h->session_len);
	aic_cbor_put_bytes(out, h->vrf, h->vrf_len);
}

static void short_bytes(aic_cbor *c, uint8_t *out, size_t *len, size_t max, const char *what)
{
	const uint8_t *p = aic_cbor_bytes(c, len);

	if (!aic_cbor_ok(c))
		return;
	if (*len > max)
		aic_cbor_fail(c, "%s has %zu bytes, at most %zu are allowed", what, *len, max);
	else if (*len)
		memcpy(out, p, *len);
}

static aic_code header_get(aic_header *h, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 13);
	h->version = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && h->version != AIC_BLOCK_VERSION)
		aic_cbor_fail(&c, "version %llu is not %d", (unsigned long long)h->version, AIC_BLOCK_VERSION);
	aic_cbor_bytes_exact(&c, h->chain.b, AIC_HASH_LEN);
	h->height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, h->previous.b, AIC_HASH_LEN);
	h->time = aic_cbor_int(&c);
	aic_cbor_bytes_exact(&c, h->transactions.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, h->events.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, h->state.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, h->blocks.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, h->generator.b, sizeof(h->generator.b));
	short_bytes(&c, h->model, &h->model_len, sizeof(h->model), "model id");
	short_bytes(&c, h->session, &h->session_len, sizeof(h->session), "session id");
	short_bytes(&c, h->vrf, &h->vrf_len, sizeof(h->vrf), "VRF proof");
	return aic_cbor_finish(&c, err);
}

/* --- block --- */

void aic_block_compose(aic_bytes *out, const aic_bytes *header, const uint8_t signature[AIC_SIGNATURE_LEN], const aic_bytes *transactions,
                       size_t n)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, header->data, header->len);
	aic_cbor_put_bytes(out, signature, AIC_SIGNATURE_LEN);
	aic_cbor_put_array(out, n);
	aic_bytes_append(out, transactions->data, transactions->len);
}

void aic_block_build(aic_bytes *out, const aic_header *h, const aic_key *generator, const aic_bytes *transactions, size_t n)
{
	aic_bytes header = {0};
	uint8_t signature[AIC_SIGNATURE_LEN];

	aic_header_put(&header, h);
	aic_sign(signature, generator, AIC_BLOCK_DOMAIN, header.data, header.len);
	aic_block_compose(out, &header, signature, transactions, n);
	aic_bytes_free(&header);
}

aic_code aic_block_decode(aic_block *b, const void *data, size_t len, aic_error *err)
{
	aic_frontier leaves = {0};
	aic_cbor c;
	aic_code code;

	memset(b, 0, sizeof(*b));
	if (len > AIC_BLOCK_MAX)
		return aic_fail(err, AIC_FULL, "a block of %zu bytes is larger than %u", len, AIC_BLOCK_MAX);
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 3);
	b->header_bytes = aic_cbor_bytes(&c, &b->header_len);
	aic_cbor_bytes_exact(&c, b->signature, sizeof(b->signature));
	b->n_tx = aic_cbor_array(&c, AIC_BLOCK_TX_MAX);
	b->tx = aic_xcalloc(b->n_tx + 1, sizeof(*b->tx));
	for (size_t i = 0; i < b->n_tx && aic_cbor_ok(&c); i++) {
		b->tx[i].data = aic_cbor_bytes(&c, &b->tx[i].len);
		if (!aic_cbor_ok(&c))
			break;
		aic_hash leaf = aic_merkle_leaf(b->tx[i].data, b->tx[i].len);
		aic_frontier_add(&leaves, &leaf);
	}
	b->transactions = aic_frontier_root(&leaves);
	if (!(code = aic_cbor_finish(&c, err)))
		code = header_get(&b->header, b->header_bytes, b->header_len, err);
	if (code) {
		aic_error_prefix(err, "block");
		aic_block_clear(b);
	}
	return code;
}

void aic_block_clear(aic_block *b)
{
	free(b->tx);
	memset(b, 0, sizeof(*b));
}

bool aic_block_signed_by(const aic_block *b, const uint8_t public_key[AIC_PUBLIC_LEN])
{
	return aic_verify(b->signature, public_key, AIC_BLOCK_DOMAIN, b->header_bytes, b->header_len);
}

static aic_hash tagged(uint8_t tag, const void *data, size_t len, const void *more, size_t more_len)
{
	aic_bytes in = {0};

	aic_bytes_append(&in, &tag, 1);
	aic_bytes_append(&in, data, len);
	aic_bytes_append(&in, more, more_len);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

aic_hash aic_block_name(const void *header, size_t len, const uint8_t signature[AIC_SIGNATURE_LEN])
{
	return tagged(1, header, len, signature, AIC_SIGNATURE_LEN);
}

aic_hash aic_block_hash(const void *data, size_t len)
{
	aic_block b;
	bool whole = aic_block_decode(&b, data, len, NULL) == AIC_OK && aic_hash_equal(&b.transactions, &b.header.transactions);
	aic_hash h = whole ? aic_block_name(b.header_bytes, b.header_len, b.signature) : tagged(2, data, len, "", 0);

	aic_block_clear(&b);
	return h;
}

/* --- attestation --- */

static void attested(aic_bytes *out, const aic_attestation *a)
{
	aic_cbor_put_uint(out, AIC_BLOCK_VERSION);
	aic_cbor_put_bytes(out, a->chain.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, a->height);
	aic_cbor_put_bytes(out, a->block.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, a->state.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, a->site.b, sizeof(a->site.b));
}

void aic_attestation_build(aic_bytes *out, aic_attestation *a, const aic_key *key)
{
	aic_bytes body = {0};

	attested(&body, a);
	aic_sign(a->signature, key, AIC_ATTESTATION_DOMAIN, body.data, body.len);
	aic_attestation_put(out, a);
	aic_bytes_free(&body);
}

void aic_attestation_put(aic_bytes *out, const aic_attestation *a)
{
	aic_cbor_put_array(out, 7);
	attested(out, a);
	aic_cbor_put_bytes(out, a->signature, sizeof(a->signature));
}

aic_code aic_attestation_decode(aic_attestation *a, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(a, 0, sizeof(*a));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 7);
	uint64_t version = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && version != AIC_BLOCK_VERSION)
		aic_cbor_fail(&c, "version %llu is not %d", (unsigned long long)version, AIC_BLOCK_VERSION);
	aic_cbor_bytes_exact(&c, a->chain.b, AIC_HASH_LEN);
	a->height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, a->block.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, a->state.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, a->site.b, sizeof(a->site.b));
	aic_cbor_bytes_exact(&c, a->signature, sizeof(a->signature));
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "attestation") : AIC_OK;
}

bool aic_attestation_signed_by(const aic_attestation *a, const uint8_t public_key[AIC_PUBLIC_LEN])
{
	aic_bytes body = {0};

	attested(&body, a);
	bool good = aic_verify(a->signature, public_key, AIC_ATTESTATION_DOMAIN, body.data, body.len);
	aic_bytes_free(&body);
	return good;
}
