/* etcd_window.c: the log as a window: where it begins, what leaves it, how much room etcd has, and how a damaged one is mended. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_kv.h"
#include "ledger/order/etcd_order.h"

#define STATUS_MS 1000
#define COMPACTION_BYTES (8u << 20)    /* waited for as long as for an answer of that size */
#define DEFRAGMENT_MS 60000            /* a member answers nothing else while it does that */
#define DEFRAGMENT_AT (64u << 20)      /* bytes that would come free */
#define QUOTA_METRIC "etcd_server_quota_backend_bytes"

static void below_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], const aic_id *site, uint64_t height)
{
	char rest[AIC_HEIGHT_DIGITS + 2];

	snprintf(rest, sizeof(rest), "/%020" PRIu64, height);
	aic_etcd_site_key(o, key, site, rest);
}

static uint64_t number(const json_t *answer, const char *name)
{
	const json_t *value = json_object_get(answer, name);

	if (json_is_integer(value))
		return (uint64_t)json_integer_value(value);
	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : 0;
}

aic_code aic_etcd_first(aic_etcd_order *o, uint64_t *first, aic_error *err)
{
	size_t prefix = strlen(o->prefix) + strlen("blk/");
	char from[AIC_ETCD_KEY_MAX], end[AIC_ETCD_KEY_MAX];
	aic_bytes key = {0};
	json_t *answer;

	*first = UINT64_MAX;
	aic_etcd_block_key(o, from, 0);
	snprintf(end, sizeof(end), "%sblk0", o->prefix);
	aic_code code = aic_etcd_call(o->etcd, "kv/range", aic_etcd_get(from, end, 1, true), 0, &answer, err);
	if (code)
		return code;
	if (aic_etcd_found(answer) &&
	    (!aic_etcd_pair_key(aic_etcd_pair(answer, 0), &key) || key.len != prefix + AIC_HEIGHT_DIGITS ||
	     !aic_etcd_parse_height((const char *)key.data + prefix, first)))
		code = aic_fail(err, AIC_CORRUPT, "etcd holds a key under %sblk/ that is no height", o->prefix);
	aic_bytes_free(&key);
	json_decref(answer);
	return code;
}

/* --- pruning --- */

static aic_code delete_range(aic_etcd_order *o, const char *from, const char *end, uint64_t *deleted, uint64_t *revision,
                             aic_error *err)
{
	json_t *answer;
	aic_code code = aic_etcd_call(o->etcd, "kv/deleterange", aic_etcd_delete(from, end), 0, &answer, err);

	if (code)
		return aic_error_prefix(err, "cannot remove %s", from);
	*deleted = number(answer, "deleted");
	*revision = aic_etcd_revision(answer);
	json_decref(answer);
	return AIC_OK;
}

static json_t *compaction(uint64_t revision)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, revision);
	return json_pack("{s:s, s:b}", "revision", text, "physical", 1); /* answers when the room is free */
}

/* etcd keeps what was deleted until its history is compacted. Another site may have done that just now. */
static void compact(aic_etcd_order *o, uint64_t revision)
{
	aic_error why = {0};
	json_t *answer;

	if (aic_etcd_call(o->etcd, "kv/compaction", compaction(revision), COMPACTION_BYTES, &answer, &why) && !strstr(why.message, "been compacted"))
		aic_warn("%s: what was pruned still takes room in etcd: etcdctl compact %" PRIu64, why.message, revision);
	json_decref(answer);
}

static aic_code member_space(aic_etcd_order *o, size_t member, aic_order_space *space, aic_error *err)
{
	json_t *answer, *said;
	size_t i;
	aic_code code = aic_etcd_call_member(o->etcd, member, "maintenance/status", json_object(), STATUS_MS, &answer, err);

	if (code)
		return code;
	*space = (aic_order_space){.used = number(answer, "dbSize"), .in_use = number(answer, "dbSizeInUse"),
	                           .quota = number(answer, "dbSizeQuota")};
	json_array_foreach(json_object_get(answer, "errors"), i, said)
		space->full |= json_is_string(said) && strstr(json_string_value(said), "NOSPACE") != NULL;
	json_decref(answer);
	return AIC_OK;
}

/* Compaction leaves holes in a member's file, which later blocks fill, and which etcd counts once it has written again: those of
 * an earlier pruning, that is. Only this makes the file smaller. One after the other, as
 * a member serves nobody meanwhile. With authentication on, etcd lets none but root do it. */
static void defragment(aic_etcd_order *o)
{
	for (size_t i = 0; i < o->members; i++) {
		aic_order_space space;
		aic_error why = {0};
		json_t *answer = NULL;

		if (member_space(o, i, &space, NULL) || space.used - space.in_use < DEFRAGMENT_AT)
			continue;
		if (aic_etcd_call_member(o->etcd, i, "maintenance/defragment", json_object(), DEFRAGMENT_MS, &answer, &why))
			aic_warn("%s: %" PRIu64 " MiB of it come free only when etcd's root runs etcdctl defrag there", why.message,
			         (space.used - space.in_use) >> 20);
		json_decref(answer);
	}
}

aic_code aic_etcd_prune(void *self, const aic_id *site, uint64_t below, aic_error *err)
{
	aic_etcd_order *o = self;
	char from[AIC_ETCD_KEY_MAX], end[AIC_ETCD_KEY_MAX];
	uint64_t revision, blocks = 0, attestations;
	aic_order_head head;
	aic_code code = aic_etcd_head(o, &head, err);

	if (code || head.empty)
		return code;
	below = below < head.height ? below : head.height;
	below_key(o, from, site, 0);
	below_key(o, end, site, below);
	if ((code = delete_range(o, from, end, &attestations, &revision, err)))
		return code;
	aic_etcd_block_key(o, from, 0);
	aic_etcd_block_key(o, end, below);
	if ((code = delete_range(o, from, end, &blocks, &revision, err)) || !blocks)
		return code;
	compact(o, revision);
	defragment(o);
	return AIC_OK;
}

/* --- room --- */

/* etcd 3.6 says it in its status, earlier ones among their metrics. */
static uint64_t quota(aic_etcd_order *o, size_t member, const aic_order_space *space)
{
	double bytes;

	if (space->quota)
		return space->quota;
	if (!o->quota && !aic_etcd_metric(o->etcd, member, QUOTA_METRIC, &bytes, NULL) && bytes > 0)
		o->quota = (uint64_t)bytes;
	return o->quota;
}

/* Of the fullest member: the alarm of one stops all. */
aic_code aic_etcd_space(void *self, aic_order_space *space, aic_error *err)
{
	aic_etcd_order *o = self;
	aic_error why = {0};
	size_t told = 0;
	bool full = false;
	aic_code code = aic_etcd_first(o, &space->first, err);

	if (code)
		return code;
	uint64_t first = space->first;
	if (first == UINT64_MAX) {
		aic_order_head head;
		if ((code = aic_etcd_head(o, &head, err)))
			return code;
		first = head.empty ? 0 : head.height + 1;
	}
	*space = (aic_order_space){.first = 0};
	for (size_t i = 0; i < o->members; i++) {
		aic_order_space one;

		if (member_space(o, i, &one, &why))
			continue;
		told++;
		full |= one.full;
		one.quota = quota(o, i, &one);
		if (one.used >= space->used)
			*space = one;
	}
	space->full = full;
	space->first = first;
	if (told)
		return AIC_OK;
	if (err)
		*err = why;
	return why.code;
}

/* --- mending --- */

/* Over a block that an earlier attempt, or damage, left there. */
static aic_code put_block(aic_etcd_order *o, uint64_t height, const aic_bytes *block, aic_error *err)
{
	char key[AIC_ETCD_KEY_MAX];
	json_t *answer;

	aic_etcd_block_key(o, key, height);
	aic_code code = aic_etcd_call(o->etcd, "kv/range", aic_etcd_get(key, NULL, 0, false), block->len, &answer, err);
	bool there = !code && aic_etcd_value_is(answer, block->data, block->len);
	json_decref(answer);
	if (code || there)
		return code;
	code = aic_etcd_call(o->etcd, "kv/put", aic_etcd_put(key, block->data, block->len), block->len, &answer, err);
	json_decref(answer);
	return code;
}

static aic_code put_blocks(aic_etcd_order *o, uint64_t from, uint64_t last, aic_order_source source, void *ctx, aic_error *err)
{
	aic_bytes block = {0};
	aic_code code = AIC_OK;

	for (uint64_t h = from; h <= last && !code; h++) {
		aic_hash hash;

		aic_bytes_clear(&block);
		if (!(code = source(ctx, h, &block, &hash, err)) && (code = put_block(o, h, &block, err)))
			aic_error_prefix(err, "height %" PRIu64, h);
	}
	aic_bytes_free(&block);
	return code;
}

/* The head, and nothing above it. */
static aic_code put_head(aic_etcd_order *o, const aic_order_head *found, const aic_order_head *restored, aic_error *err)
{
	char head[AIC_ETCD_KEY_MAX], from[AIC_ETCD_KEY_MAX], end[AIC_ETCD_KEY_MAX];
	char old[AIC_ETCD_HEAD_LEN + 1], new[AIC_ETCD_HEAD_LEN + 1];
	json_t *txn = aic_etcd_txn(), *answer;
	aic_order_head now;

	aic_etcd_head_key(o, head);
	aic_etcd_block_key(o, from, restored->height + 1);
	snprintf(end, sizeof(end), "%sblk0", o->prefix);
	aic_etcd_head_text(old, found->height, &found->hash);
	aic_etcd_head_text(new, restored->height, &restored->hash);
	aic_etcd_txn_if(txn, found->empty ? aic_etcd_if_absent(head) : aic_etcd_if_value(head, old, AIC_ETCD_HEAD_LEN));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(head, new, AIC_ETCD_HEAD_LEN));
	aic_etcd_txn_delete(txn, "success", aic_etcd_delete(from, end));
	aic_etcd_txn_get(txn, "failure", aic_etcd_get(head, NULL, 0, false));
	aic_code code = aic_etcd_call(o->etcd, "kv/txn", txn, 0, &answer, err);
	if (code)
		return code;
	if (!aic_etcd_txn_succeeded(answer) && !(code = aic_etcd_read_head(o, aic_etcd_txn_answer(answer, 0), &now, err)) &&
	    (now.empty || now.height != restored->height || !aic_hash_equal(&now.hash, &restored->hash)))
		code = aic_fail(err, AIC_REFUSED, "the log's head is at height %" PRIu64 " by now: look at it again before it is restored",
		                now.height);
	json_decref(answer);
	return code;
}

aic_code aic_etcd_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                          aic_order_source source, void *ctx, aic_error *err)
{
	aic_code code = put_blocks(self, from, restored->height, source, ctx, err);

	return code ? code : put_head(self, found, restored, err);
}
