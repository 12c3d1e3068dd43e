#include "slurm-plugins/dataset/want.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"

#define LINES_MAX 1024
#define STATES (AIC_STAGE_FAILED + 1)

const char *const aic_stage_names[] = {"waiting", "copying", "ready", "absent", "failed"};

aic_code aic_want_path(char *buf, size_t size, const char *node_dir, const aic_want *w, const char *suffix, aic_error *err)
{
	int n = w->stepd ? snprintf(buf, size, "%s/" AIC_WANTS_DIR "/%u.%u.%u%s", node_dir, w->job_id, w->restart, w->step_id, suffix)
	                 : snprintf(buf, size, "%s/" AIC_WANTS_DIR "/warm-%u%s", node_dir, w->job_id, suffix);

	if (n < 0 || (size_t)n >= size)
		return aic_fail(err, AIC_USAGE, "the path of a step below %s needs %d characters, %zu fit", node_dir, n, size - 1);
	return AIC_OK;
}

aic_code aic_want_write(const char *node_dir, const aic_want *w, aic_error *err)
{
	char path[1024], line[LINES_MAX];
	aic_code rc = aic_path_join(path, sizeof(path), node_dir, AIC_WANTS_DIR, err);

	if (rc == AIC_OK && access(path, W_OK))
		return aic_fail(err, AIC_NOT_FOUND, "there is no %s: no data sets are staged on this node", path);
	if (rc == AIC_OK)
		rc = aic_want_path(path, sizeof(path), node_dir, w, AIC_WANT_SUFFIX, err);
	if (rc != AIC_OK)
		return rc;
	int n = snprintf(line, sizeof(line), "aic-want 1 %u %u %u %u %d %llu %s\n", w->job_id, w->restart, w->step_id, (unsigned)w->uid,
	                 (int)w->stepd, (unsigned long long)w->stepd_started, w->dataset);
	return aic_file_write_atomic(path, line, (size_t)n, 0600, err);
}

bool aic_want_parse(aic_want *w, const char *text)
{
	unsigned long long started;
	unsigned uid;
	int pid, end = 0;

	*w = (aic_want){.job_id = 0};
	if (strlen(text) >= LINES_MAX || sscanf(text, "aic-want 1 %10u %10u %10u %10u %10d %20llu %127s%n", &w->job_id, &w->restart,
	                                        &w->step_id, &uid, &pid, &started, w->dataset, &end) != 7 ||
	    strcmp(text + end, "\n") || pid < 0)
		return false;
	w->uid = uid;
	w->stepd = pid;
	w->stepd_started = started;
	return true;
}

aic_code aic_want_read(aic_want *w, const char *path, aic_error *err)
{
	aic_bytes text = {0};
	aic_code rc = aic_file_read(&text, path, LINES_MAX, err);

	aic_bytes_append(&text, "", 1);
	if (rc == AIC_OK && !aic_want_parse(w, (char *)text.data))
		rc = aic_fail(err, AIC_CORRUPT, "%s is no request for a data set: it is removed", path);
	aic_bytes_free(&text);
	return rc;
}

aic_code aic_stage_write(const char *path, const aic_stage_report *r, aic_error *err)
{
	char text[LINES_MAX];
	int n = snprintf(text, sizeof(text), "aic-stage 1 %s %llu %llu\n%s\n", aic_stage_names[r->state], (unsigned long long)r->done,
	                 (unsigned long long)r->bytes, r->text);

	for (char *p = strchr(text, '\n') + 1; p < text + n - 1; p++)
		*p = *p == '\n' ? ' ' : *p;
	return aic_file_write_atomic(path, text, (size_t)n, 0600, err);
}

bool aic_stage_parse(aic_stage_report *r, const char *text)
{
	unsigned long long done, bytes;
	char state[16];
	int end = 0, i = 0;

	*r = (aic_stage_report){.state = AIC_STAGE_WAITING};
	if (strlen(text) >= LINES_MAX || sscanf(text, "aic-stage 1 %15[a-z] %20llu %20llu%n", state, &done, &bytes, &end) != 3 ||
	    text[end] != '\n')
		return false;
	while (i < STATES && strcmp(aic_stage_names[i], state))
		i++;
	text += end + 1;
	end = (int)strcspn(text, "\n");
	if (i == STATES || end >= AIC_STAGE_TEXT || strcmp(text + end, "\n"))
		return false;
	r->state = (aic_stage_state)i;
	r->done = done;
	r->bytes = bytes;
	memcpy(r->text, text, (size_t)end);
	return true;
}

aic_code aic_stage_read(aic_stage_report *r, const char *path, aic_error *err)
{
	aic_bytes text = {0};
	aic_code rc = aic_file_read(&text, path, LINES_MAX, err);

	aic_bytes_append(&text, "", 1);
	if (rc == AIC_OK && !aic_stage_parse(r, (char *)text.data))
		rc = aic_fail(err, AIC_CORRUPT, "%s does not say how far a data set is", path);
	aic_bytes_free(&text);
	return rc;
}
