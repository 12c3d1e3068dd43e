/* file.c: reading whole files, replacing them in one step, making directories. */
#define _GNU_SOURCE
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK 65536

static aic_code read_file(aic_bytes *out, const char *path, int flags, size_t max, aic_error *err)
{
	size_t before = out->len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	aic_code code = AIC_OK;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return aic_fail(err, AIC_NOT_FOUND, "there is no file %s", path);
	if (fd < 0)
		return aic_fail_errno(err, "cannot open %s", path);
	if (flags && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return aic_fail(err, AIC_CORRUPT, "%s is no regular file", path);
	}
	for (;;) {
		aic_bytes_reserve(out, READ_CHUNK);
		ssize_t n = read(fd, out->data + out->len, READ_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			code = aic_fail_errno(err, "cannot read %s", path);
		if (n <= 0)
			break;
		out->len += (size_t) n;
		if (out->len - before > max) {
			code = aic_fail(err, AIC_FULL, "%s is larger than the %zu bytes that it may have", path, max);
			break;
		}
	}
	close(fd);
	if (code != AIC_OK)
		out->len = before;
	return code;
}

aic_code aic_file_read(aic_bytes *out, const char *path, size_t max, aic_error *err)
{
	return read_file(out, path, 0, max, err);
}

aic_code aic_file_read_plain(aic_bytes *out, const char *path, size_t max, aic_error *err)
{
	return read_file(out, path, O_NOFOLLOW | O_NONBLOCK, max, err);
}

int aic_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t) n;
	}
	return 0;
}

/* Directory part of path: "." where it has none. */
static aic_code split_path(char dir[PATH_MAX], const char **name, const char *path, aic_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t) (slash - path) : 0;

	*name = slash ? slash + 1 : path;
	if (**name == '\0')
		return aic_fail(err, AIC_USAGE, "\"%s\" is not the name of a file", path);
	if (len >= PATH_MAX)
		return aic_fail(err, AIC_USAGE, "path %.64s... has %zu characters, more than %d", path, strlen(path), PATH_MAX - 1);
	if (!slash)
		strcpy(dir, ".");
	else if (len == 0)
		strcpy(dir, "/");
	else
		aic_str_copy(dir, len + 1, path);
	return AIC_OK;
}

static aic_code write_durably(int fd, const char *path, const void *data, size_t len, mode_t mode, aic_error *err)
{
	if (aic_write_all(fd, data, len) < 0)
		return aic_fail_errno(err, "cannot write %zu bytes to %s", len, path);
	if (fchmod(fd, mode) < 0)
		return aic_fail_errno(err, "cannot set mode %04o on %s", (unsigned) mode, path);
	if (fsync(fd) < 0)
		return aic_fail_errno(err, "cannot sync %s", path);
	return AIC_OK;
}

/* Gives the finished temporary file its name; a hard link, unlike rename, fails where the name is taken. */
static aic_code publish(const char *temporary, const char *path, bool replace, aic_error *err)
{
	if ((replace ? rename(temporary, path) : link(temporary, path)) == 0) {
		if (!replace)
			unlink(temporary);
		return AIC_OK;
	}
	if (!replace && errno == EEXIST)
		return aic_fail(err, AIC_REFUSED, "%s is already there: it is not overwritten", path);
	return aic_fail_errno(err, "cannot rename %s to %s", temporary, path);
}

static aic_code write_file(const char *path, const void *data, size_t len, mode_t mode, bool replace, aic_error *err)
{
	char dir[PATH_MAX], temporary[PATH_MAX];
	const char *name;
	aic_code code = split_path(dir, &name, path, err);

	if (code != AIC_OK)
		return code;
	if ((size_t) snprintf(temporary, sizeof(temporary), "%s/.%s.XXXXXX", dir, name) >= sizeof(temporary))
		return aic_fail(err, AIC_USAGE, "path %.64s... has more than %d characters", path, PATH_MAX - 9);
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return aic_fail_errno(err, "cannot create a temporary file in %s", dir);
	code = write_durably(fd, path, data, len, mode, err);
	if (close(fd) < 0 && code == AIC_OK)
		code = aic_fail_errno(err, "cannot close %s", path);
	if (code == AIC_OK)
		code = publish(temporary, path, replace, err);
	if (code != AIC_OK) {
		unlink(temporary);
		return code;
	}
	return aic_dir_sync(dir, err);
}

aic_code aic_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, aic_error *err)
{
	return write_file(path, data, len, mode, true, err);
}

aic_code aic_file_create_atomic(const char *path, const void *data, size_t len, mode_t mode, aic_error *err)
{
	return write_file(path, data, len, mode, false, err);
}

/* chmod after mkdir, because mkdir takes away the umask and ignores setgid; but not where setgid came from the parent
 * already: a chmod by who is not in that group would take it away. */
static aic_code make_one(const char *path, mode_t mode, aic_error *err)
{
	struct stat st;

	if (mkdir(path, mode & 0777) == 0)
		return (stat(path, &st) == 0 && (st.st_mode & 07777) == mode) || chmod(path, mode) == 0 ? AIC_OK :
		       aic_fail_errno(err, "cannot set mode %04o on directory %s", (unsigned) mode, path);
	if (errno != EEXIST)
		return aic_fail_errno(err, "cannot make directory %s", path);
	if (stat(path, &st) < 0)
		return aic_fail_errno(err, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return aic_fail(err, AIC_SYSTEM, "%s is not a directory: move it away", path);
	return AIC_OK;
}

aic_code aic_dir_make(const char *path, mode_t mode, aic_error *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return aic_fail(err, AIC_USAGE, "path of a directory has %zu characters: 1 to %d are possible", len, PATH_MAX - 1);
	memcpy(part, path, len + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		aic_code code = make_one(part, mode, err);
		if (code != AIC_OK)
			return code;
		*p = '/';
	}
	return make_one(part, mode, err);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void) st, (void) type, (void) at;
	return remove(path);
}

aic_code aic_dir_remove(const char *path, aic_error *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
		return AIC_OK;
	return aic_fail_errno(err, "cannot remove %s", path);
}

aic_code aic_dir_sync(const char *path, aic_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	aic_code code = AIC_OK;

	if (fd < 0)
		return aic_fail_errno(err, "cannot open directory %s", path);
	if (fsync(fd) < 0)
		code = aic_fail_errno(err, "cannot sync directory %s", path);
	close(fd);
	return code;
}

aic_code aic_path_join(char *buf, size_t size, const char *dir, const char *name, aic_error *err)
{
	size_t len = strlen(dir);
	const char *slash = len > 0 && dir[len - 1] == '/' ? "" : "/";

	if ((size_t) snprintf(buf, size, "%s%s%s", dir, slash, name) >= size)
		return aic_fail(err, AIC_USAGE, "path %.64s.../%.64s has %zu characters: at most %zu are possible", dir, name,
		                len + strlen(slash) + strlen(name), size - 1);
	return AIC_OK;
}
