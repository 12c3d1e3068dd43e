/* client_session.c: what other rooms ask about training sessions, and what they can compute of one by themselves; see client.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/client_call.h"

#define SALTED "aic/salted/v1"
#define SEED "aic/seed/v1"

const char *aic_session_state_name(uint64_t state)
{
	static const char *const names[] = {"open", "closed", "challenged", "doubted", "unchallenged", "verified", "unverifiable",
	                                    "unproven", "refuted", "withheld", "expired"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *aic_verdict_result_name(uint64_t result)
{
	static const char *const names[] = {"agrees", "differs", "withheld", "declined"};

	return result < sizeof(names) / sizeof(names[0]) ? names[result] : "unknown";
}

bool aic_session_counts(uint64_t state, uint64_t *ppm)
{
	static const uint64_t counts[] = {[AIC_SESSION_UNCHALLENGED] = 1000000, [AIC_SESSION_VERIFIED] = 1000000,
	                                  [AIC_SESSION_UNVERIFIABLE] = 700000,  [AIC_SESSION_UNPROVEN] = 700000,
	                                  [AIC_SESSION_REFUTED] = 0,            [AIC_SESSION_WITHHELD] = 0,
	                                  [AIC_SESSION_EXPIRED] = 500000};

	*ppm = state < sizeof(counts) / sizeof(counts[0]) ? counts[state] : 0;
	return state >= AIC_SESSION_UNCHALLENGED && state <= AIC_SESSION_EXPIRED;
}

aic_hash aic_session_salted(const uint8_t salt[32], const aic_hash *thing)
{
	aic_bytes in = {0};

	aic_bytes_append_str(&in, SALTED);
	aic_bytes_append(&in, salt, 32);
	aic_bytes_append(&in, thing->b, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

uint64_t aic_session_seed(uint64_t spec_seed, const aic_hash *session, const aic_hash *entropy)
{
	aic_bytes in = {0};
	uint8_t be[8];

	aic_put_be64(be, spec_seed);
	aic_bytes_append_str(&in, SEED);
	aic_bytes_append(&in, be, sizeof(be));
	aic_bytes_append(&in, session->b, AIC_HASH_LEN);
	aic_bytes_append(&in, entropy->b, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return aic_get_be64(h.b);
}
