/* utf8.h: is this text UTF-8? (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.) */
#ifndef AIC_UTF8_H
#define AIC_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length in bytes (1..4) of the character at the start of s, at most len bytes long, and its code point in *code
 * (which may be NULL); 0 where s does not start with a whole character, len 0 included. */
size_t aic_utf8_next(const void *s, size_t len, uint32_t *code);

/* Number of leading bytes that are whole characters: len if all of s is UTF-8. */
size_t aic_utf8_valid(const void *s, size_t len);

#endif
