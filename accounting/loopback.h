/* loopback.h: for tests: common/rpc.h's client without sockets and MUNGE. Requests go straight to the real handlers of
 * aicledgerd and aicacctd in this process. Linked instead of common/rpc.c's client. */
#ifndef AIC_ACCOUNTING_LOOPBACK_H
#define AIC_ACCOUNTING_LOOPBACK_H

#include "accounting/acctd.h"
#include "ledger/service.h"

extern aic_service *loopback_ledger;   /* NULL: not running */
extern aic_acctd *loopback_acct;
extern uid_t loopback_uid;             /* who calls aicacctd */
extern bool loopback_lose_answer;      /* the ledger does what it is asked, and its answer is lost */

/* Opens aicledgerd's inside on the configuration: a genesis of one wallet, genesis/operating with 1,000 AIC. */
void loopback_ledger_start(const aic_config *c);
void loopback_ledger_stop(void);
/* Moves from genesis/operating. */
void loopback_fund(const aic_config *c, const char *wallet, const char *organisation, aic_amount amount);

#endif
