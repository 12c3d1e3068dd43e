/* The same records and receipts, shuffled, doubled, split over controllers' spools and lives of the daemon, late: the same batch, byte
 * for byte. AIC_TEST_SEED=N repeats a run whose seed was printed. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <time.h>

#include "accounting/acts.h"
#include "accounting/fixture.h"
#include "accounting/receipts.h"
#include "accounting/spools.h"
#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"

#define JOBS 48
#define ROUNDS 6
#define EVENTS_MAX (JOBS * 40)

typedef struct {
	bool receipt;
	aic_bytes data;   /* a record's bytes, or a signed batch of one receipt */
} event;

typedef struct {
	size_t n;
	event event[EVENTS_MAX];
} story;

static void add_record(story *s, const aic_job_record *r)
{
	assert_true(s->n < EVENTS_MAX);
	aic_job_record_encode(&s->event[s->n++].data, r);
}

static void add_receipt(story *s, const aic_job_record *r, const char *node, uint32_t step, uint64_t x)
{
	uint8_t secret[AIC_SECRET_LEN] = {1};
	int64_t lasts = (r->end - r->start) / 2;
	aic_receipt t = {.job_id = r->job_id, .restart = r->restart, .step_id = step, .uid = r->uid, .start = r->start + (step ? lasts : 0),
	                 .end = step ? r->end : r->start + lasts, .cpus = 8, .cpu_ms = x % 4 ? 1000 * (x % 5000) : AIC_UNKNOWN, .mem_peak_mib = 1,
	                 .gpus = 2, .gpu_ms = x % 3 ? 1000 * (x % 3000) : AIC_UNKNOWN, .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN,
	                 .determinism = 2};
	aic_key key;

	assert_true(s->n < EVENTS_MAX);
	aic_str_copy(t.cluster, sizeof(t.cluster), r->cluster);
	aic_str_copy(t.node, sizeof(t.node), node);
	aic_key_from_secret(&key, secret);
	s->event[s->n].receipt = true;
	fixture_batch_of(&s->event[s->n++].data, &t, &key);
}

static void add_run(story *s, aic_job_record *r, uint64_t x)
{
	add_record(s, r);
	for (uint32_t i = 0; i < r->nodes; i++)
		for (uint32_t step = 0; step < x % 3; step++)
			add_receipt(s, r, r->node[i].name, step, x >> (8 * i + 4 * step));
	if (x % 7 == 0) { /* Slurm's longer, wrong second record */
		r->end += 5000;
		add_record(s, r);
	}
}

/* Segments of a run that was resized twice; a step goes over both. */
static void add_resized(story *s, aic_job_record *r, uint64_t x)
{
	const int64_t end = r->end, third = (r->end - r->start) / 3;

	for (int k = 1; k <= 2; k++) {
		r->state = AIC_STATE_RESIZING;
		r->resize = r->start + k * third;
		add_record(s, r);
	}
	r->state = AIC_STATE_COMPLETED;
	add_record(s, r);
	for (uint32_t step = 0; step < 2; step++)
		add_receipt(s, r, r->node[0].name, step, x >> 5);
	r->end = end;
	r->resize = 0;
}

/* Job ids come twice, as after slurmctld lost its state; runs are requeued, forgotten and told twice. */
static void make_job(story *s, uint32_t id, uint64_t *seed)
{
	uint64_t x = test_random(seed), y = test_random(seed);
	aic_job_record r = fixture_record(1 + id % (JOBS * 2 / 3), 600 + (int64_t)(x % 5000));

	r.submit += 200000 * (id / (JOBS * 2 / 3));
	r.start += 200000 * (id / (JOBS * 2 / 3));
	r.end += 200000 * (id / (JOBS * 2 / 3));
	aic_str_copy(r.cluster, sizeof(r.cluster), y % 5 ? "lab" : "hall");
	aic_str_copy(r.account, sizeof(r.account), y % 4 ? "physics" : "biology");
	aic_str_copy(r.dataset, sizeof(r.dataset), y % 6 ? "" : "faces");
	aic_str_copy(r.model, sizeof(r.model), y % 8 ? "" : "net");
	if (y % 3 == 0)
		r.node[0].gpu_types = 0;
	for (uint64_t k = 0; k < (y >> 8) % 3; k++)
		fixture_node(&r, k ? "n10" : "n3", "k80", 1, 4, 1000);
	if (y % 9 == 0) {
		add_resized(s, &r, x);
	} else {
		for (uint32_t run = 0; run <= (y >> 16) % 3; run++) {
			r.restart = run;
			r.state = run < (y >> 16) % 3 ? AIC_STATE_REQUEUED : (y >> 20) % 5 ? AIC_STATE_COMPLETED : AIC_STATE_NODE_FAIL;
			add_run(s, &r, test_random(seed));
			r.start += 20000;
			r.end = r.start + 600 + (int64_t)(test_random(seed) % 5000);
		}
	}
	aic_job_record_clear(&r);
}

static void make_story(story *s, uint64_t seed)
{
	for (uint32_t id = 0; id < JOBS; id++)
		make_job(s, id, &seed);
}

static void clear_story(story *s)
{
	for (size_t i = 0; i < s->n; i++)
		aic_bytes_free(&s->event[i].data);
	free(s);
}

/* --- telling it --- */

static void append(fixture *f, int controller, const aic_bytes *body)
{
	char dir[AIC_PATH_LEN + 16];
	aic_spool_writer *w;
	aic_error err = {0};

	snprintf(dir, sizeof(dir), "%s/ctl%d", f->config.spool, controller);
	if (aic_spool_writer_open(&w, dir, 0700, 0600, &err) != AIC_OK || aic_spool_append(w, body->data, body->len, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_spool_writer_close(w);
}

static void read_spools(fixture *f)
{
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_spools *spools = aic_spools_new();
	aic_spools_count count = {0};
	aic_error err = {0};
	bool more = true;

	while (more)
		if (aic_spools_read(spools, &in, 1000, &more, &count, &err) != AIC_OK)
			fail_msg("%s", err.message);
	assert_int_equal(count.damaged, 0);
	aic_spools_free(spools);
}

/* Nothing here is about power cuts. */
static void hurry(fixture *f)
{
	assert_int_equal(aic_sql_script(f->store->db, "PRAGMA synchronous=OFF", NULL), AIC_OK);
}

static void tell(fixture *f, const event *e, uint64_t x)
{
	aic_receipts_count count;
	aic_error err = {0};
	size_t n;

	if (!e->receipt)
		append(f, (int)(x % 2), &e->data);
	else if (aic_receipts_keep(f->store, e->data.data, e->data.len, 1, &n, &err) != AIC_OK)
		fail_msg("%s", err.message);
	if (x % 13 == 0 && aic_receipts_sort_in(f->store, &count, &err) != AIC_OK)
		fail_msg("%s", err.message);
	if (x % 11 == 0)
		read_spools(f);
	if (x % 97 == 0) {
		fixture_reopen(f);
		hurry(f);
	}
}

static void shuffle(size_t *order, size_t n, uint64_t *seed)
{
	for (size_t i = n; i-- > 1;) {
		size_t k = test_random(seed) % (i + 1), t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
}

/* seed 0: in order, once each. */
static aic_batch batch_of(const story *s, uint64_t seed)
{
	size_t order[2 * EVENTS_MAX], n = 0;
	aic_error err = {0};
	aic_batch b;
	void *state;

	assert_int_equal(fixture_open(&state), 0);
	fixture *f = state;
	hurry(f);
	snprintf(f->config.spool, sizeof(f->config.spool), "%s/spool", f->folder);
	assert_int_equal(aic_dir_make(f->config.spool, 0700, &err), AIC_OK);
	for (size_t i = 0; i < s->n; i++)
		for (uint64_t k = 0; k <= (seed ? test_random(&seed) % 3 / 2 : 0); k++)
			order[n++] = i;
	if (seed)
		shuffle(order, n, &seed);
	for (size_t i = 0; i < n; i++)
		tell(f, &s->event[order[i]], seed ? test_random(&seed) : 1);
	read_spools(f);
	if (aic_batch_close(&f->batches, "1970-W01", 0, 10000000, 100000, 0, 5, &b, &err) != AIC_OK)
		fail_msg("%s", err.message);
	int64_t unused = 0; /* what was used is the same as well, whatever came first */
	assert_int_equal(aic_sql_int(f->store->db, &unused, &err, "SELECT sum(runs) + 7 * sum(cpu_ms) + 13 * sum(gpu_ms) FROM usage", ""), AIC_OK);
	b.posted_at = unused;
	assert_int_equal(fixture_close(&state), 0);
	return b;
}

static void any_order_gives_the_same_batch(void **state)
{
	const char *given = getenv("AIC_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	story *s = calloc(1, sizeof(*s));
	make_story(s, seed);
	aic_batch want = batch_of(s, 0);
	assert_true(want.lines > JOBS);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		aic_batch b = batch_of(s, seed + round);
		assert_int_equal(b.lines, want.lines);
		assert_memory_equal(&b.hash, &want.hash, sizeof(want.hash));
		assert_memory_equal(&b.evidence, &want.evidence, sizeof(want.evidence));
		assert_int_equal(b.posted_at, want.posted_at);
	}
	clear_story(s);
}

/* --- closing in slices --- */

static void feed(fixture *f, uint32_t from, uint32_t to)
{
	hurry(f);
	for (uint32_t id = from; id < to; id++) {
		aic_job_record r = fixture_record(id, 600 + id % 1000);
		if (id % 2)
			fixture_receipt(f, &r, "n1", 1000 * id, 500 * id);
		fixture_ingest(f, &r);
		aic_job_record_clear(&r);
	}
}

/* Interrupted again and again, with records and receipts for its lines coming in between, a batch is what it is in one go. */
static void slices_give_the_same_batch(void **state)
{
	enum { N = 1500 };
	fixture *f = *state;
	aic_batch whole, b;
	aic_closing *c;
	aic_error err = {0};
	bool done = false;
	unsigned slices = 0;
	void *other;

	assert_int_equal(fixture_open(&other), 0);
	feed(other, 1, N);
	assert_int_equal(aic_batch_close(&((fixture *)other)->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &whole, &err), AIC_OK);
	assert_int_equal(fixture_close(&other), 0);
	feed(f, 1, N);
	assert_int_equal(aic_closing_begin(&c, &f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &err), AIC_OK);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_CLOSING);
	while (!done) {
		assert_int_equal(aic_closing_step(c, 1, &done, &err), AIC_OK);
		assert_true(aic_closing_percent(c) <= 100);
		if (slices < 4 && !done) { /* a crash, and what came meanwhile */
			aic_job_record r = fixture_record(2 + 2 * slices, 600 + (2 + 2 * slices) % 1000);
			aic_closing_free(c);
			fixture_reopen(f);
			feed(f, N + slices, N + slices + 1);
			fixture_receipt(f, &r, "n1", 7000, 7000);
			aic_job_record_clear(&r);
			assert_int_equal(aic_closing_resume(&c, &f->batches, &err), AIC_OK);
		}
		slices++;
	}
	aic_closing_free(c);
	assert_true(slices >= 4);
	assert_int_equal(aic_closing_resume(&c, &f->batches, &err), AIC_NOT_FOUND);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_REVIEW);
	assert_int_equal(b.lines, N - 1);
	assert_memory_equal(&b.hash, &whole.hash, sizeof(b.hash));
	assert_memory_equal(&b.evidence, &whole.evidence, sizeof(b.evidence));
	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, &err), AIC_OK);
	assert_true(b.number == 2 && b.lines == 4);
}

static void a_closing_batch_waits_for_nobody(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	aic_closing *c, *second;
	aic_batch b;

	feed(f, 1, 5);
	assert_int_equal(aic_closing_begin(&c, &f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &err), AIC_OK);
	assert_int_equal(aic_closing_begin(&second, &f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &err), AIC_REFUSED);
	assert_string_equal(err.message, "another batch is still being closed: wait until `aic batch list` has it in review");
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 0, NULL, 6, &err), AIC_REFUSED);
	assert_string_equal(err.message, "batch 1970-W01/1 is still being closed: wait until `aic batch list` has it in review");
	assert_int_equal(aic_sql_run(f->store->db, &err, "UPDATE line SET batch=?1 WHERE id=1", "i", b.id), AIC_OK);
	assert_int_equal(aic_line_act(&f->batches, 1, AIC_ACT_VOID, 0, "why", 42, 9, &err), AIC_REFUSED);
	assert_string_equal(err.message, "line 1 is in a batch that is still being closed: wait until `aic batch list` has it in review");
	aic_closing_free(c);
	/* whoever closes next finishes it first */
	assert_int_equal(aic_batch_close(&f->batches, "1970-W02", 0, 2000000, 100000, 0, 5, &b, &err), AIC_REFUSED);
	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, &err), AIC_OK);
	assert_true(b.state == AIC_BATCH_REVIEW && b.lines == 4);
}

/* --- lives of a job's id --- */

static int64_t used(fixture *f, uint32_t job, int64_t submit)
{
	int64_t ms = -1;

	assert_int_equal(aic_sql_int(f->store->db, &ms, NULL, "SELECT coalesce(cpu_ms, -1) FROM record WHERE job=?1 AND submit=?2", "ii", (int64_t)job,
	                             submit), AIC_OK);
	return ms;
}

static void a_job_id_that_comes_again(void **state)
{
	fixture *f = *state;

	for (uint32_t order = 0; order < 4; order++) {
		aic_job_record a = fixture_record(10 + order, 1000), b = fixture_record(10 + order, 1000);
		b.submit += 50000;
		b.start += 50000;
		b.end += 50000;
		const aic_job_record *first = order & 1 ? &b : &a, *second = order & 1 ? &a : &b;
		if (order & 2)
			fixture_ingest(f, first);
		fixture_receipt(f, second, "n1", second == &a ? 111 : 222, AIC_UNKNOWN);
		fixture_receipt(f, first, "n1", first == &a ? 111 : 222, AIC_UNKNOWN);
		if (!(order & 2))
			fixture_ingest(f, first);
		fixture_ingest(f, second);
		assert_int_equal(used(f, 10 + order, a.submit), 111);
		assert_int_equal(used(f, 10 + order, b.submit), 222);
		aic_job_record_clear(&a);
		aic_job_record_clear(&b);
	}
	int64_t aside = -1;
	assert_int_equal(aic_sql_int(f->store->db, &aside, NULL, "SELECT count(*) FROM receipt_conflict", ""), AIC_OK);
	assert_int_equal(aside, 0);
}

/* A killed slurmctld ran the job again under the same restart count, five minutes later or at once: of the run that counts, its own. */
static void a_restart_count_that_comes_again(void **state)
{
	static const int64_t later[] = {10000, 1005};
	fixture *f = *state;

	for (uint32_t k = 0; k < 4; k++) {
		aic_job_record a = fixture_record(20 + k, 1000), b = fixture_record(20 + k, 1000);
		b.start += later[k / 2];
		b.end += later[k / 2];
		fixture_receipt(f, k % 2 ? &b : &a, "n1", k % 2 ? 222 : 111, AIC_UNKNOWN);
		fixture_ingest(f, k % 2 ? &b : &a);
		fixture_ingest(f, k % 2 ? &a : &b);
		fixture_receipt(f, k % 2 ? &a : &b, "n1", k % 2 ? 111 : 222, AIC_UNKNOWN);
		assert_int_equal(used(f, 20 + k, a.submit), 111);
		aic_job_record_clear(&a);
		aic_job_record_clear(&b);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same_batch), T(slices_give_the_same_batch), T(a_closing_batch_waits_for_nobody),
		T(a_job_id_that_comes_again), T(a_restart_count_that_comes_again),
	};

	aic_log_open("order_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
