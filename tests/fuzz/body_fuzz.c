/* body_fuzz.c: any bytes as the body of a transaction of any kind, signed by a member site's true key, executed on a real state: it is
 * refused with a sentence, or carried out; coin comes from nowhere in neither case. The first byte chooses the kind. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "ledger/audit/export_testing.h"
#include "ledger/block.h"

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
	return 0;
}
