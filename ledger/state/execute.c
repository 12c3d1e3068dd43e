/* execute.c: from a transaction's kind to the function that knows it. */
#include "ledger/state/execute.h"

#include "ledger/state/member.h"

typedef aic_code (*executor)(aic_exec *x, aic_error *err);

static executor find(uint64_t kind)
{
	switch (kind) {
	case AIC_TX_TRANSFER:
		return aic_execute_transfer;
	case AIC_TX_APPROVE:
		return aic_execute_approve;
	case AIC_TX_TRANSFER_FROM:
		return aic_execute_transfer_from;
	case AIC_TX_INCREASE_ALLOWANCE:
		return aic_execute_increase_allowance;
	case AIC_TX_DECREASE_ALLOWANCE:
		return aic_execute_decrease_allowance;
	case AIC_TX_BURN:
		return aic_execute_burn;
	case AIC_TX_BURN_FROM:
		return aic_execute_burn_from;
	case AIC_TX_WALLET_REGISTER:
		return aic_execute_wallet_register;
	case AIC_TX_ASSET_REGISTER:
		return aic_execute_asset_register;
	case AIC_TX_ASSET_TRANSFER:
		return aic_execute_asset_transfer;
	case AIC_TX_ASSET_APPROVE:
		return aic_execute_asset_approve;
	case AIC_TX_ASSET_APPROVE_FOR_ALL:
		return aic_execute_asset_approve_for_all;
	case AIC_TX_ASSET_TERMS:
		return aic_execute_asset_terms;
	case AIC_TX_ASSET_RETIRE:
		return aic_execute_asset_retire;
	case AIC_TX_REQUEST_OPEN:
		return aic_execute_request_open;
	case AIC_TX_REQUEST_OFFER:
		return aic_execute_request_offer;
	case AIC_TX_REQUEST_ACCEPT:
		return aic_execute_request_accept;
	case AIC_TX_REQUEST_WITHDRAW:
		return aic_execute_request_withdraw;
	case AIC_TX_SITE_ADMIT:
		return aic_execute_site_admit;
	case AIC_TX_SITE_RETIRE:
		return aic_execute_site_retire;
	case AIC_TX_SITE_KEY_REPLACE:
		return aic_execute_site_key_replace;
	case AIC_TX_SITE_POLICY:
		return aic_execute_site_policy;
	case AIC_TX_KEY_REGISTER:
		return aic_execute_key_register;
	case AIC_TX_KEY_ROTATE:
		return aic_execute_key_rotate;
	case AIC_TX_KEY_REVOKE:
		return aic_execute_key_revoke;
	case AIC_TX_NODE_VRF:
		return aic_execute_node_vrf;
	case AIC_TX_PARAMETERS:
		return aic_execute_parameters;
	case AIC_TX_RATES:
		return aic_execute_rates;
	case AIC_TX_PAUSE:
		return aic_execute_pause;
	case AIC_TX_EVIDENCE:
		return aic_execute_evidence;
	case AIC_TX_REVERSAL:
		return aic_execute_reversal;
	case AIC_TX_SETTLEMENT_PART:
		return aic_execute_settlement_part;
	case AIC_TX_SETTLEMENT:
		return aic_execute_settlement;
	case AIC_TX_SESSION_OPEN:
		return aic_execute_session_open;
	case AIC_TX_SESSION_COMMIT:
		return aic_execute_session_commit;
	case AIC_TX_SESSION_CLOSE:
		return aic_execute_session_close;
	case AIC_TX_SESSION_NODES:
		return aic_execute_session_nodes;
	case AIC_TX_SESSION_CHALLENGE:
		return aic_execute_session_challenge;
	case AIC_TX_SESSION_APPEAL:
		return aic_execute_session_appeal;
	case AIC_TX_SESSION_RATE:
		return aic_execute_session_rate;
	case AIC_TX_SESSION_REVEAL:
		return aic_execute_session_reveal;
	case AIC_TX_SESSION_PAY:
		return aic_execute_session_pay;
	case AIC_TX_VERIFIER_REGISTER:
		return aic_execute_verifier_register;
	case AIC_TX_VERIFIER_WITHDRAW:
		return aic_execute_verifier_withdraw;
	case AIC_TX_VERDICT:
		return aic_execute_verdict;
	default:
		return NULL;
	}
}

/* While the ledger is paused members vote, keys change, and nothing else happens. */
static bool moves_value(uint64_t kind)
{
	return (kind < AIC_TX_SITE_ADMIT || kind > AIC_TX_NODE_VRF) && kind < AIC_TX_PARAMETERS;
}

aic_code aic_execute(aic_exec *x, aic_error *err)
{
	executor run = find(x->tx->kind);

	if (!run)
		return aic_fail(err, AIC_REFUSED, "transactions of kind %llu (%s) are not known to this release: upgrade to use them",
		                (unsigned long long)x->tx->kind, aic_tx_kind_name(x->tx->kind));
	aic_code code = moves_value(x->tx->kind) ? aic_not_paused(x->state, err) : AIC_OK;

	return code ? code : run(x, err);
}
