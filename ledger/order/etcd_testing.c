/* etcd_testing.c: see etcd_testing.h. */
#define _GNU_SOURCE
#include "ledger/order/etcd_testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/time.h"

#define READY_MS 20000
#define PORT_FIRST 20000 /* below those that the kernel gives away by itself */
#define PORT_COUNT 12000

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

bool etcd_installed(void)
{
	return system("command -v etcd >/dev/null 2>&1") == 0;
}

static int free_port(void)
{
	static unsigned next;

	if (!next)
		next = (unsigned)getpid() * 7919u;
	for (int tries = 0; tries < PORT_COUNT; tries++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int port = PORT_FIRST + (int)(next++ % PORT_COUNT), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		a.sin_port = htons((uint16_t)port);
		int rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
		close(fd);
		if (rc == 0)
			return port;
	}
	die("no free port", "on loopback");
}

static void shell(const char *command)
{
	if (system(command) != 0)
		die("failed", command);
}

/* An authority, a certificate for the members and one for clients. */
static void make_certificates(const char *dir)
{
	char *command = aic_xasprintf(
		"cd %s && exec 2>openssl.log && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n' >san && "
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem && "
		"for who in server client named; do " /* the gateway refuses clients with a common name where authentication is on */
		"case $who in client) subject=/O=site-a ;; *) subject=/CN=$who ;; esac; "
		"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj $subject -keyout $who.key -out $who.csr && "
		"openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out $who.pem || exit 1; done && "
		"chmod 600 *.key", dir);

	shell(command);
	free(command);
}

static void exec_member(const etcd_cluster *c, int i, const char *state)
{
	const char *dir = c->dir, *host = c->member[i].host, *scheme = c->options.tls ? "https" : "http";
	char *argv[40], *peers = aic_xstrdup("");
	int n = 0;

	for (int m = 0; m < c->options.members; m++)
		peers = aic_xasprintf("%s%sm%d=http://%s:%d", peers, m ? "," : "", m, c->member[m].host, c->member[m].peer_port);
	if (c->options.netns) {
		argv[n++] = aic_xstrdup("ip");
		argv[n++] = aic_xstrdup("netns");
		argv[n++] = aic_xstrdup("exec");
		argv[n++] = aic_xstrdup(c->member[i].netns);
	}
	argv[n++] = aic_xstrdup("etcd");
	argv[n++] = aic_xasprintf("--name=m%d", i);
	argv[n++] = aic_xasprintf("--data-dir=%s/m%d", dir, i);
	argv[n++] = aic_xasprintf("--listen-client-urls=%s://%s:%d", scheme, host, c->member[i].client_port);
	argv[n++] = aic_xasprintf("--advertise-client-urls=%s://%s:%d", scheme, host, c->member[i].client_port);
	argv[n++] = aic_xasprintf("--listen-peer-urls=http://%s:%d", host, c->member[i].peer_port);
	argv[n++] = aic_xasprintf("--initial-advertise-peer-urls=http://%s:%d", host, c->member[i].peer_port);
	argv[n++] = aic_xasprintf("--initial-cluster=%s", peers);
	argv[n++] = aic_xasprintf("--initial-cluster-token=%s", dir);
	argv[n++] = aic_xasprintf("--initial-cluster-state=%s", state);
	argv[n++] = aic_xstrdup("--logger=zap");
	if (c->options.quota)
		argv[n++] = aic_xasprintf("--quota-backend-bytes=%llu", (unsigned long long)c->options.quota);
	if (c->options.tls) {
		argv[n++] = aic_xasprintf("--cert-file=%s/server.pem", dir);
		argv[n++] = aic_xasprintf("--key-file=%s/server.key", dir);
		argv[n++] = aic_xasprintf("--trusted-ca-file=%s/ca.pem", dir);
		argv[n++] = aic_xstrdup("--client-cert-auth");
	}
	argv[n] = NULL;
	execvp(argv[0], argv);
	_exit(127);
}

void etcd_member_start(etcd_cluster *c, int i, const char *state)
{
	char log[96];
	pid_t parent = getpid();

	snprintf(log, sizeof(log), "%s/m%d.log", c->dir, i);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid_t pid = fork();
	if (pid < 0 || fd < 0)
		die("cannot start a member", log);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		exec_member(c, i, state);
	}
	close(fd);
	c->member[i].pid = pid;
}

void etcd_member_kill(etcd_cluster *c, int i)
{
	if (c->member[i].pid <= 0)
		return;
	kill(c->member[i].pid, SIGKILL);
	waitpid(c->member[i].pid, NULL, 0);
	c->member[i].pid = 0;
}

void etcd_member_wipe(etcd_cluster *c, int i)
{
	char *command = aic_xasprintf("rm -rf %s/m%d", c->dir, i);

	shell(command);
	free(command);
}

static json_t *status(const etcd_cluster *c, int i)
{
	aic_etcd_config config = etcd_cluster_config(c, i, "none/");
	aic_etcd *e;
	json_t *answer = NULL;

	config.n_endpoints = 1;
	if (c->member[i].pid <= 0 || aic_etcd_open(&e, &config, NULL))
		return NULL;
	aic_etcd_call(e, "maintenance/status", json_object(), 0, &answer, NULL);
	aic_etcd_close(e);
	return answer;
}

/* The member's own id and that of its leader, as etcd writes them; false where it knows none. */
static bool leader_seen(const etcd_cluster *c, int i, char own[24], char leader[24])
{
	json_t *answer = status(c, i);
	const char *a = json_string_value(json_object_get(json_object_get(answer, "header"), "member_id"));
	const char *b = json_string_value(json_object_get(answer, "leader"));

	snprintf(own, 24, "%s", a ? a : "");
	snprintf(leader, 24, "%s", b ? b : "");
	json_decref(answer);
	return a && b;
}

void etcd_member_ready(etcd_cluster *c, int i)
{
	int64_t end = aic_monotonic_ms() + READY_MS;
	char own[24], leader[24];

	while (!leader_seen(c, i, own, leader)) {
		if (aic_monotonic_ms() > end || waitpid(c->member[i].pid, NULL, WNOHANG) != 0)
			die("etcd does not start; its log is in", c->dir);
		poll(NULL, 0, 50);
	}
}

int etcd_leader(etcd_cluster *c)
{
	char own[24], leader[24];

	for (int i = 0; i < c->options.members; i++) {
		if (leader_seen(c, i, own, leader) && strcmp(own, leader) == 0)
			return i;
	}
	die("etcd has no leader", c->dir);
}

void etcd_cluster_start(etcd_cluster *c, etcd_options options)
{
	*c = (etcd_cluster){.options = options};
	snprintf(c->dir, sizeof(c->dir), "/tmp/aic-etcd-XXXXXX");
	if (!mkdtemp(c->dir))
		die("cannot make", c->dir);
	if (options.tls)
		make_certificates(c->dir);
	for (int i = 0; i < options.members; i++)
		snprintf(c->member[i].host, sizeof(c->member[i].host), "127.0.0.1");
	if (options.netns)
		etcd_netns_make(c);
	for (int i = 0; i < options.members; i++) {
		c->member[i].client_port = free_port();
		c->member[i].peer_port = free_port();
	}
	for (int i = 0; i < options.members; i++)
		etcd_member_start(c, i, "new");
	for (int i = 0; i < options.members; i++)
		etcd_member_ready(c, i);
}

void etcd_cluster_stop(etcd_cluster *c)
{
	char *command = aic_xasprintf("rm -rf %s", c->dir);

	for (int i = 0; i < c->options.members; i++)
		etcd_member_kill(c, i);
	if (c->options.netns)
		etcd_netns_remove(c);
	shell(command);
	free(command);
}

aic_etcd_config etcd_cluster_config(const etcd_cluster *c, int first, const char *prefix)
{
	aic_etcd_config config = {0};

	for (int m = 0; m < c->options.members; m++)
		snprintf(config.endpoint[config.n_endpoints++], AIC_ETCD_ENDPOINT_LEN, "%s://%s:%d", c->options.tls ? "https" : "http",
		         c->member[(first + m) % c->options.members].host, c->member[(first + m) % c->options.members].client_port);
	snprintf(config.prefix, sizeof(config.prefix), "%s", prefix);
	if (c->options.tls) {
		snprintf(config.ca, sizeof(config.ca), "%s/ca.pem", c->dir);
		snprintf(config.cert, sizeof(config.cert), "%s/client.pem", c->dir);
		snprintf(config.key, sizeof(config.key), "%s/client.key", c->dir);
	}
	return config;
}

json_t *etcd_ask(const aic_etcd_config *config, int endpoint, const char *path, json_t *request)
{
	aic_etcd_config one = *config;
	aic_etcd *e;
	aic_error err = {0};
	json_t *answer = NULL;

	memcpy(one.endpoint[0], config->endpoint[endpoint], AIC_ETCD_ENDPOINT_LEN);
	one.n_endpoints = 1;
	if (aic_etcd_open(&e, &one, &err) || aic_etcd_call(e, path, request, 0, &answer, &err))
		die(path, err.message);
	aic_etcd_close(e);
	return answer;
}

void etcd_do(const aic_etcd_config *config, const char *path, json_t *request)
{
	json_decref(etcd_ask(config, 0, path, request));
}

void etcd_make_room(const aic_etcd_config *config, const char *from, const char *to)
{
	json_t *answer = etcd_ask(config, 0, "kv/deleterange", aic_etcd_delete(from, to));
	json_t *alarms = etcd_ask(config, 0, "maintenance/alarm", json_pack("{s:s}", "action", "GET"));
	json_t *alarm = json_array_get(json_object_get(alarms, "alarms"), 0);
	json_t *revision = json_object_get(json_object_get(answer, "header"), "revision");

	if (!alarm)
		die("no alarm was raised by", config->endpoint[0]);
	etcd_do(config, "kv/compaction", json_pack("{s:O, s:b}", "revision", revision, "physical", 1));
	etcd_do(config, "maintenance/defragment", json_object());
	etcd_do(config, "maintenance/alarm", json_pack("{s:s, s:O, s:s}", "action", "DEACTIVATE", "memberID",
	                                               json_object_get(alarm, "memberID"), "alarm", "NOSPACE"));
	json_decref(alarms);
	json_decref(answer);
}
