#include "config.h"

#include "mpi-runner/run_env.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if HAVE_LIBSLURM
#include <slurm/slurm.h>
#endif

#include "common/bytes.h"
#include "common/file.h"
#include "common/time.h"

enum { PORT_FIRST = 20000, PORTS = 12000, PROBES = 64, RANKS_MAX = 1 << 20 };

/* --- ranks --- */

static const char *text_in(const char *name)
{
	const char *text = getenv(name);
	return text && *text ? text : NULL;
}

static bool number_in(const char *name, unsigned *out)
{
	const char *text = text_in(name);
	char *end;
	unsigned long v = text ? strtoul(text, &end, 10) : 0;

	if (!text || *end || *text == '-' || v > RANKS_MAX)
		return false;
	*out = (unsigned)v;
	return true;
}

unsigned aic_tasks_on_node(const char *list, unsigned node)
{
	while (list && *list) {
		char *end;
		unsigned long tasks = strtoul(list, &end, 10), times = 1;
		if (end == list)
			return 0;
		if (strncmp(end, "(x", 2) == 0) {
			times = strtoul(end + 2, &end, 10);
			end += *end == ')';
		}
		if (node < times)
			return (unsigned)tasks;
		node -= (unsigned)times;
		list = *end == ',' ? end + 1 : NULL;
	}
	return 0;
}

static aic_code find_slurm(aic_ranks *r, aic_error *err)
{
	const char *step = text_in("SLURM_STEP_ID");
	unsigned node = 0;

	r->slurm = true;
	const char *job = text_in("SLURM_JOB_ID"), *again = text_in("SLURM_RESTART_COUNT");
	snprintf(r->job, sizeof(r->job), "%s.%s%s%s", job ? job : "0", step ? step : "batch", again ? "-" : "", again ? again : "");
	if (!number_in("SLURM_STEP_NUM_TASKS", &r->size) && !number_in("SLURM_NTASKS", &r->size))
		r->size = 1;
	if (!number_in("SLURM_PROCID", &r->rank) || r->rank >= r->size)
		return aic_fail(err, AIC_USAGE, "SLURM_PROCID=%s does not fit %u tasks: start with srun aic-run -- COMMAND",
		                text_in("SLURM_PROCID") ? text_in("SLURM_PROCID") : "", r->size);
	number_in("SLURM_LOCALID", &r->local_rank);
	number_in("SLURM_NODEID", &node);
	const char *tasks = text_in("SLURM_STEP_TASKS_PER_NODE");
	r->local_size = aic_tasks_on_node(tasks ? tasks : text_in("SLURM_TASKS_PER_NODE"), node);
	if (r->local_size <= r->local_rank)
		r->local_size = r->size == 1 ? 1 : r->local_rank + 1;
	if (text_in("SLURMD_NODENAME"))
		aic_str_copy(r->node, sizeof(r->node), text_in("SLURMD_NODENAME"));
	return AIC_OK;
}

static void find_mpirun(aic_ranks *r)
{
	snprintf(r->job, sizeof(r->job), "mpirun-%d", (int)getppid());
	if (!number_in("OMPI_COMM_WORLD_LOCAL_RANK", &r->local_rank) || !number_in("OMPI_COMM_WORLD_LOCAL_SIZE", &r->local_size))
		r->local_size = r->local_rank + 1;
}

/* --- the first node --- */

static bool resolves(const char *host)
{
	struct addrinfo *found = NULL;
	bool ok = getaddrinfo(host, NULL, NULL, &found) == 0;
	if (ok)
		freeaddrinfo(found);
	return ok;
}

#if HAVE_LIBSLURM
/* First name of a list such as n[1-4,7]; and where no resolver knows it, the address that Slurm itself uses. */
static aic_code first_host(const char *list, char *out, size_t size, aic_error *err)
{
	node_info_msg_t *info = NULL;
	struct hostlist *hosts = slurm_hostlist_create(list);
	char *first = hosts ? slurm_hostlist_shift(hosts) : NULL;

	if (hosts)
		slurm_hostlist_destroy(hosts);
	if (!first)
		return aic_fail(err, AIC_USAGE, "the node list \"%s\" cannot be read", list);
	aic_str_copy(out, size, first);
	free(first);
	if (resolves(out) || slurm_load_node_single(&info, out, SHOW_DETAIL) != SLURM_SUCCESS)
		return AIC_OK;
	if (info->record_count > 0 && info->node_array[0].node_addr)
		aic_str_copy(out, size, info->node_array[0].node_addr);
	slurm_free_node_info_msg(info);
	return AIC_OK;
}
#endif

static aic_code find_master(aic_ranks *r, aic_error *err)
{
	const char *list = text_in("SLURM_STEP_NODELIST") ? text_in("SLURM_STEP_NODELIST") : text_in("SLURM_JOB_NODELIST");

	if (text_in("MASTER_ADDR")) {
		aic_str_copy(r->master, sizeof(r->master), text_in("MASTER_ADDR"));
		return AIC_OK;
	}
	aic_str_copy(r->master, sizeof(r->master), r->slurm ? r->node : "127.0.0.1");
	if (!r->slurm || !list)
		return AIC_OK;
#if HAVE_LIBSLURM
	return first_host(list, r->master, sizeof(r->master), err);
#else
	return r->size == 1 ? AIC_OK : aic_fail(err, AIC_USAGE, "this aic-run was built without libslurm and cannot read the node list %s: set MASTER_ADDR",
	                                        list);
#endif
}

/* --- the interface towards it --- */

static bool own_address_towards(const char *host, struct sockaddr_storage *own)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *to = NULL;
	socklen_t len = sizeof(*own);
	bool ok = false;

	if (getaddrinfo(host, "9", &hints, &to) != 0)
		return false;
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		ok = connect(fd, to->ai_addr, to->ai_addrlen) == 0 && getsockname(fd, (struct sockaddr *)own, &len) == 0;
		close(fd);
	}
	freeaddrinfo(to);
	return ok;
}

static bool same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
	if (!a || a->sa_family != b->ss_family)
		return false;
	if (a->sa_family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)a)->sin_addr, &((const struct sockaddr_in *)b)->sin_addr, 4) == 0;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
}

/* The interface that leads to the first node; on that node itself, or where it is known by a loopback address, the first
 * other interface that is up. */
static void find_interface(aic_ranks *r)
{
	struct sockaddr_storage own;
	struct ifaddrs *all = NULL;
	bool towards = own_address_towards(r->master, &own);

	if (text_in("NCCL_SOCKET_IFNAME")) {
		aic_str_copy(r->interface, sizeof(r->interface), text_in("NCCL_SOCKET_IFNAME"));
		return;
	}
	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		bool loop = (i->ifa_flags & IFF_LOOPBACK) != 0, up = (i->ifa_flags & IFF_UP) != 0;
		bool inet = i->ifa_addr && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
		if (loop || !up || !inet)
			continue;
		bool leads = towards && same_address(i->ifa_addr, &own);
		if (leads || !r->interface[0])
			aic_str_copy(r->interface, sizeof(r->interface), i->ifa_name);
		if (leads)
			break;
	}
	freeifaddrs(all);
	if (!r->interface[0])
		aic_str_copy(r->interface, sizeof(r->interface), "lo");
}

aic_code aic_ranks_find(aic_ranks *r, aic_error *err)
{
	aic_code rc = AIC_OK;

	*r = (aic_ranks){.size = 1, .local_size = 1};
	gethostname(r->node, sizeof(r->node) - 1);
	if (number_in("OMPI_COMM_WORLD_RANK", &r->rank) && number_in("OMPI_COMM_WORLD_SIZE", &r->size))
		find_mpirun(r);
	else if (text_in("SLURM_PROCID"))
		rc = find_slurm(r, err);
	else
		snprintf(r->job, sizeof(r->job), "%d", (int)getpid());
	if (rc == AIC_OK)
		rc = find_master(r, err);
	if (rc == AIC_OK)
		find_interface(r);
	return rc;
}

/* --- the port --- */

static unsigned port_of(const char *job, unsigned probe)
{
	unsigned long h = 5381;
	for (const char *p = job; *p; p++)
		h = h * 33 + (unsigned char)*p;
	return PORT_FIRST + (unsigned)((h + probe) % PORTS);
}

static bool is_free(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static aic_code lead(aic_ranks *r, const char *path, aic_error *err)
{
	char line[128];

	for (unsigned probe = 0; probe < PROBES && !r->master_port; probe++)
		if (is_free(port_of(r->job, probe)))
			r->master_port = port_of(r->job, probe);
	if (!r->master_port)
		return aic_fail(err, AIC_SYSTEM, "none of %d ports from %u on is free on this node: set MASTER_PORT", PROBES, port_of(r->job, 0));
	if (r->size == 1)
		return AIC_OK;
	int len = snprintf(line, sizeof(line), "%s %u\n", r->job, r->master_port);
	return aic_file_write_atomic(path, line, (size_t)len, 0644, err);
}

static aic_code follow(aic_ranks *r, const char *path, int timeout_ms, aic_error *err)
{
	const struct timespec pause = {0, 50000000};
	int64_t until = aic_monotonic_ms() + timeout_ms;

	while (aic_monotonic_ms() < until) {
		aic_bytes text = {0};
		char job[64];
		bool found = aic_file_read(&text, path, 128, NULL) == AIC_OK;
		aic_bytes_append(&text, "", 1);
		found = found && sscanf((const char *)text.data, "%63s %u", job, &r->master_port) == 2 && strcmp(job, r->job) == 0;
		aic_bytes_free(&text);
		if (found)
			return AIC_OK;
		nanosleep(&pause, NULL);
	}
	return aic_fail(err, AIC_UNREACHABLE, "rank 0 has not said MASTER_PORT in %s for %d s: the folder must be on storage that all nodes share "
	                "(--run-dir), or set MASTER_PORT", path, timeout_ms / 1000);
}

aic_code aic_ranks_meet(aic_ranks *r, const char *folder, int timeout_ms, aic_error *err)
{
	char path[4096];

	if (number_in("MASTER_PORT", &r->master_port))
		return AIC_OK;
	aic_code rc = aic_path_join(path, sizeof(path), folder, "master", err);
	if (rc != AIC_OK)
		return rc;
	return r->rank == 0 ? lead(r, path, err) : follow(r, path, timeout_ms, err);
}

static void export_number(const char *name, unsigned v)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", v);
	setenv(name, text, 1);
}

void aic_ranks_export(const aic_ranks *r)
{
	export_number("RANK", r->rank);
	export_number("WORLD_SIZE", r->size);
	export_number("LOCAL_RANK", r->local_rank);
	export_number("LOCAL_WORLD_SIZE", r->local_size);
	export_number("MASTER_PORT", r->master_port);
	setenv("MASTER_ADDR", r->master, 0);
	setenv("NCCL_SOCKET_IFNAME", r->interface, 0);
}
