/* checks.c: what must hold, each under its name. They know the world from above: every log, every signature, every answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/genesis.h"
#include "ledger/state/evidence.h"
#include "ledger/state/member.h"
#include "tests/sim/sim.h"

#define REPLAY_DISK 8

void sim_fail(sim *w, const char *check, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = check;
	va_start(ap, fmt);
	vsnprintf(w->what, sizeof(w->what), fmt, ap);
	va_end(ap);
	sim_note(w, "CHECK %s: %s", check, w->what);
}

/* --- as it happens --- */

/* one-block: what a site has sent as block of a height it never replaces by another. */
void sim_check_sent(sim_site *s, uint64_t height, const void *block, size_t len)
{
	sim *w = s->world;

	if (!sim_honest(s) || !height || height >= SIM_HEIGHTS || w->forgot || w->hidden || w->split)
		return;
	aic_bytes *there = &w->sent[s->number][height];
	if (there->len && (there->len != len || memcmp(there->data, block, len) != 0))
		sim_fail(w, "one-block", "site %u sends a second block for height %llu", s->number, (unsigned long long)height);
	aic_bytes_clear(there);
	aic_bytes_append(there, block, len);
}

/* one-attestation: two different ones of an honest site at one height would be evidence against it. */
void sim_check_attested(sim_site *s, uint64_t height, const void *bytes, size_t len)
{
	sim *w = s->world;
	const aic_bytes *there = height < SIM_HEIGHTS ? &w->board[s->number][height] : NULL;
	aic_attestation a;

	if (there && !sim_honest(s) && !aic_attestation_decode(&a, bytes, len, NULL)) {
		aic_bytes_append(&w->said[height], a.block.b, AIC_HASH_LEN);
		aic_bytes_append(&w->said[height], a.state.b, AIC_HASH_LEN);
	}
	if (there && sim_honest(s) && there->len && (there->len != len || memcmp(there->data, bytes, len) != 0))
		sim_fail(w, "one-attestation", "site %u attests twice at height %llu", s->number, (unsigned long long)height);
}

/* Whether the liar has ever signed these: it may have taken it off the board since. */
static bool has_said(const aic_bytes *said, const aic_hash *block, const aic_hash *root)
{
	for (size_t at = 0; at < said->len; at += 2 * AIC_HASH_LEN)
		if (memcmp(said->data + at, block, AIC_HASH_LEN) == 0 && memcmp(said->data + at + AIC_HASH_LEN, root, AIC_HASH_LEN) == 0)
			return true;
	return false;
}

/* Sites that have truly signed this block and root at this height, by the board itself. */
static unsigned signers(sim *w, uint64_t height, const aic_hash *block, const aic_hash *root)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++) {
		aic_attestation a;
		const aic_bytes *b = &w->board[i][height];

		if (w->site[i].lying && has_said(&w->said[height], block, root)) {
			n++;
			continue;
		}
		if (!b->len || aic_attestation_decode(&a, b->data, b->len, NULL) || a.height != height ||
		    !aic_hash_equal(&a.block, block) || !aic_hash_equal(&a.state, root))
			continue;
		/* an honest site's stays as it is: once is enough */
		if (!w->good[i][height])
			w->good[i][height] = aic_attestation_signed_by(&a, w->site[i].key.public_key);
		n += w->good[i][height];
	}
	return n;
}

/* finality: what a site calls final has a quorum of true signatures. */
static void check_finality(sim_site *s, uint64_t height)
{
	sim *w = s->world;
	aic_hash block, root;
	uint64_t members = w->n;

	if (!height || aic_state_hash_at(s->state, height, &block, NULL) || aic_state_root_at(s->state, height, &root, NULL) ||
	    aic_members_active(s->state, height, &members, NULL))
		return;
	unsigned n = signers(w, height, &block, &root);
	if (n < aic_quorum(members))
		sim_fail(w, "finality", "site %u calls height %llu final with %u of %llu attestations", s->number, (unsigned long long)height, n,
		         (unsigned long long)members);
}

/* agreement: no two honest sites are final at one height with another block or root. */
static void check_agreement(sim_site *s, uint64_t height)
{
	sim *w = s->world;
	aic_hash block, root;

	if (height >= SIM_HEIGHTS || aic_state_hash_at(s->state, height, &block, NULL) || aic_state_root_at(s->state, height, &root, NULL))
		return;
	if (!w->final_known[height]) {
		w->final_known[height] = true;
		w->final_block[height] = block;
		w->final_root[height] = root;
	} else if (!aic_hash_equal(&w->final_block[height], &block) || !aic_hash_equal(&w->final_root[height], &root)) {
		sim_fail(w, "agreement", "site %u is final at height %llu with another %s than was final before", s->number,
		         (unsigned long long)height, aic_hash_equal(&w->final_block[height], &block) ? "state root" : "block");
	}
}

static aic_code add_balance(void *ctx, const aic_hash *key, const uint8_t *value, size_t len, aic_error *err)
{
	aic_amount *sum = ctx;
	aic_wallet w;

	(void)key, (void)err;
	if (aic_wallet_decode(&w, value, len))
		*sum += w.balance;
	return AIC_OK;
}

/* supply: the sum of all balances is the supply. */
static void check_supply(sim_site *s)
{
	aic_amount sum = 0;
	aic_totals t;

	if (aic_tree_walk(aic_state_tree(s->state), add_balance, &sum, NULL) || aic_state_totals(s->state, &t, NULL))
		return;
	if (sum != t.supply)
		sim_fail(s->world, "supply", "site %u at height %llu: the balances do not sum to the supply", s->number,
		         (unsigned long long)aic_state_head(s->state)->height);
}

/* no-loss: what a client was told to be final stays where it was. */
static void check_kept(sim_site *s, const sim_request *r)
{
	aic_bytes result = {0};
	uint64_t height, index;

	if (r->answer.state != AIC_FATE_FINAL || !r->answered)
		return;
	if (r->site == s->number && aic_state_head(s->state)->height < r->answer.height)
		sim_fail(s->world, "no-loss", "site %u has said that request %llu is final at height %llu and is at height %llu", s->number,
		         (unsigned long long)r->mark, (unsigned long long)r->answer.height, (unsigned long long)aic_state_head(s->state)->height);
	if (s->chain.final_height < r->answer.height)
		return;
	aic_code code = aic_state_find_tx(s->state, &r->answer.tx, &height, &index, &result, NULL);
	aic_bytes_free(&result);
	if (code == AIC_NOT_FOUND || (!code && height != r->answer.height))
		sim_fail(s->world, "no-loss", "site %u does not have request %llu, final at height %llu", s->number, (unsigned long long)r->mark,
		         (unsigned long long)r->answer.height);
}

/* final-before-answer: nothing leaves the ledger before a quorum has signed it. */
void sim_check_answer(sim *w, const sim_request *r)
{
	sim_site *s = &w->site[r->site];

	if (r->answer.state != AIC_FATE_FINAL)
		return;
	if (s->chain.final_height < r->answer.height)
		sim_fail(w, "final-before-answer", "site %u says that request %llu is final at height %llu, final is %llu", s->number,
		         (unsigned long long)r->mark, (unsigned long long)r->answer.height, (unsigned long long)s->chain.final_height);
	check_finality(s, s->chain.final_height);
}

static void check_site(sim_site *s)
{
	sim *w = s->world;
	const aic_head *head = aic_state_head(s->state);

	if (s->chain.final_height > s->seen_final)
		check_finality(s, s->chain.final_height);
	for (uint64_t h = s->seen_final + 1; h <= s->chain.final_height; h++)
		check_agreement(s, h);
	s->seen_final = s->chain.final_height;
	if (head->height != s->seen_height)
		check_supply(s);
	s->seen_height = head->height;
	if (w->n_requests)
		check_kept(s, &w->request[sim_below(&w->random, (unsigned)w->n_requests)]);
}

void sim_check_step(sim *w)
{
	for (unsigned i = 0; i < w->n && !w->failed; i++)
		if (w->site[i].up && sim_honest(&w->site[i]))
			check_site(&w->site[i]);
}

/* --- at the end --- */

/* On the log that all see by then, or on another one for good: the order has shown it another block, or forgotten one. */
static bool on_the_log(sim_site *s)
{
	const aic_head *head = aic_state_head(s->state);

	if (head->height >= s->world->log[0].n)
		return false;
	const aic_bytes *b = &s->world->log[0].list[head->height].bytes;
	aic_hash hash = head->height ? aic_block_hash(b->data, b->len) : aic_genesis_chain(b->data, b->len);
	return aic_hash_equal(&hash, &head->hash);
}

/* stops-and-says-where: a site whose copy is not in the log writes nothing and names the height. */
static void check_stopped(sim_site *s)
{
	sim *w = s->world;

	if (!w->forgot && !w->log[1].n)
		sim_fail(w, "convergence", "site %u is at height %llu with a block that is not in the log", s->number,
		         (unsigned long long)aic_state_head(s->state)->height);
	else if (s->failure.code != AIC_CORRUPT || !strstr(s->failure.message, "height"))
		sim_fail(w, "stops-and-says-where", "site %u has another copy than the log and says \"%s\"", s->number, s->failure.message);
}

/* replay: the log alone leads to the same root. A lying appender's names for blocks do not count. */
static void check_replay(sim *w, const aic_head *head)
{
	sim_disk *disk = sim_disk_new(REPLAY_DISK, 0);
	aic_state *s;
	aic_error err = {0};
	aic_code code = aic_state_open(&s, "/sim/8/state.db", AIC_DB_SCRATCH, &err);

	if (!code)
		code = aic_genesis_apply(s, w->log[0].list[0].bytes.data, w->log[0].list[0].bytes.len, &err);
	for (uint64_t h = 1; !code && h <= head->height; h++) {
		const aic_bytes *b = &w->log[0].list[h].bytes;
		bool valid;

		code = aic_block_apply(s, b->data, b->len, &valid, NULL, &err);
		w->blocks_invalid += !code && !valid;
	}
	if (code)
		sim_fail(w, "replay", "the log cannot be replayed: %s", err.message);
	else if (!aic_hash_equal(&aic_state_head(s)->root, &head->root) || !aic_hash_equal(&aic_state_head(s)->hash, &head->hash))
		sim_fail(w, "replay", "the log leads to another state at height %llu than the sites have", (unsigned long long)head->height);
	aic_state_close(s);
	sim_disk_free(disk);
}

static uint64_t transfer_mark(const aic_transaction *tx)
{
	aic_address a;
	aic_cbor c;

	if (tx->kind != AIC_TX_TRANSFER)
		return 0;
	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, a.b, sizeof(a.b));
	aic_cbor_bytes_exact(&c, a.b, sizeof(a.b));
	aic_amount value = aic_cbor_amount(&c);
	return aic_cbor_ok(&c) && value < SIM_REQUESTS * 2 ? (uint64_t)value : 0;
}

/* How often each transfer was carried out, by the blocks that are valid. */
static void count_marks(sim_site *s, unsigned *count)
{
	for (uint64_t h = 1; h <= aic_state_head(s->state)->height; h++) {
		aic_bytes bytes = {0};
		aic_hash hash;
		aic_block b = {.n_tx = 0};
		bool valid = false;

		if (!aic_state_block(s->state, h, &bytes, &hash, &valid, NULL) && valid && !aic_block_decode(&b, bytes.data, bytes.len, NULL))
			for (size_t i = 0; i < b.n_tx; i++) {
				aic_transaction tx;

				if (!aic_tx_decode(&tx, b.tx[i].data, b.tx[i].len, NULL))
					count[transfer_mark(&tx)]++;
			}
		aic_block_clear(&b);
		aic_bytes_free(&bytes);
	}
}

/* no-doubling: no request is carried out twice, one that was refused not at all, one that is final once. */
static void check_doubling(sim_site *s)
{
	sim *w = s->world;
	unsigned count[SIM_REQUESTS * 2] = {0};

	count_marks(s, count);
	for (size_t i = 0; i < w->n_requests; i++) {
		const sim_request *r = &w->request[i];
		unsigned n = count[r->mark];

		if (r->kind != LOAD_TRANSFER || w->site[r->site].failure.code)
			continue; /* of another kind, or by a site that has another log */
		if (n > 1)
			sim_fail(w, "no-doubling", "transfer %llu was carried out %u times", (unsigned long long)r->mark, n);
		if (r->answered && r->answer.state == AIC_FATE_REFUSED && n)
			sim_fail(w, "no-doubling", "transfer %llu was refused (%s) and carried out", (unsigned long long)r->mark, r->answer.why.message);
		if (r->answered && r->answer.state == AIC_FATE_FINAL && !n && s->chain.final_height >= r->answer.height)
			sim_fail(w, "no-loss", "transfer %llu was final and is not there", (unsigned long long)r->mark);
	}
}

/* convergence: the sites that are on the log are at its end, with one root, final where enough of them are left. */
static void check_converged(sim *w, sim_site *s, sim_site *first, bool enough)
{
	const aic_head *a = aic_state_head(s->state), *b = aic_state_head(first->state);

	if (s->failure.code)
		sim_fail(w, "convergence", "site %u still says: %s", s->number, s->failure.message);
	else if (!aic_hash_equal(&a->hash, &b->hash) || !aic_hash_equal(&a->root, &b->root))
		sim_fail(w, "convergence", "sites %u and %u end at heights %llu and %llu, or with other roots", first->number, s->number,
		         (unsigned long long)b->height, (unsigned long long)a->height);
	else if (enough && s->chain.final_height != a->height)
		sim_fail(w, "convergence", "site %u is final at height %llu of %llu", s->number, (unsigned long long)s->chain.final_height,
		         (unsigned long long)a->height);
	else if (enough && aic_generator_waiting(s->generator))
		sim_fail(w, "convergence", "%zu requests still wait at site %u", aic_generator_waiting(s->generator), s->number);
}

/* evidence: against the liar alone. */
static void check_evidence(sim *w, sim_site *s)
{
	aic_evidence_row row;

	for (unsigned i = 0; i < w->n; i++)
		for (uint64_t h = 1; h <= aic_state_head(s->state)->height; h++)
			for (int kind = AIC_EVIDENCE_ATTESTATIONS; kind <= AIC_EVIDENCE_BLOCK; kind++) {
				if (aic_state_evidence(s->state, &w->site[i].id, (aic_evidence_kind)kind, h, &row, NULL))
					continue;
				w->lies_proven++;
				if (sim_honest(&w->site[i]))
					sim_fail(w, "evidence", "site %u is honest and accused of %s at height %llu", i,
					         aic_evidence_kind_name((uint64_t)kind), (unsigned long long)h);
			}
}

void sim_check_end(sim *w)
{
	sim_site *first = NULL, *on[SIM_SITES];
	unsigned n = 0;
	uint64_t members = w->n;

	for (unsigned i = 0; i < w->n && !w->failed; i++) {
		sim_site *s = &w->site[i];

		if (!sim_honest(s))
			continue;
		if (!s->up)
			sim_fail(w, "convergence", "site %u cannot start: %s", i, s->failure.message);
		else if (!on_the_log(s))
			check_stopped(s);
		else
			on[n++] = s;
	}
	if (w->failed || !n)
		return;
	first = on[0];
	if (aic_members_active(first->state, aic_state_head(first->state)->height, &members, NULL))
		return;
	for (unsigned i = 0; i < n && !w->failed; i++)
		check_converged(w, on[i], first, n >= aic_quorum(members));
	if (!w->failed)
		check_replay(w, aic_state_head(first->state));
	if (!w->failed)
		check_doubling(first);
	check_evidence(w, first);
	if (!w->failed)
		sim_session_check(first);
	for (size_t i = 0; i < w->n_requests && !w->failed; i++)
		check_kept(first, &w->request[i]);
}
