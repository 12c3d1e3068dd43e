/* hold.h: how AdminComment says that AIC holds a job, and why: "aic hold: account physics holds 0.00 AIC; ...". A job that
 * its user or an operator holds besides says so, and stays held when funds come. */
#ifndef AIC_JOB_SUBMIT_HOLD_H
#define AIC_JOB_SUBMIT_HOLD_H

#include <stdbool.h>

#define AIC_HOLD_MARK "aic hold: "
#define AIC_HOLD_OWN_MARK "aic hold beside its user's: "

/* Each takes an AdminComment, which may be NULL. */
bool aic_hold_said(const char *admin_comment);
bool aic_hold_own(const char *admin_comment);
/* The sentence behind the mark; NULL where there is no mark. */
const char *aic_hold_message(const char *admin_comment);

#endif
