/* What administrators do to lines, how it is logged, and what makes them look. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/acts.h"
#include "accounting/audit.h"
#include "accounting/fixture.h"
#include "accounting/flags.h"
#include "accounting/pretending.h"
#include "common/log.h"

static aic_batch close_batch(fixture *f)
{
	aic_batch b;
	aic_error err = {0};

	if (aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return b;
}

static aic_batch again(fixture *f)
{
	aic_batch b;

	assert_int_equal(aic_batch_find(f->store, "1970-W01", 1, &b, NULL), AIC_OK);
	return b;
}

/* Jobs 1 and 2, 4.285 AIC each, in an approved batch. */
static aic_batch two_jobs(fixture *f)
{
	aic_error err = {0};

	for (uint32_t id = 1; id <= 2; id++) {
		aic_job_record r = fixture_record(id, 7200);
		fixture_ingest(f, &r);
		aic_job_record_clear(&r);
	}
	aic_batch b = close_batch(f);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 0, NULL, 6, &err), AIC_OK);
	assert_int_equal(b.state, AIC_BATCH_APPROVED);
	return b;
}

static void act(fixture *f, int64_t line, aic_act a, aic_amount amount, aic_code want, const char *text)
{
	aic_error err = {0};
	aic_code rc = aic_line_act(&f->batches, line, a, amount, "as agreed", 42, 9, &err);

	if (rc != want || (text && !strstr(err.message, text)))
		fail_msg("%d %s", (int)rc, err.message);
	assert_true(aic_store_wallet_find(f->store, "account/physics")->unsettled == fixture_open_gross(f, "account/physics"));
}

static void a_held_line_goes_to_the_next_batch(void **state)
{
	fixture *f = *state;
	aic_batch before = two_jobs(f);

	act(f, 1, AIC_ACT_HOLD, 0, AIC_OK, NULL);
	aic_batch b = again(f);
	assert_true(b.state == AIC_BATCH_REVIEW && b.approved.people == 0 && b.lines == 1);
	assert_memory_not_equal(&b.hash, &before.hash, sizeof(b.hash));
	act(f, 1, AIC_ACT_HOLD, 0, AIC_REFUSED, "line 1 is held already");
	aic_error err = {0};
	aic_batch second;
	assert_int_equal(aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &second, &err), AIC_REFUSED);
	act(f, 2, AIC_ACT_RELEASE, 0, AIC_REFUSED, "line 2 is not held");
	act(f, 1, AIC_ACT_RELEASE, 0, AIC_OK, NULL);
	second = close_batch(f);
	assert_true(second.number == 2 && second.lines == 1);
}

static void adjusting_lowers_and_tells(void **state)
{
	fixture *f = *state;
	aic_amount one = AIC_UNIT, five = 5 * AIC_UNIT;

	two_jobs(f);
	act(f, 1, AIC_ACT_ADJUST, five, AIC_REFUSED, "line 1 was charged 4.285 AIC by the rates, 5 would be more: an act can only lower it");
	act(f, 1, AIC_ACT_ADJUST, one, AIC_OK, NULL);
	assert_true(again(f).gross == AIC_UNIT * 5285 / 1000);
	act(f, 1, AIC_ACT_ADJUST, 2 * AIC_UNIT, AIC_OK, NULL); /* up again, below what the rates say */
	assert_true(again(f).gross == AIC_UNIT * 6285 / 1000);
	act(f, 2, AIC_ACT_VOID, 0, AIC_OK, NULL);
	assert_true(again(f).gross == 2 * AIC_UNIT && again(f).lines == 1);
	act(f, 1, AIC_ACT_VOID, 0, AIC_OK, NULL);
	aic_batch b = again(f);
	aic_error err = {0};
	assert_true(b.lines == 0 && b.gross == 0);
	assert_int_equal(aic_batch_approve(&f->batches, &b, &b.hash, 0, NULL, 6, &err), AIC_OK);
	act(f, 77, AIC_ACT_VOID, 0, AIC_NOT_FOUND, "there is no line 77");
}

/* A late segment or second record does not undo an act. */
static void an_act_outlives_a_recharge(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), requeued = fixture_record(1, 3600), shorter = fixture_record(1, 100);

	fixture_ingest(f, &r);
	act(f, 1, AIC_ACT_VOID, 0, AIC_OK, NULL);
	requeued.restart = 1;
	fixture_ingest(f, &requeued);
	fixture_ingest(f, &shorter);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 0 open\n"
	                           "n1 hardware account/physics provider/lab-one 2.1425 open\n");
	free(lines);
	aic_job_record_clear(&r);
	aic_job_record_clear(&requeued);
	aic_job_record_clear(&shorter);
}

/* The charge stands, the quality of a data line loses the penalty's part; hardware is not penalized. */
static void a_penalty_takes_quality(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200);
	aic_error err = {0};
	int64_t data = 0, quality = 0, hardware = 0;

	aic_str_copy(r.dataset, sizeof(r.dataset), "faces");
	fixture_ingest(f, &r);
	fixture_receipt(f, &r, "n1", 8 * 7200 * 1000, 2 * 7200 * 1000);
	aic_job_record_clear(&r);
	aic_batch before = close_batch(f);
	assert_int_equal(aic_sql_int(f->store->db, &data, &err, "SELECT id FROM line WHERE kind=1", ""), AIC_OK);
	assert_int_equal(aic_sql_int(f->store->db, &hardware, &err, "SELECT id FROM line WHERE kind=0", ""), AIC_OK);
	act(f, hardware, AIC_ACT_PENALIZE, 300000, AIC_REFUSED, "is hardware: a penalty is for data and models; hold, adjust or void it");
	act(f, data, AIC_ACT_PENALIZE, 0, AIC_USAGE, "a penalty has 1 to 1000000 ppm");
	act(f, data, AIC_ACT_PENALIZE, 300001, AIC_OK, NULL);
	aic_batch after = again(f);
	assert_true(after.gross == before.gross && after.state == AIC_BATCH_REVIEW);
	assert_memory_not_equal(&after.evidence, &before.evidence, sizeof(after.evidence));
	assert_int_equal(aic_sql_int(f->store->db, &quality, &err, "SELECT quality FROM line WHERE id=?1", "i", data), AIC_OK);
	assert_int_equal(quality, 349999); /* floor(500000 x 699999 / 10^6) */
	assert_int_equal(aic_sql_int(f->store->db, &quality, &err, "SELECT quality FROM line WHERE id=?1", "i", hardware), AIC_OK);
	assert_int_equal(quality, 500000);
	act(f, data, AIC_ACT_PENALIZE, 1000000, AIC_OK, NULL);
	aic_tally t;
	after = again(f);
	assert_int_equal(aic_batch_sums(f->store, &after, &t, &err), AIC_OK);
	size_t found = 0;
	for (size_t i = 0; i < t.n; i++)
		found += t.sum[i].kind == AIC_KIND_DATA && t.sum[i].stake == 0 && !strcmp(t.sum[i].note, "no reward: an administrator found abuse");
	assert_int_equal(found, 1);
	aic_tally_clear(&t);
}

static void nothing_posted_changes(void **state)
{
	fixture *f = *state;
	aic_batch b = two_jobs(f);

	assert_int_equal(aic_sql_run(f->store->db, NULL, "UPDATE batch SET state=3 WHERE id=?1", "i", b.id), AIC_OK);
	aic_error err = {0};
	assert_int_equal(aic_line_act(&f->batches, 1, AIC_ACT_VOID, 0, "too late", 42, 9, &err), AIC_REFUSED);
	assert_string_equal(err.message, "line 1 is posted: nothing posted changes; `aic batch refund` takes back what it paid");
	assert_int_equal(aic_line_act(&f->batches, 1, AIC_ACT_HOLD, 0, "too late", 42, 9, &err), AIC_REFUSED);
}

static void the_log_is_chained(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	aic_hash head, later;
	int64_t n;

	two_jobs(f); /* closed, approved */
	assert_int_equal(aic_audit_verify(f->store, &n, &head, &err), AIC_OK);
	assert_int_equal(n, 2);
	act(f, 1, AIC_ACT_VOID, 0, AIC_OK, NULL);
	assert_int_equal(aic_audit_verify(f->store, &n, &later, &err), AIC_OK);
	assert_int_equal(n, 3);
	assert_memory_not_equal(&head, &later, sizeof(head));
	/* append-only for SQL, and a change by other means shows */
	assert_int_not_equal(aic_sql_run(f->store->db, NULL, "UPDATE audit SET uid=7 WHERE id=1", ""), AIC_OK);
	assert_int_not_equal(aic_sql_run(f->store->db, NULL, "DELETE FROM audit WHERE id=3", ""), AIC_OK);
	assert_int_equal(aic_sql_script(f->store->db, "DROP TRIGGER audit_stays; UPDATE audit SET what=what || '!' WHERE id=2", &err), AIC_OK);
	assert_int_equal(aic_audit_verify(f->store, &n, &later, &err), AIC_CORRUPT);
	assert_string_equal(err.message, "the log of acts was changed: entry 2 does not follow from the one before it");
}

static void an_act_needs_a_reason(void **state)
{
	fixture *f = *state;
	aic_error err = {0};

	two_jobs(f);
	assert_int_equal(aic_line_act(&f->batches, 1, AIC_ACT_VOID, 0, "", 42, 9, &err), AIC_USAGE);
	assert_string_equal(err.message, "say why: --reason TEXT; it is kept with the line");
}

static void flags_explain_themselves(void **state)
{
	fixture *f = *state;
	aic_flagger *flagger;
	char text[512];

	for (uint32_t id = 1; id <= 12; id++) {
		aic_job_record r = fixture_record(id, id == 12 ? 72000 : 360);
		fixture_ingest(f, &r);
		aic_job_record_clear(&r);
	}
	assert_int_equal(aic_flagger_new(&flagger, f->store, 0, NULL), AIC_OK);
	aic_flagged l = {.user = "anna", .payee = aic_store_wallet_find(f->store, "provider/lab-one")->id, .is_double = true, .rated = true,
	                 .useful = 84000, .cpu_seconds = 8 * 72000, .gpu_seconds = 2 * 72000, .charged = true};
	aic_flags_of(flagger, &l, text, sizeof(text));
	assert_string_equal(text, "use of 4.2 % is under 5 %; Slurm told this run twice; 200 times the user's usual run; the payee has a single"
	                          " customer");
	l = (aic_flagged){.user = "anna", .rated = true, .useful = 100000, .cpu_seconds = 8 * 360, .gpu_seconds = 2 * 360, .charged = true};
	aic_flags_of(flagger, &l, text, sizeof(text));
	assert_string_equal(text, "");
	l.reason = AIC_QUALITY_SAME_ORGANISATION;
	aic_flags_of(flagger, &l, text, sizeof(text));
	assert_string_equal(text, "payer and payee are one organisation");
	l.reason = AIC_QUALITY_NO_RECEIPT;
	aic_flags_of(flagger, &l, text, sizeof(text));
	assert_string_equal(text, "no receipt of the job");
	aic_flagger_free(flagger);
}

/* --- load that is worth nothing --- */

static aic_receipt busy(uint64_t gpus, int64_t seconds, uint64_t percent, uint64_t watts, uint64_t read_mib)
{
	uint64_t gpu_ms = gpus * (uint64_t)seconds * 10 * percent;

	return (aic_receipt){.node = "n1", .start = 1000, .end = 1000 + seconds, .gpus = gpus, .gpu_ms = gpu_ms, .energy_mj = gpu_ms * watts,
	                     .read_mib = read_mib};
}

static const char *said(const aic_config *c, const char *type, const aic_receipt *r, size_t n)
{
	static char text[400];
	aic_gpu_evidence e = aic_gpu_evidence_of("n1", r, n);
	aic_pretending_rule rule = aic_pretending_rule_of(c, type);

	aic_pretending_say(text, sizeof(text), &e, &rule, type);
	return text;
}

static void pretending_shows_in_power_and_data(void **state)
{
	aic_config c = {.pretending = {{.busy = 80, .read_mib = 1, .least_s = 600}, {.type = "a100", .busy = 80, .watts = 120, .read_mib = 1, .least_s = 600},
	                               {.type = "t4", .busy = 90, .watts = 35, .least_s = 600}}, .n_pretending = 3};
	aic_receipt r = busy(2, 7200, 97, 71, 500);

	(void)state;
	assert_string_equal(said(&c, "a100", &r, 1), "GPUs 97 % busy draw 71 W each, at work an a100 draws 120 W");
	assert_string_equal(said(&c, "h100", &r, 1), ""); /* a model without a figure: nothing is said of power */
	r = busy(2, 7200, 97, 300, 3);
	assert_string_equal(said(&c, "a100", &r, 1), "GPUs 97 % busy for 232 min, 3 MiB of data read");
	assert_string_equal(said(&c, "t4", &r, 1), "");
	r = busy(2, 7200, 97, 71, 0);
	assert_string_equal(said(&c, "a100", &r, 1), "GPUs 97 % busy draw 71 W each, at work an a100 draws 120 W; GPUs 97 % busy for 232 min, 0 MiB"
	                                             " of data read");
	r = busy(2, 7200, 97, 300, 500); /* honest work */
	assert_string_equal(said(&c, "a100", &r, 1), "");
	r = busy(2, 7200, 60, 71, 0); /* not busy: others of the flags have that */
	assert_string_equal(said(&c, "a100", &r, 1), "");
	r = busy(1, 300, 99, 50, 0); /* too short to say anything */
	assert_string_equal(said(&c, "a100", &r, 1), "");
}

static void what_is_unknown_accuses_nobody(void **state)
{
	aic_config c = {.pretending = {{.busy = 80, .watts = 120, .read_mib = 1, .least_s = 600}}, .n_pretending = 1};
	aic_receipt r[2] = {busy(2, 7200, 97, 71, 0), busy(2, 7200, 97, 71, 0)};

	(void)state;
	r[0].energy_mj = AIC_UNKNOWN; /* MIG, a driver without the counter */
	r[1].read_mib = AIC_UNKNOWN;
	assert_string_equal(said(&c, "", r, 2), "");
	r[0].gpu_ms = r[1].gpu_ms = AIC_UNKNOWN;
	assert_string_equal(said(&c, "", r, 2), "");
	r[0] = busy(2, 7200, 97, 71, 500);
	r[1] = busy(2, 7200, 0, 0, 0); /* the script, which holds the same GPUs */
	assert_string_equal(said(&c, "", r, 2), "GPUs 97 % busy draw 71 W each, at work a GPU draws 120 W");
	r[0] = busy(2, 7200, 97, 300, 0); /* a step without GPUs, of the same job, reads for the one with them */
	r[1] = (aic_receipt){.node = "n1", .start = 1000, .end = 8200, .gpus = 0, .gpu_ms = AIC_UNKNOWN, .energy_mj = AIC_UNKNOWN, .read_mib = 9000};
	assert_string_equal(said(&c, "", r, 2), "");
	r[1].node[1] = '2'; /* on another node it says nothing of this one */
	assert_string_equal(said(&c, "", r, 2), "GPUs 97 % busy for 232 min, 0 MiB of data read");
}

static void pretending_shows_in_idle_and_steady_sms(void **state)
{
	aic_config c = {.pretending = {{.busy = 80, .least_s = 600, .sm = 5, .spread_ppm = 100, .long_s = 3600},
	                               {.type = "h100", .busy = 80, .least_s = 600, .sm = 30, .long_s = 3600}}, .n_pretending = 2};
	aic_receipt r[2] = {busy(2, 7200, 97, 300, 500), busy(2, 3600, 97, 300, 500)};

	(void)state;
	r[0].activity = (aic_gpu_activity){.samples = 14400, .sm_ppm = 7600, .sm_sd_ppm = 900, .tensor_ppm = 400};
	assert_string_equal(said(&c, "", r, 1), "GPUs 97 % busy with 0.8 % of their SMs, tensor cores 0.0 %");
	r[0].activity = (aic_gpu_activity){.samples = 14400, .sm_ppm = 200000, .sm_sd_ppm = 9000, .tensor_ppm = 100000};
	assert_string_equal(said(&c, "", r, 1), "");
	assert_string_equal(said(&c, "h100", r, 1), "GPUs 97 % busy with 20.0 % of their SMs, tensor cores 10.0 %");
	r[0].activity = (aic_gpu_activity){.samples = 14400, .sm_ppm = 999900, .sm_sd_ppm = 40};
	assert_string_equal(said(&c, "", r, 1), "SM activity stays at 99.99 % for 232 min, deviation 0.0040 %, of work at least 0.0100 %");
	assert_string_equal(said(&c, "h100", r, 1), ""); /* a model without an opinion */
	r[1].activity = (aic_gpu_activity){.samples = 7200, .sm_ppm = 900000, .sm_sd_ppm = 0};
	assert_string_equal(said(&c, "", r, 2), ""); /* two steps, each steady, that differ */
	r[0] = busy(2, 1500, 97, 300, 500);
	r[0].activity = (aic_gpu_activity){.samples = 3000, .sm_ppm = 999900, .sm_sd_ppm = 0};
	assert_string_equal(said(&c, "", r, 1), ""); /* not long */
}

static void unknown_activity_accuses_nobody(void **state)
{
	aic_config c = {.pretending = {{.busy = 80, .least_s = 600, .sm = 5, .spread_ppm = 100, .long_s = 3600}}, .n_pretending = 1};
	aic_receipt r[2] = {busy(2, 7200, 97, 300, 500), busy(2, 7200, 97, 300, 500)};

	(void)state;
	assert_string_equal(said(&c, "", r, 2), "");
	r[0].activity.samples = 14400; /* the other may have worked */
	assert_string_equal(said(&c, "", r, 2), "");
	r[0].activity.samples = 7100; /* less than half of it was seen */
	assert_string_equal(said(&c, "", r, 1), "");
	r[0].activity.samples = 7200;
	assert_string_equal(said(&c, "", r, 1), "GPUs 97 % busy with 0.0 % of their SMs, tensor cores 0.0 %; SM activity stays at 0.00 % for 232 min,"
	                                        " deviation 0.0000 %, of work at least 0.0100 %");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(a_held_line_goes_to_the_next_batch), T(adjusting_lowers_and_tells), T(an_act_outlives_a_recharge), T(a_penalty_takes_quality), T(nothing_posted_changes),
		T(the_log_is_chained), T(an_act_needs_a_reason), T(flags_explain_themselves), T(pretending_shows_in_power_and_data),
		T(what_is_unknown_accuses_nobody), T(pretending_shows_in_idle_and_steady_sms), T(unknown_activity_accuses_nobody),
	};

	aic_log_open("review_test", "/dev/null", AIC_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
