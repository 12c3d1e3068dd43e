/* config_test.c: the example loads, defaults are the manual's, and every mistake has its sentence. */
#define _GNU_SOURCE
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/file.h"
#include "common/testing.h"

/* Users that every system has, since the defaults (aic, slurm) need not exist where tests run. */
#define USERS "user: root\nslurm_user: root\n"
#define DIGITS_62 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"
#define DATA "- {name: d, kind: data, owner: site"
#define MODEL "- {name: m, kind: model, owner: site"
#define SITE "site: uni-a\n" USERS

static bool without_aic;

/* In place of libc's: a system on which user aic was not made, where a test asks for one. */
struct passwd *getpwnam(const char *name)
{
	static struct passwd entry;
	static char text[4096];
	struct passwd *found = NULL;
	if (without_aic && strcmp(name, "aic") == 0)
		return NULL;
	return getpwnam_r(name, &entry, text, sizeof text, &found) == 0 ? found : NULL;
}

static char *config_path(void **state)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/aic.yaml", (char *)*state);
	return path;
}

static aic_code load(void **state, aic_config *c, const char *text, aic_error *err)
{
	assert_int_equal(aic_file_write_atomic(config_path(state), text, strlen(text), 0600, NULL), AIC_OK);
	return aic_config_load(c, config_path(state), err);
}

static void load_ok(void **state, aic_config *c, const char *text)
{
	aic_error err = {0};
	if (load(state, c, text, &err) != AIC_OK)
		fail_msg("%s", err.message);
}

static void assert_defaults(const aic_config *c)
{
	assert_string_equal(c->site, "uni-a");
	assert_int_equal(c->n_clusters, 0);
	assert_string_equal(c->slurm_conf, "");
	assert_string_equal(c->munge_socket, "");
	assert_false(c->enforce);
	assert_int_equal(c->n_scope_partitions + c->n_scope_accounts, 0);
	assert_int_equal(c->n_admin_uids + c->n_admin_gids, 0);
	assert_int_equal(c->approvals, 1);
	assert_int_equal(c->period, AIC_PERIOD_WEEK);
	assert_string_equal(c->state_dir, "/var/lib/aic");
	assert_string_equal(c->run_dir, "/run/aic");
	assert_string_equal(c->log_dir, "/var/log/aic");
	assert_string_equal(c->snapshot, "/var/lib/aic/snapshot/aic.snapshot");
	assert_string_equal(c->spool, "/var/spool/slurmctld/aic");
	assert_string_equal(c->node_dir, "/var/lib/aic/node");
	assert_string_equal(c->acct_listen, "");
	assert_string_equal(c->acct_address, "/run/aic/aicacctd.sock");
	assert_string_equal(c->ledger_listen, "");
	assert_string_equal(c->ledger_address, "/run/aic/aicledgerd.sock");
	assert_string_equal(c->genesis, "/etc/aic/genesis.yaml");
	assert_string_equal(c->order, "local");
	assert_true(c->rates.gpu_default == AIC_UNIT / 2 && c->rates.cpu == AIC_UNIT / 100);
	assert_true(c->rates.mem_gib == AIC_UNIT / 1000 && c->rates.gpu_types == 0);
	assert_false(c->refuse_unfunded);
	assert_false(c->closed_when_stale);
	assert_int_equal(c->stale_after, 120);
	assert_int_equal(c->n_providers + c->n_accounts + c->n_assets, 0);
	assert_string_equal(c->train.user, "");
	assert_false(aic_config_is_site_run(c, 0));
	assert_string_equal(c->train.listen, "/run/aic/train/train.sock");
	assert_true(c->train.keep == 30);
	assert_string_equal(c->sessions.store, "");
	assert_true(c->sessions.keep == 72 * 3600 && c->sessions.room == 1ull << 40 && !c->sessions.verify);
	assert_string_equal(c->datasets.store, "");
	assert_string_equal(c->datasets.cache, "/var/lib/aic/cache");
	assert_string_equal(c->datasets.listen, "/run/aic/aicnoded-%n.sock");
	assert_string_equal(c->datasets.address, c->datasets.listen);
	assert_true(c->datasets.size == 100ull << 30 && c->datasets.recheck == 86400 && c->datasets.patience == 30);
}

static void defaults(void **state)
{
	aic_config c;
	char buf[AIC_PATH_LEN];
	load_ok(state, &c, SITE);
	assert_defaults(&c);
	assert_int_equal(c.uid, 0);
	assert_int_equal(c.slurm_gid, 0);
	assert_string_equal(aic_config_ledger_socket(&c, buf), "/run/aic/aicledgerd.sock");
	aic_config_free(&c);
}

/* etc/aic.yaml with its users replaced: as it stands it must say exactly the defaults. */
static char *example(void)
{
	aic_bytes text = {0};
	assert_int_equal(aic_file_read(&text, AIC_EXAMPLE, 1u << 20, NULL), AIC_OK);
	aic_bytes_append(&text, "", 1);
	aic_bytes out = {0};
	for (char *line = (char *)text.data, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n') + 1;
		if (strncmp(line, "user: ", 6) == 0)
			aic_bytes_append_str(&out, "user: root\n");
		else if (strncmp(line, "slurm_user: ", 12) == 0)
			aic_bytes_append_str(&out, "slurm_user: root\n");
		else
			aic_bytes_append(&out, line, (size_t)(end - line));
	}
	aic_bytes_append(&out, "", 1);
	aic_bytes_free(&text);
	return (char *)out.data;
}

static void example_says_the_defaults(void **state)
{
	aic_config c;
	char *text = example();
	load_ok(state, &c, text);
	assert_defaults(&c);
	aic_config_free(&c);
	free(text);
}

/* The rows that the example shows as comments must load as well, once uncommented. */
static void example_rows(void **state)
{
	aic_config c;
	aic_bytes out = {0};
	char *text = example();
	for (char *line = text, *end; *line != '\0'; line = end) {
		end = strchr(line, '\n') + 1;
		bool emptied = strncmp(line, "providers: []", 13) == 0 || strncmp(line, "accounts: []", 12) == 0 ||
		               strncmp(line, "assets: []", 10) == 0;
		if (emptied) {
			aic_bytes_append(&out, line, strcspn(line, "["));
			aic_bytes_append_str(&out, "\n");
		} else {
			size_t skip = strncmp(line, "#  ", 3) == 0;
			aic_bytes_append(&out, line + skip, (size_t)(end - line) - skip);
		}
	}
	aic_bytes_append(&out, "", 1);
	load_ok(state, &c, (char *)out.data);
	assert_int_equal(c.n_providers, 1);
	assert_string_equal(c.provider[0].name, "lab-one");
	assert_string_equal(c.provider[0].organisation, "physics-dept");
	assert_string_equal(c.provider[0].nodes, "n[1-2]");
	assert_int_equal(c.n_accounts, 1);
	assert_string_equal(c.account[0].account, "physics");
	assert_int_equal(c.n_assets, 3);
	assert_false(c.asset[0].is_model);
	assert_string_equal(c.asset[0].owner, "provider/lab-one");
	assert_true(c.asset[0].terms.per_job == AIC_UNIT / 100);
	assert_int_equal(strlen(c.asset[0].content), 64);
	assert_true(c.asset[1].is_model && c.asset[1].n_parents == 1 && c.asset[2].on_ledger);
	aic_config_free(&c);
	aic_bytes_free(&out);
	free(text);
}

static void all_keys(void **state)
{
	aic_config c;
	load_ok(state, &c, "site: a\nclusters: [c1, c2]\nslurm_conf: /etc/slurm/s.conf\nmunge_socket: /run/m\nmode: enforce\n"
	        "scope: {partitions: [gpu], accounts: [physics, biology]}\n" USERS
	        "administrators: {users: [root, nobody], groups: [root]}\napprovals: 2\nperiod: month\n"
	        "paths: {state: /s, run: /r, log: /l, spool: /p, node: /n/%n, metrics: /m/aic.prom}\n"
	        "accounting: {listen: '0.0.0.0:6829', address: 'head:6829'}\nledger: {genesis: /g.yaml, order: local, chain: ab" DIGITS_62 ", "
	        "archive: {listen: '0.0.0.0:6830', peers: [{url: 'https://b.edu:6830', key: ab" DIGITS_62 "}]}}\n"
	        "rates: {gpu: {default: 1, a100: 2, h100: '3.5'}, cpu: 0.02, mem_gib: 0}\n"
	        "policy: {unfunded: refuse, stale: closed, stale_after: 60}\n"
	        "review: {pretending: {a100: {watts: 120, sm: 12, spread: 400}, default: {busy: 70, read: 5}, t4: {busy: 90, read: 0, least: 60}}}\n"
	        "providers: [{name: l1, organisation: o1, nodes: n1}, {name: l2, organisation: o2, nodes: n2}]\n"
	        "accounts: [{account: physics, organisation: o3}]\n"
	        "assets: [{name: m, kind: model, owner: account/physics, per_gpu_hour: 0.1}, {name: m, kind: data, owner: site},"
	        " {name: n, kind: model, owner: site, parents: [{name: m, kind: data, share_ppm: 200000}]}, {name: o, kind: data, ledger: ab"
	        DIGITS_62 "}]\n");
	assert_int_equal(c.n_clusters, 2);
	assert_string_equal(c.clusters[1], "c2");
	assert_true(c.enforce && c.refuse_unfunded && c.closed_when_stale);
	assert_string_equal(c.scope_partitions[0], "gpu");
	assert_string_equal(c.scope_accounts[1], "biology");
	assert_int_equal(c.approvals, 2);
	assert_int_equal(c.period, AIC_PERIOD_MONTH);
	assert_string_equal(c.snapshot, "/s/snapshot/aic.snapshot");
	assert_string_equal(c.metrics, "/m/aic.prom");
	assert_string_equal(c.node_dir, "/n/%n");
	assert_string_equal(c.acct_listen, "0.0.0.0:6829");
	assert_string_equal(c.acct_address, "head:6829");
	assert_true(aic_rate_of_gpu(&c.rates, "h100") == AIC_UNIT * 7 / 2 && c.rates.gpu_types == 2);
	assert_true(c.rates.gpu_default == AIC_UNIT && c.rates.mem_gib == 0);
	assert_int_equal(c.n_pretending, 3); /* the default first, from which the others take what they leave out */
	assert_true(c.pretending[0].busy == 70 && c.pretending[0].watts == 0 && c.pretending[0].read_mib == 5);
	assert_string_equal(c.pretending[1].type, "a100");
	assert_true(c.pretending[1].busy == 70 && c.pretending[1].watts == 120 && c.pretending[1].read_mib == 5);
	assert_true(c.pretending[2].busy == 90 && c.pretending[2].watts == 0 && c.pretending[2].read_mib == 0);
	assert_true(c.pretending[1].sm == 12 && c.pretending[1].spread_ppm == 400 && c.pretending[1].long_s == 3600);
	assert_true(c.pretending[2].sm == 5 && c.pretending[2].spread_ppm == 100);
	assert_true(c.pretending[1].least_s == 600 && c.pretending[2].least_s == 60);
	assert_string_equal(c.chain, "ab" DIGITS_62);
	assert_string_equal(c.archive.listen, "0.0.0.0:6830");
	assert_int_equal(c.archive.n_peers, 1);
	assert_string_equal(c.archive.peer[0].url, "https://b.edu:6830");
	assert_int_equal(c.archive.peer[0].key[0], 0xab);
	assert_int_equal(c.stale_after, 60);
	assert_int_equal(c.n_providers, 2);
	assert_true(c.asset[0].is_model && !c.asset[1].is_model);
	assert_true(c.asset[0].terms.per_gpu_hour == AIC_UNIT / 10 && c.asset[0].terms.per_job == 0);
	assert_true(c.asset[2].n_parents == 1 && c.asset[2].parent[0].row == 1 && c.asset[2].parent[0].ppm == 200000);
	assert_true(c.asset[2].generation == 2 && c.asset[1].generation == 1);
	assert_true(c.asset[3].on_ledger && c.asset[3].number[0] == 0xab && !c.asset[2].on_ledger);
	aic_config_free(&c);
}

static void etcd_keys(void **state)
{
	aic_config c;
	load_ok(state, &c, SITE "ledger: {order: etcd, etcd: {endpoints: ['https://e1.uni-a.edu:2379', 'https://[fd00::2]:2379'], "
	        "prefix: aic/uni/, ca: /ca.pem, cert: /c.pem, key: /k.pem, user: uni-a, password_file: /p}}\n");
	assert_string_equal(c.order, "etcd");
	assert_int_equal(c.etcd.n_endpoints, 2);
	assert_string_equal(c.etcd.endpoint[0], "https://e1.uni-a.edu:2379");
	assert_string_equal(c.etcd.endpoint[1], "https://[fd00::2]:2379");
	assert_string_equal(c.etcd.prefix, "aic/uni/");
	assert_string_equal(c.etcd.ca, "/ca.pem");
	assert_string_equal(c.etcd.cert, "/c.pem");
	assert_string_equal(c.etcd.key, "/k.pem");
	assert_string_equal(c.etcd.user, "uni-a");
	assert_string_equal(c.etcd.password_file, "/p");
	aic_config_free(&c);
	load_ok(state, &c, SITE "ledger: {etcd: {endpoints: ['http://127.0.0.1:2379'], user: a, password_file: /p}}\n");
	assert_string_equal(c.order, "local");
	assert_string_equal(c.etcd.prefix, "aic/");
	aic_config_free(&c);
}

#define ETCD "ledger:\n  etcd:\n    endpoints: ["
#define TEN "'http://a:1', 'http://a:1', 'http://a:1', 'http://a:1', 'http://a:1', 'http://a:1', 'http://a:1', 'http://a:1', " \
	"'http://a:1', 'http://a:1'"

/* {text, line where the mistake is (0: none is named), what the sentence must hold} */
static const struct { const char *text; int line; const char *within; } mistakes[] = {
	{USERS, 0, "key \"site\" is missing: add a line \"site: NAME\""},
	{"site: 'uni a'\n" USERS, 1, "the site's name \"uni a\" may hold letters"},
	{SITE "clusers: [a]\n", 4, "key \"clusers\" is not known: did you mean \"clusters\"?"},
	{SITE "clusters: a\n", 4, "\"clusters\" must be a list"},
	{SITE "clusters: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", 4, "\"clusters\" lists 17, the limit is 16"},
	{SITE "mode: enforced\n", 4, "\"mode: enforced\" must be observe or enforce"},
	{SITE "period: year\n", 4, "\"period: year\" must be day, week or month"},
	{SITE "scope:\n  partition: [gpu]\n", 5, "did you mean \"partitions\"?"},
	{SITE "scope: [gpu]\n", 4, "\"scope\" must be a map"},
	{SITE "scope: {accounts: ['a/b']}\n", 4, "\"a/b\" may hold letters"},
	{"site: a\nuser: no-such-user\nslurm_user: root\n", 2, "user \"no-such-user\" does not exist: create it"},
	{"site: a\nuser: root\nslurm_user: no-such-user\n", 3, "slurm_user: user \"no-such-user\" does not exist"},
	{SITE "administrators: {users: [no-such-user]}\n", 4, "administrators: user \"no-such-user\" does not exist"},
	{SITE "administrators: {groups: [no-such-group]}\n", 4, "administrators: group \"no-such-group\" does not exist"},
	{SITE "administrators: {users: [root], group: [root]}\n", 4, "did you mean \"groups\"?"},
	{SITE "approvals: 0\n", 4, "\"approvals: 0\" must be a whole number from 1 to 16"},
	{SITE "administrators: {users: [nobody]}\napprovals: 3\n", 5, "can never be reached: there are 2 administrators"},
	{SITE "paths:\n  state: lib\n", 5, "\"state: lib\" must be an absolute path"},
	{SITE "paths:\n  stat: /lib\n", 5, "did you mean \"state\"?"},
	{SITE "paths:\n  run: /run/" "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\n",
	 5, "90 are the limit"},
	{SITE "munge_socket: munge.sock\n", 4, "absolute path"},
	{SITE "accounting: {listen: '6829'}\n", 4, "\"listen: 6829\" must be host:port"},
	{SITE "accounting: {listen: 'a:70000'}\n", 4, "must be host:port"},
	{SITE "accounting: {address: head}\n", 4, "\"address: head\" must be host:port or the absolute path"},
	{SITE "ledger: {heartbeat: 0}\n", 4, "must be a whole number from 1 to 3600"},
	{SITE "ledger: {block_interval: 2s}\n", 4, "must be a whole number from 0 to 3600"},
	{SITE "ledger: {order: raft}\n", 4, "\"order: raft\" must be local or etcd"},
	{SITE "ledger: {listen: '6828'}\n", 4, "\"listen: 6828\" must be host:port, such as 0.0.0.0:6828"},
	{SITE "ledger: {address: head}\n", 4, "\"address: head\" must be host:port or the absolute path"},
	{SITE "ledger:\n  archive: {listen: '6830'}\n", 5, "\"listen: 6830\" must be host:port"},
	{SITE "ledger:\n  archive: {peers: [a]}\n", 5, "each row of peers must be a map"},
	{SITE "ledger:\n  archive: {peers: [{url: 'http://b:1', key: ab}]}\n", 5, "\"url: http://b:1\" must be https://host:port"},
	{SITE "ledger:\n  archive: {peers: [{url: 'https://b:1', key: ab}]}\n", 5, "peer https://b:1: \"key\" must be its site key"},
	{SITE "ledger:\n  archive: {peers: [{url: 'https://b:1', key: ab" DIGITS_62 "}, {url: 'https://b:1', key: ab" DIGITS_62 "}]}\n", 5,
	 "peer https://b:1 is listed twice"},
	{SITE "ledger: {archive: {port: 1}}\n", 4, "key \"port\" is not known"},
	{SITE "ledger: {chain: 12ab}\n", 4, "\"chain\" must be a ledger's id of 64 hexadecimal digits"},
	{SITE "ledger: {chain: AB" DIGITS_62 "}\n", 4, "\"chain\" must be a ledger's id"},
	{SITE "ledger:\n  order: etcd\n", 5, "\"order: etcd\" needs to know where: add \"etcd: {endpoints:"},
	{SITE "ledger:\n  etcd: {prefix: a/}\n", 5, "\"endpoints\" lists nothing"},
	{SITE "ledger:\n  etcd: {endpoints: []}\n", 5, "\"endpoints\" lists nothing"},
	{SITE "ledger:\n  etcd: {endpoints: 'http://a:1'}\n", 5, "\"endpoints\" must be a list"},
	{SITE "ledger:\n  etcd: {endpoints: [" TEN "]}\n", 5, "\"endpoints\" lists 10, the limit is 9"},
	{SITE ETCD "'a:2379']\n", 6, "endpoint \"a:2379\" must be https://host:port"},
	{SITE ETCD "'https://a']\n", 6, "endpoint \"https://a\" must be"},
	{SITE ETCD "'https://a:0']\n", 6, "must be https://host:port"},
	{SITE ETCD "'https://a:2379/v3']\n", 6, "must be https://host:port"},
	{SITE ETCD "'https://me:secret@a:2379']\n", 6, "must be https://host:port"},
	{SITE ETCD "'https://:2379']\n", 6, "must be https://host:port"},
	{SITE ETCD "'https://a:2379']\n    prefix: aic\n", 7, "\"prefix: aic\" must be letters"},
	{SITE ETCD "'https://a:2379']\n    prefix: 'a b/'\n", 7, "and end in '/'"},
	{SITE ETCD "'https://a:2379']\n    ca: ca.pem\n", 7, "\"ca: ca.pem\" must be an absolute path"},
	{SITE ETCD "'https://a:2379']\n    cert: /c.pem\n", 7, "\"cert\" needs \"key\" beside it"},
	{SITE ETCD "'https://a:2379']\n    key: /k.pem\n", 7, "\"key\" needs \"cert\" beside it"},
	{SITE ETCD "'https://a:2379']\n    user: a\n", 7, "\"user\" needs \"password_file\" beside it"},
	{SITE ETCD "'http://a:2379']\n    user: a\n    password_file: /p\n", 6, "would travel to http://a:2379 in clear: use https"},
	{SITE ETCD "'http://a:2379']\n    ca: /ca.pem\n", 6, "for https:// endpoints, and none of these is one"},
	{SITE ETCD "'https://a:2379']\n    password: b\n", 7, "key \"password\" is not known here"},
	{SITE "rates:\n  cpu: 0.01x\n", 5, "\"cpu\" must be an amount in AIC such as 0.5"},
	{SITE "rates:\n  gpu:\n    a100: -1\n", 6, "\"a100\" must be an amount"},
	{SITE "rates:\n  gpu: 1\n", 5, "\"gpu\" must be a map"},
	{SITE "rates: {mem_gb: 1}\n", 4, "key \"mem_gb\" is not known"},
	{SITE "review: {pretend: {}}\n", 4, "key \"pretend\" is not known"},
	{SITE "review:\n  pretending:\n    a100: {busy: 0}\n", 6, "\"busy: 0\" must be a whole number from 1 to 100"},
	{SITE "review:\n  pretending:\n    a100: {sm: 101}\n", 6, "\"sm: 101\" must be a whole number from 0 to 100"},
	{SITE "review:\n  pretending:\n    a100: {spread: 500001}\n", 6, "\"spread: 500001\" must be a whole number from 0 to 500000"},
	{SITE "review:\n  pretending:\n    a100: {long: no}\n", 6, "\"long: no\" must be a whole number from 0 to 31622400"},
	{SITE "review:\n  pretending:\n    a100: 120\n", 6, "\"a100\" must be a map"},
	{SITE "review:\n  pretending:\n    a100: {watt: 120}\n", 6, "did you mean \"watts\"?"},
	{SITE "policy: {unfunded: kill}\n", 4, "\"unfunded: kill\" must be hold or refuse"},
	{SITE "policy: {stale: maybe}\n", 4, "must be open or closed"},
	{SITE "policy: {stale_after: 10 min}\n", 4, "must be a whole number from 1 to 86400"},
	{SITE "providers:\n  - {name: l, organisation: o, nodes: n1}\n  - {name: l, organisation: o, nodes: n2}\n", 6,
	 "provider l is listed twice: keep one row"},
	{SITE "providers: [{name: l, nodes: n1}]\n", 4, "key \"organisation\" is missing: give the provider's organisation"},
	{SITE "providers: [{name: l, organisation: o}]\n", 4, "provider l has no \"nodes\""},
	{SITE "providers: [{organisation: o, nodes: n1}]\n", 4, "key \"name\" is missing"},
	{SITE "providers: [{name: l, organisation: o, nodes: n1, node: n2}]\n", 4, "did you mean \"nodes\"?"},
	{SITE "providers: [lab]\n", 4, "each row of providers must be a map"},
	{SITE "providers: {lab: n1}\n", 4, "\"providers\" must be a list"},
	{SITE "accounts:\n- {account: a, organisation: o}\n- {account: a, organisation: p}\n", 6, "account a is listed twice"},
	{SITE "accounts: [{account: a}]\n", 4, "key \"organisation\" is missing: give the account's organisation"},
	{SITE "assets: [{name: d, owner: site}]\n", 4, "asset d has no \"kind\": give data or model"},
	{SITE "assets: [{name: d, kind: dataset, owner: site}]\n", 4, "\"kind: dataset\" must be data or model"},
	{SITE "assets: [{name: d, kind: data}]\n", 4, "must be provider/NAME, account/NAME or site"},
	{SITE "assets: [{name: d, kind: data, owner: lab}]\n", 4, "must be provider/NAME, account/NAME or site"},
	{SITE "assets: [{name: d, kind: data, owner: provider/x}]\n", 4, "its owner provider/x is not among the providers"},
	{SITE "assets: [{name: d, kind: data, owner: site, per_job: free}]\n", 4, "\"per_job\" must be an amount in AIC"},
	{SITE "assets:\n- {name: d, kind: data, owner: site}\n- {name: d, kind: data, owner: site}\n", 6, "data d is listed twice"},
	{SITE "assets: [{name: d, kind: data, ledger: abc}]\n", 4, "must be the 64 hexadecimal digits that `aic asset register` printed"},
	{SITE "assets: [{name: d, kind: data, ledger: ab" DIGITS_62 ", owner: site}]\n", 4, "the ledger says its \"owner\": take the key out"},
	{SITE "assets:\n" MODEL ", parents: [{name: d, kind: data, share_ppm: 1}]}\n" DATA "}\n", 5,
	 "no row before it is its parent, data d: list a parent before what was made from it"},
	{SITE "assets:\n" DATA "}\n" MODEL ", parents: [{name: d, kind: data}]}\n", 6, "its parent d needs \"kind\" (data or model) and \"share_ppm\""},
	{SITE "assets:\n" DATA "}\n" MODEL ", parents: [{name: d, kind: data, share_ppm: 0}]}\n", 6, "must be a whole number from 1 to 1000000"},
	{SITE "assets:\n" DATA "}\n" MODEL ", parents: [{name: d, kind: data, share_ppm: 1}, {name: d, kind: data, share_ppm: 1}]}\n", 6,
	 "asset m names its parent d twice"},
	{SITE "assets:\n" DATA "}\n- {name: e, kind: data, owner: site}\n" MODEL ", parents: [{name: d, kind: data, share_ppm: 600000}, {name: e,"
	 " kind: data, share_ppm: 400001}]}\n", 7, "its parents' shares sum to 1000001 ppm, more than 1000000"},
	{SITE "assets:\n- {name: d, kind: data, ledger: ab" DIGITS_62 "}\n" MODEL ", parents: [{name: d, kind: data, share_ppm: 1}]}\n", 6,
	 "its parent d is on the ledger: register m there too"},
	{SITE "assets: [{name: d, kind: data, owner: site, content: abc}]\n", 4, "must be a content root of 64 hexadecimal digits"},
	{SITE "train: {user: nobody-such}\n", 4, "train: user \"nobody-such\" does not exist: create it, with a home that all nodes see"},
	{SITE "train: {user: root}\n", 4, "train: user \"root\" is root: name one of its own"},
	{SITE "train: {listen: here}\n", 4, "\"listen: here\" must be host:port or the absolute path of a socket"},
	{SITE "train: {keep: 0}\n", 4, "must be a whole number from 1 to 3650"},
	{SITE "sessions: {store: here}\n", 4, "must be an absolute path"},
	{SITE "sessions: {keep: 72}\n", 4, "\"keep: 72\" must be a whole number with its unit, up to a year: write 72h or 3d"},
	{SITE "sessions: {keep: -1h}\n", 4, "\"keep: -1h\" must be"},
	{SITE "sessions: {keep: 367d}\n", 4, "\"keep: 367d\" must be"},
	{SITE "sessions: {room: lots}\n", 4, "\"room: lots\" is no size: write 200GiB or 1.5TiB"},
	{SITE "sessions: {verify: {partition: a b}}\n", 4, "partition"},
	{SITE "sessions: {verify: {partitions: a}}\n", 4, "did you mean \"partition\"?"},
	{SITE "sessions: {stor: /x}\n", 4, "did you mean \"store\"?"},
	{SITE "datasets: {store: here}\n", 4, "must be an absolute path"},
	{SITE "datasets: {size: much}\n", 4, "\"size: much\" is no size: write 200GiB or 1.5TiB"},
	{SITE "datasets: {recheck: -1}\n", 4, "must be a whole number from 0 to"},
	{SITE "datasets: {patience: 0}\n", 4, "must be a whole number from 1 to 3600"},
	{SITE "datasets: {listen: node}\n", 4, "\"listen: node\" must be host:port or the absolute path of a socket"},
	{SITE "datasets: {caches: /x}\n", 4, "did you mean \"cache\"?"},
	{SITE "site: b\n", 4, "key \"site\" is there twice, first in line 1"},
	{"site: [a\n" USERS, 2, "not valid YAML"},
	{"site: a\n\tuser: root\n", 2, "not valid YAML"},
	{"- site\n", 1, "the file must be a map"},
	{"", 1, "empty"},
};

static void every_mistake(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		aic_config c;
		aic_error err = {0};
		char start[300];
		aic_code code = load(state, &c, mistakes[i].text, &err);
		if (mistakes[i].line > 0)
			snprintf(start, sizeof start, "%s:%d: ", config_path(state), mistakes[i].line);
		else
			snprintf(start, sizeof start, "%s: ", config_path(state));
		if (code != AIC_USAGE || strstr(err.message, start) == NULL || strstr(err.message, mistakes[i].within) == NULL)
			fail_msg("mistake %zu: code %d, \"%s\": wanted \"%s\" and \"%s\"", i, code, err.message, start,
			         mistakes[i].within);
		assert_null(strchr(err.message, '\n'));
	}
}

static void missing_default_user(void **state)
{
	aic_config c;
	aic_error err = {0};
	without_aic = true;
	aic_code code = load(state, &c, "site: a\nslurm_user: root\n", &err);
	without_aic = false;
	assert_int_equal(code, AIC_USAGE);
	assert_non_null(strstr(err.message, "user \"aic\", the default of key \"user\", does not exist: create it"));
}

static void which_file(void **state)
{
	aic_config c;
	aic_error err = {0};
	char none[300];
	snprintf(none, sizeof none, "%s/none.yaml", (char *)*state);
	assert_int_not_equal(aic_config_load(&c, none, &err), AIC_OK);
	assert_non_null(strstr(err.message, none));
	load_ok(state, &c, SITE);
	aic_config_free(&c);
	setenv("AIC_CONFIG", config_path(state), 1);
	assert_int_equal(aic_config_load(&c, NULL, &err), AIC_OK);
	assert_string_equal(c.path, config_path(state));
	aic_config_free(&c);
	unsetenv("AIC_CONFIG");
}

static void administrators(void **state)
{
	aic_config c;
	struct passwd *pw = getpwnam("daemon");
	assert_non_null(pw);
	uid_t daemon = pw->pw_uid;
	gid_t daemon_gid = pw->pw_gid;
	load_ok(state, &c, SITE);
	assert_true(aic_config_is_admin(&c, 0, 0));
	assert_false(aic_config_is_admin(&c, daemon, daemon_gid));
	aic_config_free(&c);
	load_ok(state, &c, SITE "administrators: {users: [daemon]}\n");
	assert_true(aic_config_is_admin(&c, daemon, daemon_gid));
	assert_false(aic_config_is_admin(&c, daemon + 1, daemon_gid));
	aic_config_free(&c);
	load_ok(state, &c, SITE "administrators: {groups: [daemon]}\n");
	assert_true(aic_config_is_admin(&c, daemon, 65534));
	assert_false(aic_config_is_admin(&c, 65534, daemon_gid)); /* an effective group is no membership */
	aic_config_free(&c);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(defaults), IN_FOLDER(example_says_the_defaults), IN_FOLDER(example_rows), IN_FOLDER(all_keys), IN_FOLDER(etcd_keys),
		IN_FOLDER(every_mistake), IN_FOLDER(missing_default_user), IN_FOLDER(which_file), IN_FOLDER(administrators),
	};
	unsetenv("AIC_CONFIG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
