#include "slurm-plugins/dataset/answer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "slurm-plugins/dataset/names.h"
#include "slurm-plugins/dataset/want.h"
#include "slurm-plugins/option.h"

typedef struct {
	const aic_answers *a;
	const aic_rpc_caller *who;
	aic_cbor *args;
	aic_bytes *out;
	size_t *items;
} question;

static aic_code need_root(const question *q, aic_error *err)
{
	if (q->who->uid == 0)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "data sets are given to nodes alone, by their uid 0; this is uid %u", (unsigned)q->who->uid);
}

static aic_code need_administrator(const question *q, aic_error *err)
{
	if (aic_config_is_admin(q->a->config, q->who->uid, q->who->gid))
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "only administrators (aic.yaml) may do that; this is uid %u", (unsigned)q->who->uid);
}

/* --- for other nodes --- */

/* Which data set, that is whole here. */
static aic_code take_root(question *q, aic_cache_entry *e, aic_error *err)
{
	aic_hash root;

	aic_cbor_bytes_exact(q->args, root.b, sizeof(root.b));
	if (!aic_cbor_ok(q->args))
		return aic_fail(err, AIC_USAGE, "a content root of %d bytes is expected", AIC_HASH_LEN);
	if (aic_cache_get(e, q->a->cache, &root, err) != AIC_OK)
		return AIC_NOT_FOUND;
	return e->checked ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "the data set is not whole here");
}

static aic_code read_manifest(question *q, const aic_hash *root, aic_bytes *bytes, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_cache_path(path, q->a->cache, root, "manifest", err);

	return rc ? rc : aic_file_read(bytes, path, AIC_RPC_BODY_MAX / 2, err);
}

static aic_code answer_manifest(question *q, aic_error *err)
{
	aic_bytes bytes = {0};
	aic_cache_entry e;
	aic_code rc = need_root(q, err);

	if (rc == AIC_OK)
		rc = take_root(q, &e, err);
	if (rc == AIC_OK)
		rc = read_manifest(q, &e.root, &bytes, err);
	if (rc == AIC_OK) {
		aic_cbor_put_bytes(q->out, bytes.data, bytes.len);
		*q->items = 1;
	}
	aic_bytes_free(&bytes);
	return rc;
}

static aic_code answer_has(question *q, aic_error *err)
{
	aic_cache_entry e;
	aic_code rc = need_root(q, err);

	return rc ? rc : take_root(q, &e, err);
}

/* [root, path, offset, length]: the asker has the manifest, and checks what it gets. */
static aic_code answer_piece(question *q, aic_error *err)
{
	char path[PATH_MAX], name[AIC_DATASET_PATH_LEN + 8] = "files/";
	uint64_t at, len;
	aic_bytes data = {0};
	aic_cache_entry e;
	ssize_t got = -1;
	aic_code rc = need_root(q, err);
	int fd;

	if (rc == AIC_OK)
		rc = take_root(q, &e, err);
	aic_cbor_text(q->args, name + 6, sizeof(name) - 6);
	at = aic_cbor_uint(q->args);
	len = aic_cbor_uint(q->args);
	if (rc == AIC_OK && (!aic_cbor_ok(q->args) || !aic_dataset_is_path(name + 6) || at > INT64_MAX / 2 || len > AIC_CHUNK_SIZE_MAX))
		rc = aic_fail(err, AIC_USAGE, "a piece of a data set is asked for by path, offset and length");
	if (rc == AIC_OK)
		rc = aic_cache_path(path, q->a->cache, &e.root, name, err);
	if (rc != AIC_OK)
		return rc;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	aic_bytes_reserve(&data, (size_t)len + 1);
	if (fd >= 0)
		got = pread(fd, data.data, (size_t)len, (off_t)at);
	if (got != (ssize_t)len)
		rc = aic_fail(err, AIC_NOT_FOUND, "the data set has no %llu bytes at %llu of that file here", (unsigned long long)len,
		              (unsigned long long)at);
	else
		aic_cbor_put_bytes(q->out, data.data, (size_t)len);
	*q->items = 1;
	if (fd >= 0)
		close(fd);
	aic_bytes_free(&data);
	return rc;
}

/* --- for people --- */

/* The reports of a job's steps here, or of what was warmed (job 0). */
static bool is_report(const char *file, uint32_t job, uint32_t *restart, uint32_t *step)
{
	unsigned id;
	int end = 0;

	*restart = *step = 0;
	if (!job)
		return sscanf(file, "warm-%10u" AIC_STAGE_SUFFIX "%n", &id, &end) == 1 && end && !file[end];
	return sscanf(file, "%10u.%10u.%10u" AIC_STAGE_SUFFIX "%n", &id, restart, step, &end) == 3 && end && !file[end] && id == job;
}

static void put_report(question *q, const char *folder, const char *file, uint32_t restart, uint32_t step, uint64_t *n, aic_bytes *rows)
{
	char path[PATH_MAX];
	aic_stage_report r;

	if (aic_path_join(path, sizeof(path), folder, file, NULL) || aic_stage_read(&r, path, NULL) != AIC_OK)
		return;
	(void)q;
	aic_cbor_put_array(rows, 6);
	aic_cbor_put_uint(rows, restart);
	aic_cbor_put_uint(rows, step);
	aic_cbor_put_text(rows, aic_stage_names[r.state]);
	aic_cbor_put_uint(rows, r.done);
	aic_cbor_put_uint(rows, r.bytes);
	aic_cbor_put_text(rows, r.state == AIC_STAGE_READY ? "" : r.text);
	(*n)++;
}

static aic_code answer_where(question *q, aic_error *err)
{
	uint64_t job = aic_cbor_uint(q->args), n = 0;
	char folder[PATH_MAX];
	aic_bytes rows = {0};
	uint32_t restart, step;
	struct dirent *d;
	DIR *dir;

	if (!aic_cbor_ok(q->args) || job > UINT32_MAX)
		return aic_fail(err, AIC_USAGE, "a job's number is expected");
	if (aic_path_join(folder, sizeof(folder), q->a->node_dir, AIC_WANTS_DIR, err) || !(dir = opendir(folder)))
		return aic_fail(err, AIC_NOT_FOUND, "no data sets are staged on this node");
	while ((d = readdir(dir)))
		if (is_report(d->d_name, (uint32_t)job, &restart, &step))
			put_report(q, folder, d->d_name, restart, step, &n, &rows);
	closedir(dir);
	aic_cbor_put_array(q->out, n);
	aic_bytes_append(q->out, rows.data, rows.len);
	aic_bytes_free(&rows);
	*q->items = 1;
	return AIC_OK;
}

static void put_held(question *q, const char *names, const char *name, uint64_t *n, aic_bytes *rows)
{
	aic_cache_entry e;
	aic_hash root;

	if (aic_name_get(&root, names, name, NULL) != AIC_OK || aic_cache_get(&e, q->a->cache, &root, NULL) != AIC_OK)
		return;
	aic_cbor_put_array(rows, 5);
	aic_cbor_put_text(rows, name);
	aic_cbor_put_bytes(rows, root.b, sizeof(root.b));
	aic_cbor_put_uint(rows, e.bytes);
	aic_cbor_put_uint(rows, (uint64_t)e.checked);
	aic_cbor_put_uint(rows, (uint64_t)e.used);
	(*n)++;
}

static aic_code answer_holds(question *q, aic_error *err)
{
	char folder[PATH_MAX], **name = NULL;
	aic_bytes rows = {0};
	uint64_t held = 0;
	size_t n = 0;
	aic_code rc = aic_path_join(folder, sizeof(folder), q->a->cache->dir, "names", err);

	if (rc == AIC_OK)
		rc = aic_names_list(&name, &n, folder, err);
	for (size_t i = 0; i < n; i++)
		put_held(q, folder, name[i], &held, &rows);
	aic_names_free(name, n);
	if (rc == AIC_OK) {
		aic_cbor_put_array(q->out, held);
		aic_bytes_append(q->out, rows.data, rows.len);
		*q->items = 1;
	}
	aic_bytes_free(&rows);
	return rc;
}

static aic_code take_name(question *q, char name[AIC_NAME_LEN], aic_error *err)
{
	aic_code rc = need_administrator(q, err);

	aic_cbor_text(q->args, name, AIC_NAME_LEN);
	if (rc == AIC_OK && (!aic_cbor_ok(q->args) || !aic_option_valid(name)))
		rc = aic_fail(err, AIC_USAGE, "the name of a data set is expected");
	return rc;
}

static aic_code answer_warm(question *q, aic_error *err)
{
	aic_want w = {.uid = q->who->uid};
	aic_code rc = take_name(q, w.dataset, err);

	aic_random(&w.job_id, sizeof(w.job_id));
	return rc ? rc : aic_want_write(q->a->node_dir, &w, err);
}

static aic_code answer_evict(question *q, aic_error *err)
{
	char name[AIC_NAME_LEN];
	aic_code rc = take_name(q, name, err);

	return rc ? rc : q->a->evict(q->a->ctx, name, err);
}

aic_code aic_dataset_answer(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *out_items,
                            aic_error *err)
{
	static const struct {
		const char *op;
		aic_code (*answer)(question *q, aic_error *err);
	} operations[] = {
		{"dataset-has", answer_has},     {"dataset-manifest", answer_manifest}, {"dataset-piece", answer_piece},
		{"dataset-where", answer_where}, {"dataset-holds", answer_holds},       {"dataset-warm", answer_warm},
		{"dataset-evict", answer_evict},
	};
	question q = {ctx, who, args, out, out_items};

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].op, op))
			return operations[i].answer(&q, err);
	return aic_fail(err, AIC_USAGE, "aicnoded knows no operation \"%s\": are both programs of the same version?", op);
}
