/* command_session_test.c: what `aic session` says where it was asked for something that it cannot do, each time in one sentence. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <sys/wait.h>
#include <unistd.h>

#include "common/command.h"
#include "common/file.h"
#include "ledger/commands.h"

static char config_path[256];

/* Runs `aic session` with the words in a child; its output in out. Returns the exit status. */
static int run(char out[4096], const char *const *words)
{
	char *argv[16] = {(char *)(uintptr_t)"aic session"};
	int argc = 1, fds[2], status;
	size_t len = 0;
	ssize_t n;

	for (; words[argc - 1]; argc++)
		argv[argc] = strdup(words[argc - 1]);
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		int rc = aic_cmd_session(argc, argv, (const aic_subcommand[]){{NULL, NULL, NULL}});
		fflush(NULL);
		_exit(rc);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, 4095 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	return WEXITSTATUS(status);
}

/* Exit status and what it says; the configuration is appended. */
static void says(int status, const char *text, const char *const *words)
{
	const char *all[16] = {NULL};
	char out[4096];
	size_t n = 0;

	for (; words[n]; n++)
		all[n] = words[n];
	all[n++] = "--config";
	all[n] = config_path;
	int rc = run(out, all);
	if (rc != status || !strstr(out, text))
		fail_msg("`aic session %s` exits %d: \"%s\" lacks \"%s\"", words[0], rc, out, text);
}

#define SAYS(status, text, ...) says(status, text, (const char *const[]){__VA_ARGS__, NULL})

static void test_which_session(void **state)
{
	static const char *const commands[] = {"show", "challenge", "pay", "reveal"};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		SAYS(2, "which session? Give its id, or its first digits", commands[i]);
		SAYS(2, "\"0123456\" is no session: give 64 hexadecimal digits, or at least the first 8", commands[i], "0123456");
		SAYS(2, "\"01234567xyz\" is no session", commands[i], "01234567xyz");
		SAYS(2, "which session? Give its id", commands[i], "01234567", "89abcdef");
	}
	SAYS(2, "which session? Give its id", "appeal", "--reason", "a disk was broken");
	SAYS(2, "\"x\" is no session", "appeal", "x", "--reason", "a disk was broken");
}

static void test_list(void **state)
{
	(void)state;
	SAYS(2, "--max 0: give a number from 1 to 10000", "list", "--max", "0");
	SAYS(2, "--max many: give a number from 1 to 10000", "list", "--max", "many");
	SAYS(2, "--waiting and --asked exclude each other", "list", "--waiting", "--asked");
	SAYS(2, "this takes no arguments", "list", "01234567");
}

static void test_acts(void **state)
{
	(void)state;
	SAYS(2, "an appeal has a reason: give --reason TEXT", "appeal", "01234567");
	SAYS(2, "an appeal has a reason: give --reason TEXT", "appeal", "01234567", "--reason", "");
	SAYS(2, "give NODE, the name of its key, and the WALLET that is paid", "verifier");
	SAYS(2, "give NODE and the WALLET that is paid, or NODE with --withdraw", "verifier", "node07");
	SAYS(2, "give NODE and the WALLET that is paid, or NODE with --withdraw", "verifier", "node07", "provider/a", "--withdraw");
	SAYS(2, "--device \"a100\": give 64 hexadecimal digits", "verifier", "node07", "provider/a", "--device", "a100");
}

static void test_decoys(void **state)
{
	(void)state;
	SAYS(2, "which wallet is to pay for them? Give a name that nobody has yet", "decoy", "--segment", "1");
	SAYS(2, "which segment is bad? Give --segment N, and --step N where it is known", "decoy", "account/pine");
	SAYS(2, "--segment -1: give a whole number from 0", "decoy", "account/pine", "--segment=-1");
	SAYS(2, "--step soon: give a whole number from 0", "decoy", "account/pine", "--segment", "1", "--step", "soon");
}

/* Nobody answers: said once, with where. */
static void test_no_daemon(void **state)
{
	(void)state;
	SAYS(3, "/nowhere/run/", "list");
	SAYS(3, "/nowhere/run/", "pay", "0123456789abcdef");
}

static int write_config(void **state)
{
	static const char text[] = "site: uni-a\nuser: root\nslurm_user: root\npaths: {state: /nowhere/state, run: /nowhere/run}\n";

	if (test_folder_make(state))
		return -1;
	snprintf(config_path, sizeof(config_path), "%s/aic.yaml", (char *)*state);
	unsetenv("AIC_CONFIG");
	return aic_file_write_atomic(config_path, text, sizeof(text) - 1, 0644, NULL) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_session), cmocka_unit_test(test_list), cmocka_unit_test(test_acts), cmocka_unit_test(test_decoys),
		cmocka_unit_test(test_no_daemon),
	};

	return cmocka_run_group_tests_name("aic session", tests, write_config, test_folder_remove);
}
