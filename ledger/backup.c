/* backup.c: writing a backup; see backup.h. The new directory grows as OUT.partial and is renamed when it is on the disk. */
#include "ledger/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "ledger/audit/manifest.h"
#include "ledger/failpoint.h"

const char *const aic_backup_databases[] = {"state.db", "order.db", "archive.db", "names.db", NULL};
const char *const aic_backup_key_files[] = {"site.key", "site.key.next", "wallet.key", NULL};

typedef struct {
	const char *state_dir, *dir; /* dir: where it grows */
	aic_backup_keys keys;
	const char *passphrase_file;
	aic_manifest manifest;
	aic_backed_up *done;
} backup;

static aic_code list_file(backup *b, const char *name, aic_error *err)
{
	aic_manifest_file f;
	aic_code code = aic_manifest_measure(&f, b->dir, name, err);

	if (code)
		return code;
	aic_manifest_add(&b->manifest, &f);
	b->done->files++;
	b->done->bytes += f.bytes;
	return AIC_OK;
}

/* The state first: what stands in it is then in the log, and the names of all its wallets in names.db. */
static aic_code copy_databases(backup *b, aic_error *err)
{
	aic_code code = AIC_OK;

	for (const char *const *name = aic_backup_databases; *name && !code; name++) {
		char *from = aic_xasprintf("%s/ledger/%s", b->state_dir, *name), *to = aic_xasprintf("%s/%s", b->dir, *name);

		if (access(from, F_OK) == 0) {
			if (!(code = aic_db_copy(from, to, err)))
				code = list_file(b, *name, err);
			aic_failpoint("backup: database");
		} else if (name == aic_backup_databases) {
			code = aic_fail(err, AIC_NOT_FOUND, "%s is missing: there is no ledger to back up", from);
		}
		free(from);
		free(to);
	}
	return code;
}

static aic_code copy_key(backup *b, const char *name, const char *from, const char *to, aic_error *err)
{
	aic_key key;
	aic_code code = aic_key_load(&key, from, err);

	if (!code && !(code = aic_key_write(&key, to, b->keys == AIC_BACKUP_SEALED_KEYS ? b->passphrase_file : NULL, err))) {
		b->done->keys++;
		code = list_file(b, name, err);
	}
	aic_key_wipe(&key);
	return code;
}

static aic_code copy_keys(backup *b, aic_error *err)
{
	aic_code code = AIC_OK;

	for (const char *const *name = aic_backup_key_files; *name && !code && b->keys != AIC_BACKUP_NO_KEYS; name++) {
		char *from = aic_xasprintf("%s/keys/%s", b->state_dir, *name), *to = aic_xasprintf("%s/%s", b->dir, *name);

		if (access(from, F_OK) == 0)
			code = copy_key(b, *name, from, to, err);
		free(from);
		free(to);
	}
	return code;
}

/* What the copied state says of itself. */
static aic_code note_head(backup *b, aic_error *err)
{
	char *path = aic_xasprintf("%s/state.db", b->dir);
	aic_state *s = NULL;
	aic_code code = aic_state_open_snapshot(&s, path, err);

	if (!code && aic_state_is_empty(s))
		code = aic_fail(err, AIC_NOT_FOUND, "%s/ledger holds no ledger yet", b->state_dir);
	if (!code) {
		const aic_head *head = aic_state_head(s);

		b->manifest.chain = b->done->chain = head->chain;
		b->manifest.head = b->done->head = head->hash;
		b->manifest.state = head->root;
		b->manifest.height = b->done->height = head->height;
	}
	aic_state_close(s);
	free(path);
	return code;
}

static aic_code make(backup *b, const char *out, aic_error *err)
{
	aic_code code;

	if ((code = aic_dir_make(b->dir, 0700, err)) || (code = copy_databases(b, err)) || (code = note_head(b, err)) ||
	    (code = copy_keys(b, err)) || (code = aic_manifest_write(&b->manifest, "backup", b->dir, 0600, err)) ||
	    (code = aic_dir_sync(b->dir, err)))
		return code;
	aic_failpoint("backup: before it appears");
	if (rename(b->dir, out))
		return aic_fail_errno(err, "cannot rename %s to %s", b->dir, out);
	char *parent = aic_xasprintf("%s/..", out);
	code = aic_dir_sync(parent, err);
	free(parent);
	return code;
}

aic_code aic_ledger_backup(const char *state_dir, const char *out, aic_backup_keys keys, const char *passphrase_file, aic_backed_up *done,
                           aic_error *err)
{
	char *partial = aic_xasprintf("%s.partial", out);
	backup b = {.state_dir = state_dir, .dir = partial, .keys = keys, .passphrase_file = passphrase_file, .done = done};
	struct stat st;
	aic_code code;

	memset(done, 0, sizeof(*done));
	if (lstat(out, &st) == 0)
		code = aic_fail(err, AIC_REFUSED, "%s is there already: give a new directory", out);
	else if (!(code = aic_dir_remove(partial, err)) && (code = make(&b, out, err)))
		aic_dir_remove(partial, NULL);
	aic_manifest_clear(&b.manifest);
	free(partial);
	return code;
}
