/* receipt.h: what was measured on one node for one step of a job, and batches of them as a node sends them.
 *
 * spank_aic writes one file per step and node into the node's spool directory; aicnoded gathers them, signs the
 * batch with the node's key, sends it to aicacctd and deletes what was acknowledged.
 * Identity of a receipt: (session, node, sequence), architecture.md. Session "CLUSTER.JOB.RESTART"
 * until sessions stand on the ledger; sequence is the step id (batch, extern and interactive steps keep Slurm's numbers). */
#ifndef AIC_RECEIPT_H
#define AIC_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/record.h"

#define AIC_UNKNOWN UINT64_MAX  /* "not measured", never 0 */
#define AIC_RECEIPT_BATCH_MAX 4096

/* What the SMs and tensor cores of a step's GPUs did (NVML's GPM), over samples of one second of one GPU; means and standard
 * deviations in ppm of all of them working all the time. */
typedef struct {
	uint64_t samples;           /* 0: not measured, and so are the others */
	uint32_t sm_ppm, sm_sd_ppm, tensor_ppm, tensor_sd_ppm;
} aic_gpu_activity;

typedef struct {
	char cluster[AIC_NAME_LEN];
	char node[AIC_NAME_LEN];
	uint32_t job_id;
	uint32_t restart;
	uint32_t step_id;           /* the sequence */
	uint32_t uid;
	int64_t start, end;         /* epoch seconds, of the step on this node */
	uint64_t cpus;              /* CPUs the step held on the node, AIC_UNKNOWN if not known */
	uint64_t cpu_ms;            /* CPU time, user + system, of all processes of the step */
	uint64_t mem_peak_mib;
	uint64_t gpus;              /* GPUs held */
	uint64_t gpu_ms;            /* sum over GPUs of (utilisation x time); AIC_UNKNOWN where no meter ran */
	uint64_t energy_mj;
	uint64_t read_mib;          /* bytes of data read, MiB */
	uint32_t determinism;       /* 0, 1, 2: class D0, D1, D2 as the program declared; 2 where it did not */
	aic_gpu_activity activity;
} aic_receipt;

void aic_receipt_encode(aic_bytes *out, const aic_receipt *r);
aic_code aic_receipt_decode(aic_receipt *r, const void *data, size_t len, aic_error *err);

/* A batch: array of receipts (encoded), node name, node public key, signature over "aic/receipts/v1". */
aic_code aic_receipt_batch_encode(aic_bytes *out, const char *node, const aic_key *node_key, const aic_bytes *receipts,
                                  size_t n, aic_error *err);
typedef struct {
	char node[AIC_NAME_LEN];
	uint8_t public_key[AIC_PUBLIC_LEN];
	size_t n;
	aic_receipt *receipt;       /* owned */
} aic_receipt_batch;
/* Decodes and checks the signature; a receipt whose node differs from the batch's is refused with its number. */
aic_code aic_receipt_batch_decode(aic_receipt_batch *b, const void *data, size_t len, aic_error *err);
/* The same of a batch that was checked before: its signature is not looked at again. */
aic_code aic_receipt_batch_read(aic_receipt_batch *b, const void *data, size_t len, aic_error *err);
void aic_receipt_batch_clear(aic_receipt_batch *b);

#endif
