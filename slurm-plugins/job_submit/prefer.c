#include "slurm-plugins/job_submit/prefer.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/priority.h"
#include "slurm-plugins/job_submit/constraint.h"
#include "slurm-plugins/job_submit/judge.h"
#include "slurm-plugins/option.h"

#define TEXT_LEN 1024
#define FRESH_S 3            /* a table older than that counts only idle nodes */
#define TRY_S 3              /* so long a waiting job may keep its preference */
#define REST_S 30            /* and then goes without */
#define TRIALS 1024

/* What a node has left. */
typedef struct {
	uint32_t cpus, gpus;
	uint64_t mem_mib;
} room;

typedef struct {
	uint32_t job_id;
	time_t since;
} trial;

/* Of this file's own; taken inside slurmctld's locks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static room *left;           /* by node number; only those with data sets are kept */
static int n_left;
static time_t counted;
static trial trials[TRIALS]; /* by job id */

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

		if (!xstrcmp(gres->gres_name, "gpu") && ns)
			r->gpus += (uint32_t)(ns->gres_cnt_avail - (all ? 0 : MIN(ns->gres_cnt_alloc, ns->gres_cnt_avail)));
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
}

static bool fits(const room *r, const room *need)
{
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

static room room_needed(const aic_estimate *e, uint32_t nodes)
{
	room r = { .cpus = (e->total.cpus + nodes - 1) / nodes, .mem_mib = (e->total.mem_mib + nodes - 1) / nodes };

	for (uint32_t i = 0; i < e->total.gpu_types; i++)
		r.gpus += e->total.gpu[i].count;
	r.gpus = (r.gpus + nodes - 1) / nodes;
	return r;
}

/* Whether nodes that hold its data can take it now; then they are taken. */
static bool find_room(const char *prefer, const char *feature, const job_desc_msg_t *desc, const job_record_t *job)
{
	bitstr_t *warm = nodes_with(feature);
	part_record_t *part;
	aic_estimate e;
	uint32_t nodes, found = 0;
	room need;
	int *at;

	if (!warm || bit_ffs(warm) < 0 || !aic_judge_need(&e, &nodes, &part, desc, job) || !part->node_bitmap)
		return false;
	need = room_needed(&e, nodes);
	at = xcalloc(nodes, sizeof(*at));
	for (bitoff_t i = bit_ffs(warm), last = bit_fls(warm); i <= last && found < nodes; i++) {
		room *r = bit_test(warm, i) && bit_test(part->node_bitmap, i) ? room_of((int)i) : NULL;

		if (r && fits(r, &need) && meets(prefer, (int)i))
			at[found++] = (int)i;
	}
	for (uint32_t i = 0; found == nodes && i < nodes; i++)
		take(room_of(at[i]), &need);
	xfree(at);
	return found == nodes;
}

static bool preference_of(char text[TEXT_LEN], char feature[AIC_NAME_LEN + 16], char *const *env, uint32_t n, const char *constraint)
{
	const char *dataset = aic_option_find(env, n, AIC_OPTION_DATASET);

	if (!dataset || !*dataset)
		return false;
	aic_priority_feature(feature, AIC_NAME_LEN + 16, dataset);
	return aic_constraint_merge(text, TEXT_LEN, constraint, feature);
}

void aic_prefer_submit(job_desc_msg_t *desc)
{
	char text[TEXT_LEN], feature[AIC_NAME_LEN + 16];
	bool there;

	if ((desc->prefer && *desc->prefer) ||
	    !preference_of(text, feature, desc->spank_job_env, desc->spank_job_env_size, desc->features))
		return;
	pthread_mutex_lock(&lock);
	there = find_room(text, feature, desc, NULL);
	pthread_mutex_unlock(&lock);
	if (!there)
		return;
	xfree(desc->prefer);
	desc->prefer = xstrdup(text);
}

/* --- waiting jobs --- */

static bool may_start(const job_record_t *job)
{
	return IS_JOB_PENDING(job) && job->details && job->priority && job->details->begin_time && job->details->begin_time <= time(NULL) &&
	       job->state_reason != WAIT_DEPENDENCY && job->state_reason != WAIT_TIME;
}

static bool may_try(uint32_t job_id)
{
	trial *t = &trials[job_id % TRIALS];
	time_t now = time(NULL);

	if (t->job_id != job_id || now - t->since >= TRY_S + REST_S)
		*t = (trial){ job_id, now };
	return now - t->since < TRY_S;
}

/* True where the scheduler must look at the job again. */
static bool renew(job_record_t *job)
{
	char text[TEXT_LEN], feature[AIC_NAME_LEN + 16];
	bool ours, should;

	if (!may_start(job) || !preference_of(text, feature, job->spank_job_env, job->spank_job_env_size, job->details->features))
		return false;
	ours = !xstrcmp(job->details->prefer, text);
	if (job->details->prefer && !ours)
		return false;
	should = may_try(job->job_id) && find_room(text, feature, NULL, job);
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
	counted = 0;
	memset(trials, 0, sizeof(trials));
	pthread_mutex_unlock(&lock);
}
