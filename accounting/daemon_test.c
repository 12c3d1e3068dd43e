/* aicacctd's inside and the subcommands against each other and a real ledger, in one process: what people read, who may see
 * what, and what happens when something is down. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "accounting/commands.h"
#include "accounting/loopback.h"
#include "accounting/site.h"
#include "common/file.h"
#include "common/log.h"
#include "common/snapshot.h"
#include "common/spool.h"
#include "ledger/commands.h"

static void from_job_to_posted_payout(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1"), b = site_job(2, "daemon", "physics", "n3"), c = site_job(3, "mail", "biology", "n4");

	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "100", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/biology", "100", NULL), 0);
	site_take(s, &a);
	site_take(s, &b);
	site_take(s, &c);
	site_send_receipt(&a, 0, AIC_OK);
	site_send_receipt(&a, 0, AIC_OK);
	site_send_receipt(&a, MEMBER, AIC_REFUSED);
	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_balance, "-P", NULL), 0);
	expect_printed("physics|physics|100|0.57|99.43|0|");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", NULL), 0);
	expect_printed("net + fee = charge: 0.7695 + 0.0855 = 0.855 AIC, exact");
	expect_printed("no reward: no receipt of the job");
	expect_printed("= provider/lab-one");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "-P", NULL), 0);
	expect_printed("provider/lab-one|physics|hardware|1|0.285|0.0285|0.2565|0.00");
	expect_printed("site|biology|hardware|1|0.285|0.0285|0.2565|0|0.2565|open|no reward: no receipt of the job");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	expect_printed("Next: `aic batch approve");
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 1);
	expect_printed("has 0 of 1 approvals");
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", "--hash", "zz", NULL), 1);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	expect_printed("1 of 1");
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 0);
	assert_true(strstr(site_printed, "posted") || strstr(site_printed, "final"));
	assert_int_equal(site_run(0, aic_cmd_balance, "physics", "-P", NULL), 0);
	expect_printed("physics|physics|99.43|0|99.43|0|");
	assert_int_equal(site_run(0, aic_cmd_history, "physics", "-P", NULL), 0);
	expect_printed("|100|0|");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--format", "json", NULL), 0);
	expect_printed("\"payee\"");
	assert_int_equal(site_run(0, aic_cmd_batch, "show", "-P", NULL), 0);
	expect_printed("account/physics|provider/lab-one|hardware|1|0.285|0.0285|0.2565|0.00320625|");
	aic_job_record_clear(&a);
	aic_job_record_clear(&b);
	aic_job_record_clear(&c);
}

static void who_sees_what(void **state)
{
	test_site *s = *state;
	aic_job_record mine = site_job(1, "daemon", "physics", "n1"), theirs = site_job(2, "games", "physics", "n1"),
	               other = site_job(3, "mail", "biology", "n3");

	mine.state = theirs.state = other.state = AIC_STATE_NODE_FAIL;
	site_take(s, &mine);
	site_take(s, &theirs);
	site_take(s, &other);
	site_turn(s);
	assert_int_equal(site_run(MEMBER, aic_cmd_balance, "-P", NULL), 0);
	expect_printed("physics|");
	expect_not_printed("biology|");
	expect_not_printed("genesis/");
	assert_int_equal(site_run(STRANGER, aic_cmd_balance, NULL), 0);
	expect_printed("none so far");
	assert_int_equal(site_run(MEMBER, aic_cmd_balance, "biology", NULL), 1);
	expect_printed("you see the accounts that Slurm associates you with");
	assert_int_equal(site_run(MEMBER, aic_cmd_history, "provider/lab-one", NULL), 1);
	assert_int_equal(site_run(MEMBER, aic_cmd_report, "usage", "-P", NULL), 0);
	expect_printed("physics|daemon|1|");
	expect_not_printed("games");
	assert_int_equal(site_run(COORDINATOR, aic_cmd_report, "usage", "-P", NULL), 0);
	expect_printed("games");
	expect_not_printed("mail");
	assert_int_equal(site_run(MEMBER, aic_cmd_report, "uncharged", "-P", NULL), 0);
	expect_printed("1|lab|0|physics|daemon|NODE_FAIL|");
	expect_printed("not charged: NODE_FAIL");
	expect_not_printed("biology");
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "list", NULL), 1);
	expect_printed("only administrators may see payout batches, and daemon (uid 1) is none: aic.yaml lists them under `administrators`");
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "close", NULL), 1);
	assert_int_equal(site_run(MEMBER, aic_cmd_report, "payouts", "-P", NULL), 0);
	expect_not_printed("biology");
	aic_job_record_clear(&mine);
	aic_job_record_clear(&theirs);
	aic_job_record_clear(&other);
}

static void organisations(void **state)
{
	site_turn(*state);
	assert_int_equal(site_run(0, aic_cmd_org, "-P", NULL), 0);
	expect_printed("organisation|wallets|balance|unsettled|debt\n");
	expect_printed("institute-one|1|0|0|0\n");
	expect_printed("physics|1|");
	assert_int_equal(site_run(0, aic_cmd_org, "institute-two", "-P", NULL), 0);
	expect_printed("provider/lab-two|institute-two|");
	expect_not_printed("lab-one");
	assert_int_equal(site_run(MEMBER, aic_cmd_org, "-P", NULL), 0);
	expect_printed("physics|1|");
	expect_not_printed("institute");
	assert_int_equal(site_run(MEMBER, aic_cmd_org, "institute-one", NULL), 1);
	expect_printed("no wallet that you may see belongs to an organisation institute-one: `aic org` lists those that have some");
}

static void a_job_explained(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");

	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "100", NULL), 0);
	site_take(s, &a);
	site_send_receipt(&a, 0, AIC_OK);
	assert_int_equal(site_run(MEMBER, aic_cmd_explain, "1", NULL), 0);
	expect_printed("hardware n1: 0.285 AIC from account/physics to a provider");
	expect_not_printed("lab-one"); /* who lends is for administrators */
	expect_printed("what receipts may still change");
	assert_int_equal(site_run(0, aic_cmd_explain, "1", NULL), 0);
	expect_printed("hardware n1: 0.285 AIC from account/physics to provider/lab-one");
	assert_int_equal(site_run(STRANGER, aic_cmd_explain, "1", NULL), 1);
	expect_printed("no run of job 1 that you may see was charged");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_explain, "1", "-P", NULL), 0);
	expect_printed("seconds|7200|max(0, end - start - suspended), at most the time limit");
	expect_printed("receipt|n1 step 0: CPU time 57600000 ms, GPU time not measured, 7200 s|signed by the node");
	expect_printed("fee|0.0285 AIC at 100000 ppm, net 0.2565 AIC|");
	expect_printed("quality|500000 ppm: verified 500000, useful 1000000|");
	expect_printed("reward|0.00");
	assert_int_equal(site_run(0, aic_cmd_explain, "one", NULL), 2);
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "refund", "1", "0.2", "--reason", "idle", NULL), 1);
	expect_printed("only administrators may refund what a line paid");
	assert_int_equal(site_run(0, aic_cmd_batch, "refund", "1", "0.2", "--reason", "idle", NULL), 0);
	expect_printed("Next: `aic batch approve-refund 1`");
	assert_int_equal(site_run(0, aic_cmd_batch, "approve-refund", "1", NULL), 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "refunds", "-P", NULL), 0);
	expect_printed("1|posted|");
	expect_printed("|a provider|account/physics|0.2|1 of 1|");
	assert_int_equal(site_run(STRANGER, aic_cmd_batch, "refunds", NULL), 0);
	expect_printed("Nothing that you may see was refunded.");
	assert_int_equal(site_run(MEMBER, aic_cmd_explain, "1", "-P", NULL), 0);
	expect_printed("refund|0.2 AIC from a provider to account/physics, posted: idle|");
	assert_int_equal(site_run(MEMBER, aic_cmd_erase, "daemon", NULL), 1);
	expect_printed("only administrators may erase a user's records");
	assert_int_equal(site_run(0, aic_cmd_erase, NULL), 2);
	assert_int_equal(site_run(0, aic_cmd_erase, "1", NULL), 0); /* uid 1 is daemon */
	expect_printed("1 records no longer name 1; 0 are not settled yet");
	assert_int_equal(site_run(0, aic_cmd_report, "usage", "-P", NULL), 0);
	expect_printed("physics|(erased)|1|");
	assert_int_equal(site_run(0, aic_cmd_batch, "verify", NULL), 0);
	expect_printed("stands: its 1 lines give the evidence that was posted");
	expect_printed("(1 of erased records)");
	aic_job_record_clear(&a);
}

static void acts_by_command(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1"), b = site_job(2, "daemon", "physics", "n1");

	site_take(s, &a);
	site_take(s, &b);
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "lines", "-P", NULL), 0);
	expect_printed("1|1|daemon|n1|hardware|account/physics|provider/lab-one|0.285|0||no receipt of the job; the payee has a single customer");
	assert_int_equal(site_run(0, aic_cmd_batch, "void", "1", NULL), 2);
	expect_printed("say why: --reason TEXT");
	assert_int_equal(site_run(0, aic_cmd_batch, "void", "1", "--reason", "test run", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "adjust", "2", "0.1", "--reason", "half was ours", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "hold", "2", "--reason", "look again", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "lines", "open", "-P", NULL), 0);
	expect_printed("2|2|daemon|n1|hardware|account/physics|provider/lab-one|0.1|0|held: look again|");
	assert_int_equal(site_run(0, aic_cmd_batch, "list", "-P", NULL), 0);
	expect_printed("|review|0|0|0|0 of 1|");
	assert_int_equal(site_run(0, aic_cmd_batch, "log", "-P", NULL), 0);
	expect_printed("line 1 of job 1 (0.285 -> 0 AIC) voided: test run");
	assert_int_equal(site_run(MEMBER, aic_cmd_batch, "void", "1", "--reason", "mine", NULL), 1);
	expect_printed("only administrators may act on a payment line");
	aic_job_record_clear(&a);
	aic_job_record_clear(&b);
}

static void usage_mistakes(void **state)
{
	(void)state;
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--period", "yesterday", NULL), 2);
	expect_printed("\"yesterday\" is no period: write 2026-11-23, 2026-W48 or 2026-11");
	assert_int_equal(site_run(0, aic_cmd_batch, "show", "2026-W48/x", NULL), 2);
	assert_int_equal(site_run(0, aic_cmd_batch, "show", "2026-W48/7", NULL), 1);
	expect_printed("there is no batch 2026-W48/7: see `aic batch list`");
	assert_int_equal(site_run(0, aic_cmd_history, NULL), 2);
	assert_int_equal(site_run(0, aic_cmd_balance, "nobody", NULL), 1);
	expect_printed("no account or wallet is called nobody");
}

/* An sbatch that says what Slurm's says; what job_submit/aic answers to a real one, tests/cluster/23 compares. */
static void sbatch_says(const test_site *s, const char *lines, int status)
{
	char path[600], text[1200];

	setenv("PATH", s->folder, 1);
	snprintf(path, sizeof(path), "%s/sbatch", s->folder);
	snprintf(text, sizeof(text), "#!/bin/sh\necho '%s' >&2\nexit %d\n", lines, status);
	unlink(path);
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0755, NULL), AIC_OK);
}

static void a_quote_is_shown_with_what_is_left(void **state)
{
	test_site *s = *state;

	sbatch_says(s, "sbatch: aic-quote: ruling=hold; cost=4000000000000000000; available=5000000000000000000; "
	               "reserved=2000000000000000000; seconds=7200; tasks=1; account=physics; job=2 h x 2 a100 + 8 CPUs; message=it is held\n"
	               "sbatch: Job 7 to start at noon", 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, "-P", "--gpus=2", "work.sh", NULL), 0);
	expect_printed("2 h x 2 a100 + 8 CPUs|1|02:00:00|physics|2|4");
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, "--gpus=2", "work.sh", NULL), 0);
	expect_printed("Account physics has 3.00 AIC left beside 2.00 AIC reserved for its other jobs: at 2.0000 AIC an hour it lasts 01:30:00.");
	expect_printed("1.00 AIC are missing for this job: shorten --time, or ask for a top-up.");
	expect_printed("Slurm: Job 7 to start at noon");
}

static void the_parts_of_a_job_add_up(void **state)
{
	test_site *s = *state;

	sbatch_says(s, "sbatch: 0: aic-quote: ruling=admit; cost=1; available=9; reserved=0; seconds=60; tasks=1; account=a; job=x; message=\n"
	               "sbatch: 1: aic-quote: ruling=admit; cost=9; available=9; reserved=0; seconds=60; tasks=1; account=a; job=y; message=", 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 0);
	expect_printed("0.01 AIC are missing for this job"); /* one unit, rounded up */
	sbatch_says(s, "sbatch: aic-quote: ruling=admit; account=b; message=this job is out of scope", 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 0);
	expect_printed("this job is out of scope.");
}

static void without_a_quote_it_is_said_why(void **state)
{
	test_site *s = *state;

	sbatch_says(s, "sbatch: aic-quote: ruling=refuse; account=; message=account x has no wallet here", 1);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 1);
	expect_printed("account x has no wallet here");
	sbatch_says(s, "sbatch: error: invalid partition", 1);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 1);
	expect_printed("sbatch refuses this job: error: invalid partition");
	sbatch_says(s, "sbatch: unrecognized option: --aic-quote", 255);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 3);
	expect_printed("plugstack.conf must name spank_aic.so");
	sbatch_says(s, "sbatch: Job 7 to start at noon", 0);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 3);
	expect_printed("JobSubmitPlugins in slurm.conf must name aic");
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(site_run(MEMBER, aic_cmd_quote, NULL), 3);
	expect_printed("there is no sbatch in PATH");
}

static void without_a_ledger_charging_goes_on(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");

	loopback_ledger_stop();
	site_turn(s);
	site_take(s, &a);
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", NULL), 0);
	expect_printed("net + fee = charge: 0.2565 + 0.0285 = 0.285 AIC, exact");
	expect_printed("Rewards are not shown: the ledger does not answer");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 3);
	expect_printed("start aicledgerd and try again");
	aic_job_record_clear(&a);
}

static void without_a_daemon_commands_say_so(void **state)
{
	(void)state;
	loopback_acct = NULL;
	assert_int_equal(site_run(0, aic_cmd_balance, NULL), 3);
	expect_printed("aicacctd does not answer");
	expect_printed("start it, or look with `aic doctor`");
}

static void observe_is_on_paper(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");

	aic_acctd_close(&s->d);
	site_write_config(s, "observe");
	site_start(s);
	site_take(s, &a);
	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", NULL), 0);
	expect_printed("Mode is observe");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 1);
	expect_printed("mode is observe");
	expect_printed("set `mode: enforce`");
	aic_job_record_clear(&a);
}

static void the_snapshot_has_what_is_left(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");
	aic_snapshot_account account;
	aic_snapshot *snapshot;
	aic_error err = {0};
	struct stat sb;

	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "3", NULL), 0);
	site_take(s, &a);
	site_turn(s);
	if (aic_snapshot_open(&snapshot, s->d.config.snapshot, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_true(aic_snapshot_enforce(snapshot));
	assert_true(aic_snapshot_account_find(snapshot, "physics", &account));
	assert_true(account.balance == 3 * AIC_UNIT && account.available == 3 * AIC_UNIT - AIC_UNIT * 285 / 1000);
	assert_true(aic_snapshot_account_find(snapshot, "biology", &account)); /* known to slurmdbd, no job yet */
	assert_int_equal(stat(s->d.config.snapshot, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0640);
	aic_snapshot_close(snapshot);
	aic_job_record_clear(&a);
}

static void a_past_period_closes_itself(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");
	aic_batch batch;

	a.submit = a.start = 1000000;
	a.end = a.start + 7200;
	site_take(s, &a);
	s->d.closed_at = 0;
	aic_acctd_tick(&s->d);
	assert_int_equal(aic_batch_find(s->d.store, "1970-W03", 1, &batch, NULL), AIC_OK);
	assert_int_equal(batch.closed_by, -1);
	assert_int_equal(batch.state, AIC_BATCH_REVIEW);
	aic_job_record_clear(&a);
}

/* What a crash left half closed is told of, and finished by the next turns. */
static void a_half_closed_batch_is_told_and_finished(void **state)
{
	test_site *s = *state;
	aic_job_record a = site_job(1, "daemon", "physics", "n1");
	aic_closing *c;
	aic_error err = {0};
	aic_batch batch;
	int64_t start, end;
	char period[16];

	site_take(s, &a);
	aic_period_of(s->d.config.period, a.end, period, &start, &end);
	assert_int_equal(aic_closing_begin(&c, &s->d.batches, period, start, end, 100000, 0, aic_now(), &err), AIC_OK);
	aic_closing_free(c);
	assert_int_equal(site_run(0, aic_cmd_batch, "list", NULL), 0);
	expect_printed("closing");
	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 1);
	expect_printed("another batch is still being closed");
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "--period", period, NULL), 0);
	expect_printed("/1 is being closed (0 %): its lines show when it is in review");
	for (int i = 0; i < 3; i++)
		aic_acctd_tick(&s->d);
	assert_int_equal(aic_batch_find(s->d.store, period, 1, &batch, NULL), AIC_OK);
	assert_true(batch.state == AIC_BATCH_REVIEW && batch.lines == 1);
	aic_job_record_clear(&a);
}

/* One node's receipts of so many steps of a job, asked as aicnoded does; how many it was told are new. */
static uint64_t send_steps(test_site *s, const aic_job_record *r, uint32_t steps)
{
	const aic_rpc_caller root = {.uid = 0};
	uint8_t secret[AIC_SECRET_LEN] = {3};
	aic_bytes *receipt = aic_xcalloc(steps, sizeof(*receipt)), batch = {0}, body = {0}, out = {0};
	aic_cbor args, answer;
	aic_key key;
	size_t items;

	aic_key_from_secret(&key, secret);
	for (uint32_t i = 0; i < steps; i++) {
		aic_receipt one = {.job_id = r->job_id, .step_id = i, .start = r->start, .end = r->end, .cpus = 8, .cpu_ms = 1};
		aic_str_copy(one.cluster, AIC_NAME_LEN, r->cluster);
		aic_str_copy(one.node, AIC_NAME_LEN, r->node[0].name);
		aic_receipt_encode(&receipt[i], &one);
	}
	assert_int_equal(aic_receipt_batch_encode(&batch, r->node[0].name, &key, receipt, steps, NULL), AIC_OK);
	aic_cbor_put_bytes(&body, batch.data, batch.len);
	aic_cbor_init(&args, body.data, body.len);
	assert_int_equal(aic_acctd_serve(&s->d, &root, "receipts", &args, &out, &items, NULL), AIC_OK);
	aic_cbor_init(&answer, out.data, out.len);
	uint64_t accepted = aic_cbor_uint(&answer);
	for (uint32_t i = 0; i < steps; i++)
		aic_bytes_free(&receipt[i]);
	free(receipt);
	aic_bytes_free(&batch);
	aic_bytes_free(&body);
	aic_bytes_free(&out);
	return accepted;
}

/* Few receipts are there when the node is answered; many wait for the next question at the latest. */
static void many_receipts_wait_for_each_other(void **state)
{
	test_site *s = *state;
	aic_job_record r = site_job(1, "daemon", "physics", "n1");
	int64_t n = 0;

	assert_int_equal(send_steps(s, &r, 2), 2);
	assert_int_equal(s->d.store->waiting, 0);
	assert_int_equal(send_steps(s, &r, 2), 0);
	assert_int_equal(send_steps(s, &r, 65), 65);
	assert_int_equal(s->d.store->waiting, 65);
	assert_int_equal(site_run(0, aic_cmd_balance, NULL), 0);
	assert_int_equal(s->d.store->waiting, 0);
	assert_int_equal(aic_sql_int(s->d.store->db, &n, NULL, "SELECT count(*) FROM receipt", ""), AIC_OK);
	assert_int_equal(n, 65);
	aic_job_record_clear(&r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, site_open, site_close)
	const struct CMUnitTest tests[] = {
		T(from_job_to_posted_payout), T(who_sees_what), T(a_job_explained), T(organisations), T(acts_by_command), T(usage_mistakes), T(a_quote_is_shown_with_what_is_left),
		T(the_parts_of_a_job_add_up), T(without_a_quote_it_is_said_why), T(without_a_ledger_charging_goes_on), T(without_a_daemon_commands_say_so),
		T(observe_is_on_paper), T(the_snapshot_has_what_is_left), T(a_past_period_closes_itself),
		T(a_half_closed_batch_is_told_and_finished), T(many_receipts_wait_for_each_other),
	};

	aic_log_open("daemon_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
