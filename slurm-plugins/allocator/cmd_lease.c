/* cmd_lease.c: aic lease list | barred | clear: what is lent now, and until when a guest is safe; which nodes are not lent, and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/command.h"
#include "common/record.h"
#include "common/rpc.h"
#include "common/time.h"
#include "slurm-plugins/allocator/slurm.h"
#include "slurm-plugins/commands.h"

#define ANSWER_MS 30000

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

/* --- nodes that are not lent --- */

typedef struct {
	aic_command base;
	const char *node, *reason;
} barring;

static error_t parse_clear(int key, char *arg, struct argp_state *state)
{
	barring *b = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->base;
		return 0;
	case 'r':
		b->reason = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (b->node)
			argp_error(state, "one node at a time: %s", arg);
		b->node = arg;
		return 0;
	case ARGP_KEY_END:
		if (!b->node || !b->reason || !*b->reason)
			argp_error(state, "which NODE, and why: --reason TEXT; it is kept in the log of acts");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code ask(const aic_config *c, const aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	char address[AIC_PATH_LEN];
	aic_rpc *rpc;

	aic_rpc_use_munge(c->munge_socket);
	aic_code rc = aic_rpc_open(&rpc, "acct", aic_config_acct_socket(c, address), c->uid, ANSWER_MS, err);
	if (rc == AIC_OK) {
		rc = aic_rpc_call(rpc, body, keep, answer, err);
		aic_rpc_close(rpc);
	}
	return rc;
}

static void put_barred(aic_cbor *c, aic_format format)
{
	static const aic_column barred_columns[] = {{"node", "NODE", AIC_COLUMN_TEXT}, {"since", "SINCE", AIC_COLUMN_TIME},
	                                            {"session", "SESSION", AIC_COLUMN_TEXT}, {"reason", "REASON", AIC_COLUMN_TEXT}};
	aic_table *t = aic_table_new(barred_columns, 4);
	size_t n = aic_cbor_array(c, AIC_RECORD_NODES_MAX);
	char text[256];

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 4);
		aic_cbor_text(c, text, sizeof(text));
		aic_table_text(t, text);
		aic_table_time(t, aic_cbor_int(c));
		aic_cbor_text(c, text, sizeof(text));
		aic_table_text(t, text);
		aic_cbor_text(c, text, sizeof(text));
		aic_table_text(t, text);
	}
	if (!n)
		aic_table_note(t, "No node is barred from lending.");
	if (aic_cbor_ok(c))
		aic_table_print(t, format, stdout);
	aic_table_free(t);
}

static int cmd_barred(int argc, char **argv)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {NULL, parse, NULL, "Nodes that are not lent, since a training that the site ran there was refuted.", children,
	                                 NULL, NULL};
	aic_command base = {0};
	aic_bytes body = {0}, keep = {0};
	aic_error err = {0};
	aic_cbor answer;
	int status = aic_command_begin(&base, &argp, argc, argv, &base);

	if (status)
		return status;
	aic_rpc_begin(&body, "barred", 0);
	aic_code rc = ask(&base.config, &body, &keep, &answer, &err);
	if (rc == AIC_OK) {
		put_barred(&answer, base.format);
		rc = aic_cbor_finish(&answer, &err);
	}
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	aic_command_end(&base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

static int cmd_clear(int argc, char **argv)
{
	static const struct argp_option options[] = {{"reason", 'r', "TEXT", 0, "why; it is kept in the log of acts", 0}, {0}};
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options, parse_clear, "NODE", "Lends a node again that was barred (administrators).", children, NULL, NULL};
	barring b = {.node = NULL};
	aic_bytes body = {0}, keep = {0};
	aic_error err = {0};
	aic_cbor answer;
	int status = aic_command_begin(&b.base, &argp, argc, argv, &b);

	if (status)
		return status;
	aic_rpc_begin(&body, "barred-clear", 2);
	aic_cbor_put_text(&body, b.node);
	aic_cbor_put_text(&body, b.reason);
	aic_code rc = ask(&b.base.config, &body, &keep, &answer, &err);
	if (rc == AIC_OK)
		printf("%s is lent again from the allocator's next look on.\n", b.node);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	aic_command_end(&b.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

int aic_cmd_lease(int argc, char **argv)
{
	static const aic_subcommand commands[] = {{"list", cmd_list, "what is lent now, and until when a guest is safe"},
	                                          {"barred", cmd_barred, "nodes that are not lent, and why"},
	                                          {"clear", cmd_clear, "lend such a node again"},
	                                          {NULL, NULL, NULL}};

	return aic_command_dispatch(commands, "Lent nodes.", argc, argv);
}
