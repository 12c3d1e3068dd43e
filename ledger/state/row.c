/* row.c: see row.h. */
#include "ledger/state/row.h"

#include <stdio.h>
#include <string.h>

#include "common/cbor.h"

aic_hash aic_row_key(aic_table_id table, const void *key, size_t len)
{
	uint8_t in[1 + 128];

	in[0] = (uint8_t)table;
	if (len > sizeof(in) - 1)
		len = sizeof(in) - 1;
	if (len)
		memcpy(in + 1, key, len);
	return aic_sha256_of(in, len + 1);
}

aic_hash aic_settlement_row_key(aic_table_id table, const aic_id *site, const char *period, uint64_t number)
{
	uint8_t key[64];
	size_t len = strnlen(period, 32);

	memcpy(key, site->b, sizeof(site->b));
	aic_put_be64(key + sizeof(site->b), number);
	memcpy(key + sizeof(site->b) + 8, period, len);
	return aic_row_key(table, key, sizeof(site->b) + 8 + len);
}

static bool done(aic_cbor *c)
{
	return aic_cbor_finish(c, NULL) == AIC_OK;
}

void aic_parameters_put(aic_bytes *out, const aic_parameters *p)
{
	aic_cbor_put_array(out, 7);
	aic_cbor_put_uint(out, p->fee_ppm);
	aic_cbor_put_uint(out, p->rho_ppm);
	aic_cbor_put_uint(out, p->kappa_ppm);
	aic_cbor_put_uint(out, p->verify_ppm);
	aic_cbor_put_int(out, p->x0);
	aic_cbor_put_amount(out, p->x_scale);
	aic_cbor_put_amount(out, p->a_max);
}

bool aic_parameters_decode(aic_parameters *p, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 7);
	p->fee_ppm = aic_cbor_uint(&c);
	p->rho_ppm = aic_cbor_uint(&c);
	p->kappa_ppm = aic_cbor_uint(&c);
	p->verify_ppm = aic_cbor_uint(&c);
	p->x0 = aic_cbor_int(&c);
	p->x_scale = aic_cbor_amount(&c);
	p->a_max = aic_cbor_amount(&c);
	return done(&c);
}

void aic_totals_put(aic_bytes *out, const aic_totals *t)
{
	aic_cbor_put_array(out, 7);
	aic_cbor_put_uint(out, t->wallets);
	aic_cbor_put_uint(out, t->assets);
	aic_cbor_put_amount(out, t->supply);
	aic_cbor_put_amount(out, t->issued);
	aic_cbor_put_amount(out, t->fees);
	aic_cbor_put_amount(out, t->burnt);
	aic_cbor_put_amount(out, t->total);
}

bool aic_totals_decode(aic_totals *t, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 7);
	t->wallets = aic_cbor_uint(&c);
	t->assets = aic_cbor_uint(&c);
	t->supply = aic_cbor_amount(&c);
	t->issued = aic_cbor_amount(&c);
	t->fees = aic_cbor_amount(&c);
	t->burnt = aic_cbor_amount(&c);
	t->total = aic_cbor_amount(&c);
	return done(&c);
}

void aic_member_put(aic_bytes *out, const aic_member *m)
{
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bytes(out, m->key, sizeof(m->key));
	aic_cbor_put_uint(out, m->since);
	aic_cbor_put_uint(out, m->until);
	aic_cbor_put_uint(out, m->approvals);
}

bool aic_member_decode(aic_member *m, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 4);
	aic_cbor_bytes_exact(&c, m->key, sizeof(m->key));
	m->since = aic_cbor_uint(&c);
	m->until = aic_cbor_uint(&c);
	m->approvals = aic_cbor_uint(&c);
	return done(&c);
}

void aic_key_row_put(aic_bytes *out, const aic_key_row *k)
{
	aic_cbor_put_array(out, k->has_vrf ? 6 : 5);
	aic_cbor_put_uint(out, k->role);
	aic_cbor_put_bytes(out, k->site.b, sizeof(k->site.b));
	aic_cbor_put_uint(out, k->since);
	aic_cbor_put_uint(out, k->until);
	aic_cbor_put_uint(out, k->nonce);
	if (k->has_vrf)
		aic_cbor_put_bytes(out, k->vrf, sizeof(k->vrf));
}

bool aic_key_row_decode(aic_key_row *k, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	size_t items = aic_cbor_array(&c, 6);
	if (aic_cbor_ok(&c) && items < 5)
		aic_cbor_fail(&c, "a key has %zu items", items);
	memset(k, 0, sizeof(*k));
	k->role = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, k->site.b, sizeof(k->site.b));
	k->since = aic_cbor_uint(&c);
	k->until = aic_cbor_uint(&c);
	k->nonce = aic_cbor_uint(&c);
	k->has_vrf = items == 6 && aic_cbor_bytes_exact(&c, k->vrf, sizeof(k->vrf));
	return done(&c);
}

void aic_wallet_put(aic_bytes *out, const aic_wallet *w)
{
	aic_cbor_put_array(out, 12);
	aic_cbor_put_bytes(out, w->site.b, sizeof(w->site.b));
	aic_cbor_put_bytes(out, w->organisation.b, sizeof(w->organisation.b));
	aic_cbor_put_amount(out, w->balance);
	aic_cbor_put_uint(out, w->locked_until);
	aic_cbor_put_amount(out, w->alpha);
	aic_cbor_put_amount(out, w->beta);
	aic_cbor_put_amount(out, w->debt);
	aic_cbor_put_uint(out, w->debt_first);
	aic_cbor_put_uint(out, w->debt_next);
	aic_cbor_put_uint(out, w->assets);
	aic_cbor_put_uint(out, w->type);
	aic_cbor_put_uint(out, w->rated);
}

bool aic_wallet_decode(aic_wallet *w, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 12);
	aic_cbor_bytes_exact(&c, w->site.b, sizeof(w->site.b));
	aic_cbor_bytes_exact(&c, w->organisation.b, sizeof(w->organisation.b));
	w->balance = aic_cbor_amount(&c);
	w->locked_until = aic_cbor_uint(&c);
	w->alpha = aic_cbor_amount(&c);
	w->beta = aic_cbor_amount(&c);
	w->debt = aic_cbor_amount(&c);
	w->debt_first = aic_cbor_uint(&c);
	w->debt_next = aic_cbor_uint(&c);
	w->assets = aic_cbor_uint(&c);
	w->type = aic_cbor_uint(&c);
	w->rated = aic_cbor_uint(&c);
	return done(&c);
}

void aic_debt_put(aic_bytes *out, const aic_debt *d)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, d->creditor.b, AIC_ADDRESS_LEN);
	aic_cbor_put_amount(out, d->amount);
}

bool aic_debt_decode(aic_debt *d, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 2);
	aic_cbor_bytes_exact(&c, d->creditor.b, AIC_ADDRESS_LEN);
	d->amount = aic_cbor_amount(&c);
	return done(&c);
}

void aic_settlement_row_put(aic_bytes *out, const aic_settlement_row *s)
{
	aic_cbor_put_array(out, 9);
	aic_cbor_put_uint(out, s->height);
	aic_cbor_put_bytes(out, s->tx.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, s->content.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, s->lines.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, s->n_lines);
	aic_cbor_put_amount(out, s->gross);
	aic_cbor_put_amount(out, s->fee);
	aic_cbor_put_amount(out, s->reward);
	aic_cbor_put_amount(out, s->issued);
}

bool aic_settlement_row_decode(aic_settlement_row *s, const void *data, size_t len)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 9);
	s->height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, s->tx.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, s->content.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, s->lines.b, AIC_HASH_LEN);
	s->n_lines = aic_cbor_uint(&c);
	s->gross = aic_cbor_amount(&c);
	s->fee = aic_cbor_amount(&c);
	s->reward = aic_cbor_amount(&c);
	s->issued = aic_cbor_amount(&c);
	return done(&c);
}

char *aic_address_text(char buf[AIC_ADDRESS_TEXT], const aic_address *a)
{
	buf[0] = '0';
	buf[1] = 'x';
	aic_hex(buf + 2, a->b, AIC_ADDRESS_LEN);
	return buf;
}

bool aic_address_parse(aic_address *a, const char *text)
{
	return aic_unhex(a->b, AIC_ADDRESS_LEN, strncmp(text, "0x", 2) == 0 ? text + 2 : text);
}

int aic_address_cmp(const aic_address *a, const aic_address *b)
{
	return memcmp(a->b, b->b, AIC_ADDRESS_LEN);
}

bool aic_address_is_zero(const aic_address *a)
{
	static const aic_address zero;

	return aic_address_cmp(a, &zero) == 0;
}

aic_address aic_treasury_address(void)
{
	static const char text[] = "aic/treasury/v1";
	aic_hash h = aic_sha256_of(text, sizeof(text) - 1);
	aic_address a;

	memcpy(a.b, h.b, sizeof(a.b));
	return a;
}

aic_id aic_site_id(const uint8_t public_key[AIC_PUBLIC_LEN])
{
	aic_bytes in = {0};
	aic_id id;

	aic_bytes_append_str(&in, "aic/site/v1");
	aic_bytes_append(&in, public_key, AIC_PUBLIC_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	memcpy(id.b, h.b, sizeof(id.b));
	return id;
}

bool aic_id_equal(const aic_id *a, const aic_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
