/* order.c: the order as one site sees it: a log and a board that all share, behind answers that get lost, come late, twice or in
 * another order; and an engine that may be hostile: two logs for two sites, or blocks that it forgets. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

sim_log *sim_order_log(sim_site *s)
{
	return &s->world->log[s->world->split && s->other_log];
}

static size_t visible(sim_site *s)
{
	size_t n = sim_order_log(s)->n;

	return s->world->hidden < n ? n - s->world->hidden : 0;
}

static void entry_free(sim_entry *e)
{
	aic_bytes_free(&e->bytes);
}

static void cut(sim_log *l, size_t n)
{
	while (l->n > n)
		entry_free(&l->list[--l->n]);
}

static void push(sim_log *l, const void *block, size_t len, const aic_hash *name)
{
	l->list = aic_xrealloc(l->list, (l->n + 1) * sizeof(*l->list));
	l->list[l->n] = (sim_entry){.name = *name};
	aic_bytes_append(&l->list[l->n++].bytes, block, len);
}

void sim_order_force(sim_site *s, const aic_bytes *block, const aic_hash *name)
{
	push(sim_order_log(s), block->data, block->len, name);
}

/* --- answers --- */

static bool happens(sim *w, unsigned percent)
{
	return !w->quiet && sim_chance(&w->random, percent);
}

static aic_code no_answer(aic_error *err)
{
	return aic_fail(err, AIC_UNREACHABLE, "the simulated order does not answer");
}

/* Each call: the site may be dead, the answer late, or lost before anything happened. */
static aic_code begin(sim_site *s, aic_error *err)
{
	sim *w = s->world;

	if (sim_disk_is_dead(s->disk) || happens(w, w->faults.drop))
		return no_answer(err);
	if (happens(w, w->faults.delay))
		w->ms += sim_below(&w->random, 3000);
	return AIC_OK;
}

static aic_code order_head(void *self, aic_order_head *head, aic_error *err)
{
	sim_site *s = self;
	aic_code code = begin(s, err);
	size_t n = visible(s);

	memset(head, 0, sizeof(*head));
	head->empty = !n;
	if (n) {
		head->height = n - 1;
		head->hash = sim_order_log(s)->list[n - 1].name;
	}
	return code;
}

static bool fits(sim_site *s, const aic_order_head *expected)
{
	aic_order_head now = {.empty = !visible(s)};

	if (now.empty || expected->empty)
		return now.empty == expected->empty;
	return expected->height == visible(s) - 1 && aic_hash_equal(&expected->hash, &sim_order_log(s)->list[visible(s) - 1].name);
}

static bool is_there(sim_site *s, uint64_t height, const void *block, size_t len)
{
	if (height >= visible(s))
		return false;
	const aic_bytes *there = &sim_order_log(s)->list[height].bytes;
	return there->len == len && memcmp(there->data, block, len) == 0;
}

static aic_code order_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                             aic_error *err)
{
	sim_site *s = self;
	sim *w = s->world;
	uint64_t height = expected->empty ? 0 : expected->height + 1;
	bool was_dead = sim_disk_is_dead(s->disk);
	aic_code code = begin(s, err);

	sim_check_sent(s, height, block, len);
	if (code)
		return w->plant == PLANT_DROP && sim_honest(s) && !was_dead ? AIC_OK : code;
	bool alive = sim_disk_effect(s->disk), again = is_there(s, height, block, len);
	if (!alive && sim_chance(&w->random, 50))
		return no_answer(err);
	if (!again && !fits(s, expected))
		return alive ? aic_fail(err, AIC_REFUSED, "the log's head is at height %zu by now: build the block anew", visible(s) - 1)
		             : no_answer(err);
	if (!again) {
		if (w->hidden) { /* what was hidden is lost by this */
			cut(sim_order_log(s), visible(s));
			w->hidden = 0;
			w->forgot = true;
		}
		push(sim_order_log(s), block, len, hash);
		sim_note(w, "site %u: block %llu ordered, %zu bytes", s->number, (unsigned long long)height, len);
	}
	return !alive || happens(w, w->faults.ambiguous) ? no_answer(err) : AIC_OK;
}

static aic_code show(sim_site *s, uint64_t label, uint64_t height, aic_order_visit visit, void *ctx, aic_error *err)
{
	const aic_bytes *there = &sim_order_log(s)->list[height].bytes;
	const uint8_t *block = there->data;
	size_t len = there->len;

	if (!sim_plant_visit(s, &label, &block, &len))
		return AIC_OK;
	/* exactly as large as it is, so that a reader beyond its end is found */
	uint8_t *copy = aic_xmalloc(len ? len : 1);
	if (len)
		memcpy(copy, block, len);
	aic_code code = visit(ctx, label, copy, len, err);
	free(copy);
	return code;
}

static aic_code order_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	sim_site *s = self;
	sim *w = s->world;
	aic_code code = begin(s, err);
	uint64_t end = from + n < visible(s) ? from + n : visible(s);

	if (!code && end > from && happens(w, w->faults.fewer))
		end = from + sim_below(&w->random, (unsigned)(end - from));
	for (uint64_t h = from; h < end && !code; h++) {
		if (h + 1 < end && happens(w, w->faults.reorder)) {
			if (!(code = show(s, h + 1, h + 1, visit, ctx, err)))
				code = show(s, h, h, visit, ctx, err);
			h++;
			continue;
		}
		code = show(s, h, h, visit, ctx, err);
		if (!code && happens(w, w->faults.repeat))
			code = show(s, h, h, visit, ctx, err);
		if (!code && happens(w, w->faults.drop))
			code = no_answer(err);
	}
	return code;
}

static aic_code order_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	sim_site *s = self;
	aic_code code = begin(s, err);

	s->world->ms += timeout_ms;
	*more = !code && (visible(s) > from || happens(s->world, s->world->faults.repeat));
	return code;
}

/* --- the board --- */

static aic_code order_attest(void *self, const aic_id *id, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	sim_site *s = self;
	aic_code code = begin(s, err);

	(void)id;
	if (!sim_honest(s) && height % 3)
		return AIC_OK; /* the liar does not stand by most of what it sees */
	sim_check_attested(s, height, bytes, len);
	if (code || !sim_disk_effect(s->disk))
		return no_answer(err);
	if (height >= SIM_HEIGHTS)
		return aic_fail(err, AIC_FULL, "the simulated board has no more room");
	aic_bytes *there = &s->world->board[s->number][height];
	if (there->len && (there->len != len || memcmp(there->data, bytes, len) != 0))
		return aic_fail(err, AIC_REFUSED, "this site has attested something else at height %llu", (unsigned long long)height);
	if (!there->len)
		aic_bytes_append(there, bytes, len);
	return happens(s->world, s->world->faults.ambiguous) ? no_answer(err) : AIC_OK;
}

/* The order makes an attestation up: the right content for this reader, and no good signature. */
static void forge(sim_site *s, unsigned by, uint64_t height, aic_bytes *out)
{
	aic_attestation a = {.chain = aic_state_head(s->state)->chain, .height = height, .site = s->world->site[by].id};
	aic_key nobody;
	uint8_t secret[AIC_SECRET_LEN] = {0xff};

	aic_key_from_secret(&nobody, secret);
	if (aic_state_hash_at(s->state, height, &a.block, NULL) || aic_state_root_at(s->state, height, &a.state, NULL))
		return;
	aic_attestation_build(out, &a, &nobody);
}

static aic_code order_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	sim_site *s = self;
	sim *w = s->world;
	aic_code code = begin(s, err);

	for (unsigned i = 0; i < w->n && !code && height < SIM_HEIGHTS; i++) {
		aic_bytes bytes = {0};

		aic_bytes_append(&bytes, w->board[i][height].data, w->board[i][height].len);
		if (bytes.len && happens(w, w->faults.fewer))
			aic_bytes_clear(&bytes);
		if (!bytes.len && s->state && happens(w, w->faults.forge))
			forge(s, i, height, &bytes);
		sim_plant_attestation(s, &w->site[i].id, height, &bytes);
		if (bytes.len)
			code = visit(ctx, &w->site[i].id, bytes.data, bytes.len, err);
		aic_bytes_free(&bytes);
	}
	return code;
}

static void order_close(void *self)
{
	(void)self;
}

void sim_order_open(sim_site *s, aic_order *o)
{
	static const aic_order_backend backend = {
		.head = order_head, .append_if_head = order_append, .read = order_read, .watch = order_watch, .attest = order_attest,
		.attestations = order_attestations, .close = order_close,
	};

	*o = (aic_order){&backend, s};
}

/* --- a hostile engine --- */

void sim_order_split(sim *w)
{
	bool other = false;

	if (w->split)
		return;
	cut(&w->log[1], 0);
	for (size_t i = 0; i < w->log[0].n; i++)
		push(&w->log[1], w->log[0].list[i].bytes.data, w->log[0].list[i].bytes.len, &w->log[0].list[i].name);
	for (unsigned i = 0; i < w->n; i++)
		other |= w->site[i].other_log = sim_chance(&w->random, 40);
	w->split = other;
	sim_note(w, "the order shows two logs from height %zu on", w->log[0].n);
}

void sim_order_hide(sim *w)
{
	if (w->log[0].n < 3 || w->hidden)
		return;
	w->hidden = 1 + sim_below(&w->random, w->log[0].n - 1 < 4 ? (unsigned)w->log[0].n - 1 : 4);
	sim_note(w, "the order forgets its last %zu blocks", w->hidden);
}

void sim_order_heal(sim *w)
{
	w->hidden = 0;
	w->split = false;
}

void sim_order_free(sim *w)
{
	for (int i = 0; i < 2; i++) {
		cut(&w->log[i], 0);
		free(w->log[i].list);
	}
	for (unsigned h = 0; h < SIM_HEIGHTS; h++)
		aic_bytes_free(&w->said[h]);
	for (unsigned i = 0; i < SIM_SITES; i++)
		for (unsigned h = 0; h < SIM_HEIGHTS; h++) {
			aic_bytes_free(&w->board[i][h]);
			aic_bytes_free(&w->sent[i][h]);
		}
}
