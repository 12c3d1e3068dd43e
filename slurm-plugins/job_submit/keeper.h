/* keeper.h: a thread in slurmctld that sums reservations anew and writes them for aicacctd (doc/formats/reservations.md). */
#ifndef AIC_JOB_SUBMIT_KEEPER_H
#define AIC_JOB_SUBMIT_KEEPER_H

#include "common/error.h"
#include "slurm-plugins/job_submit/view.h"

/* Where the file is: SlurmctldParameters=aic_reservations=PATH; else "reservations" beside the spools of jobcomp/aic. */
void aic_keeper_path(char *buf, size_t size, const char *params, const char *job_comp_type, const char *job_comp_loc,
                     const char *state_save);

aic_code aic_keeper_start(aic_view *view, void (*log)(bool is_error, const char *message), aic_error *err);
/* Does not wait for a thread that waits for slurmctld's locks: the caller may hold them. The thread then ends by itself, which
 * is why this plugin is never unmapped (-z nodelete) and its view lives on. False where it was left so. */
bool aic_keeper_stop(void);

#endif
