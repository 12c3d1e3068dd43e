/* Killed at 200 random moments between spool and posted batch, while new records and receipts keep coming: in the end every record
 * is settled once, to the unit, at the quality of its receipt. The ledger is a real one in the same process, and dies with it. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/fixture.h"
#include "accounting/loopback.h"
#include "accounting/post.h"
#include "accounting/spools.h"
#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"

#define KILLS 200
#define RECORDS_EACH 3

static void write_records(fixture *f, uint32_t from)
{
	char dir[600];
	aic_spool_writer *w;
	aic_error err = {0};

	snprintf(dir, sizeof(dir), "%s/ctl", f->config.spool);
	if (aic_spool_writer_open(&w, dir, 0700, 0600, &err) != AIC_OK)
		fail_msg("%s", err.message);
	for (uint32_t id = from; id < from + RECORDS_EACH; id++) {
		aic_job_record r = fixture_record(id, 100 + id);
		aic_bytes body = {0};
		aic_job_record_encode(&body, &r);
		assert_int_equal(aic_spool_append(w, body.data, body.len, &err), AIC_OK);
		aic_bytes_free(&body);
		aic_job_record_clear(&r);
	}
	assert_int_equal(aic_spool_sync(w, &err), AIC_OK);
	aic_spool_writer_close(w);
}

/* A node that was never answered: it sends all that it has, again. */
static aic_code send_receipts(fixture *f, uint32_t records)
{
	uint8_t secret[AIC_SECRET_LEN] = {1};
	aic_bytes *receipt = aic_xcalloc(records, sizeof(*receipt)), batch = {0};
	aic_key key;
	size_t kept;

	aic_key_from_secret(&key, secret);
	for (uint32_t i = 0; i < records; i++) {
		int64_t seconds = 100 + i + 1;
		aic_receipt r = {.cluster = "lab", .node = "n1", .job_id = i + 1, .uid = 1001, .start = 2000,
		                 .end = 2000 + seconds, .cpus = 8, .cpu_ms = 1, .mem_peak_mib = 1, .gpus = 2,
		                 .gpu_ms = 2 * (uint64_t)seconds * 400, .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN};
		aic_receipt_encode(&receipt[i], &r);
	}
	aic_code rc = aic_receipt_batch_encode(&batch, "n1", &key, receipt, records, NULL);
	if (rc == AIC_OK)
		rc = aic_receipts_keep(f->store, batch.data, batch.len, 1, &kept, NULL);
	for (uint32_t i = 0; i < records; i++)
		aic_bytes_free(&receipt[i]);
	free(receipt);
	aic_bytes_free(&batch);
	return rc;
}

static bool open_all(fixture *f, aic_ledger **ledger)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
	if (aic_store_open(&f->store, path, NULL) != AIC_OK ||
	    aic_registry_open(&f->registry, f->store, &f->config, 500, NULL) != AIC_OK)
		return false;
	f->batches.store = f->store;
	loopback_ledger_start(&f->config);
	return aic_ledger_open(ledger, &f->config, NULL) == AIC_OK;
}

static void close_all(fixture *f, aic_ledger *ledger)
{
	aic_ledger_close(ledger);
	loopback_ledger_stop();
	aic_registry_close(f->registry);
	aic_store_close(f->store);
	f->registry = NULL;
	f->store = NULL;
}

/* One life of the daemon, of so many records so far: repair, ingest, close, approve, post all. */
static aic_code live(fixture *f, aic_ledger *ledger, uint32_t records)
{
	aic_receipts_count sorted;
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_spools *spools = aic_spools_new();
	aic_spools_count count = {0};
	aic_batch *all = NULL, batch;
	size_t n = 0;
	bool more = true;
	aic_code rc = aic_batch_repair(&f->batches, ledger, 5, NULL);

	if (rc == AIC_OK)
		rc = send_receipts(f, records);
	if (rc == AIC_OK && records % 2)
		rc = aic_receipts_sort_in(f->store, &sorted, NULL); /* else closing does it */
	while (rc == AIC_OK && more)
		rc = aic_spools_read(spools, &in, 1000, &more, &count, NULL);
	aic_spools_free(spools);
	if (rc == AIC_OK)
		aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &batch,
		                NULL); /* refused where nothing is open */
	if (rc == AIC_OK)
		rc = aic_batch_list(f->store, &all, &n, NULL);
	for (size_t i = n; rc == AIC_OK && i-- > 0;) {
		if (all[i].state == AIC_BATCH_REVIEW)
			rc = aic_batch_approve(&f->batches, &all[i], &all[i].hash, 0, NULL, 6, NULL);
		if (rc == AIC_OK && all[i].state < AIC_BATCH_POSTED)
			rc = aic_batch_post(&f->batches, ledger, &all[i], 0, 7, NULL);
	}
	free(all);
	return rc;
}

static aic_amount balance(fixture *f, aic_ledger *ledger, const char *name)
{
	aic_ledger_wallet *w;
	aic_amount found = 0;
	size_t n;

	(void)f;
	assert_int_equal(aic_ledger_wallets(ledger, &w, &n, NULL), AIC_OK);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(w[i].name, name))
			found = w[i].balance;
	free(w);
	return found;
}

static aic_amount gross_of_records(fixture *f, uint32_t n)
{
	aic_amount sum = 0;

	for (uint32_t id = 1; id <= n; id++) {
		aic_job_record r = fixture_record(id, 100 + id);
		aic_amount gross;
		assert_true(aic_price_node(&gross, &f->config.rates, &r.node[0], 100 + id, AIC_PPM));
		sum += gross;
		aic_job_record_clear(&r);
	}
	return sum;
}

static void killed_at_random_moments(void **state)
{
	fixture *f = *state;
	aic_ledger *ledger;
	uint64_t seed = 20260101;
	unsigned died = 0;
	int64_t lines = 0, life_ms = 0; /* the first life is left alone and measured; kills fall within such a time */

	snprintf(f->config.spool, sizeof(f->config.spool), "%s/spool", f->folder);
	snprintf(f->config.genesis, sizeof(f->config.genesis), "%s/genesis.yaml", f->folder);
	assert_int_equal(aic_dir_make(f->config.spool, 0700, NULL), AIC_OK);
	aic_registry_close(f->registry);
	aic_store_close(f->store);
	assert_true(open_all(f, &ledger));
	loopback_fund(&f->config, "account/physics", "science", 900 * AIC_UNIT);
	close_all(f, ledger);
	for (uint32_t i = 0; i < KILLS; i++) {
		int status;
		write_records(f, 1 + i * RECORDS_EACH);
		int64_t born = aic_monotonic_ms();
		pid_t child = fork();
		if (child == 0)
			_exit(open_all(f, &ledger) && live(f, ledger, (i + 1) * RECORDS_EACH) == AIC_OK ? 0 : 1);
		if (i) {
			usleep((useconds_t)(test_random(&seed) % (uint64_t)(1000 * life_ms + 1)));
			kill(child, SIGKILL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!i)
			life_ms = aic_monotonic_ms() - born;
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		died += WIFSIGNALED(status);
	}
	assert_true(died > KILLS / 4);
	assert_true(open_all(f, &ledger));
	assert_int_equal(live(f, ledger, KILLS * RECORDS_EACH), AIC_OK);
	assert_int_equal(aic_sql_int(f->store->db, &lines, NULL, "SELECT count(*) FROM line JOIN batch ON batch.id=batch"
	                             " WHERE state>=3", ""), AIC_OK);
	assert_int_equal(lines, KILLS * RECORDS_EACH);
	assert_int_equal(aic_sql_int(f->store->db, &lines, NULL, "SELECT count(*) FROM line WHERE quality=400000", ""),
	                 AIC_OK);
	assert_int_equal(lines, KILLS * RECORDS_EACH);
	assert_int_equal(aic_sql_int(f->store->db, &lines, NULL, "SELECT count(*) FROM receipt", ""), AIC_OK);
	assert_int_equal(lines, KILLS * RECORDS_EACH);
	assert_true(balance(f, ledger, "account/physics") == 900 * AIC_UNIT - gross_of_records(f, KILLS * RECORDS_EACH));
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == 0);
	aic_ledger_close(ledger);
	loopback_ledger_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_random_moments, fixture_open, fixture_close),
	};

	aic_log_open("kill_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
