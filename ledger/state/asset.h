/* asset.h: data sets, models and trained models, owned as ERC-721 tokens with OpenZeppelin's semantics (contracts 5), each with
 * terms and parents.
 *
 *     asset_register         [owner, kind, content root: bytes .size 32, terms, [* [parent, ppm]]]
 *     asset_transfer         [actor, from, to, asset, safe: bool]
 *     asset_approve          [actor, approved or the zero address, asset]
 *     asset_approve_for_all  [owner, operator, bool]
 *     asset_terms            [actor, asset, terms]
 *     asset_retire           [actor, asset]                                   ERC-721 burn: for good
 *     terms                  = [licence: text, verify, per_job, per_gpu_hour]
 *
 * asset is a number up to 2^256 - 1: the id of the transaction that registered it, so that nobody can take another's. The first
 * wallet named acts: its site signs. Parents ascend, their shares sum to at most 10^6; 8 generations at most (economics.md 7). */
#ifndef AIC_LEDGER_ASSET_H
#define AIC_LEDGER_ASSET_H

#include "common/cbor.h"
#include "ledger/client.h"
#include "ledger/state/state.h"

#define AIC_GENERATIONS_MAX 8

typedef struct {
	char licence[AIC_LICENCE_LEN];
	uint64_t verify;
	aic_amount per_job, per_gpu_hour;
} aic_terms;

typedef struct {
	uint64_t kind;
	aic_address owner;       /* the last one, where it is retired */
	aic_address approved;    /* zero: nobody */
	aic_hash content;
	aic_terms terms;
	uint64_t since;          /* height of registration */
	uint64_t retired;        /* height; 0: in use */
	uint64_t generation;     /* 1 without parents, else one more than the deepest parent */
	size_t n_parents;
	struct { aic_u256 asset; uint64_t ppm; } parent[AIC_PARENTS_MAX];
} aic_asset;

void aic_asset_put(aic_bytes *out, const aic_asset *a);
bool aic_asset_decode(aic_asset *a, const void *data, size_t len);
/* Whether it exists at all, retired or not: AIC_NOT_FOUND leaves err untouched. */
aic_code aic_state_asset(aic_state *s, aic_u256 id, aic_asset *a, aic_error *err);
aic_code aic_state_asset_put(aic_state *s, aic_u256 id, const aic_asset *a, aic_error *err);

/* ERC-721's views; refused for what was never registered or is retired, and for the zero address. */
aic_code aic_asset_owner_of(aic_state *s, aic_u256 id, aic_address *owner, aic_error *err);
aic_code aic_asset_get_approved(aic_state *s, aic_u256 id, aic_address *approved, aic_error *err);
aic_code aic_asset_balance_of(aic_state *s, const aic_address *owner, uint64_t *n, aic_error *err);
aic_code aic_asset_is_operator(aic_state *s, const aic_address *owner, const aic_address *operator_, bool *yes, aic_error *err);

/* The id that the registering transaction gives. */
aic_u256 aic_asset_id(const aic_hash *tx);
void aic_asset_register_body(aic_bytes *out, const aic_asset *a);
void aic_asset_transfer_body(aic_bytes *out, const aic_address *actor, const aic_address *from, const aic_address *to, aic_u256 id,
                             bool safe);
void aic_asset_approve_body(aic_bytes *out, const aic_address *actor, const aic_address *approved, aic_u256 id);
void aic_asset_approve_for_all_body(aic_bytes *out, const aic_address *owner, const aic_address *operator_, bool yes);
void aic_asset_terms_body(aic_bytes *out, const aic_address *actor, aic_u256 id, const aic_terms *terms);
void aic_asset_retire_body(aic_bytes *out, const aic_address *actor, aic_u256 id);

/* Shared by row and bodies. */
void aic_terms_put(aic_bytes *out, const aic_terms *t);
void aic_terms_get(aic_cbor *c, aic_terms *t);
void aic_parents_put(aic_bytes *out, const aic_asset *a);
void aic_parents_get(aic_cbor *c, aic_asset *a);

#endif
