/* amount.h: money and the wide integers that its formulas need. No floating point.
 *
 * 1 AIC = 10^18 units. An amount is an unsigned 128-bit count of units (the total supply, 10^28 units,
 * needs 94 bits). ppm factors are integers 0..1,000,000. Products use 256-bit intermediates. */
#ifndef AIC_AMOUNT_H
#define AIC_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

__extension__ typedef unsigned __int128 aic_amount;

#define AIC_UNIT ((aic_amount)1000000000000000000ULL) /* units in 1 AIC */
#define AIC_PPM 1000000ULL
#define AIC_AMOUNT_TEXT 64 /* room for any amount as text, sign and NUL included */

/* 256 bits, limb 0 the least significant. */
typedef struct {
	uint64_t limb[4];
} aic_u256;

aic_u256 aic_u256_from(aic_amount a);
aic_u256 aic_u256_mul128(aic_amount a, aic_amount b);         /* exact */
bool aic_u256_mul(aic_u256 *out, aic_u256 a, aic_u256 b);     /* false on overflow, *out then undefined */
bool aic_u256_add(aic_u256 *out, aic_u256 a, aic_u256 b);     /* false on overflow (out = a + b mod 2^256) */
bool aic_u256_sub(aic_u256 *out, aic_u256 a, aic_u256 b);     /* false if b > a   (out = a - b mod 2^256) */
int aic_u256_cmp(aic_u256 a, aic_u256 b);
aic_u256 aic_u256_shl(aic_u256 a, unsigned n);
aic_u256 aic_u256_shr(aic_u256 a, unsigned n);
aic_u256 aic_u256_div(aic_u256 a, aic_u256 b, aic_u256 *rest); /* floor; b != 0; rest may be NULL */
bool aic_u256_to_amount(aic_u256 a, aic_amount *out);         /* false if it needs more than 128 bits */
void aic_u256_to_be(uint8_t out[32], aic_u256 a);
aic_u256 aic_u256_from_be(const uint8_t in[32]);

/* floor(a * b / d), d != 0. False if the result needs more than 128 bits. */
bool aic_mul_div(aic_amount *out, aic_amount a, aic_amount b, aic_amount d);
/* floor(a * ppm / 10^6); cannot overflow for ppm <= 10^6. */
aic_amount aic_ppm_of(aic_amount a, uint64_t ppm);
bool aic_amount_add(aic_amount *out, aic_amount a, aic_amount b); /* false on overflow, *out untouched */
bool aic_amount_sub(aic_amount *out, aic_amount a, aic_amount b); /* false if b > a, *out untouched */

void aic_amount_to_be(uint8_t out[16], aic_amount a);
aic_amount aic_amount_from_be(const uint8_t in[16]);

/* "12.5" AIC; up to 18 decimals, no sign, no exponent. Refused with the place and figure. */
aic_code aic_amount_parse(aic_amount *out, const char *text, aic_error *err);
/* Shortest exact decimal in AIC: "12.5", "0", "0.000000000000000001". buf has AIC_AMOUNT_TEXT bytes; returns buf. */
char *aic_amount_format(char *buf, aic_amount a);
/* For people: thousands separators, exactly `decimals` (0..18) digits, rounded down: "1,234.50". Returns buf. */
char *aic_amount_human(char *buf, aic_amount a, int decimals);
/* Plain decimal count of units, no separators; and its inverse (digits only). */
char *aic_amount_units(char *buf, aic_amount a);
bool aic_amount_from_units(aic_amount *out, const char *digits);

#endif
