/* event.h: what a transaction did, under the names and in the order of ERC-20 and ERC-721.
 *
 *     event = [kind, transaction's place in the block, a: bytes, b: bytes, value, note: text]
 *
 * a and b are wallets, 20 bytes each (the zero address stands for "from nowhere" and "to nowhere"). */
#ifndef AIC_LEDGER_EVENT_H
#define AIC_LEDGER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/cbor.h"
#include "ledger/client.h"

typedef enum {
	AIC_EVENT_TRANSFER = 1,               /* ERC-20 Transfer(from, to, value) */
	AIC_EVENT_APPROVAL = 2,               /* ERC-20 Approval(owner, spender, value) */
	AIC_EVENT_WALLET = 10,                /* a wallet was registered: a */
	AIC_EVENT_ASSET_TRANSFER = 17,        /* ERC-721 Transfer(from, to, token) */
	AIC_EVENT_ASSET_APPROVAL = 18,        /* ERC-721 Approval(owner, approved, token) */
	AIC_EVENT_ASSET_APPROVAL_FOR_ALL = 19,/* ERC-721 ApprovalForAll(owner, operator, 0 or 1) */
	AIC_EVENT_REQUEST = 24,               /* a asks for something; value: the request's number, as in the next three */
	AIC_EVENT_REQUEST_OFFER = 25,         /* a offers an asset to b */
	AIC_EVENT_REQUEST_ACCEPT = 26,        /* a accepts what b offered */
	AIC_EVENT_REQUEST_WITHDRAW = 27,      /* of a, by itself or after it had run out */
	AIC_EVENT_SETTLEMENT = 48,            /* value: coin issued; note: period/number */
	AIC_EVENT_SETTLEMENT_PART = 49,       /* value: bytes; note: period/number part i/n */
	AIC_EVENT_REVERSAL = 50,
	AIC_EVENT_DEBT = 51,                  /* a owes b value more */
	AIC_EVENT_SESSION_OPEN = 64,          /* a pays; note: the session's first 16 digits, as in the next three */
	AIC_EVENT_SESSION_CLOSE = 66,         /* a pays; value: steps */
	AIC_EVENT_SESSION_APPEAL = 69,        /* a pays */
	AIC_EVENT_SESSION_RATE = 70,          /* a paid, b's rating; value: the fee that counts */
	AIC_EVENT_SESSION_REVEAL = 71,        /* a's session is said to be a decoy; value: its bad segment; note as above */
	AIC_EVENT_SESSION_PAY = 74,           /* b is paid value for its verdict on a's session */
	AIC_EVENT_VERDICT = 80,               /* a pays; value: the first wrong step, where it differs; note: and what was found */
	AIC_EVENT_EVIDENCE = 112              /* a member site lied at height value; note: which, and how */
} aic_event_kind;

#define AIC_EVENT_NOTE_LEN 48

typedef struct {
	uint64_t kind;
	uint64_t tx;
	aic_address a, b;
	aic_u256 value;
	char note[AIC_EVENT_NOTE_LEN];
} aic_event;

const char *aic_event_name(uint64_t kind); /* "Transfer", "Settlement", ... */
void aic_event_put(aic_bytes *out, const aic_event *e);
void aic_event_get(aic_cbor *c, aic_event *e);

#endif
