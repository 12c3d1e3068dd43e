#include "slurm-plugins/train/question.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "slurm-plugins/train/slurm.h"

#define SPEC "spec/"
#define DEPTH_MAX 8

/* --- sending --- */

aic_code aic_train_take_file(aic_train_question *q, uint8_t *token, char name[AIC_TRAIN_PATH_LEN + 8], aic_error *err)
{
	memcpy(name, SPEC, sizeof(SPEC));
	aic_cbor_bytes_exact(q->args, token, AIC_TRAIN_TOKEN_LEN);
	aic_cbor_text(q->args, name + strlen(SPEC), AIC_TRAIN_PATH_LEN);
	if (!aic_cbor_ok(q->args) || !aic_train_is_path(name + strlen(SPEC)))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no name for a file of a training: letters, digits and . _ - + = @ in relative paths, no "
		                "name starting with a point", name + strlen(SPEC));
	return AIC_OK;
}

static uint64_t tree_size(const char *path)
{
	char below[PATH_MAX];
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;
	DIR *dir = opendir(path);

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !aic_path_join(below, sizeof(below), path, e->d_name, NULL) &&
		    !lstat(below, &st))
			sum += S_ISDIR(st.st_mode) ? tree_size(below) : (uint64_t)st.st_size;
	if (dir)
		closedir(dir);
	return sum;
}

static aic_code write_piece(const char *path, uint64_t at, const uint8_t *data, size_t len, aic_error *err)
{
	char parent[PATH_MAX];
	aic_code rc;

	aic_str_copy(parent, sizeof(parent), path);
	*strrchr(parent, '/') = '\0';
	if ((rc = aic_dir_make(parent, 02750, err)) != AIC_OK)
		return rc;
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (at ? 0 : O_TRUNC), 0640);
	if (fd < 0 || lseek(fd, (off_t)at, SEEK_SET) < 0 || aic_write_all(fd, data, len) || fsync(fd))
		rc = aic_fail_errno(err, "cannot keep %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* [token, path, offset, bytes] */
static aic_code answer_put(aic_train_question *q, aic_error *err)
{
	char name[AIC_TRAIN_PATH_LEN + 8], folder[PATH_MAX], path[PATH_MAX];
	uint8_t token[AIC_TRAIN_TOKEN_LEN];
	size_t len = 0;
	aic_code rc = aic_train_take_file(q, token, name, err);

	if (rc != AIC_OK)
		return rc;
	uint64_t at = aic_cbor_uint(q->args);
	const uint8_t *data = aic_cbor_bytes(q->args, &len);
	if (!aic_cbor_ok(q->args) || len > AIC_TRAIN_PIECE)
		return aic_fail(err, AIC_USAGE, "a piece of a file is offset and at most %u bytes", AIC_TRAIN_PIECE);
	rc = aic_train_incoming(folder, q->d->home, q->who->uid, token, NULL, err);
	if (rc == AIC_OK && (at > AIC_TRAIN_UPLOAD_MAX || tree_size(folder) + len > AIC_TRAIN_UPLOAD_MAX))
		rc = aic_fail(err, AIC_FULL, "the files that the specification reads have more than %llu GiB: bring them to the site as a data set, "
		              "aic-dataset(1)", AIC_TRAIN_UPLOAD_MAX >> 30);
	if (rc == AIC_OK)
		rc = aic_train_incoming(path, q->d->home, q->who->uid, token, name, err);
	return rc == AIC_OK ? write_piece(path, at, data, len, err) : rc;
}

/* --- of runs that are there --- */

/* [job]: of the caller, or for an administrator anybody's. */
static aic_code take_run(aic_train_question *q, aic_train_run *r, aic_error *err)
{
	uint64_t job = aic_cbor_uint(q->args);

	if (!aic_cbor_ok(q->args) || job > UINT32_MAX)
		return aic_fail(err, AIC_USAGE, "a job's number is expected");
	aic_code rc = aic_train_run_find(r, q->d->home, (uint32_t)job, err);
	if (rc == AIC_OK && r->uid != q->who->uid && !aic_config_is_admin(q->d->config, q->who->uid, q->who->gid))
		return aic_fail(err, AIC_NOT_FOUND, "there is no training of yours with job %u: `aic train list` shows them", (unsigned)job);
	return rc;
}

static void put_run(aic_bytes *out, const aic_train_run *r)
{
	aic_cbor_put_array(out, 8);
	aic_cbor_put_uint(out, r->job);
	aic_cbor_put_text(out, r->name);
	aic_cbor_put_text(out, r->user);
	aic_cbor_put_text(out, r->account);
	aic_cbor_put_text(out, r->state);
	aic_cbor_put_text(out, r->why);
	aic_cbor_put_int(out, r->submitted);
	aic_cbor_put_int(out, r->ended);
}

/* [all] */
static aic_code answer_list(aic_train_question *q, aic_error *err)
{
	bool all = aic_cbor_bool(q->args);
	aic_train_run *runs;
	aic_bytes rows = {0};
	size_t n, shown = 0;

	if (!aic_cbor_ok(q->args))
		return aic_fail(err, AIC_USAGE, "a list is asked for with true (all) or false (own)");
	if (all && !aic_config_is_admin(q->d->config, q->who->uid, q->who->gid))
		return aic_fail(err, AIC_REFUSED, "only administrators (aic.yaml) see the trainings of all; leave out --all");
	aic_code rc = aic_train_run_list(&runs, &n, q->d->home, err);
	for (size_t i = 0; rc == AIC_OK && i < n; i++) {
		if (!all && runs[i].uid != q->who->uid)
			continue;
		put_run(&rows, &runs[i]);
		shown++;
	}
	free(runs);
	if (rc == AIC_OK) {
		aic_cbor_put_array(q->out, shown);
		aic_bytes_append(q->out, rows.data, rows.len);
		*q->items = 1;
	}
	aic_bytes_free(&rows);
	return rc;
}

static aic_code answer_show(aic_train_question *q, aic_error *err)
{
	aic_train_run r;
	aic_code rc = take_run(q, &r, err);

	if (rc == AIC_OK) {
		put_run(q->out, &r);
		*q->items = 1;
	}
	return rc;
}

static void put_files(aic_bytes *rows, size_t *n, const char *folder, const char *below, unsigned depth)
{
	char path[PATH_MAX], name[PATH_MAX], here[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	if (depth > DEPTH_MAX || aic_path_join(here, sizeof(here), folder, below, NULL) || !(dir = opendir(here)))
		return;
	while ((e = readdir(dir)) && *n < AIC_TRAIN_FILES_MAX) {
		aic_str_copy(name, sizeof(name), e->d_name);
		if (e->d_name[0] == '.' || (*below && aic_path_join(name, sizeof(name), below, e->d_name, NULL)) ||
		    aic_path_join(path, sizeof(path), folder, name, NULL) || lstat(path, &st) || !aic_train_is_path(name))
			continue;
		if (S_ISDIR(st.st_mode))
			put_files(rows, n, folder, name, depth + 1);
		else if (S_ISREG(st.st_mode) && strcmp(name, "run")) {
			aic_cbor_put_array(rows, 2);
			aic_cbor_put_text(rows, name);
			aic_cbor_put_uint(rows, (uint64_t)st.st_size);
			(*n)++;
		}
	}
	closedir(dir);
}

static aic_code answer_files(aic_train_question *q, aic_error *err)
{
	char folder[PATH_MAX];
	aic_bytes rows = {0};
	aic_train_run r;
	size_t n = 0;
	aic_code rc = take_run(q, &r, err);

	if (rc == AIC_OK)
		rc = aic_train_path(folder, q->d->home, r.token, NULL, err);
	if (rc != AIC_OK)
		return rc;
	put_files(&rows, &n, folder, "", 0);
	aic_cbor_put_array(q->out, n);
	aic_bytes_append(q->out, rows.data, rows.len);
	aic_bytes_free(&rows);
	*q->items = 1;
	return AIC_OK;
}

/* [job, path, offset] -> up to a piece of the file; nothing at its end, or where it is not there yet. */
static aic_code answer_get(aic_train_question *q, aic_error *err)
{
	char name[AIC_TRAIN_PATH_LEN] = "", path[PATH_MAX];
	aic_bytes data = {0};
	ssize_t got = 0;
	aic_train_run r;
	aic_code rc = take_run(q, &r, err);

	aic_cbor_text(q->args, name, sizeof(name));
	uint64_t at = aic_cbor_uint(q->args);
	if (rc == AIC_OK && (!aic_cbor_ok(q->args) || !aic_train_is_path(name) || at > INT64_MAX))
		rc = aic_fail(err, AIC_USAGE, "a piece of a training's file is asked for by path and offset");
	if (rc == AIC_OK)
		rc = aic_train_path(path, q->d->home, r.token, name, err);
	if (rc != AIC_OK)
		return rc;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	aic_bytes_reserve(&data, AIC_TRAIN_PIECE);
	if (fd >= 0 && (got = pread(fd, data.data, AIC_TRAIN_PIECE, (off_t)at)) < 0)
		rc = aic_fail_errno(err, "cannot read %s", name);
	else
		aic_cbor_put_bytes(q->out, data.data, (size_t)got);
	*q->items = 1;
	if (fd >= 0)
		close(fd);
	aic_bytes_free(&data);
	return rc;
}

static aic_code answer_cancel(aic_train_question *q, aic_error *err)
{
	aic_train_run r;
	aic_code rc = take_run(q, &r, err);

	if (rc == AIC_OK && r.ended)
		return aic_fail(err, AIC_REFUSED, "job %u has ended, %s: there is nothing to cancel", r.job, r.state);
	return rc == AIC_OK ? aic_train_scancel(r.job, err) : rc;
}

static aic_code answer_remove(aic_train_question *q, aic_error *err)
{
	char folder[PATH_MAX];
	aic_train_run r;
	aic_code rc = take_run(q, &r, err);

	if (rc == AIC_OK && !r.ended)
		return aic_fail(err, AIC_REFUSED, "job %u is %s: wait for its end, or cancel it first", r.job, r.state);
	if (rc == AIC_OK)
		rc = aic_train_path(folder, q->d->home, r.token, NULL, err);
	return rc == AIC_OK ? aic_dir_remove(folder, err) : rc;
}

aic_code aic_traind_answer(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *out_items,
                           aic_error *err)
{
	static const struct {
		const char *op;
		aic_code (*answer)(aic_train_question *q, aic_error *err);
	} operations[] = {
		{"train-put", answer_put},     {"train-submit", aic_train_answer_submit}, {"train-list", answer_list},
		{"train-show", answer_show},   {"train-files", answer_files},             {"train-get", answer_get},
		{"train-cancel", answer_cancel}, {"train-remove", answer_remove},
	};
	aic_train_question q = {ctx, who, args, out, out_items};

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].op, op))
			return operations[i].answer(&q, err);
	return aic_fail(err, AIC_USAGE, "aictraind knows no operation \"%s\": are both programs of the same version?", op);
}
