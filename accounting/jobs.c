#include "accounting/jobs.h"

#include <stdlib.h>
#include <string.h>

#define RECEIPTS_MAX (1u << 22)

const aic_column aic_line_columns[AIC_L_COLUMNS] = {
	[AIC_L_NODE] = {"node", "NODE", AIC_COLUMN_TEXT},          [AIC_L_KIND] = {"kind", "KIND", AIC_COLUMN_TEXT},
	[AIC_L_ASSET] = {"asset", "ASSET", AIC_COLUMN_TEXT},       [AIC_L_PAYER] = {"payer", "PAYER", AIC_COLUMN_TEXT},
	[AIC_L_PAYEE] = {"payee", "PAYEE", AIC_COLUMN_TEXT},       [AIC_L_GROSS] = {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT},
	[AIC_L_FEE] = {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},       [AIC_L_VERIFIED] = {"verified_ppm", "VERIFIED", AIC_COLUMN_NUMBER},
	[AIC_L_USEFUL] = {"useful_ppm", "USEFUL", AIC_COLUMN_NUMBER}, [AIC_L_QUALITY] = {"quality_ppm", "QUALITY", AIC_COLUMN_NUMBER},
};

static void read_record(aic_job *j, aic_cbor *c)
{
	size_t len = 0;
	aic_error err = {0};
	const uint8_t *data = aic_cbor_bytes(c, &len);

	if (aic_cbor_ok(c) && aic_job_record_decode(&j->record, data, len, &err) != AIC_OK)
		aic_cbor_fail(c, "a job record: %s", err.message);
}

static void read_receipts(aic_job *j, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, RECEIPTS_MAX), len = 0;
	aic_error err = {0};

	if (!aic_cbor_ok(c) || !n)
		return;
	if (n > c->len - c->pos) { /* each takes a byte at least */
		aic_cbor_fail(c, "%zu receipts do not fit the answer", n);
		return;
	}
	j->receipt = aic_xcalloc(n, sizeof(*j->receipt));
	for (; j->receipts < n; j->receipts++) {
		const uint8_t *data = aic_cbor_bytes(c, &len);
		if (!aic_cbor_ok(c))
			return;
		if (aic_receipt_decode(&j->receipt[j->receipts], data, len, &err) != AIC_OK) {
			aic_cbor_fail(c, "a receipt: %s", err.message);
			return;
		}
	}
}

void aic_job_read(aic_job *j, aic_cbor *c)
{
	memset(j, 0, sizeof(*j));
	aic_cbor_array_exact(c, 7);
	read_record(j, c);
	j->billable = aic_cbor_int(c);
	j->state_ppm = aic_cbor_int(c);
	j->status = aic_cbor_int(c);
	aic_cbor_text(c, j->reason, sizeof(j->reason));
	aic_grid_read(&j->lines, c, aic_line_columns, AIC_L_COLUMNS);
	read_receipts(j, c);
}

void aic_job_clear(aic_job *j)
{
	aic_job_record_clear(&j->record);
	aic_grid_clear(&j->lines);
	free(j->receipt);
	memset(j, 0, sizeof(*j));
}

aic_amount aic_job_gross(const aic_job *j)
{
	return j->lines.n ? aic_grid_sum(&j->lines, AIC_L_GROSS) : 0;
}

uint64_t aic_job_cpus(const aic_job *j)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < j->record.nodes; i++)
		sum += j->record.node[i].cpus;
	return sum;
}

uint64_t aic_job_gpus(const aic_job *j)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < j->record.nodes; i++)
		for (uint32_t k = 0; k < j->record.node[i].gpu_types; k++)
			sum += j->record.node[i].gpu[k].count;
	return sum;
}

static uint64_t add_known(uint64_t sum, uint64_t v)
{
	return v == AIC_UNKNOWN ? sum : (sum == AIC_UNKNOWN ? 0 : sum) + v;
}

uint64_t aic_job_cpu_ms(const aic_job *j)
{
	uint64_t sum = AIC_UNKNOWN;

	for (size_t i = 0; i < j->receipts; i++)
		sum = add_known(sum, j->receipt[i].cpu_ms);
	return sum;
}

uint64_t aic_job_gpu_ms(const aic_job *j)
{
	uint64_t sum = AIC_UNKNOWN;

	for (size_t i = 0; i < j->receipts; i++)
		sum = add_known(sum, j->receipt[i].gpu_ms);
	return sum;
}

uint64_t aic_job_mem_peak_mib(const aic_job *j)
{
	uint64_t most = AIC_UNKNOWN;

	for (size_t i = 0; i < j->receipts; i++) {
		uint64_t v = j->receipt[i].mem_peak_mib;
		if (v != AIC_UNKNOWN && (most == AIC_UNKNOWN || v > most))
			most = v;
	}
	return most;
}
