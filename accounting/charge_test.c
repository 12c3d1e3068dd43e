/* Charges of economics.md 1 to the unit: every end state, and the traps that Slurm's records hold. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"

static aic_amount aic(const char *text)
{
	aic_amount a;

	assert_int_equal(aic_amount_parse(&a, text, NULL), AIC_OK);
	return a;
}

static aic_charge charge_with(fixture *f, const aic_job_record *r, bool per_job_due)
{
	aic_error err = {0};
	aic_segment s;
	aic_charge c;

	aic_segments_of_run(r, 1, &s);
	s.per_job_due = per_job_due;
	if (aic_charge_record(&c, r, &s, f->registry, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return c;
}

static void expect(fixture *f, aic_job_record r, const char *gross, aic_charge_status status, const char *reason)
{
	aic_charge c = charge_with(f, &r, true);
	char got[AIC_AMOUNT_TEXT];
	aic_amount sum = 0;

	for (size_t i = 0; i < c.n; i++)
		sum += c.line[i].gross;
	assert_string_equal(aic_amount_format(got, sum), gross);
	assert_int_equal(c.status, status);
	assert_string_equal(c.reason, reason);
	aic_charge_clear(&c);
	aic_job_record_clear(&r);
}

static void worked_example(void **state)
{
	aic_job_record r = fixture_record(1, 7200);
	aic_charge c = charge_with(*state, &r, true);

	assert_int_equal(c.n, 1);
	assert_true(c.line[0].gross == aic("4.285"));
	assert_true(aic_fee_of(c.line[0].gross, 100000) == aic("0.4285"));
	assert_string_equal(c.line[0].payee, "provider/lab-one");
	assert_string_equal(c.payer, "account/physics");
	assert_int_equal(c.gpu_seconds, 14400);
	assert_int_equal(c.cpu_seconds, 57600);
	aic_charge_clear(&c);
	aic_job_record_clear(&r);
}

static void every_end_state(void **state)
{
	static const struct {
		aic_job_state state;
		const char *gross, *reason;
	} cases[] = {
		{AIC_STATE_COMPLETED, "4.285", ""},
		{AIC_STATE_FAILED, "4.285", ""},
		{AIC_STATE_CANCELLED, "4.285", ""},
		{AIC_STATE_TIMEOUT, "4.285", ""},
		{AIC_STATE_NODE_FAIL, "0", "not charged: NODE_FAIL"},
		{AIC_STATE_BOOT_FAIL, "0", "not charged: BOOT_FAIL"},
		{AIC_STATE_PREEMPTED, "2.1425", "charged at 50 %: preempted"},
		{AIC_STATE_OUT_OF_MEMORY, "4.285", ""},
		{AIC_STATE_DEADLINE, "4.285", ""},
		{AIC_STATE_REVOKED, "0", "not charged: REVOKED"},
		{AIC_STATE_REQUEUED, "4.285", ""},
		{AIC_STATE_RESIZING, "4.285", ""},
		{AIC_STATE_LAUNCH_FAILED, "0", "not charged: failed launch"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		aic_job_record r = fixture_record(1, 7200);
		r.state = cases[i].state;
		expect(*state, r, cases[i].gross, !strcmp(cases[i].gross, "0") ? AIC_CHARGED_NOTHING : cases[i].reason[0] ? AIC_CHARGED_PART
		                                                                                                       : AIC_CHARGED,
		       cases[i].reason);
	}
}

static void preempted_in_any_state(void **state)
{
	const aic_job_state ends[] = {AIC_STATE_COMPLETED, AIC_STATE_CANCELLED, AIC_STATE_REQUEUED, AIC_STATE_FAILED};

	for (size_t i = 0; i < 4; i++) {
		aic_job_record r = fixture_record(1, 7200);
		r.state = ends[i];
		r.preempt = r.end - 30;
		expect(*state, r, "2.1425", AIC_CHARGED_PART, "charged at 50 %: preempted");
	}
	/* a node that fails in the grace time is not charged; a preemption of an earlier run is not this one's */
	aic_job_record r = fixture_record(1, 7200);
	r.state = AIC_STATE_NODE_FAIL;
	r.preempt = r.end - 30;
	expect(*state, r, "0", AIC_CHARGED_NOTHING, "not charged: NODE_FAIL");
	r = fixture_record(1, 7200);
	r.preempt = r.start - 1;
	expect(*state, r, "4.285", AIC_CHARGED, "");
}

static void floor_is_the_only_rounding(void **state)
{
	aic_job_record r = fixture_record(1, 1);

	/* 1 s of 1 CPU at 0.01 AIC/h: 10^16 / 3600 = 2777777777777.77 units */
	r.node[0].gpu_types = 0;
	r.node[0].cpus = 1;
	r.node[0].mem_mib = 0;
	expect(*state, r, "0.000002777777777777", AIC_CHARGED, "");
	/* CPU and memory add up in one fraction before the floor: 10^16/3600 + 10^15/(1024*3600) */
	r = fixture_record(1, 1);
	r.node[0].gpu_types = 0;
	r.node[0].cpus = 1;
	r.node[0].mem_mib = 1;
	expect(*state, r, "0.000002778049045138", AIC_CHARGED, "");
	/* half of an odd amount: one floor over the whole product */
	r = fixture_record(1, 1);
	r.node[0].gpu_types = 0;
	r.node[0].cpus = 1;
	r.node[0].mem_mib = 0;
	r.state = AIC_STATE_PREEMPTED;
	expect(*state, r, "0.000001388888888888", AIC_CHARGED_PART, "charged at 50 %: preempted");
}

static void untyped_and_mixed_gpus(void **state)
{
	aic_job_record r = fixture_record(1, 3600);

	r.node[0].cpus = 0;
	r.node[0].mem_mib = 0;
	r.node[0].gpu_types = 2; /* one job can get both types: 2 a100 and 3 of another, at the default rate */
	aic_str_copy(r.node[0].gpu[1].type, AIC_NAME_LEN, "k80");
	r.node[0].gpu[1].count = 3;
	expect(*state, r, "3.5", AIC_CHARGED, "");
}

static void time_limit_caps(void **state)
{
	aic_job_record r = fixture_record(1, 7228);

	r.time_limit = 7200;
	expect(*state, r, "4.285", AIC_CHARGED, "");
	r = fixture_record(1, 7200);
	r.time_limit = INT64_MAX;
	expect(*state, r, "4.285", AIC_CHARGED, "");
}

static void suspension(void **state)
{
	aic_job_record r = fixture_record(1, 10800);

	r.suspended = 3600;
	r.suspend_time = 6000; /* resumed in between */
	expect(*state, r, "4.285", AIC_CHARGED, "");
	/* killed while suspended: end is where the last pause began; jobcomp/aic has taken that one out of the sum */
	r = fixture_record(1, 10800);
	r.state = AIC_STATE_CANCELLED;
	r.suspended = 3600;
	r.suspend_time = r.end;
	expect(*state, r, "4.285", AIC_CHARGED, "");
	/* more suspended than it ran: nothing, never negative */
	r = fixture_record(1, 100);
	r.suspended = 200;
	r.suspend_time = 2010;
	expect(*state, r, "0", AIC_CHARGED_NOTHING, "not charged: it ran for less than a second");
}

static void never_started(void **state)
{
	aic_job_record r = fixture_record(1, 0);

	r.nodes = 0;
	r.state = AIC_STATE_CANCELLED;
	expect(*state, r, "0", AIC_CHARGED_NOTHING, "not charged: never started");
	r = fixture_record(1, 100);
	r.start = 0;
	expect(*state, r, "0", AIC_CHARGED_NOTHING, "not charged: never started");
	r = fixture_record(1, 100);
	r.account[0] = '\0';
	expect(*state, r, "0", AIC_CHARGED_NOTHING, "not charged: the job has no Slurm account");
}

static void assets(void **state)
{
	aic_job_record r = fixture_record(1, 7200);
	aic_charge c;

	aic_str_copy(r.dataset, sizeof(r.dataset), "faces");
	aic_str_copy(r.model, sizeof(r.model), "net");
	c = charge_with(*state, &r, true);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.line[1].kind, AIC_KIND_DATA);
	assert_true(c.line[1].gross == aic("3")); /* 1 + 4 GPU hours at 0.5 */
	assert_string_equal(c.line[1].payee, "provider/lab-one");
	assert_true(c.line[2].gross == aic("2"));
	assert_string_equal(c.line[2].payee, "account/biology");
	aic_charge_clear(&c);
	c = charge_with(*state, &r, false);
	assert_true(c.line[1].gross == aic("2"));
	assert_true(c.line[2].gross == 0);
	aic_charge_clear(&c);
	r.state = AIC_STATE_NODE_FAIL;
	c = charge_with(*state, &r, true);
	assert_true(c.line[1].gross == 0 && c.line[2].gross == 0);
	aic_charge_clear(&c);
	r.state = AIC_STATE_COMPLETED;
	r.model[0] = '\0';
	aic_str_copy(r.dataset, sizeof(r.dataset), "unheard-of");
	expect(*state, r, "4.285", AIC_CHARGED_PART, "data set unheard-of was not registered: its use is not charged");
}

static void providers_of_each_node(void **state)
{
	static const char *const payee[] = {"provider/lab-one", "provider/lab-one", "provider/lab-two", "site"};
	aic_job_record r = fixture_record(1, 3600);
	aic_charge c;

	fixture_node(&r, "n2", "a100", 1, 0, 0);
	fixture_node(&r, "n3", "a100", 1, 0, 0);
	fixture_node(&r, "n4", "a100", 1, 0, 0);
	c = charge_with(*state, &r, true);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(c.line[i].payee, payee[i]);
	aic_charge_clear(&c);
	aic_job_record_clear(&r);
}

/* A node sold, an asset repriced and rates raised at 5000: jobs before it are charged as before, in any order of arrival. */
static void as_of_the_day(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200);
	aic_error err = {0};
	aic_charge c;

	aic_str_copy(f->config.provider[0].nodes, AIC_PATH_LEN, "n2");
	aic_str_copy(f->config.provider[1].nodes, AIC_PATH_LEN, "n[1,3]");
	f->config.rates.cpu *= 2;
	f->config.asset[0].terms.per_job = 5 * AIC_UNIT;
	aic_registry_close(f->registry);
	if (aic_registry_open(&f->registry, f->store, &f->config, 5000, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_str_copy(r.dataset, sizeof(r.dataset), "faces");
	c = charge_with(f, &r, true);
	assert_true(c.line[0].gross == aic("4.285") && c.line[1].gross == aic("3"));
	assert_string_equal(c.line[0].payee, "provider/lab-one");
	aic_charge_clear(&c);
	r.submit = r.start = 5000;
	r.end = r.start + 7200;
	c = charge_with(f, &r, true);
	assert_true(c.line[0].gross == aic("4.445") && c.line[1].gross == aic("7"));
	assert_string_equal(c.line[0].payee, "provider/lab-two");
	aic_charge_clear(&c);
	/* submitted before, started after: the quote's rates and terms, the new owner of the node */
	r.submit = 4999;
	c = charge_with(f, &r, true);
	assert_true(c.line[0].gross == aic("4.285") && c.line[1].gross == aic("3"));
	assert_string_equal(c.line[0].payee, "provider/lab-two");
	aic_charge_clear(&c);
	aic_job_record_clear(&r);
}

static void one_node_two_providers_is_refused(void **state)
{
	fixture *f = *state;
	aic_registry *g = NULL;
	aic_error err = {0};

	aic_str_copy(f->config.provider[1].nodes, AIC_PATH_LEN, "n[2-3]");
	assert_int_equal(aic_registry_open(&g, f->store, &f->config, 5000, &err), AIC_USAGE);
	assert_string_equal(err.message, "providers: node n2 is given to two providers, the second is lab-two: name it once");
}

/* Slurm 22.05: a RESIZING record has the end of its segment in `resize`, the last record the start of its own. */
static void resized_segments(void **state)
{
	aic_job_record run[3];
	aic_segment s[3];
	fixture *f = *state;
	aic_amount sum = 0;

	for (int i = 0; i < 3; i++) {
		run[i] = fixture_record(1, 9000);
		run[i].node[0].cpus = 0;
		run[i].node[0].mem_mib = 0;
	}
	run[0].state = AIC_STATE_RESIZING;
	run[0].resize = 2000 + 3600;
	run[0].end = 2000 + 86400; /* projected */
	run[1].state = AIC_STATE_RESIZING;
	run[1].resize = 2000 + 7200;
	run[1].end = 2000 + 86400;
	run[1].suspended = 900;
	run[2].resize = 2000 + 7200;
	run[2].suspended = 1800;
	aic_segments_of_run(run, 3, s);
	const int64_t billable[] = {3600, 2700, 900};
	for (int i = 0; i < 3; i++) {
		aic_charge c;
		assert_int_equal(aic_billable(&s[i]), billable[i]);
		assert_int_equal(aic_charge_record(&c, &run[i], &s[i], f->registry, NULL), AIC_OK);
		sum += c.line[0].gross;
		aic_charge_clear(&c);
	}
	assert_true(sum == aic("4")); /* 2 a100 for 9000 - 1800 s */
	for (int i = 0; i < 3; i++)
		run[i].time_limit = 5000; /* the limit is the run's, not each segment's */
	aic_segments_of_run(run, 3, s);
	assert_int_equal(aic_billable(&s[0]) + aic_billable(&s[1]) + aic_billable(&s[2]), 5000);
	for (int i = 0; i < 3; i++)
		aic_job_record_clear(&run[i]);
}

static void absurd_rates_are_refused(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(9, 7200);
	aic_error err = {0};
	aic_segment s;
	aic_charge c;

	f->config.rates.cpu = ~(aic_amount)0;
	aic_registry_close(f->registry);
	assert_int_equal(aic_registry_open(&f->registry, f->store, &f->config, 900, NULL), AIC_OK);
	aic_segments_of_run(&r, 1, &s);
	assert_int_equal(aic_charge_record(&c, &r, &s, f->registry, &err), AIC_REFUSED);
	assert_string_equal(err.message, "job 9 on n1: 7200 s of its resources cost more than fits 128 bits: lower the rates");
	aic_job_record_clear(&r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(worked_example), T(every_end_state), T(preempted_in_any_state), T(floor_is_the_only_rounding), T(untyped_and_mixed_gpus),
		T(time_limit_caps), T(suspension), T(never_started), T(assets), T(providers_of_each_node), T(as_of_the_day),
		T(one_node_two_providers_is_refused), T(resized_segments), T(absurd_rates_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
