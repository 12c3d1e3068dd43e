/* drawer.c: which nodes draw for blocks, and how many they are; see drawer.h. */
#include "ledger/state/drawer.h"

#include <stdlib.h>
#include <string.h>

#include "common/block_call.h"

/* --- rows --- */

aic_id aic_drawer_id(const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_id id;

	aic_node_id(id.b, key);
	return id;
}

aic_code aic_state_drawer(aic_state *s, const aic_id *node, aic_drawer *d, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_DRAWER, node->b, sizeof(node->b), &row, &len, err);

	if (code)
		return code;
	memset(d, 0, sizeof(*d));
	aic_cbor_init(&c, row, len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, d->key, AIC_PUBLIC_LEN);
	d->since = aic_cbor_uint(&c);
	d->n = aic_cbor_array(&c, AIC_DRAWER_SESSIONS_MAX);
	for (size_t i = 0; i < d->n && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, d->session[i].b, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's row of a node that draws") : AIC_OK;
}

static aic_code put_drawer(aic_state *s, const aic_id *node, const aic_drawer *d, aic_error *err)
{
	aic_bytes row = {0};

	if (!d->n)
		return aic_state_delete(s, AIC_TABLE_DRAWER, node->b, sizeof(node->b), err);
	aic_cbor_put_array(&row, 3);
	aic_cbor_put_bytes(&row, d->key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&row, d->since);
	aic_cbor_put_array(&row, d->n);
	for (size_t i = 0; i < d->n; i++)
		aic_cbor_put_bytes(&row, d->session[i].b, AIC_HASH_LEN);
	aic_code code = aic_state_put(s, AIC_TABLE_DRAWER, node->b, sizeof(node->b), &row, err);
	aic_bytes_free(&row);
	return code;
}

/* --- how many --- */

/* Those that draw at `height`, and those that will from the heights after it on. */
typedef struct {
	uint64_t height, n, later[AIC_DRAWER_DELAY];
} census;

static aic_code read_census(aic_state *s, census *t, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_DRAWERS, "", 0, &row, &len, err);

	memset(t, 0, sizeof(*t));
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	aic_cbor_array_exact(&c, 2 + AIC_DRAWER_DELAY);
	t->height = aic_cbor_uint(&c);
	t->n = aic_cbor_uint(&c);
	for (size_t i = 0; i < AIC_DRAWER_DELAY; i++)
		t->later[i] = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's count of nodes that draw") : AIC_OK;
}

static aic_code put_census(aic_state *s, const census *t, aic_error *err)
{
	aic_bytes row = {0};

	aic_cbor_put_array(&row, 2 + AIC_DRAWER_DELAY);
	aic_cbor_put_uint(&row, t->height);
	aic_cbor_put_uint(&row, t->n);
	for (size_t i = 0; i < AIC_DRAWER_DELAY; i++)
		aic_cbor_put_uint(&row, t->later[i]);
	aic_code code = aic_state_put(s, AIC_TABLE_DRAWERS, "", 0, &row, err);
	aic_bytes_free(&row);
	return code;
}

static void bring_to(census *t, uint64_t height)
{
	while (t->height < height) {
		uint64_t sum = t->later[0];

		t->n += t->later[0];
		memmove(t->later, t->later + 1, sizeof(t->later) - sizeof(t->later[0]));
		t->later[AIC_DRAWER_DELAY - 1] = 0;
		for (size_t i = 0; i < AIC_DRAWER_DELAY; i++)
			sum += t->later[i];
		t->height = sum ? t->height + 1 : height;
	}
}

aic_code aic_drawers(aic_state *s, uint64_t height, uint64_t *n, aic_error *err)
{
	census t;
	aic_code code = read_census(s, &t, err);

	bring_to(&t, height);
	*n = t.n;
	return code;
}

/* One more, or one less, of those that draw from `since` on, seen from the block at `height`. */
static aic_code count(aic_state *s, uint64_t height, uint64_t since, int by, aic_error *err)
{
	census t;
	aic_code code = read_census(s, &t, err);

	if (code)
		return code;
	bring_to(&t, height);
	uint64_t *place = since <= height ? &t.n : &t.later[since - height - 1];
	if (by < 0 && !*place)
		return aic_fail(err, AIC_CORRUPT, "the count of nodes that draw does not fit the nodes: rebuild the state by replay");
	*place += (uint64_t)(int64_t)by;
	return put_census(s, &t, err);
}

/* --- joining and leaving --- */

static bool may_join(const aic_exec *x, const aic_key_row *k)
{
	return k->role == AIC_ROLE_NODE && k->has_vrf && aic_id_equal(&k->site, &x->signer.site) && (!k->until || x->height < k->until);
}

static bool has_session(const aic_drawer *d, const aic_hash *session)
{
	for (size_t i = 0; i < d->n; i++)
		if (aic_hash_equal(&d->session[i], session))
			return true;
	return false;
}

static aic_code join(aic_exec *x, const aic_hash *session, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_id id = aic_drawer_id(key);
	aic_key_row k;
	aic_drawer d;
	aic_code code = aic_state_key(x->state, key, &k, err);

	if (code == AIC_NOT_FOUND || (!code && !may_join(x, &k)))
		return AIC_OK;
	if (!code && (code = aic_state_drawer(x->state, &id, &d, err)) == AIC_NOT_FOUND) {
		d = (aic_drawer){.since = x->height + AIC_DRAWER_DELAY};
		memcpy(d.key, key, AIC_PUBLIC_LEN);
		code = count(x->state, x->height, d.since, 1, err);
	}
	if (code || has_session(&d, session) || d.n == AIC_DRAWER_SESSIONS_MAX)
		return code;
	d.session[d.n++] = *session;
	return put_drawer(x->state, &id, &d, err);
}

aic_code aic_drawers_join(aic_exec *x, const aic_hash *session, const aic_session_node *node, size_t n, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < n && !code; i++)
		code = join(x, session, node[i].key, err);
	return code;
}

static aic_code leave(aic_exec *x, const aic_hash *session, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_id id = aic_drawer_id(key);
	aic_drawer d;
	size_t kept = 0;
	aic_code code = aic_state_drawer(x->state, &id, &d, err);

	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	for (size_t i = 0; i < d.n; i++)
		if (!session || aic_hash_equal(&d.session[i], session))
			continue;
		else
			d.session[kept++] = d.session[i];
	if (kept == d.n)
		return AIC_OK;
	d.n = kept;
	if (!kept && (code = count(x->state, x->height, d.since, -1, err)))
		return code;
	return put_drawer(x->state, &id, &d, err);
}

aic_code aic_drawers_leave(aic_exec *x, const aic_hash *session, aic_error *err)
{
	aic_session_node *node;
	size_t n;
	aic_code code = aic_state_session_nodes(x->state, session, &node, &n, err);

	for (size_t i = 0; i < n && !code; i++)
		code = leave(x, session, node[i].key, err);
	free(node);
	return code;
}

aic_code aic_drawer_end(aic_exec *x, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	return leave(x, NULL, key, err);
}
