/* bytes.c: growable byte strings, hexadecimal, big-endian integers. */
#define _GNU_SOURCE
#include "common/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY 64

static _Noreturn void out_of_memory(size_t n)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "aic: out of memory: %zu bytes asked for\n", n);

	if (write(STDERR_FILENO, text, (size_t) len) < 0) {
		/* nothing more can be said */
	}
	abort();
}

void *aic_xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

void *aic_xmalloc(size_t n)
{
	return aic_xrealloc(NULL, n);
}

void *aic_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory(n > SIZE_MAX / (size ? size : 1) ? SIZE_MAX : n * size);
	return p;
}

char *aic_xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(aic_xmalloc(size), s, size);
}

char *aic_xasprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		out_of_memory(strlen(fmt));
	return text;
}

void aic_bytes_free(aic_bytes *b)
{
	free(b->data);
	*b = (aic_bytes) {0};
}

void aic_bytes_reserve(aic_bytes *b, size_t extra)
{
	size_t need, cap;

	if (__builtin_add_overflow(b->len, extra, &need) || need > SIZE_MAX / 2)
		out_of_memory(extra);
	if (need <= b->cap)
		return;
	for (cap = b->cap ? b->cap : FIRST_CAPACITY; cap < need; cap *= 2)
		;
	b->data = aic_xrealloc(b->data, cap);
	b->cap = cap;
}

void aic_bytes_append(aic_bytes *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	aic_bytes_reserve(b, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void aic_bytes_append_str(aic_bytes *b, const char *s)
{
	aic_bytes_append(b, s, strlen(s));
}

void aic_bytes_printf(aic_bytes *b, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		out_of_memory(strlen(fmt));
	aic_bytes_append(b, text, (size_t) len);
	free(text);
}

void aic_bytes_clear(aic_bytes *b)
{
	b->len = 0;
}

void aic_hex(char *hex, const void *data, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digit[p[i] >> 4];
		hex[2 * i + 1] = digit[p[i] & 15];
	}
	hex[2 * len] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool aic_unhex(void *out, size_t len, const char *hex)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		int high = hex_value(hex[2 * i]);
		int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
		if (low < 0)
			return false;
		p[i] = (uint8_t) (high << 4 | low);
	}
	return hex[2 * len] == '\0';
}

void aic_put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) (v >> (24 - 8 * i));
}

void aic_put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t) (v >> (56 - 8 * i));
}

uint32_t aic_get_be32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

uint64_t aic_get_be64(const uint8_t *p)
{
	return (uint64_t) aic_get_be32(p) << 32 | aic_get_be32(p + 4);
}

char *aic_str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
	return dst;
}
