#include "slurm-plugins/job_submit/request.h"

#include <string.h>
#include <time.h>

#include "common/bytes.h"

static uint32_t known32(uint32_t v)
{
	return v == NO_VAL || v == INFINITE ? AIC_UNSET : v;
}

static uint32_t known16(uint16_t v)
{
	return v == NO_VAL16 || v == INFINITE16 ? AIC_UNSET : v;
}

/* --- the request --- */

static void copy_memory(aic_request *r, const job_desc_msg_t *d)
{
	if (d->pn_min_memory != NO_VAL64) {
		if (d->pn_min_memory & MEM_PER_CPU)
			r->mem_per_cpu = d->pn_min_memory & ~MEM_PER_CPU;
		else
			r->mem_per_node = d->pn_min_memory;
	}
	r->mem_per_gpu = aic_per_gpu_parse(d->mem_per_tres, UINT64_MAX);
}

static aic_code copy_gpus(aic_request *r, const job_desc_msg_t *d, aic_error *err)
{
	aic_code rc = aic_gpu_list_parse(&r->gpus, d->tres_per_job, err);

	if (!rc)
		rc = aic_gpu_list_parse(&r->gpus_per_node, d->tres_per_node, err);
	if (!rc)
		rc = aic_gpu_list_parse(&r->gpus_per_socket, d->tres_per_socket, err);
	if (!rc)
		rc = aic_gpu_list_parse(&r->gpus_per_task, d->tres_per_task, err);
	r->cpus_per_gpu = (uint32_t)aic_per_gpu_parse(d->cpus_per_tres, AIC_UNSET);
	return rc;
}

aic_code aic_request_copy(aic_request *r, const job_desc_msg_t *d, aic_error *err)
{
	aic_request_init(r);
	r->min_nodes = known32(d->min_nodes);
	r->max_nodes = known32(d->max_nodes);
	r->tasks = known32(d->num_tasks);
	r->tasks_per_node = known16(d->ntasks_per_node);
	r->tasks_per_gpu = known16(d->ntasks_per_tres);
	r->cpus_per_task = known16(d->cpus_per_task);
	r->min_cpus = known32(d->min_cpus);
	r->node_cpus = known16(d->pn_min_cpus);
	r->sockets_per_node = known16(d->sockets_per_node);
	r->exclusive = d->shared == JOB_SHARED_NONE;
	copy_memory(r, d);
	if (d->time_limit == INFINITE)
		r->seconds = AIC_UNLIMITED;
	else if (d->time_limit != NO_VAL)
		r->seconds = (int64_t)d->time_limit * 60;
	if (d->array_bitmap)
		r->array_tasks = (uint32_t)bit_set_count(d->array_bitmap);
	else if (d->array_inx && !(r->array_tasks = aic_array_count(d->array_inx)))
		return aic_fail(err, AIC_USAGE, "the array \"%.64s\" cannot be read", d->array_inx);
	return copy_gpus(r, d, err);
}

void aic_request_merge(job_desc_msg_t *out, const job_desc_msg_t *change, const job_record_t *job)
{
	const aic_job_details *had = job->details;

#define KEEP(field, unset, value) do { if (out->field == (unset)) out->field = (value); } while (0)
	*out = *change;
	KEEP(account, NULL, job->account);
	KEEP(partition, NULL, job->partition);
	KEEP(time_limit, NO_VAL, job->time_limit);
	KEEP(tres_per_job, NULL, job->tres_per_job);
	KEEP(tres_per_node, NULL, job->tres_per_node);
	KEEP(tres_per_socket, NULL, job->tres_per_socket);
	KEEP(tres_per_task, NULL, job->tres_per_task);
	KEEP(cpus_per_tres, NULL, job->cpus_per_tres);
	KEEP(mem_per_tres, NULL, job->mem_per_tres);
	out->spank_job_env = job->spank_job_env;
	out->spank_job_env_size = job->spank_job_env_size;
	out->user_id = job->user_id;
	out->array_inx = NULL;
	/* the tasks that wait; the record of one task may still carry the array's */
	out->array_bitmap = job->array_recs && job->array_task_id == NO_VAL ? job->array_recs->task_id_bitmap : NULL;
	if (!had)
		return;
	KEEP(min_nodes, NO_VAL, had->min_nodes);
	KEEP(max_nodes, NO_VAL, had->max_nodes);
	KEEP(num_tasks, NO_VAL, had->num_tasks ? had->num_tasks : NO_VAL);
	KEEP(ntasks_per_node, NO_VAL16, had->ntasks_per_node ? had->ntasks_per_node : NO_VAL16);
	KEEP(ntasks_per_tres, NO_VAL16, had->ntasks_per_tres ? had->ntasks_per_tres : NO_VAL16);
	KEEP(cpus_per_task, NO_VAL16, had->cpus_per_task);
	KEEP(min_cpus, NO_VAL, had->min_cpus);
	KEEP(pn_min_cpus, NO_VAL16, (uint16_t)had->pn_min_cpus);
	KEEP(pn_min_memory, NO_VAL64, had->pn_min_memory); /* Slurm has put the default there; 0 is all of the node */
	KEEP(shared, NO_VAL16, had->whole_node == WHOLE_NODE_REQUIRED ? JOB_SHARED_NONE : NO_VAL16);
#undef KEEP
}

/* --- the partition --- */

static void most_of_type(aic_gpu_list *list, const char *type, uint64_t count)
{
	uint32_t i = 0;

	while (i < list->n && strcmp(list->gpu[i].type, type))
		i++;
	if (i == AIC_GPU_TYPES_MAX)
		return;
	if (i == list->n)
		aic_str_copy(list->gpu[list->n++].type, AIC_NAME_LEN, type);
	if (count > list->gpu[i].count)
		list->gpu[i].count = (uint32_t)count;
}

static void most_gpus(aic_partition *p, aic_slurm_list gres_list)
{
	aic_slurm_iterator it;
	gres_state_t *gres;

	if (!gres_list)
		return;
	it = list_iterator_create(gres_list);
	while ((gres = list_next(it))) {
		gres_node_state_t *ns = gres->gres_data;

		if (xstrcmp(gres->gres_name, "gpu") || !ns)
			continue;
		for (int i = 0; i < ns->type_cnt; i++)
			most_of_type(&p->gpus, ns->type_name[i] ? ns->type_name[i] : "", ns->type_cnt_avail[i]);
		if (!ns->type_cnt)
			most_of_type(&p->gpus, "", ns->gres_cnt_avail);
	}
	list_iterator_destroy(it);
}

static void most_of_nodes(aic_partition *p, bitstr_t *nodes)
{
	bitoff_t last = nodes ? bit_fls(nodes) : -1;

	for (bitoff_t i = nodes ? bit_ffs(nodes) : 0; i <= last; i++) {
		const node_record_t *n = bit_test(nodes, i) ? node_record_table_ptr[i] : NULL;

		if (!n)
			continue;
		p->nodes++;
		p->cpus = MAX(p->cpus, n->cpus_efctv ? n->cpus_efctv : n->cpus);
		p->sockets = MAX(p->sockets, (uint32_t)n->tot_sockets);
		p->threads = MAX(p->threads, n->threads);
		p->mem_mib = MAX(p->mem_mib, n->real_memory - MIN(n->real_memory, n->mem_spec_limit));
		most_gpus(p, n->gres_list);
	}
}

static void copy_defaults(aic_partition *p, const part_record_t *part)
{
	uint64_t memory = part->def_mem_per_cpu ? part->def_mem_per_cpu : slurm_conf.def_mem_per_cpu;
	aic_slurm_list lists[2] = { slurm_conf.job_defaults_list, part->job_defaults_list };

	if (memory & MEM_PER_CPU)
		p->def_mem_per_cpu = memory & ~MEM_PER_CPU;
	else
		p->def_mem_per_node = memory;
	for (int i = 0; i < 2; i++) { /* the partition's own override */
		aic_slurm_iterator it = lists[i] ? list_iterator_create(lists[i]) : NULL;
		job_defaults_t *d;

		while (it && (d = list_next(it))) {
			if (d->type == JOB_DEF_CPU_PER_GPU)
				p->def_cpu_per_gpu = (uint32_t)d->value;
			else if (d->type == JOB_DEF_MEM_PER_GPU)
				p->def_mem_per_gpu = d->value;
		}
		if (it)
			list_iterator_destroy(it);
	}
}

void aic_partition_copy(aic_partition *p, part_record_t *part)
{
	uint16_t how = part->cr_type ? part->cr_type : slurm_conf.select_type_param;
	uint32_t minutes = part->default_time == NO_VAL ? part->max_time : part->default_time;

	*p = (aic_partition){ .max_nodes = known32(part->max_nodes), .min_nodes = known32(part->min_nodes) };
	p->memory_counted = how & CR_MEMORY;
	p->whole_nodes = part->max_share == 0 || !xstrcmp(slurm_conf.select_type, "select/linear");
	p->default_seconds = minutes == INFINITE || minutes == NO_VAL ? AIC_UNLIMITED : (int64_t)minutes * 60;
	copy_defaults(p, part);
	most_of_nodes(p, part->node_bitmap);
	if (how & CR_CPU && !(how & (CR_CORE | CR_SOCKET)))
		p->threads = 1;
}

#define CACHE_ROWS 64
#define CACHE_SECONDS 60

typedef struct {
	const part_record_t *part;
	time_t made, partitions_changed, configured;
	aic_partition copy;
} cache_row;

const aic_partition *aic_partition_cached(part_record_t *part)
{
	static cache_row rows[CACHE_ROWS];
	static uint32_t used, next;
	time_t now = time(NULL);
	cache_row *row = NULL;

	for (uint32_t i = 0; i < used && !row; i++)
		if (rows[i].part == part)
			row = &rows[i];
	if (row && row->partitions_changed == last_part_update && row->configured == slurm_conf.last_update &&
	    now - row->made < CACHE_SECONDS)
		return &row->copy;
	if (!row) {
		row = &rows[next];
		next = (next + 1) % CACHE_ROWS;
		used = MAX(used, next ? next : CACHE_ROWS);
	}
	aic_partition_copy(&row->copy, part);
	row->part = part;
	row->made = now;
	row->partitions_changed = last_part_update;
	row->configured = slurm_conf.last_update;
	return &row->copy;
}
