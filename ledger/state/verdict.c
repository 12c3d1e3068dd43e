/* verdict.c: see verdict.h: verdicts, and the appeal against one. */
#include "ledger/state/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN "aic/verdict/v1"

static const aic_address nobody;

/* --- the verdict itself --- */

static void put_signed(aic_bytes *out, const aic_verdict *v)
{
	aic_cbor_put_bytes(out, v->session.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, v->round);
	aic_cbor_put_bytes(out, v->key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(out, v->result);
	aic_cbor_put_uint(out, v->segment);
	aic_cbor_put_uint(out, v->step);
	aic_cbor_put_bytes(out, v->evidence.b, AIC_HASH_LEN);
}

static void bytes_to_sign(aic_bytes *out, const aic_verdict *v, const aic_hash *chain)
{
	aic_bytes_append(out, chain->b, AIC_HASH_LEN);
	put_signed(out, v);
}

void aic_verdict_sign(aic_verdict *v, const aic_key *verifier, const aic_hash *chain)
{
	aic_bytes in = {0};

	memcpy(v->key, verifier->public_key, AIC_PUBLIC_LEN);
	bytes_to_sign(&in, v, chain);
	aic_sign(v->signature, verifier, DOMAIN, in.data, in.len);
	aic_bytes_free(&in);
}

bool aic_verdict_verify(const aic_verdict *v, const aic_hash *chain)
{
	aic_bytes in = {0};

	bytes_to_sign(&in, v, chain);
	bool good = aic_verify(v->signature, v->key, DOMAIN, in.data, in.len);
	aic_bytes_free(&in);
	return good;
}

void aic_verdict_body(aic_bytes *out, const aic_verdict *v)
{
	aic_cbor_put_array(out, 8);
	put_signed(out, v);
	aic_cbor_put_bytes(out, v->signature, AIC_SIGNATURE_LEN);
}

aic_code aic_verdict_read(aic_verdict *v, const void *body, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_bytes_exact(&c, v->session.b, AIC_HASH_LEN);
	v->round = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, v->key, AIC_PUBLIC_LEN);
	v->result = aic_cbor_uint(&c);
	v->segment = aic_cbor_uint(&c);
	v->step = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, v->evidence.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, v->signature, AIC_SIGNATURE_LEN);
	if (aic_cbor_ok(&c) && v->result > AIC_VERDICT_DECLINED)
		aic_cbor_fail(&c, "result %llu is unknown", (unsigned long long)v->result);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "verdict") : AIC_OK;
}

/* --- checks --- */

static aic_code check_asked(const aic_exec *x, const aic_session *r, const aic_verdict *v, aic_error *err)
{
	char text[20];
	const uint8_t *asked = r->state == AIC_SESSION_DOUBTED ? r->third : r->verifier;

	aic_session_text(text, &v->session);
	if (r->state != AIC_SESSION_CHALLENGED && r->state != AIC_SESSION_DOUBTED)
		return aic_fail(err, AIC_REFUSED, "session %s is %s: nobody is asked to judge it", text, aic_session_state_name(r->state));
	if (v->round != r->round)
		return aic_fail(err, AIC_REFUSED, "the verdict is of round %llu, session %s is in round %llu: another node was drawn since",
		                (unsigned long long)v->round, text, (unsigned long long)r->round);
	if (memcmp(asked, v->key, AIC_PUBLIC_LEN) != 0)
		return aic_fail(err, AIC_REFUSED, "the verdict is not by the node that session %s waits for", text);
	if (!aic_verdict_verify(v, &aic_state_head(x->state)->chain))
		return aic_fail(err, AIC_REFUSED, "the signature of the verdict on session %s does not fit", text);
	return AIC_OK;
}

/* Who says that something differs says where: in a segment that was drawn, at a step of it. */
static aic_code check_place(const aic_exec *x, const aic_session *r, const aic_verdict *v, aic_error *err)
{
	aic_session_checkpoint from = {.step = 0}, to = {.step = 0};
	bool drawn = false;
	aic_code code;

	if (v->result != AIC_VERDICT_DIFFERS) {
		bool withheld = v->result == AIC_VERDICT_WITHHELD;
		for (size_t i = 0; i < r->n_segments; i++)
			drawn |= r->segment[i] == v->segment;
		if (v->step || (withheld ? !drawn : v->segment != 0))
			return aic_fail(err, AIC_REFUSED, "a verdict names a step where something differs, and a drawn segment where it was withheld, else 0");
		return AIC_OK;
	}
	for (size_t i = 0; i < r->n_segments; i++)
		drawn |= r->segment[i] == v->segment;
	if (!drawn)
		return aic_fail(err, AIC_REFUSED, "segment %llu was not drawn: nobody is asked about it", (unsigned long long)v->segment);
	if ((code = aic_state_session_checkpoint(x->state, &v->session, v->segment, &from, err)) ||
	    (code = aic_state_session_checkpoint(x->state, &v->session, v->segment + 1, &to, err)))
		return code == AIC_NOT_FOUND ? aic_fail(err, AIC_CORRUPT, "a checkpoint of the session is missing: rebuild the state by replay") : code;
	if (v->step <= from.step || v->step > to.step)
		return aic_fail(err, AIC_REFUSED, "segment %llu has steps %llu to %llu: the first wrong one cannot be step %llu",
		                (unsigned long long)v->segment, (unsigned long long)from.step + 1, (unsigned long long)to.step,
		                (unsigned long long)v->step);
	return AIC_OK;
}

/* --- what follows --- */

/* For the pay: a node that has been withdrawn since it was asked is paid nothing. The third node computes the doubted segment alone. */
static aic_code note_judge(aic_exec *x, aic_session *r, const aic_verdict *v, bool third, aic_error *err)
{
	aic_session_judge *j = &r->judge[r->n_judges];
	aic_verifier *all = NULL;
	size_t n;
	aic_code code = aic_state_verifiers(x->state, &all, &n, err);

	if (!code && r->n_judges < AIC_SESSION_JUDGES_MAX && v->result <= AIC_VERDICT_DIFFERS)
		for (size_t i = 0; i < n; i++)
			if (memcmp(all[i].key, v->key, AIC_PUBLIC_LEN) == 0) {
				*j = (aic_session_judge){.wallet = all[i].provider, .result = v->result, .segments = third ? 1 : r->n_segments};
				code = aic_party_of(x->state, &j->wallet, x->height, &j->party, err);
				r->n_judges++;
				break;
			}
	free(all);
	return code;
}

static aic_code judge(aic_exec *x, aic_session *r, const aic_verdict *v, aic_error *err)
{
	aic_code code;

	aic_session_verdict found = {.there = true, .result = v->result, .segment = v->segment, .step = v->step, .evidence = v->evidence};
	bool third = r->state == AIC_SESSION_DOUBTED;

	if (v->result == AIC_VERDICT_DECLINED) {
		r->asked_at = x->time - AIC_SESSION_ANSWER; /* replaced by the next block that may draw */
		return AIC_OK;
	}
	*(third ? &r->decision : &r->verdict) = found;
	if ((code = note_judge(x, r, v, third, err)))
		return code;
	if (v->result == AIC_VERDICT_AGREES)
		return aic_session_decide(x->state, r, AIC_SESSION_VERIFIED, x->height, x->time, err);
	if (third)
		return aic_session_decide(x->state, r, v->result == AIC_VERDICT_DIFFERS ? AIC_SESSION_REFUTED : AIC_SESSION_WITHHELD, x->height,
		                          x->time, err);
	r->state = AIC_SESSION_DOUBTED;
	r->asked_at = x->time;
	return AIC_OK;
}

aic_code aic_execute_verdict(aic_exec *x, aic_error *err)
{
	char text[20], note[AIC_EVENT_NOTE_LEN];
	aic_session r;
	aic_verdict v;
	aic_code code;

	if ((code = aic_verdict_read(&v, x->tx->body, x->tx->body_len, err)))
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "a verdict is brought by a member site's key");
	if ((code = aic_session_need(x->state, &v.session, &r, err)) || (code = check_asked(x, &r, &v, err)) ||
	    (code = check_place(x, &r, &v, err)) || (code = judge(x, &r, &v, err)))
		return code;
	aic_session_text(text, &v.session)[16] = '\0';
	snprintf(note, sizeof(note), "%s %s", text, aic_verdict_result_name(v.result));
	aic_state_emit(x->state, AIC_EVENT_VERDICT, &r.payer, &nobody, aic_u256_from(v.step), note);
	return aic_state_session_put(x->state, &v.session, &r, err);
}

/* --- once more --- */

/* No limit of sessions stands in the way of that. */
aic_code aic_session_draw_again(aic_exec *x, const aic_hash *id, aic_session *r, aic_error *err)
{
	uint64_t undecided;
	aic_code code = aic_state_count(x->state, AIC_TABLE_SESSION_UNDECIDED, r->site.b, sizeof(r->site.b), &undecided, err);

	if (code || (code = aic_state_count_put(x->state, AIC_TABLE_SESSION_UNDECIDED, r->site.b, sizeof(r->site.b), undecided + 1, err)))
		return code;
	r->former = r->state;
	r->state = AIC_SESSION_CLOSED;
	r->closed = x->height;
	r->appeals++;
	r->round++;
	r->n_segments = 0;
	memset(&r->verdict, 0, sizeof(r->verdict));
	memset(&r->decision, 0, sizeof(r->decision));
	return aic_state_queue_add(x->state, id, err);
}

/* --- appeal --- */

static aic_code check_appeal(const aic_exec *x, const aic_session *r, const aic_hash *id, aic_error *err)
{
	char text[20];

	aic_session_text(text, id);
	if (x->signer.role != AIC_ROLE_SITE || !aic_id_equal(&x->signer.site, &r->site))
		return aic_fail(err, AIC_REFUSED, "session %s was opened by another site, which alone can appeal", text);
	if (r->state != AIC_SESSION_REFUTED && r->state != AIC_SESSION_WITHHELD)
		return aic_fail(err, AIC_REFUSED, "session %s is %s: there is nothing to appeal against", text, aic_session_state_name(r->state));
	if (r->appeals)
		return aic_fail(err, AIC_REFUSED, "session %s was appealed for once already", text);
	if (x->time - r->decided_at >= AIC_SESSION_APPEAL)
		return aic_fail(err, AIC_REFUSED, "session %s was decided %lld s ago, an appeal can come within %d s", text,
		                (long long)(x->time - r->decided_at), AIC_SESSION_APPEAL);
	return AIC_OK;
}

aic_code aic_execute_session_appeal(aic_exec *x, aic_error *err)
{
	aic_approval approval[AIC_APPROVALS_MAX];
	char text[20];
	aic_session r;
	aic_hash id, reason;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, reason.b, AIC_HASH_LEN);
	size_t n = aic_approvals_get(&c, approval);
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_session_need(x->state, &id, &r, err)) || (code = check_appeal(x, &r, &id, err)) ||
	    (code = aic_approvals_check(x, approval, n, &reason, err)) || (code = aic_session_draw_again(x, &id, &r, err)))
		return code;
	aic_session_text(text, &id)[16] = '\0';
	aic_state_emit(x->state, AIC_EVENT_SESSION_APPEAL, &r.payer, &nobody, aic_u256_from(r.former), text);
	return aic_state_session_put(x->state, &id, &r, err);
}
