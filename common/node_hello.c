#include "common/node_hello.h"

#include <string.h>

#include "common/cbor.h"
#include "common/vrf.h"

#define DOMAIN "aic/node-hello/v1"

void aic_node_hello_encode(aic_bytes *out, const aic_node_hello *h, const aic_key *key)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_bytes body = { 0 };

	aic_cbor_put_array(&body, 4);
	aic_cbor_put_text(&body, h->node);
	aic_cbor_put_bytes(&body, key->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_bytes(&body, h->vrf, h->draws ? AIC_PUBLIC_LEN : 0);
	aic_cbor_put_text(&body, h->trouble);
	aic_sign(signature, key, DOMAIN, body.data, body.len);
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, body.data, body.len);
	aic_cbor_put_bytes(out, signature, sizeof(signature));
	aic_bytes_free(&body);
}

static aic_code read_body(aic_node_hello *h, const uint8_t *body, size_t len, aic_error *err)
{
	const uint8_t *vrf;
	size_t vrf_len = 0;
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 4);
	aic_cbor_text(&c, h->node, sizeof(h->node));
	aic_cbor_bytes_exact(&c, h->key, AIC_PUBLIC_LEN);
	vrf = aic_cbor_bytes(&c, &vrf_len);
	if (vrf_len && vrf_len != AIC_PUBLIC_LEN)
		aic_cbor_fail(&c, "a VRF key of %zu bytes: it has none or %d", vrf_len, AIC_PUBLIC_LEN);
	else if (vrf_len)
		memcpy(h->vrf, vrf, AIC_PUBLIC_LEN);
	h->draws = vrf_len > 0;
	aic_cbor_text(&c, h->trouble, sizeof(h->trouble));
	return aic_cbor_finish(&c, err);
}

static aic_code check(const aic_node_hello *h, aic_error *err)
{
	if (!h->node[0])
		return aic_fail(err, AIC_CORRUPT, "the hello names no node");
	if (h->draws && !memcmp(h->vrf, h->key, AIC_PUBLIC_LEN))
		return aic_fail(err, AIC_REFUSED, "node %s draws with the key that it signs with: remove its vrf.key and restart aicnoded there", h->node);
	if (h->draws && !aic_vrf_key_valid(h->vrf))
		return aic_fail(err, AIC_REFUSED, "the VRF key of node %s is no point of the group: remove its vrf.key and restart aicnoded there", h->node);
	return AIC_OK;
}

aic_code aic_node_hello_decode(aic_node_hello *h, const void *data, size_t len, aic_error *err)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	const uint8_t *body;
	size_t body_len = 0;
	aic_cbor c;
	aic_code rc;

	memset(h, 0, sizeof(*h));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 2);
	body = aic_cbor_bytes(&c, &body_len);
	aic_cbor_bytes_exact(&c, signature, sizeof(signature));
	rc = aic_cbor_finish(&c, err);
	if (!rc)
		rc = read_body(h, body, body_len, err);
	if (rc)
		return aic_error_prefix(err, "a node's hello");
	if (!aic_verify(signature, h->key, DOMAIN, body, body_len))
		return aic_fail(err, AIC_REFUSED, "the hello of node %s is not signed by the key that it names", h->node);
	return check(h, err);
}
