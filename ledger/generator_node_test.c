/* generator_node_test.c: blocks that a node of the site signs, and what happens where it does not. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "common/block_call.h"
#include "common/lottery.h"
#include "ledger/generator.h"
#include "ledger/state/drawer.h"
#include "ledger/state/member.h"
#include "ledger/state/token.h"

static test_site site;
static aic_hash session;
static aic_generator *generator;
static aic_key node, vrf;
static int64_t ms;

static int64_t test_now(void *ctx)
{
	(void)ctx;
	return 1700000000 + ms / 1000;
}

static int64_t test_ms(void *ctx)
{
	(void)ctx;
	return ms;
}

static const aic_clock test_clock = {test_now, test_ms, NULL};

static aic_hash post(uint64_t kind, aic_bytes *body)
{
	aic_posted posted;

	assert_ok(aic_chain_post(&site.chain, kind, body, &posted, err));
	aic_bytes_free(body);
	return posted.tx;
}

static uint64_t height(void)
{
	return aic_state_head(site.state)->height;
}

/* A site alone, with one node in an open session. */
static int start(void **state)
{
	aic_session o = {.payer = test_wallet(0), .shards = 1};
	aic_session_node n = {.provider = test_wallet(1)};
	aic_bytes body = {0};
	aic_error err = {0};

	if (test_folder_make(state) || test_site_open(&site, *state, &err))
		return -1;
	ms = 0;
	site.chain.clock = &test_clock;
	test_site_key(&node, 61);
	test_site_key(&vrf, 62);
	aic_key_register_body(&body, AIC_ROLE_NODE, node.public_key, 0, vrf.public_key);
	post(AIC_TX_KEY_REGISTER, &body);
	memcpy(n.key, node.public_key, AIC_PUBLIC_LEN);
	aic_session_open_body(&body, &o, &n, 1);
	session = post(AIC_TX_SESSION_OPEN, &body);
	aic_site_policy_body(&body, 0);
	post(AIC_TX_SITE_POLICY, &body);
	generator = aic_generator_new(&site.chain, &aic_pacing_off);
	return 0;
}

static int stop(void **state)
{
	aic_generator_free(generator);
	test_site_close(&site);
	return test_folder_remove(state);
}

static uint64_t submit(void)
{
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_bytes body = {0};
	uint64_t ticket = 0;

	aic_transfer_body(&body, &a, &b, 1);
	assert_ok(aic_generator_submit(generator, AIC_TX_TRANSFER, &body, &ticket, err));
	aic_bytes_free(&body);
	return ticket;
}

static void step_at(int64_t at)
{
	ms = at;
	assert_ok(aic_generator_step(generator, err));
}

static aic_hash beacon(void)
{
	aic_hash b;

	assert_ok(aic_state_beacon(site.state, &b, err));
	return b;
}

static aic_code draw(uint64_t at, const aic_key *key, aic_error *err)
{
	uint8_t input[AIC_LOTTERY_INPUT_LEN], proof[AIC_VRF_PROOF_LEN];
	aic_hash b = beacon();

	aic_lottery_input(input, &b, height() + 1);
	aic_vrf_prove(proof, key, input, sizeof(input));
	return aic_generator_draw(generator, node.public_key, at, proof, err);
}

static aic_code sign_with(const aic_key *key, aic_error *err)
{
	const aic_bytes *header;
	uint8_t signature[AIC_SIGNATURE_LEN];
	uint64_t at;

	assert_true(aic_generator_header(generator, node.public_key, &at, &header));
	aic_sign(signature, key, AIC_BLOCK_DOMAIN, header->data, header->len);
	return aic_generator_sign(generator, node.public_key, at, signature, err);
}

static bool is_asked(void)
{
	const aic_bytes *header;
	uint64_t at;

	return aic_generator_header(generator, node.public_key, &at, &header);
}

static aic_id generator_of(uint64_t at)
{
	aic_bytes bytes = {0};
	aic_block b;
	aic_hash hash;
	bool valid;

	assert_ok(aic_state_block(site.state, at, &bytes, &hash, &valid, err));
	assert_true(valid);
	assert_ok(aic_block_decode(&b, bytes.data, bytes.len, err));
	aic_id id = b.header.generator;
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	return id;
}

static void the_node_that_wins_makes_the_block(void **state)
{
	uint64_t before = height(), ticket = submit();
	aic_id id = aic_drawer_id(node.public_key);
	aic_fate fate;

	(void)state;
	aic_generator_node_waits(generator);
	step_at(0);
	assert_int_equal(height(), before); /* the site leaves it to the node */
	assert_ok(draw(before + 1, &vrf, err));
	assert_false(is_asked()); /* draw / target seconds come first */
	step_at(1000);
	assert_ok(sign_with(&node, err));
	assert_int_equal(height(), before + 1);
	aic_id made = generator_of(before + 1);
	assert_true(aic_id_equal(&made, &id));
	step_at(1001);
	assert_ok(aic_generator_ask(generator, ticket, &fate, err));
	assert_int_equal(fate.state, AIC_FATE_FINAL);
	assert_int_equal(fate.height, before + 1);
}

static void after_a_quiet_while_the_node_has_its_time(void **state)
{
	uint64_t before = height();

	(void)state;
	aic_generator_node_waits(generator);
	step_at(0);
	assert_ok(draw(before + 1, &vrf, err));
	step_at(20000);
	aic_generator_node_waits(generator);
	submit();
	step_at(20000);
	assert_int_equal(height(), before); /* not the site's at once, though its turn after the block before is long over */
	step_at(21000);
	assert_ok(sign_with(&node, err));
	assert_int_equal(height(), before + 1);
	submit();
	aic_generator_node_waits(generator);
	step_at(21000);
	step_at(24999);
	assert_int_equal(height(), before + 1);
	step_at(25000);
	assert_int_equal(height(), before + 2);
}

static void a_node_that_does_not_sign_delays_by_four_seconds(void **state)
{
	uint64_t before = height();

	(void)state;
	submit();
	aic_generator_node_waits(generator);
	step_at(0);
	assert_ok(draw(before + 1, &vrf, err));
	step_at(1000);
	assert_true(is_asked());
	step_at(3100);
	assert_false(is_asked()); /* two seconds are over: it had its turn */
	aic_generator_node_waits(generator);
	step_at(3999);
	assert_int_equal(height(), before);
	step_at(4000);
	assert_int_equal(height(), before + 1);
	aic_id made = generator_of(before + 1);
	assert_true(aic_id_equal(&made, &site.chain.site));
}

static void nobody_waits_for_nodes_that_are_away(void **state)
{
	uint64_t before = height();

	(void)state;
	submit();
	step_at(0);
	assert_int_equal(height(), before + 1);
	aic_generator_node_waits(generator);
	submit();
	step_at(10000); /* it asked ten seconds ago, and no more */
	assert_int_equal(height(), before + 2);
}

static void what_is_not_the_node_s_is_refused(void **state)
{
	uint64_t before = height();
	uint8_t signature[AIC_SIGNATURE_LEN] = {0};

	(void)state;
	submit();
	aic_generator_node_waits(generator);
	step_at(0);
	assert_fails(draw(before, &vrf, err), AIC_NOT_FOUND, "the next block has height");
	assert_fails(draw(before + 1, &node, err), AIC_REFUSED, "the VRF proof is not the node's");
	assert_fails(aic_generator_sign(generator, node.public_key, before + 1, signature, err), AIC_NOT_FOUND, "no longer the node's to sign");
	assert_ok(draw(before + 1, &vrf, err));
	step_at(1000);
	assert_fails(sign_with(&vrf, err), AIC_REFUSED, "the signature is not the node's");
	assert_ok(sign_with(&node, err)); /* a bad one costs it nothing */
	assert_int_equal(height(), before + 1);
}

static void a_quiet_site_s_nodes_make_a_block_a_minute(void **state)
{
	uint64_t before = height();

	(void)state;
	aic_generator_node_waits(generator);
	step_at(0);
	assert_ok(draw(before + 1, &vrf, err));
	step_at(59999);
	assert_false(is_asked());
	aic_generator_node_waits(generator);
	step_at(61000);
	assert_true(is_asked());
	assert_ok(sign_with(&node, err));
	assert_int_equal(height(), before + 1);
	aic_generator_node_waits(generator);
	step_at(300000); /* and where no draw comes, none: a site alone makes no empty blocks */
	aic_generator_node_waits(generator);
	step_at(300001);
	assert_int_equal(height(), before + 1);
}

/* It draws by the state before the block. */
static void the_block_may_close_its_node_s_session(void **state)
{
	aic_session_provider p = {.wallet = test_wallet(1)};
	uint64_t before = height(), ticket, nodes;
	aic_bytes body = {0};

	(void)state;
	aic_session_close_body(&body, &session, 0, AIC_END_DONE, &p, 1);
	assert_ok(aic_generator_submit(generator, AIC_TX_SESSION_CLOSE, &body, &ticket, err));
	aic_bytes_free(&body);
	aic_generator_node_waits(generator);
	step_at(0);
	assert_ok(draw(before + 1, &vrf, err));
	step_at(1000);
	assert_ok(sign_with(&node, err));
	assert_int_equal(height(), before + 1);
	assert_ok(aic_drawers(site.state, height() + 1, &nodes, err));
	assert_int_equal(nodes, 0);
	submit();
	step_at(1001); /* and then nobody waits for it */
	assert_int_equal(height(), before + 2);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(the_node_that_wins_makes_the_block), WITH(after_a_quiet_while_the_node_has_its_time), WITH(a_node_that_does_not_sign_delays_by_four_seconds),
		WITH(nobody_waits_for_nodes_that_are_away), WITH(what_is_not_the_node_s_is_refused), WITH(a_quiet_site_s_nodes_make_a_block_a_minute),
		WITH(the_block_may_close_its_node_s_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
