/* service_decoy.c: decoys as aicledgerd lays and reveals them, and the pay of those who judge. */
#include <string.h>

#include "ledger/service_operation.h"
#include "ledger/state/token.h"

/* What is one session's alone: its salted roots. */
static aic_hash content_of(const aic_session *s)
{
	uint8_t all[3 * AIC_HASH_LEN];

	memcpy(all, s->spec.b, AIC_HASH_LEN);
	memcpy(all + AIC_HASH_LEN, s->data.b, AIC_HASH_LEN);
	memcpy(all + 2 * AIC_HASH_LEN, s->code.b, AIC_HASH_LEN);
	return aic_sha256_of(all, sizeof(all));
}

aic_code aic_service_mark(aic_service *s, aic_session *o, const char *payer, aic_error *err)
{
	aic_hash content = content_of(o);
	aic_decoy d;
	aic_code code = aic_custody_decoy_get(s->custody, payer, &content, &d, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	o->mark = code ? aic_custody_mark(s->custody, &content) : aic_decoy_mark(d.salt, d.segment, d.step);
	return AIC_OK;
}

aic_code aic_op_session_decoy(aic_request *r, aic_error *err)
{
	static const aic_hash none;
	char wallet[AIC_NAME_LEN];
	aic_bytes body = {0};
	aic_address a;
	aic_posted posted;
	aic_wallet w;
	aic_code code;

	aic_cbor_text(r->args, wallet, sizeof(wallet));
	uint64_t segment = aic_cbor_uint(r->args), step = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_decoy_plan(r->s->custody, wallet, segment, step, &a, err)))
		return code;
	code = aic_state_wallet(r->s->state, &a, &w, err);
	if (code != AIC_NOT_FOUND)
		return code ? code : aic_service_session_answer(r, &none, aic_state_head(r->s->state)->height);
	aic_id house = aic_custody_decoy_house(r->s->custody, wallet);
	aic_wallet_register_body(&body, &a, &house, AIC_WALLET_PLAIN);
	code = aic_service_post(r, AIC_TX_WALLET_REGISTER, &body, &posted, err);
	aic_bytes_free(&body);
	return code ? code : aic_service_session_answer(r, &posted.tx, posted.height);
}

aic_code aic_op_session_reveal(aic_request *r, aic_error *err)
{
	char payer[AIC_NAME_LEN], text[20];
	aic_bytes body = {0};
	aic_hash id, content;
	aic_session s;
	aic_decoy d;
	aic_code code;

	aic_cbor_bytes_exact(r->args, id.b, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_session_need(r->s->state, &id, &s, err)))
		return code;
	content = content_of(&s);
	aic_custody_name(r->s->custody, &s.payer, payer, sizeof(payer));
	code = aic_custody_decoy_get(r->s->custody, payer, &content, &d, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "session %s is paid by %s, which pays for no decoys: `aic session decoy` makes a wallet that does",
		                aic_session_text(text, &id), payer);
	if (code)
		return code;
	aic_session_reveal_body(&body, &id, &d);
	return aic_service_session_post(r, AIC_TX_SESSION_REVEAL, &body, &id, err);
}

aic_code aic_op_session_pay(aic_request *r, aic_error *err)
{
	aic_bytes body = {0};
	aic_hash id;
	aic_code code;

	aic_cbor_bytes_exact(r->args, id.b, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_session_id_body(&body, &id);
	return aic_service_session_post(r, AIC_TX_SESSION_PAY, &body, &id, err);
}
