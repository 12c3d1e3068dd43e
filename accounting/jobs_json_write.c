/* jobs_json_write.c: a job record with its receipts and what it was charged, as one line of JSON: doc/formats/jobs-json.md. */
#include "accounting/jobs.h"

#include <inttypes.h>

static void key(FILE *out, const char *name)
{
	fprintf(out, ",\"%s\":", name);
}

static void put_text(FILE *out, const char *name, const char *text)
{
	key(out, name);
	aic_json_string(out, text);
}

static void put_int(FILE *out, const char *name, int64_t v)
{
	key(out, name);
	fprintf(out, "%" PRId64, v);
}

/* 0 stands for "not set" in a record, and is left out of the JSON as null. */
static void put_time(FILE *out, const char *name, int64_t v)
{
	key(out, name);
	if (v)
		fprintf(out, "%" PRId64, v);
	else
		fputs("null", out);
}

static void put_measured(FILE *out, const char *name, uint64_t v)
{
	key(out, name);
	if (v == AIC_UNKNOWN)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu64, v);
}

static void put_nodes(FILE *out, const aic_job_record *r)
{
	key(out, "nodes");
	putc('[', out);
	for (uint32_t i = 0; i < r->nodes; i++) {
		const aic_node_share *n = &r->node[i];
		fputs(i ? ",{\"name\":" : "{\"name\":", out);
		aic_json_string(out, n->name);
		put_int(out, "cpus", n->cpus);
		fprintf(out, ",\"mem_mib\":%" PRIu64 ",\"gpus\":[", n->mem_mib);
		for (uint32_t k = 0; k < n->gpu_types; k++) {
			fputs(k ? ",{\"type\":" : "{\"type\":", out);
			aic_json_string(out, n->gpu[k].type);
			fprintf(out, ",\"count\":%u}", n->gpu[k].count);
		}
		fputs("]}", out);
	}
	putc(']', out);
}

static void put_record(FILE *out, const aic_job_record *r)
{
	put_text(out, "cluster", r->cluster);
	put_int(out, "job_id", r->job_id);
	put_int(out, "array_job_id", r->array_job_id);
	put_int(out, "array_task_id", r->array_task_id);
	put_int(out, "het_job_id", r->het_job_id);
	put_int(out, "het_offset", r->het_offset);
	put_int(out, "restart", r->restart);
	put_int(out, "uid", r->uid);
	put_int(out, "gid", r->gid);
	put_text(out, "user", r->user);
	put_text(out, "account", r->account);
	put_text(out, "partition", r->partition);
	put_text(out, "qos", r->qos);
	put_text(out, "name", r->name);
	put_time(out, "submit", r->submit);
	put_time(out, "eligible", r->eligible);
	put_time(out, "start", r->start);
	put_time(out, "end", r->end);
	put_time(out, "resize", r->resize);
	put_time(out, "preempt", r->preempt);
	put_int(out, "suspended", r->suspended);
	put_time(out, "suspend_time", r->suspend_time);
	put_measured(out, "time_limit", r->time_limit == INT64_MAX ? AIC_UNKNOWN : (uint64_t)r->time_limit);
	put_text(out, "state", aic_job_state_name(r->state));
	put_int(out, "state_raw", r->state_raw);
	put_int(out, "exit_code", r->exit_code);
	put_text(out, "dataset", r->dataset);
	put_text(out, "model", r->model);
	put_nodes(out, r);
}

static void put_activity(FILE *out, const aic_gpu_activity *a)
{
	put_measured(out, "gpu_samples", a->samples);
	put_int(out, "sm_ppm", a->sm_ppm);
	put_int(out, "sm_sd_ppm", a->sm_sd_ppm);
	put_int(out, "tensor_ppm", a->tensor_ppm);
	put_int(out, "tensor_sd_ppm", a->tensor_sd_ppm);
}

static void put_receipts(FILE *out, const aic_receipt *receipt, size_t n)
{
	key(out, "receipts");
	putc('[', out);
	for (size_t i = 0; i < n; i++) {
		const aic_receipt *r = &receipt[i];
		fputs(i ? ",{\"node\":" : "{\"node\":", out);
		aic_json_string(out, r->node);
		put_int(out, "step_id", r->step_id);
		put_int(out, "start", r->start);
		put_int(out, "end", r->end);
		put_measured(out, "cpus", r->cpus);
		put_measured(out, "cpu_ms", r->cpu_ms);
		put_measured(out, "mem_peak_mib", r->mem_peak_mib);
		put_measured(out, "gpus", r->gpus);
		put_measured(out, "gpu_ms", r->gpu_ms);
		put_measured(out, "energy_mj", r->energy_mj);
		put_measured(out, "read_mib", r->read_mib);
		put_int(out, "determinism", r->determinism);
		if (r->activity.samples)
			put_activity(out, &r->activity);
		putc('}', out);
	}
	putc(']', out);
}

static void put_amount(FILE *out, const char *name, aic_amount v)
{
	char text[AIC_AMOUNT_TEXT];

	key(out, name);
	fprintf(out, "\"%s\"", aic_amount_format(text, v));
}

static void put_ppm(FILE *out, const char *name, int64_t ppm)
{
	put_measured(out, name, ppm < 0 ? AIC_UNKNOWN : (uint64_t)ppm);
}

static void put_charge(FILE *out, const aic_job *j)
{
	fprintf(out, ",\"charge\":{\"billable\":%" PRId64 ",\"state_ppm\":%" PRId64, j->billable, j->state_ppm);
	put_text(out, "reason", j->reason[0] ? j->reason : NULL);
	fputs(",\"lines\":[", out);
	for (size_t i = 0; i < j->lines.n; i++) {
		const aic_cell *c = aic_grid_cell(&j->lines, i, 0);
		fputs(i ? ",{\"node\":" : "{\"node\":", out);
		aic_json_string(out, c[AIC_L_NODE].text);
		put_text(out, "kind", c[AIC_L_KIND].text);
		put_text(out, "asset", c[AIC_L_ASSET].text);
		put_text(out, "payer", c[AIC_L_PAYER].text);
		put_text(out, "payee", c[AIC_L_PAYEE].text);
		put_amount(out, "gross", c[AIC_L_GROSS].amount);
		put_amount(out, "fee", c[AIC_L_FEE].amount);
		put_ppm(out, "verified_ppm", c[AIC_L_VERIFIED].number);
		put_ppm(out, "useful_ppm", c[AIC_L_USEFUL].number);
		put_ppm(out, "quality_ppm", c[AIC_L_QUALITY].number);
		putc('}', out);
	}
	fputs("]}", out);
}

void aic_job_json(FILE *out, const aic_job *j)
{
	fputs("{\"schema\":1", out);
	put_record(out, &j->record);
	put_receipts(out, j->receipt, j->receipts);
	put_charge(out, j);
	fputs("}\n", out);
}
