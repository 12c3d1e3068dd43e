#include "mpi-runner/progress.h"

#include <unistd.h>

#include "common/time.h"

enum { TERMINAL_MS = 250, PLAIN_MS = 5000 };

void aic_progress_begin(aic_progress *p, FILE *out, uint64_t first_step, uint64_t steps, uint64_t batch)
{
	int64_t now = aic_monotonic_ms();

	*p = (aic_progress){.out = out, .terminal = isatty(fileno(out)) == 1, .first_step = first_step, .steps = steps, .batch = batch,
	                    .began_ms = now, .last_ms = now};
}

double aic_progress_rate(const aic_progress *p, uint64_t done)
{
	int64_t ms = aic_monotonic_ms() - p->began_ms;
	return done > p->first_step ? (double)((done - p->first_step) * p->batch) * 1000.0 / (double)(ms > 0 ? ms : 1) : 0.0;
}

void aic_progress_step(aic_progress *p, uint64_t done, uint64_t epoch, double loss)
{
	int64_t now = aic_monotonic_ms();
	char eta[AIC_TIME_TEXT];

	if (now - p->last_ms < (p->terminal ? TERMINAL_MS : PLAIN_MS) && done < p->steps)
		return;
	double rate = aic_progress_rate(p, done);
	double left = rate > 0 ? (double)((p->steps - done) * p->batch) / rate : 0;
	aic_duration_format(eta, (int64_t)(left + 0.5));
	fprintf(p->out, "%sstep %llu/%llu  epoch %llu  loss %.4f  %.0f samples/s  ETA %s%s", p->terminal ? "\r" : "", (unsigned long long)done,
	        (unsigned long long)p->steps, (unsigned long long)epoch, loss, rate, eta, p->terminal ? "\033[K" : "\n");
	fflush(p->out);
	p->last_ms = now;
	p->shown = true;
}

void aic_progress_break(aic_progress *p)
{
	if (p->terminal && p->shown)
		fputc('\n', p->out);
	p->shown = false;
}
