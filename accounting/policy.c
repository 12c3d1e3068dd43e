#include "accounting/policy.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"
#include "ledger/genesis.h"

#define RATING_NEW 500000

static aic_code load_ratings(aic_policy *p, const aic_yaml_node *map, aic_error *err)
{
	size_t n = aic_yaml_count(map);

	p->rating = aic_xcalloc(n + 1, sizeof(*p->rating));
	for (size_t i = 0; i < n; i++) {
		const char *wallet = aic_yaml_key(map, i);
		p->rating[i].ppm = RATING_NEW;
		aic_str_copy(p->rating[i].wallet, AIC_NAME_LEN, wallet);
		aic_code rc = aic_yaml_get_uint(map, wallet, &p->rating[i].ppm, 0, AIC_PPM, err);
		if (rc != AIC_OK)
			return rc;
		p->n_ratings++;
	}
	return AIC_OK;
}

static aic_code load_state(aic_policy *p, const aic_yaml_node *map, aic_error *err)
{
	aic_code rc = aic_yaml_get_amount(map, "fees_total", &p->fees_total, err);

	if (rc == AIC_OK)
		rc = aic_yaml_get_amount(map, "issued", &p->issued, err);
	return rc == AIC_OK && map ? aic_yaml_unknown(map, err) : rc;
}

static aic_code load_root(aic_policy *p, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *parameters, *state, *ratings;
	aic_code rc = aic_yaml_get_text(root, "site", p->config.site, sizeof(p->config.site), err);

	if (rc == AIC_OK)
		rc = aic_config_rates(&p->config, root, err);
	if (rc == AIC_OK)
		rc = aic_config_providers(&p->config, root, err);
	if (rc == AIC_OK)
		rc = aic_config_accounts(&p->config, root, err);
	if (rc == AIC_OK)
		rc = aic_config_assets(&p->config, root, err);
	for (size_t i = 0; i < p->config.n_assets && rc == AIC_OK; i++)
		if (p->config.asset[i].on_ledger)
			rc = aic_fail(err, AIC_USAGE, "%s: asset %s stands on the ledger, which a policy does not ask: give its owner, per_job, per_gpu_hour"
			              " and parents, as `aic asset show` prints them", p->config.path, p->config.asset[i].name);
	if (rc == AIC_OK)
		rc = aic_config_section(root, "parameters", AIC_YAML_MAP, &parameters, err);
	if (rc == AIC_OK)
		rc = aic_parameters_load(&p->parameters, parameters, err);
	if (rc == AIC_OK)
		rc = aic_config_section(root, "state", AIC_YAML_MAP, &state, err);
	if (rc == AIC_OK)
		rc = load_state(p, state, err);
	if (rc == AIC_OK)
		rc = aic_config_section(root, "ratings", AIC_YAML_MAP, &ratings, err);
	if (rc == AIC_OK)
		rc = load_ratings(p, ratings, err);
	return rc == AIC_OK ? aic_yaml_unknown(root, err) : rc;
}

aic_code aic_policy_load(aic_policy *p, const char *path, aic_error *err)
{
	aic_yaml *y;
	aic_code rc;

	memset(p, 0, sizeof(*p));
	aic_str_copy(p->config.path, sizeof(p->config.path), path);
	aic_str_copy(p->config.site, sizeof(p->config.site), "site");
	aic_rates_default(&p->config.rates);
	p->parameters = aic_parameters_default;
	rc = aic_yaml_load(&y, path, err);
	if (rc != AIC_OK)
		return rc;
	rc = load_root(p, aic_yaml_root(y), err);
	aic_yaml_free(y);
	if (rc == AIC_OK && aic_parameters_check(&p->parameters, err) != AIC_OK)
		rc = aic_error_prefix(err, "%s", path);
	if (rc != AIC_OK)
		aic_policy_clear(p);
	return rc;
}

void aic_policy_clear(aic_policy *p)
{
	aic_config_free(&p->config);
	free(p->rating);
	memset(p, 0, sizeof(*p));
}

uint64_t aic_policy_rating(const aic_policy *p, const char *wallet)
{
	for (size_t i = 0; i < p->n_ratings; i++)
		if (!strcmp(p->rating[i].wallet, wallet))
			return p->rating[i].ppm;
	return RATING_NEW;
}
