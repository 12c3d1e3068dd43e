/* estimate.h: the most that a request can make Slurm allocate. Pure: knows neither Slurm nor files.
 *
 * The rules are those of select/cons_tres as far as an upper bound needs them: tasks times CPUs per task, at least one
 * core a node, whole cores where cores are what Slurm hands out, memory per node, CPU or GPU with the configured
 * defaults, GPUs per job, node, socket and task, whole nodes where the request or the partition says so. */
#ifndef AIC_JOB_SUBMIT_ESTIMATE_H
#define AIC_JOB_SUBMIT_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/record.h"

#define AIC_UNSET UINT32_MAX
#define AIC_UNLIMITED INT64_MAX

/* GPUs by type, as one of Slurm's options asks for them. */
typedef struct {
	uint32_t n;
	aic_gpu_count gpu[AIC_GPU_TYPES_MAX];
} aic_gpu_list;

/* The largest node that the job may get, and the defaults of its partition. */
typedef struct {
	uint32_t nodes;              /* nodes of the partition */
	uint32_t max_nodes;          /* MaxNodes, AIC_UNSET where there is none */
	uint32_t min_nodes;
	uint32_t cpus;
	uint32_t sockets;
	uint32_t threads;            /* per core; 1 where Slurm hands out CPUs */
	uint64_t mem_mib;
	aic_gpu_list gpus;           /* per type the most of any node */
	uint32_t gpus_max;           /* GPUs of the node that has most */
	bool memory_counted;         /* memory is a consumable resource */
	bool whole_nodes;            /* OverSubscribe=EXCLUSIVE, or select/linear */
	uint64_t def_mem_per_cpu, def_mem_per_node, def_mem_per_gpu; /* MiB, 0 where unset */
	uint32_t def_cpu_per_gpu;    /* 0 where unset */
	int64_t default_seconds;     /* time limit of jobs that give none; AIC_UNLIMITED */
} aic_partition;

/* What the job asks for; AIC_UNSET (UINT64_MAX for memory) where it does not say. */
typedef struct {
	uint32_t min_nodes, max_nodes;
	uint32_t tasks, tasks_per_node, tasks_per_gpu, cpus_per_task;
	uint32_t min_cpus, node_cpus;          /* of the job; of each node (--mincpus) */
	uint32_t sockets_per_node;
	uint64_t mem_per_node, mem_per_cpu, mem_per_gpu; /* MiB; 0 means all of the node's */
	uint32_t cpus_per_gpu;
	aic_gpu_list gpus, gpus_per_node, gpus_per_socket, gpus_per_task;
	bool exclusive;
	uint32_t array_tasks;                  /* 1 where it is no array */
	int64_t seconds;                       /* time limit; -1 where unset */
} aic_request;

/* All of the job's nodes together (for one array task), and for how long. */
typedef struct {
	aic_node_share total;        /* name is empty */
	uint32_t nodes;              /* at most */
	int64_t seconds;             /* AIC_UNLIMITED where nothing limits the job */
	uint32_t jobs;               /* array tasks */
} aic_estimate;

void aic_request_init(aic_request *r);
void aic_estimate_job(aic_estimate *e, const aic_request *r, const aic_partition *p);

/* Adds the GPUs of one of Slurm's TRES strings: "gres:gpu:a100:2,gres:gpu=1,license:x"; what is no GPU is skipped.
 * AIC_USAGE where a count cannot be read. */
aic_code aic_gpu_list_parse(aic_gpu_list *list, const char *tres, aic_error *err);
/* The count in "gres:gpu:N" of --cpus-per-gpu and --mem-per-gpu; unset where it has none. */
uint64_t aic_per_gpu_parse(const char *tres, uint64_t unset);
/* Number of tasks in an array expression, "0-15:4,20%2"; 0 where it cannot be read. */
uint32_t aic_array_count(const char *expression);

#endif
