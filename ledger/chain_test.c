/* chain_test.c: what a block and a transaction must be, what an invalid one changes (nothing but the height), replay to the
 * same root, a log that forgets or rewrites. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "common/cbor.h"
#include "ledger/state/evidence.h"
#include "ledger/state/token.h"

static test_site site;

static int open_site(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	return test_site_open(&site, *state, &err) ? -1 : 0;
}

static int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static void transfer_tx(aic_bytes *tx, const aic_key *key, uint64_t nonce, unsigned from, unsigned to, aic_amount value)
{
	aic_address a = test_wallet(from), b = test_wallet(to);
	aic_bytes body = {0};

	aic_transfer_body(&body, &a, &b, value);
	aic_tx_build(tx, AIC_TX_TRANSFER, key, &aic_state_head(site.state)->chain, nonce, body.data, body.len);
	aic_bytes_free(&body);
}

static aic_code execute(const aic_bytes *tx, aic_error *err)
{
	aic_state_begin(site.state, aic_state_head(site.state)->height + 1, 0);
	aic_code code = aic_state_execute(site.state, tx->data, tx->len, err);
	aic_state_discard(site.state);
	return code;
}

static void test_transaction_rules(void **state)
{
	aic_key stranger;
	aic_bytes tx = {0};
	aic_hash other = aic_sha256_of("other", 5);

	(void)state;
	transfer_tx(&tx, &site.key, 0, 0, 1, 5);
	assert_ok(execute(&tx, err));
	for (size_t i = 0; i < tx.len; i++) { /* no byte of it can differ */
		tx.data[i] ^= 1;
		assert_int_not_equal(execute(&tx, NULL), AIC_OK);
		tx.data[i] ^= 1;
	}
	aic_bytes_append(&tx, "", 1);
	assert_fails(execute(&tx, err), AIC_CORRUPT, "transaction");
	aic_bytes_clear(&tx);
	transfer_tx(&tx, &site.key, 1, 0, 1, 5);
	assert_fails(execute(&tx, err), AIC_REFUSED, "has nonce 1, the next one of its signer is 0");
	aic_bytes_clear(&tx);
	test_site_key(&stranger, 9);
	transfer_tx(&tx, &stranger, 0, 0, 1, 5);
	assert_fails(execute(&tx, err), AIC_REFUSED, "is not registered on the ledger");
	aic_bytes_clear(&tx);
	aic_tx_build(&tx, AIC_TX_TRANSFER, &site.key, &other, 0, "", 0);
	assert_fails(execute(&tx, err), AIC_REFUSED, "signature");
	aic_bytes_clear(&tx);
	aic_tx_build(&tx, 90, &site.key, &aic_state_head(site.state)->chain, 0, "", 0);
	assert_fails(execute(&tx, err), AIC_REFUSED, "kind 90 (unknown)");
	aic_bytes_clear(&tx);
	aic_tx_build(&tx, 12345, &site.key, &aic_state_head(site.state)->chain, 0, "", 0);
	assert_fails(execute(&tx, err), AIC_REFUSED, "kind 12345 (unknown)");
	aic_bytes_free(&tx);
}

static void test_nonce_makes_it_once(void **state)
{
	aic_bytes tx = {0};

	(void)state;
	transfer_tx(&tx, &site.key, 0, 0, 1, 5);
	aic_state_begin(site.state, 1, 0);
	assert_ok(aic_state_execute(site.state, tx.data, tx.len, err));
	assert_fails(aic_state_execute(site.state, tx.data, tx.len, err), AIC_REFUSED, "nonce 0, the next one of its signer is 1");
	assert_int_equal(aic_state_pending(site.state), 1);
	aic_state_discard(site.state);
	aic_bytes_free(&tx);
}

/* What a failed transaction began, the block goes on without. */
static void test_failure_leaves_no_trace(void **state)
{
	aic_bytes good = {0}, bad = {0};
	aic_hash alone, with, events_alone, events_with;

	(void)state;
	transfer_tx(&good, &site.key, 0, 0, 1, 5);
	transfer_tx(&bad, &site.key, 1, 0, 1, TEST_FUNDS * 2);
	aic_state_begin(site.state, 1, 0);
	assert_ok(aic_state_execute(site.state, good.data, good.len, err));
	assert_ok(aic_tree_root(aic_state_tree(site.state), &alone, err));
	events_alone = aic_state_events_root(site.state);
	assert_fails(aic_state_execute(site.state, bad.data, bad.len, err), AIC_REFUSED, "holds 999.999999999999999995 AIC");
	assert_ok(aic_tree_root(aic_state_tree(site.state), &with, err));
	events_with = aic_state_events_root(site.state);
	assert_memory_equal(&alone, &with, sizeof(alone));
	assert_memory_equal(&events_alone, &events_with, sizeof(alone));
	aic_state_discard(site.state);
	aic_bytes_free(&good);
	aic_bytes_free(&bad);
}

/* A valid block on top of the head, by `key`, with what `bend` does to its header. */
static void make_block(aic_bytes *block, const aic_key *key, void (*bend)(aic_header *h))
{
	const aic_head *head = aic_state_head(site.state);
	aic_bytes tx = {0}, item = {0};
	aic_header h = {.version = AIC_BLOCK_VERSION, .chain = head->chain, .height = head->height + 1, .previous = head->hash,
	                .time = head->time + 1, .state = head->root, .blocks = aic_frontier_root(&head->blocks), .generator = site.chain.site};

	transfer_tx(&tx, &site.key, head->transactions, 0, 1, 5);
	aic_state_begin(site.state, h.height, h.time);
	assert_ok(aic_state_execute(site.state, tx.data, tx.len, err));
	h.transactions = aic_state_transactions_root(site.state);
	h.events = aic_state_events_root(site.state);
	aic_state_discard(site.state);
	if (bend)
		bend(&h);
	aic_cbor_put_bytes(&item, tx.data, tx.len);
	aic_block_build(block, &h, key, &item, 1);
	aic_bytes_free(&tx);
	aic_bytes_free(&item);
}

static void bend_chain(aic_header *h) { h->chain.b[0] ^= 1; }
static void bend_height(aic_header *h) { h->height++; }
static void bend_previous(aic_header *h) { h->previous.b[0] ^= 1; }
static void bend_time(aic_header *h) { h->time = -1; }
static void bend_transactions(aic_header *h) { h->transactions.b[0] ^= 1; }
static void bend_events(aic_header *h) { h->events.b[0] ^= 1; }
static void bend_state(aic_header *h) { h->state.b[0] ^= 1; }
static void bend_blocks(aic_header *h) { h->blocks.b[0] ^= 1; }
static void bend_generator(aic_header *h) { h->generator.b[0] ^= 1; }
static void bend_session(aic_header *h) { h->session[0] = 1, h->session_len = 1; }
static void bend_version(aic_header *h) { h->version = 2; }

static void test_header_rules(void **state)
{
	static const struct { void (*bend)(aic_header *h); const char *says; } c[] = {
		{bend_chain, "height 1: the chain id"},
		{bend_height, "height 1: the header says height 2"},
		{bend_previous, "height 1: the previous hash"},
		{bend_time, "height 1: the time is before"},
		{bend_transactions, "height 1: the root of transactions differs"},
		{bend_events, "height 1: the root of events differs"},
		{bend_state, "height 1: the state root before the block differs"},
		{bend_blocks, "height 1: the root of the blocks before it differs"},
		{bend_generator, "height 1: its generator is no member site"},
		{bend_session, "height 1: a site's block names no model, session or draw"},
		{bend_version, "version 2 is not 1"},
	};
	aic_bytes block = {0};
	aic_key other;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_bytes_clear(&block);
		make_block(&block, &site.key, c[i].bend);
		assert_fails(aic_block_execute(site.state, block.data, block.len, err), AIC_CORRUPT, c[i].says);
	}
	aic_bytes_clear(&block);
	test_site_key(&other, 2);
	make_block(&block, &other, NULL);
	assert_fails(aic_block_execute(site.state, block.data, block.len, err), AIC_CORRUPT, "the generator's signature");
	aic_bytes_clear(&block);
	make_block(&block, &site.key, NULL);
	assert_ok(aic_block_execute(site.state, block.data, block.len, err));
	aic_bytes_free(&block);
}

/* No flipped bit of a block leaves it valid, and none keeps its name unless it is the same block. */
static void test_every_bit_of_a_block(void **state)
{
	aic_bytes block = {0};
	aic_hash name, other;

	(void)state;
	make_block(&block, &site.key, NULL);
	name = aic_block_hash(block.data, block.len);
	for (size_t i = 0; i < block.len * 8; i++) {
		block.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(aic_block_execute(site.state, block.data, block.len, NULL), AIC_OK);
		other = aic_block_hash(block.data, block.len);
		assert_false(aic_hash_equal(&name, &other));
		block.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	aic_bytes_free(&block);
}

static void append_raw(const aic_bytes *block)
{
	aic_order_head head;
	aic_hash hash = aic_block_hash(block->data, block->len);

	assert_ok(aic_order_head_get(&site.order, &head, err));
	assert_ok(aic_order_append_if_head(&site.order, &head, &hash, block->data, block->len, err));
}

/* An ordered invalid block takes its height, leaves evidence where its generator signed it for this place, and changes nothing
 * else; the chain goes on. */
static void test_invalid_blocks(void **state)
{
	aic_bytes block = {0};
	aic_hash root = aic_state_head(site.state)->root;

	(void)state;
	aic_bytes_append_str(&block, "no block at all");
	append_raw(&block);
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_int_equal(aic_state_head(site.state)->height, 1);
	assert_memory_equal(&root, &aic_state_head(site.state)->root, sizeof(root));
	assert_int_equal(site.chain.final_height, 1);
	assert_ok(test_transfer(&site, 0, 1, 7, err));
	assert_int_equal(aic_state_head(site.state)->height, 2);
	aic_bytes_free(&block);
}

static aic_code evidence(aic_evidence_kind kind, uint64_t height)
{
	aic_evidence_row row;

	return aic_state_evidence(site.state, &site.chain.site, kind, height, &row, NULL);
}

/* Who signs an invalid block for the place where it stands has lied; of another place, or in another's name, nothing is proven. */
static void test_evidence_of_blocks(void **state)
{
	static const struct { void (*bend)(aic_header *h); bool proof; } c[] = {
		{bend_state, true},      {bend_events, true},        {bend_blocks, true}, {bend_time, true},     {bend_session, true},
		{bend_chain, false},     {bend_height, false},       {bend_previous, false}, {bend_generator, false},
		{bend_transactions, false},
	};
	aic_totals before = test_totals(&site);
	aic_key other;

	(void)state;
	test_site_key(&other, 2);
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_bytes block = {0};

		make_block(&block, &site.key, c[i].bend);
		append_raw(&block);
		aic_bytes_free(&block);
		assert_ok(aic_chain_catch_up(&site.chain, err));
		assert_int_equal(aic_state_head(site.state)->height, i + 1);
		assert_int_equal(evidence(AIC_EVIDENCE_BLOCK, i + 1), c[i].proof ? AIC_OK : AIC_NOT_FOUND);
	}
	aic_bytes block = {0};
	make_block(&block, &other, bend_state); /* signed by somebody else */
	append_raw(&block);
	aic_bytes_free(&block);
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_int_equal(evidence(AIC_EVIDENCE_BLOCK, aic_state_head(site.state)->height), AIC_NOT_FOUND);
	assert_true(test_totals(&site).supply == before.supply);
	assert_int_equal(aic_state_head(site.state)->transactions, 0);
}

/* beacon(h) = SHA-256(beacon(h-1) || nothing), and an invalid block leaves it. */
static void test_beacon(void **state)
{
	aic_hash want = aic_state_head(site.state)->chain, is;
	aic_bytes block = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_ok(aic_state_beacon(site.state, &is, err));
		assert_memory_equal(&is, &want, sizeof(want));
		assert_ok(test_transfer(&site, 0, 1, 7, err));
		want = aic_sha256_of(want.b, sizeof(want.b));
	}
	make_block(&block, &site.key, bend_state);
	append_raw(&block);
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_ok(aic_state_beacon(site.state, &is, err));
	assert_memory_equal(&is, &want, sizeof(want));
	aic_bytes_free(&block);
}

/* The state file lost: the log leads to the same root, hash and balances. */
static void test_replay(void **state)
{
	char path[300];
	aic_head before;
	uint64_t seed = 4;

	for (int i = 0; i < 40; i++) {
		unsigned from = (unsigned)(test_random(&seed) % 7), to = (unsigned)(test_random(&seed) % 8);
		assert_ok(test_transfer(&site, from, to, test_random(&seed) % 1000000, err));
	}
	before = *aic_state_head(site.state);
	test_site_close(&site);
	static const char *const files[] = {"state.db", "state.db-wal", "state.db-shm"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", (char *)*state, files[i]);
		remove(path);
	}
	assert_ok(test_site_open(&site, *state, err));
	assert_memory_equal(&before, aic_state_head(site.state), sizeof(before));
	assert_int_equal(site.chain.final_height, 40);
}

static aic_code count_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	(void)height, (void)block, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

static void test_order(void **state)
{
	aic_order_head head, stale;
	aic_hash hash = aic_sha256_of("b", 1);
	aic_id id = {{1}};
	bool more;
	int n = 0;

	(void)state;
	assert_ok(aic_order_head_get(&site.order, &stale, err));
	assert_ok(test_transfer(&site, 0, 1, 7, err));
	assert_fails(aic_order_append_if_head(&site.order, &stale, &hash, "b", 1, err), AIC_REFUSED, "head is at height 1");
	assert_ok(aic_order_head_get(&site.order, &head, err));
	assert_int_equal(head.height, 1);
	head.hash.b[0] ^= 1;
	assert_fails(aic_order_append_if_head(&site.order, &head, &hash, "b", 1, err), AIC_REFUSED, "head is at height 1");
	assert_ok(aic_order_watch(&site.order, 1, 0, &more, err));
	assert_true(more);
	assert_ok(aic_order_watch(&site.order, 2, 60, &more, err));
	assert_false(more);
	assert_ok(aic_order_read(&site.order, 0, 10, count_block, &n, err));
	assert_int_equal(n, 2);
	assert_ok(aic_order_attest(&site.order, &id, 1, "x", 1, err));
	assert_ok(aic_order_attest(&site.order, &id, 1, "x", 1, err));
	assert_fails(aic_order_attest(&site.order, &id, 1, "y", 1, err), AIC_REFUSED, "attested something else at height 1");
}

/* A log that lost blocks, or holds others, stops writing and says where. */
static void test_rewritten_log(void **state)
{
	char path[300];
	sqlite3 *db;

	assert_ok(test_transfer(&site, 0, 1, 7, err));
	assert_ok(test_transfer(&site, 0, 1, 7, err));
	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	assert_ok(aic_db_open(&db, path, AIC_DB_DURABLE, err));
	assert_ok(aic_db_exec(db, "CREATE TABLE keep AS SELECT * FROM blk; DELETE FROM blk WHERE height = 2", err));
	assert_fails(test_transfer(&site, 0, 1, 7, err), AIC_CORRUPT, "the log ends at height 1, this site's copy at 2");
	assert_ok(aic_db_exec(db, "INSERT INTO blk SELECT 2, hash, bytes FROM keep WHERE height = 1", err));
	assert_fails(test_transfer(&site, 0, 1, 7, err), AIC_CORRUPT, "another block at height 2");
	assert_ok(aic_db_exec(db, "INSERT INTO blk SELECT 3, hash, bytes FROM keep WHERE height = 2", err));
	assert_fails(test_transfer(&site, 0, 1, 7, err), AIC_CORRUPT, "another block at height 2");
	assert_ok(aic_db_exec(db, "DELETE FROM blk WHERE height > 1; INSERT INTO blk SELECT * FROM keep WHERE height = 2", err));
	aic_db_close(db);
	assert_ok(test_transfer(&site, 0, 1, 7, err));
}

/* --- a log that answers badly --- */

typedef enum { GOOD, SHOWS_NOTHING, SHOWS_TWICE, SHOWS_NEXT } manner;

typedef struct {
	aic_order log;
	manner manner;
	aic_order_visit visit;
	void *ctx;
} bad_log;

static bad_log bad;

static aic_code bad_head(void *self, aic_order_head *head, aic_error *err)
{
	return aic_order_head_get(&((bad_log *)self)->log, head, err);
}

static aic_code bad_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                           aic_error *err)
{
	return aic_order_append_if_head(&((bad_log *)self)->log, expected, hash, block, len, err);
}

static aic_code bad_visit(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	bad_log *b = ctx;
	aic_code code = b->visit(b->ctx, height, block, len, err);

	return code || b->manner != SHOWS_TWICE ? code : b->visit(b->ctx, height, block, len, err);
}

static aic_code bad_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	bad_log *b = self;

	b->visit = visit;
	b->ctx = ctx;
	if (b->manner == SHOWS_NOTHING)
		return AIC_OK;
	return aic_order_read(&b->log, from + (b->manner == SHOWS_NEXT && n > 1), n, bad_visit, b, err);
}

static aic_code bad_attest(void *self, const aic_id *id, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	return aic_order_attest(&((bad_log *)self)->log, id, height, bytes, len, err);
}

static aic_code bad_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	return aic_order_attestations(&((bad_log *)self)->log, height, visit, ctx, err);
}

static void bad_close(void *self)
{
	aic_order_close(&((bad_log *)self)->log);
}

static const aic_order_backend bad_backend = {.head = bad_head, .append_if_head = bad_append, .read = bad_read, .attest = bad_attest,
                                              .attestations = bad_attestations, .close = bad_close};

/* Appends blocks of another process of this site, which this one has not seen. */
static void others_append(int n)
{
	aic_hash hash[8];
	aic_bytes none = {0};

	for (int i = 0; i < n; i++) {
		aic_order_head head;
		aic_header h = {.version = AIC_BLOCK_VERSION, .time = i};
		aic_bytes block = {0};

		aic_block_build(&block, &h, &site.key, &none, 0);
		hash[i] = aic_block_hash(block.data, block.len);
		assert_ok(aic_order_head_get(&bad.log, &head, err));
		assert_ok(aic_order_append_if_head(&bad.log, &head, &hash[i], block.data, block.len, err));
		aic_bytes_free(&block);
	}
}

/* A read that shows nothing, a block twice, or the one after next, is not taken for the log: the copy would hold an invalid block
 * where the others have a good one. What that leads to: `sim --plant repeat --seed 1`, `sim --plant reorder --seed 1`. */
static void test_log_that_answers_badly(void **state)
{
	(void)state;
	bad = (bad_log){.log = site.order};
	site.order = (aic_order){&bad_backend, &bad};
	assert_ok(test_transfer(&site, 0, 1, 7, err));
	bad.manner = SHOWS_NOTHING;
	assert_fails(test_transfer(&site, 0, 1, 7, err), AIC_UNREACHABLE, "ends at height 1 and does not show the block at height 1");
	others_append(2);
	bad.manner = SHOWS_NEXT;
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_UNREACHABLE, "was asked for height 2 and gave height 3");
	assert_int_equal(aic_state_head(site.state)->height, 1);
	bad.manner = SHOWS_TWICE;
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_UNREACHABLE, "was asked for height 3 and gave height 2");
	assert_int_equal(aic_state_head(site.state)->height, 2);
	bad.manner = GOOD;
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_int_equal(aic_state_head(site.state)->height, 3);
	assert_ok(test_transfer(&site, 0, 1, 7, err));
}

/* A row of the own copy that cannot be read says nothing about the block that needed it: a good block is not taken for invalid. */
static void test_damaged_copy(void **state)
{
	aic_bytes junk = {0}, block = {0}, row = {0};
	aic_id id = site.chain.site;

	(void)state;
	aic_bytes_append_str(&junk, "junk");
	aic_hash hash = aic_block_hash(junk.data, junk.len);
	append_raw(&junk);
	aic_bytes_append_str(&row, "no row of a member");
	aic_state_begin(site.state, 1, 0);
	assert_ok(aic_state_put(site.state, AIC_TABLE_MEMBER, id.b, sizeof(id.b), &row, err));
	assert_ok(aic_state_commit(site.state, &hash, junk.data, junk.len, true, err));
	make_block(&block, &site.key, NULL);
	append_raw(&block);
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_CORRUPT, "row of a member cannot be read: rebuild the state by replay");
	assert_int_equal(aic_state_head(site.state)->height, 1);
	aic_bytes_free(&junk);
	aic_bytes_free(&block);
	aic_bytes_free(&row);
}

/* A lying member names its block falsely in the log's head: nobody could append after it. */
static void test_falsely_named_head(void **state)
{
	aic_order_head head;
	aic_hash lie = aic_sha256_of("lie", 3);
	aic_bytes block = {0};

	(void)state;
	make_block(&block, &site.key, NULL);
	assert_ok(aic_order_head_get(&site.order, &head, err));
	assert_ok(aic_order_append_if_head(&site.order, &head, &lie, block.data, block.len, err));
	assert_ok(test_transfer(&site, 0, 1, 7, err));
	assert_int_equal(aic_state_head(site.state)->height, 2);
	assert_int_equal(site.chain.final_height, 2);
	aic_bytes_free(&block);
}

/* A full disk: refused, nothing lost; with room again it goes on, an ordered block included. */
static void test_full_disk(void **state)
{
	sqlite3 *db = aic_state_db(site.state);
	aic_hash root = aic_state_head(site.state)->root;
	aic_error full = {0};
	int refused = 0;

	(void)state;
	assert_ok(aic_db_exec(db, "PRAGMA max_page_count = 1", err)); /* SQLite: no page more than there are */
	for (unsigned i = 0; i < 200 && !refused; i++) {
		root = aic_state_head(site.state)->root;
		refused = test_transfer(&site, i % 3, (i + 1) % 3, 1, &full) != AIC_OK;
	}
	assert_true(refused);
	assert_int_equal(full.code, AIC_FULL);
	assert_non_null(strstr(full.message, "no space left"));
	assert_memory_equal(&root, &aic_state_head(site.state)->root, sizeof(root));
	assert_fails(test_transfer(&site, 0, 1, 1, err), AIC_FULL, "no space left");
	uint64_t height = aic_state_head(site.state)->height;
	assert_ok(aic_db_exec(db, "PRAGMA max_page_count = 1000000", err));
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_int_equal(aic_state_head(site.state)->height, height + 1); /* the one that was ordered */
	assert_ok(test_transfer(&site, 0, 1, 1, err));
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
}

static void test_wallet_register(void **state)
{
	aic_address a, zero = {{0}};
	aic_id organisation = {{7}};
	aic_bytes body = {0};
	aic_posted posted;
	aic_wallet w;

	(void)state;
	memset(a.b, 0xab, sizeof(a.b));
	aic_wallet_register_body(&body, &a, &organisation, AIC_WALLET_PLAIN);
	assert_ok(aic_chain_post(&site.chain, AIC_TX_WALLET_REGISTER, &body, &posted, err));
	assert_ok(aic_state_wallet(site.state, &a, &w, err));
	assert_true(aic_id_equal(&w.organisation, &organisation) && aic_id_equal(&w.site, &site.chain.site));
	assert_int_equal(aic_rating_ppm(w.alpha, w.beta), 500000);
	assert_fails(aic_chain_post(&site.chain, AIC_TX_WALLET_REGISTER, &body, &posted, err), AIC_REFUSED, "is registered already");
	aic_bytes_clear(&body);
	aic_wallet_register_body(&body, &zero, &organisation, AIC_WALLET_PLAIN);
	assert_fails(aic_chain_post(&site.chain, AIC_TX_WALLET_REGISTER, &body, &posted, err), AIC_REFUSED, "zero address");
	aic_bytes_free(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_transaction_rules),    TEST(test_nonce_makes_it_once), TEST(test_failure_leaves_no_trace),
		TEST(test_header_rules),         TEST(test_every_bit_of_a_block), TEST(test_invalid_blocks),
		TEST(test_evidence_of_blocks),   TEST(test_beacon),              TEST(test_log_that_answers_badly),
		TEST(test_falsely_named_head),   TEST(test_damaged_copy),
		TEST(test_replay),               TEST(test_order),               TEST(test_rewritten_log),
		TEST(test_full_disk),            TEST(test_wallet_register),
	};

	return cmocka_run_group_tests_name("ledger chain", tests, NULL, NULL);
}
