#define _GNU_SOURCE
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"

#define NO_PROGRAM 127

static void child_main(const char *const *argv, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(NO_PROGRAM);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(NO_PROGRAM);
}

/* The input must fit into a pipe, as it is written before anything is read. */
static void talk(int in, int out, const char *input, aic_bytes *said)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* a program need not read its input */
	char buf[4096];
	ssize_t n;

	aic_write_all(in, input, strlen(input));
	close(in);
	while ((n = read(out, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			aic_bytes_append(said, buf, (size_t)n);
	signal(SIGPIPE, before);
}

aic_code aic_process_run(const char *const *argv, const char *input, aic_bytes *said, int *status, aic_error *err)
{
	int in[2], out[2], ended = 0;

	if (pipe2(in, O_CLOEXEC))
		return aic_fail_errno(err, "cannot start %s", argv[0]);
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]), close(in[1]);
		return aic_fail_errno(err, "cannot start %s", argv[0]);
	}
	pid_t child = fork();
	if (child == 0)
		child_main(argv, in[0], out[1]);
	close(in[0]), close(out[1]);
	if (child < 0) {
		close(in[1]), close(out[0]);
		return aic_fail_errno(err, "cannot start %s", argv[0]);
	}
	talk(in[1], out[0], input, said);
	close(out[0]);
	while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
		;
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
	if (*status == NO_PROGRAM)
		return aic_fail(err, AIC_NOT_FOUND, "there is no program %s in PATH", argv[0]);
	return AIC_OK;
}
