/* file_test.c: files are whole or not there, also when the disk is full. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"

#define SKIPPED 77

/* The path of a file in the test's folder; valid until the next call. */
static const char *in_folder(void **state, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", (char *) *state, name);
	return path;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0600, NULL), AIC_OK);
}

static bool holds(const char *path, const void *data, size_t len)
{
	aic_bytes b = {0};
	bool same = aic_file_read(&b, path, 1 << 20, NULL) == AIC_OK && b.len == len && memcmp(b.data, data, len) == 0;

	aic_bytes_free(&b);
	return same;
}

static int entries_of(const char *path)
{
	DIR *d = opendir(path);
	int n = -2; /* . and .. */

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Runs call in a child, so that limits and mounts end with it; its value is the child's exit status. */
static int in_child(int (*call)(const char *folder), const char *folder)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(call(folder));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_write_then_read(void **state)
{
	const char *path = in_folder(state, "f");
	struct stat st;

	umask(077);
	assert_int_equal(aic_file_write_atomic(path, "a\0b", 3, 0644, NULL), AIC_OK);
	assert_true(holds(path, "a\0b", 3));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(aic_file_write_atomic(path, "", 0, 0600, NULL), AIC_OK);
	assert_true(holds(path, "", 0));
	assert_int_equal(entries_of(*state), 1);
}

static void test_read_appends_and_refuses_large(void **state)
{
	const char *path = in_folder(state, "f");
	aic_bytes b = {0};
	char message[512];
	aic_error err = {0};

	put(path, "12345");
	aic_bytes_append_str(&b, "0");
	assert_int_equal(aic_file_read(&b, path, 5, NULL), AIC_OK);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "012345", 6);
	assert_int_equal(aic_file_read(&b, path, 4, &err), AIC_FULL);
	snprintf(message, sizeof(message), "%s is larger than the 4 bytes that it may have", path);
	assert_string_equal(err.message, message);
	assert_int_equal(b.len, 6);
	aic_bytes_free(&b);
}

static void test_read_larger_than_a_chunk(void **state)
{
	const char *path = in_folder(state, "f");
	size_t len = 300001;
	char *data = aic_xmalloc(len);
	uint64_t seed = 9;

	for (size_t i = 0; i < len; i++)
		data[i] = (char) test_random(&seed);
	assert_int_equal(aic_file_write_atomic(path, data, len, 0600, NULL), AIC_OK);
	assert_true(holds(path, data, len));
	free(data);
}

static void test_read_names_what_is_missing(void **state)
{
	aic_bytes b = {0};
	char message[512];
	aic_error err = {0};

	snprintf(message, sizeof(message), "there is no file %s", in_folder(state, "none"));
	assert_int_equal(aic_file_read(&b, in_folder(state, "none"), 9, &err), AIC_NOT_FOUND);
	assert_string_equal(err.message, message);
	snprintf(message, sizeof(message), "cannot read %s: Is a directory", (char *) *state);
	assert_int_equal(aic_file_read(&b, *state, 9, &err), AIC_SYSTEM);
	assert_string_equal(err.message, message);
	aic_bytes_free(&b);
}

static void test_create_refuses_what_is_there(void **state)
{
	const char *path = in_folder(state, "f");
	aic_error err = {0};

	assert_int_equal(aic_file_create_atomic(path, "first", 5, 0600, NULL), AIC_OK);
	assert_int_equal(aic_file_create_atomic(path, "second", 6, 0600, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "is already there: it is not overwritten"));
	assert_true(holds(path, "first", 5));
	assert_int_equal(entries_of(*state), 1);
}

static void test_write_where_nothing_can_be(void **state)
{
	char path[256];
	aic_error err = {0};

	snprintf(path, sizeof(path), "%s/none/f", (char *) *state);
	assert_int_equal(aic_file_write_atomic(path, "x", 1, 0600, &err), AIC_SYSTEM);
	assert_non_null(strstr(err.message, "cannot create a temporary file in "));
	assert_non_null(strstr(err.message, "/none: No such file or directory"));
	snprintf(path, sizeof(path), "%s/", (char *) *state);
	assert_int_equal(aic_file_write_atomic(path, "x", 1, 0600, &err), AIC_USAGE);
	assert_int_equal(mkdir(in_folder(state, "d"), 0700), 0);
	assert_int_equal(aic_file_write_atomic(in_folder(state, "d"), "x", 1, 0600, &err), AIC_SYSTEM);
	assert_non_null(strstr(err.message, "cannot rename "));
	assert_int_equal(entries_of(*state), 1);
}

static int write_above_limit(const char *folder)
{
	struct rlimit limit = {4096, 4096};
	char path[256], data[8192] = {0};
	aic_error err = {0};

	snprintf(path, sizeof(path), "%s/f", folder);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return SKIPPED;
	if (aic_file_write_atomic(path, data, sizeof(data), 0600, &err) != AIC_FULL || err.code != AIC_FULL)
		return 1;
	if (!strstr(err.message, "cannot write 8192 bytes to ") || !strstr(err.message, ": File too large"))
		return 2;
	return holds(path, "old", 3) && entries_of(folder) == 1 ? 0 : 3;
}

static void test_old_file_stands_at_a_size_limit(void **state)
{
	put(in_folder(state, "f"), "old");
	assert_int_equal(in_child(write_above_limit, *state), 0);
	assert_true(holds(in_folder(state, "f"), "old", 3));
}

static int write_to_full_disk(const char *folder)
{
	static char data[262144];
	char path[256];
	aic_error err = {0};

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("aic-test", folder, "tmpfs", 0, "size=65536") < 0)
		return SKIPPED;
	snprintf(path, sizeof(path), "%s/f", folder);
	if (aic_file_write_atomic(path, "old", 3, 0600, NULL) != AIC_OK)
		return 1;
	if (aic_file_write_atomic(path, data, sizeof(data), 0600, &err) != AIC_FULL)
		return 2;
	if (!strstr(err.message, ": No space left on device"))
		return 3;
	return holds(path, "old", 3) && entries_of(folder) == 1 ? 0 : 4;
}

static void test_old_file_stands_on_a_full_disk(void **state)
{
	int status = in_child(write_to_full_disk, *state);

	if (status == SKIPPED) {
		print_message("mounting a small tmpfs is not permitted here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define VERSIONS 200
#define VERSION_LEN 20000

static int replace_many_times(const char *folder)
{
	char path[256], data[VERSION_LEN];

	snprintf(path, sizeof(path), "%s/f", folder);
	for (int i = 0; i < VERSIONS; i++) {
		memset(data, 'a' + i % 26, sizeof(data));
		if (aic_file_write_atomic(path, data, (size_t) (i % 2 ? VERSION_LEN : VERSION_LEN / 2), 0600, NULL) != AIC_OK)
			return 1;
	}
	return 0;
}

/* A reader sees some whole version at every instant. */
static void test_readers_see_whole_files(void **state)
{
	const char *path = in_folder(state, "f");
	int status = 0, reads = 0;
	aic_bytes b = {0};

	assert_int_equal(aic_file_write_atomic(path, "a", 1, 0600, NULL), AIC_OK);
	pid_t child = fork();
	if (child == 0)
		_exit(replace_many_times(*state));
	while (waitpid(child, &status, WNOHANG) == 0) {
		aic_bytes_clear(&b);
		assert_int_equal(aic_file_read(&b, path, VERSION_LEN, NULL), AIC_OK);
		assert_true(b.len == 1 || b.len == VERSION_LEN / 2 || b.len == VERSION_LEN);
		for (size_t i = 1; i < b.len; i++)
			assert_int_equal(b.data[i], b.data[0]);
		reads++;
	}
	assert_int_equal(status, 0);
	assert_true(reads > 0);
	aic_bytes_free(&b);
}

static void test_dir_make(void **state)
{
	char path[256];
	struct stat st;

	umask(077);
	snprintf(path, sizeof(path), "%s//a/b/c/", (char *) *state);
	assert_int_equal(aic_dir_make(path, 02770, NULL), AIC_OK);
	snprintf(path, sizeof(path), "%s/a/b", (char *) *state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
	assert_int_equal(aic_dir_make(path, 0700, NULL), AIC_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
}

static void test_dir_make_refuses_files(void **state)
{
	char message[512], path[256];
	aic_error err = {0};

	put(in_folder(state, "f"), "x");
	snprintf(path, sizeof(path), "%s/f/sub", (char *) *state);
	snprintf(message, sizeof(message), "%s/f is not a directory: move it away", (char *) *state);
	assert_int_equal(aic_dir_make(path, 0700, &err), AIC_SYSTEM);
	assert_string_equal(err.message, message);
	assert_int_equal(aic_dir_make("", 0700, &err), AIC_USAGE);
}

static void test_dir_sync(void **state)
{
	aic_error err = {0};

	assert_int_equal(aic_dir_sync(*state, NULL), AIC_OK);
	assert_int_equal(aic_dir_sync(in_folder(state, "none"), &err), AIC_SYSTEM);
	assert_non_null(strstr(err.message, "cannot open directory "));
}

static void on_alarm(int sig)
{
	(void) sig;
}

/* Through a pipe that takes little at a time, with signals in between. */
static void test_write_all_goes_on_after_signals(void **state)
{
	(void) state;
	size_t len = 1 << 20;
	uint8_t *data = aic_xmalloc(len), buf[4096];
	struct sigaction sa = {.sa_handler = on_alarm}, before;
	int fds[2], status;
	uint64_t seed = 10;

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t) test_random(&seed);
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		size_t at = 0;
		ssize_t n;
		close(fds[1]);
		while ((n = read(fds[0], buf, sizeof(buf))) > 0) {
			if (at + (size_t) n > len || memcmp(buf, data + at, (size_t) n) != 0)
				_exit(1);
			at += (size_t) n;
			if (at % 65536 == 0)
				kill(getppid(), SIGALRM);
		}
		_exit(at == len ? 0 : 2);
	}
	close(fds[0]);
	sigaction(SIGALRM, &sa, &before);
	assert_int_equal(aic_write_all(fds[1], data, len), 0);
	close(fds[1]);
	while (waitpid(child, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(status, 0);
	free(data);
}

static void test_write_all_fails_with_errno(void **state)
{
	(void) state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = 0;
	assert_int_equal(aic_write_all(fd, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	close(fd);
}

static void test_path_join(void **state)
{
	(void) state;
	char buf[8];
	aic_error err = {0};

	assert_int_equal(aic_path_join(buf, sizeof(buf), "/a", "b", NULL), AIC_OK);
	assert_string_equal(buf, "/a/b");
	assert_int_equal(aic_path_join(buf, sizeof(buf), "/", "b", NULL), AIC_OK);
	assert_string_equal(buf, "/b");
	assert_int_equal(aic_path_join(buf, sizeof(buf), "/abc", "de", NULL), AIC_OK);
	assert_int_equal(aic_path_join(buf, sizeof(buf), "/abc", "def", &err), AIC_USAGE);
	assert_string_equal(err.message, "path /abc.../def has 8 characters: at most 7 are possible");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_write_then_read),
		IN_FOLDER(test_read_appends_and_refuses_large),
		IN_FOLDER(test_read_larger_than_a_chunk),
		IN_FOLDER(test_read_names_what_is_missing),
		IN_FOLDER(test_create_refuses_what_is_there),
		IN_FOLDER(test_write_where_nothing_can_be),
		IN_FOLDER(test_old_file_stands_at_a_size_limit),
		IN_FOLDER(test_old_file_stands_on_a_full_disk),
		IN_FOLDER(test_readers_see_whole_files),
		IN_FOLDER(test_dir_make),
		IN_FOLDER(test_dir_make_refuses_files),
		IN_FOLDER(test_dir_sync),
		cmocka_unit_test(test_write_all_goes_on_after_signals),
		cmocka_unit_test(test_write_all_fails_with_errno),
		cmocka_unit_test(test_path_join),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
