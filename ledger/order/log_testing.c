/* log_testing.c: see log_testing.h. */
#define _GNU_SOURCE
#include "ledger/order/log_testing.h"

aic_etcd_config test_config(const etcd_cluster *c, int first)
{
	static int number;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "log-%d/", number++);
	return etcd_cluster_config(c, first, prefix);
}

aic_order test_open_order(const aic_etcd_config *config)
{
	aic_order o;
	aic_error err = {0};

	if (aic_order_etcd(&o, config, &err))
		fail_msg("%s", err.message);
	return o;
}

aic_code test_append_after(aic_order *o, const aic_order_head *expected, const char *text, aic_error *err)
{
	aic_hash hash = aic_sha256_of(text, strlen(text));

	return aic_order_append_if_head(o, expected, &hash, text, strlen(text), err);
}

aic_order_head test_head_at(uint64_t height, const char *text)
{
	return (aic_order_head){.height = height, .hash = aic_sha256_of(text, strlen(text))};
}

aic_order_head test_head_of(aic_order *o)
{
	aic_order_head head;
	aic_error err = {0};

	if (aic_order_head_get(o, &head, &err))
		fail_msg("%s", err.message);
	return head;
}

const char *test_name(char text[TEST_TEXT_MAX], const char *writer, int i)
{
	snprintf(text, TEST_TEXT_MAX, "%s %d", writer, i);
	return text;
}

void test_append(aic_order *o, const char *text)
{
	aic_order_head head = test_head_of(o);
	aic_error err = {0};

	if (test_append_after(o, &head, text, &err))
		fail_msg("%s", err.message);
}

void test_append_numbered(aic_order *o, const char *writer, int from, int to)
{
	char text[TEST_TEXT_MAX];

	for (int i = from; i < to; i++)
		test_append(o, test_name(text, writer, i));
}

static aic_code keep_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	test_blocks *b = ctx;

	(void)height, (void)err;
	b->text = aic_xrealloc(b->text, (b->count + 1) * sizeof(*b->text));
	snprintf(b->text[b->count++], TEST_TEXT_MAX, "%.*s", (int)len, (const char *)block);
	return AIC_OK;
}

test_blocks test_read_all(aic_order *o)
{
	test_blocks b = {0};
	aic_error err = {0};

	if (aic_order_read(o, 0, UINT64_MAX, keep_block, &b, &err))
		fail_msg("%s", err.message);
	return b;
}

void test_assert_log(aic_order *o, const char *writer, int count)
{
	test_blocks b = test_read_all(o);
	char text[TEST_TEXT_MAX];

	assert_int_equal(b.count, count);
	for (int i = 0; i < count; i++)
		assert_string_equal(b.text[i], test_name(text, writer, i));
	assert_int_equal(test_head_of(o).height, count - 1);
	free(b.text);
}
