/* etcd.c: see etcd.h. The log; the board of attestations is in etcd_board.c. */
#include "ledger/order/etcd.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "ledger/failpoint.h"
#include "ledger/order/etcd_kv.h"
#include "ledger/order/etcd_order.h"

#define PAGE_BYTES (1u << 20)    /* aim of a page of blocks; it may be more where blocks grow on the way */
#define PAGE_BLOCKS_MAX 512
#define PAGE_BLOCKS_START 2
#define WAIT_MS 5000             /* for news from one endpoint, before another is asked */
#define STEP_MS 50

/* --- keys and values --- */

void aic_etcd_head_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX])
{
	snprintf(key, AIC_ETCD_KEY_MAX, "%shead", o->prefix);
}

void aic_etcd_block_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], uint64_t height)
{
	snprintf(key, AIC_ETCD_KEY_MAX, "%sblk/%020" PRIu64, o->prefix, height);
}

void aic_etcd_site_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], const aic_id *site, const char *rest)
{
	char hex[2 * sizeof(site->b) + 1];

	aic_hex(hex, site->b, sizeof(site->b));
	snprintf(key, AIC_ETCD_KEY_MAX, "%satt/%s%s", o->prefix, hex, rest);
}

bool aic_etcd_parse_height(const char *text, uint64_t *height)
{
	*height = 0;
	for (int i = 0; i < AIC_HEIGHT_DIGITS; i++) {
		if (text[i] < '0' || text[i] > '9' || *height > (UINT64_MAX - (uint64_t)(text[i] - '0')) / 10)
			return false;
		*height = 10 * *height + (uint64_t)(text[i] - '0');
	}
	return true;
}

bool aic_etcd_value_is(const json_t *get, const void *bytes, size_t len)
{
	aic_bytes value = {0};
	bool same = aic_etcd_found(get) == 1 && aic_etcd_pair_value(aic_etcd_pair(get, 0), &value) && value.len == len &&
	            (!len || memcmp(value.data, bytes, len) == 0);

	aic_bytes_free(&value);
	return same;
}

/* --- head --- */

void aic_etcd_head_text(char text[AIC_ETCD_HEAD_LEN + 1], uint64_t height, const aic_hash *hash)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, hash);
	snprintf(text, AIC_ETCD_HEAD_LEN + 1, "%020" PRIu64 " %s", height, hex);
}

aic_code aic_etcd_read_head(const aic_etcd_order *o, const json_t *get, aic_order_head *head, aic_error *err)
{
	aic_bytes text = {0};

	memset(head, 0, sizeof(*head));
	head->empty = !aic_etcd_found(get);
	if (head->empty)
		return AIC_OK;
	bool fine = aic_etcd_pair_value(aic_etcd_pair(get, 0), &text) && text.len == AIC_ETCD_HEAD_LEN;
	aic_bytes_append(&text, "", 1);
	const char *s = (const char *)text.data;
	fine = fine && aic_etcd_parse_height(s, &head->height) && s[AIC_HEIGHT_DIGITS] == ' ' &&
	       aic_unhex(head->hash.b, AIC_HASH_LEN, s + AIC_HEIGHT_DIGITS + 1);
	aic_bytes_free(&text);
	if (fine)
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "etcd's key %shead holds no height and hash: somebody else has written it, or the prefix is "
	                "another program's", o->prefix);
}

static aic_code get_head(aic_etcd_order *o, aic_order_head *head, uint64_t *revision, aic_error *err)
{
	char key[AIC_ETCD_KEY_MAX];
	json_t *answer;

	aic_etcd_head_key(o, key);
	aic_code code = aic_etcd_call(o->etcd, "kv/range", aic_etcd_get(key, NULL, 0, false), 0, &answer, err);
	if (code)
		return code;
	*revision = aic_etcd_revision(answer);
	code = aic_etcd_read_head(o, answer, head, err);
	json_decref(answer);
	return code;
}

aic_code aic_etcd_head(void *self, aic_order_head *head, aic_error *err)
{
	uint64_t revision;

	return get_head(self, head, &revision, err);
}

/* --- append --- */

static void forget(aic_error *err)
{
	if (err)
		*err = (aic_error){0};
}

/* Head as expected and no block above it: block and head are put. Otherwise both are read, to see whose block it is. */
static json_t *append_request(const aic_etcd_order *o, const aic_order_head *expected, const aic_hash *hash, const void *block,
                              size_t len)
{
	char head[AIC_ETCD_KEY_MAX], blk[AIC_ETCD_KEY_MAX], old[AIC_ETCD_HEAD_LEN + 1], new[AIC_ETCD_HEAD_LEN + 1];
	uint64_t height = expected->empty ? 0 : expected->height + 1;
	json_t *txn = aic_etcd_txn();

	aic_etcd_head_key(o, head);
	aic_etcd_block_key(o, blk, height);
	aic_etcd_head_text(old, expected->height, &expected->hash);
	aic_etcd_head_text(new, height, hash);
	aic_etcd_txn_if(txn, expected->empty ? aic_etcd_if_absent(head) : aic_etcd_if_value(head, old, AIC_ETCD_HEAD_LEN));
	aic_etcd_txn_if(txn, aic_etcd_if_absent(blk));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(blk, block, len));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(head, new, AIC_ETCD_HEAD_LEN));
	aic_etcd_txn_get(txn, "failure", aic_etcd_get(head, NULL, 0, false));
	aic_etcd_txn_get(txn, "failure", aic_etcd_get(blk, NULL, 0, false));
	return txn;
}

/* The transaction wrote nothing: because an earlier attempt had, whose answer was lost, or because another site came first. */
static aic_code judge_append(const aic_etcd_order *o, const json_t *answer, const aic_order_head *expected, const void *block,
                             size_t len, aic_error *err)
{
	const json_t *stored = aic_etcd_txn_answer(answer, 1);
	uint64_t height = expected->empty ? 0 : expected->height + 1;
	aic_order_head now;
	aic_code code = aic_etcd_read_head(o, aic_etcd_txn_answer(answer, 0), &now, err);

	if (code)
		return code;
	if (!now.empty && now.height >= height && aic_etcd_value_is(stored, block, len))
		return AIC_OK;
	if (now.empty)
		return aic_fail(err, AIC_REFUSED, "the log is empty, height %" PRIu64 " was expected as its head", expected->height);
	if (now.height < height && aic_etcd_found(stored))
		return aic_fail(err, AIC_CORRUPT, "etcd's head is at height %" PRIu64 ", and yet there is a block at %" PRIu64
		                ": somebody changed one by hand", now.height, height);
	return aic_fail(err, AIC_REFUSED, "the log's head is at height %" PRIu64 " by now: build the block anew", now.height);
}

/* Refused, and yet it may be there: an earlier attempt went without an answer, or etcd has carried out the very request that
 * used up its quota (https://github.com/etcd-io/etcd/blob/v3.4.23/etcdserver/apply.go, quotaApplierV3). The log decides. */
static aic_code settle_append(aic_etcd_order *o, uint64_t height, const void *block, size_t len, aic_code refused, aic_error *err)
{
	bool unsure = aic_etcd_unsure(o->etcd);
	char key[AIC_ETCD_KEY_MAX];
	json_t *answer;
	aic_error why = {0};

	aic_etcd_block_key(o, key, height);
	if (aic_etcd_call(o->etcd, "kv/range", aic_etcd_get(key, NULL, 0, false), len, &answer, &why))
		return aic_fail(err, AIC_UNREACHABLE, "whether the block at height %" PRIu64 " is in the log is unknown: %s", height,
		                why.message);
	bool found = aic_etcd_found(answer), ours = aic_etcd_value_is(answer, block, len);
	json_decref(answer);
	if (ours) {
		forget(err);
		return AIC_OK;
	}
	if (found)
		return aic_fail(err, AIC_REFUSED, "the log holds another block at height %" PRIu64 " by now: build the block anew", height);
	if (!unsure)
		return refused;
	aic_error_prefix(err, "the block at height %" PRIu64 " is not in the log yet, but an attempt may still put it there", height);
	if (err)
		err->code = AIC_UNREACHABLE;
	return AIC_UNREACHABLE;
}

static aic_code etcd_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                            aic_error *err)
{
	aic_etcd_order *o = self;
	uint64_t height = expected->empty ? 0 : expected->height + 1;
	json_t *answer;
	aic_code code;

	if (len > AIC_ORDER_ETCD_BLOCK_MAX)
		return aic_fail(err, AIC_FULL, "a block of %zu bytes is larger than the %u that etcd takes: split the batch", len,
		                AIC_ORDER_ETCD_BLOCK_MAX);
	aic_failpoint("order: before the block");
	code = aic_etcd_call(o->etcd, "kv/txn", append_request(o, expected, hash, block, len), len, &answer, err);
	aic_failpoint("order: committed");
	if (code == AIC_FULL || (code && code != AIC_UNREACHABLE && aic_etcd_unsure(o->etcd)))
		return settle_append(o, height, block, len, code, err);
	if (code)
		return code;
	if (!aic_etcd_txn_succeeded(answer))
		code = judge_append(o, answer, expected, block, len, err);
	json_decref(answer);
	return code;
}

/* --- read --- */

/* The log holds no block at height `missing`, though it goes beyond. */
static aic_code explain_missing(aic_etcd_order *o, uint64_t missing, aic_error *err)
{
	uint64_t first;
	aic_code code = aic_etcd_first(o, &first, err);

	if (code)
		return code;
	if (missing < first && first != UINT64_MAX)
		return aic_fail(err, AIC_NOT_FOUND, "etcd's log begins at height %" PRIu64 ": fetch height %" PRIu64 " from a site's archive",
		                first, missing);
	return aic_fail(err, AIC_CORRUPT, "etcd holds no block at height %" PRIu64 ", though its head is above: put it back with aic "
	                "ledger reseed", missing);
}

/* Blocks must follow one another without a gap. */
static aic_code visit_page(aic_etcd_order *o, const json_t *page, uint64_t *next, aic_order_visit visit, void *ctx,
                           uint64_t *bytes, aic_error *err)
{
	size_t prefix = strlen(o->prefix) + strlen("blk/");
	aic_bytes key = {0}, block = {0};
	aic_code code = AIC_OK;

	*bytes = 0;
	for (size_t i = 0; i < aic_etcd_found(page) && !code; i++) {
		const json_t *pair = aic_etcd_pair(page, i);
		uint64_t height;

		aic_bytes_clear(&key);
		aic_bytes_clear(&block);
		if (!aic_etcd_pair_key(pair, &key) || key.len != prefix + AIC_HEIGHT_DIGITS ||
		    !aic_etcd_parse_height((const char *)key.data + prefix, &height) || !aic_etcd_pair_value(pair, &block))
			code = aic_fail(err, AIC_CORRUPT, "etcd holds a key under %sblk/ that is no height", o->prefix);
		else if (height != *next)
			code = explain_missing(o, *next, err);
		else if (!(code = visit(ctx, height, block.data, block.len, err)))
			++*next;
		*bytes += block.len;
	}
	aic_bytes_free(&key);
	aic_bytes_free(&block);
	return code;
}

/* So many blocks as would have fitted, at most twice as many as before. */
static uint64_t next_page(uint64_t page, uint64_t found, uint64_t bytes)
{
	uint64_t mean = bytes / (found ? found : 1) + 1, fit = PAGE_BYTES / mean;

	fit = fit < 2 * page ? fit : 2 * page;
	fit = fit < PAGE_BLOCKS_MAX ? fit : PAGE_BLOCKS_MAX;
	return fit ? fit : 1;
}

/* Up to `limit` blocks from height `from`, and the head at the same revision. */
static json_t *page_request(const aic_etcd_order *o, uint64_t from, uint64_t end, uint64_t limit)
{
	char key[AIC_ETCD_KEY_MAX], key_end[AIC_ETCD_KEY_MAX];
	json_t *txn = aic_etcd_txn();

	aic_etcd_block_key(o, key, from);
	aic_etcd_block_key(o, key_end, end);
	aic_etcd_txn_get(txn, "success", aic_etcd_get(key, key_end, limit, false));
	aic_etcd_head_key(o, key);
	aic_etcd_txn_get(txn, "success", aic_etcd_get(key, NULL, 0, false));
	return txn;
}

/* Where a page ends early, so must the log. */
static aic_code check_end(aic_etcd_order *o, const json_t *answer, uint64_t next, aic_error *err)
{
	aic_order_head head;
	aic_code code = aic_etcd_read_head(o, aic_etcd_txn_answer(answer, 1), &head, err);

	return code || head.empty || head.height < next ? code : explain_missing(o, next, err);
}

static aic_code etcd_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	aic_etcd_order *o = self;
	uint64_t next = from, end = n > UINT64_MAX - from ? UINT64_MAX : from + n;
	aic_code code = AIC_OK;

	while (next < end && !code) {
		json_t *answer;
		uint64_t bytes, limit = o->page < end - next ? o->page : end - next;

		code = aic_etcd_call(o->etcd, "kv/txn", page_request(o, next, end, limit), PAGE_BYTES, &answer, err);
		if (code == AIC_FULL && limit > 1) { /* they are larger than those before them */
			o->page = limit / 4 ? limit / 4 : 1;
			forget(err);
			code = AIC_OK;
			continue;
		}
		if (code)
			break;
		const json_t *page = aic_etcd_txn_answer(answer, 0);
		size_t found = aic_etcd_found(page);
		code = visit_page(o, page, &next, visit, ctx, &bytes, err);
		o->page = next_page(o->page, found, bytes);
		if (!code && found < limit)
			code = check_end(o, answer, next, err);
		json_decref(answer);
		if (found < limit)
			break;
	}
	return code;
}

/* --- watch --- */

static aic_code etcd_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	aic_etcd_order *o = self;
	int64_t end = aic_monotonic_ms() + timeout_ms;
	char key[AIC_ETCD_KEY_MAX];

	aic_etcd_head_key(o, key);
	for (;;) {
		aic_order_head head;
		uint64_t revision;
		aic_code code = get_head(o, &head, &revision, err);
		int64_t now = aic_monotonic_ms(), left = end - now;

		*more = !code && !head.empty && head.height >= from;
		if (code || *more || left <= 0)
			return code;
		aic_etcd_wait(o->etcd, aic_etcd_watch(key, revision + 1), (int)(left < WAIT_MS ? left : WAIT_MS));
		if (aic_monotonic_ms() - now < STEP_MS) /* news, or a connection that breaks at once */
			poll(NULL, 0, left < STEP_MS ? (int)left : STEP_MS);
	}
}

/* --- opening --- */

static void etcd_close(void *self)
{
	aic_etcd_order *o = self;

	aic_etcd_close(o->etcd);
	free(o->site);
	free(o);
}

aic_code aic_order_etcd(aic_order *out, const aic_etcd_config *config, aic_error *err)
{
	static const aic_order_backend backend = {
		.head = aic_etcd_head, .append_if_head = etcd_append, .read = etcd_read, .watch = etcd_watch,
		.attest = aic_etcd_attest, .attestations = aic_etcd_attestations,
		.acknowledge = aic_etcd_acknowledge, .acknowledgements = aic_etcd_acknowledgements,
		.prune = aic_etcd_prune, .space = aic_etcd_space, .restore = aic_etcd_restore, .close = etcd_close};
	aic_etcd_order *o = aic_xcalloc(1, sizeof(*o));
	aic_code code = aic_etcd_open(&o->etcd, config, err);

	if (code) {
		etcd_close(o);
		return code;
	}
	o->prefix = config->prefix;
	o->members = config->n_endpoints;
	o->page = PAGE_BLOCKS_START;
	*out = (aic_order){&backend, o};
	return AIC_OK;
}
