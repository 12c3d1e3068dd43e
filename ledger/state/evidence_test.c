/* evidence_test.c: what proves that a site attested twice, what does not, and that it stands on the ledger once. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/evidence.h"

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

static aic_attestation attestation(const aic_key *key, uint64_t height, uint8_t block)
{
	aic_attestation a = {.chain = aic_state_head(site.state)->chain, .height = height, .site = site.chain.site};
	aic_bytes bytes = {0};

	a.block.b[0] = block;
	aic_attestation_build(&bytes, &a, key);
	aic_bytes_free(&bytes);
	return a;
}

static aic_code accuse(const aic_key *key, const aic_attestation *a, const aic_attestation *b, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;

	aic_evidence_body(&body, key->public_key, a, b);
	aic_code code = aic_chain_post(&site.chain, AIC_TX_EVIDENCE, &body, &posted, err);
	aic_bytes_free(&body);
	return code;
}

static void test_stands_once(void **state)
{
	aic_attestation a = attestation(&site.key, 7, 1), b = attestation(&site.key, 7, 2), c = attestation(&site.key, 7, 3);
	aic_evidence_row row;

	(void)state;
	assert_int_equal(aic_state_evidence(site.state, &site.chain.site, AIC_EVIDENCE_ATTESTATIONS, 7, &row, NULL), AIC_NOT_FOUND);
	assert_ok(accuse(&site.key, &a, &b, err));
	assert_ok(aic_state_evidence(site.state, &site.chain.site, AIC_EVIDENCE_ATTESTATIONS, 7, &row, err));
	assert_int_equal(row.recorded, 1);
	assert_fails(accuse(&site.key, &b, &c, err), AIC_REFUSED, "at height 7 stands on the ledger since height 1");
	a = attestation(&site.key, 8, 1), b = attestation(&site.key, 8, 2);
	assert_ok(accuse(&site.key, &b, &a, err)); /* in any order */
}

static void test_what_proves_nothing(void **state)
{
	aic_attestation a = attestation(&site.key, 7, 1), b = attestation(&site.key, 7, 2), other = attestation(&site.key, 8, 2);
	aic_attestation forged = b, elsewhere = b;
	aic_key stranger;

	(void)state;
	test_site_key(&stranger, 9);
	forged.signature[5] ^= 1;
	elsewhere.chain.b[0] ^= 1;
	assert_fails(accuse(&site.key, &a, &other, err), AIC_REFUSED, "not of one site at one height");
	assert_fails(accuse(&site.key, &a, &forged, err), AIC_REFUSED, "at height 7 is not signed by that key");
	assert_fails(accuse(&site.key, &a, &elsewhere, err), AIC_REFUSED, "of another ledger");
	assert_fails(accuse(&stranger, &a, &b, err), AIC_REFUSED, "is not signed by that key");
	forged = a;
	forged.signature[5] ^= 1;
	assert_fails(accuse(&site.key, &a, &forged, err), AIC_REFUSED, "say the same");
	a = attestation(&stranger, 7, 1), b = attestation(&stranger, 7, 2);
	assert_fails(accuse(&stranger, &a, &b, err), AIC_REFUSED, "was never the key of the site");
	assert_fails(accuse(&site.key, &a, &a, err), AIC_CORRUPT, "do not ascend");
}

/* No flipped bit of the body is evidence too, and none brings anything down. */
static void test_every_bit(void **state)
{
	aic_attestation a = attestation(&site.key, 7, 1), b = attestation(&site.key, 7, 2);
	const aic_hash *chain = &aic_state_head(site.state)->chain;
	uint8_t key[AIC_PUBLIC_LEN];
	aic_bytes body = {0};
	aic_id who;
	uint64_t height;

	(void)state;
	aic_evidence_body(&body, site.key.public_key, &a, &b);
	assert_ok(aic_evidence_read(body.data, body.len, chain, key, &who, &height, err));
	assert_true(aic_id_equal(&who, &site.chain.site) && height == 7);
	for (size_t i = 0; i < body.len * 8; i++) {
		body.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(aic_evidence_read(body.data, body.len, chain, key, &who, &height, NULL), AIC_OK);
		body.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < body.len; len++)
		assert_int_not_equal(aic_evidence_read(body.data, len, chain, key, &who, &height, NULL), AIC_OK);
	aic_bytes_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stands_once, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_what_proves_nothing, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_every_bit, open_site, close_site),
	};

	return cmocka_run_group_tests_name("ledger evidence", tests, NULL, NULL);
}
