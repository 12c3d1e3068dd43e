/* command_begin.c: a subcommand that reads aic.yaml; apart from command.c, so that a program without configuration links none. */
#include <stdio.h>
#include <string.h>

#include "common/command.h"

#define EXIT_USAGE 2

int aic_command_begin(aic_command *cmd, const struct argp *argp, int argc, char **argv, void *input)
{
	aic_error err = {0};
	argp_err_exit_status = EXIT_USAGE;
	error_t failed = argp_parse(argp, argc, argv, 0, NULL, input);
	if (failed != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(failed));
		return EXIT_USAGE;
	}
	if (aic_config_load(&cmd->config, cmd->config_path, &err) != AIC_OK)
		return aic_command_fail(argv, &err);
	return 0;
}

void aic_command_end(aic_command *cmd)
{
	aic_config_free(&cmd->config);
}
