/* vote.c: see vote.h. */
#include "ledger/state/vote.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/member.h"

#define RATES_MAX 256
#define RATE_NAME_MAX 64

static aic_hash proposal_key(const aic_transaction *tx)
{
	aic_bytes in = {0};
	uint8_t kind[8];

	aic_put_be64(kind, tx->kind);
	aic_bytes_append(&in, kind, sizeof(kind));
	aic_bytes_append(&in, tx->body, tx->body_len);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

static aic_code read_votes(aic_state *s, const aic_hash *key, aic_id **site, size_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_VOTE, key->b, AIC_HASH_LEN, &row, &len, err);

	*n = 0;
	*site = aic_xcalloc(1, sizeof(**site));
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*n = aic_cbor_array(&c, AIC_MEMBERS_MAX);
	*site = aic_xrealloc(*site, (*n + 1) * sizeof(**site));
	for (size_t i = 0; i < *n; i++)
		aic_cbor_bytes_exact(&c, (*site)[i].b, sizeof((*site)[i].b));
	return aic_cbor_finish(&c, err);
}

static aic_code write_votes(aic_state *s, const aic_hash *key, const aic_id *site, size_t n, aic_error *err)
{
	aic_bytes row = {0};

	aic_cbor_put_array(&row, n);
	for (size_t i = 0; i < n; i++)
		aic_cbor_put_bytes(&row, site[i].b, sizeof(site[i].b));
	aic_code code = aic_state_put(s, AIC_TABLE_VOTE, key->b, AIC_HASH_LEN, &row, err);
	aic_bytes_free(&row);
	return code;
}

/* Votes of sites that are members now. */
static aic_code count(aic_exec *x, const aic_id *site, size_t n, uint64_t *votes, aic_error *err)
{
	*votes = 0;
	for (size_t i = 0; i < n; i++) {
		aic_member m;
		aic_code code = aic_state_member(x->state, &site[i], &m, err);

		if (code)
			return code;
		*votes += aic_member_is_active(&m, x->height);
	}
	return AIC_OK;
}

static aic_code add_vote(aic_exec *x, const aic_hash *key, aic_id **site, size_t *n, aic_error *err)
{
	aic_code code = read_votes(x->state, key, site, n, err);

	for (size_t i = 0; i < *n && !code; i++)
		if (aic_id_equal(&(*site)[i], &x->signer.site))
			return aic_fail(err, AIC_REFUSED, "this site has voted for this already: the others' votes are missing");
	if (!code)
		(*site)[(*n)++] = x->signer.site;
	return code;
}

aic_code aic_vote(aic_exec *x, uint64_t expires, bool *passed, aic_error *err)
{
	aic_hash key = proposal_key(x->tx);
	aic_id *site = NULL;
	uint64_t members, votes = 0;
	size_t n = 0;
	aic_code code;

	*passed = false;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can vote");
	if (x->height > expires)
		return aic_fail(err, AIC_REFUSED, "this proposal could be voted on until height %llu, this is height %llu: propose it anew",
		                (unsigned long long)expires, (unsigned long long)x->height);
	if (!(code = add_vote(x, &key, &site, &n, err)) && !(code = aic_members_active(x->state, x->height, &members, err)) &&
	    !(code = count(x, site, n, &votes, err))) {
		*passed = votes >= aic_quorum(members);
		code = *passed ? aic_state_delete(x->state, AIC_TABLE_VOTE, key.b, AIC_HASH_LEN, err)
		               : write_votes(x->state, &key, site, n, err);
	}
	free(site);
	return code;
}

/* --- what is voted on --- */

void aic_parameters_body(aic_bytes *out, uint64_t expires, const aic_parameters *p)
{
	aic_bytes row = {0};

	aic_parameters_put(&row, p);
	aic_cbor_put_array(out, 2);
	aic_cbor_put_uint(out, expires);
	aic_cbor_put_bytes(out, row.data, row.len);
	aic_bytes_free(&row);
}

/* What genesis minted and a_max stay within genesis' total; what was burnt of it gives room. */
static aic_code check_total(aic_exec *x, const aic_parameters *p, aic_error *err)
{
	char a[AIC_AMOUNT_TEXT], most[AIC_AMOUNT_TEXT];
	aic_totals t;
	aic_amount minted, room = 0;
	aic_code code = aic_state_totals(x->state, &t, err);

	if (code || !t.total)
		return code;
	if (!aic_amount_sub(&minted, t.supply, t.issued) || !aic_amount_sub(&room, t.total, minted))
		room = t.total;
	if (p->a_max > room)
		return aic_fail(err, AIC_REFUSED, "a_max %s AIC is above %s AIC, what genesis' total leaves", aic_amount_format(a, p->a_max),
		                aic_amount_format(most, room));
	return AIC_OK;
}

aic_code aic_execute_parameters(aic_exec *x, aic_error *err)
{
	aic_parameters p;
	const uint8_t *row;
	size_t len;
	bool passed;
	aic_bytes value = {0};
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	uint64_t expires = aic_cbor_uint(&c);
	row = aic_cbor_bytes(&c, &len);
	if (aic_cbor_ok(&c) && !aic_parameters_decode(&p, row, len))
		aic_cbor_fail(&c, "the parameters cannot be read");
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_parameters_check(&p, err)) || (code = check_total(x, &p, err)) ||
	    (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	aic_parameters_put(&value, &p);
	code = aic_state_put(x->state, AIC_TABLE_PARAMETERS, "", 0, &value, err);
	aic_bytes_free(&value);
	return code;
}

static void check_rates(aic_cbor *c)
{
	char name[RATE_NAME_MAX + 1], before[RATE_NAME_MAX + 1] = "";
	size_t n = aic_cbor_array(c, RATES_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		aic_cbor_text(c, name, sizeof(name));
		aic_cbor_amount(c);
		if (aic_cbor_ok(c) && strcmp(before, name) >= 0)
			aic_cbor_fail(c, "rate %zu does not follow rate %zu by name", i + 1, i);
		memcpy(before, name, sizeof(before));
	}
}

aic_code aic_execute_rates(aic_exec *x, aic_error *err)
{
	aic_bytes value = {0};
	bool passed;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	uint64_t expires = aic_cbor_uint(&c);
	size_t start = c.pos;
	check_rates(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	aic_bytes_append(&value, x->tx->body + start, x->tx->body_len - start);
	code = aic_state_put(x->state, AIC_TABLE_RATES, "", 0, &value, err);
	aic_bytes_free(&value);
	return code;
}

void aic_pause_body(aic_bytes *out, uint64_t expires, bool paused)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_uint(out, expires);
	aic_cbor_put_bool(out, paused);
}

aic_code aic_execute_pause(aic_exec *x, aic_error *err)
{
	aic_bytes value = {0};
	bool passed;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	uint64_t expires = aic_cbor_uint(&c);
	bool paused = aic_cbor_bool(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_vote(x, expires, &passed, err)) || !passed)
		return code;
	if (!paused)
		return aic_state_delete(x->state, AIC_TABLE_PAUSE, "", 0, err);
	aic_cbor_put_uint(&value, x->height);
	code = aic_state_put(x->state, AIC_TABLE_PAUSE, "", 0, &value, err);
	aic_bytes_free(&value);
	return code;
}

aic_code aic_not_paused(aic_state *s, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_code code = aic_state_get(s, AIC_TABLE_PAUSE, "", 0, &row, &len, err);

	if (code == AIC_NOT_FOUND)
		return AIC_OK;
	if (code)
		return code;
	return aic_fail(err, AIC_REFUSED, "the ledger is paused by a vote of its members: nothing moves until they vote to go on");
}
