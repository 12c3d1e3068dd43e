/* service_checkpoint.c: the newest final block as a signed note, for outside witnesses. */
#include "ledger/audit/checkpoint.h"
#include "ledger/service_operation.h"

/* The newest final height with a header: an invalid candidate has none that counts. */
static aic_code final_header(aic_request *r, aic_header *h, aic_error *err)
{
	aic_code code = AIC_OK;
	bool valid = false;

	for (uint64_t at = r->s->chain.final_height; at && !valid && !code; at--) {
		aic_bytes bytes = {0};
		aic_block b = {.n_tx = 0};
		aic_hash hash;

		if (!(code = aic_state_block(r->s->state, at, &bytes, &hash, &valid, err)) && valid &&
		    !(code = aic_block_decode(&b, bytes.data, bytes.len, err)))
			*h = b.header;
		aic_block_clear(&b);
		aic_bytes_free(&bytes);
	}
	if (!code && !valid)
		return aic_fail(err, AIC_NOT_FOUND, "no block behind genesis is final yet: there is nothing to make a checkpoint of");
	return code;
}

/* Nothing is signed that could be undone: only what is final. */
aic_code aic_op_checkpoint(aic_request *r, aic_error *err)
{
	aic_header h;
	aic_note note;
	aic_code code = final_header(r, &h, err);

	if (code)
		return code;
	aic_note_make(&note, &h.chain, h.height, &h.blocks);
	aic_note_sign(&note, r->s->chain.key);
	aic_cbor_put_bytes(r->out, note.note.data, note.note.len);
	aic_note_free(&note);
	r->items = 1;
	return AIC_OK;
}
