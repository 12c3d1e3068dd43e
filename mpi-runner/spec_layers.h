/* spec_layers.h: the list of layers of a model. */
#ifndef AIC_SPEC_LAYERS_H
#define AIC_SPEC_LAYERS_H

#include "mpi-runner/spec.h"

/* Reads `layers:`; fills s->layer and s->layers. */
aic_code aic_spec_read_layers(aic_spec *s, const aic_yaml_node *model, aic_error *err);

#endif
