/* state.c: see state.h. The block in the making lives in memory; the tree keeps the journal to undo it. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/state_private.h"

/* --- making a block --- */

void aic_state_begin(aic_state *s, uint64_t height, int64_t time)
{
	aic_state_discard(s);
	s->height = height;
	s->time = time;
}

void aic_state_generator(aic_state *s, const aic_id *generator)
{
	s->generator = *generator;
}

void aic_state_draw(aic_state *s, const void *output, size_t len)
{
	aic_bytes_clear(&s->draw);
	aic_bytes_append(&s->draw, output, len);
}

uint64_t aic_state_drawn(const aic_state *s)
{
	return s->drawn;
}

void aic_state_discard(aic_state *s)
{
	aic_tree_undo(s->tree, 0);
	memset(&s->tx_leaves, 0, sizeof(s->tx_leaves));
	memset(&s->event_leaves, 0, sizeof(s->event_leaves));
	aic_bytes_clear(&s->events);
	aic_bytes_clear(&s->results);
	aic_bytes_clear(&s->paths);
	aic_bytes_clear(&s->sessions);
	aic_bytes_clear(&s->draw);
	memset(&s->generator, 0, sizeof(s->generator));
	s->n_tx = s->n_touched = 0;
}

/* The signer's key must be registered, valid at this height, and its nonce the next one. */
static aic_code admit(aic_exec *x, aic_error *err)
{
	const aic_transaction *tx = x->tx;
	aic_code code = aic_state_key(x->state, tx->signer, &x->signer, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "the key that signed this %s transaction is not registered on the ledger",
		                aic_tx_kind_name(tx->kind));
	if (code)
		return code;
	if (x->height < x->signer.since || (x->signer.until && x->height >= x->signer.until))
		return aic_fail(err, AIC_REFUSED, "the key that signed this %s transaction is not valid at height %llu",
		                aic_tx_kind_name(tx->kind), (unsigned long long)x->height);
	if (tx->nonce != x->signer.nonce)
		return aic_fail(err, AIC_REFUSED, "this %s transaction has nonce %llu, the next one of its signer is %llu: build it again",
		                aic_tx_kind_name(tx->kind), (unsigned long long)tx->nonce, (unsigned long long)x->signer.nonce);
	if ((code = aic_tx_verify(tx, &x->state->head.chain, err)))
		return code;
	x->signer.nonce++;
	return aic_state_key_put(x->state, tx->signer, &x->signer, err);
}

static void add_tx(aic_state *s, const aic_transaction *tx, const void *data, size_t len)
{
	aic_hash leaf = aic_merkle_leaf(data, len);

	if (s->n_tx == s->cap_tx) {
		s->cap_tx = s->cap_tx ? s->cap_tx * 2 : 16;
		s->tx = aic_xrealloc(s->tx, s->cap_tx * sizeof(*s->tx));
	}
	s->tx[s->n_tx++] = (pending_tx){tx->id, s->results.len};
	aic_frontier_add(&s->tx_leaves, &leaf);
}

aic_code aic_state_execute(aic_state *s, const void *data, size_t len, aic_error *err)
{
	aic_transaction tx;
	aic_exec x = {.state = s, .tx = &tx, .height = s->height, .time = s->time, .index = s->n_tx};
	size_t mark = aic_tree_mark(s->tree), events = s->events.len, results = s->results.len, touched = s->n_touched,
	       paths = s->paths.len, sessions = s->sessions.len;
	aic_frontier leaves = s->event_leaves;
	aic_code code = aic_tx_decode(&tx, data, len, err);

	if (!code && !(code = admit(&x, err)))
		code = aic_execute(&x, err);
	if (!code) {
		add_tx(s, &tx, data, len);
		return AIC_OK;
	}
	aic_tree_undo(s->tree, mark);
	s->events.len = events;
	s->results.len = results;
	s->n_touched = touched;
	s->paths.len = paths;
	s->sessions.len = sessions;
	s->event_leaves = leaves;
	return code;
}

aic_hash aic_state_transactions_root(const aic_state *s)
{
	return aic_frontier_root(&s->tx_leaves);
}

aic_hash aic_state_events_root(const aic_state *s)
{
	return aic_frontier_root(&s->event_leaves);
}

size_t aic_state_pending(const aic_state *s)
{
	return s->n_tx;
}

uint64_t aic_state_failures(const aic_state *s)
{
	return s->failures;
}

void aic_state_failed(aic_state *s)
{
	s->failures++;
}

int64_t aic_state_time(const aic_state *s)
{
	return s->time;
}

aic_bytes *aic_state_result_out(aic_state *s)
{
	return &s->results;
}

void aic_state_touch(aic_state *s, const aic_address *a)
{
	if (aic_address_is_zero(a))
		return;
	if (s->n_touched == s->cap_touched) {
		s->cap_touched = s->cap_touched ? s->cap_touched * 2 : 64;
		s->touched = aic_xrealloc(s->touched, s->cap_touched * sizeof(*s->touched));
	}
	s->touched[s->n_touched++] = *a;
}

void aic_state_log(aic_state *s, uint64_t kind, const aic_address *a, const aic_address *b, aic_u256 value, const char *note)
{
	aic_event e = {.kind = kind, .tx = s->n_tx, .a = *a, .b = *b, .value = value};
	size_t start = s->events.len;

	aic_str_copy(e.note, sizeof(e.note), note);
	aic_event_put(&s->events, &e);
	aic_hash leaf = aic_merkle_leaf(s->events.data + start, s->events.len - start);
	aic_frontier_add(&s->event_leaves, &leaf);
}

void aic_state_emit(aic_state *s, uint64_t kind, const aic_address *a, const aic_address *b, aic_u256 value, const char *note)
{
	aic_state_log(s, kind, a, b, value, note);
	aic_state_touch(s, a);
	aic_state_touch(s, b);
}

