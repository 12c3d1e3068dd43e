#include "slurm-plugins/allocator/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/process.h"

#define CONF_MAX (16u << 20)

/* --- finding --- */

static aic_code read_files(aic_change *c, aic_error *err)
{
	const char *slash = strrchr(c->slurm.conf_path, '/');
	aic_code rc;

	snprintf(c->file, sizeof(c->file), "%.*s" AIC_PLAN_FILE, slash ? (int)(slash + 1 - c->slurm.conf_path) : 0, c->slurm.conf_path);
	rc = aic_file_read(&c->slurm_conf, c->slurm.conf_path, CONF_MAX, err);
	if (rc != AIC_OK)
		return rc;
	aic_bytes_append(&c->slurm_conf, "", 1);
	c->included = strstr((const char *)c->slurm_conf.data, AIC_PLAN_INCLUDE);
	c->slurm_conf.len--;
	rc = aic_file_read(&c->present, c->file, CONF_MAX, err);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, line, n) && (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

static aic_code compare_qos(aic_change *c, aic_error *err)
{
	char row[AIC_PLAN_QOS_LEN];
	aic_bytes rows = {0};
	aic_code rc = c->lending.n ? aic_slurm_qos(&rows, err) : AIC_OK;

	c->qos_differs = aic_xcalloc(c->lending.n + 1, sizeof(*c->qos_differs));
	for (size_t i = 0; i < c->lending.n && rc == AIC_OK; i++)
		c->qos_differs[i] = !has_line((const char *)rows.data, aic_plan_qos(row, &c->lending.lend[i]));
	aic_bytes_free(&rows);
	return rc;
}

static void compare_partition(aic_change *c, const aic_lend *l, const char *name, uint16_t mode, unsigned tier)
{
	const partition_info_t *p = aic_slurm_partition(&c->slurm, name);

	if (!p)
		aic_bytes_printf(&c->drift, "partition %s does not exist in slurmctld: `aic allocator apply`\n", name);
	else if (p->priority_tier != tier || p->preempt_mode != mode)
		aic_bytes_printf(&c->drift, "partition %s has PriorityTier %u and preempts otherwise than planned (PriorityTier %u): `scontrol reconfigure`\n",
		                 name, p->priority_tier, tier);
	else if (mode == PREEMPT_MODE_REQUEUE && (p->grace_time != l->grace_s || !p->qos_char || strcmp(p->qos_char, l->qos)))
		aic_bytes_printf(&c->drift, "partition %s has GraceTime %u and QOS %s, planned are %" PRIu64 " and %s: `scontrol reconfigure`\n", name,
		                 p->grace_time, p->qos_char ? p->qos_char : "none", l->grace_s, l->qos);
}

static bool nodes_meet(const char *a, const char *b)
{
	struct hostlist *list = slurm_hostlist_create(a), *other = slurm_hostlist_create(b);
	bool meet = false;
	char *node;

	while (!meet && (node = slurm_hostlist_shift(list))) {
		meet = slurm_hostlist_find(other, node) >= 0;
		free(node);
	}
	slurm_hostlist_destroy(list);
	slurm_hostlist_destroy(other);
	return meet;
}

static bool is_ours(const aic_lending *l, const char *partition)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->lend[i].lease, partition) || !strcmp(l->lend[i].own, partition))
			return true;
	return false;
}

/* sacct and sacctmgr ask slurmdbd, which knows nothing of slurm.conf's PrivateData. */
static void find_open_database(aic_change *c)
{
	static const char *const wanted[] = {"accounts", "jobs", "usage", "users"};
	char *has = c->lending.n && c->lending.private_data ? aic_slurm_database_private() : NULL;
	bool open = false;

	for (size_t i = 0; has && i < sizeof(wanted) / sizeof(*wanted); i++)
		open |= !strstr(has, wanted[i]);
	if (open)
		aic_bytes_printf(&c->hazards, "sacct -a and sacctmgr show everybody who owns and who borrows: set PrivateData=accounts,jobs,usage,users in "
		                 "slurmdbd.conf (now %s), and restart slurmdbd\n", has);
	free(has);
}

static void find_hazards(aic_change *c)
{
	find_open_database(c);
	for (size_t i = 0; i < c->lending.n; i++) {
		const aic_lend *l = &c->lending.lend[i];

		if (l->gpus && !c->slurm.tracks_gpus)
			aic_bytes_printf(&c->hazards, "%s lends %" PRIu64 " GPUs, which Slurm does not count: set AccountingStorageTRES=gres/gpu and "
			                 "AccountingStorageEnforce=limits, and restart slurmctld\n", l->provider, l->gpus);
		for (uint32_t j = 0; j < c->slurm.partitions->record_count; j++) {
			const partition_info_t *p = &c->slurm.partitions->partition_array[j];

			if (p->nodes && !is_ours(&c->lending, p->name) && p->preempt_mode != PREEMPT_MODE_OFF && nodes_meet(l->nodes, p->nodes))
				aic_bytes_printf(&c->hazards, "partition %s has nodes of %s, and jobs of %s requeue those there: take the nodes out of it, or set "
				                 "PreemptMode=OFF\n", p->name, l->nodes, l->own);
		}
	}
}

/* Once it has warned a guest, slurmctld does not look at it again before KillWait and MessageTimeout are over (Slurm's
 * node_scheduler.c): with less GraceTime the owner's job would start no sooner, so the guest may have these seconds, too. */
static void raise_grace(aic_change *c)
{
	uint64_t least = (uint64_t)c->slurm.kill_wait + c->slurm.message_timeout;

	for (size_t i = 0; i < c->lending.n; i++) {
		aic_lend *l = &c->lending.lend[i];

		if (l->grace_s >= least)
			continue;
		aic_bytes_printf(&c->hazards, "%s gives %" PRIu64 " s of grace, and Slurm ends no guest sooner than after KillWait %u + MessageTimeout %u: "
		                 "GraceTime is %" PRIu64 " s; for less, lower those\n", l->provider, l->grace_s, c->slurm.kill_wait, c->slurm.message_timeout, least);
		l->grace_s = least;
	}
}

aic_code aic_change_find(aic_change *c, const aic_config *config, aic_error *err)
{
	memset(c, 0, sizeof(*c));
	aic_code rc = aic_lending_load(&c->lending, config, NULL, err);

	if (rc == AIC_OK)
		rc = aic_barred_load(&c->barred, config, err);
	if (rc == AIC_OK)
		rc = aic_slurm_load(&c->slurm, config, err);
	if (rc == AIC_OK)
		rc = read_files(c, err);
	if (rc == AIC_OK)
		rc = compare_qos(c, err);
	if (rc != AIC_OK)
		return rc;
	raise_grace(c);
	const aic_plan_settings now = {c->slurm.scheduler, c->slurm.slurmctld, c->slurm.private_data};
	aic_plan_conf(&c->wanted, &c->lending, &now);
	if (c->lending.n && strcmp(c->slurm.preempt_type, "preempt/partition_prio"))
		aic_bytes_printf(&c->drift, "slurmctld runs with PreemptType=%s: `aic allocator apply`\n", c->slurm.preempt_type);
	for (size_t i = 0; i < c->lending.n; i++) {
		compare_partition(c, &c->lending.lend[i], c->lending.lend[i].own, PREEMPT_MODE_OFF, 20);
		compare_partition(c, &c->lending.lend[i], c->lending.lend[i].lease, PREEMPT_MODE_REQUEUE, 1);
	}
	find_hazards(c);
	return AIC_OK;
}

void aic_change_free(aic_change *c)
{
	aic_barred_free(&c->barred);
	aic_lending_free(&c->lending);
	aic_slurm_free(&c->slurm);
	aic_bytes_free(&c->wanted);
	aic_bytes_free(&c->present);
	aic_bytes_free(&c->slurm_conf);
	aic_bytes_free(&c->drift);
	aic_bytes_free(&c->hazards);
	free(c->qos_differs);
}

/* --- saying --- */

static bool file_differs(const aic_change *c)
{
	return c->wanted.len != c->present.len || memcmp(c->wanted.data, c->present.data, c->wanted.len);
}

bool aic_change_any(const aic_change *c)
{
	bool any = !c->included || file_differs(c) || c->drift.len;

	for (size_t i = 0; i < c->lending.n; i++)
		any |= c->qos_differs[i];
	return any;
}

static aic_code print_diff(const aic_change *c, aic_bytes *out, aic_error *err)
{
	char wanted[] = "/tmp/aic-lending.XXXXXX";
	const char *const argv[] = {"diff", "-u", "--new-file", "--label", c->file, "--label", c->file, c->file, wanted, NULL};
	int status, fd = mkstemp(wanted);

	if (fd < 0)
		return aic_fail_errno(err, "cannot make a temporary file in /tmp");
	aic_code rc = aic_write_all(fd, c->wanted.data, c->wanted.len) ? aic_fail_errno(err, "cannot write %s", wanted) : AIC_OK;
	close(fd);
	if (rc == AIC_OK)
		rc = aic_process_run(argv, "", out, &status, err);
	unlink(wanted);
	return rc;
}

/* The words of sacctmgr; a value of -1 takes a limit away. */
static void qos_words(const aic_lend *l, char gpus[64], char lease[64])
{
	if (l->gpus)
		snprintf(gpus, 64, "GrpTRES=gres/gpu=%" PRIu64, l->gpus);
	else
		snprintf(gpus, 64, "GrpTRES=gres/gpu=-1");
	if (l->lease_min)
		snprintf(lease, 64, "PreemptExemptTime=%" PRIu64, l->lease_min);
	else
		snprintf(lease, 64, "PreemptExemptTime=-1");
}

aic_code aic_change_print(const aic_change *c, aic_bytes *out, aic_error *err)
{
	char gpus[64], lease[64];

	for (size_t i = 0; i < c->lending.n; i++) {
		if (!c->qos_differs[i])
			continue;
		qos_words(&c->lending.lend[i], gpus, lease);
		aic_bytes_printf(out, "sacctmgr -i add qos %s\nsacctmgr -i modify qos %s set %s %s\n", c->lending.lend[i].qos, c->lending.lend[i].qos, gpus,
		                 lease);
	}
	if (!c->included)
		aic_bytes_printf(out, "--- %s\n+++ %s\n@@ last line @@\n+" AIC_PLAN_INCLUDE, c->slurm.conf_path, c->slurm.conf_path);
	aic_code rc = file_differs(c) ? print_diff(c, out, err) : AIC_OK;
	if (aic_change_any(c))
		aic_bytes_append_str(out, "scontrol reconfigure\n");
	return rc;
}

/* --- making --- */

static aic_code apply_qos(const aic_lend *l, aic_error *err)
{
	char gpus[64], lease[64];
	const char *const make[] = {"sacctmgr", "-iQ", "add", "qos", l->qos, NULL};
	const char *const set[] = {"sacctmgr", "-iQ", "modify", "qos", l->qos, "set", gpus, lease, NULL};
	aic_bytes rows = {0};

	qos_words(l, gpus, lease);
	aic_code rc = aic_slurm_qos(&rows, err);
	char *there = rc == AIC_OK ? strstr((char *)rows.data, l->qos) : NULL;
	if (rc == AIC_OK && (!there || there[strlen(l->qos)] != '|'))
		rc = aic_slurm_run(make, err);
	aic_bytes_free(&rows);
	return rc == AIC_OK ? aic_slurm_run(set, err) : rc;
}

aic_code aic_change_apply(const aic_change *c, aic_error *err)
{
	static const char *const reconfigure[] = {"scontrol", "reconfigure", NULL, NULL};
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < c->lending.n && rc == AIC_OK; i++)
		if (c->qos_differs[i])
			rc = apply_qos(&c->lending.lend[i], err);
	if (rc == AIC_OK && file_differs(c))
		rc = aic_file_write_atomic(c->file, c->wanted.data, c->wanted.len, 0644, err);
	if (rc == AIC_OK && !c->included) {
		aic_bytes all = {0};

		aic_bytes_append(&all, c->slurm_conf.data, c->slurm_conf.len);
		if (all.len && all.data[all.len - 1] != '\n')
			aic_bytes_append_str(&all, "\n");
		aic_bytes_append_str(&all, AIC_PLAN_INCLUDE);
		rc = aic_file_write_atomic(c->slurm.conf_path, all.data, all.len, 0644, err);
		aic_bytes_free(&all);
	}
	return rc == AIC_OK ? aic_slurm_run(reconfigure, err) : rc;
}
