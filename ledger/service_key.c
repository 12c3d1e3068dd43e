/* service_key.c: what aicledgerd does for `aic key`: keys of nodes and administrators, the site key's successor, votes about a lost one. */
#include <string.h>

#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/member.h"

static aic_code post(aic_request *r, uint64_t kind, aic_bytes *body, aic_posted *posted, aic_error *err)
{
	aic_code code = aic_chain_post(&r->s->chain, kind, body, posted, err);

	aic_bytes_free(body);
	return code;
}

/* --- listing --- */

typedef struct {
	aic_state *state;
	aic_bytes rows;
	size_t n;
} key_list;

static aic_code add_key(void *ctx, const char *name, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	key_list *list = ctx;
	uint64_t next = aic_state_head(list->state)->height + 1;
	aic_key_row k;
	aic_code code = aic_state_key(list->state, key, &k, err);

	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code; /* named, but its transaction was refused */
	aic_cbor_put_array(&list->rows, 7);
	aic_cbor_put_text(&list->rows, name);
	aic_cbor_put_uint(&list->rows, k.role);
	aic_cbor_put_bytes(&list->rows, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&list->rows, k.since);
	aic_cbor_put_uint(&list->rows, k.until);
	aic_cbor_put_bool(&list->rows, k.since <= next && (!k.until || next < k.until));
	aic_cbor_put_bytes(&list->rows, k.vrf, k.has_vrf ? sizeof(k.vrf) : 0);
	list->n++;
	return AIC_OK;
}

aic_code aic_op_keys(aic_request *r, aic_error *err)
{
	key_list list = {.state = r->s->state};
	aic_member me;
	aic_code code = aic_state_member(r->s->state, &r->s->chain.site, &me, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "this site is no member of the ledger, so that it has no keys there");
	if (!code && !(code = add_key(&list, aic_role_name(AIC_ROLE_SITE), me.key, err)))
		code = aic_custody_keys_each(r->s->custody, add_key, &list, err);
	aic_cbor_put_uint(r->out, me.approvals);
	aic_cbor_put_array(r->out, list.n);
	aic_bytes_append(r->out, list.rows.data, list.rows.len);
	aic_bytes_free(&list.rows);
	r->items = 2;
	return code;
}

/* --- nodes and administrators --- */

typedef struct {
	char name[AIC_NAME_LEN];
	uint64_t role, until;
	uint8_t key[AIC_PUBLIC_LEN], vrf[AIC_PUBLIC_LEN];
	bool has_vrf;
} registration;

static aic_code read_registration(aic_cbor *c, registration *n, aic_error *err)
{
	size_t len;

	aic_cbor_text(c, n->name, sizeof(n->name));
	n->role = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, n->key, sizeof(n->key));
	n->until = aic_cbor_uint(c);
	const uint8_t *vrf = aic_cbor_bytes(c, &len);
	if (aic_cbor_ok(c) && len && len != sizeof(n->vrf))
		aic_cbor_fail(c, "a VRF key of %zu bytes, %zu are needed", len, sizeof(n->vrf));
	n->has_vrf = aic_cbor_ok(c) && len;
	if (n->has_vrf)
		memcpy(n->vrf, vrf, len);
	return aic_cbor_finish(c, err);
}

static aic_code register_new(aic_request *r, const registration *n, uint64_t *height, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code;

	aic_key_register_body(&body, (aic_role)n->role, n->key, n->until, n->has_vrf ? n->vrf : NULL);
	if ((code = post(r, AIC_TX_KEY_REGISTER, &body, &posted, err)))
		return code;
	aic_info("key of %s %s registered at height %llu by uid %u", aic_role_name((aic_role)n->role), n->name,
	         (unsigned long long)posted.height, (unsigned)r->who->uid);
	*height = posted.height;
	return AIC_OK;
}

/* The key stands with the same role and end: at most its VRF key is another one. */
static aic_code register_vrf(aic_request *r, const registration *n, const aic_key_row *there, uint64_t *height, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code;

	*height = there->since;
	if (!n->has_vrf || (there->has_vrf && memcmp(there->vrf, n->vrf, sizeof(n->vrf)) == 0))
		return AIC_OK;
	aic_node_vrf_body(&body, n->key, n->vrf);
	if ((code = post(r, AIC_TX_NODE_VRF, &body, &posted, err)))
		return code;
	aic_info("VRF key of node %s registered at height %llu by uid %u", n->name, (unsigned long long)posted.height, (unsigned)r->who->uid);
	*height = posted.height;
	return AIC_OK;
}

/* The name is kept first: it can be corrected, a key on the ledger without one could not be told from others. */
aic_code aic_op_key_register(aic_request *r, aic_error *err)
{
	registration n = {.role = 0};
	uint64_t height = 0;
	aic_key_row there;
	aic_code code;

	if ((code = read_registration(r->args, &n, err)) || (code = aic_chain_catch_up(&r->s->chain, err)) ||
	    (code = aic_custody_key_remember(r->s->custody, n.name, n.key, err)))
		return code;
	code = aic_state_key(r->s->state, n.key, &there, err);
	if (code == AIC_OK && there.role == n.role && aic_id_equal(&there.site, &r->s->chain.site) && there.until == n.until)
		code = register_vrf(r, &n, &there, &height, err);
	else if (code == AIC_OK || code == AIC_NOT_FOUND)
		code = register_new(r, &n, &height, err);
	aic_cbor_put_uint(r->out, height);
	r->items = 1;
	return code;
}

aic_code aic_op_key_revoke(aic_request *r, aic_error *err)
{
	char name[2 * AIC_PUBLIC_LEN + 1];
	uint8_t key[AIC_PUBLIC_LEN];
	aic_bytes body = {0};
	aic_posted posted = {.height = 0};
	aic_code code;

	aic_cbor_text(r->args, name, sizeof(name));
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_key_find(r->s->custody, name, key, err)))
		return code;
	aic_key_revoke_body(&body, key);
	if ((code = post(r, AIC_TX_KEY_REVOKE, &body, &posted, err)))
		return code;
	aic_info("key %s revoked at height %llu by uid %u", name, (unsigned long long)posted.height, (unsigned)r->who->uid);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 1;
	return AIC_OK;
}

aic_code aic_op_policy(aic_request *r, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code;

	uint64_t approvals = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_site_policy_body(&body, approvals);
	if ((code = post(r, AIC_TX_SITE_POLICY, &body, &posted, err)))
		return code;
	aic_info("settlements need %llu signed approvals from height %llu on, by uid %u", (unsigned long long)approvals,
	         (unsigned long long)posted.height, (unsigned)r->who->uid);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 1;
	return AIC_OK;
}

/* --- site keys --- */

/* The successor lies on the disk before the ledger names it, and the chain signs with it from the block on that does: a crash between
 * any two of these steps is healed by aic_service_open. */
aic_code aic_op_key_rotate(aic_request *r, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code;

	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_next_make(r->s->custody, err)))
		return code;
	r->s->chain.next = aic_custody_next_key(r->s->custody);
	aic_key_rotate_body(&body, r->s->chain.next->public_key);
	if ((code = post(r, AIC_TX_KEY_ROTATE, &body, &posted, err)) || (code = aic_service_take_over(r->s, err)))
		return code;
	aic_info("the site has a new key since height %llu, by uid %u", (unsigned long long)posted.height, (unsigned)r->who->uid);
	aic_cbor_put_bytes(r->out, r->s->chain.key->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 2;
	return AIC_OK;
}

aic_code aic_service_take_over(aic_service *s, aic_error *err)
{
	const aic_key *next = aic_custody_next_key(s->custody);
	aic_code code;

	if (!next || s->chain.key != next)
		return AIC_OK;
	if (!(code = aic_custody_next_takes_over(s->custody, err)))
		s->chain.key = aic_custody_site_key(s->custody);
	return code;
}

aic_code aic_op_key_replace(aic_request *r, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN];
	aic_bytes body = {0};
	aic_posted posted;
	aic_member m;
	aic_id site;
	aic_code code;

	aic_cbor_bytes_exact(r->args, site.b, sizeof(site.b));
	aic_cbor_bytes_exact(r->args, key, sizeof(key));
	uint64_t expires = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_site_key_replace_body(&body, expires, &site, key);
	if ((code = post(r, AIC_TX_SITE_KEY_REPLACE, &body, &posted, err)) || (code = aic_state_member(r->s->state, &site, &m, err)))
		return code;
	aic_info("voted at height %llu that a member's lost key be replaced, by uid %u", (unsigned long long)posted.height,
	         (unsigned)r->who->uid);
	aic_cbor_put_uint(r->out, posted.height);
	aic_cbor_put_bool(r->out, memcmp(m.key, key, sizeof(key)) == 0);
	r->items = 2;
	return AIC_OK;
}
