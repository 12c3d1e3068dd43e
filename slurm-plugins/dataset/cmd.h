/* cmd.h: what the subcommands of `aic dataset` share. */
#ifndef AIC_DATASET_CMD_H
#define AIC_DATASET_CMD_H

#include <stdbool.h>

#include "common/command.h"

typedef struct {
	aic_command base;
	bool init, replace, dry_run;
	char *arg[2];
	int n_args;
} aic_dataset_words;

error_t aic_dataset_parse(int key, char *arg, struct argp_state *state); /* its input is an aic_dataset_words */
extern const struct argp_child aic_dataset_children[];
/* Parses, acts, and returns the exit status. */
int aic_dataset_run(int argc, char **argv, const struct argp *argp, aic_code (*act)(aic_dataset_words *w, aic_error *err));

int aic_cmd_dataset_warm(int argc, char **argv);
int aic_cmd_dataset_evict(int argc, char **argv);
int aic_cmd_dataset_where(int argc, char **argv);

#endif
