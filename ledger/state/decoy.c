/* decoy.c: see decoy.h. */
#include "ledger/state/decoy.h"

#include <string.h>

#include "ledger/state/pay.h"
#include "ledger/state/request.h"

#define MARK "aic/mark/v1"
#define HOUSE "aic/house/v1"

static const aic_address nobody;

aic_hash aic_decoy_mark(const uint8_t salt[AIC_HASH_LEN], uint64_t segment, uint64_t step)
{
	aic_bytes in = {0};
	uint8_t be[16];

	aic_put_be64(be, segment);
	aic_put_be64(be + 8, step);
	aic_bytes_append_str(&in, MARK);
	aic_bytes_append(&in, salt, AIC_HASH_LEN);
	aic_bytes_append(&in, be, sizeof(be));
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

aic_id aic_decoy_house(const uint8_t nonce[AIC_HASH_LEN])
{
	aic_bytes in = {0};
	aic_id id;

	aic_bytes_append_str(&in, HOUSE);
	aic_bytes_append(&in, nonce, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	memcpy(id.b, h.b, sizeof(id.b));
	return id;
}

void aic_session_reveal_body(aic_bytes *out, const aic_hash *session, const aic_decoy *d)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, d->segment);
	aic_cbor_put_uint(out, d->step);
	aic_cbor_put_bytes(out, d->salt, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, d->nonce, AIC_HASH_LEN);
}

/* --- what follows --- */

aic_code aic_decoy_passed_at(aic_state *s, const aic_party *party, int64_t *time, aic_error *err)
{
	uint64_t at;
	aic_code code = aic_state_count(s, AIC_TABLE_DECOY_PASSED, party->b, sizeof(party->b), &at, err);

	*time = code ? 0 : (int64_t)at;
	return code;
}

aic_code aic_decoy_shown(aic_state *s, const aic_session *r, int64_t time, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < r->n_judges && !code; i++)
		if (r->judge[i].passed)
			code = aic_state_count_put(s, AIC_TABLE_DECOY_PASSED, r->judge[i].party.b, sizeof(r->judge[i].party.b), (uint64_t)time, err);
	for (size_t i = 0; i < r->n_providers && !code; i++) {
		aic_wallet w;

		if ((code = aic_wallet_need(s, &r->provider[i].wallet, &w, err)))
			return code;
		aic_wallet_age(&w, aic_rating_month(time));
		w.alpha = 0;
		code = aic_state_wallet_put(s, &r->provider[i].wallet, &w, err);
	}
	return code;
}

/* --- revealing one --- */

static aic_code read_body(aic_hash *id, aic_decoy *d, const aic_transaction *tx, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 5);
	aic_cbor_bytes_exact(&c, id->b, AIC_HASH_LEN);
	d->segment = aic_cbor_uint(&c);
	d->step = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, d->salt, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, d->nonce, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "session_reveal") : AIC_OK;
}

static aic_code check_time(const aic_exec *x, const aic_session *r, const char *text, aic_error *err)
{
	if (x->signer.role != AIC_ROLE_SITE || !aic_id_equal(&x->signer.site, &r->site))
		return aic_fail(err, AIC_REFUSED, "session %s was opened by another site, which alone can say what it was", text);
	if (r->revealed)
		return aic_fail(err, AIC_REFUSED, "session %s was revealed already", text);
	if (r->state != AIC_SESSION_VERIFIED && r->state != AIC_SESSION_REFUTED)
		return aic_fail(err, AIC_REFUSED, "session %s is %s: a decoy is revealed once it was judged", text, aic_session_state_name(r->state));
	if (x->time - r->decided_at >= AIC_SESSION_HOLD)
		return aic_fail(err, AIC_REFUSED, "session %s was judged %lld s ago, a decoy is revealed within %d s", text,
		                (long long)(x->time - r->decided_at), AIC_SESSION_HOLD);
	return AIC_OK;
}

/* It was one from its opening on, and no customer pays for it. */
static aic_code check_commitment(const aic_exec *x, const aic_session *r, const aic_decoy *d, const char *text, aic_error *err)
{
	aic_hash mark = aic_decoy_mark(d->salt, d->segment, d->step);
	aic_id house = aic_decoy_house(d->nonce);
	aic_wallet payer;
	aic_code code = aic_wallet_need(x->state, &r->payer, &payer, err);

	if (code)
		return code;
	if (!aic_hash_equal(&mark, &r->mark))
		return aic_fail(err, AIC_REFUSED, "session %s was not opened as a decoy with segment %llu and step %llu: its mark says something else",
		                text, (unsigned long long)d->segment, (unsigned long long)d->step);
	if (!aic_id_equal(&house, &payer.organisation))
		return aic_fail(err, AIC_REFUSED, "the payer of session %s is no wallet that its site made for decoys: whoever pays is no decoy's payer",
		                text);
	return AIC_OK;
}

/* Who was shown the bad segment and found nothing. */
static aic_code find_passed(aic_session *r, const aic_decoy *d, const char *text, aic_error *err)
{
	bool drawn = false;

	for (size_t i = 0; i < r->n_segments; i++)
		drawn |= r->segment[i] == d->segment;
	if (!drawn)
		return aic_fail(err, AIC_REFUSED, "segment %llu of session %s was not drawn: nobody was asked about it", (unsigned long long)d->segment,
		                text);
	if (r->state == AIC_SESSION_REFUTED) {
		if (r->decision.result != AIC_VERDICT_DIFFERS || r->decision.segment != d->segment || (d->step && r->decision.step != d->step))
			return aic_fail(err, AIC_REFUSED, "session %s was refuted in segment %llu at step %llu, not where it is said to be bad", text,
			                (unsigned long long)r->decision.segment, (unsigned long long)r->decision.step);
		return AIC_OK;
	}
	if (r->appeals)
		return aic_fail(err, AIC_REFUSED, "session %s was drawn twice already: nobody is asked a third time", text);
	if (!r->n_judges || (r->verdict.result != AIC_VERDICT_AGREES && r->verdict.segment != d->segment))
		return aic_fail(err, AIC_REFUSED, "nobody has passed segment %llu of session %s", (unsigned long long)d->segment, text);
	r->judge[r->n_judges - 1].passed = true;
	return AIC_OK;
}

/* Those who judge a decoy are paid by whoever laid it, now and when it is drawn again. */
static aic_code take_deposit(aic_exec *x, aic_session *r, const char *text, aic_error *err)
{
	aic_address escrow = aic_escrow_address();
	char has[AIC_AMOUNT_TEXT], needs[AIC_AMOUNT_TEXT];
	aic_amount cost;
	uint64_t segments = 2; /* of those who may be asked yet: one each */
	aic_wallet payer;
	aic_code code = aic_session_segment_cost(x->state, aic_session_fees(r), r->checkpoints - 1, &cost, err);

	for (size_t i = 0; i < r->n_judges; i++)
		segments += r->judge[i].segments;
	if (code || (code = aic_wallet_need(x->state, &r->payer, &payer, err)) || (code = aic_wallet_may_spend(x, &r->payer, &payer, err)))
		return code;
	if (!aic_mul_div(&r->deposit, cost, segments, 1) || payer.balance < r->deposit)
		return aic_fail(err, AIC_REFUSED, "the payer of session %s holds %s AIC, whoever judges it is due up to %s AIC: fund the wallet first", text,
		                aic_amount_format(has, payer.balance), aic_amount_format(needs, r->deposit));
	if (!r->deposit)
		return AIC_OK;
	if ((code = aic_escrow_ensure(x->state, err)) || (code = aic_wallet_move(x->state, &r->payer, &escrow, r->deposit, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_TRANSFER, &r->payer, &escrow, aic_u256_from(r->deposit), "decoy");
	return AIC_OK;
}

/* A decoy that was found is one. One that somebody passed is drawn again, so that a good segment cannot be called bad: others are asked
 * about that segment alone, and where they find nothing either the session stays what it was. */
static aic_code follow(aic_exec *x, const aic_hash *id, aic_session *r, aic_error *err)
{
	if (r->state == AIC_SESSION_REFUTED) {
		r->state = AIC_SESSION_DECOY;
		return aic_decoy_shown(x->state, r, x->time, err);
	}
	return aic_session_draw_again(x, id, r, err);
}

aic_code aic_execute_session_reveal(aic_exec *x, aic_error *err)
{
	char text[20];
	aic_session r;
	aic_decoy d;
	aic_hash id;
	aic_code code;

	if ((code = read_body(&id, &d, x->tx, err)) || (code = aic_session_need(x->state, &id, &r, err)))
		return code;
	aic_session_text(text, &id);
	if ((code = check_time(x, &r, text, err)) || (code = check_commitment(x, &r, &d, text, err)) ||
	    (code = find_passed(&r, &d, text, err)) || (code = take_deposit(x, &r, text, err)))
		return code;
	r.revealed = true;
	r.bad_segment = d.segment;
	text[16] = '\0';
	aic_state_emit(x->state, AIC_EVENT_SESSION_REVEAL, &r.payer, &nobody, aic_u256_from(d.segment), text);
	code = follow(x, &id, &r, err);
	return code ? code : aic_state_session_put(x->state, &id, &r, err);
}
