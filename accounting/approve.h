/* approve.h: who agrees to a hash, a batch's or a refund's. By MUNGE uid as many as aic.yaml's `approvals`, and by administrators'
 * keys as many as the site's policy on the ledger asks for. A changed hash has none: that is how an act voids them. */
#ifndef AIC_ACCOUNTING_APPROVE_H
#define AIC_ACCOUNTING_APPROVE_H

#include "accounting/store.h"
#include "ledger/client.h"

typedef struct {
	uint64_t people;       /* uids */
	uint64_t signatures;   /* of these with a key */
} aic_approved;

/* What is needed; chain: of the ledger, which is signed with the hash. */
typedef struct {
	uint64_t people, signatures;
	aic_hash chain;
} aic_approval_policy;

bool aic_approved_enough(const aic_approved *have, const aic_approval_policy *need);
/* "1 of 2", "2 of 2, 1 of 2 signed". Returns out. */
const char *aic_approved_text(char out[64], const aic_approved *have, const aic_approval_policy *need);

/* One administrator's word, inside a transaction; repeating it changes nothing, a signature is added to a word without. sig NULL: by
 * uid alone. Refused where the policy asks for signatures and this has none, where the signature is not over the hash, and where
 * another administrator's word has the same key. */
aic_code aic_approve(aic_store *s, const aic_approval_policy *need, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                     aic_error *err);
aic_code aic_approved_count(aic_store *s, const aic_hash *hash, aic_approved *out, aic_error *err);
aic_code aic_approved_forget(aic_store *s, const aic_hash *hash, aic_error *err);

/* Everybody who agrees, by uid, and their signatures by keys that the ledger takes now: one that was revoked since is left out. */
typedef struct {
	uint32_t n, uid[AIC_APPROVALS_MAX];
	uint32_t n_signed;
	aic_approval signed_by[AIC_APPROVALS_MAX];
} aic_approvers;
aic_code aic_approvers_get(aic_store *s, aic_ledger *l, const aic_hash *hash, aic_approvers *out, aic_error *err);

/* Whether that is a valid administrator's key of this site; refused with the remedy where not. */
aic_code aic_approver_check(aic_ledger *l, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err);

#endif
