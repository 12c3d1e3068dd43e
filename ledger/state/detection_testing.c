/* detection_testing.c: see detection_testing.h. */
#define _GNU_SOURCE
#include "ledger/state/detection_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/genesis.h"
#include "ledger/state/draw.h"
#include "ledger/state/member.h"
#include "ledger/state/token.h"
#include "ledger/state/verdict.h"

#define SITES 6
#define BATCH 100        /* sessions in a block */
#define SEGMENTS_MAX 256
#define STEPS 50         /* of a segment */
#define START 1700000000

typedef struct {
	aic_state *state;
	aic_key site[SITES], node[SITES];
	aic_address payer, provider, paid[SITES];
	uint64_t height, random;
	int64_t time;
	const detection_plan *plan;
	detection_result *out;
	aic_hash id[BATCH];
	bool bad[BATCH][SEGMENTS_MAX];
} world;

/* SplitMix64. */
static uint64_t below(world *w, uint64_t n)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

/* --- blocks --- */

static void begin(world *w)
{
	aic_state_begin(w->state, ++w->height, w->time++);
}

static aic_code end(world *w, unsigned generator, aic_error *err)
{
	aic_id maker = aic_site_id(w->site[generator].public_key);
	aic_hash hash = aic_sha256_of(&w->height, sizeof(w->height));

	hash.b[0] ^= (uint8_t)w->plan->seed;
	aic_state_generator(w->state, &maker);
	return aic_state_commit(w->state, &hash, "b", 1, true, err);
}

static aic_code post(world *w, unsigned site, uint64_t kind, aic_bytes *body, aic_hash *id, aic_error *err)
{
	aic_bytes tx = {0};
	aic_transaction decoded;
	aic_key_row me;
	aic_code code = aic_state_key(w->state, w->site[site].public_key, &me, err);

	if (!code) {
		aic_tx_build(&tx, kind, &w->site[site], &aic_state_head(w->state)->chain, me.nonce, body->data, body->len);
		code = aic_state_execute(w->state, tx.data, tx.len, err);
	}
	if (!code && id && !(code = aic_tx_decode(&decoded, tx.data, tx.len, err)))
		*id = decoded.id;
	aic_bytes_free(&tx);
	aic_bytes_free(body);
	return code;
}

/* --- the ledger --- */

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, AIC_PUBLIC_LEN);
}

static aic_code make_genesis(world *w, const char *folder, aic_error *err)
{
	uint8_t member[SITES][AIC_PUBLIC_LEN];
	aic_genesis_wallet wallet[2];
	aic_genesis g = {.name = "detection", .parameters = aic_parameters_default, .n_members = SITES, .member = member, .n_wallets = 2,
	                 .wallet = wallet};
	aic_bytes genesis = {0};
	char path[300];

	memset(wallet, 0, sizeof(wallet));
	for (unsigned i = 0; i < SITES; i++) {
		uint8_t secret[AIC_SECRET_LEN] = {(uint8_t)(i + 1)};

		aic_key_from_secret(&w->site[i], secret);
		secret[1] = 1;
		aic_key_from_secret(&w->node[i], secret);
		memcpy(member[i], w->site[i].public_key, AIC_PUBLIC_LEN);
		memset(w->paid[i].b, 0x80 + (int)i, AIC_ADDRESS_LEN);
	}
	qsort(member, SITES, AIC_PUBLIC_LEN, by_bytes);
	memset(w->payer.b, 1, AIC_ADDRESS_LEN);
	memset(w->provider.b, 2, AIC_ADDRESS_LEN);
	for (unsigned i = 0; i < 2; i++) {
		wallet[i].address = i ? w->provider : w->payer;
		memcpy(wallet[i].custodian, w->site[0].public_key, AIC_PUBLIC_LEN);
		memset(wallet[i].organisation.b, (int)(i + 1), sizeof(wallet[i].organisation.b));
		wallet[i].amount = AIC_UNIT;
	}
	aic_genesis_encode(&g, &genesis);
	snprintf(path, sizeof(path), "%s/state.db", folder);
	aic_code code = aic_state_open_replay(&w->state, path, err);
	if (!code)
		code = aic_genesis_apply(w->state, genesis.data, genesis.len, err);
	aic_bytes_free(&genesis);
	return code;
}

static aic_code add_verifiers(world *w, aic_error *err)
{
	aic_code code = AIC_OK;

	begin(w);
	for (unsigned i = 1; i < SITES - 1 && !code; i++) {
		aic_verifier v = {.provider = w->paid[i]};
		aic_bytes body = {0};
		aic_id organisation;

		memset(organisation.b, 0x40 + (int)i, sizeof(organisation.b));
		memcpy(v.key, w->node[i].public_key, AIC_PUBLIC_LEN);
		aic_wallet_register_body(&body, &w->paid[i], &organisation, AIC_WALLET_PLAIN);
		if ((code = post(w, i, AIC_TX_WALLET_REGISTER, &body, NULL, err)))
			break;
		aic_key_register_body(&body, AIC_ROLE_NODE, v.key, 0, NULL);
		if ((code = post(w, i, AIC_TX_KEY_REGISTER, &body, NULL, err)))
			break;
		aic_verifier_register_body(&body, &v);
		code = post(w, i, AIC_TX_VERIFIER_REGISTER, &body, NULL, err);
	}
	return code ? code : end(w, 0, err);
}

/* --- who trains --- */

/* Of the segments after 0, as many as are to be forged, each set as likely. */
static void forge(world *w, bool bad[SEGMENTS_MAX])
{
	memset(bad, 0, SEGMENTS_MAX * sizeof(*bad));
	for (uint64_t left = w->plan->forged; left;) {
		uint64_t at = 1 + below(w, w->plan->segments);

		left -= !bad[at];
		bad[at] = true;
	}
}

static void train(world *w, size_t i, aic_session_checkpoint *c)
{
	uint64_t first = below(w, UINT64_MAX);

	c[0] = (aic_session_checkpoint){.step = 0, .root = aic_sha256_of(&first, sizeof(first))};
	for (uint64_t k = 0; k <= w->plan->segments; k++) {
		c[k + 1] = (aic_session_checkpoint){.step = STEPS * (k + 1), .root = aic_sha256_of(c[k].root.b, AIC_HASH_LEN)};
		if (w->bad[i][k])
			c[k + 1].root.b[below(w, AIC_HASH_LEN)] ^= 1;
	}
}

static aic_code run_one(world *w, size_t i, aic_error *err)
{
	aic_session o = {.payer = w->payer, .run = AIC_RUN_USER, .shards = 8};
	aic_session_node n = {.provider = w->provider};
	aic_session_provider p = {.wallet = w->provider, .fee = AIC_UNIT};
	aic_session_checkpoint c[SEGMENTS_MAX + 2];
	aic_bytes body = {0};
	uint64_t mark = below(w, UINT64_MAX);
	aic_code code;

	o.mark = aic_sha256_of(&mark, sizeof(mark));
	forge(w, w->bad[i]);
	train(w, i, c);
	aic_session_open_body(&body, &o, &n, 1);
	if ((code = post(w, 0, AIC_TX_SESSION_OPEN, &body, &w->id[i], err)))
		return code;
	aic_session_commit_body(&body, &w->id[i], 0, c, w->plan->segments + 2);
	if ((code = post(w, 0, AIC_TX_SESSION_COMMIT, &body, NULL, err)))
		return code;
	aic_session_id_body(&body, &w->id[i]);
	if (w->plan->demanded && (code = post(w, 0, AIC_TX_SESSION_CHALLENGE, &body, NULL, err)))
		return code;
	aic_bytes_clear(&body);
	aic_session_close_body(&body, &w->id[i], STEPS * (w->plan->segments + 1), AIC_END_DONE, &p, 1);
	return post(w, 0, AIC_TX_SESSION_CLOSE, &body, NULL, err);
}

/* --- who verifies --- */

/* Computes the drawn segments again, from what the ledger says was committed. */
static aic_code compute(world *w, const aic_hash *id, const aic_session *r, aic_verdict *v, aic_error *err)
{
	for (size_t i = 0; i < r->n_segments; i++) {
		aic_session_checkpoint from, to;
		aic_code code = aic_state_session_checkpoint(w->state, id, r->segment[i], &from, err);

		if (code || (code = aic_state_session_checkpoint(w->state, id, r->segment[i] + 1, &to, err)))
			return code;
		aic_hash root = aic_sha256_of(from.root.b, AIC_HASH_LEN);
		if (aic_hash_equal(&root, &to.root))
			continue;
		v->result = AIC_VERDICT_DIFFERS;
		v->segment = r->segment[i];
		v->step = from.step + 1;
		return AIC_OK;
	}
	return AIC_OK;
}

static aic_code judge(world *w, const aic_hash *id, aic_error *err)
{
	aic_bytes body = {0};
	aic_session r;
	aic_code code = aic_session_need(w->state, id, &r, err);

	if (code || aic_session_is_decided(r.state))
		return code;
	aic_verdict v = {.session = *id, .round = r.round};
	const uint8_t *asked = r.state == AIC_SESSION_DOUBTED ? r.third : r.verifier;
	unsigned site = 1;
	if ((code = compute(w, id, &r, &v, err)))
		return code;
	while (site < SITES - 1 && memcmp(w->node[site].public_key, asked, AIC_PUBLIC_LEN) != 0)
		site++;
	aic_verdict_sign(&v, &w->node[site], &aic_state_head(w->state)->chain);
	aic_verdict_body(&body, &v);
	return post(w, site, AIC_TX_VERDICT, &body, NULL, err);
}

static aic_code count(world *w, size_t i, aic_error *err)
{
	aic_session r;
	aic_code code = aic_session_need(w->state, &w->id[i], &r, err);
	bool drawn = false;

	for (size_t k = 0; k < r.n_segments && !code; k++)
		drawn |= w->bad[i][r.segment[k]];
	w->out->challenged += r.n_segments > 0;
	w->out->unchallenged += r.state == AIC_SESSION_UNCHALLENGED;
	w->out->refuted += r.state == AIC_SESSION_REFUTED;
	w->out->verified += r.state == AIC_SESSION_VERIFIED;
	w->out->misplaced += r.state == AIC_SESSION_REFUTED ? !w->bad[i][r.decision.segment] : drawn;
	return code;
}

/* --- all of it --- */

static aic_code run_batch(world *w, size_t n, aic_error *err)
{
	aic_code code = AIC_OK;

	begin(w);
	for (size_t i = 0; i < n && !code; i++)
		code = run_one(w, i, err);
	if (!code)
		code = end(w, 0, err);
	for (int i = 0; i < 3 && !code; i++) { /* the second one draws */
		begin(w);
		code = end(w, SITES - 1, err);
	}
	for (int answers = 0; answers < 2 && !code; answers++) {
		begin(w);
		for (size_t i = 0; i < n && !code; i++)
			code = judge(w, &w->id[i], err);
		if (!code)
			code = end(w, SITES - 1, err);
	}
	for (size_t i = 0; i < n && !code; i++)
		code = count(w, i, err);
	return code;
}

aic_code detection_run(const char *folder, const detection_plan *plan, detection_result *out, aic_error *err)
{
	world *w = aic_xcalloc(1, sizeof(*w));
	aic_code code;

	memset(out, 0, sizeof(*out));
	w->plan = plan;
	w->out = out;
	w->random = plan->seed;
	w->time = START;
	if (plan->segments >= SEGMENTS_MAX || plan->forged > plan->segments)
		code = aic_fail(err, AIC_USAGE, "%llu of %llu segments forged: at most all, of at most %d", (unsigned long long)plan->forged,
		                (unsigned long long)plan->segments, SEGMENTS_MAX - 1);
	else if (!(code = make_genesis(w, folder, err)))
		code = add_verifiers(w, err);
	for (size_t done = 0; done < plan->sessions && !code; done += BATCH)
		code = run_batch(w, plan->sessions - done < BATCH ? plan->sessions - done : BATCH, err);
	aic_state_close(w->state);
	free(w);
	return code;
}

double detection_formula(uint64_t n, uint64_t f, uint64_t q)
{
	double missed = 1;

	for (uint64_t i = 0; i < q; i++)
		missed *= ((double)(n - f) - (double)i) / (double)(n - i);
	return 1 - missed;
}
