/* log.c: one line per message, written by one write(2), so that threads and processes need no lock. */
#define _GNU_SOURCE
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/time.h"

#define LINE_MAX_BYTES 2048
#define LOG_MODE 0640

static const char *log_program = "aic";
static char *log_path;
static int log_fd = STDERR_FILENO;
static aic_log_level log_level = AIC_LOG_INFO;

static int open_log(void)
{
	return open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, LOG_MODE);
}

void aic_log_open(const char *program, const char *path, aic_log_level level)
{
	int fd;

	log_program = program;
	log_level = level;
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = STDERR_FILENO;
	free(log_path);
	log_path = path ? aic_xstrdup(path) : NULL;
	if (!path)
		return;
	if ((fd = open_log()) < 0)
		aic_error_log("cannot open log file %s: %s: messages go to stderr", path, strerror(errno));
	else
		log_fd = fd;
}

/* Only calls that a signal handler may make. The descriptor keeps its number, so a writer never sees it closed. */
void aic_log_reopen(void)
{
	int saved = errno, fd;

	if (log_fd != STDERR_FILENO && (fd = open_log()) >= 0) {
		dup3(fd, log_fd, O_CLOEXEC);
		close(fd);
	}
	errno = saved;
}

/* Names of jobs and paths come from users: no line break or escape sequence of theirs reaches the log. */
static void blank_controls(char *s)
{
	for (; *s; s++)
		if ((unsigned char) *s < 0x20 || *s == 0x7f)
			*s = ' ';
}

void aic_log(aic_log_level level, const char *fmt, ...)
{
	static const char *const name[] = {"error", "warning", "info", "debug"};
	char line[LINE_MAX_BYTES], now[AIC_TIME_TEXT];
	int saved = errno, head;
	va_list ap;

	if (level > log_level)
		return;
	head = snprintf(line, sizeof(line) - 1, "%s %s: %s: ", aic_time_format(now, aic_now()), log_program, name[level]);
	va_start(ap, fmt);
	int len = vsnprintf(line + head, sizeof(line) - 1 - (size_t) head, fmt, ap);
	va_end(ap);
	blank_controls(line + head);
	if (len >= (int) sizeof(line) - 1 - head)
		strcpy(line + sizeof(line) - 5, "...");
	len = (int) strlen(line);
	line[len++] = '\n';
	if (write(log_fd, line, (size_t) len) < 0) {
		/* a full disk must not stop the daemon; the next message tries again */
	}
	errno = saved;
}
