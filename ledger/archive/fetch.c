/* fetch.c: a copy that the log has left behind goes on from its peers' archives; see join.h. */
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "ledger/archive/join.h"

size_t aic_peer_pins(aic_state *copy, const uint8_t configured[AIC_PUBLIC_LEN], uint8_t pin[AIC_PEER_PINS_MAX][AIC_PUBLIC_LEN])
{
	aic_key_row row;
	aic_member m;
	size_t n = 0;
	bool known = !aic_state_key(copy, configured, &row, NULL);

	if (!known || !row.until || aic_state_head(copy)->height < row.until)
		memcpy(pin[n++], configured, AIC_PUBLIC_LEN);
	if (known && !aic_state_member(copy, &row.site, &m, NULL) && memcmp(m.key, configured, AIC_PUBLIC_LEN) != 0)
		memcpy(pin[n++], m.key, AIC_PUBLIC_LEN);
	return n;
}

/* From one peer, until the time is over or it has no more. */
static aic_code fetch_from(aic_state *state, aic_archive *archive, const aic_peer_config *peer, const aic_key *me, int64_t end,
                           aic_error *err)
{
	uint8_t pin[AIC_PEER_PINS_MAX][AIC_PUBLIC_LEN];
	size_t n = aic_peer_pins(state, peer->key, pin);
	aic_source source;
	bool more = true;
	aic_code code;

	if (!n)
		return aic_fail(err, AIC_REFUSED, "the key of %s in ledger.archive.peers was revoked on the ledger: correct aic.yaml", peer->url);
	if ((code = aic_source_peer(&source, peer->url, me, (const uint8_t (*)[AIC_PUBLIC_LEN])pin, n, err)))
		return code;
	aic_follower *f = aic_follower_new(state, archive, NULL);
	while (more && !code && aic_monotonic_ms() < end)
		code = aic_follower_step(f, &source, &more, err);
	aic_follower_free(f);
	aic_source_close(&source);
	return code;
}

aic_code aic_archive_fetch(aic_state *state, aic_archive *archive, const aic_archive_config *config, const aic_key *me, size_t *peer,
                           int ms, aic_error *err)
{
	uint64_t before = aic_state_head(state)->height;
	int64_t end = aic_monotonic_ms() + ms;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < config->n_peers; i++) {
		const aic_peer_config *p = &config->peer[*peer % config->n_peers];
		aic_error why = {0};

		code = fetch_from(state, archive, p, me, end, &why);
		uint64_t height = aic_state_head(state)->height;
		if (height > before) {
			aic_info("height %llu to %llu from the archive of %s", (unsigned long long)before + 1, (unsigned long long)height, p->url);
			return AIC_OK;
		}
		*peer = (*peer + 1) % config->n_peers;
		if (code && err)
			*err = why;
		if (aic_monotonic_ms() >= end)
			return code;
	}
	if (code)
		return code;
	return aic_fail(err, AIC_NOT_FOUND, "this site's copy ends at height %llu, the log begins above it, and no archive of %zu peers "
	                "goes on from there: name a site that has it under ledger.archive.peers", (unsigned long long)before, config->n_peers);
}
