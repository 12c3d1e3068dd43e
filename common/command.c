/* command.c: the options that every subcommand shares, and the dispatch of groups. */
#include "common/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

#define EXIT_USAGE 2

enum { OPTION_CONFIG = 0x1000, OPTION_FORMAT }; /* long only: the letters are the subcommands' */

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
	aic_format *format = state->input;

	if (!format)
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case OPTION_FORMAT:
		if (!aic_format_parse(format, arg))
			argp_error(state, "--format %s is not known: table, parsable, csv or json", arg);
		return 0;
	case 'P':
		*format = AIC_FORMAT_PARSABLE;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option format_options[] = {
	{"format", OPTION_FORMAT, "FORMAT", 0, "table (default), parsable, csv or json", 10},
	{"parsable", 'P', NULL, 0, "The same as --format parsable", 10},
	{0},
};

const struct argp aic_format_argp = {.options = format_options, .parser = parse_format};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
	aic_command *cmd = state->input;

	if (!cmd)
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &cmd->format;
		return 0;
	case OPTION_CONFIG:
		cmd->config_path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option shared_options[] = {
	{"config", OPTION_CONFIG, "FILE", 0, "Read FILE in place of $AIC_CONFIG or " AIC_CONFIG_DEFAULT, 10},
	{0},
};
static const struct argp_child shared_children[] = {{&aic_format_argp, 0, NULL, 0}, {0}};

const struct argp aic_command_argp = {.options = shared_options, .parser = parse_shared, .children = shared_children};

int aic_command_fail(char **argv, const aic_error *err)
{
	return aic_error_report(argv[0], err);
}

static void print_usage(FILE *out, const aic_subcommand *table, const char *doc, const char *words)
{
	int width = 0;
	for (const aic_subcommand *s = table; s->name != NULL; s++)
		width = (int)strlen(s->name) > width ? (int)strlen(s->name) : width;
	fprintf(out, "Usage: %s COMMAND [OPTION...]\n%s\n\n", words, doc);
	for (const aic_subcommand *s = table; s->name != NULL; s++)
		fprintf(out, "  %-*s  %s\n", width, s->name, s->summary);
	fprintf(out, "\n\"%s COMMAND --help\" tells more about one.\n", words);
}

static const aic_subcommand *find(const aic_subcommand *table, const char *name)
{
	while (table->name != NULL && strcmp(table->name, name) != 0)
		table++;
	return table->name != NULL ? table : NULL;
}

/* "/usr/bin/aic" is "aic" to people. */
static char *short_name(char *argv0)
{
	char *slash = strrchr(argv0, '/');
	return slash != NULL ? slash + 1 : argv0;
}

int aic_command_dispatch(const aic_subcommand *table, const char *doc, int argc, char **argv)
{
	char *name = short_name(argv[0]);
	const char *word = argc > 1 ? argv[1] : NULL;
	if (word != NULL && (strcmp(word, "--help") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "-h") == 0)) {
		print_usage(stdout, table, doc, name);
		return 0;
	}
	const aic_subcommand *s = word != NULL ? find(table, word) : NULL;
	if (s == NULL) {
		if (word != NULL)
			fprintf(stderr, "%s has no command \"%s\"\n", name, word);
		print_usage(stderr, table, doc, name);
		return EXIT_USAGE;
	}
	char *joined = aic_xasprintf("%s %s", name, word);
	char *own = argv[1];
	argv[1] = joined;
	int rc = s->run(argc - 1, argv + 1);
	argv[1] = own;
	free(joined);
	return rc;
}
