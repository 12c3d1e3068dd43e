/* memo.c: every site verifies every signature; here all sites are one process, and the same question has the same answer. Linked in
 * the place of aic_verify (--wrap), which takes most of a run's time otherwise. */
#include <string.h>

#include "common/bytes.h"
#include "common/crypto.h"

#define MEMO 4096

bool __real_aic_verify(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const char *domain,
                       const void *data, size_t len);
bool __wrap_aic_verify(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const char *domain,
                       const void *data, size_t len);

bool __wrap_aic_verify(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const char *domain,
                       const void *data, size_t len)
{
	static struct { aic_hash question; bool known, answer; } memo[MEMO];
	aic_bytes in = {0};

	aic_bytes_append(&in, sig, AIC_SIGNATURE_LEN);
	aic_bytes_append(&in, public_key, AIC_PUBLIC_LEN);
	aic_bytes_append(&in, domain, strlen(domain) + 1);
	aic_bytes_append(&in, data, len);
	aic_hash h = aic_sha256_of(in.data, in.len);
	size_t place = aic_get_be32(h.b) % MEMO;
	aic_bytes_free(&in);
	if (!memo[place].known || !aic_hash_equal(&memo[place].question, &h)) {
		memo[place].question = h;
		memo[place].known = true;
		memo[place].answer = __real_aic_verify(sig, public_key, domain, data, len);
	}
	return memo[place].answer;
}
