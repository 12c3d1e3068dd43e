/* record_test.c: what slurmctld writes down is what aicacctd reads, and nothing else is read. */
#define _GNU_SOURCE
#include "common/cbor.h"
#include "common/record.h"
#include "common/testing.h"

static void fill(aic_job_record *r, aic_node_share *shares, uint32_t nodes)
{
	memset(r, 0, sizeof *r);
	strcpy(r->cluster, "hpc");
	r->job_id = 4711;
	r->array_job_id = 4700;
	r->array_task_id = 0xfffffffe;
	r->het_job_id = 3;
	r->het_offset = 1;
	r->restart = 2;
	r->uid = 1001;
	r->gid = UINT32_MAX;
	strcpy(r->user, "ada");
	strcpy(r->account, "physics");
	strcpy(r->partition, "gpu");
	strcpy(r->qos, "normal");
	strcpy(r->name, "t\xc3\xa4glich \"x\"\n");
	r->submit = 1700000000;
	r->eligible = 1700000001;
	r->start = 1700000100;
	r->end = 1700007300;
	r->resize = 1700000050;
	r->preempt = 1700007000;
	r->suspended = 60;
	r->suspend_time = 1700000200;
	r->time_limit = INT64_MAX;
	r->state = AIC_STATE_PREEMPTED;
	r->state_raw = 0x8003;
	r->exit_code = 9;
	strcpy(r->dataset, "fashion-mnist");
	memset(r->model, 'm', AIC_NAME_LEN - 1);
	r->nodes = nodes;
	r->node = shares;
	for (uint32_t i = 0; i < nodes; i++) {
		memset(&shares[i], 0, sizeof shares[i]);
		snprintf(shares[i].name, sizeof shares[i].name, "n%u", i + 1);
		shares[i].cpus = 8 + i;
		shares[i].mem_mib = 64000;
		shares[i].gpu_types = 2;
		strcpy(shares[i].gpu[0].type, "a100");
		shares[i].gpu[0].count = 2;
		shares[i].gpu[1].count = 1;
	}
}

static void round_trip(void **state)
{
	(void)state;
	aic_node_share shares[3];
	aic_job_record in, out;
	aic_bytes bytes = {0}, again = {0};
	aic_error err = {0};
	fill(&in, shares, 3);
	aic_job_record_encode(&bytes, &in);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_OK);
	assert_int_equal(out.nodes, 3);
	assert_memory_equal(out.node, shares, sizeof shares);
	aic_node_share *owned = out.node;
	out.node = in.node;
	assert_memory_equal(&out, &in, sizeof in);
	out.node = owned;
	aic_job_record_encode(&again, &out);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
	aic_job_record_clear(&out);
	assert_null(out.node);
	aic_bytes_free(&bytes);
	aic_bytes_free(&again);
}

static void bytes_never_change(void **state)
{
	(void)state;
	/* The start of the worked record of doc/formats/job-record.md: a later version must keep reading it. */
	static const uint8_t start[] = {0xb8, 0x1e, 0x00, 0x01, 0x01, 0x63, 'h', 'p', 'c', 0x02, 0x19, 0x12, 0x67};
	aic_node_share share;
	aic_job_record in;
	aic_bytes bytes = {0};
	fill(&in, &share, 1);
	aic_job_record_encode(&bytes, &in);
	assert_true(bytes.len > sizeof start);
	assert_memory_equal(bytes.data, start, sizeof start);
	aic_bytes_free(&bytes);
}

static void cut_and_extended(void **state)
{
	(void)state;
	aic_node_share share;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	fill(&in, &share, 1);
	aic_job_record_encode(&bytes, &in);
	for (size_t len = 0; len < bytes.len; len++) {
		aic_error err = {0};
		uint8_t *exact = malloc(len > 0 ? len : 1);
		memcpy(exact, bytes.data, len);
		assert_int_equal(aic_job_record_decode(&out, exact, len, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, "job record"));
		assert_null(out.node);
		free(exact);
	}
	aic_bytes_append(&bytes, "", 1);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, NULL), AIC_CORRUPT);
	aic_bytes_free(&bytes);
}

/* A flipped bit is refused, or it changed a value: then encoding it again gives exactly the flipped bytes. */
static void flipped_bits(void **state)
{
	(void)state;
	aic_node_share share;
	aic_job_record in, out;
	aic_bytes bytes = {0}, again = {0};
	fill(&in, &share, 1);
	aic_job_record_encode(&bytes, &in);
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (aic_job_record_decode(&out, bytes.data, bytes.len, NULL) == AIC_OK) {
			aic_bytes_clear(&again);
			aic_job_record_encode(&again, &out);
			assert_int_equal(again.len, bytes.len);
			assert_memory_equal(again.data, bytes.data, bytes.len);
			aic_job_record_clear(&out);
		}
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	aic_bytes_free(&bytes);
	aic_bytes_free(&again);
}

/* The encoding of `in` with the array of its nodes replaced by one of n equal shares. */
static void encode_many(aic_bytes *out, aic_job_record *in, size_t n)
{
	aic_node_share *shares = calloc(n, sizeof *shares);
	in->node = shares;
	in->nodes = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		strcpy(shares[i].name, "n");
	aic_job_record_encode(out, in);
	free(shares);
}

static void too_many_nodes(void **state)
{
	(void)state;
	aic_node_share share;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	aic_error err = {0};
	fill(&in, &share, 1);
	encode_many(&bytes, &in, AIC_RECORD_NODES_MAX);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_OK);
	assert_int_equal(out.nodes, AIC_RECORD_NODES_MAX);
	aic_job_record_clear(&out);
	aic_bytes_clear(&bytes);
	encode_many(&bytes, &in, AIC_RECORD_NODES_MAX + 1);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "field nodes"));
	aic_bytes_free(&bytes);
}

/* A head that promises 65,536 nodes in a few bytes must not take memory for them. */
static void promised_nodes(void **state)
{
	(void)state;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	aic_error err = {0};
	fill(&in, NULL, 0);
	aic_job_record_encode(&bytes, &in);
	bytes.len--; /* the empty array */
	aic_cbor_put_array(&bytes, AIC_RECORD_NODES_MAX);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "field nodes"));
	aic_bytes_free(&bytes);
}

static void other_version(void **state)
{
	(void)state;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	aic_error err = {0};
	fill(&in, NULL, 0);
	aic_job_record_encode(&bytes, &in);
	assert_int_equal(bytes.data[3], 1);
	bytes.data[3] = 2;
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "version 2"));
	assert_non_null(strstr(err.message, "upgrade"));
	aic_bytes_free(&bytes);
}

/* Slurm cuts names at bytes and users write what they like. */
static void names_that_are_no_utf8(void **state)
{
	(void)state;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	fill(&in, NULL, 0);
	strcpy(in.name, "caf\xe9 \xc3");
	aic_job_record_encode(&bytes, &in);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, NULL), AIC_OK);
	assert_string_equal(out.name, "caf? ?");
	aic_bytes_free(&bytes);
}

static void states(void **state)
{
	(void)state;
	for (aic_job_state s = AIC_STATE_COMPLETED; s <= AIC_STATE_LAUNCH_FAILED; s++) {
		aic_job_state back = 0;
		assert_true(aic_job_state_parse(&back, aic_job_state_name(s)));
		assert_int_equal(back, s);
	}
	aic_job_state none = AIC_STATE_FAILED;
	assert_string_equal(aic_job_state_name(AIC_STATE_NODE_FAIL), "NODE_FAIL");
	assert_false(aic_job_state_parse(&none, "RUNNING"));
	assert_int_equal(none, AIC_STATE_FAILED);
	assert_string_equal(aic_job_state_name(0), "UNKNOWN");
	assert_string_equal(aic_job_state_name(AIC_STATE_LAUNCH_FAILED + 1), "UNKNOWN");
}

static void state_out_of_range(void **state)
{
	(void)state;
	aic_job_record in, out;
	aic_bytes bytes = {0};
	aic_error err = {0};
	fill(&in, NULL, 0);
	in.state = AIC_STATE_LAUNCH_FAILED + 1;
	aic_job_record_encode(&bytes, &in);
	assert_int_equal(aic_job_record_decode(&out, bytes.data, bytes.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "field state:"));
	aic_bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(bytes_never_change), cmocka_unit_test(cut_and_extended),
		cmocka_unit_test(flipped_bits), cmocka_unit_test(too_many_nodes), cmocka_unit_test(promised_nodes),
		cmocka_unit_test(other_version), cmocka_unit_test(names_that_are_no_utf8), cmocka_unit_test(states),
		cmocka_unit_test(state_out_of_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
