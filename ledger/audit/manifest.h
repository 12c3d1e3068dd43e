/* manifest.h: the list of files that makes a directory of them checkable: an export, a backup.
 *
 *     manifest = "aic-KIND 1\n" "chain HEX\n" "height N\n" "head HEX\n" "state HEX\n" ("file NAME BYTES SHA256\n")* "end SHA256\n"
 *
 * The last line is SHA-256 of all before it. One form alone is read, the one that is written. */
#ifndef AIC_LEDGER_MANIFEST_H
#define AIC_LEDGER_MANIFEST_H

#include <sys/types.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_MANIFEST "manifest"
#define AIC_MANIFEST_NAME_LEN 32

typedef struct {
	char name[AIC_MANIFEST_NAME_LEN]; /* no slash */
	uint64_t bytes;
	aic_hash hash;
} aic_manifest_file;

typedef struct {
	aic_hash chain, head, state; /* head and state: of the last block, after it */
	uint64_t height;
	aic_manifest_file *file;     /* owned */
	size_t n_files;
} aic_manifest;

void aic_manifest_add(aic_manifest *m, const aic_manifest_file *file);
/* DIR/manifest, kind "export" or "backup". */
aic_code aic_manifest_write(const aic_manifest *m, const char *kind, const char *dir, mode_t mode, aic_error *err);
/* AIC_CORRUPT names the line. The files themselves are not looked at. */
aic_code aic_manifest_read(aic_manifest *m, const char *kind, const char *dir, aic_error *err);
void aic_manifest_clear(aic_manifest *m);
/* Size and hash of DIR/NAME; and whether they are the listed ones, AIC_CORRUPT with the file's name. */
aic_code aic_manifest_measure(aic_manifest_file *f, const char *dir, const char *name, aic_error *err);
aic_code aic_manifest_check(const aic_manifest_file *f, const char *dir, aic_error *err);

#endif
