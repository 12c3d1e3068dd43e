/* change.h: what lies between providers.yaml and a running Slurm: files, QOS, and what keeps the plan from working. */
#ifndef AIC_ALLOCATOR_CHANGE_H
#define AIC_ALLOCATOR_CHANGE_H

#include "common/barred.h"
#include "slurm-plugins/allocator/slurm.h"

typedef struct {
	aic_lending lending;
	aic_slurm slurm;
	aic_barred barred;            /* nodes that are not lent for what was found on them */
	char file[AIC_PATH_LEN];      /* aic-lending.conf beside slurm.conf */
	aic_bytes wanted, present;    /* of that file; present is empty where there is none */
	aic_bytes slurm_conf;         /* all of slurm.conf */
	bool included;                /* slurm.conf includes the file */
	bool *qos_differs;            /* of each row of lending */
	aic_bytes drift;              /* sentences, a line each: what runs otherwise than the file says */
	aic_bytes hazards;            /* sentences: what works against lending, though as the plan says */
} aic_change;

/* Reads everything; changes nothing. */
aic_code aic_change_find(aic_change *c, const aic_config *config, aic_error *err);
/* Whether anything is to be applied. */
bool aic_change_any(const aic_change *c);
/* The changes for people: a unified diff of the files, then commands. */
aic_code aic_change_print(const aic_change *c, aic_bytes *out, aic_error *err);
/* Makes them: QOS first, as a partition must not name one that is not there; then the files, then scontrol reconfigure. */
aic_code aic_change_apply(const aic_change *c, aic_error *err);
void aic_change_free(aic_change *c);

/* Opens and closes lease partitions by the clock, by how long their nodes have been idle, and by what is barred; *changed counts updates. */
aic_code aic_lending_tick(const aic_change *c, int64_t now, unsigned *changed, aic_error *err);

#endif
