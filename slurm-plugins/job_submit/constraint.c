#include "slurm-plugins/job_submit/constraint.h"

#include <stdio.h>
#include <string.h>

bool aic_constraint_next(const char **rest, char *name, size_t size)
{
	size_t n = *rest ? strcspn(*rest, "&") : 0;

	if (!n || n >= size)
		return false;
	memcpy(name, *rest, n);
	name[n] = '\0';
	*rest += n;
	*rest += **rest == '&';
	return true;
}

bool aic_constraint_merge(char *buf, size_t size, const char *constraint, const char *feature)
{
	char name[256];
	const char *rest = constraint;
	int n;

	if (!constraint || !*constraint)
		return (size_t)snprintf(buf, size, "%s", feature) < size;
	if (strpbrk(constraint, "|*[](),"))
		return false;
	while (aic_constraint_next(&rest, name, sizeof(name)))
		if (!strcmp(name, feature))
			return false;
	if (*rest)
		return false;
	n = snprintf(buf, size, "%s&%s", constraint, feature);
	return n > 0 && (size_t)n < size;
}
