/* Checkpoints: whole, damaged, foreign. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "mpi-runner/checkpoint.h"

enum { N = 1000 };

typedef struct {
	char folder[64];
	float section[3][N];
	aic_checkpoint c;
} place;

/* A segment of three steps that ends here. */
static void fill(place *p, uint64_t step)
{
	const aic_hash opening = {{9}};

	aic_segment_begin(&p->c.segment, &opening, step - 3);
	for (int i = 0; i < 3; i++)
		aic_segment_add(&p->c.segment, (float)i, (float)step);
	for (int s = 0; s < 3; s++)
		for (int i = 0; i < N; i++)
			p->section[s][i] = (float)(s * 10000 + i) + (float)step * 0.5f;
	p->c.state.step = step;
	p->c.state.chain = p->c.segment.now;
}

static int set_up(void **state)
{
	place *p = calloc(1, sizeof(*p));
	strcpy(p->folder, "/tmp/aic-checkpoint-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->c = (aic_checkpoint){.state = {.identity = {{7}}, .parameters = N, .sections = 3, .epoch = 4, .sample = 5, .seed = 6,
	                                  .power1 = 50, .power2 = 25}, .section = {p->section[0], p->section[1], p->section[2]}};
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	place *p = *state;
	aic_checkpoint_clear(p->folder);
	assert_int_equal(rmdir(p->folder), 0); /* nothing else lies there */
	aic_segment_free(&p->c.segment);
	free(p);
	return 0;
}

static void save(place *p, uint64_t step)
{
	aic_error err;
	fill(p, step);
	assert_int_equal(aic_checkpoint_save(&p->c, NULL, p->folder, 2, &err), AIC_OK);
}

static void path_of(const place *p, uint64_t step, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/step-%010llu.aickpt", p->folder, (unsigned long long)step);
}

static aic_code load(place *p, aic_error *damaged, aic_error *err)
{
	memset(p->section, 0, sizeof(p->section));
	p->c.state.step = 0;
	p->c.state.power1 = p->c.state.power2 = 0;
	return aic_checkpoint_load(&p->c, p->folder, damaged, err);
}

static void the_newest_comes_back_and_old_ones_go(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_error err;

	assert_int_equal(load(p, NULL, &err), AIC_NOT_FOUND);
	p->c.state.power1 = 50;
	p->c.state.power2 = 25;
	save(p, 10);
	save(p, 20);
	save(p, 100);
	path_of(p, 10, path);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.state.step, 100);
	assert_int_equal(p->c.state.power1, 50);
	assert_int_equal(p->c.state.power2, 25);
	assert_int_equal(p->c.state.sample, 5);
	assert_int_equal(p->c.segment.n, 3);
	assert_int_equal(p->c.segment.first, 97);
	assert_true(p->section[2][3] == 20003.0f + 50.0f);
}

/* One byte flipped anywhere is noticed, and the older checkpoint serves. */
static void a_flipped_byte_is_found_anywhere(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_error err, damaged;
	struct stat st;

	save(p, 10);
	save(p, 20);
	path_of(p, 20, path);
	assert_int_equal(stat(path, &st), 0);
	size_t sections = (size_t)st.st_size - 3 * N * sizeof(float), unchecked = 0;
	for (off_t at = 0; at < st.st_size; at += (size_t)at < sections ? 1 : 997) {
		uint8_t byte;
		int fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x20;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		assert_int_equal(load(p, &damaged, &err), AIC_OK);
		if (p->c.state.step == 10)
			assert_non_null(strstr(damaged.message, path));
		else
			unchecked++;
		byte ^= 0x20;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	assert_true(unchecked < 64); /* the zeros before the sections */
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.state.step, 20);
}

static void truncation_is_found(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_error err;

	save(p, 20);
	path_of(p, 20, path);
	for (off_t len = 5000; len >= 0; len -= 313) {
		assert_int_equal(truncate(path, len), 0);
		assert_int_equal(load(p, NULL, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, "truncated"));
		assert_non_null(strstr(err.message, "none of the 1 checkpoint(s)"));
		assert_non_null(strstr(err.message, "--fresh"));
	}
}

static void another_training_is_refused(void **state)
{
	place *p = *state;
	aic_error err;

	save(p, 20);
	p->c.state.identity.b[0] = 8;
	assert_int_equal(load(p, NULL, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "another model"));
	assert_non_null(strstr(err.message, "--fresh"));
	p->c.state.identity.b[0] = 7;
	p->c.state.parameters = N - 1;
	assert_int_equal(load(p, NULL, &err), AIC_REFUSED);
	p->c.state.parameters = N;
}

/* What stands in a checkpoint is read without knowing its training, and its root is that of the state and the values. */
static void its_root_can_be_checked(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_checkpoint found;
	aic_hash root, leaf[3];
	aic_error err;

	save(p, 20);
	assert_true(aic_checkpoint_newest(p->folder, path, sizeof(path)));
	assert_int_equal(aic_checkpoint_check(&found, &root, path, &err), AIC_OK);
	assert_int_equal(found.state.step, 20);
	assert_int_equal(found.segment.n, 3);
	for (int i = 0; i < 3; i++)
		leaf[i] = aic_commit_leaf(p->section[i], N);
	aic_hash want = aic_commit_root(&p->c.state, leaf);
	assert_true(aic_hash_equal(&root, &want));
	aic_segment_free(&found.segment);
}

/* What a killed training had begun to write is swept away; no checkpoint is. */
static void what_was_begun_is_removed(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_error err;

	save(p, 20);
	snprintf(path, sizeof(path), "%s/.saving-elsewhere-17", p->folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	aic_checkpoint_tidy(p->folder);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(load(p, NULL, &err), AIC_OK);
}

static void no_room_leaves_the_old_one(void **state)
{
	place *p = *state;
	struct rlimit old, small = {4096, 4096};
	aic_error err;

	save(p, 20);
	fill(p, 30);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	aic_code rc = aic_checkpoint_save(&p->c, NULL, p->folder, 2, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_not_equal(rc, AIC_OK);
	assert_non_null(strstr(err.message, "make room"));
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.state.step, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_comes_back_and_old_ones_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flipped_byte_is_found_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truncation_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_training_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(its_root_can_be_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_begun_is_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_leaves_the_old_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
