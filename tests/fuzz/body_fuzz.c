/* body_fuzz.c: any bytes as the body of a transaction of any kind, signed by a member site's true key, executed on a real state: it is
 * refused with a sentence, or carried out; coin comes from nowhere in neither case. The first byte chooses the kind. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "ledger/audit/export_testing.h"
#include "ledger/block.h"
#include "ledger/state/decoy.h"
#include "ledger/state/verdict.h"

static test_site site;
static aic_amount began; /* supply - issued + burnt, which nothing changes */

static aic_amount invariant(const aic_totals *t)
{
	return t->supply - t->issued + t->burnt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const aic_head *head = aic_state_head(site.state);
	aic_error err = {0};
	aic_bytes tx = {0};
	aic_key_row me;
	aic_totals t;

	if (!size)
		return 0;
	aic_state_begin(site.state, head->height + 1, head->time);
	demand(aic_state_key(site.state, site.key.public_key, &me, NULL) == AIC_OK);
	aic_tx_build(&tx, data[0], &site.key, &head->chain, me.nonce, data + 1, size - 1);
	if (aic_state_execute(site.state, tx.data, tx.len, &err) != AIC_OK)
		demand(err.message[0] && err.code != AIC_SYSTEM);
	demand(aic_state_totals(site.state, &t, NULL) == AIC_OK && invariant(&t) == began);
	aic_state_discard(site.state);
	aic_bytes_free(&tx);
	return 0;
}

/* One body of each kind that the test ledger has, and of others a few by hand. */
static void seeds(void)
{
	aic_bytes block = {0};

	for (uint64_t h = 1; h <= test_head_height; h++) {
		char name[32];
		aic_hash hash;
		aic_block b;
		aic_transaction tx;
		bool valid;

		demand(aic_state_block(site.state, h, &block, &hash, &valid, NULL) == AIC_OK &&
		       aic_block_decode(&b, block.data, block.len, NULL) == AIC_OK);
		demand(aic_tx_decode(&tx, b.tx[0].data, b.tx[0].len, NULL) == AIC_OK);
		snprintf(name, sizeof(name), "body-%llu", (unsigned long long)h);
		fuzz_seed(name, (int)tx.kind, tx.body, tx.body_len);
		aic_block_clear(&b);
	}
	for (int kind = 1; kind < 128; kind++) {
		static const uint8_t shapes[][3] = {{0x81, 0x00, 0}, {0x82, 0x00, 0x00}, {0x83, 0x00, 0x00}};
		char name[32];

		snprintf(name, sizeof(name), "kind-%d", kind);
		fuzz_seed(name, kind, shapes[kind % 3], sizeof(shapes[0]));
	}
	aic_bytes_free(&block);
}

/* One body of each kind about sessions, of an open session and of one that waits for its draw. */
static void session_seeds(void)
{
	aic_session o = {.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
	aic_session_node n = {.provider = test_wallet(1)};
	aic_session_provider paid = {.wallet = test_wallet(1), .fee = AIC_UNIT};
	aic_session_checkpoint c[3] = {{.step = 0}, {.step = 10}, {.step = 20}};
	aic_settlement_line line = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10};
	aic_verifier verifier = {.provider = test_wallet(1)};
	aic_bytes body = {0};
	aic_verdict v = {.round = 0};
	aic_decoy decoy = {.segment = 1};
	aic_hash reason = {{1}};
	aic_hash id[2];

	aic_session_open_body(&body, &o, &n, 1);
	fuzz_seed("session-open", AIC_TX_SESSION_OPEN, body.data, body.len);
	for (int i = 0; i < 2; i++) {
		aic_posted posted;
		demand(aic_chain_post(&site.chain, AIC_TX_SESSION_OPEN, &body, &posted, NULL) == AIC_OK);
		id[i] = posted.tx;
	}
	struct {
		const char *name;
		uint64_t kind;
	} all[] = {{"session-commit", AIC_TX_SESSION_COMMIT}, {"session-close", AIC_TX_SESSION_CLOSE}, {"session-nodes", AIC_TX_SESSION_NODES},
	           {"session-challenge", AIC_TX_SESSION_CHALLENGE}, {"session-appeal", AIC_TX_SESSION_APPEAL}, {"session-rate", AIC_TX_SESSION_RATE},
	           {"verifier", AIC_TX_VERIFIER_REGISTER}, {"verifier-out", AIC_TX_VERIFIER_WITHDRAW}, {"verdict", AIC_TX_VERDICT},
	           {"session-reveal", AIC_TX_SESSION_REVEAL}, {"session-pay", AIC_TX_SESSION_PAY}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const aic_hash *of = &id[i % 2];
		aic_posted posted;

		aic_bytes_clear(&body);
		v.session = *of;
		switch (all[i].kind) {
		case AIC_TX_SESSION_COMMIT: aic_session_commit_body(&body, of, 0, c, 3); break;
		case AIC_TX_SESSION_CLOSE: aic_session_close_body(&body, of, 25, AIC_END_DONE, &paid, 1); break;
		case AIC_TX_SESSION_NODES: aic_session_nodes_body(&body, of, &n, 1); break;
		case AIC_TX_SESSION_REVEAL: aic_session_reveal_body(&body, of, &decoy); break;
		case AIC_TX_SESSION_PAY:
		case AIC_TX_SESSION_CHALLENGE: aic_session_id_body(&body, of); break;
		case AIC_TX_SESSION_APPEAL: aic_session_appeal_body(&body, of, &reason, NULL, 0); break;
		case AIC_TX_SESSION_RATE: aic_session_rate_body(&body, of, &paid.wallet, "2026-W48", 4, 0, &line, &reason, 1, AIC_UNIT / 10); break;
		case AIC_TX_VERIFIER_REGISTER: aic_verifier_register_body(&body, &verifier); break;
		case AIC_TX_VERIFIER_WITHDRAW: aic_verifier_withdraw_body(&body, verifier.key); break;
		default: aic_verdict_body(&body, &v);
		}
		fuzz_seed(all[i].name, (int)all[i].kind, body.data, body.len);
		if (all[i].kind == AIC_TX_SESSION_COMMIT)
			demand(aic_chain_post(&site.chain, all[i].kind, &body, &posted, NULL) == AIC_OK);
	}
	aic_bytes_free(&body);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static void *folder;
	aic_totals t;

	(void)argc, (void)argv;
	demand(test_export_make(&folder, 8) == 0 && test_site_open(&site, test_ledger_dir, NULL) == AIC_OK);
	test_folder_remove(&folder); /* the files live on while they are open */
	demand(aic_state_totals(site.state, &t, NULL) == AIC_OK);
	began = invariant(&t);
	seeds();
	session_seeds();
	return 0;
}
