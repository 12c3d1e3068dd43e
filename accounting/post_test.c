/* Batches onto the ledger: posted once to a real one in this process, repaired after lost answers, backups and kills. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/fixture.h"
#include "accounting/loopback.h"
#include "accounting/post.h"
#include "common/log.h"

static aic_amount aic(const char *text)
{
	aic_amount a;

	assert_int_equal(aic_amount_parse(&a, text, NULL), AIC_OK);
	return a;
}

static void ledger_start(fixture *f)
{
	snprintf(f->config.genesis, sizeof(f->config.genesis), "%s/genesis.yaml", f->folder);
	loopback_ledger_start(&f->config);
}

static int ledger_close(void **state)
{
	loopback_ledger_stop();
	return fixture_close(state);
}

static aic_job_record cpu_job(uint32_t id, int64_t seconds)
{
	aic_job_record r = fixture_record(id, seconds);

	r.node[0].gpu_types = 0;
	return r;
}

static void observe_posts_nothing(void **state)
{
	fixture *f = *state;
	aic_job_record r = cpu_job(1, 7200);
	aic_error err = {0};

	f->config.enforce = false;
	fixture_ingest(f, &r);
	aic_batch b = fixture_close_batch(f);
	fixture_approve(f, &b);
	assert_int_equal(aic_batch_post(&f->batches, NULL, &b, 0, 7, &err), AIC_REFUSED);
	assert_string_equal(err.message, "mode is observe: batch 1970-W01/1 is on paper only and is not posted; set `mode:"
	                    " enforce` in /etc/aic/aic.yaml and restart aicacctd to post");
	aic_job_record_clear(&r);
}

static aic_amount balance(fixture *f, const char *name)
{
	aic_ledger_wallet *w;
	aic_amount found = 0;
	aic_ledger *l;
	size_t n;

	assert_int_equal(aic_ledger_open(&l, &f->config, NULL), AIC_OK);
	assert_int_equal(aic_ledger_wallets(l, &w, &n, NULL), AIC_OK);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(w[i].name, name))
			found = w[i].balance;
	free(w);
	aic_ledger_close(l);
	return found;
}

static aic_batch ready(fixture *f)
{
	aic_job_record r = cpu_job(1, 7200); /* 0.16 + 0.125 = 0.285 AIC */

	ledger_start(f);
	fixture_receipt(f, &r, "n1", 8 * 7200 * 1000, AIC_UNKNOWN);
	fixture_ingest(f, &r);
	aic_job_record_clear(&r);
	aic_batch b = fixture_close_batch(f);
	fixture_approve(f, &b);
	return b;
}

static void posts_once_and_pays(void **state)
{
	fixture *f = *state;
	aic_batch b = ready(f);
	aic_error err = {0};
	aic_ledger *l;

	loopback_fund(&f->config, "account/physics", "science", aic("10"));
	assert_int_equal(aic_ledger_open(&l, &f->config, NULL), AIC_OK);
	if (aic_batch_post(&f->batches, l, &b, 0, 7, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_true(b.state >= AIC_BATCH_POSTED && b.height > 0);
	aic_tally t = fixture_sums(f, &b);
	/* fee 0.0285, quality 0.5, newcomer's rating 0.5: proven 0.007125; the first term is 0.45 of it */
	assert_true(t.sum[0].gross == aic("0.285") && t.sum[0].fee == aic("0.0285") && t.sum[0].settled);
	assert_true(t.sum[0].reward - t.sum[0].issued == aic("0.00320625"));
	assert_true(t.sum[0].issued <= aic("0.00249375"));
	assert_true(balance(f, "account/physics") == aic("9.715"));
	assert_true(balance(f, "provider/lab-one") == aic("0.2565") + t.sum[0].reward);
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == 0);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "is posted already"));
	aic_ledger_close(l);
	aic_tally_clear(&t);
}

static void missing_funds_are_named(void **state)
{
	fixture *f = *state;
	aic_batch b = ready(f);
	aic_error err = {0};
	aic_ledger *l;

	assert_int_equal(aic_ledger_open(&l, &f->config, NULL), AIC_OK);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "account/physics"));
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_APPROVED);
	loopback_fund(&f->config, "account/physics", "science", aic("1"));
	if (aic_batch_post(&f->batches, l, &b, 0, 7, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_ledger_close(l);
}

static void a_lost_answer_is_repaired(void **state)
{
	fixture *f = *state;
	aic_batch b = ready(f);
	aic_error err = {0};
	aic_ledger *l;

	loopback_fund(&f->config, "account/physics", "science", aic("10"));
	assert_int_equal(aic_ledger_open(&l, &f->config, NULL), AIC_OK);
	loopback_lose_answer = true;
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_UNREACHABLE);
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_POSTING);
	assert_int_equal(aic_batch_repair(&f->batches, l, 8, &err), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_true(b.state >= AIC_BATCH_POSTED && b.height > 0);
	assert_true(balance(f, "account/physics") == aic("9.715"));
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == 0);
	aic_tally t = fixture_sums(f, &b);
	assert_true(t.sum[0].settled && t.sum[0].reward > 0);
	aic_tally_clear(&t);
	aic_ledger_close(l);
}

static const char *die_at;

static void die(const char *where)
{
	if (!strcmp(where, die_at))
		kill(getpid(), SIGKILL);
}

/* The ledger's policy asks for two signatures: words by uid alone do not do, nor one key twice, nor a key that was revoked. */
static void signatures_as_the_policy_asks(void **state)
{
	fixture *f = *state;
	aic_approval sig[2];
	aic_error err = {0};
	aic_ledger *l = NULL;
	aic_ledger_status status;
	uint64_t height;
	aic_key key[2];

	aic_batch b = ready(f);
	loopback_fund(&f->config, "account/physics", "science", 10 * AIC_UNIT);
	assert_int_equal(aic_ledger_open(&l, &f->config, &err), AIC_OK);
	assert_int_equal(aic_ledger_status_get(l, &status, &err), AIC_OK);
	assert_true(aic_unhex(f->batches.chain.b, AIC_HASH_LEN, status.chain));
	for (int i = 0; i < 2; i++) {
		aic_key_from_secret(&key[i], (uint8_t[AIC_SECRET_LEN]){(uint8_t)(9 + i)});
		assert_int_equal(aic_ledger_key_register(l, i ? "ada" : "bob", AIC_ROLE_ADMIN, key[i].public_key, 0, NULL, &height,
		                                         &err), AIC_OK);
		aic_approval_sign(&sig[i], &key[i], &f->batches.chain, &b.hash);
	}
	assert_int_equal(aic_ledger_policy_set(l, 2, &height, &err), AIC_OK);
	f->batches.signatures = 2;
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK); /* approved by uid 0, before the policy */
	aic_tally t = fixture_sums(f, &b);
	assert_int_equal(aic_batch_preview(&f->batches, l, &b, &t, &err), AIC_OK); /* seen before anybody has signed */
	assert_true(t.sum[0].reward > 0);
	aic_tally_clear(&t);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_REFUSED);
	assert_string_equal(err.message, "batch 1970-W01/1 has 1 of 1, 0 of 2 signed approvals: `aic batch approve --key"
	                    " FILE 1970-W01/1` first");
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 11, NULL, 6, &err), AIC_REFUSED);
	assert_string_equal(err.message, "this site's policy on the ledger asks for 2 signatures by administrators' keys:"
	                    " add --key FILE");
	sig[0].signature[3] ^= 1;
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 0, &sig[0], 6, &err), AIC_REFUSED);
	assert_string_equal(err.message, "the signature is not over this hash and this ledger: look at it again, then"
	                    " sign");
	sig[0].signature[3] ^= 1;
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 0, &sig[0], 6, &err), AIC_OK);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 12, &sig[0], 6, &err), AIC_REFUSED);
	assert_string_equal(err.message, "uid 0 has approved with that key already: each administrator has a key of their"
	                    " own");
	assert_true(aic_approver_check(l, sig[1].key, &err) == AIC_OK);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 12, &sig[1], 6, &err), AIC_OK);
	assert_int_equal(aic_ledger_key_revoke(l, "ada", &height, &err), AIC_OK);
	assert_int_equal(aic_approver_check(l, sig[1].key, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "is no valid administrator's key of this site"));
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "1 administrators have signed this batch, this site's policy asks for 2"));
	aic_key_from_secret(&key[1], (uint8_t[AIC_SECRET_LEN]){77});
	assert_int_equal(aic_ledger_key_register(l, "eve", AIC_ROLE_ADMIN, key[1].public_key, 0, NULL, &height, &err), AIC_OK);
	aic_approval_sign(&sig[1], &key[1], &f->batches.chain, &b.hash);
	assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 13, &sig[1], 6, &err), AIC_OK);
	if (aic_batch_post(&f->batches, l, &b, 0, 7, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_true(b.state >= AIC_BATCH_POSTED);
	aic_ledger_close(l);
}

static aic_batch one_job(fixture *f)
{
	aic_job_record r = fixture_record(1, 7200);

	fixture_ingest(f, &r);
	aic_job_record_clear(&r);
	return fixture_close_batch(f);
}

static void put_backup_back(fixture *f)
{
	char backup[300], path[300];

	snprintf(backup, sizeof(backup), "%s/backup.db", f->folder);
	snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
	aic_registry_close(f->registry);
	aic_store_close(f->store);
	f->registry = NULL;
	f->store = NULL;
	assert_int_equal(rename(backup, path), 0);
	fixture_reopen(f);
}

static void make_backup(fixture *f)
{
	char text[400];

	snprintf(text, sizeof(text), "VACUUM INTO '%s/backup.db'", f->folder);
	assert_int_equal(aic_sql_script(f->store->db, text, NULL), AIC_OK);
}

/* accounting.db from before a batch was posted: the ledger's word counts. */
static void a_backup_learns_what_was_posted(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	aic_ledger *l = NULL;

	ledger_start(f);
	aic_batch b = one_job(f);
	loopback_fund(&f->config, "account/physics", "science", 10 * AIC_UNIT);
	assert_int_equal(aic_ledger_open(&l, &f->config, &err), AIC_OK);
	make_backup(f); /* in review */
	fixture_approve(f, &b);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_OK);
	put_backup_back(f);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_true(b.state == AIC_BATCH_REVIEW && aic_store_wallet_find(f->store, "account/physics")->unsettled > 0);
	for (int round = 0; round < 2; round++)
		assert_int_equal(aic_batch_repair(&f->batches, l, 8, &err), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_true(b.state == AIC_BATCH_FINAL && b.height > 0);
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == 0);
	aic_tally t = fixture_sums(f, &b);
	assert_true(t.sum[0].settled);
	aic_tally_clear(&t);
	aic_ledger_close(l);
}

/* From before it was closed, and closed again with another line: nothing is noted as posted, and it says so once. */
static void a_backup_with_other_lines_is_left_alone(void **state)
{
	fixture *f = *state;
	aic_job_record late = fixture_record(2, 3600);
	aic_error err = {0};
	aic_ledger *l = NULL;

	ledger_start(f);
	make_backup(f);
	aic_batch b = one_job(f);
	loopback_fund(&f->config, "account/physics", "science", 10 * AIC_UNIT);
	fixture_approve(f, &b);
	assert_int_equal(aic_ledger_open(&l, &f->config, &err), AIC_OK);
	assert_int_equal(aic_batch_post(&f->batches, l, &b, 0, 7, &err), AIC_OK);
	put_backup_back(f);
	fixture_ingest(f, &late);
	b = one_job(f);
	for (int round = 0; round < 2; round++)
		assert_int_equal(aic_batch_repair(&f->batches, l, 8, &err), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_true(b.state == AIC_BATCH_REVIEW && b.lines == 2);
	assert_true(aic_store_meta(f->store, "batch 1970-W01/1", 0) > 0);
	aic_ledger_close(l);
	aic_job_record_clear(&late);
}

/* Killed on either side of the ledger's settlement: after the restart it is settled once, or approved still. */
static void killed_while_posting(void **state)
{
	static const char *const places[] = {"before settle", "after settle"};
	fixture *f = *state;
	aic_batch b = ready(f);
	aic_error err = {0};
	aic_ledger *l;

	loopback_fund(&f->config, "account/physics", "science", aic("10"));
	for (int k = 0; k < 2; k++) {
		loopback_ledger_stop();
		aic_registry_close(f->registry);
		aic_store_close(f->store);
		f->registry = NULL;
		f->store = NULL;
		pid_t child = fork();
		if (child == 0) {
			void *s = f;
			char path[300];
			(void)s;
			snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
			if (aic_store_open(&f->store, path, &err) != AIC_OK)
				_exit(9);
			f->batches.store = f->store;
			loopback_ledger_start(&f->config);
			if (aic_ledger_open(&l, &f->config, &err) != AIC_OK || aic_batch_find(f->store, "", 0, &b, &err) != AIC_OK)
				_exit(9);
			die_at = places[k];
			aic_store_failpoint = die;
			aic_batch_post(&f->batches, l, &b, 0, 7, &err);
			_exit(8);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		char path[300];
		snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
		assert_int_equal(aic_store_open(&f->store, path, NULL), AIC_OK);
		assert_int_equal(aic_registry_open(&f->registry, f->store, &f->config, 500, NULL), AIC_OK);
		f->batches.store = f->store;
		loopback_ledger_start(&f->config);
		assert_int_equal(aic_ledger_open(&l, &f->config, NULL), AIC_OK);
		assert_int_equal(aic_batch_repair(&f->batches, l, 8, &err), AIC_OK);
		aic_ledger_close(l);
		assert_int_equal(aic_batch_find(f->store, "", 0, &b, NULL), AIC_OK);
		assert_int_equal(b.state >= AIC_BATCH_POSTED, k);
		assert_true(balance(f, "account/physics") == (k ? aic("9.715") : aic("10")));
	}
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, ledger_close)
	const struct CMUnitTest tests[] = {
		T(observe_posts_nothing), T(posts_once_and_pays), T(missing_funds_are_named),
		T(a_lost_answer_is_repaired), T(signatures_as_the_policy_asks), T(a_backup_learns_what_was_posted),
		T(a_backup_with_other_lines_is_left_alone), T(killed_while_posting),
	};

	aic_log_open("post_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
