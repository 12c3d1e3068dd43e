/* links.h: what is known of the network between each two nodes: latency and bandwidth, measured again and again. A figure is the
 * mean of all measurements of the link, of which one counts half as much for every half life that it is older. */
#ifndef AIC_TOPOLOGY_LINKS_H
#define AIC_TOPOLOGY_LINKS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/record.h"

#define AIC_LINKS_NODES_MAX 4096
#define AIC_LINKS_HALF_LIFE 14      /* days */
#define AIC_LINKS_FORGET 10         /* half lives after which a link that was not measured again is forgotten */

typedef struct {
	double latency_ns, bytes_per_s;
	double weight;                  /* of all its measurements, as of `at`; 0: never measured */
	int64_t at;                     /* epoch seconds of the last one */
} aic_link;

typedef struct {
	size_t n;
	char (*name)[AIC_NAME_LEN];     /* ascending, numbers by value: n2 before n10 */
	aic_link *link;                 /* n * n, the same on both sides of the diagonal */
} aic_links;

static inline const aic_link *aic_links_at(const aic_links *l, size_t a, size_t b)
{
	return &l->link[a * l->n + b];
}

/* Reads doc/formats/links.md: what aic-links prints, whose links get the weight 1 and the time `at`, or a history. */
aic_code aic_links_parse(aic_links *l, const char *text, const char *path, int64_t at, aic_error *err);
void aic_links_write(aic_bytes *out, const aic_links *l);
/* `now` into `history`, which may be empty. half_life_s > 0. */
void aic_links_merge(aic_links *history, const aic_links *now, int64_t half_life_s, int64_t at);
void aic_links_free(aic_links *l);

#endif
