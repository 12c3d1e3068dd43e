/* charge.h: what a job record costs, and to whom (economics.md 1). A pure function of the record, of the other segments
 * of its run, and of the registry; store and daemon stay outside.
 *
 * Slurm 22.05 sets resize_time before it reports a segment that a resize ends: a RESIZING record carries the end of its
 * segment there, the record that ends the job the start of its last one. So the key of a record has a flag beside
 * the time, and the start of a RESIZING segment is the resize before it. */
#ifndef AIC_ACCOUNTING_CHARGE_H
#define AIC_ACCOUNTING_CHARGE_H

#include "accounting/registry.h"
#include "common/record.h"
#include "ledger/client.h"

/* Second half of a record's key. */
int64_t aic_segment_key(const aic_job_record *r);     /* resize where set, else start */
bool aic_segment_resizing(const aic_job_record *r);

/* Where a record stands in its run. */
typedef struct {
	int64_t start, end;      /* of this segment */
	int64_t suspended;       /* seconds of it without the pause after the job's end */
	int64_t limit;           /* seconds of the time limit that earlier segments have left */
	bool parted;             /* a resize divides the run */
	bool per_job_due;        /* whether this record pays the assets' price per job */
} aic_segment;

/* The segments of one run: records of equal (cluster, job, submit, restart), in any order. segment[i] belongs to record[i];
 * per_job_due is left false. */
void aic_segments_of_run(const aic_job_record *record, size_t n, aic_segment *segment);

typedef enum {
	AIC_CHARGED = 0,      /* in full */
	AIC_CHARGED_PART,     /* less than in full: reason says why */
	AIC_CHARGED_NOTHING,
	AIC_OUT_OF_SCOPE
} aic_charge_status;

/* Seconds that count, before the state's factor. */
int64_t aic_billable(const aic_segment *s);
/* Factor of the state, and why where it is below 10^6 ("" otherwise). */
uint64_t aic_state_ppm(const aic_job_record *r, const char **reason);

typedef struct {
	aic_line_kind kind;
	const char *node;      /* "" for data and model; borrowed from the record */
	const char *asset;     /* "" for hardware; borrowed from the record, an asset's parents from the registry */
	char payee[AIC_NAME_LEN]; /* wallet */
	aic_amount gross;
	uint64_t cpus, gpus;   /* held on the node; for data and model by the whole job */
} aic_charge_line;

typedef struct {
	aic_charge_status status;
	char reason[160];      /* "" where charged in full; else "not charged: NODE_FAIL" ... */
	int64_t billable;
	uint64_t state_ppm;
	uint64_t cpu_seconds, gpu_seconds; /* billable x held */
	char payer[AIC_NAME_LEN];
	size_t n;              /* one a node; one for a data set and a model each, and for each that these were made from */
	aic_charge_line *line; /* owned; zero-charged lines are there too */
} aic_charge;

/* AIC_REFUSED where a product needs more than 128 bits (a rate that is absurd), naming node and figures. */
aic_code aic_charge_record(aic_charge *c, const aic_job_record *r, const aic_segment *s, const aic_registry *g, aic_error *err);
void aic_charge_clear(aic_charge *c);

/* fee = floor(gross * fee_ppm / 10^6) */
aic_amount aic_fee_of(aic_amount gross, uint64_t fee_ppm);

#endif
