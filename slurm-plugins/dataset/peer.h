/* peer.h: other nodes' aicnoded. */
#ifndef AIC_DATASET_PEER_H
#define AIC_DATASET_PEER_H

#include "common/config.h"
#include "common/rpc.h"
#include "slurm-plugins/dataset/stage.h"

#define AIC_PEERS_MAX 4      /* that are asked for one data set */

/* Connects to a node's aicnoded, by datasets.address. */
aic_code aic_peer_open(aic_rpc **rpc, const aic_config *c, const char *node, int timeout_ms, aic_error *err);

/* Up to AIC_PEERS_MAX sources, the one that answers fastest first: nodes other than `self` whose features say that they hold it, and
 * that do. Returns how many; none is no failure. The caller closes them. */
size_t aic_peers_find(aic_dataset_source source[AIC_PEERS_MAX], const aic_config *c, const char *self, const char *dataset,
                      const aic_hash *root);
void aic_peers_close(aic_dataset_source *source, size_t n);

/* The nodes with the feature of a data set, of lines "NODE|FEATURES" that sinfo prints; *node is an array of n strings, each and itself
 * malloc'ed. */
void aic_peers_parse(char ***node, size_t *n, const char *lines, const char *dataset);
/* Asks sinfo. */
aic_code aic_peers_list(char ***node, size_t *n, const char *dataset, aic_error *err);

#endif
