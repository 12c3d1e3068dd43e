#include "slurm-plugins/param.h"

#include <string.h>
#include <strings.h>

bool aic_param_find(const char *params, const char *key, char *value, size_t size)
{
	size_t klen = strlen(key);

	for (const char *p = params; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t n;

		if (strncasecmp(p, key, klen) || p[klen] != '=')
			continue;
		p += klen + 1;
		n = strcspn(p, ",");
		if (n == 0 || n >= size)
			return false;
		memcpy(value, p, n);
		value[n] = '\0';
		return true;
	}
	return false;
}
