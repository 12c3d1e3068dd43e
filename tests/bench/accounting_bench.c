/* accounting_bench.c: what a million job records with receipts cost aicacctd, from spool files to a closed batch, in CPU seconds of
 * one thread and in memory; beside it SQLite alone, importing the same rows and grouping them by payer and payee in one
 * transaction, before and after. Making up the jobs counts nowhere. Every run is a process of its own.
 *
 *     accounting_bench [RECORDS]      a million if not given; 10,000,000 takes 15 GB of disk and half an hour */
#define _GNU_SOURCE
#include <ftw.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/acctd.h"
#include "accounting/receipts.h"
#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"
#include "tests/bench/accounting_jobs.h"
#include "tests/bench/bench.h"

#define RECEIPTS_A_BATCH 256
#define SMALL 10000         /* records of the small run, for flatness */
#define SMALL_RUNS 8
#define SLICE_MS 250
#define FEE_PPM 100000
#define WEEK "1970-W03"     /* the jobs' */

typedef struct {
	double receipts, ingest, close;         /* CPU seconds */
	double slice, usage, payouts, explain;  /* seconds: the longest turn, and reports */
	double mib;
	uint64_t lines, n_receipts;
} figures;

static void check(aic_code rc, const aic_error *err)
{
	if (rc == AIC_OK)
		return;
	fprintf(stderr, "accounting_bench: %s\n", err->message);
	exit(1);
}

static double cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void write_spool(const aic_config *c, uint32_t n)
{
	uint32_t *order = bench_job_order(n);
	char dir[AIC_PATH_LEN + 8];
	aic_spool_writer *w;
	aic_bytes body = {0};
	aic_error err = {0};
	bench_job j;

	check(aic_dir_make(c->spool, 0700, &err), &err);
	snprintf(dir, sizeof(dir), "%s/ctl", c->spool);
	check(aic_spool_writer_open(&w, dir, 0700, 0600, &err), &err);
	for (uint32_t i = 0; i < n; i++) {
		bench_job_make(&j, order[i]);
		aic_bytes_clear(&body);
		aic_job_record_encode(&body, &j.record);
		check(aic_spool_append(w, body.data, body.len, &err), &err);
	}
	check(aic_spool_sync(w, &err), &err);
	aic_spool_writer_close(w);
	aic_bytes_free(&body);
	free(order);
}

/* --- aicacctd --- */

typedef struct {
	aic_key key;
	size_t n;
	aic_bytes receipt[RECEIPTS_A_BATCH];
} bench_node;

static double sort_receipts_in(aic_store *s, uint64_t *sent)
{
	aic_receipts_count count;
	aic_error err = {0};
	double before = cpu();

	check(aic_receipts_sort_in(s, &count, &err), &err);
	*sent += count.accepted;
	return cpu() - before;
}

/* As aicacctd takes them from nodes that do not wait for each other. */
static double send_receipts(aic_store *s, bench_node *node, const char *name, uint64_t *sent)
{
	aic_bytes batch = {0};
	aic_error err = {0};
	size_t n;

	check(aic_receipt_batch_encode(&batch, name, &node->key, node->receipt, node->n, &err), &err);
	double before = cpu();
	check(aic_receipts_keep(s, batch.data, batch.len, 1, &n, &err), &err);
	double used = cpu() - before;
	if (s->waiting >= AIC_RECEIPTS_AT_ONCE)
		used += sort_receipts_in(s, sent);
	for (size_t i = 0; i < node->n; i++)
		aic_bytes_clear(&node->receipt[i]);
	node->n = 0;
	aic_bytes_free(&batch);
	return used;
}

static double take_receipts(aic_store *s, uint32_t n, uint64_t *sent)
{
	bench_node *nodes = aic_xcalloc(BENCH_NODES, sizeof(*nodes));
	char name[AIC_NAME_LEN];
	double used = 0;
	bench_job j;

	for (uint32_t i = 0; i < BENCH_NODES; i++)
		aic_key_generate(&nodes[i].key);
	for (uint32_t id = 1; id <= n; id++) {
		bench_job_make(&j, id);
		for (uint32_t k = 0; k < j.record.nodes; k++) {
			bench_node *node = &nodes[bench_node_index(j.node[k].name)];
			aic_receipt r = bench_job_receipt(&j, k);
			aic_receipt_encode(&node->receipt[node->n++], &r);
			if (node->n == RECEIPTS_A_BATCH)
				used += send_receipts(s, node, r.node, sent);
		}
	}
	for (uint32_t i = 0; i < BENCH_NODES; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		if (nodes[i].n)
			used += send_receipts(s, &nodes[i], name, sent);
		for (size_t k = 0; k < RECEIPTS_A_BATCH; k++)
			aic_bytes_free(&nodes[i].receipt[k]);
	}
	free(nodes);
	return used + sort_receipts_in(s, sent);
}

static void turn(figures *f, double began)
{
	double took = cpu() - began;

	if (took > f->slice)
		f->slice = took;
}

static double take_records(aic_acctd *d, figures *f)
{
	aic_ingest in = {.store = d->store, .registry = d->registry, .config = &d->config};
	aic_spools *spools = aic_spools_new();
	aic_spools_count count = {0};
	aic_error err = {0};
	double before = cpu();

	for (bool more = true; more;) {
		double began = cpu();
		check(aic_spools_read(spools, &in, SLICE_MS, &more, &count, &err), &err);
		turn(f, began);
	}
	double used = cpu() - before;
	aic_spools_free(spools);
	return used;
}

static double close_batch(aic_acctd *d, figures *f)
{
	aic_error err = {0};
	aic_batch batch;
	double before = cpu();

	check(aic_closing_begin(&d->closing, &d->batches, WEEK, 0, INT64_MAX, FEE_PPM, 0, 1, &err), &err);
	while (d->closing) {
		double began = cpu();
		check(aic_acctd_close_some(d, &err), &err);
		turn(f, began);
	}
	double used = cpu() - before;
	check(aic_batch_find(d->store, WEEK, 0, &batch, &err), &err);
	f->lines = batch.lines;
	return used;
}

/* A report as aicacctd serves it, its arguments in body. */
static double report(aic_acctd *d, const char *op, const aic_bytes *body)
{
	aic_rpc_caller who = {.uid = d->config.uid};
	aic_error err = {0};
	aic_bytes out = {0};
	size_t items = 0;
	aic_cbor args;

	aic_cbor_init(&args, body->data, body->len);
	double before = cpu();
	check(aic_acctd_serve(d, &who, op, &args, &out, &items, &err), &err);
	double used = cpu() - before;
	if (out.len < 100)
		check(AIC_CORRUPT, &(aic_error){.message = "a report is empty"});
	aic_bytes_free(&out);
	return used;
}

static double report_of(aic_acctd *d, const char *op, const char *text)
{
	aic_bytes body = {0};

	aic_cbor_put_text(&body, text);
	double used = report(d, op, &body);
	aic_bytes_free(&body);
	return used;
}

static double explain(aic_acctd *d, uint32_t job)
{
	aic_bytes body = {0};

	aic_cbor_put_uint(&body, job);
	aic_cbor_put_text(&body, "");
	double used = report(d, "explain", &body);
	aic_bytes_free(&body);
	return used;
}

static void run_ours(aic_config *c, uint32_t n, figures *f)
{
	aic_acctd d = {.config = *c, .fee_ppm = FEE_PPM};
	char path[AIC_PATH_LEN + 16];
	aic_error err = {0};
	struct rusage u;

	snprintf(path, sizeof(path), "%s/accounting.db", c->state_dir);
	check(aic_store_open(&d.store, path, &err), &err);
	d.batches.store = d.store;
	d.batches.config = &d.config;
	f->receipts = take_receipts(d.store, n, &f->n_receipts);
	check(aic_registry_open(&d.registry, d.store, &d.config, 1, &err), &err);
	f->ingest = take_records(&d, f);
	f->usage = report_of(&d, "usage", WEEK);
	f->payouts = report_of(&d, "payouts", WEEK);
	f->close = close_batch(&d, f);
	f->explain = explain(&d, n / 2);
	getrusage(RUSAGE_SELF, &u);
	f->mib = (double)u.ru_maxrss / 1024;
	aic_registry_close(d.registry);
	aic_store_close(d.store);
}

/* --- SQLite alone --- */

static const char plain_schema[] =
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE record(id INTEGER PRIMARY KEY, cluster TEXT, job INTEGER,"
	" submit INTEGER, restart INTEGER, segment INTEGER, account TEXT, user TEXT, ended INTEGER, body BLOB,"
	" UNIQUE(cluster, job, submit, restart, segment)); CREATE TABLE line(record INTEGER, node TEXT, payer TEXT, payee TEXT,"
	" gross INTEGER, UNIQUE(record, node)); CREATE TABLE receipt(cluster TEXT, job INTEGER, restart INTEGER, node TEXT,"
	" step INTEGER, uid INTEGER, start INTEGER, end INTEGER, cpus INTEGER, cpu_ms INTEGER, mem_peak_mib INTEGER, gpus INTEGER,"
	" gpu_ms INTEGER, PRIMARY KEY(cluster, job, restart, node, step)) WITHOUT ROWID;";

static double import_job(aic_sql *db, const aic_config *c, const bench_job *j, const aic_bytes *body, int64_t id)
{
	const aic_job_record *r = &j->record;
	aic_error err = {0};
	double before = cpu();

	check(aic_sql_run(db, &err, "INSERT INTO record(id, cluster, job, submit, restart, segment, account, user, ended, body)"
	                            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", "itiiiittib", id, r->cluster, (int64_t)r->job_id,
	                  r->submit, (int64_t)r->restart, r->start, r->account, r->user, r->end, body->data, body->len), &err);
	for (uint32_t k = 0; k < r->nodes; k++)
		check(aic_sql_run(db, &err, "INSERT INTO line VALUES(?1, ?2, ?3, ?4, ?5)", "ittti", id, j->node[k].name, r->account,
		                  c->provider[bench_node_index(j->node[k].name) / (BENCH_NODES / c->n_providers)].name, r->end - r->start), &err);
	return cpu() - before;
}

static double import_receipts(aic_sql *db, const bench_job *j)
{
	aic_receipt all[BENCH_NODES_OF_JOB];
	aic_error err = {0};

	for (uint32_t k = 0; k < j->record.nodes; k++)
		all[k] = bench_job_receipt(j, k);
	double before = cpu();
	for (uint32_t k = 0; k < j->record.nodes; k++) {
		const aic_receipt *r = &all[k];
		check(aic_sql_run(db, &err, "INSERT INTO receipt VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)", "tiitiiiiuuuuu",
		                  r->cluster, (int64_t)r->job_id, (int64_t)r->restart, r->node, (int64_t)r->step_id, (int64_t)r->uid, r->start,
		                  r->end, r->cpus, r->cpu_ms, r->mem_peak_mib, r->gpus, r->gpu_ms), &err);
	}
	return cpu() - before;
}

static double finish(aic_sql *db)
{
	sqlite3_stmt *st;
	aic_error err = {0};
	double before = cpu();

	check(aic_sql_start(db, &st, &err, "SELECT payer, payee, count(*), sum(gross) FROM line GROUP BY payer, payee", ""), &err);
	while (aic_sql_step(db, st, &err) == AIC_OK)
		;
	check(aic_sql_commit(db, &err), &err);
	return cpu() - before;
}

static void run_plain(aic_config *c, uint32_t n, figures *f)
{
	uint32_t *order = bench_job_order(n);
	char path[AIC_PATH_LEN + 16];
	aic_bytes body = {0};
	aic_error err = {0};
	bench_job j;
	aic_sql *db;

	snprintf(path, sizeof(path), "%s/plain.db", c->state_dir);
	check(aic_sql_open(&db, path, &err), &err);
	check(aic_sql_script(db, plain_schema, &err), &err);
	check(aic_sql_begin(db, &err), &err);
	for (uint32_t i = 0; i < n; i++) {
		bench_job_make(&j, order[i]);
		aic_bytes_clear(&body);
		aic_job_record_encode(&body, &j.record);
		f->ingest += import_job(db, c, &j, &body, (int64_t)i + 1);
		f->receipts += import_receipts(db, &j);
	}
	f->close = finish(db);
	aic_sql_close(db);
	aic_bytes_free(&body);
	free(order);
}

/* --- runs --- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static figures measure(void (*run)(aic_config *, uint32_t, figures *), uint32_t n)
{
	char folder[64] = "/tmp/aic-bench-XXXXXX";
	figures f = {0};
	aic_config c;
	int ends[2], status;

	if (!mkdtemp(folder) || pipe(ends))
		exit(1);
	bench_centre(&c, folder);
	c.uid = getuid();
	if (run == run_ours)
		write_spool(&c, n);
	pid_t child = fork();
	if (!child) {
		run(&c, n, &f);
		_exit(write(ends[1], &f, sizeof(f)) == sizeof(f) ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &f, sizeof(f)) != sizeof(f) || waitpid(child, &status, 0) != child || status)
		exit(1);
	close(ends[0]);
	bench_centre_free(&c);
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return f;
}

static double all(const figures *f)
{
	return f->ingest + f->close;
}

static void rows(uint32_t n, const figures *f, const figures *plain, double small)
{
	char what[200], absolute[200];

	snprintf(what, sizeof(what), "%u job records with receipts, from spool files to a closed batch: CPU against SQLite importing and grouping"
	         " their rows", n);
	snprintf(absolute, sizeof(absolute), "%.2f s (ingest %.2f, close %.2f) against %.2f s; %llu lines", all(f), f->ingest, f->close, all(plain),
	         (unsigned long long)f->lines);
	bench_row(what, all(f) / all(plain), "<= 2", absolute);
	snprintf(absolute, sizeof(absolute), "%.2f s against %.2f s; %llu receipts in signed batches of %d", f->receipts + all(f),
	         plain->receipts + all(plain), (unsigned long long)f->n_receipts, RECEIPTS_A_BATCH);
	bench_row("the same with the receipts taken in and imported as well", (f->receipts + all(f)) / (plain->receipts + all(plain)), "", absolute);
	if (n == 1000000) {
		snprintf(absolute, sizeof(absolute), "%.2f s of CPU", all(f));
		bench_row("a million records to a closed batch, against 10 s", all(f) / 10, "<= 1", absolute);
		snprintf(absolute, sizeof(absolute), "%.0f MiB", f->mib);
		bench_row("memory at most, receipts and reports included, against 512 MiB", f->mib / 512, "<= 1", absolute);
	}
	snprintf(what, sizeof(what), "CPU of a record among %u against one among %d", n, SMALL);
	snprintf(absolute, sizeof(absolute), "%.2f us against %.2f us", 1e6 * all(f) / n, 1e6 * small);
	bench_row(what, all(f) / n / small, "<= 1.2", absolute);
	snprintf(absolute, sizeof(absolute), "%.0f ms of CPU", 1e3 * f->slice);
	bench_row("longest turn of aicacctd meanwhile, against 0.5 s", f->slice / 0.5, "<= 1", absolute);
	snprintf(absolute, sizeof(absolute), "usage %.0f ms, payouts of %llu open lines %.0f ms", 1e3 * f->usage, (unsigned long long)f->lines,
	         1e3 * f->payouts);
	bench_row("the slower of two reports over them, against 1 s", f->usage > f->payouts ? f->usage : f->payouts, "<= 1", absolute);
	snprintf(absolute, sizeof(absolute), "%.2f ms", 1e3 * f->explain);
	bench_row("one job's explanation among them, against 50 ms", f->explain / 0.05, "<= 1", absolute);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000;
	double small[SMALL_RUNS];

	aic_log_open("accounting_bench", NULL, AIC_LOG_ERROR);
	for (int i = 0; i < SMALL_RUNS; i++) {
		figures f = measure(run_ours, SMALL);
		small[i] = all(&f) / SMALL;
	}
	figures before = measure(run_plain, n), ours = measure(run_ours, n), after = measure(run_plain, n);
	figures plain = {.receipts = (before.receipts + after.receipts) / 2, .ingest = (before.ingest + after.ingest) / 2,
	                 .close = (before.close + after.close) / 2};
	rows(n, &ours, &plain, bench_median(small, SMALL_RUNS));
	return 0;
}
