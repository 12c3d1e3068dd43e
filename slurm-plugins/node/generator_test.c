/* generator_test.c: what a node draws, what it signs and what it never signs, also where it is killed in between. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cbor.h"
#include "common/file.h"
#include "common/lottery.h"
#include "slurm-plugins/node/generator.h"
#include "slurm-plugins/node/signed.h"
#include "slurm-plugins/node/steps.h"

static const aic_hash chain = { { 7 } }, other_chain = { { 8 } };

static void open_state(aic_generator_state *s, const char *dir)
{
	uint8_t secret[AIC_SECRET_LEN] = { 1 };

	memset(s, 0, sizeof(*s));
	aic_key_from_secret(&s->key, secret);
	secret[0] = 2;
	aic_key_from_secret(&s->vrf, secret);
	snprintf(s->node_dir, sizeof(s->node_dir), "%s", dir);
}

/* what: any byte, which makes one header another. */
static void header_task(aic_task *t, const aic_generator_state *s, const aic_hash *of, uint64_t height, uint8_t what)
{
	aic_hash any = { { what } };
	uint8_t id[AIC_NODE_ID_LEN];

	aic_task_clear(t);
	t->kind = AIC_TASK_BLOCK;
	t->height = height;
	aic_node_id(id, s->key.public_key);
	aic_cbor_put_array(&t->bytes, 13);
	aic_cbor_put_uint(&t->bytes, 1);
	aic_cbor_put_bytes(&t->bytes, of->b, AIC_HASH_LEN);
	aic_cbor_put_uint(&t->bytes, height);
	aic_cbor_put_bytes(&t->bytes, any.b, AIC_HASH_LEN);
	aic_cbor_put_uint(&t->bytes, 1000);
	for (int i = 0; i < 4; i++)
		aic_cbor_put_bytes(&t->bytes, any.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&t->bytes, id, sizeof(id));
	aic_cbor_put_bytes(&t->bytes, any.b, 0);
	aic_cbor_put_bytes(&t->bytes, any.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&t->bytes, s->proof, AIC_VRF_PROOF_LEN);
}

static void attestation_task(aic_task *t, uint64_t height, uint8_t what)
{
	aic_hash any = { { what } };

	aic_task_clear(t);
	t->kind = AIC_TASK_ATTEST;
	t->height = height;
	aic_cbor_put_uint(&t->bytes, 1);
	aic_cbor_put_bytes(&t->bytes, chain.b, AIC_HASH_LEN);
	aic_cbor_put_uint(&t->bytes, height);
	aic_cbor_put_bytes(&t->bytes, any.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&t->bytes, any.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&t->bytes, any.b, 16);
}

/* The node draws for that height, one of so many. */
static void draw(aic_generator_state *s, uint64_t height, uint64_t nodes)
{
	aic_task t = { .kind = AIC_TASK_DRAW, .height = height, .beacon = chain, .nodes = nodes };

	aic_generator_draw(s, &t);
}

static void refused(aic_generator_state *s, const aic_task *t, aic_code code, const char *why)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_error err = { 0 };

	assert_int_equal(aic_generator_sign(s, t, signature, &err), code);
	if (!strstr(err.message, why))
		fail_msg("said: %s", err.message);
}

static void test_a_draw_is_the_vrfs_of_beacon_and_height(void **state)
{
	uint8_t input[AIC_LOTTERY_INPUT_LEN], output[AIC_VRF_OUTPUT_LEN];
	aic_generator_state s;
	size_t won = 0;

	open_state(&s, *state);
	for (uint64_t height = 1; height <= 300; height++) {
		draw(&s, height, 30);
		aic_lottery_input(input, &chain, height);
		assert_true(aic_vrf_verify(output, s.vrf.public_key, s.proof, input, sizeof(input)));
		assert_int_equal(s.wins, aic_lottery_wins(aic_lottery_draw(output), 30));
		assert_int_equal(s.drawn, height);
		won += s.wins;
	}
	assert_in_range(won, 10, 60); /* 30 expected, sd 5.2 */
	draw(&s, 301, 1);
	assert_true(s.wins);
	draw(&s, 302, 0);
	assert_false(s.wins);
}

static void test_one_header_a_height(void **state)
{
	uint8_t signature[AIC_SIGNATURE_LEN], again[AIC_SIGNATURE_LEN];
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, *state);
	draw(&s, 5, 1);
	header_task(&t, &s, &chain, 5, 1);
	assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_OK);
	assert_true(aic_verify(signature, s.key.public_key, AIC_BLOCK_DOMAIN, t.bytes.data, t.bytes.len));
	assert_int_equal(aic_generator_sign(&s, &t, again, NULL), AIC_OK);
	assert_memory_equal(signature, again, sizeof(again));
	header_task(&t, &s, &chain, 5, 2);
	refused(&s, &t, AIC_REFUSED, "this node has signed another block of height 5, and signs no second one");
	draw(&s, 4, 1);
	header_task(&t, &s, &chain, 4, 1);
	refused(&s, &t, AIC_REFUSED, "this node has signed the block of height 5, and signs none of height 4 any more");
	draw(&s, 6, 1);
	header_task(&t, &s, &chain, 6, 2);
	assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_OK);
	draw(&s, 3, 1); /* another ledger has its own heights */
	header_task(&t, &s, &other_chain, 3, 2);
	assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_OK);
	aic_task_clear(&t);
}

static void test_one_attestation_a_height(void **state)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, *state);
	attestation_task(&t, 5, 1);
	assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_OK);
	assert_true(aic_verify(signature, s.key.public_key, AIC_ATTESTATION_DOMAIN, t.bytes.data, t.bytes.len));
	attestation_task(&t, 5, 2);
	refused(&s, &t, AIC_REFUSED, "this node has signed another attestation of height 5, and signs no second one");
	draw(&s, 5, 1); /* a header of that height is another thing */
	header_task(&t, &s, &chain, 5, 1);
	assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_OK);
	aic_task_clear(&t);
}

static void test_only_what_was_drawn_and_won(void **state)
{
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, *state);
	header_task(&t, &s, &chain, 5, 1);
	refused(&s, &t, AIC_REFUSED, "height 5 holds another proof than this node drew");
	draw(&s, 5, 1);
	refused(&s, &t, AIC_REFUSED, "height 5 holds another proof than this node drew");
	header_task(&t, &s, &chain, 6, 1); /* the proof of another height */
	refused(&s, &t, AIC_REFUSED, "height 6 holds another proof than this node drew");
	draw(&s, 7, UINT64_MAX);
	assert_false(s.wins);
	header_task(&t, &s, &chain, 7, 1);
	refused(&s, &t, AIC_REFUSED, "height 7 holds another proof than this node drew");
	aic_task_clear(&t);
}

static void test_only_the_ledger_of_aic_yaml(void **state)
{
	char hex[2 * AIC_HASH_LEN + 1];
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, *state);
	aic_hash_hex(hex, &chain);
	snprintf(s.chain, sizeof(s.chain), "%s", hex);
	draw(&s, 5, 1);
	header_task(&t, &s, &other_chain, 5, 1);
	refused(&s, &t, AIC_REFUSED, "aic.yaml's ledger.chain is 0700000000000000...: it signs nothing for another");
	aic_task_clear(&t);
}

static void test_a_record_that_cannot_be_read_stops_signing(void **state)
{
	char dir[300], path[400], hex[2 * AIC_HASH_LEN + 1];
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, *state);
	aic_hash_hex(hex, &chain);
	snprintf(dir, sizeof(dir), "%s/" AIC_SIGNED_DIR, (char *)*state);
	assert_int_equal(aic_dir_make(dir, 0700, NULL), AIC_OK);
	snprintf(path, sizeof(path), "%s/%s.attestation", dir, hex);
	assert_int_equal(aic_file_write_atomic(path, "aic-signed 1 9\n", 15, 0600, NULL), AIC_OK);
	attestation_task(&t, 10, 1);
	refused(&s, &t, AIC_CORRUPT, "does not say what this node's key has signed, so it signs nothing: move node.key away");
	aic_task_clear(&t);
}

/* --- kill -9 --- */

#define KILLS 20

/* Signs height after height and tells each signature, as to aicledgerd. */
static void sign_on(const char *dir, uint64_t from, int out)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_generator_state s;
	aic_task t = { 0 };

	open_state(&s, dir);
	for (uint64_t height = from;; height++) {
		draw(&s, height, 1);
		header_task(&t, &s, &chain, height, 1);
		if (aic_generator_sign(&s, &t, signature, NULL) || write(out, &height, sizeof(height)) != sizeof(height))
			_exit(1);
	}
}

/* The last height whose signature left a child that was killed after n. */
static uint64_t kill_after(const char *dir, uint64_t from, uint64_t n)
{
	uint64_t height = 0, last = 0;
	int fd[2], status;
	pid_t child;

	assert_int_equal(pipe(fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		sign_on(dir, from, fd[1]);
	close(fd[1]);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(read(fd[0], &height, sizeof(height)), sizeof(height));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	for (last = height; read(fd[0], &height, sizeof(height)) == sizeof(height);)
		last = height;
	close(fd[0]);
	return last;
}

static void test_killed_anywhere_it_signs_no_second_header(void **state)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	uint64_t seed = 1106, from = 1, last;
	aic_generator_state s;
	aic_task t = { 0 };

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < KILLS; i++) {
		last = kill_after(*state, from, 1 + test_random(&seed) % 10);
		open_state(&s, *state);
		draw(&s, last, 1);
		header_task(&t, &s, &chain, last, 2); /* what aicledgerd builds anew */
		assert_int_equal(aic_generator_sign(&s, &t, signature, NULL), AIC_REFUSED);
		from = last + 2; /* the next one may have been signed and kept, though nobody has heard of it */
	}
	aic_task_clear(&t);
}

/* --- who is asked --- */

static void test_steps_that_are_over_leave_nothing(void **state)
{
	aic_step alive = { .job_id = 1, .stepd = getpid() }, over = { .job_id = 2, .stepd = getpid() };
	char path[400];
	pid_t parent;

	assert_false(aic_steps_running(*state));
	assert_int_equal(aic_step_announce_running(*state, &alive, NULL), AIC_NOT_FOUND);
	assert_int_equal(aic_steps_expect(*state, NULL), AIC_OK);
	assert_true(aic_process_read(getpid(), &parent, &alive.stepd_started));
	over.stepd_started = alive.stepd_started + 1;
	assert_int_equal(aic_step_announce_running(*state, &over, NULL), AIC_OK);
	assert_false(aic_steps_running(*state));
	snprintf(path, sizeof(path), "%s/" AIC_RUNNING_DIR "/2.0.0.step", (char *)*state);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(aic_step_announce_running(*state, &alive, NULL), AIC_OK);
	assert_true(aic_steps_running(*state));
}

/* aicledgerd is not there, and the VRF key is made. */
static void test_who_cannot_draw_says_why(void **state)
{
	char path[300];
	uint8_t secret[AIC_SECRET_LEN] = { 1 };
	aic_key key;
	aic_node_generator_options o = { .node_dir = *state, .key = &key, .address = "/nonexistent/ledger.sock", .chain = "" };
	aic_node_hello hello = { 0 };
	aic_node_generator *g;
	struct stat st;

	aic_key_from_secret(&key, secret);
	g = aic_node_generator_start(&o);
	assert_true(aic_node_generator_hello(g, &hello));
	for (int i = 0; !hello.trouble[0] && i < 1000; i++) {
		usleep(10000);
		aic_node_generator_hello(g, &hello);
	}
	assert_non_null(strstr(hello.trouble, "does not answer at /nonexistent/ledger.sock"));
	assert_true(hello.draws && aic_vrf_key_valid(hello.vrf));
	assert_false(aic_node_generator_hello(g, &hello));
	aic_node_generator_stop(g);
	snprintf(path, sizeof(path), "%s/" AIC_NODE_VRF_KEY, (char *)*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(path, 0644), 0);
	g = aic_node_generator_start(&o);
	assert_true(aic_node_generator_hello(g, &hello));
	assert_false(hello.draws);
	assert_non_null(strstr(hello.trouble, "has mode 0644, so that others could read it: chmod 0600"));
	aic_node_generator_stop(g);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(aic_key_write(&key, path, NULL, NULL), AIC_OK);
	g = aic_node_generator_start(&o);
	aic_node_generator_hello(g, &hello);
	assert_non_null(strstr(hello.trouble, "is the node's signing key: remove it and restart aicnoded"));
	aic_node_generator_stop(g);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_a_draw_is_the_vrfs_of_beacon_and_height),
		IN_FOLDER(test_one_header_a_height),
		IN_FOLDER(test_one_attestation_a_height),
		IN_FOLDER(test_only_what_was_drawn_and_won),
		IN_FOLDER(test_only_the_ledger_of_aic_yaml),
		IN_FOLDER(test_a_record_that_cannot_be_read_stops_signing),
		IN_FOLDER(test_killed_anywhere_it_signs_no_second_header),
		IN_FOLDER(test_steps_that_are_over_leave_nothing),
		IN_FOLDER(test_who_cannot_draw_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
