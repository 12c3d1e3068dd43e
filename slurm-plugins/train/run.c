#include "slurm-plugins/train/run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/file.h"

#define VERSION 1
#define FILE_MAX 65536
#define HEX_LEN (2 * AIC_TRAIN_TOKEN_LEN)

static aic_code printed(int n, aic_error *err)
{
	return n > 0 && n < PATH_MAX ? AIC_OK : aic_fail(err, AIC_USAGE, "a path of %d bytes is too long", n);
}

aic_code aic_train_incoming(char path[PATH_MAX], const char *home, uid_t uid, const uint8_t *token, const char *rest, aic_error *err)
{
	char hex[HEX_LEN + 1];

	aic_hex(hex, token, AIC_TRAIN_TOKEN_LEN);
	return printed(snprintf(path, PATH_MAX, "%s/incoming/%u-%s%s%s", home, (unsigned)uid, hex, rest ? "/" : "", rest ? rest : ""), err);
}

aic_code aic_train_path(char path[PATH_MAX], const char *home, const uint8_t *token, const char *rest, aic_error *err)
{
	char hex[HEX_LEN + 1];

	aic_hex(hex, token, AIC_TRAIN_TOKEN_LEN);
	return printed(snprintf(path, PATH_MAX, "%s/runs/%s%s%s", home, hex, rest ? "/" : "", rest ? rest : ""), err);
}

bool aic_train_is_path(const char *path)
{
	bool begins = true;

	for (const char *p = path; *p; p++) {
		if (begins && (*p == '.' || *p == '/' || *p == '-'))
			return false;
		if (!isalnum((unsigned char)*p) && !strchr("._-+=@ /", *p))
			return false;
		begins = *p == '/';
	}
	return !begins && strlen(path) < AIC_TRAIN_PATH_LEN;
}

aic_code aic_train_run_write(const aic_train_run *r, const char *folder, aic_error *err)
{
	char path[PATH_MAX];
	aic_bytes b = {0};
	aic_code rc = aic_path_join(path, sizeof(path), folder, "run", err);

	aic_cbor_put_array(&b, 12);
	aic_cbor_put_uint(&b, VERSION);
	aic_cbor_put_bytes(&b, r->token, sizeof(r->token));
	aic_cbor_put_uint(&b, r->uid);
	aic_cbor_put_text(&b, r->user);
	aic_cbor_put_text(&b, r->account);
	aic_cbor_put_text(&b, r->name);
	aic_cbor_put_text(&b, r->spec);
	aic_cbor_put_uint(&b, r->job);
	aic_cbor_put_text(&b, r->state);
	aic_cbor_put_text(&b, r->why);
	aic_cbor_put_int(&b, r->submitted);
	aic_cbor_put_int(&b, r->ended);
	if (rc == AIC_OK)
		rc = aic_file_write_atomic(path, b.data, b.len, 0640, err);
	aic_bytes_free(&b);
	return rc;
}

static aic_code parse(aic_train_run *r, const aic_bytes *b, const char *path, aic_error *err)
{
	aic_cbor c;

	memset(r, 0, sizeof(*r));
	aic_cbor_init(&c, b->data, b->len);
	aic_cbor_array_exact(&c, 12);
	if (aic_cbor_uint(&c) != VERSION)
		aic_cbor_fail(&c, "it is not of version %d", VERSION);
	aic_cbor_bytes_exact(&c, r->token, sizeof(r->token));
	r->uid = (uint32_t)aic_cbor_uint(&c);
	aic_cbor_text(&c, r->user, sizeof(r->user));
	aic_cbor_text(&c, r->account, sizeof(r->account));
	aic_cbor_text(&c, r->name, sizeof(r->name));
	aic_cbor_text(&c, r->spec, sizeof(r->spec));
	r->job = (uint32_t)aic_cbor_uint(&c);
	aic_cbor_text(&c, r->state, sizeof(r->state));
	aic_cbor_text(&c, r->why, sizeof(r->why));
	r->submitted = aic_cbor_int(&c);
	r->ended = aic_cbor_int(&c);
	if (aic_cbor_finish(&c, err) == AIC_OK)
		return AIC_OK;
	aic_error_prefix(err, "%s", path);
	return AIC_CORRUPT;
}

aic_code aic_train_run_read(aic_train_run *r, const char *home, const uint8_t *token, aic_error *err)
{
	char path[PATH_MAX];
	aic_bytes b = {0};
	aic_code rc = aic_train_path(path, home, token, "run", err);

	if (rc == AIC_OK)
		rc = aic_file_read(&b, path, FILE_MAX, err);
	if (rc == AIC_OK)
		rc = parse(r, &b, path, err);
	aic_bytes_free(&b);
	return rc;
}

aic_code aic_train_run_list(aic_train_run **runs, size_t *n, const char *home, aic_error *err)
{
	uint8_t token[AIC_TRAIN_TOKEN_LEN];
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	*runs = NULL;
	*n = 0;
	if (aic_path_join(path, sizeof(path), home, "runs", err))
		return err ? err->code : AIC_USAGE;
	if (!(dir = opendir(path)))
		return aic_fail_errno(err, "cannot list %s", path);
	while ((d = readdir(dir))) {
		if (!aic_unhex(token, sizeof(token), d->d_name))
			continue;
		*runs = aic_xrealloc(*runs, (*n + 1) * sizeof(**runs));
		*n += aic_train_run_read(&(*runs)[*n], home, token, NULL) == AIC_OK;
	}
	closedir(dir);
	return AIC_OK;
}

aic_code aic_train_run_find(aic_train_run *r, const char *home, uint32_t job, aic_error *err)
{
	aic_train_run *all;
	size_t n;
	aic_code rc = aic_train_run_list(&all, &n, home, err);
	bool found = false;

	for (size_t i = 0; rc == AIC_OK && i < n && !found; i++)
		if ((found = job && all[i].job == job))
			*r = all[i];
	free(all);
	if (rc != AIC_OK || found)
		return rc;
	return aic_fail(err, AIC_NOT_FOUND, "there is no training of yours with job %u: `aic train list` shows them", job);
}
