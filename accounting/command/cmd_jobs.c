/* cmd_jobs.c: aic report jobs: a line for people, the whole record for programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/jobs.h"
#include "accounting/period.h"
#include "accounting/command/reports.h"

#define JOBS_MAX (1u << 20)
#define PROGRESS_EVERY 20000

enum { J_JOB, J_CLUSTER, J_RESTART, J_USER, J_ACCOUNT, J_PARTITION, J_STATE, J_START, J_END, J_SECONDS, J_NODES, J_CPUS, J_GPUS,
       J_CPU_USED, J_GPU_USED, J_CHARGE, J_REASON, J_COLUMNS };
static const aic_column job_columns[J_COLUMNS] = {
	[J_JOB] = {"job", "JOB", AIC_COLUMN_TEXT},             [J_CLUSTER] = {"cluster", "CLUSTER", AIC_COLUMN_TEXT},
	[J_RESTART] = {"restart", "RESTART", AIC_COLUMN_NUMBER}, [J_USER] = {"user", "USER", AIC_COLUMN_TEXT},
	[J_ACCOUNT] = {"account", "ACCOUNT", AIC_COLUMN_TEXT}, [J_PARTITION] = {"partition", "PARTITION", AIC_COLUMN_TEXT},
	[J_STATE] = {"state", "STATE", AIC_COLUMN_TEXT},       [J_START] = {"start", "START", AIC_COLUMN_TIME},
	[J_END] = {"end", "END", AIC_COLUMN_TIME},             [J_SECONDS] = {"billable", "SECONDS", AIC_COLUMN_NUMBER},
	[J_NODES] = {"nodes", "NODES", AIC_COLUMN_NUMBER},     [J_CPUS] = {"cpus", "CPUS", AIC_COLUMN_NUMBER},
	[J_GPUS] = {"gpus", "GPUS", AIC_COLUMN_NUMBER},        [J_CPU_USED] = {"cpu_seconds_used", "CPU USED", AIC_COLUMN_TEXT},
	[J_GPU_USED] = {"gpu_seconds_used", "GPU USED", AIC_COLUMN_TEXT}, [J_CHARGE] = {"charge", "CHARGE AIC", AIC_COLUMN_AMOUNT},
	[J_REASON] = {"reason", "REASON", AIC_COLUMN_TEXT},
};

typedef struct {
	const aic_words *w;
	FILE *out;               /* of json and ur2 */
	aic_table *table;        /* of the other formats */
	char site[AIC_NAME_LEN];
	int64_t now, since, until;
	uint64_t done;
} jobs;

/* --- one job --- */

static void put_used(aic_table *t, uint64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)(ms / 1000));
	aic_table_text(t, ms == AIC_UNKNOWN ? "unknown" : text);
}

static void put_row(aic_table *t, const aic_job *j)
{
	const aic_job_record *r = &j->record;
	char id[64];

	snprintf(id, sizeof(id), "%u", r->job_id);
	if (r->array_job_id)
		snprintf(id, sizeof(id), "%u_%u", r->array_job_id, r->array_task_id);
	else if (r->het_job_id)
		snprintf(id, sizeof(id), "%u+%u", r->het_job_id, r->het_offset);
	aic_table_text(t, id);
	aic_table_text(t, r->cluster);
	aic_table_number(t, r->restart);
	aic_table_text(t, r->user);
	aic_table_text(t, r->account);
	aic_table_text(t, r->partition);
	aic_table_text(t, aic_job_state_name(r->state));
	aic_table_time(t, r->start);
	aic_table_time(t, r->end);
	aic_table_number(t, j->billable);
	aic_table_number(t, r->nodes);
	aic_table_number(t, (int64_t)aic_job_cpus(j));
	aic_table_number(t, (int64_t)aic_job_gpus(j));
	put_used(t, aic_job_cpu_ms(j));
	put_used(t, aic_job_gpu_ms(j));
	aic_table_amount(t, aic_job_gross(j));
	aic_table_text(t, j->reason[0] ? j->reason : NULL);
}

static void put_one(jobs *all, const aic_job *j)
{
	if (all->table)
		put_row(all->table, j);
	else if (all->w->ur2)
		aic_usage_record(all->out, j, all->site, all->now);
	else
		aic_job_json(all->out, j);
	if (++all->done % PROGRESS_EVERY == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%llu jobs", (unsigned long long)all->done);
}

/* --- asking, page by page --- */

static void ask_for(aic_bytes *body, const jobs *all, int64_t after)
{
	char payee[AIC_NAME_LEN] = "";

	if (all->w->provider)
		snprintf(payee, sizeof(payee), "provider/%.*s", AIC_NAME_LEN - 10, all->w->provider);
	aic_bytes_clear(body);
	aic_rpc_begin(body, "jobs", 9);
	aic_cbor_put_int(body, all->since);
	aic_cbor_put_int(body, all->until);
	aic_cbor_put_int(body, after);
	aic_cbor_put_text(body, all->w->account ? all->w->account : "");
	aic_cbor_put_text(body, all->w->user ? all->w->user : "");
	aic_cbor_put_text(body, all->w->node ? all->w->node : "");
	aic_cbor_put_text(body, payee);
	aic_cbor_put_text(body, all->w->cluster ? all->w->cluster : "");
	aic_cbor_put_text(body, all->w->asset ? all->w->asset : "");
}

/* *after becomes 0 behind the last page. */
static aic_code take_page(jobs *all, int64_t *after, aic_error *err)
{
	aic_question q = {.config = &all->w->base.config};

	ask_for(&q.body, all, *after);
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		*after = aic_cbor_int(&q.answer);
		size_t n = aic_cbor_array(&q.answer, JOBS_MAX);
		for (size_t i = 0; i < n && aic_cbor_ok(&q.answer); i++) {
			aic_job j;
			aic_job_read(&j, &q.answer);
			if (aic_cbor_ok(&q.answer))
				put_one(all, &j);
			aic_job_clear(&j);
		}
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

static aic_code take_all(jobs *all, aic_error *err)
{
	int64_t after = 0;
	aic_code rc;

	if (all->w->ur2)
		aic_usage_records_begin(all->out);
	do
		rc = take_page(all, &after, err);
	while (rc == AIC_OK && after);
	if (rc == AIC_OK && all->w->ur2)
		aic_usage_records_end(all->out);
	if (all->done >= PROGRESS_EVERY && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return rc;
}

/* --- where it goes --- */

static aic_code to_table(jobs *all, aic_error *err)
{
	all->table = aic_table_new(job_columns, J_COLUMNS);
	aic_code rc = take_all(all, err);

	if (rc != AIC_OK) {
		aic_table_free(all->table);
		return rc;
	}
	if (!all->done)
		aic_table_note(all->table, "No job that you may see ended in that time.");
	return aic_show_output(all->w, all->table, err);
}

/* Written beside the file, which is replaced once all is there. */
static aic_code to_file(jobs *all, aic_error *err)
{
	const char *path = all->w->output;
	char *beside = path ? aic_xasprintf("%s.%ld.part", path, (long)getpid()) : NULL;
	aic_code rc;

	all->out = path ? fopen(beside, "w") : stdout;
	if (!all->out) {
		rc = aic_fail_errno(err, "%s: cannot be written", beside);
		free(beside);
		return rc;
	}
	rc = take_all(all, err);
	if (rc == AIC_OK && (fflush(all->out) || ferror(all->out)))
		rc = aic_fail_errno(err, "%s: cannot be written", path ? path : "stdout");
	if (path) {
		if (fsync(fileno(all->out)) && rc == AIC_OK)
			rc = aic_fail_errno(err, "%s: cannot be written", beside);
		fclose(all->out);
		if (rc == AIC_OK && rename(beside, path))
			rc = aic_fail_errno(err, "%s: cannot be renamed to %s", beside, path);
		if (rc != AIC_OK)
			unlink(beside);
	}
	free(beside);
	return rc;
}

static aic_code prepare(jobs *all, aic_error *err)
{
	all->since = 0;
	all->until = INT64_MAX;
	all->now = aic_now();
	aic_str_copy(all->site, sizeof(all->site), all->w->base.config.site);
	aic_code rc = all->w->period ? aic_period_bounds(all->w->period, &all->since, &all->until, err) : AIC_OK;
	if (rc == AIC_OK && all->w->since)
		rc = aic_time_parse(&all->since, all->w->since, err);
	if (rc == AIC_OK && all->w->until)
		rc = aic_time_parse(&all->until, all->w->until, err);
	if (rc == AIC_OK && all->since > all->until)
		rc = aic_fail(err, AIC_USAGE, "--since is after --until or the period's end: no job can have ended then");
	return rc;
}

int aic_report_jobs(int argc, char **argv)
{
	aic_words w = {.takes_period = true, .takes_ur2 = true, .takes_filters = AIC_FILTERS_OF_LINES | AIC_FILTER_TIME};
	int status = aic_words_begin(&w, NULL, "Job records, each run and segment its own. --format json writes one object a line with all of the"
	                                       " record, its receipts and its charge, as `aic simulate` reads it; --format ur2 writes OGF Usage"
	                                       " Records 2.0.", argc, argv);
	jobs all = {.w = &w};
	aic_error err = {0};

	if (status)
		return status;
	aic_code rc = prepare(&all, &err);
	if (rc == AIC_OK)
		rc = w.ur2 || w.base.format == AIC_FORMAT_JSON ? to_file(&all, &err) : to_table(&all, &err);
	return aic_words_end(&w, argv, rc, &err);
}
