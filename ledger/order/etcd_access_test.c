/* etcd_access_test.c: who may do what in a real etcd: TLS, passwords, rights, tokens; and etcd's quota. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/testing.h"
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_group.h"

#define QUOTA (8u << 20)
#define BLOCK_LARGE (512u << 10)
#define PREFIX "aic/"

static etcd_cluster cluster;
static const aic_id site_a = {{0xaa}}, site_b = {{0xbb}};

/* --- helpers --- */

static void write_password(const char *path, const char *password, mode_t mode)
{
	assert_int_equal(aic_file_write_atomic(path, password, strlen(password), mode, NULL), AIC_OK);
}

/* As `user` with a password file of its own in the cluster's folder. */
static aic_etcd_config config_of(const char *user, const char *password)
{
	aic_etcd_config config = etcd_cluster_config(&cluster, 0, PREFIX);

	snprintf(config.user, sizeof(config.user), "%s", user);
	snprintf(config.password_file, sizeof(config.password_file), "%s/%s.password", cluster.dir, user);
	write_password(config.password_file, password, 0600);
	return config;
}

static aic_order open_order(const aic_etcd_config *config)
{
	aic_order o;
	aic_error err = {0};

	if (aic_order_etcd(&o, config, &err))
		fail_msg("%s", err.message);
	return o;
}

static aic_code append_bytes(aic_order *o, const void *block, size_t len, aic_error *err)
{
	aic_order_head head;
	aic_hash hash = aic_sha256_of(block, len);
	aic_code code = aic_order_head_get(o, &head, err);

	return code ? code : aic_order_append_if_head(o, &head, &hash, block, len, err);
}

static aic_code append(aic_order *o, const char *text, aic_error *err)
{
	return append_bytes(o, text, strlen(text), err);
}

static void assert_appends(aic_order *o, const char *text)
{
	aic_error err = {0};

	if (append(o, text, &err))
		fail_msg("%s", err.message);
}

static void assert_says(const aic_error *err, const char *what)
{
	if (!strstr(err->message, what))
		fail_msg("\"%s\" does not say \"%s\"", err->message, what);
}

static aic_code count_one(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	(void)height, (void)block, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

static aic_code count_site(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)site, (void)bytes, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

/* --- setting etcd up as doc/formats/order-etcd.md says --- */

static void add_user(const aic_etcd_config *c, const char *user, const char *password)
{
	etcd_do(c, "auth/user/add", json_pack("{s:s, s:s}", "name", user, "password", password));
	etcd_do(c, "auth/role/add", json_pack("{s:s}", "name", user));
	etcd_do(c, "auth/user/grant", json_pack("{s:s, s:s}", "user", user, "role", user));
}

static void grant(const aic_etcd_config *c, const char *role, const char *type, const char *key, const char *end)
{
	json_t *permission = aic_etcd_get(key, end, 0, false);

	json_object_set_new(permission, "permType", json_string(type));
	etcd_do(c, "auth/role/grant", json_pack("{s:s, s:o}", "name", role, "perm", permission));
}

static void add_site(const aic_etcd_config *c, const char *user, const aic_id *site)
{
	char hex[33], from[96], to[96];

	aic_hex(hex, site->b, sizeof(site->b));
	snprintf(from, sizeof(from), PREFIX "att/%s/", hex);
	snprintf(to, sizeof(to), PREFIX "att/%s0", hex);
	add_user(c, user, "secret");
	grant(c, user, "READWRITE", PREFIX "head", NULL);
	grant(c, user, "READWRITE", PREFIX "blk/", PREFIX "blk0");
	grant(c, user, "READ", PREFIX "att/", PREFIX "att0");
	grant(c, user, "READWRITE", from, to);
}

static void a_user_without_authentication(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret");
	aic_order o = open_order(&config);
	aic_error err = {0};

	(void)state;
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "user site-a cannot sign in: etcd at https://127.0.0.1:");
	assert_says(&err, "authentication is not enabled");
	aic_order_close(&o);
}

static void set_up(void **state)
{
	aic_etcd_config open = etcd_cluster_config(&cluster, 0, PREFIX);

	(void)state;
	etcd_do(&open, "auth/user/add", json_pack("{s:s, s:s}", "name", "root", "password", "root's own"));
	etcd_do(&open, "auth/role/add", json_pack("{s:s}", "name", "root"));
	etcd_do(&open, "auth/user/grant", json_pack("{s:s, s:s}", "user", "root", "role", "root"));
	add_site(&open, "site-a", &site_a);
	add_site(&open, "site-b", &site_b);
	etcd_do(&open, "auth/enable", json_object());
}

/* --- rights --- */

static void a_site_may_do_its_part(void **state)
{
	aic_etcd_config a = config_of("site-a", "secret\n"), b = config_of("site-b", "secret");
	aic_order oa = open_order(&a), ob = open_order(&b);
	int count = 0;
	bool more = false;

	(void)state;
	assert_appends(&oa, "genesis");
	assert_appends(&ob, "one");
	assert_appends(&oa, "two");
	assert_int_equal(aic_order_read(&ob, 0, 10, count_one, &count, NULL), AIC_OK);
	assert_int_equal(count, 3);
	assert_int_equal(aic_order_attest(&oa, &site_a, 2, "a", 1, NULL), AIC_OK);
	assert_int_equal(aic_order_attest(&ob, &site_b, 2, "b", 1, NULL), AIC_OK);
	count = 0;
	assert_int_equal(aic_order_attestations(&oa, 2, count_site, &count, NULL), AIC_OK);
	assert_int_equal(count, 2);
	assert_int_equal(aic_order_watch(&oa, 2, 1000, &more, NULL), AIC_OK);
	assert_true(more);
	aic_order_close(&oa);
	aic_order_close(&ob);
}

/* With a site's rights: its own word, its own attestations and the blocks, and etcd's history. */
static void a_site_keeps_the_window(void **state)
{
	aic_etcd_config a = config_of("site-a", "secret");
	aic_order o = open_order(&a);
	aic_order_space space;
	aic_error err = {0};
	int count = 0;

	(void)state;
	assert_int_equal(aic_order_attest(&o, &site_a, 0, "a", 1, NULL), AIC_OK);
	assert_int_equal(aic_order_acknowledge(&o, &site_a, "1", 1, NULL), AIC_OK);
	assert_int_equal(aic_order_acknowledge(&o, &site_b, "9", 1, &err), AIC_REFUSED);
	assert_says(&err, "cannot put " PREFIX "att/bb000000000000000000000000000000/archive: etcd at https://127.0.0.1:");
	assert_says(&err, "permission denied");
	assert_int_equal(aic_order_acknowledgements(&o, count_site, &count, NULL), AIC_OK);
	assert_int_equal(count, 1);
	assert_int_equal(aic_order_prune(&o, &site_b, 1, &err), AIC_REFUSED);
	assert_says(&err, "cannot remove " PREFIX "att/bb000000000000000000000000000000/");
	assert_int_equal(aic_order_space_get(&o, &space, NULL), AIC_OK);
	assert_int_equal(space.first, 0);
	assert_int_equal(space.quota, 2147483648u); /* etcd's default, from its metrics */
	assert_in_range(space.in_use, 1, space.used);
	json_t *before = etcd_ask(&a, 0, "kv/range", aic_etcd_get(PREFIX "head", NULL, 0, false));
	assert_int_equal(aic_order_prune(&o, &site_a, 1, NULL), AIC_OK);
	assert_int_equal(aic_order_space_get(&o, &space, NULL), AIC_OK);
	assert_int_equal(space.first, 1);
	json_t *old = aic_etcd_get(PREFIX "head", NULL, 0, false), *answer = NULL;
	json_object_set(old, "revision", json_object_get(json_object_get(before, "header"), "revision"));
	aic_etcd *e;
	assert_int_equal(aic_etcd_open(&e, &a, NULL), AIC_OK);
	assert_int_equal(aic_etcd_call(e, "kv/range", old, 0, &answer, &err), AIC_REFUSED);
	assert_says(&err, "has been compacted");
	aic_etcd_close(e);
	json_decref(before);
	aic_order_close(&o);
}

static void a_site_may_do_no_more(void **state)
{
	aic_etcd_config a = config_of("site-a", "secret"), elsewhere = a;
	aic_order o = open_order(&a);
	aic_error err = {0};
	int count = 0;

	(void)state;
	assert_int_equal(aic_order_attest(&o, &site_b, 1, "forged", 6, &err), AIC_REFUSED);
	assert_says(&err, "cannot put " PREFIX "att/bb000000000000000000000000000000/00000000000000000001: etcd at https://127.0.0.1:");
	assert_says(&err, "permission denied");
	assert_int_equal(aic_order_attestations(&o, 1, count_site, &count, NULL), AIC_OK);
	assert_int_equal(count, 0);
	aic_order_close(&o);
	snprintf(elsewhere.prefix, sizeof(elsewhere.prefix), "other/");
	o = open_order(&elsewhere);
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "permission denied");
	aic_order_close(&o);
}

static void without_a_user(void **state)
{
	aic_etcd_config config = etcd_cluster_config(&cluster, 0, PREFIX);
	aic_order o = open_order(&config);
	aic_error err = {0};

	(void)state;
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "it asks for a user: set ledger.etcd.user and password_file");
	aic_order_close(&o);
}

/* --- passwords and tokens --- */

static void a_wrong_password(void **state)
{
	aic_etcd_config config = config_of("site-a", "not-the-password");
	aic_order o = open_order(&config);
	aic_error err = {0};

	(void)state;
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "user site-a cannot sign in: etcd at https://127.0.0.1:");
	assert_null(strstr(err.message, "not-the-password"));
	aic_order_close(&o);
}

static void files_that_others_can_read(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret");
	aic_order o;
	aic_error err = {0};

	(void)state;
	assert_int_equal(chmod(config.password_file, 0640), 0);
	assert_int_equal(aic_order_etcd(&o, &config, &err), AIC_REFUSED);
	assert_says(&err, "site-a.password has mode 0640, so that others could read it: chmod 0600");
	assert_int_equal(chmod(config.password_file, 0600), 0);
	assert_int_equal(chmod(config.key, 0644), 0);
	assert_int_equal(aic_order_etcd(&o, &config, &err), AIC_REFUSED);
	assert_says(&err, "client.key has mode 0644");
	assert_int_equal(chmod(config.key, 0600), 0);
	o = open_order(&config);
	assert_int_equal(chmod(config.password_file, 0604), 0); /* later, when the token is asked for */
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "mode 0604");
	write_password(config.password_file, "\n", 0600);
	assert_int_equal(append(&o, "x", &err), AIC_USAGE);
	assert_says(&err, "site-a.password is empty");
	aic_order_close(&o);
}

/* etcd forgets its tokens when it starts again, and those of a user whose password changes. */
static void tokens_end(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret"), root = config_of("root", "root's own");
	aic_order o = open_order(&config);
	aic_error err = {0};

	(void)state;
	assert_appends(&o, "before the restart");
	etcd_member_kill(&cluster, 0);
	etcd_member_start(&cluster, 0, "existing");
	etcd_member_ready(&cluster, 0);
	assert_appends(&o, "after the restart");
	etcd_do(&root, "auth/user/changepw", json_pack("{s:s, s:s}", "name", "site-a", "password", "another"));
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "cannot sign in");
	write_password(config.password_file, "another", 0600);
	assert_appends(&o, "with the new password");
	etcd_do(&root, "auth/user/changepw", json_pack("{s:s, s:s}", "name", "site-a", "password", "secret"));
	aic_order_close(&o);
}

/* --- TLS --- */

static void another_authority(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret");
	char *command = aic_xasprintf("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
	                              "-subj /CN=other -keyout other.key -out other.pem 2>/dev/null", cluster.dir);
	aic_error err = {0};

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	snprintf(config.ca, sizeof(config.ca), "%s/other.pem", cluster.dir);
	aic_order o = open_order(&config);
	assert_int_equal(append(&o, "x", &err), AIC_UNREACHABLE);
	assert_says(&err, "shows a certificate that is not trusted");
	assert_says(&err, "check ledger.etcd.ca");
	aic_order_close(&o);
}

static void no_certificate_of_the_client(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret");
	aic_error err = {0};

	(void)state;
	config.cert[0] = config.key[0] = '\0';
	aic_order o = open_order(&config);
	assert_int_equal(append(&o, "x", &err), AIC_UNREACHABLE);
	assert_says(&err, "etcd at https://127.0.0.1:");
	assert_says(&err, "certificate");
	aic_order_close(&o);
}

/* etcd's gateway takes none with a common name while authentication is on: it could be taken for a user. */
static void a_certificate_with_a_name(void **state)
{
	aic_etcd_config config = config_of("site-a", "secret");
	aic_error err = {0};

	(void)state;
	snprintf(config.cert, sizeof(config.cert), "%s/named.pem", cluster.dir);
	snprintf(config.key, sizeof(config.key), "%s/named.key", cluster.dir);
	aic_order o = open_order(&config);
	assert_int_equal(append(&o, "x", &err), AIC_REFUSED);
	assert_says(&err, "make the client's certificate without a common name (CN)");
	aic_order_close(&o);
}

static void plain_http_to_a_tls_port(void **state)
{
	aic_etcd_config config = etcd_cluster_config(&cluster, 0, PREFIX);
	aic_error err = {0};

	(void)state;
	snprintf(config.endpoint[0], AIC_ETCD_ENDPOINT_LEN, "http://127.0.0.1:%d", cluster.member[0].client_port);
	aic_order o = open_order(&config);
	assert_int_equal(append(&o, "x", &err), AIC_UNREACHABLE);
	assert_says(&err, "etcd at http://127.0.0.1:");
	aic_order_close(&o);
}

/* --- the quota --- */

/* What the message tells the administrator to do. */
/* The request that uses it up may be carried out and yet be answered with the error. */
static void the_quota_is_reached(void **state)
{
	etcd_cluster small;
	uint8_t *block = aic_xcalloc(1, BLOCK_LARGE);
	aic_error err = {0};
	aic_code code = AIC_OK;
	aic_order_head head;
	int count = 0;

	(void)state;
	etcd_cluster_start(&small, (etcd_options){.members = 1, .quota = QUOTA});
	aic_etcd_config config = etcd_cluster_config(&small, 0, PREFIX);
	aic_order o = open_order(&config);
	int written = 0;
	for (; !code && written < 40; written += !code) {
		block[0] = (uint8_t)written;
		code = append_bytes(&o, block, BLOCK_LARGE, &err);
	}
	assert_int_equal(code, AIC_FULL);
	print_message("%d blocks of 512 KiB in a quota of 8 MiB: %s\n", written, err.message);
	assert_says(&err, "its quota is used up");
	assert_in_range(written, 4, 16);
	assert_int_equal(append_bytes(&o, "small", 5, &err), AIC_FULL);
	assert_int_equal(aic_order_head_get(&o, &head, NULL), AIC_OK);
	assert_int_equal(head.height, written - 1);
	assert_int_equal(aic_order_read(&o, 0, 100, count_one, &count, NULL), AIC_OK);
	assert_int_equal(count, written);

	etcd_make_room(&config, PREFIX "blk/00000000000000000000", PREFIX "blk/00000000000000000004");
	assert_int_equal(append_bytes(&o, "small", 5, NULL), AIC_OK);
	count = 0;
	assert_int_equal(aic_order_read(&o, 0, 100, count_one, &count, &err), AIC_NOT_FOUND);
	assert_says(&err, "etcd's log begins at height 4: fetch height 0 from a site's archive");
	assert_int_equal(aic_order_read(&o, 4, 100, count_one, &count, &err), AIC_OK);
	assert_int_equal(count, written - 4 + 1);
	etcd_do(&config, "kv/deleterange", aic_etcd_delete(PREFIX "blk/", PREFIX "blk0"));
	assert_int_equal(aic_order_read(&o, 4, 100, count_one, &count, &err), AIC_CORRUPT);
	assert_says(&err, "no block at height 4, though its head is above");
	aic_order_close(&o);
	etcd_cluster_stop(&small);
	free(block);
}

/* What was pruned is compacted, and where much of it is free the member's file gets smaller. */
static void pruning_gives_room_back(void **state)
{
	etcd_cluster small;
	uint8_t *block = aic_xcalloc(1, BLOCK_LARGE);
	aic_order_space before, after;
	aic_error err = {0};

	(void)state;
	etcd_cluster_start(&small, (etcd_options){.members = 1});
	aic_etcd_config config = etcd_cluster_config(&small, 0, PREFIX);
	aic_order o = open_order(&config);
	for (int i = 0; i < 150; i++) {
		memcpy(block, &i, sizeof(i));
		if (append_bytes(&o, block, BLOCK_LARGE, &err))
			fail_msg("%s", err.message);
	}
	assert_int_equal(aic_order_space_get(&o, &before, NULL), AIC_OK);
	assert_in_range(before.used, 75u << 20, 200u << 20);
	for (int i = 0; i < 2; i++) { /* etcd counts pages as free once it has written again */
		assert_int_equal(aic_order_prune(&o, &site_a, (uint64_t)(145 + i), NULL), AIC_OK);
		assert_int_equal(append_bytes(&o, "small", 5, NULL), AIC_OK);
		poll(NULL, 0, 300);
	}
	assert_int_equal(aic_order_space_get(&o, &after, NULL), AIC_OK);
	assert_int_equal(after.first, 146);
	print_message("150 blocks of 512 KiB: %d MiB, pruned to four of them: %d MiB\n", (int)(before.used >> 20), (int)(after.used >> 20));
	assert_in_range(after.used, 0, before.used / 2);
	assert_int_equal(append_bytes(&o, "small", 5, NULL), AIC_OK);
	aic_order_close(&o);
	etcd_cluster_stop(&small);
	free(block);
}

/* --- what others may have written there --- */

static void keys_of_others(void **state)
{
	aic_etcd_config config = config_of("root", "root's own");
	aic_order o;
	aic_error err = {0};
	aic_order_head head;
	int count = 0;

	(void)state;
	snprintf(config.prefix, sizeof(config.prefix), "odd/");
	o = open_order(&config);
	etcd_do(&config, "kv/put", aic_etcd_put("odd/head", "5 abc", 5));
	assert_int_equal(aic_order_head_get(&o, &head, &err), AIC_CORRUPT);
	assert_says(&err, "odd/head holds no height and hash");
	assert_int_equal(append(&o, "x", &err), AIC_CORRUPT);
	etcd_do(&config, "kv/deleterange", aic_etcd_delete("odd/head", NULL));
	etcd_do(&config, "kv/put", aic_etcd_put("odd/blk/zero", "x", 1));
	assert_int_equal(aic_order_read(&o, 0, 5, count_one, &count, &err), AIC_OK); /* not among the heights asked for */
	etcd_do(&config, "kv/put", aic_etcd_put("odd/blk/00000000000000000000x", "x", 1));
	assert_int_equal(aic_order_read(&o, 0, 5, count_one, &count, &err), AIC_CORRUPT);
	assert_says(&err, "a key under odd/blk/ that is no height");
	etcd_do(&config, "kv/put", aic_etcd_put("odd/att/me", "x", 1));
	assert_int_equal(aic_order_attestations(&o, 0, count_site, &count, &err), AIC_CORRUPT);
	assert_says(&err, "a key under odd/att/ that is no site and height");
	assert_int_equal(count, 0);
	aic_order_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_without_authentication), cmocka_unit_test(set_up), cmocka_unit_test(a_site_may_do_its_part),
		cmocka_unit_test(a_site_keeps_the_window), cmocka_unit_test(a_site_may_do_no_more), cmocka_unit_test(without_a_user), cmocka_unit_test(a_wrong_password),
		cmocka_unit_test(files_that_others_can_read), cmocka_unit_test(tokens_end), cmocka_unit_test(another_authority),
		cmocka_unit_test(no_certificate_of_the_client), cmocka_unit_test(a_certificate_with_a_name),
		cmocka_unit_test(plain_http_to_a_tls_port),
		cmocka_unit_test(keys_of_others), cmocka_unit_test(the_quota_is_reached), cmocka_unit_test(pruning_gives_room_back),
	};

	return etcd_group_run(tests, &cluster, .members = 1, .tls = true);
}
