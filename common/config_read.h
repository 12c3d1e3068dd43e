/* config_read.h: helpers shared by config.c, config_etcd.c, config_rows.c, and policies (accounting/policy.c). Internal to them. */
#ifndef AIC_CONFIG_READ_H
#define AIC_CONFIG_READ_H

#include "common/config.h"
#include "common/yaml.h"

/* The map or list under key; NULL where the key is absent or has no value. */
aic_code aic_config_section(const aic_yaml_node *map, const char *key, aic_yaml_kind kind, const aic_yaml_node **out,
                            aic_error *err);
/* A name of letters, digits, '.', '_', '-'; `what` it is goes into the message. Refused where absent. */
aic_code aic_config_name(const aic_yaml_node *map, const char *key, const char *what, char out[AIC_NAME_LEN], aic_error *err);
/* Checks one such name that stands at `node`. */
aic_code aic_config_check_name(const aic_yaml_node *node, const char *what, const char *name, aic_error *err);
/* Index of the value among n names; *out stays where the key is absent. */
aic_code aic_config_choice(const aic_yaml_node *map, const char *key, const char *const *names, int n, int *out, aic_error *err);

/* A path that must be absolute where it is given. */
aic_code aic_config_path(const aic_yaml_node *map, const char *key, char out[AIC_PATH_LEN], aic_error *err);

/* ledger.etcd, with its defaults; `map` is "ledger". */
aic_code aic_config_etcd(aic_config *c, const aic_yaml_node *map, aic_error *err);

/* SCHEME://HOST:PORT and nothing after it. */
bool aic_config_is_endpoint(const char *url);
bool aic_config_is_secure(const char *url); /* https */
/* HOST:PORT, the port a number. */
bool aic_config_is_host_port(const char *text);
/* ledger.archive; `map` is "ledger". */
aic_code aic_config_archive(aic_config *c, const aic_yaml_node *map, aic_error *err);

/* datasets, over its defaults. */
aic_code aic_config_datasets(aic_config *c, const aic_yaml_node *root, aic_error *err);
/* train, over its defaults; after user. */
aic_code aic_config_train(aic_config *c, const aic_yaml_node *root, aic_error *err);
/* sessions, over its defaults. */
aic_code aic_config_sessions(aic_config *c, const aic_yaml_node *root, aic_error *err);
aic_code aic_config_review(aic_config *c, const aic_yaml_node *root, aic_error *err);

/* rates, over defaults that *c has already. */
aic_code aic_config_rates(aic_config *c, const aic_yaml_node *root, aic_error *err);

/* Sections of rows. */
aic_code aic_config_providers(aic_config *c, const aic_yaml_node *root, aic_error *err);
aic_code aic_config_accounts(aic_config *c, const aic_yaml_node *root, aic_error *err);
aic_code aic_config_assets(aic_config *c, const aic_yaml_node *root, aic_error *err);

#endif
