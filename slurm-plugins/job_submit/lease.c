#include "slurm-plugins/job_submit/lease.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/record.h"

#define QOS_PREFIX "aic-" /* as aic allocator names the QOS of lease partitions (allocator/lending.h) */
#define WARN_SECONDS 60   /* before the time limit, too */

static bool is_lease(const part_record_t *part)
{
	return part && part->preempt_mode == PREEMPT_MODE_REQUEUE && part->qos_char &&
	       !strncmp(part->qos_char, QOS_PREFIX, sizeof(QOS_PREFIX) - 1);
}

static bool wants_lease(const char *names)
{
	char name[AIC_NAME_LEN];

	if (!names || !*names)
		return is_lease(default_part_loc);
	for (const char *p = names; *p; p += strcspn(p, ","), p += *p == ',') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ","), p);
		if (is_lease(find_part_record(name)))
			return true;
	}
	return false;
}

static void tell_job(job_desc_msg_t *desc)
{
	if (!desc->environment) /* of a batch job alone */
		return;
	xrealloc(desc->environment, (desc->env_size + 2) * sizeof(char *));
	desc->environment[desc->env_size++] = xstrdup_printf("AIC_LEASE=%u", desc->warn_signal);
	desc->environment[desc->env_size] = NULL;
}

void aic_lease_prepare(job_desc_msg_t *desc, char **err_msg)
{
	if (!wants_lease(desc->partition))
		return;
	if (!desc->warn_signal) {
		desc->warn_signal = SIGUSR1;
		desc->warn_time = WARN_SECONDS;
	}
	tell_job(desc);
	if (desc->requeue == 0)
		xstrfmtcat(*err_msg, "%sthis job forbids its requeue: on a lent node it ends for good when the owner wants the node back; "
		           "leave out --no-requeue", *err_msg ? "; " : "");
}
