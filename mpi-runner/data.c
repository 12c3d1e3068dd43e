#include "mpi-runner/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"

#define DEFAULT_ROOTS "/var/lib/aic/data:/usr/share/datasets"

typedef struct {
	const char *name;
	aic_code (*open)(aic_data *d, const char *where, aic_error *err);
} format;

static const format formats[] = {
	{"idx", aic_idx_open},
	{"text", aic_text_open},
	{"csv", aic_csv_open},
	{"wav", aic_wav_open},
};

static const format *find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

static aic_code fail_format(const aic_spec *s, aic_error *err)
{
	char known[128] = "";
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		strcat(strcat(known, i ? ", " : ""), formats[i].name);
	return aic_yaml_fail(s->data_node, err, "data: format: \"%s\" is unknown; there are: %s", s->format, known);
}

static aic_code locate(const aic_spec *s, char *out, size_t size, aic_error *err)
{
	struct stat st;

	if (s->path[0]) {
		aic_spec_path(s, s->path, out, size);
		if (stat(out, &st) == 0)
			return AIC_OK;
		return aic_yaml_fail(s->data_node, err, "data: path: %s cannot be read on this node: check the path", out);
	}
	const char *roots = getenv("AIC_DATA_ROOT");
	roots = roots && *roots ? roots : DEFAULT_ROOTS;
	for (const char *p = roots; *p;) {
		size_t len = strcspn(p, ":");
		snprintf(out, size, "%.*s/%s", (int)len, p, s->asset);
		if (strstr(s->asset, "..") == NULL && stat(out, &st) == 0)
			return AIC_OK;
		p += len + (p[len] == ':');
	}
	const char *staged = getenv("AIC_DATASET_DIR"); /* what the job was submitted with */
	if (staged && *staged && strlen(staged) < size && stat(staged, &st) == 0) {
		aic_str_copy(out, size, staged);
		return AIC_OK;
	}
	return aic_yaml_fail(s->data_node, err, "data: asset: \"%s\" is in none of %s; install it there, set AIC_DATA_ROOT or give path:",
	                     s->asset, roots);
}

void aic_data_will_need(const void *at, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at / page * page;

	(void)madvise((void *)from, (uintptr_t)at + len - from, MADV_WILLNEED); /* advice: whatever comes of it */
}

static aic_code check_root(const aic_data *d, const char *where, aic_error *err)
{
	char have[2 * AIC_HASH_LEN + 1], want[2 * AIC_HASH_LEN + 1];

	if (!d->spec->has_root || aic_hash_equal(&d->digest, &d->spec->root))
		return AIC_OK;
	aic_hash_hex(have, &d->digest);
	aic_hash_hex(want, &d->spec->root);
	return aic_yaml_fail(aic_yaml_get(d->spec->data_node, "root"), err, "data: root: is %s, that of %s is %s: install the version that the "
	                     "specification means, or correct root", want, where, have);
}

aic_code aic_data_open(aic_data **out, const aic_spec *spec, aic_error *err)
{
	char where[2 * AIC_SPEC_TEXT];
	const format *f = find_format(spec->format);

	*out = NULL;
	if (!f)
		return fail_format(spec, err);
	aic_code rc = locate(spec, where, sizeof(where), err);
	if (rc != AIC_OK)
		return rc;
	aic_data *d = aic_xcalloc(1, sizeof(*d));
	d->spec = spec;
	rc = f->open(d, where, err);
	if (rc == AIC_OK)
		rc = check_root(d, where, err);
	d->prefetched = d->mapped / (size_t)sysconf(_SC_PAGESIZE) > (size_t)sysconf(_SC_PHYS_PAGES) / 2;
	if (rc == AIC_OK && (d->count[AIC_TRAIN] > UINT32_MAX || d->count[AIC_TEST] > UINT32_MAX))
		rc = aic_fail(err, AIC_USAGE, "%s: more than 2^32 - 1 samples in a part", where);
	if (rc == AIC_OK && d->count[AIC_TRAIN] < spec->batch)
		rc = aic_fail(err, AIC_USAGE, "%s: %zu samples to train on are less than one batch of %llu: lower train: batch", where,
		              d->count[AIC_TRAIN], (unsigned long long)spec->batch);
	if (rc != AIC_OK) {
		aic_data_close(d);
		return rc;
	}
	*out = d;
	return AIC_OK;
}

void aic_data_close(aic_data *d)
{
	if (!d)
		return;
	if (d->kind)
		d->kind->close(d);
	free(d);
}
