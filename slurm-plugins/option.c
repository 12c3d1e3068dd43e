#include "slurm-plugins/option.h"

#include <string.h>

#include "common/record.h"

#define PREFIX "_SLURM_SPANK_OPTION_aic_"

static bool same_name(const char *key, const char *option)
{
	for (; *option; key++, option++)
		if (*key != (*option == '-' ? '_' : *option))
			return false;
	return *key == '=';
}

const char *aic_option_find(char *const *env, uint32_t n, const char *option)
{
	for (uint32_t i = 0; env && i < n; i++)
		if (env[i] && !strncmp(env[i], PREFIX, sizeof(PREFIX) - 1) &&
		    same_name(env[i] + sizeof(PREFIX) - 1, option))
			return strchr(env[i], '=') + 1;
	return NULL;
}

bool aic_option_valid(const char *value)
{
	size_t n = value ? strlen(value) : 0;

	return n > 0 && n < AIC_NAME_LEN && value[0] != '-' &&
	       strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+:@") == n;
}
