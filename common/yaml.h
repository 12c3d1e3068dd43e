/* yaml.h: a YAML document as a tree with line numbers, over libyaml; for aic.yaml, genesis.yaml and model specs.
 *
 * Readers ask for what they know and then call aic_yaml_unknown() for each map, so that a key that nobody asked for is a
 * mistake with its line. Anchors and aliases are refused; nesting at most 32 deep; a file at most 16 MiB. */
#ifndef AIC_YAML_H
#define AIC_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/amount.h"
#include "common/error.h"

typedef struct aic_yaml aic_yaml;            /* a document: owns everything below */
typedef struct aic_yaml_node aic_yaml_node;  /* borrowed */

aic_code aic_yaml_load(aic_yaml **y, const char *path, aic_error *err);
aic_code aic_yaml_parse(aic_yaml **y, const char *name, const char *text, size_t len, aic_error *err);
void aic_yaml_free(aic_yaml *y);
const aic_yaml_node *aic_yaml_root(const aic_yaml *y);

typedef enum { AIC_YAML_SCALAR, AIC_YAML_LIST, AIC_YAML_MAP } aic_yaml_kind;
aic_yaml_kind aic_yaml_kind_of(const aic_yaml_node *n);
int aic_yaml_line(const aic_yaml_node *n);
/* AIC_USAGE with "FILE:LINE: " before the message. */
aic_code aic_yaml_fail(const aic_yaml_node *n, aic_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

size_t aic_yaml_count(const aic_yaml_node *n);                            /* items of a list, pairs of a map; 0 for NULL */
const aic_yaml_node *aic_yaml_item(const aic_yaml_node *list, size_t i);
const char *aic_yaml_key(const aic_yaml_node *map, size_t i);             /* i-th key, for maps with free keys */
const aic_yaml_node *aic_yaml_value(const aic_yaml_node *map, size_t i);  /* its value (marks it as asked for) */
const aic_yaml_node *aic_yaml_get(const aic_yaml_node *map, const char *key); /* NULL if absent (or map is NULL); marks it */
const char *aic_yaml_text(const aic_yaml_node *scalar);                   /* borrowed; NULL if it is no scalar */

/* Typed getters: absent keys leave *out as it is and return AIC_OK; a wrong type or range fails with file, line, key. */
aic_code aic_yaml_get_text(const aic_yaml_node *map, const char *key, char *out, size_t size, aic_error *err);
aic_code aic_yaml_get_uint(const aic_yaml_node *map, const char *key, uint64_t *out, uint64_t min, uint64_t max, aic_error *err);
aic_code aic_yaml_get_bool(const aic_yaml_node *map, const char *key, bool *out, aic_error *err);
aic_code aic_yaml_get_amount(const aic_yaml_node *map, const char *key, aic_amount *out, aic_error *err);
aic_code aic_yaml_get_double(const aic_yaml_node *map, const char *key, double *out, double min, double max, aic_error *err);
/* Fails with the line of the first key of the map that nobody asked for, naming the nearest known one if given. */
aic_code aic_yaml_unknown(const aic_yaml_node *map, aic_error *err);

#endif
