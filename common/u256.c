/* u256.c: 256-bit unsigned arithmetic for the products and quotients of amounts. */
#include <string.h>

#include "common/amount.h"
#include "common/bytes.h"

#define LIMBS 4

__extension__ typedef unsigned __int128 u128;

aic_u256 aic_u256_from(aic_amount a)
{
	return (aic_u256) {{(uint64_t) a, (uint64_t) (a >> 64), 0, 0}};
}

/* p[0 .. n+m) = a[0 .. n) * b[0 .. m), schoolbook. */
static void multiply(uint64_t *p, const uint64_t *a, int n, const uint64_t *b, int m)
{
	memset(p, 0, sizeof(*p) * (size_t) (n + m));
	for (int i = 0; i < n; i++) {
		uint64_t carry = 0;
		for (int j = 0; j < m; j++) {
			u128 t = (u128) a[i] * b[j] + p[i + j] + carry;
			p[i + j] = (uint64_t) t;
			carry = (uint64_t) (t >> 64);
		}
		p[i + m] = carry;
	}
}

aic_u256 aic_u256_mul128(aic_amount a, aic_amount b)
{
	aic_u256 x = aic_u256_from(a), y = aic_u256_from(b), product;

	multiply(product.limb, x.limb, 2, y.limb, 2);
	return product;
}

bool aic_u256_mul(aic_u256 *out, aic_u256 a, aic_u256 b)
{
	uint64_t p[2 * LIMBS];

	multiply(p, a.limb, LIMBS, b.limb, LIMBS);
	memcpy(out->limb, p, sizeof(out->limb));
	return !(p[4] | p[5] | p[6] | p[7]);
}

bool aic_u256_add(aic_u256 *out, aic_u256 a, aic_u256 b)
{
	u128 t = 0;

	for (int i = 0; i < LIMBS; i++) {
		t += (u128) a.limb[i] + b.limb[i];
		out->limb[i] = (uint64_t) t;
		t >>= 64;
	}
	return t == 0;
}

bool aic_u256_sub(aic_u256 *out, aic_u256 a, aic_u256 b)
{
	uint64_t borrow = 0;

	for (int i = 0; i < LIMBS; i++) {
		u128 t = (u128) a.limb[i] - b.limb[i] - borrow;
		out->limb[i] = (uint64_t) t;
		borrow = (uint64_t) (t >> 64) & 1;
	}
	return borrow == 0;
}

int aic_u256_cmp(aic_u256 a, aic_u256 b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a.limb[i] != b.limb[i])
			return a.limb[i] < b.limb[i] ? -1 : 1;
	return 0;
}

aic_u256 aic_u256_shl(aic_u256 a, unsigned n)
{
	aic_u256 out = {{0}};
	int limbs = (int) (n / 64);
	unsigned bits = n % 64;

	if (n >= 256)
		return out;
	for (int i = LIMBS - 1; i >= limbs; i--) {
		out.limb[i] = a.limb[i - limbs] << bits;
		if (bits && i > limbs)
			out.limb[i] |= a.limb[i - limbs - 1] >> (64 - bits);
	}
	return out;
}

aic_u256 aic_u256_shr(aic_u256 a, unsigned n)
{
	aic_u256 out = {{0}};
	int limbs = (int) (n / 64);
	unsigned bits = n % 64;

	if (n >= 256)
		return out;
	for (int i = 0; i + limbs < LIMBS; i++) {
		out.limb[i] = a.limb[i + limbs] >> bits;
		if (bits && i + limbs + 1 < LIMBS)
			out.limb[i] |= a.limb[i + limbs + 1] << (64 - bits);
	}
	return out;
}

static int limbs_used(aic_u256 a)
{
	int n = LIMBS;

	while (n > 0 && a.limb[n - 1] == 0)
		n--;
	return n;
}

static aic_u256 divide_short(aic_u256 a, uint64_t d, aic_u256 *rest)
{
	aic_u256 quotient;
	u128 t = 0;

	for (int i = LIMBS - 1; i >= 0; i--) {
		t = t << 64 | a.limb[i];
		quotient.limb[i] = (uint64_t) (t / d);
		t %= d;
	}
	*rest = aic_u256_from(t);
	return quotient;
}

/* u[0 .. n] -= q * v[0 .. n); true if that went below zero (u is then 2^(64(n+1)) too large). */
static bool subtract_multiple(uint64_t *u, const uint64_t *v, int n, uint64_t q)
{
	uint64_t carry = 0, borrow = 0;

	for (int i = 0; i <= n; i++) {
		u128 p = (u128) q * (i < n ? v[i] : 0) + carry;
		carry = (uint64_t) (p >> 64);
		u128 t = (u128) u[i] - (uint64_t) p - borrow;
		u[i] = (uint64_t) t;
		borrow = (uint64_t) (t >> 64) & 1;
	}
	return borrow != 0;
}

static void add_back(uint64_t *u, const uint64_t *v, int n)
{
	u128 t = 0;

	for (int i = 0; i <= n; i++) {
		t += (u128) u[i] + (i < n ? v[i] : 0);
		u[i] = (uint64_t) t;
		t >>= 64;
	}
}

/* One digit of the quotient of u[0 .. n] by v[0 .. n), estimated from the top limbs (Knuth, TAOCP 2, 4.3.1 D3). */
static uint64_t estimate_digit(const uint64_t *u, const uint64_t *v, int n)
{
	u128 top = (u128) u[n] << 64 | u[n - 1];
	u128 digit = top / v[n - 1], rest = top % v[n - 1];

	while (digit >> 64 || (u128) (uint64_t) digit * v[n - 2] > (rest << 64 | u[n - 2])) {
		digit--;
		rest += v[n - 1];
		if (rest >> 64)
			break;
	}
	return (uint64_t) digit;
}

/* Knuth's algorithm D, for a divisor of n >= 2 limbs. */
static aic_u256 divide_long(aic_u256 a, aic_u256 b, int n, aic_u256 *rest)
{
	unsigned shift = (unsigned) __builtin_clzll(b.limb[n - 1]);
	aic_u256 v = aic_u256_shl(b, shift), low = aic_u256_shl(a, shift), quotient = {{0}};
	uint64_t u[LIMBS + 1];

	memcpy(u, low.limb, sizeof(low.limb));
	u[LIMBS] = shift ? a.limb[LIMBS - 1] >> (64 - shift) : 0;
	for (int j = LIMBS - n; j >= 0; j--) {
		uint64_t digit = estimate_digit(u + j, v.limb, n);
		if (subtract_multiple(u + j, v.limb, n, digit)) {
			digit--;
			add_back(u + j, v.limb, n);
		}
		quotient.limb[j] = digit;
	}
	memcpy(low.limb, u, sizeof(low.limb));
	*rest = aic_u256_shr(low, shift);
	return quotient;
}

aic_u256 aic_u256_div(aic_u256 a, aic_u256 b, aic_u256 *rest)
{
	aic_u256 unused;
	int n = limbs_used(b);

	if (!rest)
		rest = &unused;
	if (n <= 1)
		return divide_short(a, b.limb[0], rest);
	return divide_long(a, b, n, rest);
}

bool aic_u256_to_amount(aic_u256 a, aic_amount *out)
{
	if (a.limb[2] | a.limb[3])
		return false;
	*out = (aic_amount) a.limb[1] << 64 | a.limb[0];
	return true;
}

void aic_u256_to_be(uint8_t out[32], aic_u256 a)
{
	for (int i = 0; i < LIMBS; i++)
		aic_put_be64(out + 8 * i, a.limb[LIMBS - 1 - i]);
}

aic_u256 aic_u256_from_be(const uint8_t in[32])
{
	aic_u256 a;

	for (int i = 0; i < LIMBS; i++)
		a.limb[LIMBS - 1 - i] = aic_get_be64(in + 8 * i);
	return a;
}
