#include "accounting/rating.h"

#include <stdlib.h>
#include <string.h>

#include "common/amount.h"
#include "common/bytes.h"

#define METERED_PPM 500000u

static const char *const texts[AIC_QUALITY_REASONS] = {
	[AIC_QUALITY_OK] = "",
	[AIC_QUALITY_NO_RECEIPT] = "no receipt of the job",
	[AIC_QUALITY_NO_NODE_RECEIPT] = "no receipt from the node",
	[AIC_QUALITY_GPU_UNKNOWN] = "GPU use not measured",
	[AIC_QUALITY_CPU_UNKNOWN] = "CPU use not measured",
	[AIC_QUALITY_IDLE] = "nothing was used",
	[AIC_QUALITY_SAME_ORGANISATION] = "payer and payee are one organisation",
	[AIC_QUALITY_NO_CHARGE] = "nothing was charged",
	[AIC_QUALITY_PENALTY] = "an administrator found abuse",
	[AIC_QUALITY_REFUTED] = "its training session was refuted",
};

const char *aic_quality_reason_text(aic_quality_reason r)
{
	return (unsigned)r < AIC_QUALITY_REASONS ? texts[r] : "unknown reason";
}

static int64_t overlap(int64_t a_start, int64_t a_end, int64_t b_start, int64_t b_end)
{
	int64_t start = a_start > b_start ? a_start : b_start, end = a_end < b_end ? a_end : b_end;

	return end > start ? end - start : 0;
}

/* What of a receipt's figure belongs to the segment. */
static uint64_t share_of(const aic_rated_node *n, const aic_receipt *r, uint64_t figure)
{
	aic_amount part;

	if (!n->part_of_run)
		return figure;
	if (r->end <= r->start)
		return r->start >= n->start && r->start < n->end ? figure : 0;
	return aic_mul_div(&part, figure, (uint64_t)overlap(r->start, r->end, n->start, n->end), (uint64_t)(r->end - r->start))
	           ? (uint64_t)part : 0;
}

/* Mean use in ppm of what was held, of all receipts of the node. */
static uint64_t use_ppm(const aic_rated_node *n, const aic_receipt *receipts, size_t n_receipts, aic_quality_reason *reason)
{
	bool seen = false, measured = false;
	aic_amount used = 0, ppm, held = (aic_amount)(n->gpus ? n->gpus : n->cpus) * (uint64_t)n->billable * 1000;

	for (size_t i = 0; i < n_receipts; i++) {
		const aic_receipt *r = &receipts[i];
		if (strcmp(r->node, n->node) || (n->part_of_run && !overlap(r->start, r->end + 1, n->start, n->end)))
			continue;
		uint64_t figure = n->gpus ? r->gpu_ms : r->cpu_ms;
		seen = true;
		if (figure == AIC_UNKNOWN)
			continue;
		measured = true;
		used += share_of(n, r, figure);
	}
	*reason = !seen ? AIC_QUALITY_NO_NODE_RECEIPT
	        : !measured ? (n->gpus ? AIC_QUALITY_GPU_UNKNOWN : AIC_QUALITY_CPU_UNKNOWN)
	        : !used ? AIC_QUALITY_IDLE : AIC_QUALITY_OK;
	if (!held || !used || !aic_mul_div(&ppm, used, AIC_PPM, held))
		return 0;
	return ppm < AIC_PPM ? (uint64_t)ppm : AIC_PPM;
}

static void add_use(uint64_t *sum, const aic_rated_node *n, const aic_receipt *r, uint64_t figure)
{
	if (figure != AIC_UNKNOWN)
		*sum = (*sum == AIC_UNKNOWN ? 0 : *sum) + share_of(n, r, figure);
}

aic_use aic_use_of(const aic_rated_node *n, const aic_receipt *receipts, size_t n_receipts)
{
	aic_use use = {AIC_UNKNOWN, AIC_UNKNOWN};

	for (size_t i = 0; i < n_receipts; i++) {
		const aic_receipt *r = &receipts[i];
		if (n->part_of_run && !overlap(r->start, r->end + 1, n->start, n->end))
			continue;
		add_use(&use.cpu_ms, n, r, r->cpu_ms);
		add_use(&use.gpu_ms, n, r, r->gpu_ms);
	}
	return use;
}

static uint64_t twice_capped(uint64_t ppm)
{
	return ppm >= AIC_PPM / 2 ? AIC_PPM : 2 * ppm;
}

static aic_quality finish(aic_quality q)
{
	q.quality = q.verified * q.useful / AIC_PPM;
	if (!q.quality && q.reason == AIC_QUALITY_OK)
		q.reason = q.verified ? AIC_QUALITY_IDLE : AIC_QUALITY_REFUTED;
	return q;
}

aic_quality aic_quality_of_storage(void)
{
	return (aic_quality){.verified = METERED_PPM, .useful = AIC_PPM, .quality = METERED_PPM};
}

aic_quality aic_quality_counted(aic_quality q, bool charged, bool same_organisation, uint64_t penalty_ppm)
{
	if (!charged)
		return (aic_quality){.reason = AIC_QUALITY_NO_CHARGE};
	if (same_organisation)
		return (aic_quality){.verified = q.verified, .useful = q.useful, .reason = AIC_QUALITY_SAME_ORGANISATION};
	uint64_t own = q.verified * q.useful / AIC_PPM;
	if (q.reason == AIC_QUALITY_SAME_ORGANISATION || q.reason == AIC_QUALITY_PENALTY) /* found before; it may hold no longer */
		q.reason = own ? AIC_QUALITY_OK : q.verified ? AIC_QUALITY_IDLE : q.useful ? AIC_QUALITY_REFUTED : AIC_QUALITY_NO_RECEIPT;
	q.quality = own * (AIC_PPM - penalty_ppm) / AIC_PPM;
	if (own && !q.quality)
		q.reason = AIC_QUALITY_PENALTY;
	return q;
}

/* --- what sessions have proven --- */

typedef struct {
	uint64_t ppm;
	int64_t seconds;
} level;

/* Clock time that a session of at least that level covers: overlaps once. at: sorted by start. */
static int64_t seconds_from(const aic_covered **at, size_t n, const aic_rated_node *node, uint64_t ppm)
{
	int64_t covered = 0, reached = node->start;

	for (size_t i = 0; i < n; i++) {
		int64_t from = at[i]->start > reached ? at[i]->start : reached, to = at[i]->end < node->end ? at[i]->end : node->end;
		if (at[i]->ppm < ppm || to <= from)
			continue;
		covered += to - from;
		reached = to;
	}
	return covered;
}

static int by_start(const void *a, const void *b)
{
	const aic_covered *x = *(const aic_covered *const *)a, *y = *(const aic_covered *const *)b;

	return (x->start > y->start) - (x->start < y->start);
}

static int by_ppm(const void *a, const void *b)
{
	const level *x = a, *y = b;

	return (x->ppm > y->ppm) - (x->ppm < y->ppm);
}

/* Seconds of the sessions by what they count, overlaps at the higher class, lowest first. Returns how many levels there are. */
static size_t levels_of(const aic_rated_node *n, const aic_proof *p, level *l)
{
	const aic_covered **at = aic_xcalloc(p->n_covered + 1, sizeof(const aic_covered *));
	size_t used = 0, levels = 0;
	int64_t above = 0;

	for (size_t i = 0; i < p->n_covered; i++)
		if (!strcmp(p->covered[i].node, n->node) && overlap(p->covered[i].start, p->covered[i].end, n->start, n->end)) {
			size_t k = 0;
			at[used++] = &p->covered[i];
			while (k < levels && l[k].ppm != p->covered[i].ppm)
				k++;
			if (k == levels)
				l[levels++].ppm = p->covered[i].ppm;
		}
	qsort(at, used, sizeof(const aic_covered *), by_start);
	qsort(l, levels, sizeof(*l), by_ppm);
	for (size_t k = levels; k-- > 0;) {
		int64_t all = seconds_from(at, used, n, l[k].ppm);
		l[k].seconds = all - above;
		above = all;
	}
	free(at);
	return levels;
}

/* SUM of seconds * ppm over the node's billable seconds. A pause makes sessions cover more than is billed: then the highest are left out. */
static aic_amount proven_on(const aic_rated_node *n, const aic_proof *p)
{
	level few[8], *l = p->n_covered <= 8 ? few : aic_xcalloc(p->n_covered, sizeof(*l));
	size_t levels = p->n_covered ? levels_of(n, p, l) : 0;
	int64_t left = n->billable;
	aic_amount sum = 0;

	for (size_t k = 0; k < levels; k++) {
		int64_t seconds = l[k].seconds < left ? l[k].seconds : left;
		sum += (aic_amount)(uint64_t)seconds * l[k].ppm;
		left -= seconds;
	}
	if (l != few)
		free(l);
	return sum + (aic_amount)(uint64_t)left * METERED_PPM;
}

bool aic_rated_waits(const aic_rated_node *n, const aic_proof *p)
{
	for (size_t i = 0; i < p->n_covered; i++) {
		const aic_covered *c = &p->covered[i];
		if (c->waits && (!n->node || !strcmp(c->node, n->node)) && overlap(c->start, c->end, n->start, n->end))
			return true;
	}
	return false;
}

/* --- qualities --- */

aic_quality aic_rate_node(const aic_rated_node *n, const aic_proof *p)
{
	aic_quality q = {0};

	if (!n->billable) {
		q.reason = AIC_QUALITY_NO_CHARGE;
		return q;
	}
	if (!p->n_receipts) {
		q.reason = AIC_QUALITY_NO_RECEIPT;
		return q;
	}
	q.verified = (uint64_t)(proven_on(n, p) / (uint64_t)n->billable);
	q.useful = twice_capped(use_ppm(n, p->receipt, p->n_receipts, &q.reason));
	return finish(q);
}

aic_quality aic_rate_job(const aic_rated_node *n, size_t nodes, const aic_proof *p)
{
	aic_quality q = {0};
	uint64_t gpus = 0;
	aic_amount weighted = 0, weight = 0, proven = 0;

	for (size_t i = 0; i < nodes; i++)
		gpus += n[i].gpus;
	for (size_t i = 0; i < nodes; i++) {
		aic_quality_reason reason;
		uint64_t w = gpus ? n[i].gpus : n[i].cpus;
		uint64_t use = w ? use_ppm(&n[i], p->receipt, p->n_receipts, &reason) : 0;
		weighted += (aic_amount)use * w;
		weight += w;
		proven += proven_on(&n[i], p);
		if (w && reason != AIC_QUALITY_OK)
			q.reason = reason;
	}
	if (!nodes || !n[0].billable || !p->n_receipts) {
		q.reason = !p->n_receipts ? AIC_QUALITY_NO_RECEIPT : AIC_QUALITY_NO_CHARGE;
		return q;
	}
	q.verified = (uint64_t)(proven / ((aic_amount)(uint64_t)n[0].billable * nodes));
	q.useful = weight ? twice_capped((uint64_t)(weighted / weight)) : 0;
	if (q.useful)
		q.reason = AIC_QUALITY_OK;
	return finish(q);
}
