/* drawer_test.c: which nodes draw, how many they count as, and which blocks by nodes stand: each condition of block.md alone. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "common/lottery.h"
#include "ledger/state/drawer.h"
#include "ledger/state/member.h"
#include "ledger/state/session_testing.h"

#define NODES 12

static aic_key node[NODES], vrf[NODES];

/* --- blocks and nodes --- */

static uint64_t head(void)
{
	return aic_state_head(test_ledger)->height;
}

static aic_hash beacon(void)
{
	aic_hash b;

	assert_ok(aic_state_beacon(test_ledger, &b, err));
	return b;
}

static uint64_t drawers(void)
{
	uint64_t n;

	assert_ok(aic_drawers(test_ledger, head() + 1, &n, err));
	return n;
}

static void register_until(unsigned site, size_t i, uint64_t until)
{
	aic_bytes body = {0};

	test_site_key(&node[i], (uint8_t)(50 + i));
	test_site_key(&vrf[i], (uint8_t)(150 + i));
	aic_key_register_body(&body, AIC_ROLE_NODE, node[i].public_key, until, vrf[i].public_key);
	assert_ok(test_post(site, AIC_TX_KEY_REGISTER, &body, err));
}

/* Of site 0, paid by its wallet 0, with nodes [from, to). */
static aic_hash open_session(size_t from, size_t to, size_t model_len)
{
	aic_session o = {.payer = test_wallet(0), .shards = 8, .model = "gpt", .model_len = model_len};
	aic_session_node list[NODES];
	aic_bytes body = {0};

	for (size_t i = from; i < to; i++) {
		list[i - from] = (aic_session_node){.provider = test_wallet(1)};
		memcpy(list[i - from].key, node[i].public_key, AIC_PUBLIC_LEN);
	}
	aic_session_open_body(&body, &o, list, to - from);
	assert_ok(test_post(0, AIC_TX_SESSION_OPEN, &body, err));
	return test_posted;
}

static aic_hash session_of(size_t from, size_t to)
{
	aic_hash id;

	for (size_t i = from; i < to; i++)
		register_until(0, i, 0);
	id = open_session(from, to, 3);
	test_block(1); /* they draw from the second block after it on */
	return id;
}

static void prove(size_t i, uint8_t proof[AIC_VRF_PROOF_LEN])
{
	uint8_t input[AIC_LOTTERY_INPUT_LEN];
	aic_hash b = beacon();

	aic_lottery_input(input, &b, head() + 1);
	aic_vrf_prove(proof, &vrf[i], input, sizeof(input));
}

static bool wins(size_t i)
{
	uint8_t proof[AIC_VRF_PROOF_LEN], output[AIC_VRF_OUTPUT_LEN];

	prove(i, proof);
	assert_true(aic_vrf_output(output, proof));
	return aic_lottery_wins(aic_lottery_draw(output), drawers());
}

/* An empty block by node i, that is good if it may make one. */
static aic_header header_of(size_t i, const aic_hash *session)
{
	const aic_head *h = aic_state_head(test_ledger);
	aic_frontier none = {0};
	aic_header out = {.version = AIC_BLOCK_VERSION, .chain = h->chain, .height = h->height + 1, .previous = h->hash, .time = test_time,
	                  .transactions = aic_frontier_root(&none), .events = aic_frontier_root(&none), .state = h->root,
	                  .blocks = aic_frontier_root(&h->blocks), .generator = aic_drawer_id(node[i].public_key),
	                  .model = "gpt", .model_len = 3, .session_len = AIC_HASH_LEN, .vrf_len = AIC_VRF_PROOF_LEN};

	memcpy(out.session, session->b, AIC_HASH_LEN);
	prove(i, out.vrf);
	return out;
}

/* Applies it; "" where it stands, else the reason. What is invalid changes nothing but the height. */
static const char *apply(const aic_header *h, const aic_key *signer)
{
	static char reason[768];
	aic_bytes none = {0}, block = {0};
	aic_error why = {0};
	aic_hash before = beacon();
	bool valid;

	aic_block_build(&block, h, signer, &none, 0);
	assert_ok(aic_block_apply(test_ledger, block.data, block.len, &valid, &why, err));
	test_time++;
	aic_bytes_free(&block);
	aic_hash after = beacon();
	assert_int_equal(valid, !aic_hash_equal(&before, &after));
	aic_str_copy(reason, sizeof(reason), valid ? "" : why.message);
	return reason;
}

#define assert_stands(h, signer) assert_string_equal(apply(h, signer), "")
#define assert_invalid(h, signer, text) \
	do { \
		const char *why_ = apply(h, signer); \
		if (!strstr(why_, text)) \
			fail_msg("\"%s\" lacks \"%s\"", why_, text); \
	} while (0)

/* --- what stands --- */

static void a_node_s_block_stands_and_moves_the_beacon(void **state)
{
	aic_hash id = session_of(0, 1), before = beacon(), expected;
	aic_header h = header_of(0, &id);
	uint8_t both[AIC_HASH_LEN + AIC_VRF_OUTPUT_LEN];

	(void)state;
	assert_stands(&h, &node[0]);
	memcpy(both, before.b, AIC_HASH_LEN);
	assert_true(aic_vrf_output(both + AIC_HASH_LEN, h.vrf));
	expected = aic_sha256_of(both, sizeof(both));
	aic_hash after = beacon();
	assert_true(aic_hash_equal(&after, &expected));
	h = header_of(0, &id);
	assert_stands(&h, &node[0]); /* and once more, with another draw */
}

static void what_a_session_opens_with_a_node_s_block_is_seeded_by_the_beacon(void **state)
{
	aic_hash id = session_of(0, 1), later = open_session(0, 1, 3);
	aic_session r = test_row(&later);

	(void)state;
	(void)id;
	assert_false(aic_hash_equal(&r.entropy, &(aic_hash){{0}}));
}

static void only_a_winning_draw_makes_a_block(void **state)
{
	aic_hash id = session_of(0, NODES);
	size_t stood = 0, refused = 0;

	(void)state;
	assert_int_equal(drawers(), NODES);
	for (size_t i = 0; i < 2 * NODES; i++) {
		bool won = wins(i % NODES);
		aic_header h = header_of(i % NODES, &id);

		if (won)
			assert_stands(&h, &node[i % NODES]);
		else
			assert_invalid(&h, &node[i % NODES], "not below the target of 12 nodes");
		*(won ? &stood : &refused) += 1;
	}
	assert_true(stood && refused);
}

/* --- what does not --- */

static void conditions_of_a_block(void **state)
{
	aic_hash id = session_of(0, 2), other = open_session(1, 2, 0);
	aic_header h = header_of(0, &id);

	(void)state;
	h.vrf[40] ^= 1;
	assert_invalid(&h, &node[0], "the VRF proof is not the node's");
	h = header_of(0, &id);
	prove(1, h.vrf);
	assert_invalid(&h, &node[0], "the VRF proof is not the node's");
	h = header_of(0, &id);
	h.vrf_len = 79;
	assert_invalid(&h, &node[0], "a VRF proof of 80 bytes, this one of 79");
	h = header_of(0, &id);
	assert_invalid(&h, &node[1], "the generator's signature does not fit");
	h = header_of(0, &other); /* of the other node */
	assert_invalid(&h, &node[0], "a session that is not an open one of its node");
	h = header_of(0, &id);
	h.model[0] = 'x';
	assert_invalid(&h, &node[0], "another model than its session");
	h = header_of(1, &other); /* whose session trains no registered model */
	assert_invalid(&h, &node[1], "another model than its session");
	h = header_of(1, &other);
	h.model_len = 0;
	assert_stands(&h, &node[1]);
	h = header_of(0, &id);
	h.generator = aic_site_id(test_member[0].public_key);
	assert_invalid(&h, &test_member[0], "a site's block names no model, session or draw");
	test_site_key(&node[5], 99);
	h = header_of(0, &id);
	h.generator = aic_drawer_id(node[5].public_key);
	assert_invalid(&h, &node[5], "no node with a VRF key and an open session");
}

static void yesterday_s_proof_is_none(void **state)
{
	aic_hash id = session_of(0, 1);
	aic_header old = header_of(0, &id), h;

	(void)state;
	test_block(2);
	h = header_of(0, &id);
	memcpy(h.vrf, old.vrf, sizeof(h.vrf));
	assert_invalid(&h, &node[0], "the VRF proof is not the node's");
}

static void who_joins_draws_two_blocks_later(void **state)
{
	aic_header h;
	aic_hash id;

	(void)state;
	register_until(0, 0, 0);
	assert_int_equal(drawers(), 0);
	id = open_session(0, 1, 3);
	assert_int_equal(drawers(), 0);
	h = header_of(0, &id);
	assert_invalid(&h, &node[0], "draws from height");
	assert_int_equal(drawers(), 1); /* that block took the height, for nothing */
	h = header_of(0, &id);
	assert_stands(&h, &node[0]);
}

static void a_closed_session_draws_no_more(void **state)
{
	aic_hash id = session_of(0, 1);
	aic_header h;

	(void)state;
	test_close(&id, 0);
	assert_int_equal(drawers(), 0);
	h = header_of(0, &id);
	assert_invalid(&h, &node[0], "no node with a VRF key and an open session");
}

static void a_revoked_key_draws_no_more(void **state)
{
	aic_hash id = session_of(0, 2);
	aic_bytes body = {0};
	aic_header h;

	(void)state;
	aic_key_revoke_body(&body, node[0].public_key);
	assert_ok(test_post(0, AIC_TX_KEY_REVOKE, &body, err));
	assert_int_equal(drawers(), 1);
	h = header_of(0, &id);
	assert_invalid(&h, &node[0], "no node with a VRF key and an open session");
	test_close(&id, 0); /* which it has left already */
	assert_int_equal(drawers(), 0);
}

static void a_key_draws_up_to_its_last_height(void **state)
{
	aic_header h;
	aic_hash id;

	(void)state;
	uint64_t until = head() + 6;
	register_until(0, 0, until);
	id = open_session(0, 1, 3);
	test_block(1);
	while (head() + 1 < until) {
		h = header_of(0, &id);
		assert_stands(&h, &node[0]);
	}
	h = header_of(0, &id);
	assert_invalid(&h, &node[0], "is not valid at height");
}

/* Else a key could be chosen for a beacon that is known. */
static void another_vrf_key_waits_for_the_next_session(void **state)
{
	aic_hash id = session_of(0, 1);
	aic_bytes body = {0};
	aic_header h;

	(void)state;
	test_site_key(&vrf[0], 77);
	aic_node_vrf_body(&body, node[0].public_key, vrf[0].public_key);
	assert_ok(test_post(0, AIC_TX_NODE_VRF, &body, err));
	assert_int_equal(drawers(), 0);
	h = header_of(0, &id);
	assert_invalid(&h, &node[0], "no node with a VRF key and an open session");
	aic_hash next = open_session(0, 1, 3);
	test_block(1);
	h = header_of(0, &next);
	assert_stands(&h, &node[0]);
	test_close(&id, 0);
	assert_int_equal(drawers(), 1);
}

/* --- counting --- */

static void more_sessions_count_once(void **state)
{
	aic_hash id[AIC_DRAWER_SESSIONS_MAX + 4];
	aic_header h;

	(void)state;
	register_until(0, 0, 0);
	for (size_t i = 0; i < sizeof(id) / sizeof(id[0]); i++)
		id[i] = open_session(0, 1, i);
	assert_int_equal(drawers(), 1);
	h = header_of(0, &id[3]); /* each is good to be named, those beyond the limit are not kept */
	assert_stands(&h, &node[0]);
	h = header_of(0, &id[AIC_DRAWER_SESSIONS_MAX]);
	assert_invalid(&h, &node[0], "not an open one of its node");
	for (size_t i = 0; i < sizeof(id) / sizeof(id[0]); i++) {
		assert_int_equal(drawers(), i < AIC_DRAWER_SESSIONS_MAX);
		test_close(&id[i], 0);
	}
	assert_int_equal(drawers(), 0);
}

static void nodes_of_another_site_and_without_a_vrf_key_do_not_join(void **state)
{
	aic_bytes body = {0};
	aic_address wallet = test_member_wallet(0, 2);

	(void)state;
	register_until(1, 0, 0); /* site 1's, in a session of site 0 */
	test_verifier(0, 51, &wallet);
	test_site_key(&node[1], 51);
	open_session(0, 2, 3);
	test_block(1);
	assert_int_equal(drawers(), 0);
	test_site_key(&vrf[1], 151);
	aic_node_vrf_body(&body, node[1].public_key, vrf[1].public_key);
	assert_ok(test_post(0, AIC_TX_NODE_VRF, &body, err));
	open_session(1, 2, 3);
	test_block(1);
	assert_int_equal(drawers(), 1);
}

static void nodes_that_a_requeue_appends_join(void **state)
{
	aic_session_node n = {.provider = test_wallet(1)};
	aic_hash id = session_of(0, 1);
	aic_bytes body = {0};
	aic_header h;

	(void)state;
	register_until(0, 1, 0);
	memcpy(n.key, node[1].public_key, AIC_PUBLIC_LEN);
	aic_session_nodes_body(&body, &id, &n, 1);
	assert_ok(test_post(0, AIC_TX_SESSION_NODES, &body, err));
	assert_int_equal(drawers(), 1);
	test_block(1);
	assert_int_equal(drawers(), 2);
	h = header_of(1, &id);
	assert_stands(&h, &node[1]);
}

static void the_count_is_that_of_the_nodes(void **state)
{
	aic_hash open[64];
	size_t n = 0;
	uint64_t seed = 20261123;

	(void)state;
	for (size_t i = 0; i < NODES; i++)
		register_until(0, i, 0);
	for (size_t i = 0; i < 300; i++) {
		size_t from = test_random(&seed) % NODES, to = from + 1 + test_random(&seed) % (NODES - from), what = test_random(&seed) % 3;

		if (what == 0 && n < 60) {
			open[n++] = open_session(from, to, 0);
		} else if (what == 1 && n) {
			size_t k = test_random(&seed) % n;

			test_close(&open[k], 0);
			open[k] = open[--n];
		} else {
			test_block(3);
		}
		uint64_t expected = 0;
		for (size_t k = 0; k < NODES; k++) {
			aic_id id = aic_drawer_id(node[k].public_key);
			aic_drawer d;

			if (aic_state_drawer(test_ledger, &id, &d, NULL) == AIC_OK)
				expected += d.since <= head() + 1;
		}
		assert_int_equal(drawers(), expected);
	}
}

static void keys_that_are_refused(void **state)
{
	aic_bytes body = {0};
	uint8_t bad[AIC_PUBLIC_LEN] = {1}; /* the neutral element */

	(void)state;
	register_until(0, 0, 0);
	test_site_key(&node[1], 51);
	aic_key_register_body(&body, AIC_ROLE_NODE, node[1].public_key, 0, bad);
	assert_fails(test_post(0, AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "that is no VRF key");
	aic_key_register_body(&body, AIC_ROLE_NODE, node[1].public_key, 0, node[1].public_key);
	assert_fails(test_post(0, AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "a key of its own");
	aic_key_register_body(&body, AIC_ROLE_NODE, node[1].public_key, 0, test_member[2].public_key);
	assert_fails(test_post(0, AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "a key of its own");
	aic_key_register_body(&body, AIC_ROLE_ADMIN, node[1].public_key, 0, vrf[0].public_key);
	assert_fails(test_post(0, AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "an administrator draws for no blocks");
	aic_node_vrf_body(&body, node[0].public_key, bad);
	assert_fails(test_post(0, AIC_TX_NODE_VRF, &body, err), AIC_REFUSED, "that is no VRF key");
	aic_node_vrf_body(&body, node[0].public_key, vrf[0].public_key);
	assert_fails(test_post(1, AIC_TX_NODE_VRF, &body, err), AIC_REFUSED, "nodes of that site alone");
	aic_key_revoke_body(&body, node[0].public_key);
	assert_ok(test_post(0, AIC_TX_KEY_REVOKE, &body, err));
	aic_node_vrf_body(&body, node[0].public_key, vrf[0].public_key);
	assert_fails(test_post(0, AIC_TX_NODE_VRF, &body, err), AIC_REFUSED, "that key ended at height");
}

/* --- grinding --- */

static aic_hash beacon_after(void **state, int64_t later)
{
	assert_int_equal(test_ledger_six(state), 0);
	aic_hash id = session_of(0, 1);
	aic_header h = header_of(0, &id);
	h.time += later;
	assert_stands(&h, &node[0]);
	aic_hash b = beacon();
	assert_int_equal(test_ledger_close(state), 0);
	return b;
}

/* Whatever its maker puts into a block, what is drawn from the beacon after it stays the same. */
static void grinding_of_blocks_moves_no_beacon(void **state)
{
	aic_hash first = beacon_after(state, 0);

	for (int64_t i = 1; i < 8; i++) {
		aic_hash other = beacon_after(state, i);
		assert_true(aic_hash_equal(&first, &other));
	}
}

/* There is one proof for a height: no bit of it can be another one, and a draw for another height is none for this one. */
static void grinding_of_draws_finds_no_second_one(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN], input[AIC_LOTTERY_INPUT_LEN], output[AIC_VRF_OUTPUT_LEN];
	aic_key_row k;

	(void)state;
	session_of(0, 1);
	assert_ok(aic_state_key(test_ledger, node[0].public_key, &k, err));
	prove(0, proof);
	assert_ok(aic_draw_check(test_ledger, &k, proof, output, err));
	for (size_t bit = 0; bit < 8 * sizeof(proof); bit++) {
		proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_fails(aic_draw_check(test_ledger, &k, proof, output, err), AIC_CORRUPT, "the VRF proof is not the node's");
		proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	aic_hash b = beacon();
	for (uint64_t other = 1; other < 50; other++) {
		if (other == head() + 1)
			continue;
		aic_lottery_input(input, &b, other);
		aic_vrf_prove(proof, &vrf[0], input, sizeof(input));
		assert_fails(aic_draw_check(test_ledger, &k, proof, output, err), AIC_CORRUPT, "the VRF proof is not the node's");
	}
}

static uint64_t winners(uint64_t *seed, uint64_t of, uint64_t nodes)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < of; i++) {
		uint8_t output[AIC_VRF_OUTPUT_LEN] = {0};
		aic_put_be64(output, test_random(seed));
		n += aic_lottery_wins(aic_lottery_draw(output), nodes);
	}
	return n;
}

/* Who holds a third of the nodes and keeps a block back where the beacon after it would give no node of his the next one, so that another
 * beacon is drawn, makes fewer blocks than who does not. Draws are modelled as random; the target is the real one. */
static void grinding_of_beacons_by_withholding_makes_fewer_blocks(void **state)
{
	enum { MINE = 10, OTHERS = 20, HEIGHTS = 10000 };
	uint64_t seed = 20261123, made[2] = {0};

	(void)state;
	for (int withholds = 0; withholds < 2; withholds++) {
		uint64_t mine = winners(&seed, MINE, MINE + OTHERS);

		for (int h = 0; h < HEIGHTS; h++) {
			uint64_t others = winners(&seed, OTHERS, MINE + OTHERS), next = winners(&seed, MINE, MINE + OTHERS);
			bool first = mine && test_random(&seed) % (mine + others) < mine;

			if (first && withholds && !next) { /* somebody else makes it, with another beacon */
				first = false;
				next = winners(&seed, MINE, MINE + OTHERS);
			}
			made[withholds] += first;
			mine = next;
		}
	}
	assert_true(made[1] < made[0]);
	assert_in_range(made[0], HEIGHTS * 29 / 100, HEIGHTS * 35 / 100); /* a third, but for the heights that nobody wins */
}

#define SIX(test) cmocka_unit_test_setup_teardown(test, test_ledger_six, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIX(a_node_s_block_stands_and_moves_the_beacon), SIX(what_a_session_opens_with_a_node_s_block_is_seeded_by_the_beacon),
		SIX(only_a_winning_draw_makes_a_block), SIX(conditions_of_a_block), SIX(yesterday_s_proof_is_none),
		SIX(who_joins_draws_two_blocks_later), SIX(a_closed_session_draws_no_more), SIX(a_revoked_key_draws_no_more),
		SIX(a_key_draws_up_to_its_last_height), SIX(another_vrf_key_waits_for_the_next_session), SIX(more_sessions_count_once),
		SIX(nodes_of_another_site_and_without_a_vrf_key_do_not_join), SIX(nodes_that_a_requeue_appends_join),
		SIX(the_count_is_that_of_the_nodes), SIX(keys_that_are_refused),
		cmocka_unit_test(grinding_of_blocks_moves_no_beacon), SIX(grinding_of_draws_finds_no_second_one),
		cmocka_unit_test(grinding_of_beacons_by_withholding_makes_fewer_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
