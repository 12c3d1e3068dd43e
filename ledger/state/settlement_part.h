/* settlement_part.h: settlements larger than a block, in numbered parts under one root (ledger.md, "Size").
 *
 *     settlement_part = [period, number, root, part from 0, parts, path: [* bytes .size 32], piece: bytes]
 *
 * The pieces joined are the body of a settlement; root is the RFC 6962 root over them, and each part proves that its piece belongs
 * there. Parts come in any order; the one that completes them applies the whole, or is refused and changes nothing, and can be sent
 * again. Until then the pieces wait in the state. A site has one settlement in parts at a time: a part under another root replaces
 * what waits, and what has waited AIC_PARTS_LIFE heights counts no more. */
#ifndef AIC_LEDGER_SETTLEMENT_PART_H
#define AIC_LEDGER_SETTLEMENT_PART_H

#include "ledger/state/state.h"

#define AIC_PART_LEN ((size_t)480 << 10) /* of a piece: with the rest it fits a block */
#define AIC_PARTS_MAX 64
#define AIC_PARTS_LIFE 1024

typedef struct {
	char period[16];
	uint64_t number;
	aic_hash root;
	uint64_t expires;                   /* last height at which a part can be added */
	size_t n_parts;
	bool there[AIC_PARTS_MAX];
	aic_hash tx[AIC_PARTS_MAX];         /* that brought the piece, where it is there */
} aic_parts;

/* How many parts a body makes, 1 for one that needs none, and the body of each of them. piece_len: AIC_PART_LEN, less in tests. */
size_t aic_settlement_parts(size_t body_len, size_t piece_len);
aic_hash aic_settlement_parts_root(const aic_bytes *body, size_t piece_len);
void aic_settlement_part_body(aic_bytes *out, const char *period, uint64_t number, const aic_bytes *body, size_t piece_len, size_t part);

/* What waits of that site; AIC_NOT_FOUND leaves err untouched. */
aic_code aic_parts_waiting(aic_state *s, const aic_id *site, aic_parts *p, aic_error *err);
/* The transactions of a settlement that was posted in parts, in the order of its pieces; AIC_NOT_FOUND for one that was not. */
aic_code aic_parts_posted(aic_state *s, const aic_id *site, const char *period, uint64_t number, aic_hash tx[AIC_PARTS_MAX], size_t *n,
                          aic_error *err);
aic_code aic_parts_posted_decode(aic_hash tx[AIC_PARTS_MAX], size_t *n, const void *value, size_t len, aic_error *err); /* that row */
/* The piece of a part's body; NULL where it is none. */
const uint8_t *aic_settlement_part_piece(const void *body, size_t body_len, size_t *len);

#endif
