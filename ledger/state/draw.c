/* draw.c: see draw.h. */
#include "ledger/state/draw.h"

#include <stdlib.h>
#include <string.h>

#define BACKBONE "aic/backbone/v1"
#define DRAW "aic/draw/v1"

__extension__ typedef unsigned __int128 wide;

aic_hash aic_draw_entropy(const aic_hash *beacon, const aic_hash *block, bool has_vrf)
{
	aic_bytes in = {0};

	if (has_vrf)
		return *beacon;
	aic_bytes_append_str(&in, BACKBONE);
	aic_bytes_append(&in, beacon->b, AIC_HASH_LEN);
	aic_bytes_append(&in, block->b, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

uint64_t aic_draw_below(const aic_hash *entropy, const aic_hash *session, uint64_t round, const char *what, uint64_t i, uint64_t n)
{
	aic_bytes in = {0};
	uint8_t be[8];

	aic_bytes_append_str(&in, DRAW);
	aic_bytes_append(&in, entropy->b, AIC_HASH_LEN);
	aic_bytes_append(&in, session->b, AIC_HASH_LEN);
	aic_put_be64(be, round);
	aic_bytes_append(&in, be, sizeof(be));
	aic_bytes_append_str(&in, what);
	aic_put_be64(be, i);
	aic_bytes_append(&in, be, sizeof(be));
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return (uint64_t)(((wide)aic_get_be64(h.b) << 64 | aic_get_be64(h.b + 8)) % n);
}

uint64_t aic_draw_probability(const aic_parameters *p, uint64_t segments)
{
	uint64_t q = segments - 1 < AIC_SESSION_Q ? segments - 1 : AIC_SESSION_Q;
	wide ppm = (wide)p->fee_ppm * p->verify_ppm * segments / ((wide)AIC_PPM * (q + 1));

	return ppm < AIC_PPM ? (uint64_t)ppm : AIC_PPM;
}

/* Where the exchanged places differ from their own number they are remembered, instead of all of them. */
size_t aic_draw_segments(uint64_t out[AIC_SESSION_Q + 1], const aic_hash *entropy, const aic_hash *session, uint64_t round, uint64_t segments)
{
	uint64_t others = segments - 1, q = others < AIC_SESSION_Q ? others : AIC_SESSION_Q;
	struct { uint64_t place, value; } moved[AIC_SESSION_Q];
	size_t n = 0;

	out[0] = 0;
	for (uint64_t i = 0; i < q; i++) {
		uint64_t at = i + aic_draw_below(entropy, session, round, "segment", i, others - i), here = i + 1, there = at + 1;

		for (size_t k = 0; k < n; k++) { /* the later exchange of a place counts */
			if (moved[k].place == i)
				here = moved[k].value;
			if (moved[k].place == at)
				there = moved[k].value;
		}
		out[i + 1] = there;
		moved[n].place = at;
		moved[n++].value = here;
	}
	return (size_t)q + 1;
}

static bool is_among(const aic_party *p, const aic_party *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (aic_id_equal(p, &list[i]))
			return true;
	return false;
}

size_t aic_draw_nodes(size_t out[2], size_t wanted, const aic_candidate *c, size_t n, const aic_party *without, size_t n_without,
                      const aic_hash *entropy, const aic_hash *session, uint64_t round, uint64_t first)
{
	size_t *begin = aic_xcalloc(n + 1, sizeof(*begin)), parties = 0, found = 0;

	for (size_t i = 0; i < n; i++)
		if ((!i || !aic_id_equal(&c[i - 1].party, &c[i].party)) && !is_among(&c[i].party, without, n_without))
			begin[parties++] = i;
	for (; found < wanted && parties; found++) {
		size_t at = (size_t)aic_draw_below(entropy, session, round, "party", first + found, parties), nodes = 1;

		while (begin[at] + nodes < n && aic_id_equal(&c[begin[at]].party, &c[begin[at] + nodes].party))
			nodes++;
		out[found] = begin[at] + (size_t)aic_draw_below(entropy, session, round, "node", first + found, nodes);
		memmove(&begin[at], &begin[at + 1], (--parties - at) * sizeof(*begin));
	}
	free(begin);
	return found;
}
