/* log_test.c: one whole line per message, whoever writes, also while the file is rotated. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

static char path[256], rotated[256];

static int setup(void **state)
{
	if (test_folder_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/log", (char *) *state);
	snprintf(rotated, sizeof(rotated), "%s/log.1", (char *) *state);
	return 0;
}

static int teardown(void **state)
{
	aic_log_open("test", NULL, AIC_LOG_INFO);
	return test_folder_remove(state);
}

static char *content_of(const char *file)
{
	aic_bytes b = {0};

	assert_int_equal(aic_file_read(&b, file, 1 << 24, NULL), AIC_OK);
	aic_bytes_append(&b, "", 1);
	return (char *) b.data;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match %s", text, pattern);
	regfree(&re);
}

#define NOW "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"

static void test_lines_and_levels(void **state)
{
	(void) state;
	aic_log_open("aicd", path, AIC_LOG_WARN);
	aic_error_log("disk %d", 1);
	aic_warn("late");
	aic_info("not this");
	aic_debug("nor this");
	char *text = content_of(path);
	assert_matches(text, "^" NOW " aicd: error: disk 1\n" NOW " aicd: warning: late\n$");
	free(text);
	aic_log_open("aicd", path, AIC_LOG_DEBUG);
	aic_debug("now");
	text = content_of(path);
	assert_matches(text, "late\n" NOW " aicd: debug: now\n$");
	free(text);
}

static void test_control_characters_cannot_forge_lines(void **state)
{
	(void) state;
	aic_log_open("aicd", path, AIC_LOG_INFO);
	aic_info("job \"%s\" ended", "x\n2026-11-23T00:00:00Z aicd: error: forged\033[2J\x7f");
	char *text = content_of(path);
	assert_matches(text, "^" NOW " aicd: info: job \"x 2026-11-23T00:00:00Z aicd: error: forged \\[2J \" ended\n$");
	free(text);
}

static void test_long_messages_are_cut(void **state)
{
	(void) state;
	char message[5000];

	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	aic_log_open("aicd", path, AIC_LOG_INFO);
	aic_info("%s", message);
	aic_info("next");
	char *text = content_of(path);
	assert_int_equal(strcspn(text, "\n"), 2046);
	assert_matches(text, "^" NOW " aicd: info: m+\\.\\.\\.\n" NOW " aicd: info: next\n$");
	free(text);
}

static void on_hangup(int sig)
{
	(void) sig;
	aic_log_reopen();
}

static void test_reopen_in_a_signal_handler(void **state)
{
	(void) state;
	void (*before)(int) = signal(SIGHUP, on_hangup);

	aic_log_open("aicd", path, AIC_LOG_INFO);
	aic_info("one");
	assert_int_equal(rename(path, rotated), 0);
	aic_info("two");
	errno = 42;
	raise(SIGHUP);
	assert_int_equal(errno, 42);
	aic_info("three");
	signal(SIGHUP, before);
	char *old = content_of(rotated), *new = content_of(path);
	assert_matches(old, "^" NOW " aicd: info: one\n" NOW " aicd: info: two\n$");
	assert_matches(new, "^" NOW " aicd: info: three\n$");
	free(old);
	free(new);
}

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_reopen_keeps_one_descriptor(void **state)
{
	(void) state;
	aic_log_open("aicd", path, AIC_LOG_INFO);
	int before = open_descriptors();
	for (int i = 0; i < 20; i++)
		aic_log_reopen();
	aic_log_open("aicd", path, AIC_LOG_INFO);
	assert_int_equal(open_descriptors(), before);
}

static void test_path_is_copied_and_errno_kept(void **state)
{
	(void) state;
	char transient[256];

	strcpy(transient, path);
	aic_log_open("aicd", transient, AIC_LOG_INFO);
	memset(transient, 'x', sizeof(transient) - 1);
	assert_int_equal(rename(path, rotated), 0);
	aic_log_reopen();
	errno = 42;
	aic_info("kept");
	assert_int_equal(errno, 42);
	char *text = content_of(path);
	assert_matches(text, "aicd: info: kept\n$");
	free(text);
}

static void test_unusable_path_goes_to_stderr(void **state)
{
	char bad[300], expected[700], *text;
	int saved = dup(STDERR_FILENO);
	FILE *f = fopen(path, "w");

	snprintf(bad, sizeof(bad), "%s/none/log", (char *) *state);
	dup2(fileno(f), STDERR_FILENO);
	aic_log_open("aicd", bad, AIC_LOG_INFO);
	aic_info("after");
	aic_log_reopen();
	aic_log_open("aicd", NULL, AIC_LOG_INFO);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(f);
	text = content_of(path);
	snprintf(expected, sizeof(expected), "^" NOW " aicd: error: cannot open log file %s: No such file or directory: messages go "
	         "to stderr\n" NOW " aicd: info: after\n$", bad);
	assert_matches(text, expected);
	free(text);
}

#define THREADS 4
#define MESSAGES 500

static void *write_many(void *letter)
{
	char text[101];

	memset(text, *(char *) letter, 100);
	text[100] = '\0';
	for (int i = 0; i < MESSAGES; i++)
		aic_info("%s", text);
	return NULL;
}

/* No line is torn, lost or doubled while four threads write and the file is rotated under them. */
static void test_threads_and_rotation(void **state)
{
	(void) state;
	char letters[THREADS] = {'a', 'b', 'c', 'd'}, *old, *new;
	int counts[THREADS] = {0};
	pthread_t thread[THREADS];
	regex_t re;

	aic_log_open("aicd", path, AIC_LOG_INFO);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, write_many, &letters[i]), 0);
	assert_int_equal(rename(path, rotated), 0);
	aic_log_reopen();
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	old = content_of(rotated);
	new = content_of(path);
	assert_int_equal(regcomp(&re, "^" NOW " aicd: info: (a{100}|b{100}|c{100}|d{100})$", REG_EXTENDED | REG_NOSUB), 0);
	char *const files[] = {old, new};
	for (int i = 0; i < 2; i++) {
		for (char *line = strtok(files[i], "\n"); line; line = strtok(NULL, "\n")) {
			assert_int_equal(regexec(&re, line, 0, NULL, 0), 0);
			counts[line[strlen(line) - 1] - 'a']++;
		}
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(counts[i], MESSAGES);
	regfree(&re);
	free(old);
	free(new);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_lines_and_levels),
		IN_FOLDER(test_control_characters_cannot_forge_lines),
		IN_FOLDER(test_long_messages_are_cut),
		IN_FOLDER(test_reopen_in_a_signal_handler),
		IN_FOLDER(test_reopen_keeps_one_descriptor),
		IN_FOLDER(test_path_is_copied_and_errno_kept),
		IN_FOLDER(test_unusable_path_goes_to_stderr),
		IN_FOLDER(test_threads_and_rotation),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
