/* hello_test.c: what nodes say of their keys, from aicacctd to a real ledger, in one process. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/loopback.h"
#include "accounting/site.h"

static void make_key(aic_key *k, uint8_t first)
{
	uint8_t secret[AIC_SECRET_LEN] = {first};

	aic_key_from_secret(k, secret);
}

/* A node says hello as aicnoded does; vrf NULL: it has none. */
static aic_code say(test_site *s, const char *node, const aic_key *key, const aic_key *vrf, const char *trouble, uid_t uid, aic_error *err)
{
	const aic_rpc_caller who = {.uid = uid};
	aic_bytes hello = {0}, args = {0}, out = {0};
	aic_node_hello h = {.draws = vrf != NULL};
	aic_cbor c;
	size_t items = 0;

	aic_str_copy(h.node, sizeof(h.node), node);
	aic_str_copy(h.trouble, sizeof(h.trouble), trouble);
	if (vrf)
		memcpy(h.vrf, vrf->public_key, sizeof(h.vrf));
	aic_node_hello_encode(&hello, &h, key);
	aic_cbor_put_bytes(&args, hello.data, hello.len);
	aic_cbor_init(&c, args.data, args.len);
	aic_code rc = aic_acctd_serve(&s->d, &who, "node-hello", &c, &out, &items, err);
	aic_bytes_free(&hello);
	aic_bytes_free(&args);
	aic_bytes_free(&out);
	return rc;
}

/* What the ledger has of a node's key; valid false where there is none. */
static aic_ledger_key stands(test_site *s, const aic_key *key)
{
	aic_ledger_key *all, found = {0};
	uint64_t approvals;
	size_t n;

	assert_int_equal(aic_ledger_keys(s->d.ledger, &all, &n, &approvals, NULL), AIC_OK);
	for (size_t i = 0; i < n; i++)
		if (!memcmp(all[i].key, key->public_key, AIC_PUBLIC_LEN))
			found = all[i];
	free(all);
	return found;
}

static void a_hello_registers_both_keys(void **state)
{
	test_site *s = *state;
	aic_key key, vrf, other;
	aic_ledger_key there;
	aic_error err;

	make_key(&key, 1);
	make_key(&vrf, 2);
	make_key(&other, 3);
	site_turn(s);
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	site_turn(s);
	there = stands(s, &key);
	assert_true(there.valid && there.role == AIC_ROLE_NODE && there.has_vrf);
	assert_string_equal(there.name, "n1");
	assert_memory_equal(there.vrf, vrf.public_key, AIC_PUBLIC_LEN);
	/* said again it changes nothing; another VRF key takes the place of the first */
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	site_turn(s);
	assert_memory_equal(stands(s, &key).vrf, vrf.public_key, AIC_PUBLIC_LEN);
	assert_int_equal(say(s, "n1", &key, &other, "", 0, &err), AIC_OK);
	site_turn(s);
	assert_memory_equal(stands(s, &key).vrf, other.public_key, AIC_PUBLIC_LEN);
}

/* What was said while the ledger was away reaches it later. */
static void a_ledger_that_is_down_learns_it_later(void **state)
{
	test_site *s = *state;
	aic_key key, vrf;
	aic_error err;

	make_key(&key, 1);
	make_key(&vrf, 2);
	site_turn(s);
	loopback_ledger_stop();
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	site_turn(s);
	assert_true(s->d.ledger_failure[0]);
	loopback_ledger_start(&s->d.config);
	site_turn(s);
	assert_true(stands(s, &key).has_vrf);
}

static void only_the_node_itself_is_believed(void **state)
{
	test_site *s = *state;
	aic_key key, vrf, other;
	aic_error err;

	make_key(&key, 1);
	make_key(&vrf, 2);
	make_key(&other, 3);
	site_turn(s);
	assert_int_equal(say(s, "n1", &key, &vrf, "", MEMBER, &err), AIC_REFUSED);
	assert_string_equal(err.message, "a node's keys are told by its aicnoded as root, not by uid 1");
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	assert_int_equal(say(s, "n1", &other, &vrf, "", 0, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "node n1 signs with another key than the one pinned for it"));
	site_turn(s);
	assert_true(stands(s, &key).has_vrf);
	assert_false(stands(s, &other).valid);
}

typedef struct {
	size_t n;
	char text[600];
} said;

static void note(void *ctx, const char *node, const char *trouble)
{
	said *t = ctx;

	t->n++;
	snprintf(t->text, sizeof(t->text), "%s: %s", node, trouble ? trouble : "silent");
}

static void the_doctor_learns_who_cannot_draw(void **state)
{
	test_site *s = *state;
	aic_key key, vrf;
	aic_error err;
	size_t drawing;
	said t = {0};

	make_key(&key, 1);
	make_key(&vrf, 2);
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	assert_int_equal(aic_hellos_look(s->d.hellos, s->d.store, aic_now(), note, &t, &drawing, &err), AIC_OK);
	assert_true(t.n == 0 && drawing == 1);
	assert_int_equal(say(s, "n1", &key, &vrf, "head:6828 does not answer", 0, &err), AIC_OK);
	assert_int_equal(aic_hellos_look(s->d.hellos, s->d.store, aic_now(), note, &t, &drawing, &err), AIC_OK);
	assert_true(t.n == 1 && drawing == 0);
	assert_string_equal(t.text, "n1: head:6828 does not answer");
	assert_int_equal(say(s, "n1", &key, NULL, "", 0, &err), AIC_OK);
	assert_int_equal(aic_hellos_look(s->d.hellos, s->d.store, aic_now(), note, &t, &drawing, &err), AIC_OK);
	assert_string_equal(t.text, "n1: ");
	assert_int_equal(say(s, "n1", &key, &vrf, "", 0, &err), AIC_OK);
	assert_int_equal(aic_hellos_look(s->d.hellos, s->d.store, aic_now() + 2 * AIC_HELLO_EVERY + 1, note, &t, &drawing, &err), AIC_OK);
	assert_string_equal(t.text, "n1: silent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hello_registers_both_keys, site_open, site_close),
		cmocka_unit_test_setup_teardown(a_ledger_that_is_down_learns_it_later, site_open, site_close),
		cmocka_unit_test_setup_teardown(only_the_node_itself_is_believed, site_open, site_close),
		cmocka_unit_test_setup_teardown(the_doctor_learns_who_cannot_draw, site_open, site_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
