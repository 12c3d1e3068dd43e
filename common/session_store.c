/* session_store.c: the site's store of sessions as a whole. Users own the folders in it and may change them at any moment. */
#define _GNU_SOURCE
#include "common/session_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/session_queue.h"
#include "common/time.h"

#define QUEUE "queue"
#define USED ".used"
#define PATH_ROOM (AIC_SESSION_PATH_LEN + 64)
#define TIMEOUT_MS 30000
#define TOLD_S 3600  /* what is refused is told for so long */

aic_code aic_session_store_room(const char *store, uint64_t room, uint64_t bytes, aic_error *err)
{
	char path[PATH_ROOM];
	aic_bytes text = {0};
	struct statvfs disk;
	uint64_t used = 0;

	if (access(store, W_OK | X_OK) != 0)
		return aic_fail_errno(err, "nothing can be put into the store %s", store);
	if (statvfs(store, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < bytes)
		return aic_fail(err, AIC_FULL, "the store's disk has %llu MiB left, this session needs up to %llu", (unsigned long long)disk.f_bavail * disk.f_frsize >> 20,
		                (unsigned long long)bytes >> 20);
	if (aic_path_join(path, sizeof(path), store, USED, NULL) == AIC_OK && aic_file_read_plain(&text, path, 32, NULL) == AIC_OK) {
		aic_bytes_append(&text, "", 1);
		used = strtoull((char *)text.data, NULL, 10);
	}
	aic_bytes_free(&text);
	if (used > room || bytes > room - used)
		return aic_fail(err, AIC_FULL, "sessions take %llu MiB of the store's %llu, this one needs up to %llu (sessions: room of aic.yaml)",
		                (unsigned long long)used >> 20, (unsigned long long)room >> 20, (unsigned long long)bytes >> 20);
	return AIC_OK;
}

static bool is_session(const char *name)
{
	uint8_t id[AIC_HASH_LEN];

	return aic_unhex(id, sizeof(id), name);
}

/* Calls act with each session's folder; it is nobody's link. */
static aic_code each_session(const char *store, void (*act)(const char *path, const char *name, void *ctx), void *ctx, aic_error *err)
{
	DIR *dir = opendir(store);
	char path[PATH_ROOM];

	if (!dir)
		return aic_fail_errno(err, "the sessions' store %s cannot be read: it must be aic's own", store);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		struct stat st;
		if (is_session(e->d_name) && aic_path_join(path, sizeof(path), store, e->d_name, NULL) == AIC_OK && lstat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			act(path, e->d_name, ctx);
	}
	closedir(dir);
	return AIC_OK;
}

static void add_folder(const char *path, const char *name, void *ctx)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t *bytes = ctx;

	(void)name;
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		struct stat st;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			*bytes += (uint64_t)st.st_size;
	}
	if (dir)
		closedir(dir);
}

aic_code aic_session_store_measure(const char *store, uint64_t *bytes, aic_error *err)
{
	char path[PATH_ROOM], text[32];

	*bytes = 0;
	aic_code rc = each_session(store, add_folder, bytes, err);
	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), store, USED, err);
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)*bytes);
	return rc == AIC_OK ? aic_file_write_atomic(path, text, strlen(text), 0644, err) : rc;
}

typedef struct {
	aic_rpc *rpc;
	int64_t now, settled;
	uint64_t left;
	aic_code rc; /* once aicacctd does not answer, the others wait too */
	aic_error err;
} delivery_round;

/* Whether something is queued, and for how long nothing was changed there. */
static bool is_waiting(const delivery_round *r, const char *path, int64_t *still)
{
	char queue[PATH_ROOM];
	DIR *dir = aic_path_join(queue, sizeof(queue), path, QUEUE, NULL) == AIC_OK ? opendir(queue) : NULL;
	bool waiting = false;
	struct stat st;

	*still = dir && fstat(dirfd(dir), &st) == 0 ? r->now - st.st_mtime : 0;
	for (struct dirent *e; dir && !waiting && (e = readdir(dir)) != NULL;)
		waiting = e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return waiting;
}

static void deliver_one(const char *path, const char *name, void *ctx)
{
	aic_session_delivered done = {0};
	aic_session_record record;
	char hex[2 * AIC_HASH_LEN + 1];
	aic_error err = {0};
	delivery_round *r = ctx;
	int64_t still;

	if (!is_waiting(r, path, &still))
		return;
	r->left++;
	if (r->rc != AIC_OK || still < r->settled)
		return;
	aic_code rc = aic_session_record_load(&record, path, &err);
	aic_hash_hex(hex, &record.name.session);
	if (rc == AIC_OK && strcmp(hex, name) != 0)
		rc = aic_fail(&err, AIC_CORRUPT, "it is the record of session %s", hex);
	if (rc == AIC_OK)
		rc = aic_session_queue_deliver(path, &record.name, r->rpc, &done, &err);
	if (rc == AIC_OK)
		r->left--;
	else if (rc == AIC_UNREACHABLE)
		r->rc = rc, r->err = err;
	else if (still < TOLD_S)
		aic_warn("what session %s has to say is not delivered: %s", name, err.message);
}

aic_code aic_session_store_deliver(const char *store, aic_rpc *rpc, int64_t settled, uint64_t *left, aic_error *err)
{
	delivery_round r = {.rpc = rpc, .now = aic_now(), .settled = settled};
	aic_code rc = each_session(store, deliver_one, &r, err);

	*left = r.left;
	if (rc == AIC_OK && r.rc != AIC_OK) {
		*err = r.err;
		rc = r.rc;
	}
	return rc;
}

/* --- all of it --- */

aic_code aic_session_store_tend(const aic_config *c, aic_error *err)
{
	char address[AIC_PATH_LEN];
	uint64_t left = 0, bytes;
	aic_error why = {0};
	aic_rpc *rpc;

	if (!c->sessions.store[0])
		return AIC_OK;
	aic_code rc = aic_rpc_open(&rpc, "acct", aic_config_acct_socket(c, address), c->uid, TIMEOUT_MS, err);
	if (rc == AIC_OK) {
		rc = aic_session_store_deliver(c->sessions.store, rpc, AIC_SESSION_SETTLED_S, &left, err);
		aic_rpc_close(rpc);
	}
	if (aic_session_store_measure(c->sessions.store, &bytes, &why) != AIC_OK) {
		if (rc == AIC_OK && err)
			*err = why;
		return rc == AIC_OK ? why.code : rc;
	}
	return rc;
}
