/* world.c: sites that start, work, die and start again, and what goes wrong around them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/genesis.h"
#include "tests/sim/sim.h"

#define QUIET_ROUNDS 80
#define QUIET_IDLE 16 /* rounds; a turn of every site is shorter */
#define TAIL (sizeof(((sim *)0)->tail) / sizeof(((sim *)0)->tail[0]))

void sim_note(sim *w, const char *fmt, ...)
{
	char *line = w->tail[w->n_tail++ % TAIL];
	int at = snprintf(line, sizeof(w->tail[0]), "%5u %8lld ms  ", w->step, (long long)w->ms);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + at, sizeof(w->tail[0]) - (size_t)at, fmt, ap);
	va_end(ap);
	if (w->trace)
		puts(line);
}

bool sim_honest(const sim_site *s)
{
	return !s->lying;
}

aic_address sim_wallet(unsigned site, unsigned i)
{
	aic_address a;

	memset(a.b, (int)(0x10 * (site + 1) + i + 1), sizeof(a.b));
	return a;
}

/* --- sites --- */

static int64_t clock_now(void *ctx)
{
	sim_site *s = ctx;

	return SIM_EPOCH + s->world->ms / 1000 + s->skew;
}

static int64_t clock_monotonic(void *ctx)
{
	return ((sim_site *)ctx)->world->ms;
}

bool sim_site_start(sim_site *s)
{
	sim *w = s->world;
	char path[64];
	aic_code code;

	snprintf(path, sizeof(path), "/sim/%u/state.db", s->number);
	s->failure = (aic_error){0};
	sim_order_open(s, &s->order);
	code = w->plant == PLANT_AMBIGUOUS ? AIC_OK : aic_order_pending(&s->order, s->pending, &s->failure);
	if (!code && !(code = aic_state_open(&s->state, path, AIC_DB_DURABLE, &s->failure)) &&
	    !(code = aic_chain_open(&s->chain, s->state, &s->order, &s->key, w->genesis.data, w->genesis.len, &s->failure))) {
		s->clock = (aic_clock){clock_now, clock_monotonic, s};
		s->chain.clock = &s->clock;
		s->generator = aic_generator_new(&s->chain, &w->pacing);
		s->up = true;
		s->seen_final = 0;
		sim_note(w, "site %u: started at height %llu", s->number, (unsigned long long)aic_state_head(s->state)->height);
		return true;
	}
	sim_note(w, "site %u: cannot start: %s", s->number, s->failure.message);
	sim_site_stop(s);
	return false;
}

void sim_site_stop(sim_site *s)
{
	aic_generator_free(s->generator);
	aic_state_close(s->state);
	aic_order_close(&s->order);
	s->generator = NULL;
	s->state = NULL;
	s->up = false;
}

void sim_site_step(sim_site *s)
{
	aic_error err = {0};

	if (sim_plant_before_step(s))
		return;
	if (aic_generator_step(s->generator, &err) && strcmp(err.message, s->failure.message) != 0)
		sim_note(s->world, "site %u: %s", s->number, err.message);
	s->failure = err;
	sim_plant_after_step(s);
}

/* Where the disk says that the site died on the way, its process is gone. */
static void bury(sim_site *s)
{
	sim *w = s->world;

	if (!sim_disk_is_dead(s->disk))
		return;
	bool power = sim_chance(&w->random, w->faults.power);
	sim_note(w, "site %u: %s", s->number, power ? "lost its power" : "was killed");
	sim_site_stop(s);
	sim_disk_revive(s->disk, power);
	sim_load_lost(s);
}

/* --- what goes wrong --- */

/* Which kinds of faults a run has is drawn first, so that each meets each in some run and some runs have few. */
static void draw_faults(sim *w)
{
	sim_faults *f = &w->faults;
	uint64_t *r = &w->random;

	f->drop = sim_chance(r, 50) ? 1 + sim_below(r, 15) : 0;
	f->delay = sim_chance(r, 50) ? 1 + sim_below(r, 20) : 0;
	f->repeat = sim_chance(r, 30) ? 5 + sim_below(r, 30) : 0;
	f->reorder = sim_chance(r, 30) ? 5 + sim_below(r, 30) : 0;
	f->fewer = sim_chance(r, 30) ? 1 + sim_below(r, 30) : 0;
	f->ambiguous = sim_chance(r, 50) ? 1 + sim_below(r, 30) : 0;
	f->crash = sim_chance(r, 60) ? 1 + sim_below(r, 10) : 0;
	f->power = sim_chance(r, 50) ? 50 : 0;
	f->full = sim_chance(r, 30) ? 1 + sim_below(r, 5) : 0;
	f->skew = sim_chance(r, 50) ? sim_below(r, 3600) : 0;
	f->liar = sim_chance(r, 50) ? 5 + sim_below(r, 25) : 0;
	f->forge = sim_chance(r, 30) ? 10 + sim_below(r, 50) : 0;
	f->two_logs = sim_chance(r, 12) ? 2 : 0;
	f->forgets = sim_chance(r, 15) ? 3 : 0;
	/* below four sites a majority decides, which stands one liar or a hostile order, not both */
	if (w->n < 4 && (f->two_logs || f->forgets))
		f->liar = 0;
}

static sim_site *any_site(sim *w)
{
	return &w->site[sim_below(&w->random, w->n)];
}

static void go_wrong(sim *w)
{
	sim_faults *f = &w->faults;
	uint64_t *r = &w->random;
	sim_site *s = any_site(w);

	if (s->up && sim_chance(r, f->crash))
		sim_disk_crash_after(s->disk, 1 + sim_below(r, 60));
	s = any_site(w);
	if (sim_chance(r, sim_disk_is_full(s->disk) ? 30 : f->full)) {
		sim_disk_set_full(s->disk, !sim_disk_is_full(s->disk));
		sim_note(w, "site %u: its disk %s", s->number, sim_disk_is_full(s->disk) ? "is full" : "has room again");
	}
	if (!w->split && sim_chance(r, f->two_logs))
		sim_order_split(w);
	if (w->hidden ? sim_chance(r, 15) : sim_chance(r, f->forgets)) {
		if (w->hidden)
			w->hidden = 0;
		else
			sim_order_hide(w);
	}
}

/* --- the run --- */

static void make_genesis(sim *w)
{
	static const char name[] = "simulated";
	uint8_t keys[SIM_SITES][AIC_PUBLIC_LEN];
	aic_genesis_wallet wallet[SIM_SITES * SIM_WALLETS];
	aic_genesis g = {.parameters = aic_parameters_default, .n_members = w->n, .member = keys, .n_wallets = w->n * SIM_WALLETS,
	                 .wallet = wallet};

	memset(wallet, 0, sizeof(wallet));
	aic_str_copy(g.name, sizeof(g.name), name);
	for (unsigned i = 0; i < w->n; i++) {
		memcpy(keys[i], w->site[i].key.public_key, AIC_PUBLIC_LEN);
		for (unsigned j = 0; j < SIM_WALLETS; j++) {
			aic_genesis_wallet *row = &wallet[i * SIM_WALLETS + j];

			row->address = sim_wallet(i, j);
			memcpy(row->custodian, w->site[i].key.public_key, AIC_PUBLIC_LEN);
			memset(row->organisation.b, (int)(i * SIM_WALLETS + j + 1), sizeof(row->organisation.b));
			row->amount = (aic_amount)100 * AIC_UNIT;
		}
	}
	for (unsigned i = 1; i < w->n; i++) /* ascending: insertion */
		for (unsigned j = i; j > 0 && memcmp(keys[j - 1], keys[j], AIC_PUBLIC_LEN) > 0; j--) {
			uint8_t swap[AIC_PUBLIC_LEN];

			memcpy(swap, keys[j], sizeof(swap));
			memcpy(keys[j], keys[j - 1], sizeof(swap));
			memcpy(keys[j - 1], swap, sizeof(swap));
		}
	aic_genesis_encode(&g, &w->genesis);
}

static void make_site(sim *w, unsigned i)
{
	sim_site *s = &w->site[i];
	uint8_t secret[AIC_SECRET_LEN];

	memset(secret, (int)i + 1, sizeof(secret));
	*s = (sim_site){.world = w, .number = i};
	aic_key_from_secret(&s->key, secret);
	s->id = aic_site_id(s->key.public_key);
	s->disk = sim_disk_new(i, w->seed + i);
	snprintf(s->pending, sizeof(s->pending), "%s/aic-sim-%d-%u.pending", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
	         (int)getpid(), i);
	unlink(s->pending);
	if (w->faults.skew)
		s->skew = (int64_t)sim_below(&w->random, 2 * w->faults.skew) - w->faults.skew;
	sim_disk_plant(s->disk, w->plant == PLANT_FULL, w->plant == PLANT_TORN);
}

/* What a planted fault needs to show itself. */
static void suit_plant(sim *w)
{
	sim_faults *f = &w->faults;

	switch (w->plant) {
	case PLANT_DROP: f->drop = 10; break;
	case PLANT_REPEAT: f->repeat = 40; break;
	case PLANT_REORDER: f->reorder = 40; break;
	case PLANT_AMBIGUOUS: f->drop = 15; break;
	case PLANT_CRASH: f->crash = 10; break;
	case PLANT_TORN: f->crash = 15, f->power = 100; break;
	case PLANT_FULL: f->full = 10; break;
	case PLANT_SKEW: f->skew = 3600; break;
	case PLANT_INVALID:
	case PLANT_HUGE:
	case PLANT_ROOT: f->liar = 40, f->two_logs = f->forgets = 0; break;
	case PLANT_SIGNATURE: f->forge = 50; break;
	case PLANT_TWO_LOGS: f->two_logs = 5; break;
	case PLANT_FORGETS: f->forgets = 8; break;
	default: break;
	}
}

sim *sim_new(uint64_t seed, sim_plant plant, bool trace)
{
	sim *w = aic_xcalloc(1, sizeof(*w));

	*w = (sim){.seed = seed, .random = seed * 0x9e3779b97f4a7c15 + 1, .session_random = ~seed, .plant = plant, .trace = trace};
	w->n = 3 + sim_below(&w->random, SIM_SITES - 2);
	draw_faults(w);
	suit_plant(w);
	w->pacing = sim_chance(&w->random, 50) ? aic_pacing_default : aic_pacing_off;
	w->steps = sim_chance(&w->random, 6) ? 500 : 120;
	w->liar = w->faults.liar ? sim_below(&w->random, w->n) : SIM_SITES;
	for (unsigned i = 0; i < w->n; i++)
		make_site(w, i);
	if (w->liar < w->n)
		w->site[w->liar].lying = true;
	make_genesis(w);
	sim_note(w, "seed %llu: %u sites, liar %d, drop %u%%, ambiguous %u%%, crash %u%%, full %u%%, two logs %u%%, forgets %u%%",
	         (unsigned long long)seed, w->n, w->liar < w->n ? (int)w->liar : -1, w->faults.drop, w->faults.ambiguous, w->faults.crash,
	         w->faults.full, w->faults.two_logs, w->faults.forgets);
	return w;
}

static void act(sim *w)
{
	sim_site *s = any_site(w);

	go_wrong(w);
	if (!s->up) {
		if (sim_chance(&w->random, 40))
			sim_site_start(s);
	} else if (s->lying && sim_chance(&w->random, w->faults.liar)) {
		sim_liar_step(s);
	} else {
		sim_site_step(s);
	}
	if (sim_chance(&w->random, 35))
		sim_load_submit(w);
	if (sim_chance(&w->random, 25))
		sim_load_ask(w);
	if (w->seed % 3 == 0) /* they make the run twice as long */
		sim_session_step(w);
	for (unsigned i = 0; i < w->n; i++)
		bury(&w->site[i]);
}

/* All that can still move. */
static uint64_t progress(const sim *w)
{
	uint64_t sum = w->log[0].n;

	for (unsigned i = 0; i < w->n; i++)
		if (w->site[i].up)
			sum += aic_state_head(w->site[i].state)->height + w->site[i].chain.final_height;
	return sum;
}

/* Sites ask for something by themselves, too: evidence of what they saw. */
static bool nobody_waits(const sim *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->site[i].up && aic_generator_waiting(w->site[i].generator))
			return false;
	return true;
}

/* Nothing goes wrong any more: all must come to one end. */
static void calm_down(sim *w)
{
	uint64_t before = 0;
	unsigned idle = 0;

	w->quiet = true;
	sim_order_heal(w);
	sim_note(w, "from here on nothing goes wrong");
	for (unsigned i = 0; i < w->n; i++) {
		sim_disk_set_full(w->site[i].disk, false);
		sim_disk_crash_after(w->site[i].disk, 0);
	}
	for (unsigned round = 0; round < QUIET_ROUNDS && !w->failed; round++) {
		for (unsigned i = 0; i < w->n && !w->failed; i++) {
			w->step++;
			w->ms += 700;
			if (w->site[i].up || sim_site_start(&w->site[i]))
				sim_site_step(&w->site[i]);
			sim_check_step(w);
		}
		sim_load_ask(w);
		idle = progress(w) == before ? idle + 1 : 0;
		before = progress(w);
		if ((round > 3 && sim_load_is_done(w) && nobody_waits(w)) || idle > QUIET_IDLE)
			break;
	}
	for (unsigned i = 0; i < w->n; i++) /* what the last one made, the others have not read yet */
		if (w->site[i].up)
			(void)aic_chain_catch_up(&w->site[i].chain, NULL);
}

void sim_run(sim *w)
{
	for (unsigned i = 0; i < w->n; i++)
		sim_site_start(&w->site[i]);
	for (w->step = 1; w->step <= w->steps && !w->failed; w->step++) {
		w->ms += sim_below(&w->random, 1500);
		act(w);
		sim_check_step(w);
	}
	if (!w->failed)
		calm_down(w);
	if (!w->failed)
		sim_check_end(w);
}

void sim_free(sim *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		sim_site_stop(&w->site[i]);
		sim_disk_free(w->site[i].disk);
		unlink(w->site[i].pending);
	}
	sim_order_free(w);
	aic_bytes_free(&w->genesis);
	free(w);
}
