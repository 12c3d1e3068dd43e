/* keep.c: see keep.h. How far it goes stands in archive.db as an acknowledgement, under no site's id. */
#include "ledger/archive/keep.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/block.h"

static const aic_id own; /* all zero */

static aic_code read_next(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	aic_archive *a = ctx;

	(void)err;
	if (aic_id_equal(site, &own) && len == 8)
		a->next = aic_get_be64(bytes);
	return AIC_OK;
}

aic_code aic_archive_open(aic_archive *a, const char *path, aic_error *err)
{
	aic_code code;

	*a = (aic_archive){.next = 0};
	if ((code = aic_order_local(&a->order, path, false, err)))
		return code;
	if ((code = aic_order_acknowledgements(&a->order, read_next, a, err)))
		aic_archive_close(a);
	return code;
}

void aic_archive_close(aic_archive *a)
{
	aic_order_close(&a->order);
}

aic_code aic_archive_begin(aic_archive *a, aic_error *err)
{
	return aic_order_local_begin(&a->order, err);
}

/* A site that attests twice keeps its first word here. */
aic_code aic_archive_put(aic_archive *a, uint64_t height, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	aic_error why = {0};
	aic_code code = aic_order_attest(&a->order, site, height, bytes, len, &why);

	if (code && code != AIC_REFUSED && err)
		*err = why;
	return code == AIC_REFUSED ? AIC_OK : code;
}

aic_code aic_archive_commit(aic_archive *a, uint64_t next, aic_error *err)
{
	uint8_t bytes[8];
	aic_code code;

	aic_put_be64(bytes, next);
	if ((code = aic_order_acknowledge(&a->order, &own, bytes, sizeof(bytes), err)) ||
	    (code = aic_order_local_commit(&a->order, err)))
		return code;
	a->next = next;
	return AIC_OK;
}

void aic_archive_rollback(aic_archive *a)
{
	aic_order_local_rollback(&a->order);
}

typedef struct {
	aic_archive *a;
	aic_state *state;
	uint64_t height;
	aic_hash block, root;
} kept;

static aic_code keep_one(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	kept *k = ctx;
	aic_attestation t;
	aic_member m;
	aic_code code = aic_state_member(k->state, site, &m, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code == AIC_NOT_FOUND || aic_attestation_decode(&t, bytes, len, NULL) || !aic_id_equal(&t.site, site) ||
	    t.height != k->height || !aic_hash_equal(&t.chain, &aic_state_head(k->state)->chain) ||
	    !aic_hash_equal(&t.block, &k->block) || !aic_hash_equal(&t.state, &k->root) || !aic_attestation_signed_by(&t, m.key))
		return AIC_OK;
	return aic_archive_put(k->a, k->height, site, bytes, len, err);
}

aic_code aic_archive_keep(aic_archive *a, aic_state *state, aic_order *board, uint64_t final, uint64_t most, aic_error *err)
{
	uint64_t next = a->next;
	aic_code code;

	if (next > final)
		return AIC_OK;
	if ((code = aic_archive_begin(a, err)))
		return code;
	for (; next <= final && next - a->next < most && !code; next++) {
		kept k = {.a = a, .state = state, .height = next};

		if (!(code = aic_state_hash_at(state, next, &k.block, err)) && !(code = aic_state_root_at(state, next, &k.root, err)))
			code = aic_order_attestations(board, next, keep_one, &k, err);
	}
	if (!code)
		code = aic_archive_commit(a, next, err);
	if (code)
		aic_archive_rollback(a);
	return code;
}
