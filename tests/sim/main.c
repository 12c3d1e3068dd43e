/* sim: runs the ledger's simulator (sim.h) over seeds. A seed that fails prints the check, the seed and the last steps, and
 * replays exactly. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "tests/sim/sim.h"

typedef struct {
	uint64_t from, to;
	sim_plant plant;
	bool trace, progress;
} options;

static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
	char *end;

	*from = *to = strtoull(text, &end, 10);
	if (strncmp(end, "..", 2) == 0)
		*to = strtoull(end + 2, &end, 10);
	return end != text && !*end && *to >= *from;
}

static bool parse_plant(const char *text, sim_plant *out)
{
	for (int p = PLANT_NONE + 1; p < PLANT_END; p++)
		if (strcmp(text, sim_plant_name((sim_plant)p)) == 0) {
			*out = (sim_plant)p;
			return true;
		}
	return false;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case 's':
		if (!parse_range(arg, &o->from, &o->to))
			argp_error(state, "\"%s\" is no seed and no range: give A or A..B", arg);
		return 0;
	case 'p':
		if (!parse_plant(arg, &o->plant))
			argp_error(state, "\"%s\" is no planted fault: --list shows them", arg);
		return 0;
	case 'l':
		for (int p = PLANT_NONE + 1; p < PLANT_END; p++)
			puts(sim_plant_name((sim_plant)p));
		exit(0);
	case 't':
		o->trace = true;
		return 0;
	case 'P':
		o->progress = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void report(const sim *w)
{
	const unsigned lines = sizeof(w->tail) / sizeof(w->tail[0]);

	printf("seed %llu: check %s failed: %s\n", (unsigned long long)w->seed, w->failed, w->what);
	for (unsigned i = w->n_tail > lines ? w->n_tail - lines : 0; i < w->n_tail && !w->trace; i++)
		printf("  %s\n", w->tail[i % lines]);
	printf("replay: sim --seed %llu%s%s --trace\n", (unsigned long long)w->seed, w->plant ? " --plant " : "",
	       w->plant ? sim_plant_name(w->plant) : "");
}

typedef struct {
	uint64_t runs, heights, final, invalid, lies, judged;
} sums;

/* Whether the seed passed. */
static bool run_seed(const options *o, uint64_t seed, sums *sum)
{
	sim *w = sim_new(seed, o->plant, o->trace);

	sim_run(w);
	bool good = !w->failed;
	if (!good && !o->plant)
		report(w);
	else if (!good)
		printf("plant %s: caught by %s at seed %llu\n", sim_plant_name(o->plant), w->failed, (unsigned long long)seed);
	sum->runs++;
	sum->heights += w->log[0].n;
	sum->final += w->answered_final;
	sum->invalid += w->blocks_invalid;
	sum->lies += w->lies_proven;
	sum->judged += w->sessions_judged;
	sim_free(w);
	return good;
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"seed", 's', "A[..B]", 0, "the seed, or all seeds from A to B [1]", 0},
		{"seeds", 's', NULL, OPTION_ALIAS, NULL, 0},
		{"plant", 'p', "KIND", 0, "take a defence away: exit 0 once a check has noticed", 0},
		{"list", 'l', NULL, 0, "list the kinds of --plant", 0},
		{"trace", 't', NULL, 0, "print every step", 0},
		{"progress", 'P', NULL, 0, "say now and then how far it is", 0},
		{0}};
	static const struct argp argp = {list, parse, NULL, "Simulates member sites over one order, with everything that can go wrong.",
	                                 NULL, NULL, NULL};
	options o = {.from = 1, .to = 1};
	sums sum = {0};
	unsigned failed = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	aic_log_open("sim", "/dev/null", AIC_LOG_ERROR);
	sim_disk_register();
	for (uint64_t seed = o.from; seed <= o.to; seed++) {
		failed += !run_seed(&o, seed, &sum);
		if (failed && o.plant)
			return 0;
		if (o.progress && (seed - o.from) % 100 == 99)
			fprintf(stderr, "%llu of %llu seeds, %u failed, %.0f s\n", (unsigned long long)(seed - o.from + 1),
			        (unsigned long long)(o.to - o.from + 1), failed, (double)clock() / CLOCKS_PER_SEC);
	}
	if (o.plant) {
		printf("plant %s: not noticed in %llu seeds\n", sim_plant_name(o.plant), (unsigned long long)sum.runs);
		return 1;
	}
	printf("%llu seeds, %u failed: %llu blocks, %llu of them invalid, %llu lies proven, %llu requests final, %llu sessions judged, %.1f s of processor time\n",
	       (unsigned long long)sum.runs, failed, (unsigned long long)sum.heights, (unsigned long long)sum.invalid,
	       (unsigned long long)sum.lies, (unsigned long long)sum.final,
	       (unsigned long long)sum.judged, (double)clock() / CLOCKS_PER_SEC);
	return failed != 0;
}
