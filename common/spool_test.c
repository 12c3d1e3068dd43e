/* spool_test.c: what was appended is read once, in order, whatever the disk and the process did in between. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "common/file.h"
#include "common/spool.h"
#include "common/testing.h"

#define HEADER 16
#define FRAME 20 /* bytes of a record besides its data */

static aic_spool_writer *writer(const char *dir)
{
	aic_spool_writer *w;
	aic_error err = {0};
	if (aic_spool_writer_open(&w, dir, 0770, 0660, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return w;
}

static void append(aic_spool_writer *w, const char *text)
{
	aic_error err = {0};
	if (aic_spool_append(w, text, strlen(text), &err) != AIC_OK)
		fail_msg("%s", err.message);
}

static void write_spool(const char *dir, const char *const *texts, size_t n)
{
	aic_spool_writer *w = writer(dir);
	for (size_t i = 0; i < n; i++)
		append(w, texts[i]);
	aic_spool_writer_close(w);
}

static aic_spool_reader *reader(const char *dir, uint64_t after)
{
	aic_spool_reader *r;
	assert_int_equal(aic_spool_reader_open(&r, dir, after, NULL), AIC_OK);
	return r;
}

/* The next record must be `text`; returns its number. */
static uint64_t expect(aic_spool_reader *r, const char *text)
{
	aic_bytes out = {0};
	aic_spool_place place;
	aic_error err = {0};
	aic_code code = aic_spool_read(r, &out, &place, &err);
	if (code != AIC_OK)
		fail_msg("code %d for \"%s\": %s", code, text, err.message);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.data, text, out.len);
	aic_bytes_free(&out);
	return place.number;
}

static void expect_end(aic_spool_reader *r)
{
	aic_bytes out = {0};
	aic_spool_place place;
	assert_int_equal(aic_spool_read(r, &out, &place, NULL), AIC_NOT_FOUND);
	aic_bytes_free(&out);
}

/* Names of the segments in order; globfree() by the caller. */
static void segments(const char *dir, glob_t *g)
{
	char pattern[256];
	snprintf(pattern, sizeof pattern, "%s/*.spool", dir);
	assert_int_equal(glob(pattern, 0, NULL, g), 0);
}

static void read_segment(const char *dir, size_t i, char path[256], aic_bytes *bytes)
{
	glob_t g;
	segments(dir, &g);
	assert_true(i < g.gl_pathc);
	snprintf(path, 256, "%s", g.gl_pathv[i]);
	globfree(&g);
	aic_bytes_clear(bytes);
	assert_int_equal(aic_file_read(bytes, path, 1u << 30, NULL), AIC_OK);
}

static void overwrite(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(aic_write_all(fd, data, len), 0);
	close(fd);
}

static const char *const three[] = {"first", "", "third record"};

static void in_order(void **state)
{
	write_spool(*state, three, 3);
	aic_spool_reader *r = reader(*state, 0);
	uint64_t first = expect(r, "first");
	assert_int_equal(expect(r, ""), first + 1);
	assert_int_equal(expect(r, "third record"), first + 2);
	expect_end(r);
	expect_end(r);
	aic_spool_reader_close(r);
	for (uint64_t k = 0; k < 3; k++) {
		r = reader(*state, first + k);
		for (uint64_t i = k + 1; i < 3; i++)
			expect(r, three[i]);
		expect_end(r);
		aic_spool_reader_close(r);
	}
}

static void follows_the_writer(void **state)
{
	aic_spool_writer *w = writer(*state);
	aic_spool_reader *r = reader(*state, 0);
	expect_end(r);
	append(w, "one");
	expect(r, "one");
	expect_end(r);
	append(w, "two");
	append(w, "three");
	expect(r, "two");
	aic_spool_writer_close(w);
	w = writer(*state);
	append(w, "four");
	expect(r, "three");
	expect(r, "four");
	expect_end(r);
	aic_spool_writer_close(w);
	aic_spool_reader_close(r);
}

static void restarted_writer_numbers_on(void **state)
{
	uint64_t last = 0;
	for (int run = 0; run < 5; run++) {
		write_spool(*state, three, 3);
		aic_spool_reader *r = reader(*state, last);
		for (int i = 0; i < 3; i++) {
			uint64_t number = expect(r, three[i]);
			assert_true(number > last);
			last = number;
		}
		expect_end(r);
		aic_spool_reader_close(r);
	}
}

/* aicacctd remembers what it consumed; a spool that was lost or emptied must not give those numbers again. */
static void emptied_spool_repeats_no_number(void **state)
{
	char path[256];
	aic_bytes bytes = {0};
	write_spool(*state, three, 3);
	aic_spool_reader *r = reader(*state, 0);
	expect(r, three[0]);
	expect(r, three[1]);
	uint64_t last = expect(r, three[2]);
	aic_spool_reader_close(r);
	read_segment(*state, 0, path, &bytes);
	assert_int_equal(unlink(path), 0);
	struct timespec until_next_second = {1, 100000000};
	nanosleep(&until_next_second, NULL);
	write_spool(*state, three, 1);
	r = reader(*state, last);
	assert_true(expect(r, "first") > last);
	aic_spool_reader_close(r);
	aic_bytes_free(&bytes);
}

static void segment_full(void **state)
{
	enum { SIZE = 1u << 20, RECORDS = 20 };
	char *big = malloc(SIZE + 1);
	aic_spool_writer *w = writer(*state);
	memset(big, 'x', SIZE);
	big[SIZE] = '\0';
	for (int i = 0; i < RECORDS; i++) {
		big[0] = (char)('a' + i);
		append(w, big);
	}
	aic_spool_writer_close(w);
	glob_t g;
	segments(*state, &g);
	assert_int_equal(g.gl_pathc, 3); /* 8, 8 and 4 records */
	globfree(&g);
	aic_spool_reader *r = reader(*state, 0);
	for (int i = 0; i < RECORDS; i++) {
		big[0] = (char)('a' + i);
		expect(r, big);
	}
	expect_end(r);
	aic_spool_reader_close(r);
	free(big);
}

static void record_too_large(void **state)
{
	aic_spool_writer *w = writer(*state);
	aic_error err = {0};
	char byte = 0;
	assert_int_equal(aic_spool_append(w, &byte, (size_t)AIC_SPOOL_RECORD_MAX + 1, &err), AIC_FULL);
	append(w, "goes on");
	aic_spool_writer_close(w);
	aic_spool_reader *r = reader(*state, 0);
	expect(r, "goes on");
	aic_spool_reader_close(r);
}

static void expect_torn(aic_spool_reader *r, const char *path)
{
	aic_bytes out = {0};
	aic_spool_place place;
	aic_error err = {0};
	assert_int_equal(aic_spool_read(r, &out, &place, &err), AIC_CORRUPT);
	assert_non_null(strstr(path, place.file));
	assert_non_null(strstr(err.message, "ends within a record"));
	aic_bytes_free(&out);
}

/* A crash may leave any prefix of the last record. */
static void torn_tail(void **state)
{
	char path[256];
	aic_bytes whole = {0}, bytes = {0};
	write_spool(*state, three, 3);
	read_segment(*state, 0, path, &whole);
	size_t second_end = HEADER + FRAME + strlen(three[0]) + FRAME;
	for (size_t len = 0; len < whole.len; len++) {
		overwrite(path, whole.data, len);
		size_t n = len >= second_end ? 2 : len >= second_end - FRAME ? 1 : 0;
		aic_spool_reader *r = reader(*state, 0);
		for (size_t i = 0; i < n; i++)
			expect(r, three[i]);
		expect_end(r); /* it may still be written */
		aic_spool_writer *w = writer(*state);
		append(w, "after the crash");
		if (len > HEADER && len != second_end - FRAME && len != second_end)
			expect_torn(r, path);
		expect(r, "after the crash");
		expect_end(r);
		aic_spool_writer_close(w);
		aic_spool_reader_close(r);
		char newer[256];
		read_segment(*state, 1, newer, &bytes);
		assert_int_equal(unlink(newer), 0);
	}
	aic_bytes_free(&whole);
	aic_bytes_free(&bytes);
}

/* Reads all: counts whole records of `three`, checks that damage is told once, with the file and an offset at or before `at`. */
static void expect_damage(const char *dir, const char *path, size_t at, const char *const *texts, size_t n)
{
	aic_spool_reader *r = reader(dir, 0);
	aic_bytes out = {0};
	aic_spool_place place;
	aic_error err = {0};
	size_t told = 0, seen = 0;
	aic_code code;
	while ((code = aic_spool_read(r, &out, &place, &err)) != AIC_NOT_FOUND) {
		if (code == AIC_CORRUPT) {
			told++;
			assert_non_null(strstr(path, place.file));
			assert_non_null(strstr(err.message, place.file));
			assert_true(place.offset <= at);
			char offset[64];
			snprintf(offset, sizeof offset, "offset %llu", (unsigned long long)place.offset);
			assert_true(strstr(err.message, offset) != NULL);
			continue;
		}
		assert_int_equal(code, AIC_OK);
		while (seen < n && (out.len != strlen(texts[seen]) || memcmp(out.data, texts[seen], out.len) != 0))
			seen++;
		assert_true(seen < n); /* every record that comes out is one that went in, in order */
		seen++;
	}
	assert_int_equal(told, 1);
	aic_bytes_free(&out);
	aic_spool_reader_close(r);
}

/* How many whole records are left when the one that holds byte `at` is lost. */
static size_t readable(const char *dir, uint64_t *numbers)
{
	aic_spool_reader *r = reader(dir, 0);
	aic_bytes out = {0};
	aic_spool_place place;
	aic_code code;
	size_t n = 0;
	while ((code = aic_spool_read(r, &out, &place, NULL)) != AIC_NOT_FOUND) {
		if (code == AIC_OK)
			numbers[n++] = place.number;
	}
	aic_bytes_free(&out);
	aic_spool_reader_close(r);
	return n;
}

static void every_flipped_byte(void **state)
{
	static const char *const texts[] = {"alpha", "beta is longer than alpha", "c", "last"};
	char path[256];
	uint64_t numbers[8];
	aic_bytes bytes = {0};
	write_spool(*state, texts, 4);
	read_segment(*state, 0, path, &bytes);
	for (size_t at = 0; at < bytes.len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes.data[at] ^= (uint8_t)(1u << bit);
			overwrite(path, bytes.data, bytes.len);
			expect_damage(*state, path, at, texts, 4);
			assert_int_equal(readable(*state, numbers), at < HEADER ? 4 : 3);
			bytes.data[at] ^= (uint8_t)(1u << bit);
		}
	}
	aic_bytes_free(&bytes);
}

/* The same where a newer segment follows, and the reader is told of its place behind the damage: no second report. */
static void damage_before_the_position(void **state)
{
	char path[256];
	aic_bytes bytes = {0};
	write_spool(*state, three, 3);
	aic_spool_reader *r = reader(*state, 0);
	uint64_t first = expect(r, three[0]);
	aic_spool_reader_close(r);
	read_segment(*state, 0, path, &bytes);
	bytes.data[HEADER + 13] ^= 1;
	overwrite(path, bytes.data, bytes.len);
	write_spool(*state, three, 1);
	r = reader(*state, first + 1);
	expect(r, three[2]);
	expect(r, "first");
	expect_end(r);
	aic_spool_reader_close(r);
	aic_bytes_free(&bytes);
}

/* Damage at the end of the segment that is being written: told once, then reading goes on with what is appended. */
static void damage_then_more(void **state)
{
	char path[256];
	aic_bytes bytes = {0}, out = {0};
	aic_spool_place place;
	aic_spool_writer *w = writer(*state);
	append(w, "one");
	append(w, "two");
	read_segment(*state, 0, path, &bytes);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, (off_t)bytes.len - 9), 1);
	close(fd);
	aic_spool_reader *r = reader(*state, 0);
	expect(r, "one");
	assert_int_equal(aic_spool_read(r, &out, &place, NULL), AIC_CORRUPT);
	assert_int_equal(place.offset, HEADER + FRAME + 3);
	expect_end(r);
	append(w, "three");
	append(w, "four");
	expect(r, "three");
	expect(r, "four");
	expect_end(r);
	aic_spool_writer_close(w);
	aic_spool_reader_close(r);
	aic_bytes_free(&bytes);
	aic_bytes_free(&out);
}

/* A writer that starts on a damaged tail must not give numbers that the damaged records may have had. */
static void numbers_after_damage(void **state)
{
	char path[256];
	uint64_t numbers[8];
	aic_bytes bytes = {0};
	write_spool(*state, three, 3);
	assert_int_equal(readable(*state, numbers), 3);
	read_segment(*state, 0, path, &bytes);
	bytes.data[HEADER + FRAME + 5 + 13] ^= 1;  /* damages the second and */
	bytes.data[bytes.len - 1] ^= 1;            /* the third record */
	overwrite(path, bytes.data, bytes.len);
	write_spool(*state, three, 1);
	aic_spool_reader *r = reader(*state, numbers[2]);
	aic_bytes out = {0};
	aic_spool_place place;
	aic_code code;
	while ((code = aic_spool_read(r, &out, &place, NULL)) == AIC_CORRUPT)
		;
	assert_int_equal(code, AIC_OK);
	assert_true(place.number > numbers[2]);
	aic_spool_reader_close(r);
	aic_bytes_free(&bytes);
	aic_bytes_free(&out);
}

static void disk_full(void **state)
{
	struct rlimit before, small;
	aic_error err = {0};
	char record[1000];
	memset(record, 'r', sizeof record);
	record[sizeof record - 1] = '\0';
	aic_spool_writer *w = writer(*state);
	append(w, "fits");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 500; /* half a record fits: it must be cut off again */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	aic_code code = aic_spool_append(w, record, strlen(record), &err);
	aic_code again = aic_spool_append(w, record, strlen(record), &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_not_equal(code, AIC_OK);
	assert_int_not_equal(again, AIC_OK);
	assert_non_null(strstr(err.message, *state));
	char path[256];
	aic_bytes bytes = {0};
	read_segment(*state, 0, path, &bytes);
	assert_int_equal(bytes.len, HEADER + FRAME + 4);
	append(w, record);
	aic_spool_writer_close(w);
	aic_spool_reader *r = reader(*state, 0);
	uint64_t first = expect(r, "fits");
	assert_int_equal(expect(r, record), first + 1);
	expect_end(r);
	aic_spool_reader_close(r);
	aic_bytes_free(&bytes);
}

static void prune(void **state)
{
	uint64_t last[3];
	for (int i = 0; i < 3; i++) {
		write_spool(*state, three, 3);
		aic_spool_reader *r = reader(*state, i == 0 ? 0 : last[i - 1]);
		for (int k = 0; k < 3; k++)
			last[i] = expect(r, three[k]);
		aic_spool_reader_close(r);
	}
	glob_t g;
	const struct { uint64_t number; size_t left; } steps[] = {
		{0, 3}, {last[0] - 1, 3}, {last[1] - 1, 2}, {UINT64_MAX, 1}, {UINT64_MAX, 1},
	};
	aic_spool_reader *r = reader(*state, last[1]);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		assert_int_equal(aic_spool_prune(r, steps[i].number, NULL), AIC_OK);
		segments(*state, &g);
		assert_int_equal(g.gl_pathc, steps[i].left);
		globfree(&g);
	}
	for (int k = 0; k < 3; k++)
		expect(r, three[k]);
	expect_end(r);
	aic_spool_reader_close(r);
}

static void one_writer(void **state)
{
	aic_spool_writer *w = writer(*state), *second;
	aic_error err = {0};
	assert_int_equal(aic_spool_writer_open(&second, *state, 0770, 0660, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, *state));
	aic_spool_writer_close(w);
	w = writer(*state);
	aic_spool_writer_close(w);
}

static void modes_and_heartbeat(void **state)
{
	char dir[200], path[256];
	struct stat st;
	snprintf(dir, sizeof dir, "%s/a/b", (char *)*state);
	assert_int_equal(aic_spool_heartbeat_age(dir), -1);
	mode_t mask = umask(077);
	aic_spool_writer *w;
	assert_int_equal(aic_spool_writer_open(&w, dir, 02770, 0660, NULL), AIC_OK);
	umask(mask);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02770);
	aic_bytes bytes = {0};
	read_segment(dir, 0, path, &bytes);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_in_range(aic_spool_heartbeat_age(dir), 0, 5);
	snprintf(path, sizeof path, "%s/heartbeat", dir);
	struct utimbuf old = {time(NULL) - 100, time(NULL) - 100};
	assert_int_equal(utime(path, &old), 0);
	assert_in_range(aic_spool_heartbeat_age(dir), 100, 110);
	aic_spool_heartbeat(w);
	assert_in_range(aic_spool_heartbeat_age(dir), 0, 5);
	assert_int_equal(aic_spool_sync(w, NULL), AIC_OK);
	aic_spool_writer_close(w);
	aic_bytes_free(&bytes);
}

static void no_directory(void **state)
{
	char dir[200];
	aic_spool_reader *r;
	aic_spool_writer *w;
	aic_error err = {0};
	snprintf(dir, sizeof dir, "%s/none", (char *)*state);
	assert_int_equal(aic_spool_reader_open(&r, dir, 0, &err), AIC_NOT_FOUND);
	assert_non_null(strstr(err.message, dir));
	snprintf(dir, sizeof dir, "/proc/none");
	assert_int_not_equal(aic_spool_writer_open(&w, dir, 0770, 0660, &err), AIC_OK);
	assert_non_null(strstr(err.message, dir));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(in_order), IN_FOLDER(follows_the_writer), IN_FOLDER(restarted_writer_numbers_on),
		IN_FOLDER(emptied_spool_repeats_no_number), IN_FOLDER(segment_full), IN_FOLDER(record_too_large),
		IN_FOLDER(torn_tail), IN_FOLDER(every_flipped_byte), IN_FOLDER(damage_before_the_position),
		IN_FOLDER(damage_then_more), IN_FOLDER(numbers_after_damage), IN_FOLDER(disk_full), IN_FOLDER(prune),
		IN_FOLDER(one_writer), IN_FOLDER(modes_and_heartbeat), IN_FOLDER(no_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
