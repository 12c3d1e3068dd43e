/* aic_train.c: aic-train(1): the command line. */
#include "config.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/signals.h"
#include "mpi-runner/train.h"
#include "mpi-runner/use.h"

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
	{"no-session", 'n', NULL, 0, "Open no session: train with the specification's seed, so that the same weights come out each time", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	aic_train_options *o = state->input;

	switch (key) {
	case 'd': o->run_dir = arg; break;
	case 'f': o->fresh = true; break;
	case 'q': o->quiet = true; break;
	case 'n': o->no_session = true; break;
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

/* --- what is done with a trained model, by one process without MPI --- */

static const char use_doc[] =
	"infer MODEL INPUT: what the model says of images (IDX, PGM), a sound (WAV), rows of numbers or a text\n"
	"sample MODEL [PROMPT]: text drawn from a model of text\n"
	"check CHECKPOINT|FOLDER [ROOT]: whether checkpoints are whole, and what they commit to\n"
	"files SPEC.yaml: checks it, and prints what its training reads: an asset, or files and folders\n"
	"plot FOLDER: loss and accuracy of a run, in the terminal and as metrics.svg";

typedef struct {
	const char *arg[2];
	int args;
	aic_sample_options sample;
} use_options;

static const struct argp_option sample_options[] = {
	{"length", 'n', "BYTES", 0, "sample: how much [400]", 0},
	{"temperature", 't', "T", 0, "sample: below 1 likelier, above 1 wilder, 0 always the likeliest [0.8]", 0},
	{"seed", 's', "N", 0, "sample: another text for each [0]", 0},
	{0},
};

static error_t parse_use(int key, char *arg, struct argp_state *state)
{
	use_options *o = state->input;
	char *end = NULL;

	switch (key) {
	case 'n': o->sample.length = strtoull(arg, &end, 10); break;
	case 't': o->sample.temperature = strtof(arg, &end); break;
	case 's': o->sample.seed = strtoull(arg, &end, 10); break;
	case ARGP_KEY_ARG:
		if (o->args == 2)
			argp_error(state, "%s is too much", arg);
		o->arg[o->args++] = arg;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	if (end && (*end || end == arg))
		argp_error(state, "\"%s\" is no number", arg);
	return 0;
}

static int use(int argc, char **argv)
{
	const struct argp command = {sample_options, parse_use, "MODEL|FOLDER [ARGUMENT]", use_doc, NULL, NULL, NULL};
	use_options o = {.sample = {.length = 400, .temperature = 0.8f}};
	aic_error err = {0};
	const char *verb = argv[0];
	aic_code rc;

	argp_parse(&command, argc, argv, 0, NULL, &o);
	if (o.args < (strcmp(verb, "infer") == 0 ? 2 : 1))
		rc = aic_fail(&err, AIC_USAGE, "%s: an argument is missing; see aic-train %s --help", verb, verb);
	else if (strcmp(verb, "infer") == 0)
		rc = aic_use_infer(o.arg[0], o.arg[1], stdout, &err);
	else if (strcmp(verb, "check") == 0)
		rc = aic_use_check(o.arg[0], o.arg[1], stdout, &err);
	else if (strcmp(verb, "files") == 0)
		rc = aic_use_files(o.arg[0], stdout, &err);
	else if (strcmp(verb, "plot") == 0)
		rc = aic_use_plot(o.arg[0], stdout, &err);
	else {
		o.sample.prompt = o.arg[1];
		rc = aic_use_sample(o.arg[0], &o.sample, stdout, &err);
	}
	return rc == AIC_OK ? 0 : aic_error_report("aic-train", &err);
}

static bool is_use(const char *word)
{
	return strcmp(word, "infer") == 0 || strcmp(word, "sample") == 0 || strcmp(word, "plot") == 0 || strcmp(word, "check") == 0 ||
	       strcmp(word, "files") == 0;
}

int main(int argc, char **argv)
{
	const struct argp command = {options, parse, "SPEC.yaml\ninfer MODEL INPUT\nsample MODEL [PROMPT]\ncheck CHECKPOINT|FOLDER [ROOT]\nfiles SPEC.yaml\nplot FOLDER", doc, NULL, NULL, NULL};
	aic_train_options o = {0};
	aic_collective *c;
	aic_error err = {0};
	bool stopped = false;

	argp_err_exit_status = 2;
	if (argc > 1 && is_use(argv[1]))
		return use(argc - 1, argv + 1);
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
