#include "mpi-runner/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/bytes.h"
#include "common/table.h"

struct aic_metrics {
	FILE *file;
	char *path;
};

/* A run that was killed leaves half a line: what follows begins a new one. */
static void end_line(FILE *file)
{
	if (fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n') {
		fseek(file, 0, SEEK_END);
		fputc('\n', file);
	}
	fseek(file, 0, SEEK_END);
}

aic_code aic_metrics_open(aic_metrics **out, const char *path, aic_error *err)
{
	FILE *file = fopen(path, "a+e");

	*out = NULL;
	if (!file)
		return aic_fail_errno(err, "metrics file %s cannot be opened: give another --run-dir", path);
	end_line(file);
	*out = aic_xcalloc(1, sizeof(**out));
	(*out)->file = file;
	(*out)->path = aic_xstrdup(path);
	return AIC_OK;
}

aic_code aic_metrics_close(aic_metrics *m, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (!m)
		return AIC_OK;
	int bad = ferror(m->file);
	if (fclose(m->file) != 0 || bad)
		rc = aic_fail_errno(err, "metrics file %s is incomplete", m->path);
	free(m->path);
	free(m);
	return rc;
}

void aic_metrics_begin(aic_metrics *m, const char *event)
{
	struct timespec now;

	if (!m)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(m->file, "{\"time\": %lld.%03ld, \"event\": ", (long long)now.tv_sec, now.tv_nsec / 1000000);
	aic_json_string(m->file, event);
}

static void put_key(aic_metrics *m, const char *key)
{
	fputs(", ", m->file);
	aic_json_string(m->file, key);
	fputs(": ", m->file);
}

void aic_metrics_text(aic_metrics *m, const char *key, const char *value)
{
	if (!m)
		return;
	put_key(m, key);
	aic_json_string(m->file, value);
}

void aic_metrics_count(aic_metrics *m, const char *key, uint64_t value)
{
	if (!m)
		return;
	put_key(m, key);
	fprintf(m->file, "%" PRIu64, value);
}

void aic_metrics_real(aic_metrics *m, const char *key, double value)
{
	if (!m)
		return;
	put_key(m, key);
	if (isfinite(value))
		fprintf(m->file, "%.9g", value);
	else
		fputs("null", m->file);
}

void aic_metrics_end(aic_metrics *m)
{
	if (!m)
		return;
	fputs("}\n", m->file);
	fflush(m->file);
}
