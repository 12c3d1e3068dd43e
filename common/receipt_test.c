/* receipt_test.c: receipts and signed batches. */
#define _GNU_SOURCE
#include "common/receipt.h"
#include "common/testing.h"

static aic_receipt sample(uint32_t step)
{
	aic_receipt r;
	memset(&r, 0, sizeof r);
	strcpy(r.cluster, "hpc");
	strcpy(r.node, "n1");
	r.job_id = 4711;
	r.restart = 1;
	r.step_id = step;
	r.uid = 1001;
	r.start = 1700000000;
	r.end = 1700003600;
	r.cpus = 8;
	r.cpu_ms = 28000000;
	r.mem_peak_mib = 1234;
	r.gpus = 2;
	r.gpu_ms = AIC_UNKNOWN;
	r.energy_mj = AIC_UNKNOWN;
	r.read_mib = 0;
	r.determinism = 2;
	return r;
}

static void round_trip(void **state)
{
	(void)state;
	aic_receipt in = sample(0xfffffffb), out;
	aic_bytes bytes = {0}, again = {0};
	aic_receipt_encode(&bytes, &in);
	assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, NULL), AIC_OK);
	assert_memory_equal(&in, &out, sizeof in);
	assert_true(out.gpu_ms == AIC_UNKNOWN);
	assert_true(out.read_mib == 0);
	aic_receipt_encode(&again, &out);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
	aic_bytes_free(&bytes);
	aic_bytes_free(&again);
}

/* Whoever measured no activity writes the bytes that earlier versions wrote and read. */
static void activity_makes_a_second_version(void **state)
{
	(void)state;
	aic_receipt in = sample(1), out;
	aic_bytes old = {0}, bytes = {0};
	aic_error err = {0};
	aic_receipt_encode(&old, &in);
	assert_memory_equal(old.data, "\xb1\x00\x01", 3); /* 17 pairs, version 1 */
	in.activity = (aic_gpu_activity){.samples = 7200, .sm_ppm = 640000, .sm_sd_ppm = 500000, .tensor_ppm = 1000000, .tensor_sd_ppm = 0};
	aic_receipt_encode(&bytes, &in);
	assert_memory_equal(bytes.data, "\xb6\x00\x02", 3); /* 22 pairs, version 2 */
	assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, NULL), AIC_OK);
	assert_memory_equal(&in, &out, sizeof in);
	old.data[2] = 2;
	bytes.data[2] = 1;
	assert_int_equal(aic_receipt_decode(&out, old.data, old.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "version 2 is not 1, which has as many fields"));
	assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "version 1 is not 2, which has as many fields"));
	aic_bytes_free(&old);
	aic_bytes_free(&bytes);
}

static void impossible_activity(void **state)
{
	static const struct {
		aic_gpu_activity a;
		const char *says;
	} wrong[] = {
		{{1, 1000001, 0, 0, 0}, "1000001 is above 1000000"}, {{1, 0, 500001, 0, 0}, "500001 is above 500000"},
		{{1, 0, 0, 1000001, 0}, "field tensor_ppm"}, {{1, 0, 0, 0, 500001}, "field tensor_sd_ppm"}, {{UINT64_MAX, 0, 0, 0, 0}, "field gpu_samples"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		aic_receipt in = sample(1), out;
		aic_bytes bytes = {0};
		aic_error err = {0};
		in.activity = wrong[i].a;
		aic_receipt_encode(&bytes, &in);
		assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, wrong[i].says));
		aic_bytes_free(&bytes);
	}
}

static void cut_and_extended(void **state)
{
	(void)state;
	aic_receipt in = sample(0), out;
	aic_bytes bytes = {0};
	aic_receipt_encode(&bytes, &in);
	for (size_t len = 0; len < bytes.len; len++) {
		aic_error err = {0};
		uint8_t *exact = malloc(len > 0 ? len : 1);
		memcpy(exact, bytes.data, len);
		assert_int_equal(aic_receipt_decode(&out, exact, len, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, "receipt"));
		free(exact);
	}
	aic_bytes_append(&bytes, "", 1);
	assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, NULL), AIC_CORRUPT);
	aic_bytes_free(&bytes);
}

static void wrong_values(void **state)
{
	(void)state;
	aic_receipt in = sample(0), out;
	aic_bytes bytes = {0};
	aic_error err = {0};
	in.determinism = 3;
	aic_receipt_encode(&bytes, &in);
	assert_int_equal(aic_receipt_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "field determinism"));
	aic_bytes_free(&bytes);
}

/* A batch of n receipts as a node sends it. */
static void make_batch(aic_bytes *out, aic_key *key, uint32_t n, const char *node)
{
	aic_bytes *receipts = calloc(n > 0 ? n : 1, sizeof *receipts);
	for (uint32_t i = 0; i < n; i++) {
		aic_receipt r = sample(i);
		aic_receipt_encode(&receipts[i], &r);
	}
	aic_key_generate(key);
	assert_int_equal(aic_receipt_batch_encode(out, node, key, receipts, n, NULL), AIC_OK);
	for (uint32_t i = 0; i < n; i++)
		aic_bytes_free(&receipts[i]);
	free(receipts);
}

static void batch_round_trip(void **state)
{
	(void)state;
	aic_key key;
	aic_bytes bytes = {0};
	aic_receipt_batch b;
	make_batch(&bytes, &key, AIC_RECEIPT_BATCH_MAX, "n1");
	assert_int_equal(aic_receipt_batch_decode(&b, bytes.data, bytes.len, NULL), AIC_OK);
	assert_int_equal(b.n, AIC_RECEIPT_BATCH_MAX);
	assert_string_equal(b.node, "n1");
	assert_memory_equal(b.public_key, key.public_key, AIC_PUBLIC_LEN);
	for (uint32_t i = 0; i < b.n; i++) {
		aic_receipt expected = sample(i);
		assert_memory_equal(&b.receipt[i], &expected, sizeof expected);
	}
	aic_receipt_batch_clear(&b);
	aic_bytes_free(&bytes);
}

static void empty_batch(void **state)
{
	(void)state;
	aic_key key;
	aic_bytes bytes = {0};
	aic_receipt_batch b;
	make_batch(&bytes, &key, 0, "n1");
	assert_int_equal(aic_receipt_batch_decode(&b, bytes.data, bytes.len, NULL), AIC_OK);
	assert_int_equal(b.n, 0);
	aic_receipt_batch_clear(&b);
	aic_bytes_free(&bytes);
}

static void batch_too_large(void **state)
{
	(void)state;
	aic_key key;
	aic_bytes bytes = {0}, one = {0};
	aic_error err = {0};
	aic_key_generate(&key);
	assert_int_equal(aic_receipt_batch_encode(&bytes, "n1", &key, &one, AIC_RECEIPT_BATCH_MAX + 1, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "4097"));
	assert_int_equal(bytes.len, 0);
}

static void every_flipped_bit_of_a_batch(void **state)
{
	(void)state;
	aic_key key;
	aic_bytes bytes = {0};
	aic_receipt_batch b;
	make_batch(&bytes, &key, 2, "n1");
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		aic_error err = {0};
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		aic_code code = aic_receipt_batch_decode(&b, bytes.data, bytes.len, &err);
		assert_true(code == AIC_CORRUPT || code == AIC_REFUSED);
		assert_null(b.receipt);
		assert_int_equal(strncmp(err.message, "receipt batch: ", 15), 0);
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_not_equal(aic_receipt_batch_decode(&b, bytes.data, len, NULL), AIC_OK);
	aic_bytes_free(&bytes);
}

static void foreign_receipt(void **state)
{
	(void)state;
	aic_key key;
	aic_bytes bytes = {0};
	aic_receipt_batch b;
	aic_error err = {0};
	make_batch(&bytes, &key, 3, "n2");
	assert_int_equal(aic_receipt_batch_decode(&b, bytes.data, bytes.len, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "receipt 0 is of node n1"));
	assert_non_null(strstr(err.message, "node n2"));
	aic_bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(cut_and_extended), cmocka_unit_test(wrong_values),
		cmocka_unit_test(activity_makes_a_second_version), cmocka_unit_test(impossible_activity),
		cmocka_unit_test(batch_round_trip), cmocka_unit_test(empty_batch), cmocka_unit_test(batch_too_large),
		cmocka_unit_test(every_flipped_bit_of_a_batch), cmocka_unit_test(foreign_receipt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
