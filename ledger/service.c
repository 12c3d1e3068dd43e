/* service.c: see service.h. One function per operation; who may call what stands in the table at the end. */
#include "ledger/service_operation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "ledger/genesis.h"
#include "ledger/history.h"
#include "ledger/order/open.h"
#include "ledger/state/execute.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"

typedef aic_request request;

/* --- reading --- */

static aic_code op_status(request *r, aic_error *err)
{
	const aic_head *head = aic_state_head(r->s->state);
	char chain[2 * AIC_HASH_LEN + 1];

	(void)err;
	aic_hash_hex(chain, &head->chain);
	aic_cbor_put_uint(r->out, head->height);
	aic_cbor_put_bytes(r->out, head->hash.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(r->out, head->root.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, head->transactions);
	aic_cbor_put_int(r->out, head->time);
	aic_cbor_put_uint(r->out, r->s->chain.final_height);
	aic_cbor_put_text(r->out, chain);
	r->items = 7;
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

/* --- settlements --- */

/* The settlement's own body, from its block. */
static aic_code settlement_body(aic_service *s, const aic_settlement_row *row, aic_bytes *body, aic_error *err)
{
	aic_bytes result = {0}, bytes = {0};
	aic_block b = {.n_tx = 0};
	aic_transaction tx;
	uint64_t height, index;
	aic_hash hash;
	bool valid;
	aic_code code;

	if (!(code = aic_state_find_tx(s->state, &row->tx, &height, &index, &result, err)) &&
	    !(code = aic_state_block(s->state, height, &bytes, &hash, &valid, err)) &&
	    !(code = aic_block_decode(&b, bytes.data, bytes.len, err)) &&
	    !(code = aic_tx_decode(&tx, b.tx[index].data, b.tx[index].len, err)))
		aic_bytes_append(body, tx.body, tx.body_len);
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	aic_bytes_free(&result);
	return code;
}

static aic_code settlement_result(aic_service *s, const aic_settlement_row *row, aic_settlement_result *out, aic_error *err)
{
	aic_bytes result = {0}, body = {0};
	uint64_t index;
	aic_code code = aic_state_find_tx(s->state, &row->tx, &out->height, &index, &result, err);

	if (code == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_CORRUPT, "the settlement's transaction is missing from the state: rebuild the state by replay");
	if (!code)
		code = aic_settlement_result_decode(out, result.data, result.len, err);
	if (!code && !(code = settlement_body(s, row, &body, err)))
		code = aic_settlement_hashes_of(body.data, body.len, &out->evidence, &out->batch, err);
	out->posted = true;
	out->final = s->chain.final_height >= row->height;
	out->tx = row->tx;
	aic_bytes_free(&result);
	aic_bytes_free(&body);
	return code;
}

static aic_code answer_result(request *r, const aic_settlement_row *row, aic_error *err)
{
	aic_settlement_result result = {0};
	aic_code code = settlement_result(r->s, row, &result, err);

	if (!code)
		aic_wire_put_result(r->out, &result);
	r->items = 1;
	aic_settlement_result_clear(&result);
	return code;
}

static aic_code op_settlement(request *r, aic_error *err)
{
	char period[16];
	aic_settlement_row row;
	aic_code code;

	aic_cbor_text(r->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	code = aic_state_settlement(r->s->state, &r->s->chain.site, period, number, &row, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu has been posted", period, (unsigned long long)number);
	return code ? code : answer_result(r, &row, err);
}

static aic_code read_settlement(request *r, aic_settlement *s, aic_bytes *body, aic_error *err)
{
	aic_wire_get_settlement(r->args, s);
	aic_code code = aic_cbor_finish(r->args, err);

	if (!code)
		aic_settlement_body(body, s);
	free((void *)s->line);
	s->line = NULL;
	return code;
}

/* A repeat with the same content answers as the first did. */
static aic_code settle(request *r, const aic_settlement *st, const aic_bytes *body, aic_error *err)
{
	aic_hash content = aic_sha256_of(body->data, body->len);
	aic_settlement_row row;
	aic_posted posted;
	aic_code code = aic_chain_catch_up(&r->s->chain, err);

	if (!code)
		code = aic_state_settlement(r->s->state, &r->s->chain.site, st->period, st->number, &row, err);
	if (code == AIC_OK && !aic_hash_equal(&row.content, &content))
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu was posted at height %llu with other content: nothing was changed",
		                st->period, (unsigned long long)st->number, (unsigned long long)row.height);
	if (code == AIC_NOT_FOUND && !(code = aic_chain_post(&r->s->chain, AIC_TX_SETTLEMENT, body, &posted, err))) {
		code = aic_state_settlement(r->s->state, &r->s->chain.site, st->period, st->number, &row, err);
		aic_info("settlement %s/%llu posted at height %llu, %zu lines, by uid %u", st->period, (unsigned long long)st->number,
		         (unsigned long long)posted.height, st->n_lines, (unsigned)r->who->uid);
	}
	return code ? code : answer_result(r, &row, err);
}

static aic_code op_settle(request *r, aic_error *err)
{
	aic_settlement s;
	aic_bytes body = {0};
	aic_code code = read_settlement(r, &s, &body, err);

	if (!code)
		code = settle(r, &s, &body, err);
	aic_bytes_free(&body);
	return code;
}

static aic_code op_preview(request *r, aic_error *err)
{
	aic_settlement s;
	aic_bytes body = {0}, bytes = {0};
	aic_settlement_result result = {0};
	aic_code code = read_settlement(r, &s, &body, err);

	if (!code && !(code = aic_chain_preview(&r->s->chain, AIC_TX_SETTLEMENT, &body, &bytes, err)) &&
	    !(code = aic_settlement_result_decode(&result, bytes.data, bytes.len, err)))
		aic_wire_put_result(r->out, &result);
	r->items = 1;
	aic_settlement_result_clear(&result);
	aic_bytes_free(&body);
	aic_bytes_free(&bytes);
	return code;
}

/* --- writing --- */

typedef struct {
	char period[16];
	uint64_t number, line;
	aic_amount amount;
	aic_hash evidence;
	aic_approval approval[AIC_APPROVALS_MAX];
	size_t n_approvals;
} reversal_request;

static aic_code post_reversal(request *r, const reversal_request *q, const aic_settlement_row *row, aic_posted *posted, aic_error *err)
{
	aic_bytes settlement = {0}, body = {0};
	char text[AIC_AMOUNT_TEXT];
	aic_code code;

	if (!(code = settlement_body(r->s, row, &settlement, err)) &&
	    !(code = aic_reversal_body_of(&body, settlement.data, settlement.len, q->line, q->amount, &q->evidence, q->approval, q->n_approvals,
	                                   err)) &&
	    !(code = aic_chain_post(&r->s->chain, AIC_TX_REVERSAL, &body, posted, err)))
		aic_info("reversal of %s AIC of settlement %s/%llu line %llu at height %llu by uid %u", aic_amount_format(text, q->amount),
		         q->period, (unsigned long long)q->number, (unsigned long long)q->line + 1, (unsigned long long)posted->height,
		         (unsigned)r->who->uid);
	aic_bytes_free(&settlement);
	aic_bytes_free(&body);
	return code;
}

/* A repeat for the same evidence answers as the first did. */
static aic_code op_reverse(request *r, aic_error *err)
{
	reversal_request q = {.number = 0};
	aic_settlement_row row;
	aic_reversal_row there;
	aic_posted posted;
	aic_code code;

	aic_cbor_text(r->args, q.period, sizeof(q.period));
	q.number = aic_cbor_uint(r->args);
	q.line = aic_cbor_uint(r->args);
	q.amount = aic_cbor_amount(r->args);
	aic_cbor_bytes_exact(r->args, q.evidence.b, AIC_HASH_LEN);
	q.n_approvals = aic_approvals_get(r->args, q.approval);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_chain_catch_up(&r->s->chain, err)))
		return code;
	code = aic_state_settlement(r->s->state, &r->s->chain.site, q.period, q.number, &row, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu has been posted", q.period, (unsigned long long)q.number);
	if (code)
		return code;
	code = aic_reversal_find(r->s->state, &row.tx, q.line, &q.evidence, &there, err);
	if (code == AIC_OK && there.amount != q.amount)
		return aic_fail(err, AIC_REFUSED, "line %llu was reversed for this evidence at height %llu with another amount",
		                (unsigned long long)q.line + 1, (unsigned long long)there.height);
	if (code == AIC_OK)
		posted = (aic_posted){there.tx, there.height};
	else if (code == AIC_NOT_FOUND)
		code = post_reversal(r, &q, &row, &posted, err);
	if (code)
		return code;
	aic_cbor_put_bytes(r->out, posted.tx.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 2;
	return AIC_OK;
}

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
		code = aic_chain_post(&r->s->chain, AIC_TX_WALLET_REGISTER, &body, &posted, err);
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
	code = aic_chain_post(&r->s->chain, AIC_TX_TRANSFER, &body, &posted, err);
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
	{"settlement", SERVICE_OR_ADMIN, op_settlement},
	{"settle_preview", SERVICE_OR_ADMIN, op_preview},
	{"settle", SERVICE, op_settle},
	{"reverse", SERVICE, op_reverse},
	{"wallet_ensure", SERVICE, op_wallet_ensure},
	{"transfer", ADMIN, op_transfer},
	{"keys", SERVICE_OR_ADMIN, aic_op_keys},
	{"key_register", OWNER, aic_op_key_register},
	{"key_revoke", OWNER, aic_op_key_revoke},
	{"key_rotate", OWNER, aic_op_key_rotate},
	{"key_replace", OWNER, aic_op_key_replace},
	{"policy", OWNER, aic_op_policy},
};

aic_code aic_service_handle(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out,
                            size_t *out_items, aic_error *err)
{
	request r = {.s = ctx, .who = who, .args = args, .out = out};

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(op, operations[i].name) != 0)
			continue;
		if (!allowed(r.s, who, operations[i].right))
			return aic_fail(err, AIC_REFUSED, "uid %u may not ask the ledger for \"%s\": that is for %s", (unsigned)who->uid, op,
			                meant_for[operations[i].right]);
		aic_code code = operations[i].run(&r, err);
		if (code)
			aic_custody_translate(r.s->custody, err);
		*out_items = r.items;
		return code;
	}
	return aic_fail(err, AIC_REFUSED, "the ledger knows no operation \"%s\"", op);
}

/* --- opening --- */

static aic_code take_lock(aic_service *s, const char *path, aic_error *err)
{
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (s->lock < 0)
		return aic_fail_errno(err, "cannot open %s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return AIC_OK;
	if (errno == EWOULDBLOCK)
		return aic_fail(err, AIC_REFUSED, "another aicledgerd holds %s: only one can run per state directory", path);
	return aic_fail_errno(err, "cannot lock %s", path);
}

static aic_code other_chain(const aic_service *s, const char *where, const aic_hash *chain, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, chain);
	if (strcmp(hex, s->config->chain) == 0)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "%s is of the ledger %s, aic.yaml says \"chain: %s\": correct ledger.chain or what names the "
	                "log", where, hex, s->config->chain);
}

static aic_code compare_genesis(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(block, len);

	(void)height;
	return other_chain(ctx, "the log", &chain, err);
}

/* What this site would take for its ledger, before it does: its own copy, or the log, or genesis.yaml. */
static aic_code check_chain(aic_service *s, bool log_is_empty, const aic_bytes *genesis, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(genesis->data, genesis->len);

	if (!s->config->chain[0])
		return AIC_OK;
	if (!aic_state_is_empty(s->state))
		return other_chain(s, "this site's copy", &aic_state_head(s->state)->chain, err);
	if (log_is_empty)
		return other_chain(s, "genesis.yaml", &chain, err);
	return aic_order_read(&s->order, 0, 1, compare_genesis, s, err);
}

/* genesis.yaml is read when the log is new; later its canonical form is in the log, and the file does not matter. */
static aic_code start_chain(aic_service *s, aic_error *err)
{
	const aic_key *key = aic_custody_site_key(s->custody);
	aic_genesis g;
	aic_bytes bytes = {0};
	aic_order_head head;
	aic_code code = aic_order_head_get(&s->order, &head, err);

	if (!code && head.empty && !(code = aic_genesis_load(&g, s->config->genesis, s->custody, key, err))) {
		aic_genesis_encode(&g, &bytes);
		aic_genesis_clear(&g);
	}
	if (!code && !(code = check_chain(s, head.empty, &bytes, err)))
		code = aic_chain_open(&s->chain, s->state, &s->order, key, bytes.len ? bytes.data : NULL, bytes.len, err);
	aic_bytes_free(&bytes);
	if (!code && (s->chain.next = aic_custody_next_key(s->custody)) && !(code = aic_chain_catch_up(&s->chain, err)))
		code = aic_service_take_over(s, err);
	return code;
}

aic_code aic_service_open(aic_service *s, const aic_config *config, aic_error *err)
{
	char dir[AIC_PATH_LEN], lock[AIC_PATH_LEN], order[AIC_PATH_LEN], state[AIC_PATH_LEN];
	aic_address treasury;
	aic_code code;

	*s = (aic_service){.config = config, .lock = -1};
	if ((code = aic_path_join(dir, sizeof(dir), config->state_dir, "ledger", err)) ||
	    (code = aic_path_join(lock, sizeof(lock), dir, "lock", err)) ||
	    (code = aic_path_join(order, sizeof(order), dir, "order.db", err)) ||
	    (code = aic_path_join(state, sizeof(state), dir, "state.db", err)) || (code = aic_dir_make(dir, 0750, err)) ||
	    (code = take_lock(s, lock, err)) || (code = aic_custody_open(&s->custody, config->state_dir, err)) ||
	    (code = aic_custody_remember(s->custody, AIC_WALLET_TREASURY, AIC_WALLET_TREASURY, &treasury, err)) ||
	    (code = aic_order_open(&s->order, config, order, err)) ||
	    (code = aic_state_open(&s->state, state, AIC_DB_DURABLE, err)) || (code = start_chain(s, err)))
		aic_service_close(s);
	return code;
}

void aic_service_close(aic_service *s)
{
	aic_state_close(s->state);
	aic_order_close(&s->order);
	aic_custody_close(s->custody);
	if (s->lock >= 0)
		close(s->lock);
	*s = (aic_service){.lock = -1};
}
