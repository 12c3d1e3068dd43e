/* service_asset_test.c: assets by aicledgerd: registered, shown with what they were made from, on other terms, given away, retired. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include "ledger/state/asset.h"
#include "ledger/state/revenue.h"

typedef struct {
	aic_u256 id;
	uint64_t kind, retired, generation;
	char owner[AIC_NAME_LEN];
	aic_terms terms;
	aic_asset parents;
} shown;

static void put_id(aic_bytes *b, aic_u256 id)
{
	uint8_t be[AIC_ASSET_ID_LEN];

	aic_u256_to_be(be, id);
	aic_cbor_put_bytes(b, be, sizeof(be));
}

static void wallet(const char *name)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, name);
	aic_cbor_put_text(&args, name);
	assert_ok(test_ask(TEST_SERVICE_UID, "wallet_ensure", &args, &out, &c, err));
	aic_bytes_free(&out);
}

static aic_code made(uid_t uid, const char *op, aic_bytes *args, aic_u256 *id, aic_error *err)
{
	aic_bytes out = {0};
	aic_hash tx;
	aic_cbor c;
	aic_code code = test_ask(uid, op, args, &out, &c, err);

	if (!code) {
		aic_cbor_bytes_exact(&c, tx.b, AIC_HASH_LEN);
		assert_true(aic_cbor_uint(&c) > 0 && aic_cbor_ok(&c));
		if (id)
			*id = aic_asset_id(&tx);
	}
	aic_bytes_free(&out);
	return code;
}

static aic_code add(uid_t uid, const char *owner, aic_asset_kind kind, const aic_asset *parents, aic_u256 *id, aic_error *err)
{
	static const aic_asset none;
	const aic_terms terms = {"CC-BY-4.0", AIC_VERIFY_OWNER, AIC_UNIT, AIC_UNIT / 2};
	const aic_hash content = {{1, 2, 3}};
	aic_bytes args = {0};

	aic_cbor_put_text(&args, owner);
	aic_cbor_put_uint(&args, kind);
	aic_cbor_put_bytes(&args, content.b, AIC_HASH_LEN);
	aic_terms_put(&args, &terms);
	aic_parents_put(&args, parents ? parents : &none);
	return made(uid, "asset_register", &args, id, err);
}

/* The family of one asset. */
static size_t show(aic_u256 id, shown *out, size_t room)
{
	aic_bytes args = {0}, answer = {0};
	uint8_t be[AIC_ASSET_ID_LEN];
	aic_hash content;
	aic_cbor c;

	aic_cbor_put_array(&args, 1);
	put_id(&args, id);
	assert_ok(test_ask(TEST_ADMIN_UID, "assets", &args, &answer, &c, err));
	aic_cbor_array_exact(&c, 1);
	size_t n = aic_cbor_array(&c, room);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_array_exact(&c, 9);
		aic_cbor_bytes_exact(&c, be, sizeof(be));
		out[i].id = aic_u256_from_be(be);
		out[i].kind = aic_cbor_uint(&c);
		aic_cbor_text(&c, out[i].owner, sizeof(out[i].owner));
		aic_cbor_bytes_exact(&c, content.b, AIC_HASH_LEN);
		assert_int_equal(content.b[2], 3);
		aic_terms_get(&c, &out[i].terms);
		assert_true(aic_cbor_uint(&c) > 0);
		out[i].retired = aic_cbor_uint(&c);
		out[i].generation = aic_cbor_uint(&c);
		aic_parents_get(&c, &out[i].parents);
	}
	assert_ok(aic_cbor_finish(&c, err));
	aic_bytes_free(&answer);
	return n;
}

static void a_life(void **state)
{
	aic_asset parents = {.n_parents = 1};
	aic_bytes args = {0};
	aic_u256 faces, net;
	shown s[4];

	(void)state;
	wallet("provider/lab-one");
	wallet("account/physics");
	assert_ok(add(TEST_ADMIN_UID, "provider/lab-one", AIC_ASSET_DATA, NULL, &faces, err));
	parents.parent[0].asset = faces;
	parents.parent[0].ppm = 200000;
	assert_ok(add(TEST_ADMIN_UID, "account/physics", AIC_ASSET_TRAINED, &parents, &net, err));
	assert_int_equal(show(net, s, 4), 2);
	assert_true(!aic_u256_cmp(s[0].id, net) && !aic_u256_cmp(s[1].id, faces) && s[0].generation == 2);
	assert_string_equal(s[0].owner, "account/physics");
	assert_string_equal(s[1].owner, "provider/lab-one");
	assert_string_equal(s[1].terms.licence, "CC-BY-4.0");
	assert_true(s[0].parents.parent[0].ppm == 200000 && s[1].terms.per_gpu_hour == AIC_UNIT / 2 && s[1].terms.verify == AIC_VERIFY_OWNER);

	put_id(&args, faces);
	aic_terms_put(&args, &(aic_terms){"MIT", AIC_VERIFY_NONE, 7, 8});
	assert_ok(made(TEST_ADMIN_UID, "asset_terms", &args, NULL, err));
	put_id(&args, faces);
	aic_cbor_put_text(&args, "account/physics");
	assert_ok(made(TEST_ADMIN_UID, "asset_transfer", &args, NULL, err));
	assert_int_equal(show(faces, s, 4), 1);
	assert_string_equal(s[0].owner, "account/physics");
	assert_true(!strcmp(s[0].terms.licence, "MIT") && s[0].terms.per_job == 7 && s[0].terms.per_gpu_hour == 8 && !s[0].retired);
	put_id(&args, faces);
	assert_ok(made(TEST_ADMIN_UID, "asset_retire", &args, NULL, err));
	assert_true(show(faces, s, 4) == 1 && s[0].retired > 0);
	put_id(&args, faces);
	assert_fails(made(TEST_ADMIN_UID, "asset_retire", &args, NULL, err), AIC_REFUSED, "retired");
	assert_int_equal(show(aic_u256_from(5), s, 4), 0);
}

static void refusals(void **state)
{
	aic_asset parents = {.n_parents = 1, .parent = {{aic_u256_from(77), 5}}};
	aic_bytes args = {0};

	(void)state;
	wallet("provider/lab-one");
	assert_fails(add(TEST_USER_UID, "provider/lab-one", AIC_ASSET_DATA, NULL, NULL, err), AIC_REFUSED, "uid 902 may not ask");
	assert_fails(add(TEST_SERVICE_UID, "provider/lab-one", AIC_ASSET_DATA, NULL, NULL, err), AIC_REFUSED, "uid 900 may not ask");
	assert_fails(add(TEST_ADMIN_UID, "provider/nobody", AIC_ASSET_DATA, NULL, NULL, err), AIC_NOT_FOUND, "provider/nobody");
	assert_fails(add(TEST_ADMIN_UID, "provider/lab-one", AIC_ASSET_TRAINED, &parents, NULL, err), AIC_REFUSED, "");
	put_id(&args, aic_u256_from(77));
	aic_cbor_put_text(&args, "provider/lab-one");
	assert_fails(made(TEST_ADMIN_UID, "asset_transfer", &args, NULL, err), AIC_REFUSED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_life, test_service_open, test_service_close),
		cmocka_unit_test_setup_teardown(refusals, test_service_open, test_service_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
