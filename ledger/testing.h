/* testing.h: what this room's tests share: a site with a key, a log, a state and wallets with known addresses. */
#ifndef AIC_LEDGER_TESTING_H
#define AIC_LEDGER_TESTING_H

#include "common/testing.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"

#define TEST_WALLETS 8                 /* test_wallet(0 .. 7), an organisation each, in the custody of the site */
#define TEST_FUNDS ((aic_amount)1000 * AIC_UNIT)
#define TEST_LOCKED 7                  /* this one is locked until height TEST_UNLOCK */
#define TEST_UNLOCK 1000

typedef struct {
	char dir[256];
	aic_key key;
	aic_bytes genesis;
	aic_state *state;
	aic_order order;
	aic_chain chain;
} test_site;

#define assert_ok(call) \
	do { \
		aic_error err_ = {0}; \
		aic_error *err = &err_; \
		if ((call) != AIC_OK) { \
			fail_msg("%s: %s", #call, err_.message); \
		} \
	} while (0)

/* The call fails with that code and its message contains text. */
#define assert_fails(call, expected, text) \
	do { \
		aic_error err_ = {0}; \
		aic_error *err = &err_; \
		aic_code code_ = (call); \
		if (code_ != (expected) || !strstr(err_.message, text)) { \
			fail_msg("%s: code %d, message \"%s\" lacks \"%s\"", #call, (int)code_, err_.message, text); \
		} \
	} while (0)

void test_site_key(aic_key *key, uint8_t seed);
aic_address test_wallet(unsigned i);
/* The genesis of one member, or of several keys. */
void test_genesis(aic_bytes *out, const aic_key *member, size_t n);
/* Opens (or opens again) the site whose files are in dir. */
aic_code test_site_open(test_site *s, const char *dir, aic_error *err);
void test_site_close(test_site *s);

/* One line each; addresses by number. */
aic_code test_transfer(test_site *s, unsigned from, unsigned to, aic_amount value, aic_error *err);
aic_code test_settle(test_site *s, const char *period, uint64_t number, const aic_settlement_line *line, size_t n, aic_error *err);
/* The same in parts of that many bytes. */
aic_code test_settle_in_parts(test_site *s, const char *period, uint64_t number, const aic_settlement_line *line, size_t n, size_t piece,
                              aic_error *err);
aic_amount test_balance(test_site *s, const aic_address *a);
/* Sum of all wallets' balances, read from the state tree's rows. */
aic_amount test_sum_of_balances(test_site *s);
aic_totals test_totals(test_site *s);

#endif
