#include "slurm-plugins/node/signed.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/file.h"

#define LINE_MAX_BYTES 256

static const char *what(aic_task_kind kind)
{
	return kind == AIC_TASK_BLOCK ? "block" : "attestation";
}

static aic_code path_of(char path[PATH_MAX], const char *node_dir, aic_task_kind kind, const aic_hash *chain, aic_error *err)
{
	char dir[PATH_MAX], hex[2 * AIC_HASH_LEN + 1], name[NAME_MAX];
	aic_code rc = aic_path_join(dir, sizeof(dir), node_dir, AIC_SIGNED_DIR, err);

	aic_hash_hex(hex, chain);
	snprintf(name, sizeof(name), "%s.%s", hex, what(kind));
	if (!rc)
		rc = aic_dir_make(dir, 0700, err);
	return rc ? rc : aic_path_join(path, PATH_MAX, dir, name, err);
}

/* The highest that was signed; height 0 where nothing was. */
static aic_code load(uint64_t *height, aic_hash *hash, const char *path, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1] = "";
	unsigned long long number = 0;
	aic_bytes data = { 0 };
	aic_error why;
	aic_code rc = aic_file_read(&data, path, LINE_MAX_BYTES, &why);
	int end = 0;

	*height = 0;
	if (rc == AIC_NOT_FOUND)
		return AIC_OK;
	aic_bytes_append(&data, "", 1);
	if (!rc && (sscanf((char *)data.data, "aic-signed 1 %llu %64[0-9a-f]%n", &number, hex, &end) != 2 ||
	            strcmp((char *)data.data + end, "\n") || !number || !aic_unhex(hash->b, sizeof(hash->b), hex)))
		rc = AIC_CORRUPT;
	aic_bytes_free(&data);
	if (rc && rc != AIC_CORRUPT)
		return aic_fail(err, rc, "%s", why.message);
	if (rc)
		return aic_fail(err, AIC_CORRUPT, "%s does not say what this node's key has signed, so it signs nothing: move node.key away,"
		                " restart aicnoded, and have an administrator forget the old key (aic doctor --forget-node)", path);
	*height = number;
	return AIC_OK;
}

static aic_code store(const char *path, uint64_t height, const aic_hash *hash, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1], line[LINE_MAX_BYTES];
	int n;

	aic_hash_hex(hex, hash);
	n = snprintf(line, sizeof(line), "aic-signed 1 %llu %s\n", (unsigned long long)height, hex);
	return aic_file_write_atomic(path, line, (size_t)n, 0600, err);
}

aic_code aic_signed_keep(const char *node_dir, aic_task_kind kind, const aic_hash *chain, uint64_t height, const aic_bytes *bytes,
                         aic_error *err)
{
	aic_hash hash = aic_sha256_of(bytes->data, bytes->len), there;
	char path[PATH_MAX];
	uint64_t last;
	aic_code rc = path_of(path, node_dir, kind, chain, err);

	if (!rc)
		rc = load(&last, &there, path, err);
	if (rc)
		return rc;
	if (last > height)
		return aic_fail(err, AIC_REFUSED, "this node has signed the %s of height %llu, and signs none of height %llu any more", what(kind),
		                (unsigned long long)last, (unsigned long long)height);
	if (last == height && !aic_hash_equal(&hash, &there))
		return aic_fail(err, AIC_REFUSED, "this node has signed another %s of height %llu, and signs no second one", what(kind),
		                (unsigned long long)height);
	return last == height ? AIC_OK : store(path, height, &hash, err);
}
