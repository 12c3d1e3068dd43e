/* peer_test.c: archives over HTTPS: who is served, and peers with another key, too much to say, too little, or nothing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <microhttpd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/archive/certificate.h"
#include "ledger/archive/server.h"
#include "ledger/archive/testing.h"
#include "ledger/state/member.h"

#define BLOCKS 150

static archive_site origin;
static aic_archive_server *server;
static char url[80];

/* A port of which nobody listens, on loopback; *fd keeps it where it is not NULL, listening. */
static int free_port(int *fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
	if (fd) {
		assert_int_equal(listen(s, 4), 0);
		*fd = s;
	} else {
		close(s);
	}
	return ntohs(a.sin_port);
}

static int start(void **state)
{
	char where[64];
	int port = free_port(NULL);

	(void)state;
	archive_site_make(&origin);
	archive_grow(&origin, BLOCKS);
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	snprintf(url, sizeof(url), "https://%s", where);
	assert_ok(aic_archive_server_start(&server, where, origin.dir, &origin.member[0], err));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	aic_archive_server_stop(server);
	archive_site_remove(&origin);
	return 0;
}

static aic_source peer(const char *at, const aic_key *me, const uint8_t *pin)
{
	aic_source source;

	assert_ok(aic_source_peer(&source, at, me, (const uint8_t (*)[AIC_PUBLIC_LEN])(const void *)pin, 1, err));
	return source;
}

/* One request of the peer there. */
static aic_code ask(const char *at, const aic_key *me, const uint8_t *pin, aic_error *err)
{
	aic_source source = peer(at, me, pin);
	aic_bytes records = {0};
	aic_code code = source.read(source.self, 0, &records, err);

	aic_bytes_free(&records);
	aic_source_close(&source);
	return code;
}

/* A copy in dir/joined of all that the records of heights 0 .. last hold. */
static void join_to(const char *dir, uint64_t last, char path[300])
{
	aic_bytes records = archive_records(&origin, 0, last);
	aic_source source = archive_memory(&records);
	aic_checkpoint genesis = {.height = 0, .hash = aic_state_head(origin.site.state)->chain};
	aic_head head;

	snprintf(path, 300, "%s/joined", dir);
	mkdir(path, 0700);
	assert_ok(aic_ledger_join(path, "", &genesis, &source, 1, NULL, NULL, &head, err));
	assert_int_equal(head.height, last);
	aic_bytes_free(&records);
}

static void a_member_joins(void **state)
{
	const aic_head *there = aic_state_head(origin.site.state);
	aic_checkpoint checkpoint = {.height = there->height, .hash = there->hash};
	aic_source source = peer(url, &origin.member[2], origin.member[0].public_key);
	char path[300];
	aic_head head;

	snprintf(path, sizeof(path), "%s/joined", (char *)*state);
	mkdir(path, 0700);
	assert_ok(aic_ledger_join(path, "", &checkpoint, &source, 1, NULL, NULL, &head, err));
	assert_memory_equal(&head.root, &there->root, sizeof(head.root));
	aic_source_close(&source);
}

static void strangers(void **state)
{
	aic_key stranger;
	uint8_t none[AIC_PUBLIC_LEN] = {0};

	(void)state;
	test_site_key(&stranger, 9);
	assert_fails(ask(url, &stranger, origin.member[0].public_key, err), AIC_REFUSED,
	             "it answers 403: archives are for sites whose key is on the ledger and in force");
	assert_fails(ask(url, &origin.member[2], origin.member[1].public_key, err), AIC_REFUSED,
	             "it does not show the site key that is expected there");
	assert_fails(ask(url, &origin.member[2], none, err), AIC_REFUSED, "it does not show the site key");
	assert_ok(ask(url, &origin.member[2], origin.member[0].public_key, err));
}

static void other_paths(void **state)
{
	char at[100];

	(void)state;
	snprintf(at, sizeof(at), "%s/x", url);
	assert_fails(ask(at, &origin.member[2], origin.member[0].public_key, err), AIC_UNREACHABLE,
	             "it answers 404: ask for /aic/v1/blocks/HEIGHT");
}

/* --- servers that are no good --- */

typedef struct {
	struct MHD_Daemon *http;
	aic_bytes certificate, key;
	char url[64];
	useconds_t pause; /* before each byte; 0: as many bytes as there is room for */
} bad_server;

static ssize_t give(void *ctx, uint64_t at, char *buf, size_t max)
{
	const bad_server *b = ctx;

	(void)at;
	if (b->pause)
		usleep(b->pause);
	memset(buf, 'x', b->pause ? 1 : max);
	return b->pause ? 1 : (ssize_t)max;
}

static enum MHD_Result handle_badly(void *ctx, struct MHD_Connection *c, const char *path, const char *method, const char *version,
                                    const char *upload, size_t *upload_size, void **request)
{
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, give, ctx, NULL);
	enum MHD_Result rc = MHD_queue_response(c, MHD_HTTP_OK, r);

	(void)path, (void)method, (void)version, (void)upload, (void)upload_size, (void)request;
	MHD_destroy_response(r);
	return rc;
}

static void bad_start(bad_server *b, const aic_key *key)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int port = free_port(NULL);

	a.sin_port = htons((uint16_t)port);
	snprintf(b->url, sizeof(b->url), "https://127.0.0.1:%d", port);
	assert_ok(aic_certificate_make(key, &b->certificate, &b->key, err));
	b->http = MHD_start_daemon(MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle_badly, b, MHD_OPTION_SOCK_ADDR, &a,
	                           MHD_OPTION_HTTPS_MEM_KEY, b->key.data, MHD_OPTION_HTTPS_MEM_CERT, b->certificate.data, MHD_OPTION_END);
	assert_non_null(b->http);
}

static void bad_stop(bad_server *b)
{
	MHD_stop_daemon(b->http);
	aic_bytes_free(&b->certificate);
	aic_certificate_wipe(&b->key);
}

static void too_much(void **state)
{
	bad_server b = {.pause = 0};

	(void)state;
	bad_start(&b, &origin.member[1]);
	assert_fails(ask(b.url, &origin.member[2], origin.member[1].public_key, err), AIC_CORRUPT,
	             "it answers with more than 5767232 bytes where 4194304 were asked for");
	bad_stop(&b);
}

static void too_slow(void **state)
{
	bad_server b = {.pause = 50000};

	(void)state;
	bad_start(&b, &origin.member[1]);
	assert_fails(ask(b.url, &origin.member[2], origin.member[1].public_key, err), AIC_UNREACHABLE, "it is too slow");
	bad_stop(&b);
}

static void silent(void **state)
{
	char at[64];
	int fd;

	(void)state;
	snprintf(at, sizeof(at), "https://127.0.0.1:%d", free_port(&fd));
	assert_fails(ask(at, &origin.member[2], origin.member[1].public_key, err), AIC_UNREACHABLE, "it is too slow");
	close(fd);
	assert_fails(ask(at, &origin.member[2], origin.member[1].public_key, err), AIC_UNREACHABLE, "connect");
}

static void addresses(void **state)
{
	aic_archive_server *s;

	(void)state;
	assert_fails(aic_archive_server_start(&s, "nowhere.invalid:1", origin.dir, &origin.member[0], err), AIC_USAGE, "nowhere.invalid");
	assert_fails(aic_archive_server_start(&s, "192.0.2.1:65000", origin.dir, &origin.member[0], err), AIC_SYSTEM,
	             "cannot serve the archive on 192.0.2.1:65000");
	assert_fails(aic_archive_server_start(&s, strstr(url, "127"), origin.dir, &origin.member[0], err), AIC_SYSTEM, "the port free");
}

/* --- a copy that was left behind --- */

static void open_copy(const char *path, aic_state **copy, aic_archive *archive)
{
	char file[320];

	snprintf(file, sizeof(file), "%s/state.db", path);
	assert_ok(aic_state_open(copy, file, AIC_DB_DURABLE, err));
	snprintf(file, sizeof(file), "%s/archive.db", path);
	assert_ok(aic_archive_open(archive, file, err));
}

static void add_peer(aic_archive_config *c, const char *at, const aic_key *key)
{
	aic_str_copy(c->peer[c->n_peers].url, sizeof(c->peer[0].url), at);
	memcpy(c->peer[c->n_peers++].key, key->public_key, AIC_PUBLIC_LEN);
}

static void left_behind(void **state)
{
	aic_archive_config config = {.n_peers = 0};
	bad_server liar = {.pause = 0};
	aic_archive archive;
	aic_state *copy;
	size_t peer = 0;
	char path[300];

	join_to(*state, 100, path);
	open_copy(path, &copy, &archive);
	assert_int_equal(archive.next, 101);
	bad_start(&liar, &origin.member[1]);
	add_peer(&config, liar.url, &origin.member[1]);
	assert_fails(aic_archive_fetch(copy, &archive, &config, &origin.member[2], &peer, 3000, err), AIC_CORRUPT, liar.url);
	add_peer(&config, url, &origin.member[0]);
	assert_ok(aic_archive_fetch(copy, &archive, &config, &origin.member[2], &peer, 3000, err));
	assert_int_equal(peer, 1); /* it is asked again first */
	assert_memory_equal(&aic_state_head(copy)->root, &aic_state_head(origin.site.state)->root, AIC_HASH_LEN);
	assert_int_equal(archive.next, BLOCKS + 1);
	config.peer[0] = config.peer[1];
	config.n_peers = 1;
	assert_fails(aic_archive_fetch(copy, &archive, &config, &origin.member[2], &peer, 3000, err), AIC_NOT_FOUND,
	             "this site's copy ends at height 150, the log begins above it, and no archive of 1 peers goes on from there");
	aic_state_close(copy);
	aic_archive_close(&archive);
	bad_stop(&liar);
}

/* The site has changed its key since aic.yaml was written: the ledger says to which. */
static void a_key_that_was_rotated(void **state)
{
	uint8_t pin[AIC_PEER_PINS_MAX][AIC_PUBLIC_LEN];
	archive_site s;
	aic_bytes body = {0};
	aic_posted posted;
	aic_key next;

	(void)state;
	archive_site_make(&s);
	archive_grow(&s, 1);
	assert_int_equal(aic_peer_pins(s.site.state, s.member[0].public_key, pin), 1);
	assert_memory_equal(pin[0], s.member[0].public_key, AIC_PUBLIC_LEN);
	test_site_key(&next, 7);
	aic_key_rotate_body(&body, next.public_key);
	assert_ok(aic_chain_post(&s.site.chain, AIC_TX_KEY_ROTATE, &body, &posted, err));
	size_t n = aic_peer_pins(s.site.state, s.member[0].public_key, pin);
	assert_true(n >= 1);
	assert_memory_equal(pin[n - 1], next.public_key, AIC_PUBLIC_LEN);
	assert_int_equal(aic_peer_pins(s.site.state, next.public_key, pin), 1);
	aic_bytes_free(&body);
	archive_site_remove(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_joins), TEST(strangers), TEST(other_paths), TEST(too_much),    TEST(too_slow),
		TEST(silent),         TEST(addresses), TEST(left_behind), TEST(a_key_that_was_rotated),
	};

	return cmocka_run_group_tests_name("ledger archive over HTTPS", tests, start, stop);
}
