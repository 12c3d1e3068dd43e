/* wants.h: all that is wanted on a node, as aicnoded sees it. */
#ifndef AIC_DATASET_WANTS_H
#define AIC_DATASET_WANTS_H

#include "slurm-plugins/dataset/want.h"

typedef struct {
	aic_want want;
	bool reported;           /* report is set */
	aic_stage_report report;
} aic_wanted;

/* What living steps, and `aic dataset warm`, want; *out is malloc'ed. Removes what steps that are gone have left. */
aic_code aic_wants_list(aic_wanted **out, size_t *n, const char *node_dir, aic_error *err);
aic_code aic_wants_report(const char *node_dir, const aic_want *w, const aic_stage_report *r, aic_error *err);
void aic_wants_remove(const char *node_dir, const aic_want *w);
/* Nothing more will happen to it. */
bool aic_wanted_settled(const aic_wanted *w);

#endif
