/* config_archive.c: ledger.archive: where this site's archive is served, and whose archives it may ask. */
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define KEY_DIGITS "64 hexadecimal digits"

static aic_code read_peer(aic_archive_config *a, const aic_yaml_node *row, aic_error *err)
{
	aic_peer_config *p = &a->peer[a->n_peers];
	char key[2 * sizeof p->key + 1] = "";
	aic_code code;
	if (aic_yaml_kind_of(row) != AIC_YAML_MAP)
		return aic_yaml_fail(row, err, "each row of peers must be a map, \"- {url: \"https://host:port\", key: " KEY_DIGITS "}\"");
	if ((code = aic_yaml_get_text(row, "url", p->url, sizeof p->url, err)) != AIC_OK ||
	    (code = aic_yaml_get_text(row, "key", key, sizeof key, err)) != AIC_OK)
		return code;
	if (!aic_config_is_endpoint(p->url) || !aic_config_is_secure(p->url))
		return aic_yaml_fail(row, err, "\"url: %s\" must be https://host:port, such as https://aic.uni-b.edu:6830", p->url);
	if (!aic_unhex(p->key, sizeof p->key, key))
		return aic_yaml_fail(row, err, "peer %s: \"key\" must be its site key, " KEY_DIGITS, p->url);
	for (size_t i = 0; i < a->n_peers; i++) {
		if (strcmp(a->peer[i].url, p->url) == 0)
			return aic_yaml_fail(row, err, "peer %s is listed twice: keep one row", p->url);
	}
	a->n_peers++;
	return aic_yaml_unknown(row, err);
}

aic_code aic_config_archive(aic_config *c, const aic_yaml_node *ledger, aic_error *err)
{
	aic_archive_config *a = &c->archive;
	const aic_yaml_node *map, *list = NULL;
	aic_code code = aic_config_section(ledger, "archive", AIC_YAML_MAP, &map, err);
	if (code != AIC_OK || map == NULL)
		return code;
	if ((code = aic_yaml_get_text(map, "listen", a->listen, sizeof a->listen, err)) != AIC_OK ||
	    (code = aic_config_section(map, "peers", AIC_YAML_LIST, &list, err)) != AIC_OK)
		return code;
	if (a->listen[0] != '\0' && !aic_config_is_host_port(a->listen))
		return aic_yaml_fail(aic_yaml_get(map, "listen"), err, "\"listen: %s\" must be host:port, such as 0.0.0.0:6830", a->listen);
	if (aic_yaml_count(list) > AIC_ARCHIVE_PEERS_MAX)
		return aic_yaml_fail(list, err, "\"peers\" lists %zu, the limit is %d", aic_yaml_count(list), AIC_ARCHIVE_PEERS_MAX);
	for (size_t i = 0; i < aic_yaml_count(list) && code == AIC_OK; i++)
		code = read_peer(a, aic_yaml_item(list, i), err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}
