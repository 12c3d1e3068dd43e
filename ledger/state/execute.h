/* execute.h: what each kind of transaction does to the state. Pure functions of the state and the transaction. */
#ifndef AIC_LEDGER_EXECUTE_H
#define AIC_LEDGER_EXECUTE_H

#include "common/cbor.h"
#include "ledger/state/settlement.h"
#include "ledger/state/state.h"

/* Dispatches by kind; kinds that this release does not fill are refused by name. */
aic_code aic_execute(aic_exec *x, aic_error *err);

/* One function per kind; each reads its own body. */
aic_code aic_execute_wallet_register(aic_exec *x, aic_error *err);
aic_code aic_execute_transfer(aic_exec *x, aic_error *err);
aic_code aic_execute_approve(aic_exec *x, aic_error *err);
aic_code aic_execute_transfer_from(aic_exec *x, aic_error *err);
aic_code aic_execute_increase_allowance(aic_exec *x, aic_error *err);
aic_code aic_execute_decrease_allowance(aic_exec *x, aic_error *err);
aic_code aic_execute_burn(aic_exec *x, aic_error *err);
aic_code aic_execute_burn_from(aic_exec *x, aic_error *err);
aic_code aic_execute_settlement(aic_exec *x, aic_error *err);
aic_code aic_execute_settlement_part(aic_exec *x, aic_error *err);
aic_code aic_execute_reversal(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_register(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_transfer(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_approve(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_approve_for_all(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_terms(aic_exec *x, aic_error *err);
aic_code aic_execute_asset_retire(aic_exec *x, aic_error *err);
aic_code aic_execute_request_open(aic_exec *x, aic_error *err);
aic_code aic_execute_request_offer(aic_exec *x, aic_error *err);
aic_code aic_execute_request_accept(aic_exec *x, aic_error *err);
aic_code aic_execute_request_withdraw(aic_exec *x, aic_error *err);
aic_code aic_execute_site_admit(aic_exec *x, aic_error *err);
aic_code aic_execute_site_retire(aic_exec *x, aic_error *err);
aic_code aic_execute_site_key_replace(aic_exec *x, aic_error *err);
aic_code aic_execute_site_policy(aic_exec *x, aic_error *err);
aic_code aic_execute_key_register(aic_exec *x, aic_error *err);
aic_code aic_execute_key_rotate(aic_exec *x, aic_error *err);
aic_code aic_execute_key_revoke(aic_exec *x, aic_error *err);
aic_code aic_execute_node_vrf(aic_exec *x, aic_error *err);
aic_code aic_execute_parameters(aic_exec *x, aic_error *err);
aic_code aic_execute_rates(aic_exec *x, aic_error *err);
aic_code aic_execute_pause(aic_exec *x, aic_error *err);
aic_code aic_execute_evidence(aic_exec *x, aic_error *err);
aic_code aic_execute_session_open(aic_exec *x, aic_error *err);
aic_code aic_execute_session_commit(aic_exec *x, aic_error *err);
aic_code aic_execute_session_close(aic_exec *x, aic_error *err);
aic_code aic_execute_session_nodes(aic_exec *x, aic_error *err);
aic_code aic_execute_session_challenge(aic_exec *x, aic_error *err);
aic_code aic_execute_session_appeal(aic_exec *x, aic_error *err);
aic_code aic_execute_session_rate(aic_exec *x, aic_error *err);
aic_code aic_execute_session_reveal(aic_exec *x, aic_error *err);
aic_code aic_execute_session_pay(aic_exec *x, aic_error *err);
aic_code aic_execute_verifier_register(aic_exec *x, aic_error *err);
aic_code aic_execute_verifier_withdraw(aic_exec *x, aic_error *err);
aic_code aic_execute_verdict(aic_exec *x, aic_error *err);

/* --- shared by the kinds --- */
/* A wallet that must exist, else refused with its address. */
aic_code aic_wallet_need(aic_state *s, const aic_address *a, aic_wallet *w, aic_error *err);
/* Refused unless the signer acts for the wallet: the key of the site that keeps it. */
aic_code aic_wallet_controlled(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err);
/* Refused before the wallet's lock ends. */
aic_code aic_wallet_unlocked(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err);
/* Both: whether the signer may move what the wallet holds. */
aic_code aic_wallet_may_spend(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err);
/* Moves value between wallets, balances alone: no event, no check but funds. from may equal to. */
aic_code aic_wallet_move(aic_state *s, const aic_address *from, const aic_address *to, aic_amount value, aic_error *err);

/* Reads at most AIC_APPROVALS_MAX approvals, keys ascending. */
size_t aic_approvals_get(aic_cbor *c, aic_approval *approval);
/* Every one that is there must be good, over `batch`; the policy of the signer's site says how many are needed. */
aic_code aic_approvals_check(const aic_exec *x, const aic_approval *approval, size_t n, const aic_hash *batch, aic_error *err);
/* A new debt; and paying open ones, oldest first, with at most `credit` of what the debtor holds. */
aic_code aic_debt_add(aic_state *s, const aic_address *debtor, const aic_address *creditor, aic_amount amount, aic_error *err);
aic_code aic_debt_serve(aic_state *s, const aic_address *debtor, aic_amount credit, aic_error *err);

#endif
