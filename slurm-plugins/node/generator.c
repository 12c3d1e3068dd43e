#define _GNU_SOURCE
#include "slurm-plugins/node/generator.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/log.h"
#include "common/lottery.h"
#include "common/time.h"
#include "slurm-plugins/node/signed.h"
#include "slurm-plugins/node/steps.h"

#define LOOK_MS 1000
#define LINGER_MS 30000     /* a session closes a little after its last step */
#define BACKOFF_MAX_MS 60000
#define CALL_MARGIN_MS 10000
#define REFUSED_MS 2000     /* aicledgerd asks again for what was not signed */
#define JOIN_MS 300

struct aic_node_generator {
	aic_generator_state state; /* the thread's own, but for vrf.public_key */
	char address[PATH_MAX];
	uid_t server_uid;
	bool draws;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;      /* of what follows */
	pthread_cond_t wake;
	bool stop, told;
	char trouble[AIC_NODE_TROUBLE_LEN], said[AIC_NODE_TROUBLE_LEN];
};

/* --- drawing and signing --- */

void aic_generator_draw(aic_generator_state *s, const aic_task *t)
{
	uint8_t input[AIC_LOTTERY_INPUT_LEN], output[AIC_VRF_OUTPUT_LEN];

	aic_lottery_input(input, &t->beacon, t->height);
	aic_vrf_prove(s->proof, &s->vrf, input, sizeof(input));
	s->drawn = t->height;
	s->wins = aic_vrf_output(output, s->proof) && aic_lottery_wins(aic_lottery_draw(output), t->nodes);
}

static aic_code check(const aic_generator_state *s, const aic_task *t, aic_task_claim *claim, aic_error *err)
{
	char chain[2 * AIC_HASH_LEN + 1];

	if (!aic_task_fits(t, s->key.public_key, claim, err))
		return err->code ? err->code : AIC_REFUSED;
	aic_hash_hex(chain, &claim->chain);
	if (s->chain[0] && strcmp(s->chain, chain))
		return aic_fail(err, AIC_REFUSED, "aicledgerd asks this node to sign for ledger %.16s..., aic.yaml's ledger.chain is %.16s...: it signs"
		                " nothing for another", chain, s->chain);
	if (t->kind == AIC_TASK_BLOCK && (t->height != s->drawn || !s->wins || memcmp(claim->proof, s->proof, sizeof(s->proof))))
		return aic_fail(err, AIC_REFUSED, "the header to be signed for height %llu holds another proof than this node drew",
		                (unsigned long long)t->height);
	return AIC_OK;
}

aic_code aic_generator_sign(aic_generator_state *s, const aic_task *t, uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err)
{
	aic_task_claim claim;
	aic_error why = { 0 };
	aic_code rc = check(s, t, &claim, &why);

	if (!rc)
		rc = aic_signed_keep(s->node_dir, t->kind, &claim.chain, t->height, &t->bytes, &why);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	aic_sign(signature, &s->key, t->kind == AIC_TASK_BLOCK ? AIC_BLOCK_DOMAIN : AIC_ATTESTATION_DOMAIN, t->bytes.data, t->bytes.len);
	return AIC_OK;
}

/* --- the thread --- */

/* False where the thread is to end. */
static bool rest(aic_node_generator *g, int64_t ms)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&g->lock);
	while (!g->stop && ms && pthread_cond_timedwait(&g->wake, &g->lock, &until) != ETIMEDOUT)
		;
	stop = g->stop;
	pthread_mutex_unlock(&g->lock);
	return !stop;
}

/* What `aic doctor` will say; one line in the log where it changes. */
static void note(aic_node_generator *g, const char *trouble)
{
	pthread_mutex_lock(&g->lock);
	if (strncmp(g->trouble, trouble, sizeof(g->trouble) - 1)) {
		if (trouble[0])
			aic_warn("this node cannot draw for blocks: %s", trouble);
		else
			aic_info("this node draws for blocks again");
		aic_str_copy(g->trouble, sizeof(g->trouble), trouble);
	}
	pthread_mutex_unlock(&g->lock);
}

/* aicledgerd lets draw / target seconds pass, so that the wait keeps no attestation from being signed here. */
static aic_code draw(aic_node_generator *g, aic_rpc *rpc, const aic_task *t, aic_error *err)
{
	aic_generator_state *s = &g->state;
	aic_code rc;

	aic_generator_draw(s, t);
	if (!s->wins)
		return AIC_OK;
	rc = aic_block_call_draw(rpc, s->key.public_key, t->height, s->proof, err);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code sign(aic_node_generator *g, aic_rpc *rpc, const aic_task *t, aic_error *err)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	aic_code rc = aic_generator_sign(&g->state, t, signature, err);

	if (rc) {
		aic_warn("not signed: %s", err->message);
		rest(g, REFUSED_MS);
		return rc == AIC_REFUSED ? AIC_OK : rc;
	}
	rc = aic_block_call_sign(rpc, g->state.key.public_key, t->kind, t->height, signature, err);
	if (!rc)
		aic_debug("signed the %s of height %llu", t->kind == AIC_TASK_BLOCK ? "block" : "attestation", (unsigned long long)t->height);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* fresh: nothing was asked on this connection yet. An aicledgerd that was restarted knows of no draw: it is told again. */
static aic_code take_part(aic_node_generator *g, aic_rpc *rpc, bool fresh, aic_error *err)
{
	aic_task t = { 0 };
	aic_code rc = aic_block_call_wait(rpc, g->state.key.public_key, fresh ? 0 : g->state.drawn, &t, err);

	if (!rc && t.kind == AIC_TASK_DRAW)
		rc = draw(g, rpc, &t, err);
	else if (!rc && t.kind != AIC_TASK_NONE)
		rc = sign(g, rpc, &t, err);
	aic_task_clear(&t);
	return rc;
}

/* Whether anything runs here that may have opened a session; at the start it is asked once, so that `aic doctor` knows. */
static bool busy(aic_node_generator *g, int64_t *last)
{
	int64_t now = aic_monotonic_ms();

	if (aic_steps_running(g->state.node_dir))
		*last = now;
	return *last && now - *last < LINGER_MS;
}

static void *keep_drawing(void *arg)
{
	aic_node_generator *g = arg;
	aic_rpc *rpc = NULL;
	int64_t last = 0, wait = LOOK_MS;
	bool asked = false, fresh = true;
	aic_error err;

	while (rest(g, 0)) {
		if (asked && !busy(g, &last)) {
			aic_rpc_close(rpc);
			rpc = NULL;
			fresh = true;
			rest(g, LOOK_MS);
			continue;
		}
		err = (aic_error){ 0 };
		if (!rpc && aic_rpc_open(&rpc, "ledger", g->address, g->server_uid, AIC_BLOCK_CALL_WAIT_MS + CALL_MARGIN_MS, &err))
			rpc = NULL;
		asked = true;
		if (!err.code && (!busy(g, &last) || !take_part(g, rpc, fresh, &err))) {
			note(g, "");
			fresh = false;
			wait = LOOK_MS;
			continue;
		}
		fresh = true;
		note(g, err.message);
		aic_rpc_close(rpc);
		rpc = NULL;
		rest(g, wait);
		wait = 2 * wait < BACKOFF_MAX_MS ? 2 * wait : BACKOFF_MAX_MS;
	}
	aic_rpc_close(rpc);
	return NULL;
}

/* --- start and stop --- */

static aic_code prepare(aic_node_generator *g, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_path_join(path, sizeof(path), g->state.node_dir, AIC_NODE_VRF_KEY, err);

	if (!rc)
		rc = aic_key_open(&g->state.vrf, path, err);
	if (!rc && !memcmp(g->state.vrf.public_key, g->state.key.public_key, AIC_PUBLIC_LEN))
		rc = aic_fail(err, AIC_REFUSED, "%s is the node's signing key: remove it and restart aicnoded, which makes another", path);
	if (!rc)
		rc = aic_steps_expect(g->state.node_dir, err);
	return rc;
}

aic_node_generator *aic_node_generator_start(const aic_node_generator_options *o)
{
	aic_node_generator *g = aic_xcalloc(1, sizeof(*g));
	pthread_condattr_t monotonic;
	aic_error err = { 0 };

	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&g->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	g->state.key = *o->key;
	aic_str_copy(g->state.node_dir, sizeof(g->state.node_dir), o->node_dir);
	aic_str_copy(g->state.chain, sizeof(g->state.chain), o->chain);
	aic_str_copy(g->address, sizeof(g->address), o->address);
	g->server_uid = o->server_uid;
	g->draws = !prepare(g, &err);
	if (!g->draws) {
		note(g, err.message);
		return g;
	}
	errno = pthread_create(&g->thread, NULL, keep_drawing, g);
	g->running = !errno;
	if (!g->running)
		aic_fail_errno(&err, "the thread that draws cannot be started");
	note(g, err.message);
	return g;
}

bool aic_node_generator_hello(aic_node_generator *g, aic_node_hello *h)
{
	bool new;

	pthread_mutex_lock(&g->lock);
	new = !g->told || strcmp(g->trouble, g->said);
	g->told = true;
	aic_str_copy(g->said, sizeof(g->said), g->trouble);
	aic_str_copy(h->trouble, sizeof(h->trouble), g->trouble);
	pthread_mutex_unlock(&g->lock);
	h->draws = g->draws;
	memcpy(h->vrf, g->state.vrf.public_key, AIC_PUBLIC_LEN);
	return new;
}

void aic_node_generator_stop(aic_node_generator *g)
{
	struct timespec until;

	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += JOIN_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (g->running && pthread_timedjoin_np(g->thread, NULL, &until))
		return; /* it waits for an answer, and uses g */
	aic_key_wipe(&g->state.key);
	aic_key_wipe(&g->state.vrf);
	pthread_cond_destroy(&g->wake);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
