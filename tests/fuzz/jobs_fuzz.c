/* jobs_fuzz.c: any text as job records in JSON, one object a line: records and receipts that can be encoded, or one sentence. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include "accounting/jobs_json.h"

static char path[] = "/dev/shm/aic-fuzz-XXXXXX";

static aic_code take_record(void *ctx, const aic_job_record *r, aic_error *err)
{
	aic_bytes out = {0};
	aic_job_record again;

	(void)ctx, (void)err;
	aic_job_record_encode(&out, r);
	if (aic_job_record_decode(&again, out.data, out.len, NULL) == AIC_OK)
		aic_job_record_clear(&again);
	aic_bytes_free(&out);
	return AIC_OK;
}

static aic_code take_receipt(void *ctx, const aic_receipt *r, aic_error *err)
{
	aic_bytes out = {0};

	(void)ctx, (void)err;
	aic_receipt_encode(&out, r);
	aic_bytes_free(&out);
	return AIC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const aic_jobs_reader reader = {.record = take_record, .receipt = take_receipt};
	FILE *f = fopen(path, "w");
	aic_error err = {0};

	demand(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
	if (aic_jobs_json_read(path, &reader, &err) != AIC_OK)
		demand(strstr(err.message, path) != NULL);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char job[] =
		"{\"cluster\":\"c\",\"job\":7,\"submit\":1764000000,\"start\":1764000001,\"end\":1764000100,\"account\":\"physics\",\"user\":\"ada\","
		"\"state\":\"COMPLETED\",\"partition\":\"main\",\"nodes\":[{\"name\":\"n1\",\"cpus\":2,\"mem_mib\":100,\"gpus\":{\"a100\":1}}]}\n";

	(void)argc, (void)argv;
	close(mkstemp(path));
	fuzz_seed("job", -1, job, sizeof(job) - 1);
	return 0;
}
