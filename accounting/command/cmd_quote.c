/* cmd_quote.c: aic quote: the most that a job can cost. The figure is job_submit/aic's own: sbatch asks it in a test-only submit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/commands.h"
#include "common/bytes.h"
#include "common/command.h"
#include "common/process.h"
#include "common/quote.h"
#include "common/time.h"

#define HOUR 3600
#define PARTS_MAX 128        /* of a heterogeneous job, which is Slurm's own limit */
#define NO_SCRIPT "#!/bin/sh\n" /* where the command line names none */

typedef struct {
	aic_command base;
	size_t n;
	aic_quote part[PARTS_MAX];
	aic_bytes words;         /* sbatch's other lines, without its name */
} quote;

/* --- sbatch --- */

static void take_lines(quote *q, char *said)
{
	for (char *save = NULL, *line = strtok_r(said, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (q->n < PARTS_MAX && aic_quote_read(&q->part[q->n], line)) {
			q->n++;
			continue;
		}
		if (!strncmp(line, "sbatch: ", 8))
			line += 8;
		aic_bytes_printf(&q->words, "%s%s", q->words.len ? "; " : "", line);
	}
	aic_bytes_append(&q->words, "", 1);
}

static aic_code ask(quote *q, int argc, char **argv, aic_error *err)
{
	const char **args = aic_xcalloc((size_t)argc + 4, sizeof(*args));
	aic_bytes said = {0};
	int status;

	args[0] = "sbatch";
	args[1] = "--test-only";
	args[2] = "--aic-quote";
	for (int i = 0; i < argc; i++)
		args[3 + i] = argv[i];
	if (q->base.config.slurm_conf[0])
		setenv("SLURM_CONF", q->base.config.slurm_conf, 0);
	aic_code rc = aic_process_run(args, NO_SCRIPT, &said, &status, err);
	free(args);
	aic_bytes_append(&said, "", 1);
	if (rc == AIC_OK)
		take_lines(q, (char *)said.data);
	aic_bytes_free(&said);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_UNREACHABLE, "there is no sbatch in PATH: run this where jobs are submitted");
	if (rc != AIC_OK || q->n)
		return rc;
	if (strstr((const char *)q->words.data, "--aic-quote"))
		return aic_fail(err, AIC_UNREACHABLE, "sbatch does not know --aic-quote: plugstack.conf must name spank_aic.so on this host, too");
	if (status == 0)
		return aic_fail(err, AIC_UNREACHABLE, "slurmctld gave no quote: JobSubmitPlugins in slurm.conf must name aic");
	return aic_fail(err, AIC_REFUSED, "sbatch refuses this job: %.600s", (const char *)q->words.data);
}

/* --- showing --- */

static const aic_column columns[] = {
	{"job", "JOB", AIC_COLUMN_TEXT},         {"tasks", "TASKS", AIC_COLUMN_NUMBER},    {"time", "TIME LIMIT", AIC_COLUMN_TEXT},
	{"account", "ACCOUNT", AIC_COLUMN_TEXT}, {"reserved", "RESERVED AIC", AIC_COLUMN_AMOUNT}, {"total", "TOTAL AIC", AIC_COLUMN_AMOUNT},
};

static void note_balance(const aic_quote *q, aic_amount cost, aic_table *t)
{
	char has[AIC_AMOUNT_TEXT], taken[AIC_AMOUNT_TEXT], lasts[AIC_TIME_TEXT], per_hour[AIC_AMOUNT_TEXT], missing[AIC_AMOUNT_TEXT];
	aic_amount left = 0, seconds, hour;

	aic_amount_sub(&left, q->available, q->reserved);
	aic_amount_human(has, left, 2);
	aic_amount_human(taken, q->reserved, 2);
	if (!cost || q->seconds <= 0 || !aic_mul_div(&hour, cost, HOUR, (aic_amount)q->seconds) || !hour ||
	    !aic_mul_div(&seconds, left, HOUR, hour) || seconds > INT32_MAX)
		aic_table_note(t, "Account %s has %s AIC left beside %s AIC reserved for its other jobs: it lasts.", q->account, has, taken);
	else
		aic_table_note(t, "Account %s has %s AIC left beside %s AIC reserved for its other jobs: at %s AIC an hour it lasts %s.",
		               q->account, has, taken, aic_amount_human(per_hour, hour, 4), aic_duration_format(lasts, (int64_t)seconds));
	if (left < cost)
		aic_table_note(t, "%s AIC are missing for this job: shorten --time, or ask for a top-up.",
		               aic_amount_human(missing, cost - left + AIC_UNIT / 100 - 1, 2));
}

static void show(const quote *q)
{
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
	aic_amount total = 0, before;
	char text[AIC_TIME_TEXT];

	for (size_t i = 0; i < q->n; i++) {
		const aic_quote *p = &q->part[i];

		aic_table_text(t, p->quoted ? p->job : "-");
		aic_table_number(t, p->quoted ? p->tasks : 1);
		aic_table_text(t, p->quoted ? aic_duration_format(text, p->seconds) : "-");
		aic_table_text(t, p->account);
		aic_table_amount(t, p->reserved);
		aic_table_amount(t, p->cost);
		before = total;
		if (!aic_amount_add(&total, before, p->cost))
			total = ~(aic_amount)0;
		if (!p->quoted)
			aic_table_note(t, "%s.", p->message);
	}
	if (q->part[0].quoted)
		note_balance(&q->part[0], total, t);
	if (q->words.len > 1)
		aic_table_note(t, "Slurm: %s", (const char *)q->words.data);
	aic_table_print(t, q->base.format, stdout);
	aic_table_free(t);
}

static aic_code refused(const quote *q, aic_error *err)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->part[i].ruling == AIC_QUOTE_REFUSE && !q->part[i].quoted)
			return aic_fail(err, AIC_REFUSED, "%s", q->part[i].message);
	return AIC_OK;
}

/* How many of the first words are ours: the rest is sbatch's. */
static int own_words(int argc, char **argv)
{
	int i = 1;

	while (i < argc) {
		if (!strcmp(argv[i], "--format") || !strcmp(argv[i], "--config"))
			i += 2;
		else if (!strncmp(argv[i], "--format=", 9) || !strncmp(argv[i], "--config=", 9) || !strcmp(argv[i], "-P") ||
		         !strcmp(argv[i], "--help") || !strcmp(argv[i], "--usage") || !strcmp(argv[i], "-?"))
			i++;
		else
			break;
	}
	return i < argc ? i : argc;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

int aic_cmd_quote(int argc, char **argv)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {NULL, parse, "[SBATCH-OPTION...] [SCRIPT]",
	                                 "The most that a job can cost, before submitting it, and how long the balance lasts. What follows the options "
	                                 "below is as sbatch takes it; nothing is submitted.", children, NULL, NULL};
	quote *q = aic_xcalloc(1, sizeof(*q));
	int own = own_words(argc, argv);
	aic_error err = {0};
	char *word = argv[own];

	argv[own] = NULL;
	int status = aic_command_begin(&q->base, &argp, own, argv, &q->base);
	argv[own] = word;
	if (status) {
		free(q);
		return status;
	}
	aic_code rc = ask(q, argc - own, argv + own, &err);
	if (rc == AIC_OK)
		rc = refused(q, &err);
	if (rc == AIC_OK)
		show(q);
	aic_command_end(&q->base);
	aic_bytes_free(&q->words);
	free(q);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}
