/* erc721_test.c: the 19 properties that crytic/properties holds ERC-721 tokens to, each under its name, after random calls; those
 * calls against a model of OpenZeppelin's contract; and what assets have besides: terms, parents, generations. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/asset.h"
#include "ledger/state/token.h"

#define USERS 4
#define UNSAFE USERS       /* a wallet that refuses assets */
#define ZERO (USERS + 1)
#define TOKENS 12
#define ROUNDS 25
#define CALLS 3000

static test_site site;
static uint64_t nonce, seed;
static aic_u256 token[TOKENS]; /* the ones that open_site registers: owner i % USERS */

static aic_address user(unsigned i)
{
	aic_address a;

	if (i == ZERO)
		return (aic_address){{0}};
	if (i != UNSAFE)
		return test_wallet(i);
	memset(a.b, 0xee, sizeof(a.b));
	return a;
}

static bool send(uint64_t kind, aic_bytes *body, aic_hash *id)
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

static bool mint(unsigned owner, const aic_asset *like, aic_u256 *id)
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

static bool move(unsigned actor, unsigned from, unsigned to, aic_u256 id, bool safe)
{
	aic_address x = user(actor), y = user(from), z = user(to);
	aic_bytes body = {0};

	aic_asset_transfer_body(&body, &x, &y, &z, id, safe);
	return send(AIC_TX_ASSET_TRANSFER, &body, NULL);
}

static bool approve(unsigned actor, unsigned approved, aic_u256 id)
{
	aic_address x = user(actor), y = user(approved);
	aic_bytes body = {0};

	aic_asset_approve_body(&body, &x, &y, id);
	return send(AIC_TX_ASSET_APPROVE, &body, NULL);
}

static bool approve_for_all(unsigned owner, unsigned operator_, bool yes)
{
	aic_address x = user(owner), y = user(operator_);
	aic_bytes body = {0};

	aic_asset_approve_for_all_body(&body, &x, &y, yes);
	return send(AIC_TX_ASSET_APPROVE_FOR_ALL, &body, NULL);
}

static bool burn(unsigned actor, aic_u256 id)
{
	aic_address x = user(actor);
	aic_bytes body = {0};

	aic_asset_retire_body(&body, &x, id);
	return send(AIC_TX_ASSET_RETIRE, &body, NULL);
}

/* ZERO + 1: there is none. */
static unsigned who(const aic_address *a)
{
	for (unsigned i = 0; i <= ZERO; i++) {
		aic_address u = user(i);

		if (aic_address_cmp(a, &u) == 0)
			return i;
	}
	return ZERO + 1;
}

static unsigned owner_of(aic_u256 id)
{
	aic_address a;

	return aic_asset_owner_of(site.state, id, &a, NULL) ? ZERO + 1 : who(&a);
}

static unsigned approved_for(aic_u256 id)
{
	aic_address a;

	return aic_asset_get_approved(site.state, id, &a, NULL) ? ZERO + 1 : who(&a);
}

static uint64_t balance(unsigned i)
{
	aic_address a = user(i);
	uint64_t n;

	assert_ok(aic_asset_balance_of(site.state, &a, &n, err));
	return n;
}

static uint64_t supply(void)
{
	return test_totals(&site).assets;
}

static unsigned any(void)
{
	return (unsigned)(test_random(&seed) % USERS);
}

static unsigned other(unsigned than)
{
	return (than + 1 + (unsigned)(test_random(&seed) % (USERS - 1))) % USERS;
}

static aic_u256 any_token(void)
{
	return token[test_random(&seed) % TOKENS];
}

/* A token that exists, minting one where none is left. */
static aic_u256 living(unsigned *owner)
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

static void shake(void)
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

static int open_site(void **state)
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

static int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static aic_u256 no_token(void)
{
	return (aic_u256){{test_random(&seed), test_random(&seed), test_random(&seed), test_random(&seed)}};
}

/* --- ERC721-BASE --- */

static void test_ERC20_balanceOfZeroAddressMustRevert(void **state)
{
	aic_address zero = user(ZERO);
	uint64_t n;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		shake();
		assert_fails(aic_asset_balance_of(site.state, &zero, &n, err), AIC_REFUSED, "zero address");
	}
}

static void test_ERC721_ownerOfInvalidTokenMustRevert(void **state)
{
	aic_address a;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		shake();
		assert_fails(aic_asset_owner_of(site.state, no_token(), &a, err), AIC_REFUSED, "is not registered");
	}
}

static void test_ERC721_approvingInvalidTokenMustRevert(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		shake();
		assert_false(approve(any(), ZERO, no_token()));
	}
}

static void test_ERC721_transferFromNotApproved(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner, thief;

		shake();
		aic_u256 id = living(&owner);
		thief = other(owner);
		approve_for_all(owner, thief, false);
		assert_true(approve(owner, ZERO, id));
		assert_false(move(thief, owner, thief, id, false));
		assert_int_equal(owner_of(id), owner);
	}
}

static void test_ERC721_transferFromResetApproval(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner, to;

		shake();
		aic_u256 id = living(&owner);
		to = other(owner);
		assert_true(approve(owner, any(), id));
		assert_true(move(owner, owner, to, id, i & 1));
		assert_int_equal(approved_for(id), ZERO);
	}
}

static void test_ERC721_transferFromUpdatesOwner(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner, to;

		shake();
		aic_u256 id = living(&owner);
		to = other(owner);
		uint64_t mine = balance(owner), theirs = balance(to);
		assert_true(move(owner, owner, to, id, i & 1));
		assert_int_equal(owner_of(id), to);
		assert_int_equal(balance(owner), mine - 1);
		assert_int_equal(balance(to), theirs + 1);
	}
}

static void test_ERC721_transferFromZeroAddress(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		assert_false(move(owner, ZERO, other(owner), id, false));
		assert_false(move(owner, other(owner), owner, id, false)); /* a wrong `from` fails, whoever it is */
		assert_int_equal(owner_of(id), owner);
	}
}

static void test_ERC721_transferToZeroAddress(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		assert_false(move(owner, owner, ZERO, id, i & 1));
		assert_int_equal(owner_of(id), owner);
	}
}

static void test_ERC721_transferFromSelf(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		uint64_t before = balance(owner);
		assert_true(move(owner, owner, owner, id, i & 1));
		assert_int_equal(owner_of(id), owner);
		assert_int_equal(balance(owner), before);
	}
}

static void test_ERC721_transferFromSelfResetsApproval(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		assert_true(approve(owner, other(owner), id));
		assert_true(move(owner, owner, owner, id, i & 1));
		assert_int_equal(approved_for(id), ZERO);
	}
}

static void test_ERC721_safeTransferFromRevertsOnNoncontractReceiver(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		assert_false(move(owner, owner, UNSAFE, id, true));
		assert_int_equal(owner_of(id), owner);
		assert_true(move(owner, owner, UNSAFE, id, false)); /* transferFrom does not ask */
		assert_true(move(UNSAFE, UNSAFE, owner, id, true));
	}
}

/* --- ERC721-BURNABLE --- */

static void test_ERC721_burnReducesTotalSupply(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;

		shake();
		aic_u256 id = living(&owner);
		uint64_t all = supply(), mine = balance(owner);
		assert_true(burn(owner, id));
		assert_int_equal(supply(), all - 1);
		assert_int_equal(balance(owner), mine - 1);
		assert_false(burn(owner, id));
	}
}

static aic_u256 burnt(unsigned *owner)
{
	shake();
	aic_u256 id = living(owner);
	assert_true(approve(*owner, other(*owner), id));
	assert_true(burn(*owner, id));
	return id;
}

static void test_ERC721_burnRevertOnTransferFromPreviousOwner(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;
		aic_u256 id = burnt(&owner);

		assert_false(move(owner, owner, other(owner), id, false));
	}
}

static void test_ERC721_burnRevertOnTransferFromZeroAddress(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;
		aic_u256 id = burnt(&owner);

		assert_false(move(owner, ZERO, other(owner), id, false));
	}
}

static void test_ERC721_burnRevertOnApprove(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;
		aic_u256 id = burnt(&owner);

		assert_false(approve(owner, other(owner), id));
	}
}

static void test_ERC721_burnRevertOnGetApproved(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;
		aic_u256 id = burnt(&owner);
		aic_address a;

		assert_fails(aic_asset_get_approved(site.state, id, &a, err), AIC_REFUSED, "was retired at height 1");
	}
}

static void test_ERC721_burnRevertOnOwnerOf(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner;
		aic_u256 id = burnt(&owner);
		aic_address a;

		assert_fails(aic_asset_owner_of(site.state, id, &a, err), AIC_REFUSED, "was retired at height 1");
	}
}

/* --- ERC721-MINTABLE --- */

static void test_ERC721_mintIncreasesSupply(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner = any();
		aic_u256 id;

		shake();
		uint64_t all = supply(), mine = balance(owner);
		assert_true(mint(owner, NULL, &id));
		assert_int_equal(supply(), all + 1);
		assert_int_equal(balance(owner), mine + 1);
	}
}

static void test_ERC721_mintCreatesFreshToken(void **state)
{
	aic_u256 seen[ROUNDS];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned owner = any();

		shake();
		assert_true(mint(owner, NULL, &seen[i]));
		assert_int_equal(owner_of(seen[i]), owner);
		assert_int_equal(approved_for(seen[i]), ZERO);
		for (int k = 0; k < i; k++)
			assert_true(aic_u256_cmp(seen[k], seen[i]) != 0);
	}
}

/* --- against the model --- */

static struct {
	unsigned owner[TOKENS], approved[TOKENS]; /* owner ZERO: burnt */
	bool operates[USERS + 2][USERS + 2];
} model;

static bool model_may(unsigned actor, unsigned t, bool by_approval)
{
	unsigned owner = model.owner[t];

	return owner != ZERO &&
	       (actor == owner || model.operates[owner][actor] || (by_approval && actor == model.approved[t]));
}

static bool model_move(unsigned actor, unsigned from, unsigned to, unsigned t, bool safe)
{
	if (!model_may(actor, t, true) || from != model.owner[t] || to == ZERO || (safe && to == UNSAFE))
		return false;
	model.owner[t] = to;
	model.approved[t] = ZERO;
	return true;
}

static void step(void)
{
	unsigned actor = (unsigned)(test_random(&seed) % (USERS + 1)), a = (unsigned)(test_random(&seed) % (ZERO + 1)),
	         b = (unsigned)(test_random(&seed) % (ZERO + 1)), t = (unsigned)(test_random(&seed) % TOKENS);
	bool flag = test_random(&seed) & 1, expected;

	switch (test_random(&seed) % 10) {
	case 0:
		expected = a != ZERO;
		if (expected)
			model.operates[actor][a] = flag;
		assert_true(approve_for_all(actor, a, flag) == expected);
		break;
	case 1:
	case 2:
		expected = model_may(actor, t, false);
		if (expected)
			model.approved[t] = a;
		assert_true(approve(actor, a, token[t]) == expected);
		break;
	case 3:
		if (test_random(&seed) % 4)
			break;
		expected = model_may(actor, t, true);
		if (expected)
			model.owner[t] = ZERO;
		assert_true(burn(actor, token[t]) == expected);
		break;
	default:
		if (test_random(&seed) % 3)
			a = model.owner[t];
		expected = model_move(actor, a, b, t, flag);
		assert_true(move(actor, a, b, token[t], flag) == expected);
		break;
	}
}

static void test_against_openzeppelin(void **state)
{
	uint64_t living_ = 0;

	(void)state;
	for (unsigned t = 0; t < TOKENS; t++) {
		model.owner[t] = t % USERS;
		model.approved[t] = ZERO;
	}
	for (int i = 0; i < CALLS; i++) {
		step();
		for (unsigned t = 0; t < TOKENS && i % 20 == 0; t++) {
			assert_int_equal(owner_of(token[t]), model.owner[t] == ZERO ? ZERO + 1 : model.owner[t]);
			if (model.owner[t] != ZERO)
				assert_int_equal(approved_for(token[t]), model.approved[t]);
		}
	}
	for (unsigned u = 0; u <= UNSAFE; u++) {
		uint64_t n = 0;

		for (unsigned t = 0; t < TOKENS; t++)
			n += model.owner[t] == u;
		assert_int_equal(balance(u), n);
		living_ += n;
	}
	assert_int_equal(supply(), living_);
}

/* --- terms and parents --- */

static void test_terms(void **state)
{
	aic_terms terms = {.licence = "for members", .verify = AIC_VERIFY_OWNER, .per_job = 5, .per_gpu_hour = AIC_UNIT};
	aic_address owner = user(0), stranger = user(1);
	aic_bytes body = {0};
	aic_asset a;

	(void)state;
	aic_asset_terms_body(&body, &stranger, token[0], &terms);
	assert_false(send(AIC_TX_ASSET_TERMS, &body, NULL));
	aic_asset_terms_body(&body, &owner, token[0], &terms);
	assert_true(send(AIC_TX_ASSET_TERMS, &body, NULL));
	assert_ok(aic_state_asset(site.state, token[0], &a, err));
	assert_string_equal(a.terms.licence, "for members");
	assert_true(a.terms.verify == AIC_VERIFY_OWNER && a.terms.per_job == 5 && a.terms.per_gpu_hour == AIC_UNIT);
}

static void test_parents(void **state)
{
	aic_asset a = {.kind = AIC_ASSET_TRAINED, .n_parents = 2}, got;
	aic_u256 id, before;

	(void)state;
	bool swap = aic_u256_cmp(token[0], token[1]) > 0;
	a.parent[0].asset = token[swap ? 1 : 0];
	a.parent[1].asset = token[swap ? 0 : 1];
	a.parent[0].ppm = 600000;
	a.parent[1].ppm = 400000;
	assert_true(mint(2, &a, &id));
	assert_ok(aic_state_asset(site.state, id, &got, err));
	assert_int_equal(got.generation, 2);
	assert_int_equal(got.parent[0].ppm, 600000);
	a.n_parents = 1;
	a.parent[0].asset = no_token();
	assert_false(mint(2, &a, &id));
	assert_true(burn(0, token[0]));
	a.parent[0].asset = token[0];
	assert_false(mint(2, &a, &id));
	before = token[1];
	for (int generation = 2; generation <= AIC_GENERATIONS_MAX; generation++) {
		a.parent[0].asset = before;
		assert_true(mint(2, &a, &before));
	}
	a.parent[0].asset = before;
	assert_false(mint(2, &a, &id));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ERC20_balanceOfZeroAddressMustRevert),
		TEST(test_ERC721_ownerOfInvalidTokenMustRevert),
		TEST(test_ERC721_approvingInvalidTokenMustRevert),
		TEST(test_ERC721_transferFromNotApproved),
		TEST(test_ERC721_transferFromResetApproval),
		TEST(test_ERC721_transferFromUpdatesOwner),
		TEST(test_ERC721_transferFromZeroAddress),
		TEST(test_ERC721_transferToZeroAddress),
		TEST(test_ERC721_transferFromSelf),
		TEST(test_ERC721_transferFromSelfResetsApproval),
		TEST(test_ERC721_safeTransferFromRevertsOnNoncontractReceiver),
		TEST(test_ERC721_burnReducesTotalSupply),
		TEST(test_ERC721_burnRevertOnTransferFromPreviousOwner),
		TEST(test_ERC721_burnRevertOnTransferFromZeroAddress),
		TEST(test_ERC721_burnRevertOnApprove),
		TEST(test_ERC721_burnRevertOnGetApproved),
		TEST(test_ERC721_burnRevertOnOwnerOf),
		TEST(test_ERC721_mintIncreasesSupply),
		TEST(test_ERC721_mintCreatesFreshToken),
		TEST(test_against_openzeppelin),
		TEST(test_terms),
		TEST(test_parents),
	};

	return cmocka_run_group_tests_name("ledger ERC-721", tests, NULL, NULL);
}
