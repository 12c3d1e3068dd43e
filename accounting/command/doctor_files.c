/* doctor_files.c: owners and modes of directories and keys, and the snapshot. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "accounting/command/doctor.h"
#include "common/snapshot.h"

static const char *user_name(uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	return pw ? pw->pw_name : "nobody's";
}

/* Owner, group (NULL: any) and the bits that must and must not be set. */
static void check_dir(aic_doctor *d, const char *what, const char *path, uid_t owner, const gid_t *group, mode_t must, mode_t must_not,
                      const char *should)
{
	char remedy[AIC_PATH_LEN + 400];
	struct stat sb;

	snprintf(remedy, sizeof(remedy), "install -d %s %s", should, path);
	if (stat(path, &sb)) {
		aic_doctor_find(d, AIC_HEALTH_BAD, what, remedy, "%s: %s", path, strerror(errno));
		return;
	}
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != owner || (group && sb.st_gid != *group) || (sb.st_mode & must) != must ||
	    sb.st_mode & must_not)
		aic_doctor_find(d, AIC_HEALTH_BAD, what, remedy, "%s belongs to %s (uid %u, gid %u) with mode %04o, should be: %s", path,
		                user_name(sb.st_uid), (unsigned)sb.st_uid, (unsigned)sb.st_gid, (unsigned)(sb.st_mode & 07777), should);
	else
		aic_doctor_find(d, AIC_HEALTH_OK, what, NULL, "%s, %s, mode %04o", path, user_name(sb.st_uid), (unsigned)(sb.st_mode & 07777));
}

/* slurmctld must pass through every directory above the snapshot's. */
static void check_way(aic_doctor *d, const char *dir, uid_t uid, gid_t gid)
{
	char part[AIC_PATH_LEN], remedy[AIC_PATH_LEN + 40];
	struct stat sb;

	aic_str_copy(part, sizeof(part), dir);
	for (char *slash = strrchr(part, '/'); slash && slash != part; slash = strrchr(part, '/')) {
		*slash = '\0';
		if (stat(part, &sb))
			continue;
		mode_t pass = sb.st_uid == uid ? S_IXUSR : sb.st_gid == gid ? S_IXGRP : S_IXOTH;
		snprintf(remedy, sizeof(remedy), "chmod o+x %s", part);
		if (!(sb.st_mode & pass))
			aic_doctor_find(d, AIC_HEALTH_BAD, "way to snapshot", remedy, "%s, mode %04o, is closed to slurmctld (uid %u)", part,
			                (unsigned)(sb.st_mode & 07777), (unsigned)uid);
	}
}

static void check_keys(aic_doctor *d, const char *dir, uid_t owner)
{
	char path[AIC_PATH_LEN + 256], remedy[2 * AIC_PATH_LEN + 800];
	struct dirent *e;
	struct stat sb;
	DIR *open = opendir(dir);

	while (open && (e = readdir(open))) {
		size_t len = strlen(e->d_name);
		if (len < 4 || strcmp(e->d_name + len - 4, ".key"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &sb))
			continue;
		snprintf(remedy, sizeof(remedy), "chown %s %s && chmod 0600 %s", user_name(owner), path, path);
		bool good = sb.st_uid == owner && !(sb.st_mode & 077);
		aic_doctor_find(d, good ? AIC_HEALTH_OK : AIC_HEALTH_BAD, "key", good ? NULL : remedy, "%s, %s, mode %04o", path,
		                user_name(sb.st_uid), (unsigned)(sb.st_mode & 07777));
	}
	if (open)
		closedir(open);
}

/* The spool's records wait in slurmctld's memory where its disk is full, and aicacctd takes none where its own is. */
static void check_room(aic_doctor *d, const char *what, const char *path)
{
	struct statvfs v;

	if (statvfs(path, &v) || !v.f_blocks)
		return;
	uint64_t percent = (uint64_t)v.f_bavail * 100 / v.f_blocks, mib = (uint64_t)v.f_bavail * v.f_frsize >> 20;
	aic_health h = percent < 1 ? AIC_HEALTH_BAD : percent < 10 ? AIC_HEALTH_WARN : AIC_HEALTH_OK;
	aic_doctor_find(d, h, what, h == AIC_HEALTH_OK ? NULL : "make room on that file system", "%s: %llu %% of its file system are free, %llu MiB",
	                path, (unsigned long long)percent, (unsigned long long)mib);
}

static void check_snapshot(aic_doctor *d)
{
	aic_snapshot *s = NULL;
	aic_error err = {0};
	struct stat sb;

	if (aic_snapshot_open(&s, d->config->snapshot, &err) != AIC_OK) {
		aic_doctor_find(d, AIC_HEALTH_BAD, "snapshot", "start aicacctd, which writes it", "%s", err.message);
		return;
	}
	int64_t age = aic_snapshot_age(s, aic_now());
	bool stale = aic_snapshot_stale(s, aic_now());
	aic_doctor_find(d, stale ? AIC_HEALTH_BAD : AIC_HEALTH_OK, "snapshot", stale ? "start aicacctd, which writes it every 10 s" : NULL,
	                "%s is %lld s old%s", d->config->snapshot, (long long)age,
	                !stale ? "" : d->config->closed_when_stale ? ": jobs are held meanwhile" : ": jobs pass unchecked meanwhile");
	aic_snapshot_close(s);
	if (!stat(d->config->snapshot, &sb) && (sb.st_gid != d->config->slurm_gid || (sb.st_mode & 0777) != 0640))
		aic_doctor_find(d, AIC_HEALTH_BAD, "snapshot", "give its directory to Slurm's group with setgid, and restart aicacctd",
		                "group %u and mode %04o: slurmctld needs group %u and 0640", (unsigned)sb.st_gid,
		                (unsigned)(sb.st_mode & 07777), (unsigned)d->config->slurm_gid);
}

void aic_doctor_files(aic_doctor *d)
{
	const aic_config *c = d->config;
	const struct passwd *slurm = getpwnam(c->slurm_user), *aic;
	uid_t slurm_uid = slurm ? slurm->pw_uid : (uid_t)-1;
	char dir[AIC_PATH_LEN], should[300];
	gid_t aic_gid;

	if (!slurm)
		aic_doctor_find(d, AIC_HEALTH_BAD, "slurm_user", "set slurm_user in aic.yaml to slurm.conf's SlurmUser", "there is no user %s",
		                c->slurm_user);
	aic = getpwuid(c->uid);
	aic_gid = aic ? aic->pw_gid : (gid_t)-1;
	snprintf(should, sizeof(should), "-o %s -g %s -m 0751", c->user, c->user); /* others pass through, to the snapshot */
	check_dir(d, "state", c->state_dir, c->uid, NULL, 0700, 026, should);
	snprintf(should, sizeof(should), "-o %s -g %s -m 0755", c->user, c->user);
	check_dir(d, "run", c->run_dir, c->uid, NULL, 0755, 022, should);
	snprintf(should, sizeof(should), "-o %s -g %s -m 2770", c->slurm_user, c->user);
	check_dir(d, "spool", c->spool, slurm_uid, &aic_gid, 02770, 007, should);
	aic_str_copy(dir, sizeof(dir), c->snapshot);
	if (strrchr(dir, '/'))
		*strrchr(dir, '/') = '\0';
	snprintf(should, sizeof(should), "-o %s -g %s -m 2750", c->user, c->slurm_user);
	check_dir(d, "snapshot directory", dir, c->uid, &c->slurm_gid, 02750, 027, should);
	check_way(d, dir, slurm_uid, c->slurm_gid);
	check_keys(d, c->state_dir, c->uid);
	snprintf(dir, sizeof(dir), "%.*s/keys", AIC_PATH_LEN - 6, c->state_dir);
	check_keys(d, dir, c->uid);
	check_room(d, "room for the spool", c->spool);
	check_room(d, "room for databases", c->state_dir);
	check_snapshot(d);
}
