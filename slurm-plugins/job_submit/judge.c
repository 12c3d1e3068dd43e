#include "slurm-plugins/job_submit/judge.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/time.h"
#include "slurm-plugins/job_submit/flight.h"
#include "slurm-plugins/job_submit/hold.h"
#include "slurm-plugins/job_submit/request.h"
#include "slurm-plugins/job_submit/reserved.h"
#include "slurm-plugins/option.h"

#define PARTITIONS_MAX 64
/* A sum that is not of this moment reserves too much, never too little: what is admitted is added, what ended is not yet
 * taken off. So it is only made anew now and then, and before a job is held. */
#define SUM_MS 10000         /* at most that often, by the keeper's thread (by a submit where that does not come to it), */
#define LATE 3
#define SUM_SHARE 500        /* and for at most one part in that many of the time; */
#define DOUBT_SHARE 20       /* before a job is held, up to one in that many */
#define CHARGE_LAG 5         /* seconds from a job's end until its charge is sure to be in a snapshot written then */

typedef struct {
	part_record_t *part[PARTITIONS_MAX];
	uint32_t n;
} partitions;

/* Under one lock, and not on the stack: each of slurmctld's threads would first have to fault it in. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static partitions parts;
static aic_request request;
static aic_reserved reserved;
static aic_flight flight;
static int64_t summed_ms, sum_took_ms;
static bool held_news;       /* a job was held since the last sum */
static bool held_any;        /* at the last sum */
static int64_t summed_snapshot;

/* --- what Slurm says of a request --- */

static const char *partition_at(void *ctx, uint32_t i, const aic_partition **p)
{
	(void)ctx;
	if (i >= parts.n)
		return NULL;
	if (p)
		*p = aic_partition_cached(parts.part[i]);
	return parts.part[i]->name;
}

static void find_partitions(const char *names)
{
	char name[AIC_NAME_LEN];

	parts.n = 0;
	if (!names || !*names) {
		if (default_part_loc)
			parts.part[parts.n++] = default_part_loc;
		return;
	}
	for (const char *p = names; *p && parts.n < PARTITIONS_MAX; p += strcspn(p, ","), p += *p == ',') {
		part_record_t *part;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ","), p);
		part = find_part_record(name);
		if (part) /* Slurm itself refuses what it does not know */
			parts.part[parts.n++] = part;
	}
}

static const char *account_of(const job_desc_msg_t *desc)
{
	slurmdb_user_rec_t user = { 0 };

	if (desc->account && *desc->account)
		return desc->account;
	user.uid = desc->user_id;
	if (assoc_mgr_fill_in_user(acct_db_conn, &user, accounting_enforce, NULL, false) == SLURM_ERROR)
		return NULL;
	return user.default_acct;
}

static bool prepare(aic_ask *ask, const job_desc_msg_t *desc)
{
	aic_error err;

	if (aic_request_copy(&request, desc, &err)) { /* Slurm has its own word on what it cannot read */
		debug("job_submit/aic: no quote: %s", err.message);
		return false;
	}
	find_partitions(desc->partition);
	*ask = (aic_ask){ .account = account_of(desc), .request = &request, .partition = partition_at };
	ask->dataset = aic_option_find(desc->spank_job_env, desc->spank_job_env_size, AIC_OPTION_DATASET);
	ask->model = aic_option_find(desc->spank_job_env, desc->spank_job_env_size, AIC_OPTION_MODEL);
	return true;
}

/* --- reservations --- */

bool aic_held(const job_record_t *job)
{
	return IS_JOB_PENDING(job) && !job->priority && aic_hold_said(job->admin_comment);
}

/* Whether the job may cost something that is not yet charged in a snapshot of that time. */
static bool may_cost(const job_record_t *job, int64_t snapshot_time)
{
	if (IS_JOB_FINISHED(job))
		return job->start_time && job->end_time > job->start_time && /* cancelled after a requeue: it has an end and no start */
		       job->end_time >= snapshot_time - CHARGE_LAG;
	return !aic_held(job);
}

/* What the job as it stands may still cost, and who pays; false where it has no quote. */
static bool cost_of(aic_view *view, const job_record_t *job, const char **account, aic_amount *cost)
{
	job_desc_msg_t none, desc;
	aic_ask ask;

	slurm_init_job_desc_msg(&none);
	aic_request_merge(&desc, &none, job);
	if (!prepare(&ask, &desc))
		return false;
	if (!IS_JOB_PENDING(job) && job->part_ptr) { /* it runs in one of them */
		parts.part[0] = job->part_ptr;
		parts.n = 1;
	}
	if (IS_JOB_FINISHED(job) && (request.seconds < 0 || job->end_time - job->start_time < request.seconds))
		request.seconds = job->end_time - job->start_time;
	*account = ask.account;
	return aic_view_quote(view, &ask, cost);
}

static void book_held(aic_reservations *book, const job_record_t *job, const char *account, aic_amount cost)
{
	aic_held_job held = {
		.job = job->job_id, .submitted = job->details ? job->details->submit_time : 0, .cost = cost,
		.own = aic_hold_own(job->admin_comment),
	};

	aic_str_copy(held.account, sizeof(held.account), account ? account : "");
	aic_reservations_hold(book, &held);
}

/* book may be NULL. */
static void sum_jobs(aic_view *view, aic_reservations *book)
{
	int64_t began = aic_monotonic_ms(), snapshot_time = aic_view_written(view);
	aic_slurm_iterator it = list_iterator_create(job_list);
	const char *account;
	job_record_t *job;
	aic_amount cost;

	aic_reserved_clear(&reserved);
	held_any = false;
	while ((job = list_next(it))) {
		bool held = aic_held(job);

		aic_flight_land(&flight, job->admin_comment);
		held_any |= held;
		if (held && book && cost_of(view, job, &account, &cost))
			book_held(book, job, account, cost);
		else if (may_cost(job, snapshot_time) && cost_of(view, job, &account, &cost))
			aic_reserved_add(&reserved, account, cost);
	}
	list_iterator_destroy(it);
	aic_flight_reserve(&flight, &reserved, began);
	held_news = false;
	summed_snapshot = snapshot_time;
	summed_ms = aic_monotonic_ms();
	sum_took_ms = summed_ms - began;
}

static bool sum_is_old(int64_t least_ms, int64_t share)
{
	int64_t age = aic_monotonic_ms() - summed_ms;

	return !summed_ms || (age >= least_ms && age >= sum_took_ms * share);
}

/* --- judgements --- */

static void judge(aic_view *view, aic_verdict *v, const job_desc_msg_t *desc)
{
	aic_ask ask;

	*v = (aic_verdict){ .ruling = AIC_ADMIT };
	if (!prepare(&ask, desc))
		return;
	ask.reserved = aic_reserved_of(&reserved, ask.account);
	aic_view_decide(view, slurm_conf.slurmctld_params, v, &ask);
}

/* Beside the other jobs of the account: without what this one, counted among them, may cost. */
static void judge_beside(aic_view *view, aic_verdict *v, const job_desc_msg_t *desc, const char *account, aic_amount own)
{
	aic_ask ask;

	*v = (aic_verdict){ .ruling = AIC_ADMIT };
	if (!summed_ms)
		sum_jobs(view, NULL);
	if (!prepare(&ask, desc))
		return;
	ask.reserved = aic_reserved_of(&reserved, ask.account);
	if (own && !xstrcmp(account, ask.account) && !aic_amount_sub(&ask.reserved, ask.reserved, own))
		ask.reserved = 0;
	aic_view_decide(view, slurm_conf.slurmctld_params, v, &ask);
}

static void reserve_submit(job_desc_msg_t *desc, const aic_verdict *v)
{
	const char *account = account_of(desc);
	char text[AIC_FLIGHT_TEXT];

	aic_reserved_add(&reserved, account, v->cost);
	aic_flight_add(&flight, text, account, v->cost, aic_monotonic_ms());
	if (!desc->admin_comment) /* else it is reserved twice until the flight is over */
		desc->admin_comment = xstrdup(text);
}

void aic_judge_submit(aic_view *view, aic_verdict *v, job_desc_msg_t *desc)
{
	bool enforces = aic_view_enforces(view);

	pthread_mutex_lock(&lock);
	if (enforces && sum_is_old(LATE * SUM_MS, LATE * SUM_SHARE))
		sum_jobs(view, NULL);
	judge(view, v, desc);
	if (enforces && v->ruling != AIC_ADMIT && v->quoted && sum_is_old(1, DOUBT_SHARE)) {
		sum_jobs(view, NULL);
		judge(view, v, desc);
	}
	if (enforces && v->ruling == AIC_ADMIT && v->quoted)
		reserve_submit(desc, v);
	held_news |= v->ruling == AIC_HOLD;
	pthread_mutex_unlock(&lock);
}

void aic_judge_change(aic_view *view, aic_verdict *v, const job_desc_msg_t *change, const job_record_t *job)
{
	bool enforces = aic_view_enforces(view), counted = false;
	const char *account = NULL;
	job_desc_msg_t merged;
	aic_amount before = 0;

	aic_request_merge(&merged, change, job);
	pthread_mutex_lock(&lock);
	if (enforces) {
		counted = !aic_held(job) && cost_of(view, job, &account, &before);
		judge_beside(view, v, &merged, account, counted ? before : 0);
		if (v->ruling != AIC_ADMIT && v->quoted && sum_is_old(1, DOUBT_SHARE)) {
			sum_jobs(view, NULL);
			judge_beside(view, v, &merged, account, counted ? before : 0);
		}
	} else {
		judge(view, v, &merged);
	}
	if (enforces && v->ruling == AIC_ADMIT && v->quoted) {
		if (counted)
			aic_reserved_take(&reserved, account, before);
		if (counted || change->priority != NO_VAL) /* else it stays held */
			aic_reserved_add(&reserved, account_of(&merged), v->cost);
	}
	pthread_mutex_unlock(&lock);
}

void aic_judge_quote(aic_view *view, aic_quote *q, const job_desc_msg_t *desc)
{
	aic_ask ask;

	*q = (aic_quote){ .ruling = AIC_QUOTE_ADMIT, .message = "AIC cannot read what this job asks for" };
	pthread_mutex_lock(&lock);
	if (aic_view_enforces(view) && sum_is_old(1, DOUBT_SHARE))
		sum_jobs(view, NULL);
	if (prepare(&ask, desc)) {
		ask.reserved = aic_reserved_of(&reserved, ask.account);
		aic_view_say(view, slurm_conf.slurmctld_params, q, &ask);
	}
	pthread_mutex_unlock(&lock);
}

bool aic_judge_need(aic_estimate *need, uint32_t *nodes, part_record_t **part, const job_desc_msg_t *desc, const job_record_t *job)
{
	job_desc_msg_t none, merged;
	bool told;

	if (!desc) {
		slurm_init_job_desc_msg(&none);
		aic_request_merge(&merged, &none, job);
		desc = &merged;
	}
	pthread_mutex_lock(&lock);
	told = aic_request_copy(&request, desc, NULL) == AIC_OK;
	find_partitions(desc->partition);
	told = told && parts.n;
	if (told) {
		aic_estimate_job(need, &request, aic_partition_cached(parts.part[0]));
		*nodes = request.min_nodes == AIC_UNSET || !request.min_nodes ? 1 : request.min_nodes;
		*part = parts.part[0];
	}
	pthread_mutex_unlock(&lock);
	return told;
}

/* --- the keeper --- */

static bool sum_is_due(int64_t snapshot_time)
{
	bool due;

	pthread_mutex_lock(&lock);
	due = sum_is_old(SUM_MS, SUM_SHARE) ||
	      ((held_news || (held_any && snapshot_time != summed_snapshot)) && sum_is_old(1, DOUBT_SHARE));
	pthread_mutex_unlock(&lock);
	return due;
}

/* squeue's reason: the submit could not set it, as there was no job yet. */
static void show_reasons(void)
{
	aic_slurm_iterator it = list_iterator_create(job_list);
	job_record_t *job;

	while ((job = list_next(it)))
		if (!job->state_desc && aic_held(job)) {
			job->state_desc = xstrdup(aic_hold_message(job->admin_comment));
			last_job_update = time(NULL);
		}
	list_iterator_destroy(it);
}

static void fill_book(aic_reservations *book)
{
	book->written_at = aic_now();
	book->snapshot_at = summed_snapshot;
	for (size_t i = 0; i < reserved.size; i++)
		if (reserved.row[i].account[0])
			aic_reservations_add(book, reserved.row[i].account, reserved.row[i].sum);
}

bool aic_judge_keep(aic_view *view, aic_reservations *book)
{
	slurmctld_lock_t locks = { .conf = READ_LOCK, .job = WRITE_LOCK, .node = READ_LOCK, .part = READ_LOCK, .fed = NO_LOCK };
	bool done = false;

	if (!aic_view_enforces(view) || !sum_is_due(aic_view_written(view)))
		return false;
	lock_slurmctld(locks);
	/* slurmctld frees its jobs after it has saved them, for which it needs this lock once more */
	if (!slurmctld_config.shutdown_time && job_list) {
		pthread_mutex_lock(&lock);
		sum_jobs(view, book);
		fill_book(book);
		pthread_mutex_unlock(&lock);
		if (held_any)
			show_reasons();
		done = true;
	}
	unlock_slurmctld(locks);
	return done;
}

void aic_judge_init(void)
{
	pthread_mutex_lock(&lock);
	memset(&flight, 0, sizeof(flight));
	pthread_mutex_unlock(&lock);
}

void aic_judge_fini(void)
{
	pthread_mutex_lock(&lock);
	aic_reserved_free(&reserved);
	summed_ms = 0;
	pthread_mutex_unlock(&lock);
}
