/* testing.c: see testing.h. */
#define _GNU_SOURCE
#include "ledger/archive/testing.h"

#include <unistd.h>

#include "common/file.h"

void archive_site_make(archive_site *s)
{
	char path[80];

	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/aic-archive-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	for (int i = 0; i < 3; i++)
		test_site_key(&s->member[i], (uint8_t)(i + 1));
	s->site.key = s->member[0];
	test_genesis(&s->site.genesis, s->member, 3);
	snprintf(path, sizeof(path), "%s/order.db", s->dir);
	assert_ok(aic_order_local(&s->site.order, path, false, err));
	snprintf(path, sizeof(path), "%s/state.db", s->dir);
	assert_ok(aic_state_open(&s->site.state, path, AIC_DB_DURABLE, err));
	assert_ok(aic_chain_open(&s->site.chain, s->site.state, &s->site.order, &s->site.key, s->site.genesis.data, s->site.genesis.len, err));
}

void archive_site_remove(archive_site *s)
{
	test_site_close(&s->site);
	assert_int_equal(nftw(s->dir, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void archive_grow(archive_site *s, int n)
{
	for (int i = 0; i < n; i++) {
		assert_ok(test_transfer(&s->site, 0, 1, 1, err));
		const aic_head *head = aic_state_head(s->site.state);
		aic_attestation a = {.chain = head->chain, .height = head->height, .block = head->hash, .state = head->root,
		                     .site = aic_site_id(s->member[1].public_key)};
		aic_bytes bytes = {0};

		aic_attestation_build(&bytes, &a, &s->member[1]);
		assert_ok(aic_order_attest(&s->site.order, &a.site, a.height, bytes.data, bytes.len, err));
		aic_bytes_free(&bytes);
	}
}

/* The block that stands there, with another time. */
void archive_forge(archive_site *s, uint64_t height, aic_bytes *block)
{
	aic_bytes there = {0}, transactions = {0};
	aic_block b;
	aic_hash hash;
	bool valid;

	assert_ok(aic_state_block(s->site.state, height, &there, &hash, &valid, err));
	assert_ok(aic_block_decode(&b, there.data, there.len, err));
	for (size_t i = 0; i < b.n_tx; i++)
		aic_cbor_put_bytes(&transactions, b.tx[i].data, b.tx[i].len);
	b.header.time++;
	aic_block_build(block, &b.header, &s->member[0], &transactions, b.n_tx);
	aic_block_clear(&b);
	aic_bytes_free(&transactions);
	aic_bytes_free(&there);
}

aic_bytes archive_records(archive_site *s, uint64_t first, uint64_t last)
{
	aic_bytes out = {0};
	aic_copy copy;

	assert_ok(aic_copy_open(&copy, s->dir, err));
	for (uint64_t h = first; h <= last; h++)
		assert_ok(aic_record_read(&out, &copy, h, err));
	aic_copy_close(&copy);
	return out;
}

size_t archive_offset(const aic_bytes *records, uint64_t n)
{
	size_t at = 0;

	while (n--)
		at += aic_record_size(records->data + at);
	return at;
}

void archive_write(const char *path, const aic_bytes *bytes, size_t len)
{
	assert_ok(aic_file_write_atomic(path, bytes->data, len, 0600, err));
}

/* From the height on that is asked for, whatever follows it. */
static aic_code read_memory(void *self, uint64_t from, aic_bytes *records, aic_error *err)
{
	const aic_bytes *all = self;

	(void)err;
	for (size_t at = 0, used; at < all->len; at += used) {
		aic_record r;

		if (aic_record_get(&r, all->data + at, all->len - at, &used, NULL) || r.height >= from) {
			aic_bytes_append(records, all->data + at, all->len - at);
			break;
		}
	}
	return AIC_OK;
}

aic_source archive_memory(const aic_bytes *records)
{
	return (aic_source){.name = "memory", .read = read_memory, .self = (void *)records};
}

void archive_forget(const char *dir)
{
	char *path = aic_xasprintf("%s/joined/join", dir);

	nftw(path, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}
