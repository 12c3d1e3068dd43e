/* beacon.c: the randomness that designations, seeds and challenges will use: beacon(h) = SHA-256(beacon(h-1) || VRF output of block h),
 * beacon(0) the chain id. A site's block has no draw: its output is empty. An invalid block leaves the beacon as it is. */
#include "ledger/state/state.h"

aic_code aic_state_beacon(aic_state *s, aic_hash *out, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_BEACON, "", 0, &value, &len, err);

	*out = aic_state_head(s)->chain;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, value, len);
	aic_cbor_array_exact(&c, 1);
	aic_cbor_bytes_exact(&c, out->b, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err);
}

aic_code aic_state_beacon_advance(aic_state *s, const void *output, size_t len, aic_error *err)
{
	aic_bytes in = {0}, value = {0};
	aic_hash beacon;
	aic_code code = aic_state_beacon(s, &beacon, err);

	if (code)
		return code;
	aic_bytes_append(&in, beacon.b, AIC_HASH_LEN);
	aic_bytes_append(&in, output, len);
	beacon = aic_sha256_of(in.data, in.len);
	aic_cbor_put_array(&value, 1);
	aic_cbor_put_bytes(&value, beacon.b, AIC_HASH_LEN);
	code = aic_state_put(s, AIC_TABLE_BEACON, "", 0, &value, err);
	aic_bytes_free(&in);
	aic_bytes_free(&value);
	return code;
}
