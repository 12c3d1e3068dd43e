/* config_datasets.c: datasets: the site's store, each node's cache, and where nodes ask one another. */
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"
#include "common/file.h"
#include "common/size.h"

#define SIZE_DEFAULT (100ull << 30)
#define RECHECK_DEFAULT 86400
#define RECHECK_MAX (366ull * 86400)
#define PATIENCE_DEFAULT 30
#define PATIENCE_MAX 3600

/* host:port or an absolute path. */
static aic_code read_address(const aic_yaml_node *map, const char *key, char out[AIC_PATH_LEN], aic_error *err)
{
	aic_code code = aic_yaml_get_text(map, key, out, AIC_PATH_LEN, err);
	if (code != AIC_OK || out[0] == '\0' || out[0] == '/' || aic_config_is_host_port(out))
		return code;
	return aic_yaml_fail(aic_yaml_get(map, key), err, "\"%s: %s\" must be host:port or the absolute path of a socket; %%n is the "
	                     "node's name", key, out);
}

static aic_code read_size(const aic_yaml_node *map, uint64_t *bytes, aic_error *err)
{
	char text[64] = "";
	aic_code code = aic_yaml_get_text(map, "size", text, sizeof text, err);
	if (code == AIC_OK && text[0] != '\0' && aic_size_parse(bytes, text, NULL) != AIC_OK)
		return aic_yaml_fail(aic_yaml_get(map, "size"), err, "\"size: %s\" is no size: write 200GiB or 1.5TiB", text);
	return code;
}

aic_code aic_config_datasets(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	aic_datasets_config *d = &c->datasets;
	uint64_t recheck = RECHECK_DEFAULT, patience = PATIENCE_DEFAULT;
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "datasets", AIC_YAML_MAP, &map, err);
	aic_str_copy(d->cache, sizeof d->cache, "/var/lib/aic/cache");
	d->size = SIZE_DEFAULT;
	if (code == AIC_OK)
		code = aic_config_path(map, "store", d->store, err);
	if (code == AIC_OK)
		code = aic_config_path(map, "cache", d->cache, err);
	if (code == AIC_OK)
		code = read_size(map, &d->size, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "recheck", &recheck, 0, RECHECK_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(map, "patience", &patience, 1, PATIENCE_MAX, err);
	if (code == AIC_OK)
		code = read_address(map, "listen", d->listen, err);
	if (code == AIC_OK)
		code = read_address(map, "address", d->address, err);
	if (code != AIC_OK)
		return code;
	d->recheck = (int64_t)recheck;
	d->patience = (int64_t)patience;
	if (d->listen[0] == '\0')
		code = aic_path_join(d->listen, sizeof d->listen, c->run_dir, "aicnoded-%n.sock", err);
	if (d->address[0] == '\0')
		aic_str_copy(d->address, sizeof d->address, d->listen);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}
