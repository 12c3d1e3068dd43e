/* verifier.c: nodes that offer to compute segments again. A site names its own, each paid to a wallet in its custody. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/session.h"

/* Where the key is, or would be. */
static size_t place_of(const aic_verifier *v, size_t n, const uint8_t key[AIC_PUBLIC_LEN], bool *found)
{
	size_t at = 0;

	while (at < n && memcmp(v[at].key, key, AIC_PUBLIC_LEN) < 0)
		at++;
	*found = at < n && memcmp(v[at].key, key, AIC_PUBLIC_LEN) == 0;
	return at;
}

static aic_code check_node(const aic_exec *x, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_key_row k;
	aic_code code = x->signer.role == AIC_ROLE_SITE ? aic_state_key(x->state, key, &k, err)
	                                                : aic_fail(err, AIC_REFUSED, "only a member site's key can name verifiers");

	if (code == AIC_NOT_FOUND || (!code && (k.role != AIC_ROLE_NODE || !aic_id_equal(&k.site, &x->signer.site) ||
	                                        (k.until && x->height >= k.until))))
		return aic_fail(err, AIC_REFUSED, "the verifier's key is no valid node's key of this site: aic key register --role node");
	return code;
}

aic_code aic_execute_verifier_register(aic_exec *x, aic_error *err)
{
	aic_verifier v = {.device_len = 0}, *all = NULL;
	const uint8_t *device;
	aic_wallet w;
	size_t n, at;
	bool found;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, v.key, AIC_PUBLIC_LEN);
	aic_cbor_bytes_exact(&c, v.provider.b, AIC_ADDRESS_LEN);
	device = aic_cbor_bytes(&c, &v.device_len);
	if (aic_cbor_ok(&c) && v.device_len && v.device_len != AIC_HASH_LEN)
		aic_cbor_fail(&c, "a device of %zu bytes: none, or %d", v.device_len, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(&c, err)) || (code = check_node(x, v.key, err)) ||
	    (code = aic_wallet_need(x->state, &v.provider, &w, err)) || (code = aic_wallet_controlled(x, &v.provider, &w, err)))
		return code;
	if (v.device_len)
		memcpy(v.device, device, AIC_HASH_LEN);
	if ((code = aic_state_verifiers(x->state, &all, &n, err))) {
		free(all);
		return code;
	}
	all = aic_xrealloc(all, (n + 1) * sizeof(*all));
	at = place_of(all, n, v.key, &found);
	if (!found && n == AIC_VERIFIERS_MAX) {
		code = aic_fail(err, AIC_REFUSED, "there are %d verifiers: no more can be registered", AIC_VERIFIERS_MAX);
	} else {
		if (!found)
			memmove(&all[at + 1], &all[at], (n - at) * sizeof(*all));
		all[at] = v;
		code = aic_state_verifiers_put(x->state, all, found ? n : n + 1, err);
	}
	free(all);
	return code;
}

aic_code aic_execute_verifier_withdraw(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_verifier *all = NULL;
	aic_wallet w;
	size_t n, at;
	bool found;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 1);
	aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (!(code = aic_state_verifiers(x->state, &all, &n, err))) {
		at = place_of(all, n, key, &found);
		if (!found)
			code = aic_fail(err, AIC_REFUSED, "no verifier with that key is registered");
		else if (!(code = aic_wallet_need(x->state, &all[at].provider, &w, err)) &&
		         !(code = aic_wallet_controlled(x, &all[at].provider, &w, err))) {
			memmove(&all[at], &all[at + 1], (n - at - 1) * sizeof(*all));
			code = aic_state_verifiers_put(x->state, all, n - 1, err);
		}
	}
	free(all);
	return code;
}
