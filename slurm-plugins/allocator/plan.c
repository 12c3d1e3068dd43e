#include "slurm-plugins/allocator/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAMS_LEN 4096
#define OWNER_TIER 20
#define GUEST_TIER 1

static bool add(char *buf, size_t size, const char *item, size_t n)
{
	size_t len = strlen(buf);

	if (len + n + 2 > size)
		return false;
	if (len)
		buf[len++] = ',';
	memcpy(buf + len, item, n);
	buf[len + n] = '\0';
	return true;
}

bool aic_plan_merge(char *buf, size_t size, const char *params, const char *key, uint64_t max)
{
	size_t klen = strlen(key);
	char mine[160];
	bool fits = true, there = false;

	if (max == UINT64_MAX)
		snprintf(mine, sizeof(mine), "%s", key);
	else
		snprintf(mine, sizeof(mine), "%s=%" PRIu64, key, max);
	buf[0] = '\0';
	for (const char *p = params; p && *p && fits; p += strcspn(p, ","), p += *p == ',') {
		size_t n = strcspn(p, ",");
		bool same = !strncasecmp(p, key, klen) && (n == klen || p[klen] == '=');

		if (same && max != UINT64_MAX && (p[klen] != '=' || strtoull(p + klen + 1, NULL, 10) > max))
			fits = add(buf, size, mine, strlen(mine));
		else
			fits = add(buf, size, p, n);
		there |= same;
	}
	return fits && (there || add(buf, size, mine, strlen(mine)));
}

static void put_list(aic_bytes *out, const char *key, const char (*name)[AIC_NAME_LEN], size_t n)
{
	for (size_t i = 0; i < n; i++)
		aic_bytes_printf(out, "%s%s", i ? "," : key, name[i]);
}

/* A partition that opens by the clock, or when its nodes were idle long enough, waits closed for `aic allocator tick`. */
static void put_partitions(aic_bytes *out, const aic_lend *l)
{
	bool waits = l->from_min >= 0 || l->idle_min > 0;

	aic_bytes_printf(out, "PartitionName=%s Nodes=%s State=UP PriorityTier=%d PreemptMode=OFF Hidden=YES", l->own, l->nodes, OWNER_TIER);
	put_list(out, " AllowAccounts=", (const char (*)[AIC_NAME_LEN])l->owner, l->n_owners);
	aic_bytes_printf(out, "\nPartitionName=%s Nodes=%s State=%s PriorityTier=%d PreemptMode=REQUEUE GraceTime=%" PRIu64 " QOS=%s", l->lease,
	                 l->nodes, waits ? "DOWN" : "UP", GUEST_TIER, l->grace_s, l->qos);
	put_list(out, " AllowAccounts=", (const char (*)[AIC_NAME_LEN])l->guest, l->n_guests);
	aic_bytes_append_str(out, "\n");
}

static void put_merged(aic_bytes *out, const char *name, const char *params, const char *key, uint64_t max, const char *key2, uint64_t max2)
{
	char once[PARAMS_LEN], twice[PARAMS_LEN];

	if (!aic_plan_merge(once, sizeof(once), params, key, max) || (key2 && !aic_plan_merge(twice, sizeof(twice), once, key2, max2)))
		return; /* longer than any that Slurm takes: left as it is */
	aic_bytes_printf(out, "%s=%s\n", name, key2 ? twice : once);
}

void aic_plan_conf(aic_bytes *out, const aic_lending *l, const aic_plan_settings *now)
{
	aic_bytes_append_str(out, "# Written by `aic allocator apply` from " AIC_LENDING_NAME ": `aic allocator check` finds what is changed here.\n");
	if (!l->n)
		return;
	aic_bytes_append_str(out, "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\n");
	put_merged(out, "SchedulerParameters", now->scheduler, "bf_interval", l->bf_interval, "sched_interval", l->sched_interval);
	put_merged(out, "SlurmctldParameters", now->slurmctld, "preempt_send_user_signal", UINT64_MAX, NULL, 0);
	if (l->private_data) {
		char users[PARAMS_LEN];

		if (aic_plan_merge(users, sizeof(users), now->private_data, "jobs", UINT64_MAX))
			put_merged(out, "PrivateData", users, "usage", UINT64_MAX, "users", UINT64_MAX);
	}
	for (size_t i = 0; i < l->n; i++)
		put_partitions(out, &l->lend[i]);
}

char *aic_plan_qos(char buf[AIC_PLAN_QOS_LEN], const aic_lend *l)
{
	char gpus[48] = "", lease[32] = "";
	uint64_t m = l->lease_min;

	if (l->gpus)
		snprintf(gpus, sizeof(gpus), "gres/gpu=%" PRIu64, l->gpus);
	if (m >= 1440) /* as sacctmgr prints it */
		snprintf(lease, sizeof(lease), "%" PRIu64 "-%02u:%02u:00", m / 1440, (unsigned)(m % 1440 / 60), (unsigned)(m % 60));
	else if (m)
		snprintf(lease, sizeof(lease), "%02u:%02u:00", (unsigned)(m / 60), (unsigned)(m % 60));
	snprintf(buf, AIC_PLAN_QOS_LEN, "%s|%s|%s", l->qos, gpus, lease);
	return buf;
}
