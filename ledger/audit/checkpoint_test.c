/* checkpoint_test.c: notes and cosignatures against vectors that tests/independent/checkpoint.py computes; every changed bit; an export and
 * a proof against a checkpoint. */
#define _GNU_SOURCE
#include "ledger/audit/export_testing.h"

#include "ledger/audit/checkpoint.h"
#include "ledger/audit/proof.h"

#define BLOCKS 8
#define NAME "witness.example.org/w1"
#define TIME 1764000000

/* `checkpoint.py vectors`: keys of 32 bytes 1 and 32 bytes 2, chain SHA-256("chain"), root SHA-256("root") */
static const char vector[] =
	"aic-ledger/9414886b1ebf025db067a4cbd13a0903fbd9733a5372bba1b58bd72c1699b798\n"
	"1234567\n"
	"SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
	"\n"
	"\xe2\x80\x94 aic-ledger/9414886b1ebf025db067a4cbd13a0903fbd9733a5372bba1b58bd72c1699b798 2ZFR94Czb6OToM1X25e79xB15AqPU81Ks/cQR6LtWshXUIZXvZvDeNbDl7IZDGjZnvHlnCMaskOMRjxdilbgk4TOQwk=\n"
	"\xe2\x80\x94 witness.example.org/w1 bX75BwAAAABpJIEAoqKmCbGhtNNjpDL6NWoL6NsvUPt9AP96g9NzUgqCOl9UfrcDxK3hQ9LNHxMwd0ecq7HBOd8qrnAjeJoW7MgUCw==\n";
static const char vector_key[] = "witness.example.org/w1+6d7ef907+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";

static void key_of(aic_key *k, uint8_t seed)
{
	uint8_t secret[AIC_SECRET_LEN];

	memset(secret, seed, sizeof(secret));
	aic_key_from_secret(k, secret);
}

static void make_vector(aic_note *n)
{
	aic_hash chain = aic_sha256_of("chain", 5), root = aic_sha256_of("root", 4);
	aic_key site, witness;

	key_of(&site, 1);
	key_of(&witness, 2);
	aic_note_make(n, &chain, 1234567, &root);
	aic_note_sign(n, &site);
	assert_ok(aic_note_cosign(n, NAME, &witness, TIME, err));
}

static void test_vectors(void **state)
{
	aic_note made, read;
	aic_witness w;
	aic_key site, other;
	int64_t time = 0;

	(void)state;
	key_of(&site, 1);
	key_of(&other, 3);
	make_vector(&made);
	assert_int_equal(made.note.len, sizeof(vector) - 1);
	assert_memory_equal(made.note.data, vector, sizeof(vector) - 1);
	assert_ok(aic_note_parse(&read, vector, sizeof(vector) - 1, err));
	assert_true(read.size == 1234567 && aic_hash_equal(&read.root, &made.root) && aic_hash_equal(&read.chain, &made.chain));
	assert_true(aic_note_signed_by(&read, site.public_key));
	assert_false(aic_note_signed_by(&read, other.public_key));
	assert_ok(aic_witness_parse(&w, vector_key, err));
	assert_string_equal(w.name, NAME);
	assert_true(aic_note_cosigned_by(&read, &w, &time));
	assert_int_equal(time, TIME);
	memcpy(w.key, other.public_key, AIC_PUBLIC_LEN);
	assert_false(aic_note_cosigned_by(&read, &w, &time));
	aic_note_free(&made);
	aic_note_free(&read);
}

/* A changed note is no note, or has lost a signature. */
static void test_every_bit(void **state)
{
	char text[sizeof(vector)];
	aic_witness w;
	aic_key site;
	int64_t time;

	(void)state;
	key_of(&site, 1);
	assert_ok(aic_witness_parse(&w, vector_key, err));
	memcpy(text, vector, sizeof(vector));
	for (size_t bit = 0; bit < (sizeof(vector) - 1) * 8; bit++) {
		aic_note n;

		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		if (aic_note_parse(&n, text, sizeof(vector) - 1, NULL) == AIC_OK) {
			assert_false(aic_note_signed_by(&n, site.public_key) && aic_note_cosigned_by(&n, &w, &time) && time == TIME);
			aic_note_free(&n);
		}
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
}

static void test_refusals(void **state)
{
	aic_witness w;
	aic_note n;
	aic_key key;

	(void)state;
	key_of(&key, 2);
	assert_fails(aic_note_parse(&n, "", 0, err), AIC_CORRUPT, "not origin, size and root");
	assert_fails(aic_note_parse(&n, vector, strstr(vector, "\n\n") + 2 - vector, err), AIC_CORRUPT, "signature lines cannot be read");
	assert_fails(aic_note_parse(&n, vector, sizeof(vector) - 2, err), AIC_CORRUPT, "signature lines cannot be read");
	assert_fails(aic_note_parse(&n, vector, sizeof(vector), err), AIC_CORRUPT, "no text");
	assert_fails(aic_witness_parse(&w, "abc", err), AIC_USAGE, "no witness's key");
	assert_fails(aic_witness_parse(&w, "a+00000000+BAAA", err), AIC_USAGE, "no witness's key");
	make_vector(&n);
	assert_fails(aic_note_cosign(&n, "two words", &key, 1, err), AIC_USAGE, "no witness's name");
	aic_note_free(&n);
}

/* --- against a ledger --- */

static int make(void **state)
{
	return test_export_make(state, BLOCKS);
}

static void checkpoint_at(aic_note *n, uint64_t height, uint8_t signer)
{
	aic_bytes bytes = {0};
	aic_block b;
	aic_hash hash;
	aic_key key;
	test_site s;
	bool valid;

	test_site_key(&key, signer);
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_state_block(s.state, height, &bytes, &hash, &valid, err));
	assert_ok(aic_block_decode(&b, bytes.data, bytes.len, err));
	aic_note_make(n, &test_chain_id, height, &b.header.blocks);
	aic_note_sign(n, &key);
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	test_site_close(&s);
}

static aic_code verify(void **state, const aic_note *n, aic_error *err)
{
	aic_verified v;

	return aic_export_verify(test_export_dir, *state, NULL, n, NULL, NULL, &v, err);
}

static void test_export(void **state)
{
	aic_note n;

	for (uint64_t h = 1; h <= BLOCKS; h += BLOCKS - 1) {
		checkpoint_at(&n, h, 1);
		assert_ok(verify(state, &n, err));
		aic_note_free(&n);
	}
	checkpoint_at(&n, 5, 2);
	assert_fails(verify(state, &n, err), AIC_CORRUPT, "signed by no member site");
	n.root.b[0] ^= 1;
	assert_fails(verify(state, &n, err), AIC_CORRUPT, "the ledger shows two histories");
	n.size = BLOCKS + 2;
	assert_fails(verify(state, &n, err), AIC_CORRUPT, "newer than the export");
	n.size = 5;
	n.chain.b[0] ^= 1;
	assert_fails(verify(state, &n, err), AIC_CORRUPT, "of another ledger");
	aic_note_free(&n);
}

static void test_proof(void **state)
{
	aic_bytes proof = {0};
	aic_proven p;
	aic_note n;
	test_site s;

	(void)state;
	checkpoint_at(&n, 7, 1);
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	assert_ok(aic_proof_build(&proof, s.state, &s.order, &s.chain.site, "2026-W48", 4, 1, 7, err));
	assert_ok(aic_proof_check_note(&p, proof.data, proof.len, &n, err));
	assert_true(p.height == 4 && p.head_height == 7 && p.gross == AIC_UNIT);
	aic_bytes_clear(&proof);
	assert_ok(aic_proof_build(&proof, s.state, &s.order, &s.chain.site, "2026-W48", 4, 1, 8, err));
	assert_fails(aic_proof_check_note(&p, proof.data, proof.len, &n, err), AIC_CORRUPT, "another head than the checkpoint's");
	aic_note_free(&n);
	for (uint64_t size = 4; size <= 5; size++) { /* neither the payout's own block nor what it left is among the blocks before it */
		checkpoint_at(&n, size, 1);
		aic_bytes_clear(&proof);
		assert_ok(aic_proof_build(&proof, s.state, &s.order, &s.chain.site, "2026-W48", 4, 1, size, err));
		assert_fails(aic_proof_check_note(&p, proof.data, proof.len, &n, err), AIC_CORRUPT, "at least two blocks before the checkpoint's");
		aic_note_free(&n);
	}
	test_site_close(&s);
	aic_bytes_free(&proof);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_every_bit), cmocka_unit_test(test_refusals),
		cmocka_unit_test_setup_teardown(test_export, make, test_folder_remove),
		cmocka_unit_test_setup_teardown(test_proof, make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger checkpoints", tests, NULL, NULL);
}
