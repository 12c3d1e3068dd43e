/* usage_record.c: OGF Usage Record 2.0 (GFD.204), with the blocks for identity, subject, job, computing and memory. */
#include <inttypes.h>
#include <sys/wait.h>

#include "accounting/page/html.h"
#include "accounting/jobs.h"
#include "common/time.h"

#define NAMESPACE "http://schema.ogf.org/urf/2013/04/urf"
#define GPU_NAMESPACE "urn:aic:usage-record:gpu:1"

static void put_escaped(FILE *out, const char *text)
{
	aic_bytes b = {0};

	aic_html_text(&b, text); /* XML's five entities, and no character that XML forbids */
	if (b.len)
		fwrite(b.data, 1, b.len, out);
	aic_bytes_free(&b);
}

static void put_text(FILE *out, const char *element, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "      <ur:%s>", element);
	put_escaped(out, text);
	fprintf(out, "</ur:%s>\n", element);
}

static void put_number(FILE *out, const char *element, uint64_t v)
{
	fprintf(out, "      <ur:%s>%" PRIu64 "</ur:%s>\n", element, v, element);
}

static void put_time(FILE *out, const char *element, const char *attribute, int64_t t)
{
	char text[AIC_TIME_TEXT];

	if (t)
		fprintf(out, "      <ur:%s%s>%s</ur:%s>\n", element, attribute, aic_time_format(text, t), element);
}

static void put_identity(FILE *out, const aic_job *j, const char *site, int64_t now)
{
	const aic_job_record *r = &j->record;

	fputs("    <ur:RecordIdentityBlock>\n      <ur:RecordId>", out);
	put_escaped(out, site);
	fputs("/", out);
	put_escaped(out, r->cluster);
	fprintf(out, "/%u/%" PRId64 "/%u/%" PRId64 "</ur:RecordId>\n", r->job_id, r->submit, r->restart, r->resize ? r->resize : r->start);
	put_time(out, "CreateTime", "", now);
	put_text(out, "Site", site);
	fputs("    </ur:RecordIdentityBlock>\n", out);
}

static void put_subject(FILE *out, const aic_job_record *r)
{
	fputs("    <ur:SubjectIdentityBlock>\n", out);
	put_text(out, "LocalUserId", r->user);
	put_text(out, "LocalGroupId", r->account);
	fputs("    </ur:SubjectIdentityBlock>\n", out);
}

static void put_compute(FILE *out, const aic_job *j)
{
	const aic_job_record *r = &j->record;
	uint64_t cpu_ms = aic_job_cpu_ms(j);
	char text[AIC_AMOUNT_TEXT];

	fputs("    <ur:ComputeUsageBlock>\n", out);
	if (cpu_ms != AIC_UNKNOWN)
		fprintf(out, "      <ur:CpuDuration>PT%" PRIu64 ".%03uS</ur:CpuDuration>\n", cpu_ms / 1000, (unsigned)(cpu_ms % 1000));
	fprintf(out, "      <ur:WallDuration>PT%" PRId64 "S</ur:WallDuration>\n", j->billable);
	put_time(out, "StartTime", "", r->start);
	put_time(out, "EndTime", "", r->end);
	for (uint32_t i = 0; i < r->nodes; i++) {
		fputs("      <ur:ExecutionHost>\n  ", out);
		put_text(out, "Hostname", r->node[i].name);
		fputs("      </ur:ExecutionHost>\n", out);
	}
	put_number(out, "Processors", aic_job_cpus(j));
	put_number(out, "NodeCount", r->nodes);
	put_number(out, "ExitStatus", WIFEXITED((int)r->exit_code) ? (unsigned)WEXITSTATUS((int)r->exit_code) : 128u + (r->exit_code & 0x7f));
	put_text(out, "Charge", aic_amount_format(text, aic_job_gross(j)));
	fputs("    </ur:ComputeUsageBlock>\n", out);
}

static void put_job(FILE *out, const aic_job *j, const char *site)
{
	const aic_job_record *r = &j->record;

	fputs("    <ur:JobUsageBlock>\n      <ur:GlobalJobId>", out);
	put_escaped(out, site);
	fputs("/", out);
	put_escaped(out, r->cluster);
	fprintf(out, "/%u/%" PRId64 "</ur:GlobalJobId>\n", r->job_id, r->submit);
	put_number(out, "LocalJobId", r->job_id);
	put_text(out, "JobName", r->name);
	put_text(out, "MachineName", r->cluster);
	put_text(out, "Queue", r->partition);
	put_time(out, "TimeInstant", " ur:type=\"submit\"", r->submit);
	put_time(out, "TimeInstant", " ur:type=\"eligible\"", r->eligible);
	put_text(out, "ServiceLevel", r->qos);
	put_text(out, "Status", aic_job_state_name(r->state));
	fputs("    </ur:JobUsageBlock>\n", out);
}

/* The recommendation has no element for GPUs; it lets others add blocks of their own namespaces. */
static void put_gpus(FILE *out, const aic_job *j)
{
	uint64_t gpu_ms = aic_job_gpu_ms(j), gpus = aic_job_gpus(j);

	if (!gpus)
		return;
	fputs("    <aic:GpuUsageBlock xmlns:aic=\"" GPU_NAMESPACE "\">\n", out);
	if (gpu_ms != AIC_UNKNOWN)
		fprintf(out, "      <aic:GpuDuration>PT%" PRIu64 ".%03uS</aic:GpuDuration>\n", gpu_ms / 1000, (unsigned)(gpu_ms % 1000));
	fprintf(out, "      <aic:GpuAllocatedDuration>PT%" PRIu64 "S</aic:GpuAllocatedDuration>\n", gpus * (uint64_t)j->billable);
	for (uint32_t i = 0; i < j->record.nodes; i++)
		for (uint32_t k = 0; k < j->record.node[i].gpu_types; k++) {
			fputs("      <aic:Gpus aic:host=\"", out);
			put_escaped(out, j->record.node[i].name);
			fputs("\" aic:type=\"", out);
			put_escaped(out, j->record.node[i].gpu[k].type);
			fprintf(out, "\">%u</aic:Gpus>\n", j->record.node[i].gpu[k].count);
		}
	fputs("    </aic:GpuUsageBlock>\n", out);
}

static void put_memory(FILE *out, const aic_job *j)
{
	uint64_t peak = aic_job_mem_peak_mib(j), held = 0;

	for (uint32_t i = 0; i < j->record.nodes; i++)
		held += j->record.node[i].mem_mib;
	fputs("    <ur:MemoryUsageBlock>\n", out);
	put_text(out, "MemoryClass", "RAM");
	if (peak != AIC_UNKNOWN)
		put_number(out, "MemoryResourceCapacityUsed", peak << 20);
	put_number(out, "MemoryResourceCapacityAllocated", held << 20);
	put_time(out, "StartTime", "", j->record.start);
	put_time(out, "EndTime", "", j->record.end);
	fputs("    </ur:MemoryUsageBlock>\n", out);
}

void aic_usage_records_begin(FILE *out)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ur:UsageRecords xmlns:ur=\"" NAMESPACE "\">\n", out);
}

void aic_usage_record(FILE *out, const aic_job *j, const char *site, int64_t now)
{
	fputs("  <ur:UsageRecord>\n", out);
	put_identity(out, j, site, now);
	put_subject(out, &j->record);
	put_compute(out, j);
	put_job(out, j, site);
	put_memory(out, j);
	put_gpus(out, j);
	fputs("  </ur:UsageRecord>\n", out);
}

void aic_usage_records_end(FILE *out)
{
	fputs("</ur:UsageRecords>\n", out);
}
