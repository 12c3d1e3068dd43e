/* session_dir.h: the file `session` in a session's folder: what a verifier needs to know beside the ledger (doc/formats/session-dir.md). */
#ifndef AIC_SESSION_DIR_H
#define AIC_SESSION_DIR_H

#include <limits.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_SESSION_FILE "session"
#define AIC_SESSION_SPEC "spec"
#define AIC_SALT_LEN 32

typedef struct {
	aic_hash session, entropy;
	uint8_t spec_salt[AIC_SALT_LEN], data_salt[AIC_SALT_LEN], code_salt[AIC_SALT_LEN];
	char code[64];       /* the release's name */
	char name[PATH_MAX]; /* the specification's absolute path: paths in it are relative to its folder */
} aic_session_file;

void aic_session_file_put(aic_bytes *out, const aic_session_file *f);
aic_code aic_session_file_get(aic_session_file *f, const void *data, size_t len, aic_error *err);

#endif
