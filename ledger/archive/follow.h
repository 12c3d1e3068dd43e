/* follow.h: a copy that grows by what another site's archive holds. Nothing is applied before a quorum of the members that this
 * copy knows has attested it, itself or by what is built on it; and what comes out must have the state root that they attest. */
#ifndef AIC_LEDGER_ARCHIVE_FOLLOW_H
#define AIC_LEDGER_ARCHIVE_FOLLOW_H

#include "ledger/archive/keep.h"
#include "ledger/archive/source.h"

/* What an administrator has from elsewhere: the block at that height has this hash (at height 0, the chain id). */
typedef struct {
	uint64_t height;
	aic_hash hash;
} aic_checkpoint;

/* "HEIGHT:HASH" */
aic_code aic_checkpoint_parse(aic_checkpoint *c, const char *text, aic_error *err);

typedef struct aic_follower aic_follower;

/* state may be empty: then the first record must be genesis. checkpoint may be NULL. All are borrowed. */
aic_follower *aic_follower_new(aic_state *state, aic_archive *archive, const aic_checkpoint *checkpoint);
void aic_follower_free(aic_follower *f);
/* Takes what one read of the source gives. *more: it gave something, so ask again. AIC_CORRUPT and AIC_REFUSED name the source
 * and the height; what was applied before stays, and the rest can come from another source. */
aic_code aic_follower_step(aic_follower *f, aic_source *source, bool *more, aic_error *err);

#endif
