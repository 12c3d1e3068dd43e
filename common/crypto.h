/* crypto.h: SHA-256, HMAC, Ed25519 and random bytes, all OpenSSL's. */
#ifndef AIC_CRYPTO_H
#define AIC_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define AIC_HASH_LEN 32
#define AIC_PUBLIC_LEN 32
#define AIC_SECRET_LEN 32
#define AIC_SIGNATURE_LEN 64

typedef struct { uint8_t b[AIC_HASH_LEN]; } aic_hash;

typedef struct aic_sha256 aic_sha256; /* incremental state */
aic_sha256 *aic_sha256_new(void);
void aic_sha256_update(aic_sha256 *s, const void *data, size_t len);
void aic_sha256_reset(aic_sha256 *s);                 /* start again with the same object */
aic_hash aic_sha256_final(aic_sha256 *s);             /* the object must be reset before more updates */
void aic_sha256_free(aic_sha256 *s);
aic_hash aic_sha256_of(const void *data, size_t len); /* one shot; fast for short inputs */

bool aic_hash_equal(const aic_hash *a, const aic_hash *b);
void aic_hash_hex(char hex[2 * AIC_HASH_LEN + 1], const aic_hash *h);

aic_hash aic_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len);
/* The same with a key that is made ready once, for many short inputs. */
typedef struct aic_hmac aic_hmac;
aic_hmac *aic_hmac_new(const void *key, size_t key_len);
aic_hash aic_hmac_of(aic_hmac *k, const void *data, size_t len);
void aic_hmac_free(aic_hmac *k);
void aic_random(void *out, size_t len); /* cryptographically strong; aborts where the system gives none */

/* Ed25519 (RFC 8032). Signatures are domain-separated: what is signed is domain || 0x00 || data. */
typedef struct {
	uint8_t secret[AIC_SECRET_LEN];
	uint8_t public_key[AIC_PUBLIC_LEN];
} aic_key;

void aic_key_generate(aic_key *k);
void aic_key_from_secret(aic_key *k, const uint8_t secret[AIC_SECRET_LEN]);
void aic_key_wipe(aic_key *k);
void aic_sign(uint8_t sig[AIC_SIGNATURE_LEN], const aic_key *k, const char *domain, const void *data, size_t len);
bool aic_verify(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const char *domain,
                const void *data, size_t len);

/* The bytes as they are, for formats of others, whose texts begin with no domain of ours and hold no NUL (signed notes). */
void aic_sign_plain(uint8_t sig[AIC_SIGNATURE_LEN], const aic_key *k, const void *data, size_t len);
bool aic_verify_plain(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const void *data, size_t len);

/* No core file of this process, and no other process of the same user reads its memory. Whoever loads or creates a key file has it
 * done; daemons do it first of all. */
void aic_key_hide_process(void);

/* Key files: PEM (PKCS#8), mode 0600. Load refuses a file that group or others can read or that another uid
 * owns, naming the mode and the remedy. Create makes the file atomically and refuses to overwrite. */
aic_code aic_key_load(aic_key *k, const char *path, aic_error *err);
/* The same file sealed with a passphrase: PEM "ENCRYPTED PRIVATE KEY" (PKCS#8, PBES2 with scrypt N = 2^14, r = 8, p = 1, AES-256-CBC), which
 * `openssl pkey` reads, too. passphrase is what a file of mode 0600 holds, without the newline at its end. */
aic_code aic_key_load_sealed(aic_key *k, const char *path, const char *passphrase_file, aic_error *err);
/* Writes k, which must not be there yet: sealed, or as aic_key_load reads it where passphrase_file is NULL. */
aic_code aic_key_write(const aic_key *k, const char *path, const char *passphrase_file, aic_error *err);
aic_code aic_key_create(aic_key *k, const char *path, aic_error *err);
/* Loads, or creates where there is none. */
aic_code aic_key_open(aic_key *k, const char *path, aic_error *err);

#endif
