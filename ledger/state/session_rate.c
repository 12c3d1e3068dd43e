/* session_rate.c: a session that was proven, or not found to be wrong, and paid for by another organisation raises its provider's
 * rating by the fee that was paid: shown by the settlement's line that holds it. */
#include <string.h>

#include "common/merkle.h"
#include "ledger/state/session.h"

#define PATH_MAX_LEN 32

typedef struct {
	aic_hash session;
	aic_address provider;
	char period[16];
	uint64_t number, line;
	aic_settlement_line l;
	aic_hash leaf, path[PATH_MAX_LEN];
	size_t path_len;
	aic_amount fee;
} request;

static aic_code read_body(request *q, const aic_transaction *tx, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_bytes_exact(&c, q->session.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, q->provider.b, AIC_ADDRESS_LEN);
	aic_cbor_text(&c, q->period, sizeof(q->period));
	q->number = aic_cbor_uint(&c);
	q->line = aic_cbor_uint(&c);
	size_t start = c.pos;
	aic_settlement_leaf_get(&c, &q->l);
	if (aic_cbor_ok(&c))
		q->leaf = aic_merkle_leaf(c.data + start, c.pos - start);
	q->path_len = aic_cbor_array(&c, PATH_MAX_LEN);
	for (size_t i = 0; i < q->path_len && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, q->path[i].b, AIC_HASH_LEN);
	q->fee = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "session_rate") : AIC_OK;
}

/* The session must have counted in full, and this provider's part of it not yet. */
static aic_code check_session(const aic_exec *x, const request *q, const aic_session *r, size_t *at, aic_error *err)
{
	char text[20], stated[AIC_AMOUNT_TEXT], wanted[AIC_AMOUNT_TEXT];

	aic_session_text(text, &q->session);
	if (x->signer.role != AIC_ROLE_SITE || !aic_id_equal(&x->signer.site, &r->site))
		return aic_fail(err, AIC_REFUSED, "session %s was opened by another site, which alone can show what was paid for it", text);
	if (r->state != AIC_SESSION_VERIFIED && r->state != AIC_SESSION_UNCHALLENGED)
		return aic_fail(err, AIC_REFUSED, "session %s is %s: it raises no rating", text, aic_session_state_name(r->state));
	for (*at = 0; *at < r->n_providers; ++*at)
		if (aic_address_cmp(&r->provider[*at].wallet, &q->provider) == 0)
			break;
	if (*at == r->n_providers || r->provider[*at].rated)
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
	aic_code code = aic_state_settlement(x->state, &x->signer.site, q->period, q->number, row, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "this site has posted no settlement %s/%llu", q->period, (unsigned long long)q->number);
	if (code)
		return code;
	if (!aic_merkle_check(&row->lines, &q->leaf, row->n_lines, q->line, q->path, q->path_len))
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu is not what this says", (unsigned long long)q->line + 1, q->period,
		                (unsigned long long)q->number);
	if (q->l.kind != AIC_KIND_HARDWARE || aic_address_cmp(&q->l.payer, &r->payer) || aic_address_cmp(&q->l.payee, &q->provider))
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu is not this session's payer paying this provider for hardware",
		                (unsigned long long)q->line + 1, q->period, (unsigned long long)q->number);
	if ((code = aic_wallet_need(x->state, &r->payer, &payer, err)) || (code = aic_wallet_need(x->state, &q->provider, &payee, err)))
		return code;
	if (aic_id_equal(&payer.organisation, &payee.organisation))
		return aic_fail(err, AIC_REFUSED, "payer and provider belong to one organisation: that raises no rating");
	return AIC_OK;
}

/* All sessions of a line together at most the line's fee. */
static aic_code use_line(aic_exec *x, const request *q, const aic_settlement_row *row, aic_error *err)
{
	uint8_t key[AIC_HASH_LEN + 4];
	char used[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT];
	aic_bytes value = {0};
	const uint8_t *there;
	size_t len;
	aic_amount sum = 0;
	aic_cbor c;

	memcpy(key, row->tx.b, AIC_HASH_LEN);
	aic_put_be32(key + AIC_HASH_LEN, (uint32_t)q->line);
	aic_code code = aic_state_get(x->state, AIC_TABLE_SESSION_RATED, key, sizeof(key), &there, &len, err);
	if (!code) {
		aic_cbor_init(&c, there, len);
		sum = aic_cbor_amount(&c);
		code = aic_cbor_finish(&c, err);
	}
	if (code && code != AIC_NOT_FOUND)
		return code;
	if (!aic_amount_add(&sum, sum, q->fee) || sum > q->l.fee)
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu paid a fee of %s AIC, its sessions would count %s AIC",
		                (unsigned long long)q->line + 1, q->period, (unsigned long long)q->number, aic_amount_format(fee, q->l.fee),
		                aic_amount_format(used, sum));
	aic_cbor_put_amount(&value, sum);
	code = aic_state_put(x->state, AIC_TABLE_SESSION_RATED, key, sizeof(key), &value, err);
	aic_bytes_free(&value);
	return code;
}

aic_code aic_execute_session_rate(aic_exec *x, aic_error *err)
{
	request q = {.line = 0};
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
	r.provider[at].rated = true;
	aic_wallet_rate(&w, aic_rating_month(x->time), q.fee / (AIC_UNIT / AIC_PPM), 0);
	aic_session_text(text, &q.session)[16] = '\0';
	aic_state_emit(x->state, AIC_EVENT_SESSION_RATE, &r.payer, &q.provider, aic_u256_from(q.fee), text);
	code = aic_state_wallet_put(x->state, &q.provider, &w, err);
	return code ? code : aic_state_session_put(x->state, &q.session, &r, err);
}
