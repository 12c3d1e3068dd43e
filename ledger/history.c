/* history.c: see history.h. The index of touched heights leads to the blocks, their events to the rows. */
#include "ledger/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/block.h"

typedef struct {
	aic_custody *names;
	const aic_address *wallet;
	aic_bytes rows;
	uint64_t n, max;
} history;

/* What a transaction is called in the notes: the settlement's key, else the beginning of its id. */
static void describe(const aic_block *b, uint64_t index, char note[AIC_NAME_LEN])
{
	aic_transaction tx;
	char id[17], period[16];
	aic_cbor c;

	note[0] = '\0';
	if (index >= b->n_tx || aic_tx_decode(&tx, b->tx[index].data, b->tx[index].len, NULL))
		return;
	aic_hex(id, tx.id.b, 8);
	snprintf(note, AIC_NAME_LEN, "%s %s", aic_tx_kind_name(tx.kind), id);
	if (tx.kind != AIC_TX_SETTLEMENT && tx.kind != AIC_TX_SETTLEMENT_PART)
		return;
	aic_cbor_init(&c, tx.body, tx.body_len);
	aic_cbor_array_exact(&c, tx.kind == AIC_TX_SETTLEMENT ? 8 : 7);
	aic_cbor_text(&c, period, sizeof(period));
	uint64_t number = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c))
		snprintf(note, AIC_NAME_LEN, "settlement %s/%llu", period, (unsigned long long)number);
}

static void put_name(history *h, const aic_address *a)
{
	char name[AIC_NAME_LEN] = "";

	if (!aic_address_is_zero(a))
		aic_custody_name(h->names, a, name, sizeof(name));
	aic_cbor_put_text(&h->rows, name);
}

static void put_row(history *h, uint64_t height, int64_t time, const aic_event *e, const aic_block *b)
{
	char note[AIC_NAME_LEN];
	aic_amount amount;

	if (!aic_u256_to_amount(e->value, &amount))
		amount = ~(aic_amount)0;
	aic_cbor_put_array(&h->rows, 7);
	aic_cbor_put_uint(&h->rows, height);
	aic_cbor_put_int(&h->rows, time);
	aic_cbor_put_text(&h->rows, aic_event_name(e->kind));
	put_name(h, &e->a);
	put_name(h, &e->b);
	aic_cbor_put_amount(&h->rows, amount);
	describe(b, e->tx, note);
	aic_cbor_put_text(&h->rows, e->note[0] ? e->note : note);
	h->n++;
}

static bool concerns(const history *h, const aic_event *e)
{
	return aic_address_cmp(&e->a, h->wallet) == 0 || aic_address_cmp(&e->b, h->wallet) == 0;
}

/* Events of one block, last first. */
static aic_code put_block(history *h, aic_state *s, uint64_t height, aic_error *err)
{
	aic_bytes events = {0}, bytes = {0};
	aic_event *list = NULL;
	size_t n = 0, cap = 0;
	aic_block b = {0};
	aic_hash hash;
	bool valid;
	int64_t time = 0;
	aic_cbor c;
	aic_code code;

	if (!(code = aic_state_events(s, height, &events, &time, err)) &&
	    !(code = aic_state_block(s, height, &bytes, &hash, &valid, err)) && height)
		code = aic_block_decode(&b, bytes.data, bytes.len, err);
	aic_cbor_init(&c, events.data, events.len);
	while (!code && aic_cbor_peek(&c) != AIC_CBOR_END && aic_cbor_ok(&c)) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			list = aic_xrealloc(list, cap * sizeof(*list));
		}
		aic_event_get(&c, &list[n]);
		n += aic_cbor_ok(&c) && concerns(h, &list[n]);
	}
	if (!code)
		code = aic_cbor_finish(&c, err);
	while (!code && n > 0 && h->n < h->max)
		put_row(h, height, time, &list[--n], &b);
	free(list);
	aic_block_clear(&b);
	aic_bytes_free(&events);
	aic_bytes_free(&bytes);
	return code;
}

aic_code aic_history_put(aic_state *s, aic_custody *names, const aic_address *wallet, uint64_t max, aic_bytes *out, aic_error *err)
{
	history h = {.names = names, .wallet = wallet, .max = max && max < AIC_HISTORY_MAX ? max : AIC_HISTORY_MAX};
	uint64_t height = aic_state_head(s)->height;
	aic_code code = AIC_OK;

	while (h.n < h.max && !(code = aic_state_touched(s, wallet, height, &height, err))) {
		if ((code = put_block(&h, s, height, err)) || !height)
			break;
		height--;
	}
	aic_cbor_put_array(out, h.n);
	aic_bytes_append(out, h.rows.data, h.rows.len);
	aic_bytes_free(&h.rows);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}
