/* log_testing.h: short blocks of text in a log on etcd, for tests. What fails, fails the test. */
#ifndef AIC_LEDGER_ORDER_LOG_TESTING_H
#define AIC_LEDGER_ORDER_LOG_TESTING_H

#include "common/testing.h"
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"

#define TEST_TEXT_MAX 64

typedef struct {
	char (*text)[TEST_TEXT_MAX];
	size_t count;
} test_blocks;

/* A prefix of its own each time, as for another chain; member `first` is asked first. */
aic_etcd_config test_config(const etcd_cluster *c, int first);
aic_order test_open_order(const aic_etcd_config *config);

aic_order_head test_head_of(aic_order *o);
/* Where the append of `text` at height leaves the head. */
aic_order_head test_head_at(uint64_t height, const char *text);

/* "WRITER i" */
const char *test_name(char text[TEST_TEXT_MAX], const char *writer, int i);
aic_code test_append_after(aic_order *o, const aic_order_head *expected, const char *text, aic_error *err);
void test_append(aic_order *o, const char *text);
void test_append_numbered(aic_order *o, const char *writer, int from, int to); /* from .. to - 1 */

test_blocks test_read_all(aic_order *o); /* the caller frees text */
/* The log is exactly "WRITER 0" .. "WRITER count - 1". */
void test_assert_log(aic_order *o, const char *writer, int count);

#endif
