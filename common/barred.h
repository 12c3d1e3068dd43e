/* barred.h: the file by which aicacctd tells the allocator which nodes are not lent: a training that the site ran there was refuted, and
 * no administrator has cleared the node since. Beside the snapshot, written anew each time (aic_file_write_atomic), 0640, Slurm's group:
 *
 *     aic-barred 1
 *     NODE SINCE REASON        a line each, by node; SINCE in seconds since the epoch, REASON to the line's end */
#ifndef AIC_BARRED_H
#define AIC_BARRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/error.h"

typedef struct {
	char node[AIC_NAME_LEN], reason[256];
	int64_t since;
} aic_barred_node;

typedef struct {
	size_t n;
	aic_barred_node *node;
} aic_barred;

aic_code aic_barred_path(char path[AIC_PATH_LEN], const aic_config *c, aic_error *err);
void aic_barred_encode(aic_bytes *out, const aic_barred *b);
/* No file: none is barred. AIC_CORRUPT names the file and the line. Free with aic_barred_free, after a failure too. */
aic_code aic_barred_load(aic_barred *b, const aic_config *c, aic_error *err);
void aic_barred_free(aic_barred *b);
/* Grows the array by doubling. */
void aic_barred_add(aic_barred *b, const char *node, int64_t since, const char *reason);
/* NULL where it may be lent. */
const aic_barred_node *aic_barred_find(const aic_barred *b, const char *node);

#endif
