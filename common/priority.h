/* priority.h: what AIC adds to a job's priority in Slurm (site_factor/aic): points for the paying wallet's rating, and for data
 * that are warm on a node. The one home of the formula and of its parameters. */
#ifndef AIC_PRIORITY_H
#define AIC_PRIORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define AIC_PRIORITY_MAX 1000000 /* of each parameter */
#define AIC_DATA_FEATURE "aic-data-" /* how the features of nodes that hold data sets begin */

typedef struct {
	uint32_t rating;             /* points at a rating of 1; a newcomer has half of them [1000] */
	uint32_t warm;               /* points where a node holds the job's data set [500] */
} aic_priority_weights;

/* PrioritySiteFactorParameters=rating=N,warm=N (NULL or "" for the defaults). AIC_USAGE names what is wrong. */
aic_code aic_priority_parse(aic_priority_weights *w, const char *params, aic_error *err);
/* floor(rating * rating_ppm / 10^6) + (warm ? warm : 0): from 0 to the sum of both weights. A rating above 1 counts as 1. */
uint32_t aic_priority_points(const aic_priority_weights *w, uint64_t rating_ppm, bool warm);
/* "aic-data-NAME": the feature of nodes that hold a data set; what Slurm's expressions use becomes '_'. buf has size bytes. */
char *aic_priority_feature(char *buf, size_t size, const char *dataset);

#endif
