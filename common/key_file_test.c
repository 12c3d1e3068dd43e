/* key_file_test.c: key files are made once, read by their owner alone, and refused with a remedy. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/file.h"

/* RFC 8410, 10.3 and its public key of 10.1. */
static const char rfc8410_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                  "-----END PRIVATE KEY-----\n";
static const char rfc8410_public[] = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

/* The path of a file in the test's folder; valid until the next call. */
static const char *in_folder(void **state, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", (char *) *state, name);
	return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), mode, NULL), AIC_OK);
}

static void assert_refused(const char *path, aic_code code, const char *message)
{
	aic_error err = {0};
	aic_key k;

	assert_int_equal(aic_key_load(&k, path, &err), code);
	assert_string_equal(err.message, message);
}

static void test_create_then_load(void **state)
{
	const char *path = in_folder(state, "site.key");
	aic_key made, loaded;
	struct stat st;

	umask(0);
	assert_int_equal(aic_key_create(&made, path, NULL), AIC_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(aic_key_load(&loaded, path, NULL), AIC_OK);
	assert_memory_equal(&loaded, &made, sizeof(made));
}

static void test_create_never_overwrites(void **state)
{
	const char *path = in_folder(state, "site.key");
	char expected[1024];
	aic_error err = {0};
	aic_key first, second, loaded, zero = {0};

	assert_int_equal(aic_key_create(&first, path, NULL), AIC_OK);
	assert_int_equal(aic_key_create(&second, path, &err), AIC_REFUSED);
	snprintf(expected, sizeof(expected), "%s is already there: it is not overwritten", path);
	assert_string_equal(err.message, expected);
	assert_memory_equal(&second, &zero, sizeof(zero));
	assert_int_equal(aic_key_load(&loaded, path, NULL), AIC_OK);
	assert_memory_equal(&loaded, &first, sizeof(first));
}

static void test_open_creates_once(void **state)
{
	const char *path = in_folder(state, "node.key");
	aic_key first, second;

	assert_int_equal(aic_key_open(&first, path, NULL), AIC_OK);
	assert_int_equal(aic_key_open(&second, path, NULL), AIC_OK);
	assert_memory_equal(&first, &second, sizeof(first));
}

static void test_open_does_not_replace_a_bad_file(void **state)
{
	const char *path = in_folder(state, "node.key");
	aic_key k;
	aic_bytes b = {0};

	put(path, "not a key", 0600);
	assert_int_equal(aic_key_open(&k, path, NULL), AIC_CORRUPT);
	assert_int_equal(aic_file_read(&b, path, 100, NULL), AIC_OK);
	assert_int_equal(b.len, 9);
	aic_bytes_free(&b);
}

/* Each process ends with the same key, whoever made it. */
static void test_open_by_many_at_once(void **state)
{
	const char *path = in_folder(state, "node.key");
	uint8_t public_key[8][AIC_PUBLIC_LEN];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < 8; i++) {
		if (fork() > 0)
			continue;
		aic_key k;
		bool good = aic_key_open(&k, path, NULL) == AIC_OK && write(fds[1], k.public_key, AIC_PUBLIC_LEN) == AIC_PUBLIC_LEN;
		_exit(good ? 0 : 1);
	}
	for (int i = 0; i < 8; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(fds[0], public_key[i], AIC_PUBLIC_LEN), AIC_PUBLIC_LEN);
		assert_memory_equal(public_key[i], public_key[0], AIC_PUBLIC_LEN);
	}
	close(fds[0]);
	close(fds[1]);
}

static void test_standard_file_is_read(void **state)
{
	const char *path = in_folder(state, "rfc8410.pem");
	char hex[2 * AIC_PUBLIC_LEN + 1];
	aic_key k;

	put(path, rfc8410_pem, 0400);
	assert_int_equal(aic_key_load(&k, path, NULL), AIC_OK);
	aic_hex(hex, k.public_key, sizeof(k.public_key));
	assert_string_equal(hex, rfc8410_public);
}

static void test_created_file_is_standard(void **state)
{
	const char *path = in_folder(state, "site.key");
	uint8_t public_key[AIC_PUBLIC_LEN];
	size_t len = sizeof(public_key);
	aic_key k;

	assert_int_equal(aic_key_create(&k, path, NULL), AIC_OK);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	EVP_PKEY *pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, public_key, &len), 1);
	assert_memory_equal(public_key, k.public_key, sizeof(public_key));
	EVP_PKEY_free(pkey);
}

static void test_readable_by_others_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0610, 0602, 0660};
	const char *path = in_folder(state, "site.key");
	char message[1024];

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put(path, rfc8410_pem, modes[i]);
		snprintf(message, sizeof(message), "key file %s has mode %04o, so that others could read it: chmod 0600 %s", path,
		         (unsigned) modes[i], path);
		assert_refused(path, AIC_REFUSED, message);
	}
}

static void test_owned_by_another_is_refused(void **state)
{
	const char *path = in_folder(state, "site.key");
	char message[1024];

	put(path, rfc8410_pem, 0600);
	if (chown(path, geteuid() + 1, (gid_t) -1) < 0)
		skip(); /* not root */
	snprintf(message, sizeof(message), "key file %s belongs to uid %u, this program runs as uid %u: chown it to %u", path,
	         (unsigned) geteuid() + 1, (unsigned) geteuid(), (unsigned) geteuid());
	assert_refused(path, AIC_REFUSED, message);
}

static void test_missing_and_irregular(void **state)
{
	const char *path = in_folder(state, "none.key");
	char message[1024];

	snprintf(message, sizeof(message), "there is no key file %s", path);
	assert_refused(path, AIC_NOT_FOUND, message);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(message, sizeof(message), "key file %s is not a regular file", path);
	assert_refused(path, AIC_REFUSED, message);
}

static void put_key(const char *path, EVP_PKEY *pkey, const char *passphrase)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, pkey, passphrase ? EVP_aes_256_cbc() : NULL, passphrase,
	                                           passphrase ? (int) strlen(passphrase) : 0, NULL, NULL), 1);
	fclose(f);
	EVP_PKEY_free(pkey);
}

static void test_other_contents_are_refused(void **state)
{
	const char *path = in_folder(state, "site.key");
	char message[1024], cut[sizeof(rfc8410_pem)];

	snprintf(message, sizeof(message), "key file %s holds no unencrypted private key in PEM (PKCS#8)", path);
	put(path, "", 0600);
	assert_refused(path, AIC_CORRUPT, message);
	put(path, "garbage\n", 0600);
	assert_refused(path, AIC_CORRUPT, message);
	strcpy(cut, rfc8410_pem);
	cut[60] = '\0';
	put(path, cut, 0600);
	assert_refused(path, AIC_CORRUPT, message);
	put_key(path, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "secret");
	assert_refused(path, AIC_CORRUPT, message);
	put_key(path, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), NULL);
	snprintf(message, sizeof(message), "key file %s holds a key of type X25519: an Ed25519 key is needed", path);
	assert_refused(path, AIC_CORRUPT, message);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

/* Sealed: opens with its passphrase alone, here and by OpenSSL's own reader. */
static int passphrase_of_test(char *buf, int size, int rwflag, void *ctx)
{
	(void) size, (void) rwflag;
	memcpy(buf, ctx, strlen(ctx));
	return (int) strlen(ctx);
}

static void test_sealed(void **state)
{
	char *path = strdup(in_folder(state, "sealed.key")), *good = strdup(in_folder(state, "good")), *other = strdup(in_folder(state, "other"));
	aic_error err = {0};
	aic_key made, opened;
	aic_bytes pem = {0};
	struct stat st;

	aic_key_generate(&made);
	put(good, "correct horse\n", 0600);
	put(other, "battery staple\n", 0600);
	assert_int_equal(aic_key_write(&made, path, good, NULL), AIC_OK);
	assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	assert_int_equal(aic_file_read(&pem, path, 4096, NULL), AIC_OK);
	aic_bytes_append(&pem, "", 1);
	assert_non_null(strstr((char *) pem.data, "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
	assert_int_equal(aic_key_load_sealed(&opened, path, good, NULL), AIC_OK);
	assert_memory_equal(&opened, &made, sizeof(made));
	BIO *bio = BIO_new_mem_buf(pem.data, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, passphrase_of_test, "correct horse");
	assert_non_null(pkey);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	assert_int_equal(aic_key_load_sealed(&opened, path, other, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "does not open with this passphrase"));
	assert_int_equal(aic_key_load(&opened, path, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "no unencrypted private key"));
	put(other, "\n", 0600);
	assert_int_equal(aic_key_load_sealed(&opened, path, other, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "a passphrase of 0 characters"));
	assert_int_equal(chmod(good, 0644), 0);
	assert_int_equal(aic_key_load_sealed(&opened, path, good, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "mode 0644"));
	assert_int_equal(aic_key_write(&made, path, NULL, &err), AIC_REFUSED); /* never over another */
	aic_bytes_free(&pem);
	free(path);
	free(good);
	free(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_FOLDER(test_create_then_load),
		IN_FOLDER(test_create_never_overwrites),
		IN_FOLDER(test_open_creates_once),
		IN_FOLDER(test_open_does_not_replace_a_bad_file),
		IN_FOLDER(test_open_by_many_at_once),
		IN_FOLDER(test_standard_file_is_read),
		IN_FOLDER(test_created_file_is_standard),
		IN_FOLDER(test_readable_by_others_is_refused),
		IN_FOLDER(test_owned_by_another_is_refused),
		IN_FOLDER(test_missing_and_irregular),
		IN_FOLDER(test_other_contents_are_refused),
		IN_FOLDER(test_sealed),
	};

	return cmocka_run_group_tests_name("key_file", tests, NULL, NULL);
}
