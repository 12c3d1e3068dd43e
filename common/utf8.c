/* utf8.c: decoding one character at a time. */
#include "common/utf8.h"

size_t aic_utf8_next(const void *s, size_t len, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *p = s;
	size_t n;
	uint32_t c;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		n = 1, c = p[0];
	else if ((p[0] & 0xe0) == 0xc0)
		n = 2, c = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3, c = p[0] & 0x0f;
	else if ((p[0] & 0xf8) == 0xf0)
		n = 4, c = p[0] & 0x07;
	else
		return 0;
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (code)
		*code = c;
	return n;
}

size_t aic_utf8_valid(const void *s, size_t len)
{
	const uint8_t *p = s;
	size_t at = 0, n;

	while (at < len && p[at] < 0x80)
		at++;
	while ((n = aic_utf8_next(p + at, len - at, NULL)) > 0)
		at += n;
	return at;
}
