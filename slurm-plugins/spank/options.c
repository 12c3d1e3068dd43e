#include <stddef.h>

#include "slurm-plugins/spank/context.h"

#include "slurm-plugins/option.h"

static int check_value(const char *option, const char *value)
{
	if (aic_option_valid(value))
		return ESPANK_SUCCESS;
	slurm_error("--%s=%.127s is no name: give 1 to 127 letters, digits and . _ - / + : @", option, value ? value : "");
	return ESPANK_BAD_ARG;
}

/* Means something to job_submit/aic alone. */
static int take_quote(int val, const char *value, int remote)
{
	(void)val;
	(void)value;
	(void)remote;
	return ESPANK_SUCCESS;
}

/* Checked where the user types it; on the node the job must not fail any more. */
static int take_dataset(int val, const char *value, int remote)
{
	(void)val;
	if (!remote)
		return check_value(AIC_OPTION_DATASET, value);
	aic_spank_dataset_set(aic_option_valid(value) ? value : NULL);
	return ESPANK_SUCCESS;
}

static int take_model(int val, const char *value, int remote)
{
	(void)val;
	return remote ? ESPANK_SUCCESS : check_value(AIC_OPTION_MODEL, value);
}

int aic_spank_options(spank_t sp)
{
	static struct spank_option options[] = {
		{ AIC_OPTION_DATASET, "NAME", "registered data set that the job uses; its terms are part of the price", 1, 0, take_dataset },
		{ AIC_OPTION_MODEL, "NAME", "registered model that the job uses; its terms are part of the price", 1, 0, take_model },
		{ AIC_OPTION_QUOTE, NULL, "with --test-only: what the job can cost at most (`aic quote` asks so)", 0, 0, take_quote },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (spank_option_register(sp, &options[i]) != ESPANK_SUCCESS)
			slurm_error("spank_aic: option --%s cannot be registered: does another plugin have it?", options[i].name);
	return ESPANK_SUCCESS;
}
