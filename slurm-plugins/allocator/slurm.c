#include "slurm-plugins/allocator/slurm.h"

#include <errno.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/process.h"

#define ENFORCE_LIMITS 0x0002 /* ACCOUNTING_ENFORCE_LIMITS of Slurm's own headers */
#define SLURM_CONF_DEFAULT "/etc/slurm/slurm.conf"

static char *private_text(uint16_t bits)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} names[] = {
		{PRIVATE_DATA_ACCOUNTS, "accounts"}, {PRIVATE_DATA_EVENTS, "events"}, {PRIVATE_DATA_JOBS, "jobs"},
		{PRIVATE_DATA_NODES, "nodes"}, {PRIVATE_DATA_PARTITIONS, "partitions"}, {PRIVATE_DATA_RESERVATIONS, "reservations"},
		{PRIVATE_DATA_USAGE, "usage"}, {PRIVATE_DATA_USERS, "users"},
	};
	aic_bytes out = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bits & names[i].bit)
			aic_bytes_printf(&out, "%s%s", out.len ? "," : "", names[i].name);
	aic_bytes_append(&out, "", 1);
	return (char *)out.data;
}

static aic_code no_answer(aic_error *err)
{
	return aic_fail(err, AIC_UNREACHABLE, "slurmctld does not answer (%s): start it, or set SLURM_CONF", slurm_strerror(errno));
}

aic_code aic_slurm_load(aic_slurm *s, const aic_config *c, aic_error *err)
{
	slurm_conf_t *conf = NULL;
	const char *path;

	memset(s, 0, sizeof(*s));
	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 0);
	path = getenv("SLURM_CONF");
	aic_str_copy(s->conf_path, sizeof(s->conf_path), path ? path : SLURM_CONF_DEFAULT);
	slurm_init(NULL);
	if (slurm_load_ctl_conf(0, &conf))
		return no_answer(err);
	s->scheduler = aic_xstrdup(conf->sched_params ? conf->sched_params : "");
	s->slurmctld = aic_xstrdup(conf->slurmctld_params ? conf->slurmctld_params : "");
	s->preempt_type = aic_xstrdup(conf->preempt_type ? conf->preempt_type : "");
	s->kill_wait = conf->kill_wait;
	s->message_timeout = conf->msg_timeout;
	s->private_data = private_text(conf->private_data);
	s->tracks_gpus = conf->accounting_storage_tres && strstr(conf->accounting_storage_tres, "gres/gpu") &&
	                 conf->accounting_storage_enforce & ENFORCE_LIMITS;
	slurm_free_ctl_conf(conf);
	if (slurm_load_partitions(0, &s->partitions, SHOW_ALL))
		return no_answer(err);
	return AIC_OK;
}

void aic_slurm_free(aic_slurm *s)
{
	free(s->scheduler);
	free(s->slurmctld);
	free(s->private_data);
	free(s->preempt_type);
	if (s->partitions)
		slurm_free_partition_info_msg(s->partitions);
	memset(s, 0, sizeof(*s));
}

const partition_info_t *aic_slurm_partition(const aic_slurm *s, const char *name)
{
	for (uint32_t i = 0; i < s->partitions->record_count; i++)
		if (!strcmp(s->partitions->partition_array[i].name, name))
			return &s->partitions->partition_array[i];
	return NULL;
}

static aic_code run(const char *const *argv, aic_bytes *said, aic_error *err)
{
	int status;
	aic_code rc = aic_process_run(argv, "", said, &status, err);

	aic_bytes_append(said, "", 1);
	if (rc != AIC_OK || status == 0)
		return rc;
	for (char *p = (char *)said->data; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return aic_fail(err, AIC_REFUSED, "%s %s %s: exit status %d: %.400s", argv[0], argv[1], argv[2] ? argv[2] : "", status,
	                (const char *)said->data);
}

aic_code aic_slurm_qos(aic_bytes *rows, aic_error *err)
{
	static const char *const argv[] = {"sacctmgr", "-nP", "show", "qos", "format=name,grptres,preemptexempttime", NULL};

	return run(argv, rows, err);
}

char *aic_slurm_database_private(void)
{
	static const char *const argv[] = {"sacctmgr", "-n", "show", "config", NULL};
	const char *at = NULL;
	aic_bytes said = {0};
	char *found = NULL;

	if (run(argv, &said, NULL) == AIC_OK)
		for (const char *p = (const char *)said.data; (p = strstr(p, "PrivateData")); p++)
			at = p; /* slurmdbd's own stands behind what slurm.conf says */
	if (at && (at = strchr(at, '='))) {
		at += 1 + strspn(at + 1, " ");
		found = strndup(at, strcspn(at, "\n"));
	}
	aic_bytes_free(&said);
	return found;
}

aic_code aic_slurm_run(const char *const *argv, aic_error *err)
{
	aic_bytes said = {0};
	aic_code rc = run(argv, &said, err);

	aic_bytes_free(&said);
	return rc;
}
