/* snapshot.c: writes and maps the snapshot (doc/formats/snapshot.md). Integers are big-endian, names NUL-padded. */
#define _GNU_SOURCE /* qsort_r */
#include "common/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"

#define MAGIC "AICSNAP1"
#define VERSION 2u
#define FLAG_ENFORCE 1u
#define FLAG_REFUSE_UNFUNDED 2u
#define FLAG_CLOSED_WHEN_STALE 4u
#define FLAGS_KNOWN 7u
#define AMOUNT_LEN 16u
#define SNAPSHOT_MAX (1ull << 30)

enum { AT_MAGIC = 0, AT_VERSION = 8, AT_FLAGS = 12, AT_LENGTH = 16, AT_WRITTEN = 24, AT_STALE_AFTER = 32,
       AT_GPU_DEFAULT = 40, AT_CPU = 56, AT_MEM_GIB = 72, AT_TABLES = 88, TABLE_ENTRY = 16 };

/* Rows: a name, then for accounts available, balance and rating, for assets the kind and both terms, for GPU types the rate. */
enum { TABLE_ACCOUNTS, TABLE_ASSETS, TABLE_PARTITIONS, TABLE_SCOPE_ACCOUNTS, TABLE_GPU_TYPES, TABLES };
static const uint32_t row_len[TABLES] = {
	AIC_NAME_LEN + 2 * AMOUNT_LEN + 8, AIC_NAME_LEN + 8 + 2 * AMOUNT_LEN, AIC_NAME_LEN, AIC_NAME_LEN,
	AIC_NAME_LEN + AMOUNT_LEN,
};
/* Rows are sorted by these first bytes: the name, and an asset's kind. */
static const uint32_t key_len[TABLES] = {AIC_NAME_LEN, AIC_NAME_LEN + 1, AIC_NAME_LEN, AIC_NAME_LEN, AIC_NAME_LEN};
static const char *const table_names[TABLES] = {"account", "asset", "partition", "scope account", "GPU type"};
#define HEADER_LEN (AT_TABLES + TABLES * TABLE_ENTRY)

/* --- writing --- */

static void put_name(uint8_t *row, const char *name)
{
	memset(row, 0, AIC_NAME_LEN);
	memcpy(row, name, strnlen(name, AIC_NAME_LEN - 1));
}

static void fill_row(uint8_t *row, int table, size_t i, const aic_snapshot_content *c)
{
	uint8_t *values = row + AIC_NAME_LEN;
	switch (table) {
	case TABLE_ACCOUNTS:
		put_name(row, c->account[i].name);
		aic_amount_to_be(values, c->account[i].available);
		aic_amount_to_be(values + AMOUNT_LEN, c->account[i].balance);
		aic_put_be64(values + 2 * AMOUNT_LEN, c->account[i].rating_ppm);
		break;
	case TABLE_ASSETS:
		put_name(row, c->asset[i].name);
		values[0] = c->asset[i].is_model;
		memset(values + 1, 0, 7);
		aic_amount_to_be(values + 8, c->asset[i].terms.per_job);
		aic_amount_to_be(values + 8 + AMOUNT_LEN, c->asset[i].terms.per_gpu_hour);
		break;
	case TABLE_PARTITIONS:
		put_name(row, c->partition[i]);
		break;
	case TABLE_SCOPE_ACCOUNTS:
		put_name(row, c->scope_account[i]);
		break;
	case TABLE_GPU_TYPES:
		put_name(row, c->rates.gpu[i].type);
		aic_amount_to_be(values, c->rates.gpu[i].per_hour);
		break;
	default:
		break;
	}
}

static int compare_rows(const void *a, const void *b, void *key)
{
	return memcmp(a, b, *(const uint32_t *)key);
}

void aic_snapshot_encode(aic_bytes *out, const aic_snapshot_content *c)
{
	const size_t count[TABLES] = {c->accounts, c->assets, c->partitions, c->scope_accounts, c->rates.gpu_types};
	size_t length = HEADER_LEN, start = out->len;
	for (int t = 0; t < TABLES; t++)
		length += count[t] * row_len[t];
	length += AIC_HASH_LEN;
	aic_bytes_reserve(out, length);
	uint8_t *p = out->data + start;
	out->len += length;
	memset(p, 0, HEADER_LEN);
	memcpy(p, MAGIC, 8);
	aic_put_be32(p + AT_VERSION, VERSION);
	aic_put_be32(p + AT_FLAGS, (c->enforce ? FLAG_ENFORCE : 0) | (c->refuse_unfunded ? FLAG_REFUSE_UNFUNDED : 0) |
	             (c->closed_when_stale ? FLAG_CLOSED_WHEN_STALE : 0));
	aic_put_be64(p + AT_LENGTH, length);
	aic_put_be64(p + AT_WRITTEN, (uint64_t)c->written_at);
	aic_put_be64(p + AT_STALE_AFTER, (uint64_t)c->stale_after);
	aic_amount_to_be(p + AT_GPU_DEFAULT, c->rates.gpu_default);
	aic_amount_to_be(p + AT_CPU, c->rates.cpu);
	aic_amount_to_be(p + AT_MEM_GIB, c->rates.mem_gib);
	size_t at = HEADER_LEN;
	for (int t = 0; t < TABLES; t++) {
		uint8_t *entry = p + AT_TABLES + t * TABLE_ENTRY;
		aic_put_be64(entry, at);
		aic_put_be32(entry + 8, (uint32_t)count[t]);
		aic_put_be32(entry + 12, row_len[t]);
		for (size_t i = 0; i < count[t]; i++)
			fill_row(p + at + i * row_len[t], t, i, c);
		uint32_t key = key_len[t];
		if (count[t] > 1)
			qsort_r(p + at, count[t], row_len[t], compare_rows, &key);
		at += count[t] * row_len[t];
	}
	aic_hash hash = aic_sha256_of(p, at);
	memcpy(p + at, hash.b, AIC_HASH_LEN);
}

/* --- reading --- */

typedef struct {
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	off_t size;
} identity;

struct aic_snapshot {
	const uint8_t *map;
	size_t len;
	identity file;
	identity refused;      /* a newer file that was found damaged, and why; not read again until it changes */
	aic_error refused_why;
	aic_rates rates;
	struct { const uint8_t *rows; uint32_t count; } table[TABLES];
	uint32_t *slot;        /* of accounts by the hash of their names: row + 1, 0 free; NULL: they are searched */
	uint32_t slots;        /* a power of two */
};

static identity identity_of(const struct stat *st)
{
	return (identity){st->st_dev, st->st_ino, st->st_mtim, st->st_size};
}

static bool same_file(const identity *a, const identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static aic_code check_header(const uint8_t *p, size_t len, const char *path, aic_error *err)
{
	if (len < HEADER_LEN + AIC_HASH_LEN)
		return aic_fail(err, AIC_CORRUPT, "snapshot %s has %zu bytes, the least is %d: aicacctd writes a new one",
		                path, len, (int)HEADER_LEN + AIC_HASH_LEN);
	if (memcmp(p, MAGIC, 8) != 0)
		return aic_fail(err, AIC_CORRUPT, "%s is no AIC snapshot (its first 8 bytes are not \"" MAGIC "\")", path);
	if (aic_get_be32(p + AT_VERSION) != VERSION || aic_get_be32(p + AT_FLAGS) > FLAGS_KNOWN)
		return aic_fail(err, AIC_CORRUPT, "snapshot %s is of version %u, flags %#x; this AIC reads version %u: install "
		                "the same AIC for aicacctd and the plugins", path, aic_get_be32(p + AT_VERSION),
		                aic_get_be32(p + AT_FLAGS), VERSION);
	if (aic_get_be64(p + AT_LENGTH) != len)
		return aic_fail(err, AIC_CORRUPT, "snapshot %s has %zu bytes, its header says %llu: it was cut or added to",
		                path, len, (unsigned long long)aic_get_be64(p + AT_LENGTH));
	aic_hash hash = aic_sha256_of(p, len - AIC_HASH_LEN);
	if (memcmp(hash.b, p + len - AIC_HASH_LEN, AIC_HASH_LEN) != 0)
		return aic_fail(err, AIC_CORRUPT, "snapshot %s is damaged: its checksum does not match its %zu bytes", path, len);
	return AIC_OK;
}

static bool rows_ok(const uint8_t *rows, uint32_t count, int t)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *row = rows + (size_t)i * row_len[t];
		if (row[AIC_NAME_LEN - 1] != 0 || (i > 0 && memcmp(row - row_len[t], row, key_len[t]) > 0))
			return false;
	}
	return true;
}

/* Bounds, order and ends of names, so that a lookup needs no check. */
static aic_code find_tables(aic_snapshot *s, const char *path, aic_error *err)
{
	size_t limit = s->len - AIC_HASH_LEN;
	for (int t = 0; t < TABLES; t++) {
		const uint8_t *entry = s->map + AT_TABLES + t * TABLE_ENTRY;
		uint64_t at = aic_get_be64(entry);
		uint32_t count = aic_get_be32(entry + 8);
		if (aic_get_be32(entry + 12) != row_len[t] || at < HEADER_LEN || at > limit ||
		    count > (limit - at) / row_len[t] || (t == TABLE_GPU_TYPES && count > AIC_PRICE_GPU_TYPES_MAX))
			return aic_fail(err, AIC_CORRUPT, "snapshot %s: its %s table of %u rows does not fit the file", path,
			                table_names[t], count);
		if (!rows_ok(s->map + at, count, t))
			return aic_fail(err, AIC_CORRUPT, "snapshot %s: its %s table is not sorted, or a name in it does not end",
			                path, table_names[t]);
		s->table[t].rows = s->map + at;
		s->table[t].count = count;
	}
	return AIC_OK;
}

static void read_rates(aic_snapshot *s)
{
	aic_rates *r = &s->rates;
	r->gpu_default = aic_amount_from_be(s->map + AT_GPU_DEFAULT);
	r->cpu = aic_amount_from_be(s->map + AT_CPU);
	r->mem_gib = aic_amount_from_be(s->map + AT_MEM_GIB);
	r->gpu_types = s->table[TABLE_GPU_TYPES].count;
	for (uint32_t i = 0; i < r->gpu_types; i++) {
		const uint8_t *row = s->table[TABLE_GPU_TYPES].rows + (size_t)i * row_len[TABLE_GPU_TYPES];
		memcpy(r->gpu[i].type, row, AIC_NAME_LEN);
		r->gpu[i].per_hour = aic_amount_from_be(row + AIC_NAME_LEN);
	}
}

static aic_code map_file(aic_snapshot *s, const char *path, aic_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return aic_fail(err, AIC_NOT_FOUND, "there is no snapshot %s: is aicacctd running?", path);
	if (fd < 0)
		return aic_fail_errno(err, "cannot open snapshot %s", path);
	struct stat st;
	aic_code code = AIC_OK;
	if (fstat(fd, &st) != 0)
		code = aic_fail_errno(err, "cannot look at snapshot %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_size == 0 || (uint64_t)st.st_size > SNAPSHOT_MAX)
		code = aic_fail(err, AIC_CORRUPT, "snapshot %s is no file of 1 to %llu bytes", path, SNAPSHOT_MAX);
	if (code == AIC_OK) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED) {
			code = aic_fail_errno(err, "cannot map snapshot %s", path);
		} else {
			s->map = map;
			s->len = (size_t)st.st_size;
			s->file = identity_of(&st);
		}
	}
	close(fd);
	return code;
}

static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		h = (h ^ *p) * 16777619u;
	return h ^ h >> 16;
}

/* A search among 100,000 names misses the caches at nearly each of its 17 steps, inside slurmctld's lock; this misses twice. Made by
 * the thread that opens the snapshot. Without memory for it names are searched. */
static void index_accounts(aic_snapshot *s)
{
	uint32_t n = s->table[TABLE_ACCOUNTS].count, slots = 16;
	while (slots < 2 * (uint64_t)n && slots < 1u << 31)
		slots *= 2;
	s->slot = n < slots ? calloc(slots, sizeof *s->slot) : NULL;
	s->slots = slots;
	for (uint32_t i = 0; s->slot != NULL && i < n; i++) {
		const uint8_t *row = s->table[TABLE_ACCOUNTS].rows + (size_t)i * row_len[TABLE_ACCOUNTS];
		uint32_t at = name_hash((const char *)row) & (slots - 1);
		while (s->slot[at] != 0)
			at = (at + 1) & (slots - 1);
		s->slot[at] = i + 1;
	}
}

aic_code aic_snapshot_open(aic_snapshot **out, const char *path, aic_error *err)
{
	aic_snapshot *s = calloc(1, sizeof *s);
	if (s == NULL)
		return aic_fail(err, AIC_SYSTEM, "no memory for snapshot %s", path);
	aic_code code = map_file(s, path, err);
	if (code == AIC_OK)
		code = check_header(s->map, s->len, path, err);
	if (code == AIC_OK)
		code = find_tables(s, path, err);
	if (code != AIC_OK) {
		aic_snapshot_close(s);
		return code;
	}
	read_rates(s);
	index_accounts(s);
	*out = s;
	return AIC_OK;
}

aic_code aic_snapshot_refresh(aic_snapshot **s, const char *path, aic_error *err)
{
	if (*s == NULL)
		return aic_snapshot_open(s, path, err);
	struct stat st;
	if (lstat(path, &st) != 0)
		return aic_fail_errno(err, "snapshot %s is gone, the last one is kept", path);
	identity now = identity_of(&st);
	if (same_file(&now, &(*s)->file))
		return AIC_OK;
	if (same_file(&now, &(*s)->refused))
		return aic_fail(err, (*s)->refused_why.code, "%s", (*s)->refused_why.message);
	aic_snapshot *fresh;
	aic_error why = {0};
	aic_code code = aic_snapshot_open(&fresh, path, &why);
	if (code != AIC_OK) {
		(*s)->refused = now;
		(*s)->refused_why = why;
		return aic_fail(err, code, "%s", why.message);
	}
	aic_snapshot_close(*s);
	*s = fresh;
	return AIC_OK;
}

void aic_snapshot_close(aic_snapshot *s)
{
	if (s == NULL)
		return;
	if (s->map != NULL)
		munmap((void *)(uintptr_t)s->map, s->len);
	free(s->slot);
	free(s);
}

/* --- lookups --- */

static bool has_flag(const aic_snapshot *s, uint32_t flag)
{
	return (aic_get_be32(s->map + AT_FLAGS) & flag) != 0;
}

bool aic_snapshot_enforce(const aic_snapshot *s)
{
	return has_flag(s, FLAG_ENFORCE);
}

bool aic_snapshot_refuse_unfunded(const aic_snapshot *s)
{
	return has_flag(s, FLAG_REFUSE_UNFUNDED);
}

bool aic_snapshot_closed_when_stale(const aic_snapshot *s)
{
	return has_flag(s, FLAG_CLOSED_WHEN_STALE);
}

int64_t aic_snapshot_age(const aic_snapshot *s, int64_t now)
{
	int64_t written = (int64_t)aic_get_be64(s->map + AT_WRITTEN);
	return now > written ? now - written : 0;
}

bool aic_snapshot_stale(const aic_snapshot *s, int64_t now)
{
	return aic_snapshot_age(s, now) > (int64_t)aic_get_be64(s->map + AT_STALE_AFTER);
}

const aic_rates *aic_snapshot_rates(const aic_snapshot *s)
{
	return &s->rates;
}

static const uint8_t *find_row(const aic_snapshot *s, int t, const uint8_t *key)
{
	uint32_t low = 0, high = s->table[t].count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const uint8_t *row = s->table[t].rows + (size_t)middle * row_len[t];
		int order = memcmp(row, key, key_len[t]);
		if (order == 0)
			return row;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const uint8_t *find_name(const aic_snapshot *s, int t, const char *name, uint8_t kind)
{
	uint8_t key[AIC_NAME_LEN + 1];
	if (name == NULL || strnlen(name, AIC_NAME_LEN) == AIC_NAME_LEN)
		return NULL;
	put_name(key, name);
	key[AIC_NAME_LEN] = kind;
	return find_row(s, t, key);
}

static const uint8_t *find_account(const aic_snapshot *s, const char *name)
{
	if (s->slot == NULL || name == NULL)
		return find_name(s, TABLE_ACCOUNTS, name, 0);
	for (uint32_t at = name_hash(name) & (s->slots - 1); s->slot[at] != 0; at = (at + 1) & (s->slots - 1)) {
		const uint8_t *row = s->table[TABLE_ACCOUNTS].rows + (size_t)(s->slot[at] - 1) * row_len[TABLE_ACCOUNTS];
		if (strcmp((const char *)row, name) == 0)
			return row;
	}
	return NULL;
}

bool aic_snapshot_account_find(const aic_snapshot *s, const char *name, aic_snapshot_account *out)
{
	const uint8_t *row = find_account(s, name);
	if (row == NULL)
		return false;
	memcpy(out->name, row, AIC_NAME_LEN);
	out->available = aic_amount_from_be(row + AIC_NAME_LEN);
	out->balance = aic_amount_from_be(row + AIC_NAME_LEN + AMOUNT_LEN);
	out->rating_ppm = (uint32_t)aic_get_be64(row + AIC_NAME_LEN + 2 * AMOUNT_LEN);
	return true;
}

bool aic_snapshot_asset_find(const aic_snapshot *s, const char *name, bool model, aic_snapshot_asset *out)
{
	const uint8_t *row = find_name(s, TABLE_ASSETS, name, model);
	if (row == NULL)
		return false;
	memcpy(out->name, row, AIC_NAME_LEN);
	out->is_model = model;
	out->terms.per_job = aic_amount_from_be(row + AIC_NAME_LEN + 8);
	out->terms.per_gpu_hour = aic_amount_from_be(row + AIC_NAME_LEN + 8 + AMOUNT_LEN);
	return true;
}

static bool in_scope_table(const aic_snapshot *s, int t, const char *name)
{
	return s->table[t].count == 0 || find_name(s, t, name, 0) != NULL;
}

bool aic_snapshot_in_scope(const aic_snapshot *s, const char *partition, const char *account)
{
	return in_scope_table(s, TABLE_PARTITIONS, partition) && in_scope_table(s, TABLE_SCOPE_ACCOUNTS, account);
}
