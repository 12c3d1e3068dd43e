/* session.c: trainings and verifiers as clients of the sites: each looks at its site's copy and asks for what comes next, whether it has asked
 * before or not. What is asked for twice is refused; what was lost is asked for again. It has random numbers of its own. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/draw.h"
#include "ledger/state/member.h"
#include "ledger/state/path.h"
#include "ledger/state/verdict.h"
#include "tests/sim/sim.h"

#define OWN_MAX 6          /* sessions of a site */
#define CHECKPOINTS 4u
#define LIES 3             /* one of so many sessions has a bad segment: the last one */
#define SILENT 12          /* one of so many answers is "declined" */

typedef struct {
	sim *w;
	sim_site *s;
	size_t own;
	bool asked;            /* for one thing: enough */
} look;

static aic_key node_of(const sim_site *s)
{
	uint8_t secret[AIC_SECRET_LEN];
	aic_key key;

	memset(secret, 0x40 + (int)s->number, sizeof(secret));
	aic_key_from_secret(&key, secret);
	return key;
}

static void ask_for(look *l, uint64_t kind, aic_bytes *body)
{
	uint64_t ticket;

	if (!aic_generator_submit(l->s->generator, kind, body, &ticket, NULL)) {
		aic_generator_forget(l->s->generator, ticket);
		sim_note(l->w, "site %u: asked for %s", l->s->number, aic_tx_kind_name(kind));
	}
	aic_bytes_free(body);
	l->asked = true;
}

/* --- whoever verifies --- */

static void offer(look *l)
{
	aic_verifier v = {.provider = sim_wallet(l->s->number, 3)}, *all = NULL;
	aic_key node = node_of(l->s);
	aic_key_row row;
	aic_bytes body = {0};
	size_t n = 0;
	bool there = false;
	aic_code code = aic_state_verifiers(l->s->state, &all, &n, NULL);

	for (size_t i = 0; i < n; i++)
		there |= memcmp(all[i].key, node.public_key, AIC_PUBLIC_LEN) == 0;
	free(all);
	if (code || there)
		return;
	code = aic_state_key(l->s->state, node.public_key, &row, NULL);
	memcpy(v.key, node.public_key, AIC_PUBLIC_LEN);
	if (code == AIC_NOT_FOUND)
		aic_key_register_body(&body, AIC_ROLE_NODE, node.public_key, 0, NULL);
	else
		aic_verifier_register_body(&body, &v);
	ask_for(l, code == AIC_NOT_FOUND ? AIC_TX_KEY_REGISTER : AIC_TX_VERIFIER_REGISTER, &body);
}

static bool is_bad(const aic_hash *id)
{
	return id->b[0] % LIES == 0;
}

static void judge(look *l, const aic_hash *id, const aic_session *r, const aic_key *node)
{
	aic_verdict v = {.session = *id, .round = r->round};
	aic_bytes body = {0};

	if (sim_below(&l->w->session_random, SILENT) == 0) {
		v.result = AIC_VERDICT_DECLINED;
	} else if (is_bad(id)) {
		v.result = AIC_VERDICT_DIFFERS;
		v.segment = CHECKPOINTS - 2;
		v.step = 10 * (CHECKPOINTS - 2) + 1;
	}
	aic_verdict_sign(&v, node, &aic_state_head(l->s->state)->chain);
	aic_verdict_body(&body, &v);
	ask_for(l, AIC_TX_VERDICT, &body);
}

/* --- whoever trains --- */

static void open(look *l)
{
	aic_session o = {.payer = sim_wallet(l->s->number, 0), .run = sim_below(&l->w->session_random, 2), .shards = 4};
	aic_session_node n = {.provider = sim_wallet(l->s->number, 1)};
	aic_bytes body = {0};
	uint64_t once = sim_random(&l->w->session_random);

	o.spec = o.mark = aic_sha256_of(&once, sizeof(once));
	aic_session_open_body(&body, &o, &n, 1);
	ask_for(l, AIC_TX_SESSION_OPEN, &body);
}

/* One checkpoint, or all that are left with the end behind them: the next one to look sees what of it came through. */
static void go_on(look *l, const aic_hash *id, const aic_session *r)
{
	aic_session_checkpoint c[CHECKPOINTS];
	aic_session_provider p = {.wallet = r->provider[0].wallet, .fee = AIC_UNIT / 100};
	size_t left = r->checkpoints < CHECKPOINTS ? CHECKPOINTS - r->checkpoints : 0;
	size_t n = left && sim_chance(&l->w->session_random, 30) ? 1 : left;
	aic_bytes body = {0};

	for (uint64_t i = 0; i < n; i++) {
		uint64_t number = r->checkpoints + i;
		c[i] = (aic_session_checkpoint){.step = 10 * number, .root = aic_sha256_of(&number, sizeof(number))};
	}
	if (!r->demanded) { /* the lot draws hardly any of so few segments */
		aic_session_id_body(&body, id);
		ask_for(l, AIC_TX_SESSION_CHALLENGE, &body);
	}
	if (n) {
		aic_session_commit_body(&body, id, r->checkpoints, c, n);
		ask_for(l, AIC_TX_SESSION_COMMIT, &body);
	}
	if (n == left) {
		aic_session_close_body(&body, id, 10 * CHECKPOINTS, AIC_END_DONE, &p, 1);
		ask_for(l, AIC_TX_SESSION_CLOSE, &body);
	}
}

static aic_code visit(void *ctx, const aic_hash *id, aic_error *err)
{
	look *l = ctx;
	aic_key node = node_of(l->s);
	aic_session r;
	aic_code code = aic_state_session(l->s->state, id, &r, err);

	if (code)
		return code;
	bool own = aic_id_equal(&r.site, &l->s->id);
	const uint8_t *asked = r.state == AIC_SESSION_CHALLENGED ? r.verifier : r.state == AIC_SESSION_DOUBTED ? r.third : NULL;
	l->own += own;
	if (asked && memcmp(asked, node.public_key, AIC_PUBLIC_LEN) == 0)
		judge(l, id, &r, &node);
	else if (own && r.state == AIC_SESSION_OPEN)
		go_on(l, id, &r);
	return l->asked ? AIC_NOT_FOUND : AIC_OK;
}

void sim_session_step(sim *w)
{
	look l = {.w = w, .s = &w->site[sim_below(&w->session_random, w->n)]};

	if (!l.s->up || l.s->lying)
		return;
	offer(&l);
	if (!l.asked && !aic_state_sessions(l.s->state, visit, &l, NULL) && !l.asked && l.own < OWN_MAX)
		open(&l);
}

/* --- sessions: what each site has must hold, however it came there --- */

typedef struct {
	sim *w;
	sim_site *s;
	uint64_t waits[SIM_SITES], queued;
} tally;

static void check_judges(tally *t, const aic_session *r, const char *name)
{
	for (size_t i = 0; i < r->n_asked; i++) {
		if (aic_id_equal(&r->asked[i], &r->site))
			sim_fail(t->w, "sessions", "session %s asks its own site", name);
		for (size_t k = 0; k < i; k++)
			if (aic_id_equal(&r->asked[i], &r->asked[k]))
				sim_fail(t->w, "sessions", "session %s asks one site twice", name);
	}
	if (r->state == AIC_SESSION_VERIFIED && r->verdict.result != AIC_VERDICT_AGREES && r->decision.result != AIC_VERDICT_AGREES)
		sim_fail(t->w, "sessions", "session %s is verified and nobody agrees", name);
	if (r->state == AIC_SESSION_REFUTED && (!r->decision.there || r->decision.result != AIC_VERDICT_DIFFERS))
		sim_fail(t->w, "sessions", "session %s is refuted and no third node says so", name);
}

static aic_code check_one(void *ctx, const aic_hash *id, aic_error *err)
{
	tally *t = ctx;
	static const aic_hash none;
	char name[20];
	aic_session r;
	aic_code code = aic_state_session(t->s->state, id, &r, err);
	bool decided = aic_session_is_decided(r.state);

	if (code)
		return code;
	aic_session_text(name, id);
	for (unsigned i = 0; i < t->w->n; i++)
		t->waits[i] += !decided && aic_id_equal(&r.site, &t->w->site[i].id);
	t->queued += (!decided && r.state != AIC_SESSION_OPEN) || (r.state == AIC_SESSION_REFUTED && r.run == AIC_RUN_SITE);
	t->w->sessions_judged += r.state == AIC_SESSION_VERIFIED || r.state == AIC_SESSION_REFUTED;
	if (aic_hash_equal(&r.entropy, &none))
		sim_fail(t->w, "sessions", "session %s has no entropy", name);
	if ((r.state == AIC_SESSION_VERIFIED && is_bad(id)) || (r.state == AIC_SESSION_REFUTED && !is_bad(id)))
		sim_fail(t->w, "sessions", "session %s is %s, and that is wrong", name, aic_session_state_name(r.state));
	check_judges(t, &r, name);
	return AIC_OK;
}

void sim_session_check(sim_site *s)
{
	tally t = {.w = s->world, .s = s};
	aic_hash *queue = NULL;
	size_t n = 0;

	if (aic_state_sessions(s->state, check_one, &t, NULL) || aic_state_queue(s->state, &queue, &n, NULL)) {
		sim_fail(t.w, "sessions", "site %u cannot read its sessions", s->number);
		return;
	}
	free(queue);
	if (n != t.queued)
		sim_fail(t.w, "sessions", "site %u: %zu sessions are queued, %llu wait", s->number, n, (unsigned long long)t.queued);
	for (unsigned i = 0; i < t.w->n; i++) {
		const aic_id *id = &t.w->site[i].id;
		uint64_t count = 0;

		if (aic_state_count(s->state, AIC_TABLE_SESSION_UNDECIDED, id->b, sizeof(id->b), &count, NULL) || count != t.waits[i])
			sim_fail(t.w, "sessions", "site %u: %llu sessions of site %u are not decided, its count says %llu", s->number,
			         (unsigned long long)t.waits[i], i, (unsigned long long)count);
	}
}
