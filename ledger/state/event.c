/* event.c: see event.h. */
#include "ledger/state/event.h"

const char *aic_event_name(uint64_t kind)
{
	switch (kind) {
	case AIC_EVENT_TRANSFER:
	case AIC_EVENT_ASSET_TRANSFER:
		return "Transfer";
	case AIC_EVENT_APPROVAL:
	case AIC_EVENT_ASSET_APPROVAL:
		return "Approval";
	case AIC_EVENT_ASSET_APPROVAL_FOR_ALL:
		return "ApprovalForAll";
	case AIC_EVENT_REQUEST:
		return "Request";
	case AIC_EVENT_REQUEST_OFFER:
		return "RequestOffer";
	case AIC_EVENT_REQUEST_ACCEPT:
		return "RequestAccept";
	case AIC_EVENT_REQUEST_WITHDRAW:
		return "RequestWithdraw";
	case AIC_EVENT_WALLET:
		return "Wallet";
	case AIC_EVENT_SETTLEMENT:
		return "Settlement";
	case AIC_EVENT_SETTLEMENT_PART:
		return "SettlementPart";
	case AIC_EVENT_REVERSAL:
		return "Reversal";
	case AIC_EVENT_DEBT:
		return "Debt";
	case AIC_EVENT_SESSION_OPEN:
		return "SessionOpen";
	case AIC_EVENT_SESSION_CLOSE:
		return "SessionClose";
	case AIC_EVENT_SESSION_APPEAL:
		return "SessionAppeal";
	case AIC_EVENT_SESSION_RATE:
		return "SessionRate";
	case AIC_EVENT_SESSION_REVEAL:
		return "SessionReveal";
	case AIC_EVENT_SESSION_PAY:
		return "SessionPay";
	case AIC_EVENT_VERDICT:
		return "Verdict";
	case AIC_EVENT_EVIDENCE:
		return "Evidence";
	default:
		return "unknown";
	}
}

void aic_event_put(aic_bytes *out, const aic_event *e)
{
	aic_cbor_put_array(out, 6);
	aic_cbor_put_uint(out, e->kind);
	aic_cbor_put_uint(out, e->tx);
	aic_cbor_put_bytes(out, e->a.b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, e->b.b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, e->value);
	aic_cbor_put_text(out, e->note);
}

void aic_event_get(aic_cbor *c, aic_event *e)
{
	aic_cbor_array_exact(c, 6);
	e->kind = aic_cbor_uint(c);
	e->tx = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, e->a.b, AIC_ADDRESS_LEN);
	aic_cbor_bytes_exact(c, e->b.b, AIC_ADDRESS_LEN);
	e->value = aic_cbor_u256(c);
	aic_cbor_text(c, e->note, sizeof(e->note));
}
