/* archive_test.c: a copy made from another site's archive, by file and over HTTPS; and archives that lie, are damaged, too large, too
 * slow, or show the wrong key: refused, and named. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/archive/testing.h"
#include "ledger/audit/export.h"
#include "ledger/audit/verify.h"

#define BLOCKS 150

static archive_site origin; /* its ledger has three members: it, one that attests with it, and one that joins late */

static int start(void **state)
{
	(void)state;
	archive_site_make(&origin);
	archive_grow(&origin, BLOCKS);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	archive_site_remove(&origin);
	return 0;
}

static void exported(const char *dir, char path[300])
{
	aic_copy copy;
	aic_verified v;

	snprintf(path, 300, "%s/export", dir);
	assert_ok(aic_copy_open(&copy, origin.dir, err));
	assert_ok(aic_ledger_export(&copy, path, NULL, NULL, &v, err));
	aic_copy_close(&copy);
}

static aic_checkpoint at_head(void)
{
	const aic_head *head = aic_state_head(origin.site.state);

	return (aic_checkpoint){.height = head->height, .hash = head->hash};
}

static void joined_dir(const char *dir, char path[300])
{
	snprintf(path, 300, "%s/joined", dir);
	mkdir(path, 0700);
}

/* Joins and compares with the origin; the copy verifies, attestations included. */
static void assert_joins(const char *dir, aic_source *source)
{
	aic_checkpoint checkpoint = at_head();
	char path[300];
	aic_verified v;
	aic_head head;

	joined_dir(dir, path);
	assert_ok(aic_ledger_join(path, "", &checkpoint, source, 1, NULL, NULL, &head, err));
	assert_memory_equal(&head.root, &aic_state_head(origin.site.state)->root, sizeof(head.root));
	assert_memory_equal(&head.hash, &aic_state_head(origin.site.state)->hash, sizeof(head.hash));
	assert_ok(aic_ledger_verify(path, dir, NULL, NULL, &v, err));
	assert_int_equal(v.blocks, BLOCKS + 1);
	assert_int_equal(v.attestations, 2 * BLOCKS);
	assert_fails(aic_ledger_join(path, "", &checkpoint, source, 1, NULL, NULL, &head, err), AIC_REFUSED,
	             "this site has a copy already, at height 150");
}

static void from_an_export(void **state)
{
	aic_source source;
	char path[300];

	exported(*state, path);
	assert_ok(aic_source_file(&source, path, err));
	assert_joins(*state, &source);
	aic_source_close(&source);
}

static void first_height(void *ctx, uint64_t height)
{
	uint64_t *first = ctx;

	if (!*first)
		*first = height;
}

/* A file that ends early leaves what it gave, from which another goes on. */
static void from_a_file_resumed(void **state)
{
	aic_checkpoint checkpoint = at_head();
	aic_bytes records = archive_records(&origin, 0, BLOCKS);
	char half[300], whole[300], path[300];
	aic_source source;
	uint64_t first = 0;
	aic_head head;

	joined_dir(*state, path);
	snprintf(half, sizeof(half), "%s/half", (char *)*state);
	snprintf(whole, sizeof(whole), "%s/whole", (char *)*state);
	archive_write(half, &records, archive_offset(&records, 100));
	archive_write(whole, &records, records.len);
	assert_ok(aic_source_file(&source, half, err));
	assert_fails(aic_ledger_join(path, "", &checkpoint, &source, 1, NULL, NULL, &head, err), AIC_NOT_FOUND,
	             "the archives end at height 99, below the checkpoint at 150");
	aic_source_close(&source);
	archive_write(half, &records, archive_offset(&records, 100) + 7);
	assert_ok(aic_source_file(&source, half, err));
	assert_fails(aic_ledger_join(path, "", &checkpoint, &source, 1, NULL, NULL, &head, err), AIC_CORRUPT, "cut off after 7 bytes");
	aic_source_close(&source);
	assert_ok(aic_source_file(&source, whole, err));
	assert_ok(aic_ledger_join(path, "", &checkpoint, &source, 1, first_height, &first, &head, err));
	assert_int_equal(first, BLOCKS);
	assert_memory_equal(&head.root, &aic_state_head(origin.site.state)->root, sizeof(head.root));
	aic_source_close(&source);
	aic_bytes_free(&records);
}

static void a_file_that_begins_late(void **state)
{
	aic_checkpoint checkpoint = at_head();
	aic_bytes records = archive_records(&origin, 10, 20);
	char file[300], path[300];
	aic_source source;
	aic_head head;

	joined_dir(*state, path);
	snprintf(file, sizeof(file), "%s/late", (char *)*state);
	archive_write(file, &records, records.len);
	assert_ok(aic_source_file(&source, file, err));
	assert_fails(aic_ledger_join(path, "", &checkpoint, &source, 1, NULL, NULL, &head, err), AIC_NOT_FOUND,
	             "it begins at height 10, and 0 is needed");
	aic_source_close(&source);
	aic_bytes_free(&records);
	assert_fails(aic_source_file(&source, "/nonexistent", err), AIC_SYSTEM, "cannot look at /nonexistent");
}

/* --- what is not true --- */

static aic_code join_records(const char *dir, const aic_bytes *records, const aic_checkpoint *checkpoint, const char *chain, aic_error *err)
{
	aic_source source = archive_memory(records);
	char path[300];
	aic_head head;

	joined_dir(dir, path);
	return aic_ledger_join(path, chain, checkpoint, &source, 1, NULL, NULL, &head, err);
}

static void another_history(void **state)
{
	aic_bytes records = archive_records(&origin, 0, BLOCKS);
	aic_checkpoint wrong = at_head(), genesis = {.height = 0, .hash = aic_state_head(origin.site.state)->chain};
	char chain[65];

	wrong.hash.b[5] ^= 1;
	assert_fails(join_records(*state, &records, &wrong, "", err), AIC_CORRUPT,
	             "the archive of memory: height 150: its block is not the checkpoint's");
	wrong.height = 128; /* which is there already by now */
	assert_fails(join_records(*state, &records, &wrong, "", err), AIC_REFUSED, "leads to another block at height 128");
	genesis.hash.b[0] ^= 1;
	archive_forget(*state);
	assert_fails(join_records(*state, &records, &genesis, "", err), AIC_CORRUPT,
	             "the archive of memory: height 0: its genesis is not the checkpoint's");
	genesis.hash.b[0] ^= 1;
	aic_hash_hex(chain, &genesis.hash);
	chain[0] = chain[0] == '0' ? '1' : '0';
	assert_fails(join_records(*state, &records, &genesis, chain, err), AIC_REFUSED, "aic.yaml says \"chain: ");
	aic_bytes_free(&records);
}

static void damaged_records(void **state)
{
	aic_bytes records = archive_records(&origin, 0, BLOCKS);
	aic_checkpoint checkpoint = at_head();
	size_t at = archive_offset(&records, 80);

	records.data[at + 30] ^= 4;
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_CORRUPT,
	             "the archive of memory: a record does not match its hash");
	records.data[at + 30] ^= 4;
	aic_put_be32(records.data + at, 1u << 30);
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_CORRUPT,
	             "a record's length of 1073741824 bytes is absurd: 1572864 are the limit");
	aic_bytes_free(&records);
	records = archive_records(&origin, 0, 70);
	aic_bytes more = archive_records(&origin, 72, 80);
	aic_bytes_append(&records, more.data, more.len);
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_CORRUPT, "it gives height 72 where 71 comes next");
	aic_bytes_free(&records);
	aic_bytes_free(&more);
}

/* Heights 0 .. last, their attestations as keep says. */
static aic_bytes with_attestations(uint64_t last, size_t (*keep)(uint64_t height, size_t i))
{
	aic_bytes out = {0}, in = archive_records(&origin, 0, last);
	aic_record r;
	size_t used;

	for (size_t at = 0; at < in.len; at += used) {
		aic_bytes items = {0};
		const uint8_t *bytes;
		size_t len, n = 0;

		assert_ok(aic_record_get(&r, in.data + at, in.len - at, &used, err));
		for (size_t i = 0; aic_record_attestation(&r, &bytes, &len); i++)
			for (size_t k = keep(r.height, i); k; k--, n++)
				aic_cbor_put_bytes(&items, bytes, len);
		aic_record_put(&out, r.height, r.block, r.len, &items, n);
		aic_bytes_free(&items);
	}
	aic_bytes_free(&in);
	return out;
}

static size_t only_the_first(uint64_t height, size_t i) { (void)height; return i == 0; }
static size_t the_first_twice(uint64_t height, size_t i) { (void)height; return i == 0 ? 2 : 0; }
static size_t every_sixtieth(uint64_t height, size_t i) { (void)i; return height % 60 == 0 || height == BLOCKS; }

static void without_a_quorum(void **state)
{
	aic_checkpoint checkpoint = at_head();
	aic_bytes records = with_attestations(BLOCKS, only_the_first);

	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_REFUSED,
	             "the archive of memory: heights 1 to 64: none is attested by a quorum of the members");
	aic_bytes_free(&records);
	records = with_attestations(BLOCKS, the_first_twice);
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_REFUSED, "none is attested by a quorum");
	aic_bytes_free(&records);
	records = with_attestations(40, only_the_first); /* it may become final yet */
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_NOT_FOUND, "the archives end at height 0");
	aic_bytes_free(&records);
	records = with_attestations(BLOCKS, every_sixtieth); /* each proves those below it */
	assert_ok(join_records(*state, &records, &checkpoint, "", err));
	aic_bytes_free(&records);
}

/* A member that makes another block at a height, well signed: nobody attests it, and nothing builds on it. */
static void a_forged_block(void **state)
{
	aic_checkpoint checkpoint = at_head();
	aic_bytes records = {0}, part = archive_records(&origin, 0, 9), none = {0}, forged = {0};

	archive_forge(&origin, 10, &forged);
	aic_bytes_append(&records, part.data, part.len);
	aic_record_put(&records, 10, forged.data, forged.len, &none, 0);
	aic_bytes_free(&part);
	part = archive_records(&origin, 11, BLOCKS);
	aic_bytes_append(&records, part.data, part.len);
	assert_fails(join_records(*state, &records, &checkpoint, "", err), AIC_CORRUPT,
	             "the archive of memory: height 10: its block is neither attested by a quorum nor what the next one builds on");
	aic_bytes_free(&records);
	aic_bytes_free(&part);
	aic_bytes_free(&forged);
}

/* The second source goes on where the first was found out. */
static void a_liar_first(void **state)
{
	aic_bytes lies = archive_records(&origin, 0, BLOCKS), truth = archive_records(&origin, 0, BLOCKS);
	aic_source source[2];
	aic_checkpoint checkpoint = at_head();
	char path[300];
	aic_head head;

	lies.data[archive_offset(&lies, 140) + 50] ^= 1;
	source[0] = archive_memory(&lies);
	source[1] = archive_memory(&truth);
	joined_dir(*state, path);
	assert_ok(aic_ledger_join(path, "", &checkpoint, source, 2, NULL, NULL, &head, err));
	assert_memory_equal(&head.root, &aic_state_head(origin.site.state)->root, sizeof(head.root));
	aic_bytes_free(&lies);
	aic_bytes_free(&truth);
}

static void checkpoints(void **state)
{
	static const char *const bad[] = {"", "12", ":", "12:", "x:00", "12:ab", "-1:00", "9999999999999999999:00"};
	char text[80] = "12:";
	aic_checkpoint c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(aic_checkpoint_parse(&c, bad[i], err), AIC_USAGE, "is no checkpoint: give HEIGHT:HASH");
	memset(text + 3, 'a', 64);
	assert_ok(aic_checkpoint_parse(&c, text, err));
	assert_true(c.height == 12 && c.hash.b[31] == 0xaa);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_an_export),   TEST(from_a_file_resumed), TEST(a_file_that_begins_late), TEST(another_history), TEST(damaged_records),
		TEST(without_a_quorum), TEST(a_forged_block),      TEST(a_liar_first),            TEST(checkpoints),
	};

	return cmocka_run_group_tests_name("ledger archive", tests, start, stop);
}
