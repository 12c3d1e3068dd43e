/* request.h: somebody asks for data or a model, with requirements and a bounty that the ledger holds until the request is accepted,
 * withdrawn or has run out.
 *
 *     request_open      [requester, kind: as of an asset, requirements: bytes .size 32, bounty, expires: height]
 *     request_offer     [actor, request, asset]            by the owner of an asset of that kind
 *     request_accept    [requester, request, asset]        one that was offered: its owner of that moment gets the bounty
 *     request_withdraw  [actor, request]                   the requester; after `expires` any wallet: the bounty goes back
 *
 * request is the id of the transaction that opened it. `requirements` is the hash of a text that stays off the ledger. Bounties lie in
 * a wallet of the ledger's own, which no key moves. */
#ifndef AIC_LEDGER_REQUEST_H
#define AIC_LEDGER_REQUEST_H

#include "ledger/state/state.h"

#define AIC_OFFERS_MAX 32

typedef enum { AIC_REQUEST_OPEN = 0, AIC_REQUEST_ACCEPTED = 1, AIC_REQUEST_WITHDRAWN = 2 } aic_request_state;

typedef struct {
	aic_address requester;
	uint64_t kind;
	aic_hash requirements;
	aic_amount bounty;
	uint64_t expires;        /* last height at which it can be answered */
	uint64_t state;          /* aic_request_state */
	size_t n_offers;
	aic_u256 offer[AIC_OFFERS_MAX]; /* assets, in order of offering; where accepted, the one asset */
} aic_request_row;

/* First 20 bytes of SHA-256("aic/escrow/v1"). */
aic_address aic_escrow_address(void);
/* Makes its wallet, where nothing has been in it yet. */
aic_code aic_escrow_ensure(aic_state *s, aic_error *err);
/* AIC_NOT_FOUND leaves err untouched. */
aic_code aic_state_request(aic_state *s, aic_u256 id, aic_request_row *r, aic_error *err);

void aic_request_open_body(aic_bytes *out, const aic_request_row *r);
/* offer and accept. */
void aic_request_asset_body(aic_bytes *out, const aic_address *actor, aic_u256 request, aic_u256 asset);
void aic_request_withdraw_body(aic_bytes *out, const aic_address *actor, aic_u256 request);

#endif
