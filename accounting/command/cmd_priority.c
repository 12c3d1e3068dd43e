/* cmd_priority.c: aic explain --priority JOB: what site_factor/aic gave a job, and why. */
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/explain.h"
#include "common/bytes.h"
#include "common/priority.h"

typedef struct {
	uint32_t priority, points;
	char account[AIC_NAME_LEN];
	aic_priority_weights weights;
	bool plugin;
	uint64_t rating_ppm;
} facts;

extern slurm_conf_t slurm_conf; /* libslurm's own, read by slurm_init: slurmctld does not tell these two */

static const aic_column columns[] = {
	{"what", "WHAT", AIC_COLUMN_TEXT}, {"points", "POINTS", AIC_COLUMN_NUMBER}, {"rule", "RULE", AIC_COLUMN_TEXT},
};

static const aic_column wallet_columns[] = {
	{"wallet", "", AIC_COLUMN_TEXT},      {"organisation", "", AIC_COLUMN_TEXT}, {"balance", "", AIC_COLUMN_AMOUNT},
	{"unsettled", "", AIC_COLUMN_AMOUNT}, {"available", "", AIC_COLUMN_AMOUNT},  {"debt", "", AIC_COLUMN_AMOUNT},
	{"rating", "", AIC_COLUMN_AMOUNT},    {"registered", "", AIC_COLUMN_TEXT},   {"as_of", "", AIC_COLUMN_TIME},
};
enum { WALLET_COLUMNS = sizeof(wallet_columns) / sizeof(wallet_columns[0]), WALLET = 0, RATING = 6 };

static aic_code ask_slurm(facts *f, const aic_config *c, uint32_t id, aic_error *err)
{
	job_info_msg_t *jobs = NULL;

	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 0);
	slurm_init(NULL);
	f->plugin = slurm_conf.site_factor_plugin && strstr(slurm_conf.site_factor_plugin, "site_factor/aic");
	aic_code rc = aic_priority_parse(&f->weights, f->plugin ? slurm_conf.site_factor_params : NULL, err);
	if (rc != AIC_OK)
		return rc;
	if (slurm_load_job(&jobs, id, SHOW_ALL) || !jobs->record_count)
		return aic_fail(err, AIC_NOT_FOUND, "slurmctld knows no job %u that you may see: `squeue` lists those that wait", id);
	f->priority = jobs->job_array[0].priority;
	f->points = jobs->job_array[0].site_factor >= NICE_OFFSET ? jobs->job_array[0].site_factor - NICE_OFFSET : 0;
	aic_str_copy(f->account, sizeof(f->account), jobs->job_array[0].account ? jobs->job_array[0].account : "");
	slurm_free_job_info_msg(jobs);
	return AIC_OK;
}

static aic_code ask_rating(facts *f, const aic_config *c, aic_error *err)
{
	aic_question q = {.config = c};
	aic_grid grid = {0};

	aic_rpc_begin(&q.body, "wallets", 0);
	aic_code rc = aic_ask_rows(&q, &grid, wallet_columns, WALLET_COLUMNS, err);
	for (size_t i = 0; i < grid.n && rc == AIC_OK; i++) {
		const char *name = aic_grid_cell(&grid, i, WALLET)->text;

		if (!strncmp(name, "account/", 8) && !strcmp(name + 8, f->account))
			f->rating_ppm = (uint64_t)(aic_grid_cell(&grid, i, RATING)->amount / (AIC_UNIT / AIC_PPM));
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return rc;
}

static aic_table *table_of(const facts *f)
{
	aic_table *t = aic_table_new(columns, 3);
	uint32_t rating = aic_priority_points(&f->weights, f->rating_ppm, false);
	bool warm = f->points > rating;
	char rule[200];

	if (warm || f->points < rating) /* what is not data is the rating as it was when the job was looked at */
		rating = f->points - (warm ? f->weights.warm : 0);
	snprintf(rule, sizeof(rule), "account %.64s has a rating of 0.%06llu; at 1 it would be %u points", f->account,
	         (unsigned long long)(f->rating_ppm % AIC_PPM), f->weights.rating);
	aic_table_text(t, "rating");
	aic_table_number(t, rating);
	aic_table_text(t, rule);
	aic_table_text(t, "warm data");
	aic_table_number(t, warm ? f->weights.warm : 0);
	aic_table_text(t, warm ? "a node holds the job's data set" : "no node holds its data set, or it names none");
	aic_table_rule(t);
	aic_table_text(t, "site factor");
	aic_table_number(t, f->points);
	aic_table_text(t, "what `sprio` shows as SITE");
	if (!f->plugin)
		aic_table_note(t, "slurm.conf has no PrioritySiteFactorPlugin=site_factor/aic: AIC changes no priority.");
	aic_table_note(t, "The job's priority in Slurm is %u.", f->priority);
	return t;
}

aic_code aic_explain_priority(const aic_config *c, uint32_t job, aic_table **out, aic_error *err)
{
	facts f = {0};
	aic_code rc = ask_slurm(&f, c, job, err);

	if (rc == AIC_OK)
		rc = ask_rating(&f, c, err);
	if (rc == AIC_OK)
		*out = table_of(&f);
	return rc;
}
