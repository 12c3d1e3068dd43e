#include "slurm-plugins/dataset/publish.h"

#include "common/file.h"
#include "common/log.h"
#include "common/time.h"
#include "slurm-plugins/dataset/features.h"
#include "slurm-plugins/dataset/names.h"

static bool is_whole(const aic_publication *p, const char *names, const char *name)
{
	aic_cache_entry e;
	aic_hash root;

	return aic_name_get(&root, names, name, NULL) == AIC_OK && aic_cache_get(&e, p->cache, &root, NULL) == AIC_OK && e.checked;
}

static void publish(aic_publication *p)
{
	char names[PATH_MAX], **name = NULL;
	size_t n = 0, whole = 0;
	aic_error err = {0};
	bool changed;

	if (aic_path_join(names, sizeof(names), p->cache->dir, "names", &err) || aic_names_list(&name, &n, names, &err))
		return;
	for (size_t i = 0; i < n; i++)
		if (is_whole(p, names, name[i])) {
			char *other = name[whole];

			name[whole++] = name[i];
			name[i] = other;
		}
	if (aic_features_publish(p->node, name, whole, &changed, &err) != AIC_OK) {
		if (!p->failing)
			aic_warn("slurmctld is not told which data sets are here, and is asked again: %s", err.message);
		p->failing = true;
	} else {
		if (changed || p->failing)
			aic_info("slurmctld knows of %zu data sets here", whole);
		p->failing = false;
	}
	aic_names_free(name, n);
}

void aic_publish_when_due(aic_publication *p)
{
	if (aic_monotonic_ms() < p->at_ms)
		return;
	publish(p);
	p->at_ms = aic_monotonic_ms() + AIC_REPUBLISH_MS;
}

void aic_publish_soon(aic_publication *p)
{
	int64_t soon = aic_monotonic_ms() + AIC_PUBLISH_MS;

	if (p->at_ms > soon)
		p->at_ms = soon;
}
