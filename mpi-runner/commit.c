#include "mpi-runner/commit.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "common/merkle.h"

#define STEPS_DOMAIN "aic/steps/v1"
#define STATE_DOMAIN "aic/state/v1"

enum { STATE_FIELDS = 11 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "leaves are little-endian floats as they lie in memory");

aic_hash aic_step_chain_start(const aic_hash *identity)
{
	uint8_t in[sizeof(STEPS_DOMAIN) - 1 + AIC_HASH_LEN];

	memcpy(in, STEPS_DOMAIN, sizeof(STEPS_DOMAIN) - 1);
	memcpy(in + sizeof(STEPS_DOMAIN) - 1, identity->b, AIC_HASH_LEN);
	return aic_sha256_of(in, sizeof(in));
}

aic_hash aic_step_chain_next(const aic_hash *chain, uint64_t step, aic_step_bits bits)
{
	uint8_t in[AIC_HASH_LEN + 16];

	memcpy(in, chain->b, AIC_HASH_LEN);
	aic_put_be64(in + AIC_HASH_LEN, step);
	aic_put_be32(in + AIC_HASH_LEN + 8, bits.loss);
	aic_put_be32(in + AIC_HASH_LEN + 12, bits.norm);
	return aic_sha256_of(in, sizeof(in));
}

void aic_segment_begin(aic_segment *s, const aic_hash *chain, uint64_t first)
{
	s->opening = s->now = *chain;
	s->first = first;
	s->n = 0;
}

void aic_segment_add(aic_segment *s, float loss, float norm)
{
	aic_step_bits bits;

	memcpy(&bits.loss, &loss, sizeof(loss));
	memcpy(&bits.norm, &norm, sizeof(norm));
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->bits = aic_xrealloc(s->bits, s->room * sizeof(*s->bits));
	}
	s->now = aic_step_chain_next(&s->now, s->first + s->n, bits);
	s->bits[s->n++] = bits;
}

void aic_segment_free(aic_segment *s)
{
	free(s->bits);
	*s = (aic_segment){0};
}

void aic_train_state_encode(const aic_train_state *s, aic_bytes *out)
{
	aic_cbor_put_array(out, STATE_FIELDS);
	aic_cbor_put_text(out, STATE_DOMAIN);
	aic_cbor_put_bytes(out, s->identity.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, s->step);
	aic_cbor_put_uint(out, s->epoch);
	aic_cbor_put_uint(out, s->sample);
	aic_cbor_put_uint(out, s->seed);
	aic_cbor_put_uint(out, s->parameters);
	aic_cbor_put_uint(out, s->sections);
	aic_cbor_put_uint(out, s->power1);
	aic_cbor_put_uint(out, s->power2);
	aic_cbor_put_bytes(out, s->chain.b, AIC_HASH_LEN);
}

aic_code aic_train_state_decode(aic_train_state *s, const void *data, size_t len, aic_error *err)
{
	char domain[sizeof(STATE_DOMAIN) + 1] = "";
	aic_cbor in;

	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, STATE_FIELDS);
	aic_cbor_text(&in, domain, sizeof(domain));
	aic_cbor_bytes_exact(&in, s->identity.b, AIC_HASH_LEN);
	s->step = aic_cbor_uint(&in);
	s->epoch = aic_cbor_uint(&in);
	s->sample = aic_cbor_uint(&in);
	s->seed = aic_cbor_uint(&in);
	s->parameters = aic_cbor_uint(&in);
	s->sections = aic_cbor_uint(&in);
	uint64_t power1 = aic_cbor_uint(&in), power2 = aic_cbor_uint(&in);
	aic_cbor_bytes_exact(&in, s->chain.b, AIC_HASH_LEN);
	aic_code rc = aic_cbor_finish(&in, err);
	s->power1 = (uint32_t)power1;
	s->power2 = (uint32_t)power2;
	if (rc == AIC_OK && (power1 > UINT32_MAX || power2 > UINT32_MAX))
		rc = aic_fail(err, AIC_CORRUPT, "its state has powers of beta that are longer than 32 bits");
	if (rc == AIC_OK && strcmp(domain, STATE_DOMAIN) != 0)
		rc = aic_fail(err, AIC_CORRUPT, "its state is \"%s\", not " STATE_DOMAIN, domain);
	if (rc == AIC_OK && (s->sections < 1 || s->sections > AIC_COMMIT_SECTIONS_MAX || s->parameters < 1 || s->parameters > (uint64_t)1 << 40))
		rc = aic_fail(err, AIC_CORRUPT, "its state has %llu sections of %llu values", (unsigned long long)s->sections,
		              (unsigned long long)s->parameters);
	return rc;
}

static size_t per_section(uint64_t parameters)
{
	return (size_t)((parameters + AIC_COMMIT_CHUNK - 1) / AIC_COMMIT_CHUNK);
}

size_t aic_commit_chunks(uint64_t parameters, uint64_t sections)
{
	return (size_t)sections * per_section(parameters);
}

aic_commit_place aic_commit_where(uint64_t parameters, size_t chunk)
{
	size_t per = per_section(parameters), at = chunk % per * AIC_COMMIT_CHUNK;
	size_t left = (size_t)parameters - at;

	return (aic_commit_place){(unsigned)(chunk / per), at, left < AIC_COMMIT_CHUNK ? left : AIC_COMMIT_CHUNK};
}

size_t aic_commit_begin(size_t chunks, unsigned ranks, unsigned rank)
{
	return chunks * rank / ranks;
}

aic_hash aic_commit_leaf(const float *v, size_t n)
{
	return aic_merkle_leaf(v, n * sizeof(float));
}

aic_hash aic_commit_root(const aic_train_state *s, const aic_hash *leaf)
{
	aic_frontier tree = {0};
	aic_bytes state = {0};

	aic_train_state_encode(s, &state);
	aic_hash first = aic_merkle_leaf(state.data, state.len);
	aic_bytes_free(&state);
	aic_frontier_add(&tree, &first);
	for (size_t i = 0; i < aic_commit_chunks(s->parameters, s->sections); i++)
		aic_frontier_add(&tree, &leaf[i]);
	return aic_frontier_root(&tree);
}
