/* show.h: links and switches for people, and for Slurm's topology/tree. */
#ifndef AIC_TOPOLOGY_SHOW_H
#define AIC_TOPOLOGY_SHOW_H

#include "common/table.h"
#include "slurm-plugins/topology/switches.h"

#define AIC_TOPOLOGY_MARK "# Written by `aic topology"

typedef struct {
	aic_links links;
	aic_switches switches;
	aic_link_usual usual[AIC_SWITCH_LEVELS_MAX + 1];
} aic_topology;

/* Takes the links over. */
void aic_topology_make(aic_topology *t, aic_links *l);
void aic_topology_free(aic_topology *t);

/* "leaf1", "row2", "hall1"; "top" for level == levels. */
const char *aic_switch_name(char buf[32], const aic_topology *t, size_t level, uint32_t number);
/* topology.conf(5). others: nodes that were not measured, as a host list, behind a switch of their own; NULL for none. */
void aic_topology_conf(aic_bytes *out, const aic_topology *t, const char *others);
/* A line for each link: nodes, class, latency, bandwidth, what is usual in the class, whether it is worse. */
void aic_topology_table(aic_table *t, const aic_topology *topology, bool worse_only);
aic_table *aic_topology_table_new(void);
size_t aic_topology_worse(const aic_topology *t);
/* A node of which at least half of the links are worse, where there is one: the one with the most. false: none. */
bool aic_topology_suspect(const aic_topology *t, size_t *node, size_t *worse);

#define AIC_HEAT_NODES 64 /* more do not fit a terminal: a cell a leaf then, the median of its links */
/* Latency as a heat map: two columns a cell, a colour on a terminal, else a character from '.' to '@'. */
void aic_topology_heat(aic_bytes *out, const aic_topology *t, bool colours);
/* One file that needs nothing else: both matrices as SVG with a tooltip a cell, and the links that are worse. */
void aic_topology_html(aic_bytes *out, const aic_topology *t, int64_t at);

#endif
