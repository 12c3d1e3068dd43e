/* config.h: aic.yaml, read with libyaml. The one home of its keys, defaults and checks; etc/aic.yaml is the commented
 * example, aic.yaml(5) the manual. Every mistake is one sentence with file, line, key and remedy. Unknown keys are mistakes. */
#ifndef AIC_CONFIG_H
#define AIC_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/price.h"
#include "common/record.h"
#include "common/time.h"

#define AIC_CONFIG_DEFAULT "/etc/aic/aic.yaml" /* overridden by --config and by the environment's AIC_CONFIG */
#define AIC_PATH_LEN 512

typedef struct {
	char name[AIC_NAME_LEN];
	char organisation[AIC_NAME_LEN];
	char nodes[AIC_PATH_LEN];           /* Slurm host list expression, "n[1-2]" */
	bool named;                         /* whether who pays it sees its name [false] */
} aic_provider_config;

typedef struct {
	char account[AIC_NAME_LEN];         /* Slurm account; its organisation defaults to its top-level account's name */
	char organisation[AIC_NAME_LEN];
} aic_account_config;

#define AIC_ASSET_PARENTS_MAX 16
#define AIC_ASSET_GENERATIONS_MAX 8
#define AIC_ASSET_NUMBER_LEN 32

typedef struct {
	char name[AIC_NAME_LEN];
	bool is_model;                      /* kind: data | model */
	bool on_ledger;                     /* then the ledger says all that follows the number */
	uint8_t number[AIC_ASSET_NUMBER_LEN]; /* ledger: its number there, 64 hexadecimal digits */
	char owner[AIC_NAME_LEN];           /* wallet name: "provider/NAME", "account/NAME" */
	aic_asset_terms terms;
	uint32_t generation;                /* 1 without parents, else one more than the oldest one's */
	size_t n_parents;
	struct { size_t row; uint64_t ppm; } parent[AIC_ASSET_PARENTS_MAX]; /* index of a row before it, and its share of a fee */
	char content[65];                   /* content root as registered, lower-case hex; "": any */
} aic_asset_config;

typedef struct {
	char store[AIC_PATH_LEN];           /* directory that all nodes see; "": no data sets are staged */
	char cache[AIC_PATH_LEN];           /* on the node's own disk; %n is the node's name [/var/lib/aic/cache] */
	uint64_t size;                      /* bytes that the cache may hold [100GiB] */
	int64_t recheck;                    /* seconds after which a data set is hashed again before a job gets it [86400; 0: each time] */
	int64_t patience;                   /* seconds for which a store that does not answer is tried [30] */
	char listen[AIC_PATH_LEN];          /* where aicnoded answers: host:port or a socket's path, %n as above [RUN/aicnoded-%n.sock] */
	char address[AIC_PATH_LEN];         /* how others reach it there, likewise: "%n:6831" ["listen"] */
} aic_datasets_config;

typedef struct {
	char user[AIC_NAME_LEN];            /* who runs what `aic train` submits; "": nobody, there is no `aic train` */
	uid_t uid;                          /* of that user */
	char listen[AIC_PATH_LEN];          /* where aictraind answers: host:port or a socket's path [RUN/train/train.sock] */
	char address[AIC_PATH_LEN];         /* where users reach it, likewise [listen] */
	int64_t keep;                       /* days for which a run's files are kept after its end [30] */
} aic_train_config;

#define AIC_ETCD_ENDPOINTS_MAX 9
#define AIC_ETCD_ENDPOINT_LEN 256

typedef struct {
	char endpoint[AIC_ETCD_ENDPOINTS_MAX][AIC_ETCD_ENDPOINT_LEN]; size_t n_endpoints; /* "https://host:port", nearest first */
	char prefix[AIC_NAME_LEN];          /* of every key; ends in '/' [aic/] */
	char ca[AIC_PATH_LEN];              /* PEM; "" leaves the system's authorities */
	char cert[AIC_PATH_LEN];            /* PEM; "" shows none */
	char key[AIC_PATH_LEN];
	char user[AIC_NAME_LEN];            /* "": etcd without authentication */
	char password_file[AIC_PATH_LEN];   /* 0600; a newline at its end does not count */
} aic_etcd_config;

#define AIC_ARCHIVE_PEERS_MAX 32

typedef struct {
	char url[AIC_ETCD_ENDPOINT_LEN];    /* "https://host:port" */
	uint8_t key[32];                    /* the site key (Ed25519) that it shows */
} aic_peer_config;

typedef struct {
	char listen[AIC_PATH_LEN];          /* host:port at which other sites fetch this site's archive; "": they do not */
	aic_peer_config peer[AIC_ARCHIVE_PEERS_MAX]; size_t n_peers; /* whose archives this site fetches what it lacks from */
} aic_archive_config;

typedef struct {
	char store[AIC_PATH_LEN];           /* directory that all nodes see; "": no checkpoints are kept, sessions are of class D2 */
	int64_t keep;                       /* seconds for which a closed session's checkpoints are kept [72h] */
	uint64_t room;                      /* bytes that all sessions together may take [1TiB] */
	char verify_partition[AIC_NAME_LEN]; /* verify: {partition, account, qos}: of the jobs that verify other sites' and this one's sessions */
	char verify_account[AIC_NAME_LEN];  /* "": Slurm's default, each */
	char verify_qos[AIC_NAME_LEN];
	bool verify;                        /* whether this site verifies: `verify` is there */
} aic_sessions_config;

#define AIC_PRETENDING_MAX 65

/* From which figures on busy GPUs look like load that is worth nothing (accounting/pretending.h). */
typedef struct {
	char type[AIC_NAME_LEN];            /* GPU model as Slurm names it; "" in the first row, the default */
	uint64_t busy;                      /* percent of utilisation from which on GPUs count as busy [80] */
	uint64_t watts;                     /* that a busy GPU of the model draws at least [0: nothing is said of power] */
	uint64_t read_mib;                  /* that a job reads at least for each GPU hour [1]; 0: nothing is said of data */
	uint64_t least_s;                   /* seconds of GPU use under which nothing is said [600] */
	uint64_t sm;                        /* percent of SM activity that busy GPUs have at least [5]; 0: nothing is said of it */
	uint64_t spread_ppm;                /* standard deviation of SM activity that work has at least [100]; 0: nothing is said of it */
	uint64_t long_s;                    /* seconds of GPU use under which nothing is said of the spread [3600] */
} aic_pretending_rule;

typedef struct {
	char path[AIC_PATH_LEN];            /* file it was read from */
	char site[AIC_NAME_LEN];            /* short name of this university */
	char clusters[16][AIC_NAME_LEN]; size_t n_clusters;   /* Slurm clusters that aicacctd serves; default: any */
	char slurm_conf[AIC_PATH_LEN];      /* "" leaves libslurm's default */
	char munge_socket[AIC_PATH_LEN];    /* "" for libmunge's default */
	bool enforce;                       /* mode: observe (default) | enforce */
	char (*scope_partitions)[AIC_NAME_LEN]; size_t n_scope_partitions; /* scope: {partitions: [..], accounts: [..]} */
	char (*scope_accounts)[AIC_NAME_LEN]; size_t n_scope_accounts;
	char user[AIC_NAME_LEN];            /* daemons' Unix user [aic] */
	uid_t uid;                          /* of that user */
	char slurm_user[AIC_NAME_LEN];      /* [slurm] */
	gid_t slurm_gid;                    /* of its primary group: the snapshot's group */
	uid_t *admin_uids; size_t n_admin_uids; /* administrators: {users: [..], groups: [..]}; root always is one */
	gid_t *admin_gids; size_t n_admin_gids;
	uint32_t approvals;                 /* m of n for a batch [1] */
	aic_period_kind period;             /* [week] */
	char state_dir[AIC_PATH_LEN];       /* paths.state  [/var/lib/aic] databases, keys */
	char run_dir[AIC_PATH_LEN];         /* paths.run    [/run/aic] sockets */
	char log_dir[AIC_PATH_LEN];         /* paths.log    [/var/log/aic] */
	char snapshot[AIC_PATH_LEN];        /* paths.snapshot [state/snapshot/aic.snapshot] */
	char spool[AIC_PATH_LEN];           /* paths.spool  [/var/spool/slurmctld/aic]: one directory per slurmctld host in it */
	char node_dir[AIC_PATH_LEN];        /* paths.node   [/var/lib/aic/node] node key and receipts; %n is the node name */
	char metrics[AIC_PATH_LEN];         /* paths.metrics: a file for Prometheus's textfile collector [none] */
	char acct_listen[AIC_PATH_LEN];     /* accounting.listen, host:port for the nodes [none]; the Unix socket is run/aicacctd.sock */
	char acct_address[AIC_PATH_LEN];    /* accounting.address: where nodes reach it [the Unix socket] */
	int64_t retention;                  /* accounting.retention, days after which a run no longer names its user [0: for ever] */
	char genesis[AIC_PATH_LEN];         /* ledger.genesis [/etc/aic/genesis.yaml] */
	char chain[65];                     /* ledger.chain: id of the one ledger that this site takes part in, lower-case hex ["": any] */
	char order[16];                     /* ledger.order: local (default) | etcd */
	int64_t block_interval;             /* ledger.block_interval, seconds between blocks and in turn with other sites [0: at once] */
	int64_t heartbeat;                  /* ledger.heartbeat, seconds from a block to an empty one while closed sessions wait for one [60] */
	char ledger_listen[AIC_PATH_LEN];   /* ledger.listen, host:port for nodes that generate blocks [none] */
	char ledger_address[AIC_PATH_LEN];  /* ledger.address: where nodes reach aicledgerd [its Unix socket] */
	aic_etcd_config etcd;               /* ledger.etcd */
	aic_archive_config archive;         /* ledger.archive */
	aic_datasets_config datasets;       /* datasets */
	aic_train_config train;             /* train */
	aic_sessions_config sessions;       /* sessions */
	aic_rates rates;                    /* rates: {gpu: {default: 0.5, a100: 1}, cpu: 0.01, mem_gib: 0.001, storage_gib_month: 0}, AIC per hour or month */
	aic_pretending_rule pretending[AIC_PRETENDING_MAX]; size_t n_pretending; /* review.pretending; at least the default */
	bool refuse_unfunded;               /* policy.unfunded: hold (default) | refuse */
	bool closed_when_stale;             /* policy.stale: open (default) | closed */
	int64_t stale_after;                /* policy.stale_after, seconds [120] */
	aic_provider_config *provider; size_t n_providers;
	aic_account_config *account; size_t n_accounts;
	aic_asset_config *asset; size_t n_assets;
} aic_config;

/* path NULL: $AIC_CONFIG, else AIC_CONFIG_DEFAULT. */
aic_code aic_config_load(aic_config *c, const char *path, aic_error *err);
void aic_config_free(aic_config *c);
/* Addresses of the two daemons' Unix sockets: buf has AIC_PATH_LEN bytes. */
const char *aic_config_acct_socket(const aic_config *c, char *buf);
const char *aic_config_ledger_socket(const aic_config *c, char *buf);
/* Refuses to run as another user than aic.yaml's `user`: for the daemons that keep the site's state. */
aic_code aic_config_check_user(const aic_config *c, aic_error *err);
/* Whether a job of that uid is site-run: aic.yaml's train: user. */
bool aic_config_is_site_run(const aic_config *c, uid_t uid);
/* Uid 0, a listed uid, or a member (passwd or group file) of a listed group. */
bool aic_config_is_admin(const aic_config *c, uid_t uid, gid_t gid);

#endif
