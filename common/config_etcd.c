/* config_etcd.c: ledger.etcd: where the sites' common etcd is and how this site shows itself there. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define PREFIX_DEFAULT "aic/"

static const char *after_scheme(const char *url)
{
	if (strncmp(url, "https://", 8) == 0)
		return url + 8;
	return strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

/* A user or a path in it would be ignored, or end in a log. */
bool aic_config_is_endpoint(const char *url)
{
	const char *host = after_scheme(url), *colon = strrchr(url, ':');
	size_t digits = colon == NULL ? 0 : strlen(colon + 1);
	if (host == NULL || colon <= host || digits < 1 || digits > 5 || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		return false;
	for (const char *p = host; p < colon; p++) {
		if (!isalnum((unsigned char)*p) && strchr(*host == '[' ? "[]:." : ".-_", *p) == NULL)
			return false;
	}
	long port = strtol(colon + 1, NULL, 10);
	return port > 0 && port < 65536;
}

bool aic_config_is_secure(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

static bool is_loopback(const char *url)
{
	const char *host = after_scheme(url);
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost:", 10) == 0 || strncmp(host, "[::1]:", 6) == 0;
}

static aic_code read_endpoints(aic_etcd_config *e, const aic_yaml_node *map, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code code = aic_config_section(map, "endpoints", AIC_YAML_LIST, &list, err);
	if (code != AIC_OK)
		return code;
	if (aic_yaml_count(list) == 0)
		return aic_yaml_fail(list != NULL ? list : map, err, "\"endpoints\" lists nothing: give the members of etcd, "
		                     "[\"https://host:2379\", ..]");
	if (aic_yaml_count(list) > AIC_ETCD_ENDPOINTS_MAX)
		return aic_yaml_fail(list, err, "\"endpoints\" lists %zu, the limit is %d", aic_yaml_count(list), AIC_ETCD_ENDPOINTS_MAX);
	for (size_t i = 0; i < aic_yaml_count(list); i++) {
		const aic_yaml_node *item = aic_yaml_item(list, i);
		const char *url = aic_yaml_text(item);
		if (url == NULL || strlen(url) >= AIC_ETCD_ENDPOINT_LEN || !aic_config_is_endpoint(url))
			return aic_yaml_fail(item, err, "endpoint \"%.80s\" must be https://host:port, such as https://etcd1.uni-a.edu:2379",
			                     url != NULL ? url : "?");
		aic_str_copy(e->endpoint[e->n_endpoints++], AIC_ETCD_ENDPOINT_LEN, url);
	}
	return AIC_OK;
}

static aic_code read_prefix(aic_etcd_config *e, const aic_yaml_node *map, aic_error *err)
{
	aic_code code = aic_yaml_get_text(map, "prefix", e->prefix, sizeof e->prefix, err);
	size_t len = strlen(e->prefix);
	if (code != AIC_OK)
		return code;
	for (const char *p = e->prefix; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("/._-", *p) == NULL)
			len = 0;
	}
	if (len < 2 || e->prefix[len - 1] != '/')
		return aic_yaml_fail(aic_yaml_get(map, "prefix"), err, "\"prefix: %s\" must be letters, digits, '/', '.', '_' or '-' and "
		                     "end in '/', such as %s", e->prefix, PREFIX_DEFAULT);
	return AIC_OK;
}

/* Both or none of two keys. */
static aic_code check_pair(const aic_yaml_node *map, const char *one, const char *other, aic_error *err)
{
	const aic_yaml_node *a = aic_yaml_get(map, one), *b = aic_yaml_get(map, other);
	bool has_a = a != NULL && aic_yaml_text(a)[0] != '\0', has_b = b != NULL && aic_yaml_text(b)[0] != '\0';
	if (has_a == has_b)
		return AIC_OK;
	return aic_yaml_fail(has_a ? a : b, err, "\"%s\" needs \"%s\" beside it", has_a ? one : other, has_a ? other : one);
}

static aic_code check_secrecy(const aic_etcd_config *e, const aic_yaml_node *map, aic_error *err)
{
	const aic_yaml_node *list = aic_yaml_get(map, "endpoints");
	size_t secure = 0;
	for (size_t i = 0; i < e->n_endpoints; i++) {
		secure += aic_config_is_secure(e->endpoint[i]);
		if (e->user[0] != '\0' && !aic_config_is_secure(e->endpoint[i]) && !is_loopback(e->endpoint[i]))
			return aic_yaml_fail(aic_yaml_item(list, i), err, "the password of \"user: %s\" would travel to %s in clear: use https://",
			                     e->user, e->endpoint[i]);
	}
	if (secure == 0 && (e->ca[0] != '\0' || e->cert[0] != '\0'))
		return aic_yaml_fail(list, err, "\"ca\" and \"cert\" are for https:// endpoints, and none of these is one");
	return AIC_OK;
}

aic_code aic_config_etcd(aic_config *c, const aic_yaml_node *ledger, aic_error *err)
{
	aic_etcd_config *e = &c->etcd;
	const aic_yaml_node *map;
	aic_code code = aic_config_section(ledger, "etcd", AIC_YAML_MAP, &map, err);
	aic_str_copy(e->prefix, sizeof e->prefix, PREFIX_DEFAULT);
	if (code != AIC_OK)
		return code;
	if (map == NULL) {
		if (strcmp(c->order, "etcd") == 0)
			return aic_yaml_fail(aic_yaml_get(ledger, "order"), err, "\"order: etcd\" needs to know where: add \"etcd: {endpoints: "
			                     "[\"https://host:2379\", ..]}\" under ledger");
		return AIC_OK;
	}
	if ((code = read_endpoints(e, map, err)) == AIC_OK && (code = read_prefix(e, map, err)) == AIC_OK &&
	    (code = aic_config_path(map, "ca", e->ca, err)) == AIC_OK && (code = aic_config_path(map, "cert", e->cert, err)) == AIC_OK &&
	    (code = aic_config_path(map, "key", e->key, err)) == AIC_OK &&
	    (code = aic_yaml_get_text(map, "user", e->user, sizeof e->user, err)) == AIC_OK &&
	    (code = aic_config_path(map, "password_file", e->password_file, err)) == AIC_OK &&
	    (code = check_pair(map, "cert", "key", err)) == AIC_OK && (code = check_pair(map, "user", "password_file", err)) == AIC_OK &&
	    (code = check_secrecy(e, map, err)) == AIC_OK)
		code = aic_yaml_unknown(map, err);
	return code;
}
