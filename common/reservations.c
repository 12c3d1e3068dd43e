#include "common/reservations.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/crypto.h"
#include "common/file.h"

#define MAGIC "AICRESV1"
#define MAGIC_LEN 8
#define FILE_MAX (256u << 20)
#define ROWS_MAX (1u << 22)

/* Room for one more: the capacity is the least power of two that holds n. */
static void *room(void *rows, size_t n, size_t size)
{
	return n & (n - 1) ? rows : aic_xrealloc(rows, (n ? 2 * n : 1) * size);
}

void aic_reservations_add(aic_reservations *r, const char *account, aic_amount reserved)
{
	r->row = room(r->row, r->n_rows, sizeof(*r->row));
	aic_str_copy(r->row[r->n_rows].account, AIC_NAME_LEN, account);
	r->row[r->n_rows++].reserved = reserved;
}

void aic_reservations_hold(aic_reservations *r, const aic_held_job *job)
{
	r->held = room(r->held, r->n_held, sizeof(*r->held));
	r->held[r->n_held++] = *job;
}

void aic_reservations_encode(aic_bytes *out, const aic_reservations *r)
{
	size_t start = out->len;

	aic_bytes_append(out, MAGIC, MAGIC_LEN);
	aic_cbor_put_array(out, 4);
	aic_cbor_put_int(out, r->written_at);
	aic_cbor_put_int(out, r->snapshot_at);
	aic_cbor_put_array(out, r->n_rows);
	for (size_t i = 0; i < r->n_rows; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_text(out, r->row[i].account);
		aic_cbor_put_amount(out, r->row[i].reserved);
	}
	aic_cbor_put_array(out, r->n_held);
	for (size_t i = 0; i < r->n_held; i++) {
		const aic_held_job *h = &r->held[i];

		aic_cbor_put_array(out, 5);
		aic_cbor_put_uint(out, h->job);
		aic_cbor_put_int(out, h->submitted);
		aic_cbor_put_text(out, h->account);
		aic_cbor_put_amount(out, h->cost);
		aic_cbor_put_bool(out, h->own);
	}
	aic_hash hash = aic_sha256_of(out->data + start, out->len - start);
	aic_bytes_append(out, hash.b, AIC_HASH_LEN);
}

static void decode_rows(aic_reservations *r, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, ROWS_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		char account[AIC_NAME_LEN];

		aic_cbor_array_exact(c, 2);
		aic_cbor_text(c, account, sizeof(account));
		aic_reservations_add(r, account, aic_cbor_amount(c));
	}
}

static void decode_held(aic_reservations *r, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, ROWS_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		aic_held_job h = {0};

		aic_cbor_array_exact(c, 5);
		uint64_t job = aic_cbor_uint(c);
		if (job > UINT32_MAX)
			aic_cbor_fail(c, "a job id of %llu is above 2^32 - 1", (unsigned long long)job);
		h.job = (uint32_t)job;
		h.submitted = aic_cbor_int(c);
		aic_cbor_text(c, h.account, sizeof(h.account));
		h.cost = aic_cbor_amount(c);
		h.own = aic_cbor_bool(c);
		aic_reservations_hold(r, &h);
	}
}

static int by_account(const void *a, const void *b)
{
	return strcmp(((const aic_reservation *)a)->account, ((const aic_reservation *)b)->account);
}

aic_code aic_reservations_decode(aic_reservations *r, const void *data, size_t len, aic_error *err)
{
	const uint8_t *p = data;
	aic_error why = {0};
	aic_cbor c;

	memset(r, 0, sizeof(*r));
	if (len < MAGIC_LEN + AIC_HASH_LEN || memcmp(p, MAGIC, MAGIC_LEN))
		return aic_fail(err, AIC_CORRUPT, "these %zu bytes are no list of reservations (they do not begin with \"" MAGIC "\")", len);
	aic_hash hash = aic_sha256_of(p, len - AIC_HASH_LEN);
	if (memcmp(hash.b, p + len - AIC_HASH_LEN, AIC_HASH_LEN))
		return aic_fail(err, AIC_CORRUPT, "the list of reservations is damaged: its checksum does not match its %zu bytes", len);
	aic_cbor_init(&c, p + MAGIC_LEN, len - MAGIC_LEN - AIC_HASH_LEN);
	aic_cbor_array_exact(&c, 4);
	r->written_at = aic_cbor_int(&c);
	r->snapshot_at = aic_cbor_int(&c);
	decode_rows(r, &c);
	decode_held(r, &c);
	if (aic_cbor_finish(&c, &why) != AIC_OK)
		return aic_fail(err, AIC_CORRUPT, "the list of reservations cannot be read: %s", why.message);
	if (r->n_rows)
		qsort(r->row, r->n_rows, sizeof(*r->row), by_account);
	return AIC_OK;
}

aic_code aic_reservations_load(aic_reservations *r, const char *path, aic_error *err)
{
	aic_bytes b = {0};
	aic_code rc = aic_file_read(&b, path, FILE_MAX, err);

	memset(r, 0, sizeof(*r));
	if (rc == AIC_OK && (rc = aic_reservations_decode(r, b.data, b.len, err)) != AIC_OK)
		aic_error_prefix(err, "%s", path);
	aic_bytes_free(&b);
	return rc;
}

void aic_reservations_free(aic_reservations *r)
{
	free(r->row);
	free(r->held);
	memset(r, 0, sizeof(*r));
}

aic_amount aic_reservations_of(const aic_reservations *r, const char *account)
{
	const aic_reservation *row;
	aic_reservation key;

	aic_str_copy(key.account, sizeof(key.account), account);
	row = r->n_rows ? bsearch(&key, r->row, r->n_rows, sizeof(*r->row), by_account) : NULL;
	return row ? row->reserved : 0;
}
