/* cmd_verify.c: `aic session verify`: what this site's nodes are asked to judge becomes Slurm jobs, and what they find verdicts. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "accounting/commands.h"
#include "accounting/verifier/tick.h"
#include "accounting/verifier/upkeep.h"
#include "common/command.h"
#include "common/log.h"
#include "common/time.h"

typedef struct {
	aic_command cmd;
	bool wait, quiet;
} options;

#define WAIT_SECONDS 2

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &o->cmd; return 0;
	case 'w': o->wait = true; return 0;
	case 'q': o->quiet = true; return 0;
	case ARGP_KEY_ARG: argp_error(state, "\"%s\" is not understood", arg); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static void say(const aic_verifier_round *r)
{
	if (r->busy)
		printf("another one is at work\n");
	else
		printf("%zu session(s) to judge: %zu with a job, %zu verdict(s) posted, %zu without a key here\n", r->asked, r->waiting, r->posted, r->keyless);
	fflush(stdout);
}

/* Until nothing waits for a job. */
static aic_code run(const options *o, aic_ledger *l, aic_error *err)
{
	aic_verifier_round r;
	aic_code code;

	while (!(code = aic_verifier_tick(&o->cmd.config, l, &r, err))) {
		if (!o->quiet)
			say(&r);
		if (!o->wait || (!r.waiting && !r.busy))
			break;
		sleep(WAIT_SECONDS);
	}
	return code;
}

static aic_code keep_store(const options *o, aic_ledger *l, aic_error *err)
{
	aic_upkeep_round r;
	aic_code code = aic_upkeep(&o->cmd.config, l, aic_now(), &r, err);

	if (!code && !o->quiet && (r.removed || r.left))
		printf("the store: %" PRIu64 " of %" PRIu64 " session(s) removed, %" PRIu64 " with something that aicacctd has not heard\n", r.removed, r.sessions,
		       r.left);
	return code;
}

int aic_cmd_session_verify(int argc, char **argv)
{
	static const struct argp_child shared[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp_option list[] = {
		{"wait", 'w', NULL, 0, "again and again, until no job is waited for", 0},
		{"quiet", 'q', NULL, 0, "no line that sums up", 0}, {0}};
	static const struct argp argp = {
		list, parse, 0,
		"Submits a low-priority Slurm job for each session that a node of this site is asked to judge, and posts the verdicts of those that are done. "
		"Run each minute by aic-verify.timer, as aic.yaml's user, who has the nodes' keys for verdicts: STATE/verifiers/NODE.key.",
		shared, 0, 0};
	options o = {.wait = false};
	aic_ledger *l = NULL;
	aic_error err = {0};
	int rc = aic_command_begin(&o.cmd, &argp, argc, argv, &o);

	if (rc)
		return rc;
	aic_log_open("aic-verify", NULL, AIC_LOG_INFO);
	if (aic_config_check_user(&o.cmd.config, &err) || aic_ledger_open(&l, &o.cmd.config, &err) || run(&o, l, &err) ||
	    keep_store(&o, l, &err))
		rc = aic_command_fail(argv, &err);
	aic_ledger_close(l);
	aic_command_end(&o.cmd);
	return rc;
}
