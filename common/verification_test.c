/* What a verifier is asked and what it found: read as written, and nothing else. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "common/cbor.h"
#include "common/verification.h"

static aic_verification_question a_question(void)
{
	return (aic_verification_question){
		.session = {{1}}, .round = 2, .entropy = {{3}}, .shards = 8, .spec = {{4}}, .data = {{5}}, .code = {{6}}, .n = 2,
		.segment = {{0, {0, {{7}}, {{8}}}, {10, {{9}}, {{10}}}}, {3, {30, {{11}}, {{12}}}, {40, {{13}}, {{14}}}}}};
}

static void refused_question(const aic_verification_question *q, const char *within)
{
	aic_verification_question got;
	aic_bytes b = {0};
	aic_error err;

	aic_verification_question_put(&b, q);
	assert_int_equal(aic_verification_question_get(&got, b.data, b.len, &err), AIC_CORRUPT);
	if (!strstr(err.message, within))
		fail_msg("%s", err.message);
	aic_bytes_free(&b);
}

static void refused_result(const aic_verification_result *r, const char *within)
{
	aic_verification_result got;
	aic_bytes b = {0};
	aic_error err;

	aic_verification_result_put(&b, r);
	assert_int_equal(aic_verification_result_get(&got, b.data, b.len, &err), AIC_CORRUPT);
	if (!strstr(err.message, within))
		fail_msg("%s", err.message);
	aic_bytes_free(&b);
}

static void a_question_comes_back(void **state)
{
	aic_verification_question q = a_question(), got;
	aic_bytes b = {0}, again = {0};
	aic_error err;

	(void)state;
	aic_verification_question_put(&b, &q);
	assert_int_equal(aic_verification_question_get(&got, b.data, b.len, &err), AIC_OK);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.segment[1].to.step, 40);
	aic_verification_question_put(&again, &got);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(aic_verification_question_get(&got, b.data, len, &err), AIC_CORRUPT);
	aic_bytes_free(&b);
	aic_bytes_free(&again);
}

static void questions_that_make_no_sense(void **state)
{
	aic_verification_question q = a_question();

	(void)state;
	q.n = 0;
	refused_question(&q, "no segment is asked for");
	q = a_question();
	q.segment[1].number = 0;
	refused_question(&q, "segment 0 after 0");
	q = a_question();
	q.segment[0].to.step = 0;
	refused_question(&q, "leads from step 0 to 0");
	q = a_question();
	q.determinism = 2;
	refused_question(&q, "class 2 is none that can be verified");
}

static void a_result_comes_back(void **state)
{
	aic_verification_result r = {.session = {{1}}, .round = 2, .result = AIC_FOUND_DIFFERS, .segment = 3, .step = 35, .steps = 20,
	                             .committed = {{4}}, .computed = {{5}}, .note = "other bits"}, got;
	aic_bytes b = {0};
	aic_error err;

	(void)state;
	aic_verification_result_put(&b, &r);
	assert_int_equal(aic_verification_result_get(&got, b.data, b.len, &err), AIC_OK);
	assert_int_equal(got.step, 35);
	assert_string_equal(got.note, "other bits");
	aic_hash hash = aic_verification_evidence(b.data, b.len), whole = aic_sha256_of(b.data, b.len);
	assert_true(aic_hash_equal(&hash, &whole));
	aic_bytes_free(&b);
	r.result = 4;
	refused_result(&r, "result 4 is unknown");
	r.result = AIC_FOUND_AGREES;
	refused_result(&r, "a step is named where something differs, and only there");
	r.result = AIC_FOUND_DIFFERS;
	r.step = 0;
	refused_result(&r, "a step is named");
}

static void another_files_bytes(void **state)
{
	aic_verification_result r = {.result = AIC_FOUND_AGREES};
	aic_verification_question q;
	aic_bytes b = {0};
	aic_error err;

	(void)state;
	aic_verification_result_put(&b, &r);
	assert_int_equal(aic_verification_question_get(&q, b.data, b.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "what a verifier is asked: "));
	aic_bytes_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_comes_back),
		cmocka_unit_test(questions_that_make_no_sense),
		cmocka_unit_test(a_result_comes_back),
		cmocka_unit_test(another_files_bytes),
	};

	return cmocka_run_group_tests_name("common/verification", tests, NULL, NULL);
}
