/* fixture.h: what accounting's unit tests share: a store in a temporary folder, a configuration, records and receipts. */
#ifndef AIC_ACCOUNTING_FIXTURE_H
#define AIC_ACCOUNTING_FIXTURE_H

#include "accounting/batch.h"
#include "accounting/ingest.h"
#include "accounting/receipts.h"

typedef struct {
	char *folder;
	aic_config config;
	aic_store *store;
	aic_registry *registry;
	aic_batches batches;
} fixture;

/* Two providers (n1-2: lab-one, n3: lab-two; n4 belongs to nobody), accounts physics and biology (members anna, ben, and
 * carla who coordinates physics), data set "faces" of lab-one (1 AIC a job, 0.5 a GPU hour), model "net" of account/biology;
 * rates: default GPU 0.5, "a100" 1, CPU 0.01, memory 0.001. mode enforce, one approval. Setup and teardown for cmocka. */
int fixture_open(void **state);
int fixture_close(void **state);
/* Closes the store and opens it again, as after a crash. */
void fixture_reopen(fixture *f);

/* Job `id` of account physics, user anna, partition gpu, submitted at 1000, started at 2000, ended at 2000 + seconds,
 * COMPLETED, one node n1 with 2 a100, 8 CPUs and 64,000 MiB. Free with aic_job_record_clear. */
aic_job_record fixture_record(uint32_t id, int64_t seconds);
void fixture_node(aic_job_record *r, const char *name, const char *gpu_type, uint32_t gpus, uint32_t cpus, uint64_t mem_mib);
/* Ingests in a transaction of its own. */
aic_ingest_result fixture_ingest(fixture *f, const aic_job_record *r);
/* One signed batch of one receipt with that CPU and GPU use (AIC_UNKNOWN for none), over the record's run. */
void fixture_receipt(fixture *f, const aic_job_record *r, const char *node, uint64_t cpu_ms, uint64_t gpu_ms);
void fixture_batch_of(aic_bytes *out, const aic_receipt *r, const aic_key *key);

/* Closes period 1970-W01, of which every record of the fixture is, into its next batch. */
#define FIXTURE_END 1000000
#define FIXTURE_FEE_PPM 100000
aic_batch fixture_close_batch(fixture *f);
/* One approval, uid 0's. */
void fixture_approve(fixture *f, aic_batch *b);
aic_tally fixture_sums(fixture *f, const aic_batch *b); /* clear with aic_tally_clear */

/* Lines of a job as text, "node kind payer payee gross batch|open\n" ordered; free it. */
char *fixture_lines(fixture *f, uint32_t job);
/* Sum of the open gross of a wallet, counted from the lines. */
aic_amount fixture_open_gross(fixture *f, const char *wallet);
const char *fixture_reason(fixture *f, uint32_t job, char out[200]);

#endif
