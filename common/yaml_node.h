/* yaml_node.h: the tree behind yaml.h. Internal to common/yaml*.c. */
#ifndef AIC_YAML_NODE_H
#define AIC_YAML_NODE_H

#include "common/yaml.h"

typedef struct {
	char *text;
	int line;
	bool asked;     /* a reader asked for it: it is known */
} aic_yaml_key_entry;

struct aic_yaml {
	char *name;     /* for messages */
	aic_yaml_node *root;
	const char *bytes; size_t len; /* while parsing only */
};

struct aic_yaml_node {
	aic_yaml_kind kind;
	int line;
	const aic_yaml *doc;
	char *text;                       /* scalar */
	size_t count, cap;
	aic_yaml_node **item;             /* list's items, map's values */
	aic_yaml_key_entry *key;          /* map's keys, count of them */
	struct {                          /* names that readers asked a map for, for the hint on an unknown key */
		char **known;
		size_t n_known;
	} use;
};

#endif
