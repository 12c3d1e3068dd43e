/* export_test.c: an export verifies far from its ledger; a changed bit anywhere is found and its place named; a payout is proven to
 * somebody who knows one hash, and no changed proof says anything else. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include <dirent.h>
#include <unistd.h>

#include "common/file.h"
#include "ledger/audit/export.h"
#include "ledger/audit/export_format.h"
#include "ledger/audit/proof.h"

#define BLOCKS 8
#define LONG 200

static char ledger_dir[300], export_dir[300];
static aic_hash chain_id, head_hash;
static uint64_t head_height;

static void fill(test_site *s, unsigned blocks)
{
	uint64_t seed = 6;

	for (unsigned i = 1; i <= blocks; i++) {
		aic_settlement_line l[2] = {
			{.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10, .stake = AIC_UNIT / 10 * 900000},
			{.payer = test_wallet(2), .payee = test_wallet(1), .kind = AIC_KIND_DATA, .n = 1, .gross = 7, .fee = 0},
		};

		if (i % 4 == 0)
			assert_ok(test_settle(s, "2026-W48", i, l, 2, err));
		else
			assert_ok(test_transfer(s, (unsigned)(test_random(&seed) % 7), (unsigned)(test_random(&seed) % 8), test_random(&seed) % 100000, err));
	}
}

static aic_code export_to(const char *out, aic_error *err)
{
	aic_copy copy;
	aic_verified done;
	aic_code code = aic_copy_open(&copy, ledger_dir, err);

	if (!code)
		code = aic_ledger_export(&copy, out, NULL, NULL, &done, err);
	aic_copy_close(&copy);
	return code;
}

static int make(void **state, unsigned blocks)
{
	test_site s;
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	snprintf(ledger_dir, sizeof(ledger_dir), "%s/ledger", (char *)*state);
	snprintf(export_dir, sizeof(export_dir), "%s/export", (char *)*state);
	if (aic_dir_make(ledger_dir, 0700, &err) || test_site_open(&s, ledger_dir, &err))
		return -1;
	fill(&s, blocks);
	chain_id = aic_state_head(s.state)->chain;
	head_hash = aic_state_head(s.state)->hash;
	head_height = blocks;
	if (export_to(export_dir, &err)) /* beside the open site */
		return -1;
	test_site_close(&s);
	return 0;
}

static int make_short(void **state)
{
	return make(state, BLOCKS);
}

static int make_long(void **state)
{
	return make(state, LONG);
}

static aic_code verify(void **state, const aic_hash *chain, aic_verified *v, aic_error *err)
{
	return aic_export_verify(export_dir, *state, chain, NULL, NULL, v, err);
}

static void test_clean(void **state)
{
	aic_hash other = aic_sha256_of("x", 1);
	aic_verified v;

	assert_ok(verify(state, &chain_id, &v, err));
	assert_int_equal(v.blocks, BLOCKS + 1);
	assert_int_equal(v.attestations, BLOCKS + 1);
	assert_memory_equal(&v.head, &head_hash, sizeof(head_hash));
	assert_fails(verify(state, &other, &v, err), AIC_CORRUPT, "another ledger");
	assert_fails(export_to(export_dir, err), AIC_REFUSED, "is not empty");
}

static void read_all(const char *name, aic_bytes *out)
{
	char *path = aic_xasprintf("%s/%s", export_dir, name);

	aic_bytes_clear(out);
	assert_ok(aic_file_read(out, path, 64 << 20, err));
	free(path);
}

static void write_all(const char *name, const aic_bytes *data)
{
	char *path = aic_xasprintf("%s/%s", export_dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data->data, 1, data->len, f), data->len);
	assert_int_equal(fclose(f), 0);
	free(path);
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
	write_all(name, &data);
	snprintf(place, sizeof(place), "%s", name);
	if (strstr(name, ".seg"))
		snprintf(place, sizeof(place), "%s, height %llu:", name, (unsigned long long)height_at(original, bit / 8));
	assert_fails(verify(state, &chain_id, &v, err), AIC_CORRUPT, place);
	aic_bytes_free(&data);
}

static void test_every_byte(void **state)
{
	static const char *const names[] = {AIC_EXPORT_MANIFEST, AIC_EXPORT_JOURNAL, "0000000000.seg"};
	aic_bytes original = {0};
	aic_verified v;

	for (size_t i = 0; i < 3; i++) {
		read_all(names[i], &original);
		for (size_t at = 0; at < original.len; at += 11)
			flip(state, names[i], &original, at * 8 + at % 8);
		for (size_t at = 0; !i && at < original.len * 8; at++) /* the manifest is text: a letter's other case is a flip, too */
			flip(state, names[i], &original, at);
		write_all(names[i], &original);
	}
	assert_ok(verify(state, &chain_id, &v, err));
	aic_bytes_free(&original);
}

static void test_flips_in_a_long_one(void **state)
{
	aic_bytes original = {0};
	uint64_t seed = 8;

	read_all("0000000000.seg", &original);
	for (int i = 0; i < 25; i++)
		flip(state, "0000000000.seg", &original, (size_t)(test_random(&seed) % (original.len * 8)));
	aic_bytes_free(&original);
}

static void test_cut_and_extended(void **state)
{
	aic_bytes data = {0};
	aic_verified v;
	char *path = aic_xasprintf("%s/0000000000.seg", export_dir);

	read_all("0000000000.seg", &data);
	data.len -= 40;
	write_all("0000000000.seg", &data);
	assert_fails(verify(state, NULL, &v, err), AIC_CORRUPT, "0000000000.seg has");
	data.len += 40;
	aic_bytes_append_str(&data, "more");
	write_all("0000000000.seg", &data);
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

	assert_ok(test_site_open(&s, ledger_dir, err));
	assert_ok(aic_proof_build(proof, s.state, &s.chain.site, "2026-W48", number, line, head, err));
	test_site_close(&s);
}

static void test_proof(void **state)
{
	aic_address payer = test_wallet(0), payee = test_wallet(1);
	aic_bytes proof = {0};
	aic_proven p;

	(void)state;
	for (uint64_t number = 4; number <= BLOCKS; number += 4) { /* before the head, and in it */
		aic_bytes_clear(&proof);
		build_proof(&proof, number, 1, head_height);
		assert_ok(aic_proof_check(&p, proof.data, proof.len, &head_hash, err));
		assert_string_equal(p.period, "2026-W48");
		assert_true(p.number == number && p.line == 1 && p.height == number && p.head_height == head_height);
		assert_true(!aic_address_cmp(&p.payer, &payer) && !aic_address_cmp(&p.payee, &payee));
		assert_true(p.gross == AIC_UNIT && p.fee == AIC_UNIT / 10 && p.kind == AIC_KIND_HARDWARE);
		assert_true(p.paid == AIC_UNIT * 9 / 10 + AIC_UNIT / 10 * 9 / 10 / 2 * 45 / 100);
	}
	aic_bytes_clear(&proof);
	build_proof(&proof, 4, 2, head_height);
	assert_ok(aic_proof_check(&p, proof.data, proof.len, &head_hash, err));
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
	assert_ok(test_site_open(&s, ledger_dir, err));
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 5, 1, head_height, err), AIC_NOT_FOUND, "2026-W48/5");
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 4, 3, head_height, err), AIC_REFUSED, "lines 1 to 2, not 3");
	assert_fails(aic_proof_build(&proof, s.state, &s.chain.site, "2026-W48", 4, 1, 3, err), AIC_REFUSED, "at height 4");
	test_site_close(&s);
	build_proof(&proof, 4, 1, head_height);
	assert_fails(aic_proof_check(&p, proof.data, proof.len, &other, err), AIC_CORRUPT, "another head");
	assert_fails(aic_proof_check(&p, proof.data, proof.len - 1, &head_hash, err), AIC_CORRUPT, "the proof does not hold");
	assert_fails(aic_proof_check(&p, "", 0, &head_hash, err), AIC_CORRUPT, "no proof of version");
	aic_bytes_free(&proof);
}

/* No changed bit of a proof makes it say something else. */
static void test_forged_proofs(void **state)
{
	aic_bytes proof = {0};
	aic_proven honest, forged;
	size_t refused = 0;

	(void)state;
	build_proof(&proof, 4, 1, head_height);
	assert_ok(aic_proof_check(&honest, proof.data, proof.len, &head_hash, err));
	for (size_t bit = 0; bit < proof.len * 8; bit++) {
		proof.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (aic_proof_check(&forged, proof.data, proof.len, &head_hash, NULL))
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
		TEST(test_clean, make_short),          TEST(test_every_byte, make_short),      TEST(test_flips_in_a_long_one, make_long),
		TEST(test_cut_and_extended, make_short), TEST(test_proof, make_short),         TEST(test_proof_refusals, make_short),
		TEST(test_forged_proofs, make_short),
	};

	return cmocka_run_group_tests_name("ledger export and proofs", tests, NULL, NULL);
}
