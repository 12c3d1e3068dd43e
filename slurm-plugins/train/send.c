/* send.c: a copy of all that a training reads goes to the site, before it is submitted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/process.h"
#include "slurm-plugins/train/client.h"
#include "slurm-plugins/train/serve.h"

#define PROGRAM AIC_BINDIR "/aic-train"

typedef struct {
	aic_train_client *c;
	const uint8_t *token;
	const char *base;          /* folder of the specification */
} sending;

static aic_code send_file(const sending *s, const char *from, const char *as, aic_error *err)
{
	uint8_t *piece = aic_xmalloc(AIC_TRAIN_PIECE);
	uint64_t at = 0;
	ssize_t got = -1;
	aic_code rc = AIC_OK;
	int fd = open(from, O_RDONLY | O_CLOEXEC);

	do {
		if (fd < 0 || (got = read(fd, piece, AIC_TRAIN_PIECE)) < 0)
			rc = aic_fail_errno(err, "cannot read %s", from);
		else if (got > 0 || at == 0)
			rc = aic_train_put(s->c, s->token, as, at, piece, (size_t)got, err);
		at += got > 0 ? (uint64_t)got : 0;
	} while (rc == AIC_OK && got > 0);
	if (fd >= 0)
		close(fd);
	free(piece);
	return rc;
}

static aic_code send_path(const sending *s, const char *path, aic_error *err);

static aic_code send_folder(const sending *s, const char *from, const char *path, aic_error *err)
{
	char below[PATH_MAX];
	struct dirent *e;
	aic_code rc = AIC_OK;
	DIR *dir = opendir(from);

	if (!dir)
		return aic_fail_errno(err, "cannot list %s", from);
	while (rc == AIC_OK && (e = readdir(dir)))
		if (e->d_name[0] != '.' && (rc = aic_path_join(below, sizeof(below), path, e->d_name, err)) == AIC_OK)
			rc = send_path(s, below, err);
	closedir(dir);
	return rc;
}

/* path as the specification says it. */
static aic_code send_path(const sending *s, const char *path, aic_error *err)
{
	char from[PATH_MAX];
	struct stat st;

	while (!strncmp(path, "./", 2))
		path += 2;
	if (!aic_train_is_path(path))
		return aic_fail(err, AIC_USAGE, "\"%s\" cannot be copied to the site: what a specification reads must lie beside it or below, in names of "
		                "letters, digits and . _ - + = @ that start with no point; else bring it as a data set (aic-dataset(1))", path);
	if (aic_path_join(from, sizeof(from), s->base, path, err))
		return AIC_USAGE;
	if (stat(from, &st))
		return aic_fail_errno(err, "cannot read %s, which the specification names", from);
	return S_ISDIR(st.st_mode) ? send_folder(s, from, path, err) : send_file(s, from, path, err);
}

/* What `aic-train files` printed, or the mistakes that it found. */
static aic_code ask_files(const char *spec, aic_bytes *said, aic_error *err)
{
	const char *argv[] = {PROGRAM, "files", spec, NULL};
	int status = 0;
	aic_code rc = aic_process_run(argv, "", said, &status, err);
	const char *text;

	aic_bytes_append(said, "", 1);
	if (rc != AIC_OK || status == 0)
		return rc;
	text = (const char *)said->data;
	if (!strncmp(text, "aic-train: ", 11))
		text += 11;
	return aic_fail(err, AIC_USAGE, "%.*s", (int)strcspn(text, "\n"), text);
}

static aic_code send_line(const sending *s, char *line, aic_train_run *r, char dataset[AIC_NAME_LEN], aic_error *err)
{
	char *word = strchr(line, ' ');

	if (!word)
		return AIC_OK;
	*word++ = '\0';
	if (!strcmp(line, "path"))
		return send_path(s, word, err);
	if (!strcmp(line, "asset") && !dataset[0])
		aic_str_copy(dataset, AIC_NAME_LEN, word);
	if (!strcmp(line, "name") && !r->name[0])
		aic_str_copy(r->name, sizeof(r->name), word);
	return AIC_OK;
}

aic_code aic_train_send(aic_train_client *c, const char *spec, aic_train_run *r, char dataset[AIC_NAME_LEN], aic_error *err)
{
	char *path = aic_xstrdup(spec), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : spec;
	sending s = {c, r->token, !slash ? "." : slash == path ? "/" : path};
	aic_bytes said = {0};
	aic_code rc = ask_files(spec, &said, err);

	if (slash)
		*slash = '\0';
	aic_random(r->token, sizeof(r->token));
	aic_str_copy(r->spec, sizeof(r->spec), name);
	if (rc == AIC_OK)
		rc = send_path(&s, name, err);
	for (char *save, *line = strtok_r((char *)said.data, "\n", &save); line && rc == AIC_OK; line = strtok_r(NULL, "\n", &save))
		rc = send_line(&s, line, r, dataset, err);
	aic_bytes_free(&said);
	free(path);
	return rc;
}
