/* order_bench.c: what the order costs above etcd itself. The yardstick is a bare compare-and-put of the same bytes through the
 * same gateway and the same client, on the same three members. */
#include <string.h>

#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"
#include "tests/bench/bench.h"

#define ROUNDS 100
#define WARM_UP 10 /* rounds that do not count */
#define SITES 3

typedef struct {
	aic_etcd *etcd;
	aic_order order;
	aic_order_head head;
	uint8_t *block;
	size_t len;
	uint64_t puts;
} bench;

static void die(const aic_error *err)
{
	fprintf(stderr, "order_bench: %s\n", err->message);
	exit(1);
}

/* If the counter is what it was, put the bytes and the counter. */
static double bare(bench *b)
{
	char old[24], new[24], key[48];
	aic_error err = {0};
	json_t *txn, *answer;
	double start = bench_now();

	snprintf(old, sizeof(old), "%020llu", (unsigned long long)b->puts);
	snprintf(new, sizeof(new), "%020llu", (unsigned long long)++b->puts);
	snprintf(key, sizeof(key), "bare/%s", new);
	txn = aic_etcd_txn();
	aic_etcd_txn_if(txn, b->puts == 1 ? aic_etcd_if_absent("bare/head") : aic_etcd_if_value("bare/head", old, strlen(old)));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(key, b->block, b->len));
	aic_etcd_txn_put(txn, "success", aic_etcd_put("bare/head", new, strlen(new)));
	if (aic_etcd_call(b->etcd, "kv/txn", txn, b->len, &answer, &err))
		die(&err);
	if (!aic_etcd_txn_succeeded(answer))
		exit(1);
	json_decref(answer);
	return bench_now() - start;
}

static double append(bench *b)
{
	aic_hash hash = aic_sha256_of(b->block, b->len);
	aic_error err = {0};
	double start = bench_now();

	if (aic_order_append_if_head(&b->order, &b->head, &hash, b->block, b->len, &err))
		die(&err);
	double seconds = bench_now() - start;
	b->head = (aic_order_head){.height = b->head.empty ? 0 : b->head.height + 1, .hash = hash};
	return seconds;
}

static aic_code count_site(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)site, (void)bytes, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

/* One site's way to finality: the block, its attestation, and a look at everybody's. The others attest untimed. */
static double finish(bench *b)
{
	static const uint8_t attestation[200];
	double seconds = append(b), start = 0;
	aic_error err = {0};
	int count = 0;

	for (int i = SITES - 1; i >= 0; i--) {
		aic_id site = {{(uint8_t)i}};
		start = bench_now();
		if (aic_order_attest(&b->order, &site, b->head.height, attestation, sizeof(attestation), &err))
			die(&err);
	}
	if (aic_order_attestations(&b->order, b->head.height, count_site, &count, &err))
		die(&err);
	if (count != SITES)
		exit(1);
	return seconds + bench_now() - start;
}

static void measure(const etcd_cluster *c, size_t len, double (*ours)(bench *), const char *what, const char *goal)
{
	static double mine[ROUNDS], theirs[ROUNDS];
	char prefix[64], title[96], absolute[128];
	static int number;

	snprintf(prefix, sizeof(prefix), "bench-%d/", number++);
	aic_etcd_config config = etcd_cluster_config(c, 0, prefix);
	bench b = {.head = {.empty = true}, .block = aic_xcalloc(1, len), .len = len};
	aic_error err = {0};
	if (aic_etcd_open(&b.etcd, &config, &err) || aic_order_etcd(&b.order, &config, &err))
		die(&err);
	etcd_do(&config, "kv/deleterange", aic_etcd_delete("bare/", "bare0"));
	for (int i = -WARM_UP; i < ROUNDS; i++) {
		memcpy(b.block, &i, sizeof(i));
		double t = bare(&b), m = ours(&b);
		if (i >= 0) {
			theirs[i] = t;
			mine[i] = m;
		}
	}
	double m = bench_median(mine, ROUNDS), t = bench_median(theirs, ROUNDS);
	snprintf(title, sizeof(title), "%s, %zu KiB, 3 etcd members: time against a bare compare-and-put", what, len >> 10);
	snprintf(absolute, sizeof(absolute), "median %.2f ms against %.2f ms", 1e3 * m, 1e3 * t);
	bench_row(title, m / t, goal, absolute);
	aic_order_close(&b.order);
	aic_etcd_close(b.etcd);
	free(b.block);
}

int main(void)
{
	etcd_cluster cluster;

	if (!etcd_installed()) {
		printf("| order on etcd | | | not measured: etcd is not installed |\n");
		return 0;
	}
	etcd_cluster_start(&cluster, (etcd_options){.members = 3});
	measure(&cluster, 4 << 10, append, "append", "<= 1.5");
	measure(&cluster, 512 << 10, append, "append", "<= 1.5");
	measure(&cluster, 4 << 10, finish, "append, attest, tally", "<= 4");
	measure(&cluster, 512 << 10, finish, "append, attest, tally", "<= 4");
	etcd_cluster_stop(&cluster);
	return 0;
}
