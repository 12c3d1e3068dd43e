/* A session from its job's opening to the payout, on a real ledger in this process: what is asked twice is done once, lines wait for
 * the verdict, verified seconds count, a refuted site-run session's lines are void, and what is paid moves the rating once. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <sys/wait.h>
#include <unistd.h>

#include "accounting/commands.h"
#include "accounting/loopback.h"
#include "accounting/period.h"
#include "accounting/post.h"
#include "accounting/refund.h"
#include "accounting/session_effects.h"
#include "accounting/session_watch.h"
#include "accounting/site.h"
#include "common/barred.h"
#include "common/log.h"

#define JOB 7
#define SECONDS 7200

/* --- a site whose Slurm is this --- */

static aic_slurm_job slurm;      /* node borrowed */
static aic_node_share slurm_node[2];

static aic_code ask_slurm(aic_slurm_job *out, const aic_config *c, const aic_job_step *step, aic_error *err)
{
	(void)c;
	if (step->job != JOB)
		return aic_fail(err, AIC_NOT_FOUND, "Slurm knows no job %u: it has ended, or is of another cluster", step->job);
	*out = slurm;
	out->node = aic_xcalloc(slurm.n, sizeof(*out->node));
	memcpy(out->node, slurm_node, slurm.n * sizeof(*out->node));
	return AIC_OK;
}

static aic_key key_of(uint8_t of)
{
	uint8_t secret[AIC_SECRET_LEN] = {of};
	aic_key key;

	aic_key_from_secret(&key, secret);
	return key;
}

static void pin(test_site *s, const char *node, uint8_t of)
{
	aic_key key = key_of(of);

	assert_int_equal(aic_sql_run(s->d.store->db, NULL, "INSERT OR REPLACE INTO node_key(node, key, first) VALUES(?1, ?2, 1)", "tb", node,
	                             key.public_key, (size_t)AIC_PUBLIC_LEN), AIC_OK);
}

/* Job 7 of daemon, account physics, runs on n1 (lab-one) with 8 CPUs. */
static int open_site(void **state)
{
	int rc = site_open(state);
	test_site *s = *state;

	s->d.job_ask = ask_slurm;
	slurm = (aic_slurm_job){.cluster = "lab", .account = "physics", .partition = "gpu", .uid = MEMBER, .running = true, .n = 1};
	slurm_node[0] = (aic_node_share){.name = "n1", .cpus = 8, .mem_mib = 64000};
	slurm_node[1] = (aic_node_share){.name = "n3", .cpus = 8, .mem_mib = 64000};
	pin(s, "n1", 3);
	pin(s, "n3", 4);
	site_turn(s);
	loopback_fund(&s->d.config, "account/physics", "physics", 10 * AIC_UNIT);
	return rc;
}

static aic_rpc *as(uid_t uid)
{
	aic_rpc *rpc;

	loopback_uid = uid;
	assert_int_equal(aic_rpc_open(&rpc, "acct", "", 0, 1000, NULL), AIC_OK);
	return rpc;
}

static aic_session_opening an_opening(uint8_t token, uint32_t class)
{
	aic_session_opening o = {.token = {token}, .step = {.cluster = "lab", .job = JOB}, .determinism = class, .shards = 8};

	o.spec = aic_sha256_of(&token, 1);
	o.data = o.code = o.spec;
	return o;
}

static aic_code open_as(uid_t uid, const aic_session_opening *o, aic_session_opened *out, aic_error *err)
{
	aic_rpc *rpc = as(uid);
	aic_code rc = aic_session_call_open(rpc, o, out, err);

	aic_rpc_close(rpc);
	return rc;
}

static aic_session_name name_of(const aic_session_opening *o, const aic_session_opened *opened)
{
	aic_session_name n = {.session = opened->session};

	memcpy(n.token, o->token, sizeof(n.token));
	return n;
}

static aic_code commit_as(uid_t uid, const aic_session_name *name, uint64_t first, size_t n, uint64_t *stand, aic_error *err)
{
	aic_committed c[8];
	aic_session_commitment m = {.name = *name, .first = first, .n = n, .checkpoint = c};
	aic_rpc *rpc = as(uid);

	for (size_t i = 0; i < n; i++) {
		uint64_t step = 10 * (first + i);
		c[i] = (aic_committed){.step = step, .chain = aic_sha256_of(&step, sizeof(step)), .root = aic_sha256_of(&step, sizeof(step))};
	}
	aic_code rc = aic_session_call_commit(rpc, &m, stand, err);
	aic_rpc_close(rpc);
	return rc;
}

static aic_code close_as(uid_t uid, const aic_session_name *name, uint64_t steps, aic_session_end end, aic_error *err)
{
	aic_session_closing m = {.name = *name, .steps = steps, .end = end};
	aic_rpc *rpc = as(uid);
	aic_code rc = aic_session_call_close(rpc, &m, err);

	aic_rpc_close(rpc);
	return rc;
}

#define must(call) \
	do { \
		aic_error must_err = {0}, *err = &must_err; \
		if ((call) != AIC_OK) \
			fail_msg("%s", must_err.message); \
	} while (0)
#define refuses(call, code, text) \
	do { \
		aic_error refused_err = {0}, *err = &refused_err; \
		assert_int_equal(call, code); \
		if (!strstr(refused_err.message, text)) \
			fail_msg("\"%s\" does not say \"%s\"", refused_err.message, text); \
	} while (0)

static aic_ledger *ledger_of(test_site *s)
{
	aic_ledger *l;

	must(aic_acctd_ledger(&s->d, &l, err));
	return l;
}

static aic_ledger_session on_ledger(test_site *s, const aic_hash *id)
{
	aic_ledger_session w;

	must(aic_ledger_session_get(ledger_of(s), id, &w, err));
	return w;
}

/* A session of 5 checkpoints that was opened when the job began, and closed. */
static aic_session_opened run_session(test_site *s, uint8_t token, uint32_t class, aic_session_name *name)
{
	aic_session_opening o = an_opening(token, class);
	aic_session_opened opened;
	uint64_t stand;

	must(open_as(MEMBER, &o, &opened, err));
	*name = name_of(&o, &opened);
	must(commit_as(MEMBER, name, 0, 5, &stand, err));
	assert_int_equal(stand, 5);
	must(aic_sql_run(s->d.store->db, err, "UPDATE session_node SET since=?1", "i", aic_now() - 7201));
	must(close_as(MEMBER, name, 40, AIC_END_DONE, err));
	return opened;
}

static void record_of_job(test_site *s)
{
	aic_job_record r = site_job(JOB, "daemon", "physics", "n1");

	site_send_receipt(&r, 0, AIC_OK);
	site_take(s, &r);
	aic_job_record_clear(&r);
}

/* Of the job's hardware line. */
static int64_t line_has(test_site *s, const char *column)
{
	sqlite3_stmt *st;
	int64_t v = -1;
	const char *text = !strcmp(column, "held") ? "SELECT held FROM line JOIN record r ON r.id=record WHERE job=?1"
	                 : !strcmp(column, "verified") ? "SELECT verified FROM line JOIN record r ON r.id=record WHERE job=?1"
	                                               : "SELECT quality FROM line JOIN record r ON r.id=record WHERE job=?1";

	assert_int_equal(aic_sql_start(s->d.store->db, &st, NULL, text, "i", (int64_t)JOB), AIC_OK);
	assert_int_equal(aic_sql_step(s->d.store->db, st, NULL), AIC_OK);
	v = sqlite3_column_int64(st, 0);
	aic_sql_done(st);
	return v;
}

static void round_of(test_site *s)
{
	must(aic_session_round(&s->d, err));
	aic_session_effects(&s->d);
}

/* --- judges: nodes of biology and of institute-two, of the payer and provider independent --- */

static void add_judge(test_site *s, const char *node, uint8_t of, const char *provider)
{
	aic_key key = key_of(of);
	uint64_t height;

	must(aic_ledger_key_register(ledger_of(s), node, AIC_ROLE_NODE, key.public_key, 0, NULL, &height, err));
	must(aic_ledger_verifier(ledger_of(s), node, provider, NULL, &height, err));
}

static void judge(test_site *s, const aic_hash *session, uint64_t result)
{
	aic_ledger_session w = on_ledger(s, session);
	aic_verdict v = {.session = *session, .round = w.round, .result = result, .segment = result ? 2 : 0, .step = result ? 23 : 0};
	const uint8_t *asked = w.state == AIC_SESSION_DOUBTED ? w.third : w.verifier;
	aic_ledger_status status;
	uint64_t height;
	aic_hash chain;

	must(aic_ledger_status_get(ledger_of(s), &status, err));
	assert_true(aic_unhex(chain.b, sizeof(chain.b), status.chain));
	for (uint8_t of = 50; of < 52; of++) {
		aic_key key = key_of(of);
		if (!memcmp(key.public_key, asked, AIC_PUBLIC_LEN))
			aic_verdict_sign(&v, &key, &chain);
	}
	must(aic_ledger_verdict(ledger_of(s), &v, &height, err));
}

/* Has the session drawn, as an administrator may ask. */
static void draw(test_site *s, const aic_session_name *name, uint64_t state)
{
	char wallet[40];
	aic_address a;

	for (int i = 0; i < 8 && on_ledger(s, &name->session).state == AIC_SESSION_CLOSED; i++) {
		snprintf(wallet, sizeof(wallet), "account/other-%d", i);
		must(aic_ledger_wallet_ensure(ledger_of(s), wallet, "other", &a, err));
	}
	assert_int_equal(on_ledger(s, &name->session).state, state);
}

static aic_session_opened challenged(test_site *s, aic_session_name *name)
{
	aic_session_opened opened;
	uint64_t height;

	add_judge(s, "judge-1", 50, "account/biology");
	add_judge(s, "judge-2", 51, "provider/lab-two");
	aic_session_opening o = an_opening(1, AIC_CLASS_D0);
	must(open_as(MEMBER, &o, &opened, err));
	must(aic_ledger_session_challenge(ledger_of(s), &opened.session, &height, err));
	run_session(s, 1, AIC_CLASS_D0, name);
	draw(s, name, AIC_SESSION_CHALLENGED);
	return opened;
}

/* --- tests --- */

static void asked_twice_done_once(void **state)
{
	test_site *s = *state;
	aic_session_opening o = an_opening(1, AIC_CLASS_D0), plain = an_opening(1, AIC_CLASS_D2);
	aic_session_opened a, b;
	uint64_t stand;

	must(open_as(MEMBER, &o, &a, err));
	must(open_as(MEMBER, &o, &b, err));
	assert_true(aic_hash_equal(&a.session, &b.session) && aic_hash_equal(&a.entropy, &b.entropy));
	aic_ledger_session w = on_ledger(s, &a.session);
	assert_string_equal(w.payer, "account/physics");
	assert_string_equal(w.fee[0].provider, "provider/lab-one");
	assert_int_equal(w.run, AIC_RUN_USER);
	/* given up and asked for again without an answer: another session, of which nothing is checked */
	must(open_as(MEMBER, &plain, &b, err));
	assert_false(aic_hash_equal(&a.session, &b.session));
	aic_session_name name = name_of(&o, &a);
	must(commit_as(MEMBER, &name, 0, 3, &stand, err));
	must(commit_as(MEMBER, &name, 0, 3, &stand, err));
	assert_int_equal(stand, 3);
	must(close_as(MEMBER, &name, 20, AIC_END_DONE, err));
	must(close_as(MEMBER, &name, 20, AIC_END_DONE, err));
	assert_int_equal(on_ledger(s, &a.session).state, AIC_SESSION_CLOSED);
	refuses(commit_as(MEMBER, &name, 3, 1, &stand, err), AIC_REFUSED, "session");
}

static void who_may_and_what_is_missing(void **state)
{
	test_site *s = *state;
	aic_session_opening o = an_opening(1, AIC_CLASS_D0), other = an_opening(1, AIC_CLASS_D0);
	aic_session_opened a;
	uint64_t stand;

	refuses(open_as(COORDINATOR, &o, &a, err), AIC_REFUSED, "job 7 is uid 1's, and you are uid 2");
	slurm.running = false;
	refuses(open_as(MEMBER, &o, &a, err), AIC_REFUSED, "job 7 does not run");
	slurm.running = true;
	o.step.job = 8;
	refuses(open_as(MEMBER, &o, &a, err), AIC_NOT_FOUND, "Slurm knows no job 8");
	o.step.job = JOB;
	must(aic_sql_run(s->d.store->db, err, "DELETE FROM node_key WHERE node='n1'", ""));
	refuses(open_as(MEMBER, &o, &a, err), AIC_REFUSED, "node n1 has sent nothing yet, so that its key is not known");
	pin(s, "n1", 3);
	aic_str_copy(slurm.account, sizeof(slurm.account), "chemistry");
	refuses(open_as(MEMBER, &o, &a, err), AIC_UNREACHABLE, "wallet account/chemistry is not on the ledger yet");
	must(aic_sql_run(s->d.store->db, err, "DELETE FROM session", ""));
	must(aic_sql_run(s->d.store->db, err, "DELETE FROM session_node", ""));
	aic_str_copy(slurm.account, sizeof(slurm.account), "physics");
	must(open_as(MEMBER, &o, &a, err));
	other.spec = aic_sha256_of("other", 5);
	refuses(open_as(MEMBER, &other, &a, err), AIC_REFUSED, "this token was used for another specification");
	aic_session_name name = name_of(&o, &a);
	refuses(commit_as(STRANGER, &name, 0, 1, &stand, err), AIC_REFUSED, "is uid 1's, and you are uid 65534");
	name.token[0]++;
	refuses(commit_as(MEMBER, &name, 0, 1, &stand, err), AIC_REFUSED, "was opened with another token");
	name.session.b[0]++;
	refuses(commit_as(MEMBER, &name, 0, 1, &stand, err), AIC_NOT_FOUND, "was not opened here");
	s->d.config.enforce = false;
	o.token[0] = 9;
	refuses(open_as(MEMBER, &o, &a, err), AIC_REFUSED, "mode is observe");
	s->d.config.enforce = true;
	aic_service *service = loopback_ledger;
	aic_ledger_close(s->d.ledger);
	s->d.ledger = NULL;
	loopback_ledger = NULL;
	refuses(open_as(MEMBER, &o, &a, err), AIC_UNREACHABLE, "start aicledgerd");
	loopback_ledger = service;
}

static void lines_wait_for_the_verdict(void **state)
{
	test_site *s = *state;
	aic_session_name name;

	challenged(s, &name);
	record_of_job(s);
	assert_int_equal(line_has(s, "held"), AIC_HELD_SESSION);
	assert_int_equal(line_has(s, "verified"), 500000);
	round_of(s);
	assert_int_equal(line_has(s, "held"), AIC_HELD_SESSION);
	site_run(MEMBER, aic_cmd_explain, "7", NULL);
	expect_printed("class D0, 5 checkpoints, challenged, not decided: segments 0 ");
	expect_printed("held: it waits for its session, above");
	site_run(0, aic_cmd_batch, "lines", "open", NULL);
	expect_printed("held until its training session is decided: `aic explain 7`");
	int64_t line = -1;
	must(aic_sql_int(s->d.store->db, &line, err, "SELECT max(id) FROM line", ""));
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)line);
	assert_int_not_equal(site_run(0, aic_cmd_batch, "release", text, "--reason", "now", NULL), 0);
	expect_printed("waits for its training session, for 7 days at most: `aic explain 7` shows which one");
	judge(s, &name.session, AIC_VERDICT_AGREES);
	assert_int_equal(on_ledger(s, &name.session).state, AIC_SESSION_VERIFIED);
	round_of(s);
	assert_int_equal(line_has(s, "held"), 0);
	assert_int_equal(line_has(s, "verified"), 1000000);
	site_run(MEMBER, aic_cmd_report, "payouts", NULL);
	expect_printed("of job 7 on n1, 7201 s: verified, 1000000 ppm: segments 0 ");
	site_run(MEMBER, aic_cmd_report, "sessions", "-P", NULL);
	expect_printed("7|lab|physics|daemon|");
	expect_printed("|user|D0|n1|7201|5|verified|1000000|segments 0 ");
	site_run(MEMBER, aic_cmd_report, "payouts", "--format", "html", NULL);
	expect_printed("<h2>Training sessions</h2>");
	expect_printed("with the same bits");
	site_run(STRANGER, aic_cmd_report, "sessions", NULL);
	expect_printed("No training that you may see had a session.");
	site_run(0, aic_cmd_report, "sessions", "--node", "n3", NULL);
	expect_printed("No training that you may see had a session.");
}

static void who_trains_part_of_the_time_is_paid_for_that(void **state)
{
	test_site *s = *state;
	aic_session_name name;

	challenged(s, &name);
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET committed=?1", "i", aic_now() - 7201 + SECONDS / 4));
	record_of_job(s);
	judge(s, &name.session, AIC_VERDICT_AGREES);
	round_of(s);
	assert_int_equal(line_has(s, "verified"), 625000);
}

static void what_waits_too_long_counts_as_metered(void **state)
{
	test_site *s = *state;
	aic_session_name name;

	challenged(s, &name);
	record_of_job(s);
	must(aic_sql_run(s->d.store->db, err, "UPDATE record SET started=started-?1, ended=ended-?1", "i", (int64_t)AIC_SESSION_HELD));
	must(aic_sql_run(s->d.store->db, err, "UPDATE receipt SET start=start-?1, end=end-?1", "i", (int64_t)AIC_SESSION_HELD));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET asked=asked-?1-7202, committed=committed-?1, changed=0", "i",
	                 (int64_t)AIC_SESSION_HELD));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session_node SET since=since-?1, until=until-?1", "i", (int64_t)AIC_SESSION_HELD));
	assert_int_equal(line_has(s, "held"), AIC_HELD_SESSION);
	s->d.overdue_at = 0;
	aic_session_effects(&s->d);
	assert_int_equal(line_has(s, "held"), 0);
	assert_int_equal(line_has(s, "verified"), 500000);
}

static aic_amount gross_of(test_site *s)
{
	sqlite3_stmt *st;

	assert_int_equal(aic_sql_start(s->d.store->db, &st, NULL, "SELECT gross FROM line JOIN record r ON r.id=record WHERE job=?1", "i",
	                               (int64_t)JOB), AIC_OK);
	assert_int_equal(aic_sql_step(s->d.store->db, st, NULL), AIC_OK);
	aic_amount gross = aic_sql_amount(st, 0);
	aic_sql_done(st);
	return gross;
}

static int64_t count(test_site *s, const char *table)
{
	int64_t n = -1;

	assert_int_equal(!strcmp(table, "refund") ? aic_sql_int(s->d.store->db, &n, NULL, "SELECT count(*) FROM refund", "")
	                                          : aic_sql_int(s->d.store->db, &n, NULL, "SELECT count(*) FROM barred_node", ""), AIC_OK);
	return n;
}

static void a_user_who_cheats_proves_nothing_and_pays(void **state)
{
	test_site *s = *state;
	aic_session_name name;

	challenged(s, &name);
	record_of_job(s);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	round_of(s);
	assert_int_equal(line_has(s, "held"), AIC_HELD_SESSION);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	round_of(s);
	assert_int_equal(on_ledger(s, &name.session).state, AIC_SESSION_REFUTED);
	assert_int_equal(line_has(s, "held"), 0);
	/* nothing but the second between the closing and the run's end counts */
	assert_in_range(line_has(s, "verified"), 0, 200);
	assert_true(gross_of(s) > 0);
	assert_int_equal(count(s, "barred_node"), 0);
}

static void a_provider_who_cheats_is_not_paid(void **state)
{
	test_site *s = *state;
	aic_session_name name;

	s->d.config.train.uid = MEMBER;
	aic_str_copy(s->d.config.train.user, sizeof(s->d.config.train.user), "daemon");
	challenged(s, &name);
	record_of_job(s);
	aic_amount owed = aic_store_wallet_find(s->d.store, "account/physics")->unsettled;
	assert_true(owed > 0 && owed == gross_of(s));
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	round_of(s);
	round_of(s);
	assert_true(gross_of(s) == 0);
	assert_true(aic_store_wallet_find(s->d.store, "account/physics")->unsettled == 0);
	assert_int_equal(line_has(s, "held"), AIC_HELD_SESSION); /* an appeal may come */
	assert_int_equal(count(s, "barred_node"), 1);
	aic_barred barred;
	must(aic_barred_load(&barred, &s->d.config, err));
	assert_non_null(aic_barred_find(&barred, "n1"));
	aic_barred_free(&barred);
	site_run(0, aic_cmd_explain, "7", NULL);
	expect_printed("was refuted: segment 2 differs from step 23 on");
	refuses(aic_barred_clear(&s->d.batches, "n2", "a new mainboard", 0, aic_now(), err), AIC_NOT_FOUND, "node n2 is not barred");
	refuses(aic_barred_clear(&s->d.batches, "n1", "", 0, aic_now(), err), AIC_USAGE, "say why");
	must(aic_barred_clear(&s->d.batches, "n1", "a new mainboard", 0, aic_now(), err));
	round_of(s);
	must(aic_barred_load(&barred, &s->d.config, err));
	assert_null(aic_barred_find(&barred, "n1"));
	aic_barred_free(&barred);
	assert_int_equal(count(s, "barred_node"), 0);
}

static void what_was_posted_is_asked_back_once(void **state)
{
	test_site *s = *state;
	aic_session_name name;
	aic_batch b;
	int64_t start, end;
	char period[16];
	aic_error e = {0};

	s->d.config.train.uid = MEMBER;
	aic_str_copy(s->d.config.train.user, sizeof(s->d.config.train.user), "daemon");
	s->d.batches.config = &s->d.config;
	challenged(s, &name);
	record_of_job(s);
	must(aic_sql_run(s->d.store->db, err, "UPDATE line SET held=0", "")); /* as after seven days */
	aic_period_of(AIC_PERIOD_WEEK, aic_now() - 1, period, &start, &end);
	must(aic_batch_close(&s->d.batches, period, start, end, s->d.fee_ppm, 0, aic_now(), &b, err));
	must(aic_batch_approve(&s->d.batches, &b, &b.hash, 0, NULL, aic_now(), err));
	if (aic_batch_post(&s->d.batches, ledger_of(s), &b, 0, aic_now(), &e) != AIC_OK)
		fail_msg("%s", e.message);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	round_of(s);
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET changed=1", ""));
	round_of(s);
	assert_int_equal(count(s, "refund"), 1);
	aic_refund *f;
	size_t n;
	must(aic_refund_list(s->d.store, 0, &f, &n, err));
	assert_true(f[0].amount == gross_of(s));
	assert_non_null(strstr(f[0].reason, "segment 2 differs from step 23 on"));
	free(f);
}

static void post_all(test_site *s)
{
	int64_t start, end;
	char period[16];
	aic_batch b;

	aic_period_of(AIC_PERIOD_WEEK, aic_now() - 1, period, &start, &end);
	must(aic_batch_close(&s->d.batches, period, start, end, s->d.fee_ppm, 0, aic_now(), &b, err));
	must(aic_batch_approve(&s->d.batches, &b, &b.hash, 0, NULL, aic_now(), err));
	must(aic_batch_post(&s->d.batches, ledger_of(s), &b, 0, aic_now(), err));
	must(aic_batch_repair(&s->d.batches, ledger_of(s), aic_now(), err));
}

static uint64_t rating_of(test_site *s, const char *wallet)
{
	aic_ledger_wallet w;

	must(aic_ledger_wallet_get(ledger_of(s), wallet, &w, err));
	return w.rating_ppm;
}

static void what_was_paid_is_rated_once(void **state)
{
	test_site *s = *state;
	aic_session_name name;
	sqlite3_stmt *st;

	challenged(s, &name);
	record_of_job(s);
	judge(s, &name.session, AIC_VERDICT_AGREES);
	round_of(s);
	assert_int_equal(rating_of(s, "provider/lab-one"), 500000);
	round_of(s); /* nothing is posted */
	assert_int_equal(rating_of(s, "provider/lab-one"), 500000);
	post_all(s);
	round_of(s);
	uint64_t rating = rating_of(s, "provider/lab-one");
	round_of(s);
	assert_int_equal(rating_of(s, "provider/lab-one"), rating);
	must(aic_sql_start(s->d.store->db, &st, err, "SELECT state, fee, why FROM session_fee", ""));
	assert_int_equal(aic_sql_step(s->d.store->db, st, NULL), AIC_OK);
	assert_string_equal(aic_sql_text(st, 2), "");
	assert_int_equal(sqlite3_column_int(st, 0), 1);
	/* stated a second more than the job was charged for: what was paid counts */
	assert_true(aic_sql_amount(st, 1) >= aic_fee_of(gross_of(s), s->d.fee_ppm));
	assert_int_equal(rating, 1000000ULL * (28500 + 1000000) / (28500 + 2000000));
	aic_sql_done(st);
	assert_true(on_ledger(s, &name.session).fee[0].rated);
	/* a store from before that was noted */
	must(aic_sql_run(s->d.store->db, err, "UPDATE session_fee SET state=0", ""));
	round_of(s);
	assert_int_equal(rating_of(s, "provider/lab-one"), rating);
}

/* The charge of a user's own run stands: the ledger is shown its fee, for those who judged it, and nobody's rating. */
static void what_a_cheat_paid_pays_its_judges(void **state)
{
	test_site *s = *state;
	aic_session_name name;
	sqlite3_stmt *st;

	challenged(s, &name);
	record_of_job(s);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	judge(s, &name.session, AIC_VERDICT_DIFFERS);
	round_of(s);
	post_all(s);
	round_of(s);
	assert_false(on_ledger(s, &name.session).fee[0].rated); /* an appeal may come */
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET settled=1", ""));
	round_of(s);
	assert_true(on_ledger(s, &name.session).fee[0].rated);
	assert_int_equal(rating_of(s, "provider/lab-one"), 500000);
	must(aic_sql_start(s->d.store->db, &st, err, "SELECT state, why FROM session_fee", ""));
	assert_int_equal(aic_sql_step(s->d.store->db, st, NULL), AIC_OK);
	assert_int_equal(sqlite3_column_int(st, 0), 2);
	assert_string_equal(aic_sql_text(st, 1), "refuted, and charged: its fee pays those who judged it");
	aic_sql_done(st);
}

static void nobody_closes_it(void **state)
{
	test_site *s = *state;
	aic_session_opening o = an_opening(1, AIC_CLASS_D0);
	aic_session_opened opened;
	uint64_t stand;

	must(open_as(MEMBER, &o, &opened, err));
	aic_session_name name = name_of(&o, &opened);
	must(commit_as(MEMBER, &name, 0, 3, &stand, err));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session_node SET since=since-7201", ""));
	record_of_job(s);
	round_of(s);
	assert_int_equal(on_ledger(s, &opened.session).state, AIC_SESSION_OPEN); /* it may still be said */
	must(aic_sql_run(s->d.store->db, err, "UPDATE record SET ended=ended-?1, started=started-?1", "i", (int64_t)AIC_SESSION_ORPHANED));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session_node SET since=since-?1", "i", (int64_t)AIC_SESSION_ORPHANED));
	round_of(s);
	aic_ledger_session w = on_ledger(s, &opened.session);
	assert_int_equal(w.state, AIC_SESSION_CLOSED);
	assert_int_equal(w.end, AIC_END_FAILED);
	assert_int_equal(w.steps, 20);
}

static void a_stop_waits_for_its_requeue(void **state)
{
	test_site *s = *state;
	aic_session_name name;
	aic_session_opening o = an_opening(1, AIC_CLASS_D0);
	aic_session_opened opened;
	uint64_t stand;

	must(open_as(MEMBER, &o, &opened, err));
	name = name_of(&o, &opened);
	must(commit_as(MEMBER, &name, 0, 3, &stand, err));
	must(close_as(MEMBER, &name, 25, AIC_END_STOPPED, err));
	round_of(s);
	assert_int_equal(on_ledger(s, &opened.session).state, AIC_SESSION_OPEN);
	/* it was requeued, to another node of another provider */
	aic_job_step step = {.cluster = "lab", .job = JOB, .restart = 1};
	aic_rpc *rpc = as(MEMBER);
	slurm.restart = 1;
	slurm_node[0] = slurm_node[1];
	must(aic_session_call_nodes(rpc, &name, &step, err));
	must(aic_session_call_nodes(rpc, &name, &step, err));
	aic_rpc_close(rpc);
	must(commit_as(MEMBER, &name, 3, 2, &stand, err));
	assert_int_equal(stand, 5);
	must(close_as(MEMBER, &name, 40, AIC_END_DONE, err));
	aic_ledger_session w = on_ledger(s, &opened.session);
	assert_int_equal(w.state, AIC_SESSION_CLOSED);
	assert_int_equal(w.n_fees, 2);
	rpc = as(MEMBER);
	refuses(aic_session_call_nodes(rpc, &name, &step, err), AIC_REFUSED, "this session is closed");
	aic_rpc_close(rpc);
}

static void what_a_crash_left_is_found_again(void **state)
{
	test_site *s = *state;
	aic_session_opening o = an_opening(1, AIC_CLASS_D0);
	aic_session_opened opened, again;

	must(open_as(MEMBER, &o, &opened, err));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET session=NULL, entropy=NULL, asked=asked-121", ""));
	round_of(s);
	slurm.running = false; /* the job is asked about no more */
	must(open_as(MEMBER, &o, &again, err));
	assert_true(aic_hash_equal(&opened.session, &again.session) && aic_hash_equal(&opened.entropy, &again.entropy));
	must(aic_sql_run(s->d.store->db, err, "UPDATE session SET session=NULL, entropy=NULL, asked=asked-4000, spec=x'00'", ""));
	round_of(s);
	int64_t left = -1;
	must(aic_sql_int(s->d.store->db, &left, err, "SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM session_node)", ""));
	assert_int_equal(left, 0);
}

/* --- killed at each step --- */

static void leave(test_site *s)
{
	loopback_acct = NULL;
	aic_acctd_close(&s->d);
	loopback_ledger_stop();
}

static void enter(test_site *s)
{
	aic_config c;

	must(aic_config_load(&c, s->config, err));
	loopback_ledger_start(&c);
	loopback_ledger->config = &s->d.config;
	aic_config_free(&c);
	site_start(s);
	s->d.job_ask = ask_slurm;
	site_turn(s);
}

/* All of a session's life; what was done in an earlier life changes nothing. */
static void whole_life(test_site *s, int64_t began)
{
	aic_session_opening o = an_opening(1, AIC_CLASS_D0);
	aic_session_opened opened;
	uint64_t stand, height;
	aic_job_record r = site_job(JOB, "daemon", "physics", "n1");

	r.submit = began - 1;
	r.start = began;
	r.end = began + SECONDS;
	must(open_as(MEMBER, &o, &opened, err));
	aic_session_name name = name_of(&o, &opened);
	if (on_ledger(s, &opened.session).state == AIC_SESSION_OPEN) {
		if (!on_ledger(s, &opened.session).demanded)
			must(aic_ledger_session_challenge(ledger_of(s), &opened.session, &height, err));
		must(aic_sql_run(s->d.store->db, err, "UPDATE session_node SET since=?1", "i", began));
	}
	must(commit_as(MEMBER, &name, 0, 5, &stand, err));
	must(close_as(MEMBER, &name, 40, AIC_END_DONE, err));
	site_take(s, &r);
	aic_job_record_clear(&r);
	if (on_ledger(s, &opened.session).state < AIC_SESSION_UNCHALLENGED) {
		draw(s, &name, AIC_SESSION_CHALLENGED);
		judge(s, &opened.session, AIC_VERDICT_AGREES);
	}
	round_of(s);
	if (!on_ledger(s, &opened.session).fee[0].rated && line_has(s, "held") == 0) {
		int64_t posted = 0;
		must(aic_sql_int(s->d.store->db, &posted, err, "SELECT count(*) FROM batch", ""));
		if (!posted)
			post_all(s);
	}
	round_of(s);
}

static const char *die_at;

static void die(const char *where)
{
	if (!strcmp(where, die_at))
		_exit(3);
}

static void killed_at_each_step(void **state)
{
	static const char *const steps[] = {"before session", "after session", "before session's end", "after session's end",
	                                    "after a session's effects", "before rating", "after rating"};
	test_site *s = *state;
	int64_t began = aic_now() - 7201, sessions = -1;
	aic_ledger_session *all;
	size_t n;

	add_judge(s, "judge-1", 50, "account/biology");
	add_judge(s, "judge-2", 51, "provider/lab-two");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int status;

		leave(s);
		pid_t child = fork();
		if (!child) {
			enter(s);
			die_at = steps[i];
			aic_store_failpoint = die;
			whole_life(s, began);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
			fail_msg("\"%s\" was not reached: status %x", steps[i], (unsigned)status);
		enter(s);
	}
	whole_life(s, began);
	must(aic_ledger_sessions(ledger_of(s), AIC_SESSIONS_ALL, 100, &all, &n, err));
	assert_int_equal(n, 1);
	assert_true(all[0].fee[0].rated);
	free(all);
	uint64_t alpha = (uint64_t)(aic_fee_of(gross_of(s), s->d.fee_ppm) / 1000000000000u);
	assert_true(alpha > 0);
	assert_int_equal(rating_of(s, "provider/lab-one"), 1000000 * (alpha + 1000000) / (alpha + 2000000));
	must(aic_sql_int(s->d.store->db, &sessions, err, "SELECT count(*) FROM session WHERE settled=1 AND changed=0", ""));
	assert_int_equal(sessions, 1);
}

/* Every second for itself: the highest of the sessions that cover it, else as metered. */
static uint64_t second_by_second(const aic_rated_node *n, const aic_covered *c, size_t n_covered)
{
	uint64_t sum = 0;

	for (int64_t t = n->start; t < n->end; t++) {
		int64_t best = -1;
		for (size_t i = 0; i < n_covered; i++)
			if (!strcmp(c[i].node, n->node) && c[i].start <= t && t < c[i].end && (int64_t)c[i].ppm > best)
				best = (int64_t)c[i].ppm;
		sum += best < 0 ? 500000 : (uint64_t)best;
	}
	return sum / (uint64_t)n->billable;
}

static void overlaps_count_once(void **state)
{
	static const uint64_t ppm[] = {0, 500000, 700000, 1000000};
	const aic_receipt receipt = {.node = "n1", .start = 0, .end = 500, .cpu_ms = 1, .gpu_ms = AIC_UNKNOWN};
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		aic_covered c[12];
		size_t n = test_random(&seed) % 12;
		aic_rated_node node = {.start = (int64_t)(test_random(&seed) % 100), .cpus = 1, .node = "n1"};

		node.end = node.start + 1 + (int64_t)(test_random(&seed) % 300);
		node.billable = node.end - node.start;
		for (size_t i = 0; i < n; i++) {
			c[i] = (aic_covered){.start = (int64_t)(test_random(&seed) % 350), .ppm = ppm[test_random(&seed) % 4]};
			c[i].end = c[i].start + (int64_t)(test_random(&seed) % 200);
			aic_str_copy(c[i].node, sizeof(c[i].node), test_random(&seed) % 4 ? "n1" : "n2");
		}
		aic_quality q = aic_rate_node(&node, &(aic_proof){&receipt, 1, c, n});
		if (q.verified != second_by_second(&node, c, n))
			fail_msg("round %d: %llu, second by second %llu", round, (unsigned long long)q.verified,
			         (unsigned long long)second_by_second(&node, c, n));
	}
}

static void gres_as_slurm_tells_it(void **state)
{
	aic_node_share n = {.gpu_types = 0};

	(void)state;
	aic_gres_share(&n, "gpu:a100:2(IDX:0-1),gpu:3(IDX:2,4,5),fpga:x:1");
	assert_int_equal(n.gpu_types, 2);
	assert_string_equal(n.gpu[0].type, "a100");
	assert_int_equal(n.gpu[0].count, 2);
	assert_string_equal(n.gpu[1].type, "");
	assert_int_equal(n.gpu[1].count, 3);
	aic_gres_share(&n, NULL);
	aic_gres_share(&n, "");
	assert_int_equal(n.gpu_types, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_site, site_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asked_twice_done_once), T(who_may_and_what_is_missing), T(lines_wait_for_the_verdict),
		T(who_trains_part_of_the_time_is_paid_for_that), T(what_waits_too_long_counts_as_metered),
		T(a_user_who_cheats_proves_nothing_and_pays), T(a_provider_who_cheats_is_not_paid), T(what_was_posted_is_asked_back_once),
		T(what_was_paid_is_rated_once), T(what_a_cheat_paid_pays_its_judges), T(nobody_closes_it), T(a_stop_waits_for_its_requeue), T(what_a_crash_left_is_found_again),
		T(killed_at_each_step), cmocka_unit_test(overlaps_count_once), cmocka_unit_test(gres_as_slurm_tells_it),
	};

	aic_log_open("sessions_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
