/* draw_test.c: the draw as a pure function: nobody who knows only what is known at closing can choose it, more nodes win nothing, and
 * forged segments are found as often as the formula says. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include <math.h>

#include "ledger/state/draw.h"

static aic_hash hash_of(uint64_t i)
{
	return aic_sha256_of(&i, sizeof(i));
}

static void test_the_same_everywhere(void **state)
{
	static const uint64_t golden[] = {0, 91, 71, 8, 67, 50, 34, 29, 82, 73, 3}; /* by another program */
	aic_hash entropy = hash_of(1), session = hash_of(2);
	uint64_t segment[AIC_SESSION_Q + 1];

	(void)state;
	assert_int_equal(aic_draw_segments(segment, &entropy, &session, 0, 100), AIC_SESSION_Q + 1);
	assert_memory_equal(segment, golden, sizeof(golden));
}

static void test_segments_once_each(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 40; n++) {
		uint64_t segment[AIC_SESSION_Q + 1];
		aic_hash entropy = hash_of(n), session = hash_of(7);
		size_t q = aic_draw_segments(segment, &entropy, &session, n, n);

		assert_int_equal(q, n < AIC_SESSION_Q + 1 ? n : AIC_SESSION_Q + 1);
		assert_int_equal(segment[0], 0);
		for (size_t i = 0; i < q; i++) {
			assert_true(segment[i] < n);
			for (size_t k = 0; k < i; k++)
				assert_true(segment[k] != segment[i]);
		}
	}
}

/* f = 10 % of 100 segments forged, none of them segment 0: 1 - C(89, 10) / C(99, 10). */
static void test_detection_as_the_formula_says(void **state)
{
	double missed = 1;
	size_t found = 0, sessions = 4000;

	(void)state;
	for (int i = 0; i < AIC_SESSION_Q; i++)
		missed *= (99.0 - 10 - i) / (99.0 - i);
	for (uint64_t s = 0; s < sessions; s++) {
		uint64_t segment[AIC_SESSION_Q + 1];
		aic_hash entropy = hash_of(s), session = hash_of(~s);
		bool caught = false;

		for (size_t i = 0, n = aic_draw_segments(segment, &entropy, &session, 0, 100); i < n; i++)
			caught |= segment[i] >= 1 && segment[i] <= 10;
		found += caught;
	}
	double expected = (1 - missed) * (double)sessions, sigma = sqrt(expected * missed);
	printf("detected %zu of %zu, expected %.0f +- %.0f\n", found, sessions, expected, sigma);
	assert_true(fabs((double)found - expected) < 4 * sigma);
}

/* attack: grinding of draws. Until a block has a VRF, its beacon can be computed ahead: its hash cannot. Another block, session or round
 * draws something else, each segment equally often. */
static void test_attack_grinding_of_draws(void **state)
{
	size_t hits[20] = {0};
	double chi = 0;
	aic_hash beacon = hash_of(5), one = hash_of(1), two = hash_of(2);
	aic_hash a = aic_draw_entropy(&beacon, &one, false), b = aic_draw_entropy(&beacon, &two, false);

	(void)state;
	assert_false(aic_hash_equal(&a, &b));
	assert_false(aic_hash_equal(&a, &beacon));
	a = aic_draw_entropy(&beacon, &one, true);
	assert_memory_equal(&a, &beacon, sizeof(a)); /* where a VRF speaks the block's maker has no say */
	for (uint64_t s = 0; s < 3800; s++) {
		uint64_t segment[AIC_SESSION_Q + 1];
		aic_hash block = hash_of(s), entropy = aic_draw_entropy(&beacon, &block, false);

		for (size_t i = 1, n = aic_draw_segments(segment, &entropy, &one, s % 3, 20); i < n; i++)
			hits[segment[i]]++;
	}
	for (size_t i = 1; i < 20; i++)
		chi += pow((double)hits[i] - 2000, 2) / 2000;
	assert_true(chi < 50); /* 18 degrees of freedom: 42.3 at 0.1 % */
}

static void candidates(aic_candidate *c, const size_t *nodes, size_t parties)
{
	size_t at = 0;

	for (size_t p = 0; p < parties; p++)
		for (size_t i = 0; i < nodes[p]; i++, at++) {
			memset(&c[at], 0, sizeof(c[at]));
			memset(c[at].party.b, (int)p + 1, sizeof(c[at].party.b));
			c[at].verifier.key[0] = (uint8_t)i;
		}
}

/* attack: one party registers forty nodes, the others one each: each party is drawn equally often. */
static void test_attack_many_nodes_of_one_party(void **state)
{
	static const size_t nodes[] = {40, 1, 1, 1};
	size_t first[4] = {0}, both[4] = {0};
	aic_candidate c[43];
	aic_hash session = hash_of(9);

	(void)state;
	candidates(c, nodes, 4);
	for (uint64_t s = 0; s < 4000; s++) {
		aic_hash entropy = hash_of(s);
		size_t out[2];

		assert_int_equal(aic_draw_nodes(out, 2, c, 43, NULL, 0, &entropy, &session, 0, 0), 2);
		assert_true(c[out[0]].party.b[0] != c[out[1]].party.b[0]);
		first[c[out[0]].party.b[0] - 1]++;
		both[c[out[0]].party.b[0] - 1]++;
		both[c[out[1]].party.b[0] - 1]++;
	}
	for (size_t p = 0; p < 4; p++) {
		assert_in_range(first[p], 850, 1150);  /* 1000, sigma 27 */
		assert_in_range(both[p], 1850, 2150);  /* 2000, sigma 32 */
	}
}

/* attack: the payer's or provider's own nodes as verifiers: whoever is to be left out is never drawn, however many nodes it has. */
static void test_attack_own_party_as_verifier(void **state)
{
	static const size_t nodes[] = {3, 3, 2, 2};
	aic_candidate c[10];
	aic_party without[2];
	aic_hash session = hash_of(9);

	(void)state;
	candidates(c, nodes, 4);
	without[0] = c[0].party;
	without[1] = c[9].party;
	for (uint64_t s = 0; s < 1000; s++) {
		aic_hash entropy = hash_of(s);
		size_t out[2], n = aic_draw_nodes(out, 2, c, 10, without, 2, &entropy, &session, 0, 0);

		assert_int_equal(n, 2);
		for (size_t i = 0; i < n; i++)
			assert_in_range(c[out[i]].party.b[0], 2, 3);
		assert_int_equal(aic_draw_nodes(out, 2, c, 6, without, 1, &entropy, &session, 0, 0), 1); /* nobody for the third */
	}
	assert_int_equal(aic_draw_nodes((size_t[2]){0}, 2, c, 0, NULL, 0, &session, &session, 0, 0), 0);
}

/* What q + 1 segments cost stays within verify_ppm of the fees. */
static void test_within_the_budget(void **state)
{
	aic_parameters p = aic_parameters_default;

	(void)state;
	assert_int_equal(aic_draw_probability(&p, 1), 10000);
	assert_int_equal(aic_draw_probability(&p, 11), 10000);
	assert_int_equal(aic_draw_probability(&p, 110), 100000);
	assert_int_equal(aic_draw_probability(&p, 1100), AIC_PPM);
	assert_int_equal(aic_draw_probability(&p, UINT32_MAX), AIC_PPM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_everywhere),      cmocka_unit_test(test_segments_once_each),
		cmocka_unit_test(test_detection_as_the_formula_says), cmocka_unit_test(test_attack_grinding_of_draws),
		cmocka_unit_test(test_attack_many_nodes_of_one_party), cmocka_unit_test(test_attack_own_party_as_verifier),
		cmocka_unit_test(test_within_the_budget),
	};

	return cmocka_run_group_tests_name("ledger draws", tests, NULL, NULL);
}
