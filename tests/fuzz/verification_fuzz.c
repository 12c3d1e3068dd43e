/* verification_fuzz.c: files that another may have written: a session's record in the store, what a judge is asked, and what its job found. The
 * first byte chooses; what is taken is written again as the same bytes. */
#include "tests/fuzz/fuzz.h"

#include "common/session_record.h"
#include "common/verification.h"

enum { RECORD, QUESTION, RESULT, KINDS };

static aic_code read_and_write(int kind, const uint8_t *data, size_t len, aic_bytes *again, aic_error *err)
{
	static aic_verification_question question;
	aic_verification_result result;
	aic_session_record record;
	aic_code rc;

	switch (kind) {
	case RECORD:
		if ((rc = aic_session_record_decode(&record, data, len, err)) == AIC_OK)
			aic_session_record_encode(again, &record);
		return rc;
	case QUESTION:
		if ((rc = aic_verification_question_get(&question, data, len, err)) == AIC_OK)
			aic_verification_question_put(again, &question);
		return rc;
	default:
		if ((rc = aic_verification_result_get(&result, data, len, err)) == AIC_OK)
			aic_verification_result_put(again, &result);
		return rc;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_error err = {0};

	if (size == 0)
		return 0;
	if (read_and_write(data[0] % KINDS, data + 1, size - 1, &again, &err) == AIC_OK)
		demand(again.len == size - 1 && memcmp(again.data, data + 1, size - 1) == 0);
	else
		demand(err.message[0]);
	aic_bytes_free(&again);
	return 0;
}

static void seed(const char *name, int kind, aic_bytes *b)
{
	aic_bytes again = {0};
	aic_error err = {0};

	demand(read_and_write(kind, b->data, b->len, &again, &err) == AIC_OK);
	aic_bytes_free(&again);
	fuzz_seed(name, kind, b->data, b->len);
	aic_bytes_clear(b);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	aic_session_record record = {.standing = AIC_SESSION_OPENED, .step = {"cluster", 7, 0, 0}, .shards = 8, .code = "aic", .spec_file = "/home/ada/spec.yaml",
	                             .every = 100, .steps = 1000, .store = "/srv/aic/sessions/00"};
	aic_verification_question question = {.shards = 8, .n = 2, .segment = {{0, {0, {{1}}, {{2}}}, {100, {{3}}, {{4}}}},
	                                      {3, {300, {{5}}, {{6}}}, {400, {{7}}, {{8}}}}}};
	aic_verification_result agrees = {.result = AIC_FOUND_AGREES, .steps = 200};
	aic_verification_result differs = {.result = AIC_FOUND_DIFFERS, .segment = 3, .step = 310, .steps = 110, .committed = {{1}}, .computed = {{2}},
	                                   .note = "step 310 is the first"};
	aic_bytes b = {0};

	(void)argc, (void)argv;
	aic_session_record_encode(&b, &record);
	seed("record", RECORD, &b);
	aic_verification_question_put(&b, &question);
	seed("question", QUESTION, &b);
	aic_verification_result_put(&b, &agrees);
	seed("agrees", RESULT, &b);
	aic_verification_result_put(&b, &differs);
	seed("differs", RESULT, &b);
	aic_bytes_free(&b);
	return 0;
}
