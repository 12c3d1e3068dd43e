#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "slurm-plugins/allocator/change.h"

typedef struct {
	node_info_msg_t *nodes;
	job_info_msg_t *jobs;
	const aic_barred *barred;
} present;

static bool has_guest(const present *p, const aic_lend *l, const char *node)
{
	for (uint32_t i = 0; i < p->jobs->record_count; i++) {
		const job_info_t *j = &p->jobs->job_array[i];
		struct hostlist *list;
		bool there;

		if ((j->job_state & JOB_STATE_BASE) != JOB_RUNNING || !j->partition || strcmp(j->partition, l->lease) || !j->nodes)
			continue;
		list = slurm_hostlist_create(j->nodes);
		there = slurm_hostlist_find(list, node) >= 0;
		slurm_hostlist_destroy(list);
		if (there)
			return true;
	}
	return false;
}

static bool idle_long_enough(const present *p, const aic_lend *l, const char *node, int64_t now)
{
	for (uint32_t i = 0; i < p->nodes->record_count; i++) {
		const node_info_t *n = &p->nodes->node_array[i];

		if (n->name && !strcmp(n->name, node))
			return (n->node_state & NODE_STATE_BASE) == NODE_STATE_IDLE && now - n->last_busy >= (int64_t)l->idle_min * 60;
	}
	return false;
}

/* The caller frees it. */
static char *ranged(struct hostlist *list)
{
	size_t size = 256;
	char *text = aic_xmalloc(size);

	while (slurm_hostlist_ranged_string(list, size, text) < 0)
		text = aic_xrealloc(text, size *= 2);
	return text;
}

/* The nodes that are lent now, as a host list; NULL for none. The caller frees it. */
static char *lent_nodes(const present *p, const aic_lend *l, int64_t now)
{
	struct hostlist *all = slurm_hostlist_create(l->nodes), *lent = slurm_hostlist_create("");
	char *node, *text = NULL;

	while ((node = slurm_hostlist_shift(all))) {
		if (!aic_barred_find(p->barred, node) && (!l->idle_min || has_guest(p, l, node) || idle_long_enough(p, l, node, now)))
			slurm_hostlist_push_host(lent, node);
		free(node);
	}
	if (slurm_hostlist_count(lent))
		text = ranged(lent);
	slurm_hostlist_destroy(all);
	slurm_hostlist_destroy(lent);
	return text;
}

static bool same_nodes(const char *a, const char *b)
{
	struct hostlist *x = slurm_hostlist_create(a), *y = slurm_hostlist_create(b ? b : "");
	char *tx, *ty;
	bool same;

	slurm_hostlist_uniq(x);
	slurm_hostlist_uniq(y);
	tx = ranged(x);
	ty = ranged(y);
	same = !strcmp(tx, ty);
	free(tx);
	free(ty);
	slurm_hostlist_destroy(x);
	slurm_hostlist_destroy(y);
	return same;
}

static aic_code tick_one(const present *p, const aic_lend *l, const partition_info_t *part, int64_t now, unsigned *changed, aic_error *err)
{
	time_t t = (time_t)now;
	struct tm local;
	update_part_msg_t update;
	char *nodes;

	localtime_r(&t, &local);
	nodes = aic_lend_open(l, local.tm_hour * 60 + local.tm_min) ? lent_nodes(p, l, now) : NULL;
	slurm_init_part_desc_msg(&update);
	update.name = part->name;
	update.state_up = nodes ? PARTITION_UP : PARTITION_DOWN;
	if (nodes && !same_nodes(nodes, part->nodes))
		update.nodes = nodes;
	int rc = 0;
	if (update.nodes || update.state_up != part->state_up) {
		rc = slurm_update_partition(&update);
		(*changed)++;
	}
	free(nodes);
	if (rc)
		return aic_fail(err, AIC_REFUSED, "slurmctld does not change partition %s (%s): run this as root or SlurmUser", l->lease,
		                slurm_strerror(errno));
	return AIC_OK;
}

aic_code aic_lending_tick(const aic_change *c, int64_t now, unsigned *changed, aic_error *err)
{
	const aic_lending *l = &c->lending;
	present p = {.barred = &c->barred};
	aic_code rc = AIC_OK;

	*changed = 0;
	if (slurm_load_node(0, &p.nodes, SHOW_ALL) || slurm_load_jobs(0, &p.jobs, SHOW_ALL))
		rc = aic_fail(err, AIC_UNREACHABLE, "slurmctld does not answer (%s): start it, or set SLURM_CONF", slurm_strerror(errno));
	for (size_t i = 0; i < l->n && rc == AIC_OK; i++) {
		const partition_info_t *part = aic_slurm_partition(&c->slurm, l->lend[i].lease);

		if (!part)
			rc = aic_fail(err, AIC_NOT_FOUND, "there is no partition %s: run `aic allocator apply`", l->lend[i].lease);
		else
			rc = tick_one(&p, &l->lend[i], part, now, changed, err);
	}
	if (p.nodes)
		slurm_free_node_info_msg(p.nodes);
	if (p.jobs)
		slurm_free_job_info_msg(p.jobs);
	return rc;
}
