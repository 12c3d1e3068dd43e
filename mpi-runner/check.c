/* check.c: what checkpoints commit to, and whether they are whole. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mpi-runner/checkpoint.h"
#include "mpi-runner/use.h"

static void print(const char *path, const aic_checkpoint *c, const aic_hash *root, FILE *out)
{
	const aic_train_state *s = &c->state;
	char hex[2 * AIC_HASH_LEN + 1];

	fprintf(out, "%s: whole: step %llu, %llu weights, next sample %llu of epoch %llu, seed %llu\n", path, (unsigned long long)s->step,
	        (unsigned long long)s->parameters, (unsigned long long)s->sample, (unsigned long long)s->epoch + 1, (unsigned long long)s->seed);
	aic_hash_hex(hex, &s->identity);
	fprintf(out, "  training %s\n", hex);
	aic_hash_hex(hex, root);
	fprintf(out, "  root     %s\n", hex);
	aic_hash_hex(hex, &s->chain);
	fprintf(out, "  chain    %s, %zu step(s) since %llu\n", hex, c->segment.n, (unsigned long long)c->segment.first);
}

static aic_code check_one(const char *path, const aic_hash *want, FILE *out, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1], wanted[2 * AIC_HASH_LEN + 1];
	aic_checkpoint c;
	aic_hash root;
	aic_code rc = aic_checkpoint_check(&c, &root, path, err);

	if (rc != AIC_OK)
		return rc;
	print(path, &c, &root, out);
	aic_segment_free(&c.segment);
	if (!want || aic_hash_equal(&root, want))
		return AIC_OK;
	aic_hash_hex(hex, &root);
	aic_hash_hex(wanted, want);
	return aic_fail(err, AIC_REFUSED, "%s has the root %s, not %s: it is whole, but not the checkpoint that was committed to", path, hex, wanted);
}

static aic_code check_all(const char *folder, FILE *out, aic_error *err)
{
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);
	char path[PATH_MAX];
	aic_code rc = n ? AIC_OK : aic_fail(err, AIC_NOT_FOUND, "%s holds no checkpoint (step-*" AIC_CHECKPOINT_SUFFIX ")", folder);

	while (rc == AIC_OK && n-- > 0) {
		aic_checkpoint_path(path, folder, steps[n]);
		rc = check_one(path, NULL, out, err);
	}
	free(steps);
	return rc;
}

aic_code aic_use_check(const char *path, const char *root, FILE *out, aic_error *err)
{
	struct stat st;
	aic_hash want;

	if (root && !aic_unhex(want.b, AIC_HASH_LEN, root))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no root: give 64 hexadecimal digits", root);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return root ? aic_fail(err, AIC_USAGE, "%s is a folder: a root belongs to one checkpoint, name its file", path) : check_all(path, out, err);
	return check_one(path, root ? &want : NULL, out, err);
}
