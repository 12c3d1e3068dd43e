/* snapshot_fuzz.c: a snapshot is mapped into slurmctld, so no content of the file may lead a lookup astray. The input gets a true
 * length and checksum, so that the checks behind them are reached; then every row is looked up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/snapshot.h"

#define HEADER 168
#define AT_LENGTH 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/dev/shm/aic-fuzz-XXXXXX";

static void write_file(const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void look_around(const aic_snapshot *s, const uint8_t *data, size_t size)
{
	char name[AIC_NAME_LEN] = "";
	aic_snapshot_account account;
	aic_snapshot_asset asset;
	aic_amount price;
	aic_node_share share = {.cpus = 1, .gpu_types = 1, .gpu = {{"a100", 1}}};
	for (size_t at = HEADER; at + AIC_NAME_LEN <= size; at += 8) {
		memcpy(name, data + at, AIC_NAME_LEN - 1);
		if (aic_snapshot_account_find(s, name, &account) && strcmp(account.name, name) != 0)
			abort();
		if (aic_snapshot_asset_find(s, name, at & 8, &asset) && strcmp(asset.name, name) != 0)
			abort();
		aic_snapshot_in_scope(s, name, name);
	}
	aic_snapshot_stale(s, 1);
	aic_price_node(&price, aic_snapshot_rates(s), &share, 1, AIC_PPM);
}

static void try_to_open(const uint8_t *data, size_t size)
{
	aic_snapshot *s;
	aic_error err = {0};
	write_file(data, size);
	if (aic_snapshot_open(&s, path, &err) == AIC_OK) {
		look_around(s, data, size);
		aic_snapshot_close(s);
	} else if (err.code != AIC_CORRUPT) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	if (!made) {
		int fd = mkstemp(path);
		if (fd < 0)
			abort();
		close(fd);
		made = true;
	}
	try_to_open(data, size);
	aic_bytes sealed = {0};
	aic_bytes_append(&sealed, data, size);
	while (sealed.len < HEADER)
		aic_bytes_append(&sealed, "", 1);
	memcpy(sealed.data, "AICSNAP1\0\0\0\1\0\0\0", 15);
	aic_put_be64(sealed.data + AT_LENGTH, sealed.len + AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(sealed.data, sealed.len);
	aic_bytes_append(&sealed, h.b, sizeof h.b);
	try_to_open(sealed.data, sealed.len);
	aic_bytes_free(&sealed);
	return 0;
}
