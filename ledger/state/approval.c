/* approval.c: administrators' signatures on what a site posts. */
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/vote.h"

size_t aic_approvals_get(aic_cbor *c, aic_approval *approval)
{
	size_t n = aic_cbor_array(c, AIC_APPROVALS_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		aic_cbor_bytes_exact(c, approval[i].key, AIC_PUBLIC_LEN);
		aic_cbor_bytes_exact(c, approval[i].signature, AIC_SIGNATURE_LEN);
		if (aic_cbor_ok(c) && i && memcmp(approval[i - 1].key, approval[i].key, AIC_PUBLIC_LEN) >= 0)
			aic_cbor_fail(c, "approval %zu does not follow approval %zu in ascending order of keys", i + 1, i);
	}
	return n;
}

aic_code aic_approvals_check(const aic_exec *x, const aic_approval *approval, size_t n, const aic_hash *batch, aic_error *err)
{
	aic_member m;
	aic_code code = aic_state_member(x->state, &x->signer.site, &m, err);

	for (size_t i = 0; i < n && !code; i++) {
		aic_key_row k;

		code = aic_state_key(x->state, approval[i].key, &k, err);
		if (code == AIC_NOT_FOUND ||
		    (!code && (k.role != AIC_ROLE_ADMIN || !aic_id_equal(&k.site, &x->signer.site) || x->height < k.since ||
		               (k.until && x->height >= k.until))))
			return aic_fail(err, AIC_REFUSED, "approval %zu is not by a valid administrator's key of this site", i + 1);
		if (!code && !aic_approval_verify(&approval[i], &aic_state_head(x->state)->chain, batch))
			return aic_fail(err, AIC_REFUSED, "the signature of approval %zu is not over this batch", i + 1);
	}
	if (!code && n < m.approvals)
		return aic_fail(err, AIC_REFUSED, "%zu administrators have signed this batch, this site's policy asks for %llu", n,
		                (unsigned long long)m.approvals);
	return code;
}
