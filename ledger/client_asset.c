/* client_asset.c: what other rooms ask about assets; see client.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/client_call.h"
#include "ledger/state/revenue.h"

const char *aic_asset_kind_name(uint64_t kind)
{
	static const char *const names[] = {"", "data", "model", "trained"};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *aic_verify_terms_name(uint64_t verify)
{
	static const char *const names[] = {"members", "owner", "none"};

	return verify < sizeof(names) / sizeof(names[0]) ? names[verify] : "unknown";
}

aic_code aic_ledger_revenue(aic_ledger *l, const uint8_t asset[32], aic_amount amount, aic_ledger_share **out, size_t *n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "revenue", 2);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_bytes(b, asset, 32);
	aic_cbor_put_amount(b, amount);
	*out = NULL;
	*n = 0;
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*n = aic_cbor_array(&c, AIC_REVENUE_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_ledger_share *s = &(*out)[i];

		aic_cbor_array_exact(&c, 3);
		aic_cbor_bytes_exact(&c, s->asset, sizeof(s->asset));
		aic_cbor_bytes_exact(&c, s->owner.b, AIC_ADDRESS_LEN);
		s->amount = aic_cbor_amount(&c);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}

/* --- assets with what they were made from --- */

static void get_asset(aic_cbor *c, aic_ledger_asset *a)
{
	aic_terms terms = {0};
	aic_asset parents = {0};

	aic_cbor_array_exact(c, 9);
	aic_cbor_bytes_exact(c, a->id, sizeof(a->id));
	a->kind = aic_cbor_uint(c);
	aic_cbor_text(c, a->owner, sizeof(a->owner));
	aic_cbor_bytes_exact(c, a->content.b, AIC_HASH_LEN);
	aic_terms_get(c, &terms);
	a->since = aic_cbor_uint(c);
	a->retired = aic_cbor_uint(c);
	a->generation = aic_cbor_uint(c);
	aic_parents_get(c, &parents);
	memcpy(a->licence, terms.licence, sizeof(a->licence));
	a->verify = terms.verify;
	a->per_job = terms.per_job;
	a->per_gpu_hour = terms.per_gpu_hour;
	a->n_parents = parents.n_parents;
	for (size_t i = 0; i < parents.n_parents; i++) {
		aic_u256_to_be(a->parent[i].id, parents.parent[i].asset);
		a->parent[i].ppm = parents.parent[i].ppm;
	}
}

static void get_family(aic_cbor *c, aic_ledger_family *f)
{
	size_t n = aic_cbor_array(c, AIC_REVENUE_MAX);

	f->asset = aic_xcalloc(n + 1, sizeof(*f->asset));
	for (; f->n < n && aic_cbor_ok(c); f->n++)
		get_asset(c, &f->asset[f->n]);
}

aic_code aic_ledger_assets(aic_ledger *l, const uint8_t (*id)[AIC_ASSET_ID_LEN], size_t n, aic_ledger_family **out, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "assets", 1);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++)
		aic_cbor_put_bytes(b, id[i], AIC_ASSET_ID_LEN);
	*out = NULL;
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*out = aic_xcalloc(n + 1, sizeof(**out));
	aic_cbor_array_exact(&c, n);
	for (size_t i = 0; i < n && aic_cbor_ok(&c); i++)
		get_family(&c, &(*out)[i]);
	if ((code = aic_cbor_finish(&c, err))) {
		aic_ledger_families_free(*out, n);
		*out = NULL;
	}
	return code;
}

void aic_ledger_families_free(aic_ledger_family *f, size_t n)
{
	for (size_t i = 0; f && i < n; i++)
		free(f[i].asset);
	free(f);
}

/* --- writing --- */

static void put_terms(aic_bytes *b, const aic_ledger_asset *a)
{
	aic_terms terms = {.verify = a->verify, .per_job = a->per_job, .per_gpu_hour = a->per_gpu_hour};

	memcpy(terms.licence, a->licence, sizeof(terms.licence));
	aic_terms_put(b, &terms);
}

aic_code aic_ledger_asset_register(aic_ledger *l, aic_ledger_asset *a, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "asset_register", 5);
	aic_asset parents = {.n_parents = a->n_parents};
	aic_hash tx;

	aic_cbor_put_text(b, a->owner);
	aic_cbor_put_uint(b, a->kind);
	aic_cbor_put_bytes(b, a->content.b, AIC_HASH_LEN);
	put_terms(b, a);
	for (size_t i = 0; i < a->n_parents; i++) {
		parents.parent[i].asset = aic_u256_from_be(a->parent[i].id);
		parents.parent[i].ppm = a->parent[i].ppm;
	}
	aic_parents_put(b, &parents);
	aic_code code = aic_client_posted(l, "asset", &tx, height, err);
	if (!code)
		aic_u256_to_be(a->id, aic_asset_id(&tx));
	return code;
}

aic_code aic_ledger_asset_terms(aic_ledger *l, const aic_ledger_asset *a, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "asset_terms", 2);
	aic_hash tx;

	aic_cbor_put_bytes(b, a->id, sizeof(a->id));
	put_terms(b, a);
	return aic_client_posted(l, "change of terms", &tx, height, err);
}

aic_code aic_ledger_asset_transfer(aic_ledger *l, const uint8_t id[AIC_ASSET_ID_LEN], const char *to, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "asset_transfer", 2);
	aic_hash tx;

	aic_cbor_put_bytes(b, id, AIC_ASSET_ID_LEN);
	aic_cbor_put_text(b, to);
	return aic_client_posted(l, "asset's transfer", &tx, height, err);
}

aic_code aic_ledger_asset_retire(aic_ledger *l, const uint8_t id[AIC_ASSET_ID_LEN], uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "asset_retire", 1);
	aic_hash tx;

	aic_cbor_put_bytes(b, id, AIC_ASSET_ID_LEN);
	return aic_client_posted(l, "asset's end", &tx, height, err);
}
