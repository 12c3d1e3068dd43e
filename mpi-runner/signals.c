#include "mpi-runner/signals.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	asked = number;
}

void aic_signals_install(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_RESTART;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
}

bool aic_signals_stop(void)
{
	return asked != 0;
}
