/* key_file.c: Ed25519 keys in PEM files (PKCS#8) that only their owner can read. */
#define _GNU_SOURCE
#include "common/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#define KEY_FILE_MAX 4096
#define KEY_FILE_MODE 0600
#define PASSPHRASE_MAX 1024
#define SCRYPT_N 16384 /* 16 MiB: what OpenSSL allows in a PKCS#8 file */

void aic_key_hide_process(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose leak check looks into the process */
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

static aic_code check_owner(int fd, const char *path, aic_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return aic_fail_errno(err, "cannot look at key file %s", path);
	if (!S_ISREG(st.st_mode))
		return aic_fail(err, AIC_REFUSED, "key file %s is not a regular file", path);
	if (st.st_uid != geteuid())
		return aic_fail(err, AIC_REFUSED, "key file %s belongs to uid %u, this program runs as uid %u: chown it to %u",
		                path, (unsigned) st.st_uid, (unsigned) geteuid(), (unsigned) geteuid());
	if (st.st_mode & 077)
		return aic_fail(err, AIC_REFUSED, "key file %s has mode %04o, so that others could read it: chmod 0600 %s", path,
		                (unsigned) st.st_mode & 07777, path);
	return AIC_OK;
}

static aic_code read_pem(char *pem, int *len, const char *path, aic_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	aic_code code;

	*len = 0;
	if (fd < 0 && errno == ENOENT)
		return aic_fail(err, AIC_NOT_FOUND, "there is no key file %s", path);
	if (fd < 0)
		return aic_fail_errno(err, "cannot open key file %s", path);
	code = check_owner(fd, path, err);
	while (code == AIC_OK) {
		ssize_t n = read(fd, pem + *len, (size_t) (KEY_FILE_MAX - *len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			code = aic_fail_errno(err, "cannot read key file %s", path);
		if (n <= 0)
			break;
		*len += (int) n;
	}
	close(fd);
	return code;
}

/* A passphrase as a file holds it: at least one character, a newline at its end does not count. */
typedef struct {
	char text[KEY_FILE_MAX];
	int len;
} passphrase;

static aic_code read_passphrase(passphrase *p, const char *path, aic_error *err)
{
	aic_code code = read_pem(p->text, &p->len, path, err);

	if (!code && p->len && p->text[p->len - 1] == '\n')
		p->len--;
	if (!code && (!p->len || p->len > PASSPHRASE_MAX))
		code = aic_fail(err, AIC_REFUSED, "%s holds a passphrase of %d characters: 1 to %d will do", path, p->len, PASSPHRASE_MAX);
	return code;
}

/* OpenSSL's callback; without one it would ask on the terminal. */
static int give_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	const passphrase *p = ctx;

	(void) rwflag;
	if (!p || p->len > size)
		return -1;
	memcpy(buf, p->text, (size_t) p->len);
	return p->len;
}

static aic_code decode_pem(aic_key *k, const char *pem, int len, passphrase *sealed, const char *path, aic_error *err)
{
	uint8_t secret[AIC_SECRET_LEN];
	size_t secret_len = sizeof(secret);
	BIO *bio = BIO_new_mem_buf(pem, len);
	EVP_PKEY *pkey;
	aic_code code = AIC_OK;

	ERR_set_mark();
	pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, sealed) : NULL;
	ERR_pop_to_mark();
	if (!pkey && sealed)
		code = aic_fail(err, AIC_REFUSED, "key file %s does not open with this passphrase: give the file that the backup was made with", path);
	else if (!pkey)
		code = aic_fail(err, AIC_CORRUPT, "key file %s holds no unencrypted private key in PEM (PKCS#8)", path);
	else if (EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519)
		code = aic_fail(err, AIC_CORRUPT, "key file %s holds a key of type %s: an Ed25519 key is needed", path,
		                EVP_PKEY_get0_type_name(pkey));
	else if (EVP_PKEY_get_raw_private_key(pkey, secret, &secret_len) != 1)
		code = aic_fail(err, AIC_CORRUPT, "key file %s holds an Ed25519 key that OpenSSL cannot give out", path);
	else
		aic_key_from_secret(k, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return code;
}

aic_code aic_key_load(aic_key *k, const char *path, aic_error *err)
{
	char pem[KEY_FILE_MAX];
	int len;

	aic_key_hide_process();
	aic_code code = read_pem(pem, &len, path, err);

	if (code == AIC_OK)
		code = decode_pem(k, pem, len, NULL, path, err);
	OPENSSL_cleanse(pem, sizeof(pem));
	return code;
}

aic_code aic_key_load_sealed(aic_key *k, const char *path, const char *passphrase_file, aic_error *err)
{
	char pem[KEY_FILE_MAX];
	passphrase p;
	int len;

	aic_key_hide_process();
	aic_code code = read_passphrase(&p, passphrase_file, err);
	if (!code && !(code = read_pem(pem, &len, path, err)))
		code = decode_pem(k, pem, len, &p, path, err);
	OPENSSL_cleanse(pem, sizeof(pem));
	OPENSSL_cleanse(&p, sizeof(p));
	return code;
}

/* PKCS#8 with scrypt in place of the few rounds of PBKDF2 that OpenSSL takes by itself. */
static int write_sealed(BIO *bio, EVP_PKEY *pkey, const passphrase *p)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
	X509_ALGOR *how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, 8, 1);
	X509_SIG *sealed = plain && how ? PKCS8_set0_pbe(p->text, p->len, plain, how) : NULL;
	int ok = sealed && PEM_write_bio_PKCS8(bio, sealed) == 1;

	if (sealed)
		X509_SIG_free(sealed); /* how is its */
	else
		X509_ALGOR_free(how);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return ok;
}

static aic_code write_key(const aic_key *k, const char *path, const passphrase *sealed, aic_error *err)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->secret, sizeof(k->secret));
	BIO *bio = BIO_new(BIO_s_secmem());
	aic_code code;
	char *pem;

	if (!bio || !pkey || (sealed ? write_sealed(bio, pkey, sealed) : PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)) != 1) {
		code = aic_fail(err, AIC_SYSTEM, "OpenSSL cannot write a key as PEM for %s", path);
	} else {
		long len = BIO_get_mem_data(bio, &pem);
		code = aic_file_create_atomic(path, pem, (size_t) len, KEY_FILE_MODE, err);
	}
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return code;
}

aic_code aic_key_write(const aic_key *k, const char *path, const char *passphrase_file, aic_error *err)
{
	passphrase p;
	aic_code code = passphrase_file ? read_passphrase(&p, passphrase_file, err) : AIC_OK;

	if (!code)
		code = write_key(k, path, passphrase_file ? &p : NULL, err);
	OPENSSL_cleanse(&p, sizeof(p));
	return code;
}

aic_code aic_key_create(aic_key *k, const char *path, aic_error *err)
{
	aic_key_hide_process();
	aic_key_generate(k);
	aic_code code = write_key(k, path, NULL, err);
	if (code != AIC_OK)
		aic_key_wipe(k);
	return code;
}

aic_code aic_key_open(aic_key *k, const char *path, aic_error *err)
{
	aic_error why = {0};
	aic_code code = aic_key_load(k, path, &why);

	if (code != AIC_NOT_FOUND) {
		if (code && err)
			*err = why;
		return code;
	}
	code = aic_key_create(k, path, err);
	/* Another process may have made it in between. */
	return code == AIC_REFUSED ? aic_key_load(k, path, err) : code;
}
