/* dataset_fuzz.c: manifests come from other nodes and from a store that many may write to; aicnoded answers whoever reaches its socket. The
 * first byte of an input chooses which. What is taken must say the same again when it is written again. */
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "slurm-plugins/dataset/answer.h"
#include "slurm-plugins/dataset/features.h"
#include "slurm-plugins/dataset/names.h"
#include "slurm-plugins/dataset/peer.h"
#include "slurm-plugins/dataset/want.h"

enum { MANIFEST, ANSWER, TEXTS, KINDS };

static char dir[] = "/dev/shm/aic-fuzz-XXXXXX";
static aic_cache cache;
static aic_config config;
static aic_hash root;

static void manifest(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_error err = {0};
	aic_dataset m;

	if (aic_dataset_decode(&m, data, size, &err) != AIC_OK) {
		demand(err.message[0] && !m.file && !m.chunk);
		return;
	}
	uint64_t bytes = 0, chunks = 0;
	for (size_t i = 0; i < m.n_files; i++) {
		const aic_dataset_file *f = &m.file[i];
		uint64_t sum = 0;

		demand(aic_dataset_is_path(f->path) && f->path[0] != '/' && f->first == chunks);
		for (uint64_t k = 0; k < f->n_chunks; k++) {
			demand(aic_dataset_find(&m, chunks + k) == f);
			demand(aic_dataset_chunk_len(&m, f, k) > 0);
			sum += aic_dataset_chunk_len(&m, f, k);
		}
		demand(sum == f->size);
		bytes += f->size;
		chunks += f->n_chunks;
	}
	demand(bytes == m.bytes && chunks == m.n_chunks && !aic_dataset_find(&m, chunks));
	demand(aic_dataset_encode(&m, &again, NULL) == AIC_OK);
	demand(again.len == size && !memcmp(again.data, data, size));
	aic_bytes_free(&again);
	aic_dataset_clear(&m);
}

static aic_code no_eviction(void *ctx, const char *dataset, aic_error *err)
{
	(void)ctx;
	demand(dataset[0]);
	return aic_fail(err, AIC_NOT_FOUND, "nothing is evicted here");
}

/* One request's body, as root and as somebody else, who must get no data set. */
static void answer(const uint8_t *data, size_t size)
{
	aic_answers a = {&config, &cache, dir, no_eviction, NULL};

	for (uid_t uid = 0; uid < 2; uid++) {
		aic_rpc_caller who = {.uid = uid, .gid = uid};
		aic_bytes out = {0};
		aic_error err = {0};
		char op[64] = "";
		size_t items = 0;
		aic_cbor c;

		aic_cbor_init(&c, data, size);
		aic_cbor_array(&c, 100);
		aic_cbor_text(&c, op, sizeof(op));
		if (!aic_cbor_ok(&c))
			return;
		if (!strcmp(op, "dataset-warm") && uid == 0)
			continue; /* writes a file for each */
		aic_code rc = aic_dataset_answer(&a, &who, op, &c, &out, &items, &err);
		demand(rc == AIC_OK || err.message[0]);
		demand(uid == 0 || rc != AIC_OK || (strcmp(op, "dataset-piece") && strcmp(op, "dataset-manifest") && strcmp(op, "dataset-has")));
		if (rc == AIC_OK && items) {
			aic_cbor_init(&c, out.data, out.len);
			aic_cbor_skip(&c);
			demand(aic_cbor_finish(&c, NULL) == AIC_OK);
		}
		aic_bytes_free(&out);
	}
}

static void texts(const uint8_t *data, size_t size)
{
	char *text = aic_xmalloc(size + 1), **node;
	aic_bytes found = {0}, merged = {0};
	aic_stage_report r;
	aic_cache_entry e;
	aic_want w;
	size_t n;

	memcpy(text, data, size);
	text[size] = '\0';
	if (aic_want_parse(&w, text))
		demand(w.dataset[0] && w.stepd >= 0);
	if (aic_stage_parse(&r, text))
		demand(r.state <= AIC_STAGE_FAILED && strlen(r.text) < sizeof(r.text));
	if (aic_cache_state_parse(&e, text))
		demand(e.bytes <= INT64_MAX && e.checked >= 0);
	if (aic_features_find(&found, text, "ActiveFeatures")) {
		aic_features_merge(&merged, (char *)found.data, NULL, 0);
		demand(!strstr((char *)merged.data, ",aic-data-") && strncmp((char *)merged.data, "aic-data-", 9));
	}
	aic_peers_parse(&node, &n, text, "x");
	aic_names_free(node, n);
	aic_bytes_free(&found);
	aic_bytes_free(&merged);
	free(text);
}

static void put(const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];

	demand(aic_cache_path(path, &cache, &root, name, NULL) == AIC_OK);
	demand(aic_file_write_atomic(path, data, len, 0644, NULL) == AIC_OK);
}

/* A cache with one data set, "x", of one file. */
static void make_world(aic_bytes *bytes)
{
	aic_cache_entry e = {.bytes = 3, .checked = 1};
	aic_hash chunk = aic_sha256_of("abc", 3);
	char path[PATH_MAX];
	aic_dataset m = {0};

	demand(mkdtemp(dir));
	snprintf(cache.dir, sizeof(cache.dir), "%s/cache", dir);
	cache.gid = (gid_t)-1;
	demand(aic_cache_open(&cache, NULL) == AIC_OK);
	demand(aic_dataset_add(&m, "f", 3, &chunk, 1, NULL) == AIC_OK && aic_dataset_encode(&m, bytes, NULL) == AIC_OK);
	e.root = root = m.root;
	demand(aic_cache_put(&cache, &e, NULL) == AIC_OK);
	demand(aic_cache_path(path, &cache, &root, "files", NULL) == AIC_OK && mkdir(path, 0755) == 0);
	put("manifest", bytes->data, bytes->len);
	put("files/f", "abc", 3);
	snprintf(path, sizeof(path), "%s/names", cache.dir);
	demand(aic_name_put(path, "x", &root, NULL) == AIC_OK);
	aic_dataset_clear(&m);
}

static void remove_world(void)
{
	aic_dir_remove(dir, NULL);
}

static void seed_request(const char *op, bool with_root, bool with_place)
{
	aic_bytes body = {0};

	aic_rpc_begin(&body, op, with_place ? 4 : 1);
	if (with_root)
		aic_cbor_put_bytes(&body, root.b, sizeof(root.b));
	else
		aic_cbor_put_text(&body, "x");
	if (with_place) {
		aic_cbor_put_text(&body, "f");
		aic_cbor_put_uint(&body, 1);
		aic_cbor_put_uint(&body, 2);
	}
	fuzz_seed(op, ANSWER, body.data, body.len);
	aic_bytes_free(&body);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char want[] = "aic-want 1 7 0 4294967291 1000 99 12345 faces\n", report[] = "aic-stage 1 failed 1 2\nno room\n";
	static const char features[] = "NodeName=n1 ActiveFeatures=a,aic-data-x\n", nodes[] = "n1|a,aic-data-x\nn2|(null)\n";
	static const char state[] = "aic-cached 1 3 1 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
	aic_bytes bytes = {0};

	(void)argc;
	(void)argv;
	make_world(&bytes);
	atexit(remove_world);
	fuzz_seed("manifest", MANIFEST, bytes.data, bytes.len);
	seed_request("dataset-has", true, false);
	seed_request("dataset-manifest", true, false);
	seed_request("dataset-piece", true, true);
	seed_request("dataset-evict", false, false);
	seed_request("dataset-holds", false, false);
	fuzz_seed("want", TEXTS, want, sizeof(want) - 1);
	fuzz_seed("stage", TEXTS, report, sizeof(report) - 1);
	fuzz_seed("state", TEXTS, state, sizeof(state) - 1);
	fuzz_seed("features", TEXTS, features, sizeof(features) - 1);
	fuzz_seed("nodes", TEXTS, nodes, sizeof(nodes) - 1);
	aic_bytes_free(&bytes);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % KINDS) {
	case MANIFEST:
		manifest(data + 1, size - 1);
		break;
	case ANSWER:
		answer(data + 1, size - 1);
		break;
	default:
		texts(data + 1, size - 1);
	}
	return 0;
}
