/* command.h: what every subcommand of `aic` shares: --config, --format, exit codes.
 *
 * A subcommand is `int aic_cmd_NAME(int argc, char **argv)`; argv[0] is the words that led to it ("aic batch show"). It
 * lives in the room of what it shows; cli/aic.c alone lists them all. */
#ifndef AIC_COMMAND_H
#define AIC_COMMAND_H

#include <argp.h>

#include "common/config.h"
#include "common/table.h"

typedef struct {
	const char *config_path; /* NULL: the default */
	aic_format format;
	aic_config config;       /* filled by aic_command_begin */
} aic_command;

/* An argp child that understands --config FILE and --format table|parsable|csv|json (and -P for parsable); its input is an
 * aic_command. A subcommand's own parser sets state->child_inputs[0] to it. */
extern const struct argp aic_command_argp;

/* --format and -P alone, for what reads no aic.yaml; its input is an aic_format. */
extern const struct argp aic_format_argp;

/* Parses argv with the subcommand's argp (usage errors exit with status 2, --help with 0), then loads aic.yaml.
 * Returns 0, or the exit status after having reported the error. `input` is the subcommand's own parser's input. */
int aic_command_begin(aic_command *cmd, const struct argp *argp, int argc, char **argv, void *input);
void aic_command_end(aic_command *cmd);
/* Reports err as "argv0: message" and returns the exit status; for `return aic_command_fail(argv, &err)`. */
int aic_command_fail(char **argv, const aic_error *err);

/* For groups ("aic batch"): finds argv[1] in the table and calls it with argv[0] joined; prints usage otherwise.
 * The table ends with a NULL name. */
typedef struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} aic_subcommand;
int aic_command_dispatch(const aic_subcommand *table, const char *doc, int argc, char **argv);

#endif
