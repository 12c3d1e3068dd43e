/* bytes.h: growable byte strings, hexadecimal, big-endian integers. */
#ifndef AIC_BYTES_H
#define AIC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growable byte string. Zero-initialise; aic_bytes_free() when done. Allocation failure aborts the
 * program (a daemon restarts from durable state); code loaded into Slurm uses fixed buffers instead. */
typedef struct {
	uint8_t *data;
	size_t len;
	size_t cap;
} aic_bytes;

void aic_bytes_free(aic_bytes *b);                                    /* also resets to empty */
void aic_bytes_reserve(aic_bytes *b, size_t extra);
void aic_bytes_append(aic_bytes *b, const void *data, size_t len);
void aic_bytes_append_str(aic_bytes *b, const char *s);               /* without the NUL */
void aic_bytes_printf(aic_bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void aic_bytes_clear(aic_bytes *b);                                   /* len = 0, keeps the memory */

/* malloc family that aborts with a message instead of returning NULL. */
void *aic_xmalloc(size_t n);
void *aic_xcalloc(size_t n, size_t size);
void *aic_xrealloc(void *p, size_t n);
char *aic_xstrdup(const char *s);
char *aic_xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Lower-case hexadecimal. hex must have room for 2 * len + 1. */
void aic_hex(char *hex, const void *data, size_t len);
/* Exactly 2 * len hexadecimal digits (either case) and the end of the string; false otherwise. */
bool aic_unhex(void *out, size_t len, const char *hex);

void aic_put_be32(uint8_t *p, uint32_t v);
void aic_put_be64(uint8_t *p, uint64_t v);
uint32_t aic_get_be32(const uint8_t *p);
uint64_t aic_get_be64(const uint8_t *p);

/* snprintf that cuts silently and always terminates; returns dst. */
char *aic_str_copy(char *dst, size_t size, const char *src);

#endif
