#include "mpi-runner/user.h"

aic_code aic_user_open(aic_user *u, const char *model, aic_error *err)
{
	*u = (aic_user){0};
	aic_code rc = aic_model_file_read(&u->file, model, err);
	if (rc == AIC_OK)
		rc = aic_cpu_open(&u->cpu, NULL, aic_threads_default(), err);
	if (rc != AIC_OK)
		return rc;
	u->pass = aic_pass_new(u->file.model, u->cpu, 1, false);
	u->pass->weights = u->file.weights;
	u->pass->samples = 1;
	return AIC_OK;
}

void aic_user_close(aic_user *u)
{
	aic_pass_free(u->pass);
	aic_cpu_close(u->cpu);
	aic_model_file_free(&u->file);
}
