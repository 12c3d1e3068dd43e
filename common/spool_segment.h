/* spool_segment.h: one segment file of a spool, as its writer and its reader see it. Internal to common/spool*.c. */
#ifndef AIC_SPOOL_SEGMENT_H
#define AIC_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define AIC_SEGMENT_NAME_LEN 64
#define AIC_SEGMENT_HEADER 16
#define AIC_SPOOL_RECORD_HEAD 12  /* length, number */
#define AIC_SPOOL_RECORD_CHECK 8
#define AIC_SPOOL_RECORD_FRAME (AIC_SPOOL_RECORD_HEAD + AIC_SPOOL_RECORD_CHECK)

extern const uint8_t aic_segment_header[AIC_SEGMENT_HEADER];

void aic_segment_name(char name[AIC_SEGMENT_NAME_LEN], uint64_t first);

typedef enum {
	AIC_PICK_NEWEST,       /* ref is not used */
	AIC_PICK_ABOVE,        /* the lowest first number above ref */
	AIC_PICK_AT_OR_BELOW   /* the highest first number that is at most ref */
} aic_segment_pick;
/* Finds a segment by its name. AIC_NOT_FOUND (err untouched) where there is none such. */
aic_code aic_segment_find(int dirfd, aic_segment_pick pick, uint64_t ref, uint64_t *first, aic_error *err);

/* An open segment; zero-initialise with fd = -1. */
typedef struct {
	int fd;
	uint64_t first;     /* from its name */
	uint64_t size;      /* of the file when last looked at */
	aic_bytes window;   /* bytes of the file from window_at on */
	uint64_t window_at;
} aic_segment;

aic_code aic_segment_open(aic_segment *s, int dirfd, uint64_t first, aic_error *err);
void aic_segment_close(aic_segment *s);
/* Looks at the file's size again and forgets what was read. */
aic_code aic_segment_refresh(aic_segment *s, aic_error *err);
bool aic_segment_header_ok(aic_segment *s);

typedef struct {
	uint64_t number;
	const uint8_t *data; /* borrowed until the next call on the segment */
	uint32_t len;
	uint64_t end;        /* offset behind the record */
} aic_segment_record;

typedef enum {
	AIC_RECORD_WHOLE,
	AIC_RECORD_END,      /* the segment ends exactly here */
	AIC_RECORD_BEYOND,   /* the record would end behind the segment's end: torn, or its length is damaged */
	AIC_RECORD_BAD       /* the checksum, or a length above AIC_SPOOL_RECORD_MAX, or an unreadable place */
} aic_record_state;
aic_record_state aic_segment_record_at(aic_segment *s, uint64_t offset, aic_segment_record *r);

/* True where the bytes from offset to the end make one whole record whose length field alone is wrong. */
bool aic_segment_length_damaged(aic_segment *s, uint64_t offset);

/* The first whole record at or behind `from`, byte by byte. */
bool aic_segment_search(aic_segment *s, uint64_t from, uint64_t *offset, aic_segment_record *r);

#endif
