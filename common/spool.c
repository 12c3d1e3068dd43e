/* spool.c: the writer. Runs inside slurmctld's writer thread: no lock is waited for, nothing but files is touched. */
#include "common/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/spool_segment.h"

#define HEARTBEAT "heartbeat"
#define NUMBERS_PER_SECOND_BITS 20 /* the first number of a run is at least the epoch's seconds times 2^20 */

struct aic_spool_writer {
	char *dir;
	int dirfd;
	int fd;            /* of the segment, -1 where none is open */
	unsigned file_mode;
	uint64_t size;     /* of the segment: where the next record goes */
	uint64_t next;     /* number of the next record */
	bool has_records;  /* the segment's name is taken by its first record */
	bool broken;       /* a partial record could not be cut off: write no more into this segment */
};

/* The number behind all that the newest segment can have held, damaged parts included. */
static aic_code next_in_segment(int dirfd, uint64_t first, uint64_t *next, aic_error *err)
{
	aic_segment s = {.fd = -1};
	aic_code code = aic_segment_open(&s, dirfd, first, err);
	if (code != AIC_OK)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	uint64_t last = first, at = AIC_SEGMENT_HEADER;
	aic_segment_record r;
	while (aic_segment_record_at(&s, at, &r) == AIC_RECORD_WHOLE || aic_segment_search(&s, at, &at, &r)) {
		last = r.number;
		at = r.end;
	}
	uint64_t damaged = at < s.size ? s.size - at : 0;
	*next = last + 1 + damaged / AIC_SPOOL_RECORD_FRAME + (damaged > 0);
	aic_segment_close(&s);
	return AIC_OK;
}

static aic_code find_next(aic_spool_writer *w, aic_error *err)
{
	uint64_t first;
	time_t now = time(NULL);
	w->next = 1;
	aic_code code = aic_segment_find(w->dirfd, AIC_PICK_NEWEST, 0, &first, err);
	if (code == AIC_OK)
		code = next_in_segment(w->dirfd, first, &w->next, err);
	else if (code == AIC_NOT_FOUND)
		code = AIC_OK;
	uint64_t floor = now > 0 ? (uint64_t)now << NUMBERS_PER_SECOND_BITS : 0;
	if (w->next < floor)
		w->next = floor;
	return code;
}

static aic_code open_dir(aic_spool_writer *w, unsigned dir_mode, aic_error *err)
{
	struct stat st;
	bool there = stat(w->dir, &st) == 0;
	aic_code code = there ? AIC_OK : aic_dir_make(w->dir, dir_mode, err);
	if (code != AIC_OK)
		return code;
	w->dirfd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dirfd < 0)
		return aic_fail_errno(err, "cannot open spool directory %s", w->dir);
	if (!there && (fstat(w->dirfd, &st) != 0 || (st.st_mode & 07777) != dir_mode) && fchmod(w->dirfd, dir_mode) != 0)
		return aic_fail_errno(err, "cannot set mode %o of spool directory %s", dir_mode, w->dir);
	if (flock(w->dirfd, LOCK_EX | LOCK_NB) != 0)
		return aic_fail(err, AIC_REFUSED, "another process writes to spool directory %s: one writer per directory",
		                w->dir);
	return AIC_OK;
}

/* Opens segment w->next; on failure the writer stays as it was. */
static aic_code start_segment(aic_spool_writer *w, aic_error *err)
{
	char name[AIC_SEGMENT_NAME_LEN];
	aic_segment_name(name, w->next);
	int fd = openat(w->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, w->file_mode);
	if (fd < 0)
		return aic_fail_errno(err, "cannot make spool segment %s/%s", w->dir, name);
	if (fchmod(fd, w->file_mode) != 0 || aic_write_all(fd, aic_segment_header, AIC_SEGMENT_HEADER) != 0 ||
	    fsync(w->dirfd) != 0 || (w->fd >= 0 && fdatasync(w->fd) != 0)) {
		aic_code code = aic_fail_errno(err, "cannot start spool segment %s/%s", w->dir, name);
		unlinkat(w->dirfd, name, 0);
		close(fd);
		return code;
	}
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->size = AIC_SEGMENT_HEADER;
	w->has_records = w->broken = false;
	return AIC_OK;
}

aic_code aic_spool_writer_open(aic_spool_writer **out, const char *dir, unsigned dir_mode, unsigned file_mode, aic_error *err)
{
	aic_spool_writer *w = aic_xcalloc(1, sizeof *w);
	w->dir = aic_xstrdup(dir);
	w->dirfd = w->fd = -1;
	w->file_mode = file_mode;
	aic_code code = open_dir(w, dir_mode, err);
	if (code == AIC_OK)
		code = find_next(w, err);
	if (code == AIC_OK)
		code = start_segment(w, err);
	if (code != AIC_OK) {
		aic_spool_writer_close(w);
		return code;
	}
	aic_spool_heartbeat(w);
	*out = w;
	return AIC_OK;
}

/* pwritev until all is written. */
static int write_at(int fd, struct iovec *v, int n, off_t at)
{
	while (n > 0) {
		ssize_t done = pwritev(fd, v, n, at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		while (n > 0 && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static void checksum(uint8_t check[AIC_SPOOL_RECORD_CHECK], const uint8_t *head, const void *data, size_t len)
{
	aic_sha256 *sha = aic_sha256_new();
	aic_sha256_update(sha, head, AIC_SPOOL_RECORD_HEAD);
	aic_sha256_update(sha, data, len);
	aic_hash hash = aic_sha256_final(sha);
	aic_sha256_free(sha);
	memcpy(check, hash.b, AIC_SPOOL_RECORD_CHECK);
}

static aic_code roll_if_needed(aic_spool_writer *w, aic_error *err)
{
	if (w->broken && !w->has_records)
		w->next++; /* the broken segment has this name */
	if (w->broken || (w->has_records && w->size >= AIC_SPOOL_SEGMENT_BYTES))
		return start_segment(w, err);
	return AIC_OK;
}

aic_code aic_spool_append(aic_spool_writer *w, const void *data, size_t len, aic_error *err)
{
	if (len > AIC_SPOOL_RECORD_MAX)
		return aic_fail(err, AIC_FULL, "a record of %zu bytes is above the spool's limit of %u", len,
		                AIC_SPOOL_RECORD_MAX);
	aic_code code = roll_if_needed(w, err);
	if (code != AIC_OK)
		return code;
	uint8_t head[AIC_SPOOL_RECORD_HEAD], check[AIC_SPOOL_RECORD_CHECK];
	aic_put_be32(head, (uint32_t)len);
	aic_put_be64(head + 4, w->next);
	checksum(check, head, data, len);
	struct iovec v[] = {{head, sizeof head}, {(void *)(uintptr_t)data, len}, {check, sizeof check}};
	if (write_at(w->fd, v, 3, (off_t)w->size) != 0) {
		code = aic_fail_errno(err, "cannot append %zu bytes to the spool in %s", len, w->dir);
		w->broken = ftruncate(w->fd, (off_t)w->size) != 0;
		return code;
	}
	w->size += len + AIC_SPOOL_RECORD_FRAME;
	w->next++;
	w->has_records = true;
	return AIC_OK;
}

aic_code aic_spool_sync(aic_spool_writer *w, aic_error *err)
{
	if (fdatasync(w->fd) != 0)
		return aic_fail_errno(err, "cannot bring the spool in %s to disk", w->dir);
	return AIC_OK;
}

void aic_spool_heartbeat(aic_spool_writer *w)
{
	int fd = openat(w->dirfd, HEARTBEAT, O_WRONLY | O_CREAT | O_CLOEXEC, w->file_mode);
	if (fd < 0)
		return; /* its age tells */
	if (fchmod(fd, w->file_mode) == 0)
		(void)futimens(fd, NULL);
	close(fd);
}

void aic_spool_writer_close(aic_spool_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0) {
		(void)fdatasync(w->fd);
		close(w->fd);
	}
	if (w->dirfd >= 0)
		close(w->dirfd);
	free(w->dir);
	free(w);
}

int64_t aic_spool_heartbeat_age(const char *dir)
{
	char path[4096];
	struct stat st;
	if (aic_path_join(path, sizeof path, dir, HEARTBEAT, NULL) != AIC_OK || stat(path, &st) != 0)
		return -1;
	int64_t age = (int64_t)time(NULL) - (int64_t)st.st_mtime;
	return age > 0 ? age : 0;
}
