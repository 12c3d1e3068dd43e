/* Verification: what honest sessions and cheating ones are told, and which step is named. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "mpi-runner/verify.h"
#include "mpi-runner/verify_testing.h"

enum { STEPS = 20, EVERY = 5, SEGMENTS = STEPS / EVERY };

typedef struct {
	char folder[PATH_MAX], spec[PATH_MAX], question[PATH_MAX];
	trained t;
} fixture;

static fixture f;

static int set_up(void **state)
{
	assert_int_equal(test_folder_make(state), 0);
	const char *base = *state;

	snprintf(f.folder, sizeof(f.folder), "%s/session", base);
	snprintf(f.question, sizeof(f.question), "%s/question", base);
	assert_int_equal(mkdir(f.folder, 0700), 0);
	verify_testing_spec(f.spec, base, STEPS, EVERY);
	return 0;
}

static aic_verification_result judge(size_t first, size_t n)
{
	aic_verify_options o = {.question = f.question, .folder = f.folder, .quiet = true};
	aic_verification_result r;
	aic_collective *c;
	aic_error err = {0};
	bool stopped;

	verify_testing_ask(&f.t, first, n, f.question);
	assert_int_equal(aic_collective_self(&c, &err), AIC_OK);
	if (aic_verify_session(c, &o, &r, &stopped, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_collective_close(c);
	assert_false(stopped);
	assert_memory_equal(r.session.b, f.t.file.session.b, AIC_HASH_LEN);
	return r;
}

static void assert_found(size_t first, size_t n, aic_found result, uint64_t segment, uint64_t step, const char *within)
{
	aic_verification_result r = judge(first, n);

	if (r.result != result || r.segment != segment || r.step != step || !strstr(r.note, within))
		fail_msg("%s segment %llu step %llu: %s", aic_found_name(r.result), (unsigned long long)r.segment, (unsigned long long)r.step, r.note);
}

static void train(const cheating *how)
{
	verify_testing_train(&f.t, f.folder, f.spec, 1, how);
}

static void honest_sessions_agree(void **state)
{
	(void)state;
	train(NULL);
	assert_int_equal(f.t.asked.n, SEGMENTS);
	assert_found(0, SEGMENTS, AIC_FOUND_AGREES, 0, 0, "");
	assert_int_equal(judge(0, SEGMENTS).steps, STEPS);
	for (size_t i = 0; i < SEGMENTS; i++)
		assert_found(i, 1, AIC_FOUND_AGREES, 0, 0, "");
}

static void a_forged_weight_is_found(void **state)
{
	(void)state;
	train(&(cheating){.forges = true, .at = 12});
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 2, 13, "other bits");
	assert_found(3, 1, AIC_FOUND_AGREES, 0, 0, ""); /* what follows from it was computed */
}

static void a_skipped_step_is_found(void **state)
{
	(void)state;
	for (uint64_t at = 5; at < 10; at++) {
		train(&(cheating){.skips = true, .at = at});
		assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 1, at + 1, "other bits");
		assert_found(0, 1, AIC_FOUND_AGREES, 0, 0, "");
	}
}

static void another_order_of_data_is_found(void **state)
{
	(void)state;
	train(&(cheating){.reorders = true, .at = 17});
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 3, 18, "other bits");
}

static void another_seed_is_found(void **state)
{
	(void)state;
	train(&(cheating){.another_seed = 1});
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 0, 1, "did not begin");
	assert_found(2, 1, AIC_FOUND_DIFFERS, 2, 11, "another model, data, seed");
}

/* Checkpoints that say what is expected of them hold the weights of another run all the same. */
static void weights_of_another_run_are_found(void **state)
{
	(void)state;
	train(&(cheating){.another_seed = 1, .conceals = true});
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 0, 1, "did not begin");
	assert_found(2, 1, AIC_FOUND_DIFFERS, 2, 11, "other bits");
}

static void fewer_shards_are_found(void **state)
{
	(void)state;
	train(&(cheating){.shards = 2});
	assert_found(1, 1, AIC_FOUND_DIFFERS, 1, 6, "number of shards");
	train(&(cheating){.shards = 2, .conceals = true});
	aic_verification_result r = judge(0, SEGMENTS);
	assert_int_equal(r.result, AIC_FOUND_DIFFERS);
	assert_int_equal(r.segment, 0);
	assert_in_range(r.step, 1, EVERY);
	train(NULL);
	f.t.asked.shards = 8;
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 0, 1, "4 shards, the session was opened with 8");
}

static void a_session_played_again_under_another_id_is_found(void **state)
{
	(void)state;
	train(NULL);
	f.t.file.session.b[0] = f.t.asked.session.b[0] = 99;
	assert_found(0, SEGMENTS, AIC_FOUND_DIFFERS, 0, 1, "did not begin");
	assert_found(1, 1, AIC_FOUND_DIFFERS, 1, 6, "another model, data, seed");
}

static void more_steps_than_specified_are_found(void **state)
{
	(void)state;
	train(NULL);
	f.t.asked.segment[3].to.step = STEPS + 3;
	assert_found(3, 1, AIC_FOUND_DIFFERS, 3, STEPS + 1, "beyond the end");
}

/* The root stands for a checkpoint that nobody shows: it is wrong all the same, at the latest where it stands. */
static void a_concealed_end_does_not_help(void **state)
{
	char path[PATH_MAX];

	(void)state;
	train(&(cheating){.skips = true, .at = 6});
	aic_checkpoint_path(path, f.folder, 10);
	assert_int_equal(unlink(path), 0);
	assert_found(1, 1, AIC_FOUND_DIFFERS, 1, 10, "other bits");
}

/* --- what is not handed out --- */

static void damage(const char *path, long at)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	int byte = fgetc(file);
	assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
	fputc(byte ^ 1, file);
	assert_int_equal(fclose(file), 0);
}

static void damaged_or_missing_checkpoints_are_withheld(void **state)
{
	char path[PATH_MAX], other[PATH_MAX];

	(void)state;
	train(NULL);
	aic_checkpoint_path(path, f.folder, 10);
	damage(path, -5);
	assert_found(0, SEGMENTS, AIC_FOUND_WITHHELD, 2, 0, "is damaged");
	assert_int_equal(unlink(path), 0);
	assert_found(2, 1, AIC_FOUND_WITHHELD, 2, 0, "cannot be opened");
	aic_checkpoint_path(other, f.folder, 15);
	assert_int_equal(link(other, path), 0);
	assert_found(2, 1, AIC_FOUND_WITHHELD, 2, 0, "not the checkpoint that was committed to");
	assert_found(0, 2, AIC_FOUND_AGREES, 0, 0, "");
}

static void what_is_not_as_committed_is_withheld(void **state)
{
	static const char *const names[] = {AIC_SESSION_SPEC, AIC_SESSION_FILE};
	static const char *const within[] = {"specification", "session's file"};
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		train(NULL);
		assert_int_equal(aic_path_join(path, sizeof(path), f.folder, names[i], NULL), AIC_OK);
		damage(path, 3);
		assert_found(1, 2, AIC_FOUND_WITHHELD, 1, 0, within[i]);
		assert_int_equal(unlink(path), 0);
		assert_found(1, 2, AIC_FOUND_WITHHELD, 1, 0, "");
	}
	train(NULL);
	f.t.asked.code.b[0] ^= 1;
	assert_found(1, 2, AIC_FOUND_WITHHELD, 1, 0, "the release that the session's file names");
}

static void what_this_site_cannot_tell_is_declined(void **state)
{
	char path[PATH_MAX];

	train(NULL);
	snprintf(path, sizeof(path), "%s/data.txt", (char *)*state);
	damage(path, 100);
	assert_found(1, 2, AIC_FOUND_DECLINED, 0, 0, "the data at hand");
	assert_int_equal(unlink(path), 0);
	assert_found(1, 2, AIC_FOUND_DECLINED, 0, 0, "cannot be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(honest_sessions_agree, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_forged_weight_is_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_skipped_step_is_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(another_order_of_data_is_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(another_seed_is_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(weights_of_another_run_are_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(fewer_shards_are_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_session_played_again_under_another_id_is_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(more_steps_than_specified_are_found, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_concealed_end_does_not_help, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(damaged_or_missing_checkpoints_are_withheld, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(what_is_not_as_committed_is_withheld, set_up, test_folder_remove),
		cmocka_unit_test_setup_teardown(what_this_site_cannot_tell_is_declined, set_up, test_folder_remove),
	};

	return cmocka_run_group_tests_name("mpi-runner/verify", tests, NULL, NULL);
}
