/* window.c: see window.h. */
#include "ledger/window.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/log.h"
#include "ledger/state/member.h"

#define VERSION 1
#define DOMAIN "aic/archive/v1"

/* --- the acknowledgement --- */

static void acknowledged(aic_bytes *out, const aic_acknowledgement *a)
{
	aic_cbor_put_uint(out, VERSION);
	aic_cbor_put_bytes(out, a->chain.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, a->height);
	aic_cbor_put_bytes(out, a->block.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, a->site.b, sizeof(a->site.b));
}

void aic_acknowledgement_build(aic_bytes *out, aic_acknowledgement *a, const aic_key *key)
{
	aic_bytes body = {0};

	acknowledged(&body, a);
	aic_sign(a->signature, key, DOMAIN, body.data, body.len);
	aic_cbor_put_array(out, 6);
	aic_bytes_append(out, body.data, body.len);
	aic_cbor_put_bytes(out, a->signature, sizeof(a->signature));
	aic_bytes_free(&body);
}

aic_code aic_acknowledgement_decode(aic_acknowledgement *a, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(a, 0, sizeof(*a));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 6);
	uint64_t version = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && version != VERSION)
		aic_cbor_fail(&c, "version %llu is not %d", (unsigned long long)version, VERSION);
	aic_cbor_bytes_exact(&c, a->chain.b, AIC_HASH_LEN);
	a->height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, a->block.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, a->site.b, sizeof(a->site.b));
	aic_cbor_bytes_exact(&c, a->signature, sizeof(a->signature));
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "acknowledgement") : AIC_OK;
}

bool aic_acknowledgement_signed_by(const aic_acknowledgement *a, const uint8_t public_key[AIC_PUBLIC_LEN])
{
	aic_bytes body = {0};

	acknowledged(&body, a);
	bool fine = aic_verify(a->signature, public_key, DOMAIN, body.data, body.len);
	aic_bytes_free(&body);
	return fine;
}

/* --- what the sites hold --- */

typedef struct {
	aic_chain *c;
	uint64_t *height;
	size_t n;
} holders;

/* Of this history, at a height that this copy has, and signed by a site that is a member now. */
static aic_code add_holder(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	holders *h = ctx;
	const aic_head *head = aic_state_head(h->c->state);
	aic_acknowledgement a;
	aic_member m;
	aic_hash own;
	aic_code code = aic_state_member(h->c->state, site, &m, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code == AIC_NOT_FOUND || !aic_member_is_active(&m, head->height) || aic_acknowledgement_decode(&a, bytes, len, NULL) ||
	    !aic_id_equal(&a.site, site) || !aic_hash_equal(&a.chain, &head->chain) || a.height > head->height ||
	    !aic_acknowledgement_signed_by(&a, m.key))
		return AIC_OK;
	if ((code = aic_state_hash_at(h->c->state, a.height, &own, err)))
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if (!aic_hash_equal(&own, &a.block))
		return AIC_OK;
	h->height = aic_xrealloc(h->height, (h->n + 1) * sizeof(*h->height));
	h->height[h->n++] = a.height;
	return AIC_OK;
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

aic_code aic_window_archived(aic_chain *c, bool *any, uint64_t *height, aic_error *err)
{
	holders h = {.c = c};
	uint64_t members, needed;
	aic_code code = aic_members_active(c->state, aic_state_head(c->state)->height, &members, err);

	*any = false;
	*height = 0;
	if (!code)
		code = aic_order_acknowledgements(c->order, add_holder, &h, err);
	needed = (2 * members + 2) / 3;
	if (!code && needed && h.n >= needed) {
		qsort(h.height, h.n, sizeof(*h.height), descending);
		*height = h.height[needed - 1];
		*any = true;
	}
	free(h.height);
	return code;
}

/* --- the window --- */

aic_code aic_window_low(aic_state *s, uint64_t blocks, uint64_t bytes, uint64_t *low, aic_error *err)
{
	uint64_t height = aic_state_head(s)->height, first = height + 1 > blocks ? height + 1 - blocks : 0, sum = 0;
	sqlite3_stmt *stmt;
	aic_code code = aic_db_prepare(aic_state_db(s), &stmt, "SELECT height, length(bytes) FROM block WHERE height >= ?"
	                               " ORDER BY height DESC", err);

	*low = height;
	if (code)
		return code;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)first);
	while ((code = aic_db_step(aic_state_db(s), stmt, err)) == AIC_OK) {
		sum += (uint64_t)sqlite3_column_int64(stmt, 1);
		if (sum > bytes)
			break;
		*low = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

/* A copy that began at a checkpoint holds no block 1. */
static aic_code is_whole(aic_state *s, bool *whole, aic_error *err)
{
	aic_hash hash;
	aic_code code = aic_state_hash_at(s, 1, &hash, err);

	*whole = !code;
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code acknowledge(aic_window *w, aic_chain *c, uint64_t held, aic_error *err)
{
	uint64_t height = held < c->final_height ? held : c->final_height;
	aic_acknowledgement a = {.chain = aic_state_head(c->state)->chain, .height = height, .site = c->site};
	aic_bytes bytes = {0};
	aic_member me;
	bool whole;
	aic_code code;

	if (!c->key || !height || (w->acknowledged && height < w->acknowledged + w->step))
		return AIC_OK;
	if ((code = is_whole(c->state, &whole, err)) || !whole || (code = aic_state_member(c->state, &c->site, &me, err)) ||
	    (code = aic_state_hash_at(c->state, a.height, &a.block, err)))
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_acknowledgement_build(&bytes, &a, c->key);
	if (!(code = aic_order_acknowledge(c->order, &c->site, bytes.data, bytes.len, err)))
		w->acknowledged = a.height;
	aic_bytes_free(&bytes);
	return code;
}

aic_code aic_window_keep(aic_window *w, aic_chain *c, uint64_t held, aic_error *err)
{
	uint64_t archived, low;
	bool any;
	aic_code code = acknowledge(w, c, held, err);

	if (code || (code = aic_window_low(c->state, w->blocks, w->bytes, &low, err)) || low < w->pruned + w->step ||
	    (code = aic_window_archived(c, &any, &archived, err)) || !any)
		return code;
	low = low <= archived ? low : archived + 1; /* what the sites hold goes, the next one stays */
	if (low < w->pruned + w->step)
		return AIC_OK;
	if (!(code = aic_order_prune(c->order, &c->site, low, err))) {
		aic_info("the shared log is pruned below height %llu: two thirds of the sites hold what was there", (unsigned long long)low);
		w->pruned = low;
	}
	return code;
}
