/* session_rate.c: a session that was proven, or not found to be wrong, and paid for by another organisation raises its provider's
 * rating by the fee that was paid: shown by the settlement's line that holds it. */
#include "ledger/state/pay.h"
#include "ledger/state/posted_line.h"

typedef struct {
	aic_hash session;
	aic_address provider;
	aic_posted_line paid;
	aic_amount fee;
} request;

static aic_code read_body(request *q, const aic_transaction *tx, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_bytes_exact(&c, q->session.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, q->provider.b, AIC_ADDRESS_LEN);
	aic_posted_line_get(&c, &q->paid);
	q->fee = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "session_rate") : AIC_OK;
}

static bool raises(const aic_session *r)
{
	return r->state == AIC_SESSION_VERIFIED || r->state == AIC_SESSION_UNCHALLENGED;
}

/* A session that counts in full, or was refuted and is paid for all the same; this provider's part of it not yet shown. */
static aic_code check_session(const aic_exec *x, const request *q, const aic_session *r, size_t *at, aic_error *err)
{
	char text[20], stated[AIC_AMOUNT_TEXT], wanted[AIC_AMOUNT_TEXT];

	aic_session_text(text, &q->session);
	if (x->signer.role != AIC_ROLE_SITE || !aic_id_equal(&x->signer.site, &r->site))
		return aic_fail(err, AIC_REFUSED, "session %s was opened by another site, which alone can show what was paid for it", text);
	if (!raises(r) && (r->state != AIC_SESSION_REFUTED || r->run != AIC_RUN_USER))
		return aic_fail(err, AIC_REFUSED, "session %s is %s: it raises no rating", text, aic_session_state_name(r->state));
	for (*at = 0; *at < r->n_providers; ++*at)
		if (aic_address_cmp(&r->provider[*at].wallet, &q->provider) == 0)
			break;
	if (*at == r->n_providers || r->provider[*at].paid)
		return aic_fail(err, AIC_REFUSED, "session %s %s", text,
		                *at == r->n_providers ? "ran on no node of this provider" : "has counted for this provider's rating already");
	if (!q->fee || q->fee > r->provider[*at].fee)
		return aic_fail(err, AIC_REFUSED, "a fee of %s AIC for session %s: its closing states %s AIC for this provider",
		                aic_amount_format(wanted, q->fee), text, aic_amount_format(stated, r->provider[*at].fee));
	return AIC_OK;
}

static aic_code check_line(const aic_exec *x, const request *q, const aic_session *r, aic_settlement_row *row, aic_error *err)
{
	aic_wallet payer, payee;
	const aic_posted_line *p = &q->paid;
	aic_code code = aic_posted_line_need(x, p, row, err);

	if (code)
		return code;
	if (p->l.kind != AIC_KIND_HARDWARE || aic_address_cmp(&p->l.payer, &r->payer) || aic_address_cmp(&p->l.payee, &q->provider))
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu is not this session's payer paying this provider for hardware",
		                (unsigned long long)p->line + 1, p->period, (unsigned long long)p->number);
	if ((code = aic_wallet_need(x->state, &r->payer, &payer, err)) || (code = aic_wallet_need(x->state, &q->provider, &payee, err)))
		return code;
	if (aic_id_equal(&payer.organisation, &payee.organisation))
		return aic_fail(err, AIC_REFUSED, "payer and provider belong to one organisation: that raises no rating");
	return AIC_OK;
}

/* All sessions of a line together at most the line's fee. */
static aic_code use_line(aic_exec *x, const request *q, const aic_settlement_row *row, aic_error *err)
{
	char used[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT];
	const aic_posted_line *p = &q->paid;
	aic_amount sum;
	aic_code code = aic_posted_line_add(x->state, AIC_TABLE_SESSION_RATED, &row->tx, p->line, q->fee, p->l.fee, &sum, err);

	if (code == AIC_REFUSED)
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu paid a fee of %s AIC, its sessions would count %s AIC",
		                (unsigned long long)p->line + 1, p->period, (unsigned long long)p->number, aic_amount_format(fee, p->l.fee),
		                aic_amount_format(used, sum));
	return code;
}

aic_code aic_execute_session_rate(aic_exec *x, aic_error *err)
{
	request q = {.fee = 0};
	aic_settlement_row row;
	aic_session r;
	aic_wallet w;
	char text[20];
	size_t at = 0;
	aic_code code;

	if ((code = read_body(&q, x->tx, err)) || (code = aic_session_need(x->state, &q.session, &r, err)) ||
	    (code = check_session(x, &q, &r, &at, err)) || (code = check_line(x, &q, &r, &row, err)) || (code = use_line(x, &q, &row, err)) ||
	    (code = aic_wallet_need(x->state, &q.provider, &w, err)))
		return code;
	r.provider[at].paid = q.fee;
	if (raises(&r))
		aic_wallet_rate(&w, aic_rating_month(x->time), q.fee / (AIC_UNIT / AIC_PPM), 0);
	aic_session_text(text, &q.session)[16] = '\0';
	aic_state_emit(x->state, AIC_EVENT_SESSION_RATE, &r.payer, &q.provider, aic_u256_from(q.fee), text);
	if ((code = aic_state_wallet_put(x->state, &q.provider, &w, err)) || (code = aic_verify_budget_add(x->state, &r.payer, q.fee, err)))
		return code;
	return aic_state_session_put(x->state, &q.session, &r, err);
}
