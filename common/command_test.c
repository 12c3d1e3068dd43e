/* command_test.c: shared options, exit statuses, and the dispatch of groups, each in a child process where it may exit. */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

#include "common/command.h"
#include "common/file.h"
#include "common/testing.h"

static char *config_path; /* a configuration that loads */

typedef struct {
	aic_command cmd;
	int batch;
} own_input;

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	own_input *in = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &in->cmd;
		return 0;
	case 'b':
		in->batch = atoi(arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {{"batch", 'b', "N", 0, "Batch N", 0}, {0}};
static const struct argp_child own_children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
static const struct argp own_argp = {own_options, parse_own, NULL, "Shows a batch.", own_children, NULL, NULL};

/* What the command did, told to the parent through its exit status and standard output. */
static int cmd_show(int argc, char **argv)
{
	own_input in = {0};
	int rc = aic_command_begin(&in.cmd, &own_argp, argc, argv, &in);
	if (rc != 0)
		return rc;
	printf("%s format=%d batch=%d site=%s\n", argv[0], (int)in.cmd.format, in.batch, in.cmd.config.site);
	aic_command_end(&in.cmd);
	return 0;
}

static int cmd_fail(int argc, char **argv)
{
	(void)argc;
	aic_error err = {AIC_UNREACHABLE, "nobody is there"};
	return aic_command_fail(argv, &err);
}

static const aic_subcommand batch[] = {{"show", cmd_show, "shows one"}, {"fail", cmd_fail, "fails"}, {0}};

static int cmd_batch(int argc, char **argv)
{
	return aic_command_dispatch(batch, "Batches.", argc, argv);
}

static const aic_subcommand top[] = {{"batch", cmd_batch, "batches"}, {0}};

/* Runs "aic" with the words in a child; its standard output and error together in out. Returns the exit status. */
static int run(char out[4096], const char *const *words)
{
	char *argv[16] = {(char *)(uintptr_t)"/usr/bin/aic"};
	int argc = 1, pipe_fds[2], status;
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strdup(words[argc - 1]);
	assert_int_equal(pipe(pipe_fds), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		dup2(pipe_fds[1], STDERR_FILENO);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		int rc = aic_command_dispatch(top, "AIC.", argc, argv);
		fflush(NULL);
		_exit(rc);
	}
	close(pipe_fds[1]);
	size_t len = 0;
	ssize_t n;
	while ((n = read(pipe_fds[0], out + len, 4095 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	return WEXITSTATUS(status);
}

#define RUN(out, ...) run(out, (const char *const[]){__VA_ARGS__, NULL})

static void shared_options(void **state)
{
	(void)state;
	char out[4096];
	assert_int_equal(RUN(out, "batch", "show", "--config", config_path, "-b", "3"), 0);
	assert_string_equal(out, "aic batch show format=0 batch=3 site=uni-a\n");
	assert_int_equal(RUN(out, "batch", "show", "--config", config_path, "--format", "json"), 0);
	assert_string_equal(out, "aic batch show format=3 batch=0 site=uni-a\n");
	assert_int_equal(RUN(out, "batch", "show", "--config", config_path, "-P"), 0);
	assert_string_equal(out, "aic batch show format=1 batch=0 site=uni-a\n");
}

static void usage_errors(void **state)
{
	(void)state;
	char out[4096];
	assert_int_equal(RUN(out, "batch", "show", "--format", "xml"), 2);
	assert_non_null(strstr(out, "aic batch show: --format xml is not known: table, parsable, csv or json"));
	assert_int_equal(RUN(out, "batch", "show", "--no-such"), 2);
	assert_int_equal(RUN(out, "batch", "show", "stray"), 2);
	assert_int_equal(RUN(out, "batch", "show", "--config", "/nowhere/aic.yaml"), 2);
	assert_non_null(strstr(out, "aic batch show: "));
	assert_non_null(strstr(out, "/nowhere/aic.yaml"));
}

static void help(void **state)
{
	(void)state;
	char out[4096];
	assert_int_equal(RUN(out, "--help"), 0);
	assert_non_null(strstr(out, "Usage: aic COMMAND"));
	assert_non_null(strstr(out, "  batch  batches\n"));
	assert_int_equal(RUN(out, "batch", "--help"), 0);
	assert_non_null(strstr(out, "Usage: aic batch COMMAND"));
	assert_int_equal(RUN(out, "batch", "show", "--help"), 0);
	assert_non_null(strstr(out, "Usage: aic batch show [OPTION...]"));
	assert_non_null(strstr(out, "--config=FILE"));
	assert_non_null(strstr(out, "--batch=N"));
}

static void dispatch(void **state)
{
	(void)state;
	char out[4096];
	const char *const nothing[] = {NULL};
	assert_int_equal(run(out, nothing), 2);
	assert_non_null(strstr(out, "Usage: aic COMMAND"));
	assert_int_equal(RUN(out, "bath"), 2);
	assert_non_null(strstr(out, "aic has no command \"bath\""));
	assert_int_equal(RUN(out, "batch", "sho"), 2);
	assert_non_null(strstr(out, "aic batch has no command \"sho\""));
	assert_int_equal(RUN(out, "batch", "fail"), 3);
	assert_string_equal(out, "aic batch fail: nobody is there\n");
}

static int write_config(void **state)
{
	static const char text[] = "site: uni-a\nuser: root\nslurm_user: root\n";
	static char path[256];
	if (test_folder_make(state) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/aic.yaml", (char *)*state);
	config_path = path;
	return aic_file_write_atomic(path, text, sizeof text - 1, 0644, NULL) == AIC_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_options), cmocka_unit_test(usage_errors), cmocka_unit_test(help),
		cmocka_unit_test(dispatch),
	};
	unsetenv("AIC_CONFIG");
	return cmocka_run_group_tests(tests, write_config, test_folder_remove);
}
