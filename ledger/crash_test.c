/* crash_test.c: SIGKILL at every place between two writes, during many blocks: after it the site starts again, what was
 * ordered is applied once, nothing is lost, and a repeat of the request settles once. Compiled with AIC_FAILPOINTS. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/failpoint.h"
#include "ledger/audit/verify.h"

#define SETTLEMENTS 6

static const char *const places[] = {
	"order: before the block", "order: block written", "order: committed", "chain: ordered",        "chain: before attesting",
	"state: tree flushed",     "state: block written", "state: committed",
};

static const char *kill_at;
static int kill_after;

void aic_failpoint(const char *place)
{
	if (kill_at && strcmp(place, kill_at) == 0 && kill_after-- == 0)
		kill(getpid(), SIGKILL);
}

/* Settles 1 .. SETTLEMENTS, each only if it is not there yet, as aicledgerd does for a repeat. */
static void work(test_site *s)
{
	for (uint64_t i = 1; i <= SETTLEMENTS; i++) {
		aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10,
		                         .stake = AIC_UNIT / 10 * 1000000};
		aic_settlement_row row;
		aic_code code = aic_state_settlement(s->state, &s->chain.site, "p", i, &row, NULL);

		if (code == AIC_NOT_FOUND)
			assert_ok(test_settle(s, "p", i, &l, 1, err));
		else
			assert_int_equal(code, AIC_OK);
	}
}

/* True where the child came to its end before it reached the place. */
static bool run_and_kill(const char *dir, const char *place, int after)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		test_site s;
		aic_error err = {0};

		kill_at = place;
		kill_after = after;
		if (test_site_open(&s, dir, &err))
			_exit(2);
		if (after % 2)
			aic_tree_limit(aic_state_tree(s.state), 0); /* pages are written in every block, not only logged */
		work(&s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return false;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void check_whole(const char *dir)
{
	test_site s;
	aic_address payer = test_wallet(0);
	aic_verified v;

	assert_ok(test_site_open(&s, dir, err));
	work(&s);
	assert_int_equal(aic_state_head(s.state)->height, SETTLEMENTS);
	assert_int_equal(s.chain.final_height, SETTLEMENTS);
	assert_true(test_balance(&s, &payer) == TEST_FUNDS - SETTLEMENTS * AIC_UNIT);
	assert_true(test_sum_of_balances(&s) == test_totals(&s).supply);
	test_site_close(&s);
	assert_ok(aic_ledger_verify(dir, dir, NULL, NULL, &v, err));
	assert_int_equal(v.blocks, SETTLEMENTS + 1);
	assert_int_equal(v.attestations, SETTLEMENTS + 1);
}

static void test_kill_everywhere(void **state)
{
	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		int after = 0;
		bool finished = false;

		for (; !finished; after++) {
			char *dir = aic_xasprintf("%s/%zu-%d", (char *)*state, p, after);

			assert_int_equal(mkdir(dir, 0700), 0);
			finished = run_and_kill(dir, places[p], after);
			check_whole(dir);
			free(dir);
		}
		assert_true(after >= SETTLEMENTS); /* the place was met, at least once a block */
	}
}

/* Killed again and again on the way: the work still gets done, once. */
static void test_kill_again_and_again(void **state)
{
	uint64_t seed = 99;
	int kills = 0;

	for (int i = 0; i < 60; i++) {
		const char *place = places[test_random(&seed) % (sizeof(places) / sizeof(places[0]))];

		kills += !run_and_kill(*state, place, (int)(test_random(&seed) % 2));
	}
	assert_true(kills > 5);
	check_whole(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill_everywhere, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(test_kill_again_and_again, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger crashes", tests, NULL, NULL);
}
