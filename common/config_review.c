/* config_review.c: review: from which figures on a reviewer should look at a line. */
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define WATTS_MAX 10000
#define READ_MAX (1u << 30)
#define LEAST_MAX (366 * 86400)
#define SPREAD_MAX 500000 /* ppm: no share deviates more */

static aic_code read_rule(const aic_yaml_node *map, const char *type, aic_pretending_rule *rule, aic_error *err)
{
	const aic_yaml_node *row;
	aic_code code = aic_config_section(map, type, AIC_YAML_MAP, &row, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "busy", &rule->busy, 1, 100, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "watts", &rule->watts, 0, WATTS_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "read", &rule->read_mib, 0, READ_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "least", &rule->least_s, 0, LEAST_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "sm", &rule->sm, 0, 100, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "spread", &rule->spread_ppm, 0, SPREAD_MAX, err);
	if (code == AIC_OK)
		code = aic_yaml_get_uint(row, "long", &rule->long_s, 0, LEAST_MAX, err);
	return code == AIC_OK ? aic_yaml_unknown(row, err) : code;
}

/* The default first, as the others start from it, wherever it stands. */
aic_code aic_config_review(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *review, *map;
	aic_code code = aic_config_section(root, "review", AIC_YAML_MAP, &review, err);
	c->pretending[0] = (aic_pretending_rule){.busy = 80, .watts = 0, .read_mib = 1, .least_s = 600, .sm = 5, .spread_ppm = 100, .long_s = 3600};
	c->n_pretending = 1;
	if (code == AIC_OK)
		code = aic_config_section(review, "pretending", AIC_YAML_MAP, &map, err);
	if (code == AIC_OK)
		code = read_rule(map, "default", &c->pretending[0], err);
	for (size_t i = 0; code == AIC_OK && i < aic_yaml_count(map); i++) {
		const char *type = aic_yaml_key(map, i);
		aic_pretending_rule *rule = &c->pretending[c->n_pretending];

		if (!strcmp(type, "default"))
			continue;
		if (c->n_pretending == AIC_PRETENDING_MAX)
			return aic_yaml_fail(aic_yaml_value(map, i), err, "%zu GPU models are listed, the limit is %d", aic_yaml_count(map), AIC_PRETENDING_MAX - 1);
		if (strlen(type) >= sizeof rule->type)
			return aic_yaml_fail(aic_yaml_value(map, i), err, "a GPU model's name has at most %zu bytes", sizeof rule->type - 1);
		code = aic_config_check_name(aic_yaml_value(map, i), "the GPU model", type, err);
		*rule = c->pretending[0];
		aic_str_copy(rule->type, sizeof rule->type, type);
		if (code == AIC_OK)
			code = read_rule(map, type, rule, err);
		c->n_pretending++;
	}
	return code == AIC_OK ? aic_yaml_unknown(review, err) : code;
}
