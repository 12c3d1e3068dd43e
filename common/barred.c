#include "common/barred.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define HEAD "aic-barred 1\n"
#define FILE_MAX (16u << 20)

aic_code aic_barred_path(char path[AIC_PATH_LEN], const aic_config *c, aic_error *err)
{
	char dir[AIC_PATH_LEN];

	aic_str_copy(dir, sizeof(dir), c->snapshot);
	char *slash = strrchr(dir, '/');
	if (!slash)
		return aic_fail(err, AIC_USAGE, "paths.snapshot \"%s\" is no absolute path", c->snapshot);
	*slash = '\0';
	return aic_path_join(path, AIC_PATH_LEN, dir, "barred", err);
}

void aic_barred_add(aic_barred *b, const char *node, int64_t since, const char *reason)
{
	if (!(b->n & (b->n - 1)))
		b->node = aic_xrealloc(b->node, (b->n ? 2 * b->n : 1) * sizeof(*b->node));
	aic_barred_node *n = &b->node[b->n++];
	n->since = since;
	aic_str_copy(n->node, sizeof(n->node), node);
	aic_str_copy(n->reason, sizeof(n->reason), reason);
	for (char *p = n->reason; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

void aic_barred_free(aic_barred *b)
{
	free(b->node);
	memset(b, 0, sizeof(*b));
}

void aic_barred_encode(aic_bytes *out, const aic_barred *b)
{
	aic_bytes_append_str(out, HEAD);
	for (size_t i = 0; i < b->n; i++)
		aic_bytes_printf(out, "%s %" PRId64 " %s\n", b->node[i].node, b->node[i].since, b->node[i].reason);
}

static bool read_line(aic_barred *b, char *line)
{
	char *since = strchr(line, ' '), *reason = since ? strchr(since + 1, ' ') : NULL, *end;

	if (!reason || since == line)
		return false;
	*since++ = *reason++ = '\0';
	int64_t at = strtoll(since, &end, 10);
	if (*end || end == since || at < 0)
		return false;
	aic_barred_add(b, line, at, reason);
	return true;
}

static aic_code read_all(aic_barred *b, char *text, const char *path, aic_error *err)
{
	size_t number = 1;

	if (strncmp(text, HEAD, strlen(HEAD)))
		return aic_fail(err, AIC_CORRUPT, "%s does not begin with \"aic-barred 1\": remove it, aicacctd writes it anew", path);
	for (char *line = text + strlen(HEAD), *next; *line; line = next) {
		next = strchr(line, '\n');
		number++;
		if (!next)
			return aic_fail(err, AIC_CORRUPT, "%s: line %zu is cut off: remove the file, aicacctd writes it anew", path, number);
		*next++ = '\0';
		if (!read_line(b, line))
			return aic_fail(err, AIC_CORRUPT, "%s: line %zu is not \"NODE SINCE REASON\": remove the file, aicacctd writes it anew", path, number);
	}
	return AIC_OK;
}

aic_code aic_barred_load(aic_barred *b, const aic_config *c, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_bytes text = {0};
	aic_code rc = aic_barred_path(path, c, err);

	memset(b, 0, sizeof(*b));
	if (rc == AIC_OK)
		rc = aic_file_read(&text, path, FILE_MAX, err);
	if (rc == AIC_NOT_FOUND)
		return AIC_OK;
	aic_bytes_append(&text, "", 1);
	if (rc == AIC_OK)
		rc = read_all(b, (char *)text.data, path, err);
	aic_bytes_free(&text);
	return rc;
}

const aic_barred_node *aic_barred_find(const aic_barred *b, const char *node)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->node[i].node, node))
			return &b->node[i];
	return NULL;
}
