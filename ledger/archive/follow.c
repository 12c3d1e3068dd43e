/* follow.c: see follow.h. Records wait, at most WAITING_MAX of them, until one has a quorum; membership changes count so many
 * heights after they are voted, so that the copy knows who the members are at each height that waits. */
#include "ledger/archive/follow.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/archive/record.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"

#define WAITING_MAX AIC_MEMBER_DELAY

typedef struct {
	aic_bytes bytes;
	aic_record record; /* into bytes */
	aic_hash hash;
	bool attested;     /* by a quorum */
	aic_hash root;     /* then: the state root that they attest */
} waiting;

struct aic_follower {
	aic_state *state;
	aic_archive *archive;
	const aic_checkpoint *checkpoint;
	waiting w[WAITING_MAX];
	size_t n;
};

aic_code aic_checkpoint_parse(aic_checkpoint *c, const char *text, aic_error *err)
{
	const char *colon = strchr(text, ':');
	size_t digits = strspn(text, "0123456789");

	if (!colon || digits == 0 || digits > 18 || text + digits != colon || !aic_unhex(c->hash.b, AIC_HASH_LEN, colon + 1))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no checkpoint: give HEIGHT:HASH, a final height and the %d digits of its block's hash "
		                "as another member site shows them", text, 2 * AIC_HASH_LEN);
	c->height = strtoull(text, NULL, 10);
	return AIC_OK;
}

aic_follower *aic_follower_new(aic_state *state, aic_archive *archive, const aic_checkpoint *checkpoint)
{
	aic_follower *f = aic_xcalloc(1, sizeof(*f));

	f->state = state;
	f->archive = archive;
	f->checkpoint = checkpoint;
	return f;
}

static void forget(aic_follower *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		aic_bytes_free(&f->w[i].bytes);
	memmove(f->w, f->w + n, (f->n - n) * sizeof(f->w[0]));
	f->n -= n;
	memset(f->w + f->n, 0, n * sizeof(f->w[0]));
}

void aic_follower_free(aic_follower *f)
{
	if (!f)
		return;
	forget(f, f->n);
	free(f);
}

static aic_code wrong(uint64_t height, const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "height %llu: %s", (unsigned long long)height, what);
}

static aic_code check_checkpoint(const aic_follower *f, uint64_t height, const aic_hash *hash, aic_error *err)
{
	if (!f->checkpoint || f->checkpoint->height != height || aic_hash_equal(&f->checkpoint->hash, hash))
		return AIC_OK;
	return wrong(height, height ? "its block is not the checkpoint's: this archive is of another history" :
	                              "its genesis is not the checkpoint's: this archive is of another ledger", err);
}

/* --- attestations --- */

/* Whether it is a member's at that height, over that block. */
static bool counts(aic_follower *f, const waiting *w, const aic_attestation *a)
{
	aic_member m;

	return a->height == w->record.height && aic_hash_equal(&a->chain, &aic_state_head(f->state)->chain) &&
	       aic_hash_equal(&a->block, &w->hash) && !aic_state_member(f->state, &a->site, &m, NULL) &&
	       aic_member_is_active(&m, a->height) && aic_attestation_signed_by(a, m.key);
}

/* Sites that attest one state root; one root at most has a quorum. */
static aic_code count_attestations(aic_follower *f, waiting *w, aic_error *err)
{
	aic_attestation *seen = aic_xcalloc(w->record.attestations + 1, sizeof(*seen));
	aic_record r = w->record;
	const uint8_t *bytes;
	uint64_t members;
	size_t len, n = 0;
	aic_code code = aic_members_active(f->state, w->record.height, &members, err);

	while (!code && aic_record_attestation(&r, &bytes, &len)) {
		aic_attestation *a = &seen[n];
		uint64_t agree = 1;
		bool again = false;

		if (aic_attestation_decode(a, bytes, len, NULL) || !counts(f, w, a))
			continue;
		for (size_t i = 0; i < n; i++) {
			again |= aic_id_equal(&seen[i].site, &a->site);
			agree += aic_hash_equal(&seen[i].state, &a->state);
		}
		if (again)
			continue;
		n++;
		if (agree >= aic_quorum(members)) {
			w->attested = true;
			w->root = a->state;
		}
	}
	free(seen);
	return code;
}

/* What holds for a block holds for the one that its header names. */
static bool builds_on(const waiting *above, const waiting *below)
{
	aic_block b;
	bool fits = !aic_block_decode(&b, above->record.block, above->record.len, NULL);

	fits = fits && aic_hash_equal(&b.header.previous, &below->hash);
	aic_block_clear(&b);
	return fits;
}

/* How many of those that wait are proven by the last one with a quorum. */
static aic_code proven(const aic_follower *f, size_t *n, aic_error *err)
{
	for (*n = f->n; *n && !f->w[*n - 1].attested; --*n)
		;
	for (size_t i = *n; i-- > 1;)
		if (!f->w[i - 1].attested && !builds_on(&f->w[i], &f->w[i - 1]))
			return wrong(f->w[i - 1].record.height, "its block is neither attested by a quorum nor what the next one builds on", err);
	return AIC_OK;
}

/* --- applying --- */

static aic_code keep_attestations(aic_follower *f, size_t n, aic_error *err)
{
	aic_code code = aic_archive_begin(f->archive, err);

	for (size_t i = 0; i < n && !code; i++) {
		aic_record r = f->w[i].record;
		const uint8_t *bytes;
		size_t len;
		aic_attestation a;

		while (!code && aic_record_attestation(&r, &bytes, &len))
			if (!aic_attestation_decode(&a, bytes, len, NULL) && counts(f, &f->w[i], &a))
				code = aic_archive_put(f->archive, r.height, &a.site, bytes, len, err);
	}
	if (!code && n)
		code = aic_archive_commit(f->archive, f->w[n - 1].record.height + 1, err);
	if (code)
		aic_archive_rollback(f->archive);
	return code;
}

static aic_code apply(aic_follower *f, const waiting *w, aic_error *err)
{
	aic_code code = aic_block_apply(f->state, w->record.block, w->record.len, NULL, NULL, err);

	if (!code && w->attested && !aic_hash_equal(&w->root, &aic_state_head(f->state)->root))
		code = wrong(w->record.height, "the members attest another state root than this copy comes to: an earlier block was no part of "
		             "the ledger; move this copy away and join again", err);
	return code;
}

/* The attestations first: they are of no harm where the block does not follow, and missing if it were the other way round. */
static aic_code advance(aic_follower *f, aic_error *err)
{
	size_t n;
	aic_code code = proven(f, &n, err);

	if (!code && !n && f->n == WAITING_MAX)
		code = aic_fail(err, AIC_REFUSED, "heights %llu to %llu: none is attested by a quorum of the members",
		                (unsigned long long)f->w[0].record.height, (unsigned long long)f->w[f->n - 1].record.height);
	if (!code && n)
		code = keep_attestations(f, n, err);
	for (size_t i = 0; i < n && !code; i++)
		code = apply(f, &f->w[i], err);
	if (!code)
		forget(f, n);
	return code;
}

static aic_code begin_with(aic_follower *f, const aic_record *r, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(r->block, r->len);
	aic_code code = check_checkpoint(f, 0, &chain, err);

	return code ? code : aic_genesis_apply(f->state, r->block, r->len, err);
}

static uint64_t expected(const aic_follower *f)
{
	return aic_state_is_empty(f->state) ? 0 : aic_state_head(f->state)->height + 1 + f->n;
}

static aic_code take(aic_follower *f, const uint8_t *data, size_t size, aic_error *err)
{
	waiting *w = &f->w[f->n];
	aic_record r;
	size_t used;
	aic_code code = aic_record_get(&r, data, size, &used, err);

	if (code)
		return code;
	if (r.height != expected(f))
		return aic_fail(err, AIC_CORRUPT, "it gives height %llu where %llu comes next", (unsigned long long)r.height,
		                (unsigned long long)expected(f));
	if (r.height == 0)
		return begin_with(f, &r, err);
	aic_bytes_append(&w->bytes, data, size);
	f->n++;
	if ((code = aic_record_get(&w->record, w->bytes.data, w->bytes.len, &used, err)))
		return code;
	w->hash = aic_block_hash(w->record.block, w->record.len);
	if ((code = check_checkpoint(f, r.height, &w->hash, err)) || (code = count_attestations(f, w, err)))
		return code;
	return f->n == WAITING_MAX ? advance(f, err) : AIC_OK;
}

aic_code aic_follower_step(aic_follower *f, aic_source *source, bool *more, aic_error *err)
{
	aic_bytes records = {0};
	aic_code code = source->read(source->self, expected(f), &records, err);

	*more = records.len > 0;
	for (size_t at = 0; at < records.len && !code;) {
		size_t left = records.len - at, size = left < 4 ? 0 : aic_record_size(records.data + at);

		size = size && size < left ? size : left;
		code = take(f, records.data + at, size, err);
		at += size;
	}
	if (!code)
		code = advance(f, err);
	if (code) {
		forget(f, f->n);
		aic_error_prefix(err, "the archive of %s", source->name);
	}
	aic_bytes_free(&records);
	return code;
}
