#include "slurm-plugins/topology/show.h"

#include <slurm/slurm.h>
#include <stdlib.h>
#include <string.h>

void aic_topology_make(aic_topology *t, aic_links *l)
{
	*t = (aic_topology){.links = *l};
	*l = (aic_links){0};
	aic_switches_find(&t->switches, &t->links);
	aic_links_usual(t->usual, &t->links, &t->switches);
}

void aic_topology_free(aic_topology *t)
{
	aic_links_free(&t->links);
	aic_switches_free(&t->switches);
}

const char *aic_switch_name(char buf[32], const aic_topology *t, size_t level, uint32_t number)
{
	static const char *const names[AIC_SWITCH_LEVELS_MAX] = {"leaf", "row", "hall"};

	if (level == t->switches.levels)
		snprintf(buf, 32, "top");
	else
		snprintf(buf, 32, "%s%u", names[level], number + 1);
	return buf;
}

/* --- topology.conf --- */

/* Commas between names as they are; Slurm's own short form where it is one. */
static void put_ranged(aic_bytes *out, const char *names)
{
	struct hostlist *list = slurm_hostlist_create(names);
	size_t size = strlen(names) + 64;
	char *text = aic_xmalloc(size);

	slurm_hostlist_uniq(list);
	aic_bytes_append_str(out, slurm_hostlist_ranged_string(list, size, text) > 0 ? text : names);
	slurm_hostlist_destroy(list);
	free(text);
}

static void put_nodes(aic_bytes *out, const aic_topology *t, uint32_t leaf)
{
	aic_bytes names = {0};

	for (size_t i = 0; i < t->links.n; i++)
		if (!t->switches.levels || t->switches.of[0][i] == leaf)
			aic_bytes_printf(&names, "%s%s", names.len ? "," : "", t->links.name[i]);
	aic_bytes_append(&names, "", 1);
	put_ranged(out, (const char *)names.data);
	aic_bytes_free(&names);
}

/* The switches of the level below that this one has. */
static void put_below(aic_bytes *out, const aic_topology *t, size_t level, uint32_t number)
{
	const aic_switches *s = &t->switches;
	char name[32];
	bool any = false;

	for (uint32_t k = 0; k < s->count[level - 1]; k++)
		for (size_t i = 0; i < s->nodes; i++) {
			if (s->of[level - 1][i] != k)
				continue;
			if (level == s->levels || s->of[level][i] == number) {
				aic_bytes_printf(out, "%s%s", any ? "," : "", aic_switch_name(name, t, level - 1, k));
				any = true;
			}
			break;
		}
}

void aic_topology_conf(aic_bytes *out, const aic_topology *t, const char *others)
{
	const aic_switches *s = &t->switches;
	char name[32];

	aic_bytes_append_str(out, AIC_TOPOLOGY_MARK "`, from latencies that were measured. For TopologyPlugin=topology/tree.\n");
	for (uint32_t k = 0; k < (s->levels ? s->count[0] : 1); k++) {
		aic_bytes_printf(out, "SwitchName=%s Nodes=", s->levels ? aic_switch_name(name, t, 0, k) : others ? "leaf1" : "top");
		put_nodes(out, t, k);
		aic_bytes_append_str(out, "\n");
	}
	if (others)
		aic_bytes_printf(out, "SwitchName=unmeasured Nodes=%s\n", others);
	for (size_t level = 1; level < s->levels; level++)
		for (uint32_t k = 0; k < s->count[level]; k++) {
			aic_bytes_printf(out, "SwitchName=%s Switches=", aic_switch_name(name, t, level, k));
			put_below(out, t, level, k);
			aic_bytes_append_str(out, "\n");
		}
	if (!s->levels && !others)
		return;
	aic_bytes_append_str(out, "SwitchName=top Switches=");
	if (s->levels)
		put_below(out, t, s->levels, 0);
	else
		aic_bytes_append_str(out, "leaf1");
	aic_bytes_printf(out, "%s\n", others ? ",unmeasured" : "");
}

/* --- the table --- */

static const aic_column columns[] = {
	{"node_a", "NODE", AIC_COLUMN_TEXT},
	{"node_b", "NODE", AIC_COLUMN_TEXT},
	{"switch", "SWITCH", AIC_COLUMN_TEXT},
	{"latency_ns", "LATENCY NS", AIC_COLUMN_NUMBER},
	{"usual_latency_ns", "USUAL", AIC_COLUMN_NUMBER},
	{"mib_per_s", "MIB/S", AIC_COLUMN_NUMBER},
	{"usual_mib_per_s", "USUAL", AIC_COLUMN_NUMBER},
	{"verdict", "VERDICT", AIC_COLUMN_TEXT},
};

aic_table *aic_topology_table_new(void)
{
	return aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));
}

static bool is_worse(const aic_topology *t, size_t a, size_t b)
{
	return aic_link_is_worse(aic_links_at(&t->links, a, b), &t->usual[aic_link_class(&t->switches, a, b)]);
}

static void put_link(aic_table *out, const aic_topology *t, size_t a, size_t b)
{
	size_t level = aic_link_class(&t->switches, a, b);
	const aic_link *x = aic_links_at(&t->links, a, b);
	const aic_link_usual *u = &t->usual[level];
	char name[32];

	aic_table_text(out, t->links.name[a]);
	aic_table_text(out, t->links.name[b]);
	aic_table_text(out, aic_switch_name(name, t, level, level < t->switches.levels ? t->switches.of[level][a] : 0));
	aic_table_number(out, (int64_t)(x->latency_ns + 0.5));
	aic_table_number(out, (int64_t)(u->latency_ns + 0.5));
	aic_table_number(out, (int64_t)(x->bytes_per_s / (1 << 20)));
	aic_table_number(out, (int64_t)(u->bytes_per_s / (1 << 20)));
	aic_table_text(out, aic_link_is_worse(x, u) ? "worse" : "usual");
}

void aic_topology_table(aic_table *out, const aic_topology *t, bool worse_only)
{
	for (size_t a = 0; a < t->links.n; a++)
		for (size_t b = a + 1; b < t->links.n; b++)
			if (worse_only ? is_worse(t, a, b) : aic_links_at(&t->links, a, b)->weight > 0)
				put_link(out, t, a, b);
}

size_t aic_topology_worse(const aic_topology *t)
{
	size_t n = 0;

	for (size_t a = 0; a < t->links.n; a++)
		for (size_t b = a + 1; b < t->links.n; b++)
			n += is_worse(t, a, b);
	return n;
}

bool aic_topology_suspect(const aic_topology *t, size_t *node, size_t *worse)
{
	*worse = 0;
	for (size_t a = 0; a < t->links.n; a++) {
		size_t n = 0;

		for (size_t b = 0; b < t->links.n; b++)
			n += b != a && is_worse(t, a, b);
		if (n > *worse && 2 * n >= t->links.n - 1) {
			*worse = n;
			*node = a;
		}
	}
	return *worse > 1;
}
