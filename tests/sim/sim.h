/* sim.h: a world of several sites over one order, driven by a seed. Real are state, blocks, chain, generator and the keeper of
 * pending blocks; simulated are the disks (disk.h), the order (order.c), the clocks and the clients. After each step named checks
 * (checks.c) look at everything. The same seed gives the same run to the byte. */
#ifndef AIC_SIM_H
#define AIC_SIM_H

#include "ledger/chain.h"
#include "ledger/generator.h"
#include "ledger/order/pending.h"
#include "tests/sim/disk.h"
#include "tests/sim/random.h"

#define SIM_SITES 7
#define SIM_WALLETS 4     /* of each site */
#define SIM_REQUESTS 512
#define SIM_HEIGHTS 4096
#define SIM_EPOCH 1700000000

/* Planted faults: a defence of the honest sites that is taken away from outside (plant.c). */
typedef enum {
	PLANT_NONE,
	PLANT_DROP,          /* takes an append without an answer for done */
	PLANT_DELAY,         /* tells a client "final" when the block is ordered */
	PLANT_REPEAT,        /* takes a block that is shown twice for the next one */
	PLANT_REORDER,       /* takes blocks in the order in which they come */
	PLANT_AMBIGUOUS,     /* does not keep what it sent when there was no answer */
	PLANT_CRASH,         /* repeats after a crash whatever had no answer */
	PLANT_TORN,          /* takes a write for durable that was not synced */
	PLANT_FULL,          /* ignores a full disk */
	PLANT_SKEW,          /* judges blocks by its own clock */
	PLANT_INVALID,       /* carries out invalid blocks */
	PLANT_HUGE,          /* carries out blocks of any size */
	PLANT_TWICE,         /* attests twice at a height */
	PLANT_ROOT,          /* counts attestations of other roots */
	PLANT_SIGNATURE,     /* counts attestations that are not signed */
	PLANT_TWO_LOGS,      /* follows whatever log it is shown */
	PLANT_FORGETS,       /* accepts a log that is shorter than its copy */
	PLANT_END
} sim_plant;
const char *sim_plant_name(sim_plant p);

/* What goes wrong, in percent of the calls or steps where it can; 0: never in this run. */
typedef struct {
	unsigned drop, delay, repeat, reorder, fewer, ambiguous; /* of the order's answers */
	unsigned crash, power, full;                             /* of the sites */
	unsigned skew;                                           /* seconds by which clocks differ at most */
	unsigned liar;                                           /* what the lying member does */
	unsigned forge;                                          /* attestations that the order makes up */
	unsigned two_logs, forgets;                              /* of the order */
} sim_faults;

typedef struct { aic_bytes bytes; aic_hash name; } sim_entry;
typedef struct { sim_entry *list; size_t n; } sim_log;

struct sim;
typedef struct {
	struct sim *world;
	unsigned number;
	bool lying, up, other_log; /* other_log: the order shows it the second log */
	aic_key key;
	aic_id id;
	sim_disk *disk;
	char pending[64];          /* path of the block that was sent without an answer */
	int64_t skew;
	aic_clock clock;
	aic_state *state;
	aic_order order;
	aic_chain chain;
	aic_generator *generator;
	aic_error failure;         /* of its last step; AIC_OK: none */
	uint64_t seen_final, seen_height; /* by the checks */
	uint64_t shown;            /* label of the block that it was shown last */
} sim_site;

typedef enum { LOAD_TRANSFER, LOAD_SETTLEMENT, LOAD_ALLOWANCE, LOAD_ASSET, LOAD_VOTE, LOAD_KINDS } sim_load_kind;
typedef struct {
	sim_load_kind kind;
	unsigned site;
	uint64_t mark;             /* no other request has it: amount of a transfer, number of a settlement */
	uint64_t ticket;           /* 0: the site has died since, or the client has its answer */
	bool answered;
	aic_fate answer;
} sim_request;

typedef struct sim {
	uint64_t seed, random, session_random;
	sim_faults faults;
	sim_plant plant;
	bool trace, quiet;         /* quiet: nothing goes wrong any more */
	aic_pacing pacing;
	int64_t ms;
	unsigned step, steps, n;
	sim_site site[SIM_SITES];
	unsigned liar;             /* SIM_SITES: none */
	aic_bytes genesis;
	/* the order: two logs that begin alike, the second only where it shows two; how many blocks it hides at present */
	sim_log log[2];
	bool split;
	size_t hidden;
	bool forgot;               /* it has lost blocks for good */
	aic_bytes board[SIM_SITES][SIM_HEIGHTS];
	aic_bytes sent[SIM_SITES][SIM_HEIGHTS];  /* what each honest site has sent as block of a height */
	aic_bytes said[SIM_HEIGHTS];             /* block and root of each true attestation that the liar has put on the board */
	/* what the checks remember */
	bool good[SIM_SITES][SIM_HEIGHTS];       /* the signature of that attestation is good */
	aic_hash final_block[SIM_HEIGHTS], final_root[SIM_HEIGHTS];
	bool final_known[SIM_HEIGHTS];
	sim_request request[SIM_REQUESTS];
	size_t n_requests;
	uint64_t answered_final, blocks_invalid, lies_proven, sessions_judged;
	/* the first check that failed */
	const char *failed;
	char what[512];
	/* the last steps, for the report */
	char tail[24][160];
	unsigned n_tail;
} sim;

/* world.c */
sim *sim_new(uint64_t seed, sim_plant plant, bool trace);
void sim_free(sim *w);
/* Runs all steps, or until a check fails: w->failed names it. */
void sim_run(sim *w);
void sim_note(sim *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool sim_honest(const sim_site *s);
/* Opens what the disk holds; false where that fails now (s->failure). */
bool sim_site_start(sim_site *s);
void sim_site_stop(sim_site *s);
void sim_site_step(sim_site *s);
aic_address sim_wallet(unsigned site, unsigned i);

/* order.c: aic_order for one site. */
void sim_order_open(sim_site *s, aic_order *o);
void sim_order_free(sim *w);
sim_log *sim_order_log(sim_site *s);
/* Puts bytes at the end of the log that the site sees, whatever they are. */
void sim_order_force(sim_site *s, const aic_bytes *block, const aic_hash *name);
/* Begins to show two logs, or to hide the newest blocks; and the end of it. */
void sim_order_split(sim *w);
void sim_order_hide(sim *w);
void sim_order_heal(sim *w);

/* liar.c */
void sim_liar_step(sim_site *s);
/* load.c: clients */
void sim_load_submit(sim *w);
void sim_load_ask(sim *w);
void sim_load_lost(sim_site *s); /* the site died: its clients have no answer */
bool sim_load_is_done(const sim *w);

/* session.c: trainings and verifiers */
void sim_session_step(sim *w);
void sim_session_check(sim_site *s); /* "sessions" */

/* checks.c */
void sim_fail(sim *w, const char *check, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void sim_check_step(sim *w);
void sim_check_sent(sim_site *s, uint64_t height, const void *block, size_t len);
void sim_check_attested(sim_site *s, uint64_t height, const void *bytes, size_t len);
void sim_check_answer(sim *w, const sim_request *r);
void sim_check_end(sim *w);

/* plant.c: false where nothing is planted there. */
bool sim_plant_before_step(sim_site *s);
void sim_plant_after_step(sim_site *s);
bool sim_plant_visit(sim_site *s, uint64_t *label, const uint8_t **block, size_t *len);
void sim_plant_attestation(sim_site *s, const aic_id *by, uint64_t height, aic_bytes *bytes);

#endif
