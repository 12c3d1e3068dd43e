/* service.c: see service.h. One function per operation; who may call what stands in the table at the end. */
#include "ledger/service_operation.h"

#include <string.h>

#include "common/log.h"
#include "ledger/history.h"
#include "ledger/state/drawer.h"
#include "ledger/state/execute.h"
#include "ledger/state/token.h"

typedef aic_request request;

/* --- reading --- */

static aic_code op_status(request *r, aic_error *err)
{
	const aic_head *head = aic_state_head(r->s->state);
	char chain[2 * AIC_HASH_LEN + 1];
	uint64_t nodes;
	aic_code code = aic_drawers(r->s->state, head->height + 1, &nodes, err);

	if (code)
		return code;
	aic_hash_hex(chain, &head->chain);
	aic_cbor_put_uint(r->out, head->height);
	aic_cbor_put_bytes(r->out, head->hash.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(r->out, head->root.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, head->transactions);
	aic_cbor_put_int(r->out, head->time);
	aic_cbor_put_uint(r->out, r->s->chain.final_height);
	aic_cbor_put_text(r->out, chain);
	aic_cbor_put_text(r->out, r->s->log.code ? r->s->log.message : "");
	aic_cbor_put_uint(r->out, r->s->space.first);
	aic_cbor_put_uint(r->out, r->s->space.used);
	aic_cbor_put_uint(r->out, r->s->space.quota);
	aic_cbor_put_bool(r->out, r->s->space.full);
	aic_cbor_put_uint(r->out, nodes);
	r->items = 13;
	return AIC_OK;
}

static aic_code op_parameters(request *r, aic_error *err)
{
	aic_parameters p;
	aic_totals t;
	aic_code code;

	if ((code = aic_state_parameters(r->s->state, &p, err)) || (code = aic_state_totals(r->s->state, &t, err)))
		return code;
	aic_cbor_put_uint(r->out, p.fee_ppm);
	aic_cbor_put_uint(r->out, p.rho_ppm);
	aic_cbor_put_uint(r->out, p.kappa_ppm);
	aic_cbor_put_uint(r->out, p.verify_ppm);
	aic_cbor_put_amount(r->out, t.fees);
	aic_cbor_put_amount(r->out, t.issued);
	aic_cbor_put_amount(r->out, aic_issuable(&p, t.fees));
	aic_cbor_put_amount(r->out, t.supply);
	r->items = 8;
	return AIC_OK;
}

/* From no fees to five times X_scale, where little is left to issue. */
static aic_code op_curve(request *r, aic_error *err)
{
	aic_parameters p;
	aic_totals t;
	aic_code code;

	if ((code = aic_state_parameters(r->s->state, &p, err)) || (code = aic_state_totals(r->s->state, &t, err)))
		return code;
	aic_cbor_put_amount(r->out, p.a_max);
	aic_cbor_put_amount(r->out, t.fees);
	aic_cbor_put_amount(r->out, t.issued);
	aic_cbor_put_amount(r->out, aic_issuable(&p, t.fees));
	for (uint64_t i = 0; i < AIC_CURVE_POINTS; i++) {
		aic_amount x = 0;
		(void)aic_mul_div(&x, p.x_scale, 5 * i, AIC_CURVE_POINTS - 1);
		aic_cbor_put_amount(r->out, x);
		aic_cbor_put_amount(r->out, aic_issuable(&p, x));
	}
	r->items = 4 + 2 * AIC_CURVE_POINTS;
	return AIC_OK;
}

typedef struct {
	request *r;
	const aic_address *only; /* NULL: all in custody */
	aic_bytes rows;
	size_t n;
} wallet_list;

static aic_code add_wallet(void *ctx, const char *wallet, const char *organisation, const aic_address *a, aic_error *err)
{
	wallet_list *list = ctx;
	aic_wallet w;
	aic_code code;

	if (list->only && aic_address_cmp(list->only, a) != 0)
		return AIC_OK;
	code = aic_state_wallet(list->r->s->state, a, &w, err);
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code; /* remembered, not yet registered */
	aic_cbor_put_array(&list->rows, 6);
	aic_cbor_put_text(&list->rows, wallet);
	aic_cbor_put_text(&list->rows, organisation);
	aic_cbor_put_bytes(&list->rows, a->b, AIC_ADDRESS_LEN);
	aic_cbor_put_amount(&list->rows, w.balance);
	aic_cbor_put_amount(&list->rows, w.debt);
	aic_wallet_age(&w, aic_rating_month(aic_state_head(list->r->s->state)->time));
	aic_cbor_put_uint(&list->rows, aic_rating_ppm(w.alpha, w.beta));
	list->n++;
	return AIC_OK;
}

static aic_code op_wallets(request *r, aic_error *err)
{
	wallet_list list = {.r = r};
	aic_code code = aic_custody_each(r->s->custody, add_wallet, &list, err);

	aic_cbor_put_array(r->out, list.n);
	aic_bytes_append(r->out, list.rows.data, list.rows.len);
	r->items = 1;
	aic_bytes_free(&list.rows);
	return code;
}

/* One wallet, another site's too, which has no name here. */
static aic_code op_wallet(request *r, aic_error *err)
{
	char wallet[AIC_NAME_LEN], text[AIC_ADDRESS_TEXT];
	aic_address a;
	wallet_list list = {.r = r, .only = &a};
	aic_code code;

	aic_cbor_text(r->args, wallet, sizeof(wallet));
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_find(r->s->custody, wallet, &a, err)))
		return code;
	code = aic_custody_each(r->s->custody, add_wallet, &list, err);
	if (!code && !list.n)
		code = add_wallet(&list, "", "", &a, err);
	if (!code && !list.n)
		code = aic_fail(err, AIC_NOT_FOUND, "no wallet %s is registered on the ledger", aic_address_text(text, &a));
	aic_cbor_put_array(r->out, list.n);
	aic_bytes_append(r->out, list.rows.data, list.rows.len);
	r->items = 1;
	aic_bytes_free(&list.rows);
	return code;
}

static aic_code op_history(request *r, aic_error *err)
{
	char wallet[AIC_NAME_LEN];
	aic_address a;
	aic_code code;

	aic_cbor_text(r->args, wallet, sizeof(wallet));
	uint64_t max = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_find(r->s->custody, wallet, &a, err)))
		return code;
	r->items = 1;
	return aic_history_put(r->s->state, r->s->custody, &a, max, r->out, err);
}

/* --- writing --- */

static aic_code op_wallet_ensure(request *r, aic_error *err)
{
	char wallet[AIC_NAME_LEN], organisation[AIC_NAME_LEN];
	aic_bytes body = {0};
	aic_address a;
	aic_wallet w;
	aic_posted posted;
	aic_code code;

	aic_cbor_text(r->args, wallet, sizeof(wallet));
	aic_cbor_text(r->args, organisation, sizeof(organisation));
	if ((code = aic_cbor_finish(r->args, err)) ||
	    (code = aic_custody_remember(r->s->custody, wallet, organisation, &a, err)))
		return code;
	code = aic_state_wallet(r->s->state, &a, &w, err);
	if (code == AIC_NOT_FOUND) {
		aic_id id = aic_custody_organisation(r->s->custody, organisation);

		aic_wallet_register_body(&body, &a, &id, AIC_WALLET_PLAIN);
		code = aic_service_post(r, AIC_TX_WALLET_REGISTER, &body, &posted, err);
		aic_bytes_free(&body);
	}
	aic_cbor_put_bytes(r->out, a.b, AIC_ADDRESS_LEN);
	r->items = 1;
	return code;
}

static aic_code op_transfer(request *r, aic_error *err)
{
	char from[AIC_NAME_LEN], to[AIC_NAME_LEN], text[AIC_AMOUNT_TEXT];
	aic_address a, b;
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code;

	aic_cbor_text(r->args, from, sizeof(from));
	aic_cbor_text(r->args, to, sizeof(to));
	aic_amount amount = aic_cbor_amount(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_find(r->s->custody, from, &a, err)) ||
	    (code = aic_custody_find(r->s->custody, to, &b, err)))
		return code;
	aic_transfer_body(&body, &a, &b, amount);
	code = aic_service_post(r, AIC_TX_TRANSFER, &body, &posted, err);
	aic_bytes_free(&body);
	if (code)
		return code;
	aic_info("transfer of %s AIC from %s to %s at height %llu by uid %u", aic_amount_format(text, amount), from, to,
	         (unsigned long long)posted.height, (unsigned)r->who->uid);
	aic_cbor_put_bytes(r->out, posted.tx.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 2;
	return AIC_OK;
}

/* --- who may call what --- */

typedef enum { ANYBODY, SERVICE, ADMIN, SERVICE_OR_ADMIN, OWNER } right;

static const char *const meant_for[] = {[SERVICE] = "AIC's own daemons", [OWNER] = "root and the user that aic.yaml names",
	[ADMIN] = "administrators (aic.yaml, administrators)", [SERVICE_OR_ADMIN] = "administrators (aic.yaml, administrators)"};

static bool allowed(const aic_service *s, const aic_rpc_caller *who, right needed)
{
	bool service = who->uid == 0 || who->uid == s->config->uid;
	bool admin = aic_config_is_admin(s->config, who->uid, who->gid);

	switch (needed) {
	case ANYBODY:
		return true;
	case SERVICE:
	case OWNER:
		return service;
	case ADMIN:
		return admin;
	default:
		return service || admin;
	}
}

static const struct operation {
	const char *name;
	right right;
	aic_code (*run)(request *r, aic_error *err);
} operations[] = {
	{"status", ANYBODY, op_status},
	{"parameters", SERVICE_OR_ADMIN, op_parameters},
	{"curve", SERVICE_OR_ADMIN, op_curve},
	{"wallets", SERVICE_OR_ADMIN, op_wallets},
	{"wallet", SERVICE_OR_ADMIN, op_wallet},
	{"history", SERVICE_OR_ADMIN, op_history},
	{"settlement", SERVICE_OR_ADMIN, aic_op_settlement},
	{"settle_preview", SERVICE_OR_ADMIN, aic_op_preview},
	{"settle", SERVICE, aic_op_settle},
	{"reverse", SERVICE, aic_op_reverse},
	{"revenue", SERVICE_OR_ADMIN, aic_op_revenue},
	{"assets", SERVICE_OR_ADMIN, aic_op_assets},
	{"asset_register", ADMIN, aic_op_asset_register},
	{"asset_terms", ADMIN, aic_op_asset_terms},
	{"asset_transfer", ADMIN, aic_op_asset_transfer},
	{"asset_retire", ADMIN, aic_op_asset_retire},
	{"session_open", SERVICE, aic_op_session_open},
	{"session_nodes", SERVICE, aic_op_session_nodes},
	{"session_commit", SERVICE, aic_op_session_commit},
	{"session_close", SERVICE, aic_op_session_close},
	{"session_challenge", ADMIN, aic_op_session_challenge},
	{"session_appeal", ADMIN, aic_op_session_appeal},
	{"session_rate", SERVICE, aic_op_session_rate},
	{"session_decoy", OWNER, aic_op_session_decoy},
	{"session_reveal", OWNER, aic_op_session_reveal},
	{"session_pay", SERVICE_OR_ADMIN, aic_op_session_pay},
	{"verdict", SERVICE, aic_op_verdict},
	{"verifier", OWNER, aic_op_verifier},
	{"session", SERVICE_OR_ADMIN, aic_op_session},
	{"sessions", SERVICE_OR_ADMIN, aic_op_sessions},
	{"session_commitments", SERVICE_OR_ADMIN, aic_op_session_commitments},
	{"wallet_ensure", SERVICE, op_wallet_ensure},
	{"transfer", ADMIN, op_transfer},
	{"checkpoint", SERVICE_OR_ADMIN, aic_op_checkpoint},
	{"keys", SERVICE_OR_ADMIN, aic_op_keys},
	{"key_register", OWNER, aic_op_key_register},
	{"key_revoke", OWNER, aic_op_key_revoke},
	{"key_rotate", OWNER, aic_op_key_rotate},
	{"key_replace", OWNER, aic_op_key_replace},
	{"policy", OWNER, aic_op_policy},
	{"node_wait", SERVICE, aic_op_node_wait},
	{"node_draw", SERVICE, aic_op_node_draw},
	{"node_sign", SERVICE, aic_op_node_sign},
	{"reseed", ADMIN, aic_op_reseed},
	{"reseed_result", ADMIN, aic_op_reseed_result},
};

aic_code aic_service_handle(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out,
                            size_t *out_items, aic_error *err)
{
	request r = {.s = ctx, .who = who, .args = args, .out = out};
	size_t start = out->len;
	char resumed[32];

	if (strcmp(op, "resume") == 0) {
		aic_code code = aic_service_resume(&r, resumed, err);
		if (code)
			return code;
		op = resumed;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(op, operations[i].name) != 0)
			continue;
		if (!allowed(r.s, who, operations[i].right))
			return aic_fail(err, AIC_REFUSED, "uid %u may not ask the ledger for \"%s\": that is for %s", (unsigned)who->uid, op,
			                meant_for[operations[i].right]);
		if (!r.s->started)
			return aic_fail(err, AIC_UNREACHABLE, "this site has no copy of the ledger yet: %s", r.s->log.message);
		aic_code code = operations[i].run(&r, err);
		if (code)
			aic_custody_translate(r.s->custody, err);
		if (r.resume && !r.waiting)
			aic_generator_forget(r.s->generator, r.resume); /* it was answered, by the ticket or by what stands on the ledger */
		if (code && r.waiting) {
			aic_service_say_waiting(&r, start, err);
			code = AIC_OK;
		}
		*out_items = r.items;
		return code;
	}
	return aic_fail(err, AIC_REFUSED, "the ledger knows no operation \"%s\"", op);
}
