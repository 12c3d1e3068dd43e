/* flip_test.c: every single changed bit of an export of 200 blocks is found, and its place named.
 *
 * verify reads records one after the other, and asks aic_record_get about each with that record's bytes alone: what it
 * answers for a change in one record it answers whatever stands before and behind. So every bit of the segment is flipped here and put
 * to that check; every bit of the manifest to the whole of verify; every byte of the journal belongs to one height's entries, which
 * verify makes again and compares. A sample of all these goes through the whole of verify as well.
 *
 * A liar makes the hashes anew: then the replay must find it. Bits of blocks and attestations are flipped behind the hashes, one in
 * STRIDE from a random place on; AIC_FLIPS=all takes every one. AIC_SEED replays a run. */
#define _GNU_SOURCE
#include "ledger/audit/export_testing.h"

#include <time.h>

#include "ledger/archive/record.h"
#include "ledger/audit/export_format.h"
#include "ledger/state/member.h"

#define BLOCKS 200
#define SAMPLE 40
#define STRIDE 97
#define SEGMENT "0000000000.seg"

static uint64_t seed;
static aic_bytes segment, manifest, journal;
static size_t record[BLOCKS + 2]; /* where each begins */
static char *folder;

static int make_once(void **state)
{
	const char *given = getenv("AIC_SEED");
	size_t at = 0, used;
	aic_record r;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("AIC_SEED=%llu\n", (unsigned long long)seed);
	if (test_export_make(state, BLOCKS))
		return -1;
	folder = *state;
	test_export_read(SEGMENT, &segment);
	test_export_read(AIC_MANIFEST, &manifest);
	test_export_read(AIC_EXPORT_JOURNAL, &journal);
	for (size_t h = 0; h <= BLOCKS; h++) {
		record[h] = at;
		if (aic_record_get(&r, segment.data + at, segment.len - at, &used, NULL))
			return -1;
		at += used;
	}
	record[BLOCKS + 1] = at;
	return at == segment.len ? 0 : -1;
}

static int remove_once(void **state)
{
	aic_bytes_free(&segment);
	aic_bytes_free(&manifest);
	aic_bytes_free(&journal);
	*state = folder;
	return test_folder_remove(state);
}

static void flip_bit(aic_bytes *b, size_t bit)
{
	b->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void test_every_bit_of_the_segment(void **state)
{
	size_t used;
	aic_record r;

	(void)state;
	for (size_t h = 0; h <= BLOCKS; h++) {
		for (size_t bit = record[h] * 8; bit < record[h + 1] * 8; bit++) {
			flip_bit(&segment, bit);
			if (aic_record_get(&r, segment.data + record[h], segment.len - record[h], &used, NULL) != AIC_CORRUPT)
				fail_msg("bit %zu, in the record of height %zu, was not found", bit, h);
			flip_bit(&segment, bit);
		}
		assert_ok(aic_record_get(&r, segment.data + record[h], segment.len - record[h], &used, err));
		assert_int_equal(used, record[h + 1] - record[h]);
	}
}

/* The whole of verify on a changed file: refused, with the place. */
static void verify_names(const char *file, aic_bytes *content, size_t bit, const char *place)
{
	aic_verified v;

	flip_bit(content, bit);
	test_export_write(file, content);
	flip_bit(content, bit);
	assert_fails(aic_export_verify(test_export_dir, folder, &test_chain_id, NULL, NULL, NULL, &v, err), AIC_CORRUPT, place);
}

static void test_every_bit_of_the_manifest(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < manifest.len * 8; bit++)
		verify_names(AIC_MANIFEST, &manifest, bit, "manifest");
	test_export_write(AIC_MANIFEST, &manifest);
}

/* The entries of the heights, one after the other, are the journal, to the byte. */
static void test_every_byte_of_the_journal(void **state)
{
	aic_bytes events = {0}, entries = {0};
	test_site s;
	size_t at = 0;

	(void)state;
	assert_ok(test_site_open(&s, test_ledger_dir, err));
	for (uint64_t h = 0; h <= BLOCKS; h++) {
		int64_t time;

		aic_bytes_clear(&events);
		aic_bytes_clear(&entries);
		assert_ok(aic_state_events(s.state, h, &events, &time, err));
		assert_ok(aic_journal_block(&entries, h, time, &events, err));
		assert_true(at + entries.len <= journal.len && memcmp(journal.data + at, entries.data, entries.len) == 0);
		at += entries.len;
	}
	assert_int_equal(at, journal.len);
	aic_bytes_free(&events);
	aic_bytes_free(&entries);
	test_site_close(&s);
}

static void test_sample_by_verify(void **state)
{
	char place[64];
	aic_verified v;

	(void)state;
	for (int i = 0; i < SAMPLE; i++) {
		size_t bit = (size_t)(test_random(&seed) % (segment.len * 8)), h = 0;

		while (record[h + 1] <= bit / 8)
			h++;
		snprintf(place, sizeof(place), SEGMENT ", height %zu:", h);
		verify_names(SEGMENT, &segment, bit, place);
		test_export_write(SEGMENT, &segment);
		verify_names(AIC_EXPORT_JOURNAL, &journal, (size_t)(test_random(&seed) % (journal.len * 8)), AIC_EXPORT_JOURNAL ", height");
		test_export_write(AIC_EXPORT_JOURNAL, &journal);
	}
	assert_ok(aic_export_verify(test_export_dir, folder, &test_chain_id, NULL, NULL, NULL, &v, err));
}

/* --- behind the hashes --- */

typedef struct {
	aic_state *state; /* at the height before */
	aic_bytes block, attestation;
} item;

static void load_item(item *it, size_t height)
{
	const uint8_t *attestation;
	size_t used, len;
	aic_record r;

	aic_bytes_clear(&it->block);
	aic_bytes_clear(&it->attestation);
	assert_ok(aic_record_get(&r, segment.data + record[height], segment.len - record[height], &used, err));
	aic_bytes_append(&it->block, r.block, r.len);
	assert_true(aic_record_attestation(&r, &attestation, &len));
	aic_bytes_append(&it->attestation, attestation, len);
}

/* A changed block is invalid, so that it changes nothing, and its attestation is for another one. */
static void flip_block(item *it, size_t height, size_t bit)
{
	aic_error why = {0};
	aic_attestation a;

	flip_bit(&it->block, bit);
	aic_hash name = aic_block_hash(it->block.data, it->block.len);
	aic_code code = aic_block_execute(it->state, it->block.data, it->block.len, &why);
	if (code != AIC_CORRUPT && code != AIC_REFUSED && code != AIC_FULL)
		fail_msg("height %zu, bit %zu of the block: code %d, %s", height, bit, (int)code, why.message);
	assert_ok(aic_attestation_decode(&a, it->attestation.data, it->attestation.len, err));
	assert_false(aic_hash_equal(&a.block, &name));
	flip_bit(&it->block, bit);
}

static void flip_attestation(item *it, const aic_member *m, size_t height, size_t bit)
{
	aic_attestation a;

	flip_bit(&it->attestation, bit);
	if (aic_attestation_decode(&a, it->attestation.data, it->attestation.len, NULL) == AIC_OK && aic_attestation_signed_by(&a, m->key))
		fail_msg("height %zu, bit %zu of the attestation is not found", height, bit);
	flip_bit(&it->attestation, bit);
}

static void test_behind_the_hashes(void **state)
{
	const char *flips = getenv("AIC_FLIPS");
	size_t stride = flips && strcmp(flips, "all") == 0 ? 1 : STRIDE, at = (size_t)(test_random(&seed) % stride);
	char *path = aic_xasprintf("%s/replay.db", folder);
	item it = {.state = NULL};
	aic_member m;
	aic_key key;

	(void)state;
	test_site_key(&key, 1);
	aic_id site = aic_site_id(key.public_key);
	assert_ok(aic_state_open(&it.state, path, AIC_DB_SCRATCH, err));
	load_item(&it, 0);
	assert_ok(aic_genesis_apply(it.state, it.block.data, it.block.len, err));
	for (size_t h = 1; h <= BLOCKS; h++) {
		load_item(&it, h);
		assert_ok(aic_state_member(it.state, &site, &m, err));
		size_t bits = it.block.len * 8, all = bits + it.attestation.len * 8;
		for (; at < all; at += stride) {
			if (at < bits)
				flip_block(&it, h, at);
			else
				flip_attestation(&it, &m, h, at - bits);
		}
		at -= all;
		bool valid = false;
		assert_ok(aic_block_apply(it.state, it.block.data, it.block.len, &valid, NULL, err));
		assert_true(valid);
	}
	assert_memory_equal(&aic_state_head(it.state)->hash, &test_head_hash, sizeof(test_head_hash));
	aic_state_close(it.state);
	aic_bytes_free(&it.block);
	aic_bytes_free(&it.attestation);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit_of_the_segment), cmocka_unit_test(test_every_bit_of_the_manifest),
		cmocka_unit_test(test_every_byte_of_the_journal), cmocka_unit_test(test_sample_by_verify),
		cmocka_unit_test(test_behind_the_hashes),
	};

	return cmocka_run_group_tests_name("every bit of an export", tests, make_once, remove_once);
}
