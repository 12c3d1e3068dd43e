/* spool.h: an append-only, checksummed log of records in segment files; one writer, one reader that deletes.
 *
 * Directory: DIR/%020llu.spool, named by the number of its first record; DIR/heartbeat, touched by the writer.
 * Segment: 16-byte header (magic "AICSPOOL", version u32 BE, reserved), then records:
 *     u32 BE length | u64 BE number | length bytes | first 8 bytes of SHA-256(length || number || bytes)
 * A torn tail (a record that ends beyond the file) is what a crash leaves: the writer starts a new segment; once there is a newer
 * one, the reader tells of the tail (AIC_CORRUPT) and skips it. A checksum that does not fit inside a segment is damage:
 * reported with file and offset, the reader resynchronises at the next record that checks (searching byte-wise).
 * Drawn in doc/formats/spool.md. No memory is allocated beyond the record at hand. */
#ifndef AIC_SPOOL_H
#define AIC_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define AIC_SPOOL_RECORD_MAX (64u << 20)
#define AIC_SPOOL_SEGMENT_BYTES (8u << 20) /* a new segment after this many */

typedef struct aic_spool_writer aic_spool_writer;
/* Opens DIR (made with mode dir_mode where missing, files get file_mode) for appending in a new segment; numbers
 * continue after the last whole record found, and never below the epoch's seconds times 2^20, so that a spool that lost its
 * tail (power) or was emptied gives no number twice. They ascend; gaps mean nothing. One writer per directory: AIC_REFUSED else. */
aic_code aic_spool_writer_open(aic_spool_writer **w, const char *dir, unsigned dir_mode, unsigned file_mode, aic_error *err);
/* Appends without fsync. On failure (disk full) the partial record is cut off again; the caller keeps the record. */
aic_code aic_spool_append(aic_spool_writer *w, const void *data, size_t len, aic_error *err);
aic_code aic_spool_sync(aic_spool_writer *w, aic_error *err);      /* fdatasync */
void aic_spool_heartbeat(aic_spool_writer *w);                     /* touches DIR/heartbeat */
void aic_spool_writer_close(aic_spool_writer *w);

typedef struct {
	char file[64];        /* segment's file name */
	uint64_t offset;      /* where the record starts */
	uint64_t number;
} aic_spool_place;

typedef struct aic_spool_reader aic_spool_reader;
/* Positions after record `after` (0: at the oldest there is). */
aic_code aic_spool_reader_open(aic_spool_reader **r, const char *dir, uint64_t after, aic_error *err);
/* AIC_OK with the record in out (replaced); AIC_NOT_FOUND when there is nothing more at present;
 * AIC_CORRUPT with place and message for damage that was skipped over (the caller notes it and calls again). */
aic_code aic_spool_read(aic_spool_reader *r, aic_bytes *out, aic_spool_place *place, aic_error *err);
/* Deletes segments that lie wholly at or below `number`, never the newest. */
aic_code aic_spool_prune(aic_spool_reader *r, uint64_t number, aic_error *err);
/* Age in seconds of DIR/heartbeat, -1 where there is none. */
int64_t aic_spool_heartbeat_age(const char *dir);
void aic_spool_reader_close(aic_spool_reader *r);

#endif
