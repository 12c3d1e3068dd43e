/* Commitments: what is in a root, who hashes what, and that ranks, threads and moments change none of it. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <unistd.h>

#include "common/merkle.h"
#include "mpi-runner/saver.h"

enum { PARAMETERS = 2 * AIC_COMMIT_CHUNK + 77, SECTIONS = 3, CHUNKS = 9 };

static float values[SECTIONS][PARAMETERS];

static aic_checkpoint example(uint64_t step)
{
	uint64_t seed = step;
	aic_checkpoint c = {.state = {.identity = {{1}}, .step = step, .parameters = PARAMETERS, .sections = SECTIONS, .seed = 5}};

	for (int s = 0; s < SECTIONS; s++) {
		c.section[s] = values[s];
		for (int i = 0; i < PARAMETERS; i++)
			values[s][i] = (float)(int32_t)test_random(&seed);
	}
	return c;
}

static aic_hash root_of(const aic_checkpoint *c)
{
	aic_hash leaf[CHUNKS];

	for (size_t i = 0; i < CHUNKS; i++) {
		aic_commit_place p = aic_commit_where(PARAMETERS, i);
		leaf[i] = aic_commit_leaf(c->section[p.section] + p.at, p.n);
	}
	return aic_commit_root(&c->state, leaf);
}

/* The chunks of all sections cover every value once, and the ranks' shares every chunk once. */
static void every_value_is_in_one_leaf(void **state)
{
	size_t next[SECTIONS] = {0};

	(void)state;
	assert_int_equal(aic_commit_chunks(PARAMETERS, SECTIONS), CHUNKS);
	for (size_t i = 0; i < CHUNKS; i++) {
		aic_commit_place p = aic_commit_where(PARAMETERS, i);
		assert_int_equal(p.at, next[p.section]);
		next[p.section] += p.n;
	}
	for (int s = 0; s < SECTIONS; s++)
		assert_int_equal(next[s], PARAMETERS);
	for (unsigned ranks = 1; ranks < 20; ranks++) {
		assert_int_equal(aic_commit_begin(CHUNKS, ranks, 0), 0);
		assert_int_equal(aic_commit_begin(CHUNKS, ranks, ranks), CHUNKS);
		for (unsigned r = 0; r < ranks; r++)
			assert_true(aic_commit_begin(CHUNKS, ranks, r) <= aic_commit_begin(CHUNKS, ranks, r + 1));
	}
}

/* RFC 6962 over the state and the chunks, computed here from its definition. */
static void the_root_is_a_merkle_tree_of_rfc_6962(void **state)
{
	aic_checkpoint c = example(3);
	aic_hash leaf[1 + CHUNKS];
	aic_bytes text = {0};

	(void)state;
	aic_train_state_encode(&c.state, &text);
	leaf[0] = aic_merkle_leaf(text.data, text.len);
	for (size_t i = 0; i < CHUNKS; i++) {
		aic_commit_place p = aic_commit_where(PARAMETERS, i);
		uint8_t *data = malloc(1 + p.n * sizeof(float));
		data[0] = 0;
		memcpy(data + 1, values[p.section] + p.at, p.n * sizeof(float));
		leaf[1 + i] = aic_sha256_of(data, 1 + p.n * sizeof(float));
		free(data);
	}
	aic_hash want = aic_merkle_root(leaf, 1 + CHUNKS), have = root_of(&c);
	assert_true(aic_hash_equal(&want, &have));
	aic_bytes_free(&text);
}

/* Any field of the state and any one bit of the values is in the root. */
static void whatever_changes_changes_the_root(void **state)
{
	aic_checkpoint c = example(3), other = c;
	aic_hash root = root_of(&c), changed;

	(void)state;
	uint64_t *number[] = {&other.state.step, &other.state.epoch, &other.state.sample, &other.state.seed};
	for (size_t i = 0; i < 4; i++) {
		++*number[i];
		changed = root_of(&other);
		assert_false(aic_hash_equal(&root, &changed));
		--*number[i];
	}
	other.state.chain.b[31] ^= 1;
	changed = root_of(&other);
	assert_false(aic_hash_equal(&root, &changed));
	for (int s = 0; s < SECTIONS; s++) {
		for (size_t at = 0; at < PARAMETERS; at += PARAMETERS / 3) {
			uint32_t *bits = (uint32_t *)(void *)&values[s][at];
			*bits ^= 1;
			changed = root_of(&c);
			assert_false(aic_hash_equal(&root, &changed));
			*bits ^= 1;
		}
	}
	changed = root_of(&c);
	assert_true(aic_hash_equal(&root, &changed));
}

/* The definition, on paper: SHA-256 of "aic/steps/v1" and 32 times 07, then of that, step 12, 1.0f and -0.5f. */
static void the_chain_of_steps(void **state)
{
	aic_hash identity, hash;
	aic_segment s = {0};
	char hex[2 * AIC_HASH_LEN + 1];

	(void)state;
	memset(identity.b, 7, AIC_HASH_LEN);
	hash = aic_step_chain_start(&identity);
	aic_segment_begin(&s, &hash, 12);
	aic_segment_add(&s, 1.0f, -0.5f);
	aic_hash_hex(hex, &s.now);
	assert_string_equal(hex, "45451566b1be2f4519f99783e7379b53f7cc761c82e34e8dbfea745789dea419");
	aic_segment_free(&s);
}

static void the_state_survives_its_encoding(void **state)
{
	aic_train_state s = {.identity = {{3}}, .step = 1, .epoch = 2, .sample = 3, .seed = UINT64_MAX, .parameters = 4, .sections = 2,
	                     .power1 = 5, .power2 = UINT32_MAX, .chain = {{6}}}, back = {0};
	aic_bytes text = {0};
	aic_error err;

	(void)state;
	aic_train_state_encode(&s, &text);
	assert_int_equal(aic_train_state_decode(&back, text.data, text.len, &err), AIC_OK);
	assert_memory_equal(&s, &back, sizeof(s));
	assert_int_equal(aic_train_state_decode(&back, text.data, text.len - 1, &err), AIC_CORRUPT);
	size_t at = text.len - 34 - 5; /* power2, before the chain: 0x1a and 4 bytes, now 0x1b and 8 */
	aic_bytes_append(&text, "....", 4);
	memmove(text.data + at + 9, text.data + at + 5, 34);
	memcpy(text.data + at, "\x1b\0\0\0\1\0\0\0\0", 9);
	assert_int_equal(aic_train_state_decode(&back, text.data, text.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "longer than 32 bits"));
	s.sections = 4;
	aic_bytes_clear(&text);
	aic_train_state_encode(&s, &text);
	assert_int_equal(aic_train_state_decode(&back, text.data, text.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "4 sections"));
	aic_bytes_free(&text);
}

/* What is saved is the state at begin, whatever the training does to it afterwards. */
static void the_copy_stands_while_the_training_goes_on(void **state)
{
	aic_collective *c;
	aic_error err;
	aic_saved saved;
	aic_checkpoint found, now = example(0);
	aic_hash want = root_of(&now), root;
	char path[4096];

	assert_int_equal(aic_collective_self(&c, &err), AIC_OK);
	aic_saver *s = aic_saver_new(c, *state, 2);
	assert_int_equal(aic_saver_begin(s, &now, &err), AIC_OK);
	memset(values, 0xff, sizeof(values));
	assert_int_equal(aic_saver_step(s, &err), AIC_OK);
	assert_int_equal(aic_saver_finish(s, &err), AIC_OK);
	assert_true(aic_saver_done(s, &saved));
	assert_false(aic_saver_done(s, &saved));
	assert_int_equal(saved.step, 0);
	assert_true(aic_hash_equal(&saved.root, &want));
	assert_true(aic_checkpoint_newest(*state, path, sizeof(path)));
	assert_int_equal(aic_checkpoint_check(&found, &root, path, &err), AIC_OK);
	assert_true(aic_hash_equal(&root, &want));
	assert_true(aic_saver_cpu(s) > 0);
	aic_segment_free(&found.segment);
	aic_saver_free(s);
	aic_collective_close(c);
}

/* A folder that is gone: the step after says so, and finish says why. */
static void a_failed_write_is_told(void **state)
{
	aic_collective *c;
	aic_error err;
	aic_checkpoint now = example(9);
	char path[4096];

	assert_int_equal(aic_collective_self(&c, &err), AIC_OK);
	snprintf(path, sizeof(path), "%s/file", (char *)*state);
	FILE *f = fopen(path, "w");
	fclose(f);
	strcat(path, "/run");
	aic_saver *s = aic_saver_new(c, path, 2);
	assert_int_equal(aic_saver_begin(s, &now, &err), AIC_OK);
	assert_int_equal(aic_saver_step(s, &err), AIC_OK);
	for (int i = 0; i < 1000 && !aic_saver_failed(s); i++)
		usleep(10000);
	assert_true(aic_saver_failed(s));
	assert_int_not_equal(aic_saver_begin(s, &now, &err), AIC_OK);
	assert_non_null(strstr(err.message, *state));
	aic_saver_free(s);
	aic_collective_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_in_one_leaf),
		cmocka_unit_test(the_root_is_a_merkle_tree_of_rfc_6962),
		cmocka_unit_test(whatever_changes_changes_the_root),
		cmocka_unit_test(the_chain_of_steps),
		cmocka_unit_test(the_state_survives_its_encoding),
		cmocka_unit_test_setup_teardown(the_copy_stands_while_the_training_goes_on, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_failed_write_is_told, test_folder_make, test_folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
