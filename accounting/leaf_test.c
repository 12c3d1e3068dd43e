/* leaf_test.c: a posted line is proved to whoever may see it, checked without a daemon, and nothing else passes. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <unistd.h>

#include "accounting/commands.h"
#include "accounting/leaf.h"
#include "accounting/site.h"
#include "common/file.h"
#include "ledger/commands.h"

#define JOBS 5

/* Five jobs on two nodes, every other one of another user; posted. */
static int open_posted(void **state)
{
	if (site_open(state))
		return -1;
	test_site *s = *state;
	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "100", NULL), 0);
	for (uint32_t i = 1; i <= JOBS; i++) {
		aic_job_record r = site_job(i, i & 1 ? "daemon" : "games", "physics", i & 1 ? "n1" : "n3");
		site_take(s, &r);
		aic_job_record_clear(&r);
	}
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 0);
	return 0;
}

static char *proof_path(test_site *s)
{
	return aic_xasprintf("%s/proof.json", s->folder);
}

static void proved_and_checked(void **state)
{
	test_site *s = *state;
	char *path = proof_path(s), line[16], hex[65];
	aic_leaf_proof p;
	aic_error err = {0};

	for (int i = 1; i <= JOBS; i++) {
		snprintf(line, sizeof(line), "%d", i);
		assert_int_equal(site_run(0, aic_cmd_batch, "prove", line, "--output", path, NULL), 0);
		assert_int_equal(site_run(STRANGER, aic_cmd_batch, "check", path, "-P", NULL), 0);
		expect_printed("payer|account/physics\n");
		expect_printed(i & 1 ? "payee|provider/lab-one\n" : "payee|provider/lab-two\n");
		expect_printed("gross|0.285\n");
		assert_int_equal(aic_leaf_read(&p, path, &err), AIC_OK);
		assert_true(p.lines == JOBS && p.steps >= 1 && p.steps <= 3);
		aic_hash_hex(hex, &p.evidence);
		aic_leaf_proof_clear(&p);
		assert_int_equal(site_run(0, aic_cmd_batch, "check", path, "--evidence", hex, NULL), 0);
	}
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_int_equal(site_run(0, aic_cmd_batch, "check", path, "--evidence", hex, NULL), 1);
	expect_printed("is of the evidence");
	free(path);
}

/* Each byte of each field that counts is covered. */
static void nothing_else_passes(void **state)
{
	test_site *s = *state;
	aic_leaf_proof p;
	aic_error err = {0};

	assert_int_equal(aic_leaf_prove(&s->d.batches, 3, &p, &err), AIC_OK);
	assert_int_equal(aic_leaf_check(&p, &err), AIC_OK);
	for (size_t i = 0; i < p.leaf.len; i++) {
		p.leaf.data[i] ^= 1;
		assert_int_equal(aic_leaf_check(&p, &err), AIC_CORRUPT);
		p.leaf.data[i] ^= 1;
	}
	for (size_t i = 0; i < p.steps; i++) {
		p.path[i].b[i] ^= 4;
		assert_int_equal(aic_leaf_check(&p, &err), AIC_CORRUPT);
		p.path[i].b[i] ^= 4;
	}
	p.index ^= 1;
	assert_int_equal(aic_leaf_check(&p, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "this line is not in the evidence"));
	p.index ^= 1;
	p.steps--;
	assert_int_equal(aic_leaf_check(&p, &err), AIC_CORRUPT);
	p.steps++;
	assert_int_equal(aic_leaf_check(&p, &err), AIC_OK);
	aic_leaf_proof_clear(&p);
}

static void write_file(const char *path, const char *text)
{
	aic_error err = {0};

	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0644, &err), AIC_OK);
}

static void refusals(void **state)
{
	test_site *s = *state;
	char *path = proof_path(s);

	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "99", NULL), 1);
	expect_printed("you may see no line 99");
	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "x", NULL), 2);
	expect_printed("which line? Give its number");
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "prove", "1", NULL), 1); /* the own job, on nodes of who does not want to be named */
	expect_printed("line 1 names a provider that is not named to those who pay it: ask an administrator for its proof");
	s->d.config.provider[0].named = true;
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "prove", "1", NULL), 0);
	expect_printed("\"format\": \"aic/evidence-proof/v1\", \"site\": \"uni\"");
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "prove", "2", NULL), 1); /* games' */
	expect_printed("you may see no line 2");
	aic_job_record open = site_job(9, "daemon", "physics", "n1");
	site_take(s, &open);
	aic_job_record_clear(&open);
	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "6", NULL), 1);
	expect_printed("no batch has a line 6");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "6", NULL), 1);
	expect_printed("is not posted: its evidence may still change");
	assert_int_equal(site_run(0, aic_cmd_erase, "games", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "2", NULL), 1);
	expect_printed("the record of line 2 was erased: the hash of its leaf is kept, what it said is not");
	assert_int_equal(site_run(0, aic_cmd_batch, "prove", "1", "--output", path, NULL), 0); /* others stand */
	assert_int_equal(site_run(0, aic_cmd_batch, "check", path, NULL), 0);
	write_file(path, "{\"format\": 1");
	assert_int_equal(site_run(0, aic_cmd_batch, "check", path, NULL), 2);
	expect_printed("no JSON (line 1");
	write_file(path, "{\"format\": \"aic/evidence-proof/v1\", \"number\": 1, \"lines\": 1, \"index\": -1}");
	assert_int_equal(site_run(0, aic_cmd_batch, "check", path, NULL), 2);
	expect_printed("\"index\" is not what `aic batch prove` writes");
	free(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_posted, site_close)

int main(void)
{
	const struct CMUnitTest tests[] = {T(proved_and_checked), T(nothing_else_passes), T(refusals)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
