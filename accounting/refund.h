/* refund.h: an administrator gives back what a posted line paid. Nothing posted changes: a refund is a reversal on the ledger, paid
 * by the payee alone, the fee not returned; what the payee lacks becomes its debt.
 *
 *     asked -> posting -> posted
 *     asked -> withdrawn
 *
 * It is posted once as many administrators have approved its evidence as a batch needs. The evidence is an HMAC under the site's
 * evidence key over ["aic/refund/v1", site, period, number, refund, line, amount, reason, uid, time], so that nobody can guess what
 * it stands for; the ledger takes it once for a line, which makes a repeat after a crash harmless. */
#ifndef AIC_ACCOUNTING_REFUND_H
#define AIC_ACCOUNTING_REFUND_H

#include "accounting/batch.h"

typedef enum { AIC_REFUND_ASKED, AIC_REFUND_POSTING, AIC_REFUND_POSTED, AIC_REFUND_WITHDRAWN } aic_refund_state;
const char *aic_refund_state_name(aic_refund_state s);

typedef struct {
	int64_t id, line, job;         /* job 0: a storage line */
	int64_t batch, payer, payee;
	char period[16];
	uint64_t number;
	aic_line_kind kind;
	aic_amount amount;
	char reason[256];
	int64_t uid, at;
	aic_hash evidence;
	aic_refund_state state;
	uint64_t height;
	aic_approved approved;
} aic_refund;

/* Refused where the line is not posted, or where its refunds would sum to more than its charge. In a transaction of its own. */
aic_code aic_refund_ask(const aic_batches *b, int64_t line, aic_amount amount, const char *reason, uid_t uid, int64_t now, aic_refund *out,
                        aic_error *err);
/* An administrator's approval; the last one that is needed posts it. */
aic_code aic_refund_approve(const aic_batches *b, aic_ledger *l, int64_t id, const aic_approval *sig, uid_t uid, int64_t now, aic_refund *out,
                            aic_error *err);
/* What was asked for and is not being posted is taken back, for good, with the reason in the log of acts: its amount can be asked for
 * again. In a transaction of its own. */
aic_code aic_refund_withdraw(const aic_batches *b, int64_t id, const char *reason, uid_t uid, int64_t now, aic_refund *out, aic_error *err);
/* After a crash: those in "posting" are posted again. */
aic_code aic_refund_repair(const aic_batches *b, aic_ledger *l, aic_error *err);

aic_code aic_refund_find(aic_store *s, int64_t id, aic_refund *out, aic_error *err);
/* All, newest first; line 0: of every line. *out malloc'ed. */
aic_code aic_refund_list(aic_store *s, int64_t line, aic_refund **out, size_t *n, aic_error *err);

#endif
