/* The store of sessions: what is kept for whom, and what makes room. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "accounting/loopback.h"
#include "accounting/site.h"
#include "accounting/verifier/tick.h"
#include "accounting/verifier/upkeep.h"
#include "common/file.h"

enum { HOUR = 3600, DAY = 86400, KEEP = 72 * HOUR };

static void checkpoints_stay_while_somebody_can_ask_for_them(void **state)
{
	aic_ledger_session s = {.closed_at = 1000 * DAY, .decided_at = 1001 * DAY};
	static const struct { uint64_t state; int64_t needed, kept; } expected[] = {
		{AIC_SESSION_OPEN, 990 * DAY + KEEP + 7 * DAY, 1000 * DAY + KEEP},
		{AIC_SESSION_CLOSED, INT64_MAX, INT64_MAX},
		{AIC_SESSION_CHALLENGED, INT64_MAX, INT64_MAX},
		{AIC_SESSION_DOUBTED, INT64_MAX, INT64_MAX},
		{AIC_SESSION_UNCHALLENGED, 1001 * DAY, 1000 * DAY + KEEP},
		{AIC_SESSION_VERIFIED, 1004 * DAY, 1004 * DAY},
		{AIC_SESSION_REFUTED, 1004 * DAY, 1004 * DAY},
		{AIC_SESSION_WITHHELD, 1004 * DAY, 1004 * DAY},
		{AIC_SESSION_EXPIRED, 1001 * DAY, 1000 * DAY + KEEP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		s.state = expected[i].state;
		assert_true(aic_upkeep_needed(&s, 990 * DAY, KEEP) == expected[i].needed);
		assert_true(aic_upkeep_kept(&s, 990 * DAY, KEEP) == expected[i].kept);
	}
	s = (aic_ledger_session){.state = AIC_SESSION_OPEN};
	assert_true(aic_upkeep_kept(&s, 990 * DAY, KEEP) == 990 * DAY + KEEP + 7 * DAY);
}

/* --- a store of sessions of which the ledger knows nothing --- */

static aic_config configured(test_site *s)
{
	aic_config c;
	aic_error err;

	assert_int_equal(aic_config_load(&c, s->config, &err), AIC_OK);
	snprintf(c.sessions.store, sizeof(c.sessions.store), "%s/sessions", s->folder);
	mkdir(c.sessions.store, 0700);
	return c;
}

static void session_folder(const aic_config *c, char first, size_t bytes, int64_t age)
{
	char name[65], path[PATH_MAX], file[PATH_MAX], *data = calloc(1, bytes + 1);
	struct utimbuf at = {.modtime = aic_now() - age};

	memset(name, first, 64);
	name[64] = '\0';
	assert_int_equal(aic_path_join(path, sizeof(path), c->sessions.store, name, NULL), AIC_OK);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(aic_path_join(file, sizeof(file), path, "step-0000000000.aickpt", NULL), AIC_OK);
	assert_int_equal(aic_file_write_atomic(file, data, bytes, 0600, NULL), AIC_OK);
	free(data);
	assert_int_equal(utime(path, &at), 0);
}

static bool is_there(const aic_config *c, char first)
{
	char name[65], path[PATH_MAX];

	memset(name, first, 64);
	name[64] = '\0';
	assert_int_equal(aic_path_join(path, sizeof(path), c->sessions.store, name, NULL), AIC_OK);
	return access(path, F_OK) == 0;
}

static aic_upkeep_round keep_up(const aic_config *c)
{
	aic_upkeep_round round;
	aic_error err = {0};
	aic_ledger *l;

	assert_int_equal(aic_ledger_open(&l, c, &err), AIC_OK);
	if (aic_upkeep(c, l, aic_now(), &round, &err))
		fail_msg("%s", err.message);
	aic_ledger_close(l);
	return round;
}

static void what_is_over_its_time_goes(void **state)
{
	aic_config c = configured(*state);
	char other[PATH_MAX];

	session_folder(&c, 'a', 1000, KEEP + 7 * DAY + HOUR);
	session_folder(&c, 'b', 1000, KEEP + 7 * DAY - HOUR);
	session_folder(&c, 'c', 1000, 0);
	snprintf(other, sizeof(other), "%.400s/lost+found", c.sessions.store);
	assert_int_equal(mkdir(other, 0700), 0);
	aic_upkeep_round r = keep_up(&c);
	assert_int_equal(r.sessions, 3);
	assert_int_equal(r.removed, 1);
	assert_false(is_there(&c, 'a'));
	assert_true(is_there(&c, 'b') && is_there(&c, 'c'));
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(keep_up(&c).removed, 0);
	aic_config_free(&c);
}

/* A full store does not make what may still be asked for go. */
static void what_is_needed_stays_in_a_full_store(void **state)
{
	aic_config c = configured(*state);

	session_folder(&c, 'd', 100000, 0);
	session_folder(&c, 'e', 100000, DAY);
	c.sessions.room = 1000;
	aic_upkeep_round r = keep_up(&c);
	assert_int_equal(r.removed, 0);
	assert_true(r.bytes >= 200000);
	assert_true(is_there(&c, 'd') && is_there(&c, 'e'));
	aic_config_free(&c);
}

/* --- the folder of verifications, in a store that everybody may write into --- */

static void a_folder_that_is_somebody_elses_is_refused(void **state)
{
	aic_config c = configured(*state);
	aic_verifier_round round;
	char path[PATH_MAX];
	aic_error err = {0};
	aic_ledger *l;

	assert_int_equal(aic_ledger_open(&l, &c, &err), AIC_OK);
	assert_int_equal(aic_verifier_tick(&c, l, &round, &err), AIC_OK);
	assert_int_equal(round.asked, 0);
	assert_int_equal(aic_path_join(path, sizeof(path), c.sessions.store, ".verify", NULL), AIC_OK);
	assert_int_equal(aic_dir_remove(path, NULL), AIC_OK);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(aic_verifier_tick(&c, l, &round, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "is not a folder of uid"));
	assert_int_equal(unlink(path), 0);
	c.sessions.store[0] = '\0';
	assert_int_equal(aic_verifier_tick(&c, l, &round, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "names no sessions: store"));
	aic_ledger_close(l);
	aic_config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checkpoints_stay_while_somebody_can_ask_for_them),
		cmocka_unit_test_setup_teardown(what_is_over_its_time_goes, site_open, site_close),
		cmocka_unit_test_setup_teardown(what_is_needed_stays_in_a_full_store, site_open, site_close),
		cmocka_unit_test_setup_teardown(a_folder_that_is_somebody_elses_is_refused, site_open, site_close),
	};

	return cmocka_run_group_tests_name("accounting/verifier", tests, NULL, NULL);
}
