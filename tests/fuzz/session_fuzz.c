/* session_fuzz.c: what any user of a cluster may send to aicacctd about sessions. The first byte chooses the message; what is taken is
 * written again as the same bytes. */
#include "tests/fuzz/fuzz.h"

#include "common/session_call.h"

enum { OPEN, NODES, COMMIT, CLOSE, KINDS };

static aic_code read_and_write(int kind, aic_cbor *c, aic_bytes *again, aic_error *err)
{
	aic_session_commitment commitment;
	aic_session_opening opening;
	aic_session_closing closing;
	aic_job_step step;
	aic_session_name name;
	aic_code rc;

	switch (kind) {
	case OPEN:
		if ((rc = aic_session_open_get(&opening, c, err)) == AIC_OK)
			aic_session_open_put(again, &opening);
		return rc;
	case NODES:
		if ((rc = aic_session_nodes_get(&name, &step, c, err)) == AIC_OK)
			aic_session_nodes_put(again, &name, &step);
		return rc;
	case COMMIT:
		if ((rc = aic_session_commit_get(&commitment, c, err)) == AIC_OK)
			aic_session_commit_put(again, &commitment);
		free(commitment.checkpoint);
		return rc;
	default:
		if ((rc = aic_session_close_get(&closing, c, err)) == AIC_OK)
			aic_session_close_put(again, &closing);
		return rc;
	}
}

/* The arguments of a request, which begin behind its head and operation. */
static size_t arguments_at(const aic_bytes *request)
{
	char op[32];
	aic_cbor c;

	aic_cbor_init(&c, request->data, request->len);
	aic_cbor_array(&c, 32);
	aic_cbor_text(&c, op, sizeof(op));
	demand(aic_cbor_ok(&c));
	return c.pos;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_error err = {0};
	aic_cbor c;

	if (size == 0)
		return 0;
	aic_cbor_init(&c, data + 1, size - 1);
	if (read_and_write(data[0] % KINDS, &c, &again, &err) == AIC_OK) {
		size_t at = arguments_at(&again);
		demand(again.len - at == size - 1 && memcmp(again.data + at, data + 1, size - 1) == 0);
	} else {
		demand(err.message[0]);
	}
	aic_bytes_free(&again);
	return 0;
}

static void seed(const char *name, int kind, aic_bytes *request)
{
	size_t at = arguments_at(request);

	fuzz_seed(name, kind, request->data + at, request->len - at);
	aic_bytes_clear(request);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	aic_session_opening o = {.step = {"cluster", 7, 0, 0}, .shards = 8, .n_assets = 1, .asset = {"data"}};
	aic_committed at[] = {{0, {{1}}, {{2}}}, {100, {{3}}, {{4}}}};
	aic_session_commitment commitment = {.n = 2, .checkpoint = at};
	aic_session_closing closing = {.steps = 100};
	aic_bytes b = {0};

	(void)argc, (void)argv;
	aic_session_open_put(&b, &o);
	seed("open", OPEN, &b);
	aic_session_nodes_put(&b, &closing.name, &o.step);
	seed("nodes", NODES, &b);
	aic_session_commit_put(&b, &commitment);
	seed("commit", COMMIT, &b);
	aic_session_close_put(&b, &closing);
	seed("close", CLOSE, &b);
	aic_bytes_free(&b);
	return 0;
}
