/* config.c: aic.yaml's sections, each with its defaults and checks; ledger.etcd is in config_etcd.c, rows are in config_rows.c. */
#include "common/config.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/config_read.h"
#include "common/file.h"

#define GROUPS_MAX 1024
#define APPROVALS_MAX 16
#define RETENTION_MAX 36500 /* days */
#define STALE_AFTER_DEFAULT 120
#define STALE_AFTER_MAX 86400
#define RUN_LEN_MAX 90 /* a Unix socket's path has at most 107 bytes */

/* --- helpers --- */

aic_code aic_config_section(const aic_yaml_node *map, const char *key, aic_yaml_kind kind, const aic_yaml_node **out,
                            aic_error *err)
{
	const aic_yaml_node *n = aic_yaml_get(map, key);
	const char *text = aic_yaml_text(n);
	*out = NULL;
	if (n == NULL || (text != NULL && *text == '\0'))
		return AIC_OK;
	if (aic_yaml_kind_of(n) != kind)
		return aic_yaml_fail(n, err, kind == AIC_YAML_MAP ? "\"%s\" must be a map, \"key: value\" lines below it"
		                     : "\"%s\" must be a list, \"[a, b]\" or \"- \" lines below it", key);
	*out = n;
	return AIC_OK;
}

aic_code aic_config_check_name(const aic_yaml_node *node, const char *what, const char *name, aic_error *err)
{
	if (*name == '\0')
		return aic_yaml_fail(node, err, "%s is empty", what);
	for (const char *p = name; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			return aic_yaml_fail(node, err, "%s \"%s\" may hold letters, digits, '.', '_' and '-' only", what, name);
	}
	return AIC_OK;
}

aic_code aic_config_name(const aic_yaml_node *map, const char *key, const char *what, char out[AIC_NAME_LEN], aic_error *err)
{
	const aic_yaml_node *node = aic_yaml_get(map, key);
	if (node == NULL)
		return aic_yaml_fail(map, err, "key \"%s\" is missing: give %s", key, what);
	aic_code code = aic_yaml_get_text(map, key, out, AIC_NAME_LEN, err);
	return code == AIC_OK ? aic_config_check_name(node, what, out, err) : code;
}

aic_code aic_config_choice(const aic_yaml_node *map, const char *key, const char *const *names, int n, int *out, aic_error *err)
{
	char text[AIC_NAME_LEN] = "";
	aic_code code = aic_yaml_get_text(map, key, text, sizeof text, err);
	const aic_yaml_node *node = aic_yaml_get(map, key);
	if (code != AIC_OK || node == NULL)
		return code;
	char all[AIC_NAME_LEN] = "";
	for (int i = 0; i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return AIC_OK;
		}
		size_t used = strlen(all);
		snprintf(all + used, sizeof all - used, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", names[i]);
	}
	return aic_yaml_fail(node, err, "\"%s: %s\" must be %s", key, text, all);
}

static aic_code read_names(const aic_yaml_node *map, const char *key, char (**out)[AIC_NAME_LEN], size_t *n, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code code = aic_config_section(map, key, AIC_YAML_LIST, &list, err);
	size_t count = aic_yaml_count(list);
	if (code != AIC_OK || count == 0)
		return code;
	*out = aic_xcalloc(count, sizeof **out);
	for (size_t i = 0; i < count; i++) {
		const aic_yaml_node *item = aic_yaml_item(list, i);
		const char *name = aic_yaml_text(item);
		if (name == NULL || strlen(name) >= AIC_NAME_LEN)
			return aic_yaml_fail(item, err, "\"%s\" must list names of at most %d bytes", key, AIC_NAME_LEN - 1);
		code = aic_config_check_name(item, "a name in this list,", name, err);
		if (code != AIC_OK)
			return code;
		aic_str_copy((*out)[(*n)++], AIC_NAME_LEN, name);
	}
	return AIC_OK;
}

aic_code aic_config_path(const aic_yaml_node *map, const char *key, char out[AIC_PATH_LEN], aic_error *err)
{
	aic_code code = aic_yaml_get_text(map, key, out, AIC_PATH_LEN, err);
	if (code == AIC_OK && out[0] != '\0' && out[0] != '/')
		return aic_yaml_fail(aic_yaml_get(map, key), err, "\"%s: %s\" must be an absolute path", key, out);
	return code;
}

/* --- sections --- */

static aic_code read_site(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	if (aic_yaml_get(root, "site") == NULL)
		return aic_fail(err, AIC_USAGE, "%s: key \"site\" is missing: add a line \"site: NAME\" with the short name of this "
		                "university", c->path);
	aic_code code = aic_config_name(root, "site", "the site's name", c->site, err);
	char (*names)[AIC_NAME_LEN] = NULL;
	size_t n = 0, room = sizeof c->clusters / sizeof c->clusters[0];
	if (code == AIC_OK)
		code = read_names(root, "clusters", &names, &n, err);
	if (code == AIC_OK && n > room)
		code = aic_yaml_fail(aic_yaml_get(root, "clusters"), err, "\"clusters\" lists %zu, the limit is %zu", n, room);
	if (code == AIC_OK && n > 0)
		memcpy(c->clusters, names, n * sizeof *names);
	c->n_clusters = code == AIC_OK ? n : 0;
	free(names);
	if (code == AIC_OK)
		code = aic_config_path(root, "slurm_conf", c->slurm_conf, err);
	return code == AIC_OK ? aic_config_path(root, "munge_socket", c->munge_socket, err) : code;
}

static aic_code read_mode(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	static const char *const modes[] = {"observe", "enforce"}, *const periods[] = {"day", "week", "month"};
	int mode = 0, period = AIC_PERIOD_WEEK;
	aic_code code = aic_config_choice(root, "mode", modes, 2, &mode, err);
	if (code == AIC_OK)
		code = aic_config_choice(root, "period", periods, 3, &period, err);
	c->enforce = mode == 1;
	c->period = (aic_period_kind)period;
	return code;
}

static aic_code read_scope(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "scope", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = read_names(map, "partitions", &c->scope_partitions, &c->n_scope_partitions, err);
	if (code == AIC_OK)
		code = read_names(map, "accounts", &c->scope_accounts, &c->n_scope_accounts, err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}

/* The passwd entry that key names or, where it is absent, that the default in `name` names. */
static aic_code read_user(aic_config *c, const aic_yaml_node *root, const char *key, char name[AIC_NAME_LEN],
                          const struct passwd **pw, aic_error *err)
{
	aic_code code = aic_yaml_get_text(root, key, name, AIC_NAME_LEN, err);
	if (code != AIC_OK)
		return code;
	*pw = getpwnam(name);
	if (*pw != NULL)
		return AIC_OK;
	const aic_yaml_node *node = aic_yaml_get(root, key);
	if (node != NULL)
		return aic_yaml_fail(node, err, "%s: user \"%s\" does not exist: create it (useradd --system %s) or name another",
		                     key, name, name);
	return aic_fail(err, AIC_USAGE, "%s: user \"%s\", the default of key \"%s\", does not exist: create it (useradd --system %s) "
	                "or set the key", c->path, name, key, name);
}

static aic_code read_users(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const struct passwd *pw;
	aic_code code = read_user(c, root, "user", c->user, &pw, err);
	if (code != AIC_OK)
		return code;
	c->uid = pw->pw_uid;
	code = read_user(c, root, "slurm_user", c->slurm_user, &pw, err);
	if (code == AIC_OK)
		c->slurm_gid = pw->pw_gid;
	return code;
}

static aic_code look_up_admins(aic_config *c, const aic_yaml_node *users, const aic_yaml_node *groups, aic_error *err)
{
	c->admin_uids = aic_xcalloc(aic_yaml_count(users) + 1, sizeof *c->admin_uids);
	c->admin_gids = aic_xcalloc(aic_yaml_count(groups) + 1, sizeof *c->admin_gids);
	for (size_t i = 0; i < aic_yaml_count(users); i++) {
		const aic_yaml_node *item = aic_yaml_item(users, i);
		const struct passwd *pw = aic_yaml_text(item) != NULL ? getpwnam(aic_yaml_text(item)) : NULL;
		if (pw == NULL)
			return aic_yaml_fail(item, err, "administrators: user \"%s\" does not exist: correct the name or create the user",
			                     aic_yaml_text(item) != NULL ? aic_yaml_text(item) : "?");
		c->admin_uids[c->n_admin_uids++] = pw->pw_uid;
	}
	for (size_t i = 0; i < aic_yaml_count(groups); i++) {
		const aic_yaml_node *item = aic_yaml_item(groups, i);
		const struct group *gr = aic_yaml_text(item) != NULL ? getgrnam(aic_yaml_text(item)) : NULL;
		if (gr == NULL)
			return aic_yaml_fail(item, err, "administrators: group \"%s\" does not exist: correct the name or create the group",
			                     aic_yaml_text(item) != NULL ? aic_yaml_text(item) : "?");
		c->admin_gids[c->n_admin_gids++] = gr->gr_gid;
	}
	return AIC_OK;
}

static aic_code read_approvals(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	uint64_t approvals = 1;
	size_t people = 1; /* root */
	aic_code code = aic_yaml_get_uint(root, "approvals", &approvals, 1, APPROVALS_MAX, err);
	if (code != AIC_OK)
		return code;
	for (size_t i = 0; i < c->n_admin_uids; i++)
		people += c->admin_uids[i] != 0;
	if (c->n_admin_gids == 0 && approvals > people)
		return aic_yaml_fail(aic_yaml_get(root, "approvals"), err, "\"approvals: %llu\" can never be reached: there are %zu "
		                     "administrators, root included; list more under administrators",
		                     (unsigned long long)approvals, people);
	c->approvals = (uint32_t)approvals;
	return AIC_OK;
}

static aic_code read_admins(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *map, *users, *groups;
	aic_code code = aic_config_section(root, "administrators", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = aic_config_section(map, "users", AIC_YAML_LIST, &users, err);
	if (code == AIC_OK)
		code = aic_config_section(map, "groups", AIC_YAML_LIST, &groups, err);
	if (code == AIC_OK)
		code = look_up_admins(c, users, groups, err);
	if (code == AIC_OK)
		code = aic_yaml_unknown(map, err);
	return code == AIC_OK ? read_approvals(c, root, err) : code;
}

static aic_code read_paths(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const struct { const char *key; char *out; } paths[] = {
		{"state", c->state_dir}, {"run", c->run_dir}, {"log", c->log_dir}, {"snapshot", c->snapshot},
		{"spool", c->spool}, {"node", c->node_dir}, {"metrics", c->metrics},
	};
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "paths", AIC_YAML_MAP, &map, err);
	for (size_t i = 0; code == AIC_OK && i < sizeof paths / sizeof paths[0]; i++)
		code = aic_config_path(map, paths[i].key, paths[i].out, err);
	if (code == AIC_OK && strlen(c->run_dir) > RUN_LEN_MAX)
		return aic_yaml_fail(aic_yaml_get(map, "run"), err, "\"run\" has %zu bytes, %d are the limit for a directory of "
		                     "sockets: take a shorter path", strlen(c->run_dir), RUN_LEN_MAX);
	if (code == AIC_OK && c->snapshot[0] == '\0')
		code = aic_path_join(c->snapshot, sizeof c->snapshot, c->state_dir, "snapshot/aic.snapshot", err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}

bool aic_config_is_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	if (colon == NULL || colon == text || colon[1] == '\0' || strlen(colon + 1) > 5 ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		return false;
	long port = strtol(colon + 1, NULL, 10);
	return port > 0 && port < 65536;
}

/* A daemon's "listen" and "address": host:port for who is on another host; port: the one that the message proposes. */
static aic_code check_reach(const aic_yaml_node *map, const char *listen, const char *address, int port, aic_error *err)
{
	if (listen[0] != '\0' && !aic_config_is_host_port(listen))
		return aic_yaml_fail(aic_yaml_get(map, "listen"), err, "\"listen: %s\" must be host:port, such as 0.0.0.0:%d", listen, port);
	if (address[0] != '\0' && address[0] != '/' && !aic_config_is_host_port(address))
		return aic_yaml_fail(aic_yaml_get(map, "address"), err, "\"address: %s\" must be host:port or the absolute path of a "
		                     "socket", address);
	return AIC_OK;
}

static aic_code read_accounting(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "accounting", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "listen", c->acct_listen, sizeof c->acct_listen, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "address", c->acct_address, sizeof c->acct_address, err);
	uint64_t retention = 0;
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "retention", &retention, 0, RETENTION_MAX, err);
	if (code != AIC_OK)
		return code;
	c->retention = (int64_t)retention;
	if ((code = check_reach(map, c->acct_listen, c->acct_address, 6829, err)) != AIC_OK)
		return code;
	if (c->acct_address[0] == '\0')
		aic_config_acct_socket(c, c->acct_address);
	return aic_yaml_unknown(map, err);
}

#define CHAIN_DIGITS 64
#define BLOCK_INTERVAL_MAX 3600
#define HEARTBEAT_DEFAULT 60

static aic_code read_chain(aic_config *c, const aic_yaml_node *map, aic_error *err)
{
	aic_code code = aic_yaml_get_text(map, "chain", c->chain, sizeof c->chain, err);
	if (code != AIC_OK || c->chain[0] == '\0' || strspn(c->chain, "0123456789abcdef") == CHAIN_DIGITS)
		return code;
	return aic_yaml_fail(aic_yaml_get(map, "chain"), err, "\"chain\" must be a ledger's id of %d hexadecimal digits in lower case, "
	                     "such as \"aic ledger status --format json\" shows at any other site", CHAIN_DIGITS);
}

static aic_code read_ledger(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	static const char *const orders[] = {"local", "etcd"};
	const aic_yaml_node *map;
	int order = 0;
	aic_code code = aic_config_section(root, "ledger", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = aic_config_path(map, "genesis", c->genesis, err);
	if (code == AIC_OK)
		code = read_chain(c, map, err);
	if (code == AIC_OK)
		code = aic_config_choice(map, "order", orders, 2, &order, err);
	aic_str_copy(c->order, sizeof c->order, orders[order]);
	uint64_t interval = 0;
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "block_interval", &interval, 0, BLOCK_INTERVAL_MAX, err);
	c->block_interval = (int64_t)interval;
	uint64_t heartbeat = HEARTBEAT_DEFAULT;
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "heartbeat", &heartbeat, 1, BLOCK_INTERVAL_MAX, err);
	c->heartbeat = (int64_t)heartbeat;
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "listen", c->ledger_listen, sizeof c->ledger_listen, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "address", c->ledger_address, sizeof c->ledger_address, err);
	if (code == AIC_OK)
		code = check_reach(map, c->ledger_listen, c->ledger_address, 6828, err);
	if (c->ledger_address[0] == '\0')
		aic_config_ledger_socket(c, c->ledger_address);
	if (code == AIC_OK)
		code = aic_config_etcd(c, map, err);
	if (code == AIC_OK)
		code = aic_config_archive(c, map, err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}

static aic_code read_gpu_rates(aic_rates *r, const aic_yaml_node *gpu, aic_error *err)
{
	if (aic_yaml_count(gpu) > AIC_PRICE_GPU_TYPES_MAX)
		return aic_yaml_fail(gpu, err, "%zu GPU types are listed, the limit is %d", aic_yaml_count(gpu),
		                     AIC_PRICE_GPU_TYPES_MAX);
	for (size_t i = 0; i < aic_yaml_count(gpu); i++) {
		const char *type = aic_yaml_key(gpu, i);
		const aic_yaml_node *value = aic_yaml_value(gpu, i);
		bool is_default = strcmp(type, "default") == 0;
		aic_gpu_rate *row = &r->gpu[r->gpu_types];
		if (strlen(type) >= sizeof row->type)
			return aic_yaml_fail(value, err, "a GPU type's name has at most %zu bytes", sizeof row->type - 1);
		aic_code code = aic_config_check_name(value, "the GPU type", type, err);
		if (code == AIC_OK)
			code = aic_yaml_get_amount(gpu, type, is_default ? &r->gpu_default : &row->per_hour, err);
		if (code != AIC_OK)
			return code;
		if (!is_default) {
			aic_str_copy(row->type, sizeof row->type, type);
			r->gpu_types++;
		}
	}
	return AIC_OK;
}

aic_code aic_config_rates(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *map, *gpu;
	aic_code code = aic_config_section(root, "rates", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = aic_config_section(map, "gpu", AIC_YAML_MAP, &gpu, err);
	if (code == AIC_OK)
		code = read_gpu_rates(&c->rates, gpu, err);
	if (code == AIC_OK)
		code = aic_yaml_get_amount(map, "cpu", &c->rates.cpu, err);
	if (code == AIC_OK)
		code = aic_yaml_get_amount(map, "mem_gib", &c->rates.mem_gib, err);
	if (code == AIC_OK)
		code = aic_yaml_get_amount(map, "storage_gib_month", &c->rates.storage_gib_month, err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}

static aic_code read_policy(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	static const char *const unfunded[] = {"hold", "refuse"}, *const stale[] = {"open", "closed"};
	const aic_yaml_node *map;
	int refuse = 0, closed = 0;
	uint64_t after = STALE_AFTER_DEFAULT;
	aic_code code = aic_config_section(root, "policy", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = aic_config_choice(map, "unfunded", unfunded, 2, &refuse, err);
	if (code == AIC_OK)
		code = aic_config_choice(map, "stale", stale, 2, &closed, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "stale_after", &after, 1, STALE_AFTER_MAX, err);
	c->refuse_unfunded = refuse == 1;
	c->closed_when_stale = closed == 1;
	c->stale_after = (int64_t)after;
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}

/* --- the whole --- */

static void set_defaults(aic_config *c, const char *path)
{
	memset(c, 0, sizeof *c);
	aic_str_copy(c->path, sizeof c->path, path);
	aic_str_copy(c->user, sizeof c->user, "aic");
	aic_str_copy(c->slurm_user, sizeof c->slurm_user, "slurm");
	aic_str_copy(c->state_dir, sizeof c->state_dir, "/var/lib/aic");
	aic_str_copy(c->run_dir, sizeof c->run_dir, "/run/aic");
	aic_str_copy(c->log_dir, sizeof c->log_dir, "/var/log/aic");
	aic_str_copy(c->spool, sizeof c->spool, "/var/spool/slurmctld/aic");
	aic_str_copy(c->node_dir, sizeof c->node_dir, "/var/lib/aic/node");
	aic_str_copy(c->genesis, sizeof c->genesis, "/etc/aic/genesis.yaml");
	aic_rates_default(&c->rates);
}

static aic_code read_all(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	static aic_code (*const sections[])(aic_config *, const aic_yaml_node *, aic_error *) = {
		read_site, read_mode, read_scope, read_users, read_admins, read_paths, read_accounting, read_ledger, aic_config_rates,
		read_policy, aic_config_providers, aic_config_accounts, aic_config_assets, aic_config_datasets, aic_config_sessions,
		aic_config_review, aic_config_train,
	};
	if (aic_yaml_kind_of(root) != AIC_YAML_MAP)
		return aic_yaml_fail(root, err, "the file must be a map, \"key: value\" lines; see aic.yaml(5)");
	aic_code code = AIC_OK;
	for (size_t i = 0; code == AIC_OK && i < sizeof sections / sizeof sections[0]; i++)
		code = sections[i](c, root, err);
	return code == AIC_OK ? aic_yaml_unknown(root, err) : code;
}

aic_code aic_config_load(aic_config *c, const char *path, aic_error *err)
{
	if (path == NULL)
		path = getenv("AIC_CONFIG");
	if (path == NULL || *path == '\0')
		path = AIC_CONFIG_DEFAULT;
	set_defaults(c, path);
	aic_yaml *doc;
	aic_code code = aic_yaml_load(&doc, path, err);
	if (code != AIC_OK) {
		aic_error_prefix(err, "configuration");
		if (err && code == AIC_NOT_FOUND)
			err->code = AIC_USAGE;
		return code == AIC_NOT_FOUND ? AIC_USAGE : code;
	}
	code = read_all(c, aic_yaml_root(doc), err);
	aic_yaml_free(doc);
	if (code != AIC_OK)
		aic_config_free(c);
	return code;
}

void aic_config_free(aic_config *c)
{
	free(c->scope_partitions);
	free(c->scope_accounts);
	free(c->admin_uids);
	free(c->admin_gids);
	free(c->provider);
	free(c->account);
	free(c->asset);
	memset(c, 0, sizeof *c);
}

const char *aic_config_acct_socket(const aic_config *c, char *buf)
{
	snprintf(buf, AIC_PATH_LEN, "%.*s/aicacctd.sock", RUN_LEN_MAX, c->run_dir);
	return buf;
}

const char *aic_config_ledger_socket(const aic_config *c, char *buf)
{
	snprintf(buf, AIC_PATH_LEN, "%.*s/aicledgerd.sock", RUN_LEN_MAX, c->run_dir);
	return buf;
}

/* gid, the caller's effective group, decides nothing: a set-group-id program lends one to everybody. */
aic_code aic_config_check_user(const aic_config *c, aic_error *err)
{
	if (geteuid() == c->uid)
		return AIC_OK;
	return aic_fail(err, AIC_USAGE, "runs as uid %u, aic.yaml says user %s (uid %u): start it as that user", (unsigned)geteuid(),
	                c->user, (unsigned)c->uid);
}

bool aic_config_is_admin(const aic_config *c, uid_t uid, gid_t gid)
{
	(void)gid;
	if (uid == 0)
		return true;
	for (size_t i = 0; i < c->n_admin_uids; i++) {
		if (c->admin_uids[i] == uid)
			return true;
	}
	const struct passwd *pw = c->n_admin_gids > 0 ? getpwuid(uid) : NULL;
	if (pw == NULL)
		return false;
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		n = GROUPS_MAX;
	for (int i = 0; i < n; i++) {
		for (size_t j = 0; j < c->n_admin_gids; j++) {
			if (groups[i] == c->admin_gids[j])
				return true;
		}
	}
	return false;
}
