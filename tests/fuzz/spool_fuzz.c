/* spool_fuzz.c: a segment with any content is read to its end: every record given out checks, numbers ascend, damage is told
 * with its place, and a writer can go on behind it. The input is taken once as the segment itself, and once as records that a
 * writer sealed and the damage that was done to them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/spool.h"
#include "common/spool_segment.h"

#define FIRST 5
#define STEPS_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/aic-fuzz-XXXXXX";

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Reads all there is; returns the last record's number. */
static uint64_t read_all(void)
{
	aic_spool_reader *r;
	aic_bytes out = {0};
	aic_spool_place place;
	aic_error err = {0};
	aic_code code;
	uint64_t last = 0;
	int steps = 0;
	demand(aic_spool_reader_open(&r, folder, 0, NULL) == AIC_OK);
	while ((code = aic_spool_read(r, &out, &place, &err)) != AIC_NOT_FOUND) {
		demand(code == AIC_OK || code == AIC_CORRUPT);
		demand(++steps < STEPS_MAX);
		if (code == AIC_CORRUPT)
			demand(strstr(err.message, place.file) != NULL);
		else
			demand(place.number > last);
		last = code == AIC_OK ? place.number : last;
	}
	aic_bytes_free(&out);
	aic_spool_reader_close(r);
	return last;
}

static void clear(void)
{
	uint64_t first;
	char name[AIC_SEGMENT_NAME_LEN];
	int dirfd = open(folder, O_RDONLY | O_DIRECTORY);
	while (aic_segment_find(dirfd, AIC_PICK_NEWEST, 0, &first, NULL) == AIC_OK) {
		aic_segment_name(name, first);
		unlinkat(dirfd, name, 0);
	}
	close(dirfd);
}

/* A segment of up to 7 records of 16 bytes of input each; what is left of the input are bytes to change, {offset u16, xor u8}. */
static void build_segment(aic_bytes *out, const uint8_t *data, size_t size)
{
	size_t records = size > 0 ? data[0] % 8 : 0, used = 1;
	aic_bytes_append(out, aic_segment_header, AIC_SEGMENT_HEADER);
	for (size_t i = 0; i < records && used + 16 <= size; i++, used += 16) {
		uint8_t head[AIC_SPOOL_RECORD_HEAD];
		size_t start = out->len;
		aic_put_be32(head, 16);
		aic_put_be64(head + 4, FIRST + i);
		aic_bytes_append(out, head, sizeof head);
		aic_bytes_append(out, data + used, 16);
		aic_hash h = aic_sha256_of(out->data + start, out->len - start);
		aic_bytes_append(out, h.b, AIC_SPOOL_RECORD_CHECK);
	}
	for (; used + 3 <= size; used += 3)
		out->data[(data[used] << 8 | data[used + 1]) % out->len] ^= data[used + 2];
}

static void try_segment(const uint8_t *data, size_t size)
{
	char name[AIC_SEGMENT_NAME_LEN], path[256];
	aic_spool_writer *w;
	aic_segment_name(name, FIRST);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	demand(fd >= 0 && aic_write_all(fd, data, size) == 0);
	close(fd);
	uint64_t last = read_all();
	demand(aic_spool_writer_open(&w, folder, 0700, 0600, NULL) == AIC_OK);
	demand(aic_spool_append(w, "x", 1, NULL) == AIC_OK);
	aic_spool_writer_close(w);
	demand(read_all() > last);
	clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	aic_bytes segment = {0};
	if (!made)
		demand(mkdtemp(folder) != NULL);
	made = true;
	try_segment(data, size);
	build_segment(&segment, data, size);
	try_segment(segment.data, segment.len);
	aic_bytes_free(&segment);
	return 0;
}
