/* proof_check.c: checking a proof, far from any ledger. What it says is hashed up to what is trusted; the sizes of trees, which are not,
 * change nothing that is said. */
#include <stdio.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/block.h"
#include "ledger/audit/checkpoint.h"
#include "ledger/audit/proof.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"
#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"

#define ITEMS 14
#define EVENTS_MAX 4
#define ATTESTATIONS_MAX 1024

/* One of the three. */
typedef struct {
	const aic_hash *head, *chain;
	const aic_note *note;
} trusted;

typedef struct {
	aic_header header;
	aic_hash hash;
} head;

typedef struct {
	aic_hash hash[AIC_TREE_PATH_MAX];
	size_t len;
} path;

typedef struct {
	const trusted *trusted;
	aic_cbor *c;
	aic_proven *out;
	head top, after, block;
	aic_genesis genesis;
	bool has_genesis, has_after;
	const uint8_t *attestation[ATTESTATIONS_MAX];
	size_t attestation_len[ATTESTATIONS_MAX], n_attestations;
	aic_hash attested;         /* state root after the head, as the attestations have it */
	aic_hash root;             /* of the state that holds the settlement */
	aic_settlement_row row;
} checker;

static aic_code wrong(const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "the proof does not hold: %s", what);
}

/* --- reading --- */

/* Header and signature name a block; the signature needs no check of its own: the head's hash vouches for both. */
static bool get_head(aic_cbor *c, head *h)
{
	aic_bytes block = {0};
	aic_block b;
	const uint8_t *bytes;
	size_t len;
	uint8_t signature[AIC_SIGNATURE_LEN];

	bytes = aic_cbor_bytes(c, &len);
	if (!aic_cbor_bytes_exact(c, signature, sizeof(signature)))
		return false;
	aic_cbor_put_array(&block, 3);
	aic_cbor_put_bytes(&block, bytes, len);
	aic_cbor_put_bytes(&block, signature, sizeof(signature));
	aic_cbor_put_array(&block, 0);
	bool ok = aic_block_decode(&b, block.data, block.len, NULL) == AIC_OK;
	if (ok) {
		h->header = b.header;
		h->hash = aic_block_name(bytes, len, signature);
		aic_block_clear(&b);
	}
	aic_bytes_free(&block);
	return ok;
}

static void get_path(aic_cbor *c, path *p)
{
	p->len = aic_cbor_array(c, AIC_TREE_PATH_MAX);
	for (size_t i = 0; i < p->len && aic_cbor_ok(c); i++)
		aic_cbor_bytes_exact(c, p->hash[i].b, AIC_HASH_LEN);
}

static bool leads(const path *p, const void *data, size_t len, uint64_t n, uint64_t index, const aic_hash *root)
{
	aic_hash leaf = aic_merkle_leaf(data, len);

	return n > 0 && aic_merkle_check(root, &leaf, n, index, p->hash, p->len);
}

/* --- what the head is trusted for --- */

static aic_code get_vouchers(checker *k, aic_error *err)
{
	size_t len;
	const uint8_t *genesis = aic_cbor_bytes(k->c, &len);

	k->n_attestations = aic_cbor_array(k->c, ATTESTATIONS_MAX);
	for (size_t i = 0; i < k->n_attestations && aic_cbor_ok(k->c); i++)
		k->attestation[i] = aic_cbor_bytes(k->c, &k->attestation_len[i]);
	if (!aic_cbor_ok(k->c) || aic_genesis_decode(&k->genesis, genesis, len, NULL))
		return wrong("genesis and attestations cannot be read", err);
	k->has_genesis = true;
	k->out->chain = aic_genesis_chain(genesis, len);
	return AIC_OK;
}

static const uint8_t *key_of(const checker *k, const aic_id *site)
{
	for (size_t i = 0; i < k->genesis.n_members; i++) {
		aic_id id = aic_site_id(k->genesis.member[i]);

		if (aic_id_equal(&id, site))
			return k->genesis.member[i];
	}
	return NULL;
}

/* Sites ascend, so that each counts once. */
static aic_code check_attestations(checker *k, aic_error *err)
{
	aic_id before = {{0}};
	aic_attestation a;

	for (size_t i = 0; i < k->n_attestations; i++) {
		if (aic_attestation_decode(&a, k->attestation[i], k->attestation_len[i], NULL))
			return wrong("an attestation cannot be read", err);
		const uint8_t *key = key_of(k, &a.site);
		if (!key || !aic_attestation_signed_by(&a, key) || (i && memcmp(before.b, a.site.b, sizeof(before.b)) >= 0))
			return wrong("an attestation is not signed by a member that genesis names", err);
		if (a.height != k->top.header.height || !aic_hash_equal(&a.chain, &k->out->chain) || !aic_hash_equal(&a.block, &k->top.hash) ||
		    (i && !aic_hash_equal(&a.state, &k->attested)))
			return wrong("an attestation is of something else than the head", err);
		k->attested = a.state;
		before = a.site;
	}
	return AIC_OK;
}

static aic_code need_quorum(const checker *k, aic_error *err)
{
	uint64_t needed = aic_quorum(k->genesis.n_members);

	if (k->n_attestations >= needed)
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "the proof does not hold: %zu of the %zu members that genesis names attest its head, %llu must: where "
	                                  "members have changed, have it proven against a later block and check it with --head or --checkpoint",
	                k->n_attestations, k->genesis.n_members, (unsigned long long)needed);
}

static aic_code check_trusted(checker *k, aic_error *err)
{
	const trusted *t = k->trusted;

	if (!aic_hash_equal(&k->top.header.chain, &k->out->chain))
		return wrong("its blocks are another ledger's than its genesis", err);
	if (t->head)
		return aic_hash_equal(&k->top.hash, t->head) ? AIC_OK : wrong("it is made against another head", err);
	if (t->chain)
		return aic_hash_equal(&k->out->chain, t->chain) ? need_quorum(k, err) : wrong("it is of another ledger", err);
	if (k->top.header.height != t->note->size || !aic_hash_equal(&k->top.header.blocks, &t->note->root) ||
	    !aic_hash_equal(&k->out->chain, &t->note->chain))
		return wrong("it is made against another head than the checkpoint's (aic ledger prove --head SIZE)", err);
	return AIC_OK;
}

/* A checkpoint vouches for the blocks before the head, a hash for the head too. */
static aic_code check_block(checker *k, const head *h, const path *p, const char *what, aic_error *err)
{
	bool is_head = aic_hash_equal(&h->hash, &k->top.hash);

	if (is_head && k->trusted->note)
		return wrong("the payout must be at least two blocks before the checkpoint's: prove it against a later one", err);
	if (is_head)
		return p->len ? wrong("a path where none is needed", err) : AIC_OK;
	if (!leads(p, h->hash.b, AIC_HASH_LEN, k->top.header.height, h->header.height, &k->top.header.blocks))
		return aic_fail(err, AIC_CORRUPT, "the proof does not hold: the %s does not lead to the head", what);
	return AIC_OK;
}

static aic_code check_blocks(checker *k, aic_error *err)
{
	aic_code code;
	path after, block;

	aic_cbor_array_exact(k->c, 2);
	if (!get_head(k->c, &k->top))
		return wrong("a block header cannot be read", err);
	k->has_after = aic_cbor_array(k->c, 2) > 0;
	if (k->has_after && !get_head(k->c, &k->after))
		return wrong("a block header cannot be read", err);
	get_path(k->c, &after);
	aic_cbor_array_exact(k->c, 2);
	if (!get_head(k->c, &k->block))
		return wrong("a block header cannot be read", err);
	get_path(k->c, &block);
	if (!aic_cbor_ok(k->c))
		return wrong("the path from block to head cannot be read", err);
	if ((code = check_attestations(k, err)) || (code = check_trusted(k, err)) || (code = check_block(k, &k->block, &block, "payout's block", err)))
		return code;
	if (k->has_after) {
		k->root = k->after.header.state;
		return check_block(k, &k->after, &after, "block after the payout's", err);
	}
	if (after.len || !aic_hash_equal(&k->block.hash, &k->top.hash))
		return wrong("there is no block after the payout's, which is not the head", err);
	k->root = k->attested;
	return need_quorum(k, err);
}

/* --- the settlement, and its line --- */

static bool check_row(checker *k, aic_table_id table, const uint8_t *value, size_t len, const path *p)
{
	aic_hash key = aic_settlement_row_key(table, &k->out->site, k->out->period, k->out->number);

	return aic_tree_check(&k->root, &key, value, len, p->hash, p->len);
}

static aic_code check_settlement(checker *k, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	path p;

	aic_cbor_array_exact(k->c, 3);
	aic_cbor_bytes_exact(k->c, k->out->site.b, sizeof(k->out->site.b));
	aic_cbor_text(k->c, k->out->period, sizeof(k->out->period));
	k->out->number = aic_cbor_uint(k->c);
	aic_cbor_array_exact(k->c, 2);
	value = aic_cbor_bytes(k->c, &len);
	get_path(k->c, &p);
	if (!aic_cbor_ok(k->c) || !check_row(k, AIC_TABLE_SETTLEMENT, value, len, &p) || !aic_settlement_row_decode(&k->row, value, len))
		return wrong("the settlement is not in the state", err);
	if (k->row.height != k->block.header.height)
		return wrong("the settlement was applied by another block", err);
	k->out->tx = k->row.tx;
	return AIC_OK;
}

static aic_code check_line(checker *k, aic_error *err)
{
	const uint8_t *leaf;
	aic_settlement_line line;
	aic_cbor c;
	size_t len;
	path p;

	aic_cbor_array_exact(k->c, 3);
	k->out->line = aic_cbor_uint(k->c);
	leaf = aic_cbor_bytes(k->c, &len);
	get_path(k->c, &p);
	if (!aic_cbor_ok(k->c) || !k->out->line || !leads(&p, leaf, len, k->row.n_lines, k->out->line - 1, &k->row.lines))
		return wrong("the line is not the settlement's", err);
	aic_cbor_init(&c, leaf, len);
	aic_settlement_leaf_get(&c, &line);
	if (aic_cbor_finish(&c, NULL))
		return wrong("the line cannot be read", err);
	k->out->payer = line.payer;
	k->out->payee = line.payee;
	k->out->kind = line.kind;
	k->out->n = line.n;
	k->out->gross = line.gross;
	k->out->fee = line.fee;
	return AIC_OK;
}

/* Transactions stand in the state by their id, which is their payload's hash. */
static bool opening_of(const aic_hash *id, const uint8_t *payload, size_t payload_len, uint64_t kind, aic_proven *out)
{
	static const uint8_t unsigned_[AIC_SIGNATURE_LEN];
	char period[16];
	uint64_t number;
	aic_transaction tx;
	aic_bytes bytes = {0};
	size_t len;

	aic_cbor_put_array(&bytes, 2);
	aic_cbor_put_bytes(&bytes, payload, payload_len);
	aic_cbor_put_bytes(&bytes, unsigned_, sizeof(unsigned_));
	bool ok = !aic_tx_decode(&tx, bytes.data, bytes.len, NULL) && tx.kind == kind && aic_hash_equal(&tx.id, id);
	if (ok) {
		const uint8_t *body = kind == AIC_TX_SETTLEMENT ? tx.body : aic_settlement_part_piece(tx.body, tx.body_len, &len);

		ok = body && !aic_settlement_opening_of(body, kind == AIC_TX_SETTLEMENT ? tx.body_len : len, period, &number, &out->evidence, NULL) &&
		     number == out->number && strcmp(period, out->period) == 0;
	}
	aic_bytes_free(&bytes);
	return ok;
}

static aic_code check_opening(checker *k, aic_error *err)
{
	aic_hash part[AIC_PARTS_MAX];
	const uint8_t *value, *payload;
	size_t len, payload_len, n = 0;
	path p;
	bool in_parts = aic_cbor_array(k->c, 2) > 0;

	if (in_parts) {
		value = aic_cbor_bytes(k->c, &len);
		get_path(k->c, &p);
		if (!aic_cbor_ok(k->c) || !check_row(k, AIC_TABLE_PARTS_POSTED, value, len, &p) ||
		    aic_parts_posted_decode(part, &n, value, len, NULL) || !n)
			return wrong("the list of the settlement's parts is not in the state", err);
	}
	payload = aic_cbor_bytes(k->c, &payload_len);
	if (!aic_cbor_ok(k->c) || !opening_of(in_parts ? &part[0] : &k->row.tx, payload, payload_len,
	                                      in_parts ? AIC_TX_SETTLEMENT_PART : AIC_TX_SETTLEMENT, k->out))
		return wrong("the settlement does not begin with that transaction", err);
	return AIC_OK;
}

/* --- events --- */

/* First payer to payee; then what the treasury got: the two are the line's gross; then what was issued to the payee. */
static bool is_of_line(const aic_event *e, size_t i, aic_proven *out)
{
	aic_address treasury = aic_treasury_address();
	aic_amount value;

	if (e->kind != AIC_EVENT_TRANSFER || !aic_u256_to_amount(e->value, &value))
		return false;
	if (i == 0) {
		out->paid = value;
		return !aic_address_cmp(&e->a, &out->payer) && !aic_address_cmp(&e->b, &out->payee) && value <= out->gross;
	}
	if (i == 1 && out->paid < out->gross)
		return !aic_address_cmp(&e->a, &out->payer) && !aic_address_cmp(&e->b, &treasury) && value == out->gross - out->paid;
	if (out->issued)
		return false;
	out->issued = value;
	return aic_address_is_zero(&e->a) && !aic_address_cmp(&e->b, &out->payee);
}

/* What closes the settlement's events names it. The payer is in the custody of one site alone: two settlements of one name in one
 * block are not confused. */
static bool is_closing(const aic_event *e, const checker *k)
{
	char name[AIC_EVENT_NOTE_LEN];
	aic_amount value;

	snprintf(name, sizeof(name), "%s/%llu", k->out->period, (unsigned long long)k->out->number);
	return e->kind == AIC_EVENT_SETTLEMENT && strcmp(e->note, name) == 0 && aic_u256_to_amount(e->value, &value) &&
	       value == k->row.issued && k->out->issued <= value;
}

static aic_code check_events(checker *k, aic_error *err)
{
	uint64_t n = aic_cbor_uint(k->c), before = 0, tx = 0;
	size_t count = aic_cbor_array(k->c, EVENTS_MAX);
	path p;

	for (size_t i = 0; i < count && aic_cbor_ok(k->c); i++) {
		const uint8_t *bytes;
		size_t len;
		aic_event e;
		aic_cbor one;

		aic_cbor_array_exact(k->c, 3);
		uint64_t at = aic_cbor_uint(k->c);
		bytes = aic_cbor_bytes(k->c, &len);
		get_path(k->c, &p);
		if (!aic_cbor_ok(k->c) || !leads(&p, bytes, len, n, at, &k->block.header.events))
			return wrong("an event does not lead to its block", err);
		aic_cbor_init(&one, bytes, len);
		aic_event_get(&one, &e);
		bool last = i + 1 == count;
		if (aic_cbor_finish(&one, NULL) || (i && (last ? at <= before : at != before + 1)) || (i && e.tx != tx) ||
		    !(last ? is_closing(&e, k) : is_of_line(&e, i, k->out)))
			return wrong("an event is not of that line", err);
		before = at;
		tx = e.tx;
	}
	bool whole = count == 2 ? k->out->paid == k->out->gross : count > 2;
	return aic_cbor_ok(k->c) && whole ? AIC_OK : wrong("its events cannot be read", err);
}

static aic_code check_version(aic_cbor *c, aic_error *err)
{
	char version[32] = "";
	size_t items = aic_cbor_array(c, ITEMS);

	if (!aic_cbor_text(c, version, sizeof(version)) || strncmp(version, "aic/proof/", strlen("aic/proof/")) != 0)
		return aic_fail(err, AIC_CORRUPT, "this is no proof of version %s", AIC_PROOF_VERSION);
	if (strcmp(version, AIC_PROOF_VERSION) != 0)
		return aic_fail(err, AIC_CORRUPT, "this proof has version %s, this release reads %s: have it made again with aic ledger prove", version,
		                AIC_PROOF_VERSION);
	return items == ITEMS ? AIC_OK : wrong("it has not as many items as a proof", err);
}

static aic_code check(aic_proven *out, const void *proof, size_t len, const trusted *t, aic_error *err)
{
	aic_cbor c;
	checker k;
	aic_code code;

	memset(out, 0, sizeof(*out));
	memset(&k, 0, sizeof(k));
	k.trusted = t;
	k.c = &c;
	k.out = out;
	if (len > AIC_PROOF_MAX)
		return aic_fail(err, AIC_FULL, "a proof of %zu bytes is larger than %u", len, AIC_PROOF_MAX);
	aic_cbor_init(&c, proof, len);
	if (!(code = check_version(&c, err)) && !(code = get_vouchers(&k, err)) && !(code = check_blocks(&k, err)) &&
	    !(code = check_settlement(&k, err)) && !(code = check_line(&k, err)) && !(code = check_opening(&k, err)) &&
	    !(code = check_events(&k, err)) && aic_cbor_finish(&c, NULL))
		code = wrong("there is something behind its end", err);
	if (k.has_genesis)
		aic_genesis_clear(&k.genesis);
	if (!t->note) /* which knows its height alone */
		out->head = k.top.hash;
	out->head_height = k.top.header.height;
	out->height = k.block.header.height;
	out->time = k.block.header.time;
	return code;
}

aic_code aic_proof_check(aic_proven *out, const void *proof, size_t len, const aic_hash *trusted_head, aic_error *err)
{
	return check(out, proof, len, &(trusted){.head = trusted_head}, err);
}

aic_code aic_proof_check_note(aic_proven *out, const void *proof, size_t len, const aic_note *checkpoint, aic_error *err)
{
	return check(out, proof, len, &(trusted){.note = checkpoint}, err);
}

aic_code aic_proof_check_chain(aic_proven *out, const void *proof, size_t len, const aic_hash *chain, aic_error *err)
{
	return check(out, proof, len, &(trusted){.chain = chain}, err);
}
