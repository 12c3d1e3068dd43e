#include "slurm-plugins/node/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/file.h"
#include "common/log.h"
#include "common/receipt.h"
#include "common/rpc.h"
#include "slurm-plugins/node/node_dir.h"

#define RECEIPT_BYTES_MAX (64u << 10)
#define LEFTOVER_SECONDS 3600

struct aic_delivery {
	char receipts_dir[PATH_MAX], damaged_dir[PATH_MAX];
	char node[AIC_NAME_LEN];
	char *address;
	uid_t server_uid;
	aic_key key;
	aic_rpc *rpc;
	aic_delivery_meter meter;
};

typedef struct {
	size_t n;
	char name[AIC_DELIVERY_BATCH][NAME_MAX + 1];
	aic_bytes receipt[AIC_DELIVERY_BATCH];
} batch;

/* --- the directory --- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

/* What a writer that was killed left behind. */
static void remove_leftover(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (name[0] == '.' && strcmp(name, ".") && strcmp(name, "..") && !aic_path_join(path, sizeof(path), dir, name, NULL) &&
	    !lstat(path, &st) && S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > LEFTOVER_SECONDS)
		unlink(path);
}

static aic_code set_aside(const aic_delivery *d, const char *name, const aic_error *why, aic_error *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (aic_path_join(from, sizeof(from), d->receipts_dir, name, err) ||
	    aic_path_join(to, sizeof(to), d->damaged_dir, name, err))
		return err->code;
	if (rename(from, to))
		return aic_fail_errno(err, "the damaged receipt %s cannot be moved to %s", from, to);
	aic_error_log("receipt %s is damaged: %s; moved to %s, its step counts as not measured", name, why->message, to);
	return AIC_OK;
}

static aic_code check_receipt(const aic_delivery *d, aic_receipt *r, const aic_bytes *data, aic_error *err)
{
	aic_code rc = aic_receipt_decode(r, data->data, data->len, err);

	if (!rc && strcmp(r->node, d->node))
		return aic_fail(err, AIC_CORRUPT, "it is of node %s, this is %s", r->node, d->node);
	return rc;
}

/* What is sent must be the same each time, so what the meter adds is written down first. */
static aic_code add_gpu_use(const aic_delivery *d, aic_receipt *r, const char *path, aic_bytes *data, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (!d->meter.complete || !r->gpus || r->gpus == AIC_UNKNOWN || r->gpu_ms != AIC_UNKNOWN)
		return AIC_OK;
	d->meter.complete(d->meter.ctx, r);
	if (r->gpu_ms != AIC_UNKNOWN) {
		aic_bytes_clear(data);
		aic_receipt_encode(data, r);
		rc = aic_file_write_atomic(path, data->data, data->len, 0600, err);
	}
	if (!rc)
		d->meter.forget(d->meter.ctx, r);
	return rc;
}

/* Reads one file into the batch, or sets it aside. */
static aic_code take(const aic_delivery *d, batch *b, const char *name, aic_delivery_result *result, aic_error *err)
{
	char path[PATH_MAX];
	aic_bytes data = { 0 };
	aic_receipt r;
	aic_error why;
	aic_code rc = aic_path_join(path, sizeof(path), d->receipts_dir, name, err);

	if (rc)
		return rc;
	rc = aic_file_read(&data, path, RECEIPT_BYTES_MAX, &why);
	if (rc == AIC_SYSTEM) { /* the disk's trouble, not the file's */
		*err = why;
		aic_bytes_free(&data);
		return rc;
	}
	if (rc || check_receipt(d, &r, &data, &why)) {
		aic_bytes_free(&data);
		result->damaged++;
		return set_aside(d, name, &why, err);
	}
	rc = add_gpu_use(d, &r, path, &data, err);
	if (rc) {
		aic_bytes_free(&data);
		return rc;
	}
	aic_str_copy(b->name[b->n], sizeof(b->name[0]), name);
	b->receipt[b->n++] = data;
	return AIC_OK;
}

static aic_code gather(const aic_delivery *d, batch *b, aic_delivery_result *result, aic_error *err)
{
	DIR *dir = opendir(d->receipts_dir);
	aic_code rc = AIC_OK;
	struct dirent *e;

	if (!dir)
		return aic_fail_errno(err, "the receipts' directory %s cannot be read", d->receipts_dir);
	while (!rc && b->n < AIC_DELIVERY_BATCH && (e = readdir(dir))) {
		if (ends_with(e->d_name, AIC_RECEIPT_SUFFIX) && e->d_name[0] != '.')
			rc = take(d, b, e->d_name, result, err);
		else
			remove_leftover(d->receipts_dir, e->d_name);
	}
	closedir(dir);
	return rc;
}

static aic_code delete_sent(const aic_delivery *d, const batch *b, aic_error *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < b->n; i++) {
		if (aic_path_join(path, sizeof(path), d->receipts_dir, b->name[i], err))
			return err->code;
		if (unlink(path) && errno != ENOENT)
			return aic_fail_errno(err, "the acknowledged receipt %s cannot be deleted", path);
	}
	return AIC_OK;
}

/* --- the wire --- */

/* The answer's figures, n of them. */
static aic_code call(aic_delivery *d, const aic_bytes *request, uint64_t *figure, size_t n, aic_error *err)
{
	aic_bytes keep = { 0 };
	aic_cbor answer;
	aic_code rc = AIC_OK;

	if (!d->rpc)
		rc = aic_rpc_open(&d->rpc, "acct", d->address, d->server_uid, AIC_DELIVERY_TIMEOUT_MS, err);
	if (rc) {
		d->rpc = NULL;
		return rc;
	}
	rc = aic_rpc_call(d->rpc, request, &keep, &answer, err);
	if (!rc) {
		for (size_t i = 0; i < n; i++)
			figure[i] = aic_cbor_uint(&answer);
		rc = aic_cbor_finish(&answer, err);
	}
	aic_bytes_free(&keep);
	if (rc) { /* whatever the connection's state is now, the next try starts afresh */
		aic_rpc_close(d->rpc);
		d->rpc = NULL;
	}
	return rc;
}

aic_code aic_delivery_hello(aic_delivery *d, aic_node_hello *h, aic_error *err)
{
	aic_bytes hello = { 0 }, request = { 0 };
	aic_code rc;

	aic_str_copy(h->node, sizeof(h->node), d->node);
	aic_node_hello_encode(&hello, h, &d->key);
	aic_rpc_begin(&request, "node-hello", 1);
	aic_cbor_put_bytes(&request, hello.data, hello.len);
	rc = call(d, &request, NULL, 0, err);
	aic_bytes_free(&hello);
	aic_bytes_free(&request);
	return rc;
}

static aic_code send_batch(aic_delivery *d, const batch *b, aic_delivery_result *result, aic_error *err)
{
	aic_bytes signed_batch = { 0 }, request = { 0 };
	uint64_t figure[2] = { 0 }, accepted, duplicates;
	aic_code rc = aic_receipt_batch_encode(&signed_batch, d->node, &d->key, b->receipt, b->n, err);

	if (!rc) {
		aic_rpc_begin(&request, "receipts", 1);
		aic_cbor_put_bytes(&request, signed_batch.data, signed_batch.len);
		rc = call(d, &request, figure, 2, err);
	}
	accepted = figure[0];
	duplicates = figure[1];
	if (!rc && accepted + duplicates != b->n)
		rc = aic_fail(err, AIC_CORRUPT, "aicacctd acknowledged %llu of %zu receipts: they are kept and sent again",
		              (unsigned long long)(accepted + duplicates), b->n);
	if (!rc)
		rc = delete_sent(d, b, err);
	if (!rc) {
		result->accepted += accepted;
		result->duplicates += duplicates;
	}
	aic_bytes_free(&signed_batch);
	aic_bytes_free(&request);
	return rc;
}

aic_code aic_delivery_round(aic_delivery *d, aic_delivery_result *result, aic_error *err)
{
	batch *b = aic_xcalloc(1, sizeof(*b));
	aic_code rc;
	size_t n;

	*result = (aic_delivery_result){ 0 };
	do {
		b->n = 0;
		rc = gather(d, b, result, err);
		if (!rc && b->n)
			rc = send_batch(d, b, result, err);
		n = b->n;
		for (size_t i = 0; i < n; i++)
			aic_bytes_free(&b->receipt[i]);
	} while (!rc && n == AIC_DELIVERY_BATCH);
	free(b);
	return rc;
}

/* --- open and close --- */

static aic_code make_dirs(aic_delivery *d, const char *node_dir, aic_error *err)
{
	aic_code rc = aic_dir_make(node_dir, 0700, err);

	if (!rc)
		rc = aic_path_join(d->receipts_dir, sizeof(d->receipts_dir), node_dir, AIC_RECEIPTS_DIR, err);
	if (!rc)
		rc = aic_path_join(d->damaged_dir, sizeof(d->damaged_dir), node_dir, AIC_DAMAGED_DIR, err);
	if (!rc)
		rc = aic_dir_make(d->receipts_dir, 0700, err);
	if (!rc)
		rc = aic_dir_make(d->damaged_dir, 0700, err);
	return rc;
}

aic_code aic_delivery_open(aic_delivery **out, const char *node_dir, const char *node, const char *address, uid_t server_uid,
                           aic_error *err)
{
	aic_delivery *d = aic_xcalloc(1, sizeof(*d));
	char key_path[PATH_MAX];
	aic_code rc = make_dirs(d, node_dir, err);

	if (!rc)
		rc = aic_path_join(key_path, sizeof(key_path), node_dir, AIC_NODE_KEY, err);
	if (!rc)
		rc = aic_key_open(&d->key, key_path, err);
	if (rc) {
		free(d);
		return rc;
	}
	aic_str_copy(d->node, sizeof(d->node), node);
	d->address = aic_xstrdup(address);
	d->server_uid = server_uid;
	*out = d;
	return AIC_OK;
}

void aic_delivery_measure(aic_delivery *d, const aic_delivery_meter *meter)
{
	d->meter = *meter;
}

const aic_key *aic_delivery_key(const aic_delivery *d)
{
	return &d->key;
}

void aic_delivery_close(aic_delivery *d)
{
	if (!d)
		return;
	if (d->rpc)
		aic_rpc_close(d->rpc);
	aic_key_wipe(&d->key);
	free(d->address);
	free(d);
}
