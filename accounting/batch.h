/* batch.h: payout batches. A period's open lines are closed into a batch; administrators review and approve its hash, m of n;
 * it is posted to the ledger once, as a settlement of key (period, number); nothing posted ever changes.
 *
 *     review -> approved -> posting -> posted -> final
 *
 * "posting" is on disk before the ledger is asked, so that a crash between the two is seen and repaired by asking
 * the ledger what it has. Bytes and hash are drawn in doc/formats/batch.md. */
#ifndef AIC_ACCOUNTING_BATCH_H
#define AIC_ACCOUNTING_BATCH_H

#include "accounting/approve.h"
#include "accounting/evidence.h"
#include "accounting/store.h"
#include "accounting/tally.h"
#include "common/config.h"

typedef enum { AIC_BATCH_REVIEW, AIC_BATCH_APPROVED, AIC_BATCH_POSTING, AIC_BATCH_POSTED, AIC_BATCH_FINAL } aic_batch_state;
const char *aic_batch_state_name(aic_batch_state s);

typedef struct {
	int64_t id;
	char period[16];
	uint64_t number;
	aic_batch_state state;
	int64_t start, end;            /* of the period; lines that ended before `end` */
	uint64_t fee_ppm;
	aic_hash hash, evidence;
	uint64_t lines;
	aic_amount gross, fee;
	int64_t closed_at, closed_by;  /* closed_by -1: the daemon, at the period's end */
	int64_t posted_at, posted_by;
	uint64_t height;
	aic_hash tx;
	aic_approved approved;
} aic_batch;

typedef struct {
	aic_store *store;
	const aic_config *config;
	aic_evidence_key key;
	uint64_t signatures;           /* by administrators' keys that the ledger's policy asks for */
	aic_hash chain;                /* of the ledger */
} aic_batches;

/* What aic.yaml and the ledger ask of a batch or a refund before it is posted. */
aic_approval_policy aic_batches_policy(const aic_batches *b);

/* Organisation of a wallet: what the ledger has, else aic.yaml, else the top-level Slurm account. */
aic_code aic_wallet_organisation(aic_store *s, const aic_config *c, const char *wallet, char out[AIC_NAME_LEN], aic_error *err);

/* The hash in hexadecimal; returns out. */
const char *aic_batch_hash_text(const aic_batch *b, char out[65]);

/* The open lines that ended before `end`, rated and summed as a batch would be; nothing is written. */
aic_code aic_batch_draft(const aic_batches *b, int64_t end, uint64_t fee_ppm, aic_tally *out, aic_hash *evidence, aic_error *err);

/* Closes them into the period's next batch. Refused where nothing is open. */
aic_code aic_batch_close(const aic_batches *b, const char *period, int64_t start, int64_t end, uint64_t fee_ppm, int64_t by,
                         int64_t now, aic_batch *out, aic_error *err);

/* number 0: the latest of the period; period "": the latest of all. */
aic_code aic_batch_find(aic_store *s, const char *period, uint64_t number, aic_batch *out, aic_error *err);
/* Every batch, newest first; *out malloc'ed. */
aic_code aic_batch_list(aic_store *s, aic_batch **out, size_t *n, aic_error *err);
/* Its sums, ordered by names, with rewards where posted. */
aic_code aic_batch_sums(aic_store *s, const aic_batch *b, aic_tally *out, aic_error *err);

/* An administrator's approval of exactly that hash, signed where sig is not NULL (approve.h). Repeating one's own changes nothing. */
aic_code aic_batch_approve(const aic_batches *b, aic_batch *batch, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                           aic_error *err);
/* After any act on a line: new hash, back to review, approvals void. Inside a transaction. */
aic_code aic_batch_reopen(const aic_batches *b, int64_t id, aic_error *err);

#endif
