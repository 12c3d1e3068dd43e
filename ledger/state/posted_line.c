/* posted_line.c: what is said of a posted settlement's line, and the sums that are kept for it. */
#include <string.h>

#include "common/merkle.h"
#include "ledger/state/posted_line.h"

void aic_posted_line_put(aic_bytes *out, const char *period, uint64_t number, uint64_t line, const aic_settlement_line *l,
                         const aic_hash *path, size_t path_len)
{
	aic_cbor_put_text(out, period);
	aic_cbor_put_uint(out, number);
	aic_cbor_put_uint(out, line);
	aic_settlement_leaf(out, l);
	aic_cbor_put_array(out, path_len);
	for (size_t i = 0; i < path_len; i++)
		aic_cbor_put_bytes(out, path[i].b, AIC_HASH_LEN);
}

void aic_posted_line_get(aic_cbor *c, aic_posted_line *p)
{
	aic_cbor_text(c, p->period, sizeof(p->period));
	p->number = aic_cbor_uint(c);
	p->line = aic_cbor_uint(c);
	size_t start = c->pos;
	aic_settlement_leaf_get(c, &p->l);
	if (aic_cbor_ok(c))
		p->leaf = aic_merkle_leaf(c->data + start, c->pos - start);
	p->path_len = aic_cbor_array(c, AIC_LINE_PATH_MAX);
	for (size_t i = 0; i < p->path_len && aic_cbor_ok(c); i++)
		aic_cbor_bytes_exact(c, p->path[i].b, AIC_HASH_LEN);
}

aic_code aic_posted_line_need(const aic_exec *x, const aic_posted_line *p, aic_settlement_row *row, aic_error *err)
{
	aic_code code = aic_state_settlement(x->state, &x->signer.site, p->period, p->number, row, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "this site has posted no settlement %s/%llu", p->period, (unsigned long long)p->number);
	if (code)
		return code;
	if (!aic_merkle_check(&row->lines, &p->leaf, row->n_lines, p->line, p->path, p->path_len))
		return aic_fail(err, AIC_REFUSED, "line %llu of settlement %s/%llu is not what this says", (unsigned long long)p->line + 1, p->period,
		                (unsigned long long)p->number);
	return AIC_OK;
}

static void sum_key(uint8_t key[AIC_HASH_LEN + 4], const aic_hash *settlement_tx, uint64_t line)
{
	memcpy(key, settlement_tx->b, AIC_HASH_LEN);
	aic_put_be32(key + AIC_HASH_LEN, (uint32_t)line);
}

aic_code aic_posted_line_sum(aic_state *s, aic_table_id table, const aic_hash *settlement_tx, uint64_t line, aic_amount *sum, aic_error *err)
{
	uint8_t key[AIC_HASH_LEN + 4];
	const uint8_t *there;
	size_t len;
	aic_cbor c;

	sum_key(key, settlement_tx, line);
	*sum = 0;
	aic_code code = aic_state_get(s, table, key, sizeof(key), &there, &len, err);
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, there, len);
	*sum = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_posted_line_add(aic_state *s, aic_table_id table, const aic_hash *settlement_tx, uint64_t line, aic_amount add, aic_amount limit,
                             aic_amount *sum, aic_error *err)
{
	uint8_t key[AIC_HASH_LEN + 4];
	aic_bytes value = {0};
	aic_code code = aic_posted_line_sum(s, table, settlement_tx, line, sum, err);

	if (code)
		return code;
	if (!aic_amount_add(sum, *sum, add) || *sum > limit)
		return AIC_REFUSED;
	sum_key(key, settlement_tx, line);
	aic_cbor_put_amount(&value, *sum);
	code = aic_state_put(s, table, key, sizeof(key), &value, err);
	aic_bytes_free(&value);
	return code;
}
