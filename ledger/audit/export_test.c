/* export_test.c: an export verifies far from its ledger; a changed bit anywhere is found and its place named; a payout is proven to
 * somebody who knows one hash, and no changed proof says anything else. */
#define _GNU_SOURCE
#include "ledger/audit/export_testing.h"

#include <unistd.h>

#include "ledger/audit/export_format.h"
#include "ledger/audit/proof.h"

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

static void build_proof(aic_bytes *proof, uint64_t number, uint64_t line, uint64_t head)
{
	test_site s;

	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_proof_build(proof, s.state, &s.chain.site, "2026-W48", number, line, head, err));
	test_site_close(&s);
}

static void test_proof(void **state)
{
	aic_address payer = test_wallet(0), payee = test_wallet(1);
	aic_hash evidence = aic_sha256_of("evidence", 8);
	aic_bytes proof = {0};
	aic_proven p;

	(void)state;
	for (uint64_t number = 4; number <= BLOCKS; number += 4) { /* before the head, and in it */
		aic_bytes_clear(&proof);
		build_proof(&proof, number, 1, test_head_height);
		assert_ok(aic_proof_check(&p, proof.data, proof.len, &test_head_hash, err));
		assert_string_equal(p.period, "2026-W48");
		assert_true(p.number == number && p.line == 1 && p.height == number && p.head_height == test_head_height);
		assert_true(!aic_address_cmp(&p.payer, &payer) && !aic_address_cmp(&p.payee, &payee));
		assert_true(p.gross == AIC_UNIT && p.fee == AIC_UNIT / 10 && p.kind == AIC_KIND_HARDWARE);
		assert_memory_equal(&p.evidence, &evidence, sizeof(evidence));
		assert_true(p.paid == AIC_UNIT * 9 / 10 + AIC_UNIT / 10 * 9 / 10 / 2 * 45 / 100);
	}
	aic_bytes_clear(&proof);
	build_proof(&proof, 4, 2, test_head_height);
	assert_ok(aic_proof_check(&p, proof.data, proof.len, &test_head_hash, err));
	assert_true(p.gross == 7 && p.paid == 7 && p.kind == AIC_KIND_DATA && !p.issued);
	aic_bytes_free(&proof);
}

static void test_proof_refusals(void **state)
{
	aic_bytes proof = {0};
	aic_hash other = aic_sha256_of("x", 1);
	test_site s;
	aic_proven p;

	(void)state;
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 5, 1, test_head_height, err), AIC_NOT_FOUND, "2026-W48/5");
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 4, 3, test_head_height, err), AIC_REFUSED, "lines 1 to 2, not 3");
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 4, 1, 3, err), AIC_REFUSED, "at height 4");
	test_site_close(&s);
	build_proof(&proof, 4, 1, test_head_height);
	assert_fails(aic_proof_check(&p, proof.data, proof.len, &other, err), AIC_CORRUPT, "another head");
	assert_fails(aic_proof_check(&p, proof.data, proof.len - 1, &test_head_hash, err), AIC_CORRUPT, "the proof does not hold");
	assert_fails(aic_proof_check(&p, "", 0, &test_head_hash, err), AIC_CORRUPT, "no proof of version");
	aic_bytes_free(&proof);
}

/* No changed bit of a proof makes it say something else. */
static void test_forged_proofs(void **state)
{
	aic_bytes proof = {0};
	aic_proven honest, forged;
	size_t refused = 0;

	(void)state;
	build_proof(&proof, 4, 1, test_head_height);
	assert_ok(aic_proof_check(&honest, proof.data, proof.len, &test_head_hash, err));
	for (size_t bit = 0; bit < proof.len * 8; bit++) {
		proof.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (aic_proof_check(&forged, proof.data, proof.len, &test_head_hash, NULL))
			refused++;
		else
			assert_memory_equal(&honest, &forged, sizeof(honest));
		proof.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(refused + 16 >= proof.len * 8); /* but for the sizes of trees, which nobody relies on */
	aic_bytes_free(&proof);
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clean, make_short),          TEST(test_every_byte, make_short),      
		TEST(test_cut_and_extended, make_short), TEST(test_proof, make_short),         TEST(test_proof_refusals, make_short),
		TEST(test_forged_proofs, make_short),
	};

	return cmocka_run_group_tests_name("ledger export and proofs", tests, NULL, NULL);
}
