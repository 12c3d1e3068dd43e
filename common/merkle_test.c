/* merkle_test.c: RFC 6962 roots and inclusion proofs, against the reference vectors of Certificate Transparency. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "common/merkle.h"

/* The leaves and roots that Certificate Transparency's implementations share (certificate-transparency, merkle_tree_test.cc). */
static const struct { const char *leaf; size_t len; const char *root; } vectors[] = {
	{"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	{"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
	{"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
	{"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
	{"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
	{"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
	{"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
	{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
	 "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

#define COUNT (sizeof(vectors) / sizeof(vectors[0]))

static void assert_hash(aic_hash h, const char *hex)
{
	char got[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(got, &h);
	assert_string_equal(got, hex);
}

static void test_vectors(void **state)
{
	aic_frontier f = {0};

	(void)state;
	assert_hash(aic_frontier_root(&f), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < COUNT; i++) {
		aic_hash leaf = aic_merkle_leaf(vectors[i].leaf, vectors[i].len);

		aic_frontier_add(&f, &leaf);
		assert_hash(aic_frontier_root(&f), vectors[i].root);
	}
}

static void test_large_leaf(void **state)
{
	uint8_t data[5000];
	aic_bytes in = {0};

	(void)state;
	memset(data, 7, sizeof(data));
	aic_bytes_append(&in, "", 1);
	for (size_t len = 500; len <= sizeof(data); len += 1500) {
		in.len = 1;
		aic_bytes_append(&in, data, len);
		aic_hash expected = aic_sha256_of(in.data, in.len), got = aic_merkle_leaf(data, len);
		assert_true(aic_hash_equal(&expected, &got));
	}
	aic_bytes_free(&in);
}

/* MTH as the RFC writes it down. */
static aic_hash reference(const aic_hash *leaf, size_t n)
{
	size_t k = 1;

	if (n == 1)
		return leaf[0];
	while (k * 2 < n)
		k *= 2;
	aic_hash left = reference(leaf, k), right = reference(leaf + k, n - k);
	return aic_merkle_node(&left, &right);
}

static void test_proofs(void **state)
{
	aic_hash leaf[70], path[64];

	(void)state;
	for (size_t i = 0; i < 70; i++)
		leaf[i] = aic_merkle_leaf(&i, sizeof(i));
	for (size_t n = 1; n <= 70; n++) {
		aic_hash root = aic_merkle_root(leaf, n), expected = reference(leaf, n);

		assert_true(aic_hash_equal(&root, &expected));
		for (size_t i = 0; i < n; i++) {
			size_t len = aic_merkle_prove(path, leaf, n, i);

			assert_true(aic_merkle_check(&root, &leaf[i], n, i, path, len));
			assert_false(aic_merkle_check(&root, &leaf[(i + 1) % 70], n, i, path, len));
			assert_false(aic_merkle_check(&root, &leaf[i], n, i + 1, path, len));
			assert_false(aic_merkle_check(&root, &leaf[i], n, i, path, len + 1));
			for (size_t k = 0; k < len; k++) {
				path[k].b[5] ^= 1;
				assert_false(aic_merkle_check(&root, &leaf[i], n, i, path, len));
				path[k].b[5] ^= 1;
			}
			if (len)
				assert_false(aic_merkle_check(&root, &leaf[i], n, i, path, len - 1));
		}
	}
}

static void test_frontier_bytes(void **state)
{
	aic_frontier f = {0}, g;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		aic_bytes b = {0};
		aic_hash leaf = aic_merkle_leaf(&i, sizeof(i));

		aic_frontier_put(&f, &b);
		assert_true(aic_frontier_get(&g, b.data, b.len));
		aic_hash a = aic_frontier_root(&f), c = aic_frontier_root(&g);
		assert_true(aic_hash_equal(&a, &c));
		assert_false(aic_frontier_get(&g, b.data, b.len - 1));
		aic_bytes_free(&b);
		aic_frontier_add(&f, &leaf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_large_leaf),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_frontier_bytes),
	};

	return cmocka_run_group_tests_name("ledger merkle", tests, NULL, NULL);
}
