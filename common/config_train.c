/* config_train.c: train: the user under whom the site runs what `aic train` submits, and where aictraind answers. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define KEEP_DEFAULT 30
#define KEEP_MAX 3650 /* days */

static aic_code read_user(aic_config *c, const aic_yaml_node *map, aic_error *err)
{
	aic_train_config *t = &c->train;
	const aic_yaml_node *node = aic_yaml_get(map, "user");
	aic_code code = aic_yaml_get_text(map, "user", t->user, sizeof t->user, err);
	if (code != AIC_OK || t->user[0] == '\0')
		return code;
	const struct passwd *pw = getpwnam(t->user);
	if (pw == NULL)
		return aic_yaml_fail(node, err, "train: user \"%s\" does not exist: create it, with a home that all nodes see (useradd "
		                     "--system --create-home --home-dir /srv/aic/train %s)", t->user, t->user);
	if (pw->pw_uid == 0 || pw->pw_uid == c->uid)
		return aic_yaml_fail(node, err, "train: user \"%s\" is %s: name one of its own, whose processes may run what users "
		                     "describe", t->user, pw->pw_uid == 0 ? "root" : "the daemons' own");
	t->uid = pw->pw_uid;
	return AIC_OK;
}

static aic_code check_address(const aic_yaml_node *map, const char *key, const char *text, aic_error *err)
{
	if (text[0] == '\0' || text[0] == '/' || aic_config_is_host_port(text))
		return AIC_OK;
	return aic_yaml_fail(aic_yaml_get(map, key), err, "\"%s: %s\" must be host:port or the absolute path of a socket", key, text);
}

aic_code aic_config_train(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	aic_train_config *t = &c->train;
	uint64_t keep = KEEP_DEFAULT;
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "train", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = read_user(c, map, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "listen", t->listen, sizeof t->listen, err);
	if (code == AIC_OK)
		code = check_address(map, "listen", t->listen, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "address", t->address, sizeof t->address, err);
	if (code == AIC_OK)
		code = check_address(map, "address", t->address, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "keep", &keep, 1, KEEP_MAX, err);
	if (code != AIC_OK)
		return code;
	t->keep = (int64_t)keep;
	if (t->listen[0] == '\0')
		snprintf(t->listen, sizeof t->listen, "%.*s/train/train.sock", AIC_PATH_LEN - 32, c->run_dir);
	if (t->address[0] == '\0')
		aic_str_copy(t->address, sizeof t->address, t->listen);
	return aic_yaml_unknown(map, err);
}

bool aic_config_is_site_run(const aic_config *c, uid_t uid)
{
	return c->train.user[0] != '\0' && c->train.uid == uid;
}
