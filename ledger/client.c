/* client.c: see client.h; operations are in doc/formats/rpc-ledger.md. */
#include "ledger/client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/rpc.h"
#include "common/time.h"
#include "ledger/client_call.h"
#include "ledger/service.h"
#include "ledger/state/settlement.h"

#define TIMEOUT_MS 120000 /* a settlement of the largest size on a slow disk */
#define WALLETS_MAX (1u << 20)
#define RPC_ITEMS_MAX 64
#define PATIENCE_MS 60000 /* for a request that waits for its block, or for finality */
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 500

struct aic_ledger {
	aic_rpc *rpc;
	aic_bytes body, resume, keep;
};

aic_code aic_ledger_open(aic_ledger **out, const aic_config *config, aic_error *err)
{
	aic_ledger *l = aic_xcalloc(1, sizeof(*l));
	char address[AIC_PATH_LEN];
	aic_code code;

	aic_rpc_use_munge(config->munge_socket);
	code = aic_rpc_open(&l->rpc, "ledger", aic_config_ledger_socket(config, address), config->uid, TIMEOUT_MS, err);
	if (code) {
		free(l);
		return code;
	}
	*out = l;
	return AIC_OK;
}

void aic_ledger_close(aic_ledger *l)
{
	if (!l)
		return;
	aic_rpc_close(l->rpc);
	aic_bytes_free(&l->body);
	aic_bytes_free(&l->resume);
	aic_bytes_free(&l->keep);
	free(l);
}

aic_bytes *aic_client_begin(aic_ledger *l, const char *op, size_t args)
{
	aic_bytes_clear(&l->body);
	aic_rpc_begin(&l->body, op, args);
	return &l->body;
}

/* The same request once more, under its ticket. */
static aic_code make_resume(aic_ledger *l, uint64_t ticket, aic_error *err)
{
	aic_bytes again = {0};
	aic_cbor c;

	aic_cbor_init(&c, l->body.data, l->body.len);
	size_t n = aic_cbor_array(&c, RPC_ITEMS_MAX);
	if (!aic_cbor_ok(&c))
		return aic_cbor_finish(&c, err);
	aic_rpc_begin(&again, "resume", n + 1);
	aic_cbor_put_uint(&again, ticket);
	aic_bytes_append(&again, l->body.data + c.pos, l->body.len - c.pos);
	aic_bytes_free(&l->resume);
	l->resume = again;
	return AIC_OK;
}

/* Whether aicledgerd answers that the request waits; then its ticket, and in err why. */
static bool is_waiting(const aic_cbor *answer, uint64_t *ticket, aic_error *err)
{
	char word[8] = "", why[sizeof(err->message)] = "";
	aic_cbor c = *answer;

	if (aic_cbor_peek(&c) != AIC_CBOR_TEXT)
		return false;
	aic_cbor_text(&c, word, sizeof(word));
	if (!aic_cbor_ok(&c) || strcmp(word, "waiting") != 0)
		return false;
	*ticket = aic_cbor_uint(&c);
	aic_cbor_text(&c, why, sizeof(why));
	aic_fail(err, AIC_UNREACHABLE, "%s", why);
	return aic_cbor_ok(&c);
}

aic_code aic_client_call(aic_ledger *l, aic_cbor *answer, aic_error *err)
{
	int64_t until = aic_monotonic_ms() + PATIENCE_MS;
	int pause = PAUSE_MIN_MS;
	uint64_t ticket;
	aic_error why;

	aic_bytes_free(&l->keep);
	aic_code code = aic_rpc_call(l->rpc, &l->body, &l->keep, answer, err);
	while (!code && is_waiting(answer, &ticket, &why)) {
		if (aic_monotonic_ms() >= until)
			return aic_fail(err, AIC_UNREACHABLE, "%s; it is carried out as soon as that is possible: look before you ask again",
			                why.message);
		poll(NULL, 0, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
		if ((code = make_resume(l, ticket, err)))
			return code;
		aic_bytes_free(&l->keep);
		code = aic_rpc_call(l->rpc, &l->resume, &l->keep, answer, err);
	}
	return code;
}

aic_code aic_client_final(aic_ledger *l, uint64_t height, const char *what, aic_error *err)
{
	int64_t until = aic_monotonic_ms() + PATIENCE_MS;
	int pause = PAUSE_MIN_MS;

	for (;;) {
		aic_ledger_status status;
		aic_code code = aic_ledger_status_get(l, &status, err);

		if (code || status.final_height >= height)
			return code;
		if (aic_monotonic_ms() >= until)
			return aic_fail(err, AIC_UNREACHABLE, "the %s is in the block at height %llu and not final yet (final is height %llu): more member "
			                "sites must attest it; `aic ledger status` shows when they have, do not ask for it again", what,
			                (unsigned long long)height, (unsigned long long)status.final_height);
		poll(NULL, 0, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

aic_code aic_client_posted(aic_ledger *l, const char *what, aic_hash *tx, uint64_t *height, aic_error *err)
{
	aic_cbor c;
	aic_code code = aic_client_call(l, &c, err);

	if (code)
		return code;
	aic_cbor_bytes_exact(&c, tx->b, AIC_HASH_LEN);
	*height = aic_cbor_uint(&c);
	code = aic_cbor_finish(&c, err);
	return code ? code : aic_client_final(l, *height, what, err);
}

aic_code aic_ledger_wallet_ensure(aic_ledger *l, const char *name, const char *organisation, aic_address *out, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "wallet_ensure", 2);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_text(b, name);
	aic_cbor_put_text(b, organisation);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	aic_cbor_bytes_exact(&c, out->b, AIC_ADDRESS_LEN);
	return aic_cbor_finish(&c, err);
}

static aic_code get_wallets(aic_ledger *l, aic_ledger_wallet **out, size_t *n, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	if ((code = aic_client_call(l, &c, err)))
		return code;
	*n = aic_cbor_array(&c, WALLETS_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_ledger_wallet *w = &(*out)[i];

		aic_cbor_array_exact(&c, 6);
		aic_cbor_text(&c, w->name, sizeof(w->name));
		aic_cbor_text(&c, w->organisation, sizeof(w->organisation));
		aic_cbor_bytes_exact(&c, w->address.b, AIC_ADDRESS_LEN);
		w->balance = aic_cbor_amount(&c);
		w->debt = aic_cbor_amount(&c);
		w->rating_ppm = aic_cbor_uint(&c);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}

aic_code aic_ledger_wallets(aic_ledger *l, aic_ledger_wallet **out, size_t *n, aic_error *err)
{
	aic_client_begin(l, "wallets", 0);
	return get_wallets(l, out, n, err);
}

aic_code aic_ledger_wallet_get(aic_ledger *l, const char *wallet, aic_ledger_wallet *out, aic_error *err)
{
	aic_ledger_wallet *row;
	size_t n;
	aic_bytes *b = aic_client_begin(l, "wallet", 1);
	aic_code code;

	aic_cbor_put_text(b, wallet);
	if ((code = get_wallets(l, &row, &n, err)))
		return code;
	if (n == 1)
		*out = row[0];
	else
		code = aic_fail(err, AIC_CORRUPT, "aicledgerd answers with %zu wallets in place of one: are its release and this one the same?", n);
	free(row);
	return code;
}

aic_code aic_ledger_transfer(aic_ledger *l, const char *from, const char *to, aic_amount amount, aic_hash *tx, uint64_t *height,
                             aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "transfer", 3);

	aic_cbor_put_text(b, from);
	aic_cbor_put_text(b, to);
	aic_cbor_put_amount(b, amount);
	return aic_client_posted(l, "transfer", tx, height, err);
}

aic_code aic_ledger_parameters_get(aic_ledger *l, aic_ledger_parameters *out, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	aic_client_begin(l, "parameters", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	out->fee_ppm = aic_cbor_uint(&c);
	out->rho_ppm = aic_cbor_uint(&c);
	out->kappa_ppm = aic_cbor_uint(&c);
	out->verify_ppm = aic_cbor_uint(&c);
	out->fees_total = aic_cbor_amount(&c);
	out->issued = aic_cbor_amount(&c);
	out->issuable = aic_cbor_amount(&c);
	out->supply = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_curve_get(aic_ledger *l, aic_ledger_curve *out, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	aic_client_begin(l, "curve", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	out->limit = aic_cbor_amount(&c);
	out->fees_total = aic_cbor_amount(&c);
	out->issued = aic_cbor_amount(&c);
	out->issuable = aic_cbor_amount(&c);
	for (size_t i = 0; i < AIC_CURVE_POINTS; i++) {
		out->x[i] = aic_cbor_amount(&c);
		out->s[i] = aic_cbor_amount(&c);
	}
	return aic_cbor_finish(&c, err);
}

static aic_code read_result(aic_ledger *l, aic_settlement_result *out, aic_error *err)
{
	aic_cbor c;
	aic_code code = aic_client_call(l, &c, err);

	memset(out, 0, sizeof(*out));
	if (code)
		return code;
	aic_wire_get_result(&c, out);
	if ((code = aic_cbor_finish(&c, err)))
		aic_settlement_result_clear(out);
	return code;
}

aic_code aic_ledger_settle(aic_ledger *l, const aic_settlement *s, aic_settlement_result *out, aic_error *err)
{
	aic_wire_put_settlement(aic_client_begin(l, "settle", 1), s);
	return read_result(l, out, err);
}

aic_code aic_ledger_settle_preview(aic_ledger *l, const aic_settlement *s, aic_settlement_result *out, aic_error *err)
{
	aic_wire_put_settlement(aic_client_begin(l, "settle_preview", 1), s);
	return read_result(l, out, err);
}

aic_code aic_ledger_settlement_get(aic_ledger *l, const char *period, uint64_t number, aic_settlement_result *out, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "settlement", 2);

	aic_cbor_put_text(b, period);
	aic_cbor_put_uint(b, number);
	return read_result(l, out, err);
}

aic_code aic_ledger_reverse(aic_ledger *l, const char *period, uint64_t number, uint64_t line, aic_amount amount,
                            const aic_hash *evidence, const aic_approval *approval, size_t n, aic_hash *tx, uint64_t *height,
                            aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "reverse", 6);

	aic_cbor_put_text(b, period);
	aic_cbor_put_uint(b, number);
	aic_cbor_put_uint(b, line);
	aic_cbor_put_amount(b, amount);
	aic_cbor_put_bytes(b, evidence->b, AIC_HASH_LEN);
	aic_approvals_put(b, approval, n);
	return aic_client_posted(l, "reversal", tx, height, err);
}

aic_code aic_ledger_history(aic_ledger *l, const char *wallet, uint64_t max, aic_ledger_event **out, size_t *n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "history", 2);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_text(b, wallet);
	aic_cbor_put_uint(b, max);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*n = aic_cbor_array(&c, WALLETS_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_ledger_event *e = &(*out)[i];

		aic_cbor_array_exact(&c, 7);
		e->height = aic_cbor_uint(&c);
		e->time = aic_cbor_int(&c);
		aic_cbor_text(&c, e->event, sizeof(e->event));
		aic_cbor_text(&c, e->from, sizeof(e->from));
		aic_cbor_text(&c, e->to, sizeof(e->to));
		e->amount = aic_cbor_amount(&c);
		aic_cbor_text(&c, e->note, sizeof(e->note));
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}

aic_code aic_ledger_status_get(aic_ledger *l, aic_ledger_status *out, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	memset(out, 0, sizeof(*out));
	aic_client_begin(l, "status", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	out->height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, out->head.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, out->state_root.b, AIC_HASH_LEN);
	out->transactions = aic_cbor_uint(&c);
	out->time = aic_cbor_int(&c);
	out->final_height = aic_cbor_uint(&c);
	aic_cbor_text(&c, out->chain, sizeof(out->chain));
	aic_cbor_text(&c, out->log, sizeof(out->log));
	out->log_first = aic_cbor_uint(&c);
	out->used = aic_cbor_uint(&c);
	out->quota = aic_cbor_uint(&c);
	out->full = aic_cbor_bool(&c);
	out->nodes = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_reseed_begin(aic_ledger *l, bool apply, aic_error *err)
{
	aic_cbor c;
	aic_code code;

	aic_cbor_put_bool(aic_client_begin(l, "reseed", 1), apply);
	code = aic_client_call(l, &c, err);
	return code ? code : aic_cbor_finish(&c, err);
}

aic_code aic_ledger_reseed_get(aic_ledger *l, aic_ledger_reseed *out, aic_error *err)
{
	uint64_t *const figures[] = {&out->found, &out->restored, &out->from, &out->missing, &out->different, &out->dropped};
	aic_cbor c;
	aic_code code;

	aic_client_begin(l, "reseed_result", 0);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	out->done = aic_cbor_bool(&c);
	out->needed = aic_cbor_bool(&c);
	out->empty = aic_cbor_bool(&c);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		*figures[i] = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err);
}
