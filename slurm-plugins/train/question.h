/* question.h: one request to aictraind. Internal to serve.c and submit.c. */
#ifndef AIC_TRAIN_QUESTION_H
#define AIC_TRAIN_QUESTION_H

#include "slurm-plugins/train/serve.h"

typedef struct {
	aic_traind *d;
	const aic_rpc_caller *who;
	aic_cbor *args;
	aic_bytes *out;
	size_t *items;
} aic_train_question;

/* token, path: name becomes "spec/PATH". */
aic_code aic_train_take_file(aic_train_question *q, uint8_t *token, char name[AIC_TRAIN_PATH_LEN + 8], aic_error *err);
aic_code aic_train_answer_submit(aic_train_question *q, aic_error *err);

#endif
