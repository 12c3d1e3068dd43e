/* accounting_jobs.h: job records and receipts with the shape of a real centre, the same for a number each time: heavy-tailed
 * durations, arrays, 200 accounts, 1,000 users, 500 nodes of 20 providers, most jobs on one node. */
#ifndef AIC_BENCH_ACCOUNTING_JOBS_H
#define AIC_BENCH_ACCOUNTING_JOBS_H

#include "common/config.h"
#include "common/receipt.h"

#define BENCH_NODES 500
#define BENCH_NODES_OF_JOB 8 /* at most */

typedef struct {
	aic_job_record record;
	aic_node_share node[BENCH_NODES_OF_JOB]; /* record.node points here */
} bench_job;

void bench_job_make(bench_job *j, uint32_t id);
/* Of the node k of the job. */
aic_receipt bench_job_receipt(const bench_job *j, uint32_t k);
uint32_t bench_node_index(const char *node);
/* Job ids 1..n in the order in which the jobs end, as slurmctld writes them down; malloc'ed. */
uint32_t *bench_job_order(uint32_t n);

void bench_centre(aic_config *c, const char *folder);
void bench_centre_free(aic_config *c);

#endif
