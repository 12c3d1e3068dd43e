/* genesis.h: how a ledger begins: parameters, member sites and the first wallets, from genesis.yaml (etc/genesis.yaml is the
 * commented example). Its canonical CBOR is block 0; SHA-256 of that is the chain id. */
#ifndef AIC_LEDGER_GENESIS_H
#define AIC_LEDGER_GENESIS_H

#include "common/bytes.h"
#include "common/yaml.h"
#include "ledger/custody.h"
#include "ledger/state/state.h"

typedef struct {
	aic_address address;
	uint8_t custodian[AIC_PUBLIC_LEN]; /* first key of the site that keeps it */
	aic_id organisation;
	aic_amount amount;
	uint64_t locked_until;
} aic_genesis_wallet;

typedef struct {
	char name[64];
	aic_parameters parameters;
	aic_amount total;                  /* minted + a_max: the most that there can ever be */
	size_t n_members;
	uint8_t (*member)[AIC_PUBLIC_LEN]; /* ascending */
	size_t n_wallets;
	aic_genesis_wallet *wallet;        /* ascending by address */
} aic_genesis;

/* `parameters:` of a YAML document, over the defaults; map NULL leaves them. Not checked yet: aic_parameters_check. */
aic_code aic_parameters_load(aic_parameters *p, const aic_yaml_node *map, aic_error *err);

/* Rows that name a wallet of this site get their address from custody; `members` left out means this site alone. */
aic_code aic_genesis_load(aic_genesis *g, const char *path, aic_custody *custody, const aic_key *site_key, aic_error *err);
void aic_genesis_clear(aic_genesis *g);
void aic_genesis_encode(const aic_genesis *g, aic_bytes *out);
aic_code aic_genesis_decode(aic_genesis *g, const void *data, size_t len, aic_error *err);
aic_hash aic_genesis_chain(const void *data, size_t len);
/* The first rows of an empty state, committed as block 0. Checks parameters and sums. */
aic_code aic_genesis_apply(aic_state *s, const void *data, size_t len, aic_error *err);

#endif
