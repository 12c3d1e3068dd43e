/* key.c: keys of nodes and administrators, rotation and revocation; member.h has the bodies. */
#include <string.h>

#include "ledger/state/drawer.h"
#include "ledger/state/execute.h"
#include "ledger/state/member.h"
#include "ledger/state/vote.h"

static void put_key(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
}

void aic_key_register_body(aic_bytes *out, aic_role role, const uint8_t key[AIC_PUBLIC_LEN], uint64_t until, const uint8_t *vrf)
{
	aic_cbor_put_array(out, vrf ? 4 : 3);
	aic_cbor_put_uint(out, (uint64_t)role);
	put_key(out, key);
	aic_cbor_put_uint(out, until);
	if (vrf)
		put_key(out, vrf);
}

void aic_node_vrf_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN], const uint8_t vrf[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 2);
	put_key(out, key);
	put_key(out, vrf);
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

/* A good point, and no key that signs anything here. */
static aic_code check_vrf(aic_state *s, const uint8_t key[AIC_PUBLIC_LEN], const uint8_t vrf[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_key_row there;
	aic_code code = aic_state_key(s, vrf, &there, err);

	if (code == AIC_OK || memcmp(key, vrf, AIC_PUBLIC_LEN) == 0)
		return aic_fail(err, AIC_REFUSED, "a node's VRF key is a key of its own: that one signs");
	if (code == AIC_NOT_FOUND && !aic_vrf_key_valid(vrf))
		return aic_fail(err, AIC_REFUSED, "that is no VRF key: give the 64 digits that aicnoded shows");
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code read_register(const aic_transaction *tx, aic_key_row *k, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	size_t items = aic_cbor_array(&c, 4);
	if (aic_cbor_ok(&c) && items < 3)
		aic_cbor_fail(&c, "%zu items where 3 or 4 are needed", items);
	k->role = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	k->until = aic_cbor_uint(&c);
	k->has_vrf = items == 4 && aic_cbor_bytes_exact(&c, k->vrf, sizeof(k->vrf));
	return aic_cbor_finish(&c, err);
}

aic_code aic_execute_key_register(aic_exec *x, aic_error *err)
{
	aic_key_row k = {.site = x->signer.site, .since = x->height};
	uint8_t key[AIC_PUBLIC_LEN];
	aic_code code = read_register(x->tx, &k, key, err);

	if (code)
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "keys are registered by a site's own key");
	if (k.role != AIC_ROLE_NODE && k.role != AIC_ROLE_ADMIN)
		return aic_fail(err, AIC_REFUSED, "role %llu: 2 for a node, 3 for an administrator", (unsigned long long)k.role);
	if (k.until && k.until <= x->height)
		return aic_fail(err, AIC_REFUSED, "the key would end at height %llu, this is height %llu", (unsigned long long)k.until,
		                (unsigned long long)x->height);
	if (k.has_vrf && k.role != AIC_ROLE_NODE)
		return aic_fail(err, AIC_REFUSED, "an administrator draws for no blocks: only nodes have VRF keys");
	if ((code = must_be_new(x->state, key, err)) || (k.has_vrf && (code = check_vrf(x->state, key, k.vrf, err))))
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
	next = k;
	next.since = x->height + 1;
	next.nonce = 0;
	k.until = x->height + 1;
	if ((code = aic_drawer_end(x, old, err)) || (code = aic_state_key_put(x->state, old, &k, err)) || (code = aic_state_key_put(x->state, new_key, &next, err)) ||
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
	code = aic_drawer_end(x, key, err);
	return code ? code : aic_state_key_put(x->state, key, &k, err);
}

/* Another VRF key is no choice that could be made with the beacon in sight: the node joins anew. */
aic_code aic_execute_node_vrf(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN], vrf[AIC_PUBLIC_LEN];
	aic_key_row k;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	aic_cbor_bytes_exact(&c, key, sizeof(key));
	aic_cbor_bytes_exact(&c, vrf, sizeof(vrf));
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	code = aic_state_key(x->state, key, &k, err);
	if (code == AIC_NOT_FOUND || (!code && (k.role != AIC_ROLE_NODE || !aic_id_equal(&k.site, &x->signer.site))) ||
	    x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "a site's key gives VRF keys to nodes of that site alone");
	if (code || (code = check_vrf(x->state, key, vrf, err)))
		return code;
	if (k.until && k.until <= x->height)
		return aic_fail(err, AIC_REFUSED, "that key ended at height %llu", (unsigned long long)k.until);
	k.has_vrf = true;
	memcpy(k.vrf, vrf, sizeof(vrf));
	code = aic_drawer_end(x, key, err);
	return code ? code : aic_state_key_put(x->state, key, &k, err);
}
