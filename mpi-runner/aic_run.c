/* aic_run.c: aic-run(1): any program, one per rank. */
#include "config.h"

#include <argp.h>
#include <limits.h>
#include <signal.h>
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
#include "mpi-runner/run_watch.h"
#include "mpi-runner/session.h"

const char *argp_program_version = "aic-run " PACKAGE_VERSION;

static const char doc[] =
	"Runs COMMAND as one rank of many: `srun aic-run -- python train.py`. It tells the program its rank as the common frameworks "
	"read it, keeps a log and metrics for each rank, passes signals on, and names the rank that fails, is late or hangs; the others end with it."
	"\vThe exit status is the program's (128 + N where signal N killed it), 2 for wrong usage, 126 or 127 where the program cannot be "
	"started. See aic-run(1) for the variables that it sets.";

#define AIC_TRAIN_CHECKPOINTS "*.aic/step-*.aickpt" /* where aic-train saves unless told otherwise */

enum { LOOK_MS = 1000, GRACE_MS = 10000, STILL_S = 600, STOPPED = 75, METRICS_MS = 10000, TERMINAL_MS = 1000, PLAIN_MS = 60000, MEET_MS = 60000 };

typedef struct {
	const char *run_dir, *checkpoints;
	bool quiet, keep_going, no_session;
	aic_session *session; /* rank 0 */
	int heartbeat_s, hang_s;
	char **command;
	aic_ranks ranks;
	char folder[PATH_MAX], log[PATH_MAX];
	aic_child *child;
	aic_metrics *metrics;
	int64_t began_ms, shown_ms, measured_ms;
	bool line_open;
	aic_stillness still;
	bool still_told;
	int64_t looked_ms, ending_ms; /* ending: since when, because of another rank or a hang */
	char why[AIC_WATCH_TEXT];
} run;

static const struct argp_option options[] = {
	{"run-dir", 'd', "FOLDER", 0, "Folder for logs and metrics, on storage that all nodes share [aic-run-JOB.STEP]", 0},
	{"quiet", 'q', NULL, 0, "No line about how it goes", 0},
	{"checkpoints", 'c', "PATTERN", 0, "Where the program saves (a glob): the newest is named where a rank fails", 0},
	{"heartbeat", 'b', "SECONDS", 0, "A rank without a sign for so long has failed; 0: nobody looks [60]", 0},
	{"hang", 'H', "SECONDS", 0, "A program that neither prints nor uses CPU time for so long is ended; 0: only told, after 600 s [0]", 0},
	{"no-session", 'n', NULL, 0, "Open no session", 0},
	{"keep-going", 'k', NULL, 0, "The other ranks go on where one fails", 0},
	{0},
};

static int seconds(struct argp_state *state, const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end || v < 0 || v > 1000000)
		argp_error(state, "\"%s\" is no number of seconds from 0 to 1000000", text);
	return (int)v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	run *r = state->input;

	switch (key) {
	case 'd': r->run_dir = arg; break;
	case 'q': r->quiet = true; break;
	case 'c': r->checkpoints = arg; break;
	case 'b': r->heartbeat_s = seconds(state, arg); break;
	case 'H': r->hang_s = seconds(state, arg); break;
	case 'n': r->no_session = true; break;
	case 'k': r->keep_going = true; break;
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
	if (rc == AIC_OK) {
		aic_watch_begin(&r->ranks, r->folder);
		rc = aic_ranks_meet(&r->ranks, r->folder, MEET_MS, err);
	}
	snprintf(name, sizeof(name), "rank-%u.log", r->ranks.rank);
	if (rc == AIC_OK)
		rc = aic_path_join(r->log, sizeof(r->log), r->folder, name, err);
	snprintf(name, sizeof(name), "rank-%u.jsonl", r->ranks.rank);
	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), r->folder, name, err);
	return rc == AIC_OK ? aic_metrics_open(&r->metrics, path, err) : rc;
}

/* Of class D2: what any program does is metered, and nobody computes it again. */
static void begin_session(run *r)
{
	char said[AIC_SESSION_SAID];
	aic_bytes command = {0};
	uint64_t seed;

	for (char **word = r->command; *word; word++)
		aic_bytes_append(&command, *word, strlen(*word) + 1);
	aic_session_request q = {.folder = r->folder, .off = r->no_session, .spec = command.data, .spec_len = command.len, .asset = "", .device = "",
	                         .determinism = AIC_CLASS_D2, .shards = 1};
	aic_session_begin(&r->session, &q, &seed, said);
	if (said[0] && !r->quiet)
		fprintf(stderr, "aic-run: %s\n", said);
	aic_bytes_free(&command);
}

static void end_session(run *r, int status)
{
	char said[AIC_SESSION_SAID];
	bool told = aic_child_was_told(SIGTERM) || aic_child_was_told(SIGUSR1) || aic_child_was_told(SIGUSR2);

	aic_session_finish(r->session, 0, status == 0 ? AIC_END_DONE : status == STOPPED || told ? AIC_END_STOPPED : AIC_END_FAILED, said);
	if (said[0] && !r->quiet)
		fprintf(stderr, "aic-run: %s\n", said);
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

/* These lines are the heartbeat, too. */
static int64_t metrics_ms(const run *r)
{
	int64_t third = (int64_t)r->heartbeat_s * 1000 / 3;
	return third > 0 && third < METRICS_MS ? third : METRICS_MS;
}

static void measure(run *r)
{
	double cpu, resident;
	int64_t now = aic_monotonic_ms(), every = isatty(STDERR_FILENO) ? TERMINAL_MS : PLAIN_MS;
	bool known = aic_child_usage(r->child, &cpu, &resident);

	if (known && now - r->measured_ms >= metrics_ms(r)) {
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

/* The program is told to end, and after a while made to. */
static void end_program(run *r, const char *why)
{
	if (r->ending_ms == 0) {
		aic_str_copy(r->why, sizeof(r->why), why);
		r->ending_ms = aic_monotonic_ms();
		aic_child_signal(r->child, SIGTERM);
	} else if (aic_monotonic_ms() - r->ending_ms > GRACE_MS) {
		aic_child_signal(r->child, SIGKILL);
	}
}

static void watch_hang(run *r)
{
	char text[AIC_WATCH_TEXT];
	int still = aic_watch_still(&r->still, r->child), limit = r->hang_s ? r->hang_s : STILL_S;

	if (still < limit) {
		r->still_told = false;
		return;
	}
	snprintf(text, sizeof(text), "rank %u on %.80s hangs: %.100s has neither printed nor used CPU time for %d s; its log is %.400s", r->ranks.rank,
	         r->ranks.node, r->command[0], still, r->log);
	if (!r->still_told)
		fprintf(stderr, "%saic-run: %s\n", r->line_open ? "\n" : "", text);
	r->still_told = true;
	if (r->hang_s) {
		aic_watch_fail(&r->ranks, r->folder, text);
		end_program(r, text);
	}
}

static void watch(run *r)
{
	char text[AIC_WATCH_TEXT];
	int64_t now = aic_monotonic_ms();

	if (now - r->looked_ms < LOOK_MS)
		return;
	r->looked_ms = now;
	if (r->ending_ms) {
		end_program(r, r->why);
		return;
	}
	watch_hang(r);
	if (r->ranks.size == 1 || r->keep_going || r->ending_ms)
		return;
	if (r->ranks.rank == 0 && r->heartbeat_s && aic_watch_late(&r->ranks, r->folder, r->heartbeat_s, text))
		aic_watch_fail(&r->ranks, r->folder, text);
	if (aic_watch_failed(&r->ranks, r->folder, text))
		end_program(r, text);
}

/* What rank 0 says of a step that failed: who, and from where it goes on. */
static void say_step_failed(run *r)
{
	char text[AIC_WATCH_TEXT], path[PATH_MAX], age[AIC_TIME_TEXT];
	int64_t age_s;

	if (r->ranks.rank != 0 || !aic_watch_failed(&r->ranks, r->folder, text))
		return;
	fprintf(stderr, "aic-run: the step has failed: %s\n", text);
	if (aic_watch_newest(r->checkpoints ? r->checkpoints : AIC_TRAIN_CHECKPOINTS, path, sizeof(path), &age_s)) {
		aic_duration_format(age, age_s);
		fprintf(stderr, "aic-run: it can go on from %s, saved %s ago\n", path, age);
	} else if (r->checkpoints) {
		fprintf(stderr, "aic-run: no checkpoint is there yet (%s)\n", r->checkpoints);
	}
}

/* Whether the end of the program is a failure that concerns the other ranks. */
static bool is_crash(const run *r, int status)
{
	return status != 0 && status != STOPPED && !r->ending_ms && !aic_child_was_told(SIGTERM) && !aic_child_was_told(SIGINT) &&
	       !aic_child_was_told(SIGUSR1) && !aic_child_was_told(SIGUSR2);
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
	if (r->why[0])
		aic_metrics_text(r->metrics, "why", r->why);
	aic_metrics_real(r->metrics, "seconds", (double)ms / 1000.0);
	aic_metrics_end(r->metrics);
	if (r->line_open)
		fputc('\n', stderr);
	if (is_crash(r, status)) {
		char text[AIC_WATCH_TEXT];
		snprintf(text, sizeof(text), "rank %u on %.80s: %.100s %s; its log is %.400s", r->ranks.rank, r->ranks.node, r->command[0], how, r->log);
		aic_watch_fail(&r->ranks, r->folder, text);
	}
	if (status != 0 && r->ending_ms) {
		fprintf(stderr, "aic-run: rank %u on %s is ended, because %s\n", r->ranks.rank, r->ranks.node, r->why);
	} else if (status != 0) {
		aic_child_last_lines(r->child, lines, sizeof(lines));
		aic_duration_format(elapsed, ms / 1000);
		fprintf(stderr, "aic-run: rank %u on %s: %s %s after %s; its log is %s%s\n", r->ranks.rank, r->ranks.node, r->command[0], how,
		        elapsed, r->log, lines[0] ? ", its last lines:" : "");
		for (char *state = NULL, *line = strtok_r(lines, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
			fprintf(stderr, "aic-run: rank %u| %s\n", r->ranks.rank, line);
	}
	say_step_failed(r);
	return status;
}

int main(int argc, char **argv)
{
	const struct argp command = {options, parse, "-- COMMAND [ARGUMENT]...", doc, NULL, NULL, NULL};
	run r = {.heartbeat_s = 60};
	aic_error err = {0};
	int status;

	argp_err_exit_status = 2;
	argp_parse(&command, argc, argv, ARGP_IN_ORDER, NULL, &r);
	aic_code rc = prepare(&r, &err);
	if (rc == AIC_OK) {
		say_start(&r);
		if (r.ranks.rank == 0)
			begin_session(&r);
		aic_ranks_export(&r.ranks);
		r.began_ms = r.measured_ms = r.shown_ms = aic_monotonic_ms();
		rc = aic_child_start(&r.child, r.command, r.log, &err);
	}
	if (rc == AIC_OK) {
		while (!aic_child_wait(r.child, 200)) {
			measure(&r);
			watch(&r);
		}
		status = finish(&r);
		aic_lease_leave(&r.ranks, r.folder);
	} else {
		status = aic_error_report("aic-run", &err);
	}
	end_session(&r, status);
	aic_child_free(r.child);
	if (aic_metrics_close(r.metrics, &err) != AIC_OK)
		aic_error_report("aic-run", &err);
	return status;
}
