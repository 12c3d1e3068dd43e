/* ledger_fuzz.c: what comes from other sites, or is read from files of theirs: blocks, transactions, attestations, genesis, records of
 * exports and archives, events, notes. What a decoder accepts has these bytes as its only encoding. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "common/cbor.h"
#include "common/rpc_frame.h"
#include "ledger/archive/record.h"
#include "ledger/audit/checkpoint.h"
#include "ledger/audit/export_testing.h"
#include "ledger/state/event.h"

enum { BLOCK, TRANSACTION, ATTESTATION, GENESIS, RECORD, EVENT, NOTE, WITNESS, FRAME, KINDS };

static void same(aic_bytes *again, const uint8_t *data, size_t size)
{
	demand(again->len == size && (!size || memcmp(again->data, data, size) == 0));
	aic_bytes_free(again);
}

static void as_block(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_block b;

	if (aic_block_decode(&b, data, size, NULL))
		return;
	aic_cbor_put_array(&again, 3);
	aic_cbor_put_bytes(&again, b.header_bytes, b.header_len);
	aic_cbor_put_bytes(&again, b.signature, sizeof(b.signature));
	aic_cbor_put_array(&again, b.n_tx);
	for (size_t i = 0; i < b.n_tx; i++)
		aic_cbor_put_bytes(&again, b.tx[i].data, b.tx[i].len);
	aic_block_clear(&b);
	same(&again, data, size);
}

static void as_transaction(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_transaction tx;

	if (aic_tx_decode(&tx, data, size, NULL))
		return;
	aic_cbor_put_array(&again, 2);
	aic_cbor_put_bytes(&again, tx.payload, tx.payload_len);
	aic_cbor_put_bytes(&again, tx.signature, sizeof(tx.signature));
	same(&again, data, size);
}

/* The key of the member in the world below, and what it has attested: nothing else bears a signature of it that holds. */
#define HEIGHTS 5
static aic_key member;
static aic_bytes attested[HEIGHTS];

static void as_attestation(const uint8_t *data, size_t size)
{
	aic_attestation a;

	if (aic_attestation_decode(&a, data, size, NULL) == AIC_OK && aic_attestation_signed_by(&a, member.public_key))
		demand(a.height < HEIGHTS && size == attested[a.height].len && memcmp(data, attested[a.height].data, size) == 0);
}

static void as_genesis(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_genesis g;

	if (aic_genesis_decode(&g, data, size, NULL))
		return;
	aic_genesis_encode(&g, &again);
	aic_genesis_clear(&g);
	same(&again, data, size);
}

static void as_record(const uint8_t *data, size_t size)
{
	aic_bytes again = {0}, items = {0}, sealed = {0};
	const uint8_t *attestation;
	size_t used, len, n = 0;
	uint8_t head[4];
	aic_record r;

	/* with a true length and hash, so that what is behind them is reached */
	aic_put_be32(head, (uint32_t)size);
	aic_bytes_append(&sealed, head, sizeof(head));
	aic_bytes_append(&sealed, data, size);
	aic_hash h = aic_sha256_of(sealed.data, sealed.len);
	aic_bytes_append(&sealed, h.b, AIC_HASH_LEN);
	(void)aic_record_get(&r, data, size, &used, NULL);
	if (aic_record_get(&r, sealed.data, sealed.len, &used, NULL) == AIC_OK) {
		demand(used == sealed.len);
		while (aic_record_attestation(&r, &attestation, &len)) {
			aic_cbor_put_bytes(&items, attestation, len);
			n++;
		}
		if (aic_cbor_finish(&r.rest, NULL) == AIC_OK) {
			aic_record_put(&again, r.height, r.block, r.len, &items, n);
			same(&again, sealed.data, sealed.len);
		}
	}
	aic_bytes_free(&items);
	aic_bytes_free(&sealed);
}

static void as_event(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_event e;
	aic_cbor c;

	aic_cbor_init(&c, data, size);
	aic_event_get(&c, &e);
	if (aic_cbor_finish(&c, NULL))
		return;
	aic_event_put(&again, &e);
	same(&again, data, size);
}

static void as_note(const uint8_t *data, size_t size)
{
	aic_note n;

	if (aic_note_parse(&n, data, size, NULL))
		return;
	demand(n.note.len == size && memcmp(n.note.data, data, size) == 0 && n.body < size);
	(void)aic_note_signed_by(&n, member.public_key);
	aic_note_free(&n);
}

static void as_witness(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *again;
	aic_witness w;

	if (aic_witness_parse(&w, text, NULL) == AIC_OK) {
		again = aic_witness_text(&w);
		demand(strcmp(again, text) == 0);
		free(again);
	}
	free(text);
}

static void as_frame(const uint8_t *data, size_t size)
{
	aic_rpc_frame f;
	size_t whole;

	if (aic_rpc_frame_parse(&f, data, size, &whole) == AIC_FRAME_WHOLE)
		demand(whole <= size && f.credential >= data && f.credential + f.credential_len <= data + whole && f.body >= data &&
		       f.body + f.body_len <= data + whole);
}

static void (*const as[KINDS])(const uint8_t *data, size_t size) = {as_block,  as_transaction, as_attestation, as_genesis, as_record,
                                                                    as_event, as_note,        as_witness,     as_frame};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		as[data[0] % KINDS](data + 1, size - 1);
	return 0;
}

/* --- the first inputs: a small ledger's own --- */

static void seed_notes(const aic_hash *chain)
{
	aic_witness w = {.name = "w.example.org"};
	aic_note n;

	aic_note_make(&n, chain, 5, chain);
	aic_note_sign(&n, &member);
	demand(aic_note_cosign(&n, w.name, &member, 1764000000, NULL) == AIC_OK);
	fuzz_seed("note", NOTE, n.note.data, n.note.len);
	aic_note_free(&n);
	memcpy(w.key, member.public_key, AIC_PUBLIC_LEN);
	char *text = aic_witness_text(&w);
	fuzz_seed("witness", WITNESS, text, strlen(text));
	free(text);
}

static aic_code note_attestation(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)site, (void)err;
	aic_bytes_append(ctx, bytes, len);
	return AIC_OK;
}

static void seed_height(aic_copy *copy, uint64_t height)
{
	aic_bytes block = {0}, record = {0}, events = {0};
	char name[64];
	aic_block b;
	aic_hash hash;
	int64_t time;
	bool valid;

	demand(aic_state_block(copy->state, height, &block, &hash, &valid, NULL) == AIC_OK);
	demand(aic_record_read(&record, copy, height, NULL) == AIC_OK);
	snprintf(name, sizeof(name), "record-%llu", (unsigned long long)height);
	fuzz_seed(name, RECORD, record.data + 4, record.len - 4 - AIC_HASH_LEN);
	snprintf(name, sizeof(name), "block-%llu", (unsigned long long)height);
	fuzz_seed(name, height ? BLOCK : GENESIS, block.data, block.len);
	if (height && aic_block_decode(&b, block.data, block.len, NULL) == AIC_OK) {
		fuzz_seed("transaction", TRANSACTION, b.tx[0].data, b.tx[0].len);
		aic_block_clear(&b);
	}
	demand(aic_state_events(copy->state, height, &events, &time, NULL) == AIC_OK);
	fuzz_seed("events", EVENT, events.data, events.len);
	aic_bytes_free(&block);
	aic_bytes_free(&record);
	aic_bytes_free(&events);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t frame[] = {0, 0, 0, 2, 0, 0, 0, 3, 'c', 'r', 'b', 'o', 'd'};
	void *folder;
	aic_copy copy;

	(void)argc, (void)argv;
	test_site_key(&member, 1);
	demand(test_export_make(&folder, HEIGHTS - 1) == 0 && aic_copy_open(&copy, test_ledger_dir, NULL) == AIC_OK);
	for (uint64_t h = 0; h < HEIGHTS; h++) {
		demand(aic_copy_attestations(&copy, h, note_attestation, &attested[h], NULL) == AIC_OK);
		seed_height(&copy, h);
	}
	fuzz_seed("attestation", ATTESTATION, attested[2].data, attested[2].len);
	seed_notes(&aic_state_head(copy.state)->chain);
	fuzz_seed("frame", FRAME, frame, sizeof(frame));
	aic_copy_close(&copy);
	return test_folder_remove(&folder);
}
