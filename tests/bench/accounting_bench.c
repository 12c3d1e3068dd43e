/* accounting_bench.c: a million job records, from spool files to a closed batch, against SQLite itself importing the same rows and
 * grouping them by payer and payee in one transaction. CPU seconds of one thread, and what it took in memory. Shape of a real
 * centre: heavy-tailed durations, arrays, 200 accounts, 500 nodes, most jobs on one node. Receipts are there before.
 *
 *     accounting_bench [RECORDS] */
#define _GNU_SOURCE
#include <ftw.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounting/batch.h"
#include "accounting/receipts.h"
#include "accounting/spools.h"
#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"
#include "tests/bench/bench.h"

#define ACCOUNTS 200
#define USERS 1000
#define NODES 500
#define PROVIDERS 20

typedef struct {
	char folder[64];
	uint64_t seed;
	uint32_t n;
	aic_config config;
} bench;

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void check(aic_code rc, const aic_error *err)
{
	if (rc == AIC_OK)
		return;
	fprintf(stderr, "accounting_bench: %s\n", err->message);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* --- what a centre's jobs look like --- */

static void make_record(aic_job_record *r, aic_node_share *node, uint32_t id, uint64_t *seed)
{
	uint64_t x = next(seed), y = next(seed);
	double u = ((double)(x >> 11) + 1) / 9007199254740994.0;
	uint32_t nodes = y % 100 < 90 ? 1 : 2 + (uint32_t)(y >> 8) % 7, first = (uint32_t)(y >> 32) % (NODES - 8);

	memset(r, 0, sizeof(*r));
	memcpy(r->cluster, "centre", 7);
	r->job_id = id;
	r->array_job_id = id % 4 ? id - id % 50 : 0;
	r->array_task_id = r->array_job_id ? id % 50 : 0xfffffffe;
	r->uid = 1000 + (uint32_t)(x % USERS);
	snprintf(r->user, sizeof(r->user), "user%u", r->uid);
	snprintf(r->account, sizeof(r->account), "account%u", r->uid % ACCOUNTS);
	memcpy(r->partition, "gpu", 4);
	r->submit = 1000000 + id / 10;
	r->start = r->submit + (int64_t)(x >> 40) % 600;
	r->end = r->start + (int64_t)(20 * pow(u, -0.7)) % 600000;
	r->time_limit = 604800;
	r->state = y % 50 == 0 ? AIC_STATE_NODE_FAIL : y % 10 == 0 ? AIC_STATE_FAILED : AIC_STATE_COMPLETED;
	r->nodes = nodes;
	r->node = node;
	memset(node, 0, nodes * sizeof(*node));
	for (uint32_t i = 0; i < nodes; i++) {
		snprintf(node[i].name, sizeof(node[i].name), "n%u", first + i);
		node[i].cpus = 1 + (uint32_t)(x >> 16) % 64;
		node[i].mem_mib = 1024 * (1 + (x >> 24) % 256);
		if (y % 3) {
			node[i].gpu_types = 1;
			node[i].gpu[0].count = 1 + (uint32_t)(y >> 16) % 4;
			memcpy(node[i].gpu[0].type, "a100", 5);
		}
	}
}

static void configure(bench *b)
{
	aic_config *c = &b->config;

	snprintf(c->spool, sizeof(c->spool), "%s/spool", b->folder);
	memcpy(c->site, "centre", 7);
	aic_rates_default(&c->rates);
	c->approvals = 1;
	c->n_providers = PROVIDERS;
	c->provider = calloc(PROVIDERS, sizeof(*c->provider));
	for (int i = 0; i < PROVIDERS; i++) {
		snprintf(c->provider[i].name, AIC_NAME_LEN, "lab%d", i);
		snprintf(c->provider[i].organisation, AIC_NAME_LEN, "institute%d", i);
		snprintf(c->provider[i].nodes, AIC_PATH_LEN, "n[%d-%d]", i * (NODES / PROVIDERS), (i + 1) * (NODES / PROVIDERS) - 1);
	}
}

static void write_spool(bench *b)
{
	char dir[AIC_PATH_LEN + 8];
	aic_node_share node[8];
	aic_spool_writer *w;
	aic_bytes body = {0};
	aic_error err = {0};
	aic_job_record r;
	uint64_t seed = b->seed;

	check(aic_dir_make(b->config.spool, 0700, &err), &err);
	snprintf(dir, sizeof(dir), "%s/ctl", b->config.spool);
	check(aic_spool_writer_open(&w, dir, 0700, 0600, &err), &err);
	for (uint32_t i = 0; i < b->n; i++) {
		make_record(&r, node, i + 1, &seed);
		aic_bytes_clear(&body);
		aic_job_record_encode(&body, &r);
		check(aic_spool_append(w, body.data, body.len, &err), &err);
	}
	check(aic_spool_sync(w, &err), &err);
	aic_spool_writer_close(w);
	aic_bytes_free(&body);
}

static void store_receipts(bench *b, aic_store *s)
{
	aic_node_share node[8];
	aic_receipts_count count = {0};
	aic_error err = {0};
	aic_job_record r;
	uint64_t seed = b->seed;

	check(aic_store_begin(s, &err), &err);
	for (uint32_t i = 0; i < b->n; i++) {
		make_record(&r, node, i + 1, &seed);
		for (uint32_t k = 0; k < r.nodes; k++) {
			aic_receipt t = {.job_id = r.job_id, .start = r.start, .end = r.end, .cpus = node[k].cpus,
			                 .cpu_ms = (uint64_t)(r.end - r.start) * node[k].cpus * 700, .mem_peak_mib = 100,
			                 .gpus = AIC_UNKNOWN, .gpu_ms = (uint64_t)(r.end - r.start) * 400, .energy_mj = AIC_UNKNOWN,
			                 .read_mib = AIC_UNKNOWN, .determinism = 2};
			memcpy(t.cluster, "centre", 7);
			memcpy(t.node, node[k].name, sizeof(t.node));
			check(aic_receipt_take(s, &t, 1, &count, &err), &err);
		}
	}
	check(aic_store_commit(s, &err), &err);
}

/* --- ours --- */

static double settle(bench *b, uint64_t *lines, size_t *sums)
{
	char path[128];
	aic_registry *g;
	aic_store *s;
	aic_error err = {0};
	aic_batch batch;
	aic_tally t;
	bool more = true;

	snprintf(path, sizeof(path), "%s/accounting.db", b->folder);
	check(aic_store_open(&s, path, &err), &err);
	store_receipts(b, s);
	double before = cpu_seconds();
	check(aic_registry_open(&g, s, &b->config, 1, &err), &err);
	aic_ingest in = {.store = s, .registry = g, .config = &b->config};
	aic_batches batches = {.store = s, .config = &b->config};
	aic_spools *spools = aic_spools_new();
	aic_spools_count count = {0};
	while (more)
		check(aic_spools_read(spools, &in, 1000000, &more, &count, &err), &err);
	double ingested = cpu_seconds();
	check(aic_batch_close(&batches, "1970-W01", 0, INT64_MAX, 100000, 0, 1, &batch, &err), &err);
	double used = cpu_seconds() - before;
	fprintf(stderr, "accounting_bench: ingest %.2f s, close %.2f s of CPU for %u records\n", ingested - before,
	        used - (ingested - before), b->n);
	check(aic_batch_sums(s, &batch, &t, &err), &err);
	*lines = batch.lines;
	*sums = t.n;
	aic_tally_clear(&t);
	aic_spools_free(spools);
	aic_registry_close(g);
	aic_store_close(s);
	return used;
}

/* --- SQLite alone: the same rows, grouped --- */

static double import(bench *b)
{
	char path[128];
	aic_node_share node[8];
	aic_sql *db;
	aic_error err = {0};
	aic_job_record r;
	aic_bytes body = {0};
	sqlite3_stmt *st;
	uint64_t seed = b->seed;

	snprintf(path, sizeof(path), "%s/plain.db", b->folder);
	check(aic_sql_open(&db, path, &err), &err);
	check(aic_sql_script(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE record(id INTEGER PRIMARY KEY, cluster TEXT,"
	                         " job INTEGER, submit INTEGER, restart INTEGER, segment INTEGER, account TEXT, user TEXT, ended INTEGER, body"
	                         " BLOB, UNIQUE(cluster, job, submit, restart, segment)); CREATE TABLE line(record INTEGER, node TEXT, payer"
	                         " TEXT, payee TEXT, gross INTEGER, UNIQUE(record, node));", &err), &err);
	double before = cpu_seconds();
	check(aic_sql_begin(db, &err), &err);
	for (uint32_t i = 0; i < b->n; i++) {
		make_record(&r, node, i + 1, &seed);
		aic_bytes_clear(&body);
		aic_job_record_encode(&body, &r);
		check(aic_sql_run(db, &err, "INSERT INTO record(cluster, job, submit, restart, segment, account, user, ended, body)"
		                            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "tiiiittib", r.cluster, (int64_t)r.job_id, r.submit,
		                  (int64_t)r.restart, r.start, r.account, r.user, r.end, body.data, body.len), &err);
		for (uint32_t k = 0; k < r.nodes; k++)
			check(aic_sql_run(db, &err, "INSERT INTO line VALUES(?1, ?2, ?3, ?4, ?5)", "ittti", (int64_t)i, node[k].name, r.account,
			                  b->config.provider[atoi(node[k].name + 1) / (NODES / PROVIDERS)].name, (int64_t)(r.end - r.start)), &err);
	}
	check(aic_sql_start(db, &st, &err, "SELECT payer, payee, count(*), sum(gross) FROM line GROUP BY payer, payee", ""), &err);
	while (aic_sql_step(db, st, &err) == AIC_OK)
		;
	check(aic_sql_commit(db, &err), &err);
	double used = cpu_seconds() - before;
	aic_sql_close(db);
	aic_bytes_free(&body);
	return used;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	bench b = {.folder = "/tmp/aic-bench-XXXXXX", .seed = 42, .n = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000};
	char absolute[200];
	struct rusage u;
	uint64_t lines;
	size_t sums;

	aic_log_open("accounting_bench", NULL, AIC_LOG_ERROR);
	if (!mkdtemp(b.folder))
		return 1;
	configure(&b);
	write_spool(&b);
	double plain = import(&b), ours = settle(&b, &lines, &sums);
	getrusage(RUSAGE_SELF, &u);
	snprintf(absolute, sizeof(absolute), "%.2f s against %.2f s of CPU; %llu lines in %zu sums; at most %ld MiB", ours, plain,
	         (unsigned long long)lines, sums, u.ru_maxrss / 1024);
	char what[120];
	snprintf(what, sizeof(what), "%u job records from spool to closed batch, against SQLite importing and grouping the same rows", b.n);
	bench_row(what, ours / plain, "<= 2", absolute);
	free(b.config.provider);
	nftw(b.folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
