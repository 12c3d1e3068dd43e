/* verify.c: see verify.h. Block by block: the log's bytes, the copy's bytes, their hash, the replay's verdict, events, state
 * root and attestations; at the end every page of the state. */
#include "ledger/audit/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"

#define PROGRESS_EVERY 64

typedef struct {
	aic_copy *from;
	aic_state *copy, *replay; /* copy: from->state */
	uint64_t last;
	aic_verify_progress progress;
	void *ctx;
	aic_verified *out;
} verifier;

typedef struct {
	aic_bytes bytes, events;
	aic_hash hash, root;
	bool valid, logged;
} stored;

static void stored_free(stored *s)
{
	aic_bytes_free(&s->bytes);
	aic_bytes_free(&s->events);
}

static aic_code load_stored(verifier *v, uint64_t height, stored *s, aic_error *err)
{
	int64_t time;
	aic_code code;

	if (!(code = aic_state_block(v->copy, height, &s->bytes, &s->hash, &s->valid, err)) &&
	    !(code = aic_state_events(v->copy, height, &s->events, &time, err)))
		code = aic_state_root_at(v->copy, height, &s->root, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_CORRUPT, "height %llu: the block is missing from state.db", (unsigned long long)height);
	return code;
}

static aic_code differs(uint64_t height, const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "height %llu: %s", (unsigned long long)height, what);
}

/* What the replay has stored for this height against what the copy has. */
static aic_code compare(verifier *v, uint64_t height, const stored *s, aic_error *err)
{
	aic_bytes bytes = {0}, events = {0};
	aic_hash hash, root;
	bool valid;
	int64_t time;
	aic_code code;

	if (!(code = aic_state_block(v->replay, height, &bytes, &hash, &valid, err)) &&
	    !(code = aic_state_events(v->replay, height, &events, &time, err)) &&
	    !(code = aic_state_root_at(v->replay, height, &root, err))) {
		if (!aic_hash_equal(&hash, &s->hash))
			code = differs(height, "the block's hash is not the stored one", err);
		else if (valid != s->valid)
			code = differs(height, valid ? "a valid block is stored as invalid" : "an invalid block is stored as valid", err);
		else if (!aic_hash_equal(&root, &s->root))
			code = differs(height, "the state root after the block is not the stored one", err);
		else if (events.len != s->events.len || (events.len && memcmp(events.data, s->events.data, events.len) != 0))
			code = differs(height, "the stored events are not what the block does", err);
	}
	aic_bytes_free(&bytes);
	aic_bytes_free(&events);
	return code;
}

typedef struct {
	verifier *v;
	uint64_t height, active;
	aic_hash hash, root;
} attested;

static aic_code check_attestation(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	attested *t = ctx;
	aic_attestation a;
	aic_member m;
	aic_code code = aic_state_member(t->v->replay, site, &m, err);

	if (code == AIC_NOT_FOUND)
		return differs(t->height, "an attestation is by no member site", err);
	if (code)
		return code;
	if (aic_attestation_decode(&a, bytes, len, err))
		return differs(t->height, "an attestation cannot be read", err);
	if (!aic_id_equal(&a.site, site) || a.height != t->height || !aic_hash_equal(&a.chain, &aic_state_head(t->v->replay)->chain))
		return differs(t->height, "an attestation is for another site, height or chain", err);
	if (!aic_attestation_signed_by(&a, m.key))
		return differs(t->height, "the signature of an attestation does not fit", err);
	if (!aic_hash_equal(&a.block, &t->hash) || !aic_hash_equal(&a.state, &t->root))
		return differs(t->height, "an attestation is for another block or state root", err);
	t->v->out->attestations++;
	t->active += aic_member_is_active(&m, t->height);
	return AIC_OK;
}

static aic_code check_logged(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	stored *s = ctx;

	s->logged = true;
	if (len == s->bytes.len && memcmp(block, s->bytes.data, len) == 0)
		return AIC_OK;
	return differs(height, "the block in the log differs from the one in state.db", err);
}

static aic_code check_log(verifier *v, uint64_t height, stored *s, aic_error *err)
{
	aic_code code = v->from->order.backend ? aic_order_read(&v->from->order, height, 1, check_logged, s, err) : AIC_OK;

	if (!code && !s->logged && v->from->whole)
		return differs(height, "the block is missing from order.db", err);
	return code;
}

/* A block that the copy calls invalid must be invalid; that a valid one is refused here is what is reported, with the reason. */
static aic_code replay_one(verifier *v, uint64_t height, const stored *s, aic_error *err)
{
	aic_error why = {0};
	bool valid;
	aic_code code;

	if (!height)
		return aic_genesis_apply(v->replay, s->bytes.data, s->bytes.len, err);
	if ((code = aic_block_apply(v->replay, s->bytes.data, s->bytes.len, &valid, &why, err)))
		return code;
	if (!valid && s->valid)
		return aic_fail(err, AIC_CORRUPT, "%s", why.message);
	return AIC_OK;
}

static aic_code verify_height(verifier *v, uint64_t height, aic_error *err)
{
	stored s = {0};
	aic_code code = load_stored(v, height, &s, err);
	attested t = {.v = v, .height = height, .hash = s.hash, .root = s.root};
	uint64_t members = 0;

	if (!code)
		code = check_log(v, height, &s, err);
	if (!code && (code = replay_one(v, height, &s, err)) && !height)
		aic_error_prefix(err, "height 0");
	if (!code)
		code = compare(v, height, &s, err);
	if (!code)
		code = aic_copy_attestations(v->from, height, check_attestation, &t, err);
	if (!code && !(code = aic_members_active(v->replay, height, &members, err)) && t.active >= aic_quorum(members))
		v->out->final = height;
	stored_free(&s);
	return code;
}

static aic_code verify_tree(verifier *v, aic_error *err)
{
	const aic_head *copy = aic_state_head(v->copy), *replay = aic_state_head(v->replay);
	aic_hash root;
	aic_code code = aic_tree_audit(aic_state_tree(v->copy), &root, &v->out->rows, err);

	if (code)
		return code;
	if (!aic_hash_equal(&root, &replay->root) || !aic_hash_equal(&copy->root, &replay->root))
		return differs(copy->height, "the rows of the state are not what the blocks lead to", err);
	if (!aic_hash_equal(&copy->hash, &replay->hash) || copy->transactions != replay->transactions)
		return differs(copy->height, "the stored head is not what the blocks lead to", err);
	return AIC_OK;
}

static aic_code run(verifier *v, aic_error *err)
{
	aic_code code = AIC_OK;

	v->last = aic_state_head(v->copy)->height;
	for (uint64_t h = 0; h <= v->last && !code; h++) {
		code = verify_height(v, h, err);
		if (v->progress && (h % PROGRESS_EVERY == 0 || h == v->last))
			v->progress(v->ctx, h, v->last);
	}
	if (!code)
		code = verify_tree(v, err);
	return code;
}

aic_code aic_verify_scratch(aic_state **replay, char **path, const char *dir, aic_error *err)
{
	*path = aic_xasprintf("%s/aic-verify-XXXXXX", dir);
	int fd = mkstemp(*path);

	if (fd < 0)
		return aic_fail_errno(err, "cannot make a scratch file in %s", dir);
	close(fd);
	return aic_state_open_replay(replay, *path, err);
}

aic_code aic_copy_verify(aic_copy *copy, const char *scratch_dir, aic_verify_progress progress, void *ctx, aic_verified *out,
                         aic_error *err)
{
	verifier v = {.from = copy, .copy = copy->state, .progress = progress, .ctx = ctx, .out = out};
	char *scratch;
	aic_code code = aic_verify_scratch(&v.replay, &scratch, scratch_dir, err);

	memset(out, 0, sizeof(*out));
	if (!code && !(code = run(&v, err))) {
		const aic_head *head = aic_state_head(v.replay);

		out->blocks = head->height + 1;
		out->drawn = aic_state_drawn(v.replay);
		out->transactions = head->transactions;
		out->chain = head->chain;
		out->head = head->hash;
		out->root = head->root;
	}
	aic_state_close(v.replay);
	unlink(scratch);
	free(scratch);
	return code;
}

aic_code aic_ledger_verify(const char *dir, const char *scratch_dir, aic_verify_progress progress, void *ctx, aic_verified *out,
                           aic_error *err)
{
	aic_copy copy;
	aic_code code = aic_copy_open(&copy, dir, err);

	if (!code)
		code = aic_copy_verify(&copy, scratch_dir, progress, ctx, out, err);
	aic_copy_close(&copy);
	return code;
}
