/* Refunds of posted lines against a real ledger in this process: what the payee has is taken, the rest is its debt, once. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/acts.h"
#include "accounting/fixture.h"
#include "accounting/loopback.h"
#include "accounting/post.h"
#include "accounting/refund.h"
#include "common/log.h"

static aic_ledger *ledger;

static aic_amount aic(const char *text)
{
	aic_amount a;

	assert_int_equal(aic_amount_parse(&a, text, NULL), AIC_OK);
	return a;
}

static aic_ledger_wallet wallet(const char *name)
{
	aic_ledger_wallet *w, found = {.balance = 0};
	size_t n;

	assert_int_equal(aic_ledger_wallets(ledger, &w, &n, NULL), AIC_OK);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(w[i].name, name))
			found = w[i];
	free(w);
	return found;
}

/* Jobs 1 and 2 of 4.285 AIC each on lab-one's node, posted: its wallet holds net, 7.713 AIC, without receipts no reward. */
static int posted(void **state)
{
	aic_error err = {0};
	aic_batch b;

	if (fixture_open(state))
		return -1;
	fixture *f = *state;
	snprintf(f->config.genesis, sizeof(f->config.genesis), "%s/genesis.yaml", f->folder);
	loopback_ledger_start(&f->config);
	for (uint32_t id = 1; id <= 2; id++) {
		aic_job_record r = fixture_record(id, 7200);
		fixture_ingest(f, &r);
		aic_job_record_clear(&r);
	}
	loopback_fund(&f->config, "account/physics", "science", 10 * AIC_UNIT);
	if (aic_ledger_open(&ledger, &f->config, &err) != AIC_OK ||
	    aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, &err) != AIC_OK ||
	    aic_batch_approve(&f->batches, &b, &b.hash, 0, NULL, 6, &err) != AIC_OK ||
	    aic_batch_post(&f->batches, ledger, &b, 0, 7, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return 0;
}

static int closed(void **state)
{
	aic_ledger_close(ledger);
	loopback_ledger_stop();
	return fixture_close(state);
}

static aic_refund ask(fixture *f, int64_t line, const char *amount, aic_code want, const char *text)
{
	aic_refund r = {0};
	aic_error err = {0};
	aic_code rc = aic_refund_ask(&f->batches, line, aic(amount), "node was faulty", 42, 9, &r, &err);

	if (rc != want || (text && strcmp(err.message, text)))
		fail_msg("%d %s", (int)rc, err.message);
	return r;
}

static aic_refund approve(fixture *f, int64_t id, uid_t uid, aic_code want, const char *text)
{
	aic_refund r = {0};
	aic_error err = {0};
	aic_code rc = aic_refund_approve(&f->batches, ledger, id, NULL, uid, 10, &r, &err);

	if (rc != want || (text && strcmp(err.message, text)))
		fail_msg("%d %s", (int)rc, err.message);
	return r;
}

static void gives_back_what_the_payee_has(void **state)
{
	fixture *f = *state;
	char note[320];
	aic_tally t;
	aic_batch b;

	assert_true(wallet("provider/lab-one").balance == aic("7.713"));
	aic_refund r = ask(f, 1, "4", AIC_OK, NULL);
	assert_true(r.state == AIC_REFUND_ASKED && r.approved.people == 0 && wallet("account/physics").balance == aic("1.43"));
	r = approve(f, r.id, 7, AIC_OK, NULL);
	assert_true(r.state == AIC_REFUND_POSTED && r.height > 0);
	assert_true(wallet("account/physics").balance == aic("5.43"));
	assert_true(wallet("provider/lab-one").balance == aic("3.713") && wallet("provider/lab-one").debt == 0);
	approve(f, r.id, 8, AIC_REFUSED, NULL);
	assert_true(wallet("account/physics").balance == aic("5.43"));
	/* shown with the sum of its batch */
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(aic_batch_sums(f->store, &b, &t, NULL), AIC_OK);
	assert_string_equal(aic_sum_note(&t.sum[0], note), "no reward: no receipt of the job; refunded 4 AIC, `aic batch refunds`");
	aic_tally_clear(&t);
}

static void what_is_lacking_is_a_debt(void **state)
{
	fixture *f = *state;

	approve(f, ask(f, 1, "4.285", AIC_OK, NULL).id, 7, AIC_OK, NULL);
	aic_refund r = approve(f, ask(f, 2, "4.285", AIC_OK, NULL).id, 7, AIC_OK, NULL);
	assert_true(r.state == AIC_REFUND_POSTED);
	assert_true(wallet("account/physics").balance == aic("9.143")); /* the fee stays with the treasury until the debt is served */
	assert_true(wallet("provider/lab-one").balance == 0 && wallet("provider/lab-one").debt == aic("0.857"));
}

static void refused_with_the_figures(void **state)
{
	fixture *f = *state;
	aic_job_record open = fixture_record(3, 60);
	aic_error err = {0};
	aic_refund r;

	fixture_ingest(f, &open);
	aic_job_record_clear(&open);
	ask(f, 77, "1", AIC_NOT_FOUND, "there is no line 77: `aic batch lines` shows their numbers");
	ask(f, 3, "0.01", AIC_REFUSED, "line 3 is not posted: `aic batch adjust` or `aic batch void` changes it");
	ask(f, 1, "0", AIC_USAGE, "a refund gives something back: its amount is 0");
	ask(f, 1, "3", AIC_OK, NULL);
	ask(f, 1, "2", AIC_REFUSED, "line 1 was charged 4.285 AIC, of which 3 are refunded: 2 more would be too much");
	assert_int_equal(aic_refund_ask(&f->batches, 1, 1, "", 42, 9, &r, &err), AIC_USAGE);
	assert_string_equal(err.message, "say why: --reason TEXT; it is kept with the line");
	approve(f, 9, 7, AIC_NOT_FOUND, "there is no refund 9: `aic batch refunds` lists them");
}

static void as_many_approve_as_a_batch_needs(void **state)
{
	fixture *f = *state;

	f->config.approvals = 2;
	aic_refund r = ask(f, 2, "1", AIC_OK, NULL);
	for (int i = 0; i < 2; i++)
		assert_true(approve(f, r.id, 7, AIC_OK, NULL).state == AIC_REFUND_ASKED);
	assert_true(wallet("account/physics").balance == aic("1.43"));
	assert_true(approve(f, r.id, 8, AIC_OK, NULL).state == AIC_REFUND_POSTED);
	assert_true(wallet("account/physics").balance == aic("2.43"));
}

static aic_code withdraw(fixture *f, int64_t id, const char *reason, const char *says)
{
	aic_error err = {0};
	aic_refund r;
	aic_code rc = aic_refund_withdraw(&f->batches, id, reason, 7, 9, &r, &err);

	if (rc == AIC_OK)
		assert_int_equal(r.state, AIC_REFUND_WITHDRAWN);
	else
		assert_string_equal(err.message, says);
	return rc;
}

static void withdrawn_before_it_is_posted(void **state)
{
	fixture *f = *state;
	int64_t acts = 0;

	f->config.approvals = 2;
	aic_refund r = ask(f, 1, "4", AIC_OK, NULL);
	approve(f, r.id, 7, AIC_OK, NULL);
	assert_int_equal(withdraw(f, r.id, "", "say why: --reason TEXT; it is kept in the log of acts"), AIC_USAGE);
	for (int again = 0; again < 2; again++)
		assert_int_equal(withdraw(f, r.id, "the wrong line", ""), AIC_OK);
	assert_int_equal(aic_sql_int(f->store->db, &acts, NULL, "SELECT count(*) FROM audit WHERE what LIKE 'withdraws refund 1 of line 1: the wrong line'", ""), AIC_OK);
	assert_int_equal(acts, 1);
	approve(f, r.id, 8, AIC_REFUSED, "refund 1 was withdrawn: ask for another one");
	assert_true(wallet("account/physics").balance == aic("1.43"));
	r = ask(f, 1, "4.285", AIC_OK, NULL); /* the whole of it can be asked for again */
	approve(f, r.id, 7, AIC_OK, NULL);
	r = approve(f, r.id, 8, AIC_OK, NULL);
	assert_true(r.state == AIC_REFUND_POSTED && wallet("account/physics").balance == aic("5.715"));
	char says[100];
	snprintf(says, sizeof(says), "refund 2 is posted, at height %llu: nothing posted changes", (unsigned long long)r.height);
	assert_int_equal(withdraw(f, r.id, "too late", says), AIC_REFUSED);
	assert_int_equal(withdraw(f, 9, "none", "there is no refund 9: `aic batch refunds` lists them"), AIC_NOT_FOUND);
}

static const char *die_at;

static void die(const char *where)
{
	if (!strcmp(where, die_at))
		kill(getpid(), SIGKILL);
}

/* On either side of the ledger's reversal: the restart posts it, once. */
static void killed_while_posting(void **state)
{
	static const char *const places[] = {"before reversal", "after reversal"};
	fixture *f = *state;
	aic_error err = {0};

	for (int k = 0; k < 2; k++) {
		aic_refund r = ask(f, 1 + k, "1", AIC_OK, NULL);
		die_at = places[k];
		pid_t child = fork();
		if (child == 0) {
			aic_store_failpoint = die;
			aic_refund_approve(&f->batches, ledger, r.id, NULL, 7, 10, &r, &err);
			_exit(0);
		}
		int status;
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		fixture_reopen(f);
		aic_ledger_close(ledger);
		loopback_ledger_stop();
		loopback_ledger_start(&f->config);
		assert_int_equal(aic_ledger_open(&ledger, &f->config, &err), AIC_OK);
		for (int again = 0; again < 2; again++)
			if (aic_refund_repair(&f->batches, ledger, &err) != AIC_OK)
				fail_msg("%s", err.message);
		assert_int_equal(aic_refund_find(f->store, r.id, &r, &err), AIC_OK);
		assert_int_equal(r.state, AIC_REFUND_POSTED);
		assert_true(wallet("account/physics").balance == aic("1.43") + (aic_amount)(1 + k) * AIC_UNIT);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, posted, closed)
	const struct CMUnitTest tests[] = {
		T(gives_back_what_the_payee_has), T(what_is_lacking_is_a_debt), T(refused_with_the_figures), T(as_many_approve_as_a_batch_needs),
		T(withdrawn_before_it_is_posted), T(killed_while_posting),
	};

	aic_log_open("refund_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
