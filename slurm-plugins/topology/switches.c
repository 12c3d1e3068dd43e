#include "slurm-plugins/topology/switches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	size_t a, b;             /* one node of each side */
	double latency;
} joining;

/* Sums and counts of the links between two groups, whose mean is their distance; groups are named by one of their nodes. */
typedef struct {
	size_t n;
	double *sum;
	uint32_t *links;
	bool *gone;
} groups;

static double distance(const groups *g, size_t a, size_t b)
{
	size_t i = a * g->n + b;

	return g->links[i] ? g->sum[i] / g->links[i] : INFINITY;
}

static void groups_begin(groups *g, const aic_links *l)
{
	*g = (groups){.n = l->n, .sum = aic_xcalloc(l->n * l->n, sizeof(double)), .links = aic_xcalloc(l->n * l->n, sizeof(uint32_t)),
	              .gone = aic_xcalloc(l->n, sizeof(bool))};
	for (size_t i = 0; i < l->n * l->n; i++)
		if (l->link[i].weight > 0) {
			g->sum[i] = l->link[i].latency_ns;
			g->links[i] = 1;
		}
}

static size_t nearest(const groups *g, size_t a, size_t before)
{
	size_t best = before;

	for (size_t b = 0; b < g->n; b++)
		if (b != a && !g->gone[b] && (best == g->n || distance(g, a, b) < distance(g, a, best)))
			best = b;
	return best;
}

static void join(groups *g, size_t a, size_t b)
{
	for (size_t c = 0; c < g->n; c++) {
		g->sum[a * g->n + c] += g->sum[b * g->n + c];
		g->links[a * g->n + c] += g->links[b * g->n + c];
		g->sum[c * g->n + a] = g->sum[a * g->n + c];
		g->links[c * g->n + a] = g->links[a * g->n + c];
	}
	g->gone[b] = true;
}

static int by_latency(const void *a, const void *b)
{
	double x = ((const joining *)a)->latency, y = ((const joining *)b)->latency;

	return x < y ? -1 : x > y;
}

/* n - 1 joinings, ascending. Chains of nearest neighbours: https://en.wikipedia.org/wiki/Nearest-neighbor_chain_algorithm */
static void join_all(joining *out, const aic_links *l)
{
	size_t *chain = aic_xcalloc(l->n, sizeof(*chain)), length = 0, joined = 0;
	groups g;

	groups_begin(&g, l);
	while (joined + 1 < l->n) {
		if (!length)
			for (chain[0] = 0, length = 1; g.gone[chain[0]];)
				chain[0]++;
		size_t end = chain[length - 1], before = length > 1 ? chain[length - 2] : l->n, next = nearest(&g, end, before);

		if (next != before) {
			chain[length++] = next;
			continue;
		}
		out[joined++] = (joining){.a = end, .b = before, .latency = distance(&g, end, before)};
		join(&g, before, end);
		length -= 2;
	}
	qsort(out, joined, sizeof(*out), by_latency);
	free(g.sum);
	free(g.links);
	free(g.gone);
	free(chain);
}

/* --- levels --- */

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

/* of[node] = the smallest node of its group after the first n joinings. */
static void groups_after(uint32_t *of, size_t nodes, const joining *j, size_t n)
{
	for (size_t i = 0; i < nodes; i++)
		of[i] = (uint32_t)i;
	for (size_t i = 0; i < n; i++) {
		uint32_t a = root_of(of, (uint32_t)j[i].a), b = root_of(of, (uint32_t)j[i].b);

		of[a > b ? a : b] = a > b ? b : a;
	}
	for (size_t i = 0; i < nodes; i++)
		of[i] = root_of(of, (uint32_t)i);
}

static size_t groups_of_many(const uint32_t *of, size_t nodes)
{
	uint32_t *size = aic_xcalloc(nodes, sizeof(*size));
	size_t many = 0;

	for (size_t i = 0; i < nodes; i++)
		many += ++size[of[i]] == 2;
	free(size);
	return many;
}

/* Lonely nodes go to the leaf whose nodes are nearest by their mean latency. */
static void take_in_lonely(uint32_t *leaf, bool *lonely, const aic_links *l)
{
	uint32_t *size = aic_xcalloc(l->n, sizeof(*size));

	for (size_t i = 0; i < l->n; i++)
		size[leaf[i]]++;
	for (size_t i = 0; i < l->n; i++)
		lonely[i] = size[leaf[i]] == 1;
	for (size_t i = 0; i < l->n; i++) {
		double *sum = aic_xcalloc(l->n, sizeof(*sum)), best = INFINITY;
		uint32_t *links = aic_xcalloc(l->n, sizeof(*links));

		for (size_t k = 0; lonely[i] && k < l->n; k++)
			if (!lonely[k] && aic_links_at(l, i, k)->weight > 0) {
				sum[leaf[k]] += aic_links_at(l, i, k)->latency_ns;
				links[leaf[k]]++;
			}
		for (size_t k = 0; k < l->n; k++)
			if (links[k] && sum[k] / links[k] < best) {
				best = sum[k] / links[k];
				leaf[i] = (uint32_t)k;
			}
		free(sum);
		free(links);
	}
	free(size);
}

/* A node that was moved is, higher up, where the others of its leaf are. */
static void follow(uint32_t *of, const uint32_t *leaf, const bool *lonely, size_t nodes)
{
	for (size_t i = 0; i < nodes; i++)
		for (size_t k = 0; lonely[i] && k < nodes; k++)
			if (!lonely[k] && leaf[k] == leaf[i]) {
				of[i] = of[k];
				break;
			}
}

static size_t number(uint32_t *of, size_t nodes)
{
	uint32_t *name = aic_xcalloc(nodes, sizeof(*name)), next = 0;

	for (size_t i = 0; i < nodes; i++) {
		if (!name[of[i]])
			name[of[i]] = ++next;
		of[i] = name[of[i]] - 1;
	}
	free(name);
	return next;
}

static void add_level(aic_switches *s, const aic_links *l, bool *lonely, const joining *j, size_t n)
{
	uint32_t *of = aic_xcalloc(l->n, sizeof(*of));

	groups_after(of, l->n, j, n);
	if (groups_of_many(of, l->n) < 2) {
		free(of);
		return;
	}
	if (s->levels == 0)
		take_in_lonely(of, lonely, l);
	else
		follow(of, s->of[0], lonely, l->n);
	s->count[s->levels] = number(of, l->n);
	s->of[s->levels++] = of;
}

void aic_switches_find(aic_switches *s, const aic_links *l)
{
	*s = (aic_switches){.nodes = l->n};
	if (l->n < 2)
		return;
	joining *j = aic_xcalloc(l->n - 1, sizeof(*j));
	bool *lonely = aic_xcalloc(l->n, sizeof(*lonely));

	join_all(j, l);
	for (size_t i = 0; i + 2 < l->n && s->levels < AIC_SWITCH_LEVELS_MAX; i++)
		if (j[i + 1].latency >= AIC_SWITCH_LEAP * j[i].latency)
			add_level(s, l, lonely, j, i + 1);
	free(lonely);
	free(j);
}

size_t aic_link_class(const aic_switches *s, size_t a, size_t b)
{
	size_t level = 0;

	while (level < s->levels && s->of[level][a] != s->of[level][b])
		level++;
	return level;
}

/* --- what is usual --- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), by_value);
	return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static void median_and_spread(double *x, size_t n, double *middle, double *spread)
{
	*middle = median(x, n);
	for (size_t i = 0; i < n; i++)
		x[i] = fabs(x[i] - *middle);
	*spread = 1.4826 * median(x, n); /* https://en.wikipedia.org/wiki/Median_absolute_deviation */
}

void aic_links_usual(aic_link_usual usual[AIC_SWITCH_LEVELS_MAX + 1], const aic_links *l, const aic_switches *s)
{
	double *latency = aic_xcalloc(l->n * l->n + 1, sizeof(*latency)), *bandwidth = aic_xcalloc(l->n * l->n + 1, sizeof(*bandwidth));

	for (size_t class = 0; class <= s->levels; class++) {
		size_t n = 0;

		for (size_t a = 0; a < l->n; a++)
			for (size_t b = a + 1; b < l->n; b++) {
				const aic_link *x = aic_links_at(l, a, b);

				if (x->weight <= 0 || aic_link_class(s, a, b) != class)
					continue;
				latency[n] = x->latency_ns;
				bandwidth[n++] = x->bytes_per_s;
			}
		usual[class] = (aic_link_usual){.links = n};
		if (!n)
			continue;
		median_and_spread(latency, n, &usual[class].latency_ns, &usual[class].latency_spread_ns);
		median_and_spread(bandwidth, n, &usual[class].bytes_per_s, &usual[class].bytes_per_s_spread);
	}
	free(latency);
	free(bandwidth);
}

bool aic_link_is_worse(const aic_link *x, const aic_link_usual *u)
{
	if (x->weight <= 0 || u->links < AIC_CLASS_LEAST)
		return false;
	return (x->latency_ns > AIC_LINK_WORSE * u->latency_ns && x->latency_ns > u->latency_ns + AIC_LINK_SPREAD * u->latency_spread_ns) ||
	       (x->bytes_per_s * AIC_LINK_WORSE < u->bytes_per_s && x->bytes_per_s < u->bytes_per_s - AIC_LINK_SPREAD * u->bytes_per_s_spread);
}

/* --- order --- */

static const aic_switches *sorting; /* qsort has no argument for it */

static int by_switch(const void *pa, const void *pb)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;

	for (size_t level = sorting->levels; level-- > 0;)
		if (sorting->of[level][a] != sorting->of[level][b])
			return sorting->of[level][a] < sorting->of[level][b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

void aic_switches_order(size_t *order, const aic_switches *s)
{
	for (size_t i = 0; i < s->nodes; i++)
		order[i] = i;
	sorting = s;
	qsort(order, s->nodes, sizeof(*order), by_switch);
}

void aic_switches_free(aic_switches *s)
{
	for (size_t i = 0; i < s->levels; i++)
		free(s->of[i]);
	*s = (aic_switches){0};
}
