#define _GNU_SOURCE /* pipe2 */
#include "mpi-runner/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/time.h"

enum { TAIL = 2048, OUTPUTS = 2, DEPTH_MAX = 16 };

struct aic_child {
	pid_t pid;
	int from[OUTPUTS]; /* its stdout, stderr; -1 when closed */
	int log;
	bool ended;
	int status;
	uint64_t oom_before;
	char tail[TAIL]; /* the newest bytes of its output */
	size_t tail_len;
	uint64_t printed;
};

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT};
static volatile sig_atomic_t receiver; /* pid that signals are passed on to */
static volatile sig_atomic_t told[NSIG];

static void pass_on(int number)
{
	int saved = errno;
	told[number] = 1;
	if (receiver > 0)
		kill(receiver, number);
	errno = saved;
}

bool aic_child_was_told(int number)
{
	return number > 0 && number < NSIG && told[number];
}

static void watch_signals(void)
{
	struct sigaction a = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaction(passed_on[i], &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Processes of this cgroup that the kernel killed for memory (cgroup v2), 0 where that is not known. */
static uint64_t oom_kills(void)
{
	char line[512] = "", path[640];
	unsigned long long kills = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f) && strncmp(line, "0::", 3) != 0)
		continue;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "0::", 3) != 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", line + 3);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "oom_kill %llu", &kills) == 1)
			break;
	if (f)
		fclose(f);
	return kills;
}

static void become(char **argv, int out, int error, const sigset_t *mask, pid_t parent)
{
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0)
		_exit(126);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		signal(passed_on[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(126);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "aic-run: %s cannot be started: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static aic_code start_process(aic_child *c, char **argv, aic_error *err)
{
	int out[2], error[2];
	sigset_t all, before;
	pid_t parent = getpid();

	if (pipe2(out, O_CLOEXEC) != 0)
		return aic_fail_errno(err, "no pipe for the program's output");
	if (pipe2(error, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return aic_fail_errno(err, "no pipe for the program's output");
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before); /* a signal that comes now waits until there is somebody to pass it on to */
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		become(argv, out[1], error[1], &before, parent);
	receiver = c->pid > 0 ? c->pid : 0;
	watch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(out[1]);
	close(error[1]);
	c->from[0] = out[0];
	c->from[1] = error[0];
	return c->pid > 0 ? AIC_OK : aic_fail_errno(err, "no process for %s", argv[0]);
}

aic_code aic_child_start(aic_child **out, char **argv, const char *log_path, aic_error *err)
{
	aic_child *c = aic_xcalloc(1, sizeof(*c));
	aic_code rc;

	*out = NULL;
	c->from[0] = c->from[1] = -1;
	c->oom_before = oom_kills();
	c->log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (c->log < 0)
		rc = aic_fail_errno(err, "log %s cannot be opened: give another --run-dir", log_path);
	else
		rc = start_process(c, argv, err);
	if (rc != AIC_OK) {
		aic_child_free(c);
		return rc;
	}
	*out = c;
	return AIC_OK;
}

static void remember(aic_child *c, const char *data, size_t len)
{
	if (len > TAIL) {
		data += len - TAIL;
		len = TAIL;
	}
	if (c->tail_len + len > TAIL) {
		size_t drop = c->tail_len + len - TAIL;
		memmove(c->tail, c->tail + drop, c->tail_len - drop);
		c->tail_len -= drop;
	}
	memcpy(c->tail + c->tail_len, data, len);
	c->tail_len += len;
}

static void move_output(aic_child *c, int which)
{
	char data[16384];
	ssize_t n = read(c->from[which], data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(c->from[which]);
		c->from[which] = -1;
		return;
	}
	c->printed += (uint64_t)n;
	remember(c, data, (size_t)n);
	(void)aic_write_all(c->log, data, (size_t)n); /* a full disk must not stop the program */
	(void)aic_write_all(which == 0 ? STDOUT_FILENO : STDERR_FILENO, data, (size_t)n);
}

bool aic_child_wait(aic_child *c, int timeout_ms)
{
	int64_t until = aic_monotonic_ms() + timeout_ms, left;

	do {
		struct pollfd p[OUTPUTS] = {{.fd = c->from[0], .events = POLLIN}, {.fd = c->from[1], .events = POLLIN}};
		left = until - aic_monotonic_ms();
		int ready = poll(p, OUTPUTS, c->ended ? 0 : left > 100 ? 100 : left > 0 ? (int)left : 0);
		for (int i = 0; ready > 0 && i < OUTPUTS; i++)
			if (p[i].revents)
				move_output(c, i);
		if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
			c->ended = true;
			receiver = 0;
		} else if (c->ended && ready <= 0) {
			return true; /* what its own children still write is theirs */
		}
	} while (left > 0 || c->ended);
	return false;
}

int aic_child_status(const aic_child *c)
{
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

void aic_child_describe(const aic_child *c, char *buf, size_t size)
{
	bool oom = oom_kills() > c->oom_before;

	if (WIFSIGNALED(c->status))
		snprintf(buf, size, "was killed by signal %d (%s)%s", WTERMSIG(c->status), strsignal(WTERMSIG(c->status)),
		         oom ? ", out of memory: ask for more with --mem" : "");
	else
		snprintf(buf, size, "exited with status %d%s", WEXITSTATUS(c->status), oom ? "; a process of it ran out of memory" : "");
}

void aic_child_last_lines(const aic_child *c, char *buf, size_t size)
{
	size_t len = c->tail_len < size - 1 ? c->tail_len : size - 1;
	const char *from = c->tail + c->tail_len - len;

	if (len < c->tail_len) { /* begin at a line */
		const char *line = memchr(from, '\n', len);
		if (line) {
			len -= (size_t)(line + 1 - from);
			from = line + 1;
		}
	}
	memcpy(buf, from, len);
	buf[len] = '\0';
}

static bool read_usage(int pid, double *cpu_seconds, double *resident_mib)
{
	char path[64], text[1024];
	unsigned long long user, kernel;
	long pages;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *fields = strrchr(text, ')'); /* the name before it may hold anything */
	if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %*u %*u %ld", &user,
	                      &kernel, &pages) != 3)
		return false;
	*cpu_seconds = (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
	*resident_mib = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
	return true;
}

bool aic_child_usage(const aic_child *c, double *cpu_seconds, double *resident_mib)
{
	return read_usage((int)c->pid, cpu_seconds, resident_mib);
}

static double tree_cpu(int pid, int depth)
{
	char path[64];
	double cpu = 0, resident;
	int child;

	if (!read_usage(pid, &cpu, &resident))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	FILE *f = depth < DEPTH_MAX ? fopen(path, "re") : NULL;
	while (f && fscanf(f, "%d", &child) == 1)
		cpu += tree_cpu(child, depth + 1);
	if (f)
		fclose(f);
	return cpu;
}

double aic_child_tree_cpu(const aic_child *c)
{
	return tree_cpu((int)c->pid, 0);
}

uint64_t aic_child_printed(const aic_child *c)
{
	return c->printed;
}

void aic_child_signal(const aic_child *c, int number)
{
	if (!c->ended)
		kill(c->pid, number);
}

void aic_child_free(aic_child *c)
{
	if (!c)
		return;
	for (int i = 0; i < OUTPUTS; i++)
		if (c->from[i] >= 0)
			close(c->from[i]);
	if (c->log >= 0)
		close(c->log);
	free(c);
}
