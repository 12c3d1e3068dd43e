/* aic_run.c: aic-run(1): any program, one per rank. */
#include "config.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/file.h"
#include "common/time.h"
#include "mpi-runner/run_lease.h"
#include "mpi-runner/metrics.h"
#include "mpi-runner/run_child.h"
#include "mpi-runner/run_env.h"

const char *argp_program_version = "aic-run " PACKAGE_VERSION;

static const char doc[] =
	"Runs COMMAND as one rank of many: `srun aic-run -- python train.py`. It tells the program its rank as the common frameworks "
	"read it, keeps a log and metrics for each rank, passes signals on, and names the rank that fails."
	"\vThe exit status is the program's (128 + N where signal N killed it), 2 for wrong usage, 126 or 127 where the program cannot be "
	"started. See aic-run(1) for the variables that it sets.";

enum { METRICS_MS = 10000, TERMINAL_MS = 1000, PLAIN_MS = 60000, MEET_MS = 60000 };

typedef struct {
	const char *run_dir;
	bool quiet;
	char **command;
	aic_ranks ranks;
	char folder[PATH_MAX], log[PATH_MAX];
	aic_child *child;
	aic_metrics *metrics;
	int64_t began_ms, shown_ms, measured_ms;
	bool line_open;
} run;

static const struct argp_option options[] = {
	{"run-dir", 'd', "FOLDER", 0, "Folder for logs and metrics, on storage that all nodes share [aic-run-JOB.STEP]", 0},
	{"quiet", 'q', NULL, 0, "No line about how it goes", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	run *r = state->input;

	switch (key) {
	case 'd': r->run_dir = arg; break;
	case 'q': r->quiet = true; break;
	case ARGP_KEY_ARG:
		r->command = state->argv + state->next - 1;
		state->next = state->argc;
		break;
	case ARGP_KEY_END:
		if (!r->command)
			argp_error(state, "which program? Give -- COMMAND [ARGUMENT]...");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static aic_code prepare(run *r, aic_error *err)
{
	char name[64], path[PATH_MAX];
	aic_code rc = aic_ranks_find(&r->ranks, err);

	if (rc != AIC_OK)
		return rc;
	if (r->run_dir)
		aic_str_copy(r->folder, sizeof(r->folder), r->run_dir);
	else
		snprintf(r->folder, sizeof(r->folder), "aic-run-%s", r->ranks.job);
	rc = aic_dir_make(r->folder, 0755, err);
	if (rc == AIC_OK)
		rc = aic_ranks_meet(&r->ranks, r->folder, MEET_MS, err);
	snprintf(name, sizeof(name), "rank-%u.log", r->ranks.rank);
	if (rc == AIC_OK)
		rc = aic_path_join(r->log, sizeof(r->log), r->folder, name, err);
	snprintf(name, sizeof(name), "rank-%u.jsonl", r->ranks.rank);
	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), r->folder, name, err);
	return rc == AIC_OK ? aic_metrics_open(&r->metrics, path, err) : rc;
}

static void say_start(const run *r)
{
	const aic_ranks *k = &r->ranks;

	if (k->rank == 0 && !r->quiet)
		fprintf(stderr, "aic-run: %u rank(s), MASTER_ADDR=%s MASTER_PORT=%u NCCL_SOCKET_IFNAME=%s, logs in %s\n", k->size, k->master,
		        k->master_port, k->interface, r->folder);
	if (k->rank == 0 && k->slurm && k->size > 1 && !getenv("PMIX_RANK") && !getenv("PMI_RANK"))
		fprintf(stderr, "aic-run: srun offers neither PMIx nor PMI here: an MPI program would start %u times alone; use srun --mpi=pmix\n",
		        k->size);
	aic_metrics_begin(r->metrics, "start");
	aic_metrics_count(r->metrics, "rank", k->rank);
	aic_metrics_count(r->metrics, "ranks", k->size);
	aic_metrics_text(r->metrics, "node", k->node);
	aic_metrics_text(r->metrics, "program", r->command[0]);
	aic_metrics_end(r->metrics);
}

static void measure(run *r)
{
	double cpu, resident;
	int64_t now = aic_monotonic_ms(), every = isatty(STDERR_FILENO) ? TERMINAL_MS : PLAIN_MS;
	bool known = aic_child_usage(r->child, &cpu, &resident);

	if (known && now - r->measured_ms >= METRICS_MS) {
		aic_metrics_begin(r->metrics, "usage");
		aic_metrics_real(r->metrics, "cpu_seconds", cpu);
		aic_metrics_real(r->metrics, "resident_mib", resident);
		aic_metrics_end(r->metrics);
		r->measured_ms = now;
	}
	if (known && !r->quiet && r->ranks.rank == 0 && now - r->shown_ms >= every) {
		char elapsed[AIC_TIME_TEXT];
		bool terminal = every == TERMINAL_MS;
		aic_duration_format(elapsed, (now - r->began_ms) / 1000);
		fprintf(stderr, "%saic-run: %s  %u rank(s)  rank 0: %.0f CPU s, %.0f MiB%s", terminal ? "\r" : "", elapsed, r->ranks.size, cpu,
		        resident, terminal ? "\033[K" : "\n");
		r->line_open = terminal;
		r->shown_ms = now;
	}
}

static int finish(run *r)
{
	char how[160], elapsed[AIC_TIME_TEXT], lines[700];
	int status = aic_child_status(r->child);
	int64_t ms = aic_monotonic_ms() - r->began_ms;

	aic_child_describe(r->child, how, sizeof(how));
	aic_metrics_begin(r->metrics, "end");
	aic_metrics_count(r->metrics, "status", (uint64_t)status);
	aic_metrics_text(r->metrics, "how", how);
	aic_metrics_real(r->metrics, "seconds", (double)ms / 1000.0);
	aic_metrics_end(r->metrics);
	if (r->line_open)
		fputc('\n', stderr);
	if (status != 0) {
		aic_child_last_lines(r->child, lines, sizeof(lines));
		aic_duration_format(elapsed, ms / 1000);
		fprintf(stderr, "aic-run: rank %u on %s: %s %s after %s; its log is %s%s\n", r->ranks.rank, r->ranks.node, r->command[0], how,
		        elapsed, r->log, lines[0] ? ", its last lines:" : "");
		for (char *state = NULL, *line = strtok_r(lines, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
			fprintf(stderr, "aic-run: rank %u| %s\n", r->ranks.rank, line);
	}
	return status;
}

int main(int argc, char **argv)
{
	const struct argp command = {options, parse, "-- COMMAND [ARGUMENT]...", doc, NULL, NULL, NULL};
	run r = {0};
	aic_error err = {0};
	int status;

	argp_err_exit_status = 2;
	argp_parse(&command, argc, argv, ARGP_IN_ORDER, NULL, &r);
	aic_code rc = prepare(&r, &err);
	if (rc == AIC_OK) {
		say_start(&r);
		aic_ranks_export(&r.ranks);
		r.began_ms = r.measured_ms = r.shown_ms = aic_monotonic_ms();
		rc = aic_child_start(&r.child, r.command, r.log, &err);
	}
	if (rc == AIC_OK) {
		while (!aic_child_wait(r.child, 200))
			measure(&r);
		status = finish(&r);
		aic_lease_leave(&r.ranks, r.folder);
	} else {
		status = aic_error_report("aic-run", &err);
	}
	aic_child_free(r.child);
	if (aic_metrics_close(r.metrics, &err) != AIC_OK)
		aic_error_report("aic-run", &err);
	return status;
}
