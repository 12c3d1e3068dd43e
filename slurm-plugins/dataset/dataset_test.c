/* dataset_test.c: content roots, the store, and staging: what is given is the data set or nothing, within the cache's limit. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/size.h"
#include "common/testing.h"
#include "common/time.h"
#include "slurm-plugins/dataset/add.h"
#include "slurm-plugins/dataset/features.h"
#include "slurm-plugins/dataset/names.h"
#include "slurm-plugins/dataset/peer.h"
#include "slurm-plugins/dataset/stage.h"
#include "slurm-plugins/dataset/store.h"
#include "slurm-plugins/dataset/wants.h"
#include "slurm-plugins/job_submit/constraint.h"

#define BIG (AIC_CHUNK_SIZE + 1000)

static char dir[64], store[96], folder[96];
static aic_cache cache;

static char *path_of(const char *root, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void write_bytes(const char *path, char fill, size_t len)
{
	char *data = malloc(len + 1);

	memset(data, fill, len);
	assert_int_equal(aic_file_write_atomic(path, data, len, 0644, NULL), AIC_OK);
	free(data);
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/aic-dataset-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(folder, sizeof(folder), "%s/folder", dir);
	assert_int_equal(mkdir(store, 0755) | mkdir(folder, 0755) | mkdir(path_of(folder, "sub"), 0755), 0);
	assert_int_equal(aic_store_init(store, NULL), AIC_OK);
	write_bytes(path_of(folder, "sub/big"), 'b', BIG);
	write_bytes(path_of(folder, "sub-x"), 'x', 10);
	write_bytes(path_of(folder, "empty"), 0, 0);
	cache = (aic_cache){.gid = (gid_t)-1, .limit = 100u << 20, .recheck = 3600};
	snprintf(cache.dir, sizeof(cache.dir), "%s/cache", dir);
	assert_int_equal(aic_cache_open(&cache, NULL), AIC_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return aic_dir_remove(dir, NULL);
}

static aic_hash add(void)
{
	aic_dataset m;
	aic_hash root;

	assert_int_equal(aic_dataset_add_folder(&m, store, folder, NULL, NULL, NULL), AIC_OK);
	root = m.root;
	aic_dataset_clear(&m);
	return root;
}

static aic_code stage_with(const aic_hash *root, aic_staged *did, bool (*pinned)(void *, const aic_hash *), aic_error *err)
{
	aic_dataset_source source;
	aic_staging s = {&cache, &source, 1, pinned, NULL, NULL};

	aic_dataset_source_store(&source, store);
	return aic_stage(&s, root, did, err);
}

static aic_code stage(const aic_hash *root, aic_staged *did)
{
	return stage_with(root, did, NULL, NULL);
}

static void check_file(const aic_hash *root, const char *name, char fill, size_t len)
{
	char path[PATH_MAX], file[256];
	aic_bytes got = {0};
	struct stat st;

	snprintf(file, sizeof(file), "files/%s", name);
	assert_int_equal(aic_cache_path(path, &cache, root, file, NULL), AIC_OK);
	assert_int_equal(aic_file_read(&got, path, 64u << 20, NULL), AIC_OK);
	assert_int_equal(got.len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(got.data[i], fill);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	aic_bytes_free(&got);
}

static void flip(const char *path, off_t at)
{
	int fd;

	chmod(path, 0644);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "!", 1, at), 1);
	close(fd);
}

/* The manifest of three files, byte for byte: the content root stands on the ledger, so this never changes. */
static void content_root(void **state)
{
	aic_dataset m = {0};
	aic_bytes bytes = {0};
	aic_hash one = aic_sha256_of("1", 1), two = aic_sha256_of("2", 1), chunks[2] = {one, two};
	char hex[AIC_ROOT_TEXT];

	(void)state;
	assert_int_equal(aic_dataset_add(&m, "b/c", 1, &one, 1, NULL), AIC_OK);
	assert_int_equal(aic_dataset_add(&m, "b-a", AIC_CHUNK_SIZE + 1, chunks, 2, NULL), AIC_OK);
	assert_int_equal(aic_dataset_add(&m, "a", 0, NULL, 0, NULL), AIC_OK);
	assert_int_equal(aic_dataset_encode(&m, &bytes, NULL), AIC_OK);
	assert_string_equal(m.file[1].path, "b/c"); /* '/' is below '-' */
	assert_int_equal(m.file[2].first, 1);
	assert_ptr_equal(aic_dataset_find(&m, 0), &m.file[1]);
	assert_ptr_equal(aic_dataset_find(&m, 2), &m.file[2]);
	assert_null(aic_dataset_find(&m, 3));
	assert_int_equal(aic_dataset_chunk_len(&m, &m.file[2], 1), 1);
	aic_hash_hex(hex, &m.root);
	assert_string_equal(hex, "bf0f1ba06410ba9d2c617b890c79ec89a0d05b96ebcca9b1ad14839afab4cfe9");
	aic_dataset_clear(&m);
	aic_bytes_free(&bytes);
}

static void manifests(void **state)
{
	static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "a/../b", ".."};
	aic_dataset m = {0}, again;
	aic_bytes bytes = {0}, encoded = {0};
	aic_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(aic_dataset_add(&m, bad[i], 0, NULL, 0, NULL), AIC_USAGE);
	assert_int_equal(aic_dataset_encode(&m, &bytes, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "without a file"));
	aic_dataset_add(&m, "a", 0, NULL, 0, NULL);
	aic_dataset_add(&m, "a/b", 0, NULL, 0, NULL);
	assert_int_equal(aic_dataset_encode(&m, &bytes, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "a is in the data set twice, or as a file and a folder"));
	aic_dataset_clear(&m);
	aic_hash root = add();
	bytes.len = 0;
	assert_int_equal(aic_store_manifest(&m, &bytes, store, &root, NULL), AIC_OK);
	for (size_t i = 0; i < bytes.len; i++) /* cut off anywhere it is none */
		assert_int_equal(aic_dataset_decode(&again, bytes.data, i, NULL), AIC_CORRUPT);
	assert_int_equal(aic_dataset_decode(&again, bytes.data, bytes.len, NULL), AIC_OK);
	assert_int_equal(aic_dataset_encode(&again, &encoded, NULL), AIC_OK);
	assert_int_equal(encoded.len, bytes.len);
	assert_memory_equal(encoded.data, bytes.data, bytes.len);
	aic_dataset_clear(&again);
	aic_dataset_clear(&m);
	aic_bytes_free(&bytes);
	aic_bytes_free(&encoded);
}

static void staged(void **state)
{
	aic_hash root = add();
	char path[PATH_MAX];
	aic_staged did;

	(void)state;
	assert_int_equal(stage(&root, &did), AIC_OK);
	assert_int_equal(did.fetched, BIG + 10);
	check_file(&root, "sub/big", 'b', BIG);
	check_file(&root, "sub-x", 'x', 10);
	check_file(&root, "empty", 0, 0);
	assert_int_equal(stage(&root, &did), AIC_OK); /* nothing changed: nothing is read */
	assert_int_equal(did.fetched + did.checked, 0);
	cache.recheck = 0;
	assert_int_equal(stage(&root, &did), AIC_OK); /* each time */
	assert_int_equal(did.fetched, 0);
	assert_int_equal(did.checked, BIG + 10);
	cache.recheck = 3600;
	assert_int_equal(stage(&root, &did), AIC_OK);
	aic_cache_path(path, &cache, &root, "files/sub/big", NULL);
	flip(path, BIG - 1);
	assert_int_equal(stage(&root, &did), AIC_OK); /* the wrong chunk alone comes again */
	assert_int_equal(did.fetched, 1000);
	check_file(&root, "sub/big", 'b', BIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stage(&root, &did), AIC_OK); /* or what is no file any more */
	check_file(&root, "sub/big", 'b', BIG);
}

static bool stop_in_the_middle(void *ctx, uint64_t done, uint64_t bytes)
{
	(void)ctx, (void)bytes;
	return done < AIC_CHUNK_SIZE;
}

static void taken_up(void **state)
{
	aic_hash root = add();
	aic_dataset_source source;
	aic_staging s = {&cache, &source, 1, NULL, stop_in_the_middle, NULL};
	aic_cache_entry e;
	aic_staged did;

	(void)state;
	aic_dataset_source_store(&source, store);
	assert_int_equal(aic_stage(&s, &root, &did, NULL), AIC_REFUSED);
	assert_int_equal(did.fetched, AIC_CHUNK_SIZE);
	assert_int_equal(aic_cache_get(&e, &cache, &root, NULL), AIC_OK);
	assert_int_equal(e.checked, 0);
	assert_int_equal(e.bytes, BIG + 10);
	assert_int_equal(stage(&root, &did), AIC_OK);
	assert_int_equal(did.checked, AIC_CHUNK_SIZE);
	assert_int_equal(did.fetched, 1010);
}

static void never_wrong(void **state)
{
	aic_hash root = add(), first = aic_sha256_of("x", 1);
	char hex[AIC_ROOT_TEXT], path[512];
	aic_bytes chunk = {0};
	aic_cache_entry e;
	aic_staged did;
	aic_error err;

	(void)state;
	assert_int_equal(stage(&first, &did), AIC_NOT_FOUND);
	aic_bytes_reserve(&chunk, AIC_CHUNK_SIZE);
	memset(chunk.data, 'b', AIC_CHUNK_SIZE);
	first = aic_sha256_of(chunk.data, AIC_CHUNK_SIZE);
	aic_bytes_free(&chunk);
	aic_hash_hex(hex, &first);
	snprintf(path, sizeof(path), "%s/chunks/%.2s/%s", store, hex, hex);
	flip(path, 77);
	assert_int_equal(stage_with(&root, &did, NULL, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "of the store is damaged"));
	assert_int_equal(aic_cache_get(&e, &cache, &root, NULL), AIC_OK);
	assert_int_equal(e.checked, 0); /* nobody gets it */
	add(); /* from the source: the damaged chunk is replaced */
	assert_int_equal(stage(&root, &did), AIC_OK);
	check_file(&root, "sub/big", 'b', BIG);
	assert_int_equal(unlink(path_of(store, "aic-store")), 0);
	aic_cache_evict(&cache, &root, NULL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stage_with(&root, &did, NULL, &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "is not there"));
}

static aic_hash pin;
static bool is_pin(void *ctx, const aic_hash *root)
{
	(void)ctx;
	return aic_hash_equal(&pin, root);
}

static void set_used(const aic_hash *root, time_t when)
{
	struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
	char path[PATH_MAX];

	aic_cache_path(path, &cache, root, "state", NULL);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool is_there(const aic_hash *root)
{
	aic_cache_entry e;

	return aic_cache_get(&e, &cache, root, NULL) == AIC_OK;
}

static void limit(void **state)
{
	aic_hash root[4];
	aic_staged did;
	aic_error err;

	(void)state;
	unlink(path_of(folder, "sub/big"));
	for (int i = 0; i < 4; i++) {
		write_bytes(path_of(folder, "sub-x"), (char)('0' + i), 1000);
		root[i] = add();
	}
	cache.limit = 2500;
	assert_int_equal(stage(&root[0], &did) | stage(&root[1], &did), AIC_OK);
	set_used(&root[0], 2000);
	set_used(&root[1], 1000);
	assert_int_equal(stage(&root[2], &did), AIC_OK); /* the one that was not used for longest goes */
	assert_true(is_there(&root[0]) && !is_there(&root[1]) && is_there(&root[2]));
	set_used(&root[2], 1500);
	pin = root[2];
	assert_int_equal(stage_with(&root[3], &did, is_pin, NULL), AIC_OK); /* unless it is in use */
	assert_true(!is_there(&root[0]) && is_there(&root[2]) && is_there(&root[3]));
	cache.limit = 1500;
	assert_int_equal(stage_with(&root[1], &did, is_pin, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "running jobs use 1000 B of the 1.4 KiB"));
	assert_false(is_there(&root[1]));
	cache.limit = 999;
	assert_int_equal(stage_with(&root[0], &did, NULL, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "the data set has 1000 B, the cache"));
	assert_non_null(strstr(err.message, "holds 999 B at most: raise datasets.size"));
}

static void folders(void **state)
{
	aic_dataset m;
	aic_error err;
	aic_hash root = add(), again;

	(void)state;
	assert_int_equal(symlink("big", path_of(folder, "sub/link")), 0);
	assert_int_equal(aic_dataset_add_folder(&m, store, folder, NULL, NULL, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "sub/link is no plain file"));
	aic_dataset_clear(&m);
	unlink(path_of(folder, "sub/link"));
	assert_int_equal(aic_name_put(path_of(store, "names"), "a/b", &root, NULL), AIC_OK);
	assert_int_equal(aic_store_name(&again, store, "a/b", NULL), AIC_OK);
	assert_true(aic_hash_equal(&root, &again));
	assert_int_equal(aic_store_name(&again, store, "a", &err), AIC_NOT_FOUND);
	assert_non_null(strstr(err.message, "has no data set a"));
	write_bytes(path_of(store, "names/c"), 'z', 65);
	assert_int_equal(aic_store_name(&again, store, "c", &err), AIC_CORRUPT);
}

static void wants(void **state)
{
	aic_want w = {.job_id = 7, .restart = 1, .step_id = 4294967291u, .uid = 1000, .stepd = getpid(), .dataset = "faces"};
	aic_stage_report r = {.state = AIC_STAGE_FAILED, .done = 1, .bytes = 2, .text = "two\nlines"};
	aic_wanted *all;
	size_t n;

	(void)state;
	assert_int_equal(aic_want_write(dir, &w, NULL), AIC_NOT_FOUND);
	assert_int_equal(mkdir(path_of(dir, AIC_WANTS_DIR), 0700), 0);
	assert_int_equal(aic_want_write(dir, &w, NULL), AIC_OK);
	assert_int_equal(aic_wants_list(&all, &n, dir, NULL), AIC_OK);
	assert_int_equal(n, 0); /* no such slurmstepd: its start differs; it is removed */
	free(all);
	w.stepd = 0;
	assert_int_equal(aic_want_write(dir, &w, NULL), AIC_OK);
	assert_int_equal(aic_wants_report(dir, &w, &r, NULL), AIC_OK);
	assert_int_equal(aic_wants_list(&all, &n, dir, NULL), AIC_OK);
	assert_int_equal(n, 1);
	assert_true(aic_wanted_settled(&all[0]));
	assert_string_equal(all[0].want.dataset, "faces");
	assert_string_equal(all[0].report.text, "two lines");
	free(all);
}

static void features(void **state)
{
	char *names[] = {"faces", "uni/cells"};
	aic_bytes out = {0};
	char **node;
	size_t n;

	(void)state;
	aic_features_merge(&out, "(null)", names, 2);
	assert_string_equal((char *)out.data, "aic-data-faces,aic-data-uni_cells");
	aic_features_merge(&out, "gpu,aic-data-old,rack1", names, 1);
	assert_string_equal((char *)out.data, "gpu,rack1,aic-data-faces");
	aic_features_merge(&out, "aic-data-old", NULL, 0);
	assert_string_equal((char *)out.data, "");
	assert_true(aic_features_find(&out, "NodeName=n1 AvailableFeatures=a,b ActiveFeatures=a Gres=gpu:2\n", "ActiveFeatures"));
	assert_string_equal((char *)out.data, "a");
	assert_false(aic_features_find(&out, "NodeName=n1 AvailableFeatures=a", "Features"));
	aic_bytes_free(&out);
	aic_peers_parse(&node, &n, "n1|aic-data-faces\nn1|aic-data-faces\nn2|(null)\nn3|a,aic-data-faces,b\nn4|aic-data-faces2\n|\n", "faces");
	assert_int_equal(n, 2);
	assert_string_equal(node[0], "n1");
	assert_string_equal(node[1], "n3");
	aic_names_free(node, n);
}

static void constraints(void **state)
{
	char buf[64];

	(void)state;
	assert_true(aic_constraint_merge(buf, sizeof(buf), NULL, "f"));
	assert_string_equal(buf, "f");
	assert_true(aic_constraint_merge(buf, sizeof(buf), "a&b", "f"));
	assert_string_equal(buf, "a&b&f");
	assert_false(aic_constraint_merge(buf, sizeof(buf), "a&f", "f"));
	assert_false(aic_constraint_merge(buf, sizeof(buf), "a|b", "f"));
	assert_false(aic_constraint_merge(buf, sizeof(buf), "[a*2&b*1]", "f"));
	assert_false(aic_constraint_merge(buf, sizeof(buf), "a&&b", "f"));
	assert_false(aic_constraint_merge(buf, 5, "aa&b", "f"));
}

static void sizes(void **state)
{
	char buf[AIC_SIZE_TEXT];
	uint64_t bytes;

	(void)state;
	assert_int_equal(aic_size_parse(&bytes, "1.5KiB", NULL), AIC_OK);
	assert_int_equal(bytes, 1536);
	assert_int_equal(aic_size_parse(&bytes, "12", NULL), AIC_OK);
	assert_int_equal(bytes, 12);
	assert_int_equal(aic_size_parse(&bytes, "0", NULL), AIC_USAGE);
	assert_int_equal(aic_size_parse(&bytes, "1KB", NULL), AIC_USAGE);
	assert_string_equal(aic_size_format(buf, 1023), "1023 B");
	assert_string_equal(aic_size_format(buf, 1536), "1.5 KiB");
	assert_string_equal(aic_size_format(buf, (1ull << 40) - 1), "1023.9 GiB");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(content_root), CASE(manifests), CASE(staged), CASE(taken_up), CASE(never_wrong), CASE(limit), CASE(folders), CASE(wants),
		CASE(features), CASE(constraints), CASE(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
