/* fetch.c: what came out goes to its researcher: followed while it grows, fetched when it is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "slurm-plugins/train/client.h"

#define LOG "train.log"
#define LOOK_US 500000
#define PATIENCE_MS 600000 /* aictraind may be restarted, or its host */

static bool is_checkpoint(const char *path)
{
	size_t len = strlen(path);

	return len > 7 && !strcmp(path + len - 7, ".aickpt");
}

/* "out/model.safetensors" becomes FOLDER/model.safetensors. */
static aic_code target(char path[PATH_MAX], const char *folder, const char *name, aic_error *err)
{
	aic_code rc = aic_path_join(path, PATH_MAX, folder, strncmp(name, "out/", 4) ? name : name + 4, err);
	char *slash = strrchr(path, '/');

	if (rc != AIC_OK)
		return rc;
	*slash = '\0';
	rc = aic_dir_make(path, 0755, err);
	*slash = '/';
	return rc;
}

static aic_code fetch_file(aic_train_client *c, uint32_t job, const aic_train_file *f, const char *path, aic_error *err)
{
	char part[PATH_MAX];
	aic_bytes piece = {0};
	uint64_t at = 0;
	struct stat st;
	aic_code rc = AIC_OK;
	int fd;

	if (!stat(path, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size)
		return AIC_OK;
	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return aic_fail(err, AIC_USAGE, "%s is too long for a path", path);
	if ((fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
		return aic_fail_errno(err, "cannot write %s", part);
	while (rc == AIC_OK && at < f->size) {
		aic_bytes_clear(&piece);
		rc = aic_train_get(c, job, f->path, at, &piece, err);
		if (rc == AIC_OK && !piece.len)
			rc = aic_fail(err, AIC_CORRUPT, "%s ends after %llu of %llu bytes: fetch it again", f->path, (unsigned long long)at,
			              (unsigned long long)f->size);
		if (rc == AIC_OK && aic_write_all(fd, piece.data, piece.len))
			rc = aic_fail_errno(err, "cannot write %s", part);
		at += piece.len;
	}
	if (rc == AIC_OK && (fsync(fd) || rename(part, path)))
		rc = aic_fail_errno(err, "cannot write %s", path);
	close(fd);
	aic_bytes_free(&piece);
	return rc;
}

aic_code aic_train_fetch(aic_train_client *c, uint32_t job, const char *folder, bool checkpoints, size_t *files, aic_error *err)
{
	char path[PATH_MAX];
	aic_train_file *all;
	aic_train_run r;
	size_t n = 0;
	aic_code rc = aic_train_show(c, job, &r, err);

	*files = 0;
	if (rc == AIC_OK && !r.ended)
		return aic_fail(err, AIC_REFUSED, "job %u is %s: `aic train wait %u` follows it and fetches what comes out", job, r.state, job);
	if (rc != AIC_OK || (rc = aic_train_files(c, job, &all, &n, err)) != AIC_OK)
		return rc;
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		if (is_checkpoint(all[i].path) && !checkpoints)
			continue;
		if ((rc = target(path, folder, all[i].path, err)) == AIC_OK)
			rc = fetch_file(c, job, &all[i], path, err);
		*files += rc == AIC_OK;
	}
	free(all);
	return rc;
}

/* Tries again for a while where aictraind does not answer. */
static bool again(aic_code rc, int64_t *since, const aic_error *err)
{
	if (rc != AIC_UNREACHABLE) {
		*since = 0;
		return rc == AIC_OK;
	}
	if (!*since) {
		*since = aic_monotonic_ms();
		fprintf(stderr, "aic train: %s; the job goes on, trying again\n", err->message);
	}
	return aic_monotonic_ms() - *since < PATIENCE_MS;
}

aic_code aic_train_follow(aic_train_client *c, uint32_t job, aic_train_run *r, aic_error *err)
{
	char said[AIC_TRAIN_STATE_LEN + AIC_NAME_LEN] = "", now[sizeof(said) + 2];
	aic_bytes piece = {0};
	uint64_t at = 0;
	int64_t since = 0;
	aic_code rc;

	do {
		if ((rc = aic_train_show(c, job, r, err)) == AIC_OK) {
			snprintf(now, sizeof(now), "%s %s", r->state, r->why);
			if (!r->ended && strcmp(now, said))
				fprintf(stderr, "job %u: %s\n", job, now);
			aic_str_copy(said, sizeof(said), now);
			do {
				aic_bytes_clear(&piece);
				rc = aic_train_get(c, job, LOG, at, &piece, err);
				fwrite(piece.data, 1, piece.len, stdout);
				at += piece.len;
			} while (rc == AIC_OK && piece.len);
			fflush(stdout);
		}
		if (rc == AIC_OK && r->ended)
			break;
		usleep(LOOK_US);
	} while (again(rc, &since, err));
	aic_bytes_free(&piece);
	return rc;
}
