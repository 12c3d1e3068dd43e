/* signals.h: SIGTERM and SIGUSR2 (Slurm's warning before a time limit or preemption) ask for a checkpoint and an end at the next
 * step boundary. The handler sets a flag, nothing more. */
#ifndef AIC_SIGNALS_H
#define AIC_SIGNALS_H

#include <stdbool.h>

void aic_signals_install(void);
bool aic_signals_stop(void);

#endif
