/* rating.h: Proof of Value's quality of a line (economics.md 2): q = floor(verified * useful / 10^6), from the receipts of its
 * job and its training sessions: seconds that no session covers count as metered (500,000 ppm), a job without any receipt counts 0.
 * What nobody measured is unknown, and proves nothing: useful = 0, with the reason. */
#ifndef AIC_ACCOUNTING_RATING_H
#define AIC_ACCOUNTING_RATING_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/receipt.h"

/* Why a line earns no reward; stored as a number, stable. */
typedef enum {
	AIC_QUALITY_OK = 0,
	AIC_QUALITY_NO_RECEIPT,        /* of the whole job */
	AIC_QUALITY_NO_NODE_RECEIPT,   /* of this node */
	AIC_QUALITY_GPU_UNKNOWN,
	AIC_QUALITY_CPU_UNKNOWN,
	AIC_QUALITY_IDLE,              /* measured, and nothing was used */
	AIC_QUALITY_SAME_ORGANISATION,
	AIC_QUALITY_NO_CHARGE,
	AIC_QUALITY_PENALTY,           /* all of it taken by an administrator's penalty */
	AIC_QUALITY_REFUTED,           /* nothing but seconds of sessions that count 0 */
	AIC_QUALITY_REASONS
} aic_quality_reason;
const char *aic_quality_reason_text(aic_quality_reason r); /* "GPU use not measured" */

typedef struct {
	uint64_t verified, useful, quality; /* ppm */
	aic_quality_reason reason;
} aic_quality;

typedef struct {
	int64_t start, end, billable;
	bool part_of_run;      /* a resize divides the run: receipts count by the time that they share with the segment */
	uint64_t cpus, gpus;   /* held on the node */
	const char *node;
} aic_rated_node;

/* Where a session ran. */
typedef struct {
	char node[AIC_NAME_LEN];
	int64_t start, end;
	uint64_t ppm;          /* what its seconds count (doc/formats/session.md) */
	bool waits;            /* not decided: the lines wait, and count as metered if they wait too long */
} aic_covered;

/* What is known of a run. */
typedef struct {
	const aic_receipt *receipt; size_t n_receipts; /* ordered by node */
	const aic_covered *covered; size_t n_covered;
} aic_proof;

/* One node's hardware line. */
aic_quality aic_rate_node(const aic_rated_node *n, const aic_proof *p);
/* Whether a session on that node is not decided; n->node NULL: on any. */
bool aic_rated_waits(const aic_rated_node *n, const aic_proof *p);
/* Held bytes: verified 500,000, useful in full. */
aic_quality aic_quality_of_storage(void);
/* What counts of a line's own quality: nothing where nothing is charged or where payer and payee are of one organisation, and what a
 * penalty of that many ppm leaves, floor(quality * (10^6 - penalty) / 10^6). Applied to its own result it gives the same. */
aic_quality aic_quality_counted(aic_quality q, bool charged, bool same_organisation, uint64_t penalty_ppm);
/* What receipts of a run say that it used, of a segment its share; AIC_UNKNOWN where none has the figure. n->node is not read. */
typedef struct {
	uint64_t cpu_ms, gpu_ms;
} aic_use;
aic_use aic_use_of(const aic_rated_node *n, const aic_receipt *receipts, size_t n_receipts);
/* Data and model lines: over all nodes of the segment; verified by seconds, useful by GPUs held (CPUs for a job without). */
aic_quality aic_rate_job(const aic_rated_node *n, size_t nodes, const aic_proof *p);

#endif
