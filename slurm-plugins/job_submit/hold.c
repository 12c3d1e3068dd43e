#include "slurm-plugins/job_submit/hold.h"

#include <string.h>

static const char *behind(const char *text, const char *mark)
{
	size_t n = strlen(mark);

	return text && !strncmp(text, mark, n) ? text + n : NULL;
}

const char *aic_hold_message(const char *admin_comment)
{
	const char *message = behind(admin_comment, AIC_HOLD_MARK);

	return message ? message : behind(admin_comment, AIC_HOLD_OWN_MARK);
}

bool aic_hold_said(const char *admin_comment)
{
	return aic_hold_message(admin_comment);
}

bool aic_hold_own(const char *admin_comment)
{
	return behind(admin_comment, AIC_HOLD_OWN_MARK);
}
