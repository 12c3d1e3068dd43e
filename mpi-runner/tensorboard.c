#include "mpi-runner/tensorboard.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"

struct aic_tensorboard {
	FILE *file;
	char path[PATH_MAX];
};

uint32_t aic_crc32c(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

static void put_le(aic_bytes *b, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++, v >>= 8) {
		uint8_t byte = (uint8_t)v;
		aic_bytes_append(b, &byte, 1);
	}
}

static void put_masked_crc(aic_bytes *b, const void *data, size_t len)
{
	uint32_t crc = aic_crc32c(data, len);
	put_le(b, (uint32_t)((crc >> 15 | crc << 17) + UINT32_C(0xa282ead8)), 4);
}

/* --- protocol buffers --- */

enum { VARINT = 0, DOUBLE = 1, BYTES = 2, FLOAT = 5 };

static void put_varint(aic_bytes *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_le(b, v | 0x80, 1);
	put_le(b, v, 1);
}

static void put_key(aic_bytes *b, unsigned field, unsigned type)
{
	put_varint(b, field << 3 | type);
}

static void put_bytes(aic_bytes *b, unsigned field, const void *data, size_t len)
{
	put_key(b, field, BYTES);
	put_varint(b, len);
	aic_bytes_append(b, data, len);
}

/* Event: wall_time = 1, step = 2 */
static void begin_event(aic_bytes *b, uint64_t step)
{
	struct timespec now;
	uint64_t bits;

	clock_gettime(CLOCK_REALTIME, &now);
	double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
	memcpy(&bits, &seconds, sizeof(bits));
	put_key(b, 1, DOUBLE);
	put_le(b, bits, 8);
	put_key(b, 2, VARINT);
	put_varint(b, step);
}

static void write_event(aic_tensorboard *t, aic_bytes *event)
{
	aic_bytes frame = {0};

	put_le(&frame, event->len, 8);
	put_masked_crc(&frame, frame.data, 8);
	aic_bytes_append(&frame, event->data, event->len);
	put_masked_crc(&frame, event->data, event->len);
	fwrite(frame.data, 1, frame.len, t->file);
	fflush(t->file);
	aic_bytes_free(&frame);
	aic_bytes_free(event);
}

aic_code aic_tensorboard_open(aic_tensorboard **out, const char *folder, uint64_t first_step, aic_error *err)
{
	static const char VERSION[] = "brain.Event:2";
	static const uint8_t STARTED[] = {1 << 3 | VARINT, 1}; /* SessionLog: status = START */
	char host[HOST_NAME_MAX + 1] = "", name[HOST_NAME_MAX + 96];
	aic_tensorboard *t = aic_xcalloc(1, sizeof(*t));
	aic_bytes event = {0};

	*out = NULL;
	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), "events.out.tfevents.%lld.%s.%d", (long long)time(NULL), host, (int)getpid());
	aic_code rc = aic_path_join(t->path, sizeof(t->path), folder, name, err);
	if (rc == AIC_OK && !(t->file = fopen(t->path, "we")))
		rc = aic_fail_errno(err, "%s cannot be created: give another --run-dir", t->path);
	if (rc != AIC_OK) {
		free(t);
		return rc;
	}
	begin_event(&event, 0);
	put_bytes(&event, 3, VERSION, sizeof(VERSION) - 1); /* file_version */
	write_event(t, &event);
	begin_event(&event, first_step);
	put_bytes(&event, 7, STARTED, sizeof(STARTED)); /* session_log */
	write_event(t, &event);
	*out = t;
	return AIC_OK;
}

void aic_tensorboard_scalar(aic_tensorboard *t, const char *tag, uint64_t step, float v)
{
	aic_bytes value = {0}, summary = {0}, event = {0};
	uint32_t bits;

	if (!t)
		return;
	memcpy(&bits, &v, sizeof(bits));
	put_bytes(&value, 1, tag, strlen(tag)); /* Summary.Value: tag = 1, simple_value = 2 */
	put_key(&value, 2, FLOAT);
	put_le(&value, bits, 4);
	put_bytes(&summary, 1, value.data, value.len); /* Summary: value = 1 */
	begin_event(&event, step);
	put_bytes(&event, 5, summary.data, summary.len); /* summary */
	write_event(t, &event);
	aic_bytes_free(&value);
	aic_bytes_free(&summary);
}

aic_code aic_tensorboard_close(aic_tensorboard *t, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (!t)
		return AIC_OK;
	int bad = ferror(t->file);
	if (fclose(t->file) != 0 || bad)
		rc = aic_fail_errno(err, "%s is incomplete", t->path);
	free(t);
	return rc;
}
