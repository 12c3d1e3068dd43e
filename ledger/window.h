/* window.h: how much of the log stays in a shared order. Old blocks leave it when two thirds of the member sites have said, under
 * their signatures, that their archives hold them. */
#ifndef AIC_LEDGER_WINDOW_H
#define AIC_LEDGER_WINDOW_H

#include "ledger/chain.h"

#define AIC_WINDOW_BLOCKS 4096u
#define AIC_WINDOW_BYTES (512u << 20) /* of blocks */
#define AIC_WINDOW_STEP 64u           /* heights between two acknowledgements, and the least that is worth pruning */

/* acknowledgement = [version, chain, height, hash of that block, site, signature over the first five]: "this site's archive holds
 * every block up to that height". doc/formats/order-etcd.md. */
typedef struct {
	aic_hash chain, block;
	uint64_t height;
	aic_id site;
	uint8_t signature[AIC_SIGNATURE_LEN];
} aic_acknowledgement;

void aic_acknowledgement_build(aic_bytes *out, aic_acknowledgement *a, const aic_key *key);
aic_code aic_acknowledgement_decode(aic_acknowledgement *a, const void *data, size_t len, aic_error *err);
bool aic_acknowledgement_signed_by(const aic_acknowledgement *a, const uint8_t public_key[AIC_PUBLIC_LEN]);

/* Greatest height up to which two thirds of the member sites hold the blocks of this very history; *any false: there is none. */
aic_code aic_window_archived(aic_chain *c, bool *any, uint64_t *height, aic_error *err);
/* Lowest height that the window should hold, by the bounds above and the head of this copy. */
aic_code aic_window_low(aic_state *s, uint64_t blocks, uint64_t bytes, uint64_t *low, aic_error *err);

typedef struct {
	uint64_t blocks, bytes;      /* what stays: AIC_WINDOW_BLOCKS, AIC_WINDOW_BYTES */
	uint64_t step;               /* AIC_WINDOW_STEP */
	uint64_t acknowledged;       /* height; 0: nothing yet */
	uint64_t pruned;             /* the log holds nothing below, as far as is known */
} aic_window;

/* Acknowledges what is final and in this site's archive, which holds the attestations up to `held`, and prunes what the sites let go.
 * Nothing to do is fine. Call it now and then, where the log is shared. */
aic_code aic_window_keep(aic_window *w, aic_chain *c, uint64_t held, aic_error *err);

#endif
