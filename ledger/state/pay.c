/* pay.c: see pay.h. A verdict is paid once, after the time in which it could still turn out to be a lie. */
#include "ledger/state/pay.h"

#include <string.h>

#include "ledger/state/asset.h"
#include "ledger/state/decoy.h"
#include "ledger/state/request.h"

typedef struct {
	aic_state *state;
	aic_session r;
	const char *text;         /* its first digits */
	aic_amount fees, cost;    /* cost: of one segment */
	const char *why;          /* the last one who gets nothing gets nothing: why */
	aic_amount moved;
} payment;

/* --- the figures --- */

aic_amount aic_session_fees(const aic_session *r)
{
	aic_amount sum = 0;

	for (size_t i = 0; i < r->n_providers; i++)
		if (!aic_amount_add(&sum, sum, r->provider[i].fee))
			return ~(aic_amount)0;
	return sum;
}

static aic_amount fees_paid(const aic_session *r)
{
	aic_amount sum = 0;

	for (size_t i = 0; i < r->n_providers; i++)
		if (!aic_amount_add(&sum, sum, r->provider[i].paid))
			return ~(aic_amount)0;
	return sum;
}

aic_code aic_session_segment_cost(aic_state *s, aic_amount fees, uint64_t segments, aic_amount *cost, aic_error *err)
{
	aic_parameters p;
	aic_code code = aic_state_parameters(s, &p, err);

	*cost = 0;
	if (code || !p.fee_ppm || !segments)
		return code;
	if (!aic_mul_div(cost, fees, AIC_PPM, p.fee_ppm))
		return aic_fail(err, AIC_REFUSED, "fees of a session that no payment can have: its closing states too much");
	*cost /= segments;
	return AIC_OK;
}

aic_code aic_verify_budget(aic_state *s, const aic_address *payer, aic_amount *budget, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_VERIFY_BUDGET, payer->b, AIC_ADDRESS_LEN, &row, &len, err);

	*budget = 0;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*budget = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err);
}

static aic_code budget_put(aic_state *s, const aic_address *payer, aic_amount budget, aic_error *err)
{
	aic_bytes row = {0};

	if (!budget)
		return aic_state_delete(s, AIC_TABLE_VERIFY_BUDGET, payer->b, AIC_ADDRESS_LEN, err);
	aic_cbor_put_amount(&row, budget);
	aic_code code = aic_state_put(s, AIC_TABLE_VERIFY_BUDGET, payer->b, AIC_ADDRESS_LEN, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_verify_budget_add(aic_state *s, const aic_address *payer, aic_amount fee, aic_error *err)
{
	aic_parameters p;
	aic_amount budget;
	aic_code code = aic_verify_budget(s, payer, &budget, err);

	if (code || (code = aic_state_parameters(s, &p, err)))
		return code;
	aic_amount_add(&budget, budget, aic_ppm_of(fee, p.verify_ppm)); /* fees are coin that exists: this fits */
	return budget_put(s, payer, budget, err);
}

/* --- who --- */

static aic_code same_organisation(payment *p, const aic_id *organisation, const aic_address *wallet, bool *same, aic_error *err)
{
	aic_wallet w;
	aic_code code = aic_wallet_need(p->state, wallet, &w, err);

	if (!code)
		*same |= aic_id_equal(organisation, &w.organisation);
	return code;
}

static aic_code is_own_cause(payment *p, const aic_address *judge, bool *own, aic_error *err)
{
	const aic_session *r = &p->r;
	aic_wallet w;
	aic_code code = aic_wallet_need(p->state, judge, &w, err);

	*own = false;
	if (!code)
		code = same_organisation(p, &w.organisation, &r->payer, own, err);
	for (size_t i = 0; i < r->n_providers && !code; i++)
		code = same_organisation(p, &w.organisation, &r->provider[i].wallet, own, err);
	for (size_t i = 0; i < r->n_assets && !code; i++) {
		aic_asset a;

		if (!(code = aic_state_asset(p->state, r->asset[i], &a, err)))
			code = same_organisation(p, &w.organisation, &a.owner, own, err);
	}
	return code;
}

/* What this judge is due yet. */
static aic_code due_to(payment *p, const aic_session_judge *j, aic_amount *due, aic_error *err)
{
	uint64_t right = p->r.state == AIC_SESSION_VERIFIED ? AIC_VERDICT_AGREES : AIC_VERDICT_DIFFERS;
	int64_t passed;
	bool own;
	aic_code code;

	*due = 0;
	if (j->result != right) {
		p->why = "the verdict did not hold";
		return AIC_OK;
	}
	if ((code = aic_decoy_passed_at(p->state, &j->party, &passed, err)) || (code = is_own_cause(p, &j->wallet, &own, err)))
		return code;
	if (passed >= p->r.decided_at)
		p->why = "who judged it has passed a decoy since";
	else if (own)
		p->why = "who judged it shares an organisation with it";
	else if (!aic_mul_div(due, p->cost, j->segments, 1) || *due <= j->paid)
		p->why = "all is paid";
	*due = *due > j->paid && !own && passed < p->r.decided_at ? *due - j->paid : 0;
	return AIC_OK;
}

/* --- from what --- */

static aic_code move(payment *p, const aic_address *from, aic_session_judge *j, aic_amount value, aic_error *err)
{
	aic_code code = value ? aic_wallet_move(p->state, from, &j->wallet, value, err) : AIC_OK;

	if (code || !value)
		return code;
	aic_state_emit(p->state, AIC_EVENT_TRANSFER, from, &j->wallet, aic_u256_from(value), "verdict");
	aic_state_log(p->state, AIC_EVENT_SESSION_PAY, &p->r.payer, &j->wallet, aic_u256_from(value), p->text);
	j->paid += value;
	p->moved += value;
	return AIC_OK;
}

/* Within what its payer's fees allow: what is missing can come later, when more of them were shown. */
static aic_code from_treasury(payment *p, aic_session_judge *j, aic_amount due, aic_error *err)
{
	aic_address treasury = aic_treasury_address();
	aic_amount budget;
	aic_wallet w;
	aic_code code = aic_verify_budget(p->state, &p->r.payer, &budget, err);

	if (code || (code = aic_wallet_need(p->state, &treasury, &w, err)))
		return code;
	if (due > budget) {
		due = budget;
		p->why = "verification may cost no more of what its payer's sessions have paid so far";
	}
	if (due > w.balance)
		due = w.balance;
	return (code = move(p, &treasury, j, due, err)) ? code : budget_put(p->state, &p->r.payer, budget - due, err);
}

static aic_code from_deposit(payment *p, aic_session_judge *j, aic_amount due, aic_error *err)
{
	aic_address escrow = aic_escrow_address();

	due = due < p->r.deposit ? due : p->r.deposit;
	p->r.deposit -= due;
	return move(p, &escrow, j, due, err);
}

/* The providers of a site-run session that was refuted pay for finding it out, each by its part of the fees. */
static aic_code from_providers(payment *p, aic_session_judge *j, aic_amount due, aic_error *err)
{
	const aic_session *r = &p->r;
	aic_amount left = due;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < r->n_providers && !code; i++) {
		aic_amount part = left;
		aic_wallet w;

		if (i + 1 < r->n_providers && !aic_mul_div(&part, due, r->provider[i].fee, p->fees))
			part = 0;
		if ((code = aic_wallet_need(p->state, &r->provider[i].wallet, &w, err)))
			return code;
		aic_amount now = part < w.balance ? part : w.balance;
		left -= part;
		if ((code = move(p, &r->provider[i].wallet, j, now, err)) || part == now)
			continue;
		if (!(code = aic_debt_add(p->state, &r->provider[i].wallet, &j->wallet, part - now, err))) {
			j->paid += part - now;
			p->moved += part - now;
		}
	}
	return code;
}

static bool by_providers(const aic_session *r)
{
	return !r->revealed && r->state == AIC_SESSION_REFUTED && r->run == AIC_RUN_SITE;
}

static aic_code pay_judges(payment *p, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < p->r.n_judges && !code; i++) {
		aic_session_judge *j = &p->r.judge[i];
		aic_amount due;

		if ((code = due_to(p, j, &due, err)) || !due)
			continue;
		if (p->r.revealed)
			code = from_deposit(p, j, due, err);
		else if (by_providers(&p->r))
			code = from_providers(p, j, due, err);
		else
			code = from_treasury(p, j, due, err);
	}
	return code;
}

static aic_code give_back(payment *p, aic_error *err)
{
	aic_address escrow = aic_escrow_address();
	aic_amount rest = p->r.deposit;
	aic_code code = rest ? aic_wallet_move(p->state, &escrow, &p->r.payer, rest, err) : AIC_OK;

	if (code || !rest)
		return code;
	aic_state_emit(p->state, AIC_EVENT_TRANSFER, &escrow, &p->r.payer, aic_u256_from(rest), "decoy");
	p->moved += rest;
	p->r.deposit = 0;
	return AIC_OK;
}

/* --- the transaction --- */

static bool pays_for(const aic_session *r)
{
	return r->state == AIC_SESSION_VERIFIED || r->state == AIC_SESSION_REFUTED || r->state == AIC_SESSION_DECOY;
}

static aic_code check(const aic_exec *x, const payment *p, aic_error *err)
{
	const aic_session *r = &p->r;

	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can have verdicts paid");
	if (!pays_for(r))
		return aic_fail(err, AIC_REFUSED, "session %s... is %s: no verdict on it is paid", p->text, aic_session_state_name(r->state));
	if (x->time - r->decided_at < AIC_SESSION_PAID_AFTER)
		return aic_fail(err, AIC_REFUSED, "session %s... was decided %lld s ago, verdicts are paid after %d s", p->text,
		                (long long)(x->time - r->decided_at), AIC_SESSION_PAID_AFTER);
	return AIC_OK;
}

static aic_code find_cost(payment *p, aic_error *err)
{
	bool stated = p->r.revealed || by_providers(&p->r);

	p->fees = stated ? aic_session_fees(&p->r) : fees_paid(&p->r);
	if (!p->fees && !stated)
		return aic_fail(err, AIC_REFUSED, "no fee of session %s... was shown to be paid: its verdicts are paid once its settlement is posted", p->text);
	return aic_session_segment_cost(p->state, p->fees, p->r.checkpoints - 1, &p->cost, err);
}

aic_code aic_execute_session_pay(aic_exec *x, aic_error *err)
{
	payment p = {.state = x->state, .why = "nobody has judged it"};
	char text[20];
	aic_hash id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 1);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_session_need(x->state, &id, &p.r, err)))
		return code;
	aic_session_text(text, &id)[16] = '\0';
	p.text = text;
	if ((code = check(x, &p, err)) || (code = find_cost(&p, err)) || (code = pay_judges(&p, err)) || (code = give_back(&p, err)))
		return code;
	if (!p.moved)
		return aic_fail(err, AIC_REFUSED, "nothing is due for session %s...: %s", text, p.why);
	return aic_state_session_put(x->state, &id, &p.r, err);
}

/* --- what could be asked for --- */

aic_code aic_session_payable(aic_state *s, const aic_session *r, const aic_id *site, aic_amount *due, aic_amount *now, aic_error *err)
{
	payment p = {.state = s, .r = *r};
	aic_address treasury = aic_treasury_address();
	bool stated = r->revealed || by_providers(r);
	aic_amount budget;
	aic_wallet w;
	aic_code code = AIC_OK;

	*due = *now = 0;
	p.fees = stated ? aic_session_fees(r) : fees_paid(r);
	if (!pays_for(r) || !p.fees || aic_state_head(s)->time - r->decided_at < AIC_SESSION_PAID_AFTER)
		return AIC_OK;
	if (aic_session_segment_cost(s, p.fees, r->checkpoints - 1, &p.cost, NULL))
		return AIC_OK;
	for (size_t i = 0; i < r->n_judges && !code; i++) {
		aic_amount one;

		if (!(code = aic_wallet_need(s, &r->judge[i].wallet, &w, err)) && aic_id_equal(&w.site, site) &&
		    !(code = due_to(&p, &r->judge[i], &one, err)))
			*due += one;
	}
	*now = *due;
	if (code || stated || !*due || (code = aic_verify_budget(s, &r->payer, &budget, err)) || (code = aic_wallet_need(s, &treasury, &w, err)))
		return code;
	if (*now > budget)
		*now = budget;
	if (*now > w.balance)
		*now = w.balance;
	return AIC_OK;
}
