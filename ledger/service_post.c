/* service_post.c: how an operation's transaction gets onto the ledger: at once where that is possible, else it waits in the generator
 * and whoever asked comes back for it (doc/formats/rpc-ledger.md, resume). */
#include "ledger/service_operation.h"

#define TRIES 4 /* another site's block came first: the next one is tried at once */

/* A failure that says for certain that nothing was written, a full log say, ends the request. */
static aic_code look(aic_request *r, uint64_t ticket, aic_fate *fate, aic_error *err)
{
	aic_generator *g = r->s->generator;
	aic_error why = {0};
	aic_code code = AIC_OK;

	for (int i = 0; i < TRIES && !code; i++) {
		code = aic_generator_step(g, &why);
		aic_code known = aic_generator_ask(g, ticket, fate, err);

		if (known || fate->state != AIC_FATE_WAITING)
			return known;
	}
	if (!code || code == AIC_UNREACHABLE || r->resume || !aic_generator_withdraw(g, ticket))
		return AIC_OK;
	if (err)
		*err = why;
	return code;
}

aic_code aic_service_post(aic_request *r, uint64_t kind, const aic_bytes *body, aic_posted *posted, aic_error *err)
{
	uint64_t ticket = r->resume;
	aic_fate fate;
	aic_code code = AIC_OK;

	/* a log that is not followed is said at once: nothing waits for what may take days */
	if (!ticket && !(code = aic_generator_step(r->s->generator, err)))
		code = aic_generator_submit(r->s->generator, kind, body, &ticket, err);
	if (code || (code = look(r, ticket, &fate, err)))
		return code;
	if (fate.state == AIC_FATE_REFUSED) {
		if (err)
			*err = fate.why;
		return fate.why.code;
	}
	if (fate.state == AIC_FATE_WAITING) {
		r->waiting = ticket;
		return aic_fail(err, AIC_UNREACHABLE, "the %s waits as request %llu: %s", aic_tx_kind_name(kind), (unsigned long long)ticket,
		                fate.why.message);
	}
	aic_generator_forget(r->s->generator, ticket);
	posted->tx = fate.tx;
	posted->height = fate.height;
	return AIC_OK;
}

aic_code aic_service_resume(aic_request *r, char op[32], aic_error *err)
{
	r->resume = aic_cbor_uint(r->args);
	aic_cbor_text(r->args, op, 32);
	if (!aic_cbor_ok(r->args))
		return aic_cbor_finish(r->args, err);
	return r->resume ? AIC_OK : aic_fail(err, AIC_USAGE, "\"resume\" needs the ticket that the first answer gave");
}

void aic_service_say_waiting(aic_request *r, size_t start, const aic_error *why)
{
	r->out->len = start;
	aic_cbor_put_text(r->out, "waiting");
	aic_cbor_put_uint(r->out, r->waiting);
	aic_cbor_put_text(r->out, why ? why->message : "");
	r->items = 3;
}
