/* spool_segment.c: naming, finding and checking (doc/formats/spool.md). */
#include "common/spool_segment.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/spool.h"

#define NAME_DIGITS 20
#define NAME_SUFFIX ".spool"
#define WINDOW_BYTES (256u << 10)

const uint8_t aic_segment_header[AIC_SEGMENT_HEADER] = "AICSPOOL\0\0\0\1\0\0\0";

void aic_segment_name(char name[AIC_SEGMENT_NAME_LEN], uint64_t first)
{
	snprintf(name, AIC_SEGMENT_NAME_LEN, "%0*" PRIu64 NAME_SUFFIX, NAME_DIGITS, first);
}

static bool parse_name(uint64_t *first, const char *name)
{
	for (int i = 0; i < NAME_DIGITS; i++) {
		if (!isdigit((unsigned char)name[i]))
			return false;
	}
	errno = 0;
	*first = strtoull(name, NULL, 10);
	return errno == 0 && strcmp(name + NAME_DIGITS, NAME_SUFFIX) == 0;
}

static bool better(aic_segment_pick pick, uint64_t ref, uint64_t candidate, bool have, uint64_t best)
{
	switch (pick) {
	case AIC_PICK_ABOVE: return candidate > ref && (!have || candidate < best);
	case AIC_PICK_AT_OR_BELOW: return candidate <= ref && (!have || candidate > best);
	default: return !have || candidate > best;
	}
}

aic_code aic_segment_find(int dirfd, aic_segment_pick pick, uint64_t ref, uint64_t *first, aic_error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		aic_code code = aic_fail_errno(err, "cannot list the spool directory");
		if (fd >= 0)
			close(fd);
		return code;
	}
	bool have = false;
	uint64_t best = 0;
	struct dirent *entry;
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		uint64_t candidate;
		if (parse_name(&candidate, entry->d_name) && better(pick, ref, candidate, have, best)) {
			best = candidate;
			have = true;
		}
	}
	aic_code code = errno != 0 ? aic_fail_errno(err, "cannot list the spool directory") : AIC_OK;
	closedir(dir);
	if (code != AIC_OK)
		return code;
	*first = best;
	return have ? AIC_OK : AIC_NOT_FOUND;
}

aic_code aic_segment_open(aic_segment *s, int dirfd, uint64_t first, aic_error *err)
{
	char name[AIC_SEGMENT_NAME_LEN];
	aic_segment_name(name, first);
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return AIC_NOT_FOUND;
	if (fd < 0)
		return aic_fail_errno(err, "cannot open spool segment %s", name);
	aic_segment_close(s);
	s->fd = fd;
	s->first = first;
	return aic_segment_refresh(s, err);
}

void aic_segment_close(aic_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	aic_bytes_free(&s->window);
	memset(s, 0, sizeof *s);
	s->fd = -1;
}

aic_code aic_segment_refresh(aic_segment *s, aic_error *err)
{
	struct stat st;
	if (fstat(s->fd, &st) != 0)
		return aic_fail_errno(err, "cannot look at a spool segment");
	s->size = (uint64_t)st.st_size;
	aic_bytes_clear(&s->window);
	return AIC_OK;
}

static bool read_window(aic_segment *s, uint64_t offset, size_t len)
{
	aic_bytes_clear(&s->window);
	aic_bytes_reserve(&s->window, len);
	s->window_at = offset;
	while (s->window.len < len) {
		ssize_t n = pread(s->fd, s->window.data + s->window.len, len - s->window.len,
		                  (off_t)(offset + s->window.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s->window.len += (size_t)n;
	}
	return true;
}

/* len bytes of the file at offset, contiguous; NULL where the disk does not give them. */
static const uint8_t *fetch(aic_segment *s, uint64_t offset, size_t len)
{
	if (offset > s->size || len > s->size - offset)
		return NULL;
	if (offset < s->window_at || offset + len > s->window_at + s->window.len) {
		uint64_t rest = s->size - offset;
		size_t want = rest < WINDOW_BYTES ? (size_t)rest : WINDOW_BYTES;
		if (!read_window(s, offset, want > len ? want : len) && s->window.len < len)
			return NULL;
	}
	return s->window.data + (offset - s->window_at);
}

bool aic_segment_header_ok(aic_segment *s)
{
	const uint8_t *header = fetch(s, 0, AIC_SEGMENT_HEADER);
	return header != NULL && memcmp(header, aic_segment_header, AIC_SEGMENT_HEADER) == 0;
}

aic_record_state aic_segment_record_at(aic_segment *s, uint64_t offset, aic_segment_record *r)
{
	if (offset >= s->size)
		return AIC_RECORD_END;
	uint64_t rest = s->size - offset;
	if (rest < AIC_SPOOL_RECORD_HEAD)
		return AIC_RECORD_BEYOND;
	const uint8_t *frame = fetch(s, offset, AIC_SPOOL_RECORD_HEAD);
	if (frame == NULL)
		return AIC_RECORD_BAD;
	uint32_t len = aic_get_be32(frame);
	if (len > AIC_SPOOL_RECORD_MAX)
		return AIC_RECORD_BAD;
	if (rest < (uint64_t)len + AIC_SPOOL_RECORD_FRAME)
		return AIC_RECORD_BEYOND;
	frame = fetch(s, offset, (size_t)len + AIC_SPOOL_RECORD_FRAME);
	if (frame == NULL)
		return AIC_RECORD_BAD;
	size_t covered = (size_t)len + AIC_SPOOL_RECORD_HEAD;
	aic_hash hash = aic_sha256_of(frame, covered);
	if (memcmp(hash.b, frame + covered, AIC_SPOOL_RECORD_CHECK) != 0)
		return AIC_RECORD_BAD;
	r->number = aic_get_be64(frame + 4);
	r->data = frame + AIC_SPOOL_RECORD_HEAD;
	r->len = len;
	r->end = offset + covered + AIC_SPOOL_RECORD_CHECK;
	return AIC_RECORD_WHOLE;
}

bool aic_segment_length_damaged(aic_segment *s, uint64_t offset)
{
	uint64_t rest = s->size - offset;
	if (rest < AIC_SPOOL_RECORD_FRAME || rest > (uint64_t)AIC_SPOOL_RECORD_MAX + AIC_SPOOL_RECORD_FRAME)
		return false;
	const uint8_t *frame = fetch(s, offset, (size_t)rest);
	if (frame == NULL)
		return false;
	size_t covered = (size_t)rest - AIC_SPOOL_RECORD_CHECK;
	uint8_t length[4];
	aic_put_be32(length, (uint32_t)(covered - AIC_SPOOL_RECORD_HEAD));
	aic_sha256 *sha = aic_sha256_new();
	aic_sha256_update(sha, length, sizeof length);
	aic_sha256_update(sha, frame + sizeof length, covered - sizeof length);
	aic_hash hash = aic_sha256_final(sha);
	aic_sha256_free(sha);
	return memcmp(hash.b, frame + covered, AIC_SPOOL_RECORD_CHECK) == 0;
}

/* Numbers of a segment start at its name and grow by one; this spares hashing at nearly every byte. */
static bool plausible(const aic_segment *s, const uint8_t *head, uint64_t offset)
{
	uint32_t len = aic_get_be32(head);
	uint64_t number = aic_get_be64(head + 4);
	return (uint64_t)len + AIC_SPOOL_RECORD_FRAME <= s->size - offset && number >= s->first &&
	       number - s->first <= s->size / AIC_SPOOL_RECORD_FRAME;
}

bool aic_segment_search(aic_segment *s, uint64_t from, uint64_t *offset, aic_segment_record *r)
{
	for (uint64_t at = from; at + AIC_SPOOL_RECORD_FRAME <= s->size; at++) {
		const uint8_t *head = fetch(s, at, AIC_SPOOL_RECORD_HEAD);
		if (head == NULL || !plausible(s, head, at))
			continue;
		if (aic_segment_record_at(s, at, r) == AIC_RECORD_WHOLE) {
			*offset = at;
			return true;
		}
	}
	return false;
}
