/* record_fuzz.c: any bytes may come out of a spool; a job record that is accepted has these bytes as its only encoding. */
#include <stdlib.h>
#include <string.h>

#include "common/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_job_record r;
	aic_error err = {0};
	aic_bytes again = {0};
	if (aic_job_record_decode(&r, data, size, &err) != AIC_OK) {
		if (err.code != AIC_CORRUPT || err.message[0] == '\0' || r.node != NULL)
			abort();
		return 0;
	}
	aic_job_record_encode(&again, &r);
	if (again.len != size || memcmp(again.data, data, size) != 0)
		abort();
	aic_bytes_free(&again);
	aic_job_record_clear(&r);
	return 0;
}
