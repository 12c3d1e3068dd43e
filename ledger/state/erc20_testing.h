/* erc20_testing.h: the coin as a caller of an ERC-20 contract sees it, and random calls; for the properties and for the model. */
#ifndef AIC_LEDGER_ERC20_TESTING_H
#define AIC_LEDGER_ERC20_TESTING_H

#include "ledger/testing.h"

#include "common/cbor.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"
#include "ledger/state/vote.h"

#define USERS 5

typedef enum { TRANSFER, APPROVE, TRANSFER_FROM, INCREASE, DECREASE, BURN, BURN_FROM, OPERATIONS } operation;

static test_site site;
static uint64_t nonce, seed;

static inline int open_site(void **state)
{
	aic_error err = {0};

	nonce = 0;
	seed = 20;
	if (test_folder_make(state) || test_site_open(&site, *state, &err))
		return -1;
	aic_state_begin(site.state, 1, 0);
	return 0;
}

static inline int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

/* --- the contract, as a caller sees it: user USERS is the zero address --- */

static inline aic_address user(unsigned i)
{
	return i < USERS ? test_wallet(i) : (aic_address){{0}};
}

static inline bool send(uint64_t kind, const aic_bytes *body)
{
	aic_bytes tx = {0};

	aic_tx_build(&tx, kind, &site.key, &aic_state_head(site.state)->chain, nonce, body->data, body->len);
	aic_code code = aic_state_execute(site.state, tx.data, tx.len, NULL);
	assert_true(code == AIC_OK || code == AIC_REFUSED);
	nonce += code == AIC_OK;
	aic_bytes_free(&tx);
	return code == AIC_OK;
}

static inline bool call(operation op, unsigned actor, unsigned a, unsigned b, aic_u256 value)
{
	static const uint64_t kind[] = {AIC_TX_TRANSFER, AIC_TX_APPROVE, AIC_TX_TRANSFER_FROM, AIC_TX_INCREASE_ALLOWANCE,
	                                AIC_TX_DECREASE_ALLOWANCE, AIC_TX_BURN, AIC_TX_BURN_FROM};
	aic_address x = user(actor), y = user(a), z = user(b);
	aic_bytes body = {0};
	aic_amount amount = 0;

	if (op != APPROVE && op != INCREASE && op != DECREASE)
		assert_true(aic_u256_to_amount(value, &amount));
	if (op == TRANSFER)
		aic_transfer_body(&body, &x, &y, amount);
	else if (op == TRANSFER_FROM)
		aic_transfer_from_body(&body, &x, &y, &z, amount);
	else if (op == BURN)
		aic_burn_body(&body, &x, amount);
	else if (op == BURN_FROM)
		aic_burn_from_body(&body, &x, &y, amount);
	else
		aic_allowance_body(&body, &x, &y, value);
	bool ok = send(kind[op], &body);
	aic_bytes_free(&body);
	return ok;
}

static inline bool transfer(unsigned from, unsigned to, aic_amount value)
{
	return call(TRANSFER, from, to, 0, aic_u256_from(value));
}

static inline bool transfer_from(unsigned spender, unsigned from, unsigned to, aic_amount value)
{
	return call(TRANSFER_FROM, spender, from, to, aic_u256_from(value));
}

static inline aic_amount balance(unsigned i)
{
	aic_address a = user(i);
	aic_wallet w = {.balance = 0};
	aic_code code = aic_state_wallet(site.state, &a, &w, NULL);

	assert_true(code == AIC_OK || code == AIC_NOT_FOUND);
	return w.balance;
}

static inline aic_u256 allowance(unsigned owner, unsigned spender)
{
	aic_address a = user(owner), b = user(spender);
	aic_u256 value;

	assert_ok(aic_allowance(site.state, &a, &b, &value, err));
	return value;
}

static inline aic_amount supply(void)
{
	return test_totals(&site).supply;
}

static const aic_u256 infinite = {{~0ULL, ~0ULL, ~0ULL, ~0ULL}};

static inline bool equal(aic_u256 a, aic_u256 b)
{
	return aic_u256_cmp(a, b) == 0;
}

static inline aic_amount below(aic_amount limit) /* 0 .. limit */
{
	aic_amount r = (aic_amount)test_random(&seed) << 64 | test_random(&seed);

	return limit == ~(aic_amount)0 ? r : r % (limit + 1);
}

static inline unsigned any(void)
{
	return (unsigned)(test_random(&seed) % USERS);
}

static inline unsigned other(unsigned than)
{
	return (than + 1 + (unsigned)(test_random(&seed) % (USERS - 1))) % USERS;
}

static inline aic_u256 any_u256(void)
{
	static const unsigned bits[] = {0, 1, 20, 64, 70, 127, 128, 200, 256};
	unsigned n = bits[test_random(&seed) % 9];
	aic_u256 v = infinite;

	if (n < 256)
		v = aic_u256_shr((aic_u256){{test_random(&seed), test_random(&seed), test_random(&seed), test_random(&seed)}}, 256 - (n ? n : 1));
	return n ? v : aic_u256_from(0);
}

/* A random valid or invalid call: what the fuzzer does between two looks at a property. */
static inline void anything(void)
{
	operation op = (operation)(test_random(&seed) % OPERATIONS);
	unsigned actor = any(), a = (unsigned)(test_random(&seed) % (USERS + 1)), b = (unsigned)(test_random(&seed) % (USERS + 1));
	aic_u256 value = op == APPROVE || op == INCREASE || op == DECREASE ? any_u256() : aic_u256_from(below(balance(actor) / 8 + 1));

	call(op, actor, a, b, value);
}

static inline void shake(void)
{
	for (int i = 0; i < 8; i++)
		anything();
	for (unsigned i = 0; i < USERS; i++) /* nobody may run dry, or the property would say nothing */
		if (balance(i) < 1000)
			for (unsigned k = 0; k < USERS; k++)
				if (k != i && balance(k) > 1000000)
					transfer(k, i, balance(k) / 4);
}

#endif
