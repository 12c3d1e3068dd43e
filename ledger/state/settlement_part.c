/* settlement_part.c: see settlement_part.h. */
#include "ledger/state/settlement_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/merkle.h"
#include "ledger/state/execute.h"
#include "ledger/state/path.h"

#define PROOF_MAX 8 /* hashes to the root of AIC_PARTS_MAX pieces, and room */

/* --- building --- */

size_t aic_settlement_parts(size_t body_len, size_t piece_len)
{
	return body_len <= piece_len ? 1 : (body_len + piece_len - 1) / piece_len;
}

static aic_hash *leaves_of(const aic_bytes *body, size_t piece_len, size_t *n)
{
	*n = aic_settlement_parts(body->len, piece_len);
	aic_hash *leaf = aic_xcalloc(*n, sizeof(*leaf));
	for (size_t i = 0; i < *n; i++) {
		size_t at = i * piece_len, left = body->len - at;

		leaf[i] = aic_merkle_leaf(body->data + at, left < piece_len ? left : piece_len);
	}
	return leaf;
}

aic_hash aic_settlement_parts_root(const aic_bytes *body, size_t piece_len)
{
	size_t n;
	aic_hash *leaf = leaves_of(body, piece_len, &n);
	aic_hash root = aic_merkle_root(leaf, n);

	free(leaf);
	return root;
}

void aic_settlement_part_body(aic_bytes *out, const char *period, uint64_t number, const aic_bytes *body, size_t piece_len, size_t part)
{
	size_t n, at = part * piece_len, left = body->len - at;
	aic_hash *leaf = leaves_of(body, piece_len, &n), path[64], root = aic_merkle_root(leaf, n);
	size_t path_len = aic_merkle_prove(path, leaf, n, part);

	aic_cbor_put_array(out, 7);
	aic_cbor_put_text(out, period);
	aic_cbor_put_uint(out, number);
	aic_cbor_put_bytes(out, root.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, part);
	aic_cbor_put_uint(out, n);
	aic_cbor_put_array(out, path_len);
	for (size_t i = 0; i < path_len; i++)
		aic_cbor_put_bytes(out, path[i].b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, body->data + at, left < piece_len ? left : piece_len);
	free(leaf);
}

/* --- reading --- */

typedef struct {
	char period[16];
	uint64_t number, part, parts;
	aic_hash root, path[PROOF_MAX];
	size_t path_len;
	const uint8_t *piece;
	size_t piece_len;
} part_body;

static aic_code read_body(part_body *p, const void *body, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 7);
	aic_cbor_text(&c, p->period, sizeof(p->period));
	p->number = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, p->root.b, AIC_HASH_LEN);
	p->part = aic_cbor_uint(&c);
	p->parts = aic_cbor_uint(&c);
	p->path_len = aic_cbor_array(&c, PROOF_MAX);
	for (size_t i = 0; i < p->path_len && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, p->path[i].b, AIC_HASH_LEN);
	p->piece = aic_cbor_bytes(&c, &p->piece_len);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "part of a settlement") : AIC_OK;
}

const uint8_t *aic_settlement_part_piece(const void *body, size_t body_len, size_t *len)
{
	part_body p;

	if (read_body(&p, body, body_len, NULL))
		return NULL;
	*len = p.piece_len;
	return p.piece;
}

/* --- rows --- */

static void parts_put(aic_bytes *out, const aic_parts *p)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_text(out, p->period);
	aic_cbor_put_uint(out, p->number);
	aic_cbor_put_bytes(out, p->root.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, p->expires);
	aic_cbor_put_array(out, p->n_parts);
	for (size_t i = 0; i < p->n_parts; i++)
		aic_cbor_put_bytes(out, p->tx[i].b, p->there[i] ? AIC_HASH_LEN : 0);
}

static aic_code parts_decode(aic_parts *p, const uint8_t *data, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(p, 0, sizeof(*p));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 5);
	aic_cbor_text(&c, p->period, sizeof(p->period));
	p->number = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, p->root.b, AIC_HASH_LEN);
	p->expires = aic_cbor_uint(&c);
	p->n_parts = aic_cbor_array(&c, AIC_PARTS_MAX);
	for (size_t i = 0; i < p->n_parts && aic_cbor_ok(&c); i++) {
		size_t n;
		const uint8_t *tx = aic_cbor_bytes(&c, &n);

		p->there[i] = n == AIC_HASH_LEN;
		if (p->there[i])
			memcpy(p->tx[i].b, tx, AIC_HASH_LEN);
		else if (n)
			aic_cbor_fail(&c, "a transaction's id of %zu bytes", n);
	}
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's row of parts") : AIC_OK;
}

aic_code aic_parts_waiting(aic_state *s, const aic_id *site, aic_parts *p, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	aic_code code = aic_state_get(s, AIC_TABLE_PARTS, site->b, sizeof(site->b), &value, &len, err);

	return code ? code : parts_decode(p, value, len, err);
}

static size_t piece_key(uint8_t key[20], const aic_id *site, size_t part)
{
	memcpy(key, site->b, sizeof(site->b));
	aic_put_be32(key + sizeof(site->b), (uint32_t)part);
	return sizeof(site->b) + 4;
}

static aic_code piece_put(aic_state *s, const aic_id *site, size_t part, const uint8_t *piece, size_t len, aic_error *err)
{
	uint8_t key[20];
	aic_bytes value = {.data = (uint8_t *)piece, .len = len, .cap = len};

	return aic_state_put(s, AIC_TABLE_PARTS, key, piece_key(key, site, part), &value, err);
}

static aic_code write_waiting(aic_state *s, const aic_id *site, const aic_parts *p, aic_error *err)
{
	aic_bytes value = {0};

	parts_put(&value, p);
	aic_code code = aic_state_put(s, AIC_TABLE_PARTS, site->b, sizeof(site->b), &value, err);
	aic_bytes_free(&value);
	return code;
}

static aic_code delete_waiting(aic_state *s, const aic_id *site, const aic_parts *p, aic_error *err)
{
	uint8_t key[20];
	aic_code code = aic_state_delete(s, AIC_TABLE_PARTS, site->b, sizeof(site->b), err);

	for (size_t i = 0; i < p->n_parts && !code; i++)
		code = aic_state_delete(s, AIC_TABLE_PARTS, key, piece_key(key, site, i), err);
	return code;
}

static aic_code write_posted(aic_state *s, const aic_id *site, const aic_parts *p, aic_error *err)
{
	aic_hash key = aic_settlement_row_key(AIC_TABLE_PARTS_POSTED, site, p->period, p->number);
	aic_bytes value = {0};

	aic_cbor_put_array(&value, p->n_parts);
	for (size_t i = 0; i < p->n_parts; i++)
		aic_cbor_put_bytes(&value, p->tx[i].b, AIC_HASH_LEN);
	aic_code code = aic_tree_put(aic_state_tree(s), &key, value.data, value.len, err);
	aic_bytes_free(&value);
	aic_state_keep_path(s, &key);
	return code;
}

aic_code aic_parts_posted_decode(aic_hash tx[AIC_PARTS_MAX], size_t *n, const void *value, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, value, len);
	*n = aic_cbor_array(&c, AIC_PARTS_MAX);
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, tx[i].b, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err);
}

aic_code aic_parts_posted(aic_state *s, const aic_id *site, const char *period, uint64_t number, aic_hash tx[AIC_PARTS_MAX], size_t *n,
                          aic_error *err)
{
	aic_hash key = aic_settlement_row_key(AIC_TABLE_PARTS_POSTED, site, period, number);
	const uint8_t *value;
	size_t len;
	aic_code code = aic_tree_get(aic_state_tree(s), &key, &value, &len, err);

	return code ? code : aic_parts_posted_decode(tx, n, value, len, err);
}

/* --- executing --- */

static aic_code check_part(const aic_exec *x, const part_body *p, aic_error *err)
{
	aic_settlement_row row;
	aic_hash leaf = aic_merkle_leaf(p->piece, p->piece_len);
	aic_code code;

	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can post a part of a settlement");
	if (p->parts < 2 || p->parts > AIC_PARTS_MAX || p->part >= p->parts)
		return aic_fail(err, AIC_REFUSED, "part %llu of %llu: a settlement in parts has 2 to %d of them",
		                (unsigned long long)p->part + 1, (unsigned long long)p->parts, AIC_PARTS_MAX);
	if (!aic_merkle_check(&p->root, &leaf, p->parts, p->part, p->path, p->path_len))
		return aic_fail(err, AIC_REFUSED, "part %llu of settlement %s/%llu does not belong under its root",
		                (unsigned long long)p->part + 1, p->period, (unsigned long long)p->number);
	code = aic_state_settlement(x->state, &x->signer.site, p->period, p->number, &row, err);
	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu of this site was posted at height %llu already", p->period,
		                (unsigned long long)p->number, (unsigned long long)row.height);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static bool same_settlement(const aic_parts *w, const part_body *p)
{
	return strcmp(w->period, p->period) == 0 && w->number == p->number && w->n_parts == p->parts && aic_hash_equal(&w->root, &p->root);
}

/* What waits, without this part; a new wait where nothing does that this part belongs to. */
static aic_code find_waiting(const aic_exec *x, const part_body *p, aic_parts *w, aic_error *err)
{
	aic_code code = aic_parts_waiting(x->state, &x->signer.site, w, err);

	if (code == AIC_OK && x->height <= w->expires && same_settlement(w, p)) {
		if (w->there[p->part])
			return aic_fail(err, AIC_REFUSED, "part %llu of %llu of settlement %s/%llu is there already", (unsigned long long)p->part + 1,
			                (unsigned long long)p->parts, p->period, (unsigned long long)p->number);
		return AIC_OK;
	}
	if (code == AIC_OK)
		code = delete_waiting(x->state, &x->signer.site, w, err);
	if (code && code != AIC_NOT_FOUND)
		return code;
	memset(w, 0, sizeof(*w));
	aic_str_copy(w->period, sizeof(w->period), p->period);
	w->number = p->number;
	w->root = p->root;
	w->expires = x->height + AIC_PARTS_LIFE;
	w->n_parts = (size_t)p->parts;
	return AIC_OK;
}

static aic_code gather(const aic_exec *x, const aic_parts *w, aic_bytes *body, aic_error *err)
{
	uint8_t key[20];
	const uint8_t *value;
	size_t len;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < w->n_parts && !code; i++) {
		code = aic_state_get(x->state, AIC_TABLE_PARTS, key, piece_key(key, &x->signer.site, i), &value, &len, err);
		if (code == AIC_NOT_FOUND)
			code = aic_fail(err, AIC_CORRUPT, "a piece of settlement %s/%llu is missing: rebuild the state by replay", w->period,
			                (unsigned long long)w->number);
		if (!code)
			aic_bytes_append(body, value, len);
	}
	return code;
}

static aic_code apply_whole(aic_exec *x, const aic_parts *w, aic_error *err)
{
	aic_transaction tx = *x->tx;
	aic_exec whole = *x;
	aic_bytes body = {0};
	char period[16];
	uint64_t number;
	aic_code code = gather(x, w, &body, err);

	tx.body = body.data;
	tx.body_len = body.len;
	whole.tx = &tx;
	if (!code && !(code = aic_settlement_key_of(body.data, body.len, period, &number, err)) &&
	    (strcmp(period, w->period) != 0 || number != w->number))
		code = aic_fail(err, AIC_REFUSED, "the parts of settlement %s/%llu make settlement %s/%llu", w->period,
		                (unsigned long long)w->number, period, (unsigned long long)number);
	if (!code && !(code = delete_waiting(x->state, &x->signer.site, w, err)) && !(code = aic_execute_settlement(&whole, err)))
		code = write_posted(x->state, &x->signer.site, w, err);
	aic_bytes_free(&body);
	return code;
}

aic_code aic_execute_settlement_part(aic_exec *x, aic_error *err)
{
	static const aic_address zero;
	char note[AIC_EVENT_NOTE_LEN];
	aic_parts w;
	part_body p;
	aic_code code;

	if ((code = read_body(&p, x->tx->body, x->tx->body_len, err)) || (code = check_part(x, &p, err)) ||
	    (code = find_waiting(x, &p, &w, err)) ||
	    (code = piece_put(x->state, &x->signer.site, (size_t)p.part, p.piece, p.piece_len, err)))
		return code;
	w.there[p.part] = true;
	w.tx[p.part] = x->tx->id;
	snprintf(note, sizeof(note), "%s/%llu part %llu/%llu", p.period, (unsigned long long)p.number, (unsigned long long)p.part + 1,
	         (unsigned long long)p.parts);
	aic_state_emit(x->state, AIC_EVENT_SETTLEMENT_PART, &zero, &zero, aic_u256_from(p.piece_len), note);
	for (size_t i = 0; i < w.n_parts; i++)
		if (!w.there[i])
			return write_waiting(x->state, &x->signer.site, &w, err);
	return apply_whole(x, &w, err);
}
