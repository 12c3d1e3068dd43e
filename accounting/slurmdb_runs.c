/* slurmdb_runs.c: jobs of slurmdbd as job records, through libslurm. */
#include <errno.h>
#include <slurm/slurm.h>
#include <slurm/slurmdb.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/reconcile.h"
#include "common/split.h"

#define TRES_CPU 1
#define TRES_MEM 2

static void copy(char dst[AIC_NAME_LEN], const char *src)
{
	aic_str_copy(dst, AIC_NAME_LEN, src ? src : "");
}

/* --- what was allocated --- */

static uint64_t even(uint64_t sum, uint32_t nodes, uint32_t index)
{
	return sum / nodes + (index < sum % nodes);
}

static void add_gpus(aic_node_share *share, const char *type, uint64_t count)
{
	if (!count || share->gpu_types == AIC_GPU_TYPES_MAX)
		return;
	copy(share->gpu[share->gpu_types].type, type);
	share->gpu[share->gpu_types++].count = (uint32_t)count;
}

void aic_tres_share(aic_node_share *share, const char *tres, const aic_gpu_tres *gres, size_t n_gres, uint32_t nodes, uint32_t index)
{
	uint64_t untyped = 0, typed = 0;

	for (const char *at = tres; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		char *rest;
		unsigned long id = strtoul(at, &rest, 10);
		uint64_t sum = *rest == '=' ? strtoull(rest + 1, NULL, 10) : 0;
		if (id == TRES_CPU)
			share->cpus = (uint32_t)even(sum, nodes, index);
		else if (id == TRES_MEM)
			share->mem_mib = even(sum, nodes, index);
		for (size_t i = 0; i < n_gres; i++) {
			if (gres[i].id != id)
				continue;
			if (gres[i].type[0]) {
				add_gpus(share, gres[i].type, even(sum, nodes, index));
				typed += sum;
			} else {
				untyped = sum;
			}
		}
	}
	/* gres/gpu counts all GPUs, gres/gpu:TYPE those of a type again */
	if (untyped > typed)
		add_gpus(share, "", even(untyped - typed, nodes, index));
}

static size_t load_gres(void *db, aic_gpu_tres **out)
{
	slurmdb_tres_cond_t cond = {0};
	struct xlist *rows = slurmdb_tres_get(db, &cond);
	slurmdb_tres_rec_t *t;
	size_t n = 0;

	*out = NULL;
	if (!rows)
		return 0;
	struct listIterator *it = slurm_list_iterator_create(rows);
	while ((t = slurm_list_next(it))) {
		if (!t->type || strcmp(t->type, "gres") || !t->name || strncmp(t->name, "gpu", 3) || (t->name[3] && t->name[3] != ':'))
			continue;
		*out = aic_xrealloc(*out, (n + 1) * sizeof(**out));
		(*out)[n].id = t->id;
		copy((*out)[n++].type, t->name[3] ? t->name + 4 : "");
	}
	slurm_list_iterator_destroy(it);
	slurm_list_destroy(rows);
	return n;
}

/* --- a job --- */

static aic_job_state state_of(uint32_t state)
{
	if (state & JOB_RESIZING)
		return AIC_STATE_RESIZING;
	if (state & JOB_REVOKED)
		return AIC_STATE_REVOKED;
	if (state & JOB_LAUNCH_FAILED)
		return AIC_STATE_LAUNCH_FAILED;
	switch (state & JOB_STATE_BASE) {
	case JOB_COMPLETE:
		return AIC_STATE_COMPLETED;
	case JOB_CANCELLED:
		return AIC_STATE_CANCELLED;
	case JOB_TIMEOUT:
		return AIC_STATE_TIMEOUT;
	case JOB_NODE_FAIL:
		return AIC_STATE_NODE_FAIL;
	case JOB_PREEMPTED:
		return AIC_STATE_PREEMPTED;
	case JOB_BOOT_FAIL:
		return AIC_STATE_BOOT_FAIL;
	case JOB_DEADLINE:
		return AIC_STATE_DEADLINE;
	case JOB_OOM:
		return AIC_STATE_OUT_OF_MEMORY;
	case JOB_FAILED:
		return AIC_STATE_FAILED;
	default: /* pending again: this run was requeued */
		return AIC_STATE_REQUEUED;
	}
}

typedef struct {
	aic_job_record *record;
	const slurmdb_job_rec_t *job;
	const aic_gpu_tres *gres;
	size_t n_gres;
	uint32_t nodes;
} filling;

static void count_node(void *ctx, const char *node)
{
	(void)node;
	((filling *)ctx)->nodes++;
}

static void fill_node(void *ctx, const char *node)
{
	filling *f = ctx;
	uint32_t index = f->record->nodes;
	aic_node_share *share = &f->record->node[f->record->nodes++];

	memset(share, 0, sizeof(*share));
	copy(share->name, node);
	aic_tres_share(share, f->job->tres_alloc_str, f->gres, f->n_gres, f->nodes, index);
}

/* False for what never ran or has not ended. */
static bool take_job(aic_job_record *r, const slurmdb_job_rec_t *job, int64_t since, const aic_gpu_tres *gres, size_t n_gres)
{
	filling f = {.record = r, .job = job, .gres = gres, .n_gres = n_gres};

	memset(r, 0, sizeof(*r));
	if (!job->start || !job->end || job->end < job->start || job->end < since || !job->nodes || !job->cluster)
		return false;
	if (!aic_hostlist_each(job->nodes, count_node, &f) || f.nodes > AIC_RECORD_NODES_MAX)
		return false;
	r->node = aic_xcalloc(f.nodes, sizeof(*r->node));
	aic_hostlist_each(job->nodes, fill_node, &f);
	copy(r->cluster, job->cluster);
	copy(r->user, job->user);
	copy(r->account, job->account);
	copy(r->partition, job->partition);
	copy(r->name, job->jobname);
	r->job_id = job->jobid;
	r->array_job_id = job->array_job_id;
	r->array_task_id = job->array_task_id;
	r->het_job_id = job->het_job_id == NO_VAL ? 0 : job->het_job_id;
	r->uid = job->uid;
	r->gid = job->gid;
	r->submit = job->submit;
	r->eligible = job->eligible;
	r->start = job->start;
	r->end = job->end;
	r->suspended = job->suspended;
	r->time_limit = job->timelimit == INFINITE || job->timelimit == NO_VAL ? INT64_MAX : (int64_t)job->timelimit * 60;
	r->state = state_of(job->state);
	r->state_raw = job->state;
	r->exit_code = job->exitcode;
	return true;
}

static bool same_nodes(const aic_job_record *a, const aic_job_record *b)
{
	if (a->nodes != b->nodes)
		return false;
	for (uint32_t i = 0; i < a->nodes; i++) {
		uint32_t k = 0;
		while (k < b->nodes && strcmp(a->node[i].name, b->node[(i + k) % b->nodes].name))
			k++;
		if (k == b->nodes)
			return false;
	}
	return true;
}

/* The split that jobcomp/aic left; one of other nodes is an earlier run's. */
static bool take_split(aic_job_record *r, const char *comment)
{
	aic_job_record with = *r;

	with.node = NULL;
	with.nodes = 0;
	if (!aic_split_get(&with, comment))
		return false;
	if (!same_nodes(&with, r)) {
		free(with.node);
		return false;
	}
	free(r->node);
	*r = with;
	return true;
}

static void take_jobs(struct xlist *rows, int64_t since, const aic_gpu_tres *gres, size_t n_gres, aic_slurmdb *out)
{
	struct listIterator *it = slurm_list_iterator_create(rows);
	slurmdb_job_rec_t *job;
	size_t cap = 0;

	while ((job = slurm_list_next(it))) {
		if (out->n == cap) {
			cap = cap ? 2 * cap : 256;
			out->run = aic_xrealloc(out->run, cap * sizeof(*out->run));
		}
		aic_slurmdb_run *run = &out->run[out->n];
		if (!take_job(&run->record, job, since, gres, n_gres))
			continue;
		run->split = take_split(&run->record, job->admin_comment);
		out->n++;
	}
	slurm_list_iterator_destroy(it);
}

static void add_cluster(aic_slurmdb *s, const char *name)
{
	if (name && s->n_clusters < AIC_CLUSTERS_MAX)
		copy(s->cluster[s->n_clusters++], name);
}

/* slurmdbd gives the runs of a cluster at a time unless they are named. */
static void name_clusters(aic_slurmdb *s, void *db, const aic_config *c, const char *cluster)
{
	slurmdb_cluster_cond_t cond = {.with_deleted = 1, .flags = NO_VAL};
	slurmdb_cluster_rec_t *row;

	if (cluster)
		add_cluster(s, cluster);
	for (size_t i = 0; i < c->n_clusters && !cluster; i++)
		add_cluster(s, c->clusters[i]);
	struct xlist *rows = s->n_clusters ? NULL : slurmdb_clusters_get(db, &cond);
	if (!rows)
		return;
	struct listIterator *it = slurm_list_iterator_create(rows);
	while ((row = slurm_list_next(it)))
		add_cluster(s, row->name);
	slurm_list_iterator_destroy(it);
	slurm_list_destroy(rows);
}

static struct xlist *ask(void *db, const aic_slurmdb *s, int64_t since)
{
	slurmdb_job_cond_t cond = {.usage_start = since, .usage_end = time(NULL), .db_flags = SLURMDB_JOB_FLAG_NOTSET,
	                           .flags = JOBCOND_FLAG_DUP | JOBCOND_FLAG_NO_STEP | JOBCOND_FLAG_NO_TRUNC};

	cond.cluster_list = slurm_list_create(NULL);
	for (size_t i = 0; i < s->n_clusters; i++)
		slurm_list_append(cond.cluster_list, (void *)s->cluster[i]);
	struct xlist *rows = slurmdb_jobs_get(db, &cond);
	slurm_list_destroy(cond.cluster_list);
	return rows;
}

aic_code aic_slurmdb_runs(aic_slurmdb *out, const aic_config *c, const char *cluster, int64_t since, aic_error *err)
{
	aic_gpu_tres *gres = NULL;
	uint16_t flags = 0;

	memset(out, 0, sizeof(*out));
	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 1);
	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
	void *db = slurmdb_connection_get(&flags);
	if (db)
		name_clusters(out, db, c, cluster);
	struct xlist *rows = db ? ask(db, out, since) : NULL;
	if (!rows) {
		int why = errno;
		if (db)
			slurmdb_connection_close(&db);
		return aic_fail(err, AIC_UNREACHABLE, "slurmdbd gives no jobs (%s): start it and try again", why ? strerror(why) : "no answer");
	}
	size_t n_gres = load_gres(db, &gres);
	take_jobs(rows, since, gres, n_gres, out);
	slurm_list_destroy(rows);
	slurmdb_connection_close(&db);
	free(gres);
	return AIC_OK;
}

void aic_slurmdb_clear(aic_slurmdb *s)
{
	for (size_t i = 0; i < s->n; i++)
		aic_job_record_clear(&s->run[i].record);
	free(s->run);
	memset(s, 0, sizeof(*s));
}
