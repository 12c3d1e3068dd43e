/* state_rows.c: the typed rows of the state. */
#include <string.h>

#include "ledger/state/path.h"

static aic_code checked(aic_state *s, aic_code code)
{
	if (code && code != AIC_NOT_FOUND)
		aic_state_failed(s);
	return code;
}

aic_code aic_state_get(aic_state *s, aic_table_id table, const void *key, size_t key_len, const uint8_t **value, size_t *len,
                       aic_error *err)
{
	aic_hash h = aic_row_key(table, key, key_len);

	return checked(s, aic_tree_get(aic_state_tree(s), &h, value, len, err));
}

aic_code aic_state_put(aic_state *s, aic_table_id table, const void *key, size_t key_len, const aic_bytes *value, aic_error *err)
{
	aic_hash h = aic_row_key(table, key, key_len);

	return checked(s, aic_tree_put(aic_state_tree(s), &h, value->data, value->len, err));
}

aic_code aic_state_delete(aic_state *s, aic_table_id table, const void *key, size_t key_len, aic_error *err)
{
	aic_hash h = aic_row_key(table, key, key_len);

	return checked(s, aic_tree_delete(aic_state_tree(s), &h, err));
}

static aic_code unreadable(aic_state *s, const char *what, aic_error *err)
{
	aic_state_failed(s);
	return aic_fail(err, AIC_CORRUPT, "the state's row of a %s cannot be read: rebuild the state by replay", what);
}

#define GET(table, key, len, decode, row, what)                                                                                \
	do {                                                                                                                       \
		const uint8_t *value_;                                                                                                 \
		size_t len_;                                                                                                           \
		aic_code code_ = aic_state_get(s, table, key, len, &value_, &len_, err);                                               \
		return code_ ? code_ : decode(row, value_, len_) ? AIC_OK : unreadable(s, what, err);                                   \
	} while (0)

#define PUT(table, key, len, encode, row)                                                                                      \
	do {                                                                                                                       \
		aic_bytes value_ = {0};                                                                                                \
		encode(&value_, row);                                                                                                  \
		aic_code code_ = aic_state_put(s, table, key, len, &value_, err);                                                      \
		aic_bytes_free(&value_);                                                                                               \
		return code_;                                                                                                          \
	} while (0)

aic_code aic_state_parameters(aic_state *s, aic_parameters *p, aic_error *err)
{
	GET(AIC_TABLE_PARAMETERS, "", 0, aic_parameters_decode, p, "parameter set");
}

aic_code aic_state_totals(aic_state *s, aic_totals *t, aic_error *err)
{
	GET(AIC_TABLE_TOTALS, "", 0, aic_totals_decode, t, "total");
}

aic_code aic_state_totals_put(aic_state *s, const aic_totals *t, aic_error *err)
{
	PUT(AIC_TABLE_TOTALS, "", 0, aic_totals_put, t);
}

aic_code aic_state_member(aic_state *s, const aic_id *site, aic_member *m, aic_error *err)
{
	GET(AIC_TABLE_MEMBER, site->b, sizeof(site->b), aic_member_decode, m, "member");
}

aic_code aic_state_member_put(aic_state *s, const aic_id *site, const aic_member *m, aic_error *err)
{
	PUT(AIC_TABLE_MEMBER, site->b, sizeof(site->b), aic_member_put, m);
}

aic_code aic_state_key(aic_state *s, const uint8_t *key, aic_key_row *k, aic_error *err)
{
	GET(AIC_TABLE_KEY, key, AIC_PUBLIC_LEN, aic_key_row_decode, k, "key");
}

aic_code aic_state_key_put(aic_state *s, const uint8_t *key, const aic_key_row *k, aic_error *err)
{
	PUT(AIC_TABLE_KEY, key, AIC_PUBLIC_LEN, aic_key_row_put, k);
}

aic_code aic_state_wallet(aic_state *s, const aic_address *a, aic_wallet *w, aic_error *err)
{
	GET(AIC_TABLE_WALLET, a->b, AIC_ADDRESS_LEN, aic_wallet_decode, w, "wallet");
}

aic_code aic_state_wallet_put(aic_state *s, const aic_address *a, const aic_wallet *w, aic_error *err)
{
	PUT(AIC_TABLE_WALLET, a->b, AIC_ADDRESS_LEN, aic_wallet_put, w);
}

aic_code aic_state_wallet_at(aic_state *s, const aic_hash *key, aic_wallet *w, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	aic_code code = checked(s, aic_tree_get(aic_state_tree(s), key, &value, &len, err));

	return code ? code : aic_wallet_decode(w, value, len) ? AIC_OK : unreadable(s, "wallet", err);
}

aic_code aic_state_wallet_put_at(aic_state *s, const aic_hash *key, const aic_wallet *w, aic_error *err)
{
	uint8_t room[256];
	aic_bytes value = {.data = room, .cap = sizeof(room)}; /* more than a wallet takes: nothing is allocated */

	aic_wallet_put(&value, w);
	return aic_tree_put(aic_state_tree(s), key, value.data, value.len, err);
}

aic_code aic_state_settlement(aic_state *s, const aic_id *site, const char *period, uint64_t number, aic_settlement_row *row,
                              aic_error *err)
{
	aic_hash key = aic_settlement_row_key(AIC_TABLE_SETTLEMENT, site, period, number);
	const uint8_t *value;
	size_t len;
	aic_code code = checked(s, aic_tree_get(aic_state_tree(s), &key, &value, &len, err));

	return code ? code : aic_settlement_row_decode(row, value, len) ? AIC_OK : unreadable(s, "settlement", err);
}

aic_code aic_state_settlement_put(aic_state *s, const aic_id *site, const char *period, uint64_t number,
                                  const aic_settlement_row *row, aic_error *err)
{
	aic_hash key = aic_settlement_row_key(AIC_TABLE_SETTLEMENT, site, period, number);
	aic_bytes value = {0};

	aic_settlement_row_put(&value, row);
	aic_code code = checked(s, aic_tree_put(aic_state_tree(s), &key, value.data, value.len, err));
	aic_bytes_free(&value);
	aic_state_keep_path(s, &key);
	return code;
}
