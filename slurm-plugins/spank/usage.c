/* usage.c: slurmstepd is the parent of its tasks, so what they and their children used is in its rusage once they were
 * waited for; processes that are still there are added from /proc. Tasks that a step starts on other nodes, and the steps
 * that a batch script starts, have slurmstepds of their own and are not in it. */
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "slurm-plugins/spank/context.h"

#define DEPTH_MAX 64

typedef struct {
	pid_t parent;
	uint64_t ticks;      /* user and system time, its own and that of children it waited for */
	uint64_t peak_pages;
} process;

/* /proc/PID/stat: the name in parentheses may hold anything, so fields count from the last ')'. */
static int read_process(pid_t pid, process *p)
{
	char path[64], line[1024], *rest;
	unsigned long long utime, stime, cutime, cstime, rss;
	int parent;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	rest = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!rest || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d %*u %*u %llu",
	                    &parent, &utime, &stime, &cutime, &cstime, &rss) != 6)
		return -1;
	*p = (process){ .parent = parent, .ticks = utime + stime + cutime + cstime, .peak_pages = rss };
	return 0;
}

/* Bytes read; those of children that were waited for are in their parent's. false: the kernel does not count. */
static bool add_read(uint64_t *bytes, pid_t pid)
{
	unsigned long long calls, disks;
	char path[64], text[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	if (sscanf(text, "rchar: %llu wchar: %*u syscr: %*u syscw: %*u read_bytes: %llu", &calls, &disks) != 2)
		return false;
	*bytes += calls > disks ? calls : disks;
	return true;
}

static int descends_from(pid_t parent, pid_t ancestor)
{
	process p;

	for (int depth = 0; parent > 1 && depth < DEPTH_MAX; depth++) {
		if (parent == ancestor)
			return 1;
		if (read_process(parent, &p))
			return 0;
		parent = p.parent;
	}
	return 0;
}

static void add_living(aic_step_usage *u, uint64_t *bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), hertz = (uint64_t)sysconf(_SC_CLK_TCK);
	pid_t self = getpid();
	DIR *dir = opendir("/proc");
	struct dirent *e;
	process p;

	while (dir && (e = readdir(dir))) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atol(e->d_name) : 0;
		uint64_t mib;

		if (pid <= 1 || pid == self || read_process(pid, &p) || !descends_from(p.parent, self))
			continue;
		u->cpu_ms += p.ticks * 1000 / hertz;
		add_read(bytes, pid);
		mib = (p.peak_pages * page + (1u << 20) - 1) >> 20;
		if (mib > u->mem_peak_mib)
			u->mem_peak_mib = mib;
	}
	if (dir)
		closedir(dir);
}

void aic_spank_usage(aic_step_usage *u)
{
	struct rusage r = { 0 };
	uint64_t bytes = 0;
	bool counted = add_read(&bytes, getpid());

	getrusage(RUSAGE_CHILDREN, &r);
	u->cpu_ms = (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
	            (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
	u->mem_peak_mib = ((uint64_t)r.ru_maxrss + 1023) >> 10;
	add_living(u, &bytes);
	u->read_mib = counted ? bytes >> 20 : UINT64_MAX;
}
