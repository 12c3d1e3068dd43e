/* amount.c: 128-bit money as text and bytes, and its proportions. The 256-bit arithmetic is in u256.c. */
#include "common/amount.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"

#define DECIMALS 18
#define AMOUNT_MAX (~(aic_amount) 0)

bool aic_mul_div(aic_amount *out, aic_amount a, aic_amount b, aic_amount d)
{
	aic_amount product;

	if (!__builtin_mul_overflow(a, b, &product)) {
		*out = product / d;
		return true;
	}
	return aic_u256_to_amount(aic_u256_div(aic_u256_mul128(a, b), aic_u256_from(d), NULL), out);
}

aic_amount aic_ppm_of(aic_amount a, uint64_t ppm)
{
	/* a = q * 10^6 + r, so floor(a * ppm / 10^6) = q * ppm + floor(r * ppm / 10^6). */
	aic_amount whole, rest = a % AIC_PPM * ppm / AIC_PPM;

	if (__builtin_mul_overflow(a / AIC_PPM, (aic_amount) ppm, &whole) || whole > AMOUNT_MAX - rest)
		return AMOUNT_MAX;
	return whole + rest;
}

bool aic_amount_add(aic_amount *out, aic_amount a, aic_amount b)
{
	if (a > AMOUNT_MAX - b)
		return false;
	*out = a + b;
	return true;
}

bool aic_amount_sub(aic_amount *out, aic_amount a, aic_amount b)
{
	if (b > a)
		return false;
	*out = a - b;
	return true;
}

void aic_amount_to_be(uint8_t out[16], aic_amount a)
{
	aic_put_be64(out, (uint64_t) (a >> 64));
	aic_put_be64(out + 8, (uint64_t) a);
}

aic_amount aic_amount_from_be(const uint8_t in[16])
{
	return (aic_amount) aic_get_be64(in) << 64 | aic_get_be64(in + 8);
}

static bool push_digit(aic_amount *a, char c)
{
	aic_amount digit = (aic_amount) (c - '0');

	if (*a > (AMOUNT_MAX - digit) / 10)
		return false;
	*a = *a * 10 + digit;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static aic_code fail_character(const char *text, const char *at, aic_error *err)
{
	size_t place = (size_t) (at - text) + 1;

	if (*at == '\0')
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" ends at character %zu where a digit is expected: "
		                "write it as 12.5", text, place);
	if (*at == '-' || *at == '+')
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" has a sign at character %zu: amounts of AIC have none, "
		                "write it as 12.5", text, place);
	if (*at == ',')
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" has a comma at character %zu: leave out thousands "
		                "separators and use a point for decimals", text, place);
	if (*at == 'e' || *at == 'E')
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" has an exponent at character %zu: write all its digits",
		                text, place);
	if (isprint((unsigned char) *at))
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" has '%c' at character %zu where a digit is expected: "
		                "write it as 12.5", text, *at, place);
	return aic_fail(err, AIC_USAGE, "amount has byte 0x%02x at character %zu where a digit is expected: "
	                "write it as 12.5", (unsigned) (unsigned char) *at, place);
}

aic_code aic_amount_parse(aic_amount *out, const char *text, aic_error *err)
{
	const char *s = text;
	aic_amount a = 0;
	int decimals = 0;
	bool fits = true;

	if (*s == '\0')
		return aic_fail(err, AIC_USAGE, "amount is empty: write it as 12.5");
	if (!is_digit(*s))
		return fail_character(text, s, err);
	for (; is_digit(*s); s++)
		fits = fits && push_digit(&a, *s);
	if (*s == '.') {
		if (!is_digit(*++s))
			return fail_character(text, s, err);
		for (; is_digit(*s); s++, decimals++)
			fits = fits && push_digit(&a, *s);
	}
	if (*s != '\0')
		return fail_character(text, s, err);
	if (decimals > DECIMALS)
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" has %d decimals: 1 AIC divides into 10^%d units, "
		                "give at most %d decimals", text, decimals, DECIMALS, DECIMALS);
	for (; decimals < DECIMALS; decimals++)
		fits = fits && push_digit(&a, '0');
	if (!fits)
		return aic_fail(err, AIC_USAGE, "amount \"%.64s\" is above the largest one, 340282366920938463463 AIC", text);
	*out = a;
	return AIC_OK;
}

char *aic_amount_units(char *buf, aic_amount a)
{
	char digits[AIC_AMOUNT_TEXT];
	size_t i = sizeof(digits);

	digits[--i] = '\0';
	do {
		digits[--i] = (char) ('0' + (int) (a % 10));
		a /= 10;
	} while (a);
	return memcpy(buf, digits + i, sizeof(digits) - i);
}

bool aic_amount_from_units(aic_amount *out, const char *digits)
{
	aic_amount a = 0;

	if (*digits == '\0')
		return false;
	for (; *digits; digits++)
		if (!is_digit(*digits) || !push_digit(&a, *digits))
			return false;
	*out = a;
	return true;
}

char *aic_amount_format(char *buf, aic_amount a)
{
	size_t len = strlen(aic_amount_units(buf, a / AIC_UNIT));
	uint64_t fraction = (uint64_t) (a % AIC_UNIT);

	if (fraction == 0)
		return buf;
	len += (size_t) snprintf(buf + len, AIC_AMOUNT_TEXT - len, ".%018llu", (unsigned long long) fraction);
	while (buf[len - 1] == '0')
		buf[--len] = '\0';
	return buf;
}

char *aic_amount_human(char *buf, aic_amount a, int decimals)
{
	char whole[AIC_AMOUNT_TEXT], fraction[AIC_AMOUNT_TEXT];
	size_t digits = strlen(aic_amount_units(whole, a / AIC_UNIT)), len = 0;

	for (size_t i = 0; i < digits; i++) {
		if (i > 0 && (digits - i) % 3 == 0)
			buf[len++] = ',';
		buf[len++] = whole[i];
	}
	buf[len] = '\0';
	if (decimals > 0) {
		snprintf(fraction, sizeof(fraction), "%018llu", (unsigned long long) (a % AIC_UNIT));
		snprintf(buf + len, AIC_AMOUNT_TEXT - len, ".%.*s", decimals < DECIMALS ? decimals : DECIMALS, fraction);
	}
	return buf;
}
