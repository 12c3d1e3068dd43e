/* service_test.c: what aicledgerd answers, and to whom: rights, names, exactly once, restarts, two daemons on one directory. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include <unistd.h>

#include "ledger/state/settlement.h"

static aic_code ensure(const char *wallet, const char *organisation, aic_address *a, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, wallet);
	aic_cbor_put_text(&args, organisation);
	aic_code code = test_ask(TEST_SERVICE_UID, "wallet_ensure", &args, &out, &c, err);
	if (!code)
		aic_cbor_bytes_exact(&c, a->b, AIC_ADDRESS_LEN);
	aic_bytes_free(&out);
	return code;
}

static aic_code transfer(uid_t uid, const char *from, const char *to, aic_amount amount, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, from);
	aic_cbor_put_text(&args, to);
	aic_cbor_put_amount(&args, amount);
	aic_code code = test_ask(uid, "transfer", &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

static aic_code settle(uid_t uid, const char *op, const aic_settlement *s, aic_settlement_result *r, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_wire_put_settlement(&args, s);
	aic_code code = test_ask(uid, op, &args, &out, &c, err);
	memset(r, 0, sizeof(*r));
	if (!code) {
		aic_wire_get_result(&c, r);
		code = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&out);
	return code;
}

static aic_amount balance(const char *wallet)
{
	aic_address a;
	aic_wallet w;

	assert_ok(aic_custody_find(test_service.custody, wallet, &a, err));
	assert_ok(aic_state_wallet(test_service.state, &a, &w, err));
	return w.balance;
}

static void test_rights(void **state)
{
	static const struct { const char *op; bool anybody, service, admin; } c[] = {
		{"status", true, true, true},      {"parameters", false, true, true},     {"wallets", false, true, true},
		{"history", false, true, true},    {"settlement", false, true, true},     {"settle_preview", false, true, true},
		{"settle", false, true, false},    {"wallet_ensure", false, true, false}, {"transfer", false, false, true},
		{"reverse", false, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		const struct { uid_t uid; bool may; } who[] = {
			{TEST_USER_UID, c[i].anybody}, {TEST_SERVICE_UID, c[i].service}, {TEST_ADMIN_UID, c[i].admin}, {0, true}};

		for (size_t k = 0; k < 4; k++) {
			aic_bytes args = {0}, out = {0};
			aic_cbor answer;
			aic_error e = {0};

			test_ask(who[k].uid, c[i].op, &args, &out, &answer, &e);
			assert_true((strstr(e.message, "may not ask the ledger") == NULL) == who[k].may);
			aic_bytes_free(&out);
		}
	}
	aic_bytes args = {0}, out = {0};
	aic_cbor answer;
	assert_fails(test_ask(0, "mint", &args, &out, &answer, err), AIC_REFUSED, "knows no operation \"mint\"");
	aic_bytes_free(&out);
}

static void test_wallets(void **state)
{
	aic_address a, b;
	uint64_t height;

	(void)state;
	assert_ok(ensure("account/physics", "physics", &a, err));
	height = aic_state_head(test_service.state)->height;
	assert_ok(ensure("account/physics", "physics", &b, err));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(aic_state_head(test_service.state)->height, height); /* nothing new to write */
	assert_fails(ensure("account/physics", "chemistry", &b, err), AIC_REFUSED, "belongs to organisation physics");
	assert_fails(ensure("", "physics", &b, err), AIC_REFUSED, "1 to 127 characters");
}

static void test_transfers_speak_names(void **state)
{
	aic_address a;

	(void)state;
	assert_ok(ensure("account/physics", "physics", &a, err));
	assert_ok(transfer(TEST_ADMIN_UID, "genesis/operating", "account/physics", AIC_UNIT, err));
	assert_true(balance("account/physics") == AIC_UNIT);
	assert_fails(transfer(TEST_ADMIN_UID, "account/physics", "genesis/team", 2 * AIC_UNIT, err), AIC_REFUSED,
	             "wallet account/physics holds 1 AIC, this needs 2 AIC");
	assert_fails(transfer(TEST_ADMIN_UID, "account/chemistry", "genesis/team", 1, err), AIC_NOT_FOUND, "no wallet named account/chemistry");
	assert_fails(transfer(TEST_ADMIN_UID, "genesis/team", "account/physics", 1, err), AIC_REFUSED, "genesis/team is locked until height 50");
	assert_fails(transfer(TEST_ADMIN_UID, "treasury", "account/physics", 1, err), AIC_REFUSED, "wallet treasury is not in the custody");
}

static void make_settlement(aic_settlement *s, aic_settlement_line *l)
{
	assert_ok(ensure("account/physics", "physics", &l->payer, err));
	assert_ok(ensure("provider/lab", "lab", &l->payee, err));
	l->kind = AIC_KIND_HARDWARE;
	l->n = 1;
	l->gross = AIC_UNIT;
	l->fee = AIC_UNIT / 10;
	l->stake = l->fee * 1000000;
	*s = (aic_settlement){.period = "2026-W48", .number = 1, .n_lines = 1, .line = l, .n_approvals = 1,
	                      .evidence = aic_sha256_of("lines", 5), .batch = aic_sha256_of("approved", 8)};
}

static void test_settle_once(void **state)
{
	aic_settlement_line l = {.n = 0};
	aic_settlement_result preview, first, again;
	aic_settlement s;

	(void)state;
	make_settlement(&s, &l);
	assert_fails(settle(TEST_SERVICE_UID, "settle", &s, &first, err), AIC_REFUSED, "account/physics holds 0 AIC");
	assert_ok(transfer(TEST_ADMIN_UID, "genesis/operating", "account/physics", 10 * AIC_UNIT, err));
	uint64_t height = aic_state_head(test_service.state)->height;
	assert_ok(settle(TEST_ADMIN_UID, "settle_preview", &s, &preview, err));
	assert_false(preview.posted);
	assert_int_equal(aic_state_head(test_service.state)->height, height);
	assert_true(balance("account/physics") == 10 * AIC_UNIT);
	assert_ok(settle(TEST_SERVICE_UID, "settle", &s, &first, err));
	assert_true(first.posted && first.final && first.height == height + 1);
	assert_true(first.reward[0] == preview.reward[0] && first.issued[0] == preview.issued[0]);
	assert_ok(settle(TEST_SERVICE_UID, "settle", &s, &again, err));
	assert_true(again.height == first.height && !memcmp(&again.tx, &first.tx, sizeof(first.tx)));
	assert_true(balance("account/physics") == 9 * AIC_UNIT);
	assert_memory_equal(&again.batch, &s.batch, sizeof(s.batch));
	assert_memory_equal(&again.evidence, &s.evidence, sizeof(s.evidence));
	aic_settlement_result_clear(&again);
	l.gross += 10;
	assert_fails(settle(TEST_SERVICE_UID, "settle", &s, &again, err), AIC_REFUSED, "with other content");
	aic_settlement_result_clear(&preview);
	aic_settlement_result_clear(&first);
	aic_settlement_result_clear(&again);
}

static aic_code reverse(aic_amount amount, const char *evidence, uint64_t *height, aic_error *err)
{
	aic_hash h = aic_sha256_of(evidence, strlen(evidence)), tx;
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, "2026-W48");
	aic_cbor_put_uint(&args, 1);
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_amount(&args, amount);
	aic_cbor_put_bytes(&args, h.b, AIC_HASH_LEN);
	aic_approvals_put(&args, NULL, 0);
	aic_code code = test_ask(TEST_SERVICE_UID, "reverse", &args, &out, &c, err);
	aic_cbor_bytes_exact(&c, tx.b, AIC_HASH_LEN);
	*height = aic_cbor_uint(&c);
	aic_bytes_free(&out);
	return code;
}

static void test_reverse_once(void **state)
{
	aic_settlement_line l = {.n = 0};
	aic_settlement_result r;
	aic_settlement s;
	uint64_t first, again;

	(void)state;
	make_settlement(&s, &l);
	assert_fails(reverse(1, "x", &first, err), AIC_NOT_FOUND, "no settlement 2026-W48/1");
	assert_ok(transfer(TEST_ADMIN_UID, "genesis/operating", "account/physics", 10 * AIC_UNIT, err));
	assert_ok(settle(TEST_SERVICE_UID, "settle", &s, &r, err));
	assert_ok(reverse(AIC_UNIT / 2, "refuted", &first, err));
	assert_ok(reverse(AIC_UNIT / 2, "refuted", &again, err));
	assert_int_equal(first, again);
	assert_true(balance("account/physics") == 9 * AIC_UNIT + AIC_UNIT / 2);
	assert_fails(reverse(AIC_UNIT / 4, "refuted", &again, err), AIC_REFUSED, "with another amount");
	assert_ok(reverse(AIC_UNIT / 4, "another", &again, err));
	assert_true(balance("account/physics") == 9 * AIC_UNIT + AIC_UNIT * 3 / 4);
	aic_settlement_result_clear(&r);
}

static void test_history(void **state)
{
	aic_bytes args = {0}, out = {0};
	char event[24], from[AIC_NAME_LEN], to[AIC_NAME_LEN], note[AIC_NAME_LEN];
	aic_address a;
	aic_cbor c;

	(void)state;
	assert_ok(ensure("account/physics", "physics", &a, err));
	for (aic_amount i = 1; i <= 3; i++)
		assert_ok(transfer(TEST_ADMIN_UID, "genesis/operating", "account/physics", i, err));
	aic_cbor_put_text(&args, "account/physics");
	aic_cbor_put_uint(&args, 2);
	assert_ok(test_ask(TEST_ADMIN_UID, "history", &args, &out, &c, err));
	assert_int_equal(aic_cbor_array(&c, 10), 2);
	for (aic_amount i = 3; i >= 2; i--) { /* newest first */
		aic_cbor_array_exact(&c, 7);
		assert_int_equal(aic_cbor_uint(&c), (uint64_t)i + 1);
		aic_cbor_int(&c);
		aic_cbor_text(&c, event, sizeof(event));
		aic_cbor_text(&c, from, sizeof(from));
		aic_cbor_text(&c, to, sizeof(to));
		assert_true(aic_cbor_amount(&c) == i);
		aic_cbor_text(&c, note, sizeof(note));
		assert_string_equal(event, "Transfer");
		assert_string_equal(from, "genesis/operating");
		assert_string_equal(to, "account/physics");
		assert_int_equal(strncmp(note, "transfer ", 9), 0);
	}
	assert_ok(aic_cbor_finish(&c, err));
	aic_bytes_free(&out);
}

static void remove_file(const char *name, const char *dir)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[256];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffixes[i]);
		unlink(path);
	}
}

static void test_restart(void **state)
{
	aic_head before;
	aic_address a, b;
	aic_service second;

	(void)state;
	assert_ok(ensure("account/physics", "physics", &a, err));
	assert_fails(aic_service_open(&second, &test_config, err), AIC_REFUSED, "only one can run per state directory");
	before = *aic_state_head(test_service.state);
	aic_service_close(&test_service);
	assert_int_equal(unlink(test_config.genesis), 0); /* matters only once */
	assert_ok(aic_service_open(&test_service, &test_config, err));
	assert_memory_equal(&before, aic_state_head(test_service.state), sizeof(before));
	assert_ok(ensure("account/physics", "physics", &b, err));
	assert_memory_equal(&a, &b, sizeof(a));
}

/* Reads like "wallets", of one wallet; the balance is the answer's fourth field. */
static aic_code one_wallet(const char *wallet, char name[AIC_NAME_LEN], aic_amount *balance, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	char organisation[AIC_NAME_LEN];
	aic_address a;
	aic_cbor c;

	aic_cbor_put_text(&args, wallet);
	aic_code code = test_ask(TEST_ADMIN_UID, "wallet", &args, &out, &c, err);
	if (!code) {
		assert_int_equal(aic_cbor_array(&c, 9), 1);
		aic_cbor_array_exact(&c, 6);
		aic_cbor_text(&c, name, AIC_NAME_LEN);
		aic_cbor_text(&c, organisation, sizeof(organisation));
		aic_cbor_bytes_exact(&c, a.b, AIC_ADDRESS_LEN);
		*balance = aic_cbor_amount(&c);
		assert_true(aic_cbor_ok(&c));
	}
	aic_bytes_free(&out);
	return code;
}

static void test_one_wallet(void **state)
{
	char name[AIC_NAME_LEN], address[AIC_ADDRESS_TEXT];
	aic_amount balance = 0;
	aic_address treasury = aic_treasury_address();

	(void)state;
	assert_ok(one_wallet("genesis/operating", name, &balance, err));
	assert_string_equal(name, "genesis/operating");
	assert_true(balance == 5000000000 * AIC_UNIT);
	assert_ok(one_wallet(aic_address_text(address, &treasury), name, &balance, err));
	assert_string_equal(name, "treasury");
	assert_fails(one_wallet("account/nobody", name, &balance, err), AIC_NOT_FOUND, "no wallet named account/nobody");
	assert_fails(one_wallet("0x00000000000000000000000000000000000000ff", name, &balance, err), AIC_NOT_FOUND,
	             "no wallet 0x00000000000000000000000000000000000000ff is registered");
}

static void test_the_chain_that_is_named(void **state)
{
	aic_hash chain = aic_state_head(test_service.state)->chain;

	(void)state;
	aic_service_close(&test_service);
	aic_hash_hex(test_config.chain, &chain);
	assert_ok(aic_service_open(&test_service, &test_config, err));
	aic_service_close(&test_service);
	test_config.chain[0] ^= 1;
	assert_fails(aic_service_open(&test_service, &test_config, err), AIC_REFUSED, "this site's copy is of the ledger");
	remove_file("state/ledger/state.db", *state);
	assert_fails(aic_service_open(&test_service, &test_config, err), AIC_REFUSED, "the log is of the ledger");
	remove_file("state/ledger/state.db", *state);
	remove_file("state/ledger/order.db", *state);
	assert_fails(aic_service_open(&test_service, &test_config, err), AIC_REFUSED, "genesis.yaml is of the ledger");
	test_config.chain[0] = '\0';
	assert_ok(aic_service_open(&test_service, &test_config, err));
}

static void test_garbage(void **state)
{
	static const char *const ops[] = {"history", "settlement", "settle", "settle_preview", "wallet_ensure", "transfer", "reverse", "wallet"};
	aic_hash root = aic_state_head(test_service.state)->root;
	uint64_t seed = 17;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		aic_bytes args = {0}, out = {0};
		aic_cbor answer;
		size_t n = test_random(&seed) % 40;

		for (size_t k = 0; k < n; k++) {
			uint8_t byte = (uint8_t)test_random(&seed);
			aic_bytes_append(&args, &byte, 1);
		}
		assert_int_not_equal(test_ask(0, ops[test_random(&seed) % 8], &args, &out, &answer, NULL), AIC_OK);
		aic_bytes_free(&out);
	}
	assert_memory_equal(&root, &aic_state_head(test_service.state)->root, sizeof(root));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_service_open, test_service_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rights),       TEST(test_wallets), TEST(test_transfers_speak_names), TEST(test_settle_once),
		TEST(test_reverse_once), TEST(test_history), TEST(test_restart),               TEST(test_garbage),
		TEST(test_one_wallet),   TEST(test_the_chain_that_is_named),
	};

	return cmocka_run_group_tests_name("ledger service", tests, NULL, NULL);
}
