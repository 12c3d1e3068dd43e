#include "slurm-plugins/dataset/features.h"

#include <stdlib.h>
#include <string.h>

#include "common/priority.h"
#include "common/process.h"
#include "common/record.h"

#define FEATURE_LEN (AIC_NAME_LEN + 16)

static void append(aic_bytes *out, const char *feature, size_t len)
{
	if (out->len)
		aic_bytes_append(out, ",", 1);
	aic_bytes_append(out, feature, len);
}

void aic_features_merge(aic_bytes *out, const char *now, char *const *dataset, size_t n)
{
	char feature[FEATURE_LEN];

	aic_bytes_clear(out);
	if (strcmp(now, "(null)") != 0)
		for (const char *p = now; *p; p += strcspn(p, ","), p += *p == ',') {
			size_t len = strcspn(p, ",");

			if (len && strncmp(p, AIC_DATA_FEATURE, sizeof(AIC_DATA_FEATURE) - 1))
				append(out, p, len);
		}
	for (size_t i = 0; i < n; i++) {
		aic_priority_feature(feature, sizeof(feature), dataset[i]);
		append(out, feature, strlen(feature));
	}
	aic_bytes_append(out, "", 1);
}

bool aic_features_find(aic_bytes *out, const char *line, const char *key)
{
	size_t len = strlen(key);

	aic_bytes_clear(out);
	for (const char *p = strstr(line, key); p; p = strstr(p + 1, key)) {
		if ((p != line && p[-1] != ' ') || p[len] != '=')
			continue;
		aic_bytes_append(out, p + len + 1, strcspn(p + len + 1, " \n"));
		aic_bytes_append(out, "", 1);
		return true;
	}
	return false;
}

static aic_code scontrol(const char *const *argv, aic_bytes *said, aic_error *err)
{
	int status = 0;
	aic_code rc = aic_process_run(argv, "", said, &status, err);

	aic_bytes_append(said, "", 1);
	if (rc == AIC_OK && status)
		rc = aic_fail(err, AIC_UNREACHABLE, "scontrol ended with %d: %.300s", status, (const char *)said->data);
	return rc;
}

static aic_code update(const char *node, const aic_bytes *available, const aic_bytes *active, aic_error *err)
{
	char *name = aic_xasprintf("NodeName=%s", node), *all = aic_xasprintf("AvailableFeatures=%s", (char *)available->data);
	char *now = aic_xasprintf("ActiveFeatures=%s", (char *)active->data);
	const char *const argv[] = {"scontrol", "update", name, all, now, NULL};
	aic_bytes said = {0};
	aic_code rc = scontrol(argv, &said, err);

	aic_bytes_free(&said);
	free(name);
	free(all);
	free(now);
	return rc;
}

/* What scontrol shows for none is what merge makes of it. */
static bool differs(const aic_bytes *should, const char *now)
{
	return strcmp((char *)should->data, strcmp(now, "(null)") ? now : "") != 0;
}

aic_code aic_features_publish(const char *node, char *const *dataset, size_t n, bool *changed, aic_error *err)
{
	const char *const argv[] = {"scontrol", "-o", "show", "node", node, NULL};
	aic_bytes said = {0}, available = {0}, active = {0}, all = {0}, now = {0};
	aic_code rc = scontrol(argv, &said, err);

	*changed = false;
	if (rc == AIC_OK && (!aic_features_find(&available, (char *)said.data, "AvailableFeatures") ||
	                     !aic_features_find(&active, (char *)said.data, "ActiveFeatures")))
		rc = aic_fail(err, AIC_SYSTEM, "scontrol shows no features of node %s: %.200s", node, (char *)said.data);
	if (rc == AIC_OK) {
		aic_features_merge(&all, (char *)available.data, dataset, n);
		aic_features_merge(&now, (char *)active.data, dataset, n);
		*changed = differs(&all, (char *)available.data) || differs(&now, (char *)active.data);
		if (*changed)
			rc = update(node, &all, &now, err);
	}
	aic_bytes_free(&said);
	aic_bytes_free(&available);
	aic_bytes_free(&active);
	aic_bytes_free(&all);
	aic_bytes_free(&now);
	return rc;
}
