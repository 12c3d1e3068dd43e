/* session_tick.c: what happens to sessions when a block has been applied: aic_sessions_tick. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/asset.h"
#include "ledger/state/draw.h"
#include "ledger/state/member.h"
#include "ledger/state/state_private.h"

#define PARTIES_MAX (2 + AIC_SESSION_PROVIDERS_MAX + AIC_SESSION_ASSETS_MAX + AIC_SESSION_ASKED_MAX)
#define BETA_FOLD 20 /* economics.md 2 */

typedef struct {
	aic_state *state;
	uint64_t height, members;
	int64_t time;
	aic_id generator;
	aic_hash entropy;
	aic_parameters parameters;
	bool listed;
	aic_candidate *candidate;  /* sorted by (party, key); valid keys alone */
	size_t n_candidates;
} tick;

/* --- parties --- */

static aic_code add_party(tick *t, aic_party *out, size_t *n, const aic_address *wallet, aic_error *err)
{
	return aic_party_of(t->state, wallet, t->height, &out[(*n)++], err);
}

/* Those who must neither draw nor judge: payer, providers, owners of assets, the site itself where there are others. */
static aic_code parties_of(tick *t, const aic_session *r, aic_party out[PARTIES_MAX], size_t *n, aic_error *err)
{
	aic_code code;

	*n = 0;
	if (t->members > 1)
		out[(*n)++] = r->site;
	code = add_party(t, out, n, &r->payer, err);
	for (size_t i = 0; i < r->n_providers && !code; i++)
		code = add_party(t, out, n, &r->provider[i].wallet, err);
	for (size_t i = 0; i < r->n_assets && !code; i++) {
		aic_asset a;

		if (!(code = aic_state_asset(t->state, r->asset[i], &a, err)))
			code = add_party(t, out, n, &a.owner, err);
	}
	return code;
}

static bool is_party(const aic_id *id, const aic_party *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (aic_id_equal(id, &list[i]))
			return true;
	return false;
}

/* A ledger of one member has nobody else who could draw. */
static bool may_draw(const tick *t, const aic_party *list, size_t n)
{
	return t->members < 2 || !is_party(&t->generator, list, n);
}

/* --- candidates --- */

static int by_party(const void *a, const void *b)
{
	const aic_candidate *x = a, *y = b;
	int d = memcmp(x->party.b, y->party.b, sizeof(x->party.b));

	return d ? d : memcmp(x->verifier.key, y->verifier.key, AIC_PUBLIC_LEN);
}

static aic_code list_candidates(tick *t, aic_error *err)
{
	aic_verifier *v = NULL;
	size_t n;
	aic_code code = t->listed ? AIC_OK : aic_state_verifiers(t->state, &v, &n, err);

	if (t->listed || code) {
		free(v);
		return code;
	}
	t->candidate = aic_xcalloc(n + 1, sizeof(*t->candidate));
	for (size_t i = 0; i < n && !code; i++) {
		aic_candidate *c = &t->candidate[t->n_candidates];
		aic_key_row k;

		if ((code = aic_state_key(t->state, v[i].key, &k, err)) || (k.until && t->height >= k.until))
			continue;
		c->verifier = v[i];
		if (!(code = aic_party_of(t->state, &v[i].provider, t->height, &c->party, err)))
			t->n_candidates++;
	}
	free(v);
	qsort(t->candidate, t->n_candidates, sizeof(*t->candidate), by_party);
	t->listed = true;
	return code;
}

static bool has_device(const aic_session *r, const aic_verifier *v)
{
	return r->class != AIC_CLASS_D1 || (v->device_len && memcmp(v->device, r->device, AIC_HASH_LEN) == 0);
}

/* Draws `wanted` nodes for the session, places in t->candidate; notes their parties as asked. */
static aic_code draw_nodes(tick *t, const aic_hash *id, aic_session *r, size_t wanted, uint64_t first, uint8_t key[2][AIC_PUBLIC_LEN],
                           size_t *found, aic_error *err)
{
	aic_party without[PARTIES_MAX];
	size_t n, place[2], m = 0;
	aic_code code;

	*found = 0;
	if (r->n_asked + wanted > AIC_SESSION_ASKED_MAX)
		return AIC_OK;
	if ((code = list_candidates(t, err)) || (code = parties_of(t, r, without, &n, err)))
		return code;
	memcpy(&without[n], r->asked, r->n_asked * sizeof(*without));
	n += r->n_asked;
	aic_candidate *fit = aic_xcalloc(t->n_candidates + 1, sizeof(*fit));
	for (size_t i = 0; i < t->n_candidates; i++)
		if (has_device(r, &t->candidate[i].verifier))
			fit[m++] = t->candidate[i];
	*found = aic_draw_nodes(place, wanted, fit, m, without, n, &t->entropy, id, r->round, first);
	for (size_t i = 0; i < *found && *found == wanted; i++) {
		memcpy(key[i], fit[place[i]].verifier.key, AIC_PUBLIC_LEN);
		r->asked[r->n_asked++] = fit[place[i]].party;
	}
	free(fit);
	return AIC_OK;
}

/* --- what a session waits for --- */

static aic_code decide(tick *t, aic_session *r, aic_session_state state, aic_error *err)
{
	return aic_session_decide(t->state, r, state, t->height, t->time, err);
}

static aic_code draw(tick *t, const aic_hash *id, aic_session *r, aic_error *err)
{
	uint64_t segments = r->checkpoints - 1;
	uint8_t key[2][AIC_PUBLIC_LEN];
	size_t found;
	aic_code code;

	if (!r->demanded && !r->appeals &&
	    aic_draw_below(&t->entropy, id, r->round, "challenge", 0, AIC_PPM) >= aic_draw_probability(&t->parameters, segments))
		return decide(t, r, AIC_SESSION_UNCHALLENGED, err);
	if ((code = draw_nodes(t, id, r, 2, 0, key, &found, err)))
		return code;
	r->drawn = t->height;
	if (found < 2)
		return decide(t, r, AIC_SESSION_UNVERIFIABLE, err);
	if (r->revealed) { /* as a decoy: others are asked about the segment in question alone */
		r->segment[0] = r->bad_segment;
		r->n_segments = 1;
	} else {
		r->n_segments = aic_draw_segments(r->segment, &t->entropy, id, r->round, segments);
	}
	memcpy(r->verifier, key[0], AIC_PUBLIC_LEN);
	memcpy(r->third, key[1], AIC_PUBLIC_LEN);
	r->asked_at = t->time;
	r->state = AIC_SESSION_CHALLENGED;
	return AIC_OK;
}

/* Who did not answer in time, or declined, is replaced by somebody else's node. */
static aic_code replace(tick *t, const aic_hash *id, aic_session *r, aic_error *err)
{
	uint8_t key[2][AIC_PUBLIC_LEN];
	bool third = r->state == AIC_SESSION_DOUBTED;
	size_t found;
	aic_code code;

	r->round++;
	if ((code = draw_nodes(t, id, r, 1, third, key, &found, err)))
		return code;
	if (!found)
		return decide(t, r, AIC_SESSION_UNVERIFIABLE, err);
	memcpy(third ? r->third : r->verifier, key[0], AIC_PUBLIC_LEN);
	r->drawn = t->height;
	r->asked_at = t->time;
	return AIC_OK;
}

/* Refuted and not appealed against: the providers of a site-run session answer for it. */
static aic_code rate(tick *t, const aic_session *r, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < r->n_providers && !code; i++) {
		aic_amount fee = r->provider[i].fee / (AIC_UNIT / AIC_PPM);
		aic_wallet w;

		if ((code = aic_wallet_need(t->state, &r->provider[i].wallet, &w, err)))
			return code;
		aic_wallet_rate(&w, aic_rating_month(t->time), 0, BETA_FOLD * fee);
		code = aic_state_wallet_put(t->state, &r->provider[i].wallet, &w, err);
	}
	return code;
}

/* Whether any member could ever make the block that draws it. */
static aic_code has_drawer(tick *t, const aic_party *list, size_t n, bool *yes, aic_error *err)
{
	aic_id *site = NULL;
	size_t sites;
	aic_code code = aic_members_all(t->state, &site, &sites, err);

	*yes = t->members < 2;
	for (size_t i = 0; i < sites && !code && !*yes; i++) {
		aic_member m;

		if (!(code = aic_state_member(t->state, &site[i], &m, err)))
			*yes = aic_member_is_active(&m, t->height) && !is_party(&site[i], list, n);
	}
	free(site);
	return code;
}

static aic_code advance(tick *t, const aic_hash *id, aic_session *r, bool *changed, aic_error *err)
{
	bool late = r->state != AIC_SESSION_CLOSED && t->time - r->asked_at >= AIC_SESSION_ANSWER;
	aic_party list[PARTIES_MAX];
	size_t n;
	bool possible = true;
	aic_code code = AIC_OK;

	*changed = true;
	if (t->time - r->closed_at >= AIC_SESSION_DEADLINE)
		return decide(t, r, AIC_SESSION_EXPIRED, err);
	if (r->state == AIC_SESSION_CLOSED ? t->height < r->closed + 2 : !late) {
		*changed = false;
		return AIC_OK;
	}
	if ((code = parties_of(t, r, list, &n, err)))
		return code;
	if (may_draw(t, list, n))
		return late ? replace(t, id, r, err) : draw(t, id, r, err);
	if (!(code = has_drawer(t, list, n, &possible, err)) && !possible)
		return decide(t, r, AIC_SESSION_UNVERIFIABLE, err);
	*changed = false;
	return code;
}

/* One session of the queue; *stays: it waits on. */
static aic_code visit(tick *t, const aic_hash *id, bool *stays, aic_error *err)
{
	bool changed;
	aic_session r;
	aic_code code = aic_session_need(t->state, id, &r, err);

	*stays = true;
	if (code)
		return code;
	if (!aic_session_is_decided(r.state) &&
	    ((code = advance(t, id, &r, &changed, err)) || (changed && (code = aic_state_session_put(t->state, id, &r, err)))))
		return code;
	if (!aic_session_is_decided(r.state))
		return AIC_OK;
	bool answers = r.state == AIC_SESSION_REFUTED && r.run == AIC_RUN_SITE;
	*stays = answers && t->time - r.decided_at < AIC_SESSION_APPEAL && !r.appeals;
	return answers && !*stays ? rate(t, &r, err) : AIC_OK;
}

static aic_code walk_queue(tick *t, aic_error *err)
{
	aic_hash *id = NULL;
	size_t n, kept = 0;
	aic_code code = aic_state_queue(t->state, &id, &n, err);

	for (size_t i = 0; i < n && !code; i++) {
		bool stays;

		if (!(code = visit(t, &id[i], &stays, err)) && stays)
			id[kept++] = id[i];
	}
	if (!code && kept < n)
		code = aic_state_queue_put(t->state, id, kept, err);
	free(id);
	return code;
}

/* --- what a block opened --- */

void aic_sessions_opened(aic_state *s, const aic_hash *id)
{
	aic_bytes_append(&s->sessions, id->b, AIC_HASH_LEN);
}

static aic_code give_entropy(tick *t, aic_error *err)
{
	const aic_bytes *opened = &t->state->sessions;
	aic_code code = AIC_OK;

	for (size_t at = 0; at < opened->len && !code; at += AIC_HASH_LEN) {
		aic_session r;
		aic_hash id;

		memcpy(id.b, opened->data + at, AIC_HASH_LEN);
		if (!(code = aic_session_need(t->state, &id, &r, err))) {
			r.entropy = t->entropy;
			code = aic_state_session_put(t->state, &id, &r, err);
		}
	}
	return code;
}

aic_code aic_sessions_tick(aic_state *s, const aic_hash *block, bool has_vrf, aic_error *err)
{
	tick t = {.state = s, .height = s->height, .time = s->time, .generator = s->generator};
	aic_hash beacon;
	const uint8_t *queue;
	size_t len;
	aic_code code = aic_state_get(s, AIC_TABLE_SESSION_QUEUE, "", 0, &queue, &len, err);

	if (code == AIC_NOT_FOUND && !s->sessions.len)
		return AIC_OK; /* nothing opened, nothing waits: most blocks */
	if ((code && code != AIC_NOT_FOUND) || (code = aic_state_beacon(s, &beacon, err)) ||
	    (code = aic_members_active(s, s->height, &t.members, err)) || (code = aic_state_parameters(s, &t.parameters, err)))
		return code;
	t.entropy = aic_draw_entropy(&beacon, block, has_vrf);
	if (!(code = give_entropy(&t, err)))
		code = walk_queue(&t, err);
	free(t.candidate);
	return code;
}
