#include "slurm-plugins/dataset/names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define TEXT_MAX 256
#define SLASH "%2F" /* '%' is in no name */

static aic_code name_path(char path[PATH_MAX], const char *folder, const char *name, aic_error *err)
{
	char file[3 * AIC_NAME_LEN], *out = file;

	for (; *name && out < file + sizeof(file) - sizeof(SLASH); name++) {
		if (*name == '/')
			out = stpcpy(out, SLASH);
		else
			*out++ = *name;
	}
	*out = '\0';
	return aic_path_join(path, PATH_MAX, folder, file, err);
}

static char *plain_name(const char *file)
{
	char *name = aic_xstrdup(file), *out = name;

	for (const char *p = file; *p; p++) {
		bool slash = !strncmp(p, SLASH, sizeof(SLASH) - 1);

		*out++ = slash ? '/' : *p;
		p += slash ? sizeof(SLASH) - 2 : 0;
	}
	*out = '\0';
	return name;
}

static bool parse(aic_hash *root, aic_bytes *text)
{
	if (text->len != AIC_ROOT_TEXT || text->data[AIC_ROOT_TEXT - 1] != '\n')
		return false;
	text->data[AIC_ROOT_TEXT - 1] = '\0';
	return aic_unhex(root->b, AIC_HASH_LEN, (char *)text->data);
}

aic_code aic_name_get(aic_hash *root, const char *folder, const char *name, aic_error *err)
{
	aic_bytes text = {0};
	char path[PATH_MAX];
	aic_code rc = name_path(path, folder, name, err);

	if (rc == AIC_OK)
		rc = aic_file_read(&text, path, TEXT_MAX, err);
	if (rc == AIC_OK && !parse(root, &text))
		rc = aic_fail(err, AIC_CORRUPT, "%s does not hold a content root: add the data set again", path);
	aic_bytes_free(&text);
	return rc;
}

aic_code aic_name_put(const char *folder, const char *name, const aic_hash *root, aic_error *err)
{
	char path[PATH_MAX], text[AIC_ROOT_TEXT];
	aic_code rc = name_path(path, folder, name, err);

	aic_hash_hex(text, root);
	text[AIC_ROOT_TEXT - 1] = '\n';
	return rc ? rc : aic_file_write_atomic(path, text, AIC_ROOT_TEXT, 0644, err);
}

aic_code aic_name_remove(const char *folder, const char *name, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = name_path(path, folder, name, err);

	if (rc == AIC_OK && unlink(path) && errno != ENOENT)
		rc = aic_fail_errno(err, "cannot remove %s", path);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

aic_code aic_names_list(char ***names, size_t *n, const char *folder, aic_error *err)
{
	struct dirent *e;
	DIR *dir = opendir(folder);

	*names = NULL;
	*n = 0;
	if (!dir)
		return aic_fail_errno(err, "cannot read %s", folder);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		*names = aic_xrealloc(*names, (*n + 1) * sizeof(**names));
		(*names)[(*n)++] = plain_name(e->d_name);
	}
	closedir(dir);
	if (*n)
		qsort(*names, *n, sizeof(**names), by_text);
	return AIC_OK;
}

void aic_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
