/* cmd_lease.c: aic lease list: what is lent now, and until when a guest is safe. */
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/time.h"
#include "slurm-plugins/allocator/slurm.h"
#include "slurm-plugins/commands.h"

static const aic_column columns[] = {
	{"lease", "LEASE", AIC_COLUMN_TEXT}, {"nodes", "NODES", AIC_COLUMN_TEXT},  {"state", "STATE", AIC_COLUMN_TEXT},
	{"job", "JOB", AIC_COLUMN_TEXT},     {"gpus", "GPUS", AIC_COLUMN_NUMBER},  {"since", "SINCE", AIC_COLUMN_TIME},
	{"safe_until", "SAFE UNTIL", AIC_COLUMN_TIME},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static int64_t gpus_of(const char *tres)
{
	const char *p = tres ? strstr(tres, "gres/gpu=") : NULL;

	return p ? strtoll(p + 9, NULL, 10) : 0;
}

static void lease_row(aic_table *t, const aic_lend *l, const partition_info_t *p, const job_info_t *j)
{
	char id[16];

	aic_table_text(t, l->lease);
	aic_table_text(t, j ? j->nodes : p ? p->nodes : l->nodes);
	aic_table_text(t, j ? "lent" : !p ? "not applied" : p->state_up == PARTITION_UP ? "free" : "closed");
	snprintf(id, sizeof(id), "%u", j ? j->job_id : 0);
	aic_table_text(t, j ? id : "-");
	aic_table_number(t, j ? gpus_of(j->tres_alloc_str) : 0);
	aic_table_time(t, j ? j->start_time : 0);
	aic_table_time(t, j ? j->start_time + (int64_t)l->lease_min * 60 : 0);
}

static void add_rows(aic_table *t, const aic_lending *all, const aic_slurm *s, const job_info_msg_t *jobs)
{
	for (size_t i = 0; i < all->n; i++) {
		const partition_info_t *p = aic_slurm_partition(s, all->lend[i].lease);
		bool any = false;

		for (uint32_t k = 0; k < jobs->record_count; k++) {
			const job_info_t *j = &jobs->job_array[k];

			if ((j->job_state & JOB_STATE_BASE) == JOB_RUNNING && j->partition && !strcmp(j->partition, all->lend[i].lease)) {
				lease_row(t, &all->lend[i], p, j);
				any = true;
			}
		}
		if (!any)
			lease_row(t, &all->lend[i], p, NULL);
	}
}

static aic_code list(const aic_command *base, aic_error *err)
{
	job_info_msg_t *jobs = NULL;
	aic_lending l = {0};
	aic_slurm s = {0};
	aic_code rc = aic_lending_load(&l, &base->config, NULL, err);

	if (rc == AIC_OK)
		rc = aic_slurm_load(&s, &base->config, err);
	if (rc == AIC_OK && slurm_load_jobs(0, &jobs, SHOW_ALL))
		rc = aic_fail(err, AIC_UNREACHABLE, "slurmctld does not answer: start it, or set SLURM_CONF");
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

		add_rows(t, &l, &s, jobs);
		aic_table_print(t, base->format, stdout);
		aic_table_free(t);
	}
	if (jobs)
		slurm_free_job_info_msg(jobs);
	aic_slurm_free(&s);
	aic_lending_free(&l);
	return rc;
}

static int cmd_list(int argc, char **argv)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {NULL, parse, NULL, "What is lent now: jobs that you may see, and leases without one.", children, NULL, NULL};
	aic_command base = {0};
	aic_error err = {0};
	int status = aic_command_begin(&base, &argp, argc, argv, &base);

	if (status)
		return status;
	aic_code rc = list(&base, &err);
	aic_command_end(&base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

int aic_cmd_lease(int argc, char **argv)
{
	static const aic_subcommand commands[] = {{"list", cmd_list, "what is lent now, and until when a guest is safe"}, {NULL, NULL, NULL}};

	return aic_command_dispatch(commands, "Lent nodes.", argc, argv);
}
