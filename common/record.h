/* record.h: what Slurm knew of one segment of a job when it ended, as jobcomp/aic wrote it down.
 *
 * Made inside slurmctld, kept in the spool, read by aicacctd. The encoding is canonical CBOR, a map with
 * small integer keys (doc/formats/job-record.md). Key of a record: (cluster, job_id, submit, restart, start of
 * the segment), economics.md 1. */
#ifndef AIC_RECORD_H
#define AIC_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define AIC_NAME_LEN 128      /* cluster, user, account, partition, node, GPU type, asset, wallet names */
#define AIC_RECORD_NODES_MAX 65536
#define AIC_GPU_TYPES_MAX 16  /* different GPU types on one node of one job */

typedef struct {
	char type[AIC_NAME_LEN]; /* "a100"; "" where Slurm has no type */
	uint32_t count;
} aic_gpu_count;

typedef struct {
	char name[AIC_NAME_LEN];
	uint32_t cpus;           /* allocated on this node, Slurm's CPUs */
	uint64_t mem_mib;
	uint32_t gpu_types;
	aic_gpu_count gpu[AIC_GPU_TYPES_MAX];
} aic_node_share;

/* Slurm's base state at the hook, plus the flags that accounting needs; values are AIC's own and stable. */
typedef enum {
	AIC_STATE_COMPLETED = 1, AIC_STATE_FAILED, AIC_STATE_CANCELLED, AIC_STATE_TIMEOUT, AIC_STATE_NODE_FAIL,
	AIC_STATE_BOOT_FAIL, AIC_STATE_PREEMPTED, AIC_STATE_OUT_OF_MEMORY, AIC_STATE_DEADLINE, AIC_STATE_REVOKED,
	AIC_STATE_REQUEUED, AIC_STATE_RESIZING, AIC_STATE_LAUNCH_FAILED
} aic_job_state;
const char *aic_job_state_name(aic_job_state s); /* Slurm's spelling: "NODE_FAIL" */
bool aic_job_state_parse(aic_job_state *s, const char *name);

typedef struct {
	char cluster[AIC_NAME_LEN];
	uint32_t job_id;
	uint32_t array_job_id, array_task_id; /* 0 and 0xfffffffe where the job is no array task */
	uint32_t het_job_id, het_offset;      /* 0 where it is no heterogeneous job */
	uint32_t restart;                     /* Slurm's restart count */
	uint32_t uid, gid;
	char user[AIC_NAME_LEN];
	char account[AIC_NAME_LEN];
	char partition[AIC_NAME_LEN];
	char qos[AIC_NAME_LEN];
	char name[AIC_NAME_LEN];
	int64_t submit, eligible, start, end, resize, preempt; /* epoch seconds, 0 where unset */
	int64_t suspended;                    /* total seconds before `end`; Slurm counts on after it */
	int64_t suspend_time;                 /* last suspension's start, 0 if none */
	int64_t time_limit;                   /* seconds; INT64_MAX for UNLIMITED */
	aic_job_state state;
	uint32_t state_raw;                   /* Slurm's number, kept as evidence */
	uint32_t exit_code;                   /* wait(2) status */
	char dataset[AIC_NAME_LEN];           /* --aic-dataset, "" if none */
	char model[AIC_NAME_LEN];             /* --aic-model */
	uint32_t nodes;
	aic_node_share *node;                 /* owned, nodes elements */
} aic_job_record;

void aic_job_record_clear(aic_job_record *r);   /* frees node, zeroes the rest */
void aic_job_record_encode(aic_bytes *out, const aic_job_record *r);
/* Decodes exactly len bytes; on failure *r is cleared and err names the field. */
aic_code aic_job_record_decode(aic_job_record *r, const void *data, size_t len, aic_error *err);

#endif
