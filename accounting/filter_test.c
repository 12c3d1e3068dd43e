/* filter_test.c: every report by user, node, cluster, provider, account and asset: what passes adds up, and shows no stranger's job. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <unistd.h>

#include "accounting/background.h"
#include "accounting/commands.h"
#include "accounting/site.h"
#include "ledger/commands.h"

static void add_assets(test_site *s)
{
	FILE *f = fopen(s->config, "a");

	assert_true(f && fputs("assets: [{name: faces, kind: data, owner: provider/lab-two, per_job: 2}]\n", f) > 0 && !fclose(f));
	aic_acctd_close(&s->d);
	site_start(s);
	/* from the beginning, not from today on */
	assert_int_equal(aic_sql_run(s->d.store->db, NULL, "UPDATE asset SET since=0", ""), AIC_OK);
	aic_acctd_close(&s->d);
	site_start(s);
}

static void job(test_site *s, uint32_t id, const char *user, const char *account, const char *node, const char *dataset)
{
	aic_job_record r = site_job(id, user, account, node);

	aic_str_copy(r.dataset, sizeof(r.dataset), dataset);
	if (id == 3)
		aic_str_copy(r.cluster, sizeof(r.cluster), "far");
	site_take(s, &r);
	if (id != 4)
		site_send_receipt(&r, 0, AIC_OK);
	aic_job_record_clear(&r);
}

/* 1: daemon on n1 with faces; 2: games on n2; 3: mail of biology on n3, cluster far; 4: daemon on n3, NODE_FAIL. */
static int open_with_jobs(void **state)
{
	if (site_open(state))
		return -1;
	test_site *s = *state;
	aic_job_record failed = site_job(4, "daemon", "physics", "n3");

	add_assets(s);
	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "100", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/biology", "100", NULL), 0);
	job(s, 1, "daemon", "physics", "n1", "faces");
	job(s, 2, "games", "physics", "n2", "");
	job(s, 3, "mail", "biology", "n3", "");
	s->d.background = aic_background_new(); /* as the daemon answers */
	failed.state = AIC_STATE_NODE_FAIL;
	site_take(s, &failed);
	aic_job_record_clear(&failed);
	return 0;
}

static void post_all(void)
{
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 0);
}

/* Column `column` of the only row of payouts that has `text` in it. */
static aic_amount cell(const char *text, int column)
{
	char *row = strstr(site_printed, text);
	aic_amount a;

	if (!row)
		fail_msg("\"%s\" is not in:\n%s", text, site_printed);
	while (row > site_printed && row[-1] != '\n')
		row--;
	char *line = strndup(row, strcspn(row, "\n")), *at = line, *field = NULL;
	for (int i = 0; i <= column; i++)
		field = strsep(&at, "|");
	assert_int_equal(aic_amount_parse(&a, field, NULL), AIC_OK);
	free(line);
	return a;
}

enum { GROSS = 4, REWARD = 7 };
#define ROW "provider/lab-one|physics|hardware|"

static void payouts(void **state)
{
	(void)state;
	for (int posted = 0; posted < 2; posted++) {
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "-P", NULL), 0);
		aic_amount gross = cell(ROW, GROSS), reward = cell(ROW, REWARD);
		assert_true(reward > 0);
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--user", "daemon", "-P", NULL), 0);
		expect_printed(ROW "1|0.285|");
		expect_printed("provider/lab-two|physics|data|1|2|");
		expect_not_printed("biology");
		aic_amount g = cell(ROW, GROSS), r = cell(ROW, REWARD);
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--user", "games", "-P", NULL), 0);
		g += cell(ROW, GROSS);
		r += cell(ROW, REWARD);
		assert_true(g == gross && r <= reward && reward - r < 2); /* each part of a reward is rounded down */
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--node", "n2", "-P", NULL), 0);
		expect_printed(ROW "1|0.285|");
		expect_not_printed("|data|");
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--asset", "faces", "-P", NULL), 0);
		expect_printed("provider/lab-two|physics|data|1|2|0.2|1.8|");
		expect_not_printed("hardware");
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--cluster", "far", "-P", NULL), 0);
		expect_printed("provider/lab-two|biology|hardware|1|");
		expect_not_printed("physics");
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--provider", "lab-two", "--user", "daemon", "-P", NULL), 0);
		expect_printed("provider/lab-two|physics|data|1|2|");
		expect_not_printed("hardware");
		assert_int_equal(site_run(MEMBER, aic_cmd_report, "payouts", "--node", "n2", "-P", NULL), 0);
		expect_not_printed("hardware"); /* games' job, whose account the member sees in sums alone */
		assert_int_equal(site_run(COORDINATOR, aic_cmd_report, "payouts", "--node", "n2", "-P", NULL), 0);
		expect_printed("a provider|physics|hardware|1|0.285|");
		assert_int_equal(site_run(COORDINATOR, aic_cmd_report, "payouts", "--provider", "lab-one", "--user", "games", NULL), 1);
		expect_printed("only administrators select by a provider that is not named to those who pay it: leave lab-one out");
		assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--user", "nobody", NULL), 0);
		expect_printed("Nothing was charged that you may see.");
		if (!posted)
			post_all();
	}
}

/* A refund shows with the lines that it was given back of, and with no other. */
static void refunded(void **state)
{
	(void)state;
	post_all();
	assert_int_equal(site_run(0, aic_cmd_batch, "refund", "1", "0.2", "--reason", "idle", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve-refund", "1", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--node", "n1", "-P", NULL), 0);
	expect_printed("refunded 0.2 AIC");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--node", "n2", "-P", NULL), 0);
	expect_not_printed("refunded");
	expect_printed(ROW "1|");
}

static void usage(void **state)
{
	(void)state;
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--node", "n1", "-P", NULL), 0);
	expect_printed("physics|daemon|1|57600|57600|0|unknown|0.285\n");
	expect_not_printed("games");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--provider", "lab-two", "-P", NULL), 0);
	expect_printed("biology|mail|1|");
	expect_printed("physics|daemon|1|57600|unknown|0|unknown|0\n"); /* what failed was held, not charged */
	expect_not_printed("games");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--asset", "faces", "-P", NULL), 0);
	expect_printed("physics|daemon|1|57600|57600|0|unknown|2\n");
	expect_not_printed("mail");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--cluster", "far", "-P", NULL), 0);
	expect_printed("biology|mail|1|");
	expect_not_printed("physics");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--cluster", "lab", "--user", "games", "-P", NULL), 0);
	expect_printed("physics|games|1|");
	expect_not_printed("daemon");
	assert_int_equal(site_run(MEMBER, aic_cmd_report, "usage", "--provider", "lab-one", "-P", NULL), 1);
	expect_printed("only administrators select by a provider");
	assert_int_equal(site_run(MEMBER, aic_cmd_report, "usage", "--node", "n1", "-P", NULL), 0);
	expect_printed("physics|daemon|1|");
	expect_not_printed("games");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "--user", "daemon", "--format", "json", NULL), 0);
	expect_printed("\"gpu_seconds_used\": \"unknown\"");
}

static void others(void **state)
{
	(void)state;
	assert_int_equal(site_run(0, aic_cmd_report, "uncharged", "--node", "n3", "-P", NULL), 0);
	expect_printed("4|lab|0|physics|daemon|NODE_FAIL|");
	assert_int_equal(site_run(0, aic_cmd_report, "uncharged", "--node", "n1", "-P", NULL), 0);
	expect_not_printed("NODE_FAIL");
	assert_int_equal(site_run(0, aic_cmd_report, "uncharged", "--provider", "lab-two", "-P", NULL), 0);
	expect_printed("NODE_FAIL");
	assert_int_equal(site_run(0, aic_cmd_report, "jobs", "--asset", "faces", "-P", NULL), 0);
	expect_printed("1|lab|0|daemon|physics|");
	expect_not_printed("games");
	assert_int_equal(site_run(0, aic_cmd_report, "jobs", "--cluster", "far", "-P", NULL), 0);
	expect_printed("3|far|0|mail|");
	expect_not_printed("|lab|");
	assert_int_equal(site_run(0, aic_cmd_report, "all", "--node", "n3", NULL), 0);
	expect_printed("Rows were left out as the caller asked.");
	expect_not_printed("games");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--asset", "faces", "--format", "csv", NULL), 0);
	expect_printed("provider/lab-two,physics,data,1,2,");
}

static aic_code ask(test_site *s, uid_t uid, const char *op, const char *text, uint64_t number, uint64_t *ticket, aic_error *err)
{
	aic_rpc_caller who = {.uid = uid, .gid = 60000};
	aic_bytes args = {0}, out = {0};
	char word[16] = "";
	size_t items = 0;
	aic_cbor in, c;

	if (text)
		aic_cbor_put_text(&args, text);
	else
		aic_cbor_put_uint(&args, number);
	aic_cbor_init(&in, args.data, args.len);
	aic_code rc = aic_acctd_serve(&s->d, &who, op, &in, &out, &items, err);
	aic_cbor_init(&c, out.data, out.len);
	*ticket = 0;
	if (rc == AIC_OK && aic_cbor_text(&c, word, sizeof(word)) && !strcmp(word, AIC_BACKGROUND_WAITING))
		*ticket = aic_cbor_uint(&c);
	aic_bytes_free(&args);
	aic_bytes_free(&out);
	return rc;
}

/* An answer is for who asked, once; so many are made at a time. */
static void in_the_background(void **state)
{
	test_site *s = *state;
	uint64_t ticket[8], again;
	aic_error err = {0};
	aic_code rc;

	assert_int_equal(ask(s, 0, "payouts", "", 0, &ticket[0], &err), AIC_OK);
	assert_true(ticket[0] != 0);
	assert_int_equal(ask(s, MEMBER, "resume", NULL, ticket[0], &again, &err), AIC_NOT_FOUND);
	while ((rc = ask(s, 0, "resume", NULL, ticket[0], &again, &err)) == AIC_OK && again == ticket[0])
		usleep(1000);
	assert_int_equal(rc, AIC_OK);
	assert_int_equal(ask(s, 0, "resume", NULL, ticket[0], &again, &err), AIC_NOT_FOUND);
	assert_non_null(strstr(err.message, "this answer is no longer there"));
	assert_int_equal(ask(s, MEMBER, "batch-verify", "", 0, &again, &err), AIC_REFUSED); /* who may is asked first */
	for (int i = 0; i < 8; i++)
		assert_int_equal(ask(s, 0, "usage", "", 0, &ticket[i], &err), AIC_OK);
	assert_int_equal(ask(s, 0, "usage", "", 0, &again, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "8 reports are being made already: ask again in a moment"));
	while ((rc = ask(s, 0, "resume", NULL, ticket[3], &again, &err)) == AIC_OK && again)
		usleep(1000);
	assert_int_equal(ask(s, 0, "usage", "1999-W77", 0, &again, &err), AIC_OK);
	while ((rc = ask(s, 0, "resume", NULL, again, &ticket[3], &err)) == AIC_OK && ticket[3])
		usleep(1000);
	assert_int_equal(rc, AIC_USAGE); /* a failure comes as it is */
	assert_non_null(strstr(err.message, "1999-W77"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_with_jobs, site_close)

int main(void)
{
	const struct CMUnitTest tests[] = {T(payouts), T(refunded), T(usage), T(others), T(in_the_background)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
