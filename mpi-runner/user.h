/* user.h: a trained model, ready to take one sample at a time. */
#ifndef AIC_USER_H
#define AIC_USER_H

#include "mpi-runner/model_file.h"

typedef struct {
	aic_model_file file;
	aic_cpu *cpu;
	aic_pass *pass;
} aic_user;

aic_code aic_user_open(aic_user *u, const char *model, aic_error *err);
void aic_user_close(aic_user *u); /* also after a failed open */

#endif
