/* etcd_testing.h: a real etcd for tests and benches: members on loopback with ports and folders of their own, killed with
 * whoever started them. Failures print a sentence and abort. */
#ifndef AIC_LEDGER_ORDER_ETCD_TESTING_H
#define AIC_LEDGER_ORDER_ETCD_TESTING_H

#include <sys/types.h>

#include "common/config.h"
#include "ledger/order/etcd_kv.h"

#define ETCD_MEMBERS_MAX 3

typedef struct {
	int members;
	bool tls;                /* a private authority; clients must show a certificate */
	uint64_t quota;          /* bytes; 0: etcd's default */
	bool netns;              /* each member in a network namespace of its own, so that members can be cut off from each other */
} etcd_options;

typedef struct {
	etcd_options options;
	char dir[64];
	struct { char host[16], netns[24]; int client_port, peer_port; pid_t pid; } member[ETCD_MEMBERS_MAX];
} etcd_cluster;

bool etcd_installed(void);
/* Whether this machine lets network namespaces be made; otherwise why not, in a word. */
bool etcd_netns_allowed(const char **why);
/* Member i and the others hear nothing of each other any more, whoever else hears all of them; and again. */
void etcd_member_cut(const etcd_cluster *c, int i);
void etcd_member_heal(const etcd_cluster *c, int i);
/* Internal: what etcd_cluster_start and stop do where options.netns is set. */
void etcd_netns_make(etcd_cluster *c);
void etcd_netns_remove(const etcd_cluster *c);

/* Ready to serve when it returns. */
void etcd_cluster_start(etcd_cluster *c, etcd_options options);
void etcd_cluster_stop(etcd_cluster *c); /* removes its folder too */

void etcd_member_start(etcd_cluster *c, int i, const char *state); /* "new" or "existing"; does not wait */
void etcd_member_kill(etcd_cluster *c, int i);                     /* SIGKILL, and waits for its end */
void etcd_member_ready(etcd_cluster *c, int i);                    /* waits until it knows a leader */
void etcd_member_wipe(etcd_cluster *c, int i);                     /* removes its data */
int etcd_leader(etcd_cluster *c);

/* After the quota's alarm on the first endpoint, a member alone: deletes keys from .. to, compacts, defragments, disarms. */
void etcd_make_room(const aic_etcd_config *config, const char *from, const char *to);

/* All endpoints, beginning with member `first`. */
aic_etcd_config etcd_cluster_config(const etcd_cluster *c, int first, const char *prefix);
/* One member, and what the gateway answers; aborts where the request fails. The answer is the caller's. */
json_t *etcd_ask(const aic_etcd_config *config, int endpoint, const char *path, json_t *request);
void etcd_do(const aic_etcd_config *config, const char *path, json_t *request); /* the same without an answer */

#endif
