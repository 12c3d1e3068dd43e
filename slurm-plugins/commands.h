/* commands.h: the subcommands of `aic` that live in this room. */
#ifndef AIC_SLURM_PLUGINS_COMMANDS_H
#define AIC_SLURM_PLUGINS_COMMANDS_H

int aic_cmd_allocator(int argc, char **argv);
int aic_cmd_dataset(int argc, char **argv);
int aic_cmd_lease(int argc, char **argv);
int aic_cmd_train(int argc, char **argv);
int aic_cmd_topology(int argc, char **argv);

#endif
