#define _GNU_SOURCE
#include "accounting/slurm_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/registry.h"
#include "common/cbor.h"
#include "common/file.h"

#define PATIENCE_MS 10000
#define ANSWER_MAX (16u << 20)

void aic_slurm_job_clear(aic_slurm_job *j)
{
	free(j->node);
	memset(j, 0, sizeof(*j));
}

/* --- in the child --- */

void aic_gres_share(aic_node_share *share, const char *gres)
{
	while (gres && *gres) {
		size_t item = strcspn(gres, ",(");
		char text[AIC_NAME_LEN], *count;
		const char *type;

		aic_str_copy(text, item < sizeof(text) ? item + 1 : sizeof(text), gres);
		count = strrchr(text, ':');
		if (count && !strncmp(text, "gpu:", 4) && share->gpu_types < AIC_GPU_TYPES_MAX) {
			*count++ = '\0';
			type = strchr(text, ':') ? strchr(text, ':') + 1 : "";
			share->gpu[share->gpu_types].count = (uint32_t)strtoul(count, NULL, 10);
			aic_str_copy(share->gpu[share->gpu_types++].type, AIC_NAME_LEN, type);
		}
		gres += item;
		if (*gres == '(')
			gres += strcspn(gres, ")") + 1;
		if (*gres == ',')
			gres++;
	}
}

/* "cpu=8,mem=62.5G,node=1": MiB. */
static uint64_t mem_of(const char *tres)
{
	const char *at = tres ? strstr(tres, "mem=") : NULL;
	char *unit = NULL;
	double v = at ? strtod(at + 4, &unit) : 0;
	const char *units = "MGTP", *u = unit && *unit ? strchr(units, *unit) : NULL;

	for (long i = u ? u - units : 0; i > 0; i--)
		v *= 1024;
	return v > 0 ? (uint64_t)v : 0;
}

static void put_node(aic_bytes *out, const job_info_t *job, const char *node, uint32_t index, uint32_t nodes)
{
	aic_node_share share = {.gpu_types = 0};
	int cpus = job->job_resrcs ? slurm_job_cpus_allocated_on_node(job->job_resrcs, node) : 0;

	if (index < job->gres_detail_cnt)
		aic_gres_share(&share, job->gres_detail_str[index]);
	aic_cbor_put_array(out, 4);
	aic_cbor_put_text(out, node);
	aic_cbor_put_uint(out, cpus > 0 ? (uint64_t)cpus : 0);
	aic_cbor_put_uint(out, mem_of(job->tres_alloc_str) / nodes);
	aic_cbor_put_array(out, share.gpu_types);
	for (uint32_t i = 0; i < share.gpu_types; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_text(out, share.gpu[i].type);
		aic_cbor_put_uint(out, share.gpu[i].count);
	}
}

/* The step's nodes, or all of the job's; the step's stand among the job's. */
static void put_nodes(aic_bytes *out, const job_info_t *job, const char *of_step)
{
	struct hostlist *all = slurm_hostlist_create(job->nodes), *step = slurm_hostlist_create(of_step && *of_step ? of_step : job->nodes);
	uint32_t nodes = (uint32_t)slurm_hostlist_count(all), taken = 0;
	aic_bytes rows = {0};
	char *node;

	for (uint32_t i = 0; (node = slurm_hostlist_shift(all)); i++) {
		if (slurm_hostlist_find(step, node) >= 0) {
			put_node(&rows, job, node, i, nodes);
			taken++;
		}
		free(node);
	}
	aic_cbor_put_array(out, taken);
	aic_bytes_append(out, rows.data, rows.len);
	aic_bytes_free(&rows);
	slurm_hostlist_destroy(all);
	slurm_hostlist_destroy(step);
}

static void put_job(aic_bytes *out, const job_info_t *job, const char *cluster, const char *of_step)
{
	uint32_t base = job->job_state & JOB_STATE_BASE;

	aic_cbor_put_uint(out, 0);
	aic_cbor_put_text(out, cluster ? cluster : "");
	aic_cbor_put_text(out, job->account ? job->account : "");
	aic_cbor_put_text(out, job->partition ? job->partition : "");
	aic_cbor_put_uint(out, job->user_id);
	aic_cbor_put_uint(out, job->restart_cnt);
	aic_cbor_put_bool(out, base == JOB_RUNNING || base == JOB_SUSPENDED);
	put_nodes(out, job, of_step);
}

static void ask_slurmctld(aic_bytes *out, const aic_config *c, const aic_job_step *step)
{
	job_step_info_response_msg_t *steps = NULL;
	slurm_conf_t *conf = NULL;
	job_info_msg_t *jobs = NULL;

	slurm_init(c->slurm_conf[0] ? c->slurm_conf : NULL);
	if (slurm_load_ctl_conf(0, &conf) || slurm_load_job(&jobs, step->job, SHOW_ALL | SHOW_DETAIL) || !jobs->record_count) {
		aic_cbor_put_uint(out, errno == ESLURM_INVALID_JOB_ID ? AIC_NOT_FOUND : AIC_UNREACHABLE);
		aic_cbor_put_text(out, slurm_strerror(errno));
		return;
	}
	if (slurm_get_job_steps(0, step->job, step->step, &steps, SHOW_ALL))
		steps = NULL;
	put_job(out, &jobs->job_array[0], conf->cluster_name, steps && steps->job_step_count ? steps->job_steps[0].nodes : NULL);
}

static void child_main(int fd, const aic_config *c, const aic_job_step *step)
{
	aic_bytes out = {0};
	int none = open("/dev/null", O_WRONLY);

	signal(SIGTERM, SIG_DFL);
	alarm(2 * PATIENCE_MS / 1000);
	if (none >= 0)
		dup2(none, STDERR_FILENO); /* libslurm's own words; the reason goes through the pipe */
	ask_slurmctld(&out, c, step);
	_exit(aic_write_all(fd, out.data, out.len) ? 1 : 0);
}

/* --- in the daemon --- */

static void get_nodes(aic_slurm_job *j, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, AIC_RECORD_NODES_MAX);

	j->node = aic_xcalloc(n + 1, sizeof(*j->node));
	for (; j->n < n && aic_cbor_ok(c); j->n++) {
		aic_node_share *s = &j->node[j->n];

		aic_cbor_array_exact(c, 4);
		aic_cbor_text(c, s->name, sizeof(s->name));
		s->cpus = (uint32_t)aic_cbor_uint(c);
		s->mem_mib = aic_cbor_uint(c);
		s->gpu_types = (uint32_t)aic_cbor_array(c, AIC_GPU_TYPES_MAX);
		for (uint32_t i = 0; i < s->gpu_types && aic_cbor_ok(c); i++) {
			aic_cbor_array_exact(c, 2);
			aic_cbor_text(c, s->gpu[i].type, sizeof(s->gpu[i].type));
			s->gpu[i].count = (uint32_t)aic_cbor_uint(c);
		}
	}
}

static aic_code read_answer(aic_slurm_job *j, const aic_bytes *b, uint32_t job, aic_error *err)
{
	char why[256];
	aic_cbor c;

	if (!b->len)
		return aic_fail(err, AIC_UNREACHABLE, "slurmctld says nothing of job %u within %d s: start it and try again", job, PATIENCE_MS / 1000);
	aic_cbor_init(&c, b->data, b->len);
	aic_code code = (aic_code)aic_cbor_uint(&c);
	if (code) {
		aic_cbor_text(&c, why, sizeof(why));
		return aic_cbor_finish(&c, err) ? AIC_CORRUPT
		     : code == AIC_NOT_FOUND ? aic_fail(err, AIC_NOT_FOUND, "Slurm knows no job %u: it has ended, or is of another cluster", job)
		                             : aic_fail(err, AIC_UNREACHABLE, "slurmctld says nothing of job %u (%s): start it and try again", job, why);
	}
	aic_cbor_text(&c, j->cluster, sizeof(j->cluster));
	aic_cbor_text(&c, j->account, sizeof(j->account));
	aic_cbor_text(&c, j->partition, sizeof(j->partition));
	j->uid = (uint32_t)aic_cbor_uint(&c);
	j->restart = (uint32_t)aic_cbor_uint(&c);
	j->running = aic_cbor_bool(&c);
	get_nodes(j, &c);
	code = aic_cbor_finish(&c, err);
	if (code)
		aic_slurm_job_clear(j);
	return code;
}

/* All that the child writes, or nothing after PATIENCE_MS. */
static void collect(aic_bytes *out, int fd)
{
	int64_t until = aic_monotonic_ms() + PATIENCE_MS;
	uint8_t buf[65536];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - aic_monotonic_ms();

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			break;
		if (!p.revents)
			continue;
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return;
		if (n > 0 && out->len < ANSWER_MAX)
			aic_bytes_append(out, buf, (size_t)n);
		else if (n >= 0 || errno != EINTR)
			break;
	}
	aic_bytes_clear(out);
}

aic_code aic_slurm_job_ask(aic_slurm_job *out, const aic_config *c, const aic_job_step *step, aic_error *err)
{
	aic_bytes answer = {0};
	int fds[2];

	memset(out, 0, sizeof(*out));
	if (pipe2(fds, O_CLOEXEC))
		return aic_fail_errno(err, "no pipe can be made to ask Slurm about job %u", step->job);
	pid_t child = fork();
	if (child == 0) {
		close(fds[0]);
		child_main(fds[1], c, step);
	}
	close(fds[1]);
	if (child > 0) {
		collect(&answer, fds[0]);
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	aic_code code = child < 0 ? aic_fail_errno(err, "no process can be made to ask Slurm about job %u", step->job)
	                          : read_answer(out, &answer, step->job, err);
	aic_bytes_free(&answer);
	return code;
}
