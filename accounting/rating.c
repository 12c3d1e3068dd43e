#include "accounting/rating.h"

#include <string.h>

#include "common/amount.h"

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
		q.reason = AIC_QUALITY_IDLE;
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
		q.reason = own ? AIC_QUALITY_OK : q.verified ? AIC_QUALITY_IDLE : AIC_QUALITY_NO_RECEIPT;
	q.quality = own * (AIC_PPM - penalty_ppm) / AIC_PPM;
	if (own && !q.quality)
		q.reason = AIC_QUALITY_PENALTY;
	return q;
}

aic_quality aic_rate_node(const aic_rated_node *n, const aic_receipt *receipts, size_t n_receipts)
{
	aic_quality q = {0};

	if (!n->billable) {
		q.reason = AIC_QUALITY_NO_CHARGE;
		return q;
	}
	if (!n_receipts) {
		q.reason = AIC_QUALITY_NO_RECEIPT;
		return q;
	}
	q.verified = METERED_PPM;
	q.useful = twice_capped(use_ppm(n, receipts, n_receipts, &q.reason));
	return finish(q);
}

aic_quality aic_rate_job(const aic_rated_node *n, size_t nodes, const aic_receipt *receipts, size_t n_receipts)
{
	aic_quality q = {0};
	uint64_t gpus = 0;
	aic_amount weighted = 0, weight = 0;

	for (size_t i = 0; i < nodes; i++)
		gpus += n[i].gpus;
	for (size_t i = 0; i < nodes; i++) {
		aic_quality_reason reason;
		uint64_t w = gpus ? n[i].gpus : n[i].cpus;
		uint64_t use = w ? use_ppm(&n[i], receipts, n_receipts, &reason) : 0;
		weighted += (aic_amount)use * w;
		weight += w;
		if (w && reason != AIC_QUALITY_OK)
			q.reason = reason;
	}
	if (!nodes || !n[0].billable || !n_receipts) {
		q.reason = !n_receipts ? AIC_QUALITY_NO_RECEIPT : AIC_QUALITY_NO_CHARGE;
		return q;
	}
	q.verified = METERED_PPM;
	q.useful = weight ? twice_capped((uint64_t)(weighted / weight)) : 0;
	if (q.useful)
		q.reason = AIC_QUALITY_OK;
	return finish(q);
}
