/* join.c: see join.h. */
#include "ledger/archive/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

typedef struct {
	char *state, *kept;          /* where they will lie */
	char *dir, *new_state, *new_archive;
	aic_state *copy;
	aic_archive archive;
} join;

/* --- the folder --- */

static aic_code must_be_new(const join *j, aic_error *err)
{
	aic_state *s = NULL;
	struct stat st;
	aic_code code;

	if (stat(j->state, &st) != 0)
		return errno == ENOENT ? AIC_OK : aic_fail_errno(err, "cannot look at %s", j->state);
	if (!(code = aic_state_open(&s, j->state, AIC_DB_READ, err)) && !aic_state_is_empty(s))
		code = aic_fail(err, AIC_REFUSED, "this site has a copy already, at height %llu, and aicledgerd goes on from there by itself: to "
		                "join anew, move %s and archive.db beside it away", (unsigned long long)aic_state_head(s)->height, j->state);
	aic_state_close(s);
	return code;
}

static aic_code open_new(join *j, aic_error *err)
{
	aic_code code;

	if ((code = aic_dir_make(j->dir, 0750, err)) || (code = aic_state_open(&j->copy, j->new_state, AIC_DB_DURABLE, err)))
		return code;
	return aic_archive_open(&j->archive, j->new_archive, err);
}

static void close_new(join *j)
{
	aic_state_close(j->copy);
	aic_archive_close(&j->archive);
	j->copy = NULL;
}

/* The archive first: without state.db nothing is there yet. */
static aic_code install(join *j, const char *dir, aic_error *err)
{
	close_new(j);
	if (rename(j->new_archive, j->kept) != 0)
		return aic_fail_errno(err, "cannot move %s to %s", j->new_archive, j->kept);
	if (rename(j->new_state, j->state) != 0)
		return aic_fail_errno(err, "cannot move %s to %s", j->new_state, j->state);
	rmdir(j->dir);
	return aic_dir_sync(dir, err);
}

/* --- the copy --- */

static aic_code check_chain(const join *j, const char *chain, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, &aic_state_head(j->copy)->chain);
	if (!chain[0] || aic_state_is_empty(j->copy) || strcmp(chain, hex) == 0)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "it is of the ledger %s, aic.yaml says \"chain: %s\"", hex, chain);
}

static aic_code take_all(join *j, aic_source *source, const char *chain, const aic_checkpoint *checkpoint,
                         aic_join_progress progress, void *ctx, aic_error *err)
{
	aic_follower *f = aic_follower_new(j->copy, &j->archive, checkpoint);
	aic_code code = AIC_OK;

	for (bool more = true; more && !code;) {
		if (!(code = aic_follower_step(f, source, &more, err)) && (code = check_chain(j, chain, err)))
			aic_error_prefix(err, "the archive of %s", source->name);
		if (!code && progress && !aic_state_is_empty(j->copy))
			progress(ctx, aic_state_head(j->copy)->height);
	}
	aic_follower_free(f);
	return code;
}

/* What an earlier call had begun must lead to the same checkpoint. */
static aic_code check_reached(const join *j, const aic_checkpoint *checkpoint, aic_error *err)
{
	uint64_t height = aic_state_head(j->copy)->height;
	aic_hash hash;
	aic_code code;

	if (aic_state_is_empty(j->copy) || height < checkpoint->height)
		return aic_fail(err, AIC_NOT_FOUND, "the archives end at height %llu, below the checkpoint at %llu: ask a site that is further; "
		                "what was read is kept in %s", (unsigned long long)height, (unsigned long long)checkpoint->height, j->dir);
	if ((code = aic_state_hash_at(j->copy, checkpoint->height, &hash, err)))
		return code;
	if (aic_hash_equal(&hash, &checkpoint->hash))
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "what was read into %s leads to another block at height %llu than the checkpoint's: remove that "
	                "directory, and compare the checkpoint with several sites", j->dir, (unsigned long long)checkpoint->height);
}

static aic_code run(join *j, const char *dir, const char *chain, const aic_checkpoint *checkpoint, aic_source *source, size_t n,
                    aic_join_progress progress, void *ctx, aic_head *head, aic_error *err)
{
	aic_error why = {0};
	aic_code code = must_be_new(j, err);

	if (code || (code = open_new(j, err)))
		return code;
	for (size_t i = 0; i < n; i++) {
		aic_error one = {0};

		if (take_all(j, &source[i], chain, checkpoint, progress, ctx, &one)) {
			aic_warn("%s", one.message);
			why = one;
		}
	}
	code = check_reached(j, checkpoint, err);
	if (code == AIC_NOT_FOUND && why.code) {
		if (err)
			*err = why;
		return why.code;
	}
	if (code || (code = check_chain(j, chain, err)))
		return code;
	*head = *aic_state_head(j->copy);
	return install(j, dir, err);
}

aic_code aic_ledger_join(const char *dir, const char *chain, const aic_checkpoint *checkpoint, aic_source *source, size_t n,
                         aic_join_progress progress, void *ctx, aic_head *head, aic_error *err)
{
	join j = {.state = aic_xasprintf("%s/state.db", dir), .kept = aic_xasprintf("%s/archive.db", dir),
	          .dir = aic_xasprintf("%s/join", dir), .new_state = aic_xasprintf("%s/join/state.db", dir),
	          .new_archive = aic_xasprintf("%s/join/archive.db", dir)};
	aic_code code = run(&j, dir, chain, checkpoint, source, n, progress, ctx, head, err);

	close_new(&j);
	free(j.state);
	free(j.kept);
	free(j.dir);
	free(j.new_state);
	free(j.new_archive);
	return code;
}
