/* spool_reader.c: reads a spool in order, skips what is damaged after having said so, deletes what was consumed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/spool.h"
#include "common/spool_segment.h"

struct aic_spool_reader {
	char *dir;
	int dirfd;
	aic_segment segment; /* fd -1 until one was found */
	char name[64];       /* the segment's file name */
	uint64_t offset;     /* of the next record */
	uint64_t last;       /* number of the last record that was given out */
	bool header_seen;    /* the segment's header has been looked at */
	bool lost;           /* damage at offset was reported, and no whole record follows it so far */
	bool at_end;         /* nothing was there the last time; look at size and directory first */
};

aic_code aic_spool_reader_open(aic_spool_reader **out, const char *dir, uint64_t after, aic_error *err)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 && errno == ENOENT)
		return aic_fail(err, AIC_NOT_FOUND, "there is no spool directory %s", dir);
	if (dirfd < 0)
		return aic_fail_errno(err, "cannot open spool directory %s", dir);
	aic_spool_reader *r = aic_xcalloc(1, sizeof *r);
	r->dir = aic_xstrdup(dir);
	r->dirfd = dirfd;
	r->segment.fd = -1;
	r->last = after;
	*out = r;
	return AIC_OK;
}

void aic_spool_reader_close(aic_spool_reader *r)
{
	if (r == NULL)
		return;
	aic_segment_close(&r->segment);
	close(r->dirfd);
	free(r->dir);
	free(r);
}

static aic_code fail_in_dir(const aic_spool_reader *r, aic_code code, aic_error *err)
{
	if (code != AIC_OK && code != AIC_NOT_FOUND)
		aic_error_prefix(err, "spool %s", r->dir);
	return code;
}

static aic_code open_segment(aic_spool_reader *r, uint64_t first, aic_error *err)
{
	aic_code code = aic_segment_open(&r->segment, r->dirfd, first, err);
	if (code != AIC_OK)
		return code;
	aic_segment_name(r->name, first);
	r->offset = AIC_SEGMENT_HEADER;
	r->header_seen = r->lost = r->at_end = false;
	return AIC_OK;
}

/* The segment in which record last + 1 would stand, else the oldest. */
static aic_code open_first(aic_spool_reader *r, aic_error *err)
{
	uint64_t first, wanted = r->last == UINT64_MAX ? r->last : r->last + 1;
	aic_code code = aic_segment_find(r->dirfd, AIC_PICK_AT_OR_BELOW, wanted, &first, err);
	if (code == AIC_NOT_FOUND)
		code = aic_segment_find(r->dirfd, AIC_PICK_ABOVE, 0, &first, err);
	return code == AIC_OK ? open_segment(r, first, err) : code;
}

/* At the end of what the segment held: more of it, the next one, or AIC_NOT_FOUND. The directory is looked at first, since the
 * writer starts a segment only when it has finished the one before. */
static aic_code go_on(aic_spool_reader *r, aic_error *err)
{
	uint64_t newer, size = r->segment.size;
	aic_code found = aic_segment_find(r->dirfd, AIC_PICK_ABOVE, r->segment.first, &newer, err);
	if (found != AIC_OK && found != AIC_NOT_FOUND)
		return found;
	aic_code code = aic_segment_refresh(&r->segment, err);
	if (code != AIC_OK)
		return code;
	r->at_end = r->segment.size == size;
	if (!r->at_end)
		return AIC_OK;
	return found == AIC_OK ? open_segment(r, newer, err) : AIC_NOT_FOUND;
}

/* As go_on; a torn record is told when the segment is left for a newer one, for then nobody will complete it. */
static aic_code leave(aic_spool_reader *r, aic_spool_place *place, aic_error *err)
{
	uint64_t first = r->segment.first, at = r->offset, size = r->segment.size;
	aic_code code = go_on(r, err);
	if (code != AIC_OK || r->segment.first == first || size <= at)
		return code;
	memset(place, 0, sizeof *place);
	aic_segment_name(place->file, first);
	place->offset = at;
	return aic_fail(err, AIC_CORRUPT, "spool %s/%s ends within a record: its last %" PRIu64 " bytes, from offset %" PRIu64
	                ", are no whole record; compare with sacct for that time", r->dir, place->file, size - at, at);
}

static aic_code report(aic_spool_reader *r, uint64_t at, bool resumed, aic_spool_place *place, aic_error *err)
{
	memset(place, 0, sizeof *place);
	aic_segment_name(place->file, r->segment.first);
	place->offset = at;
	if (resumed)
		return aic_fail(err, AIC_CORRUPT, "spool %s/%s is damaged at offset %" PRIu64 ": %" PRIu64
		                " bytes are skipped, reading goes on at offset %" PRIu64 "; compare with sacct for that time",
		                r->dir, place->file, at, r->offset - at, r->offset);
	return aic_fail(err, AIC_CORRUPT, "spool %s/%s is damaged at offset %" PRIu64
	                ": no whole record follows in its %" PRIu64 " bytes; compare with sacct for that time",
	                r->dir, place->file, at, r->segment.size);
}

/* Damage at r->offset: moves to the next whole record. AIC_OK where there is nothing to tell: told before, or all of it
 * lies among records that were consumed already. */
static aic_code skip_damage(aic_spool_reader *r, aic_spool_place *place, aic_error *err)
{
	aic_segment_record next;
	uint64_t at = r->offset;
	bool told = r->lost;
	r->lost = !aic_segment_search(&r->segment, at + 1, &r->offset, &next);
	if (r->lost)
		r->offset = at;
	if (told || (!r->lost && next.number <= r->last))
		return AIC_OK;
	return report(r, at, !r->lost, place, err);
}

/* A record that would end behind the segment's end: a crash's torn tail, a record being written, or a damaged length. */
static bool is_torn(aic_spool_reader *r)
{
	aic_segment_record next;
	uint64_t offset;
	return !aic_segment_search(&r->segment, r->offset + 1, &offset, &next) &&
	       !aic_segment_length_damaged(&r->segment, r->offset);
}

static aic_code check_header(aic_spool_reader *r, aic_spool_place *place, aic_error *err)
{
	if (r->header_seen || r->segment.size < AIC_SEGMENT_HEADER)
		return AIC_OK;
	r->header_seen = true;
	if (aic_segment_header_ok(&r->segment))
		return AIC_OK;
	memset(place, 0, sizeof *place);
	aic_segment_name(place->file, r->segment.first);
	return aic_fail(err, AIC_CORRUPT, "spool %s/%s does not start as a segment of version 1 does (offset 0): its records "
	                "are read where they check", r->dir, place->file);
}

/* One step: AIC_OK with *done set where out holds a record, AIC_OK without where the caller goes on. */
static aic_code step(aic_spool_reader *r, aic_bytes *out, aic_spool_place *place, bool *done, aic_error *err)
{
	if (r->at_end)
		return r->lost ? go_on(r, err) : leave(r, place, err);
	aic_code code = check_header(r, place, err);
	if (code != AIC_OK)
		return code;
	if (r->lost) {
		code = skip_damage(r, place, err);
		return r->lost ? go_on(r, err) : code;
	}
	aic_segment_record record;
	uint64_t at = r->offset;
	switch (aic_segment_record_at(&r->segment, at, &record)) {
	case AIC_RECORD_END:
		return go_on(r, err);
	case AIC_RECORD_BEYOND:
		return is_torn(r) ? leave(r, place, err) : skip_damage(r, place, err);
	case AIC_RECORD_BAD:
		return skip_damage(r, place, err);
	case AIC_RECORD_WHOLE:
		break;
	}
	r->offset = record.end;
	if (record.number <= r->last)
		return AIC_OK;
	aic_bytes_append(out, record.data, record.len);
	memcpy(place->file, r->name, sizeof place->file);
	place->offset = at;
	place->number = r->last = record.number;
	*done = true;
	return AIC_OK;
}

aic_code aic_spool_read(aic_spool_reader *r, aic_bytes *out, aic_spool_place *place, aic_error *err)
{
	aic_bytes_clear(out);
	aic_code code = AIC_OK;
	bool done = false;
	if (r->segment.fd < 0)
		code = open_first(r, err);
	while (code == AIC_OK && !done)
		code = step(r, out, place, &done, err);
	return code == AIC_CORRUPT ? code : fail_in_dir(r, code, err);
}

aic_code aic_spool_prune(aic_spool_reader *r, uint64_t number, aic_error *err)
{
	uint64_t oldest, next;
	aic_code code = aic_segment_find(r->dirfd, AIC_PICK_ABOVE, 0, &oldest, err);
	while (code == AIC_OK) {
		code = aic_segment_find(r->dirfd, AIC_PICK_ABOVE, oldest, &next, err);
		if (code != AIC_OK || next - 1 > number)
			break;
		char name[AIC_SEGMENT_NAME_LEN];
		aic_segment_name(name, oldest);
		if (unlinkat(r->dirfd, name, 0) != 0 && errno != ENOENT)
			return aic_fail_errno(err, "cannot delete consumed spool segment %s/%s", r->dir, name);
		oldest = next;
	}
	return code == AIC_NOT_FOUND ? AIC_OK : fail_in_dir(r, code, err);
}
