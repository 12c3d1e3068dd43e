/* session_testing.h: a ledger of several sites without a log, whose blocks, clock and generators a test makes as it likes. */
#ifndef AIC_LEDGER_SESSION_TESTING_H
#define AIC_LEDGER_SESSION_TESTING_H

#include "ledger/state/draw.h"
#include "ledger/state/verdict.h"
#include "ledger/testing.h"

#define TEST_SITES 6
#define TEST_START 1700000000 /* seconds: when its first block is made */

/* Site 0 keeps test_wallet(0 .. 7), an organisation each; site i from 1 keeps test_member_wallet(i, 0 .. 3), likewise. */
extern aic_state *test_ledger;
extern aic_key test_member[TEST_SITES];
extern int64_t test_time; /* of the next block */

/* setup: a ledger of one member, of six. */
int test_ledger_one(void **state);
int test_ledger_six(void **state);
int test_ledger_close(void **state);

aic_address test_member_wallet(unsigned site, unsigned i);
/* A block of that site with one transaction, or with none. */
aic_code test_post(unsigned site, uint64_t kind, aic_bytes *body, aic_error *err); /* body is freed */
/* The same by any key that is registered. */
aic_code test_post_by(const aic_key *key, unsigned site, uint64_t kind, aic_bytes *body, aic_error *err);
void test_block(unsigned generator);
extern aic_hash test_posted; /* id of the last transaction that was accepted */

/* A node of that site's, registered as verifier for a wallet; key: a seed of its own. */
void test_verifier(unsigned site, uint8_t seed, const aic_address *provider);
/* Opened by site 0: wallet 0 pays, wallet 1 provides one node; with so many checkpoints, 100 steps each. Not closed. */
aic_hash test_session(uint64_t run, uint64_t checkpoints);
/* The same as *o says, on one node of that provider. */
aic_hash test_session_of(const aic_session *o, const aic_address *provider, uint64_t checkpoints);
void test_close(const aic_hash *id, aic_amount fee);
void test_demand(const aic_hash *id);
aic_session test_row(const aic_hash *id);
/* Signed by the node that is asked now. */
aic_code test_judge(const aic_hash *id, uint64_t result, uint64_t segment, uint64_t step, aic_error *err);

/* Its payer pays ten times the fee to its provider, for hardware, and the fee is shown to be this session's. */
void test_fee_paid(const aic_hash *id, aic_amount fee);
aic_code test_pay(unsigned site, const aic_hash *id, aic_error *err);
aic_amount test_held(const aic_address *a); /* 0 for a wallet that does not exist */
void test_nothing_is_lost(void);            /* sum of balances = supply */

#endif
