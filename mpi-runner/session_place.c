#define _GNU_SOURCE
#include "mpi-runner/session_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/session_queue.h"
#include "mpi-runner/checkpoint.h"
#include "mpi-runner/session_dir.h"

#define FILE_MODE 0640
#define COPY_AT_ONCE (1 << 20)

static aic_code copy_bytes(int from, int to, const char *path, aic_error *err)
{
	ssize_t n = copy_file_range(from, NULL, to, NULL, COPY_AT_ONCE, 0);
	char *buffer = NULL;

	while (n > 0)
		n = copy_file_range(from, NULL, to, NULL, COPY_AT_ONCE, 0);
	if (n < 0) { /* not between these two file systems */
		buffer = aic_xmalloc(COPY_AT_ONCE);
		while ((n = read(from, buffer, COPY_AT_ONCE)) > 0 && aic_write_all(to, buffer, (size_t)n) == 0)
			;
		free(buffer);
	}
	if (n != 0 || fchmod(to, FILE_MODE) != 0 || fsync(to) != 0)
		return aic_fail_errno(err, "the checkpoint cannot be copied to %s", path);
	return AIC_OK;
}

static aic_code copy(const char *from, const char *to, aic_error *err)
{
	char temporary[PATH_MAX];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	aic_code rc = AIC_OK;

	snprintf(temporary, sizeof(temporary), "%.*s.copy", PATH_MAX - 8, to);
	if (in >= 0)
		out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		rc = aic_fail_errno(err, "the checkpoint %s cannot be copied to %s", from, to);
	if (rc == AIC_OK)
		rc = copy_bytes(in, out, to, err);
	if (rc == AIC_OK && rename(temporary, to) != 0)
		rc = aic_fail_errno(err, "%s cannot be put in place", to);
	if (rc != AIC_OK && out >= 0)
		unlink(temporary);
	if (out >= 0)
		close(out);
	if (in >= 0)
		close(in);
	return rc;
}

/* A second name keeps the file's owner and mode, so it serves only where all may read it. */
static aic_code put_file(const char *from, const char *to, aic_error *err)
{
	struct stat st;

	if (stat(from, &st) == 0 && (st.st_mode & S_IROTH) && (link(from, to) == 0 || errno == EEXIST))
		return AIC_OK;
	return copy(from, to, err);
}

aic_code aic_session_place(const aic_session_record *r, const aic_committed *c, const char *path, aic_error *err)
{
	char to[PATH_MAX];
	uint64_t number;

	if (!aic_session_number(r->every, r->steps, c->step, &number))
		return AIC_OK;
	aic_code rc = aic_session_queue_commit(r->store, number, c, err);
	if (rc != AIC_OK)
		return rc;
	aic_checkpoint_path(to, r->store, (int64_t)c->step);
	rc = put_file(path, to, err);
	return rc == AIC_OK ? aic_dir_sync(r->store, err) : rc;
}

static bool is_missing(const aic_session_record *r, uint64_t step)
{
	char path[PATH_MAX];
	uint64_t number;

	aic_checkpoint_path(path, r->store, (int64_t)step);
	return aic_session_number(r->every, r->steps, step, &number) && access(path, F_OK) != 0;
}

aic_code aic_session_place_missing(const aic_session_record *r, const char *folder, aic_error *err)
{
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && n-- > 0) {
		char path[PATH_MAX];
		aic_checkpoint c = {0};
		aic_committed committed;

		if (!is_missing(r, (uint64_t)steps[n]))
			continue;
		aic_checkpoint_path(path, folder, steps[n]);
		if (aic_checkpoint_check(&c, &committed.root, path, NULL) == AIC_OK) { /* a damaged one is passed over when the run resumes, too */
			committed.step = c.state.step;
			committed.chain = c.state.chain;
			rc = aic_session_place(r, &committed, path, err);
			aic_segment_free(&c.segment);
		}
	}
	free(steps);
	return rc;
}

static aic_code put_bytes(const aic_session_record *r, const char *name, const void *data, size_t len, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_path_join(path, sizeof(path), r->store, name, err);

	return rc == AIC_OK ? aic_file_write_atomic(path, data, len, FILE_MODE, err) : rc;
}

aic_code aic_session_place_files(const aic_session_record *r, const void *spec, size_t spec_len, aic_error *err)
{
	aic_session_file f = {.session = r->name.session, .entropy = r->entropy};
	aic_bytes b = {0};

	memcpy(f.spec_salt, r->spec_salt, AIC_SALT_LEN);
	memcpy(f.data_salt, r->data_salt, AIC_SALT_LEN);
	memcpy(f.code_salt, r->code_salt, AIC_SALT_LEN);
	aic_str_copy(f.code, sizeof(f.code), r->code);
	aic_str_copy(f.name, sizeof(f.name), r->spec_file);
	aic_session_file_put(&b, &f);
	aic_code rc = put_bytes(r, AIC_SESSION_FILE, b.data, b.len, err);
	if (rc == AIC_OK)
		rc = put_bytes(r, AIC_SESSION_SPEC, spec, spec_len, err);
	if (rc == AIC_OK)
		rc = aic_session_record_save(r, r->store, FILE_MODE, err);
	aic_bytes_free(&b);
	return rc;
}
