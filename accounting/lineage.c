#include "accounting/lineage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/state/revenue.h"

/* --- making --- */

/* Lines of one job and kind are told apart by their assets' names: of two of one name the later one gets its kind. */
static void set_name(aic_lineage *l, size_t at, const char *name, bool is_model)
{
	aic_ancestor *a = &l->asset[at];

	aic_str_copy(a->name, sizeof(a->name), name);
	for (size_t i = 0; i < at; i++)
		if (!strcmp(l->asset[i].name, name))
			snprintf(a->name, sizeof(a->name), "%.*s (%s)", AIC_NAME_LEN - 10, name, is_model ? "model" : "data");
}

static size_t place_of_row(const size_t *row, size_t n, size_t wanted)
{
	size_t at = 0;

	while (at < n && row[at] != wanted)
		at++;
	return at;
}

void aic_lineage_of_config(aic_lineage *l, const aic_config *c, size_t first)
{
	size_t *row = aic_xcalloc(c->n_assets, sizeof(*row));

	memset(l, 0, sizeof(*l));
	l->asset = aic_xcalloc(c->n_assets, sizeof(*l->asset));
	row[l->n++] = first;
	for (size_t i = 0; i < l->n; i++) {
		const aic_asset_config *from = &c->asset[row[i]];
		aic_ancestor *a = &l->asset[i];
		set_name(l, i, from->name, from->is_model);
		aic_str_copy(a->owner, sizeof(a->owner), from->owner);
		a->generation = from->generation;
		a->n_parents = from->n_parents;
		for (size_t k = 0; k < from->n_parents; k++) {
			size_t at = place_of_row(row, l->n, from->parent[k].row);
			if (at == l->n)
				row[l->n++] = from->parent[k].row;
			a->parent[k].at = at;
			a->parent[k].ppm = from->parent[k].ppm;
		}
	}
	free(row);
}

static void name_member(aic_lineage *l, size_t at, const aic_config *c, const aic_ledger_asset *a)
{
	char hex[2 * AIC_ASSET_ID_LEN + 3] = "0x";
	const char *name = hex;

	aic_hex(hex + 2, a->id, sizeof(a->id));
	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger && !memcmp(c->asset[i].number, a->id, sizeof(a->id)))
			name = c->asset[i].name;
	set_name(l, at, name, a->kind != AIC_ASSET_DATA);
}

void aic_lineage_of_family(aic_lineage *l, const aic_config *c, const aic_ledger_family *f)
{
	memset(l, 0, sizeof(*l));
	memcpy(l->number, f->asset[0].id, sizeof(l->number));
	memcpy(l->licence, f->asset[0].licence, sizeof(l->licence));
	l->verify = f->asset[0].verify;
	l->n = f->n;
	l->asset = aic_xcalloc(f->n, sizeof(*l->asset));
	for (size_t i = 0; i < f->n; i++) {
		const aic_ledger_asset *from = &f->asset[i];
		aic_ancestor *a = &l->asset[i];
		name_member(l, i, c, from);
		aic_str_copy(a->owner, sizeof(a->owner), from->owner);
		a->generation = from->generation;
		a->n_parents = from->n_parents;
		for (size_t k = 0; k < from->n_parents; k++) {
			while (a->parent[k].at < f->n && memcmp(f->asset[a->parent[k].at].id, from->parent[k].id, AIC_ASSET_ID_LEN))
				a->parent[k].at++;
			a->parent[k].ppm = from->parent[k].ppm;
		}
	}
}

void aic_lineage_clear(aic_lineage *l)
{
	free(l->asset);
	memset(l, 0, sizeof(*l));
}

/* --- as bytes --- */

void aic_lineage_encode(aic_bytes *out, const aic_lineage *l)
{
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bytes(out, l->number, sizeof(l->number));
	aic_cbor_put_text(out, l->licence);
	aic_cbor_put_uint(out, l->verify);
	aic_cbor_put_array(out, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const aic_ancestor *a = &l->asset[i];
		aic_cbor_put_array(out, 4);
		aic_cbor_put_text(out, a->name);
		aic_cbor_put_text(out, a->owner);
		aic_cbor_put_uint(out, a->generation);
		aic_cbor_put_array(out, a->n_parents);
		for (size_t k = 0; k < a->n_parents; k++) {
			aic_cbor_put_array(out, 2);
			aic_cbor_put_uint(out, a->parent[k].at);
			aic_cbor_put_uint(out, a->parent[k].ppm);
		}
	}
}

static void decode_ancestor(aic_cbor *c, aic_ancestor *a, size_t n)
{
	aic_cbor_array_exact(c, 4);
	aic_cbor_text(c, a->name, sizeof(a->name));
	aic_cbor_text(c, a->owner, sizeof(a->owner));
	a->generation = aic_cbor_uint(c);
	a->n_parents = aic_cbor_array(c, AIC_PARENTS_MAX);
	for (size_t k = 0; k < a->n_parents && aic_cbor_ok(c); k++) {
		aic_cbor_array_exact(c, 2);
		a->parent[k].at = aic_cbor_uint(c);
		a->parent[k].ppm = aic_cbor_uint(c);
		if (aic_cbor_ok(c) && a->parent[k].at >= n)
			aic_cbor_fail(c, "a lineage of %zu assets names number %zu", n, a->parent[k].at);
	}
}

aic_code aic_lineage_decode(aic_lineage *l, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(l, 0, sizeof(*l));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 4);
	aic_cbor_bytes_exact(&c, l->number, sizeof(l->number));
	aic_cbor_text(&c, l->licence, sizeof(l->licence));
	l->verify = aic_cbor_uint(&c);
	size_t n = aic_cbor_array(&c, AIC_REVENUE_MAX);
	l->asset = aic_xcalloc(n + 1, sizeof(*l->asset));
	for (; l->n < n && aic_cbor_ok(&c); l->n++)
		decode_ancestor(&c, &l->asset[l->n], n);
	aic_code rc = aic_cbor_finish(&c, err);
	if (rc != AIC_OK)
		aic_lineage_clear(l);
	return rc;
}

/* --- dividing --- */

/* The ledger's own division, over places in place of numbers. */
static aic_code find(void *from, aic_u256 id, aic_asset *a, aic_error *err)
{
	const aic_lineage *l = from;
	aic_amount at;

	(void)err;
	memset(a, 0, sizeof(*a));
	if (!aic_u256_to_amount(id, &at) || at >= l->n)
		return AIC_NOT_FOUND;
	a->generation = l->asset[at].generation;
	a->n_parents = l->asset[at].n_parents;
	for (size_t i = 0; i < a->n_parents; i++) {
		a->parent[i].asset = aic_u256_from(l->asset[at].parent[i].at);
		a->parent[i].ppm = l->asset[at].parent[i].ppm;
	}
	return AIC_OK;
}

aic_code aic_lineage_divide(const aic_lineage *l, aic_amount gross, aic_lineage_part *part, size_t *n, aic_error *err)
{
	aic_revenue *share = aic_xcalloc(AIC_REVENUE_MAX, sizeof(*share));
	union { const aic_lineage *in; void *out; } from = {.in = l};
	size_t shares;
	aic_code rc = aic_revenue_divide_by(find, from.out, aic_u256_from(0), gross, share, &shares, err);

	part[0] = (aic_lineage_part){.asset = &l->asset[0]};
	*n = 1;
	for (size_t i = 0; i < shares && rc == AIC_OK; i++) {
		aic_amount at = 0;
		aic_u256_to_amount(share[i].asset, &at);
		part[at ? (*n)++ : 0] = (aic_lineage_part){&l->asset[at], share[i].amount};
	}
	free(share);
	return rc;
}
