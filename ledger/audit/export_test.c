/* export_test.c: an export verifies far from its ledger; a changed bit anywhere is found and its place named; a payout is proven to
 * somebody who knows one hash, and no changed proof says anything else. */
#define _GNU_SOURCE
#include "ledger/audit/export_testing.h"

#include <unistd.h>

#include "common/cbor.h"
#include "ledger/audit/export_format.h"
#include "ledger/audit/proof.h"
#include "ledger/block.h"

#define BLOCKS 8

static int make_short(void **state)
{
	return test_export_make(state, BLOCKS);
}

static aic_code verify(void **state, const aic_hash *chain, aic_verified *v, aic_error *err)
{
	return aic_export_verify(test_export_dir, *state, chain, NULL, NULL, NULL, v, err);
}

static void test_clean(void **state)
{
	aic_hash other = aic_sha256_of("x", 1);
	aic_verified v;

	assert_ok(verify(state, &test_chain_id, &v, err));
	assert_int_equal(v.blocks, BLOCKS + 1);
	assert_int_equal(v.attestations, BLOCKS + 1);
	assert_memory_equal(&v.head, &test_head_hash, sizeof(test_head_hash));
	assert_fails(verify(state, &other, &v, err), AIC_CORRUPT, "another ledger");
	assert_fails(test_export_to(test_export_dir, err), AIC_REFUSED, "is not empty");
}

/* Where a byte of a segment belongs: the height of its record. */
static uint64_t height_at(const aic_bytes *segment, size_t at)
{
	uint64_t height = 0;

	for (size_t pos = 0; pos < segment->len; height++) {
		pos += 4 + aic_get_be32(segment->data + pos) + AIC_HASH_LEN;
		if (at < pos)
			return height;
	}
	return height;
}

static void flip(void **state, const char *name, const aic_bytes *original, size_t bit)
{
	aic_bytes data = {0};
	aic_verified v;
	char place[64];

	aic_bytes_append(&data, original->data, original->len);
	data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	test_export_write(name, &data);
	snprintf(place, sizeof(place), "%s", name);
	if (strstr(name, ".seg"))
		snprintf(place, sizeof(place), "%s, height %llu:", name, (unsigned long long)height_at(original, bit / 8));
	assert_fails(verify(state, &test_chain_id, &v, err), AIC_CORRUPT, place);
	aic_bytes_free(&data);
}

static void test_every_byte(void **state)
{
	static const char *const names[] = {AIC_MANIFEST, AIC_EXPORT_JOURNAL, "0000000000.seg"};
	aic_bytes original = {0};
	aic_verified v;

	for (size_t i = 0; i < 3; i++) {
		test_export_read(names[i], &original);
		for (size_t at = 0; at < original.len; at += 11)
			flip(state, names[i], &original, at * 8 + at % 8);
		for (size_t at = 0; !i && at < original.len * 8; at++) /* the manifest is text: a letter's other case is a flip, too */
			flip(state, names[i], &original, at);
		test_export_write(names[i], &original);
	}
	assert_ok(verify(state, &test_chain_id, &v, err));
	aic_bytes_free(&original);
}

static void test_cut_and_extended(void **state)
{
	aic_bytes data = {0};
	aic_verified v;
	char *path = aic_xasprintf("%s/0000000000.seg", test_export_dir);

	test_export_read("0000000000.seg", &data);
	data.len -= 40;
	test_export_write("0000000000.seg", &data);
	assert_fails(verify(state, NULL, &v, err), AIC_CORRUPT, "0000000000.seg has");
	data.len += 40;
	aic_bytes_append_str(&data, "more");
	test_export_write("0000000000.seg", &data);
	assert_fails(verify(state, NULL, &v, err), AIC_CORRUPT, "0000000000.seg has");
	assert_int_equal(unlink(path), 0);
	assert_fails(verify(state, NULL, &v, err), AIC_CORRUPT, "0000000000.seg is missing");
	aic_bytes_free(&data);
	free(path);
}

/* --- proofs --- */

#define PIECE 64   /* bytes of a part */
#define IN_PARTS 9 /* number of the settlement that travels so */

/* One more settlement, in parts, behind the export's blocks, and two blocks after it. */
static int make_with_parts(void **state)
{
	aic_settlement_line l[2] = {
		{.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10, .stake = AIC_UNIT / 10 * 900000},
		{.payer = test_wallet(2), .payee = test_wallet(1), .kind = AIC_KIND_DATA, .n = 1, .gross = 7, .fee = 0},
	};
	test_site s;

	if (make_short(state))
		return -1;
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(test_settle_in_parts(&s, "2026-W48", IN_PARTS, l, 2, PIECE, err));
	assert_ok(test_transfer(&s, 1, 2, 1, err));
	assert_ok(test_transfer(&s, 1, 2, 1, err));
	test_head_height = aic_state_head(s.state)->height;
	test_head_hash = aic_state_head(s.state)->hash;
	test_site_close(&s);
	return 0;
}

static uint64_t height_of(uint64_t number)
{
	aic_settlement_row row;
	test_site s;

	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_state_settlement(s.state, &s.chain.site, "2026-W48", number, &row, err));
	test_site_close(&s);
	return row.height;
}

static void build_proof(aic_bytes *proof, uint64_t number, uint64_t line, uint64_t head)
{
	test_site s;

	aic_bytes_clear(proof);
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_proof_build(proof, s.state, &s.order, &s.chain.site, "2026-W48", number, line, head, err));
	test_site_close(&s);
}

static aic_hash hash_at(uint64_t height)
{
	aic_hash hash;
	test_site s;

	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_state_hash_at(s.state, height, &hash, err));
	test_site_close(&s);
	return hash;
}

static void test_proof(void **state)
{
	static const uint64_t numbers[] = {4, 8, IN_PARTS};
	aic_address payer = test_wallet(0), payee = test_wallet(1);
	aic_hash evidence = aic_sha256_of("evidence", 8);
	aic_bytes proof = {0};
	aic_proven p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint64_t height = height_of(numbers[i]);

		for (uint64_t head = height; head <= height + 2; head++) { /* in it, just before it, and further before it */
			aic_hash hash = hash_at(head);

			build_proof(&proof, numbers[i], 1, head);
			assert_ok(aic_proof_check(&p, proof.data, proof.len, &hash, err));
			assert_string_equal(p.period, "2026-W48");
			assert_true(p.number == numbers[i] && p.line == 1 && p.height == height && p.head_height == head);
			assert_true(!aic_address_cmp(&p.payer, &payer) && !aic_address_cmp(&p.payee, &payee));
			assert_true(p.gross == AIC_UNIT && p.fee == AIC_UNIT / 10 && p.kind == AIC_KIND_HARDWARE);
			assert_memory_equal(&p.evidence, &evidence, sizeof(evidence));
			assert_true(p.paid == AIC_UNIT * 9 / 10 + AIC_UNIT / 10 * 9 / 10 / 2 * 45 / 100);
			assert_ok(aic_proof_check_chain(&p, proof.data, proof.len, &test_chain_id, err));
			assert_memory_equal(&p.head, &hash, sizeof(hash));
		}
		build_proof(&proof, numbers[i], 2, test_head_height);
		assert_ok(aic_proof_check(&p, proof.data, proof.len, &test_head_hash, err));
		assert_true(p.gross == 7 && p.paid == 7 && p.kind == AIC_KIND_DATA && !p.issued);
	}
	aic_bytes_free(&proof);
}

static void test_proof_refusals(void **state)
{
	aic_bytes proof = {0};
	test_site s;
	aic_proven p;

	(void)state;
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 5, 1, test_head_height, err), AIC_NOT_FOUND, "2026-W48/5");
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 3, test_head_height, err), AIC_REFUSED, "lines 1 to 2, not 3");
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 1, 3, err), AIC_REFUSED, "at height 4");
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 1, 4, err), AIC_REFUSED, "which 0 of the 1 members");
	aic_bytes_clear(&proof); /* no board: a checker with the chain id has nothing to go by */
	assert_ok(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 1, test_head_height, err));
	assert_ok(aic_proof_check(&p, proof.data, proof.len, &test_head_hash, err));
	assert_fails(aic_proof_check_chain(&p, proof.data, proof.len, &test_chain_id, err), AIC_CORRUPT, "0 of the 1 members that genesis names");
	assert_ok(aic_db_exec(aic_state_db(s.state), "DELETE FROM row_path", err)); /* as a release left it that kept none */
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 1, test_head_height, err), AIC_REFUSED,
	             "no path to settlement 2026-W48/4");
	assert_ok(aic_db_exec(aic_state_db(s.state), "DROP TABLE row_path", err));
	assert_fails(aic_proof_build(&proof, s.state, NULL, &s.chain.site, "2026-W48", 4, 1, test_head_height, err), AIC_REFUSED,
	             "no path to settlement 2026-W48/4");
	test_site_close(&s);
	aic_bytes_free(&proof);
}

static void test_check_refusals(void **state)
{
	aic_hash other = aic_sha256_of("x", 1);
	aic_bytes proof = {0}, old = {0};
	aic_proven p;

	(void)state;
	build_proof(&proof, 4, 1, test_head_height);
	assert_fails(aic_proof_check(&p, proof.data, proof.len, &other, err), AIC_CORRUPT, "another head");
	assert_fails(aic_proof_check_chain(&p, proof.data, proof.len, &other, err), AIC_CORRUPT, "it is of another ledger");
	assert_fails(aic_proof_check(&p, proof.data, proof.len - 1, &test_head_hash, err), AIC_CORRUPT, "the proof does not hold");
	assert_fails(aic_proof_check(&p, "", 0, &test_head_hash, err), AIC_CORRUPT, "no proof of version");
	aic_cbor_put_array(&old, 11);
	aic_cbor_put_text(&old, "aic/proof/v1");
	assert_fails(aic_proof_check(&p, old.data, old.len, &test_head_hash, err), AIC_CORRUPT,
	             "version aic/proof/v1, this release reads aic/proof/v2: have it made again");
	aic_bytes_free(&old);
	aic_bytes_free(&proof);
}

/* A changed bit in any byte of a proof makes it say nothing else, whatever is trusted. */
static void assert_unforgeable(uint64_t number, uint64_t line, uint64_t head)
{
	aic_bytes proof = {0};
	aic_hash hash = hash_at(head);
	aic_proven honest, forged;
	size_t refused = 0;

	build_proof(&proof, number, line, head);
	assert_ok(aic_proof_check(&honest, proof.data, proof.len, &hash, err));
	for (size_t at = 0; at < proof.len; at++) {
		proof.data[at] ^= (uint8_t)(1 << at % 8);
		bool by_head = aic_proof_check(&forged, proof.data, proof.len, &hash, NULL) == AIC_OK;
		if (by_head)
			assert_memory_equal(&honest, &forged, sizeof(honest));
		bool by_chain = aic_proof_check_chain(&forged, proof.data, proof.len, &test_chain_id, NULL) == AIC_OK;
		if (by_chain)
			assert_memory_equal(&honest, &forged, sizeof(honest));
		assert_true(by_head == by_chain);
		refused += !by_head;
		proof.data[at] ^= (uint8_t)(1 << at % 8);
	}
	assert_true(refused + 2 >= proof.len); /* but for the number of events, which nobody relies on */
	aic_bytes_free(&proof);
}

static void test_forged_proofs(void **state)
{
	(void)state;
	assert_unforgeable(4, 1, test_head_height);
	assert_unforgeable(4, 1, 4);
	assert_unforgeable(IN_PARTS, 1, test_head_height);
	assert_unforgeable(IN_PARTS, 2, height_of(IN_PARTS));
}

/* --- a ledger of three members --- */

static void attest_as(test_site *s, const aic_key *key, const aic_hash *root)
{
	const aic_head *head = aic_state_head(s->state);
	aic_attestation a = {.chain = head->chain, .height = head->height, .block = head->hash, .state = *root, .site = aic_site_id(key->public_key)};
	aic_bytes bytes = {0};

	aic_attestation_build(&bytes, &a, key);
	assert_ok(aic_order_attest(&s->order, &a.site, head->height, bytes.data, bytes.len, err));
	aic_bytes_free(&bytes);
}

static aic_code build_newest(aic_bytes *proof, test_site *s, aic_error *err)
{
	aic_bytes_clear(proof);
	return aic_proof_build(proof, s->state, &s->order, &s->chain.site, "2026-W48", 1, 1, aic_state_head(s->state)->height, err);
}

/* A payout in the newest block stands by what a quorum attests of it; who says something else is left out. */
static void test_proof_by_several_members(void **state)
{
	aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10};
	aic_hash lie = aic_sha256_of("x", 1);
	aic_bytes proof = {0};
	char path[300];
	aic_key key[3];
	aic_proven p;
	test_site s = {.state = NULL};

	for (uint8_t i = 0; i < 3; i++)
		test_site_key(&key[i], (uint8_t)(i + 1));
	test_genesis(&s.genesis, key, 3);
	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	assert_ok(aic_order_local(&s.order, path, false, err));
	snprintf(path, sizeof(path), "%s/state.db", (char *)*state);
	assert_ok(aic_state_open(&s.state, path, AIC_DB_DURABLE, err));
	assert_ok(aic_chain_open(&s.chain, s.state, &s.order, &key[0], s.genesis.data, s.genesis.len, err));
	assert_ok(test_settle(&s, "2026-W48", 1, &l, 1, err));
	const aic_head *head = aic_state_head(s.state);
	assert_fails(build_newest(&proof, &s, err), AIC_REFUSED, "which 1 of the 3 members that genesis names attest, where 2 must");
	attest_as(&s, &key[1], &lie);
	assert_fails(build_newest(&proof, &s, err), AIC_REFUSED, "which 1 of the 3 members");
	attest_as(&s, &key[2], &head->root);
	assert_ok(build_newest(&proof, &s, err));
	assert_ok(aic_proof_check(&p, proof.data, proof.len, &head->hash, err));
	assert_true(p.gross == AIC_UNIT && p.height == head->height && p.head_height == head->height);
	assert_ok(aic_proof_check_chain(&p, proof.data, proof.len, &head->chain, err));
	aic_bytes_free(&proof);
	test_site_close(&s);
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clean, make_short),          TEST(test_every_byte, make_short),      
		TEST(test_cut_and_extended, make_short), TEST(test_proof, make_with_parts),    TEST(test_proof_refusals, make_short),
		TEST(test_check_refusals, make_short), TEST(test_forged_proofs, make_with_parts),
		TEST(test_proof_by_several_members, test_folder_make),
	};

	return cmocka_run_group_tests_name("ledger export and proofs", tests, NULL, NULL);
}
