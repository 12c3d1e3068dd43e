#include "slurm-plugins/allocator/lending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"

#define DAY_MIN (24 * 60)

static aic_code read_accounts(const aic_yaml_node *row, const char *key, char (**out)[AIC_NAME_LEN], size_t *n, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code rc = aic_config_section(row, key, AIC_YAML_LIST, &list, err);

	if (rc != AIC_OK || !aic_yaml_count(list))
		return rc;
	*out = aic_xcalloc(aic_yaml_count(list), sizeof(**out));
	for (; *n < aic_yaml_count(list) && rc == AIC_OK; (*n)++) {
		const char *name = aic_yaml_text(aic_yaml_item(list, *n));

		rc = aic_config_check_name(aic_yaml_item(list, *n), "the account", name ? name : "", err);
		aic_str_copy((*out)[*n], AIC_NAME_LEN, name ? name : "");
	}
	return rc;
}

/* "19:00-07:00" */
static aic_code read_hours(aic_lend *l, const aic_yaml_node *row, aic_error *err)
{
	unsigned h1, m1, h2, m2;
	char text[32] = "";
	int end = 0;
	aic_code rc = aic_yaml_get_text(row, "hours", text, sizeof(text), err);

	l->from_min = l->to_min = -1;
	if (rc != AIC_OK || !text[0])
		return rc;
	if (sscanf(text, "%2u:%2u-%2u:%2u%n", &h1, &m1, &h2, &m2, &end) != 4 || text[end] || h1 > 23 || h2 > 23 || m1 > 59 || m2 > 59 ||
	    (h1 == h2 && m1 == m2))
		return aic_yaml_fail(aic_yaml_get(row, "hours"), err, "\"hours: %s\" must be two times of the day, \"19:00-07:00\"", text);
	l->from_min = (int)(h1 * 60 + m1);
	l->to_min = (int)(h2 * 60 + m2);
	return AIC_OK;
}

static aic_code read_partition(aic_lend *l, size_t number, const aic_yaml_node *row, aic_error *err)
{
	char name[48] = "";
	aic_code rc = aic_yaml_get_text(row, "partition", name, sizeof(name), err);

	if (rc == AIC_OK && name[0])
		rc = aic_config_check_name(aic_yaml_get(row, "partition"), "the partition", name, err);
	if (name[0]) {
		snprintf(l->lease, sizeof(l->lease), "%s", name);
		snprintf(l->own, sizeof(l->own), "%s-own", name);
	} else { /* neutral: guests do not see whose nodes they are */
		snprintf(l->lease, sizeof(l->lease), "lease%zu", number);
		snprintf(l->own, sizeof(l->own), "own%zu", number);
	}
	snprintf(l->qos, sizeof(l->qos), AIC_LEASE_QOS "%s", l->lease);
	return rc;
}

static aic_code find_provider(aic_lend *l, const aic_config *c, const aic_yaml_node *row, aic_error *err)
{
	for (size_t i = 0; i < c->n_providers; i++)
		if (!strcmp(c->provider[i].name, l->provider)) {
			aic_str_copy(l->nodes, sizeof(l->nodes), c->provider[i].nodes);
			return AIC_OK;
		}
	return aic_yaml_fail(aic_yaml_get(row, "provider"), err, "provider %s is not in %s: add it there, with its nodes, or correct the name",
	                     l->provider, c->path);
}

static aic_code read_terms(aic_lend *l, const aic_yaml_node *row, aic_error *err)
{
	aic_code rc = aic_yaml_get_uint(row, "gpus", &l->gpus, 1, 1u << 20, err);

	if (rc == AIC_OK)
		rc = aic_yaml_get_uint(row, "idle", &l->idle_min, 0, 7 * DAY_MIN, err);
	if (rc == AIC_OK)
		rc = aic_yaml_get_uint(row, "lease", &l->lease_min, 0, 7 * DAY_MIN, err);
	if (rc == AIC_OK)
		rc = aic_yaml_get_uint(row, "grace", &l->grace_s, 1, 86400, err);
	return rc == AIC_OK ? read_hours(l, row, err) : rc;
}

static aic_code read_row(aic_lending *all, const aic_config *c, const aic_yaml_node *row, aic_error *err)
{
	aic_lend *l = &all->lend[all->n++];

	l->grace_s = 60;
	if (aic_yaml_kind_of(row) != AIC_YAML_MAP)
		return aic_yaml_fail(row, err, "each row of lend must be a map, \"- {provider: lab-one, owners: [physics]}\"");
	aic_code rc = aic_config_name(row, "provider", "the provider", l->provider, err);
	if (rc == AIC_OK)
		rc = find_provider(l, c, row, err);
	if (rc == AIC_OK)
		rc = read_accounts(row, "owners", &l->owner, &l->n_owners, err);
	if (rc == AIC_OK && !l->n_owners)
		return aic_yaml_fail(row, err, "provider %s has no \"owners\": list the Slurm accounts whose jobs take its nodes back", l->provider);
	if (rc == AIC_OK)
		rc = read_accounts(row, "guests", &l->guest, &l->n_guests, err);
	if (rc == AIC_OK)
		rc = read_terms(l, row, err);
	if (rc == AIC_OK)
		rc = read_partition(l, all->n, row, err);
	for (size_t i = 0; i + 1 < all->n && rc == AIC_OK; i++)
		if (!strcmp(all->lend[i].provider, l->provider) || !strcmp(all->lend[i].lease, l->lease))
			return aic_yaml_fail(row, err, "provider %s or partition %s stands in two rows: keep one", l->provider, l->lease);
	return rc == AIC_OK ? aic_yaml_unknown(row, err) : rc;
}

static aic_code read_all(aic_lending *l, const aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	const aic_yaml_node *list;
	aic_code rc;

	if (aic_yaml_kind_of(root) != AIC_YAML_MAP)
		return aic_yaml_fail(root, err, "the file must be a map with a list `lend`");
	rc = aic_config_section(root, "lend", AIC_YAML_LIST, &list, err);
	if (rc == AIC_OK)
		rc = aic_yaml_get_bool(root, "private", &l->private_data, err);
	if (rc == AIC_OK)
		rc = aic_yaml_get_uint(root, "bf_interval", &l->bf_interval, 1, 600, err);
	if (rc == AIC_OK)
		rc = aic_yaml_get_uint(root, "sched_interval", &l->sched_interval, 1, 600, err);
	if (rc == AIC_OK && aic_yaml_count(list))
		l->lend = aic_xcalloc(aic_yaml_count(list), sizeof(*l->lend));
	for (size_t i = 0; i < aic_yaml_count(list) && rc == AIC_OK; i++)
		rc = read_row(l, c, aic_yaml_item(list, i), err);
	return rc == AIC_OK ? aic_yaml_unknown(root, err) : rc;
}

aic_code aic_lending_load(aic_lending *l, const aic_config *c, const char *path, aic_error *err)
{
	aic_yaml *y;
	aic_code rc;

	*l = (aic_lending){.private_data = true, .bf_interval = 5, .sched_interval = 5};
	if (path) {
		aic_str_copy(l->path, sizeof(l->path), path);
	} else {
		const char *slash = strrchr(c->path, '/');

		snprintf(l->path, sizeof(l->path), "%.*s" AIC_LENDING_NAME, slash ? (int)(slash + 1 - c->path) : 0, c->path);
	}
	rc = aic_yaml_load(&y, l->path, err);
	if (rc != AIC_OK)
		return rc;
	rc = read_all(l, c, aic_yaml_root(y), err);
	aic_yaml_free(y);
	if (rc != AIC_OK)
		aic_lending_free(l);
	return rc;
}

void aic_lending_free(aic_lending *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->lend[i].owner);
		free(l->lend[i].guest);
	}
	free(l->lend);
	l->lend = NULL;
	l->n = 0;
}

bool aic_lend_open(const aic_lend *l, int minute)
{
	if (l->from_min < 0)
		return true;
	if (l->from_min < l->to_min)
		return minute >= l->from_min && minute < l->to_min;
	return minute >= l->from_min || minute < l->to_min;
}
