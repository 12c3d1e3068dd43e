/* aic_verify.c: aic-verify(1): the command line. */
#include "config.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/signals.h"
#include "mpi-runner/train.h"
#include "mpi-runner/verify.h"

enum { EXIT_FOUND = 8 }; /* plus the result, where it is not that all agrees */

const char *argp_program_version = "aic-verify " PACKAGE_VERSION;

static const char doc[] =
	"Runs segments of a training session again, as QUESTION asks, from the checkpoints in its FOLDER, and says whether the same bits come out: "
	"`srun --mpi=pmix aic-verify QUESTION FOLDER`. Any number of ranks, threads and any processor gives the same answer."
	"\vExit statuses: 0 it agrees, 9 it differs (the first wrong step is named), 10 something was not handed out, 11 declined: this site cannot tell, "
	"75 stopped by SIGTERM or SIGUSR2, 1 failed, 2 usage, 3 a rank is not reachable.";

static const struct argp_option options[] = {
	{"result", 'r', "FILE", 0, "Write the result there, too, for a verdict", 0},
	{"quiet", 'q', NULL, 0, "No progress line", 0},
	{0},
};

typedef struct {
	aic_verify_options verify;
	const char *result;
} arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	arguments *a = state->input;

	switch (key) {
	case 'r': a->result = arg; break;
	case 'q': a->verify.quiet = true; break;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			a->verify.question = arg;
		else if (state->arg_num == 1)
			a->verify.folder = arg;
		else
			argp_error(state, "one session at a time: %s is too much", arg);
		break;
	case ARGP_KEY_END:
		if (!a->verify.folder)
			argp_error(state, "which session? Give QUESTION and its FOLDER");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static aic_code write_result(const char *path, const aic_verification_result *r, aic_error *err)
{
	aic_bytes b = {0};

	aic_verification_result_put(&b, r);
	aic_code rc = aic_file_write_atomic(path, b.data, b.len, 0640, err);
	aic_bytes_free(&b);
	return rc;
}

static void say(const aic_verification_result *r)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, &r->session);
	printf("session %.16s: %s after %" PRIu64 " step(s)%s%s\n", hex, aic_found_name(r->result), r->steps, r->note[0] ? ": " : "", r->note);
}

static int status_of(const aic_verification_result *r)
{
	return r->result == AIC_FOUND_AGREES ? 0 : EXIT_FOUND + (int)r->result;
}

int main(int argc, char **argv)
{
	const struct argp command = {options, parse, "QUESTION FOLDER", doc, NULL, NULL, NULL};
	arguments a = {.result = NULL};
	aic_verification_result r;
	aic_collective *c;
	aic_error err = {0};
	bool stopped = false;

	argp_err_exit_status = 2;
	argp_parse(&command, argc, argv, 0, NULL, &a);
	aic_log_open("aic-verify", NULL, AIC_LOG_INFO);
	if (aic_collective_mpi(&c, &argc, &argv, &err) != AIC_OK)
		return aic_error_report("aic-verify", &err);
	aic_signals_install();
	aic_code rc = aic_verify_session(c, &a.verify, &r, &stopped, &err);
	bool lost = rc == AIC_UNREACHABLE || rc == AIC_SYSTEM;
	if (rc == AIC_OK && !stopped && c->rank == 0) {
		say(&r);
		rc = a.result ? write_result(a.result, &r, &err) : AIC_OK;
	}
	if (rc != AIC_OK && (c->rank == 0 || lost))
		aic_error_report("aic-verify", &err);
	if (lost)
		aic_collective_abort(c, aic_exit_code(rc));
	aic_collective_close(c);
	return rc != AIC_OK ? aic_exit_code(rc) : stopped ? AIC_EXIT_STOPPED : status_of(&r);
}
