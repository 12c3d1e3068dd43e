/* client_key.c: keys of this site, its policy, and what it signs for witnesses; see client.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/client_call.h"

#define KEYS_MAX 65536

aic_code aic_ledger_keys(aic_ledger *l, aic_ledger_key **out, size_t *n, uint64_t *approvals, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	*out = NULL;
	*n = 0;
	aic_client_begin(l, "keys", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*approvals = aic_cbor_uint(&c);
	*n = aic_cbor_array(&c, KEYS_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_ledger_key *k = &(*out)[i];
		size_t len;

		aic_cbor_array_exact(&c, 7);
		aic_cbor_text(&c, k->name, sizeof(k->name));
		k->role = (aic_role)aic_cbor_uint(&c);
		aic_cbor_bytes_exact(&c, k->key, sizeof(k->key));
		k->since = aic_cbor_uint(&c);
		k->until = aic_cbor_uint(&c);
		k->valid = aic_cbor_bool(&c);
		const uint8_t *vrf = aic_cbor_bytes(&c, &len);
		k->has_vrf = aic_cbor_ok(&c) && len == sizeof(k->vrf);
		if (k->has_vrf)
			memcpy(k->vrf, vrf, len);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}

static aic_code call_for_height(aic_ledger *l, uint64_t *height, aic_error *err)
{
	aic_cbor c;
	aic_code code = aic_client_call(l, &c, err);

	if (code)
		return code;
	*height = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_key_register(aic_ledger *l, const char *name, aic_role role, const uint8_t key[AIC_PUBLIC_LEN], uint64_t until,
                                 const uint8_t *vrf, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "key_register", 5);

	aic_cbor_put_text(b, name);
	aic_cbor_put_uint(b, (uint64_t)role);
	aic_cbor_put_bytes(b, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(b, until);
	aic_cbor_put_bytes(b, vrf, vrf ? AIC_PUBLIC_LEN : 0);
	return call_for_height(l, height, err);
}

aic_code aic_ledger_key_revoke(aic_ledger *l, const char *name, uint64_t *height, aic_error *err)
{
	aic_cbor_put_text(aic_client_begin(l, "key_revoke", 1), name);
	return call_for_height(l, height, err);
}

aic_code aic_ledger_policy_set(aic_ledger *l, uint64_t approvals, uint64_t *height, aic_error *err)
{
	aic_cbor_put_uint(aic_client_begin(l, "policy", 1), approvals);
	return call_for_height(l, height, err);
}

aic_code aic_ledger_key_rotate(aic_ledger *l, uint8_t key[AIC_PUBLIC_LEN], uint64_t *height, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	aic_client_begin(l, "key_rotate", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	*height = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_key_replace(aic_ledger *l, const uint8_t site[16], const uint8_t key[AIC_PUBLIC_LEN], uint64_t expires,
                                uint64_t *height, bool *passed, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "key_replace", 3);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_bytes(b, site, 16);
	aic_cbor_put_bytes(b, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(b, expires);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*height = aic_cbor_uint(&c);
	*passed = aic_cbor_bool(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_checkpoint(aic_ledger *l, aic_bytes *note, aic_error *err)
{
	aic_cbor c;
	size_t len;
	aic_code code;

	aic_client_begin(l, "checkpoint", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	const uint8_t *text = aic_cbor_bytes(&c, &len);
	if (!(code = aic_cbor_finish(&c, err)))
		aic_bytes_append(note, text, len);
	return code;
}
