/* source.c: an archive from files; see source.h. */
#include "ledger/archive/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/archive/record.h"
#include "ledger/audit/export_format.h"

typedef struct {
	char *path;
	bool directory;
	FILE *file;
	uint64_t at;  /* height of the record that `file` is before, where that is known */
	bool known;
} files;

/* The segment of an export that holds the height; AIC_NOT_FOUND: the export ends before it. */
static aic_code open_segment(files *f, uint64_t height, aic_error *err)
{
	char name[AIC_MANIFEST_NAME_LEN];
	uint64_t first = height / AIC_EXPORT_SEGMENT_BLOCKS * AIC_EXPORT_SEGMENT_BLOCKS;
	char *path = aic_xasprintf("%s/%s", f->path, aic_export_segment_name(name, first));

	if (f->file)
		fclose(f->file);
	f->file = fopen(path, "re");
	f->at = first;
	f->known = true;
	aic_code code = f->file ? AIC_OK : AIC_NOT_FOUND;
	if (!f->file && height == 0)
		aic_fail(err, AIC_NOT_FOUND, "%s is missing: give the directory of an export, or a file of records", path);
	free(path);
	return code;
}

/* One record, appended to out; AIC_NOT_FOUND at the end of the file. */
static aic_code read_record(files *f, aic_bytes *out, aic_error *err)
{
	uint8_t length[4];
	size_t n = fread(length, 1, sizeof(length), f->file), size = n == sizeof(length) ? aic_record_size(length) : sizeof(length);

	if (n == 0 && feof(f->file))
		return AIC_NOT_FOUND;
	if (ferror(f->file))
		return aic_fail_errno(err, "cannot read");
	aic_bytes_append(out, length, n);
	if (n < sizeof(length) || !size)
		return AIC_OK; /* whoever reads the record says what is wrong with it */
	aic_bytes_reserve(out, size - sizeof(length));
	n = fread(out->data + out->len, 1, size - sizeof(length), f->file);
	out->len += n;
	return AIC_OK;
}

/* Records below `from` are passed over. */
static aic_code read_on(files *f, uint64_t from, aic_bytes *records, aic_error *err)
{
	aic_code code = AIC_OK;

	while (records->len < AIC_SOURCE_AT_ONCE) {
		size_t start = records->len, used;
		aic_record r;

		if ((code = read_record(f, records, err)) ||
		    (code = aic_record_get(&r, records->data + start, records->len - start, &used, err)))
			break;
		if (!f->known && r.height > from) {
			code = aic_fail(err, AIC_NOT_FOUND, "it begins at height %llu, and %llu is needed: give an archive that goes back to there",
			                (unsigned long long)r.height, (unsigned long long)from);
			break;
		}
		f->known = true;
		f->at = r.height + 1;
		if (r.height < from)
			records->len = start;
	}
	return code;
}

static aic_code read_files(void *self, uint64_t from, aic_bytes *records, aic_error *err)
{
	files *f = self;
	aic_error why = {0};
	aic_code code = AIC_OK;

	if (f->directory && (!f->known || f->at != from || (f->at && f->at % AIC_EXPORT_SEGMENT_BLOCKS == 0)))
		code = open_segment(f, from, &why);
	else if (!f->directory && f->known && f->at != from) {
		rewind(f->file);
		f->known = false;
	}
	if (!code)
		code = read_on(f, from, records, &why);
	if (code == AIC_NOT_FOUND && !why.message[0])
		return AIC_OK;
	if (err)
		*err = why;
	return code;
}

static void close_files(void *self)
{
	files *f = self;

	if (f->file)
		fclose(f->file);
	free(f->path);
	free(f);
}

#ifndef AIC_WITH_ETCD
aic_code aic_source_peer(aic_source *s, const char *url, const aic_key *me, const uint8_t (*pin)[AIC_PUBLIC_LEN], size_t n, aic_error *err)
{
	(void)me, (void)pin, (void)n;
	*s = (aic_source){.read = NULL};
	return aic_fail(err, AIC_USAGE, "this build cannot ask %s: build it with libcurl and jansson, or fetch the archive as a file", url);
}
#endif

aic_code aic_source_file(aic_source *s, const char *path, aic_error *err)
{
	struct stat st;
	files *f;

	*s = (aic_source){.read = NULL};
	if (stat(path, &st) != 0)
		return aic_fail_errno(err, "cannot look at %s", path);
	f = aic_xcalloc(1, sizeof(*f));
	f->path = aic_xstrdup(path);
	f->directory = S_ISDIR(st.st_mode);
	if (!f->directory && !(f->file = fopen(path, "re"))) {
		aic_code code = aic_fail_errno(err, "cannot open %s", path);
		close_files(f);
		return code;
	}
	*s = (aic_source){.read = read_files, .close = close_files, .self = f};
	aic_str_copy(s->name, sizeof(s->name), path);
	return AIC_OK;
}
