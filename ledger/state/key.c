/* key.c: keys of nodes and administrators, rotation and revocation; member.h has the bodies. */
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/member.h"
#include "ledger/state/vote.h"

static void put_key(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
}

void aic_key_register_body(aic_bytes *out, aic_role role, const uint8_t key[AIC_PUBLIC_LEN], uint64_t until)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, (uint64_t)role);
	put_key(out, key);
	aic_cbor_put_uint(out, until);
}

void aic_key_rotate_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 1);
	put_key(out, key);
}

void aic_key_revoke_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 1);
	put_key(out, key);
}

static aic_code must_be_new(aic_state *s, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_key_row there;
	aic_code code = aic_state_key(s, key, &there, err);

	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "that key stands on the ledger already: make a new one");
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

aic_code aic_execute_key_register(aic_exec *x, aic_error *err)
{
	aic_key_row k = {.site = x->signer.site, .since = x->height};
	uint8_t key[AIC_PUBLIC_LEN];
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	k.role = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, key, sizeof(key));
	k.until = aic_cbor_uint(&c);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "keys are registered by a site's own key");
	if (k.role != AIC_ROLE_NODE && k.role != AIC_ROLE_ADMIN)
		return aic_fail(err, AIC_REFUSED, "role %llu: 2 for a node, 3 for an administrator", (unsigned long long)k.role);
	if (k.until && k.until <= x->height)
		return aic_fail(err, AIC_REFUSED, "the key would end at height %llu, this is height %llu", (unsigned long long)k.until,
		                (unsigned long long)x->height);
	if ((code = must_be_new(x->state, key, err)))
		return code;
	return aic_state_key_put(x->state, key, &k, err);
}

/* The old key ends with this block; the new one has its role and site, from the next height on. */
aic_code aic_key_succeed(aic_exec *x, const uint8_t old[AIC_PUBLIC_LEN], const uint8_t new_key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_key_row k, next;
	aic_member m;
	aic_code code;

	if ((code = must_be_new(x->state, new_key, err)) || (code = aic_state_key(x->state, old, &k, err)))
		return code;
	next = (aic_key_row){.role = k.role, .site = k.site, .since = x->height + 1, .until = k.until};
	k.until = x->height + 1;
	if ((code = aic_state_key_put(x->state, old, &k, err)) || (code = aic_state_key_put(x->state, new_key, &next, err)) ||
	    k.role != AIC_ROLE_SITE)
		return code;
	if ((code = aic_state_member(x->state, &k.site, &m, err)))
		return code;
	memcpy(m.key, new_key, AIC_PUBLIC_LEN);
	return aic_state_member_put(x->state, &k.site, &m, err);
}

static aic_code one_key(const aic_exec *x, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 1);
	aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	return aic_cbor_finish(&c, err);
}

aic_code aic_execute_key_rotate(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_code code = one_key(x, key, err);

	return code ? code : aic_key_succeed(x, x->tx->signer, key, err);
}

aic_code aic_execute_key_revoke(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_key_row k;
	aic_code code = one_key(x, key, err);

	if (code)
		return code;
	code = aic_state_key(x->state, key, &k, err);
	if (code == AIC_NOT_FOUND || (!code && (k.role == AIC_ROLE_SITE || !aic_id_equal(&k.site, &x->signer.site))) ||
	    x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "a site's key revokes keys of nodes and administrators of that site alone");
	if (code)
		return code;
	if (k.until && k.until <= x->height)
		return aic_fail(err, AIC_REFUSED, "that key ended at height %llu", (unsigned long long)k.until);
	k.until = x->height;
	return aic_state_key_put(x->state, key, &k, err);
}
