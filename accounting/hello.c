#include "accounting/hello.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define LATE (2 * AIC_HELLO_EVERY)

typedef struct {
	aic_node_hello said;
	int64_t at;
	bool settled;            /* registered, or refused */
} hello;

struct aic_hellos {
	int64_t since;
	size_t n, cap;
	hello *all;
	bool fresh;              /* one of them is not settled */
};

aic_hellos *aic_hellos_new(int64_t now)
{
	aic_hellos *h = aic_xcalloc(1, sizeof(*h));

	h->since = now;
	return h;
}

void aic_hellos_free(aic_hellos *h)
{
	if (!h)
		return;
	free(h->all);
	free(h);
}

static hello *find(const aic_hellos *h, const char *node)
{
	for (size_t i = 0; i < h->n; i++)
		if (!strcmp(h->all[i].said.node, node))
			return &h->all[i];
	return NULL;
}

static hello *find_or_add(aic_hellos *h, const char *node)
{
	hello *one = find(h, node);

	if (one)
		return one;
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->all = aic_xrealloc(h->all, h->cap * sizeof(*h->all));
	}
	h->all[h->n] = (hello){0};
	return &h->all[h->n++];
}

static bool same_keys(const aic_node_hello *a, const aic_node_hello *b)
{
	return a->draws == b->draws && !memcmp(a->key, b->key, AIC_PUBLIC_LEN) && !memcmp(a->vrf, b->vrf, AIC_PUBLIC_LEN);
}

static aic_code pin(aic_store *s, const aic_node_hello *said, int64_t now, aic_error *err)
{
	aic_code rc = aic_store_begin(s, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_node_key_pin(s, said->node, said->key, now, err);
	if (rc == AIC_OK)
		return aic_store_commit(s, err);
	aic_store_rollback(s);
	return rc;
}

aic_code aic_hello_take(aic_hellos *h, aic_store *s, const void *data, size_t len, int64_t now, bool *fresh, aic_error *err)
{
	aic_node_hello said;
	hello *one;
	aic_code rc = aic_node_hello_decode(&said, data, len, err);

	*fresh = false;
	if (rc == AIC_OK)
		rc = pin(s, &said, now, err);
	if (rc != AIC_OK)
		return rc;
	one = find_or_add(h, said.node);
	*fresh = !one->at || !same_keys(&one->said, &said);
	one->settled = one->settled && !*fresh;
	h->fresh |= !one->settled;
	one->said = said;
	one->at = now;
	return AIC_OK;
}

void aic_hello_forget(aic_hellos *h, const char *node)
{
	hello *one = find(h, node);

	if (one)
		*one = h->all[--h->n];
}

/* --- the ledger --- */

static bool stands(const aic_ledger_key *key, size_t n, const aic_node_hello *said)
{
	for (size_t i = 0; i < n; i++)
		if (key[i].role == AIC_ROLE_NODE && key[i].valid && !memcmp(key[i].key, said->key, AIC_PUBLIC_LEN))
			return key[i].has_vrf && !memcmp(key[i].vrf, said->vrf, AIC_PUBLIC_LEN);
	return false;
}

static aic_code settle(hello *one, aic_ledger *l, const aic_ledger_key *key, size_t n, aic_error *err)
{
	const aic_node_hello *said = &one->said;
	uint64_t height;
	aic_code rc = AIC_OK;

	if (said->draws && !stands(key, n, said))
		rc = aic_ledger_key_register(l, said->node, AIC_ROLE_NODE, said->key, 0, said->vrf, &height, err);
	if (rc == AIC_REFUSED) {
		aic_warn("the ledger does not take the keys of node %s, which draws for no block: %s", said->node, err->message);
		rc = AIC_OK;
	}
	one->settled = rc == AIC_OK;
	return rc;
}

aic_code aic_hellos_register(aic_hellos *h, aic_ledger *l, aic_error *err)
{
	aic_ledger_key *key = NULL;
	uint64_t approvals;
	size_t n = 0;
	aic_code rc;

	if (!h->fresh)
		return AIC_OK;
	rc = aic_ledger_keys(l, &key, &n, &approvals, err);
	for (size_t i = 0; i < h->n && rc == AIC_OK; i++)
		if (!h->all[i].settled)
			rc = settle(&h->all[i], l, key, n, err);
	h->fresh = rc != AIC_OK;
	free(key);
	return rc;
}

/* --- the doctor --- */

aic_code aic_hellos_look(const aic_hellos *h, aic_store *s, int64_t now, void (*say)(void *ctx, const char *node, const char *trouble),
                         void *ctx, size_t *drawing, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT node FROM node_key ORDER BY node", "");

	*drawing = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		const char *node = aic_sql_text(st, 0);
		const hello *one = find(h, node);

		if (one && (one->said.trouble[0] || !one->said.draws))
			say(ctx, node, one->said.trouble);
		else if (now - (one ? one->at : h->since) > LATE)
			say(ctx, node, NULL);
		else if (one)
			++*drawing;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
