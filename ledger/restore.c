/* restore.c: bringing a backup back; see backup.h. What will be STATE/ledger is made beside it, and the two change places in one
 * step: whoever is killed on the way leaves the old one or the new one, whole. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "ledger/audit/manifest.h"
#include "ledger/backup.h"
#include "ledger/failpoint.h"
#include "ledger/service.h"

typedef struct {
	const char *backup, *passphrase_file;
	char *dir, *fresh, *keys; /* STATE/ledger, STATE/ledger.restore, STATE/keys */
	aic_manifest manifest;
	aic_restored *done;
} restore;

/* --- the backup itself --- */

static aic_code verify_backup(restore *r, const char *scratch, aic_verify_progress progress, void *ctx, aic_error *err)
{
	aic_copy copy = {.dir = NULL};
	aic_verified v;
	aic_code code = aic_manifest_read(&r->manifest, "backup", r->backup, err);

	for (size_t i = 0; i < r->manifest.n_files && !code; i++)
		code = aic_manifest_check(&r->manifest.file[i], r->backup, err);
	if (!code && !(code = aic_copy_open(&copy, r->backup, err)) && !(code = aic_copy_verify(&copy, scratch, progress, ctx, &v, err)) &&
	    (!aic_hash_equal(&v.head, &r->manifest.head) || !aic_hash_equal(&v.chain, &r->manifest.chain)))
		code = aic_fail(err, AIC_CORRUPT, "manifest: the head is not the copied ledger's");
	aic_copy_close(&copy);
	if (code)
		aic_error_prefix(err, "the backup %s cannot be used, nothing was changed", r->backup);
	return code;
}

static bool in_backup(const restore *r, const char *name)
{
	for (size_t i = 0; i < r->manifest.n_files; i++)
		if (strcmp(r->manifest.file[i].name, name) == 0)
			return true;
	return false;
}

/* --- the log: what is there and whole outranks the backup's --- */

typedef struct {
	aic_hash hash;
	bool found;
} named;

static aic_code note_name(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	named *n = ctx;

	(void)err;
	n->hash = height ? aic_block_hash(block, len) : aic_sha256_of(block, len);
	n->found = true;
	return AIC_OK;
}

/* Whether that log holds the backup's head, or ends before it with blocks of the same history. AIC_REFUSED: it is another one. */
static aic_code same_history(restore *r, const char *path, uint64_t *height, aic_error *err)
{
	char *state = aic_xasprintf("%s/state.db", r->backup);
	aic_order log = {.backend = NULL};
	aic_state *copy = NULL;
	aic_order_head head;
	named n = {.found = false};
	aic_hash expected;
	aic_code code;

	if (!(code = aic_state_open_snapshot(&copy, state, err)) && !(code = aic_order_local(&log, path, true, err)) &&
	    !(code = aic_order_head_get(&log, &head, err))) {
		*height = head.height;
		uint64_t at = head.height < r->manifest.height ? head.height : r->manifest.height;
		if (!(code = aic_order_read(&log, at, 1, note_name, &n, err)) && !(code = aic_state_hash_at(copy, at, &expected, err)) &&
		    (!n.found || !aic_hash_equal(&n.hash, &expected)))
			code = aic_fail(err, AIC_REFUSED,
			                "%s is of another history than the backup: they differ at height %llu; nothing was changed: find out which "
			                "is right, and move the log away if it is the backup",
			                path, (unsigned long long)at);
	}
	aic_order_close(&log);
	aic_state_close(copy);
	free(state);
	return code;
}

static aic_code take_log(restore *r, const char *name, const char *there, const char *ours, const char *to, aic_error *err)
{
	bool sound = aic_db_is_sound(there);
	uint64_t height = 0;
	aic_code code = AIC_OK;

	if (sound && strcmp(name, "order.db") == 0) {
		if ((code = same_history(r, there, &height, err)))
			return code;
		sound = height >= r->manifest.height || !in_backup(r, name);
		r->done->log_kept = sound;
	}
	if (sound)
		return aic_db_copy(there, to, err);
	return in_backup(r, name) ? aic_db_copy(ours, to, err) : AIC_OK;
}

/* The log is lost, the old state is not: its blocks behind the log's end are the ones that this site has attested. */
static aic_code salvage(restore *r, const char *old_state, const char *log_path, aic_error *err)
{
	aic_state *old = NULL;
	aic_order log = {.backend = NULL};
	aic_order_head head;
	aic_hash same;
	aic_code code;

	if (r->done->log_kept || access(log_path, F_OK) || !aic_db_is_sound(old_state) || aic_state_open_snapshot(&old, old_state, NULL))
		return AIC_OK;
	if (!aic_state_is_empty(old) && !(code = aic_order_local(&log, log_path, false, err)) &&
	    !(code = aic_order_head_get(&log, &head, err)) && head.height <= aic_state_head(old)->height &&
	    aic_state_hash_at(old, head.height, &same, NULL) == AIC_OK && aic_hash_equal(&same, &head.hash)) {
		for (; head.height < aic_state_head(old)->height && !code; r->done->salvaged += !code) {
			aic_bytes block = {0};
			bool valid;

			if (!(code = aic_state_block(old, head.height + 1, &block, &same, &valid, err)) &&
			    !(code = aic_order_append_if_head(&log, &head, &same, block.data, block.len, err)))
				head = (aic_order_head){.height = head.height + 1, .hash = same};
			aic_bytes_free(&block);
		}
	} else {
		code = AIC_OK;
	}
	aic_order_close(&log);
	aic_state_close(old);
	return code;
}

/* --- names --- */

/* The backup's, and what has been named since. */
static aic_code add_names(const char *to, const char *there, aic_error *err)
{
	sqlite3 *db = NULL;
	char *attach = sqlite3_mprintf("ATTACH %Q AS there", there);
	aic_code code;

	if (!aic_db_is_sound(there)) {
		sqlite3_free(attach);
		return AIC_OK;
	}
	if (!(code = aic_db_open(&db, to, AIC_DB_DURABLE, err)) && !(code = aic_db_exec(db, attach, err)) &&
	    !(code = aic_db_exec(db, "INSERT OR IGNORE INTO name SELECT * FROM there.name", err)))
		sqlite3_exec(db, "INSERT OR IGNORE INTO key(public, name) SELECT public, name FROM there.key ORDER BY rowid", NULL, NULL, NULL);
	aic_db_close(db);
	sqlite3_free(attach);
	return code;
}

/* --- the new directory --- */

static aic_code take_database(restore *r, const char *name, aic_error *err)
{
	char *there = aic_xasprintf("%s/%s", r->dir, name), *ours = aic_xasprintf("%s/%s", r->backup, name);
	char *to = aic_xasprintf("%s/%s", r->fresh, name);
	aic_code code = AIC_OK;

	if (strcmp(name, "order.db") == 0 || strcmp(name, "archive.db") == 0)
		code = take_log(r, name, there, ours, to, err);
	else if (in_backup(r, name))
		code = aic_db_copy(ours, to, err);
	if (!code && strcmp(name, "names.db") == 0 && access(to, F_OK) == 0)
		code = add_names(to, there, err);
	free(there);
	free(ours);
	free(to);
	return code;
}

static bool is_database(const char *name)
{
	for (const char *const *d = aic_backup_databases; *d; d++)
		if (strncmp(name, *d, strlen(*d)) == 0 && (!name[strlen(*d)] || name[strlen(*d)] == '-'))
			return true;
	return strcmp(name, "lock") == 0;
}

/* What else lies there goes along: a block whose fate in the log is unknown, above all. */
static aic_code link_others(restore *r, aic_error *err)
{
	DIR *d = opendir(r->dir);
	aic_code code = d ? AIC_OK : aic_fail_errno(err, "cannot read %s", r->dir);

	for (struct dirent *e; !code && (e = readdir(d)) != NULL;) {
		char *from = aic_xasprintf("%s/%s", r->dir, e->d_name), *to = aic_xasprintf("%s/%s", r->fresh, e->d_name);
		struct stat st;

		if (lstat(from, &st) == 0 && S_ISREG(st.st_mode) && !is_database(e->d_name) && link(from, to))
			code = aic_fail_errno(err, "cannot link %s", to);
		free(from);
		free(to);
	}
	if (d)
		closedir(d);
	return code;
}

static aic_code build(restore *r, int *lock, aic_error *err)
{
	char *old_state = aic_xasprintf("%s/state.db", r->dir), *log = aic_xasprintf("%s/order.db", r->fresh);
	aic_order_head head;
	aic_order order = {.backend = NULL};
	aic_code code;

	if (!(code = aic_dir_remove(r->fresh, err)) && !(code = aic_dir_make(r->fresh, 0750, err)))
		code = aic_service_lock(lock, r->fresh, err);
	for (const char *const *name = aic_backup_databases; *name && !code; name++)
		code = take_database(r, *name, err);
	if (!code && !(code = salvage(r, old_state, log, err)) && !(code = link_others(r, err)))
		code = aic_dir_sync(r->fresh, err);
	r->done->height = r->done->log_height = r->manifest.height;
	if (!code && access(log, F_OK) == 0 && !(code = aic_order_local(&order, log, true, err)) &&
	    !(code = aic_order_head_get(&order, &head, err)))
		r->done->log_height = head.height;
	aic_order_close(&order);
	free(old_state);
	free(log);
	return code;
}

/* --- keys: only where there are none --- */

static aic_code put_keys(restore *r, aic_error *err)
{
	aic_code code = aic_dir_make(r->keys, 0700, err);

	for (const char *const *name = aic_backup_key_files; *name && !code; name++) {
		char *from = aic_xasprintf("%s/%s", r->backup, *name), *to = aic_xasprintf("%s/%s", r->keys, *name);
		aic_key key;

		/* a successor without its key would take over from a stranger */
		bool wanted = in_backup(r, *name) && access(to, F_OK) != 0 && (strcmp(*name, "site.key.next") != 0 || r->done->keys);
		if (wanted && !(code = r->passphrase_file ? aic_key_load_sealed(&key, from, r->passphrase_file, err) : aic_key_load(&key, from, err))) {
			code = aic_key_write(&key, to, NULL, err);
			r->done->keys += !code;
			aic_key_wipe(&key);
		}
		free(from);
		free(to);
	}
	return code;
}

/* --- the exchange --- */

static aic_code exchange(restore *r, const char *state_dir, aic_error *err)
{
	char when[32];
	time_t now = (time_t)aic_now();
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(r->done->aside, sizeof(r->done->aside), "%s.before-%s", r->dir, when);
	for (unsigned n = 2; !access(r->done->aside, F_OK); n++) /* two in one second */
		snprintf(r->done->aside, sizeof(r->done->aside), "%s.before-%s-%u", r->dir, when, n);
	aic_failpoint("restore: built");
	if (renameat2(AT_FDCWD, r->fresh, AT_FDCWD, r->dir, RENAME_EXCHANGE))
		return aic_fail_errno(err, "cannot exchange %s and %s", r->fresh, r->dir);
	aic_failpoint("restore: exchanged");
	if (rename(r->fresh, r->done->aside))
		return aic_fail_errno(err, "the restored ledger is in its place, the old one is still %s", r->fresh);
	return aic_dir_sync(state_dir, err);
}

aic_code aic_ledger_restore(const char *state_dir, const char *backup, const char *scratch_dir, const char *passphrase_file,
                            aic_verify_progress progress, void *ctx, aic_restored *done, aic_error *err)
{
	restore r = {.backup = backup, .passphrase_file = passphrase_file, .done = done, .dir = aic_xasprintf("%s/ledger", state_dir),
	             .fresh = aic_xasprintf("%s/ledger.restore", state_dir), .keys = aic_xasprintf("%s/keys", state_dir)};
	int there = -1, fresh = -1;
	aic_code code;

	memset(done, 0, sizeof(*done));
	if ((code = aic_service_lock(&there, r.dir, err)))
		aic_error_prefix(err, "stop aicledgerd first");
	else if (!(code = verify_backup(&r, scratch_dir, progress, ctx, err)) &&
	    !(code = build(&r, &fresh, err)) && !(code = put_keys(&r, err)))
		code = exchange(&r, state_dir, err);
	if (code && !done->aside[0])
		aic_dir_remove(r.fresh, NULL);
	if (there >= 0)
		close(there);
	if (fresh >= 0)
		close(fresh);
	aic_manifest_clear(&r.manifest);
	free(r.dir);
	free(r.fresh);
	free(r.keys);
	return code;
}
