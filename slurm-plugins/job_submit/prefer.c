#include "slurm-plugins/job_submit/prefer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/priority.h"
#include "slurm-plugins/job_submit/constraint.h"
#include "slurm-plugins/job_submit/judge.h"
#include "slurm-plugins/option.h"
#include "slurm-plugins/param.h"

#define TEXT_LEN 1024
#define FRESH_S 3            /* a table older than that counts only idle nodes */
#define PASSES 2             /* of the scheduler, with room there: nothing starts on a node while a job that ended there is completing */
#define REST_S 30            /* a job that PASSES could not start with its preference goes without for so long */
#define TRIALS 1024
#define YOUNG_S 3            /* so long after a submit the scheduler may not have looked yet: batch_sched_delay's default */

/* What a node has left. */
typedef struct {
	uint32_t cpus, gpus;
	uint64_t mem_mib;
	uint32_t typed[AIC_GPU_TYPES_MAX]; /* GPUs, in the order of the node's own types */
} room;

/* What a job must find on each of its nodes. */
typedef struct {
	room room;
	uint32_t nodes;
	aic_node_share typed;    /* its GPUs by type, of all nodes */
	part_record_t *part;
} wish;

typedef struct {
	uint32_t job_id;
	time_t since;            /* it has a preference */
	int passes;              /* of the scheduler that did not start it with that */
} trial;

/* Of this file's own; taken inside slurmctld's locks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static room *left;           /* by node number; only those with data sets are kept */
static int n_left;
static time_t counted;
static trial trials[TRIALS]; /* by job id */
static time_t wanted;        /* the latest submit that wants data which some node holds */

/* --- features --- */

static bitstr_t *nodes_with(const char *feature)
{
	aic_slurm_iterator it;
	node_feature_t *f;
	bitstr_t *nodes = NULL;

	if (!active_feature_list)
		return NULL;
	it = list_iterator_create(active_feature_list);
	while (!nodes && (f = list_next(it)))
		if (!xstrcmp(f->name, feature))
			nodes = f->node_bitmap;
	list_iterator_destroy(it);
	return nodes;
}

/* Nodes with any data set; the caller frees it. NULL: there are none. */
static bitstr_t *warm_nodes(void)
{
	aic_slurm_iterator it;
	node_feature_t *f;
	bitstr_t *nodes = NULL;

	if (!active_feature_list)
		return NULL;
	it = list_iterator_create(active_feature_list);
	while ((f = list_next(it))) {
		if (xstrncmp(f->name, AIC_DATA_FEATURE, sizeof(AIC_DATA_FEATURE) - 1) || !f->node_bitmap || bit_ffs(f->node_bitmap) < 0)
			continue;
		if (nodes)
			bit_or(nodes, f->node_bitmap);
		else
			nodes = bit_copy(f->node_bitmap);
	}
	list_iterator_destroy(it);
	return nodes;
}

/* "data&gpu": every name's nodes. */
static bool meets(const char *constraint, int node)
{
	char name[256];

	while (aic_constraint_next(&constraint, name, sizeof(name))) {
		bitstr_t *nodes = nodes_with(name);

		if (!nodes || !bit_test(nodes, node))
			return false;
	}
	return true;
}

/* --- room --- */

static void count_gpus(room *r, aic_slurm_list gres_list, bool all)
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
		r->gpus += (uint32_t)(ns->gres_cnt_avail - (all ? 0 : MIN(ns->gres_cnt_alloc, ns->gres_cnt_avail)));
		for (int i = 0; i < ns->type_cnt && i < AIC_GPU_TYPES_MAX; i++)
			r->typed[i] = (uint32_t)(ns->type_cnt_avail[i] - (all ? 0 : MIN(ns->type_cnt_alloc[i], ns->type_cnt_avail[i])));
	}
	list_iterator_destroy(it);
}

static room whole_room(const node_record_t *n, bool all)
{
	room r = { .cpus = n->cpus_efctv ? n->cpus_efctv : n->cpus,
	           .mem_mib = n->real_memory - MIN(n->real_memory, n->mem_spec_limit) };

	count_gpus(&r, n->gres_list, all);
	return r;
}

static void take(room *r, const room *need)
{
	r->cpus -= MIN(r->cpus, need->cpus);
	r->gpus -= MIN(r->gpus, need->gpus);
	r->mem_mib -= MIN(r->mem_mib, need->mem_mib);
	for (int i = 0; i < AIC_GPU_TYPES_MAX; i++)
		r->typed[i] -= MIN(r->typed[i], need->typed[i]);
}

static bool fits(const room *r, const room *need)
{
	for (int i = 0; i < AIC_GPU_TYPES_MAX; i++)
		if (r->typed[i] < need->typed[i])
			return false;
	return r->cpus >= need->cpus && r->gpus >= need->gpus && r->mem_mib >= need->mem_mib;
}

/* GPUs are off already: the node knows them. */
static void take_job(const job_record_t *job, bitstr_t *warm)
{
	const job_resources_t *res = job->job_resrcs;
	int k = 0;

	for (bitoff_t i = bit_ffs(res->node_bitmap), last = bit_fls(res->node_bitmap); i >= 0 && i <= last; i++) {
		room had;

		if (!bit_test(res->node_bitmap, i))
			continue;
		had = (room){ .cpus = res->cpus ? res->cpus[k] : 0, .mem_mib = res->memory_allocated ? res->memory_allocated[k] : 0 };
		k++;
		if (bit_test(warm, i))
			take(&left[i], &had);
	}
}

static void count_room(bitstr_t *warm)
{
	aic_slurm_iterator it;
	job_record_t *job;

	if (n_left != node_record_count) {
		xfree(left);
		left = xcalloc((size_t)node_record_count + 1, sizeof(*left));
		n_left = node_record_count;
	}
	for (int i = 0; i < n_left; i++)
		left[i] = bit_test(warm, i) && node_record_table_ptr[i] && bit_test(avail_node_bitmap, i)
		              ? whole_room(node_record_table_ptr[i], false) : (room){ 0 };
	it = list_iterator_create(job_list);
	while ((job = list_next(it)))
		if ((IS_JOB_RUNNING(job) || IS_JOB_COMPLETING(job)) && job->job_resrcs && job->job_resrcs->node_bitmap)
			take_job(job, warm);
	list_iterator_destroy(it);
	counted = time(NULL);
}

static room *room_of(int node)
{
	static room idle;
	const node_record_t *n = node_record_table_ptr[node];

	if (!n || !bit_test(avail_node_bitmap, node))
		return NULL;
	if (node < n_left && time(NULL) - counted <= FRESH_S)
		return &left[node];
	idle = IS_NODE_IDLE(n) && !IS_NODE_COMPLETING(n) ? whole_room(n, true) : (room){ 0 };
	return &idle;
}

/* --- what a job needs --- */

static bool unset16(uint16_t v)
{
	return v == NO_VAL16 || v == INFINITE16 || !v;
}

/* GPUs alone, of "gres:gpu:a100:2,gres:gpu=1". */
static bool asks_gpus_alone(const char *tres)
{
	for (const char *p = tres; p && *p; p += strcspn(p, ","), p += *p == ',') {
		if (!strncmp(p, "gres", 4) && strchr(":/", p[4]))
			p += 5;
		if (strncmp(p, "gpu", 3) || !strchr(":=,", p[3]))
			return false;
	}
	return true;
}

/* Slurm refuses a job whose preference no node can ever meet. So what a job asks for beyond CPUs, memory, GPUs and plain features keeps
 * it from having one. */
static bool is_plain_request(const job_desc_msg_t *d)
{
	return !d->req_nodes && !d->exc_nodes && !d->reservation && !(d->partition && strchr(d->partition, ',')) &&
	       asks_gpus_alone(d->tres_per_job) && asks_gpus_alone(d->tres_per_node) && asks_gpus_alone(d->tres_per_socket) &&
	       asks_gpus_alone(d->tres_per_task) && unset16(d->sockets_per_node) && unset16(d->cores_per_socket) &&
	       unset16(d->threads_per_core) && unset16(d->ntasks_per_core) && unset16(d->ntasks_per_socket) && unset16(d->contiguous) &&
	       unset16(d->core_spec) && (d->pn_min_tmp_disk == NO_VAL || !d->pn_min_tmp_disk);
}

static bool is_plain_job(const job_record_t *job)
{
	const aic_job_details *d = job->details;
	const multi_core_data_t *mc = d->mc_ptr;

	return !d->req_node_bitmap && !d->exc_node_bitmap && !job->resv_name && !(job->partition && strchr(job->partition, ',')) &&
	       asks_gpus_alone(job->tres_per_job) && asks_gpus_alone(job->tres_per_node) && asks_gpus_alone(job->tres_per_socket) &&
	       asks_gpus_alone(job->tres_per_task) && !d->contiguous && unset16(d->core_spec) && !d->pn_min_tmp_disk &&
	       (!mc || (unset16(mc->sockets_per_node) && unset16(mc->cores_per_socket) && unset16(mc->threads_per_core)));
}

static bool read_wish(wish *w, const job_desc_msg_t *desc, const job_record_t *job)
{
	aic_estimate e;

	if (desc ? !is_plain_request(desc) : !is_plain_job(job))
		return false;
	if (!aic_judge_need(&e, &w->nodes, &w->part, desc, job) || !w->part->node_bitmap)
		return false;
	w->room = (room){ .cpus = (e.total.cpus + w->nodes - 1) / w->nodes, .mem_mib = (e.total.mem_mib + w->nodes - 1) / w->nodes };
	for (uint32_t i = 0; i < e.total.gpu_types; i++)
		w->room.gpus += e.total.gpu[i].count;
	w->room.gpus = (w->room.gpus + w->nodes - 1) / w->nodes;
	w->typed = e.total;
	return true;
}

/* A type's place in room.typed; -1: the node has none of it. */
static int type_place(const node_record_t *n, const char *type)
{
	aic_slurm_iterator it;
	gres_state_t *gres;
	int place = -1;

	if (!n->gres_list)
		return -1;
	it = list_iterator_create(n->gres_list);
	while ((gres = list_next(it))) {
		gres_node_state_t *ns = gres->gres_data;

		for (int i = 0; ns && !xstrcmp(gres->gres_name, "gpu") && i < ns->type_cnt && i < AIC_GPU_TYPES_MAX; i++)
			if (!xstrcmp(ns->type_name[i], type))
				place = i;
	}
	list_iterator_destroy(it);
	return place;
}

/* What the job needs on this node; false where the node, empty, has not got it. */
static bool need_on(room *need, const node_record_t *n, const wish *w)
{
	room all = whole_room(n, true);

	*need = w->room;
	for (uint32_t i = 0; i < w->typed.gpu_types; i++) {
		int place = w->typed.gpu[i].type[0] ? type_place(n, w->typed.gpu[i].type) : -1;

		if (place >= 0)
			need->typed[place] = (w->typed.gpu[i].count + w->nodes - 1) / w->nodes;
		else if (w->typed.gpu[i].type[0])
			return false;
	}
	return fits(&all, need);
}

static bool may_be(room *need, int node, bitstr_t *warm, const wish *w, const char *prefer)
{
	return bit_test(warm, node) && bit_test(w->part->node_bitmap, node) && node_record_table_ptr[node] &&
	       need_on(need, node_record_table_ptr[node], w) && meets(prefer, node);
}

/* Whether nodes that hold its data can take it now; then they are taken. Not now: whether they could, empty. */
static bool find_room(const char *prefer, const char *feature, const job_desc_msg_t *desc, const job_record_t *job, bool now)
{
	bitstr_t *warm = nodes_with(feature);
	uint32_t found = 0;
	room need;
	wish w;
	int *at;

	if (!warm || bit_ffs(warm) < 0 || !read_wish(&w, desc, job))
		return false;
	at = xcalloc(w.nodes, sizeof(*at));
	for (bitoff_t i = bit_ffs(warm), last = bit_fls(warm); i <= last && found < w.nodes; i++) {
		room *r = may_be(&need, (int)i, warm, &w, prefer) ? room_of((int)i) : NULL;

		if (r && (!now || fits(r, &need)))
			at[found++] = (int)i;
	}
	for (uint32_t i = 0; now && found == w.nodes && i < w.nodes; i++)
		if (need_on(&need, node_record_table_ptr[at[i]], &w))
			take(room_of(at[i]), &need);
	xfree(at);
	return found == w.nodes;
}

static bool preference_of(char text[TEXT_LEN], char feature[AIC_NAME_LEN + 16], char *const *env, uint32_t n, const char *constraint)
{
	const char *dataset = aic_option_find(env, n, AIC_OPTION_DATASET);

	if (!dataset || !*dataset)
		return false;
	aic_priority_feature(feature, AIC_NAME_LEN + 16, dataset);
	return aic_constraint_merge(text, TEXT_LEN, constraint, feature);
}

/* bf_min_age_reserve: a job younger than that holds nobody back, and the pass that finds no room by its preference tries it without. So the
 * scheduler itself decides, at the moment that counts; two seconds before, it is this file's matter again. */
static bool slurm_decides(time_t begin)
{
	char age[16];

	return aic_param_find(slurm_conf.sched_params, "bf_min_age_reserve", age, sizeof(age)) && time(NULL) - begin + 2 < atoi(age);
}

void aic_prefer_submit(job_desc_msg_t *desc)
{
	char text[TEXT_LEN], feature[AIC_NAME_LEN + 16];
	bool there;

	if ((desc->prefer && *desc->prefer) ||
	    !preference_of(text, feature, desc->spank_job_env, desc->spank_job_env_size, desc->features))
		return;
	pthread_mutex_lock(&lock);
	if (nodes_with(feature))
		wanted = time(NULL);
	there = find_room(text, feature, desc, NULL, !slurm_decides(time(NULL)));
	pthread_mutex_unlock(&lock);
	if (!there)
		return;
	xfree(desc->prefer);
	desc->prefer = xstrdup(text);
}

/* --- waiting jobs --- */

static bool may_start(const job_record_t *job)
{
	return job->priority && job->details->begin_time && job->details->begin_time <= time(NULL) &&
	       job->state_reason != WAIT_DEPENDENCY && job->state_reason != WAIT_TIME;
}

static bool may_try(const job_record_t *job)
{
	trial *t = &trials[job->job_id % TRIALS];
	time_t now = time(NULL);

	if (t->job_id != job->job_id || (t->passes == PASSES && now - t->since >= REST_S))
		*t = (trial){ job->job_id, now, 0 };
	if (t->passes < PASSES && job->last_sched_eval > t->since)
		*t = (trial){ job->job_id, now, t->passes + 1 };
	return t->passes < PASSES;
}

/* True where the scheduler must look at the job again. */
static bool renew(job_record_t *job)
{
	char text[TEXT_LEN], feature[AIC_NAME_LEN + 16];
	bool ours, should, now;

	if (!IS_JOB_PENDING(job) || !job->details ||
	    !preference_of(text, feature, job->spank_job_env, job->spank_job_env_size, job->details->features))
		return false;
	ours = !xstrcmp(job->details->prefer, text);
	if (job->details->prefer && !ours)
		return false;
	now = may_start(job) && !slurm_decides(job->details->begin_time);
	should = now ? may_try(job) && find_room(text, feature, NULL, job, true)
	             : (ours || may_start(job)) && find_room(text, feature, NULL, job, false);
	if (should == ours)
		return false;
	if (should)
		job->details->prefer = xstrdup(text);
	else
		xfree(job->details->prefer);
	FREE_NULL_LIST(job->details->prefer_list);
	aic_job_features_reset(job->details);
	if (should)
		aic_build_prefer_list(job);
	last_job_update = time(NULL);
	return !should;
}

static bool renew_all(void)
{
	aic_slurm_iterator it = list_iterator_create(job_list);
	job_record_t *job;
	bool look = false;

	while ((job = list_next(it)))
		look |= renew(job);
	list_iterator_destroy(it);
	return look;
}

/* Whether any node has data, or any job still prefers some: without either nothing is locked for long. */
static bool is_idle(void)
{
	slurmctld_lock_t locks = { .conf = NO_LOCK, .job = NO_LOCK, .node = READ_LOCK, .part = NO_LOCK, .fed = NO_LOCK };
	static bool had;
	bitstr_t *warm;
	bool any;

	lock_slurmctld(locks);
	warm = warm_nodes();
	unlock_slurmctld(locks);
	any = warm != NULL;
	FREE_NULL_BITMAP(warm);
	if (!any && !had)
		return true;
	had = any;
	return false;
}

bool aic_prefer_is_wanted(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = time(NULL) - wanted <= YOUNG_S;
	pthread_mutex_unlock(&lock);
	return is;
}

void aic_prefer_keep(void)
{
	slurmctld_lock_t locks = { .conf = READ_LOCK, .job = WRITE_LOCK, .node = READ_LOCK, .part = READ_LOCK, .fed = NO_LOCK };
	bitstr_t *warm;
	bool look = false;

	if (is_idle())
		return;
	lock_slurmctld(locks);
	if (!slurmctld_config.shutdown_time && job_list && node_record_table_ptr) {
		warm = warm_nodes();
		if (!warm)
			warm = bit_alloc(node_record_count);
		pthread_mutex_lock(&lock);
		count_room(warm);
		look = renew_all();
		pthread_mutex_unlock(&lock);
		FREE_NULL_BITMAP(warm);
	}
	unlock_slurmctld(locks);
	if (look)
		queue_job_scheduler();
}

void aic_prefer_fini(void)
{
	pthread_mutex_lock(&lock);
	xfree(left);
	n_left = 0;
	counted = wanted = 0;
	memset(trials, 0, sizeof(trials));
	pthread_mutex_unlock(&lock);
}
