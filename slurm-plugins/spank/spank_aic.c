/* spank_aic: AIC's options, and a receipt for each step on each node (spank_aic(8)). This file only hands the call to what
 * the context needs. */
#include "slurm-plugins/spank/context.h"

SPANK_PLUGIN(aic, 1)

int slurm_spank_init(spank_t sp, int ac, char **av)
{
	switch (spank_context()) {
	case S_CTX_LOCAL:
	case S_CTX_ALLOCATOR:
		return aic_spank_options(sp);
	case S_CTX_REMOTE:
		aic_spank_step_begin(sp, ac, av);
		return aic_spank_options(sp);
	default:
		return ESPANK_SUCCESS;
	}
}

int slurm_spank_init_post_opt(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	if (spank_context() == S_CTX_REMOTE)
		aic_spank_dataset_begin();
	return ESPANK_SUCCESS;
}

int slurm_spank_task_init_privileged(spank_t sp, int ac, char **av)
{
	(void)ac;
	(void)av;
	aic_spank_dataset_task(sp, aic_spank_arguments_get());
	return ESPANK_SUCCESS;
}

int slurm_spank_task_init(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	aic_spank_dataset_say();
	return ESPANK_SUCCESS;
}

int slurm_spank_task_exit(spank_t sp, int ac, char **av)
{
	(void)ac;
	(void)av;
	aic_spank_dataset_end_task(sp, aic_spank_node());
	return ESPANK_SUCCESS;
}

int slurm_spank_exit(spank_t sp, int ac, char **av)
{
	(void)ac;
	(void)av;
	if (spank_context() == S_CTX_REMOTE) {
		aic_spank_dataset_end(sp, aic_spank_arguments_get());
		aic_spank_step_end(sp);
	}
	return ESPANK_SUCCESS;
}
