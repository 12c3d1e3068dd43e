/* export.c: writing an export; see export.h. */
#include "ledger/audit/export.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "ledger/archive/record.h"
#include "ledger/audit/export_format.h"

/* A file being written: its bytes go through its hash. */
typedef struct {
	aic_manifest_file as; /* what the manifest will say */
	int fd;
	aic_sha256 *hash;
} output;

typedef struct {
	const char *dir;
	aic_copy *from;
	aic_state *copy; /* from->state */
	output segment, journal;
	aic_manifest manifest;
} exporter;

static aic_code begin_file(const exporter *x, output *f, const char *name, aic_error *err)
{
	char *path = aic_xasprintf("%s/%s", x->dir, name);

	f->as = (aic_manifest_file){.bytes = 0};
	aic_str_copy(f->as.name, sizeof(f->as.name), name);
	f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	aic_code code = f->fd < 0 ? aic_fail_errno(err, "cannot create %s", path) : AIC_OK;
	free(path);
	if (!code)
		f->hash = aic_sha256_new();
	return code;
}

static aic_code write_file(output *f, const void *data, size_t len, aic_error *err)
{
	aic_sha256_update(f->hash, data, len);
	f->as.bytes += len;
	return aic_write_all(f->fd, data, len) ? aic_fail_errno(err, "cannot write %s", f->as.name) : AIC_OK;
}

static aic_code end_file(exporter *x, output *f, aic_error *err)
{
	if (f->fd < 0)
		return AIC_OK;
	f->as.hash = aic_sha256_final(f->hash);
	aic_sha256_free(f->hash);
	aic_manifest_add(&x->manifest, &f->as);
	int rc = fsync(f->fd);
	rc |= close(f->fd);
	f->fd = -1;
	return rc ? aic_fail_errno(err, "cannot write %s", f->as.name) : AIC_OK;
}

static void abandon_file(output *f)
{
	if (f->fd < 0)
		return;
	aic_sha256_free(f->hash);
	close(f->fd);
	f->fd = -1;
}

static aic_code export_height(exporter *x, uint64_t height, aic_error *err)
{
	aic_bytes events = {0}, record = {0}, entries = {0};
	char name[AIC_MANIFEST_NAME_LEN];
	int64_t time;
	aic_code code = AIC_OK;

	if (height % AIC_EXPORT_SEGMENT_BLOCKS == 0 && !(code = end_file(x, &x->segment, err)))
		code = begin_file(x, &x->segment, aic_export_segment_name(name, height), err);
	if (!code && (code = aic_record_read(&record, x->from, height, err)) == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_CORRUPT, "height %llu: the block is missing from state.db", (unsigned long long)height);
	if (!code && !(code = aic_state_events(x->copy, height, &events, &time, err)) &&
	    !(code = write_file(&x->segment, record.data, record.len, err)) &&
	    !(code = aic_journal_block(&entries, height, time, &events, err)))
		code = write_file(&x->journal, entries.data, entries.len, err);
	aic_bytes_free(&events);
	aic_bytes_free(&record);
	aic_bytes_free(&entries);
	return code;
}

static aic_code must_be_empty(const char *dir, aic_error *err)
{
	aic_code code = aic_dir_make(dir, 0755, err);
	DIR *d = code ? NULL : opendir(dir);

	if (code)
		return code;
	if (!d)
		return aic_fail_errno(err, "cannot read %s", dir);
	for (struct dirent *e; !code && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			code = aic_fail(err, AIC_REFUSED, "%s is not empty: give a new directory", dir);
	closedir(d);
	return code;
}

static aic_code run(exporter *x, aic_verify_progress progress, void *ctx, aic_error *err)
{
	const aic_head *head = aic_state_head(x->copy);
	aic_code code;

	x->manifest = (aic_manifest){.chain = head->chain, .height = head->height, .head = head->hash, .state = head->root};
	if ((code = begin_file(x, &x->journal, AIC_EXPORT_JOURNAL, err)))
		return code;
	for (uint64_t h = 0; h <= head->height && !code; h++) {
		code = export_height(x, h, err);
		if (progress && (h % AIC_EXPORT_SEGMENT_BLOCKS == 0 || h == head->height))
			progress(ctx, h, head->height);
	}
	if (!code && !(code = end_file(x, &x->segment, err)) && !(code = end_file(x, &x->journal, err)) &&
	    !(code = aic_manifest_write(&x->manifest, "export", x->dir, 0644, err)))
		code = aic_dir_sync(x->dir, err);
	return code;
}

aic_code aic_ledger_export(aic_copy *copy, const char *out, aic_verify_progress progress, void *ctx, aic_verified *done,
                           aic_error *err)
{
	exporter x = {.dir = out, .from = copy, .copy = copy->state, .segment = {.fd = -1}, .journal = {.fd = -1}};
	aic_code code;

	memset(done, 0, sizeof(*done));
	if (!(code = must_be_empty(out, err)) && !(code = run(&x, progress, ctx, err))) {
		const aic_head *head = aic_state_head(x.copy);

		*done = (aic_verified){.blocks = head->height + 1, .transactions = head->transactions, .chain = head->chain,
		                       .head = head->hash, .root = head->root};
	}
	abandon_file(&x.segment);
	abandon_file(&x.journal);
	aic_manifest_clear(&x.manifest);
	return code;
}
