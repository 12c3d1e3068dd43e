/* batch.h: payout batches. A period's open lines are closed into a batch; administrators review and approve its hash, m of n;
 * it is posted to the ledger once, as a settlement of key (period, number); nothing posted ever changes.
 *
 *     closing -> review -> approved -> posting -> posted -> final
 *
 * "posting" is on disk before the ledger is asked, so that a crash between the two is seen and repaired by asking
 * the ledger what it has. Bytes and hash are drawn in doc/formats/batch.md. */
#ifndef AIC_ACCOUNTING_BATCH_H
#define AIC_ACCOUNTING_BATCH_H

#include "accounting/approve.h"
#include "accounting/evidence.h"
#include "accounting/organisation.h"
#include "accounting/store.h"
#include "accounting/tally.h"
#include "common/config.h"

typedef enum { AIC_BATCH_CLOSING = -1, AIC_BATCH_REVIEW, AIC_BATCH_APPROVED, AIC_BATCH_POSTING, AIC_BATCH_POSTED, AIC_BATCH_FINAL } aic_batch_state;
const char *aic_batch_state_name(aic_batch_state s);

typedef struct {
	int64_t id;
	char period[16];
	uint64_t number;
	aic_batch_state state;
	int64_t start, end;            /* of the period; lines that ended before `end` */
	int64_t first_line;            /* what was the first open line */
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
	bool read_only;                /* the store is: nothing is noted in it */
} aic_batches;

/* What aic.yaml and the ledger ask of a batch or a refund before it is posted. */
aic_approval_policy aic_batches_policy(const aic_batches *b);

/* The hash in hexadecimal; returns out. */
const char *aic_batch_hash_text(const aic_batch *b, char out[65]);

/* Refused while the batch is still being closed. */
aic_code aic_batch_closed(const aic_batch *b, aic_error *err);

/* draft.c: the open lines that ended before `end`, summed as a batch would be; nothing is written. */
aic_code aic_batch_draft(const aic_batches *b, int64_t end, uint64_t fee_ppm, aic_tally *out, aic_error *err);

/* close.c: closes them into the period's next batch. Refused where nothing is open. */
aic_code aic_batch_close(const aic_batches *b, const char *period, int64_t start, int64_t end, uint64_t fee_ppm, int64_t by,
                         int64_t now, aic_batch *out, aic_error *err);

/* The same in slices, with anything else in between. The batch takes the lines that were there when it began, slice by slice,
 * and none that comes later; lines that it has taken change no more. Killed anywhere, it is resumed. */
typedef struct aic_closing aic_closing;
aic_code aic_closing_begin(aic_closing **c, const aic_batches *b, const char *period, int64_t start, int64_t end, uint64_t fee_ppm,
                           int64_t by, int64_t now, aic_error *err);
/* The batch that was left half closed; AIC_NOT_FOUND (err untouched) where there is none. */
aic_code aic_closing_resume(aic_closing **c, const aic_batches *b, aic_error *err);
/* Works for about budget_ms; *done: it is in review. */
aic_code aic_closing_step(aic_closing *c, int64_t budget_ms, bool *done, aic_error *err);
int64_t aic_closing_batch(const aic_closing *c);
unsigned aic_closing_percent(const aic_closing *c);
void aic_closing_free(aic_closing *c);

/* number 0: the latest of the period; period "": the latest of all. */
aic_code aic_batch_find(aic_store *s, const char *period, uint64_t number, aic_batch *out, aic_error *err);
/* Every batch, newest first; *out malloc'ed. */
aic_code aic_batch_list(aic_store *s, aic_batch **out, size_t *n, aic_error *err);
/* Its sums, ordered by names, with rewards where posted. */
aic_code aic_batch_sums(aic_store *s, const aic_batch *b, aic_tally *out, aic_error *err);

/* An administrator's approval of exactly that hash, signed where sig is not NULL (approve.h). Repeating one's own changes nothing. */
aic_code aic_batch_approve(const aic_batches *b, aic_batch *batch, const aic_hash *hash, uid_t uid, const aic_approval *sig, int64_t now,
                           aic_error *err);
/* After any act on a line: new hash, back to review, approvals void. Inside a transaction. A large batch is left closing: the rest
 * of the work is aic_closing_resume's. */
aic_code aic_batch_reopen(const aic_batches *b, int64_t id, aic_error *err);

#endif
