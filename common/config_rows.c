/* config_rows.c: providers, accounts and assets of aic.yaml. */
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define PROVIDER_PREFIX "provider/"
#define ACCOUNT_PREFIX "account/"

/* Fails where the item is no map, so that the row's own reader need not ask. */
static aic_code check_row(const aic_yaml_node *row, const char *list, const char *example, aic_error *err)
{
	if (aic_yaml_kind_of(row) == AIC_YAML_MAP)
		return AIC_OK;
	return aic_yaml_fail(row, err, "each row of %s must be a map, \"- {%s}\"", list, example);
}

static aic_code fail_twice(const aic_yaml_node *row, const char *what, const char *name, aic_error *err)
{
	return aic_yaml_fail(row, err, "%s %s is listed twice: keep one row", what, name);
}

static aic_code read_provider(aic_config *c, const aic_yaml_node *row, aic_error *err)
{
	aic_provider_config *p = &c->provider[c->n_providers];
	aic_code code = check_row(row, "providers", "name: lab-one, organisation: physics, nodes: \"n[1-2]\"", err);
	if (code == AIC_OK)
		code = aic_config_name(row, "name", "the provider's name", p->name, err);
	if (code == AIC_OK)
		code = aic_config_name(row, "organisation", "the provider's organisation", p->organisation, err);
	if (code == AIC_OK)
		code = aic_yaml_get_bool(row, "named", &p->named, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(row, "nodes", p->nodes, sizeof p->nodes, err);
	if (code == AIC_OK && p->nodes[0] == '\0')
		return aic_yaml_fail(row, err, "provider %s has no \"nodes\": give a host list such as \"n[1-2]\"", p->name);
	for (size_t i = 0; code == AIC_OK && i < c->n_providers; i++) {
		if (strcmp(c->provider[i].name, p->name) == 0)
			return fail_twice(row, "provider", p->name, err);
	}
	return code == AIC_OK ? aic_yaml_unknown(row, err) : code;
}

static aic_code read_account(aic_config *c, const aic_yaml_node *row, aic_error *err)
{
	aic_account_config *a = &c->account[c->n_accounts];
	aic_code code = check_row(row, "accounts", "account: physics, organisation: physics-dept", err);
	if (code == AIC_OK)
		code = aic_config_name(row, "account", "a Slurm account", a->account, err);
	if (code == AIC_OK)
		code = aic_config_name(row, "organisation", "the account's organisation", a->organisation, err);
	for (size_t i = 0; code == AIC_OK && i < c->n_accounts; i++) {
		if (strcmp(c->account[i].account, a->account) == 0)
			return fail_twice(row, "account", a->account, err);
	}
	return code == AIC_OK ? aic_yaml_unknown(row, err) : code;
}

static bool has_provider(const aic_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_providers; i++) {
		if (strcmp(c->provider[i].name, name) == 0)
			return true;
	}
	return false;
}

/* "site", "account/NAME", or "provider/NAME" of a listed provider. */
static aic_code read_owner(const aic_config *c, const aic_yaml_node *row, aic_asset_config *a, aic_error *err)
{
	aic_code code = aic_yaml_get_text(row, "owner", a->owner, sizeof a->owner, err);
	if (code != AIC_OK)
		return code;
	const aic_yaml_node *node = aic_yaml_get(row, "owner");
	if (node != NULL && strcmp(a->owner, "site") == 0)
		return AIC_OK;
	if (node != NULL && strncmp(a->owner, ACCOUNT_PREFIX, strlen(ACCOUNT_PREFIX)) == 0)
		return aic_config_check_name(node, "the account", a->owner + strlen(ACCOUNT_PREFIX), err);
	if (node == NULL || strncmp(a->owner, PROVIDER_PREFIX, strlen(PROVIDER_PREFIX)) != 0)
		return aic_yaml_fail(node != NULL ? node : row, err, "asset %s: \"owner: %s\" must be provider/NAME, account/NAME or site",
		                     a->name, a->owner);
	if (!has_provider(c, a->owner + strlen(PROVIDER_PREFIX)))
		return aic_yaml_fail(node, err, "asset %s: its owner %s is not among the providers: add a row, or correct the name",
		                     a->name, a->owner);
	return AIC_OK;
}

/* One of parents: [{name: faces, kind: data, share_ppm: 200000}]. */
static aic_code read_parent(const aic_config *c, const aic_yaml_node *row, aic_asset_config *a, aic_error *err)
{
	static const char *const kinds[] = {"data", "model"};
	char name[AIC_NAME_LEN];
	uint64_t ppm = 0;
	size_t at = 0;
	int kind = -1;
	aic_code code = check_row(row, "parents", "name: faces, kind: data, share_ppm: 200000", err);
	if (code == AIC_OK)
		code = aic_config_name(row, "name", "the parent's name", name, err);
	if (code == AIC_OK)
		code = aic_config_choice(row, "kind", kinds, 2, &kind, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "share_ppm", &ppm, 1, AIC_PPM, err);
	if (code == AIC_OK)
		code = aic_yaml_unknown(row, err);
	if (code != AIC_OK)
		return code;
	if (kind < 0 || !ppm)
		return aic_yaml_fail(row, err, "asset %s: its parent %s needs \"kind\" (data or model) and \"share_ppm\" (1 to 1000000)", a->name, name);
	while (at < c->n_assets && (strcmp(c->asset[at].name, name) || c->asset[at].is_model != (kind == 1)))
		at++;
	if (at == c->n_assets)
		return aic_yaml_fail(row, err, "asset %s: no row before it is its parent, %s %s: list a parent before what was made from it",
		                     a->name, kinds[kind], name);
	if (c->asset[at].on_ledger)
		return aic_yaml_fail(row, err, "asset %s: its parent %s is on the ledger: register %s there too, with `aic asset register`", a->name,
		                     name, a->name);
	for (size_t i = 0; i < a->n_parents; i++)
		if (a->parent[i].row == at)
			return aic_yaml_fail(row, err, "asset %s names its parent %s twice: add the shares up", a->name, name);
	a->parent[a->n_parents].row = at;
	a->parent[a->n_parents++].ppm = ppm;
	if (a->generation <= c->asset[at].generation)
		a->generation = c->asset[at].generation + 1;
	return AIC_OK;
}

static aic_code read_parents(const aic_config *c, const aic_yaml_node *row, aic_asset_config *a, aic_error *err)
{
	const aic_yaml_node *list;
	uint64_t sum = 0;
	aic_code code = aic_config_section(row, "parents", AIC_YAML_LIST, &list, err);
	a->generation = 1;
	if (code == AIC_OK && aic_yaml_count(list) > AIC_ASSET_PARENTS_MAX)
		return aic_yaml_fail(row, err, "asset %s has %zu parents, more than %d", a->name, aic_yaml_count(list), AIC_ASSET_PARENTS_MAX);
	for (size_t i = 0; code == AIC_OK && i < aic_yaml_count(list); i++)
		code = read_parent(c, aic_yaml_item(list, i), a, err);
	for (size_t i = 0; i < a->n_parents; i++)
		sum += a->parent[i].ppm;
	if (code == AIC_OK && sum > AIC_PPM)
		return aic_yaml_fail(row, err, "asset %s: its parents' shares sum to %llu ppm, more than 1000000", a->name, (unsigned long long)sum);
	if (code == AIC_OK && a->generation > AIC_ASSET_GENERATIONS_MAX)
		return aic_yaml_fail(row, err, "asset %s is generation %u, and %d is the last one: name fewer parents' parents", a->name, a->generation,
		                     AIC_ASSET_GENERATIONS_MAX);
	return code;
}

/* What the ledger says may not be said here too. */
static aic_code read_number(const aic_yaml_node *row, aic_asset_config *a, aic_error *err)
{
	static const char *const said[] = {"owner", "per_job", "per_gpu_hour", "parents"};
	char text[2 * AIC_ASSET_NUMBER_LEN + 3] = "";
	aic_code code = aic_yaml_get_text(row, "ledger", text, sizeof text, err);
	if (code != AIC_OK || !aic_yaml_get(row, "ledger"))
		return code;
	a->on_ledger = true;
	if (!aic_unhex(a->number, sizeof a->number, strncmp(text, "0x", 2) ? text : text + 2))
		return aic_yaml_fail(row, err, "asset %s: \"ledger: %s\" must be the %d hexadecimal digits that `aic asset register` printed", a->name,
		                     text, 2 * AIC_ASSET_NUMBER_LEN);
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (aic_yaml_get(row, said[i]))
			return aic_yaml_fail(row, err, "asset %s: the ledger says its \"%s\": take the key out, `aic asset terms` and `aic asset transfer`"
			                     " change it", a->name, said[i]);
	return code;
}

static aic_code read_asset(aic_config *c, const aic_yaml_node *row, aic_error *err)
{
	static const char *const kinds[] = {"data", "model"};
	aic_asset_config *a = &c->asset[c->n_assets];
	int kind = -1;
	aic_code code = check_row(row, "assets", "name: cifar, kind: data, owner: provider/lab-one, per_job: 0.01", err);
	if (code == AIC_OK)
		code = aic_config_name(row, "name", "the asset's name", a->name, err);
	if (code == AIC_OK)
		code = aic_config_choice(row, "kind", kinds, 2, &kind, err);
	if (code == AIC_OK && kind < 0)
		return aic_yaml_fail(row, err, "asset %s has no \"kind\": give data or model", a->name);
	a->is_model = kind == 1;
	if (code == AIC_OK)
		code = read_number(row, a, err);
	if (code == AIC_OK && !a->on_ledger)
		code = read_owner(c, row, a, err);
	if (code == AIC_OK)
		code = read_parents(c, row, a, err);
	if (code == AIC_OK)
		code = aic_yaml_get_amount(row, "per_job", &a->terms.per_job, err);
	if (code == AIC_OK)
		code = aic_yaml_get_amount(row, "per_gpu_hour", &a->terms.per_gpu_hour, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(row, "content", a->content, sizeof a->content, err);
	if (code == AIC_OK && a->content[0] != '\0' && strspn(a->content, "0123456789abcdef") != sizeof a->content - 1)
		return aic_yaml_fail(aic_yaml_get(row, "content"), err, "asset %s: \"content\" must be a content root of 64 hexadecimal digits in "
		                     "lower case, as `aic dataset add` prints it", a->name);
	for (size_t i = 0; code == AIC_OK && i < c->n_assets; i++) {
		if (strcmp(c->asset[i].name, a->name) == 0 && c->asset[i].is_model == a->is_model)
			return fail_twice(row, kinds[kind], a->name, err);
	}
	return code == AIC_OK ? aic_yaml_unknown(row, err) : code;
}

/* Reads each row of the list under key; `rows` is zeroed room for all of them, `n` counts those that are good. */
static aic_code read_rows(aic_config *c, const aic_yaml_node *list, size_t *n,
                          aic_code (*read_row)(aic_config *, const aic_yaml_node *, aic_error *), aic_error *err)
{
	for (size_t i = 0; i < aic_yaml_count(list); i++) {
		aic_code code = read_row(c, aic_yaml_item(list, i), err);
		if (code != AIC_OK)
			return code;
		(*n)++;
	}
	return AIC_OK;
}

aic_code aic_config_providers(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code code = aic_config_section(root, "providers", AIC_YAML_LIST, &list, err);
	if (code != AIC_OK || aic_yaml_count(list) == 0)
		return code;
	c->provider = aic_xcalloc(aic_yaml_count(list), sizeof *c->provider);
	return read_rows(c, list, &c->n_providers, read_provider, err);
}

aic_code aic_config_accounts(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code code = aic_config_section(root, "accounts", AIC_YAML_LIST, &list, err);
	if (code != AIC_OK || aic_yaml_count(list) == 0)
		return code;
	c->account = aic_xcalloc(aic_yaml_count(list), sizeof *c->account);
	return read_rows(c, list, &c->n_accounts, read_account, err);
}

aic_code aic_config_assets(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code code = aic_config_section(root, "assets", AIC_YAML_LIST, &list, err);
	if (code != AIC_OK || aic_yaml_count(list) == 0)
		return code;
	c->asset = aic_xcalloc(aic_yaml_count(list), sizeof *c->asset);
	return read_rows(c, list, &c->n_assets, read_asset, err);
}
