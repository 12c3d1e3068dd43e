/* certificate.h: a site shows itself to another by a self-signed X.509 certificate over its Ed25519 site key. Names and dates in it
 * mean nothing: the key does, which stands on the ledger. */
#ifndef AIC_LEDGER_ARCHIVE_CERTIFICATE_H
#define AIC_LEDGER_ARCHIVE_CERTIFICATE_H

#include "common/bytes.h"
#include "common/crypto.h"

/* Both as PEM with a NUL behind it (counted in len); the caller wipes and frees `key`. */
aic_code aic_certificate_make(const aic_key *site, aic_bytes *certificate, aic_bytes *key, aic_error *err);
void aic_certificate_wipe(aic_bytes *key);
/* The Ed25519 key that a certificate (DER) is over; false for any other. */
bool aic_certificate_key(const uint8_t *der, size_t len, uint8_t key[AIC_PUBLIC_LEN]);
/* "sha256//..." of that key's SubjectPublicKeyInfo, as CURLOPT_PINNEDPUBLICKEY wants it. */
#define AIC_CERTIFICATE_PIN_LEN 64
void aic_certificate_pin(char pin[AIC_CERTIFICATE_PIN_LEN], const uint8_t key[AIC_PUBLIC_LEN]);

#endif
