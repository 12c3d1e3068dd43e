/* certificate.c: see certificate.h. */
#include "ledger/archive/certificate.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define SPKI_PREFIX_LEN 12

static X509 *make(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (x && X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
	    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"AIC site", -1, -1, 0) &&
	    X509_set_issuer_name(x, name) && ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20200101000000Z") &&
	    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") && X509_set_pubkey(x, key) && X509_sign(x, key, NULL))
		return x;
	X509_free(x);
	return NULL;
}

static void take(aic_bytes *out, BIO *bio)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	aic_bytes_append(out, text, (size_t)len);
	aic_bytes_append(out, "", 1);
}

aic_code aic_certificate_make(const aic_key *site, aic_bytes *certificate, aic_bytes *key, aic_error *err)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, site->secret, AIC_SECRET_LEN);
	X509 *x = pkey ? make(pkey) : NULL;
	BIO *open = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	aic_code code = AIC_OK;

	if (!x || !open || !secret || !PEM_write_bio_X509(open, x) || !PEM_write_bio_PKCS8PrivateKey(secret, pkey, NULL, NULL, 0, NULL, NULL)) {
		code = aic_fail(err, AIC_SYSTEM, "OpenSSL cannot make a certificate over the site's key");
	} else {
		take(certificate, open);
		aic_bytes_reserve(key, 256); /* so that growing leaves no copy behind */
		take(key, secret);
	}
	BIO_free(open);
	BIO_free(secret);
	X509_free(x);
	EVP_PKEY_free(pkey);
	return code;
}

void aic_certificate_wipe(aic_bytes *key)
{
	if (key->data)
		OPENSSL_cleanse(key->data, key->cap);
	aic_bytes_free(key);
}

bool aic_certificate_key(const uint8_t *der, size_t len, uint8_t key[AIC_PUBLIC_LEN])
{
	const unsigned char *at = der;
	X509 *x = d2i_X509(NULL, &at, (long)len);
	EVP_PKEY *pkey = x ? X509_get0_pubkey(x) : NULL;
	size_t n = AIC_PUBLIC_LEN;
	bool fine = pkey && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(pkey, key, &n) == 1;

	X509_free(x);
	return fine;
}

/* RFC 8410, section 4: a SubjectPublicKeyInfo of Ed25519 is these bytes and the key. */
void aic_certificate_pin(char pin[AIC_CERTIFICATE_PIN_LEN], const uint8_t key[AIC_PUBLIC_LEN])
{
	static const uint8_t prefix[SPKI_PREFIX_LEN] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t spki[SPKI_PREFIX_LEN + AIC_PUBLIC_LEN];

	memcpy(spki, prefix, sizeof(prefix));
	memcpy(spki + sizeof(prefix), key, AIC_PUBLIC_LEN);
	aic_hash h = aic_sha256_of(spki, sizeof(spki));
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, h.b, AIC_HASH_LEN);
}
