/* cmd_explain.c: aic explain JOB. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/explain.h"
#include "accounting/commands.h"

static const aic_column columns[] = {
	{"what", "WHAT", AIC_COLUMN_TEXT},
	{"value", "VALUE", AIC_COLUMN_TEXT},
	{"rule", "RULE", AIC_COLUMN_TEXT},
};

/* Takes the option out of the words. */
static bool take_priority(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (!strcmp(argv[i], "--priority")) {
			memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof(*argv));
			--*argc;
			return true;
		}
	return false;
}

int aic_cmd_explain(int argc, char **argv)
{
	bool priority = take_priority(&argc, argv);
	aic_words w = {.max_args = 2};
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};
	char *rest = NULL;
	int status = aic_words_begin(&w, "[--priority] JOB [CLUSTER]", "Every number from a job's record to its payout, with the rule that it comes from; with"
	                             " --priority, what AIC added to the priority of a job that waits.", argc,
	                             argv);

	if (status)
		return status;
	errno = 0;
	long long job = w.n_args ? strtoll(w.arg[0], &rest, 10) : 0;
	aic_code rc = errno || job <= 0 || *rest ? aic_fail(&err, AIC_USAGE, "which job? Give its number: `aic explain 1234`") : AIC_OK;
	if (rc == AIC_OK && priority) {
		aic_table *t;

		rc = job > UINT32_MAX ? aic_fail(&err, AIC_USAGE, "%s is above Slurm's largest job id", w.arg[0])
		                      : aic_explain_priority(&w.base.config, (uint32_t)job, &t, &err);
		if (rc == AIC_OK)
			aic_show(&w, t);
		return aic_words_end(&w, argv, rc, &err);
	}
	if (rc == AIC_OK) {
		aic_rpc_begin(&q.body, "explain", 2);
		aic_cbor_put_int(&q.body, job);
		aic_cbor_put_text(&q.body, w.n_args == 2 ? w.arg[1] : "");
		rc = aic_ask_rows(&q, &grid, columns, 3, &err);
	}
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, 3);
		aic_grid_rows(&grid, columns, t);
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}
