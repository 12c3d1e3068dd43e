/* Job records for other programs: JSON that says all of a record and its receipts, usage records in the standard's order. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/jobs.h"
#include "accounting/jobs_json.h"
#include "common/file.h"

static void fill(aic_job *j)
{
	aic_job_record *r = &j->record;

	memset(j, 0, sizeof(*j));
	*r = (aic_job_record){.job_id = 4711, .array_job_id = 4700, .array_task_id = 11, .het_job_id = 4710, .het_offset = 1, .restart = 2,
	                      .uid = 1001, .gid = 1002, .submit = 1000, .eligible = 1001, .start = 2000, .end = 3000, .resize = 2500,
	                      .preempt = 2900, .suspended = 7, .suspend_time = 2100, .time_limit = INT64_MAX, .state = AIC_STATE_PREEMPTED,
	                      .state_raw = 0x8005, .exit_code = 0x100};
	aic_str_copy(r->cluster, sizeof(r->cluster), "lab");
	aic_str_copy(r->user, sizeof(r->user), "anna");
	aic_str_copy(r->account, sizeof(r->account), "physics");
	aic_str_copy(r->partition, sizeof(r->partition), "gpu");
	aic_str_copy(r->qos, sizeof(r->qos), "normal");
	aic_str_copy(r->name, sizeof(r->name), "<b>&\"'\\ \xc3\xa9\t");
	aic_str_copy(r->dataset, sizeof(r->dataset), "faces");
	r->nodes = 2;
	r->node = calloc(2, sizeof(*r->node));
	for (uint32_t i = 0; i < 2; i++) {
		snprintf(r->node[i].name, AIC_NAME_LEN, "n%u", i + 1);
		r->node[i].cpus = 8 + i;
		r->node[i].mem_mib = 64000;
		r->node[i].gpu_types = i;
	}
	aic_str_copy(r->node[1].gpu[0].type, AIC_NAME_LEN, "a100");
	r->node[1].gpu[0].count = 4;
	j->receipts = 2;
	j->receipt = calloc(2, sizeof(*j->receipt));
	for (uint32_t i = 0; i < 2; i++)
		j->receipt[i] = (aic_receipt){.job_id = 4711, .restart = 2, .uid = 1001, .step_id = i ? 0xfffffffb : 0, .start = 2001, .end = 2999,
		                              .cpus = 8, .cpu_ms = i ? AIC_UNKNOWN : 123456, .mem_peak_mib = 10 + i, .gpus = 4,
		                              .gpu_ms = i ? 0 : AIC_UNKNOWN, .energy_mj = AIC_UNKNOWN, .read_mib = 3, .determinism = i,
		                              .activity = {.samples = i * 7200, .sm_ppm = i * 640000, .tensor_sd_ppm = i * 31}};
	for (uint32_t i = 0; i < 2; i++) {
		aic_str_copy(j->receipt[i].cluster, AIC_NAME_LEN, "lab");
		aic_str_copy(j->receipt[i].node, AIC_NAME_LEN, r->node[i].name);
	}
	j->billable = 993;
	j->state_ppm = 500000;
	aic_str_copy(j->reason, sizeof(j->reason), "half charged: preempted");
}

typedef struct {
	aic_bytes records, receipts;
	int n_records, n_receipts;
} seen;

static aic_code see_record(void *ctx, const aic_job_record *r, aic_error *err)
{
	seen *s = ctx;

	(void)err;
	aic_job_record_encode(&s->records, r);
	s->n_records++;
	return AIC_OK;
}

static aic_code see_receipt(void *ctx, const aic_receipt *r, aic_error *err)
{
	seen *s = ctx;

	(void)err;
	aic_receipt_encode(&s->receipts, r);
	s->n_receipts++;
	return AIC_OK;
}

/* What is written is read back to the byte: `aic simulate` sees what aicacctd saw. */
static void json_says_all(void **state)
{
	char path[512], *text = NULL;
	size_t len = 0;
	aic_job j;
	seen s = {0};
	aic_error err = {0};
	aic_bytes record = {0}, receipts = {0};

	fill(&j);
	FILE *f = open_memstream(&text, &len);
	aic_job_json(f, &j);
	j.record.time_limit = 0;
	aic_job_json(f, &j);
	fclose(f);
	snprintf(path, sizeof(path), "%s/jobs.json", (const char *)*state);
	assert_int_equal(aic_file_write_atomic(path, text, len, 0600, NULL), AIC_OK);
	if (aic_jobs_json_read(path, &(aic_jobs_reader){see_record, see_receipt, &s}, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_int_equal(s.n_records, 2);
	assert_int_equal(s.n_receipts, 4);
	j.record.time_limit = INT64_MAX;
	aic_job_record_encode(&record, &j.record);
	j.record.time_limit = 0;
	aic_job_record_encode(&record, &j.record);
	for (int i = 0; i < 4; i++)
		aic_receipt_encode(&receipts, &j.receipt[i % 2]);
	assert_int_equal(s.records.len, record.len);
	assert_memory_equal(s.records.data, record.data, record.len);
	assert_int_equal(s.receipts.len, receipts.len);
	assert_memory_equal(s.receipts.data, receipts.data, receipts.len);
	assert_int_equal(strlen(text), len); /* one object a line, no control characters */
	for (size_t i = 0; i < len; i++)
		assert_true((unsigned char)text[i] >= 0x20 || text[i] == '\n');
	free(text);
	aic_bytes_free(&record);
	aic_bytes_free(&receipts);
	aic_bytes_free(&s.records);
	aic_bytes_free(&s.receipts);
	aic_job_clear(&j);
}

/* GFD.204: blocks and the elements in them, in its order. */
static void usage_record_in_order(void **state)
{
	static const char *const order[] = {
		"<ur:UsageRecords xmlns:ur=\"http://schema.ogf.org/urf/2013/04/urf\">", "<ur:UsageRecord>", "<ur:RecordIdentityBlock>",
		"<ur:RecordId>uni/lab/4711/1000/2/2500</ur:RecordId>", "<ur:CreateTime>1970-01-01T02:46:40Z</ur:CreateTime>",
		"<ur:Site>uni</ur:Site>", "</ur:RecordIdentityBlock>", "<ur:SubjectIdentityBlock>", "<ur:LocalUserId>anna</ur:LocalUserId>",
		"<ur:LocalGroupId>physics</ur:LocalGroupId>", "</ur:SubjectIdentityBlock>", "<ur:ComputeUsageBlock>",
		"<ur:CpuDuration>PT123.456S</ur:CpuDuration>", "<ur:WallDuration>PT993S</ur:WallDuration>",
		"<ur:StartTime>1970-01-01T00:33:20Z</ur:StartTime>", "<ur:EndTime>1970-01-01T00:50:00Z</ur:EndTime>", "<ur:ExecutionHost>",
		"<ur:Hostname>n1</ur:Hostname>", "<ur:Hostname>n2</ur:Hostname>", "<ur:Processors>17</ur:Processors>",
		"<ur:NodeCount>2</ur:NodeCount>", "<ur:ExitStatus>1</ur:ExitStatus>", "<ur:Charge>0</ur:Charge>", "</ur:ComputeUsageBlock>",
		"<ur:JobUsageBlock>", "<ur:GlobalJobId>uni/lab/4711/1000</ur:GlobalJobId>", "<ur:LocalJobId>4711</ur:LocalJobId>",
		"<ur:JobName>&lt;b&gt;&amp;&quot;&#39;\\ \xc3\xa9\t</ur:JobName>", "<ur:MachineName>lab</ur:MachineName>",
		"<ur:Queue>gpu</ur:Queue>", "<ur:TimeInstant ur:type=\"submit\">", "<ur:TimeInstant ur:type=\"eligible\">",
		"<ur:ServiceLevel>normal</ur:ServiceLevel>", "<ur:Status>PREEMPTED</ur:Status>", "</ur:JobUsageBlock>", "<ur:MemoryUsageBlock>",
		"<ur:MemoryResourceCapacityUsed>11534336</ur:MemoryResourceCapacityUsed>",
		"<ur:MemoryResourceCapacityAllocated>134217728000</ur:MemoryResourceCapacityAllocated>", "</ur:MemoryUsageBlock>",
		"<aic:GpuUsageBlock xmlns:aic=\"urn:aic:usage-record:gpu:1\">", "<aic:GpuDuration>PT0.000S</aic:GpuDuration>",
		"<aic:GpuAllocatedDuration>PT3972S</aic:GpuAllocatedDuration>", "<aic:Gpus aic:host=\"n2\" aic:type=\"a100\">4</aic:Gpus>",
		"</aic:GpuUsageBlock>",
		"</ur:UsageRecord>", "</ur:UsageRecords>",
	};
	char *text = NULL;
	size_t len = 0;
	aic_job j;

	(void)state;
	fill(&j);
	FILE *f = open_memstream(&text, &len);
	aic_usage_records_begin(f);
	aic_usage_record(f, &j, "uni", 10000);
	aic_usage_records_end(f);
	fclose(f);
	const char *at = text;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *found = strstr(at, order[i]);
		if (!found)
			fail_msg("%s is not behind %s", order[i], i ? order[i - 1] : "the start");
		at = found + strlen(order[i]);
	}
	free(text);
	aic_job_clear(&j);
}

/* What no meter measured is unknown, never 0. */
static void sums_of_receipts(void **state)
{
	aic_job j;

	(void)state;
	fill(&j);
	assert_true(aic_job_cpu_ms(&j) == 123456);
	assert_true(aic_job_gpu_ms(&j) == 0);
	assert_true(aic_job_mem_peak_mib(&j) == 11);
	assert_true(aic_job_gpus(&j) == 4);
	j.receipt[0].cpu_ms = j.receipt[1].gpu_ms = AIC_UNKNOWN;
	assert_true(aic_job_cpu_ms(&j) == AIC_UNKNOWN);
	assert_true(aic_job_gpu_ms(&j) == AIC_UNKNOWN);
	aic_job_clear(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_says_all, test_folder_make, test_folder_remove),
		cmocka_unit_test(usage_record_in_order),
		cmocka_unit_test(sums_of_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
