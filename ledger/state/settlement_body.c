/* settlement_body.c: building the body of a settlement and its approvals, reading its result. */
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/merkle.h"
#include "ledger/state/settlement.h"

#define LINES_MAX 65536
#define APPROVAL_DOMAIN "aic/approval/v1"

static aic_bytes approved_bytes(const aic_hash *chain, const aic_hash *batch)
{
	aic_bytes b = {0};

	aic_bytes_append(&b, chain->b, AIC_HASH_LEN);
	aic_bytes_append(&b, batch->b, AIC_HASH_LEN);
	return b;
}

void aic_approval_sign(aic_approval *a, const aic_key *administrator, const aic_hash *chain, const aic_hash *batch)
{
	aic_bytes b = approved_bytes(chain, batch);

	memcpy(a->key, administrator->public_key, AIC_PUBLIC_LEN);
	aic_sign(a->signature, administrator, APPROVAL_DOMAIN, b.data, b.len);
	aic_bytes_free(&b);
}

bool aic_approval_verify(const aic_approval *a, const aic_hash *chain, const aic_hash *batch)
{
	aic_bytes b = approved_bytes(chain, batch);
	bool good = aic_verify(a->signature, a->key, APPROVAL_DOMAIN, b.data, b.len);

	aic_bytes_free(&b);
	return good;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(((const aic_approval *)a)->key, ((const aic_approval *)b)->key, AIC_PUBLIC_LEN);
}

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(a, b);
}

static size_t place_of(const aic_address *list, size_t n, const aic_address *a)
{
	const aic_address *p = bsearch(a, list, n, sizeof(*list), by_address);

	return (size_t)(p - list);
}

void aic_approvals_put(aic_bytes *out, const aic_approval *approval, size_t n)
{
	aic_approval *sorted = aic_xcalloc(n + 1, sizeof(*sorted));

	if (n)
		memcpy(sorted, approval, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_key);
	aic_cbor_put_array(out, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_bytes(out, sorted[i].key, AIC_PUBLIC_LEN);
		aic_cbor_put_bytes(out, sorted[i].signature, AIC_SIGNATURE_LEN);
	}
	free(sorted);
}

void aic_settlement_leaf(aic_bytes *out, const aic_settlement_line *l)
{
	aic_cbor_put_array(out, 7);
	aic_cbor_put_bytes(out, l->payer.b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, l->payee.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(out, (uint64_t)l->kind);
	aic_cbor_put_uint(out, l->n);
	aic_cbor_put_amount(out, l->gross);
	aic_cbor_put_amount(out, l->fee);
	aic_cbor_put_amount(out, l->stake);
}

void aic_settlement_leaf_get(aic_cbor *c, aic_settlement_line *l)
{
	aic_cbor_array_exact(c, 7);
	aic_cbor_bytes_exact(c, l->payer.b, AIC_ADDRESS_LEN);
	aic_cbor_bytes_exact(c, l->payee.b, AIC_ADDRESS_LEN);
	l->kind = (aic_line_kind)aic_cbor_uint(c);
	l->n = aic_cbor_uint(c);
	l->gross = aic_cbor_amount(c);
	l->fee = aic_cbor_amount(c);
	l->stake = aic_cbor_amount(c);
}

static void put_lines(aic_bytes *out, const aic_settlement *s, const aic_address *list, size_t n)
{
	aic_cbor_put_array(out, s->n_lines);
	for (size_t i = 0; i < s->n_lines; i++) {
		const aic_settlement_line *l = &s->line[i];

		aic_cbor_put_array(out, 7);
		aic_cbor_put_uint(out, place_of(list, n, &l->payer));
		aic_cbor_put_uint(out, place_of(list, n, &l->payee));
		aic_cbor_put_uint(out, (uint64_t)l->kind);
		aic_cbor_put_uint(out, l->n);
		aic_cbor_put_amount(out, l->gross);
		aic_cbor_put_amount(out, l->fee);
		aic_cbor_put_amount(out, l->stake);
	}
}

void aic_settlement_body(aic_bytes *out, const aic_settlement *s)
{
	aic_address *list = aic_xcalloc(2 * s->n_lines + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < s->n_lines; i++) {
		list[2 * i] = s->line[i].payer;
		list[2 * i + 1] = s->line[i].payee;
	}
	qsort(list, 2 * s->n_lines, sizeof(*list), by_address);
	for (size_t i = 0; i < 2 * s->n_lines; i++)
		if (!n || aic_address_cmp(&list[n - 1], &list[i]))
			list[n++] = list[i];
	aic_cbor_put_array(out, 8);
	aic_cbor_put_text(out, s->period);
	aic_cbor_put_uint(out, s->number);
	aic_cbor_put_bytes(out, s->evidence.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, s->batch.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, s->n_approvals);
	aic_approvals_put(out, s->signed_by, s->n_signed);
	aic_cbor_put_array(out, n);
	for (size_t i = 0; i < n; i++)
		aic_cbor_put_bytes(out, list[i].b, AIC_ADDRESS_LEN);
	put_lines(out, s, list, n);
	free(list);
}

aic_code aic_settlement_result_decode(aic_settlement_result *r, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	r->n_lines = aic_cbor_array(&c, LINES_MAX);
	r->reward = aic_xcalloc(r->n_lines + 1, sizeof(*r->reward));
	r->issued = aic_xcalloc(r->n_lines + 1, sizeof(*r->issued));
	for (size_t i = 0; i < r->n_lines && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 2);
		r->reward[i] = aic_cbor_amount(&c);
		r->issued[i] = aic_cbor_amount(&c);
	}
	return aic_cbor_finish(&c, err);
}

aic_code aic_settlement_key_of(const void *body, size_t len, char period[16], uint64_t *number, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_text(&c, period, 16);
	*number = aic_cbor_uint(&c);
	for (int i = 2; i < 8; i++)
		aic_cbor_skip(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_settlement_hashes_of(const void *body, size_t len, aic_hash *evidence, aic_hash *batch, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_skip(&c);
	aic_cbor_skip(&c);
	aic_cbor_bytes_exact(&c, evidence->b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, batch->b, AIC_HASH_LEN);
	for (int i = 4; i < 8; i++)
		aic_cbor_skip(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_settlement_opening_of(const void *body, size_t len, char period[16], uint64_t *number, aic_hash *evidence, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	aic_cbor_text(&c, period, 16);
	*number = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, evidence->b, AIC_HASH_LEN);
	return aic_cbor_ok(&c) ? AIC_OK : aic_cbor_finish(&c, err);
}

static bool take_line(aic_cbor *c, const aic_address *wallet, size_t wallets, aic_settlement_line *l)
{
	aic_cbor_array_exact(c, 7);
	uint64_t payer = aic_cbor_uint(c), payee = aic_cbor_uint(c);

	l->kind = (aic_line_kind)aic_cbor_uint(c);
	l->n = aic_cbor_uint(c);
	l->gross = aic_cbor_amount(c);
	l->fee = aic_cbor_amount(c);
	l->stake = aic_cbor_amount(c);
	if (!aic_cbor_ok(c))
		return false;
	if (payer >= wallets || payee >= wallets) {
		aic_cbor_fail(c, "a line names wallet %llu of %zu", (unsigned long long)(payer >= wallets ? payer : payee), wallets);
		return false;
	}
	l->payer = wallet[payer];
	l->payee = wallet[payee];
	return true;
}

aic_code aic_settlement_lines_of(const void *body, size_t len, aic_settlement_line **line, size_t *n, aic_error *err)
{
	aic_cbor c;
	aic_address *wallet;
	size_t wallets;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 8);
	for (int i = 0; i < 6; i++)
		aic_cbor_skip(&c);
	wallets = aic_cbor_array(&c, 2 * LINES_MAX);
	wallet = aic_xcalloc(wallets + 1, sizeof(*wallet));
	for (size_t i = 0; i < wallets && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, wallet[i].b, AIC_ADDRESS_LEN);
	*n = aic_cbor_array(&c, LINES_MAX);
	*line = aic_xcalloc(*n + 1, sizeof(**line));
	for (size_t i = 0; i < *n && take_line(&c, wallet, wallets, &(*line)[i]); i++)
		;
	free(wallet);
	aic_code code = aic_cbor_finish(&c, err);
	if (code) {
		free(*line);
		*line = NULL;
	}
	return code;
}

aic_code aic_settlement_line_of(const void *body, size_t len, uint64_t line, aic_settlement_line *out, aic_error *err)
{
	aic_settlement_line *all;
	size_t n;
	aic_code code = aic_settlement_lines_of(body, len, &all, &n, err);

	if (code)
		return code;
	if (line < n)
		*out = all[line];
	else
		code = aic_fail(err, AIC_NOT_FOUND, "line %llu is not in this settlement: it has %zu", (unsigned long long)line + 1, n);
	free(all);
	return code;
}

aic_code aic_settlement_line_path(const void *body, size_t len, uint64_t line, aic_settlement_line *out, aic_hash path[64], size_t *path_len,
                                  aic_error *err)
{
	aic_settlement_line *all;
	aic_bytes bytes = {0};
	size_t n;
	aic_code code = aic_settlement_line_of(body, len, line, out, err);

	if (code || (code = aic_settlement_lines_of(body, len, &all, &n, err)))
		return code;
	aic_hash *leaf = aic_xcalloc(n, sizeof(*leaf));
	for (size_t i = 0; i < n; i++) {
		aic_bytes_clear(&bytes);
		aic_settlement_leaf(&bytes, &all[i]);
		leaf[i] = aic_merkle_leaf(bytes.data, bytes.len);
	}
	*path_len = aic_merkle_prove(path, leaf, n, line);
	aic_bytes_free(&bytes);
	free(leaf);
	free(all);
	return AIC_OK;
}
