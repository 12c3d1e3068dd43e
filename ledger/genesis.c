/* genesis.c: see genesis.h. */
#include "ledger/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/yaml.h"
#include "ledger/state/member.h"

#define VERSION "aic/genesis/v1"
#define MEMBERS_MAX 1024
#define WALLETS_MAX (1u << 20)
#define GENESIS_ORGANISATION "genesis"

/* --- from YAML --- */

aic_code aic_parameters_load(aic_parameters *p, const aic_yaml_node *map, aic_error *err)
{
	char x0[16];
	char *end;
	aic_code code;

	*p = aic_parameters_default;
	snprintf(x0, sizeof(x0), "%lld", (long long)p->x0);
	if (!map)
		return AIC_OK;
	if ((code = aic_yaml_get_uint(map, "fee_ppm", &p->fee_ppm, 0, AIC_PPM, err)) ||
	    (code = aic_yaml_get_uint(map, "rho_ppm", &p->rho_ppm, 0, AIC_PPM, err)) ||
	    (code = aic_yaml_get_uint(map, "kappa_ppm", &p->kappa_ppm, 0, AIC_PPM, err)) ||
	    (code = aic_yaml_get_uint(map, "verify_ppm", &p->verify_ppm, 0, AIC_PPM, err)) ||
	    (code = aic_yaml_get_text(map, "x0", x0, sizeof(x0), err)) ||
	    (code = aic_yaml_get_amount(map, "x_scale", &p->x_scale, err)) ||
	    (code = aic_yaml_get_amount(map, "a_max", &p->a_max, err)) || (code = aic_yaml_unknown(map, err)))
		return code;
	p->x0 = strtoll(x0, &end, 10);
	if (!*x0 || *end)
		return aic_yaml_fail(map, err, "x0 is \"%s\": give a whole number", x0);
	return AIC_OK;
}

static aic_code load_key(const aic_yaml_node *at, const char *text, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	if (!text || !aic_unhex(key, AIC_PUBLIC_LEN, text))
		return aic_yaml_fail(at, err, "a site's key is %d hexadecimal digits", 2 * AIC_PUBLIC_LEN);
	return AIC_OK;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, AIC_PUBLIC_LEN);
}

static aic_code load_members(aic_genesis *g, const aic_yaml_node *list, const aic_key *site, aic_error *err)
{
	aic_code code;

	g->n_members = list ? aic_yaml_count(list) : 1;
	if (g->n_members > MEMBERS_MAX || !g->n_members)
		return aic_yaml_fail(list, err, "%zu members: give 1 to %d", g->n_members, MEMBERS_MAX);
	g->member = aic_xcalloc(g->n_members, sizeof(*g->member));
	if (!list)
		memcpy(g->member[0], site->public_key, AIC_PUBLIC_LEN);
	for (size_t i = 0; list && i < g->n_members; i++) {
		const aic_yaml_node *item = aic_yaml_item(list, i);

		if ((code = load_key(item, aic_yaml_text(item), g->member[i], err)))
			return code;
	}
	qsort(g->member, g->n_members, AIC_PUBLIC_LEN, by_key);
	for (size_t i = 1; i < g->n_members; i++)
		if (by_key(g->member[i - 1], g->member[i]) == 0)
			return aic_yaml_fail(list, err, "one member is listed twice");
	return AIC_OK;
}

static bool is_member(const aic_genesis *g, const uint8_t key[AIC_PUBLIC_LEN])
{
	return bsearch(key, g->member, g->n_members, AIC_PUBLIC_LEN, by_key) != NULL;
}

static aic_code load_wallet(const aic_genesis *g, aic_genesis_wallet *w, const aic_yaml_node *map, aic_custody *custody,
                            const aic_key *site, aic_error *err)
{
	char wallet[AIC_NAME_LEN] = "", organisation[AIC_NAME_LEN] = GENESIS_ORGANISATION, key[80] = "";
	aic_code code;

	if (aic_yaml_kind_of(map) != AIC_YAML_MAP)
		return aic_yaml_fail(map, err, "a row of wallets is {wallet: genesis/NAME or 0x..., amount: AIC, locked_until: HEIGHT}");
	if ((code = aic_yaml_get_text(map, "wallet", wallet, sizeof(wallet), err)) ||
	    (code = aic_yaml_get_text(map, "organisation", organisation, sizeof(organisation), err)) ||
	    (code = aic_yaml_get_text(map, "site", key, sizeof(key), err)) ||
	    (code = aic_yaml_get_amount(map, "amount", &w->amount, err)) ||
	    (code = aic_yaml_get_uint(map, "locked_until", &w->locked_until, 0, INT64_MAX, err)) || (code = aic_yaml_unknown(map, err)))
		return code;
	memcpy(w->custodian, site->public_key, AIC_PUBLIC_LEN);
	if (key[0] && (code = load_key(map, key, w->custodian, err)))
		return code;
	if (!is_member(g, w->custodian))
		return aic_yaml_fail(map, err, "the site that keeps wallet %s is no member: list its key under members", wallet);
	w->organisation = aic_custody_organisation(custody, organisation);
	if (strncmp(wallet, "0x", 2) == 0)
		return aic_address_parse(&w->address, wallet) ? AIC_OK : aic_yaml_fail(map, err, "%s is no address: 0x and 40 digits", wallet);
	if (strncmp(wallet, "genesis/", 8) != 0)
		return aic_yaml_fail(map, err, "wallet \"%s\": give genesis/NAME, or 0x and 40 hexadecimal digits", wallet);
	return aic_custody_remember(custody, wallet, organisation, &w->address, err);
}

static int by_wallet(const void *a, const void *b)
{
	return aic_address_cmp(&((const aic_genesis_wallet *)a)->address, &((const aic_genesis_wallet *)b)->address);
}

static aic_code load_wallets(aic_genesis *g, const aic_yaml_node *list, aic_custody *custody, const aic_key *site, aic_error *err)
{
	aic_code code;

	g->n_wallets = aic_yaml_count(list);
	if (g->n_wallets > WALLETS_MAX)
		return aic_yaml_fail(list, err, "%zu wallets: at most %u fit", g->n_wallets, WALLETS_MAX);
	g->wallet = aic_xcalloc(g->n_wallets + 1, sizeof(*g->wallet));
	for (size_t i = 0; i < g->n_wallets; i++)
		if ((code = load_wallet(g, &g->wallet[i], aic_yaml_item(list, i), custody, site, err)))
			return code;
	qsort(g->wallet, g->n_wallets, sizeof(*g->wallet), by_wallet);
	for (size_t i = 1; i < g->n_wallets; i++)
		if (by_wallet(&g->wallet[i - 1], &g->wallet[i]) == 0)
			return aic_yaml_fail(list, err, "one wallet is listed twice");
	return AIC_OK;
}

/* The sums hold: what is minted and what may be issued make the total, where one is given. */
static aic_code check_sums(const aic_genesis *g, aic_error *err)
{
	aic_amount sum = g->parameters.a_max;
	char has[AIC_AMOUNT_TEXT], total[AIC_AMOUNT_TEXT];
	aic_code code = aic_parameters_check(&g->parameters, err);

	if (code)
		return code;
	for (size_t i = 0; i < g->n_wallets; i++)
		if (aic_address_is_zero(&g->wallet[i].address) || !aic_amount_add(&sum, sum, g->wallet[i].amount) ||
		    sum >> 100)
			return aic_fail(err, AIC_REFUSED, "wallet %zu of genesis: the zero address, or amounts whose sum is beyond 2^100 units", i + 1);
	if (g->total && sum != g->total)
		return aic_fail(err, AIC_REFUSED, "the wallets' amounts and a_max sum to %s AIC, total says %s AIC: correct one of them",
		                aic_amount_format(has, sum), aic_amount_format(total, g->total));
	return AIC_OK;
}

aic_code aic_genesis_load(aic_genesis *g, const char *path, aic_custody *custody, const aic_key *site_key, aic_error *err)
{
	aic_yaml *y = NULL;
	aic_code code = aic_yaml_load(&y, path, err);

	memset(g, 0, sizeof(*g));
	if (code)
		return code;
	const aic_yaml_node *root = aic_yaml_root(y);
	if (!(code = aic_yaml_get_text(root, "name", g->name, sizeof(g->name), err)) &&
	    !(code = aic_yaml_get_amount(root, "total", &g->total, err)) &&
	    !(code = aic_parameters_load(&g->parameters, aic_yaml_get(root, "parameters"), err)) &&
	    !(code = load_members(g, aic_yaml_get(root, "members"), site_key, err)) &&
	    !(code = load_wallets(g, aic_yaml_get(root, "wallets"), custody, site_key, err)) && !(code = aic_yaml_unknown(root, err)) &&
	    (code = check_sums(g, err)))
		aic_error_prefix(err, "%s", path);
	aic_yaml_free(y);
	if (code)
		aic_genesis_clear(g);
	return code;
}

void aic_genesis_clear(aic_genesis *g)
{
	free(g->member);
	free(g->wallet);
	memset(g, 0, sizeof(*g));
}

/* --- canonical form: [version, name, total, parameters: bytes, [* member key], [* [address, custodian, organisation, amount,
 * locked_until]]] --- */

void aic_genesis_encode(const aic_genesis *g, aic_bytes *out)
{
	aic_bytes parameters = {0};

	aic_parameters_put(&parameters, &g->parameters);
	aic_cbor_put_array(out, 6);
	aic_cbor_put_text(out, VERSION);
	aic_cbor_put_text(out, g->name);
	aic_cbor_put_amount(out, g->total);
	aic_cbor_put_bytes(out, parameters.data, parameters.len);
	aic_cbor_put_array(out, g->n_members);
	for (size_t i = 0; i < g->n_members; i++)
		aic_cbor_put_bytes(out, g->member[i], AIC_PUBLIC_LEN);
	aic_cbor_put_array(out, g->n_wallets);
	for (size_t i = 0; i < g->n_wallets; i++) {
		aic_cbor_put_array(out, 5);
		aic_cbor_put_bytes(out, g->wallet[i].address.b, AIC_ADDRESS_LEN);
		aic_cbor_put_bytes(out, g->wallet[i].custodian, AIC_PUBLIC_LEN);
		aic_cbor_put_bytes(out, g->wallet[i].organisation.b, sizeof(g->wallet[i].organisation.b));
		aic_cbor_put_amount(out, g->wallet[i].amount);
		aic_cbor_put_uint(out, g->wallet[i].locked_until);
	}
	aic_bytes_free(&parameters);
}

static void decode_lists(aic_genesis *g, aic_cbor *c)
{
	g->n_members = aic_cbor_array(c, MEMBERS_MAX);
	g->member = aic_xcalloc(g->n_members + 1, sizeof(*g->member));
	for (size_t i = 0; i < g->n_members && aic_cbor_ok(c); i++) {
		aic_cbor_bytes_exact(c, g->member[i], AIC_PUBLIC_LEN);
		if (i && by_key(g->member[i - 1], g->member[i]) >= 0)
			aic_cbor_fail(c, "member %zu does not follow member %zu in ascending order", i + 1, i);
	}
	g->n_wallets = aic_cbor_array(c, WALLETS_MAX);
	g->wallet = aic_xcalloc(g->n_wallets + 1, sizeof(*g->wallet));
	for (size_t i = 0; i < g->n_wallets && aic_cbor_ok(c); i++) {
		aic_genesis_wallet *w = &g->wallet[i];

		aic_cbor_array_exact(c, 5);
		aic_cbor_bytes_exact(c, w->address.b, AIC_ADDRESS_LEN);
		aic_cbor_bytes_exact(c, w->custodian, AIC_PUBLIC_LEN);
		aic_cbor_bytes_exact(c, w->organisation.b, sizeof(w->organisation.b));
		w->amount = aic_cbor_amount(c);
		w->locked_until = aic_cbor_uint(c);
		if (i && by_wallet(w - 1, w) >= 0)
			aic_cbor_fail(c, "wallet %zu does not follow wallet %zu in ascending order", i + 1, i);
		else if (!is_member(g, w->custodian))
			aic_cbor_fail(c, "wallet %zu is kept by a site that is no member", i + 1);
	}
}

aic_code aic_genesis_decode(aic_genesis *g, const void *data, size_t len, aic_error *err)
{
	const uint8_t *parameters;
	size_t parameters_len = 0;
	char version[32];
	aic_cbor c;
	aic_code code;

	memset(g, 0, sizeof(*g));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 6);
	if (aic_cbor_text(&c, version, sizeof(version)) && strcmp(version, VERSION) != 0)
		aic_cbor_fail(&c, "version \"%s\" is not \"%s\"", version, VERSION);
	aic_cbor_text(&c, g->name, sizeof(g->name));
	g->total = aic_cbor_amount(&c);
	parameters = aic_cbor_bytes(&c, &parameters_len);
	if (aic_cbor_ok(&c) && !aic_parameters_decode(&g->parameters, parameters, parameters_len))
		aic_cbor_fail(&c, "the parameters cannot be read");
	if (aic_cbor_ok(&c))
		decode_lists(g, &c);
	if ((code = aic_cbor_finish(&c, err)) || (code = check_sums(g, err))) {
		aic_error_prefix(err, "genesis");
		aic_genesis_clear(g);
	}
	return code;
}

aic_hash aic_genesis_chain(const void *data, size_t len)
{
	return aic_sha256_of(data, len);
}

/* --- the first rows --- */

static aic_code put_members(aic_state *s, const aic_genesis *g, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < g->n_members && !code; i++)
		code = aic_member_add(s, g->member[i], 0, err);
	return code;
}

static aic_code put_wallets(aic_state *s, const aic_genesis *g, aic_totals *totals, aic_error *err)
{
	static const aic_address zero;
	aic_address treasury = aic_treasury_address();
	aic_wallet pot = {.balance = 0};
	aic_code code = aic_state_wallet_put(s, &treasury, &pot, err);

	for (size_t i = 0; i < g->n_wallets && !code; i++) {
		const aic_genesis_wallet *row = &g->wallet[i];
		aic_wallet w = {.site = aic_site_id(row->custodian),
		                .organisation = row->organisation,
		                .balance = row->amount,
		                .locked_until = row->locked_until};

		totals->supply += row->amount;
		code = aic_state_wallet_put(s, &row->address, &w, err);
		aic_state_emit(s, AIC_EVENT_TRANSFER, &zero, &row->address, aic_u256_from(row->amount), "genesis");
	}
	totals->wallets = g->n_wallets + 1;
	return code;
}

aic_code aic_genesis_apply(aic_state *s, const void *data, size_t len, aic_error *err)
{
	aic_genesis g;
	aic_totals totals = {0};
	aic_bytes parameters = {0};
	aic_hash chain = aic_genesis_chain(data, len);
	aic_code code = aic_genesis_decode(&g, data, len, err);

	if (code)
		return code;
	totals.total = g.total;
	aic_state_begin(s, 0, 0);
	aic_parameters_put(&parameters, &g.parameters);
	if (!(code = aic_state_put(s, AIC_TABLE_PARAMETERS, "", 0, &parameters, err)) && !(code = put_members(s, &g, err)) &&
	    !(code = put_wallets(s, &g, &totals, err)) && !(code = aic_state_totals_put(s, &totals, err)))
		code = aic_state_commit_genesis(s, &chain, 0, data, len, err);
	if (code)
		aic_state_discard(s);
	aic_bytes_free(&parameters);
	aic_genesis_clear(&g);
	return code;
}
