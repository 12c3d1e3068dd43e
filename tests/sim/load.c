/* load.c: the clients: each asks one site for something that no other request asks for, and waits for its answer. */
#include <stdio.h>
#include <string.h>

#include "ledger/state/asset.h"
#include "ledger/state/member.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"
#include "tests/sim/sim.h"

#define PERIOD "2026-W48"
#define ADMIT_EXPIRES 100000
#define BLIND UINT64_MAX /* as ticket: asked for again as soon as the site is there */

static aic_address some_wallet(sim *w)
{
	unsigned site = sim_below(&w->random, w->n);

	return sim_wallet(site, sim_below(&w->random, SIM_WALLETS));
}

static void settlement(sim *w, const sim_request *r, aic_bytes *out)
{
	aic_settlement_line l = {.payer = sim_wallet(r->site, 0), .payee = sim_wallet((r->site + 1) % w->n, 1), .n = 1,
	                         .gross = AIC_UNIT / 100, .stake = 0};
	aic_settlement s = {.period = PERIOD, .number = r->mark, .n_approvals = 1, .n_lines = 1, .line = &l};

	(void)aic_mul_div(&l.fee, l.gross, aic_parameters_default.fee_ppm, 1000000);
	l.stake = l.fee * 1000000;
	aic_settlement_body(out, &s);
}

static void asset(const sim_request *r, aic_bytes *out)
{
	aic_asset a = {.kind = AIC_ASSET_DATA, .owner = sim_wallet(r->site, 2), .content = aic_sha256_of(&r->mark, sizeof(r->mark))};

	aic_asset_register_body(out, &a);
}

/* All sites vote for one new member; that it never runs is for the quorum to bear. */
static uint64_t vote(aic_bytes *out)
{
	uint8_t secret[AIC_SECRET_LEN] = {0x77};
	aic_key key;

	aic_key_from_secret(&key, secret);
	aic_site_admit_body(out, ADMIT_EXPIRES, key.public_key);
	return AIC_TX_SITE_ADMIT;
}

static uint64_t body(sim *w, const sim_request *r, aic_bytes *out)
{
	aic_address from = sim_wallet(r->site, sim_below(&w->random, SIM_WALLETS)), to = some_wallet(w);

	switch (r->kind) {
	case LOAD_SETTLEMENT:
		settlement(w, r, out);
		return AIC_TX_SETTLEMENT;
	case LOAD_ALLOWANCE:
		aic_allowance_body(out, &from, &to, aic_u256_from(r->mark));
		return AIC_TX_APPROVE;
	case LOAD_ASSET:
		asset(r, out);
		return AIC_TX_ASSET_REGISTER;
	case LOAD_VOTE:
		return vote(out);
	default:
		/* now and then more than there is */
		aic_transfer_body(out, &from, &to, r->mark + (sim_chance(&w->random, 5) ? (aic_amount)1000 * AIC_UNIT : 0));
		return AIC_TX_TRANSFER;
	}
}

static sim_load_kind draw_kind(sim *w)
{
	unsigned p = sim_below(&w->random, 100);

	if (p < 60)
		return LOAD_TRANSFER;
	if (p < 80)
		return LOAD_SETTLEMENT;
	if (p < 88)
		return LOAD_ALLOWANCE;
	return p < 96 || w->faults.liar ? LOAD_ASSET : LOAD_VOTE;
}

static void submit(sim *w, sim_request *r)
{
	aic_bytes b = {0};
	aic_error err = {0};
	uint64_t kind = body(w, r, &b);

	if (aic_generator_submit(w->site[r->site].generator, kind, &b, &r->ticket, &err))
		r->ticket = 0;
	sim_note(w, "site %u: asked for %s %llu", r->site, aic_tx_kind_name(kind), (unsigned long long)r->mark);
	aic_bytes_free(&b);
}

void sim_load_submit(sim *w)
{
	unsigned site = sim_below(&w->random, w->n);

	if (!w->site[site].up || w->site[site].lying || w->n_requests == SIM_REQUESTS)
		return;
	sim_request *r = &w->request[w->n_requests++];
	*r = (sim_request){.kind = draw_kind(w), .site = site, .mark = w->n_requests};
	submit(w, r);
}

static void ask(sim *w, sim_request *r)
{
	aic_error err = {0};

	if (!r->ticket || !w->site[r->site].up || aic_generator_ask(w->site[r->site].generator, r->ticket, &r->answer, &err))
		return;
	if (w->plant == PLANT_DELAY && r->answer.state == AIC_FATE_ORDERED)
		r->answer.state = AIC_FATE_FINAL;
	if (r->answer.state == AIC_FATE_WAITING || r->answer.state == AIC_FATE_ORDERED) {
		if (!r->answer.why.message[0])
			sim_fail(w, "waiting-says-why", "request %llu at site %u waits and nobody says why", (unsigned long long)r->mark, r->site);
		return;
	}
	r->ticket = 0;
	r->answered = true;
	w->answered_final += r->answer.state == AIC_FATE_FINAL;
	sim_note(w, "site %u: %llu is %s%s", r->site, (unsigned long long)r->mark,
	         r->answer.state == AIC_FATE_FINAL ? "final" : "refused: ", r->answer.why.message);
	sim_check_answer(w, r);
}

void sim_load_ask(sim *w)
{
	for (size_t i = 0; i < w->n_requests; i++) {
		sim_request *r = &w->request[i];

		if (r->ticket == BLIND && w->site[r->site].up)
			submit(w, r);
		else
			ask(w, r);
	}
}

/* Nobody answers them any more. Who posts settlements asks again; here only the planted fault asks blindly. */
void sim_load_lost(sim_site *s)
{
	sim *w = s->world;
	size_t n = w->n_requests;

	for (size_t i = 0; i < n; i++) {
		sim_request *r = &w->request[i];

		if (r->site != s->number || !r->ticket)
			continue;
		r->ticket = 0;
		if (w->plant == PLANT_CRASH && w->n_requests < SIM_REQUESTS)
			w->request[w->n_requests++] = (sim_request){.kind = r->kind, .site = r->site, .mark = r->mark, .ticket = BLIND};
	}
}

bool sim_load_is_done(const sim *w)
{
	for (size_t i = 0; i < w->n_requests; i++)
		if (w->request[i].ticket && w->site[w->request[i].site].failure.code != AIC_CORRUPT)
			return false;
	for (unsigned i = 0; i < w->n; i++)
		if (!w->site[i].up || (!w->site[i].failure.code &&
		                       w->site[i].chain.final_height < aic_state_head(w->site[i].state)->height))
			return false;
	return true;
}
