/* netns_testing.c: members of a test's etcd in network namespaces of their own, joined by a bridge; see etcd_testing.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "ledger/order/etcd_testing.h"

#define PREFIX "aicns" /* of namespaces and links; a process id follows */

static int run(const char *command)
{
	char *quiet = aic_xasprintf("(%s) >/dev/null 2>&1", command);
	int rc = system(quiet);

	free(quiet);
	return rc;
}

/* What an earlier test that was killed has left. */
static void sweep(void)
{
	run("for n in $(ip -o netns list | grep -o '^" PREFIX "[0-9]*-[0-9]'); do p=${n#" PREFIX "}; kill -0 ${p%-*} || ip netns del $n; done;"
	    "for b in $(ip -o link show type bridge | grep -o '" PREFIX "[0-9]*'); do kill -0 ${b#" PREFIX "} || ip link del $b; done");
}

bool etcd_netns_allowed(const char **why)
{
	*why = "network namespaces need root";
	if (geteuid() != 0)
		return false;
	*why = "there is no ip (iproute2)";
	if (run("command -v ip") != 0)
		return false;
	*why = "this machine does not let network namespaces, veth or bridges be made";
	char *command = aic_xasprintf("n=" PREFIX "%d-9; ip netns add $n && ip link add " PREFIX "%d type bridge && ip link add v%d9 type veth "
	                              "peer name e0 netns $n; rc=$?; ip link del " PREFIX "%d; ip netns del $n; exit $rc", getpid(), getpid(),
	                              getpid(), getpid());
	int rc = run(command);
	free(command);
	return rc == 0;
}

static void must(char *command)
{
	if (run(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
	free(command);
}

/* A network of its own for each process: 10.x.y.0/24. */
void etcd_netns_make(etcd_cluster *c)
{
	int pid = getpid();
	unsigned x = 128 + (unsigned)pid / 250 % 120, y = (unsigned)pid % 250;

	sweep();
	must(aic_xasprintf("ip link add " PREFIX "%d type bridge && ip addr add 10.%u.%u.1/24 dev " PREFIX "%d && ip link set " PREFIX "%d up",
	                   pid, x, y, pid, pid));
	for (int i = 0; i < c->options.members; i++) {
		char *n = c->member[i].netns;

		snprintf(c->member[i].host, sizeof(c->member[i].host), "10.%u.%u.%u", x & 255u, y & 255u, ((unsigned)i + 2) & 255u);
		snprintf(n, sizeof(c->member[i].netns), PREFIX "%d-%d", pid, i);
		must(aic_xasprintf("ip netns add %s && ip link add v%d%d type veth peer name e0 netns %s && ip link set v%d%d master " PREFIX
		                   "%d up && ip -n %s addr add %s/24 dev e0 && ip -n %s link set e0 up && ip -n %s link set lo up", n, pid, i, n, pid,
		                   i, pid, n, c->member[i].host, n, n));
	}
}

void etcd_netns_remove(const etcd_cluster *c)
{
	for (int i = 0; i < c->options.members; i++)
		must(aic_xasprintf("ip netns del %s", c->member[i].netns));
	must(aic_xasprintf("ip link del " PREFIX "%d", getpid()));
}

static void each_way(const etcd_cluster *c, int i, const char *what)
{
	for (int j = 0; j < c->options.members; j++) {
		if (j == i)
			continue;
		must(aic_xasprintf("ip -n %s route %s blackhole %s/32", c->member[i].netns, what, c->member[j].host));
		must(aic_xasprintf("ip -n %s route %s blackhole %s/32", c->member[j].netns, what, c->member[i].host));
	}
}

void etcd_member_cut(const etcd_cluster *c, int i)
{
	each_way(c, i, "add");
}

void etcd_member_heal(const etcd_cluster *c, int i)
{
	each_way(c, i, "del");
}
