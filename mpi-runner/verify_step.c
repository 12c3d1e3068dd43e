#include "mpi-runner/verify_step.h"

#include <string.h>

static bool same_bits(aic_step_bits a, aic_step_bits b)
{
	return a.loss == b.loss && a.norm == b.norm;
}

uint64_t aic_verify_first_wrong(const aic_verification_segment *asked, const aic_segment *mine, const aic_segment *theirs)
{
	uint64_t from = asked->from.step, to = asked->to.step;

	if (!theirs || theirs->first + theirs->n != to)
		return to;
	for (uint64_t step = from > theirs->first ? from : theirs->first; step < to && step - mine->first < mine->n; step++)
		if (!same_bits(mine->bits[step - mine->first], theirs->bits[step - theirs->first]))
			return step + 1;
	return to;
}
