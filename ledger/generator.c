/* generator.c: see generator.h. */
#include "ledger/generator.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/generator_private.h"
#include "ledger/state/evidence.h"
#include "ledger/state/member.h"
#include "ledger/state/session.h"

#define BLOCK_OVERHEAD 1024 /* header, signature and heads of arrays, generously */
#define STARVED_MS 16000
#define STARVED_EVERY 4
#define STARVED_STEP_MS 2   /* from one starved site to the next */
#define ITEM_OVERHEAD 5     /* head of a transaction's byte string */

const aic_pacing aic_pacing_default = {.interval = 2000, .turn = 4000, .heartbeat = 60000, .session = 60000};
const aic_pacing aic_pacing_off = {.interval = 0, .turn = 0, .heartbeat = 0, .session = 0};

aic_generator *aic_generator_new(aic_chain *c, const aic_pacing *pacing)
{
	aic_generator *g = aic_xcalloc(1, sizeof(*g));

	g->chain = c;
	g->pacing = *pacing;
	g->next = 1;
	g->height = aic_state_head(c->state)->height;
	g->since = c->clock->monotonic_ms(c->clock->ctx);
	g->asked = -1;
	return g;
}

static void request_clear(request *r)
{
	aic_bytes_free(&r->body);
	aic_bytes_free(&r->tx);
}

void aic_generator_free(aic_generator *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		request_clear(&g->list[i]);
	aic_generator_drop_proposal(g);
	free(g->winner);
	free(g->list);
	free(g);
}

aic_code aic_generator_submit(aic_generator *g, uint64_t kind, const aic_bytes *body, uint64_t *ticket, aic_error *err)
{
	if (g->n == AIC_WAITING_MAX)
		return aic_fail(err, AIC_FULL, "%d requests wait for the ledger already: try again once some have a block", AIC_WAITING_MAX);
	if (body->len + BLOCK_OVERHEAD > AIC_BLOCK_MAX)
		return aic_fail(err, AIC_FULL, "a %s of %zu bytes does not fit a block of %u: split the batch", aic_tx_kind_name(kind),
		                body->len, AIC_BLOCK_MAX);
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 16;
		g->list = aic_xrealloc(g->list, g->cap * sizeof(*g->list));
	}
	request *r = &g->list[g->n++];
	*r = (request){.ticket = g->next++, .kind = kind, .submitted = g->chain->clock->monotonic_ms(g->chain->clock->ctx)};
	aic_bytes_append(&r->body, body->data, body->len);
	*ticket = r->ticket;
	return AIC_OK;
}

size_t aic_generator_waiting(const aic_generator *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += g->list[i].is.state == AIC_FATE_WAITING;
	return n;
}

static request *find(aic_generator *g, uint64_t ticket)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].ticket == ticket)
			return &g->list[i];
	return NULL;
}

static void take_out(aic_generator *g, request *r)
{
	request_clear(r);
	memmove(r, r + 1, (size_t)(g->list + --g->n - r) * sizeof(*r));
}

/* --- what has become of them --- */

static void refuse(request *r, const aic_error *why)
{
	r->is.state = AIC_FATE_REFUSED;
	r->is.why = *why;
}

/* By the ledger alone: whatever an append answered, a transaction is in a block or it is not. */
static aic_code look_up(aic_generator *g, request *r, aic_error *err)
{
	aic_bytes result = {0};
	aic_transaction tx;
	uint64_t index;
	aic_code code;

	if (r->is.state == AIC_FATE_WAITING && r->tx.len) {
		if ((code = aic_tx_decode(&tx, r->tx.data, r->tx.len, err)))
			return code;
		code = aic_state_find_tx(g->chain->state, &tx.id, &r->is.height, &index, &result, err);
		aic_bytes_free(&result);
		if (code && code != AIC_NOT_FOUND)
			return code;
		if (!code) {
			r->is.state = AIC_FATE_ORDERED;
			r->is.tx = tx.id;
		}
	}
	if (r->is.state == AIC_FATE_ORDERED && r->is.height <= g->chain->final_height)
		r->is.state = AIC_FATE_FINAL;
	return AIC_OK;
}

static aic_code look_up_all(aic_generator *g, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < g->n && !code; i++)
		code = look_up(g, &g->list[i], err);
	return code;
}

static void say_why(const aic_generator *g, const request *r, aic_error *why)
{
	const aic_head *head = aic_state_head(g->chain->state);

	if (r->is.state == AIC_FATE_ORDERED)
		aic_fail(why, AIC_UNREACHABLE, "it is in the block at height %llu, which waits for the attestations of more member sites "
		         "(final is height %llu of %llu)%s%s", (unsigned long long)r->is.height, (unsigned long long)g->chain->final_height,
		         (unsigned long long)head->height, g->why.code ? ": " : "", g->why.message);
	else if (g->why.code)
		*why = g->why;
	else
		aic_fail(why, AIC_UNREACHABLE, "it waits for the block at height %llu", (unsigned long long)head->height + 1);
}

aic_code aic_generator_ask(aic_generator *g, uint64_t ticket, aic_fate *out, aic_error *err)
{
	request *r = find(g, ticket);

	if (!r)
		return aic_fail(err, AIC_NOT_FOUND, "no request %llu waits here: aicledgerd has started anew since; ask the ledger whether it "
		                "was carried out before it is made again", (unsigned long long)ticket);
	*out = r->is;
	if (r->is.state == AIC_FATE_WAITING || r->is.state == AIC_FATE_ORDERED)
		say_why(g, r, &out->why);
	else
		take_out(g, r);
	return AIC_OK;
}

/* --- evidence --- */

/* What the chain has caught goes onto the ledger, unless another site was quicker. */
static aic_code accuse(aic_generator *g, aic_error *err)
{
	const aic_attestation *a = &g->chain->lie[0].attestation;
	aic_bytes body = {0};
	aic_evidence_row there;
	uint64_t ticket;

	if (!g->chain->caught || !g->chain->key)
		return AIC_OK;
	aic_code code = aic_state_evidence(g->chain->state, &a->site, AIC_EVIDENCE_ATTESTATIONS, a->height, &there, err);
	if (code && code != AIC_NOT_FOUND)
		return code;
	g->chain->caught = false;
	if (!code)
		return AIC_OK;
	aic_evidence_body(&body, g->chain->lie[0].key, a, &g->chain->lie[1].attestation);
	if (!(code = aic_generator_submit(g, AIC_TX_EVIDENCE, &body, &ticket, err)))
		g->list[g->n - 1].own = true;
	aic_bytes_free(&body);
	return code;
}

/* What has come to an end that nobody asks for. */
static void drop_ended(aic_generator *g)
{
	int64_t now = g->chain->clock->monotonic_ms(g->chain->clock->ctx);
	size_t kept = 0;

	for (size_t i = 0; i < g->n; i++) {
		request *r = &g->list[i];
		bool ended = r->is.state == AIC_FATE_FINAL || r->is.state == AIC_FATE_REFUSED;

		if (ended && !r->ended)
			r->ended = now + 1;
		if (ended && (r->own || now - r->ended > AIC_FATE_KEPT_MS))
			request_clear(r);
		else
			g->list[kept++] = *r;
	}
	g->n = kept;
}

bool aic_generator_withdraw(aic_generator *g, uint64_t ticket)
{
	request *r = find(g, ticket);

	if (!r || r->is.state != AIC_FATE_WAITING)
		return false;
	take_out(g, r);
	return true;
}

void aic_generator_forget(aic_generator *g, uint64_t ticket)
{
	request *r = find(g, ticket);

	if (r)
		r->own = true;
}

/* --- whose turn it is --- */

/* How many turns after the first one this site may make the block at that height, among how many; -1: it is no member. */
static aic_code turn_of(aic_generator *g, uint64_t height, int64_t *turn, int64_t *sites, aic_error *err)
{
	aic_id *site;
	size_t n;
	int64_t active = 0, own = -1;
	aic_code code = aic_members_all(g->chain->state, &site, &n, err);

	for (size_t i = 0; i < n && !code; i++) {
		aic_member m;

		if ((code = aic_state_member(g->chain->state, &site[i], &m, err)) || !aic_member_is_active(&m, height))
			continue;
		if (aic_id_equal(&site[i], &g->chain->site))
			own = active;
		active++;
	}
	free(site);
	*sites = active;
	*turn = own < 0 ? -1 : (own - (int64_t)(height % (uint64_t)active) + active) % active;
	return code;
}

/* Draws take their time, and now and then nobody wins: what the last block took beyond its interval, the next one makes up for, so that
 * the mean is the interval. */
static void note_height(aic_generator *g, uint64_t height, int64_t clock)
{
	int64_t planned = g->paced ? g->since + g->paced : clock, earliest = clock - aic_pacing_default.turn;

	g->height = height;
	g->since = planned > clock ? clock : planned < earliest ? earliest : planned;
}

/* Milliseconds from the block before to the turn of whoever is first; -1: while nothing waits, nobody makes any. */
static int64_t first_turn(const aic_generator *g, int64_t sites, bool lottery, size_t waiting, bool sessions)
{
	bool alone = sites == 1;
	int64_t quiet = !alone && g->pacing.heartbeat ? g->pacing.heartbeat : lottery ? aic_pacing_default.heartbeat : -1;

	if (waiting)
		return alone ? 0 : g->pacing.interval;
	return sessions && (quiet < 0 || g->pacing.session < quiet) ? g->pacing.session : quiet;
}

/* Whether closed sessions wait for a block: to be drawn, to have another judge, to be over. */
static aic_code wait_sessions(const aic_generator *g, bool *wait, aic_error *err)
{
	aic_hash *queue = NULL;
	size_t n = 0;
	aic_code code = g->pacing.session ? aic_state_queue(g->chain->state, &queue, &n, err) : AIC_OK;

	*wait = n > 0;
	free(queue);
	return code;
}

/* Something has waited here for so long that other sites' nodes must have made all blocks since. */
static bool is_starved(const aic_generator *g, int64_t clock)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].is.state == AIC_FATE_WAITING)
			return clock - g->list[i].submitted >= STARVED_MS;
	return false;
}

/* Where nodes draw, the sites' turns come after theirs, but for each fourth height: that one is for sites whose requests would else wait
 * for ever, because no node of theirs trains. */
static int64_t own_turn(const aic_generator *g, int64_t base, int64_t turn, int64_t sites, bool lottery, int64_t clock)
{
	if (lottery && sites > 1 && (g->height + 1) % STARVED_EVERY == 0 && is_starved(g, clock))
		return base + turn * STARVED_STEP_MS;
	if (lottery)
		return base + (turn + 1) * aic_pacing_default.turn;
	return sites == 1 || !g->pacing.interval ? base : base + turn * g->pacing.turn;
}

/* When the winners' time, or where nobody draws the sites', began. What comes after a quiet while gives the winners all of theirs. */
static int64_t turn_began(aic_generator *g, int64_t base, int64_t clock, size_t waiting, bool lottery)
{
	if (!waiting)
		g->asked = -1;
	else if (g->asked < 0)
		g->asked = clock;
	return lottery && waiting && g->asked > g->since + base ? g->asked : g->since + base;
}

static aic_code is_time(aic_generator *g, bool *now, aic_error *err)
{
	const aic_head *head = aic_state_head(g->chain->state);
	int64_t clock = g->chain->clock->monotonic_ms(g->chain->clock->ctx), turn, sites;
	size_t waiting = aic_generator_waiting(g);
	bool lottery, sessions;
	aic_code code = turn_of(g, head->height + 1, &turn, &sites, err);

	*now = false;
	if (code || (code = aic_generator_lottery(g, sites, &lottery, err)) || (code = wait_sessions(g, &sessions, err)))
		return code;
	if (g->height != head->height)
		note_height(g, head->height, clock);
	int64_t base = first_turn(g, sites, lottery, waiting, sessions), after = own_turn(g, base, turn, sites, lottery, clock);
	int64_t began = turn_began(g, base, clock, waiting, lottery), passed = clock - began;

	g->paced = lottery && sites > 1 && waiting && began == g->since + base ? base : 0;

	if (turn < 0 || base < 0)
		return AIC_OK;
	if (head->height - g->chain->final_height >= AIC_CHAIN_UNFINAL_MAX) {
		aic_fail(&g->why, AIC_UNREACHABLE, "no block is made while %d heights wait for the attestations of more member sites: start "
		         "aicledgerd at those that do not attest", AIC_CHAIN_UNFINAL_MAX);
		return AIC_OK;
	}
	*now = passed >= after - base && (waiting || sites > 1 || sessions);
	if (lottery && !*now && (code = aic_generator_propose(g, passed, err)))
		return code;
	if (!*now && waiting)
		aic_fail(&g->why, AIC_UNREACHABLE, "it waits for the block at height %llu, which this site makes in %lld ms unless another does",
		         (unsigned long long)head->height + 1, (long long)(after - base - passed));
	return AIC_OK;
}

/* --- making a block --- */

/* Signed with the nonce that is due; what was signed with it before stays. */
static aic_code sign(aic_generator *g, request *r, aic_error *err)
{
	uint64_t nonce = 0;
	aic_code code = aic_chain_nonce(g->chain, &nonce, err);

	if (code || (r->tx.len && r->nonce == nonce))
		return code;
	aic_bytes_clear(&r->tx);
	r->nonce = nonce;
	return aic_chain_sign(g->chain, r->kind, &r->body, nonce, &r->tx, err);
}

static bool refusal(aic_code code)
{
	return code == AIC_REFUSED || code == AIC_CORRUPT || code == AIC_FULL || code == AIC_NOT_FOUND || code == AIC_USAGE;
}

/* As many as fit, in order; those that the state refuses are told so. */
aic_code aic_generator_collect(aic_generator *g, aic_bytes *items, size_t *n, aic_error *err)
{
	*n = 0;
	for (size_t i = 0; i < g->n && *n < AIC_BLOCK_TX_MAX; i++) {
		request *r = &g->list[i];
		aic_error why = {0};
		aic_code code;

		if (r->is.state != AIC_FATE_WAITING)
			continue;
		if ((code = sign(g, r, err)))
			return code;
		if (*n && items->len + r->tx.len + ITEM_OVERHEAD + BLOCK_OVERHEAD > AIC_BLOCK_MAX)
			return AIC_OK;
		uint64_t failures = aic_state_failures(g->chain->state);
		code = aic_state_execute(g->chain->state, r->tx.data, r->tx.len, &why);
		if (code && (!refusal(code) || aic_state_failures(g->chain->state) != failures)) {
			if (err)
				*err = why;
			return code;
		}
		if (code) {
			refuse(r, &why);
			continue;
		}
		aic_cbor_put_bytes(items, r->tx.data, r->tx.len);
		++*n;
	}
	return AIC_OK;
}

static aic_code make(aic_generator *g, aic_error *err)
{
	bool heartbeat = !aic_generator_waiting(g);
	aic_bytes items = {0};
	aic_error why = {0};
	size_t n;

	aic_chain_begin(g->chain);
	aic_code code = aic_generator_collect(g, &items, &n, &why);
	if (code || (!n && !heartbeat))
		aic_state_discard(g->chain->state);
	else
		code = aic_chain_order(g->chain, &items, n, &why);
	aic_bytes_free(&items);
	if (code == AIC_REFUSED) { /* another site's block came first: the next step builds on it */
		g->why = why;
		return AIC_OK;
	}
	if (code && err)
		*err = why;
	return code;
}

aic_code aic_generator_step(aic_generator *g, aic_error *err)
{
	aic_error why = {0};
	bool now = false;
	aic_code code = aic_chain_catch_up(g->chain, &why);

	g->why = (aic_error){0};
	if (!code && !(code = look_up_all(g, &why)) && !(code = accuse(g, &why)) && g->chain->key && !(code = is_time(g, &now, &why)) && now)
		code = make(g, &why);
	aic_error ignored;
	if (look_up_all(g, &ignored) && !code)
		code = aic_fail(&why, ignored.code, "%s", ignored.message);
	drop_ended(g);
	if (code) {
		g->why = why;
		if (err)
			*err = why;
	}
	return code;
}
