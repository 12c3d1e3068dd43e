#include "accounting/registry.h"

#include <slurm/slurm.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"

typedef struct {
	char node[AIC_NAME_LEN];
	int64_t since;
	char provider[AIC_NAME_LEN]; /* "" : owned by nobody from then on */
} ownership;

typedef struct {
	char name[AIC_NAME_LEN];
	bool is_model;
	int64_t since;
	aic_asset_version v;
	aic_lineage lineage; /* n 0: none */
} asset;

typedef struct {
	int64_t since;
	aic_rates rates;
} rates_version;

struct aic_registry {
	ownership *owned; size_t n_owned, cap_owned; /* by (node, since) */
	asset *assets; size_t n_assets, cap_assets;  /* by (name, is_model, since) */
	rates_version *rates; size_t n_rates, cap_rates; /* by since */
};

#define GROW(array, n, cap) \
	((n) < (cap) ? (void)0 : (void)((cap) = (cap) ? 2 * (cap) : 16, (array) = aic_xrealloc((array), (cap) * sizeof(*(array)))))

bool aic_hostlist_each(const char *expression, void (*each)(void *ctx, const char *node), void *ctx)
{
	struct hostlist *hl = slurm_hostlist_create(expression);
	size_t n = 0;
	char *host;

	if (!hl)
		return false;
	while ((host = slurm_hostlist_shift(hl))) {
		each(ctx, host);
		free(host);
		n++;
	}
	slurm_hostlist_destroy(hl);
	return n > 0;
}

/* --- rates as bytes --- */

static void rates_encode(aic_bytes *out, const aic_rates *r)
{
	aic_cbor_put_array(out, r->storage_gib_month ? 5 : 4);
	aic_cbor_put_amount(out, r->gpu_default);
	aic_cbor_put_amount(out, r->cpu);
	aic_cbor_put_amount(out, r->mem_gib);
	aic_cbor_put_array(out, r->gpu_types);
	for (uint32_t i = 0; i < r->gpu_types; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_text(out, r->gpu[i].type);
		aic_cbor_put_amount(out, r->gpu[i].per_hour);
	}
	if (r->storage_gib_month)
		aic_cbor_put_amount(out, r->storage_gib_month);
}

static aic_code rates_decode(aic_rates *r, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(r, 0, sizeof(*r));
	aic_cbor_init(&c, data, len);
	size_t n = aic_cbor_array(&c, 5);
	r->gpu_default = aic_cbor_amount(&c);
	r->cpu = aic_cbor_amount(&c);
	r->mem_gib = aic_cbor_amount(&c);
	r->gpu_types = (uint32_t)aic_cbor_array(&c, AIC_PRICE_GPU_TYPES_MAX);
	for (uint32_t i = 0; i < r->gpu_types && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 2);
		aic_cbor_text(&c, r->gpu[i].type, sizeof(r->gpu[i].type));
		r->gpu[i].per_hour = aic_cbor_amount(&c);
	}
	if (n == 5)
		r->storage_gib_month = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err);
}

/* --- loading --- */

static aic_code load_owned(aic_registry *r, aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT node, since, provider FROM ownership ORDER BY node, since", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		GROW(r->owned, r->n_owned, r->cap_owned);
		ownership *o = &r->owned[r->n_owned++];
		aic_str_copy(o->node, sizeof(o->node), aic_sql_text(st, 0));
		o->since = sqlite3_column_int64(st, 1);
		aic_str_copy(o->provider, sizeof(o->provider), aic_sql_text(st, 2));
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code load_assets(aic_registry *r, aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT name, is_model, since, owner, per_job, per_gpu_hour, lineage FROM asset"
	                                             " ORDER BY name, is_model, since", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		GROW(r->assets, r->n_assets, r->cap_assets);
		asset *a = &r->assets[r->n_assets++];
		memset(a, 0, sizeof(*a));
		aic_str_copy(a->name, sizeof(a->name), aic_sql_text(st, 0));
		a->is_model = sqlite3_column_int(st, 1);
		a->since = sqlite3_column_int64(st, 2);
		aic_str_copy(a->v.owner, sizeof(a->v.owner), aic_sql_text(st, 3));
		a->v.terms.per_job = aic_sql_amount(st, 4);
		a->v.terms.per_gpu_hour = aic_sql_amount(st, 5);
		if (sqlite3_column_bytes(st, 6))
			rc = aic_lineage_decode(&a->lineage, sqlite3_column_blob(st, 6), (size_t)sqlite3_column_bytes(st, 6), err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	for (size_t i = 0; i < r->n_assets; i++)
		r->assets[i].v.lineage = r->assets[i].lineage.n ? &r->assets[i].lineage : NULL;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void clear_assets(aic_registry *r)
{
	for (size_t i = 0; i < r->n_assets; i++)
		aic_lineage_clear(&r->assets[i].lineage);
	r->n_assets = 0;
}

static aic_code load_rates(aic_registry *r, aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT since, body FROM rates ORDER BY since", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		GROW(r->rates, r->n_rates, r->cap_rates);
		rates_version *v = &r->rates[r->n_rates];
		v->since = sqlite3_column_int64(st, 0);
		rc = rates_decode(&v->rates, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), err);
		if (rc != AIC_OK) {
			aic_sql_done(st);
			return rc;
		}
		r->n_rates++;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code load(aic_registry *r, aic_store *s, aic_error *err)
{
	aic_code rc;

	r->n_owned = r->n_rates = 0;
	clear_assets(r);
	rc = load_owned(r, s, err);
	if (rc == AIC_OK)
		rc = load_assets(r, s, err);
	return rc == AIC_OK ? load_rates(r, s, err) : rc;
}

/* --- what changed --- */

typedef struct {
	aic_registry *known;
	aic_store *store;
	const char *provider;
	int64_t since, now;
	char (*seen)[AIC_NAME_LEN]; /* every node that aic.yaml gives to somebody */
	size_t n_seen, cap_seen;
	aic_error *err;
	aic_code rc;
} update;

static void own_node(void *ctx, const char *node)
{
	update *u = ctx;

	if (u->rc != AIC_OK)
		return;
	for (size_t i = 0; i < u->n_seen; i++)
		if (!strcmp(u->seen[i], node)) {
			u->rc = aic_fail(u->err, AIC_USAGE, "providers: node %s is given to two providers, the second is %s: name it once",
			                 node, u->provider);
			return;
		}
	GROW(u->seen, u->n_seen, u->cap_seen);
	aic_str_copy(u->seen[u->n_seen++], AIC_NAME_LEN, node);
	if (strcmp(aic_registry_provider(u->known, node, u->now), u->provider))
		u->rc = aic_sql_run(u->store->db, u->err, "INSERT OR REPLACE INTO ownership(node, since, provider) VALUES(?1, ?2, ?3)",
		                    "tit", node, u->since, u->provider);
}

/* A node that nobody in aic.yaml owns any more. */
static void disown_nodes(update *u)
{
	for (size_t i = 0; i < u->known->n_owned && u->rc == AIC_OK; i++) {
		const ownership *o = &u->known->owned[i];
		bool last = i + 1 == u->known->n_owned || strcmp(o->node, o[1].node) != 0, seen = false;
		for (size_t k = 0; k < u->n_seen && !seen; k++)
			seen = !strcmp(u->seen[k], o->node);
		if (last && !seen && o->provider[0])
			u->rc = aic_sql_run(u->store->db, u->err,
			                    "INSERT OR REPLACE INTO ownership(node, since, provider) VALUES(?1, ?2, '')", "ti", o->node,
			                    u->since);
	}
}

static aic_code update_owned(aic_registry *r, aic_store *s, const aic_config *c, int64_t since, int64_t now, aic_error *err)
{
	update u = {.known = r, .store = s, .since = since, .now = now, .err = err, .rc = AIC_OK};

	for (size_t i = 0; i < c->n_providers && u.rc == AIC_OK; i++) {
		u.provider = c->provider[i].name;
		if (!aic_hostlist_each(c->provider[i].nodes, own_node, &u) && u.rc == AIC_OK)
			u.rc = aic_fail(err, AIC_USAGE, "%s: provider %s: nodes: \"%s\" is no Slurm host list: write it like n[1-4]", c->path,
			                c->provider[i].name, c->provider[i].nodes);
	}
	if (u.rc == AIC_OK)
		disown_nodes(&u);
	free(u.seen);
	return u.rc;
}

static aic_code put_asset(aic_store *s, const char *name, bool is_model, int64_t since, const char *owner, const aic_asset_terms *t,
                          const aic_bytes *lineage, aic_error *err)
{
	return aic_sql_run(s->db, err, "INSERT OR REPLACE INTO asset(name, is_model, since, owner, per_job, per_gpu_hour, lineage)"
	                               " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	                   "tiitaab", name, (int64_t)is_model, since, owner, &t->per_job, &t->per_gpu_hour, lineage->data, lineage->len);
}

/* The version of an asset that holds now; NULL where it never had one. */
static const asset *latest(const aic_registry *r, const char *name, bool is_model)
{
	const asset *found = NULL;

	for (size_t i = 0; i < r->n_assets; i++)
		if (!strcmp(r->assets[i].name, name) && r->assets[i].is_model == is_model)
			found = &r->assets[i];
	return found;
}

static bool same_version(const asset *a, const char *owner, const aic_asset_terms *t, const aic_bytes *lineage)
{
	aic_bytes before = {0};

	if (!a || strcmp(a->v.owner, owner) || a->v.terms.per_job != t->per_job || a->v.terms.per_gpu_hour != t->per_gpu_hour)
		return false;
	if (a->lineage.n)
		aic_lineage_encode(&before, &a->lineage);
	bool same = before.len == lineage->len && (!before.len || !memcmp(before.data, lineage->data, before.len));
	aic_bytes_free(&before);
	return same;
}

static aic_code update_asset(aic_registry *r, aic_store *s, const aic_config *c, size_t row, int64_t since, aic_error *err)
{
	const aic_asset_config *a = &c->asset[row];
	aic_lineage lineage;
	aic_bytes body = {0};
	aic_code rc = AIC_OK;

	if (a->n_parents) {
		aic_lineage_of_config(&lineage, c, row);
		aic_lineage_encode(&body, &lineage);
		aic_lineage_clear(&lineage);
	}
	if (!same_version(latest(r, a->name, a->is_model), a->owner, &a->terms, &body))
		rc = put_asset(s, a->name, a->is_model, since, a->owner, &a->terms, &body, err);
	aic_bytes_free(&body);
	return rc;
}

static aic_code update_assets(aic_registry *r, aic_store *s, const aic_config *c, int64_t since, aic_error *err)
{
	const aic_bytes none = {0};
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < c->n_assets && rc == AIC_OK; i++)
		if (!c->asset[i].on_ledger)
			rc = update_asset(r, s, c, i, since, err);
	for (size_t i = 0; i < r->n_assets && rc == AIC_OK; i++) {
		const asset *a = &r->assets[i];
		bool seen = false;
		for (size_t k = 0; k < c->n_assets && !seen; k++)
			seen = !strcmp(c->asset[k].name, a->name) && c->asset[k].is_model == a->is_model;
		if (a == latest(r, a->name, a->is_model) && !seen && a->v.owner[0])
			rc = put_asset(s, a->name, a->is_model, since, "", &(aic_asset_terms){0, 0}, &none, err);
	}
	return rc;
}

static aic_code update_rates(aic_registry *r, aic_store *s, const aic_config *c, int64_t since, aic_error *err)
{
	aic_bytes now = {0}, before = {0};
	aic_code rc = AIC_OK;

	rates_encode(&now, &c->rates);
	if (r->n_rates)
		rates_encode(&before, &r->rates[r->n_rates - 1].rates);
	if (now.len != before.len || memcmp(now.data, before.data, now.len))
		rc = aic_sql_run(s->db, err, "INSERT OR REPLACE INTO rates(since, body) VALUES(?1, ?2)", "ib", since, now.data, now.len);
	aic_bytes_free(&now);
	aic_bytes_free(&before);
	return rc;
}

aic_code aic_registry_open(aic_registry **out, aic_store *s, const aic_config *c, int64_t now, aic_error *err)
{
	aic_registry *r = aic_xcalloc(1, sizeof(*r));
	aic_code rc = load(r, s, err);
	int64_t since = r->n_rates ? now : 0;

	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_store_begin(s, err);
	if (rc == AIC_OK) {
		rc = update_owned(r, s, c, since, now, err);
		if (rc == AIC_OK)
			rc = update_assets(r, s, c, since, err);
		if (rc == AIC_OK)
			rc = update_rates(r, s, c, since, err);
		if (rc == AIC_OK)
			rc = aic_store_commit(s, err);
		else
			aic_store_rollback(s);
	}
	if (rc == AIC_OK)
		rc = load(r, s, err);
	if (rc != AIC_OK) {
		aic_registry_close(r);
		return rc;
	}
	*out = r;
	return AIC_OK;
}

static aic_code take_inside(aic_store *s, const aic_asset_config *a, int64_t now, const char *owner, const aic_asset_terms *t,
                            const aic_bytes *body, aic_error *err)
{
	aic_code rc = aic_store_begin(s, err);

	if (rc != AIC_OK)
		return rc;
	rc = put_asset(s, a->name, a->is_model, now, owner, t, body, err);
	if (rc == AIC_OK)
		return aic_store_commit(s, err);
	aic_store_rollback(s);
	return rc;
}

aic_code aic_registry_take(aic_registry *r, aic_store *s, const aic_config *c, size_t row, const aic_ledger_family *f, int64_t now,
                           aic_error *err)
{
	const aic_asset_config *a = &c->asset[row];
	const asset *before = latest(r, a->name, a->is_model);
	bool used = f->n && !f->asset[0].retired && (f->asset[0].kind != AIC_ASSET_DATA) == a->is_model;
	aic_asset_terms terms = {0, 0};
	aic_lineage lineage;
	aic_bytes body = {0};
	aic_code rc = AIC_OK;

	if (!used && !before)
		return AIC_OK;
	if (used) {
		terms = (aic_asset_terms){f->asset[0].per_job, f->asset[0].per_gpu_hour};
		aic_lineage_of_family(&lineage, c, f);
		aic_lineage_encode(&body, &lineage);
		aic_lineage_clear(&lineage);
	}
	const char *owner = used ? f->asset[0].owner : "";
	if (!same_version(before, owner, &terms, &body)) {
		rc = take_inside(s, a, now, owner, &terms, &body, err);
		if (rc == AIC_OK)
			rc = load(r, s, err);
	}
	aic_bytes_free(&body);
	return rc;
}

void aic_registry_close(aic_registry *r)
{
	if (!r)
		return;
	clear_assets(r);
	free(r->owned);
	free(r->assets);
	free(r->rates);
	free(r);
}

/* --- asking --- */

const char *aic_registry_provider(const aic_registry *r, const char *node, int64_t at)
{
	size_t low = 0, high = r->n_owned;

	/* the first row after (node, at) */
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(r->owned[mid].node, node);
		if (order < 0 || (order == 0 && r->owned[mid].since <= at))
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && !strcmp(r->owned[low - 1].node, node) ? r->owned[low - 1].provider : "";
}

const aic_rates *aic_registry_rates(const aic_registry *r, int64_t at)
{
	size_t i = r->n_rates;

	while (i > 1 && r->rates[i - 1].since > at)
		i--;
	return &r->rates[i - 1].rates;
}

bool aic_registry_asset(const aic_registry *r, const char *name, bool is_model, int64_t submit, int64_t start,
                        aic_asset_version *out)
{
	bool found = false;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < r->n_assets; i++) {
		const asset *a = &r->assets[i];
		if (a->is_model != is_model || strcmp(a->name, name))
			continue;
		if (a->since <= submit) {
			out->terms = a->v.terms;
			found = a->v.owner[0] != '\0';
		}
		if (a->since <= start && a->v.owner[0]) {
			aic_str_copy(out->owner, sizeof(out->owner), a->v.owner);
			out->lineage = a->v.lineage;
		}
	}
	return found;
}
