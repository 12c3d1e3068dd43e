/* serve_reconcile.c: what a command has read from slurmdbd, against the store. */
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/audit.h"
#include "accounting/reconcile.h"

#define RUNS_MAX (1u << 20)

static const char *const kind_text[] = {"missing here", "unknown to Slurm", "another end", "another state", "kept aside"};

static void difference_row(aic_rows *r, const aic_difference *d)
{
	aic_rows_number(r, d->job);
	aic_rows_text(r, d->cluster);
	aic_rows_text(r, kind_text[d->kind]);
	aic_rows_number(r, d->start);
	aic_rows_number(r, d->our_end);
	aic_rows_number(r, d->their_end);
	aic_rows_text(r, d->our_end ? aic_job_state_name(d->our_state) : NULL);
	aic_rows_text(r, d->their_end ? aic_job_state_name(d->their_state) : NULL);
	aic_rows_text(r, d->filled ? (d->split ? "filled in" : "filled in, estimated") : NULL);
	aic_rows_text(r, d->cause);
}

static aic_code read_runs(aic_request *q, aic_slurmdb *out, aic_error *err)
{
	aic_code rc = AIC_OK;

	memset(out, 0, sizeof(*out));
	out->n_clusters = aic_cbor_array(q->args, AIC_CLUSTERS_MAX);
	for (size_t i = 0; i < out->n_clusters && aic_cbor_ok(q->args); i++)
		aic_cbor_text(q->args, out->cluster[i], sizeof(out->cluster[i]));
	size_t total = aic_cbor_array(q->args, RUNS_MAX);
	out->run = aic_xcalloc(aic_cbor_ok(q->args) ? total + 1 : 1, sizeof(*out->run));
	while (out->n < total && aic_cbor_ok(q->args) && rc == AIC_OK) {
		size_t len = 0;
		aic_cbor_array_exact(q->args, 2);
		const uint8_t *body = aic_cbor_bytes(q->args, &len);
		out->run[out->n].split = aic_cbor_bool(q->args);
		if (body && aic_cbor_ok(q->args) && (rc = aic_job_record_decode(&out->run[out->n].record, body, len, err)) == AIC_OK)
			out->n++;
	}
	return rc == AIC_OK ? aic_cbor_finish(q->args, err) : rc;
}

static aic_code note_fill(aic_request *q, const aic_difference *d, size_t n, aic_error *err)
{
	size_t filled = 0, estimated = 0;

	for (size_t i = 0; i < n; i++) {
		filled += d[i].filled;
		estimated += d[i].filled && !d[i].split;
	}
	if (!filled)
		return AIC_OK;
	aic_code rc = aic_store_begin(q->d->store, err);
	if (rc == AIC_OK)
		rc = aic_audit_add(q->d->store, q->who->uid, aic_now(), err, "filled in %zu runs from slurmdbd, %zu of them as estimates", filled,
		                   estimated);
	if (rc == AIC_OK)
		return aic_store_commit(q->d->store, err);
	aic_store_rollback(q->d->store);
	return rc;
}

/* [since, fill, [* cluster], [* [record bytes, split]]] : rows */
aic_code aic_serve_reconcile(aic_request *q, aic_error *err)
{
	aic_ingest in = {.store = q->d->store, .registry = q->d->registry, .config = &q->d->config};
	aic_rows rows = {.columns = 10};
	aic_slurmdb theirs;
	aic_difference *d = NULL;
	size_t n = 0;
	int64_t since = aic_cbor_int(q->args);
	bool fill = aic_cbor_bool(q->args);
	aic_code rc = read_runs(q, &theirs, err);

	if (rc == AIC_OK)
		rc = aic_reconcile(&in, since, &theirs, fill, &d, &n, err);
	if (rc == AIC_OK)
		rc = note_fill(q, d, n, err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		difference_row(&rows, &d[i]);
	aic_slurmdb_clear(&theirs);
	free(d);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}
