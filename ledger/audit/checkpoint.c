/* checkpoint.c: see checkpoint.h. */
#include "ledger/audit/checkpoint.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN "aic-ledger/"
#define ORIGIN_LEN (sizeof(ORIGIN) + 2 * AIC_HASH_LEN)
#define DASH "\xe2\x80\x94 " /* U+2014 and a space */
#define KEY_ID_LEN 4
#define TIME_LEN 8
#define ROOT_TEXT 44         /* base64 of 32 bytes */
#define ALG_ED25519 1
#define ALG_COSIGNATURE 4

/* --- pieces --- */

static void origin_of(char out[ORIGIN_LEN], const aic_hash *chain)
{
	memcpy(out, ORIGIN, sizeof(ORIGIN));
	aic_hash_hex(out + sizeof(ORIGIN) - 1, chain);
}

static void put_base64(aic_bytes *out, const void *data, size_t len)
{
	aic_bytes_reserve(out, 4 * (len / 3 + 1) + 1);
	out->len += (size_t)EVP_EncodeBlock(out->data + out->len, data, (int)len);
}

/* Exactly len bytes, in the one canonical form. */
static bool get_base64(const char *text, size_t text_len, uint8_t *out, size_t len)
{
	uint8_t buf[192];
	aic_bytes again = {0};

	if (text_len != 4 * ((len + 2) / 3) || text_len > sizeof(buf) || EVP_DecodeBlock(buf, (const uint8_t *)text, (int)text_len) < 0)
		return false;
	put_base64(&again, buf, len);
	bool same = again.len == text_len && memcmp(again.data, text, text_len) == 0;
	aic_bytes_free(&again);
	if (same)
		memcpy(out, buf, len);
	return same;
}

/* SHA-256(name || "\n" || algorithm || key), its first bytes. */
static void key_id(uint8_t out[KEY_ID_LEN], const char *name, uint8_t algorithm, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_bytes in = {0};

	aic_bytes_append_str(&in, name);
	aic_bytes_append(&in, "\n", 1);
	aic_bytes_append(&in, &algorithm, 1);
	aic_bytes_append(&in, key, AIC_PUBLIC_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	memcpy(out, h.b, KEY_ID_LEN);
}

static void put_line(aic_note *n, const char *name, uint8_t algorithm, const uint8_t *key, const void *signature, size_t len)
{
	uint8_t all[KEY_ID_LEN + TIME_LEN + AIC_SIGNATURE_LEN];

	key_id(all, name, algorithm, key);
	memcpy(all + KEY_ID_LEN, signature, len);
	aic_bytes_append_str(&n->note, DASH);
	aic_bytes_append_str(&n->note, name);
	aic_bytes_append(&n->note, " ", 1);
	put_base64(&n->note, all, KEY_ID_LEN + len);
	aic_bytes_append(&n->note, "\n", 1);
}

/* The next signature line from *at on, its name and the base64 behind it; false behind the last, or where it is none. */
typedef struct {
	const char *name, *text;
	size_t name_len, text_len;
} line;

static bool next_line(const aic_note *n, size_t *at, line *l)
{
	const char *start = (const char *)n->note.data + *at, *end = memchr(start, '\n', n->note.len - *at);
	size_t dash = sizeof(DASH) - 1;
	const char *space;

	if (!end || (size_t)(end - start) <= dash || memcmp(start, DASH, dash) != 0)
		return false;
	l->name = start + dash;
	space = memchr(l->name, ' ', (size_t)(end - l->name));
	if (!space || space == l->name || space + 1 == end || memchr(space + 1, ' ', (size_t)(end - space - 1)))
		return false;
	l->name_len = (size_t)(space - l->name);
	l->text = space + 1;
	l->text_len = (size_t)(end - l->text);
	*at += (size_t)(end - start) + 1;
	return true;
}

/* The signature, len bytes, of a line of that name and key; false where there is none. The k-th such one. */
static bool find_signature(const aic_note *n, const char *name, uint8_t algorithm, const uint8_t *key, size_t k, uint8_t *out, size_t len)
{
	uint8_t all[KEY_ID_LEN + TIME_LEN + AIC_SIGNATURE_LEN], id[KEY_ID_LEN];
	size_t at = n->body + 1;
	line l;

	key_id(id, name, algorithm, key);
	while (next_line(n, &at, &l))
		if (l.name_len == strlen(name) && memcmp(l.name, name, l.name_len) == 0 &&
		    get_base64(l.text, l.text_len, all, KEY_ID_LEN + len) && memcmp(all, id, KEY_ID_LEN) == 0 && k-- == 0) {
			memcpy(out, all + KEY_ID_LEN, len);
			return true;
		}
	return false;
}

/* --- notes --- */

void aic_note_make(aic_note *n, const aic_hash *chain, uint64_t size, const aic_hash *root)
{
	char origin[ORIGIN_LEN];

	*n = (aic_note){.chain = *chain, .size = size, .root = *root};
	origin_of(origin, chain);
	aic_bytes_printf(&n->note, "%s\n%" PRIu64 "\n", origin, size);
	put_base64(&n->note, root->b, AIC_HASH_LEN);
	aic_bytes_append(&n->note, "\n", 1);
	n->body = n->note.len;
	aic_bytes_append(&n->note, "\n", 1);
}

void aic_note_free(aic_note *n)
{
	aic_bytes_free(&n->note);
}

static aic_code no_note(const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "this is no checkpoint of a ledger: %s", what);
}

/* The body is read and made again: one form. Lines that follow ours are somebody's extensions, which we do not make. */
aic_code aic_note_parse(aic_note *n, const void *text, size_t len, aic_error *err)
{
	char chain[2 * AIC_HASH_LEN + 1], root[ROOT_TEXT + 1], *copy;
	unsigned long long size;
	aic_hash c, r;
	line l;

	*n = (aic_note){.size = 0};
	if (len > AIC_NOTE_MAX || memchr(text, '\0', len))
		return no_note("it is too long, or no text", err);
	copy = strndup(text, len);
	bool read = copy && sscanf(copy, ORIGIN "%64[0-9a-f]\n%llu\n%44[A-Za-z0-9+/=]\n\n", chain, &size, root) == 3 &&
	            aic_unhex(c.b, AIC_HASH_LEN, chain) && get_base64(root, strlen(root), r.b, AIC_HASH_LEN);
	free(copy);
	if (!read)
		return no_note("its first lines are not origin, size and root", err);
	aic_note_make(n, &c, size, &r);
	size_t at = n->note.len;
	aic_code code = AIC_OK;
	if (len < at || memcmp(text, n->note.data, at) != 0) {
		code = no_note("its first lines are not as a checkpoint has them", err);
	} else {
		aic_bytes_append(&n->note, (const uint8_t *)text + at, len - at);
		while (next_line(n, &at, &l))
			;
		if (at != n->note.len || at == n->body + 1)
			code = no_note("its signature lines cannot be read", err);
	}
	if (code)
		aic_note_free(n);
	return code;
}

void aic_note_sign(aic_note *n, const aic_key *site)
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	char origin[ORIGIN_LEN];

	origin_of(origin, &n->chain);
	aic_sign_plain(signature, site, n->note.data, n->body);
	put_line(n, origin, ALG_ED25519, site->public_key, signature, sizeof(signature));
}

bool aic_note_signed_by(const aic_note *n, const uint8_t key[AIC_PUBLIC_LEN])
{
	uint8_t signature[AIC_SIGNATURE_LEN];
	char origin[ORIGIN_LEN];

	origin_of(origin, &n->chain);
	for (size_t k = 0; find_signature(n, origin, ALG_ED25519, key, k, signature, sizeof(signature)); k++)
		if (aic_verify_plain(signature, key, n->note.data, n->body))
			return true;
	return false;
}

/* --- witnesses --- */

static void cosigned_bytes(aic_bytes *out, const aic_note *n, uint64_t time)
{
	aic_bytes_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time);
	aic_bytes_append(out, n->note.data, n->body);
}

static bool is_name(const char *name)
{
	return name[0] && strlen(name) < AIC_NOTE_NAME_LEN && !strpbrk(name, "+ \t\r\n");
}

aic_code aic_note_cosign(aic_note *n, const char *name, const aic_key *witness, int64_t time, aic_error *err)
{
	uint8_t stamped[TIME_LEN + AIC_SIGNATURE_LEN];
	aic_bytes message = {0};

	if (!is_name(name))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no witness's name: 1 to %d characters without space and +, such as witness.example.org",
		                name, AIC_NOTE_NAME_LEN - 1);
	cosigned_bytes(&message, n, (uint64_t)time);
	aic_put_be64(stamped, (uint64_t)time);
	aic_sign_plain(stamped + TIME_LEN, witness, message.data, message.len);
	aic_bytes_free(&message);
	put_line(n, name, ALG_COSIGNATURE, witness->public_key, stamped, sizeof(stamped));
	return AIC_OK;
}

bool aic_note_cosigned_by(const aic_note *n, const aic_witness *w, int64_t *time)
{
	uint8_t stamped[TIME_LEN + AIC_SIGNATURE_LEN];
	bool good = false;

	for (size_t k = 0; !good && find_signature(n, w->name, ALG_COSIGNATURE, w->key, k, stamped, sizeof(stamped)); k++) {
		aic_bytes message = {0};

		*time = (int64_t)aic_get_be64(stamped);
		cosigned_bytes(&message, n, (uint64_t)*time);
		good = aic_verify_plain(stamped + TIME_LEN, w->key, message.data, message.len);
		aic_bytes_free(&message);
	}
	return good;
}

char *aic_witness_text(const aic_witness *w)
{
	uint8_t id[KEY_ID_LEN], typed[1 + AIC_PUBLIC_LEN] = {ALG_COSIGNATURE};
	char hex[2 * KEY_ID_LEN + 1];
	aic_bytes out = {0};

	key_id(id, w->name, ALG_COSIGNATURE, w->key);
	aic_hex(hex, id, KEY_ID_LEN);
	memcpy(typed + 1, w->key, AIC_PUBLIC_LEN);
	aic_bytes_printf(&out, "%s+%s+", w->name, hex);
	put_base64(&out, typed, sizeof(typed));
	aic_bytes_append(&out, "", 1);
	return (char *)out.data;
}

aic_code aic_witness_parse(aic_witness *w, const char *vkey, aic_error *err)
{
	const char *plus = strchr(vkey, '+'), *second = plus ? strchr(plus + 1, '+') : NULL;
	uint8_t typed[1 + AIC_PUBLIC_LEN];
	bool same = false;

	if (second && (size_t)(plus - vkey) < sizeof(w->name) && get_base64(second + 1, strlen(second + 1), typed, sizeof(typed)) &&
	    typed[0] == ALG_COSIGNATURE) {
		memcpy(w->name, vkey, (size_t)(plus - vkey));
		w->name[plus - vkey] = '\0';
		memcpy(w->key, typed + 1, AIC_PUBLIC_LEN);
		char *again = aic_witness_text(w);
		same = is_name(w->name) && strcmp(again, vkey) == 0;
		free(again);
	}
	if (!same)
		return aic_fail(err, AIC_USAGE, "\"%s\" is no witness's key: give NAME+KEYID+BASE64, of type cosignature/v1", vkey);
	return AIC_OK;
}
