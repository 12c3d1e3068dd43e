/* aic_train.c: aic-train(1): the command line. */
#include "config.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/signals.h"
#include "mpi-runner/train.h"

const char *argp_program_version = "aic-train " PACKAGE_VERSION;

static const char doc[] =
	"Trains the model that SPEC.yaml describes (aic-spec(5)), data-parallel over the MPI ranks it is started with: "
	"`srun --mpi=pmix aic-train SPEC.yaml`. The same specification gives the same weights, to the bit, on any number of ranks."
	"\vIt continues from the newest checkpoint of the output folder. SIGTERM and SIGUSR2 save one at the next step and end with "
	"status 75. Other exit statuses: 0 done, 1 refused or failed, 2 usage, 3 a rank is not reachable.";

static const struct argp_option options[] = {
	{"run-dir", 'd', "FOLDER", 0, "Folder for checkpoints and metrics.jsonl [NAME.aic, NAME being the model's]", 0},
	{"fresh", 'f', NULL, 0, "Start at step 0 whatever checkpoints there are", 0},
	{"quiet", 'q', NULL, 0, "No progress line", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	aic_train_options *o = state->input;

	switch (key) {
	case 'd': o->run_dir = arg; break;
	case 'f': o->fresh = true; break;
	case 'q': o->quiet = true; break;
	case ARGP_KEY_ARG:
		if (o->spec)
			argp_error(state, "one specification at a time: %s is too much", arg);
		o->spec = arg;
		break;
	case ARGP_KEY_END:
		if (!o->spec)
			argp_error(state, "which specification? Give SPEC.yaml");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct argp command = {options, parse, "SPEC.yaml", doc, NULL, NULL, NULL};
	aic_train_options o = {0};
	aic_collective *c;
	aic_error err = {0};
	bool stopped = false;

	argp_err_exit_status = 2;
	argp_parse(&command, argc, argv, 0, NULL, &o);
	aic_log_open("aic-train", NULL, AIC_LOG_INFO);
	if (aic_collective_mpi(&c, &argc, &argv, &err) != AIC_OK)
		return aic_error_report("aic-train", &err);
	aic_signals_install();
	aic_code rc = aic_train(c, &o, &stopped, &err);
	bool lost = rc == AIC_UNREACHABLE || rc == AIC_SYSTEM;
	if (rc != AIC_OK && (c->rank == 0 || lost))
		aic_error_report("aic-train", &err);
	if (lost)
		aic_collective_abort(c, aic_exit_code(rc));
	aic_collective_close(c);
	return rc != AIC_OK ? aic_exit_code(rc) : stopped ? AIC_EXIT_STOPPED : 0;
}
