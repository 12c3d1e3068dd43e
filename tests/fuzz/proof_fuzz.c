/* proof_fuzz.c: forged proofs. Whatever the checker accepts against a final head says something true of this ledger: a payout that was
 * made, to the unit. The mutator knows proofs: it exchanges, repeats and drops items of true proofs, of several payouts against several
 * heads, and changes numbers and bytes within them. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "common/cbor.h"
#include "ledger/audit/export_testing.h"
#include "ledger/audit/proof.h"

#define BLOCKS 12
#define TRUTHS 8   /* settlements at 4, 8 and 12, and one in parts behind them, two lines each */
#define IN_PARTS 13
#define POOL 20
#define ITEMS 512

static aic_proven truth[TRUTHS];
static aic_hash trusted;
static aic_bytes pool[POOL]; /* true proofs, against the head and against others */
static size_t pooled;

/* Whatever head it is made against. */
static bool is_true(const aic_proven *p)
{
	aic_proven like = *p;
	bool found = false;

	for (size_t i = 0; i < TRUTHS; i++) {
		like.head = truth[i].head;
		like.head_height = truth[i].head_height;
		found |= memcmp(&like, &truth[i], sizeof(like)) == 0;
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_proven p;

	if (aic_proof_check(&p, data, size, &trusted, NULL) == AIC_OK)
		demand(is_true(&p));
	if (aic_proof_check_chain(&p, data, size, &test_chain_id, NULL) == AIC_OK)
		demand(is_true(&p));
	return 0;
}

/* --- the mutator --- */

typedef struct {
	size_t at, len;
} span;

/* Spans of all items, containers included; 0 where it cannot be read. */
static bool list_items(aic_cbor *c, span *out, size_t *n)
{
	size_t place = *n, start = c->pos, inner = 0;

	if (*n == ITEMS)
		return false;
	(*n)++;
	if (aic_cbor_peek(c) == AIC_CBOR_ARRAY)
		inner = aic_cbor_array(c, SIZE_MAX);
	else
		aic_cbor_skip(c);
	for (; inner > 0 && aic_cbor_ok(c); inner--)
		if (!list_items(c, out, n))
			return false;
	out[place] = (span){start, c->pos - start};
	return aic_cbor_ok(c);
}

static size_t items_of(const uint8_t *data, size_t size, span out[ITEMS])
{
	aic_cbor c;
	size_t n = 0;

	aic_cbor_init(&c, data, size);
	return list_items(&c, out, &n) ? n : 0;
}

static size_t splice(uint8_t *data, size_t size, size_t max, span hole, const uint8_t *with, size_t len)
{
	if (size - hole.len + len > max)
		return size;
	memmove(data + hole.at + len, data + hole.at + hole.len, size - hole.at - hole.len);
	memcpy(data + hole.at, with, len);
	return size - hole.len + len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	static span mine[ITEMS], theirs[ITEMS];
	uint64_t random = seed;
	const aic_bytes *other = &pool[test_random(&random) % pooled];
	size_t n = items_of(data, size, mine), m = items_of(other->data, other->len, theirs);

	if (!n) { /* broken: begin again with a true one */
		if (other->len > max || test_random(&random) % 4 == 0)
			return LLVMFuzzerMutate(data, size, max);
		memcpy(data, other->data, other->len);
		return other->len;
	}
	size_t i = test_random(&random) % n, k = test_random(&random) % 8 ? i % m : test_random(&random) % m;
	aic_bytes item = {0};
	switch (test_random(&random) % 4) {
	case 0: /* the same place, or another one, of another true proof */
	case 1:
		aic_bytes_append(&item, other->data + theirs[k].at, theirs[k].len);
		break;
	case 2: /* another item of this one */
		k = test_random(&random) % n;
		aic_bytes_append(&item, data + mine[k].at, mine[k].len);
		break;
	default: /* its bytes changed */
		aic_bytes_append(&item, data + mine[i].at, mine[i].len);
		aic_bytes_reserve(&item, 64);
		item.len = LLVMFuzzerMutate(item.data, item.len, item.len + 32);
	}
	size = splice(data, size, max, mine[i], item.data, item.len);
	aic_bytes_free(&item);
	return size;
}

/* --- the world --- */

static void add_proof(test_site *s, uint64_t number, uint64_t line, uint64_t head)
{
	char name[64];

	demand(pooled < POOL && aic_proof_build(&pool[pooled], s->state, &s->order, &s->chain.site, "2026-W48", number, line, head, NULL) == AIC_OK);
	snprintf(name, sizeof(name), "proof-%llu-%llu-%llu", (unsigned long long)number, (unsigned long long)line, (unsigned long long)head);
	fuzz_seed(name, -1, pool[pooled].data, pool[pooled].len);
	pooled++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	void *folder;
	aic_settlement_line l[2] = {
		{.payer = test_wallet(2), .payee = test_wallet(3), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10, .stake = AIC_UNIT / 10 * 900000},
		{.payer = test_wallet(4), .payee = test_wallet(3), .kind = AIC_KIND_MODEL, .n = 1, .gross = 9, .fee = 0},
	};
	test_site s;

	(void)argc, (void)argv;
	demand(test_export_make(&folder, BLOCKS) == 0 && test_site_open(&s, test_ledger_dir, NULL) == AIC_OK);
	demand(test_settle_in_parts(&s, "2026-W48", IN_PARTS, l, 2, 128, NULL) == AIC_OK);
	uint64_t posted = aic_state_head(s.state)->height, head = posted + 1;
	demand(test_transfer(&s, 1, 2, 1, NULL) == AIC_OK);
	trusted = aic_state_head(s.state)->hash;
	for (size_t i = 0; i < TRUTHS; i++) {
		add_proof(&s, i < TRUTHS - 2 ? 4 * (i / 2 + 1) : IN_PARTS, i % 2 + 1, head);
		demand(aic_proof_check(&truth[i], pool[i].data, pool[i].len, &trusted, NULL) == AIC_OK);
	}
	for (size_t i = 0; i < 4; i++)
		add_proof(&s, 4, i % 2 + 1, i < 2 ? 4 : 10);
	for (size_t i = 0; i < 2; i++)
		add_proof(&s, IN_PARTS, i + 1, posted);
	test_site_close(&s);
	return test_folder_remove(&folder);
}
