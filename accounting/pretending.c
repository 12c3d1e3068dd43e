#include "accounting/pretending.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

static void add(uint64_t *sum, uint64_t figure)
{
	*sum = figure == AIC_UNKNOWN || *sum == AIC_UNKNOWN ? AIC_UNKNOWN : *sum + figure;
}

/* Sums over samples: of SM activity, its squares, and tensor activity. */
typedef struct { double sm, squares, tensor; } activity_sums;

static void add_activity(aic_gpu_evidence *e, activity_sums *to, const aic_gpu_activity *a)
{
	double n = (double)a->samples, sm = a->sm_ppm, sd = a->sm_sd_ppm;

	add(&e->samples, a->samples ? a->samples : AIC_UNKNOWN);
	to->sm += n * sm;
	to->squares += n * (sm * sm + sd * sd);
	to->tensor += n * a->tensor_ppm;
}

static void conclude_activity(aic_gpu_evidence *e, const activity_sums *sums)
{
	double n = (double)e->samples;

	if (!e->samples || e->samples == AIC_UNKNOWN)
		return;
	e->sm = sums->sm / n;
	e->tensor = sums->tensor / n;
	double variance = sums->squares / n - e->sm * e->sm;
	e->sm_sd = variance > 0 ? sqrt(variance) : 0;
}

aic_gpu_evidence aic_gpu_evidence_of(const char *node, const aic_receipt *receipts, size_t n)
{
	aic_gpu_evidence e = {0};
	activity_sums sums = {0};

	for (size_t i = 0; i < n; i++) {
		const aic_receipt *r = &receipts[i];

		if (strcmp(r->node, node))
			continue;
		add(&e.read_mib, r->read_mib); /* steps without GPUs may read for those with */
		/* a batch script holds the GPUs that its steps use: who used none says nothing of who did */
		if (!r->gpus || r->gpus == AIC_UNKNOWN || !r->gpu_ms || r->gpu_ms == AIC_UNKNOWN || r->end <= r->start)
			continue;
		e.held_ms += r->gpus * (uint64_t)(r->end - r->start) * 1000;
		e.gpu_ms += r->gpu_ms;
		add(&e.energy_mj, r->energy_mj);
		add_activity(&e, &sums, &r->activity);
	}
	conclude_activity(&e, &sums);
	return e;
}

aic_pretending_rule aic_pretending_rule_of(const aic_config *c, const char *gpu_type)
{
	aic_pretending_rule rule = c->pretending[0];

	for (size_t i = 1; i < c->n_pretending; i++)
		if (!strcmp(c->pretending[i].type, gpu_type))
			rule = c->pretending[i];
	return rule;
}

static void say(char *out, size_t size, const char *text)
{
	size_t at = strlen(out);

	if (at + 1 < size)
		snprintf(out + at, size - at, "%s%s", at ? "; " : "", text);
}

/* Of SMs, where at least half of the time was sampled, once a second. */
static void say_activity(char *out, size_t size, const aic_gpu_evidence *e, const aic_pretending_rule *rule, unsigned long long busy)
{
	char text[200];

	if (e->samples == AIC_UNKNOWN || e->samples < e->held_ms / 2000)
		return;
	if (rule->sm && e->sm < (double)rule->sm * 10000) {
		snprintf(text, sizeof(text), "GPUs %llu %% busy with %.1f %% of their SMs, tensor cores %.1f %%", busy, e->sm / 10000, e->tensor / 10000);
		say(out, size, text);
	}
	if (rule->spread_ppm && e->gpu_ms >= rule->long_s * 1000 && e->sm_sd < (double)rule->spread_ppm) {
		snprintf(text, sizeof(text), "SM activity stays at %.2f %% for %llu min, deviation %.4f %%, of work at least %.4f %%", e->sm / 10000,
		         (unsigned long long)(e->gpu_ms / 60000), e->sm_sd / 10000, (double)rule->spread_ppm / 10000);
		say(out, size, text);
	}
}

void aic_pretending_say(char *out, size_t size, const aic_gpu_evidence *e, const aic_pretending_rule *rule, const char *type)
{
	uint64_t busy = e->held_ms ? e->gpu_ms * 100 / e->held_ms : 0;
	char text[200];

	out[0] = '\0';
	if (!e->gpu_ms || e->gpu_ms < rule->least_s * 1000 || busy < rule->busy)
		return;
	if (rule->watts && e->energy_mj != AIC_UNKNOWN && e->energy_mj / e->gpu_ms < rule->watts) {
		snprintf(text, sizeof(text), "GPUs %llu %% busy draw %llu W each, at work %s %s draws %llu W", (unsigned long long)busy,
		         (unsigned long long)(e->energy_mj / e->gpu_ms), strchr("aeiou", type[0] ? type[0] : 'g') ? "an" : "a", type[0] ? type : "GPU",
		         (unsigned long long)rule->watts);
		say(out, size, text);
	}
	say_activity(out, size, e, rule, (unsigned long long)busy);
	if (rule->read_mib && e->read_mib != AIC_UNKNOWN && e->read_mib * 3600000 < rule->read_mib * e->gpu_ms) {
		snprintf(text, sizeof(text), "GPUs %llu %% busy for %llu min, %llu MiB of data read", (unsigned long long)busy,
		         (unsigned long long)(e->gpu_ms / 60000), (unsigned long long)e->read_mib);
		say(out, size, text);
	}
}
