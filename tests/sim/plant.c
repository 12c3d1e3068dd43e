/* plant.c: the defences of the honest sites, taken away one at a time from outside, to see that a check notices. */
#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "tests/sim/sim.h"

static const char *const names[PLANT_END] = {
	[PLANT_NONE] = "none", [PLANT_DROP] = "drop", [PLANT_DELAY] = "delay", [PLANT_REPEAT] = "repeat", [PLANT_REORDER] = "reorder",
	[PLANT_AMBIGUOUS] = "ambiguous", [PLANT_CRASH] = "crash", [PLANT_TORN] = "torn", [PLANT_FULL] = "full", [PLANT_SKEW] = "skew",
	[PLANT_INVALID] = "invalid", [PLANT_HUGE] = "huge", [PLANT_TWICE] = "twice", [PLANT_ROOT] = "root",
	[PLANT_SIGNATURE] = "signature", [PLANT_TWO_LOGS] = "two-logs", [PLANT_FORGETS] = "forgets",
};

const char *sim_plant_name(sim_plant p)
{
	return names[p];
}

static bool planted(const sim_site *s, sim_plant p)
{
	return s->world->plant == p && sim_honest(s);
}

/* An operator's naive way out: away with the copy, and again from the log. */
static void start_anew(sim_site *s)
{
	sim_note(s->world, "site %u: planted: begins anew with the log that it is shown", s->number);
	sim_site_stop(s);
	sim_load_lost(s);
	sim_disk_wipe(s->disk);
	sim_site_start(s);
}

bool sim_plant_before_step(sim_site *s)
{
	aic_order_head head;

	if (!planted(s, PLANT_FORGETS) || aic_order_head_get(&s->order, &head, NULL) ||
	    (!head.empty && head.height >= aic_state_head(s->state)->height))
		return false;
	start_anew(s);
	return true;
}

static void attest_again(sim_site *s)
{
	const aic_head *head = aic_state_head(s->state);
	aic_attestation a = {.chain = head->chain, .height = head->height, .block = head->hash, .state = head->root, .site = s->id};
	aic_bytes bytes = {0};

	a.state.b[0] ^= 1;
	aic_attestation_build(&bytes, &a, &s->key);
	(void)aic_order_attest(&s->order, &s->id, head->height, bytes.data, bytes.len, NULL);
	aic_bytes_free(&bytes);
}

void sim_plant_after_step(sim_site *s)
{
	if (planted(s, PLANT_TWO_LOGS) && s->failure.code == AIC_CORRUPT && strstr(s->failure.message, "another block"))
		start_anew(s);
	if (planted(s, PLANT_TWICE) && !s->failure.code && sim_chance(&s->world->random, 10))
		attest_again(s);
}

/* Carries out whatever a block holds and calls it valid. */
static void carry_out(sim_site *s, const uint8_t *block, size_t len)
{
	const aic_head *head = aic_state_head(s->state);
	aic_hash hash = aic_block_hash(block, len);
	uint8_t *body = aic_xmalloc(len + 1);
	aic_bytes first = {0};
	aic_block b;

	if (len)
		memcpy(body, block, len);
	aic_state_begin(s->state, head->height + 1, head->time);
	if (len <= AIC_BLOCK_MAX && !aic_block_decode(&b, body, len, NULL)) {
		for (size_t i = 0; i < b.n_tx; i++)
			(void)aic_state_execute(s->state, b.tx[i].data, b.tx[i].len, NULL);
		aic_block_clear(&b);
	} else {
		/* too large for the decoder: its header and first transaction stand at its beginning */
		aic_cbor c;

		aic_cbor_init(&c, body, len);
		aic_cbor_array_exact(&c, 3);
		size_t n = 0;
		(void)aic_cbor_bytes(&c, &n);
		(void)aic_cbor_bytes(&c, &n);
		(void)aic_cbor_array(&c, AIC_BLOCK_TX_MAX);
		const uint8_t *tx = aic_cbor_bytes(&c, &n);
		if (aic_cbor_ok(&c))
			(void)aic_state_execute(s->state, tx, n, NULL);
	}
	(void)aic_state_commit(s->state, &hash, block, len, true, NULL);
	sim_note(s->world, "site %u: planted: carries out an invalid block", s->number);
	aic_bytes_free(&first);
	free(body);
}

static bool is_invalid(sim_site *s, const uint8_t *block, size_t len)
{
	bool invalid = aic_block_execute(s->state, block, len, NULL) != AIC_OK;

	aic_state_discard(s->state);
	return invalid;
}

static bool from_the_future(sim_site *s, const uint8_t *block, size_t len)
{
	aic_block b;

	if (aic_block_decode(&b, block, len, NULL))
		return false;
	bool ahead = b.header.time > s->clock.now(s->clock.ctx);
	aic_block_clear(&b);
	return ahead;
}

bool sim_plant_visit(sim_site *s, uint64_t *label, const uint8_t **block, size_t *len)
{
	uint64_t next = s->state ? aic_state_head(s->state)->height + 1 : 0;

	if (!s->up || !s->state || aic_state_is_empty(s->state))
		return true;
	if ((planted(s, PLANT_REPEAT) || planted(s, PLANT_REORDER)) && *label + 1 >= next && *label <= next + 1) {
		/* only while blocks are applied: the comparison with the own head asks for that height */
		if (*label != next && *label + 1 != next)
			*label = next;
		else if (*label + 1 == next && s->world->plant == PLANT_REPEAT && s->shown == *label)
			*label = next;
	}
	s->shown = *label;
	if (planted(s, PLANT_SKEW) && *label == next && from_the_future(s, *block, *len)) {
		*block = (const uint8_t *)"from the future";
		*len = 15;
	}
	bool huge = *len > AIC_BLOCK_MAX;
	if (*label == next && ((planted(s, PLANT_INVALID) && !huge) || (planted(s, PLANT_HUGE) && huge)) && is_invalid(s, *block, *len)) {
		carry_out(s, *block, *len);
		return false;
	}
	return true;
}

void sim_plant_attestation(sim_site *s, const aic_id *by, uint64_t height, aic_bytes *bytes)
{
	sim *w = s->world;
	aic_attestation a;

	if (!bytes->len || !s->state || (!planted(s, PLANT_ROOT) && !planted(s, PLANT_SIGNATURE)) ||
	    aic_attestation_decode(&a, bytes->data, bytes->len, NULL))
		return;
	for (unsigned i = 0; i < w->n; i++) {
		if (!aic_id_equal(&w->site[i].id, by))
			continue;
		if (planted(s, PLANT_ROOT) && (!aic_attestation_signed_by(&a, w->site[i].key.public_key) ||
		                               aic_state_root_at(s->state, height, &a.state, NULL)))
			return;
		aic_bytes_clear(bytes);
		aic_attestation_build(bytes, &a, &w->site[i].key);
	}
}
