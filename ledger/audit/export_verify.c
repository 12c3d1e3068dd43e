/* export_verify.c: checking an export with nothing but its files and, best, the chain id. First the manifest against itself and
 * every file against it, record by record so that a difference has a height; then the replay; then the journal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cbor.h"
#include "common/file.h"
#include "ledger/archive/record.h"
#include "ledger/chain.h"
#include "ledger/audit/export.h"
#include "ledger/audit/export_format.h"
#include "ledger/audit/manifest.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"

typedef struct {
	const char *dir;
	aic_manifest manifest;
	aic_state *replay;
	FILE *journal;
	const aic_note *checkpoint; /* NULL: none */
	bool checkpoint_met;
	aic_verified *out;
} verifier;

/* --- records --- */

static aic_code damaged(const char *name, uint64_t height, const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "%s, height %llu: %s", name, (unsigned long long)height, what);
}

/* The next record of the file into `bytes`, from which r borrows; its bytes go through the file's hash. */
static aic_code read_record(FILE *f, aic_record *r, aic_bytes *bytes, aic_sha256 *hash, aic_error *err)
{
	size_t size, used;

	aic_bytes_clear(bytes);
	aic_bytes_reserve(bytes, 4);
	bytes->len = fread(bytes->data, 1, 4, f);
	if (bytes->len == 4 && (size = aic_record_size(bytes->data)) > 4) {
		aic_bytes_reserve(bytes, size - 4);
		bytes->len += fread(bytes->data + 4, 1, size - 4, f);
	}
	aic_sha256_update(hash, bytes->data, bytes->len);
	return aic_record_get(r, bytes->data, bytes->len, &used, err);
}

static aic_code replay_block(verifier *v, const char *name, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_code code;

	if (height) {
		code = aic_block_apply(v->replay, block, len, NULL, NULL, err);
	} else {
		aic_hash chain = aic_genesis_chain(block, len);

		if (!aic_hash_equal(&chain, &v->manifest.chain))
			return damaged(name, 0, "genesis is not the chain id's", err);
		code = aic_genesis_apply(v->replay, block, len, err);
	}
	if (code)
		aic_error_prefix(err, "%s, height %llu", name, (unsigned long long)height);
	return code;
}

typedef struct {
	aic_id site[AIC_MEMBERS_MAX];
	size_t n;
	uint64_t active; /* of them, members at that height */
} attesters;

static aic_code check_attestation(verifier *v, const char *name, uint64_t height, const uint8_t *bytes, size_t len,
                                  attesters *by, aic_error *err)
{
	const aic_head *head = aic_state_head(v->replay);
	aic_attestation a;
	aic_member m;

	if (aic_attestation_decode(&a, bytes, len, NULL) || aic_state_member(v->replay, &a.site, &m, NULL))
		return damaged(name, height, "an attestation cannot be read, or is by no member site", err);
	if (!aic_attestation_signed_by(&a, m.key))
		return damaged(name, height, "the signature of an attestation does not fit", err);
	if (a.height != height || !aic_hash_equal(&a.chain, &head->chain) || !aic_hash_equal(&a.block, &head->hash) ||
	    !aic_hash_equal(&a.state, &head->root))
		return damaged(name, height, "an attestation is for another block or state root", err);
	for (size_t i = 0; i < by->n; i++)
		if (aic_id_equal(&by->site[i], &a.site))
			return damaged(name, height, "one site attests twice", err);
	by->site[by->n++] = a.site;
	by->active += aic_member_is_active(&m, height);
	v->out->attestations++;
	return AIC_OK;
}

static aic_code compare_journal(verifier *v, uint64_t height, aic_error *err)
{
	aic_bytes events = {0}, entries = {0}, there = {0};
	int64_t time;
	aic_code code;

	if (!(code = aic_state_events(v->replay, height, &events, &time, err)) &&
	    !(code = aic_journal_block(&entries, height, time, &events, err))) {
		aic_bytes_reserve(&there, entries.len + 1);
		if (fread(there.data, 1, entries.len, v->journal) != entries.len ||
		    (entries.len && memcmp(there.data, entries.data, entries.len) != 0))
			code = damaged(AIC_EXPORT_JOURNAL, height, "the entries are not what the block does", err);
	}
	aic_bytes_free(&events);
	aic_bytes_free(&entries);
	aic_bytes_free(&there);
	return code;
}

static aic_code checkpoint_differs(const aic_note *n, const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "the checkpoint of %llu blocks %s", (unsigned long long)n->size, what);
}

static aic_code signed_by_member(verifier *v, const aic_note *n, bool *is, aic_error *err)
{
	aic_id *site;
	size_t count;
	aic_code code = aic_members_all(v->replay, &site, &count, err);

	*is = false;
	for (size_t i = 0; i < count && !code && !*is; i++) {
		aic_member m;

		if (!(code = aic_state_member(v->replay, &site[i], &m, err)))
			*is = aic_note_signed_by(n, m.key);
	}
	free(site);
	return code;
}

/* Once the blocks that it is about are replayed. */
static aic_code check_checkpoint(verifier *v, const aic_note *n, aic_error *err)
{
	const aic_head *head = aic_state_head(v->replay);
	aic_hash root = aic_frontier_root(&head->blocks);
	bool is_signed;
	aic_code code;

	if (!aic_hash_equal(&n->chain, &head->chain))
		return checkpoint_differs(n, "is of another ledger", err);
	if (!aic_hash_equal(&root, &n->root))
		return checkpoint_differs(n, "has another root than these blocks: the ledger shows two histories", err);
	if (!(code = signed_by_member(v, n, &is_signed, err)) && !is_signed)
		code = checkpoint_differs(n, "is signed by no member site", err);
	v->checkpoint_met = true;
	return code;
}

static aic_code verify_record(verifier *v, const char *name, uint64_t height, aic_record *r, aic_error *err)
{
	const uint8_t *attestation;
	attesters by = {.n = 0};
	uint64_t members = 0;
	size_t len;
	aic_code code;

	if (r->height != height)
		return damaged(name, height, "the record is of another height", err);
	if ((code = replay_block(v, name, height, r->block, r->len, err)))
		return code;
	while (!code && aic_record_attestation(r, &attestation, &len))
		code = check_attestation(v, name, height, attestation, len, &by, err);
	if (!code && aic_cbor_finish(&r->rest, NULL))
		code = damaged(name, height, "the record cannot be read", err);
	if (!code && !(code = aic_members_active(v->replay, height, &members, err)) && by.active >= aic_quorum(members))
		v->out->final = height;
	if (!code && v->checkpoint && v->checkpoint->size == height + 1)
		code = check_checkpoint(v, v->checkpoint, err);
	return code ? code : compare_journal(v, height, err);
}

static aic_code verify_segment(verifier *v, const aic_manifest_file *f, uint64_t first, aic_verify_progress progress, void *ctx, aic_error *err)
{
	char *path = aic_xasprintf("%s/%s", v->dir, f->name);
	FILE *file = fopen(path, "re");
	aic_sha256 *hash = aic_sha256_new();
	aic_bytes bytes = {0};
	aic_record record;
	uint64_t last = first + AIC_EXPORT_SEGMENT_BLOCKS - 1 < v->manifest.height ? first + AIC_EXPORT_SEGMENT_BLOCKS - 1 : v->manifest.height;
	aic_code code = file ? AIC_OK : aic_fail_errno(err, "cannot open %s", path);

	for (uint64_t h = first; h <= last && !code; h++) {
		if (!(code = read_record(file, &record, &bytes, hash, err)))
			code = verify_record(v, f->name, h, &record, err);
		else
			aic_error_prefix(err, "%s, height %llu", f->name, (unsigned long long)h);
		if (progress && (h % 64 == 0 || h == v->manifest.height))
			progress(ctx, h, v->manifest.height);
	}
	if (!code && fgetc(file) != EOF)
		code = damaged(f->name, last, "there is something behind the last record", err);
	if (!code) {
		aic_hash sum = aic_sha256_final(hash);

		if (!aic_hash_equal(&sum, &f->hash))
			code = aic_fail(err, AIC_CORRUPT, "%s: its hash is not the manifest's", f->name);
	}
	aic_sha256_free(hash);
	if (file)
		fclose(file);
	aic_bytes_free(&bytes);
	free(path);
	return code;
}

/* --- the whole --- */

/* Segments in order, then the journal: exactly the files that an export of this height has, with these sizes. */
static int64_t size_of(const verifier *v, const char *name)
{
	char *path = aic_xasprintf("%s/%s", v->dir, name);
	struct stat st;
	int64_t size = stat(path, &st) == 0 ? (int64_t)st.st_size : -1;

	free(path);
	return size;
}

static aic_code check_files(const verifier *v, aic_error *err)
{
	size_t segments = (size_t)(v->manifest.height / AIC_EXPORT_SEGMENT_BLOCKS) + 1;
	char name[AIC_MANIFEST_NAME_LEN];

	if (v->manifest.n_files != segments + 1)
		return aic_fail(err, AIC_CORRUPT, "manifest: %zu files are listed, an export up to height %llu has %zu", v->manifest.n_files,
		                (unsigned long long)v->manifest.height, segments + 1);
	for (size_t i = 0; i <= segments; i++) {
		int64_t size = size_of(v, v->manifest.file[i].name);

		aic_export_segment_name(name, i * AIC_EXPORT_SEGMENT_BLOCKS);
		if (strcmp(v->manifest.file[i].name, i < segments ? name : AIC_EXPORT_JOURNAL) != 0)
			return aic_fail(err, AIC_CORRUPT, "manifest: %s is not the file that comes there", v->manifest.file[i].name);
		if (size < 0)
			return aic_fail(err, AIC_CORRUPT, "%s is missing from the export", v->manifest.file[i].name);
		if ((uint64_t)size != v->manifest.file[i].bytes)
			return aic_fail(err, AIC_CORRUPT, "%s has %lld bytes, the manifest says %llu", v->manifest.file[i].name, (long long)size,
			                (unsigned long long)v->manifest.file[i].bytes);
	}
	return AIC_OK;
}

/* Its bytes were compared with the replay; size and hash in the manifest must fit too. */
static aic_code check_journal(verifier *v, aic_error *err)
{
	const aic_manifest_file *f = &v->manifest.file[v->manifest.n_files - 1];
	aic_sha256 *hash = aic_sha256_new();
	uint8_t buf[65536];
	bool longer = fgetc(v->journal) != EOF;

	rewind(v->journal);
	for (size_t n; (n = fread(buf, 1, sizeof(buf), v->journal)) > 0;)
		aic_sha256_update(hash, buf, n);
	aic_hash sum = aic_sha256_final(hash);
	aic_sha256_free(hash);
	if (longer)
		return aic_fail(err, AIC_CORRUPT, "%s: there is something behind the last block's entries", f->name);
	if (!aic_hash_equal(&sum, &f->hash))
		return aic_fail(err, AIC_CORRUPT, "%s: its hash is not the manifest's", f->name);
	return AIC_OK;
}

static aic_code check_head(verifier *v, const aic_hash *chain, aic_error *err)
{
	const aic_head *head = aic_state_head(v->replay);

	if (chain && !aic_hash_equal(chain, &head->chain))
		return aic_fail(err, AIC_CORRUPT, "the export is of another ledger than the chain id that was given");
	if (head->height != v->manifest.height || !aic_hash_equal(&head->hash, &v->manifest.head))
		return aic_fail(err, AIC_CORRUPT, "manifest: the head is not what the blocks lead to");
	if (!aic_hash_equal(&head->root, &v->manifest.state))
		return aic_fail(err, AIC_CORRUPT, "manifest: the state root is not what the blocks lead to");
	v->out->blocks = head->height + 1;
	v->out->drawn = aic_state_drawn(v->replay);
	v->out->transactions = head->transactions;
	v->out->chain = head->chain;
	v->out->head = head->hash;
	v->out->root = head->root;
	return AIC_OK;
}

static aic_code replay(verifier *v, const aic_hash *chain, aic_verify_progress progress, void *ctx, aic_error *err)
{
	char *journal = aic_xasprintf("%s/%s", v->dir, AIC_EXPORT_JOURNAL);
	aic_code code = AIC_OK;

	if (!(v->journal = fopen(journal, "re")))
		code = aic_fail_errno(err, "cannot open %s", journal);
	free(journal);
	for (size_t i = 0; i + 1 < v->manifest.n_files && !code; i++)
		code = verify_segment(v, &v->manifest.file[i], i * AIC_EXPORT_SEGMENT_BLOCKS, progress, ctx, err);
	if (!code && !(code = check_journal(v, err)) && !(code = check_head(v, chain, err)) && v->checkpoint && !v->checkpoint_met)
		code = checkpoint_differs(v->checkpoint, "is newer than the export: ask for a newer one", err);
	if (v->journal)
		fclose(v->journal);
	return code;
}

aic_code aic_export_verify(const char *dir, const char *scratch_dir, const aic_hash *chain, const aic_note *checkpoint,
                           aic_verify_progress progress, void *ctx, aic_verified *out, aic_error *err)
{
	verifier v = {.dir = dir, .checkpoint = checkpoint, .out = out};
	char *scratch = NULL;
	aic_code code;

	memset(out, 0, sizeof(*out));
	if (!(code = aic_manifest_read(&v.manifest, "export", dir, err)) && !(code = check_files(&v, err)) &&
	    !(code = aic_verify_scratch(&v.replay, &scratch, scratch_dir, err)))
		code = replay(&v, chain, progress, ctx, err);
	aic_state_close(v.replay);
	if (scratch)
		unlink(scratch);
	free(scratch);
	aic_manifest_clear(&v.manifest);
	return code;
}
