/* member.c: see member.h. */
#include "ledger/state/member.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/vote.h"

typedef struct {
	aic_id site;
	uint64_t since, until;
} entry;

uint64_t aic_quorum(uint64_t members)
{
	return members >= 4 ? 2 * members / 3 + 1 : members / 2 + 1;
}

bool aic_member_is_active(const aic_member *m, uint64_t height)
{
	return m->since <= height && (!m->until || height < m->until);
}

/* --- the list --- */

static aic_code read_list(aic_state *s, entry **list, size_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_MEMBERS, "", 0, &row, &len, err);

	*n = 0;
	*list = NULL;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*n = aic_cbor_array(&c, AIC_MEMBERS_MAX);
	*list = aic_xcalloc(*n + 1, sizeof(**list));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 3);
		aic_cbor_bytes_exact(&c, (*list)[i].site.b, sizeof((*list)[i].site.b));
		(*list)[i].since = aic_cbor_uint(&c);
		(*list)[i].until = aic_cbor_uint(&c);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*list);
		*list = NULL;
	}
	return code;
}

static int by_site(const void *a, const void *b)
{
	return memcmp(((const entry *)a)->site.b, ((const entry *)b)->site.b, sizeof(((const entry *)a)->site.b));
}

static aic_code write_list(aic_state *s, entry *list, size_t n, aic_error *err)
{
	aic_bytes row = {0};

	qsort(list, n, sizeof(*list), by_site);
	aic_cbor_put_array(&row, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(&row, 3);
		aic_cbor_put_bytes(&row, list[i].site.b, sizeof(list[i].site.b));
		aic_cbor_put_uint(&row, list[i].since);
		aic_cbor_put_uint(&row, list[i].until);
	}
	aic_code code = aic_state_put(s, AIC_TABLE_MEMBERS, "", 0, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_members_active(aic_state *s, uint64_t height, uint64_t *n, aic_error *err)
{
	entry *list;
	size_t all;
	aic_code code = read_list(s, &list, &all, err);

	*n = 0;
	for (size_t i = 0; i < all && !code; i++)
		*n += list[i].since <= height && (!list[i].until || height < list[i].until);
	free(list);
	return code;
}

aic_code aic_members_all(aic_state *s, aic_id **site, size_t *n, aic_error *err)
{
	entry *list;
	aic_code code = read_list(s, &list, n, err);

	*site = aic_xcalloc(*n + 1, sizeof(**site));
	for (size_t i = 0; i < *n && !code; i++)
		(*site)[i] = list[i].site;
	free(list);
	return code;
}

aic_code aic_member_add(aic_state *s, const uint8_t key[AIC_PUBLIC_LEN], uint64_t since, aic_error *err)
{
	aic_id site = aic_site_id(key);
	aic_member m = {.since = since};
	aic_key_row k = {.role = AIC_ROLE_SITE, .site = site, .since = since}, there;
	entry *list;
	size_t n;
	aic_code code = aic_state_key(s, key, &there, err);

	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "that key stands on the ledger already: a site joins with a new one");
	if (code != AIC_NOT_FOUND || (code = read_list(s, &list, &n, err)))
		return code;
	if (n == AIC_MEMBERS_MAX) {
		free(list);
		return aic_fail(err, AIC_FULL, "there are %d members, past ones included: no more fit", AIC_MEMBERS_MAX);
	}
	memcpy(m.key, key, AIC_PUBLIC_LEN);
	list = aic_xrealloc(list, (n + 1) * sizeof(*list));
	list[n] = (entry){site, since, 0};
	if (!(code = write_list(s, list, n + 1, err)) && !(code = aic_state_member_put(s, &site, &m, err)))
		code = aic_state_key_put(s, key, &k, err);
	free(list);
	return code;
}

static aic_code end_membership(aic_state *s, const aic_id *site, aic_member *m, uint64_t until, aic_error *err)
{
	entry *list;
	size_t n;
	uint64_t left = 0;
	aic_key_row k;
	aic_code code = read_list(s, &list, &n, err);

	for (size_t i = 0; i < n && !code; i++) {
		if (aic_id_equal(&list[i].site, site))
			list[i].until = until;
		left += !list[i].until;
	}
	if (!code && !left)
		code = aic_fail(err, AIC_REFUSED, "the last member cannot retire");
	m->until = until;
	if (!code && !(code = write_list(s, list, n, err)) && !(code = aic_state_member_put(s, site, m, err)) &&
	    !(code = aic_state_key(s, m->key, &k, err))) {
		k.until = until;
		code = aic_state_key_put(s, m->key, &k, err);
	}
	free(list);
	return code;
}

/* --- transactions --- */

void aic_site_admit_body(aic_bytes *out, uint64_t expires, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_uint(out, expires);
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
}

aic_code aic_execute_site_admit(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	bool passed;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	uint64_t expires = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, key, sizeof(key));
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	return aic_member_add(x->state, key, x->height + AIC_MEMBER_DELAY, err);
}

void aic_site_retire_body(aic_bytes *out, uint64_t expires, const aic_id *site)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_uint(out, expires);
	aic_cbor_put_bytes(out, site->b, sizeof(site->b));
}

static aic_code need_member(aic_exec *x, const aic_id *site, aic_member *m, aic_error *err)
{
	aic_code code = aic_state_member(x->state, site, m, err);

	if (code == AIC_NOT_FOUND || (!code && m->until))
		return aic_fail(err, AIC_REFUSED, "that site is no member, or is leaving already");
	return code;
}

aic_code aic_execute_site_retire(aic_exec *x, aic_error *err)
{
	aic_id site;
	aic_member m;
	bool passed;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	uint64_t expires = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, site.b, sizeof(site.b));
	if ((code = aic_cbor_finish(&c, err)) || (code = need_member(x, &site, &m, err)) ||
	    (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	return end_membership(x->state, &site, &m, x->height + AIC_MEMBER_DELAY, err);
}

void aic_site_key_replace_body(aic_bytes *out, uint64_t expires, const aic_id *site, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, expires);
	aic_cbor_put_bytes(out, site->b, sizeof(site->b));
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
}

aic_code aic_execute_site_key_replace(aic_exec *x, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_id site;
	aic_member m;
	bool passed;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	uint64_t expires = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, site.b, sizeof(site.b));
	aic_cbor_bytes_exact(&c, key, sizeof(key));
	if ((code = aic_cbor_finish(&c, err)) || (code = need_member(x, &site, &m, err)) ||
	    (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	return aic_key_succeed(x, m.key, key, err);
}

void aic_site_policy_body(aic_bytes *out, uint64_t approvals)
{
	aic_cbor_put_array(out, 1);
	aic_cbor_put_uint(out, approvals);
}

aic_code aic_execute_site_policy(aic_exec *x, aic_error *err)
{
	aic_member m;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 1);
	uint64_t approvals = aic_cbor_uint(&c);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "a site's policy is set by its own site key");
	if (approvals > AIC_APPROVALS_MAX)
		return aic_fail(err, AIC_REFUSED, "%llu approvals: at most %d", (unsigned long long)approvals, AIC_APPROVALS_MAX);
	if ((code = aic_state_member(x->state, &x->signer.site, &m, err)))
		return code;
	m.approvals = approvals;
	return aic_state_member_put(x->state, &x->signer.site, &m, err);
}
