#include "slurm-plugins/node/node_dir.h"

#include <stdio.h>
#include <string.h>

aic_code aic_node_dir_expand(char *buf, size_t size, const char *pattern, const char *node, aic_error *err)
{
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		const char *piece = p;
		size_t len = 1;

		if (p[0] == '%' && p[1] == 'n') {
			piece = node;
			len = strlen(node);
			p++;
		}
		if (n + len >= size)
			return aic_fail(err, AIC_USAGE, "the node's directory \"%s\" has more than %zu characters: give a shorter one", pattern,
			                size - 1);
		memcpy(buf + n, piece, len);
		n += len;
	}
	buf[n] = '\0';
	return AIC_OK;
}

aic_code aic_receipt_path(char *buf, size_t size, const char *node_dir, const aic_receipt *r, aic_error *err)
{
	int n = snprintf(buf, size, "%s/" AIC_RECEIPTS_DIR "/%u.%u.%u" AIC_RECEIPT_SUFFIX, node_dir, r->job_id, r->restart, r->step_id);

	if (n < 0 || (size_t)n >= size)
		return aic_fail(err, AIC_USAGE, "the path of a receipt below %s needs %d characters, %zu fit", node_dir, n, size - 1);
	return AIC_OK;
}
