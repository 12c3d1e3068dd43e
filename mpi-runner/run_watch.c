#include "mpi-runner/run_watch.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/time.h"

static const double CPU_NOISE = 0.05; /* seconds: a program that only waits wakes up now and then */

static bool failed_path(char path[PATH_MAX], const aic_ranks *r, const char *folder)
{
	return snprintf(path, PATH_MAX, "%s/failed-%s", folder, r->job) < PATH_MAX;
}

void aic_watch_begin(const aic_ranks *r, const char *folder)
{
	char path[PATH_MAX];

	if (r->rank == 0 && failed_path(path, r, folder))
		unlink(path);
}

void aic_watch_fail(const aic_ranks *r, const char *folder, const char *text)
{
	char path[PATH_MAX];

	if (failed_path(path, r, folder))
		(void)aic_file_create_atomic(path, text, strlen(text), 0644, NULL);
}

bool aic_watch_failed(const aic_ranks *r, const char *folder, char text[AIC_WATCH_TEXT])
{
	char path[PATH_MAX];
	aic_bytes b = {0};

	if (!failed_path(path, r, folder) || aic_file_read(&b, path, AIC_WATCH_TEXT - 1, NULL) != AIC_OK)
		return false;
	memcpy(text, b.data, b.len);
	text[b.len] = '\0';
	aic_bytes_free(&b);
	return true;
}

/* The first and the last part of a rank's metrics: who it is, and whether it has ended. */
static void read_ends(const char *path, char first[256], char last[512])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	first[0] = last[0] = '\0';
	if (fd < 0)
		return;
	n = pread(fd, first, 255, 0);
	first[n > 0 ? n : 0] = '\0';
	off_t size = lseek(fd, 0, SEEK_END);
	n = pread(fd, last, 511, size > 511 ? size - 511 : 0);
	last[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void node_in(const char *line, char *node, size_t size)
{
	static const char KEY[] = "\"node\": \"";
	const char *at = strstr(line, KEY);
	size_t len = at ? strcspn(at + sizeof(KEY) - 1, "\"") : 0;

	snprintf(node, size, "%.*s", (int)len, at ? at + sizeof(KEY) - 1 : "");
}

bool aic_watch_late(const aic_ranks *r, const char *folder, int limit_s, char text[AIC_WATCH_TEXT])
{
	char path[PATH_MAX], first[256], last[512], node[128];
	struct stat own, other;

	snprintf(path, sizeof(path), "%s/rank-%u.jsonl", folder, r->rank);
	if (stat(path, &own) != 0)
		return false;
	for (unsigned rank = 0; rank < r->size; rank++) {
		snprintf(path, sizeof(path), "%s/rank-%u.jsonl", folder, rank);
		if (rank == r->rank || stat(path, &other) != 0 || own.st_mtime - other.st_mtime <= limit_s)
			continue;
		read_ends(path, first, last);
		const char *ended = strstr(last, "\"event\": \"end\""), *again = strstr(last, "\"event\": \"start\"");
		if (ended && (!again || again < ended))
			continue;
		node_in(first, node, sizeof(node));
		snprintf(text, AIC_WATCH_TEXT, "rank %u on %s has given no sign for %lld s: its node or its aic-run is gone, or does not reach %.200s", rank,
		         node[0] ? node : "an unknown node", (long long)(own.st_mtime - other.st_mtime), folder);
		return true;
	}
	return false;
}

int aic_watch_still(aic_stillness *s, const aic_child *c)
{
	double cpu = aic_child_tree_cpu(c);
	uint64_t printed = aic_child_printed(c);
	int64_t now = aic_monotonic_ms();

	if (s->since_ms == 0 || printed != s->printed || cpu < s->cpu || cpu > s->cpu + CPU_NOISE)
		*s = (aic_stillness){cpu, printed, now};
	return (int)((now - s->since_ms) / 1000);
}

bool aic_watch_newest(const char *pattern, char *path, size_t size, int64_t *age_s)
{
	glob_t found;
	struct stat st;
	time_t newest = 0;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (stat(found.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime >= newest) {
			newest = st.st_mtime;
			snprintf(path, size, "%s", found.gl_pathv[i]);
		}
	}
	globfree(&found);
	*age_s = (int64_t)(time(NULL) - newest);
	return newest > 0;
}
