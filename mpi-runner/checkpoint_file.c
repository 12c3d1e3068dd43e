/* checkpoint_file.c: the bytes of a checkpoint, as doc/formats/checkpoint.md draws them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cbor.h"
#include "common/file.h"
#include "mpi-runner/checkpoint.h"

#define MAGIC "AICCKPT2"

enum { PREFIX_LEN = 16, HEADER_MAX = 4096, ALIGN = 64, SUM_LEN = AIC_HASH_LEN, PAIR_LEN = 8 };
#define PAIRS_MAX ((uint64_t)1 << 40) /* as many as values of a section: no length below overflows */

aic_hash aic_floats_hash(const float *v, size_t n)
{
	return aic_sha256_of(v, n * sizeof(float));
}

static size_t up(size_t len)
{
	return (len + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t chunks_of(const aic_checkpoint *c)
{
	return aic_commit_chunks(c->state.parameters, c->state.sections);
}

static size_t data_at(const aic_checkpoint *c, size_t header_len)
{
	return up(PREFIX_LEN + header_len + SUM_LEN + chunks_of(c) * AIC_HASH_LEN + c->segment.n * PAIR_LEN);
}

static uint64_t data_len(const aic_checkpoint *c)
{
	return c->state.sections * c->state.parameters * sizeof(float);
}

/* --- writing --- */

static void encode_header(aic_bytes *out, const aic_checkpoint *c, const aic_hash *root)
{
	aic_bytes state = {0};

	aic_train_state_encode(&c->state, &state);
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bytes(out, state.data, state.len);
	aic_cbor_put_bytes(out, root->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, c->segment.opening.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, c->segment.n);
	aic_bytes_free(&state);
}

/* Everything before the sections. */
static void encode_head(aic_bytes *b, const aic_checkpoint *c, const aic_hash *leaf)
{
	aic_hash root = aic_commit_root(&c->state, leaf);
	aic_bytes header = {0};
	uint8_t prefix[PREFIX_LEN], pair[PAIR_LEN];

	encode_header(&header, c, &root);
	memcpy(prefix, MAGIC, 8);
	aic_put_be64(prefix + 8, header.len);
	aic_bytes_append(b, prefix, sizeof(prefix));
	aic_bytes_append(b, header.data, header.len);
	aic_hash sum = aic_sha256_of(b->data, b->len);
	aic_bytes_append(b, sum.b, AIC_HASH_LEN);
	for (size_t i = 0; i < chunks_of(c); i++)
		aic_bytes_append(b, leaf[i].b, AIC_HASH_LEN);
	for (size_t i = 0; i < c->segment.n; i++) {
		aic_put_be32(pair, c->segment.bits[i].loss);
		aic_put_be32(pair + 4, c->segment.bits[i].norm);
		aic_bytes_append(b, pair, sizeof(pair));
	}
	while (b->len % ALIGN)
		aic_bytes_append(b, "", 1);
	aic_bytes_free(&header);
}

static aic_hash *make_leaves(const aic_checkpoint *c)
{
	size_t chunks = chunks_of(c);
	aic_hash *leaf = aic_xmalloc(chunks * sizeof(*leaf));

	for (size_t i = 0; i < chunks; i++) {
		aic_commit_place p = aic_commit_where(c->state.parameters, i);
		leaf[i] = aic_commit_leaf(c->section[p.section] + p.at, p.n);
	}
	return leaf;
}

uint64_t aic_checkpoint_size(const aic_checkpoint *c)
{
	aic_bytes header = {0};
	aic_hash root = {{0}};

	encode_header(&header, c, &root);
	uint64_t size = data_at(c, header.len) + data_len(c);
	aic_bytes_free(&header);
	return size;
}

aic_code aic_checkpoint_write(const aic_checkpoint *c, const aic_hash *leaf, const char *path, aic_error *err)
{
	aic_bytes head = {0};
	aic_hash *own = leaf ? NULL : make_leaves(c);
	aic_code rc = AIC_OK;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	encode_head(&head, c, leaf ? leaf : own);
	free(own);
	int bad = fd < 0 ? -1 : aic_write_all(fd, head.data, head.len);
	for (uint64_t i = 0; !bad && i < c->state.sections; i++)
		bad = aic_write_all(fd, c->section[i], c->state.parameters * sizeof(float));
	if (fd < 0)
		rc = aic_fail_errno(err, "checkpoint %s cannot be created: give another --run-dir or make room", path);
	else if (bad || fsync(fd) != 0)
		rc = aic_fail_errno(err, "checkpoint %s of %llu bytes cannot be written: make room there or give another --run-dir", path,
		                    (unsigned long long)aic_checkpoint_size(c));
	if (fd >= 0 && close(fd) != 0 && rc == AIC_OK)
		rc = aic_fail_errno(err, "checkpoint %s cannot be closed", path);
	aic_bytes_free(&head);
	return rc;
}

/* --- reading --- */

typedef struct {
	const char *path;
	int fd;
	aic_checkpoint found; /* state and segment */
	aic_hash root, *leaf;
} reader;

static aic_code read_all(const reader *r, void *to, size_t len, aic_error *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(r->fd, (char *)to + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return aic_fail_errno(err, "%s cannot be read", r->path);
		if (n == 0)
			return aic_fail(err, AIC_CORRUPT, "%s is truncated: %zu bytes are missing", r->path, len - got);
		got += (size_t)n;
	}
	return AIC_OK;
}

static aic_code decode_header(reader *r, const uint8_t *data, size_t len, aic_error *err)
{
	size_t state_len = 0;
	aic_cbor in;

	aic_cbor_init(&in, data, len);
	aic_cbor_array_exact(&in, 4);
	const uint8_t *state = aic_cbor_bytes(&in, &state_len);
	aic_cbor_bytes_exact(&in, r->root.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&in, r->found.segment.opening.b, AIC_HASH_LEN);
	uint64_t pairs = aic_cbor_uint(&in);
	aic_code rc = aic_cbor_finish(&in, err);
	if (rc == AIC_OK)
		rc = aic_train_state_decode(&r->found.state, state, state_len, err);
	if (rc == AIC_OK && (pairs > r->found.state.step || pairs > PAIRS_MAX))
		rc = aic_fail(err, AIC_CORRUPT, "%llu steps in a segment that ends at step %llu", (unsigned long long)pairs,
		              (unsigned long long)r->found.state.step);
	if (rc != AIC_OK)
		return aic_error_prefix(err, "%s is damaged", r->path);
	r->found.segment.n = (size_t)pairs;
	r->found.segment.first = r->found.state.step - pairs;
	return AIC_OK;
}

/* The file is as long as its header says, so that no length read from it can ask for more memory than it has bytes. */
static aic_code check_length(const reader *r, size_t header_len, aic_error *err)
{
	struct stat st;
	uint64_t want = data_at(&r->found, header_len) + data_len(&r->found);

	if (fstat(r->fd, &st) != 0)
		return aic_fail_errno(err, "%s cannot be read", r->path);
	if ((uint64_t)st.st_size < want)
		return aic_fail(err, AIC_CORRUPT, "%s is truncated: %llu of %llu bytes are missing", r->path,
		                (unsigned long long)(want - (uint64_t)st.st_size), (unsigned long long)want);
	if ((uint64_t)st.st_size > want)
		return aic_fail(err, AIC_CORRUPT, "%s is damaged: it has %llu bytes more than its header says", r->path,
		                (unsigned long long)((uint64_t)st.st_size - want));
	return AIC_OK;
}

static aic_code read_header(reader *r, size_t *header_len, aic_error *err)
{
	uint8_t b[PREFIX_LEN + HEADER_MAX + SUM_LEN];

	if (read_all(r, b, PREFIX_LEN, err) != AIC_OK)
		return err->code;
	uint64_t len = aic_get_be64(b + 8);
	if (memcmp(b, MAGIC, 8) != 0 || len > HEADER_MAX)
		return aic_fail(err, AIC_CORRUPT, "%s is no checkpoint of this version: it does not start with " MAGIC, r->path);
	if (read_all(r, b + PREFIX_LEN, (size_t)len + SUM_LEN, err) != AIC_OK)
		return err->code;
	aic_hash sum = aic_sha256_of(b, PREFIX_LEN + (size_t)len);
	if (memcmp(sum.b, b + PREFIX_LEN + len, SUM_LEN) != 0)
		return aic_fail(err, AIC_CORRUPT, "%s is damaged: its header does not have the checksum that it says", r->path);
	*header_len = (size_t)len;
	return decode_header(r, b + PREFIX_LEN, (size_t)len, err);
}

static aic_code read_leaves(reader *r, aic_error *err)
{
	size_t chunks = chunks_of(&r->found);

	r->leaf = aic_xmalloc(chunks * sizeof(*r->leaf));
	aic_code rc = read_all(r, r->leaf, chunks * sizeof(*r->leaf), err);
	if (rc != AIC_OK)
		return rc;
	aic_hash root = aic_commit_root(&r->found.state, r->leaf);
	return aic_hash_equal(&root, &r->root) ? AIC_OK : aic_fail(err, AIC_CORRUPT, "%s is damaged: its leaves do not have the root that its header says",
	                                                           r->path);
}

static aic_code read_pairs(reader *r, aic_error *err)
{
	aic_segment *s = &r->found.segment;
	size_t n = s->n;
	uint8_t *raw = aic_xmalloc(n * PAIR_LEN + 1);
	aic_code rc = read_all(r, raw, n * PAIR_LEN, err);

	s->room = n;
	s->bits = aic_xmalloc((n ? n : 1) * sizeof(*s->bits));
	s->now = s->opening;
	for (size_t i = 0; rc == AIC_OK && i < n; i++) {
		s->bits[i] = (aic_step_bits){aic_get_be32(raw + i * PAIR_LEN), aic_get_be32(raw + i * PAIR_LEN + 4)};
		s->now = aic_step_chain_next(&s->now, s->first + i, s->bits[i]);
	}
	free(raw);
	if (rc == AIC_OK && !aic_hash_equal(&s->now, &r->found.state.chain))
		rc = aic_fail(err, AIC_CORRUPT, "%s is damaged: the bits of its %zu steps do not lead to the chain that its state says", r->path, n);
	return rc;
}

static aic_code reader_open(reader *r, const char *path, aic_error *err)
{
	size_t header_len = 0;

	*r = (reader){.path = path};
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return aic_fail_errno(err, "%s cannot be opened", path);
	aic_code rc = read_header(r, &header_len, err);
	if (rc == AIC_OK)
		rc = check_length(r, header_len, err);
	if (rc == AIC_OK)
		rc = read_leaves(r, err);
	if (rc == AIC_OK)
		rc = read_pairs(r, err);
	if (rc == AIC_OK && lseek(r->fd, (off_t)data_at(&r->found, header_len), SEEK_SET) < 0)
		rc = aic_fail_errno(err, "%s cannot be read", path);
	return rc;
}

static void reader_close(reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->leaf);
	aic_segment_free(&r->found.segment);
}

/* All chunks, each into its place of section, or where that is NULL into nowhere. */
static aic_code read_chunks(const reader *r, float *const *section, aic_error *err)
{
	static const char *const names[AIC_COMMIT_SECTIONS_MAX] = {"weights", "first moments", "second moments"};
	float *scratch = section ? NULL : aic_xmalloc(AIC_COMMIT_CHUNK * sizeof(float));
	aic_code rc = AIC_OK;

	for (size_t i = 0; rc == AIC_OK && i < chunks_of(&r->found); i++) {
		aic_commit_place p = aic_commit_where(r->found.state.parameters, i);
		float *to = section ? section[p.section] + p.at : scratch;
		rc = read_all(r, to, p.n * sizeof(float), err);
		aic_hash have = aic_commit_leaf(to, rc == AIC_OK ? p.n : 0);
		if (rc == AIC_OK && !aic_hash_equal(&have, &r->leaf[i]))
			rc = aic_fail(err, AIC_CORRUPT, "%s is damaged: the %s from %zu on do not have the hash that it says", r->path, names[p.section],
			              p.at);
	}
	free(scratch);
	return rc;
}

static aic_code check_training(const aic_checkpoint *found, const aic_checkpoint *want, const char *path, aic_error *err)
{
	const aic_train_state *f = &found->state, *w = &want->state;
	char a[9], b[9];

	if (aic_hash_equal(&f->identity, &w->identity) && f->parameters == w->parameters && f->sections == w->sections)
		return AIC_OK;
	aic_hex(a, f->identity.b, 4);
	aic_hex(b, w->identity.b, 4);
	return aic_fail(err, AIC_REFUSED, "%s is a checkpoint of another model, data or training (identity %s.. with %llu weights, the spec has "
	                "%s.. with %llu): give another --run-dir, or --fresh to start over", path, a, (unsigned long long)f->parameters,
	                b, (unsigned long long)w->parameters);
}

/* What was read of state and segment becomes the caller's. */
static void take(aic_checkpoint *c, reader *r)
{
	aic_segment_free(&c->segment);
	c->state = r->found.state;
	c->segment = r->found.segment;
	r->found.segment = (aic_segment){0};
}

static aic_code check_committed(const reader *r, const aic_hash *root, aic_error *err)
{
	char a[9], b[9];

	if (!root || aic_hash_equal(&r->root, root))
		return AIC_OK;
	aic_hex(a, r->root.b, 4);
	aic_hex(b, root->b, 4);
	return aic_fail(err, AIC_CORRUPT, "%s has the root %s.., not %s..: it is not the checkpoint that was committed to", r->path, a, b);
}

aic_code aic_checkpoint_read(aic_checkpoint *c, const aic_hash *root, const char *path, aic_error *err)
{
	reader r;
	aic_code rc = reader_open(&r, path, err);

	if (rc == AIC_OK)
		rc = check_committed(&r, root, err);
	if (rc == AIC_OK)
		rc = check_training(&r.found, c, path, err);
	if (rc == AIC_OK)
		rc = read_chunks(&r, c->section, err);
	if (rc == AIC_OK)
		take(c, &r);
	reader_close(&r);
	return rc;
}

aic_code aic_checkpoint_head(aic_checkpoint *c, aic_hash *root, const char *path, aic_error *err)
{
	reader r;
	aic_code rc = reader_open(&r, path, err);

	*c = (aic_checkpoint){0};
	if (rc == AIC_OK) {
		*root = r.root;
		take(c, &r);
	}
	reader_close(&r);
	return rc;
}

aic_code aic_checkpoint_check(aic_checkpoint *c, aic_hash *root, const char *path, aic_error *err)
{
	reader r;
	aic_code rc = reader_open(&r, path, err);

	*c = (aic_checkpoint){0};
	if (rc == AIC_OK)
		rc = read_chunks(&r, NULL, err);
	if (rc == AIC_OK) {
		*root = r.root;
		take(c, &r);
	}
	reader_close(&r);
	return rc;
}
