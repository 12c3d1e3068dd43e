/* request_test.c: a bounty is held, paid once or given back once; who may do what, and every refusal. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/asset.h"
#include "ledger/state/request.h"
#include "ledger/state/token.h"

#define BOUNTY (10 * AIC_UNIT)

static test_site site;

static int open_site(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	return test_site_open(&site, *state, &err) ? -1 : 0;
}

static int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

/* Frees the body; *id is what the transaction made. */
static aic_code send(uint64_t kind, aic_bytes *body, aic_u256 *id, aic_error *err)
{
	aic_posted posted;
	aic_code code = aic_chain_post(&site.chain, kind, body, &posted, err);

	aic_bytes_free(body);
	if (!code && id)
		*id = aic_asset_id(&posted.tx);
	return code;
}

static aic_code open_request(unsigned by, uint64_t kind, aic_amount bounty, uint64_t expires, aic_u256 *id, aic_error *err)
{
	aic_request_row r = {.requester = test_wallet(by), .kind = kind, .bounty = bounty, .expires = expires};
	aic_bytes body = {0};

	aic_request_open_body(&body, &r);
	return send(AIC_TX_REQUEST_OPEN, &body, id, err);
}

static aic_u256 make_asset(unsigned owner, uint64_t kind)
{
	aic_asset a = {.kind = kind, .owner = test_wallet(owner), .terms = {.licence = "CC-BY-4.0"}};
	aic_bytes body = {0};
	aic_u256 id;

	aic_asset_register_body(&body, &a);
	assert_ok(send(AIC_TX_ASSET_REGISTER, &body, &id, err));
	return id;
}

static aic_code with_asset(uint64_t kind, unsigned actor, aic_u256 request, aic_u256 asset, aic_error *err)
{
	aic_address a = test_wallet(actor);
	aic_bytes body = {0};

	aic_request_asset_body(&body, &a, request, asset);
	return send(kind, &body, NULL, err);
}

static aic_code offer(unsigned actor, aic_u256 request, aic_u256 asset, aic_error *err)
{
	return with_asset(AIC_TX_REQUEST_OFFER, actor, request, asset, err);
}

static aic_code accept_offer(unsigned actor, aic_u256 request, aic_u256 asset, aic_error *err)
{
	return with_asset(AIC_TX_REQUEST_ACCEPT, actor, request, asset, err);
}

static aic_code withdraw(unsigned actor, aic_u256 request, aic_error *err)
{
	aic_address a = test_wallet(actor);
	aic_bytes body = {0};

	aic_request_withdraw_body(&body, &a, request);
	return send(AIC_TX_REQUEST_WITHDRAW, &body, NULL, err);
}

static aic_amount holds(unsigned i)
{
	aic_address a = test_wallet(i);

	return test_balance(&site, &a);
}

static void assert_whole(aic_amount in_escrow)
{
	aic_address escrow = aic_escrow_address();

	assert_true(test_balance(&site, &escrow) == in_escrow);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
}

static void assert_transfer(const aic_address *from, const aic_address *to, aic_amount value)
{
	aic_bytes events = {0};
	aic_event e;
	int64_t time;
	bool found = false;
	aic_cbor c;

	assert_ok(aic_state_events(site.state, aic_state_head(site.state)->height, &events, &time, err));
	aic_cbor_init(&c, events.data, events.len);
	while (aic_cbor_peek(&c) != AIC_CBOR_END && aic_cbor_ok(&c)) {
		aic_event_get(&c, &e);
		found = found || (e.kind == AIC_EVENT_TRANSFER && !aic_address_cmp(&e.a, from) && !aic_address_cmp(&e.b, to) &&
		                  !aic_u256_cmp(e.value, aic_u256_from(value)));
	}
	assert_true(found);
	aic_bytes_free(&events);
}

static void test_accepted(void **state)
{
	aic_address requester = test_wallet(0), owner = test_wallet(2), escrow = aic_escrow_address();
	aic_u256 request, asset, other;

	(void)state;
	assert_ok(open_request(0, AIC_ASSET_DATA, BOUNTY, 100, &request, err));
	assert_transfer(&requester, &escrow, BOUNTY);
	assert_true(holds(0) == TEST_FUNDS - BOUNTY);
	assert_whole(BOUNTY);
	asset = make_asset(1, AIC_ASSET_DATA);
	other = make_asset(3, AIC_ASSET_DATA);
	assert_ok(offer(1, request, asset, err));
	assert_ok(offer(3, request, other, err));
	/* the asset changes hands: who owns it when it is accepted is paid */
	aic_address from = test_wallet(1);
	aic_bytes body = {0};
	aic_asset_transfer_body(&body, &from, &from, &owner, asset, false);
	assert_ok(send(AIC_TX_ASSET_TRANSFER, &body, NULL, err));
	assert_ok(accept_offer(0, request, asset, err));
	assert_transfer(&escrow, &owner, BOUNTY);
	assert_true(holds(2) == TEST_FUNDS + BOUNTY);
	assert_whole(0);
	assert_fails(accept_offer(0, request, other, err), AIC_REFUSED, "was accepted already");
	assert_fails(withdraw(0, request, err), AIC_REFUSED, "was accepted already");
	assert_fails(offer(3, request, other, err), AIC_REFUSED, "was accepted already");
	assert_whole(0);
}

static void test_withdrawn(void **state)
{
	aic_u256 request;

	(void)state;
	assert_ok(open_request(0, AIC_ASSET_MODEL, BOUNTY, 100, &request, err));
	assert_fails(withdraw(1, request, err), AIC_REFUSED, "only the wallet that opened a request can withdraw it, until height 100");
	assert_ok(withdraw(0, request, err));
	assert_true(holds(0) == TEST_FUNDS);
	assert_whole(0);
	assert_fails(withdraw(0, request, err), AIC_REFUSED, "was withdrawn already");
	assert_whole(0);
}

/* After its last height nobody can answer, and whoever comes gives the bounty back. */
static void test_run_out(void **state)
{
	aic_u256 request, asset = make_asset(1, AIC_ASSET_DATA);
	uint64_t last = aic_state_head(site.state)->height + 2;

	(void)state;
	assert_ok(open_request(0, AIC_ASSET_DATA, BOUNTY, last, &request, err));
	assert_ok(offer(1, request, asset, err));
	assert_int_equal(aic_state_head(site.state)->height, last);
	assert_fails(accept_offer(0, request, asset, err), AIC_REFUSED, "could be answered until height");
	assert_fails(offer(1, request, asset, err), AIC_REFUSED, "could be answered until height");
	assert_ok(withdraw(5, request, err));
	assert_true(holds(0) == TEST_FUNDS);
	assert_whole(0);
}

static void test_refusals(void **state)
{
	aic_u256 request, data = make_asset(1, AIC_ASSET_DATA), model = make_asset(1, AIC_ASSET_MODEL), none = aic_u256_from(7);
	aic_bytes garbage = {0};

	(void)state;
	assert_fails(open_request(0, 0, BOUNTY, 100, NULL, err), AIC_REFUSED, "kind 0 of a request");
	assert_fails(open_request(0, 4, BOUNTY, 100, NULL, err), AIC_REFUSED, "kind 4 of a request");
	assert_fails(open_request(0, 1, 0, 100, NULL, err), AIC_REFUSED, "a request without a bounty");
	assert_fails(open_request(0, 1, BOUNTY, 1, NULL, err), AIC_REFUSED, "could be answered until height 1");
	assert_fails(open_request(0, 1, TEST_FUNDS + 1, 100, NULL, err), AIC_REFUSED, "this needs");
	assert_fails(open_request(TEST_LOCKED, 1, 1, 100, NULL, err), AIC_REFUSED, "is locked until height");
	assert_fails(open_request(20, 1, 1, 100, NULL, err), AIC_REFUSED, "is not registered");
	assert_ok(open_request(0, AIC_ASSET_DATA, BOUNTY, 100, &request, err));
	assert_fails(offer(1, none, data, err), AIC_REFUSED, "there is no request");
	assert_fails(offer(1, request, none, err), AIC_REFUSED, "is not registered");
	assert_fails(offer(1, request, model, err), AIC_REFUSED, "asks for an asset of kind 1, this one is of kind 2");
	assert_fails(offer(2, request, data, err), AIC_REFUSED, "this wallet does not own it");
	assert_fails(accept_offer(0, request, data, err), AIC_REFUSED, "this asset was not offered for this request");
	assert_ok(offer(1, request, data, err));
	assert_fails(offer(1, request, data, err), AIC_REFUSED, "was offered for this request already");
	assert_fails(accept_offer(1, request, data, err), AIC_REFUSED, "only the wallet that opened a request can accept");
	for (int i = 1; i < AIC_OFFERS_MAX; i++)
		assert_ok(offer(1, request, make_asset(1, AIC_ASSET_DATA), err));
	assert_fails(offer(1, request, make_asset(1, AIC_ASSET_DATA), err), AIC_REFUSED, "has 32 offers");
	aic_address escrow = aic_escrow_address();
	aic_wallet_register_body(&garbage, &escrow, &site.chain.site, AIC_WALLET_PLAIN);
	assert_fails(send(AIC_TX_WALLET_REGISTER, &garbage, NULL, err), AIC_REFUSED, "is the ledger's own, for bounties");
	for (uint64_t kind = AIC_TX_REQUEST_OPEN; kind <= AIC_TX_REQUEST_WITHDRAW; kind++) {
		aic_bytes_append(&garbage, "\x81\x00", 2);
		assert_fails(send(kind, &garbage, NULL, err), AIC_CORRUPT, "CBOR byte 0");
	}
	assert_whole(BOUNTY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_accepted), TEST(test_withdrawn), TEST(test_run_out), TEST(test_refusals)};

	return cmocka_run_group_tests_name("ledger requests", tests, NULL, NULL);
}
