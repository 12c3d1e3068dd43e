/* review.h: the verbs of `aic batch` that cmd_review.c and cmd_refund.c answer for, and how a batch is named. */
#ifndef AIC_ACCOUNTING_REVIEW_H
#define AIC_ACCOUNTING_REVIEW_H

#include "common/bytes.h"
#include "common/error.h"

int aic_batch_lines_command(int argc, char **argv);
int aic_batch_hold_command(int argc, char **argv);
int aic_batch_release_command(int argc, char **argv);
int aic_batch_adjust_command(int argc, char **argv);
int aic_batch_void_command(int argc, char **argv);
int aic_batch_penalize_command(int argc, char **argv);
int aic_batch_refund_command(int argc, char **argv);
int aic_batch_withdraw_refund_command(int argc, char **argv);
int aic_batch_approve_refund_command(int argc, char **argv);
int aic_batch_refunds_command(int argc, char **argv);
int aic_batch_verify_command(int argc, char **argv); /* cmd_erase.c */
int aic_batch_prove_command(int argc, char **argv);  /* cmd_prove.c */
int aic_batch_check_command(int argc, char **argv);
int aic_batch_log_command(int argc, char **argv);

/* "2026-W48/2", "2026-W48", or "" for the latest: period and number, as the operations take them. */
aic_code aic_batch_key_put(aic_bytes *body, const char *given, aic_error *err);

#endif
