/* html.c: text, head and foot of a page. */
#include "accounting/page/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "common/utf8.h"

#define NONCE_LEN 16

static const char *entity(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* What neither XML 1.0 nor a reader of a page wants: controls, bidirectional overrides, non-characters. */
static bool unwanted(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || (c & 0xfffe) == 0xfffe;
}

void aic_html_text(aic_bytes *out, const char *s)
{
	size_t len = s ? strlen(s) : 0, n;
	uint32_t c;

	for (size_t i = 0; i < len; i += n) {
		n = aic_utf8_next(s + i, len - i, &c);
		if (n == 0 || unwanted(c)) {
			aic_bytes_append_str(out, "\xef\xbf\xbd");
			n = n ? n : 1;
		} else if (entity(c)) {
			aic_bytes_append_str(out, entity(c));
		} else {
			aic_bytes_append(out, s + i, n);
		}
	}
}

void aic_html_element(aic_bytes *out, const char *tag, const char *class_name, const char *text)
{
	if (class_name)
		aic_bytes_printf(out, "<%s class=\"%s\">", tag, class_name);
	else
		aic_bytes_printf(out, "<%s>", tag);
	aic_html_text(out, text);
	aic_bytes_printf(out, "</%s>", tag);
}

void aic_html_begin(aic_bytes *out, const char *title)
{
	uint8_t nonce[NONCE_LEN];
	char hex[2 * NONCE_LEN + 1];

	aic_random(nonce, sizeof(nonce));
	aic_hex(hex, nonce, sizeof(nonce));
	aic_bytes_append_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	aic_bytes_printf(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'nonce-%s'; script-src"
	                      " 'nonce-%s'; base-uri 'none'; form-action 'none'\">\n", hex, hex);
	aic_bytes_append_str(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	                          "<meta name=\"color-scheme\" content=\"light dark\">\n");
	aic_html_element(out, "title", NULL, title);
	aic_bytes_printf(out, "\n<style nonce=\"%s\">\n", hex);
	aic_html_style(out);
	aic_bytes_printf(out, "</style>\n<script nonce=\"%s\" type=\"module\">\n", hex);
	aic_html_script(out);
	aic_bytes_append_str(out, "</script>\n</head>\n<body>\n<main>\n");
}

void aic_html_end(aic_bytes *out)
{
	aic_bytes_append_str(out, "</main>\n</body>\n</html>\n");
}

void aic_html_number(aic_bytes *out, int64_t v)
{
	char digits[32], text[48];
	size_t at = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
	if (v < 0)
		text[at++] = '-';
	for (size_t i = 0, n = strlen(digits); i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	aic_bytes_append_str(out, text);
}

void aic_html_amount(aic_bytes *out, aic_amount v, int decimals)
{
	char text[AIC_AMOUNT_TEXT];
	aic_amount least = AIC_UNIT;

	for (int i = 0; i < decimals; i++)
		least /= 10;
	if (v && v < least)
		aic_bytes_printf(out, "&lt;%s", aic_amount_human(text, least, decimals));
	else
		aic_bytes_append_str(out, aic_amount_human(text, v, decimals));
}
