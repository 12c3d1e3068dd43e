/* session.c: a session from its opening to its closing; see session.h. */
#include "ledger/state/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/state/asset.h"
#include "ledger/state/decoy.h"
#include "ledger/state/draw.h"
#include "ledger/state/drawer.h"
#include "ledger/state/member.h"

static const aic_address nobody;

/* --- shared --- */

char *aic_session_text(char buf[20], const aic_hash *id)
{
	aic_hex(buf, id->b, 8);
	strcpy(buf + 16, "...");
	return buf;
}

aic_code aic_session_need(aic_state *s, const aic_hash *id, aic_session *row, aic_error *err)
{
	char text[20];
	aic_code code = aic_state_session(s, id, row, err);

	return code == AIC_NOT_FOUND ? aic_fail(err, AIC_REFUSED, "there is no session %s", aic_session_text(text, id)) : code;
}

bool aic_session_is_decided(uint64_t state)
{
	return state >= AIC_SESSION_UNCHALLENGED;
}

aic_code aic_party_of(aic_state *s, const aic_address *wallet, uint64_t height, aic_party *p, aic_error *err)
{
	uint64_t members;
	aic_wallet w;
	aic_code code = aic_wallet_need(s, wallet, &w, err);

	if (!code)
		code = aic_members_active(s, height, &members, err);
	if (!code)
		*p = members > 1 ? w.site : w.organisation;
	return code;
}

/* How many sessions of a site wait for a decision. */
static aic_code count_undecided(aic_state *s, const aic_id *site, int by, aic_error *err)
{
	uint64_t n;
	aic_code code = aic_state_count(s, AIC_TABLE_SESSION_UNDECIDED, site->b, sizeof(site->b), &n, err);

	if (code)
		return code;
	if (by > 0 && n >= AIC_SESSIONS_UNDECIDED_MAX)
		return aic_fail(err, AIC_REFUSED, "this site has %llu sessions that are not decided, %d is the most: close what has ended",
		                (unsigned long long)n, AIC_SESSIONS_UNDECIDED_MAX);
	return aic_state_count_put(s, AIC_TABLE_SESSION_UNDECIDED, site->b, sizeof(site->b), by > 0 ? n + 1 : n ? n - 1 : 0, err);
}

/* A provider that handed nothing out twice running has something to hide. */
static aic_code count_withheld(aic_state *s, aic_session *r, aic_session_state *state, aic_error *err)
{
	bool again = false;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < r->n_providers && !code; i++) {
		const uint8_t *key = r->provider[i].wallet.b;
		uint64_t n;

		if (*state == AIC_SESSION_VERIFIED) {
			code = aic_state_count_put(s, AIC_TABLE_SESSION_WITHHELD, key, AIC_ADDRESS_LEN, 0, err);
		} else if (*state == AIC_SESSION_WITHHELD) {
			if ((code = aic_state_count(s, AIC_TABLE_SESSION_WITHHELD, key, AIC_ADDRESS_LEN, &n, err)))
				return code;
			again |= n > 0;
			code = aic_state_count_put(s, AIC_TABLE_SESSION_WITHHELD, key, AIC_ADDRESS_LEN, n + 1, err);
		}
	}
	if (again)
		*state = AIC_SESSION_REFUTED;
	return code;
}

aic_code aic_session_decide(aic_state *s, aic_session *r, aic_session_state state, uint64_t height, int64_t time, aic_error *err)
{
	bool undecided = state == AIC_SESSION_UNVERIFIABLE || state == AIC_SESSION_EXPIRED;
	aic_code code;

	if (r->appeals && undecided) { /* who appeals and finds no judge has what was judged before */
		r->state = r->former;
		return count_undecided(s, &r->site, -1, err);
	}
	if (r->revealed && state == AIC_SESSION_WITHHELD) { /* who says that it is a decoy has to show it */
		r->state = r->former;
		return count_undecided(s, &r->site, -1, err);
	}
	if (r->revealed && state == AIC_SESSION_REFUTED) {
		state = AIC_SESSION_DECOY;
		code = aic_decoy_shown(s, r, time, err);
	} else {
		code = count_withheld(s, r, &state, err);
	}
	if (code)
		return code;
	r->state = state;
	r->decided = height;
	r->decided_at = time;
	return count_undecided(s, &r->site, -1, err);
}

static aic_code by_site(const aic_exec *x, const char *what, aic_error *err)
{
	if (x->signer.role == AIC_ROLE_SITE)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "only a member site's key can %s", what);
}

/* Own sessions alone, in a state that allows it. */
static aic_code need_own(const aic_exec *x, const aic_hash *id, aic_session *r, const char *what, aic_error *err)
{
	char text[20];
	aic_code code;

	if ((code = by_site(x, what, err)) || (code = aic_session_need(x->state, id, r, err)))
		return code;
	if (!aic_id_equal(&r->site, &x->signer.site))
		return aic_fail(err, AIC_REFUSED, "session %s was opened by another site, which alone can %s", aic_session_text(text, id), what);
	return AIC_OK;
}

static aic_code need_open(const aic_exec *x, const aic_hash *id, aic_session *r, const char *what, aic_error *err)
{
	char text[20];
	aic_code code = need_own(x, id, r, what, err);

	if (!code && r->state != AIC_SESSION_OPEN)
		code = aic_fail(err, AIC_REFUSED, "session %s was closed at height %llu: nothing more is committed to it", aic_session_text(text, id),
		                (unsigned long long)r->closed);
	return code;
}

static void emit(aic_exec *x, uint64_t kind, const aic_session *r, const aic_hash *id, aic_u256 value)
{
	char text[20];

	aic_session_text(text, id)[16] = '\0';
	aic_state_emit(x->state, kind, &r->payer, &nobody, value, text);
}

/* --- opening --- */

static void get_up_to(aic_cbor *c, uint8_t out[AIC_HASH_LEN], size_t *len, const char *what)
{
	const uint8_t *data = aic_cbor_bytes(c, len);

	if (aic_cbor_ok(c) && *len > AIC_HASH_LEN)
		aic_cbor_fail(c, "%s of %zu bytes, %d is the most", what, *len, AIC_HASH_LEN);
	if (aic_cbor_ok(c) && *len)
		memcpy(out, data, *len);
}

static aic_session_node *get_nodes(aic_cbor *c, size_t *n)
{
	*n = aic_cbor_array(c, AIC_SESSION_NODES_MAX);
	aic_session_node *node = aic_xcalloc(*n + 1, sizeof(*node));
	for (size_t i = 0; i < *n && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		aic_cbor_bytes_exact(c, node[i].key, AIC_PUBLIC_LEN);
		aic_cbor_bytes_exact(c, node[i].provider.b, AIC_ADDRESS_LEN);
		if (aic_cbor_ok(c) && i && memcmp(node[i - 1].key, node[i].key, AIC_PUBLIC_LEN) >= 0)
			aic_cbor_fail(c, "node %zu does not follow node %zu by key", i + 1, i);
	}
	return node;
}

static aic_code read_open(aic_session *r, const aic_transaction *tx, aic_session_node **node, size_t *n, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 12);
	aic_cbor_bytes_exact(&c, r->payer.b, AIC_ADDRESS_LEN);
	r->run = aic_cbor_uint(&c);
	r->class = aic_cbor_uint(&c);
	get_up_to(&c, r->device, &r->device_len, "a device");
	r->shards = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, r->spec.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, r->data.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, r->code.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, r->mark.b, AIC_HASH_LEN);
	get_up_to(&c, r->model, &r->model_len, "a model");
	r->n_assets = aic_cbor_array(&c, AIC_SESSION_ASSETS_MAX);
	for (size_t i = 0; i < r->n_assets && aic_cbor_ok(&c); i++) {
		r->asset[i] = aic_cbor_u256(&c);
		if (aic_cbor_ok(&c) && i && aic_u256_cmp(r->asset[i - 1], r->asset[i]) >= 0)
			aic_cbor_fail(&c, "asset %zu does not follow asset %zu in ascending order", i + 1, i);
	}
	*node = get_nodes(&c, n);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "session") : AIC_OK;
}

static aic_code check_open(const aic_session *r, size_t nodes, aic_error *err)
{
	if (r->run > AIC_RUN_SITE || r->class > AIC_CLASS_D2)
		return aic_fail(err, AIC_REFUSED, "run %llu and class %llu of a session: run is 0 or 1, class 0 to 2", (unsigned long long)r->run,
		                (unsigned long long)r->class);
	if (!r->shards || r->shards > AIC_SESSION_SHARDS_MAX || (r->shards & (r->shards - 1)))
		return aic_fail(err, AIC_REFUSED, "%llu shards: a power of two up to %d", (unsigned long long)r->shards, AIC_SESSION_SHARDS_MAX);
	if (r->device_len != (r->class == AIC_CLASS_D1 ? AIC_HASH_LEN : 0))
		return aic_fail(err, AIC_REFUSED, "a session names a device, 32 bytes, where its class is D1, and else none: this one has class %llu and "
		                                  "%zu bytes", (unsigned long long)r->class, r->device_len);
	if (!nodes)
		return aic_fail(err, AIC_REFUSED, "a session without a node: name at least one");
	return AIC_OK;
}

/* Each node's provider into the list of providers. */
static aic_code add_providers(const aic_exec *x, aic_session *r, const aic_session_node *node, size_t n, aic_error *err)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;
		aic_wallet w;
		aic_code code;

		while (at < r->n_providers && aic_address_cmp(&r->provider[at].wallet, &node[i].provider) < 0)
			at++;
		if (at < r->n_providers && aic_address_cmp(&r->provider[at].wallet, &node[i].provider) == 0)
			continue;
		if ((code = aic_wallet_need(x->state, &node[i].provider, &w, err)) || (code = aic_wallet_controlled(x, &node[i].provider, &w, err)))
			return code;
		if (r->n_providers == AIC_SESSION_PROVIDERS_MAX)
			return aic_fail(err, AIC_REFUSED, "a session has nodes of at most %d providers", AIC_SESSION_PROVIDERS_MAX);
		memmove(&r->provider[at + 1], &r->provider[at], (r->n_providers - at) * sizeof(r->provider[0]));
		r->provider[at] = (aic_session_provider){.wallet = node[i].provider};
		r->n_providers++;
	}
	return AIC_OK;
}

/* D2 where no verifier could have the data, or none has such a device. */
static aic_code find_class(const aic_exec *x, aic_session *r, aic_error *err)
{
	aic_verifier *v;
	size_t n;
	bool some = false;
	aic_code code = AIC_OK;

	r->counts_as = r->class;
	for (size_t i = 0; i < r->n_assets && !code; i++) {
		aic_asset a;

		code = aic_state_asset(x->state, r->asset[i], &a, err);
		if (code == AIC_NOT_FOUND)
			return aic_fail(err, AIC_REFUSED, "asset %zu of the session is not registered on the ledger", i + 1);
		if (!code && a.terms.verify != AIC_VERIFY_MEMBERS)
			r->counts_as = AIC_CLASS_D2;
	}
	if (code || r->class != AIC_CLASS_D1 || (code = aic_state_verifiers(x->state, &v, &n, err)))
		return code;
	for (size_t i = 0; i < n; i++)
		some |= v[i].device_len && memcmp(v[i].device, r->device, AIC_HASH_LEN) == 0;
	free(v);
	if (!some)
		r->counts_as = AIC_CLASS_D2;
	return AIC_OK;
}

aic_code aic_execute_session_open(aic_exec *x, aic_error *err)
{
	aic_session r = {.opened = x->height, .opened_at = x->time, .site = x->signer.site};
	const aic_hash *id = &x->tx->id;
	aic_session_node *node = NULL;
	aic_wallet payer;
	size_t n;
	aic_code code = read_open(&r, x->tx, &node, &n, err);

	if (!code && !(code = by_site(x, "open a session", err)) && !(code = check_open(&r, n, err)) &&
	    !(code = aic_wallet_need(x->state, &r.payer, &payer, err)) && !(code = aic_wallet_controlled(x, &r.payer, &payer, err)) &&
	    !(code = add_providers(x, &r, node, n, err)) && !(code = find_class(x, &r, err)) &&
	    !(code = count_undecided(x->state, &r.site, 1, err)) && !(code = aic_state_session_nodes_put(x->state, id, node, n, err)) &&
	    !(code = aic_state_session_put(x->state, id, &r, err)) && !(code = aic_drawers_join(x, id, node, n, err))) {
		aic_sessions_opened(x->state, id);
		emit(x, AIC_EVENT_SESSION_OPEN, &r, id, aic_u256_from(n));
	}
	free(node);
	return code;
}

aic_code aic_execute_session_nodes(aic_exec *x, aic_error *err)
{
	aic_session_node *node = NULL, *there = NULL;
	size_t n, m = 0, kept;
	aic_session r;
	aic_hash id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	node = get_nodes(&c, &n);
	if (!(code = aic_cbor_finish(&c, err)) && !(code = need_open(x, &id, &r, "add nodes to it", err)) &&
	    !(code = add_providers(x, &r, node, n, err)) && !(code = aic_state_session_nodes(x->state, &id, &there, &m, err))) {
		there = aic_xrealloc(there, (m + n + 1) * sizeof(*there));
		kept = m;
		for (size_t i = 0; i < n; i++) {
			bool known = false;

			for (size_t k = 0; k < kept; k++)
				known |= memcmp(there[k].key, node[i].key, AIC_PUBLIC_LEN) == 0;
			if (!known)
				there[m++] = node[i];
		}
		if (m > AIC_SESSION_NODES_MAX)
			code = aic_fail(err, AIC_REFUSED, "a session would have %zu nodes, %d is the most", m, AIC_SESSION_NODES_MAX);
		else if (!(code = aic_state_session_nodes_put(x->state, &id, there, m, err)) && !(code = aic_drawers_join(x, &id, node, n, err)))
			code = aic_state_session_put(x->state, &id, &r, err);
	}
	free(node);
	free(there);
	return code;
}

/* --- commitments --- */

static aic_code add_checkpoint(aic_exec *x, const aic_hash *id, aic_session *r, const aic_session_checkpoint *p, aic_error *err)
{
	if (r->checkpoints && p->step <= r->last_step)
		return aic_fail(err, AIC_REFUSED, "checkpoint %llu is of step %llu, the one before it of step %llu: steps ascend",
		                (unsigned long long)r->checkpoints, (unsigned long long)p->step, (unsigned long long)r->last_step);
	if (!r->checkpoints && p->step)
		return aic_fail(err, AIC_REFUSED, "checkpoint 0 is of step %llu: it is the state before the first step", (unsigned long long)p->step);
	if (r->checkpoints == UINT32_MAX)
		return aic_fail(err, AIC_REFUSED, "a session has at most %u checkpoints", UINT32_MAX);
	r->last_step = p->step;
	return aic_state_session_checkpoint_put(x->state, id, r->checkpoints++, p, err);
}

aic_code aic_execute_session_commit(aic_exec *x, aic_error *err)
{
	char text[20];
	aic_session r;
	aic_hash id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	uint64_t first = aic_cbor_uint(&c);
	size_t n = aic_cbor_array(&c, AIC_SESSION_BATCH_MAX);
	if (!aic_cbor_ok(&c))
		return aic_cbor_finish(&c, err);
	if ((code = need_open(x, &id, &r, "commit to it", err)))
		return code;
	if (!n)
		return aic_fail(err, AIC_REFUSED, "a batch without a checkpoint commits to nothing");
	if (first != r.checkpoints)
		return aic_fail(err, AIC_REFUSED, "session %s has %llu checkpoints, the next is number %llu, not %llu: what stands is not committed again",
		                aic_session_text(text, &id), (unsigned long long)r.checkpoints, (unsigned long long)r.checkpoints,
		                (unsigned long long)first);
	for (size_t i = 0; i < n && !code; i++) {
		aic_session_checkpoint p = {.height = x->height};

		aic_cbor_array_exact(&c, 3);
		p.step = aic_cbor_uint(&c);
		aic_cbor_bytes_exact(&c, p.chain.b, AIC_HASH_LEN);
		aic_cbor_bytes_exact(&c, p.root.b, AIC_HASH_LEN);
		code = aic_cbor_ok(&c) ? add_checkpoint(x, &id, &r, &p, err) : aic_cbor_finish(&c, err);
	}
	if (!code && !(code = aic_cbor_finish(&c, err)))
		code = aic_state_session_put(x->state, &id, &r, err);
	return code;
}

/* --- closing --- */

static aic_code read_fees(aic_cbor *c, aic_session *r, aic_error *err)
{
	size_t n = aic_cbor_array(c, AIC_SESSION_PROVIDERS_MAX);

	if (aic_cbor_ok(c) && n != r->n_providers)
		return aic_fail(err, AIC_REFUSED, "the session's nodes have %zu providers, its closing names %zu", r->n_providers, n);
	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		aic_address wallet;
		char text[AIC_ADDRESS_TEXT];

		aic_cbor_array_exact(c, 2);
		aic_cbor_bytes_exact(c, wallet.b, AIC_ADDRESS_LEN);
		r->provider[i].fee = aic_cbor_amount(c);
		if (aic_cbor_ok(c) && aic_address_cmp(&wallet, &r->provider[i].wallet) != 0)
			return aic_fail(err, AIC_REFUSED, "provider %zu of the closing is %s, which has no node of the session in that place", i + 1,
			                aic_address_text(text, &wallet));
	}
	return AIC_OK;
}

aic_code aic_execute_session_close(aic_exec *x, aic_error *err)
{
	aic_session r;
	aic_hash id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 4);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	uint64_t steps = aic_cbor_uint(&c), end = aic_cbor_uint(&c);
	if (!aic_cbor_ok(&c))
		return aic_cbor_finish(&c, err);
	if ((code = need_open(x, &id, &r, "close it", err)) || (code = read_fees(&c, &r, err)) || (code = aic_cbor_finish(&c, err)))
		return code;
	if (end > AIC_END_STOPPED || steps < r.last_step)
		return aic_fail(err, AIC_REFUSED, "end %llu after %llu steps: end is 0 to 2, and checkpoints of step %llu are committed",
		                (unsigned long long)end, (unsigned long long)steps, (unsigned long long)r.last_step);
	r.steps = steps;
	r.end = end;
	r.closed = x->height;
	r.closed_at = x->time;
	r.state = AIC_SESSION_CLOSED;
	emit(x, AIC_EVENT_SESSION_CLOSE, &r, &id, aic_u256_from(steps));
	if ((code = aic_drawers_leave(x, &id, err)))
		return code;
	if (r.counts_as == AIC_CLASS_D2 || r.checkpoints < 2)
		code = aic_session_decide(x->state, &r, AIC_SESSION_UNPROVEN, x->height, x->time, err);
	else
		code = aic_state_queue_add(x->state, &id, err);
	return code ? code : aic_state_session_put(x->state, &id, &r, err);
}

/* --- asking for a challenge --- */

aic_code aic_execute_session_challenge(aic_exec *x, aic_error *err)
{
	char text[20];
	aic_session r;
	aic_hash id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 1);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(&c, err)) || (code = by_site(x, "ask for a challenge", err)) ||
	    (code = aic_session_need(x->state, &id, &r, err)))
		return code;
	if (r.state > AIC_SESSION_CLOSED)
		return aic_fail(err, AIC_REFUSED, "session %s was drawn at height %llu: it is too late to ask for a challenge",
		                aic_session_text(text, &id), (unsigned long long)(r.drawn ? r.drawn : r.decided));
	if (r.demanded)
		return aic_fail(err, AIC_REFUSED, "a challenge of session %s was asked for already", aic_session_text(text, &id));
	r.demanded = true;
	return aic_state_session_put(x->state, &id, &r, err);
}
