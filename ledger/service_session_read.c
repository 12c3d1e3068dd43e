/* service_session_read.c: sessions as aicledgerd shows them. */
#include <stdlib.h>
#include <string.h>

#include "ledger/service_operation.h"
#include "ledger/state/path.h"
#include "ledger/state/session.h"

#define SESSIONS_MAX 10000

/* [id, row: bytes, payer's name, [* provider's name]] */
static void put_session(aic_request *r, aic_bytes *out, const aic_hash *id, const aic_session *s)
{
	char name[AIC_NAME_LEN];
	aic_bytes row = {0};

	aic_session_encode(&row, s);
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bytes(out, id->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, row.data, row.len);
	aic_custody_name(r->s->custody, &s->payer, name, sizeof(name));
	aic_cbor_put_text(out, name);
	aic_cbor_put_array(out, s->n_providers);
	for (size_t i = 0; i < s->n_providers; i++) {
		aic_custody_name(r->s->custody, &s->provider[i].wallet, name, sizeof(name));
		aic_cbor_put_text(out, name);
	}
	aic_bytes_free(&row);
}

aic_code aic_op_session(aic_request *r, aic_error *err)
{
	char text[20];
	aic_session s;
	aic_hash id;
	aic_code code;

	aic_cbor_bytes_exact(r->args, id.b, AIC_HASH_LEN);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	code = aic_state_session(r->s->state, &id, &s, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "there is no session %s in this site's copy", aic_session_text(text, &id));
	if (!code)
		put_session(r, r->out, &id, &s);
	r->items = 1;
	return code;
}

typedef struct {
	aic_request *r;
	uint64_t which, max;
	size_t n;
	aic_bytes rows;
} list;

/* A challenge is told to nobody before the block that drew it is final. */
static aic_code is_asked(list *l, const aic_session *s, bool *yes, aic_error *err)
{
	const uint8_t *asked = s->state == AIC_SESSION_DOUBTED ? s->third : s->verifier;
	aic_key_row k;
	aic_code code;

	*yes = false;
	if ((s->state != AIC_SESSION_CHALLENGED && s->state != AIC_SESSION_DOUBTED) || s->drawn > l->r->s->chain.final_height)
		return AIC_OK;
	code = aic_state_key(l->r->s->state, asked, &k, err);
	*yes = !code && aic_id_equal(&k.site, &l->r->s->chain.site);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code add(void *ctx, const aic_hash *id, aic_error *err)
{
	list *l = ctx;
	aic_session s;
	bool wanted = true;
	aic_code code = aic_state_session(l->r->s->state, id, &s, err);

	if (!code && l->which == AIC_SESSIONS_WAITING)
		wanted = !aic_session_is_decided(s.state);
	if (!code && l->which == AIC_SESSIONS_ASKED)
		code = is_asked(l, &s, &wanted, err);
	if (code || !wanted)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	put_session(l->r, &l->rows, id, &s);
	return ++l->n < l->max ? AIC_OK : AIC_NOT_FOUND;
}

/* Who is asked stands in the queue: it is looked at often, and short. */
static aic_code walk_queue(list *l, aic_error *err)
{
	aic_hash *id = NULL;
	size_t n;
	aic_code code = aic_state_queue(l->r->s->state, &id, &n, err);

	for (size_t i = 0; i < n && !code; i++)
		code = add(l, &id[i], err);
	free(id);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

aic_code aic_op_sessions(aic_request *r, aic_error *err)
{
	list l = {.r = r};
	aic_code code;

	l.which = aic_cbor_uint(r->args);
	l.max = aic_cbor_uint(r->args);
	if (aic_cbor_ok(r->args) && (l.which > AIC_SESSIONS_ASKED || !l.max || l.max > SESSIONS_MAX))
		aic_cbor_fail(r->args, "sessions of list %llu, at most %llu: the list is 0 to 2, the most %d", (unsigned long long)l.which,
		              (unsigned long long)l.max, SESSIONS_MAX);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	code = l.which == AIC_SESSIONS_ASKED ? walk_queue(&l, err) : aic_state_sessions(r->s->state, add, &l, err);
	aic_cbor_put_array(r->out, l.n);
	aic_bytes_append(r->out, l.rows.data, l.rows.len);
	r->items = 1;
	aic_bytes_free(&l.rows);
	return code;
}

aic_code aic_op_session_commitments(aic_request *r, aic_error *err)
{
	aic_bytes rows = {0};
	aic_session s;
	aic_hash id;
	size_t n = 0;
	aic_code code;

	aic_cbor_bytes_exact(r->args, id.b, AIC_HASH_LEN);
	uint64_t first = aic_cbor_uint(r->args), max = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_session_need(r->s->state, &id, &s, err)))
		return code;
	for (uint64_t i = first; i < s.checkpoints && n < max && n < AIC_SESSION_BATCH_MAX && !code; i++, n++) {
		aic_session_checkpoint c;

		if ((code = aic_state_session_checkpoint(r->s->state, &id, i, &c, err)))
			break;
		aic_cbor_put_array(&rows, 4);
		aic_cbor_put_uint(&rows, c.step);
		aic_cbor_put_bytes(&rows, c.chain.b, AIC_HASH_LEN);
		aic_cbor_put_bytes(&rows, c.root.b, AIC_HASH_LEN);
		aic_cbor_put_uint(&rows, c.height);
	}
	aic_cbor_put_array(r->out, n);
	aic_bytes_append(r->out, rows.data, rows.len);
	r->items = 1;
	aic_bytes_free(&rows);
	return code;
}
