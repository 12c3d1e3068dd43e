/* testing.c: see testing.h. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "common/file.h"
#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"
#include "ledger/state/token.h"

void test_site_key(aic_key *key, uint8_t seed)
{
	uint8_t secret[AIC_SECRET_LEN];

	memset(secret, seed, sizeof(secret));
	aic_key_from_secret(key, secret);
}

aic_address test_wallet(unsigned i)
{
	aic_address a;

	memset(a.b, 0x11 * (int)(i + 1), sizeof(a.b));
	return a;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, AIC_PUBLIC_LEN);
}

void test_genesis(aic_bytes *out, const aic_key *member, size_t n)
{
	uint8_t keys[16][AIC_PUBLIC_LEN];
	aic_genesis_wallet wallet[TEST_WALLETS];
	aic_genesis g = {.name = "test", .parameters = aic_parameters_default, .n_members = n, .member = keys,
	                 .n_wallets = TEST_WALLETS, .wallet = wallet};

	memset(wallet, 0, sizeof(wallet));
	for (size_t i = 0; i < n; i++)
		memcpy(keys[i], member[i].public_key, AIC_PUBLIC_LEN);
	qsort(keys, n, AIC_PUBLIC_LEN, by_key);
	for (unsigned i = 0; i < TEST_WALLETS; i++) {
		wallet[i].address = test_wallet(i);
		memcpy(wallet[i].custodian, member[0].public_key, AIC_PUBLIC_LEN);
		memset(wallet[i].organisation.b, (int)(i + 1), sizeof(wallet[i].organisation.b));
		wallet[i].amount = TEST_FUNDS;
		wallet[i].locked_until = i == TEST_LOCKED ? TEST_UNLOCK : 0;
	}
	aic_genesis_encode(&g, out);
}

aic_code test_site_open(test_site *s, const char *dir, aic_error *err)
{
	char path[300];
	aic_code code;

	memset(s, 0, sizeof(*s));
	aic_str_copy(s->dir, sizeof(s->dir), dir);
	test_site_key(&s->key, 1);
	test_genesis(&s->genesis, &s->key, 1);
	snprintf(path, sizeof(path), "%s/order.db", dir);
	if ((code = aic_order_local(&s->order, path, false, err)))
		return code;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	if ((code = aic_state_open(&s->state, path, AIC_DB_DURABLE, err)))
		return code;
	return aic_chain_open(&s->chain, s->state, &s->order, &s->key, s->genesis.data, s->genesis.len, err);
}

void test_site_close(test_site *s)
{
	aic_state_close(s->state);
	aic_order_close(&s->order);
	aic_bytes_free(&s->genesis);
	s->state = NULL;
}

aic_code test_transfer(test_site *s, unsigned from, unsigned to, aic_amount value, aic_error *err)
{
	aic_address a = test_wallet(from), b = test_wallet(to);
	aic_bytes body = {0};
	aic_posted posted;

	aic_transfer_body(&body, &a, &b, value);
	aic_code code = aic_chain_post(&s->chain, AIC_TX_TRANSFER, &body, &posted, err);
	aic_bytes_free(&body);
	return code;
}

static void settle_body(aic_bytes *body, const char *period, uint64_t number, const aic_settlement_line *line, size_t n)
{
	aic_settlement st = {.number = number, .evidence = aic_sha256_of("evidence", 8), .n_approvals = 1, .n_lines = n, .line = line};

	aic_str_copy(st.period, sizeof(st.period), period);
	aic_settlement_body(body, &st);
}

aic_code test_settle(test_site *s, const char *period, uint64_t number, const aic_settlement_line *line, size_t n, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;

	settle_body(&body, period, number, line, n);
	aic_code code = aic_chain_post(&s->chain, AIC_TX_SETTLEMENT, &body, &posted, err);
	aic_bytes_free(&body);
	return code;
}

aic_code test_settle_in_parts(test_site *s, const char *period, uint64_t number, const aic_settlement_line *line, size_t n, size_t piece,
                              aic_error *err)
{
	aic_bytes body = {0}, part = {0};
	aic_posted posted;
	aic_code code = AIC_OK;

	settle_body(&body, period, number, line, n);
	for (size_t i = 0; i < aic_settlement_parts(body.len, piece) && !code; i++) {
		aic_bytes_clear(&part);
		aic_settlement_part_body(&part, period, number, &body, piece, i);
		code = aic_chain_post(&s->chain, AIC_TX_SETTLEMENT_PART, &part, &posted, err);
	}
	aic_bytes_free(&part);
	aic_bytes_free(&body);
	return code;
}

aic_amount test_balance(test_site *s, const aic_address *a)
{
	aic_wallet w;

	assert_ok(aic_state_wallet(s->state, a, &w, err));
	return w.balance;
}

aic_totals test_totals(test_site *s)
{
	aic_totals t;

	assert_ok(aic_state_totals(s->state, &t, err));
	return t;
}

/* Wallet rows alone have twelve fields. */
static aic_code add_balance(void *ctx, const aic_hash *key, const uint8_t *value, size_t len, aic_error *err)
{
	aic_amount *sum = ctx;
	aic_wallet w;

	(void)key, (void)err;
	if (aic_wallet_decode(&w, value, len))
		*sum += w.balance;
	return AIC_OK;
}

aic_amount test_sum_of_balances(test_site *s)
{
	aic_amount sum = 0;

	assert_ok(aic_tree_walk(aic_state_tree(s->state), add_balance, &sum, err));
	return sum;
}
