/* relay.h: an order that keeps nobody waiting. One thread follows the log, the board and the room that is left; another does
 * what was asked for. Who calls learns what is known, waits a second at most for the rest, and is told at once where the log is
 * known not to answer. */
#ifndef AIC_LEDGER_ORDER_RELAY_H
#define AIC_LEDGER_ORDER_RELAY_H

#include "ledger/order/order.h"

/* follower and worker: two handles of one log; both are taken over, also where this fails, and each belongs to its thread from then on.
 *
 * Beyond order.h: head, the block that was read or appended last, the attestations of heights that were asked for lately and space are
 * at most a second or two (space: half a minute) old. read may end after a quarter of a second: go on from there. attest and
 * acknowledge return before it is done; what came of an attestation shows on the board, or at the next attempt. After
 * AIC_UNREACHABLE an append goes on in the background. To be called from one thread. */
aic_code aic_order_relay(aic_order *o, aic_order *follower, aic_order *worker, aic_error *err);

#endif
