#include "accounting/charge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t aic_segment_key(const aic_job_record *r)
{
	return r->resize ? r->resize : r->start;
}

bool aic_segment_resizing(const aic_job_record *r)
{
	return r->state == AIC_STATE_RESIZING;
}

static int64_t segment_end(const aic_job_record *r)
{
	return aic_segment_resizing(r) && r->resize ? r->resize : r->end;
}

/* The RESIZING record of the run that ends last before `before`; n if there is none. */
static size_t previous_resize(const aic_job_record *record, size_t n, size_t self)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++) {
		if (i == self || !aic_segment_resizing(&record[i]))
			continue;
		int64_t end = segment_end(&record[i]);
		bool before = aic_segment_resizing(&record[self]) ? end < segment_end(&record[self]) : true;
		if (before && (best == n || end > segment_end(&record[best])))
			best = i;
	}
	return best;
}

void aic_segments_of_run(const aic_job_record *record, size_t n, aic_segment *segment)
{
	bool parted = false;

	for (size_t i = 0; i < n; i++)
		parted |= aic_segment_resizing(&record[i]);
	for (size_t i = 0; i < n; i++) {
		const aic_job_record *r = &record[i];
		size_t before = previous_resize(record, n, i);
		aic_segment *s = &segment[i];

		*s = (aic_segment){.start = r->start, .end = segment_end(r), .suspended = r->suspended, .limit = r->time_limit,
		                   .parted = parted};
		if (!aic_segment_resizing(r) && r->resize)
			s->start = r->resize;
		else if (aic_segment_resizing(r) && before < n)
			s->start = segment_end(&record[before]);
		if (before < n) /* Slurm's sum runs on over a resize */
			s->suspended -= record[before].suspended < s->suspended ? record[before].suspended : s->suspended;
	}
	for (size_t i = 0; i < n; i++) {
		if (record[i].time_limit == INT64_MAX)
			continue;
		for (size_t k = 0; k < n; k++)
			if (k != i && aic_segment_resizing(&record[k]) && segment[k].end <= segment[i].start)
				segment[i].limit -= aic_billable(&(aic_segment){.start = segment[k].start, .end = segment[k].end,
				                                               .suspended = segment[k].suspended, .limit = INT64_MAX});
		if (segment[i].limit < 0)
			segment[i].limit = 0;
	}
}

int64_t aic_billable(const aic_segment *s)
{
	int64_t seconds = s->end - s->start - s->suspended;

	if (seconds < 0)
		seconds = 0;
	return seconds < s->limit ? seconds : s->limit;
}

uint64_t aic_state_ppm(const aic_job_record *r, const char **reason)
{
	*reason = "";
	switch (r->state) {
	case AIC_STATE_NODE_FAIL:
	case AIC_STATE_BOOT_FAIL:
	case AIC_STATE_REVOKED:
		*reason = aic_job_state_name(r->state);
		return 0;
	case AIC_STATE_LAUNCH_FAILED:
		*reason = "failed launch";
		return 0;
	default:
		break;
	}
	/* preempt_time set, whatever the state; one from before the start belongs to an earlier run */
	if (r->state == AIC_STATE_PREEMPTED || (r->preempt && r->preempt >= r->start)) {
		*reason = "preempted";
		return 500000;
	}
	return AIC_PPM;
}

aic_amount aic_fee_of(aic_amount gross, uint64_t fee_ppm)
{
	return aic_ppm_of(gross, fee_ppm);
}

static uint64_t gpus_of(const aic_node_share *n)
{
	uint64_t gpus = 0;

	for (uint32_t i = 0; i < n->gpu_types; i++)
		gpus += n->gpu[i].count;
	return gpus;
}

/* printf would take as long as the rest of a charge. */
static void wallet_name(char out[AIC_NAME_LEN], const char *kind, const char *name)
{
	size_t len = strlen(kind);

	memcpy(out, kind, len);
	aic_str_copy(out + len, AIC_NAME_LEN - len, name);
}

static aic_code charge_node(aic_charge *c, const aic_job_record *r, const aic_node_share *n, const aic_segment *s,
                            const aic_registry *g, aic_error *err)
{
	aic_charge_line *l = &c->line[c->n];
	const char *provider = aic_registry_provider(g, n->name, s->start);

	*l = (aic_charge_line){.kind = AIC_KIND_HARDWARE, .node = n->name, .asset = "", .cpus = n->cpus, .gpus = gpus_of(n)};
	if (provider[0])
		wallet_name(l->payee, "provider/", provider);
	else
		aic_str_copy(l->payee, sizeof(l->payee), "site");
	if (!aic_price_node(&l->gross, aic_registry_rates(g, r->submit), n, c->billable, c->state_ppm))
		return aic_fail(err, AIC_REFUSED, "job %u on %s: %lld s of its resources cost more than fits 128 bits: lower the rates",
		                r->job_id, n->name, (long long)c->billable);
	c->cpu_seconds += (uint64_t)c->billable * n->cpus;
	c->gpu_seconds += (uint64_t)c->billable * l->gpus;
	c->n++;
	return AIC_OK;
}

/* The line at the end becomes one for the asset's owner and one for the owner of each asset that it was made from. */
static aic_code divide_line(aic_charge *c, const aic_lineage *lineage, aic_error *err)
{
	aic_lineage_part *part = aic_xcalloc(lineage->n, sizeof(*part));
	aic_charge_line whole = c->line[c->n - 1];
	size_t parts;
	aic_code rc = aic_lineage_divide(lineage, whole.gross, part, &parts, err);

	if (rc == AIC_OK) {
		c->line = aic_xrealloc(c->line, (c->n + lineage->n + 1) * sizeof(*c->line)); /* one more for a model */
		c->n--;
	}
	for (size_t i = 0; i < parts && rc == AIC_OK; i++) {
		aic_charge_line *l = &c->line[c->n++];
		*l = whole;
		l->gross = part[i].amount;
		if (i) {
			l->asset = part[i].asset->name;
			aic_str_copy(l->payee, sizeof(l->payee), part[i].asset->owner);
		}
	}
	free(part);
	return rc;
}

static void note_unregistered(aic_charge *c, const char *name, bool is_model)
{
	if (!c->reason[0])
		snprintf(c->reason, sizeof(c->reason), "%s %.64s was not registered: its use is not charged", is_model ? "model" : "data set", name);
	if (c->status == AIC_CHARGED)
		c->status = AIC_CHARGED_PART;
}

static aic_code charge_asset(aic_charge *c, const aic_job_record *r, const char *name, bool is_model, const aic_segment *s,
                             const aic_registry *g, aic_error *err)
{
	aic_asset_version v;

	if (!name[0])
		return AIC_OK;
	if (!aic_registry_asset(g, name, is_model, r->submit, s->start, &v)) {
		note_unregistered(c, name, is_model);
		return AIC_OK;
	}
	aic_charge_line *l = &c->line[c->n++];
	*l = (aic_charge_line){.kind = is_model ? AIC_KIND_MODEL : AIC_KIND_DATA, .node = "", .asset = name};
	for (uint32_t i = 0; i < r->nodes; i++) {
		l->cpus += r->node[i].cpus;
		l->gpus += gpus_of(&r->node[i]);
	}
	aic_str_copy(l->payee, sizeof(l->payee), v.owner);
	if (!s->per_job_due)
		v.terms.per_job = 0;
	/* a run that is not charged at all has used nothing */
	if (c->state_ppm && !aic_price_asset(&l->gross, &v.terms, c->gpu_seconds))
		return aic_fail(err, AIC_REFUSED, "job %u: %s %s costs more than fits 128 bits: lower its terms", r->job_id,
		                is_model ? "model" : "data set", name);
	return v.lineage && v.lineage->n > 1 && l->gross ? divide_line(c, v.lineage, err) : AIC_OK;
}

static void set_status(aic_charge *c, const aic_job_record *r, const char *why)
{
	if (!r->start || !r->nodes) {
		c->status = AIC_CHARGED_NOTHING;
		snprintf(c->reason, sizeof(c->reason), "not charged: never started");
	} else if (!r->account[0]) {
		c->status = AIC_CHARGED_NOTHING;
		snprintf(c->reason, sizeof(c->reason), "not charged: the job has no Slurm account");
	} else if (!c->billable) {
		c->status = AIC_CHARGED_NOTHING;
		snprintf(c->reason, sizeof(c->reason), "not charged: it ran for less than a second");
	} else if (!c->state_ppm) {
		c->status = AIC_CHARGED_NOTHING;
		snprintf(c->reason, sizeof(c->reason), "not charged: %s", why);
	} else if (c->state_ppm < AIC_PPM) {
		c->status = AIC_CHARGED_PART;
		snprintf(c->reason, sizeof(c->reason), "charged at %llu %%: %s", (unsigned long long)(c->state_ppm / 10000), why);
	}
}

aic_code aic_charge_record(aic_charge *c, const aic_job_record *r, const aic_segment *s, const aic_registry *g, aic_error *err)
{
	const char *why;
	aic_code rc = AIC_OK;

	memset(c, 0, sizeof(*c));
	c->billable = r->start && r->nodes ? aic_billable(s) : 0;
	c->state_ppm = aic_state_ppm(r, &why);
	set_status(c, r, why);
	wallet_name(c->payer, "account/", r->account);
	if (!r->start || !r->nodes || !r->account[0])
		return AIC_OK;
	c->line = aic_xcalloc(r->nodes + 2, sizeof(*c->line));
	for (uint32_t i = 0; i < r->nodes && rc == AIC_OK; i++)
		rc = charge_node(c, r, &r->node[i], s, g, err);
	if (rc == AIC_OK && c->billable)
		rc = charge_asset(c, r, r->dataset, false, s, g, err);
	if (rc == AIC_OK && c->billable)
		rc = charge_asset(c, r, r->model, true, s, g, err);
	if (rc != AIC_OK)
		aic_charge_clear(c);
	return rc;
}

void aic_charge_clear(aic_charge *c)
{
	free(c->line);
	memset(c, 0, sizeof(*c));
}
