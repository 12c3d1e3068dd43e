/* pending.c: see pending.h. The file is canonical CBOR: [log was empty, height of the head, its hash, hash of the block, block]. */
#include "ledger/order/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cbor.h"
#include "common/file.h"
#include "common/log.h"
#include "ledger/failpoint.h"

#define RECORD_MAX (4u << 20)
#define RECORD_MODE 0640

typedef struct {
	aic_order inner;
	char *path;
	aic_bytes record; /* what the file holds: the block that was sent last; empty: none */
	bool landed;      /* it was seen in the log, which may yet lose it before this site's copy has it */
} pending;

typedef struct {
	aic_order_head expected;
	aic_hash hash;
	const uint8_t *block;
	size_t len;
} append;

static void encode(aic_bytes *out, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_bool(out, expected->empty);
	aic_cbor_put_uint(out, expected->empty ? 0 : expected->height);
	aic_cbor_put_bytes(out, expected->hash.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, hash->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, block, len);
}

/* block points into the record. */
static aic_code decode(append *a, const aic_bytes *record, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, record->data, record->len);
	aic_cbor_array_exact(&c, 5);
	a->expected.empty = aic_cbor_bool(&c);
	a->expected.height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, a->expected.hash.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, a->hash.b, AIC_HASH_LEN);
	a->block = aic_cbor_bytes(&c, &a->len);
	return aic_cbor_finish(&c, err);
}

static uint64_t height_of(const append *a)
{
	return a->expected.empty ? 0 : a->expected.height + 1;
}

static aic_code clear(pending *p, aic_error *err)
{
	aic_bytes_clear(&p->record);
	if (unlink(p->path) == 0 || errno == ENOENT)
		return AIC_OK;
	return aic_fail_errno(err, "cannot remove %s", p->path);
}

/* Whether any block has that height. None has where the log has lost blocks: then what was sent may come back with them. */
static aic_code is_taken(pending *p, uint64_t height, bool *taken, aic_error *err)
{
	aic_order_head head;
	aic_code code = aic_order_head_get(&p->inner, &head, err);

	*taken = !code && !head.empty && head.height >= height;
	return code;
}

/* Sends what is pending again. It stays pending where the log is too short to show its fate. */
static aic_code settle(pending *p, aic_error *err)
{
	append a;
	aic_code code;

	if (!p->record.len || p->landed)
		return AIC_OK;
	if ((code = decode(&a, &p->record, err)))
		return code;
	uint64_t height = height_of(&a);
	bool taken = true;
	code = aic_order_append_if_head(&p->inner, &a.expected, &a.hash, a.block, a.len, err);
	if (code == AIC_REFUSED && !(code = is_taken(p, height, &taken, err)))
		code = AIC_REFUSED;
	if (code == AIC_OK)
		aic_info("the block sent earlier for height %llu is in the log", (unsigned long long)height);
	else if (code == AIC_REFUSED && taken)
		aic_info("the block sent earlier for height %llu is not in the log, another was first", (unsigned long long)height);
	else if (code != AIC_REFUSED) {
		aic_error_prefix(err, "the block sent earlier for height %llu is still pending", (unsigned long long)height);
		return code;
	}
	if (err)
		*err = (aic_error){0};
	p->landed = code == AIC_OK;
	return taken && !p->landed ? clear(p, err) : AIC_OK;
}

/* What landed is pending again where the log ends below it. */
static aic_code look(pending *p, aic_order_head *head, aic_error *err)
{
	append a;
	aic_code code = aic_order_head_get(&p->inner, head, err);

	if (code || !p->landed || (code = decode(&a, &p->record, err)) || (!head->empty && head->height >= height_of(&a)))
		return code;
	p->landed = false;
	return (code = settle(p, err)) ? code : aic_order_head_get(&p->inner, head, err);
}

/* A log that is full still tells its head. */
static aic_code pending_head(void *self, aic_order_head *head, aic_error *err)
{
	pending *p = self;
	aic_code code = settle(p, err);

	if (code && code != AIC_FULL)
		return code;
	if (err)
		*err = (aic_error){0};
	return look(p, head, err);
}

static aic_code keep(pending *p, const aic_bytes *record, aic_error *err)
{
	aic_code code = aic_file_write_atomic(p->path, record->data, record->len, RECORD_MODE, err);

	if (code)
		return code;
	aic_bytes_clear(&p->record);
	aic_bytes_append(&p->record, record->data, record->len);
	p->landed = false;
	return AIC_OK;
}

/* Makes room for another block than the one sent last: above it where that landed, else once its fate is known. */
static aic_code make_room(pending *p, const aic_order_head *expected, aic_error *err)
{
	append a;
	aic_code code;

	if (!p->record.len)
		return AIC_OK;
	if ((code = decode(&a, &p->record, err)))
		return code;
	if (p->landed && !expected->empty && expected->height >= height_of(&a))
		return AIC_OK;
	p->landed = false;
	if ((code = settle(p, err)))
		return code;
	if (p->landed)
		return aic_fail(err, AIC_REFUSED, "the block sent earlier stands at height %llu", (unsigned long long)height_of(&a));
	if (p->record.len)
		return aic_fail(err, AIC_UNREACHABLE, "a block sent earlier is still pending, for a height that the log has lost: restore the log");
	return AIC_OK;
}

static aic_code pending_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                               aic_error *err)
{
	pending *p = self;
	aic_bytes record = {0};
	aic_code code = AIC_OK;

	encode(&record, expected, hash, block, len);
	bool again = record.len == p->record.len && memcmp(record.data, p->record.data, record.len) == 0;
	if (!again && !(code = make_room(p, expected, err)))
		code = keep(p, &record, err);
	aic_bytes_free(&record);
	if (code)
		return code;
	aic_failpoint("order: kept before it is sent");
	code = aic_order_append_if_head(&p->inner, expected, hash, block, len, err);
	aic_failpoint("order: sent");
	/* full and refused: certain of this attempt, not of one that an earlier call or process made */
	p->landed = code == AIC_OK;
	if ((code == AIC_REFUSED || code == AIC_FULL) && !again) {
		aic_error why = {0};
		if (clear(p, &why))
			aic_warn("%s: it is looked at again when aicledgerd starts", why.message);
	}
	return code;
}

static aic_code pending_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	pending *p = self;

	return aic_order_read(&p->inner, from, n, visit, ctx, err);
}

static aic_code pending_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	pending *p = self;

	return aic_order_watch(&p->inner, from, timeout_ms, more, err);
}

static aic_code pending_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	pending *p = self;

	return aic_order_attest(&p->inner, site, height, bytes, len, err);
}

static aic_code pending_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	pending *p = self;

	return aic_order_attestations(&p->inner, height, visit, ctx, err);
}

static aic_code pending_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	pending *p = self;

	return aic_order_acknowledge(&p->inner, site, bytes, len, err);
}

static aic_code pending_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	pending *p = self;

	return aic_order_acknowledgements(&p->inner, visit, ctx, err);
}

static aic_code pending_prune(void *self, const aic_id *site, uint64_t below, aic_error *err)
{
	pending *p = self;

	return aic_order_prune(&p->inner, site, below, err);
}

static aic_code pending_space(void *self, aic_order_space *space, aic_error *err)
{
	pending *p = self;

	return aic_order_space_get(&p->inner, space, err);
}

static aic_code pending_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                                aic_order_source source, void *ctx, aic_error *err)
{
	pending *p = self;

	return aic_order_restore(&p->inner, found, restored, from, source, ctx, err);
}

static void pending_close(void *self)
{
	pending *p = self;

	aic_order_close(&p->inner);
	aic_bytes_free(&p->record);
	free(p->path);
	free(p);
}

aic_code aic_order_pending(aic_order *o, const char *path, aic_error *err)
{
	static const aic_order_backend backend = {
		.head = pending_head, .append_if_head = pending_append, .read = pending_read, .watch = pending_watch,
		.attest = pending_attest, .attestations = pending_attestations,
		.acknowledge = pending_acknowledge, .acknowledgements = pending_acknowledgements,
		.prune = pending_prune, .space = pending_space,
		.restore = pending_restore, .close = pending_close};
	pending *p = aic_xcalloc(1, sizeof(*p));
	append a;
	aic_code code;

	p->inner = *o;
	p->path = aic_xstrdup(path);
	*o = (aic_order){&backend, p};
	code = aic_file_read(&p->record, path, RECORD_MAX, err);
	if (code == AIC_NOT_FOUND) {
		if (err)
			*err = (aic_error){0};
		return AIC_OK;
	}
	if (!code && (code = decode(&a, &p->record, err)))
		aic_error_prefix(err, "%s, which keeps a block that was sent, is damaged: move it away once the log shows which block "
		                 "stands at that height", path);
	if (code)
		aic_order_close(o);
	return code;
}
