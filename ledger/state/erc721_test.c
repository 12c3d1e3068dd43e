/* erc721_test.c: the 19 properties that crytic/properties holds ERC-721 tokens to, each under its name, after random calls. */
#define _GNU_SOURCE
#include "ledger/state/erc721_testing.h"

#define ROUNDS 25

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
	};

	return cmocka_run_group_tests_name("ledger ERC-721", tests, NULL, NULL);
}
