/* join.h: a site's first copy, from others' archives: replayed from genesis beside where it will lie, and put there once it has
 * come to what the administrator knows from elsewhere. */
#ifndef AIC_LEDGER_ARCHIVE_JOIN_H
#define AIC_LEDGER_ARCHIVE_JOIN_H

#include "ledger/archive/follow.h"
#include "ledger/state/state.h"

typedef void (*aic_join_progress)(void *ctx, uint64_t height);

/* dir: STATE/ledger, in which there is no copy yet. chain: what it must be of, "" for any. The sources are asked in turn, each until
 * it fails or has no more; what one gave stays when another goes on, also in a later call. *head gets where the copy stands. */
aic_code aic_ledger_join(const char *dir, const char *chain, const aic_checkpoint *checkpoint, aic_source *source, size_t n,
                         aic_join_progress progress, void *ctx, aic_head *head, aic_error *err);

/* The keys that the peer may show: the configured one while it is in force, and what became of it on the ledger. n of at most 2. */
#define AIC_PEER_PINS_MAX 2
size_t aic_peer_pins(aic_state *copy, const uint8_t configured[AIC_PUBLIC_LEN], uint8_t pin[AIC_PEER_PINS_MAX][AIC_PUBLIC_LEN]);

/* A copy that the log has left behind goes on from its peers' archives, for about `ms` milliseconds. *peer is whom to ask first, and
 * becomes whom to ask next. AIC_NOT_FOUND: none has more. */
aic_code aic_archive_fetch(aic_state *state, aic_archive *archive, const aic_archive_config *config, const aic_key *me, size_t *peer,
                           int ms, aic_error *err);

#endif
