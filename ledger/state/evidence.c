/* evidence.c: see evidence.h. */
#include "ledger/state/evidence.h"

#include <stdio.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/state/member.h"

#define KEY_LEN (sizeof(aic_id) + 1 + 8)

const char *aic_evidence_kind_name(uint64_t kind)
{
	return kind == AIC_EVIDENCE_ATTESTATIONS ? "two attestations" : kind == AIC_EVIDENCE_BLOCK ? "an invalid block" : "unknown";
}

/* --- the row --- */

static void row_key(uint8_t key[KEY_LEN], const aic_id *site, aic_evidence_kind kind, uint64_t height)
{
	memcpy(key, site->b, sizeof(site->b));
	key[sizeof(site->b)] = (uint8_t)kind;
	aic_put_be64(key + sizeof(site->b) + 1, height);
}

aic_code aic_state_evidence(aic_state *s, const aic_id *site, aic_evidence_kind kind, uint64_t height, aic_evidence_row *row,
                            aic_error *err)
{
	uint8_t key[KEY_LEN];
	const uint8_t *value;
	size_t len;
	aic_cbor c;

	row_key(key, site, kind, height);
	aic_code code = aic_state_get(s, AIC_TABLE_EVIDENCE, key, sizeof(key), &value, &len, err);
	if (code)
		return code;
	aic_cbor_init(&c, value, len);
	aic_cbor_array_exact(&c, 2);
	row->recorded = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, row->proof.b, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err);
}

static aic_code put_row(aic_state *s, const aic_id *site, aic_evidence_kind kind, uint64_t height, const aic_evidence_row *row,
                        aic_error *err)
{
	uint8_t key[KEY_LEN];
	aic_bytes value = {0};

	row_key(key, site, kind, height);
	aic_cbor_put_array(&value, 2);
	aic_cbor_put_uint(&value, row->recorded);
	aic_cbor_put_bytes(&value, row->proof.b, AIC_HASH_LEN);
	aic_code code = aic_state_put(s, AIC_TABLE_EVIDENCE, key, sizeof(key), &value, err);
	aic_bytes_free(&value);
	return code;
}

/* --- two attestations --- */

void aic_evidence_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN], const aic_attestation *a, const aic_attestation *b)
{
	aic_bytes one = {0}, two = {0};

	aic_attestation_put(&one, a);
	aic_attestation_put(&two, b);
	bool swap = one.len > two.len || (one.len == two.len && memcmp(one.data, two.data, one.len) > 0);
	const aic_bytes *first = swap ? &two : &one, *second = swap ? &one : &two;
	aic_cbor_put_array(out, 4);
	aic_cbor_put_uint(out, AIC_EVIDENCE_ATTESTATIONS);
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
	aic_cbor_put_bytes(out, first->data, first->len);
	aic_cbor_put_bytes(out, second->data, second->len);
	aic_bytes_free(&one);
	aic_bytes_free(&two);
}

static aic_code compare(const aic_attestation *a, const aic_attestation *b, const aic_hash *chain, aic_error *err)
{
	if (!aic_hash_equal(&a->chain, chain) || !aic_hash_equal(&b->chain, chain))
		return aic_fail(err, AIC_REFUSED, "the attestations are of another ledger");
	if (!aic_id_equal(&a->site, &b->site) || a->height != b->height)
		return aic_fail(err, AIC_REFUSED, "the attestations are not of one site at one height: they prove nothing");
	if (aic_hash_equal(&a->block, &b->block) && aic_hash_equal(&a->state, &b->state))
		return aic_fail(err, AIC_REFUSED, "the attestations at height %llu say the same: they prove nothing",
		                (unsigned long long)a->height);
	return AIC_OK;
}

aic_code aic_evidence_read(const void *body, size_t len, const aic_hash *chain, uint8_t key[AIC_PUBLIC_LEN], aic_id *site,
                           uint64_t *height, aic_error *err)
{
	const uint8_t *one, *two;
	size_t one_len, two_len;
	aic_attestation a, b;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, body, len);
	aic_cbor_array_exact(&c, 4);
	uint64_t kind = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && kind != AIC_EVIDENCE_ATTESTATIONS)
		aic_cbor_fail(&c, "evidence of kind %llu is not known to this release", (unsigned long long)kind);
	aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	one = aic_cbor_bytes(&c, &one_len);
	two = aic_cbor_bytes(&c, &two_len);
	if (aic_cbor_ok(&c) && (one_len > two_len || (one_len == two_len && memcmp(one, two, one_len) >= 0)))
		aic_cbor_fail(&c, "the attestations do not ascend");
	if ((code = aic_cbor_finish(&c, err)) || (code = aic_attestation_decode(&a, one, one_len, err)) ||
	    (code = aic_attestation_decode(&b, two, two_len, err)) || (code = compare(&a, &b, chain, err)))
		return code;
	if (!aic_attestation_signed_by(&a, key) || !aic_attestation_signed_by(&b, key))
		return aic_fail(err, AIC_REFUSED, "an attestation at height %llu is not signed by that key: it proves nothing",
		                (unsigned long long)a.height);
	*site = a.site;
	*height = a.height;
	return AIC_OK;
}

static aic_code must_belong(aic_exec *x, const uint8_t key[AIC_PUBLIC_LEN], const aic_id *site, aic_error *err)
{
	aic_key_row k;
	aic_code code = aic_state_key(x->state, key, &k, err);

	if (code == AIC_NOT_FOUND || (!code && (k.role != AIC_ROLE_SITE || !aic_id_equal(&k.site, site))))
		return aic_fail(err, AIC_REFUSED, "that key was never the key of the site that the attestations name");
	return code;
}

aic_code aic_execute_evidence(aic_exec *x, aic_error *err)
{
	static const aic_address zero;
	const aic_hash *chain = &aic_state_head(x->state)->chain;
	aic_evidence_row row = {.recorded = x->height, .proof = aic_sha256_of(x->tx->body, x->tx->body_len)}, there;
	uint8_t key[AIC_PUBLIC_LEN];
	char hex[9], note[AIC_EVENT_NOTE_LEN];
	uint64_t height;
	aic_id site;
	aic_code code;

	if ((code = aic_evidence_read(x->tx->body, x->tx->body_len, chain, key, &site, &height, err)) ||
	    (code = must_belong(x, key, &site, err)))
		return code;
	code = aic_state_evidence(x->state, &site, AIC_EVIDENCE_ATTESTATIONS, height, &there, err);
	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "evidence of that site's attestations at height %llu stands on the ledger since height %llu",
		                (unsigned long long)height, (unsigned long long)there.recorded);
	if (code != AIC_NOT_FOUND || (code = put_row(x->state, &site, AIC_EVIDENCE_ATTESTATIONS, height, &row, err)))
		return code;
	aic_hex(hex, site.b, 4);
	snprintf(note, sizeof(note), "%s two attestations %llu", hex, (unsigned long long)height);
	aic_state_emit(x->state, AIC_EVENT_EVIDENCE, &zero, &zero, aic_u256_from(height), note);
	return AIC_OK;
}

/* --- an invalid block --- */

/* The generator signed it for this height and after this head: with the same state before it, an honest site's would be valid. */
static bool is_for_this_place(const aic_header *h, const aic_head *head)
{
	return aic_hash_equal(&h->chain, &head->chain) && h->height == head->height + 1 && aic_hash_equal(&h->previous, &head->hash);
}

aic_code aic_evidence_of_block(aic_state *s, const aic_block *b, aic_error *err)
{
	aic_evidence_row row = {.recorded = b->header.height,
	                        .proof = aic_block_name(b->header_bytes, b->header_len, b->signature)};
	aic_member m;

	if (!is_for_this_place(&b->header, aic_state_head(s)))
		return AIC_OK;
	aic_code code = aic_state_member(s, &b->header.generator, &m, err);
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if (!aic_member_is_active(&m, b->header.height) || !aic_block_signed_by(b, m.key))
		return AIC_OK;
	/* a good header without its body proves nothing against who signed it: another could have sent it so */
	if (!aic_hash_equal(&b->transactions, &b->header.transactions))
		return AIC_OK;
	return put_row(s, &b->header.generator, AIC_EVIDENCE_BLOCK, b->header.height, &row, err);
}
