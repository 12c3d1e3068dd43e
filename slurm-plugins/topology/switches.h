/* switches.h: which nodes stand behind one switch, from the latencies between them, and which links are worse than their class.
 *
 * Nodes are joined by average linkage (the two groups with the least mean latency first, https://en.wikipedia.org/wiki/UPGMA). Where
 * that latency leaps by AIC_SWITCH_LEAP from one joining to the next, a level of switches ends. A node that would be alone behind
 * its switch is put behind the nearest one: a bad cable is no switch. */
#ifndef AIC_TOPOLOGY_SWITCHES_H
#define AIC_TOPOLOGY_SWITCHES_H

#include "slurm-plugins/topology/links.h"

#define AIC_SWITCH_LEVELS_MAX 3
#define AIC_SWITCH_LEAP 1.3
#define AIC_LINK_WORSE 1.5        /* times the median of its class, and */
#define AIC_LINK_SPREAD 4.0       /* standard deviations (from the median deviation) off it */
#define AIC_CLASS_LEAST 3         /* a class of fewer links has no usual */

typedef struct {
	size_t nodes, levels;         /* levels below the top switch, which has all; 0: one switch is all there is */
	size_t count[AIC_SWITCH_LEVELS_MAX];
	uint32_t *of[AIC_SWITCH_LEVELS_MAX]; /* of[level][node]: its switch there, numbered from 0 in the order of nodes; level 0: leaves */
} aic_switches;

void aic_switches_find(aic_switches *s, const aic_links *l);
/* A link's class: the lowest level at which both ends have one switch; s->levels for the top. */
size_t aic_link_class(const aic_switches *s, size_t a, size_t b);

typedef struct {
	size_t links;
	double latency_ns, bytes_per_s;                /* medians */
	double latency_spread_ns, bytes_per_s_spread;  /* standard deviations, from the median deviation */
} aic_link_usual;
/* One for each class, 0 to s->levels. */
void aic_links_usual(aic_link_usual usual[AIC_SWITCH_LEVELS_MAX + 1], const aic_links *l, const aic_switches *s);
bool aic_link_is_worse(const aic_link *x, const aic_link_usual *usual);

/* Nodes in the order of their switches: those of one stand together. order[n], by the caller. */
void aic_switches_order(size_t *order, const aic_switches *s);
void aic_switches_free(aic_switches *s);

#endif
