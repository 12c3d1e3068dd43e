#include "slurm-plugins/compat.h"

#include "slurm-plugins/jobcomp/copy.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "slurm-plugins/jobcomp/state.h"
#include "slurm-plugins/option.h"

static void copy_name(char dst[AIC_NAME_LEN], const char *src)
{
	aic_str_copy(dst, AIC_NAME_LEN, src ? src : "");
}

static int64_t seconds_of_limit(uint32_t minutes, const part_record_t *part)
{
	if (minutes == NO_VAL)
		minutes = part ? part->max_time : INFINITE;
	return minutes == INFINITE || minutes == NO_VAL ? INT64_MAX : (int64_t)minutes * 60;
}

/* A job killed while suspended ends, for Slurm, where its last pause began, yet the sum has that pause up to the kill. */
static int64_t suspended_before_end(const job_record_t *job, int64_t now)
{
	int64_t sum = job->tot_sus_time, after = now - job->end_time;

	if (!job->suspend_time || job->suspend_time != job->end_time || after <= 0)
		return sum;
	return sum > after ? sum - after : 0;
}

static void copy_times(aic_job_record *r, const job_record_t *job, int64_t now)
{
	r->submit = job->details ? job->details->submit_time : 0;
	r->eligible = job->details ? job->details->begin_time : 0;
	r->start = job->start_time;
	r->end = r->state == AIC_STATE_RESIZING ? now : job->end_time;
	if (r->start > r->end) /* cancelled while pending: Slurm leaves the expected start */
		r->start = 0;
	r->resize = job->resize_time;
	r->preempt = job->preempt_time;
	r->suspended = suspended_before_end(job, now);
	r->suspend_time = job->suspend_time;
	r->time_limit = seconds_of_limit(job->time_limit, job->part_ptr);
}

static void copy_names(aic_job_record *r, job_record_t *job)
{
	copy_name(r->cluster, slurm_conf.cluster_name);
	/* Slurm fills user_name only where a prolog needs it; its cache asks the system once per user. */
	copy_name(r->user, job->user_name ? job->user_name : uid_to_string_cached(job->user_id));
	copy_name(r->account, job->account);
	copy_name(r->partition, job->part_ptr ? job->part_ptr->name : job->partition);
	copy_name(r->qos, job->qos_ptr ? job->qos_ptr->name : NULL);
	copy_name(r->name, job->name);
	copy_name(r->dataset, aic_option_find(job->spank_job_env, job->spank_job_env_size, AIC_OPTION_DATASET));
	copy_name(r->model, aic_option_find(job->spank_job_env, job->spank_job_env_size, AIC_OPTION_MODEL));
}

static void add_gpus(aic_node_share *share, const char *type, uint64_t count)
{
	uint32_t i = 0;

	while (i < share->gpu_types && strcmp(share->gpu[i].type, type))
		i++;
	if (i == AIC_GPU_TYPES_MAX) /* more types than any node has: keep the count, under the last type */
		i--;
	if (i == share->gpu_types) {
		copy_name(share->gpu[i].type, type);
		share->gpu[i].count = 0; /* a share is used again without being cleared */
		share->gpu_types++;
	}
	share->gpu[i].count += (uint32_t)count;
}

static void copy_gpus(aic_job_record *r, aic_slurm_list gres_list)
{
	gres_state_t *gres;
	aic_slurm_iterator it;

	if (!gres_list)
		return;
	it = list_iterator_create(gres_list);
	while ((gres = list_next(it))) {
		gres_job_state_t *js = gres->gres_data;

		if (xstrcmp(gres->gres_name, "gpu") || !js || !js->gres_cnt_node_alloc)
			continue;
		for (uint32_t i = 0; i < js->node_cnt && i < r->nodes; i++)
			if (js->gres_cnt_node_alloc[i])
				add_gpus(&r->node[i], js->type_name ? js->type_name : "", js->gres_cnt_node_alloc[i]);
	}
	list_iterator_destroy(it);
}

static aic_node_share *next_share(aic_record_scratch *scratch, uint32_t nhosts)
{
	aic_job_record *r = &scratch->record;
	aic_node_share *share;

	if (scratch->capacity < nhosts) {
		scratch->capacity = nhosts > 64 ? nhosts : 64;
		r->node = aic_xrealloc(r->node, scratch->capacity * sizeof(*r->node));
	}
	share = &r->node[r->nodes++];
	share->gpu_types = 0; /* what lies behind it is never read */
	return share;
}

/* job_resrcs has one entry per node, in the order of its node bitmap; gres_list_alloc counts in the same order. */
static void copy_nodes(aic_record_scratch *scratch, const job_record_t *job)
{
	const job_resources_t *res = job->job_resrcs;
	aic_job_record *r = &scratch->record;
	bitoff_t last;

	if (!res || !res->node_bitmap)
		return;
	last = bit_fls(res->node_bitmap);
	for (bitoff_t bit = bit_ffs(res->node_bitmap); bit >= 0 && bit <= last && r->nodes < res->nhosts; bit++) {
		uint32_t i = r->nodes;
		aic_node_share *share;

		if (!bit_test(res->node_bitmap, bit))
			continue;
		share = next_share(scratch, res->nhosts);
		copy_name(share->name, node_record_table_ptr[bit] ? node_record_table_ptr[bit]->name : NULL);
		share->cpus = res->cpus ? res->cpus[i] : 0;
		share->mem_mib = res->memory_allocated ? res->memory_allocated[i] : 0;
	}
	copy_gpus(r, job->gres_list_alloc);
}

void aic_job_record_copy(aic_record_scratch *scratch, struct job_record *job, int64_t now)
{
	aic_job_record *r = &scratch->record;

	*r = (aic_job_record){ .node = r->node };
	r->job_id = job->job_id;
	r->array_job_id = job->array_job_id;
	r->array_task_id = job->array_task_id;
	r->het_job_id = job->het_job_id;
	r->het_offset = job->het_job_id ? job->het_job_offset : 0;
	r->restart = job->restart_cnt;
	r->uid = job->user_id;
	r->gid = job->group_id;
	r->state_raw = job->job_state;
	r->state = aic_jobcomp_state(job->job_state);
	r->exit_code = job->exit_code == NO_VAL ? 0 : job->exit_code;
	copy_names(r, job);
	copy_times(r, job, now);
	copy_nodes(scratch, job);
}

void aic_record_scratch_free(aic_record_scratch *scratch)
{
	free(scratch->record.node);
	*scratch = (aic_record_scratch){ 0 };
}
