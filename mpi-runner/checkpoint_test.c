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

static void fill(place *p, uint64_t step)
{
	for (int s = 0; s < 3; s++)
		for (int i = 0; i < N; i++)
			p->section[s][i] = (float)(s * 10000 + i) + (float)step * 0.5f;
	p->c.step = step;
}

static int set_up(void **state)
{
	place *p = calloc(1, sizeof(*p));
	strcpy(p->folder, "/tmp/aic-checkpoint-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->c = (aic_checkpoint){.identity = {{7}}, .parameters = N, .power1 = 0.5f, .power2 = 0.25f,
	                        .section = {p->section[0], p->section[1], p->section[2]}};
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	place *p = *state;
	aic_checkpoint_clear(p->folder);
	assert_int_equal(rmdir(p->folder), 0); /* nothing else lies there */
	free(p);
	return 0;
}

static void save(place *p, uint64_t step)
{
	aic_error err;
	fill(p, step);
	assert_int_equal(aic_checkpoint_save(&p->c, p->folder, 2, &err), AIC_OK);
}

static void path_of(const place *p, uint64_t step, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/step-%010llu.aickpt", p->folder, (unsigned long long)step);
}

static aic_code load(place *p, aic_error *damaged, aic_error *err)
{
	memset(p->section, 0, sizeof(p->section));
	p->c.step = 0;
	p->c.power1 = p->c.power2 = 0;
	return aic_checkpoint_load(&p->c, p->folder, damaged, err);
}

static void the_newest_comes_back_and_old_ones_go(void **state)
{
	place *p = *state;
	char path[PATH_MAX];
	aic_error err;

	assert_int_equal(load(p, NULL, &err), AIC_NOT_FOUND);
	p->c.power1 = 0.5f;
	p->c.power2 = 0.25f;
	save(p, 10);
	save(p, 20);
	save(p, 100);
	path_of(p, 10, path);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.step, 100);
	assert_true(p->c.power1 == 0.5f && p->c.power2 == 0.25f);
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
	for (off_t at = 0; at < st.st_size; at += at < 300 ? 1 : 997) {
		uint8_t byte;
		int fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x20;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		aic_code rc = load(p, &damaged, &err);
		assert_int_equal(rc, AIC_OK);
		assert_true(p->c.step == 10 ? strstr(damaged.message, path) != NULL : at >= 256 - 64 && at < 320); /* padding does not count */
		byte ^= 0x20;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.step, 20);
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
	}
}

static void another_training_is_refused(void **state)
{
	place *p = *state;
	aic_error err;

	save(p, 20);
	p->c.identity.b[0] = 8;
	assert_int_equal(load(p, NULL, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "another model"));
	assert_non_null(strstr(err.message, "--fresh"));
	p->c.identity.b[0] = 7;
	p->c.parameters = N - 1;
	assert_int_equal(load(p, NULL, &err), AIC_REFUSED);
	p->c.parameters = N;
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
	aic_code rc = aic_checkpoint_save(&p->c, p->folder, 2, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_not_equal(rc, AIC_OK);
	assert_non_null(strstr(err.message, "make room"));
	assert_int_equal(load(p, NULL, &err), AIC_OK);
	assert_int_equal(p->c.step, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_comes_back_and_old_ones_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_flipped_byte_is_found_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truncation_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_training_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_leaves_the_old_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
