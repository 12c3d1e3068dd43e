/* economy_test.c: what economics.md 2 promises, on random economies with rings, wash trades and split identities among them: nothing is
 * lost, no circle gains, order and splits change roundings alone. AIC_SEED=N replays one. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "ledger/state/reward.h"

#define WALLETS 12
#define PAYMENTS 64
#define ECONOMIES 20000
#define PPM 1000000

__extension__ typedef __int128 change; /* of a balance */

typedef struct {
	unsigned payer, payee;
	aic_amount gross;
	uint64_t quality;
} payment;

typedef struct {
	aic_parameters p;
	aic_amount fees_total, issued; /* before the settlement */
	uint64_t rating[WALLETS];
	size_t n;
	payment pay[PAYMENTS];
} economy;

typedef struct {
	change wallet[WALLETS], treasury;
	aic_amount fees, issued, first[PAYMENTS], second[PAYMENTS];
} outcome;

static uint64_t rng, seed;

static uint64_t below(uint64_t n)
{
	return test_random(&rng) % n;
}

/* From one unit to a million AIC, each size as likely. */
static aic_amount some_amount(void)
{
	return ((aic_amount)1 << below(80)) + below(UINT64_C(1) << below(50));
}

static aic_amount fee_of(const economy *e, const payment *p)
{
	return aic_ppm_of(p->gross, e->p.fee_ppm);
}

/* Parameters that a ledger accepts, or none. */
static bool some_parameters(aic_parameters *p)
{
	*p = aic_parameters_default;
	if (below(2))
		return true;
	p->fee_ppm = below(300001);
	p->rho_ppm = below(450001);
	p->kappa_ppm = 1 + below(350000);
	p->a_max = (aic_amount)below(2000000000) * AIC_UNIT;
	return aic_parameters_check(p, NULL) == AIC_OK;
}

static void add(economy *e, unsigned payer, unsigned payee, aic_amount gross, uint64_t quality)
{
	if (e->n < PAYMENTS)
		e->pay[e->n++] = (payment){payer, payee, gross, quality};
}

static void make(economy *e, bool equal_ratings)
{
	uint64_t one = below(PPM + 1);

	memset(e, 0, sizeof(*e));
	while (!some_parameters(&e->p))
		;
	e->fees_total = below(3) ? (aic_amount)below(3000000000) * AIC_UNIT : 0;
	aic_amount most = aic_issuable(&e->p, e->fees_total);
	e->issued = below(3) == 0 ? most : below(2) ? most / (1 + below(4)) : 0;
	for (int i = 0; i < WALLETS; i++)
		e->rating[i] = equal_ratings ? one : below(PPM + 1);
	for (size_t n = 1 + below(20); n; n--)
		add(e, (unsigned)below(WALLETS), (unsigned)below(WALLETS), some_amount(), below(PPM + 1));
}

static outcome settle(const economy *e)
{
	aic_reward_line line[PAYMENTS] = {{0}};
	aic_reward_sums sums;
	outcome o = {.fees = 0};
	aic_error err = {0};

	for (size_t i = 0; i < e->n; i++) {
		line[i].stake = fee_of(e, &e->pay[i]) * e->pay[i].quality;
		line[i].rating_ppm = e->rating[e->pay[i].payee];
		o.fees += fee_of(e, &e->pay[i]);
	}
	if (aic_rewards(&e->p, e->fees_total + o.fees, e->issued, line, e->n, &sums, &err) != AIC_OK)
		fail_msg("seed %llu: %s", (unsigned long long)seed, err.message);
	for (size_t i = 0; i < e->n; i++) {
		const payment *p = &e->pay[i];
		aic_amount fee = fee_of(e, p);
		o.wallet[p->payer] -= (change)p->gross;
		o.wallet[p->payee] += (change)(p->gross - fee + line[i].first + line[i].second);
		o.treasury += (change)(fee - line[i].first);
		o.first[i] = line[i].first;
		o.second[i] = line[i].second;
		o.issued += line[i].second;
	}
	return o;
}

#define must(condition) \
	do { \
		if (!(condition)) \
			fail_msg("seed %llu: %s", (unsigned long long)seed, #condition); \
	} while (0)

static void each(void (*check)(void))
{
	const char *one = getenv("AIC_SEED");

	for (seed = one ? strtoull(one, NULL, 10) : 1; seed <= (one ? strtoull(one, NULL, 10) : ECONOMIES); seed++) {
		rng = seed;
		check();
	}
}

/* --- nothing is lost --- */

static void conservation(void)
{
	economy e;
	change all = 0;

	make(&e, false);
	outcome o = settle(&e);
	for (int i = 0; i < WALLETS; i++)
		all += o.wallet[i];
	must(all + o.treasury == (change)o.issued && o.treasury >= 0);
	aic_amount most = aic_issuable(&e.p, e.fees_total + o.fees);
	must(o.issued == 0 || e.issued + o.issued <= most);
	for (size_t i = 0; i < e.n; i++) {
		aic_amount reward = o.first[i] + o.second[i], bound;
		must(aic_mul_div(&bound, fee_of(&e, &e.pay[i]), e.p.rho_ppm + e.p.kappa_ppm, PPM) && reward <= bound);
		must(e.pay[i].quality || !reward);
	}
}

/* --- no circle gains --- */

static change of_set(const outcome *o, unsigned set)
{
	change sum = 0;

	for (unsigned i = 0; i < WALLETS; i++)
		if (set >> i & 1)
			sum += o->wallet[i];
	return sum;
}

/* Payments within the set: a wash trade to and fro, a ring, or any. At the best quality more often than not. */
static void add_circles(economy *e, unsigned set)
{
	unsigned member[WALLETS], n = 0, how = (unsigned)below(3);
	aic_amount gross = some_amount();
	uint64_t q = below(3) ? PPM : below(PPM + 1);

	for (unsigned i = 0; i < WALLETS; i++)
		if (set >> i & 1)
			member[n++] = i;
	for (unsigned i = 0; how == 0 && i < 10; i++)
		add(e, member[i & 1 && n > 1], member[!(i & 1) && n > 1], gross, q);
	for (unsigned i = 0; how == 1 && i < 3 * n; i++)
		add(e, member[i % n], member[(i + 1) % n], gross, q);
	for (unsigned i = 0; how == 2 && i < 15; i++)
		add(e, member[below(n)], member[below(n)], some_amount(), below(PPM + 1));
}

/* S rises by steps, one each X_scale / 2^32 of fees (0.4 AIC): whoever's fee completes a step frees all of it at once. */
static aic_amount step_of_issuance(const economy *e, aic_amount fees)
{
	aic_amount cell = (e->p.x_scale >> 32) + 1, here = aic_issuable(&e->p, fees);
	aic_amount up = aic_issuable(&e->p, fees + cell) - here, down = fees > cell ? here - aic_issuable(&e->p, fees - cell) : here;

	return up > down ? up : down;
}

static void no_circle_gains(void)
{
	economy e;
	unsigned set = 1 + (unsigned)below((1u << WALLETS) - 1);

	make(&e, true);
	outcome before = settle(&e);
	size_t lines = e.n;
	add_circles(&e, set);
	outcome after = settle(&e);
	change paid = 0;
	for (size_t i = lines; i < e.n; i++)
		paid += (change)fee_of(&e, &e.pay[i]);
	/* two units of rounding for each line, and one step of S, whatever the number of settlements: its steps sum to S */
	change step = (change)step_of_issuance(&e, e.fees_total + after.fees);
	must(10 * (of_set(&before, set) - of_set(&after, set) + step) + 20 * (change)e.n >= paid);
}

/* One of the set pays somebody through many of the set's wallets in place of one. */
static void split_identities(void)
{
	economy e;
	unsigned set = 7 | (unsigned)below(1u << WALLETS); /* wallets 0 to 2 at least */

	make(&e, true);
	add(&e, 0, (unsigned)below(WALLETS), some_amount() + 1000, below(PPM + 1));
	outcome before = settle(&e);
	payment whole = e.pay[--e.n];
	aic_amount left = whole.gross;
	for (unsigned i = 0; i < 8; i++) {
		aic_amount part = i < 7 ? left / (2 + below(5)) : left;
		add(&e, i % 3, whole.payee, part, whole.quality);
		left -= part;
	}
	outcome after = settle(&e);
	change gain = of_set(&after, set) - of_set(&before, set);
	must(gain <= 2 * (change)e.n + 8 && gain >= -2 * (change)e.n - 8);
}

/* --- order and splits --- */

static void order_is_nothing(void)
{
	economy e, shuffled;

	make(&e, false);
	shuffled = e;
	for (size_t i = e.n; i-- > 1;) {
		size_t k = below(i + 1);
		payment p = shuffled.pay[i];
		shuffled.pay[i] = shuffled.pay[k];
		shuffled.pay[k] = p;
	}
	outcome a = settle(&e), b = settle(&shuffled);
	for (int i = 0; i < WALLETS; i++)
		must(a.wallet[i] == b.wallet[i]);
	must(a.treasury == b.treasury && a.issued == b.issued);
}

/* A batch in two: the first terms differ by roundings, and what is issued only as S's steps let it. */
static void split_batch(void)
{
	economy e, first, second;

	make(&e, false);
	first = second = e;
	first.n = below(e.n + 1);
	second.n = e.n - first.n;
	memmove(second.pay, &e.pay[first.n], second.n * sizeof(payment));
	outcome whole = settle(&e), a = settle(&first);
	second.fees_total += a.fees;
	second.issued += a.issued;
	outcome b = settle(&second);
	change firsts = 0;
	for (size_t i = 0; i < e.n; i++)
		firsts += (change)whole.first[i] - (change)(i < first.n ? a.first[i] : b.first[i - first.n]);
	must(firsts == 0);
	aic_amount most = aic_issuable(&e.p, e.fees_total + whole.fees);
	must(e.issued + a.issued + b.issued <= (most > e.issued ? most : e.issued));
	/* where S leaves room for all, the issued part is the same too */
	aic_amount kappa;
	must(aic_mul_div(&kappa, whole.fees, e.p.kappa_ppm, PPM));
	if (aic_issuable(&e.p, e.fees_total) > e.issued + kappa) {
		change issued = (change)whole.issued - (change)(a.issued + b.issued);
		must(issued <= 2 * (change)e.n + 2 && issued >= -2 * (change)e.n - 2);
	}
}

#define TEST(name) static void test_##name(void **state) { (void)state; each(name); }
TEST(conservation)
TEST(no_circle_gains)
TEST(split_identities)
TEST(order_is_nothing)
TEST(split_batch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conservation), cmocka_unit_test(test_no_circle_gains), cmocka_unit_test(test_split_identities),
		cmocka_unit_test(test_order_is_nothing), cmocka_unit_test(test_split_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
