/* cmd_allocator.c: aic allocator plan, apply, check, tick: lent nodes as Slurm's partitions. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/time.h"
#include "slurm-plugins/allocator/change.h"
#include "slurm-plugins/commands.h"

#define SEEN_TRIES 50 /* of a tenth of a second: slurmctld reconfigures */

typedef aic_code (*act)(aic_change *c, int *status, aic_error *err);

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static int run(int argc, char **argv, const char *doc, act what)
{
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {NULL, parse, NULL, doc, children, NULL, NULL};
	aic_command base = {0};
	aic_error err = {0};
	aic_change c;
	int status = aic_command_begin(&base, &argp, argc, argv, &base);

	if (status)
		return status;
	aic_code rc = aic_change_find(&c, &base.config, &err);
	if (rc == AIC_OK)
		rc = what(&c, &status, &err);
	aic_change_free(&c);
	aic_command_end(&base);
	return rc == AIC_OK ? status : aic_command_fail(argv, &err);
}

static void say(const char *mark, const aic_bytes *lines)
{
	for (size_t i = 0; i < lines->len;) {
		const char *line = (const char *)lines->data + i;
		const char *end = memchr(line, '\n', lines->len - i);
		size_t n = end ? (size_t)(end - line) : lines->len - i;

		printf("%s: %.*s\n", mark, (int)n, line);
		i += n + 1;
	}
}

static aic_code plan(aic_change *c, int *status, aic_error *err)
{
	aic_bytes out = {0};
	aic_code rc = aic_change_print(c, &out, err);

	(void)status;
	if (rc == AIC_OK)
		fwrite(out.data, 1, out.len, stdout);
	say("differs", &c->drift);
	say("note", &c->hazards);
	if (rc == AIC_OK && !aic_change_any(c))
		printf("Slurm is as %s says: nothing to apply.\n", c->lending.path);
	aic_bytes_free(&out);
	return rc;
}

static aic_code check(aic_change *c, int *status, aic_error *err)
{
	aic_code rc = plan(c, status, err);

	*status = aic_change_any(c) ? 1 : 0;
	return rc;
}

static aic_code tick(aic_change *c, int *status, aic_error *err)
{
	unsigned changed;

	(void)status;
	return aic_lending_tick(c, aic_now(), &changed, err);
}

/* slurmctld reads its files again some time after it was told to. */
static aic_code tick_when_seen(aic_change *c, aic_error *err)
{
	unsigned changed;
	aic_code rc = AIC_NOT_FOUND;

	for (int i = 0; i < SEEN_TRIES && rc == AIC_NOT_FOUND; i++) {
		if (i)
			usleep(100000);
		slurm_free_partition_info_msg(c->slurm.partitions);
		c->slurm.partitions = NULL;
		if (slurm_load_partitions(0, &c->slurm.partitions, SHOW_ALL))
			return aic_fail(err, AIC_UNREACHABLE, "slurmctld does not answer after it was told to read %s: look into its log", c->file);
		rc = aic_lending_tick(c, aic_now(), &changed, err);
	}
	return rc;
}

static aic_code apply(aic_change *c, int *status, aic_error *err)
{
	(void)status;
	say("note", &c->hazards);
	if (!aic_change_any(c)) {
		printf("Slurm is as %s says: nothing to apply.\n", c->lending.path);
		return AIC_OK;
	}
	aic_code rc = aic_change_apply(c, err);
	if (rc == AIC_OK)
		rc = tick_when_seen(c, err);
	if (rc == AIC_OK)
		printf("Applied: %s\n", c->file);
	return rc;
}

static int cmd_plan(int argc, char **argv)
{
	return run(argc, argv, "The changes of Slurm's configuration that providers.yaml asks for, as a diff; nothing is changed.", plan);
}

static int cmd_apply(int argc, char **argv)
{
	return run(argc, argv, "Makes what `aic allocator plan` shows.", apply);
}

static int cmd_check(int argc, char **argv)
{
	return run(argc, argv, "As plan, with exit status 1 where Slurm runs otherwise than providers.yaml says.", check);
}

static int cmd_tick(int argc, char **argv)
{
	return run(argc, argv, "Opens and closes lease partitions by hours and idle time; a timer calls it each minute.", tick);
}

int aic_cmd_allocator(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"plan", cmd_plan, "what would change in Slurm, as a diff"},
		{"apply", cmd_apply, "make it so"},
		{"check", cmd_check, "whether Slurm still is so"},
		{"tick", cmd_tick, "open and close what is lent by the clock; for a timer"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "Lends nodes by providers.yaml, with Slurm's own means.", argc, argv);
}
