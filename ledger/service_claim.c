/* service_claim.c: has the verdicts of this site's verifiers paid, once they are due: nobody has to ask for it. */
#include "common/log.h"
#include "common/time.h"
#include "ledger/service_operation.h"
#include "ledger/state/path.h"
#include "ledger/state/pay.h"

#define EVERY_MS 600000
#define AT_ONCE 16        /* claims in one round */
#define BACK_S 5184000    /* sessions opened before that are left to `aic session pay` */
#define WORTH 10          /* a claim brings at least this part of what is due: the budget of a payer grows in small steps */

typedef struct {
	aic_service *s;
	int64_t now;
	size_t n;
} round_of;

static aic_code claim(round_of *c, const aic_hash *id, aic_error *err)
{
	aic_bytes body = {0};
	uint64_t ticket;

	aic_session_id_body(&body, id);
	aic_code code = aic_generator_submit(c->s->generator, AIC_TX_SESSION_PAY, &body, &ticket, err);
	aic_bytes_free(&body);
	if (code)
		return code;
	aic_generator_forget(c->s->generator, ticket);
	return ++c->n < AT_ONCE ? AIC_OK : AIC_NOT_FOUND;
}

static aic_code visit(void *ctx, const aic_hash *id, aic_error *err)
{
	round_of *c = ctx;
	aic_amount due, now;
	aic_session r;
	aic_code code = aic_state_session(c->s->state, id, &r, err);

	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if (c->now - r.opened_at > BACK_S)
		return AIC_NOT_FOUND;
	if (!r.n_judges || (code = aic_session_payable(c->s->state, &r, &c->s->chain.site, &due, &now, err)) || !now || now < due / WORTH)
		return code;
	return claim(c, id, err);
}

void aic_service_claim(aic_service *s)
{
	round_of c = {.s = s, .now = aic_state_head(s->state)->time};
	aic_error err = {0};

	if (s->claimed && aic_monotonic_ms() - s->claimed < EVERY_MS)
		return;
	s->claimed = aic_monotonic_ms();
	if (aic_state_sessions(s->state, visit, &c, &err))
		aic_warn("verifiers' pay: %s", err.message);
	else if (c.n)
		aic_info("asked that the judges of %zu sessions be paid", c.n);
}
