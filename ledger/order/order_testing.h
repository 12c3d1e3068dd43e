/* order_testing.h: a log to test, on SQLite or on a real etcd of three members, and short ways to fill and read it. What fails,
 * fails the test. */
#ifndef AIC_LEDGER_ORDER_ORDER_TESTING_H
#define AIC_LEDGER_ORDER_ORDER_TESTING_H

#include "common/testing.h"
#include "ledger/order/order.h"

typedef struct {
	aic_code (*open)(aic_order *o, void *fixture);
	aic_order order;
	char *dir;
} order_fixture;

/* Each test once on each backend; the program's exit status. */
typedef struct { const char *name; CMUnitTestFunction run; } order_case;
int order_run(const char *what, const order_case *cases, size_t n);
/* A second handle of the same log; the caller closes it. */
aic_order order_another(order_fixture *f);

aic_hash order_hash_of(const void *bytes, size_t len);
aic_order_head order_head_of(aic_order *o);
aic_code order_append_after(aic_order *o, const aic_order_head *expected, const void *block, size_t len, aic_error *err);
void order_append(aic_order *o, const void *block, size_t len);
void order_append_numbered(aic_order *o, int from, int to); /* "block FROM" .. */

typedef struct {
	uint64_t next, stop_at;
	size_t count;
	bool numbered;           /* compare with what order_append_numbered wrote */
} order_reader;
aic_code order_read_one(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err);
size_t order_count_read(aic_order *o, uint64_t from, uint64_t n);

aic_id order_site(int i);
/* other NULL: "site I at HEIGHT". */
aic_code order_attest(aic_order *o, int i, uint64_t height, const char *other, aic_error *err);
size_t order_count_attestations(aic_order *o, uint64_t height);

#endif
