/* erc721_testing.h: assets as a caller of an ERC-721 contract sees them, and random calls; for the properties, the model and the terms. */
#ifndef AIC_LEDGER_ERC721_TESTING_H
#define AIC_LEDGER_ERC721_TESTING_H

#include "ledger/testing.h"

#include "ledger/state/asset.h"
#include "ledger/state/token.h"

#define USERS 4
#define UNSAFE USERS       /* a wallet that refuses assets */
#define ZERO (USERS + 1)
#define TOKENS 12

static test_site site;
static uint64_t nonce, seed;
static aic_u256 token[TOKENS]; /* the ones that open_site registers: owner i % USERS */

static inline aic_address user(unsigned i)
{
	aic_address a;

	if (i == ZERO)
		return (aic_address){{0}};
	if (i != UNSAFE)
		return test_wallet(i);
	memset(a.b, 0xee, sizeof(a.b));
	return a;
}

static inline bool send(uint64_t kind, aic_bytes *body, aic_hash *id)
{
	aic_bytes tx = {0};
	aic_transaction decoded;

	aic_tx_build(&tx, kind, &site.key, &aic_state_head(site.state)->chain, nonce, body->data, body->len);
	aic_code code = aic_state_execute(site.state, tx.data, tx.len, NULL);
	assert_true(code == AIC_OK || code == AIC_REFUSED);
	nonce += code == AIC_OK;
	assert_ok(aic_tx_decode(&decoded, tx.data, tx.len, err));
	if (id)
		*id = decoded.id;
	aic_bytes_free(&tx);
	aic_bytes_free(body);
	return code == AIC_OK;
}

static inline bool mint(unsigned owner, const aic_asset *like, aic_u256 *id)
{
	aic_asset a = like ? *like : (aic_asset){.kind = AIC_ASSET_DATA, .terms = {.licence = "CC-BY-4.0"}};
	aic_bytes body = {0};
	aic_hash tx;

	a.owner = user(owner);
	aic_asset_register_body(&body, &a);
	bool ok = send(AIC_TX_ASSET_REGISTER, &body, &tx);
	*id = aic_asset_id(&tx);
	return ok;
}

static inline bool move(unsigned actor, unsigned from, unsigned to, aic_u256 id, bool safe)
{
	aic_address x = user(actor), y = user(from), z = user(to);
	aic_bytes body = {0};

	aic_asset_transfer_body(&body, &x, &y, &z, id, safe);
	return send(AIC_TX_ASSET_TRANSFER, &body, NULL);
}

static inline bool approve(unsigned actor, unsigned approved, aic_u256 id)
{
	aic_address x = user(actor), y = user(approved);
	aic_bytes body = {0};

	aic_asset_approve_body(&body, &x, &y, id);
	return send(AIC_TX_ASSET_APPROVE, &body, NULL);
}

static inline bool approve_for_all(unsigned owner, unsigned operator_, bool yes)
{
	aic_address x = user(owner), y = user(operator_);
	aic_bytes body = {0};

	aic_asset_approve_for_all_body(&body, &x, &y, yes);
	return send(AIC_TX_ASSET_APPROVE_FOR_ALL, &body, NULL);
}

static inline bool burn(unsigned actor, aic_u256 id)
{
	aic_address x = user(actor);
	aic_bytes body = {0};

	aic_asset_retire_body(&body, &x, id);
	return send(AIC_TX_ASSET_RETIRE, &body, NULL);
}

/* ZERO + 1: there is none. */
static inline unsigned who(const aic_address *a)
{
	for (unsigned i = 0; i <= ZERO; i++) {
		aic_address u = user(i);

		if (aic_address_cmp(a, &u) == 0)
			return i;
	}
	return ZERO + 1;
}

static inline unsigned owner_of(aic_u256 id)
{
	aic_address a;

	return aic_asset_owner_of(site.state, id, &a, NULL) ? ZERO + 1 : who(&a);
}

static inline unsigned approved_for(aic_u256 id)
{
	aic_address a;

	return aic_asset_get_approved(site.state, id, &a, NULL) ? ZERO + 1 : who(&a);
}

static inline uint64_t balance(unsigned i)
{
	aic_address a = user(i);
	uint64_t n;

	assert_ok(aic_asset_balance_of(site.state, &a, &n, err));
	return n;
}

static inline uint64_t supply(void)
{
	return test_totals(&site).assets;
}

static inline unsigned any(void)
{
	return (unsigned)(test_random(&seed) % USERS);
}

static inline unsigned other(unsigned than)
{
	return (than + 1 + (unsigned)(test_random(&seed) % (USERS - 1))) % USERS;
}

static inline aic_u256 any_token(void)
{
	return token[test_random(&seed) % TOKENS];
}

/* A token that exists, minting one where none is left. */
static inline aic_u256 living(unsigned *owner)
{
	for (int i = 0; i < 100; i++) {
		aic_u256 id = any_token();

		*owner = owner_of(id);
		if (*owner < USERS)
			return id;
	}
	*owner = any();
	unsigned slot = (unsigned)(test_random(&seed) % TOKENS);
	assert_true(mint(*owner, NULL, &token[slot]));
	return token[slot];
}

static inline void shake(void)
{
	for (int i = 0; i < 6; i++) {
		unsigned a = any(), b = any(), c = (unsigned)(test_random(&seed) % (ZERO + 1));

		switch (test_random(&seed) % 8) {
		case 0:
			mint(a, NULL, &token[test_random(&seed) % TOKENS]);
			break;
		case 1:
			approve_for_all(a, b, test_random(&seed) & 1);
			break;
		case 2:
			burn(a, any_token());
			break;
		case 3:
		case 4:
			approve(a, c, any_token());
			break;
		default:
			move(a, b, c == UNSAFE ? a : c, any_token(), true);
			break;
		}
	}
}

static inline int open_site(void **state)
{
	aic_error err = {0};
	aic_address unsafe;
	aic_id organisation = {{9}};
	aic_bytes body = {0};

	nonce = 0;
	seed = 721;
	if (test_folder_make(state) || test_site_open(&site, *state, &err))
		return -1;
	aic_state_begin(site.state, 1, 0);
	unsafe = user(UNSAFE);
	aic_wallet_register_body(&body, &unsafe, &organisation, AIC_WALLET_REFUSES_ASSETS);
	if (!send(AIC_TX_WALLET_REGISTER, &body, NULL))
		return -1;
	for (unsigned i = 0; i < TOKENS; i++)
		if (!mint(i % USERS, NULL, &token[i]))
			return -1;
	return 0;
}

static inline int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static inline aic_u256 no_token(void)
{
	return (aic_u256){{test_random(&seed), test_random(&seed), test_random(&seed), test_random(&seed)}};
}

#endif
