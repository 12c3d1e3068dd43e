/* file.h: files that are either whole or not there. */
#ifndef AIC_FILE_H
#define AIC_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/error.h"

/* The whole file appended to out; AIC_NOT_FOUND where there is none, AIC_FULL above max bytes (out is then as before). */
aic_code aic_file_read(aic_bytes *out, const char *path, size_t max, aic_error *err);
/* The same of a regular file alone, through no link in its last part: where others may write. */
aic_code aic_file_read_plain(aic_bytes *out, const char *path, size_t max, aic_error *err);
/* Temporary file in the same directory, write, fsync, chmod mode, rename, fsync of the directory.
 * On failure the old file stands and the temporary one is gone; one that a crash left behind is called
 * ".NAME.XXXXXX", so whoever lists a directory skips names that start with a point. */
aic_code aic_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, aic_error *err);
/* The same for a file that must not be there yet: AIC_REFUSED, and nothing changed, where it is. */
aic_code aic_file_create_atomic(const char *path, const void *data, size_t len, mode_t mode, aic_error *err);
/* mkdir -p; mode for each directory that is made. An existing directory is left as it is. */
aic_code aic_dir_make(const char *path, mode_t mode, aic_error *err);
/* rm -r; a directory that is not there is removed already. Follows no link. */
aic_code aic_dir_remove(const char *path, aic_error *err);
aic_code aic_dir_sync(const char *path, aic_error *err);
/* write(2) until all is written. 0, or -1 with errno. */
int aic_write_all(int fd, const void *data, size_t len);
/* "DIR/NAME" in buf; AIC_USAGE where it does not fit. */
aic_code aic_path_join(char *buf, size_t size, const char *dir, const char *name, aic_error *err);

#endif
