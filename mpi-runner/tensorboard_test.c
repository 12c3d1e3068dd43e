/* TensorBoard's event file: checksums, frames, and what a reader of protocol buffers finds in it. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <dirent.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/tensorboard.h"

/* RFC 3720, B.4 */
static void checksums_of_the_rfc(void **state)
{
	uint8_t data[32];

	(void)state;
	memset(data, 0, sizeof(data));
	assert_int_equal(aic_crc32c(data, sizeof(data)), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(aic_crc32c(data, sizeof(data)), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		data[i] = (uint8_t)i;
	assert_int_equal(aic_crc32c(data, sizeof(data)), 0x46dd794e);
}

static void read_file(const char *folder, aic_bytes *out)
{
	char path[512];
	DIR *dir = opendir(folder);
	aic_error err;
	int files = 0;

	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		assert_true(strncmp(e->d_name, "events.out.tfevents.", 20) == 0);
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		assert_int_equal(aic_file_read(out, path, 1 << 20, &err), AIC_OK);
		files++;
	}
	closedir(dir);
	assert_int_equal(files, 1);
}

static uint64_t le(const uint8_t *p, int bytes)
{
	uint64_t v = 0;
	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

/* The bytes of each message behind its time, written out by hand from event.proto. */
static void events_are_as_the_protocol_says(void **state)
{
	static const char *const want[] = {
		"\x10\x00\x1a\x0d" "brain.Event:2",
		"\x10\xac\x02\x3a\x02\x08\x01",                        /* step 300, session_log {status: START} */
		"\x10\xad\x02\x2a\x0d\x0a\x0b\x0a\x04" "loss\x15\x00\x00\x20\x40", /* step 301, loss 2.5 */
	};
	static const size_t len[] = {17, 7, 18};
	aic_tensorboard *t;
	aic_bytes file = {0};
	aic_error err;
	size_t at = 0;

	assert_int_equal(aic_tensorboard_open(&t, *state, 300, &err), AIC_OK);
	aic_tensorboard_scalar(t, "loss", 301, 2.5f);
	assert_int_equal(aic_tensorboard_close(t, &err), AIC_OK);
	read_file(*state, &file);
	for (int i = 0; i < 3; i++) {
		const uint8_t *frame = file.data + at;
		assert_true(at + 16 + 9 + len[i] <= file.len);
		assert_int_equal(le(frame, 8), 9 + len[i]);
		assert_int_equal(frame[12], 1 << 3 | 1); /* wall_time, a double */
		assert_memory_equal(frame + 12 + 9, want[i], len[i]);
		at += 16 + 9 + len[i];
	}
	assert_int_equal(at, file.len);
	aic_bytes_free(&file);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	aic_tensorboard *t;
	aic_error err;

	(void)state;
	assert_int_not_equal(aic_tensorboard_open(&t, "/nowhere", 0, &err), AIC_OK);
	assert_non_null(strstr(err.message, "give another --run-dir"));
	aic_tensorboard_scalar(NULL, "loss", 1, 1.0f);
	assert_int_equal(aic_tensorboard_close(NULL, &err), AIC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_of_the_rfc),
		cmocka_unit_test_setup_teardown(events_are_as_the_protocol_says, test_folder_make, test_folder_remove),
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
