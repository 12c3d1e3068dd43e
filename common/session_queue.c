#define _GNU_SOURCE
#include "common/session_queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#define QUEUE "queue"
#define NODES "nodes"
#define CLOSE "close"
#define COMMIT "commit-"
#define MESSAGE_BYTES_MAX 512
#define FOLDER_MODE 0770 /* and the store's group, with set-group-id, from the store */
#define FILE_MODE 0640
#define PATH_ROOM (AIC_SESSION_PATH_LEN + 64)

/* --- the store --- */

static aic_code make_folder(const char *path, aic_error *err)
{
	struct stat st;
	mode_t mask = umask(0);
	int made = mkdir(path, FOLDER_MODE), error = errno;

	umask(mask);
	if (made != 0 && error != EEXIST) {
		errno = error;
		return aic_fail_errno(err, "the folder %s cannot be made: sessions: store of aic.yaml must be aic's, of mode 03733, on all nodes", path);
	}
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return aic_fail(err, AIC_REFUSED, "%s is there and not a folder of uid %u", path, (unsigned)geteuid());
	return AIC_OK;
}

aic_code aic_session_dir_make(char path[AIC_SESSION_PATH_LEN], const char *store, const aic_hash *session, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1], queue[PATH_ROOM];

	aic_hash_hex(hex, session);
	aic_code rc = aic_path_join(path, AIC_SESSION_PATH_LEN, store, hex, err);
	if (rc == AIC_OK)
		rc = make_folder(path, err);
	if (rc == AIC_OK)
		rc = aic_path_join(queue, sizeof(queue), path, QUEUE, err);
	return rc == AIC_OK ? make_folder(queue, err) : rc;
}

/* --- by the training --- */

static aic_code put(const char *dir, const char *name, aic_bytes *message, aic_error *err)
{
	char path[PATH_ROOM];
	int n = snprintf(path, sizeof(path), "%s/" QUEUE "/%s", dir, name);
	aic_code rc = n < (int)sizeof(path) ? AIC_OK : aic_fail(err, AIC_USAGE, "%s is too long a path", dir);

	if (rc == AIC_OK)
		rc = aic_file_write_atomic(path, message->data, message->len, FILE_MODE, err);
	aic_bytes_free(message);
	return rc;
}

aic_code aic_session_queue_nodes(const char *dir, const aic_job_step *step, aic_error *err)
{
	char path[PATH_ROOM];
	aic_bytes b = {0};

	snprintf(path, sizeof(path), "%s/" QUEUE "/" CLOSE, dir);
	if (unlink(path) != 0 && errno != ENOENT)
		return aic_fail_errno(err, "%s cannot be taken back", path);
	aic_cbor_put_array(&b, 4);
	aic_cbor_put_text(&b, step->cluster);
	aic_cbor_put_uint(&b, step->job);
	aic_cbor_put_uint(&b, step->step);
	aic_cbor_put_uint(&b, step->restart);
	return put(dir, NODES, &b, err);
}

void aic_session_queue_forget_nodes(const char *dir)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/" QUEUE "/" NODES, dir);
	unlink(path);
}

aic_code aic_session_queue_commit(const char *dir, uint64_t number, const aic_committed *c, aic_error *err)
{
	char name[64];
	aic_bytes b = {0};

	snprintf(name, sizeof(name), COMMIT "%010llu", (unsigned long long)number);
	aic_cbor_put_array(&b, 4);
	aic_cbor_put_uint(&b, number);
	aic_cbor_put_uint(&b, c->step);
	aic_cbor_put_bytes(&b, c->chain.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&b, c->root.b, AIC_HASH_LEN);
	return put(dir, name, &b, err);
}

aic_code aic_session_queue_close(const char *dir, uint64_t steps, aic_session_end end, aic_error *err)
{
	aic_bytes b = {0};

	aic_cbor_put_array(&b, 2);
	aic_cbor_put_uint(&b, steps);
	aic_cbor_put_uint(&b, end);
	return put(dir, CLOSE, &b, err);
}

/* --- delivery --- */

/* The queue of one folder, opened so that nobody puts a link in its place: files are named through the descriptors. */
typedef struct {
	int dir, queue;
	const aic_session_name *name;
	aic_rpc *rpc;
	size_t n;
	uint64_t *number; /* queued checkpoints, ascending */
	bool nodes, close;
	aic_session_delivered *done;
} delivery;

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static aic_code list(delivery *d, const char *dir, aic_error *err)
{
	int fd = dup(d->queue);
	DIR *queue = fd < 0 ? NULL : fdopendir(fd);

	if (!queue)
		return aic_fail_errno(err, "the queue of %s cannot be read", dir);
	rewinddir(queue);
	for (struct dirent *e; (e = readdir(queue)) != NULL;) {
		unsigned long long number;
		if (strcmp(e->d_name, NODES) == 0) {
			d->nodes = true;
		} else if (strcmp(e->d_name, CLOSE) == 0) {
			d->close = true;
		} else if (sscanf(e->d_name, COMMIT "%10llu", &number) == 1) {
			d->number = aic_xrealloc(d->number, (d->n + 1) * sizeof(*d->number));
			d->number[d->n++] = number;
		}
	}
	closedir(queue);
	if (d->n)
		qsort(d->number, d->n, sizeof(*d->number), ascending);
	d->done->left = d->n + d->nodes + d->close;
	return AIC_OK;
}

static aic_code read_message(const delivery *d, const char *name, aic_bytes *message, aic_error *err)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", d->queue, name);
	aic_bytes_clear(message);
	return aic_file_read_plain(message, path, MESSAGE_BYTES_MAX, err);
}

static aic_code remove_message(delivery *d, const char *name, aic_error *err)
{
	if (unlinkat(d->queue, name, 0) != 0 && errno != ENOENT)
		return aic_fail_errno(err, "the acknowledged message %s cannot be removed", name);
	d->done->left--;
	return AIC_OK;
}

static aic_code send_nodes(delivery *d, aic_error *err)
{
	aic_job_step step = {0};
	aic_bytes message = {0};
	aic_cbor c;
	aic_code rc = read_message(d, NODES, &message, err);

	if (rc == AIC_OK) {
		aic_cbor_init(&c, message.data, message.len);
		aic_cbor_array_exact(&c, 4);
		aic_cbor_text(&c, step.cluster, sizeof(step.cluster));
		step.job = (uint32_t)aic_cbor_uint(&c);
		step.step = (uint32_t)aic_cbor_uint(&c);
		step.restart = (uint32_t)aic_cbor_uint(&c);
		rc = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&message);
	if (rc == AIC_OK)
		rc = aic_session_call_nodes(d->rpc, d->name, &step, err);
	return rc == AIC_OK ? remove_message(d, NODES, err) : rc;
}

static aic_code read_commit(const delivery *d, uint64_t number, aic_committed *to, aic_error *err)
{
	char name[64];
	aic_bytes message = {0};
	aic_cbor c;

	snprintf(name, sizeof(name), COMMIT "%010llu", (unsigned long long)number);
	aic_code rc = read_message(d, name, &message, err);
	if (rc == AIC_OK) {
		aic_cbor_init(&c, message.data, message.len);
		aic_cbor_array_exact(&c, 4);
		if (aic_cbor_uint(&c) != number)
			aic_cbor_fail(&c, "it is of another number than its name, %llu", (unsigned long long)number);
		to->step = aic_cbor_uint(&c);
		aic_cbor_bytes_exact(&c, to->chain.b, AIC_HASH_LEN);
		aic_cbor_bytes_exact(&c, to->root.b, AIC_HASH_LEN);
		rc = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&message);
	return rc;
}

/* The checkpoints from d->number[at] on that follow one another, and no more than a call takes. */
static aic_code send_commits(delivery *d, size_t *at, aic_error *err)
{
	aic_committed *batch = aic_xcalloc(AIC_SESSION_COMMIT_MAX, sizeof(*batch));
	aic_session_commitment m = {.name = *d->name, .first = d->number[*at], .checkpoint = batch};
	aic_code rc = AIC_OK;
	uint64_t stand = 0;

	while (rc == AIC_OK && m.n < AIC_SESSION_COMMIT_MAX && *at + m.n < d->n && d->number[*at + m.n] == m.first + m.n) {
		rc = read_commit(d, m.first + m.n, &batch[m.n], err);
		m.n += rc == AIC_OK;
	}
	if (rc == AIC_OK)
		rc = aic_session_call_commit(d->rpc, &m, &stand, err);
	if (rc == AIC_OK && stand < m.first + m.n)
		rc = aic_fail(err, AIC_CORRUPT, "%llu checkpoints stand, though %llu were acknowledged", (unsigned long long)stand, (unsigned long long)(m.first + m.n));
	for (size_t i = 0; i < m.n && rc == AIC_OK; i++) {
		char name[64];
		snprintf(name, sizeof(name), COMMIT "%010llu", (unsigned long long)(m.first + i));
		rc = remove_message(d, name, err);
		d->done->committed++;
		(*at)++;
	}
	free(batch);
	return rc;
}

static aic_code send_close(delivery *d, aic_error *err)
{
	aic_session_closing m = {.name = *d->name};
	aic_bytes message = {0};
	aic_cbor c;
	aic_code rc = read_message(d, CLOSE, &message, err);

	if (rc == AIC_OK) {
		aic_cbor_init(&c, message.data, message.len);
		aic_cbor_array_exact(&c, 2);
		m.steps = aic_cbor_uint(&c);
		m.end = (uint32_t)aic_cbor_uint(&c);
		rc = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&message);
	if (rc == AIC_OK)
		rc = aic_session_call_close(d->rpc, &m, err);
	if (rc != AIC_OK)
		return rc;
	if (renameat(d->queue, CLOSE, d->dir, AIC_SESSION_CLOSED_FILE) != 0 && errno != ENOENT)
		return aic_fail_errno(err, "the acknowledged closing cannot be marked");
	d->done->closed = true;
	d->done->left--;
	return AIC_OK;
}

static aic_code send_all(delivery *d, aic_error *err)
{
	aic_code rc = d->nodes ? send_nodes(d, err) : AIC_OK;

	for (size_t at = 0; rc == AIC_OK && at < d->n;)
		rc = send_commits(d, &at, err);
	return rc == AIC_OK && d->close ? send_close(d, err) : rc;
}

aic_code aic_session_queue_deliver(const char *dir, const aic_session_name *name, aic_rpc *rpc, aic_session_delivered *done, aic_error *err)
{
	delivery d = {.dir = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), .queue = -1, .name = name, .rpc = rpc, .done = done};
	aic_code rc = AIC_OK;

	*done = (aic_session_delivered){0};
	if (d.dir >= 0)
		d.queue = openat(d.dir, QUEUE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d.queue < 0)
		rc = aic_fail_errno(err, "the queue of %s cannot be opened", dir);
	if (rc == AIC_OK)
		rc = list(&d, dir, err);
	if (rc == AIC_OK)
		rc = send_all(&d, err);
	free(d.number);
	if (d.queue >= 0)
		close(d.queue);
	if (d.dir >= 0)
		close(d.dir);
	return rc;
}
